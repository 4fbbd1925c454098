"""A part beside polling that fails is run again; what it raises on purpose at first, and a cancellation, go through."""

from __future__ import annotations

import asyncio
from collections import Counter as Tally

import pytest

from poller.beside import Beside, pause_seconds
from poller.engine import faults
from poller.errors import HostError
from poller.exposition import render
from poller.logs import as_dict
from tests.fake_clock import FakeClock


@pytest.fixture(autouse=True)
def _nothing_failed_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faults, "_times", Tally())


async def test_a_fault_of_ours_ends_one_run_and_is_logged_and_counted(clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    runs: list[int] = []

    async def part() -> None:
        runs.append(len(runs))
        if len(runs) <= 3:
            raise KeyError("password")

    beside = Beside("uploads", part, clock, pause_seconds=0.0)
    await beside.run(asyncio.Event())
    assert len(runs) == 4
    assert 'poller_part_failures_total{part="uploads"} 3' in render(beside.metrics()).text.decode()
    said = [as_dict(record) for record in caplog.records]
    assert [(one["event"], one["part"], one["error"]) for one in said] == [("part.failed", "uploads", "KeyError")] * 3
    assert caplog.records[0].exc_info is not None
    assert "password" not in str(said[1:])
    assert beside.notes == ()


async def test_while_it_is_paused_the_page_says_so_and_a_stop_ends_the_pause(clock: FakeClock) -> None:
    async def part() -> None:
        asyncio.get_running_loop().call_soon(paused.set)
        raise RuntimeError

    beside, stop, paused = Beside("job logs", part, clock), asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(beside.run(stop))
    await paused.wait()
    assert "job logs stopped by a fault of this program (test_beside.py:" in beside.notes[0]
    stop.set()
    await task


async def test_a_cancellation_is_not_held_up(clock: FakeClock) -> None:
    begun = asyncio.Event()

    async def part() -> None:
        begun.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(Beside("uploads", part, clock).run(asyncio.Event()))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_what_a_first_run_refuses_on_purpose_goes_through_and_later_it_is_tried_again(clock: FakeClock) -> None:
    answers: list[Exception | None] = [ValueError(), HostError("certificates"), None]

    async def part() -> None:
        if (error := answers.pop(0)) is not None:
            raise error

    await Beside("uploads", part, clock, pause_seconds=0.0).run(asyncio.Event())
    assert answers == []
    answers[:] = [HostError("certificates")]
    with pytest.raises(HostError):
        await Beside("uploads", part, clock, pause_seconds=0.0).run(asyncio.Event())


def test_pauses_double_up_to_an_hour() -> None:
    assert [pause_seconds(60.0, failures) for failures in (1, 2, 3, 6, 7, 8, 10_000)] == [60, 120, 240, 1920, 3600, 3600, 3600]


async def test_a_part_that_ran_for_longer_than_a_pause_begins_with_the_short_one(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    lasts = [0.0, 0.0, 4000.0]

    async def part() -> None:
        if lasts:
            clock.advance(lasts.pop(0))
            raise RuntimeError

    await Beside("uploads", part, clock, pause_seconds=0.01).run(asyncio.Event())
    assert [as_dict(record)["next_try_seconds"] for record in caplog.records] == [0.01, 0.02, 0.01]
