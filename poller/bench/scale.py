"""How far one PostgreSQL goes: its size and its answers with a year of meters of many devices, and with a month of ten times as many.

The rows are made by PostgreSQL itself, day after day, in the shape, the order and with the keys that central gives them; six counters a
device and day. `--share 1` makes all of them: 36.5 million rows and then 30 million, 20 GB of disk and a quarter of an hour. Unless told a
twentieth of the devices is made: rows and bytes grow with the devices, and a question is of one device or one account, whose rows stay
as many. docs/scale.md says which part was measured there.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from poller.bench import children
from poller.bench.children import ChildError, Figures, NotMeasuredError
from poller.bench.postgres import find_programs, postgres
from poller.bench.runs import Runs
from poller.bench.table import Goal, Result

if TYPE_CHECKING:
    from poller.central.store.database import Database

_LONG_DEVICES, _LONG_DAYS = 100_000, 365
_WIDE_DEVICES, _WIDE_DAYS = 1_000_000, 30
_DAILY_DEVICES_MAX = 10_000
"""Of more devices daily rows are not made: they are asked for one printer and one month, and counted in bytes a row."""
_ACCOUNT_DEVICES = 100
_ASKED = 40
_SECONDS_MAX = 3000.0
_MONTH = re.compile(r" on ((?:meter|daily)_[0-9]{4}_[0-9]{2})\b")  # as EXPLAIN names what it reads
_END = date(2026, 11, 1)

_SETTINGS: dict[str, str | int] = {
    "fsync": "off",
    "synchronous_commit": "off",
    "wal_level": "minimal",
    "max_wal_senders": 0,
    "max_wal_size": "4GB",
    "shared_buffers": "1GB",
    "autovacuum": "off",
    "synchronize_seqscans": "off",
    "jit": "off",
}

GOALS = tuple(
    Goal(row="scale", work=f"scale: {work}", unit=unit, beside="limit", sense="<=", limit=limit, is_judged=False)
    for work, unit, limit in (
        ("a year of meters, a device-month with its indexes", "bytes", 20_000.0),
        ("a month of ten times the devices, a device-month", "bytes", 20_000.0),
        ("a device's year of meters", "ms", 100.0),
        ("an account's meters of one month", "ms", 100.0),
        ("meters of all accounts in one month, counted", "ms", 10_000.0),
        ("a printer's daily rows of a month", "ms", 100.0),
    )
)
"""For information: nobody fails by them. The limits are what the web pages and reports to come can live with."""

_PATTERN = """
    CREATE UNLOGGED TABLE pattern AS
    SELECT one, 'account-' || one / {each} AS account, 'serial:11:VNB3K' || lpad(one::text, 8, '0') AS device,
           json_build_array(json_build_array('total', 90000 + one, 80000), json_build_array('print.mono', 50000 + one, 40000),
                            json_build_array('print.colour', 20000, 19000), json_build_array('copy.mono', 9000, 8000),
                            json_build_array('copy.colour', 4000, 3000), json_build_array('total.large', 900, 800)) AS meters,
           json_build_object('total', json_build_array(90000 + one, 90100 + one), 'print.mono', json_build_array(50000, 50060),
                             'print.colour', json_build_array(20000, 20030), 'copy.mono', json_build_array(9000, 9010),
                             'copy.colour', json_build_array(4000), 'total.large', json_build_array(900)) AS counters,
           json_build_object('1.1', json_build_array(0.63, 0.62), '1.2', json_build_array(0.41), '1.3', json_build_array(0.35, 0.34),
                             '1.4', json_build_array(0.88), '1.5', json_build_array(0.5)) AS levels
    FROM generate_series(0, {devices} - 1) AS one
"""
"""What a device says, put together once: most of the time of a row went into its JSON."""
_METERS = """
    INSERT INTO meter (account, appended_utc, number, device, day, zone, kind, origin, reason, taken_utc, run, meters, hash)
    SELECT account, '{day}Z'::timestamptz + interval '30 hours', (date '{day}' - date '{first}')::bigint * {each} + one % {each} + 1,
           device, '{day}', 'Europe/Berlin', 'meter', 'read', 'daily', '{day}Z'::timestamptz + interval '20 hours', 1, meters,
           sha256(('{day}' || device)::bytea)
    FROM pattern
"""
_DAILY = """
    INSERT INTO daily (account, day, printer, site, first_utc, last_utc, readings, counters, levels)
    SELECT account, '{day}', device, 'site', '{day}Z'::timestamptz + interval '2 hours', '{day}Z'::timestamptz + interval '22 hours', 6,
           counters, levels
    FROM pattern WHERE one < {daily}
"""
_OF_DEVICE = "SELECT * FROM meter WHERE account = '{account}' AND device = '{device}' AND day >= '{year}' AND appended_utc >= '{year}'"
_OF_ACCOUNT = """
    SELECT DISTINCT ON (device) device, day, meters FROM meter
    WHERE account = '{account}' AND appended_utc >= '{month}Z' AND appended_utc < '{end}Z' ORDER BY device, day DESC
"""
_OF_ALL = "SELECT account, count(*) FROM meter WHERE appended_utc >= '{month}Z' AND appended_utc < '{end}Z' GROUP BY account"
_OF_PRINTER = "SELECT * FROM daily WHERE account = '{account}' AND printer = '{device}' AND day >= '{month}' AND day < '{end}'"


def run(runs: Runs) -> Iterator[Result]:
    programs = find_programs()
    of = f"{runs.share:.0%} of"
    runs.say(f"scale: {of} {_LONG_DEVICES:,} devices with {_LONG_DAYS} days")
    long = _measured(programs, _LONG_DEVICES, runs.share, _LONG_DAYS)
    made = f"{long['meter_rows']:,.0f} rows, {of} {_LONG_DEVICES:,} devices with {_LONG_DAYS} days, made in {long['made_seconds']:.0f} s"
    yield GOALS[0].judge([long["meter_month_bytes"]], note=f"{made}; a row has {long['meter_row_bytes']:.0f} bytes")
    runs.say(f"scale: {of} {_WIDE_DEVICES:,} devices with {_WIDE_DAYS} days")
    wide = _measured(programs, _WIDE_DEVICES, runs.share, _WIDE_DAYS)
    made = f"{wide['meter_rows']:,.0f} rows, {of} {_WIDE_DEVICES:,} devices with {_WIDE_DAYS} days, made in {wide['made_seconds']:.0f} s"
    beside = f"{wide['daily_rows']:,.0f} daily rows of {wide['daily_row_bytes']:.0f} bytes beside them"
    yield GOALS[1].judge([wide["meter_month_bytes"]], note=f"{made}; {beside}")
    for goal, name in zip(GOALS[2:], ("device", "account", "all", "printer"), strict=True):
        figures = wide if name == "printer" else long
        yield goal.judge([figures[f"{name}_ms"]], note=f"looks at {figures[f'{name}_months']:.0f} months of {figures['months']:.0f}")


def _measured(programs: Path, devices: int, share: float, days: int) -> Figures:
    """Return the figures of a share of the devices, of whole accounts."""
    accounts = max(1, round(devices * share / _ACCOUNT_DEVICES))
    return children.measure("poller.bench.scale", programs, accounts * _ACCOUNT_DEVICES, days, timeout_seconds=_SECONDS_MAX)


async def measure(programs: str, devices: str, days: str) -> Figures:
    """Make that many devices with that many days, ask, and return the figures."""
    try:
        from poller.central.store.database import Database
    except ModuleNotFoundError as error:
        raise NotMeasuredError(f"{error.name} is not installed: pip install 'poller[central]'") from error

    with postgres(Path(programs), **_SETTINGS) as place:
        database = Database.open(place.url)
        await database.migrate()
        first = _END - timedelta(days=int(days))
        began_at = time.perf_counter()
        await _make(database, int(devices), first)
        figures = {"made_seconds": time.perf_counter() - began_at}
        figures |= await _sizes(database, int(devices), int(days))
        figures |= await _ask(database, int(devices), first)
        await database.close()
    return figures


async def _make(database: Database, devices: int, first: date) -> None:
    """Make the rows in the order central would, so that tables and indexes grow as they do there.

    What is written into a table in the transaction that emptied it needs no log, and this one is never recovered: that is half the time.
    """
    facts: dict[str, Any] = {"devices": devices, "daily": min(devices, _DAILY_DEVICES_MAX), "each": _ACCOUNT_DEVICES, "first": first}
    days = [first + timedelta(days=number) for number in range((_END - first).days)]
    appended = [datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=30) for day in days]
    await database.ensure_months([*(("daily", day) for day in days), *(("meter", moment) for moment in appended)])
    async with database.copying() as connection:
        await connection.execute(_PATTERN.format(**facts), timeout=_SECONDS_MAX)
        await connection.execute("TRUNCATE meter, daily")
        for day in days:
            for statement in (_METERS, _DAILY):
                await connection.execute(statement.format(day=day, **facts), timeout=_SECONDS_MAX)
    async with database.asking() as connection:
        for table in ("meter", "daily"):
            await connection.execute(f"VACUUM ANALYZE {table}", timeout=_SECONDS_MAX)


async def _sizes(database: Database, devices: int, days: int) -> Figures:
    figures: Figures = {}
    async with database.asking() as connection:
        for table, wanted in (("meter", devices * days), ("daily", min(devices, _DAILY_DEVICES_MAX) * days)):
            rows = await connection.fetchval(f"SELECT count(*) FROM {table}", timeout=_SECONDS_MAX)  # noqa: S608  names of ours
            size = await connection.fetchval(
                "SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits JOIN pg_class ON pg_class.oid = inhparent"
                " WHERE relname = $1",
                table,
            )
            if rows != wanted:
                raise ChildError(f"{rows} rows of {wanted} are there")
            figures |= {
                f"{table}_rows": rows,
                f"{table}_row_bytes": float(size) / rows,
                f"{table}_month_bytes": float(size) / rows * 365 / 12,
            }
        figures["months"] = await connection.fetchval(
            "SELECT count(*) FROM pg_inherits JOIN pg_class ON pg_class.oid = inhparent WHERE relname = 'meter'"
        )
    return figures


async def _ask(database: Database, devices: int, first: date) -> Figures:
    figures: Figures = {}
    month = (_END - timedelta(days=1)).replace(day=1)
    questions = {"device": _OF_DEVICE, "account": _OF_ACCOUNT, "all": _OF_ALL, "printer": _OF_PRINTER}
    async with database.asking() as connection:
        for name, question in questions.items():
            times, sql = [], ""
            for number in range(_ASKED if name != "all" else 3):
                device = number * 7919 % min(devices, _DAILY_DEVICES_MAX)
                facts: dict[str, Any] = {"account": f"account-{device // _ACCOUNT_DEVICES}", "device": f"serial:11:VNB3K{device:08}"}
                sql = question.format(**facts, year=first, month=month, end=_END)
                began_at = time.perf_counter()
                rows = await connection.fetch(sql, timeout=_SECONDS_MAX)
                times.append(time.perf_counter() - began_at)
                if not rows:
                    raise ChildError(f"nothing came of the question for {name}")
            plan = [row[0] for row in await connection.fetch(f"EXPLAIN {sql}")]
            figures[f"{name}_ms"] = median(times) * 1e3
            figures[f"{name}_months"] = len(set(_MONTH.findall("\n".join(plan))))
    return figures


if __name__ == "__main__":
    children.answer(measure)
