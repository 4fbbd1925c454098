"""What is kept how long, and its end: months dropped on PostgreSQL, rows deleted some at a time on SQLite."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any

from sqlalchemy import Table, delete, literal_column, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from poller.central.store import jobs, ledger, messages, partitions, requests, stock, watched
from poller.central.store.database import Database
from poller.central.store.tables import account, batch, meter
from poller.central.values import Retention

ROWS_AT_ONCE = 5000
_ROW_ID: Any = literal_column("rowid")  # every table of SQLite has one
_LOCK = 0x504F4C4E  # any number, as long as it is ours


async def prune(database: Database, retention: Retention, now_utc: datetime) -> dict[str, int]:
    """End what is over. Returns by table how many months, or on SQLite rows, are gone. Raises UnavailableError."""
    gone: dict[str, int] = {}
    tables = partitions.tables_by_month()
    if database.is_sqlite:
        for table in tables:
            kept_from = _begin(retention.kept_from(table.info["kept"], now_utc))
            gone[table.name] = await _delete(database, table, kept_from, has_floor=table is meter)
    else:
        async with database.writing() as db:
            if not await db.scalar(text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": _LOCK}):
                return gone  # another process is at it
            for month in sorted(await db.run_sync(partitions.existing)):
                kept_from_day = retention.kept_from(partitions.kept_of(month), now_utc)
                if month.end <= kept_from_day:
                    if month.table == meter.name:
                        await ledger.move_floors(db, _begin(month.end))
                    await db.run_sync(partitions.drop, month)
                    gone[month.table] = gone.get(month.table, 0) + 1
            database.forget_months()
    gone[batch.name] = await _delete_batches(database, _begin(retention.kept_from("daily", now_utc)))
    gone[jobs.job.name] = await jobs.prune(database, _begin(retention.kept_from("jobs", now_utc)))
    gone[requests.request.name] = await _end_requests(database, retention, now_utc)
    gone[messages.message.name] = await messages.prune(database, _begin(retention.kept_from("daily", now_utc)))
    return {name: count for name, count in gone.items() if count}


async def _delete(database: Database, table: Table, kept_from: datetime, *, has_floor: bool) -> int:
    column = table.c[table.info["by_month"]]
    end: Any = kept_from.date() if column.name == "day" else kept_from
    old = select(_ROW_ID).select_from(table).where(column < end).limit(ROWS_AT_ONCE)
    count = 0
    while True:
        async with database.writing() as db:
            if has_floor:
                await ledger.move_floors(db, kept_from)
            done = (await db.execute(delete(table).where(_ROW_ID.in_(old)))).rowcount
        count += done
        if done < ROWS_AT_ONCE:
            return count


async def _end_requests(database: Database, retention: Retention, now_utc: datetime) -> int:
    """Delete requests that are long done, join old changes of stock, forget the supplies of devices that are heard no more."""
    kept_from, heard_from = _begin(retention.kept_from("jobs", now_utc)), _begin(retention.kept_from("daily", now_utc))
    count = 0
    async with database.reading() as db:
        accounts = list((await db.execute(select(account.c.account))).scalars())
    for of in accounts:
        done = ROWS_AT_ONCE
        while done == ROWS_AT_ONCE:
            async with database.writing() as db:
                await watched.lock(db, of)
                done = await requests.prune(db, of, kept_from, rows_max=ROWS_AT_ONCE)
                await stock.carry(db, of, kept_from)
                await watched.prune(db, of, heard_from)
            count += done
    return count


async def _delete_batches(database: Database, kept_from: datetime) -> int:
    """Forget numbers as old as that; one that comes once more then is stored once more, which changes no daily row and no meter."""
    count = 0
    async with database.reading() as db:
        accounts = list((await db.execute(select(account.c.account))).scalars())
    for of in accounts:
        while done := await _delete_some(database, of, kept_from):
            count += done
            if done < ROWS_AT_ONCE:
                break
    return count


async def _delete_some(database: Database, of: str, kept_from: datetime) -> int:
    mine = (batch.c.account == of) & (batch.c.received_utc < kept_from)
    async with database.writing() as db:
        last = await _nth_time(db, mine)
        return (await db.execute(delete(batch).where(mine if last is None else mine & (batch.c.received_utc <= last)))).rowcount


async def _nth_time(db: AsyncConnection, mine: Any) -> datetime | None:
    """Return when the last one of those to be deleted now was received; None when fewer are left."""
    query = select(batch.c.received_utc).where(mine).order_by(batch.c.received_utc).offset(ROWS_AT_ONCE - 1).limit(1)
    found: datetime | None = await db.scalar(query)
    return found


def _begin(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)
