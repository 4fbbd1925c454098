"""The months a table is divided into on PostgreSQL: made ahead, dropped in one piece when their time is over.

A month is a table of its own, `line_2026_11`, made beside its table and then attached to it: unlike one that is made in place, that keeps
nobody from writing meanwhile. SQLite has no such thing: there the same rows are deleted, some at a time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, Table, text

from poller.central.store.tables import metadata
from poller.central.values import Kept

AHEAD = 2
"""Months made before they begin: a central that nobody starts anew for two months still has where to write."""
_DAY = timedelta(days=1)
_LOCK = 0x504F4C4D  # any number, as long as it is ours
_NAME = re.compile(r"(?P<table>[a-z_]+)_(?P<year>[0-9]{4})_(?P<month>[0-9]{2})")


class Month(NamedTuple):
    """A month of a table."""

    table: str
    first: date

    @property
    def name(self) -> str:
        return f"{self.table}_{self.first:%Y_%m}"

    @property
    def end(self) -> date:
        return next_month(self.first)


def tables_by_month() -> list[Table]:
    """Return the tables that are divided."""
    return [table for table in metadata.sorted_tables if "by_month" in table.info]


def kept_of(month: Month) -> Kept:
    """Return what of [retention] a month goes by."""
    kept: Kept = metadata.tables[month.table].info["kept"]
    return kept


def month_of(moment: date | datetime) -> date:
    """Return the first day of the month, of a time in UTC, or of a day."""
    day = moment.astimezone(UTC).date() if isinstance(moment, datetime) else moment
    return day.replace(day=1)


def next_month(first: date) -> date:
    return (first + 31 * _DAY).replace(day=1)


def read_name(name: str) -> Month | None:
    """Return which month a table is; None for one that is none."""
    found = _NAME.fullmatch(name)
    if found is None or found["table"] not in metadata.tables or not 1 <= int(found["month"]) <= 12:
        return None
    return Month(found["table"], date(int(found["year"]), int(found["month"]), 1))


def existing(db: Connection) -> set[Month]:
    """Return the months there are, of all tables."""
    query = text(
        "SELECT child.relname FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid JOIN pg_class parent ON parent.oid = inhparent"
        " WHERE parent.relname = ANY(:tables) AND parent.relnamespace = current_schema()::regnamespace"
    )
    names = db.execute(query, {"tables": [table.name for table in tables_by_month()]}).scalars()
    return {month for name in names if (month := read_name(name)) is not None}


def ensure(db: Connection, wanted: Iterable[Month]) -> int:
    """Make the months that are not there yet; of several processes one does it. Returns how many it made."""
    missing = sorted(set(wanted) - existing(db))
    if not missing:
        return 0
    db.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    missing = sorted(set(missing) - existing(db))  # another process may have made them while we waited
    for month in missing:
        create(db, *month)
    return len(missing)


def create(db: Connection, table: str, day: date) -> None:
    """Make the month of *day*, if it is not there, and attach it."""
    month = Month(table, month_of(day))
    if month in existing(db):
        return
    db.execute(text(f"CREATE TABLE {month.name} (LIKE {table} INCLUDING ALL)"))
    bounds = f"FROM ('{_bound(month.table, month.first)}') TO ('{_bound(month.table, month.end)}')"
    db.execute(text(f"ALTER TABLE {table} ATTACH PARTITION {month.name} FOR VALUES {bounds}"))


def drop(db: Connection, month: Month) -> None:
    """Drop a month with everything in it."""
    db.execute(text("SET LOCAL lock_timeout = '5s'"))  # writers never wait for us longer than that; the next round tries again
    db.execute(text(f"DROP TABLE {month.name}"))


def months_ahead(now_utc: datetime) -> list[Month]:
    """Return the months that should be there by now: this one, those ahead, and of daily rows the last one, for late readings."""
    first = month_of(now_utc)
    months = [month_of(first - _DAY), first]
    for _ in range(AHEAD):
        months.append(next_month(months[-1]))
    return [Month(table.name, month) for table in tables_by_month() for month in months]


def _bound(table: str, first: date) -> str:
    column = metadata.tables[table].c[metadata.tables[table].info["by_month"]]
    return first.isoformat() if column.name == "day" else f"{first.isoformat()} 00:00:00+00"
