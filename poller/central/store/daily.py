"""Daily rows in the store. What they mean is `poller/central/meters/dailies.py`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from poller.central.meters.dailies import Day, Days, add, spans_from_json, spans_to_json
from poller.central.store.tables import agent, daily, site

_PRINTERS_AT_ONCE = 500  # SQLite takes 32,766 values in a statement


async def try_account(db: AsyncConnection, of: str) -> bool:
    """Return whether this transaction is the only one that writes daily rows of an account; SQLite has only one writer at all."""
    if db.dialect.name == "sqlite":
        return True
    return bool(await db.scalar(text("SELECT pg_try_advisory_xact_lock(hashtextextended('daily ' || :of, 0))"), {"of": of}))


async def sites_of_agents(db: AsyncConnection, of: str) -> dict[str, tuple[str, str | None]]:
    """Return for each agent of an account its site, and that site's time zone."""
    its = (site.c.account == agent.c.account) & (site.c.site == agent.c.site)
    query = select(agent.c.agent, agent.c.site, site.c.time_zone).join_from(agent, site, its).where(agent.c.account == of)
    return {row.agent: (row.site, row.time_zone) for row in await db.execute(query)}


async def join(db: AsyncConnection, of: str, days: Days) -> None:
    """Join *days* into the rows there are. The caller has the account to itself (`try_account`)."""
    by_day: dict[date, list[str]] = {}
    for day, printer in days:
        by_day.setdefault(day, []).append(printer)
    for day, printers in sorted(by_day.items()):
        for some in _pieces(sorted(printers), _PRINTERS_AT_ONCE):
            joined = {(day, printer): days[day, printer] for printer in some}
            mine = (daily.c.account == of) & (daily.c.day == day) & daily.c.printer.in_(some)
            add(joined, [_day(row) for row in (await db.execute(select(daily).where(mine))).mappings()])
            await _write(db, of, joined.values())


async def load(db: AsyncConnection, of: str, printer: str, *, first: date, end: date) -> list[Day]:
    """Return a printer's days from *first* to before *end*, oldest first."""
    mine = (daily.c.account == of) & (daily.c.printer == printer) & (daily.c.day >= first) & (daily.c.day < end)
    return [_day(row) for row in (await db.execute(select(daily).where(mine).order_by(daily.c.day))).mappings()]


async def count(db: AsyncConnection, of: str) -> int:
    return await db.scalar(select(func.count()).select_from(daily).where(daily.c.account == of)) or 0


async def _write(db: AsyncConnection, of: str, days: Iterable[Day]) -> None:
    insert: Any = (sqlite if db.dialect.name == "sqlite" else postgresql).insert(daily)
    keys = ("account", "day", "printer")
    changed = {name: insert.excluded[name] for name in (column.name for column in daily.c) if name not in keys}
    await db.execute(insert.on_conflict_do_update(index_elements=keys, set_=changed), [{"account": of} | _row(one) for one in days])


def _row(one: Day) -> dict[str, Any]:
    return {
        "day": one.day,
        "printer": one.printer,
        "site": one.site,
        "first_utc": one.first_utc,
        "last_utc": one.last_utc,
        "readings": one.readings,
        "counters": spans_to_json(one.counters, one.first_utc, one.last_utc),
        "levels": spans_to_json(one.levels, one.first_utc, one.last_utc),
    }


def _day(row: Any) -> Day:
    first_utc: datetime = row["first_utc"]
    last_utc: datetime = row["last_utc"]
    return Day(
        printer=row["printer"],
        day=row["day"],
        site=row["site"],
        first_utc=first_utc,
        last_utc=last_utc,
        readings=row["readings"],
        counters=spans_from_json(row["counters"], first_utc, last_utc),
        levels=spans_from_json(row["levels"], first_utc, last_utc),
    )


def _pieces(values: Sequence[str], size: int) -> Iterable[Sequence[str]]:
    return (values[at : at + size] for at in range(0, len(values), size))
