"""The way of readings to the recorder: what is kept, what waits, what is put off, and what a restart knows of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from poller.engine.dating import Dating
from poller.engine.handover import Handover, Line, LogRecorder, Recorder, Settled
from poller.engine.notable import INTERVAL_SECONDS
from poller.engine.remembered import Remembered, Way
from poller.errors import HostError
from poller.logs import as_dict
from poller.model import Decoded, Reading
from tests.fake_clock import START_UTC, FakeClock
from tests.readings import colour_mfp

EPOCH_UTC = datetime(1970, 1, 1, tzinfo=UTC)
DISPLAY = "Please call Erika Mustermann"


class Disk:
    """A recorder with a switch: it fails while `is_full`, waits while `is_slow`."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.batches: list[int] = []
        self.is_full = False
        self.is_slow = False
        self.may_go_on = asyncio.Event()

    async def record(self, lines: Sequence[Line]) -> None:
        if self.is_slow:
            await self.may_go_on.wait()
        if self.is_full:
            raise HostError("no room on the disk")
        self.lines += lines
        self.batches.append(len(lines))


class Bench:
    def __init__(self, clock: FakeClock, recorder: Recorder, *, lines_max: int = 100) -> None:
        self.clock = clock
        self.is_kept: bool | None = True
        self.dating = Dating(clock, is_synchronised=lambda: self.is_kept, on_change=lambda _: self.handover.wake())
        self.handover = Handover(recorder, clock, self.dating, lines_max=lines_max, sleep=self._sleep)
        self.slept: list[float] = []

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock.advance(seconds)
        await asyncio.sleep(0)

    def poll(self, number: int = 1, **changed: object) -> None:
        """Take a reading of printer *number* as it is now."""
        reading = msgspec.structs.replace(colour_mfp(number).reading, taken_at=self.clock.utc(), **changed)
        self.handover.take(Decoded(reading=reading, display=(DISPLAY,), alert_texts=(("1.61", DISPLAY),)))

    def value(self, name: str) -> float:
        return sum(sample.value for sample in self.handover.metrics() if sample.metric.name == name)


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


@asynccontextmanager
async def running(one: Bench) -> AsyncIterator[None]:
    task = asyncio.create_task(one.handover.run())
    try:
        yield
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


def reading_of(line: Line) -> Reading:
    return msgspec.json.decode(line.json, type=Reading)


async def test_what_is_worth_keeping_is_handed_over_and_nothing_else(clock: FakeClock) -> None:
    disk = Disk()
    one = Bench(clock, disk)
    async with running(one):
        one.poll()
        await settle()
        clock.advance(1)
        one.poll()
        clock.advance(INTERVAL_SECONDS)
        one.poll()
        await settle()
    assert [line.reason.value for line in disk.lines] == ["first", "interval"]
    assert [reading_of(line).taken_at for line in disk.lines] == [line.taken_at for line in disk.lines]
    assert one.value("poller_readings_recorded_total") == 2
    assert one.value("poller_readings_waiting") == 0


async def test_display_texts_stay_here(clock: FakeClock) -> None:
    disk = Disk()
    one = Bench(clock, disk)
    one.poll()
    await one.handover.finish()
    assert len(disk.lines) == 1
    assert DISPLAY.encode() not in disk.lines[0].json


async def test_while_one_commit_is_under_way_the_next_batch_gathers(clock: FakeClock) -> None:
    disk = Disk()
    disk.is_slow = True
    one = Bench(clock, disk)
    async with running(one):
        one.poll(1)
        await settle()
        for number in range(2, 12):
            one.poll(number)  # nobody waits
        await settle()
        assert disk.batches == []
        disk.may_go_on.set()
        await settle()
    assert disk.batches == [1, 10]


async def test_a_recorder_that_fails_is_asked_again_with_the_same_lines_and_it_is_said_once(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    disk = Disk()
    disk.is_full = True
    one = Bench(clock, disk)
    async with running(one):
        one.poll()
        for _ in range(20):
            await settle()
        assert one.value("poller_readings_waiting") == 1
        disk.is_full = False
        await settle()
    assert [reading_of(line).taken_at for line in disk.lines] == [START_UTC]
    assert one.slept[:7] == [1, 2, 4, 8, 16, 32, 60]
    assert set(one.slept[7:]) == {60}
    assert one.value("poller_record_failures_total") == len(one.slept)
    said = [as_dict(record)["event"] for record in caplog.records]
    assert [event for event in said if str(event).startswith("recording.")] == ["recording.failing", "recording.works_again"]


async def test_what_finds_no_room_is_kept_with_the_next_reading(clock: FakeClock) -> None:
    disk = Disk()
    one = Bench(clock, disk, lines_max=2)
    for number in (1, 2, 3):
        one.poll(number)
    assert one.value("poller_readings_put_off_total") == 1
    await one.handover.finish()
    clock.advance(900)
    for number in (1, 2, 3):
        one.poll(number)
    await one.handover.finish()
    assert [(line.printer_id[-1], line.reason.value) for line in disk.lines] == [("1", "first"), ("2", "first"), ("3", "first")]


async def test_a_counter_that_fell_while_there_was_no_room_is_told_later(clock: FakeClock) -> None:
    disk = Disk()
    one = Bench(clock, disk, lines_max=1)
    one.poll(1)
    await one.handover.finish()
    one.poll(2)  # takes the room
    fallen = tuple(msgspec.structs.replace(counter, count=0) for counter in colour_mfp().reading.counters)
    one.poll(1, counters=fallen)
    one.poll(1, counters=fallen)
    assert one.value("poller_readings_put_off_total") == 2
    await one.handover.finish()
    one.poll(1, counters=fallen)
    await one.handover.finish()
    assert [line.reason.value for line in disk.lines] == ["first", "first", "counter-fell"]


async def test_readings_of_a_clock_of_1970_wait_and_are_dated_to_the_moment() -> None:
    clock, disk = FakeClock(EPOCH_UTC), Disk()
    one = Bench(clock, disk)
    async with running(one):
        one.poll(1)
        clock.advance(100)
        one.poll(2)
        clock.advance(20)
        await settle()
        assert disk.lines == []
        assert one.value("poller_readings_waiting") == 2
        clock.jump((START_UTC - EPOCH_UTC).total_seconds())
        one.dating.look()
        await settle()
    assert [line.taken_at for line in disk.lines] == [START_UTC, START_UTC + timedelta(seconds=100)]
    assert [reading_of(line).taken_at for line in disk.lines] == [line.taken_at for line in disk.lines]


async def test_a_reading_of_a_good_clock_is_not_moved_by_a_later_step(clock: FakeClock) -> None:
    disk = Disk()
    one = Bench(clock, disk)
    one.poll(1)
    one.is_kept = False
    clock.advance(1)
    clock.jump(86_400)
    one.poll(2)
    await one.handover.finish()
    assert [line.taken_at for line in disk.lines] == [START_UTC]  # the other one waits
    clock.advance(600)
    await one.handover.finish()
    assert [line.taken_at for line in disk.lines] == [START_UTC, START_UTC + timedelta(days=1, seconds=1)]


async def test_what_is_handed_over_to_nobody_is_told_at_debug(clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    one = Bench(clock, LogRecorder())
    one.poll()
    await one.handover.finish()
    told = [as_dict(record) for record in caplog.records if record.getMessage() == "reading.recorded"]
    assert [(fact["printer"], fact["reason"]) for fact in told] == [(colour_mfp().reading.printer.id, "first")]


# --- across a restart ---


def last_of(number: int) -> Reading:
    return colour_mfp(number).reading


async def test_a_restart_keeps_nothing_twice_and_loses_no_change(clock: FakeClock) -> None:
    disk = Disk()
    one = Bench(clock, disk)
    one.handover.restore([last_of(1), last_of(2)], unrecorded=())
    one.poll(1)
    one.poll(2, status=msgspec.structs.replace(colour_mfp().reading.status, errors=("jammed",)))
    await one.handover.finish()
    assert [(line.printer_id[-1], line.reason.value) for line in disk.lines] == [("2", "error")]


class Crew:
    """Tells of the same printers at every turn, as one that polls does."""

    def __init__(self, *numbers: int) -> None:
        self.left = [remembered(number) for number in numbers]

    def take_changes(self, count_max: int) -> tuple[list[Remembered], list[str]]:
        taken, self.left = self.left[:count_max], self.left[count_max:]
        return taken, []


def remembered(number: int) -> Remembered:
    reading = colour_mfp(number).reading
    way = Way(address=reading.printer.address, port=161, credential="public", range=None)
    return Remembered(printer=reading.printer, way=way, oids_max=10, bulk_rows=10, due_utc=START_UTC, reading=msgspec.json.encode(reading))


async def test_the_state_is_told_whose_reading_is_on_its_way_and_again_when_it_has_arrived(clock: FakeClock) -> None:
    one = Bench(clock, Disk())
    settled = Settled(Crew(1, 2), one.handover)
    one.handover.restore([last_of(2)], unrecorded=())
    one.poll(1)
    one.poll(2)
    changed, _ = settled.take_changes(10)
    assert [(each.printer.id[-1], each.is_unrecorded) for each in changed] == [("1", True), ("2", False)]
    assert settled.take_changes(10) == ([], [])
    await one.handover.finish()
    changed, _ = settled.take_changes(10)
    assert [(each.printer.id[-1], each.is_unrecorded) for each in changed] == [("1", False)]
    assert settled.take_changes(10) == ([], [])


async def test_a_reading_lost_in_a_kill_is_made_up_for_by_the_printers_next_one_even_after_a_second_kill(clock: FakeClock) -> None:
    first = Bench(clock, Disk())
    first.poll(1)  # and now it is killed
    printer_id = last_of(1).printer.id
    second = Bench(clock, Disk())
    second.handover.restore([last_of(1)], unrecorded={printer_id})
    assert second.handover.is_pending(printer_id)  # killed once more before it is polled: the state still says so
    disk = Disk()
    third = Bench(clock, disk)
    third.handover.restore([last_of(1)], unrecorded={printer_id})
    third.poll(1)
    await third.handover.finish()
    assert [line.printer_id for line in disk.lines] == [printer_id]
    assert not third.handover.is_pending(printer_id)


async def test_printers_that_are_no_more_are_forgotten(clock: FakeClock) -> None:
    disk = Disk()
    one = Bench(clock, disk)
    one.poll(1)
    one.poll(2)
    await one.handover.finish()
    one.handover.keep_only({last_of(2).printer.id})
    one.poll(1)
    one.poll(2)
    await one.handover.finish()
    assert [(line.printer_id[-1], line.reason.value) for line in disk.lines[2:]] == [("1", "first")]
