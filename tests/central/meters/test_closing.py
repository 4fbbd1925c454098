"""Days closed over a real store: each reading in one meter, once, whoever closes, however often, wherever it is cut off."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from poller.central.meters import closing
from poller.central.meters.chain import Entry
from poller.central.meters.closing import Closer
from poller.central.meters.proof import prove
from poller.central.store import ledger
from poller.central.store import meters as kept
from poller.central.store.database import UnavailableError
from poller.model import Reading
from tests.central.stock import Stock, seen
from tests.fake_clock import FakeClock

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
TODAY = NOON.date()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOON)


def closer(stock: Stock) -> Closer:
    return Closer(stock.database, stock.devices._store, stock.clock)


async def entries(stock: Stock, account: str = "acme") -> list[Entry]:
    async with stock.database.reading() as db:
        return [row.entry async for row in ledger.rows(db, account)]


async def meters(stock: Stock) -> list[tuple[date, str, str, int, int]]:
    return [(one.day, one.kind, one.reason, one.meters[0].count, one.meters[0].total) for one in await entries(stock)]


async def test_a_day_is_closed_once_it_is_over_and_six_hours_more(stock: Stock) -> None:
    await stock.put(seen(NOON - HOUR, total=100), seen(NOON, total=110))
    stock.clock.advance(12 * 3600 + 5 * 3600)
    assert await closer(stock).close_due() == []
    stock.clock.advance(3600)
    (report,) = await closer(stock).close_due()
    assert (report.account, report.zone, report.day, report.devices, report.entries, report.held) == ("acme", "UTC", TODAY, 1, 1, 0)
    assert await meters(stock) == [(TODAY, "meter", "first", 110, 10)]


async def test_a_second_time_nothing_is_done(stock: Stock) -> None:
    await stock.put(seen(NOON, total=100))
    stock.clock.advance(86400)
    assert len(await closer(stock).close_due()) == 1
    assert await closer(stock).close_due() == []
    assert len(await entries(stock)) == 1


async def test_readings_of_the_next_day_wait_for_it(stock: Stock) -> None:
    await stock.put(seen(NOON, total=100))
    stock.clock.advance(14 * 3600)
    await stock.put(seen(NOON + 13 * HOUR, total=107))
    stock.clock.advance(6 * 3600)
    await closer(stock).close_due()
    assert await meters(stock) == [(TODAY, "meter", "first", 100, 0)]
    stock.clock.advance(86400)
    await closer(stock).close_due()
    assert await meters(stock) == [(TODAY, "meter", "first", 100, 0), (TODAY + DAY, "meter", "daily", 107, 7)]


async def test_after_a_pause_the_days_come_out_as_if_there_had_been_none(stock: Stock) -> None:
    for at in range(5):
        await stock.put(seen(NOON + at * DAY, total=100 + 10 * at))
        stock.clock.advance(86400)
    await closer(stock).close_due()
    first, *rest = await meters(stock)
    assert first == (TODAY, "meter", "first", 100, 0)
    assert rest == [(TODAY + at * DAY, "meter", "daily", 100 + 10 * at, 10 * at) for at in range(1, 5)]


async def test_a_reading_that_was_stuck_gives_its_day_a_late_meter_and_moves_no_other(stock: Stock) -> None:
    await stock.put(seen(NOON, total=100))
    stock.clock.advance(2 * 86400)
    await stock.put(seen(NOON + 2 * DAY, total=130))
    stock.clock.advance(86400)
    await closer(stock).close_due()
    await stock.put(seen(NOON + DAY, total=110), agent="a-berlin")
    stock.clock.advance(86400)
    await closer(stock).close_due()
    assert (await meters(stock))[-1] == (TODAY + DAY, "meter", "late", 110, 10)
    assert [total for *_, total in await meters(stock)] == [0, 30, 10]


async def test_the_days_are_those_of_the_sites_zone(stock: Stock) -> None:
    async with stock.database.writing() as db:
        assert await kept.set_zone(db, "acme", "hamburg", "Pacific/Auckland")
    await stock.put(seen(NOON, total=100))  # 1 in the night of the 21st there
    stock.clock.advance(2 * 86400)
    await closer(stock).close_due()
    (one,) = await entries(stock)
    assert (one.day, one.zone) == (TODAY + DAY, "Pacific/Auckland")


async def test_sites_in_two_zones_each_have_their_days_from_the_first_close_on(stock: Stock) -> None:
    async with stock.database.writing() as db:
        await kept.set_zone(db, "acme", "hamburg", "America/New_York")
        await kept.set_zone(db, "acme", "berlin", "Pacific/Auckland")
    await stock.put(seen(NOON, total=100))
    await stock.put(seen(NOON, "B2", mac="0025b3000002", total=200), agent="a-berlin")
    stock.clock.advance(2 * 86400)
    await closer(stock).close_due()
    assert {(one.day, one.zone) for one in await entries(stock)} == {(TODAY, "America/New_York"), (TODAY + DAY, "Pacific/Auckland")}


async def test_a_site_that_moves_to_another_zone_loses_and_doubles_no_reading(stock: Stock) -> None:
    for total in (100, 110):
        await stock.put(seen(stock.clock.utc(), total=total))
        stock.clock.advance(86400)
    await closer(stock).close_due()
    async with stock.database.writing() as db:
        await kept.set_zone(db, "acme", "hamburg", "Pacific/Pago_Pago")
    for total in (4, 130, 140):  # the first of these says zero and something while it starts: seen only if it is not lost
        await stock.put(seen(stock.clock.utc() - 4 * HOUR, total=total))
        stock.clock.advance(86400)
    await closer(stock).close_due()
    assert [(kind, total) for _, kind, _, _, total in await meters(stock)] == [("meter", 0), ("meter", 10), ("held", 10)]


async def test_a_site_that_moves_to_a_zone_other_sites_have_loses_no_day(stock: Stock) -> None:
    """Berlin's day is closed an hour before that of UTC, from batches of all sites. A site that changes between the two was in neither."""
    async with stock.database.writing() as db:
        await kept.set_zone(db, "acme", "berlin", "Europe/Berlin")
    await stock.put(seen(NOON, "B2", mac="0025b3000002", total=1), agent="a-berlin")
    await stock.put(seen(NOON, total=100))
    stock.clock.advance(86400)
    await closer(stock).close_due()
    await stock.put(seen(NOON + DAY, "B2", mac="0025b3000002", total=2), agent="a-berlin")
    await stock.put(seen(NOON + DAY, total=110))
    stock.clock.advance(17.5 * 3600)
    assert [one.zone for one in await closer(stock).close_due()] == ["Europe/Berlin"]
    async with stock.database.writing() as db:
        await kept.set_zone(db, "acme", "hamburg", "Europe/Berlin")
    stock.clock.advance(10 * 3600)
    await stock.put(seen(stock.clock.utc(), total=7))
    stock.clock.advance(2 * 86400)
    await closer(stock).close_due()
    of_hamburg = [(one.day, one.kind, one.meters[0].count) for one in await entries(stock) if one.meters[0].count >= 7]
    assert of_hamburg == [(TODAY, "meter", 100), (TODAY + DAY, "meter", 110)]
    assert [one.meters[0].count for one in await entries(stock) if one.meters[0].count < 7] == [1, 2]


async def test_what_cannot_be_closed_of_one_account_is_closed_of_the_others(stock: Stock) -> None:
    from sqlalchemy import update

    from poller.central.store.tables import content

    await stock.open_account("zeta", ["oslo"])
    await stock.put(seen(NOON, total=100))
    await stock.put(seen(NOON, total=200), account="zeta", agent="a-oslo")
    async with stock.database.writing() as db:
        await db.execute(update(content).where(content.c.account == "acme").values(body=b"not what was stored"))
    stock.clock.advance(86400)
    assert [one.account for one in await closer(stock).close_due()] == ["zeta"]
    assert len(await entries(stock, "zeta")) == 1


async def test_a_database_that_does_nothing_now_is_told_after_all_accounts_had_their_turn(
    stock: Stock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(9):
        await stock.open_account(f"b{number}", ["oslo"])
    await stock.open_account("zeta", ["oslo"])
    for account, agent in (("acme", "a-hamburg"), ("zeta", "a-oslo")):
        await stock.put(seen(NOON, total=100), account=account, agent=agent)
    stock.clock.advance(86400)
    close = Closer._close_zone
    asked: list[str] = []

    async def refuse(self: Closer, of: str, *others: Any) -> list[closing.Report]:
        asked.append(of)
        if of in down:
            raise UnavailableError("locked")
        return await close(self, of, *others)

    monkeypatch.setattr(Closer, "_close_zone", refuse)
    down = {"b3"}
    with pytest.raises(UnavailableError, match="locked"):
        await closer(stock).close_due()
    assert len(await entries(stock, "zeta")) == 1
    asked.clear()
    down = {f"b{number}" for number in range(9)}
    with pytest.raises(UnavailableError, match="locked"):
        await closer(stock).close_due()
    assert asked == ["acme", "b0", "b1", "b2"]


async def test_two_agents_at_one_device_make_one_meter(stock: Stock) -> None:
    await stock.put(seen(NOON, total=100))
    await stock.put(seen(NOON + timedelta(minutes=3), total=104), agent="a-berlin")
    stock.clock.advance(86400)
    await closer(stock).close_due()
    assert await meters(stock) == [(TODAY, "meter", "first", 104, 4)]


async def test_what_a_wrong_clock_dated_and_what_is_no_reading_makes_no_meter(stock: Stock) -> None:
    await stock.put(seen(NOON + DAY, total=900), seen(datetime(1970, 1, 1, tzinfo=UTC), total=1), b"{", b'{"type":"event"}', seen(NOON))
    await stock.put(replace(seen(NOON + HOUR, total=901), schema=2))
    await stock.put(seen(NOON, total=100))
    stock.clock.advance(86400)
    await closer(stock).close_due()
    assert await meters(stock) == [(TODAY, "meter", "first", 100, 0)]


async def test_two_processes_close_every_device_once(stock: Stock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(closing, "DEVICES_AT_ONCE", 3)
    for number in range(20):
        await stock.put(seen(NOON, f"S{number}", mac=f"0025b30000{number:02x}", address=f"192.0.2.{number}", total=100 + number))
    stock.clock.advance(86400)
    await asyncio.gather(closer(stock).close_due(), closer(stock).close_due())
    stock.clock.advance(3600)
    await closer(stock).close_due()
    assert sorted(count for _, _, _, count, _ in await meters(stock)) == list(range(100, 120))
    assert (await prove(stock.database, "acme")).broken is None


async def test_a_close_that_was_cut_off_goes_on_with_the_rest_and_doubles_nothing(stock: Stock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(closing, "DEVICES_AT_ONCE", 1)
    await stock.put(*[seen(NOON, f"S{at}", mac=f"0025b30000{at:02x}", address=f"192.0.2.{at}", total=100 + at) for at in range(60)])
    stock.clock.advance(86400)
    cut = asyncio.create_task(closer(stock).close_due())
    done = 0
    for _ in range(10_000):
        if done := len(await entries(stock)):
            break
        await asyncio.sleep(0)
    cut.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cut
    assert 0 < done < 60
    assert await closer(stock).close_due() == []  # its lease is not over
    stock.clock.advance(closing.LEASE.total_seconds() + 1)
    (report,) = await closer(stock).close_due()
    assert report.devices == report.entries < 60
    assert sorted(one.meters[0].count for one in await entries(stock)) == list(range(100, 160))


async def test_a_day_with_too_much_for_memory_is_closed_in_parts(stock: Stock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(closing, "READINGS_AT_ONCE", 4)
    for number in range(10):
        await stock.put(seen(NOON, f"S{number}", mac=f"0025b30000{number:02x}", address=f"192.0.2.{number}", total=100 + number))
    stock.clock.advance(86400)
    (report,) = await closer(stock).close_due()
    assert (report.devices, report.entries) == (10, 10)


async def test_more_batches_than_are_read_at_once_are_all_read(stock: Stock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "CONTENTS_AT_ONCE", 2)
    for number in range(9):
        await stock.put(seen(NOON, f"S{number}", mac=f"0025b30000{number:02x}", address=f"192.0.2.{number}", total=100))
    stock.clock.advance(86400)
    (report,) = await closer(stock).close_due()
    assert report.devices == 9


async def test_what_lasts_a_day_is_held_though_nothing_more_comes(stock: Stock) -> None:
    await stock.put(seen(NOON, total=5000))
    stock.clock.advance(86400)
    await stock.put(seen(NOON + DAY, total=10))
    stock.clock.advance(6 * 86400)
    await closer(stock).close_due()
    assert [(kind, reason) for _, kind, reason, _, _ in await meters(stock)] == [("meter", "first"), ("held", "odd")]
    async with stock.database.reading() as db:
        assert [row["serial"] for row in await kept.held(db, rows_max=10)] == ["A1"]


async def test_no_mac_address_is_kept_with_the_meters(stock: Stock) -> None:
    await stock.put(seen(NOON, total=100))
    stock.clock.advance(86400)
    await closer(stock).close_due()
    async with stock.database.reading() as db:
        from sqlalchemy import select

        from poller.central.store.standings import standing

        body = await db.scalar(select(standing.c.body))
    assert body is not None and b"0025b3000001" not in body


async def test_how_large_sheets_are_counted_is_kept_with_where_a_device_stands(stock: Stock) -> None:
    def counted(reading: Reading) -> Reading:
        return replace(reading, counters=tuple([replace(one, large="twice") for one in reading.counters]))

    await stock.put(counted(seen(NOON, total=100)))
    stock.clock.advance(86400)
    await closer(stock).close_due()
    (one,) = await entries(stock)
    async with stock.database.reading() as db:
        stands = (await kept.load(db, "acme", [one.device]))[one.device]
    assert stands.standing is not None and stands.standing.last.shape.counted() == {"total": "twice"}


async def test_the_job_runs_until_it_is_stopped(stock: Stock) -> None:
    await stock.put(seen(NOON, total=100))
    stock.clock.advance(86400)
    stop = asyncio.Event()
    job = asyncio.create_task(closer(stock).run(stop))
    for _ in range(1000):
        if await entries(stock):
            break
        await asyncio.sleep(0.01)
    stop.set()
    await job
    assert len(await entries(stock)) == 1
