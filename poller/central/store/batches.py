"""Batches and their lines: once out of at-least-once, several in one transaction.

Nothing of a batch is here before all of it is. The same number with the same bytes is a duplicate, with other bytes a conflict: what was
there first stays. PostgreSQL's way is in `copying`, fewer round trips for the same rows; a test holds them together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from poller.central.store import agents, copying, settings
from poller.central.store.database import Database
from poller.central.store.tables import batch, content, fresh, line
from poller.sealing import zstd

Result = Literal["stored", "duplicate", "conflict", "revoked"]


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one line; see `tables.line`."""

    type: str | None = None
    printer: str | None = None
    taken_utc: datetime | None = None
    mark: str | None = None
    fault: str | None = None


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """A batch that was opened and read. `packed` are its lines, each with its newline, as one zstd frame of `plain_bytes`."""

    account: str
    site: str
    agent: str
    number: int
    digest: bytes
    size_bytes: int
    rows: Sequence[Row]
    plain_bytes: int
    packed: bytes
    received_utc: datetime

    @property
    def unreadable(self) -> int:
        return sum(row.fault is not None for row in self.rows)


class Outcome(msgspec.Struct, frozen=True):
    """What an arrival was, and the version of settings its agent is to go by. Nothing is kept of one whose agent is `revoked`."""

    result: Result
    settings: int = 0


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """The lines of a batch as they came."""

    account: str
    agent: str
    number: int
    received_utc: datetime
    lines: list[bytes]


async def store(database: Database, arrivals: Sequence[Arrival]) -> list[Outcome]:
    """Store *arrivals* in one transaction, and return what each was, in their order. Raises UnavailableError.

    Raises IntegrityError, or the driver's like, when the rows of one of them cannot be stored; then none is.
    """
    if database.is_sqlite:
        async with database.writing() as db:
            return [await _store_one(db, one) for one in arrivals]
    await database.ensure_months({(name, one.received_utc) for one in arrivals for name in ("content", "line")})
    async with database.copying() as connection:
        found = await copying.store(connection, arrivals)
    return [Outcome(result, version) for result, version in found]


async def _store_one(db: AsyncConnection, one: Arrival) -> Outcome:
    if not await agents.update_agent(db, one.account, one.agent, seen_utc=one.received_utc, batch_utc=one.received_utc):
        return Outcome("revoked")
    mine = (batch.c.account == one.account) & (batch.c.agent == one.agent) & (batch.c.number == one.number)
    known: bytes | None = await db.scalar(select(batch.c.digest).where(mine))
    if known is None:
        await _insert(db, one)
    result: Result = "stored" if known is None else "duplicate" if known == one.digest else "conflict"
    return Outcome(result, await settings.newest(db, one.account, site=one.site, agent=one.agent))


async def _insert(db: AsyncConnection, one: Arrival) -> None:
    place = {"account": one.account, "received_utc": one.received_utc, "agent": one.agent, "number": one.number}
    await db.execute(
        insert(batch).values(**place, digest=one.digest, lines=len(one.rows), unreadable=one.unreadable, size_bytes=one.size_bytes)
    )
    await db.execute(insert(fresh).values(**place))
    await db.execute(insert(content).values(**place, plain_bytes=one.plain_bytes, body=one.packed))
    values: list[dict[str, Any]] = [place | {"position": position} | msgspec.structs.asdict(row) for position, row in enumerate(one.rows)]
    await db.execute(insert(line), values)


async def counts(db: AsyncConnection, of: str) -> dict[str, int]:
    """Return how many batches and lines of an account are here."""
    batches = await db.scalar(select(func.count()).select_from(batch).where(batch.c.account == of))
    lines = await db.scalar(select(func.count()).select_from(line).where(line.c.account == of))
    return {"batches": batches or 0, "lines": lines or 0}


async def bytes_since(db: AsyncConnection, accounts: Iterable[str], since_utc: datetime) -> dict[str, int]:
    """Return how many bytes of lines each of *accounts* sent since then; one that sent none is left out."""
    mine = (content.c.account.in_(list(accounts)), content.c.received_utc >= since_utc)
    query = select(content.c.account, func.sum(content.c.plain_bytes)).where(*mine).group_by(content.c.account)
    return {of: int(count_bytes) for of, count_bytes in await db.execute(query)}


async def load(db: AsyncConnection, of: str, agent: str, number: int) -> Content | None:
    """Return the lines of a batch as they came; None for one that is not here, or whose time is over."""
    mine = (batch.c.account == of) & (batch.c.agent == agent) & (batch.c.number == number)
    received_utc = await db.scalar(select(batch.c.received_utc).where(mine))
    if received_utc is None:
        return None
    found = await _contents(db, [(of, received_utc, agent, number)])
    return found[0] if found else None


async def printer_lines(
    db: AsyncConnection, of: str, printer: str, *, since_utc: datetime, until_utc: datetime, rows_max: int
) -> list[bytes]:
    """Return the lines of a printer that were received between two times, by the time they were taken.

    The time of arrival is what the months are divided by: between two times only theirs are looked at.
    """
    mine = (line.c.account == of) & (line.c.printer == printer) & (line.c.received_utc >= since_utc) & (line.c.received_utc < until_utc)
    query = select(line.c.received_utc, line.c.agent, line.c.number, line.c.position).where(mine).order_by(line.c.taken_utc).limit(rows_max)
    rows = (await db.execute(query)).all()
    places = list(dict.fromkeys((of, row.received_utc, row.agent, row.number) for row in rows))
    by_place = {(one.agent, one.number): one.lines for one in await _contents(db, places)}
    return [by_place[row.agent, row.number][row.position] for row in rows]


async def take_fresh(db: AsyncConnection, of: str, *, batches_max: int) -> list[Content]:
    """Return the batches of an account that are in no daily row yet, and count them as being in one from this transaction's commit on."""
    query = select(fresh).where(fresh.c.account == of).order_by(fresh.c.received_utc).limit(batches_max)
    rows = (await db.execute(query)).all()
    for row in rows:
        mine = (fresh.c.account == of) & (fresh.c.agent == row.agent) & (fresh.c.number == row.number)
        await db.execute(delete(fresh).where(mine))
    return await _contents(db, [(of, row.received_utc, row.agent, row.number) for row in rows])


async def fresh_accounts(db: AsyncConnection) -> list[str]:
    """Return the accounts that have such batches."""
    return list((await db.execute(select(fresh.c.account).distinct().order_by(fresh.c.account))).scalars())


async def _contents(db: AsyncConnection, places: Sequence[tuple[str, datetime, str, int]]) -> list[Content]:
    found = []
    for of, received_utc, agent, number in places:
        mine = (
            (content.c.account == of) & (content.c.received_utc == received_utc) & (content.c.agent == agent) & (content.c.number == number)
        )
        row = (await db.execute(select(content.c.plain_bytes, content.c.body).where(mine))).one_or_none()
        if row is not None:
            lines = zstd.decompress(row.body, size=row.plain_bytes).split(b"\n")[:-1]
            found.append(Content(account=of, agent=agent, number=number, received_utc=received_utc, lines=lines))
    return found
