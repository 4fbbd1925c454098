"""Near the limit the course of a day is thinned, never a meter a bill depends on; at it nothing is taken, and it says so."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from poller.engine.handover import Line
from poller.engine.notable import Reason
from poller.errors import OutboxError
from poller.exposition import render
from poller.outbox.history import pack_day
from poller.outbox.outbox import Outbox
from tests.fake_clock import START_UTC, FakeClock
from tests.outbox.parts import drain, line, opened, plainly, sqlite

LIMIT = 1_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.db"


@pytest.fixture(autouse=True)
def _every_line(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    caplog.set_level("INFO", logger="poller")


def events(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [event for record in caplog.records if (event := getattr(record, "event", None)) is not None]


def of_day(printer: int, day: int, hours: list[float], reasons: dict[float, Reason] | None = None) -> list[Line]:
    """Return readings of a printer on a day, at these hours after the morning the tests begin at (06:00 UTC), below 12."""
    return [
        line(
            printer,
            after=timedelta(days=day, hours=hour),
            pages=day * 100 + int(hour * 4),
            reason=(reasons or {}).get(hour, Reason.INTERVAL),
        )
        for hour in hours
    ]


QUARTERS = [quarter / 4 for quarter in range(40)]


async def test_thinning_leaves_the_first_and_last_of_each_printer_and_day(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    days = [of_day(printer, day, QUARTERS) for day in range(4) for printer in (1, 2)]
    async with opened(path, limit_bytes=LIMIT) as outbox:
        for day in days:
            await outbox.record(day)
        status = outbox.status()
        assert status.thinned > 0
        assert status.used_bytes < LIMIT
        left = set(await drain(outbox))
        assert f'poller_outbox_thinned_total{{what="reading"}} {status.thinned}'.encode() in render(outbox.metrics()).text
    assert len(left) == 4 * 2 * 40 - status.thinned
    assert {one.json for day in days for one in (day[0], day[-1])} <= left
    assert "outbox.thinned" in events(caplog)


async def test_around_a_counter_that_fell_both_readings_stay(path: Path) -> None:
    """The last meter of the old board is the reading before the turn, the first of the new one the turn itself."""
    at = QUARTERS[20]
    day = of_day(1, 0, QUARTERS, {at: Reason.COUNTER_FELL, QUARTERS[10]: Reason.IDENTITY})
    others = [of_day(printer, 0, QUARTERS) for printer in range(2, 8)]
    async with opened(path, limit_bytes=LIMIT) as outbox:
        await outbox.record(day)
        for other in others:
            await outbox.record(other)
        left = await drain(outbox)
    assert [one for one in left if one in {of.json for of in day}] == [day[number].json for number in (0, 9, 10, 19, 20, 39)]


async def fill(outbox: Outbox, taken: list[Line]) -> None:
    """Record one reading of each of many printers, of which nothing can be thinned, until it raises."""
    for printer in range(1000):
        await outbox.record([line(printer)])
        taken.append(line(printer))


async def test_what_is_sealed_is_never_thinned(path: Path) -> None:
    day = of_day(1, 0, QUARTERS)
    async with opened(path, limit_bytes=LIMIT) as outbox:
        await outbox.record(day)
        batch = await outbox.seal_next(plainly)
        for printer in range(2, 8):
            await outbox.record(of_day(printer, 0, QUARTERS))
        assert outbox.status().thinned > 0
        assert await outbox.waiting_batches() == [batch]


async def test_at_the_limit_it_refuses_aloud_keeps_what_it_has_and_takes_again_when_there_is_room(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    taken: list[Line] = []
    async with opened(path, limit_bytes=LIMIT) as outbox:
        with pytest.raises(OutboxError, match="at its limit"):
            await fill(outbox, taken)
        for _ in range(3):
            with pytest.raises(OutboxError, match="at its limit"):
                await outbox.record([line(5000)])
        assert 80 < len(taken) < 250
        assert outbox.status().used_bytes <= LIMIT
        assert events(caplog).count("outbox.full") == 1
        assert b"poller_outbox_refusals_total 4" in render(outbox.metrics()).text
        assert await drain(outbox) == [one.json for one in taken]
        await outbox.record([line(5000)])
        assert events(caplog).count("outbox.has_room_again") == 1
        assert await drain(outbox) == [line(5000).json]


async def test_old_days_of_the_history_go_before_anything_waiting_is_thinned(path: Path) -> None:
    clock = FakeClock()
    async with opened(path, clock=clock, limit_bytes=LIMIT, keep_days=400) as outbox:
        for day in range(60):
            await outbox.record([line(printer, after=timedelta(days=day)) for printer in range(15)])
            await drain(outbox)
            clock.advance(86400)
        assert outbox.status().thinned == 0
        first = outbox.status().history_since
        assert first is not None
        assert START_UTC.date() < first <= (clock.utc() - timedelta(days=31)).date()


async def test_without_a_central_the_history_never_stops_it_forgets_its_oldest_days(path: Path) -> None:
    clock = FakeClock()
    async with opened(path, clock=clock, limit_bytes=LIMIT, has_central=False) as outbox:
        for day in range(60):
            await outbox.record([line(printer, after=timedelta(days=day)) for printer in range(100)])
            clock.advance(86400)
        status = outbox.status()
        assert status.used_bytes <= LIMIT
        assert status.history_since is not None and START_UTC.date() < status.history_since
    with sqlite(path) as db:
        assert db.execute("SELECT count(*) FROM history WHERE day = (SELECT max(day) FROM history)").fetchone() == (100,)


async def test_the_history_is_kept_as_long_as_it_is_told(path: Path) -> None:
    clock = FakeClock()
    async with opened(path, clock=clock, keep_days=5) as outbox:
        for day in range(12):
            await outbox.record([line(1, after=timedelta(days=day, hours=hour)) for hour in (0, 2)])
            clock.advance(86400)
    with sqlite(path) as db:
        assert db.execute("SELECT count(*), count(DISTINCT day) FROM history").fetchone() == (5, 5)


def test_a_day_is_a_fourth_of_a_reading_at_most() -> None:
    packed = pack_day(line().json)
    assert packed is not None
    assert len(packed) * 4 < len(line().json)


async def test_what_is_recorded_and_thinned_while_a_batch_is_sealed_is_not_taken_for_a_part_of_it(path: Path) -> None:
    """The clock was set back: the line that came last is not the last of its day. Were it thinned, the next would get its place."""
    loop = asyncio.get_running_loop()
    days = [of_day(printer, 0, QUARTERS) for printer in (1, 2)]
    later = [line(printer) for printer in range(10, 40)]
    async with opened(path, limit_bytes=LIMIT) as outbox:
        for day in days:
            await outbox.record([*day[:20], *day[21:], day[20]])

        def seal(number: int, of: Sequence[bytes]) -> bytes:
            asyncio.run_coroutine_threadsafe(outbox.record(later), loop).result()
            return plainly(number, of)

        assert await outbox.seal_next(seal) is not None
        assert outbox.status().thinned > 0
        assert outbox.status().lines == len(later)
        left = await drain(outbox)
        assert outbox.status().lines == 0
    assert len(left) == 80 + len(later)
    assert {one.json for one in later} <= set(left)
