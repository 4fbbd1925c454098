"""How far what is made from batches has come: of each account a cursor, and the batches of the last hour that are in already.

The cursor goes by the time of arrival. A batch that arrived earlier may be committed later, so those of the last hour before it are noted
one by one, and that hour is looked through again for batches that are not among them. The cursor's row is what several processes at the
same account find locked.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    ForeignKeyConstraint,
    Index,
    String,
    Table,
    and_,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from poller.central.store.tables import AGENT_ID_CHARACTERS_MAX, UtcTime, account_column, agent, content, metadata

OVERLAP = timedelta(hours=1)
"""How much later than others a batch that was received earlier may be committed: far more than a request, a lock and a disk may take."""
_FIRST_UTC = datetime(1970, 1, 1, tzinfo=UTC)


class Batch(NamedTuple):
    """Which batch, and how many bytes of lines it has."""

    agent: str
    number: int
    received_utc: datetime
    plain_bytes: int


class Cursor:
    """The tables `NAME_cursor` and `NAME_batch`. One that is *behind* another takes no batch that is not in there yet."""

    def __init__(self, name: str, *, behind: Cursor | None = None) -> None:
        self._behind = behind
        self.far = Table(
            f"{name}_cursor",
            metadata,
            account_column(),
            Column("received_utc", UtcTime, nullable=False, comment="of the newest batch that is in"),
            ForeignKeyConstraint(["account"], ["account.account"]),
        )
        self.done = Table(
            f"{name}_batch",
            metadata,
            account_column(),
            Column("agent", String(AGENT_ID_CHARACTERS_MAX), primary_key=True),
            Column("number", BigInteger, primary_key=True, autoincrement=False),
            Column("received_utc", UtcTime, nullable=False),
            Index(None, "account", "received_utc"),
        )

    async def accounts_due(self, db: AsyncConnection, *, is_looking_back: bool) -> list[str]:
        """Return the accounts that received a batch since their cursor; looking back, or in the last hour before it."""
        newest, far = func.max(agent.c.batch_utc), self.far.c.received_utc
        query = (
            select(agent.c.account, newest, far)
            .outerjoin(self.far, self.far.c.account == agent.c.account)
            .where(agent.c.batch_utc.is_not(None))
            .group_by(agent.c.account, far)
        )
        overlap = OVERLAP if is_looking_back else timedelta()
        return [of for of, newest_utc, far_utc in await db.execute(query) if far_utc is None or newest_utc > far_utc - overlap]

    async def lock(self, db: AsyncConnection, of: str) -> datetime | None:
        """Return how far an account is, kept from others until the end of the transaction; None when somebody is at it."""
        into: Any = (postgresql if db.dialect.name == "postgresql" else sqlite).insert(self.far)
        await db.execute(into.values(account=of, received_utc=_FIRST_UTC).on_conflict_do_nothing())
        found: datetime | None = await db.scalar(self._far_of(of).with_for_update(skip_locked=True))
        return found

    async def next(self, db: AsyncConnection, of: str, after_utc: datetime, *, batches_max: int, bytes_max: int) -> list[Batch]:
        """Return the oldest batches that are not in yet: so many, and of so many bytes, but one at least if there is one."""
        query = (
            select(content.c.agent, content.c.number, content.c.received_utc, content.c.plain_bytes)
            .where(content.c.account == of, content.c.received_utc >= _overlapping(after_utc), ~self._has(of))
            .order_by(content.c.received_utc, content.c.agent, content.c.number)
            .limit(batches_max)
        )
        if self._behind is not None:
            ahead_utc = await db.scalar(self._behind._far_of(of))
            if ahead_utc is None:
                return []
            query = query.where(or_(content.c.received_utc < _overlapping(ahead_utc), self._behind._has(of)))
        found: list[Batch] = []
        size = 0
        for row in await db.execute(query):
            if found and size + row.plain_bytes > bytes_max:
                break
            found.append(Batch(*row))
            size += row.plain_bytes
        return found

    async def move(self, db: AsyncConnection, of: str, before_utc: datetime, taken: Sequence[Batch]) -> datetime:
        """Note that these batches are in, and forget those so old that none can come before them. Returns how far that is."""
        after_utc = max(before_utc, *(one.received_utc for one in taken))
        rows = [{"account": of, "agent": one.agent, "number": one.number, "received_utc": one.received_utc} for one in taken]
        await db.execute(insert(self.done), rows)
        await db.execute(delete(self.done).where(self.done.c.account == of, self.done.c.received_utc < _overlapping(after_utc)))
        await db.execute(update(self.far).where(self.far.c.account == of).values(received_utc=after_utc))
        return after_utc

    async def count(self, db: AsyncConnection, of: str) -> int:
        """Return how many batches are noted: with how far it is, what tells whether somebody else moved it."""
        return await db.scalar(select(func.count()).select_from(self.done).where(self.done.c.account == of)) or 0

    def _far_of(self, of: str) -> Any:
        return select(self.far.c.received_utc).where(self.far.c.account == of)

    def _has(self, of: str) -> ColumnElement[bool]:
        done = self.done.c
        return exists().where(done.account == of, done.agent == content.c.agent, done.number == content.c.number)


async def bodies(db: AsyncConnection, of: str, batches: Sequence[Batch]) -> list[bytes]:
    """Return the lines of these batches in the same order, each as it is kept: one zstd frame."""
    these = or_(
        *(and_(content.c.received_utc == one.received_utc, content.c.agent == one.agent, content.c.number == one.number) for one in batches)
    )
    rows = await db.execute(select(content.c.agent, content.c.number, content.c.body).where(content.c.account == of, these))
    found = {(row.agent, row.number): row.body for row in rows}
    return [found[one.agent, one.number] for one in batches]


def _overlapping(after_utc: datetime) -> datetime:
    return max(after_utc - OVERLAP, _FIRST_UTC)


devices = Cursor("device")
jobs = Cursor("job")
