"""What is done beside receiving: daily rows from batches, late and doubled ones; months; the end of what was kept long enough."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest
from sqlalchemy import func, select, update

from poller.central.meters import chain
from poller.central.meters.chain import Entry, Meter
from poller.central.store import batches, daily, ledger, partitions
from poller.central.store.database import Database
from poller.central.store.retention import prune
from poller.central.store.tables import batch, content, fresh, line, site
from poller.central.store.tables import daily as daily_table
from poller.central.store.tables import meter as meter_table
from poller.central.upkeep import Upkeep
from poller.central.values import Retention
from poller.model import Counter, Printer, Reading
from tests.central.running import Running
from tests.fake_clock import START_UTC, FakeClock

PRINTER = "serial:11:A"


def reading(taken_utc: datetime, pages: int, printer: str = PRINTER) -> bytes:
    who = Printer(id=printer, identities=(printer,), address="192.0.2.7", via="snmp-2c")
    return msgspec.json.encode(Reading(taken_at=taken_utc, printer=who, counters=(Counter(function="total", count=pages),)))


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


async def days_of(database: Database, printer: str = PRINTER) -> dict[date, tuple[int, ...]]:
    async with database.reading() as db:
        days = await daily.load(db, "acme", printer, first=date(2000, 1, 1), end=date(2100, 1, 1))
    return {one.day: (one.readings, *map(int, one.counters["total"][:4])) for one in days}


async def count(database: Database, table: object) -> int:
    async with database.reading() as db:
        return await db.scalar(select(func.count()).select_from(table)) or 0  # type: ignore[arg-type]


async def test_batches_become_daily_rows_late_ones_and_those_that_cannot_be_read_too(central: Running, threads: ThreadPoolExecutor) -> None:
    agent, now_utc = await central.agent(), central.clock.utc()
    upkeep = Upkeep(central.database, Retention(), central.clock, threads)
    hours = [now_utc - timedelta(hours=number) for number in (50, 3, 2, 1)]
    first = [reading(hours[3], 130), reading(hours[1], 100), b"garbage", b'{"type":"event"}', reading(now_utc + timedelta(days=3), 9)]
    assert (await agent.send(1, agent.batch(1, first))).word == "stored"
    assert await upkeep.roll_up() == 1
    today = hours[1].date()
    before = await days_of(central.database)
    late = agent.batch(2, [reading(hours[2], 90), reading(hours[0], 50), reading(now_utc - timedelta(days=500), 1)])
    assert (await agent.send(2, late)).word == "stored"
    assert (await agent.send(2, late)).word == "duplicate"
    assert await upkeep.roll_up() == 1
    assert await upkeep.roll_up() == 0
    assert before == {today: (2, 100, 130, 100, 130)}
    assert await days_of(central.database) == {hours[0].date(): (1, 50, 50, 50, 50), today: (3, 100, 130, 90, 130)}
    assert await count(central.database, fresh) == 0


async def test_two_that_roll_up_at_once_take_each_batch_once(central: Running, threads: ThreadPoolExecutor, database_url: str) -> None:
    agent, now_utc = await central.agent(), central.clock.utc()
    for number in range(1, 46):
        assert (await agent.send(number, agent.batch(number, [reading(now_utc - timedelta(minutes=number), number)]))).word == "stored"
    other = Database.open(database_url)
    both = [Upkeep(one, Retention(), central.clock, threads) for one in (central.database, other)]
    done = await asyncio.gather(*(one.roll_up() for one in both))
    done = [*done, *await asyncio.gather(*(one.roll_up() for one in both))]
    await other.close()
    assert sum(done) == 45
    assert sum(values[0] for values in (await days_of(central.database)).values()) == 45


async def test_a_day_is_that_of_the_sites_time_zone(central: Running, threads: ThreadPoolExecutor) -> None:
    agent = await central.agent()
    async with central.database.writing() as db:
        await db.execute(update(site).where(site.c.account == "acme").values(time_zone="Pacific/Auckland"))
    evening_utc = central.clock.utc().replace(hour=20, minute=0) - timedelta(days=1)
    assert (await agent.send(1, agent.batch(1, [reading(evening_utc, 5)]))).word == "stored"
    await Upkeep(central.database, Retention(), central.clock, threads).roll_up()
    assert list(await days_of(central.database)) == [evening_utc.date() + timedelta(days=1)]


async def test_what_was_kept_long_enough_ends_and_nothing_else(central: Running, threads: ThreadPoolExecutor) -> None:
    agent = await central.agent()
    upkeep = Upkeep(central.database, Retention(raw_days=35, daily_months=2, meter_years=1), central.clock, threads)
    for number in (1, 2, 3):
        now_utc = central.clock.utc()
        assert (await agent.send(number, agent.batch(number, [reading(now_utc, number)]))).word == "stored"
        await upkeep.roll_up()
        central.clock.advance(timedelta(days=67).total_seconds())
    await upkeep.tidy()  # of the three, 201, 134 and 67 days old: the raw ones are over, and two of the days
    assert [await count(central.database, table) for table in (content, line, daily_table, batch)] == [0, 0, 1, 1]
    assert (await agent.send(4, agent.batch(4, [reading(central.clock.utc(), 4)]))).word == "stored"
    async with central.database.reading() as db:
        kept = await batches.load(db, "acme", agent.id, 4)
        gone = await batches.load(db, "acme", agent.id, 3)
    assert kept is not None
    assert gone is None


@pytest.mark.parametrize("kept,want", [("raw", date(2026, 10, 16)), ("daily", date(2025, 10, 1)), ("meters", date(2016, 11, 1))])
def test_what_is_kept_is_said_in_days_months_and_years(kept: str, want: date) -> None:
    assert Retention().kept_from(kept, datetime(2026, 11, 20, 6, tzinfo=UTC)) == want  # type: ignore[arg-type]


# --- the ledger ------------------------------------------------------------------------------------------------------------


def entries(day: date, numbers: Sequence[int]) -> list[Entry]:
    return [
        Entry(
            device=PRINTER,
            day=day,
            zone="Europe/Berlin",
            kind="meter",
            origin="read",
            reason="daily",
            taken_utc=START_UTC,
            run=1,
            meters=(Meter(cell="total", count=number, total=number),),
        )
        for number in numbers
    ]


async def all_rows(database: Database, after: int = 0) -> list[chain.Row]:
    async with database.reading() as db:
        return [row async for row in ledger.rows(db, "acme", after=after)]


async def test_a_chain_comes_back_as_it_was_appended(central: Running) -> None:
    now_utc = START_UTC.replace(microsecond=123_456)
    await ledger.append(central.database, "acme", entries(date(2026, 11, 19), [1, 2]), now_utc=now_utc)
    head = await ledger.append(central.database, "acme", entries(date(2026, 11, 20), [3]), now_utc=now_utc - timedelta(days=1))
    found = await all_rows(central.database)
    assert chain.verify(chain.genesis("acme"), found, anchors={3: head.hash}) is None
    assert [row.entry for row in found] == entries(date(2026, 11, 19), [1, 2]) + entries(date(2026, 11, 20), [3])
    assert found[2].appended_utc == found[1].appended_utc  # a clock that went back does not take the chain along
    async with central.database.reading() as db:
        assert await ledger.head(db, "acme") == head
        of_day = await ledger.of_device(db, "acme", PRINTER, first=date(2026, 11, 20), end=date(2026, 11, 21))
    assert [row.number for row in of_day] == [3]


async def test_many_who_append_at_once_make_one_chain(central: Running, database_url: str) -> None:
    other = Database.open(database_url)
    writers = [(central.database, other)[number % 2] for number in range(20)]
    await asyncio.gather(
        *(ledger.append(one, "acme", entries(date(2026, 11, 19), [number]), now_utc=START_UTC) for number, one in enumerate(writers))
    )
    await other.close()
    found = await all_rows(central.database)
    assert [row.number for row in found] == list(range(1, 21))
    assert chain.verify(chain.genesis("acme"), found) is None


async def test_a_chain_whose_old_end_was_dropped_still_holds(central: Running, clock: FakeClock) -> None:
    for number in range(4):
        at_utc = START_UTC + timedelta(days=200 * number)
        await ledger.append(central.database, "acme", entries(at_utc.date(), [number, number]), now_utc=at_utc)
    gone = await prune(central.database, Retention(meter_years=1), START_UTC + timedelta(days=700))
    assert gone[meter_table.name] >= 4  # rows on SQLite; months on PostgreSQL
    async with central.database.reading() as db:
        floor = await ledger.floor(db, "acme")
    found = await all_rows(central.database)
    assert floor.number == 4
    assert [row.number for row in found] == [5, 6, 7, 8]
    assert chain.verify(floor, found) is None


def test_months_ahead_are_of_every_table_that_is_divided() -> None:
    assert {month.table for month in partitions.months_ahead(START_UTC)} == {table.name for table in partitions.tables_by_month()}
