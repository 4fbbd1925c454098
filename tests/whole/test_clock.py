"""A host whose clock is wrong at first: the whole agent on a clock moved by hand, from 1970 to today."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from poller.agent import Agent
from poller.config import load
from poller.engine.handover import Line
from poller.logs import as_dict
from poller.model import Reading
from poller.simulator.server import Simulator
from tests.fake_clock import START_UTC, FakeClock
from tests.whole.processes import until
from tests.whole.test_agent import PRINTERS, reached, scrape, simulated, values

EPOCH_UTC = datetime(1970, 1, 1, tzinfo=UTC)
TO_NOW_SECONDS = (START_UTC - EPOCH_UTC).total_seconds()


class Kept:
    """Keeps the lines it is given."""

    def __init__(self) -> None:
        self.lines: list[Line] = []

    async def record(self, lines: Sequence[Line]) -> None:
        self.lines += lines


@asynccontextmanager
async def agent(simulator: Simulator, clock: FakeClock, recorder: Kept, **more: str) -> AsyncIterator[str]:
    """Run an agent whose clock goes ten times as fast as ours; yield its address."""
    settings = {
        "POLLER_RANGE_0_NETWORKS": str(simulator.fleet.network),
        "POLLER_RANGE_0_PORT": str(simulator.port),
        "POLLER_EXPORTER_LISTEN": "127.0.0.1:0",
        "POLLER_STATE_FOLDER": "none",
        "POLLER_TRAPS_LISTEN": "none",
        "POLLER_SWEEP_RETRIES": "0",
    } | more
    one, stop = Agent(load(None, settings), clock, recorder=recorder, is_synchronised=lambda: False, up_seconds=0), asyncio.Event()

    async def tick() -> None:
        while True:
            await asyncio.sleep(0.01)
            clock.advance(0.1)

    tasks = asyncio.create_task(one.run(stop)), asyncio.create_task(tick())
    try:
        await one.started.wait()
        yield f"http://127.0.0.1:{one.port}"
    finally:
        stop.set()
        await tasks[0]
        tasks[1].cancel()


async def test_a_host_that_starts_in_1970_shows_its_printers_and_records_them_once_its_clock_is_right(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    clock, kept = FakeClock(EPOCH_UTC), Kept()
    async with simulated(PRINTERS, "127.31.50.0/29", 4) as simulator, agent(simulator, clock, kept) as url:
        await until("the sweep is over", reached(url, lambda now: values(now, "poller_sweep_duration_seconds") != []))
        await until("all are up", reached(url, lambda now: values(now, "printer_up") == [1.0] * 4))
        samples = await scrape(url)
        assert values(samples, "printer_supply_level_ratio")
        assert values(samples, "printer_last_poll_timestamp_seconds") == []
        assert values(samples, "printer_boot_time_seconds") == []
        assert values(samples, "poller_clock_wrong") == [1.0]
        assert values(samples, "poller_readings_waiting") == [4.0]
        assert values(samples, "poller_config_last_reload_success_timestamp_seconds") == []
        assert kept.lines == []

        before_utc = clock.utc() + timedelta(seconds=TO_NOW_SECONDS)
        clock.jump(TO_NOW_SECONDS)
        await until("they are recorded", lambda: len(kept.lines) == 4)
        assert all(START_UTC <= line.taken_at <= before_utc for line in kept.lines)
        assert [msgspec.json.decode(line.json, type=Reading).taken_at for line in kept.lines] == [line.taken_at for line in kept.lines]

        samples = await scrape(url)
        assert values(samples, "poller_clock_wrong") == [0.0]
        assert values(samples, "printer_up") == [1.0] * 4
        dated = values(samples, "printer_last_poll_timestamp_seconds")
        assert sorted(dated) == sorted(line.taken_at.timestamp() for line in kept.lines)
        assert len(values(samples, "poller_config_last_reload_success_timestamp_seconds")) == 1
        told = [str(as_dict(record)["event"]) for record in caplog.records]
        assert told.count("clock.wrong") == told.count("clock.stepped") == told.count("clock.right") == 1
        assert told.count("sweep.started") == 1  # 56 years in a second are no reason for another


async def test_a_host_whose_clock_nobody_keeps_records_after_ten_minutes() -> None:
    clock, kept = FakeClock(), Kept()
    async with simulated(PRINTERS, "127.31.51.0/29", 2) as simulator, agent(simulator, clock, kept) as url:
        await until("both are up", reached(url, lambda now: values(now, "printer_up") == [1.0] * 2))
        assert kept.lines == []
        await asyncio.sleep(0)
        clock.advance(600)
        await until("they are recorded", lambda: len(kept.lines) >= 2)
        assert all(START_UTC <= line.taken_at < START_UTC + timedelta(minutes=10) for line in kept.lines[:2])


async def test_a_clock_set_back_by_a_day_does_not_put_the_sweep_off_by_one() -> None:
    clock, kept = FakeClock(), Kept()
    async with simulated(PRINTERS, "127.31.52.0/29", 2) as simulator, agent(simulator, clock, kept, POLLER_SWEEP_EVERY="1h") as url:

        def steps(count: int) -> Callable[[], object]:
            return reached(url, lambda now: sum(values(now, "poller_clock_steps_total")) == count)

        await until("the first sweep is over", reached(url, lambda now: values(now, "poller_sweep_duration_seconds") != []))
        clock.jump(-86_400)
        await until("that is noticed", steps(1))
        assert sum(values(await scrape(url), "poller_sweep_answers_total")) == 2
        clock.jump(3_700)
        await until("that, too", steps(2))
        await until("the second sweep", reached(url, lambda now: sum(values(now, "poller_sweep_answers_total")) == 4))
