"""The ledger of meters in the store: appended to, read in order, dropped from its old end. See `meters/chain.py`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import func, insert, select, tuple_, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from poller.central.meters import chain
from poller.central.meters.chain import Entry, Head, Meter, Row
from poller.central.store.database import Database
from poller.central.store.tables import ledger, meter

_ROWS_AT_ONCE = 2000


async def append(database: Database, of: str, entries: Sequence[Entry], *, now_utc: datetime) -> Head:
    """Append *entries* to an account's chain in a transaction of their own; returns its new head. Raises UnavailableError."""
    await database.ensure_months([("meter", now_utc)])
    async with database.writing() as db:
        return await append_in(db, of, entries, now_utc=now_utc)


async def append_in(db: AsyncConnection, of: str, entries: Sequence[Entry], *, now_utc: datetime) -> Head:
    """Append within a transaction there is already; the caller has called `Database.ensure_months` for "meter" and *now_utc*.

    Others who append to the same account wait until it ends. Times never go back along a chain, whatever clocks do: it is dropped by them.
    """
    head, last_utc = await _lock(db, of)
    now_utc = now_utc.replace(microsecond=now_utc.microsecond // 1000 * 1000)
    appended_utc = now_utc if last_utc is None else max(now_utc, last_utc)
    rows = chain.append(head, entries, appended_utc=appended_utc)
    if not rows:
        return head
    await db.execute(insert(meter), [_values(of, row) for row in rows])
    head = chain.head_of(rows[-1])
    changed = {"number": head.number, "hash": head.hash, "appended_utc": appended_utc}
    await db.execute(update(ledger).where(ledger.c.account == of).values(**changed))
    return head


async def head(db: AsyncConnection, of: str) -> Head:
    """Return the end of an account's chain."""
    row = (await db.execute(select(ledger.c.number, ledger.c.hash).where(ledger.c.account == of))).one_or_none()
    return chain.genesis(of) if row is None else Head(number=row.number, hash=row.hash)


async def floor(db: AsyncConnection, of: str) -> Head:
    """Return where an account's chain begins now: the last entry that was dropped when its retention ended."""
    row = (await db.execute(select(ledger.c.floor_number, ledger.c.floor_hash).where(ledger.c.account == of))).one_or_none()
    return chain.genesis(of) if row is None else Head(number=row.floor_number, hash=row.floor_hash)


async def rows(db: AsyncConnection, of: str, *, after: int | None = None) -> AsyncIterator[Row]:
    """Yield every row that names an account, or those after a number, as they were appended: also what should not be there.

    Times never go back along a chain, so this is the order of numbers and of the key: a page costs the same however long the chain is.
    """
    place = (meter.c.appended_utc, meter.c.number)
    query = select(meter).where(meter.c.account == of).order_by(*place).limit(_ROWS_AT_ONCE)
    query = query if after is None else query.where(meter.c.number > after)
    found = (await db.execute(query)).mappings().all()
    while found:
        for values in found:
            yield _row(values)
        if len(found) < _ROWS_AT_ONCE:
            return
        last = found[-1]
        found = (await db.execute(query.where(tuple_(*place) > (last["appended_utc"], last["number"])))).mappings().all()


async def of_device(db: AsyncConnection, of: str, device: str, *, first: date, end: date) -> list[Row]:
    """Return what the ledger says of a device's days from *first* to before *end*, in the order it was appended.

    Nothing is appended before its day has begun, anywhere on Earth: months before that are not looked at. Only what stands between the two
    ends of the chain counts: a row that somebody put beside it is in no bill, whatever it says.
    """
    begun_utc = datetime.combine(first, time(), tzinfo=UTC) - timedelta(days=1)
    ends = (ledger.c.account == meter.c.account) & (meter.c.number > ledger.c.floor_number) & (meter.c.number <= ledger.c.number)
    mine = (meter.c.account == of) & (meter.c.device == device) & (meter.c.day >= first) & (meter.c.day < end)
    mine &= meter.c.appended_utc >= begun_utc
    query = select(meter).join(ledger, ends).where(mine).order_by(meter.c.number)
    return [_row(values) for values in (await db.execute(query)).mappings()]


async def move_floors(db: AsyncConnection, before_utc: datetime) -> None:
    """Note for each account the last entry appended before a time, which is about to be dropped with all before it."""
    last = (
        select(meter.c.account, func.max(meter.c.number).label("number"))
        .where(meter.c.appended_utc < before_utc)
        .group_by(meter.c.account)
        .subquery()
    )
    mine = (meter.c.account == last.c.account) & (meter.c.number == last.c.number) & (meter.c.appended_utc < before_utc)
    for row in (await db.execute(select(meter.c.account, meter.c.number, meter.c.hash).join_from(meter, last, mine))).all():
        values = {"floor_number": row.number, "floor_hash": row.hash}
        await db.execute(update(ledger).where(ledger.c.account == row.account, ledger.c.floor_number < row.number).values(**values))


async def _lock(db: AsyncConnection, of: str) -> tuple[Head, datetime | None]:
    """Return the head of a chain nobody else can append to before this transaction ends, and when it was appended."""
    query = select(ledger).where(ledger.c.account == of).with_for_update()
    found = (await db.execute(query)).mappings().one_or_none()
    if found is None:
        start = chain.genesis(of)
        values = {"number": 0, "hash": start.hash, "floor_number": 0, "floor_hash": start.hash}
        try:
            async with db.begin_nested():
                await db.execute(insert(ledger).values(account=of, appended_utc=datetime.fromtimestamp(0, tz=UTC), **values))
        except IntegrityError:
            pass  # another was first, and has ended by now
        found = (await db.execute(query)).mappings().one()
    return Head(number=found["number"], hash=found["hash"]), found["appended_utc"]


def _values(of: str, row: Row) -> dict[str, Any]:
    entry = row.entry
    values = {name: getattr(entry, name) for name in entry.__struct_fields__ if name != "meters"}
    meters = [[one.cell, one.count, one.total] for one in entry.meters]
    return values | {"account": of, "number": row.number, "appended_utc": row.appended_utc, "hash": row.hash, "meters": meters}


def _row(values: Any) -> Row:
    facts = {name: values[name] for name in Entry.__struct_fields__ if name != "meters"}
    entry = Entry(**facts, meters=tuple(Meter(cell=cell, count=count, total=total) for cell, count, total in values["meters"]))
    return Row(number=values["number"], appended_utc=values["appended_utc"], entry=entry, hash=values["hash"])
