"""What is recorded across restarts: nothing twice, and nothing lost with a recorder that fails to the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from poller.agent import Agent
from poller.clock import SystemClock
from poller.config import load
from poller.engine.handover import Line, Recorder
from poller.errors import HostError
from poller.simulator.server import Simulator
from tests.whole.processes import until
from tests.whole.test_agent import PRINTERS, reached, scrape, simulated, values


class Kept:
    def __init__(self) -> None:
        self.lines: list[Line] = []

    async def record(self, lines: Sequence[Line]) -> None:
        self.lines += lines

    def reasons(self) -> list[str]:
        """Why lines were kept, those apart that the time of day brings."""
        return [line.reason.value for line in self.lines if line.reason != "interval"]


class Full:
    async def record(self, lines: Sequence[Line]) -> None:
        raise HostError("no room on the disk")


@asynccontextmanager
async def agent(simulator: Simulator, folder: Path, recorder: Recorder) -> AsyncIterator[str]:
    settings = {
        "POLLER_RANGE_0_NETWORKS": str(simulator.fleet.network),
        "POLLER_RANGE_0_PORT": str(simulator.port),
        "POLLER_POLL_EVERY": "10s",
        "POLLER_POLL_EVERY_BUSY": "10s",
        "POLLER_POLL_WAKE_EVERY": "10s",
        "POLLER_SWEEP_TIMEOUT": "500ms",
        "POLLER_EXPORTER_LISTEN": "127.0.0.1:0",
        "POLLER_STATE_FOLDER": str(folder),
        "POLLER_TRAPS_LISTEN": "none",
    }
    one, stop = Agent(load(None, settings), SystemClock(), recorder=recorder, is_synchronised=lambda: True), asyncio.Event()
    task = asyncio.create_task(one.run(stop))
    try:
        await one.started.wait()
        yield f"http://127.0.0.1:{one.port}"
    finally:
        stop.set()
        await task


async def test_a_restart_records_nothing_twice_and_what_a_full_disk_refused_is_made_up_for(tmp_path: Path) -> None:
    async with simulated(PRINTERS, "127.31.53.0/29", 4) as simulator:
        async with agent(simulator, tmp_path, Full()) as url:
            await until("all wait", reached(url, lambda now: values(now, "poller_readings_waiting") == [4.0]))
            await until("it is tried", reached(url, lambda now: values(now, "poller_record_failures_total") > [0.0]))
            assert sum(values(await scrape(url), "poller_readings_recorded_total")) == 0

        kept = Kept()
        async with agent(simulator, tmp_path, kept) as url:
            await until("all are recorded", lambda: len(kept.lines) >= 4)
            assert {line.printer_id for line in kept.lines} == await printers(url)
        assert kept.reasons() == ["first"] * 4

        again = Kept()
        async with agent(simulator, tmp_path, again) as url:
            polled = reached(url, lambda now: sum(values(now, "poller_polls_total")) >= 4)
            await until("all are polled once more", polled)
        assert again.reasons() == []


async def printers(url: str) -> set[str]:
    return {dict(labels)["printer"] for name, labels in await scrape(url) if name == "printer_up"}
