"""Meters in the database: where devices stand, how far days are closed, and the readings meters are made from.

The ledger itself is `ledger.py`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import msgspec
from sqlalchemy import func, or_, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from poller.central.meters.chain import Entry, Row
from poller.central.meters.samples import Sample, sequence_of
from poller.central.meters.standing import Standing
from poller.central.store.devices import ASKED_MAX
from poller.central.store.inventory import TEXT_CHARACTERS_MAX, device, sighting
from poller.central.store.personal import Personal
from poller.central.store.standings import closing, evidence, growth, standing
from poller.central.store.tables import batch, content, line, site
from poller.model import Value
from poller.sealing import zstd

CONTENTS_AT_ONCE = 50
ID_BEGINS_MIN = 4
"""Letters of an id that may stand for it: a decision about the only device that begins with d- is a slip of the hand."""
RAW_LINES_MAX = 5000
"""Of one device, to be looked at again for a decision: half a year of them, far more than are kept."""


_UNCOUNTED = ("joined", "merged", "ignored")


class Kept(Value, frozen=True, kw_only=True):
    """A device's row: how far it is closed, where it stands (None before its first reading), and readings of days not closed yet."""

    closed: date
    standing: Standing | None = None
    waiting: tuple[Sample, ...] = ()


class Closing(Value, frozen=True, kw_only=True):
    """How far the days of one time zone of an account are closed."""

    closed: date | None
    until_utc: datetime | None
    leased_until_utc: datetime | None


class Place(Value, frozen=True, kw_only=True):
    """What a close needs to know of a device."""

    model: str
    zone: str


class _Body(Value, frozen=True, kw_only=True):
    standing: Standing | None
    waiting: tuple[Sample, ...]


_decode = msgspec.json.Decoder(_Body).decode
_encode = msgspec.json.Encoder().encode

# --- where devices stand ---------------------------------------------------------------------------------------------------


async def load(db: AsyncConnection, of: str, devices: Collection[str], *, for_update: bool = False) -> dict[str, Kept]:
    """Return the rows of these devices."""
    found = {}
    names = sorted(devices)
    for at in range(0, len(names), ASKED_MAX):
        query = select(standing).where(standing.c.account == of, standing.c.device.in_(names[at : at + ASKED_MAX]))
        for row in (await db.execute(query.with_for_update() if for_update else query)).mappings():
            body = _decode(row["body"])
            found[row["device"]] = Kept(closed=row["closed"], standing=body.standing, waiting=body.waiting)
    return found


async def save(db: AsyncConnection, of: str, changed: Mapping[str, Kept]) -> None:
    """Insert or change rows."""
    rows = []
    for name, one in sorted(changed.items()):
        odd = None if one.standing is None else one.standing.suspicion
        rows.append(
            {
                "account": of,
                "device": name,
                "closed": one.closed,
                "is_due": bool(one.waiting) or (odd is not None and not odd.is_held),
                "held_utc": odd.kept[0].taken_utc if odd is not None and odd.is_held else None,
                "body": _encode(_Body(standing=one.standing, waiting=one.waiting)),
            }
        )
    await _upsert(db, standing, rows, ("account", "device"))


async def due(db: AsyncConnection, of: str) -> list[str]:
    """Return the devices a close looks at though nothing new came of them."""
    query = select(standing.c.device).where(standing.c.account == of, standing.c.is_due.is_(True))
    return list((await db.execute(query.order_by(standing.c.device))).scalars())


async def held(db: AsyncConnection, of: str | None = None, *, rows_max: int) -> list[dict[str, Any]]:
    """Return the devices a person is asked about, those that wait longest first: account, device, site, model, serial, standing.

    Not those whose counts are nobody's meter any more: parts of others, and what was said to be none of ours.
    """
    its = (device.c.account == standing.c.account) & (device.c.device == standing.c.device)
    query = (
        select(standing.c.account, standing.c.device, standing.c.body, device.c.site, device.c.model, device.c.serial)
        .outerjoin_from(standing, device, its)
        .where(standing.c.held_utc.is_not(None), func.coalesce(device.c.state, "").not_in(_UNCOUNTED))
        .order_by(standing.c.held_utc, standing.c.account, standing.c.device)
        .limit(rows_max)
    )
    if of is not None:
        query = query.where(standing.c.account == of)
    rows = [dict(row) for row in (await db.execute(query)).mappings()]
    return [row | {"standing": _decode(row.pop("body")).standing} for row in rows]


async def count_held(db: AsyncConnection) -> tuple[int, datetime | None]:
    """Return how many devices of all accounts a person is asked about, and since when about the one that waits longest."""
    row = (await db.execute(select(func.count(), func.min(standing.c.held_utc)).where(standing.c.held_utc.is_not(None)))).one()
    return row[0], row[1]


async def places(db: AsyncConnection, of: str, name: str | None = None) -> dict[str, Place]:
    """Return model and time zone of every device of an account that counts for itself, or of one."""
    its = (site.c.account == device.c.account) & (site.c.site == device.c.site)
    query = (
        select(device.c.device, device.c.model, site.c.time_zone)
        .join_from(device, site, its)
        .where(device.c.account == of, device.c.state.not_in(_UNCOUNTED))
    )
    if name is not None:
        query = query.where(device.c.device == name)
    return {
        row.device: Place(model=(row.model or "")[:TEXT_CHARACTERS_MAX], zone=row.time_zone or "UTC") for row in await db.execute(query)
    }


# --- how far days are closed -----------------------------------------------------------------------------------------------


async def zones(db: AsyncConnection) -> list[tuple[str, str]]:
    """Return the time zones in which each account that ever received something has sites, as (account, zone)."""
    query = select(site.c.account, func.coalesce(site.c.time_zone, "UTC")).distinct()
    return sorted((row[0], row[1]) for row in await db.execute(query))


async def set_zone(db: AsyncConnection, of: str, name: str, zone: str) -> bool:
    """Set a site's time zone; False where there is no such site.

    What its devices sent and the days of the old zone have not taken in yet, those of the new one take: where that is further on, because
    other sites have it, it looks at the same time once more. Readings it knows change nothing.
    """
    mine = (site.c.account == of) & (site.c.site == name)
    row = (await db.execute(select(func.coalesce(site.c.time_zone, "UTC").label("zone")).where(mine))).one_or_none()
    if row is None:
        return False
    await db.execute(update(site).where(mine).values(time_zone=zone))
    known = await closings(db, of)
    left_utc = known[row.zone].until_utc if row.zone in known else None
    goes_utc = known[zone].until_utc if zone in known else None
    if left_utc is not None and goes_utc is not None and left_utc < goes_utc:
        await lock_closing(db, of, zone)
        await move_closing(db, of, zone, until_utc=left_utc)
    return True


async def closings(db: AsyncConnection, of: str) -> dict[str, Closing]:
    """Return how far each zone of an account is closed."""
    return {row["zone"]: _closing(row) for row in (await db.execute(select(closing).where(closing.c.account == of))).mappings()}


async def lock_closing(db: AsyncConnection, of: str, zone: str) -> Closing:
    """Return how far a zone is closed, kept from others until the end of the transaction."""
    insert: Any = _insert(db, closing).values(account=of, zone=zone).on_conflict_do_nothing()
    await db.execute(insert)
    query = select(closing).where(closing.c.account == of, closing.c.zone == zone).with_for_update()
    return _closing((await db.execute(query)).mappings().one())


async def move_closing(db: AsyncConnection, of: str, zone: str, **values: Any) -> None:
    await db.execute(update(closing).where(closing.c.account == of, closing.c.zone == zone).values(**values))


async def first_received(db: AsyncConnection, of: str) -> datetime | None:
    """Return when the oldest batch that is still there was received."""
    found: datetime | None = await db.scalar(select(func.min(content.c.received_utc)).where(content.c.account == of))
    return found


async def lines_between(db: AsyncConnection, of: str, after_utc: datetime, until_utc: datetime) -> int:
    """Return how many lines were received after one time and until another."""
    mine = (batch.c.account == of) & (batch.c.received_utc > after_utc) & (batch.c.received_utc <= until_utc)
    return int(await db.scalar(select(func.coalesce(func.sum(batch.c.lines), 0)).where(mine)) or 0)


async def contents(db: AsyncConnection, of: str, after_utc: datetime, until_utc: datetime) -> AsyncIterator[list[Any]]:
    """Yield what was received after one time and until another, in that order, some batches at a time: rows of `content`."""
    key = (content.c.received_utc, content.c.agent, content.c.number)
    mine = (content.c.account == of) & (content.c.received_utc > after_utc) & (content.c.received_utc <= until_utc)
    query = select(*key, content.c.plain_bytes, content.c.body).where(mine).order_by(*key).limit(CONTENTS_AT_ONCE)
    rows = list(await db.execute(query))
    while rows:
        yield rows
        if len(rows) < CONTENTS_AT_ONCE:
            return
        last = rows[-1]
        beyond = or_(
            content.c.received_utc > last.received_utc,
            (content.c.received_utc == last.received_utc) & (tuple_(*key[1:]) > (last.agent, last.number)),
        )
        rows = list(await db.execute(query.where(beyond)))


async def raw_lines(
    db: AsyncConnection, of: str, name: str, personal: Personal, begin_utc: datetime, end_utc: datetime
) -> list[tuple[str, int, datetime, bytes]]:
    """Return a device's lines made from one time to before another, as far as they are kept: agent, sequence, received, line."""
    from poller.central.devices.recognition import kept_printer

    met = (await db.execute(select(sighting.c.agent, sighting.c.printer).where(sighting.c.account == of, sighting.c.device == name))).all()
    window = (line.c.account == of) & (line.c.taken_utc >= begin_utc) & (line.c.taken_utc < end_utc) & (line.c.type == "reading")
    wanted = {(row.agent, row.printer) for row in met}
    in_clear = sorted({printer for _, printer in wanted if printer.startswith("serial:") and "#" not in printer})
    told: set[tuple[str, str]] = {(agent, printer) for agent, printer in wanted if printer in in_clear}
    if len(told) < len(wanted):  # known by a hash: those the agents sent are hashed once more, and compared
        agents = sorted({agent for agent, _ in wanted - told})
        query = select(line.c.agent, line.c.printer).where(window, line.c.agent.in_(agents), line.c.printer.is_not(None)).distinct()
        for agent, printer in await db.execute(query):
            if (agent, kept_printer(printer, agent, personal.blind)) in wanted:
                told.add((agent, printer))
    places_of: dict[tuple[str, int, datetime], list[int]] = {}
    for agent, printer in sorted(told):
        key = (line.c.agent, line.c.number, line.c.received_utc)
        mine = window & (line.c.agent == agent) & (line.c.printer == printer)
        newest_first = select(*key, line.c.position).where(mine).order_by(line.c.taken_utc.desc()).limit(RAW_LINES_MAX)
        for row in await db.execute(newest_first):
            places_of.setdefault((row.agent, row.number, row.received_utc), []).append(row.position)
    found = []
    for (agent, number, received_utc), positions in sorted(places_of.items()):
        one = (
            (content.c.account == of) & (content.c.received_utc == received_utc) & (content.c.agent == agent) & (content.c.number == number)
        )
        body = (await db.execute(select(content.c.plain_bytes, content.c.body).where(one))).one_or_none()
        if body is not None:
            lines = zstd.decompress(body.body, size=body.plain_bytes).splitlines()
            found += [(agent, sequence_of(number, at), received_utc, lines[at]) for at in positions]
    return found


# --- what is plausible, what decisions rest on -----------------------------------------------------------------------------


async def tallies(db: AsyncConnection, of: str) -> dict[tuple[str, str], list[int]]:
    """Return what was learned of an account's models, by model and cell."""
    rows = await db.execute(select(growth.c.model, growth.c.cell, growth.c.tally).where(growth.c.account == of))
    return {(row.model, row.cell): row.tally for row in rows}


async def save_tallies(db: AsyncConnection, of: str, learned: Mapping[tuple[str, str], Sequence[int]]) -> None:
    rows = [{"account": of, "model": model, "cell": cell, "tally": list(tally)} for (model, cell), tally in sorted(learned.items())]
    await _upsert(db, growth, rows, ("account", "model", "cell"))


async def keep_evidence(db: AsyncConnection, of: str, digest: str, text: str, personal: Personal, *, now_utc: datetime) -> None:
    """Keep what a decision rests on; the same text once."""
    sealed = personal.seal("evidence", digest, {"text": text})
    insert: Any = _insert(db, evidence).values(account=of, hash=digest, kept_utc=now_utc, personal=sealed)
    await db.execute(insert.on_conflict_do_nothing())


async def read_evidence(db: AsyncConnection, of: str, digest: str, personal: Personal) -> str | None:
    """Return the text with that hash; None where there is none. Raises SealError once the account is erased."""
    sealed = await db.scalar(select(evidence.c.personal).where(evidence.c.account == of, evidence.c.hash == digest))
    return personal.open("evidence", digest, sealed).get("text")


async def find_device(db: AsyncConnection, of: str, begin: str) -> list[str]:
    """Return the devices that count for themselves whose id begins so, or whose serial, device or inventory number it is."""
    mine = or_(
        device.c.device.startswith(begin, autoescape=True) if len(begin) >= ID_BEGINS_MIN else device.c.device == begin,
        func.upper(device.c.serial) == begin.upper(),
        device.c.device_number == begin,
        device.c.inventory_number == begin,
    )
    whole = device.c.state.not_in(("joined", "merged"))
    query = select(device.c.device).where(device.c.account == of, mine, whole).order_by(device.c.device).limit(20)
    return list((await db.execute(query)).scalars())


def in_force(rows: Iterable[Row]) -> dict[date, Entry]:
    """Return the meter that is in force on each day: of several of one day the one appended last. *rows* are of one device, in order."""
    return {row.entry.day: row.entry for row in rows if row.entry.kind == "meter"}


# --- small ways ------------------------------------------------------------------------------------------------------------


def _closing(row: Any) -> Closing:
    return Closing(closed=row["closed"], until_utc=row["until_utc"], leased_until_utc=row["leased_until_utc"])


def _insert(db: AsyncConnection, table: Any) -> Any:
    return (postgresql if db.dialect.name == "postgresql" else sqlite).insert(table)


async def _upsert(db: AsyncConnection, table: Any, rows: list[dict[str, Any]], keys: tuple[str, ...]) -> None:
    if not rows:
        return
    statement = _insert(db, table)
    changed = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    await db.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed), rows)
