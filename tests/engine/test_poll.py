"""The polling crew on a fake clock: its sleep moves the clock, so hours pass at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest

from poller.engine import device
from poller.engine.fleet import Fleet
from poller.engine.poll import Place, Poller
from poller.engine.rhythm import Rhythm
from poller.engine.roster import Roster
from poller.errors import NoAnswerError
from poller.logs import as_dict
from poller.model import Printer, Target
from poller.simulator import misbehaviour, recordings
from poller.snmp.message import Missing, Question, Value
from poller.snmp.oid import Oid, parse
from tests.engine.device_wire import TARGET, DeviceWire
from tests.engine.misbehaving_wire import MisbehavingWire
from tests.fake_clock import FakeClock

EVERY_SECONDS = 900.0
RHYTHM = Rhythm(every_seconds=EVERY_SECONDS, busy_seconds=EVERY_SECONDS, wake_seconds=EVERY_SECONDS)
SERIAL = parse("1.3.6.1.2.1.43.5.1.1.17.1")
CONFIG_CHANGES = parse("1.3.6.1.2.1.43.5.1.1.1.1")


class Bench:
    """A poller with one device; `pass_seconds` lets the fake time go by."""

    def __init__(self, clock: FakeClock, wire: DeviceWire) -> None:
        self.clock, self.wire = clock, wire
        self.fleet = Fleet(clock, site=None, stale_after_seconds=86_400, forget_after_seconds=30 * 86_400)
        self.poller = Poller(wire, self.fleet, clock, roster=Roster(), rhythm=RHYTHM, workers=3, rows_max=2000, sleep=self._sleep)
        self._left_seconds = 0.0
        self._arrived = asyncio.Event()
        self._go = asyncio.Event()

    async def _sleep(self, seconds: float) -> None:
        while self._left_seconds <= 0:
            self._arrived.set()
            self._go.clear()
            await self._go.wait()
        for _ in range(50):  # workers have their turn
            await asyncio.sleep(0)
        next_at = self.poller._agenda.schedule.next_at()  # nothing happens before
        is_idle = next_at is None and self.poller.status().busy == 0
        quiet_seconds = self._left_seconds if is_idle else (next_at or 0.0) - self.clock.monotonic()
        step_seconds = max(seconds, min(quiet_seconds, self._left_seconds))
        self._left_seconds -= step_seconds
        self.clock.advance(step_seconds)

    async def pass_seconds(self, seconds: float) -> None:
        self._left_seconds = seconds
        self._arrived.clear()
        self._go.set()
        await self._arrived.wait()

    async def find(self) -> Printer:
        printer = await device.identify(self.wire, TARGET, rows_max=2000, location=None)
        assert printer is not None
        self.poller.found(printer, TARGET, Place())
        return printer


@asynccontextmanager
async def bench(clock: FakeClock, *, wire: DeviceWire | None = None) -> AsyncIterator[Bench]:
    one, stop = Bench(clock, wire or DeviceWire(recordings.load("colour-laser").rows)), asyncio.Event()
    running = asyncio.create_task(one.poller.run(stop))
    try:
        yield one
    finally:
        stop.set()
        one._left_seconds = 10.0
        one._go.set()
        await running


async def test_a_found_printer_is_read_at_once_and_then_every_interval(clock: FakeClock) -> None:
    async with bench(clock) as one:
        printer = await one.find()
        await one.pass_seconds(2)
        entry = one.fleet.get(printer.id)
        assert entry is not None
        assert entry.is_up
        assert one.poller.status().results == {"ok": 1}
        await one.pass_seconds(EVERY_SECONDS * 4)
        assert one.poller.status().results["ok"] in (4, 5)


async def test_after_the_first_poll_only_what_exists_is_asked(clock: FakeClock) -> None:
    async with bench(clock) as one:
        await one.find()
        await one.pass_seconds(2)
        one.wire.asked.clear()
        await one.pass_seconds(EVERY_SECONDS * 1.2)
        assert 1 <= sum(kind == "get" for kind, _ in one.wire.asked) <= 4
        assert sum(kind == "next" for kind, _ in one.wire.asked) <= 2  # the alert table


async def test_a_silent_printer_is_down_asked_less_often_logged_once_and_welcomed_back(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    async with bench(clock) as one:
        printer = await one.find()
        await one.pass_seconds(2)
        one.wire.is_silent = True
        await one.pass_seconds(EVERY_SECONDS * 20)
        entry = one.fleet.get(printer.id)
        assert entry is not None
        assert not entry.is_up
        assert 6 <= one.poller.status().results["no_answer"] <= 12
        one.wire.is_silent = False
        await one.pass_seconds(EVERY_SECONDS * 9)
        entry = one.fleet.get(printer.id)
        assert entry is not None
        assert entry.is_up
    events = [as_dict(record)["event"] for record in caplog.records]
    assert (events.count("printer.silent"), events.count("printer.heard")) == (1, 1)


async def test_a_printer_that_has_to_wake_first_is_never_called_silent(clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    sleepy = misbehaviour.wake_slowly(20.0, after_idle_seconds=EVERY_SECONDS / 2, monotonic=clock.monotonic)
    wire = MisbehavingWire(recordings.load("colour-laser").rows, sleepy, clock)
    async with bench(clock, wire=wire) as one:
        with pytest.raises(NoAnswerError):
            await one.find()
        clock.advance(20)
        printer = await one.find()
        await one.pass_seconds(EVERY_SECONDS * 4)
        results = one.poller.status().results
        assert results["no_answer"] >= 3
        assert results["ok"] >= results["no_answer"]
        entry = one.fleet.get(printer.id)
        assert entry is not None
        assert entry.is_up
    assert "printer.silent" not in [as_dict(record)["event"] for record in caplog.records]


async def test_a_printer_gone_quiet_is_asked_once_more_before_it_is_called_silent(clock: FakeClock) -> None:
    async with bench(clock) as one:
        printer = await one.find()
        await one.pass_seconds(2)
        one.wire.is_silent = True
        while not one.poller.status().results.get("no_answer"):
            await one.pass_seconds(5)
        entry = one.fleet.get(printer.id)
        assert entry is not None
        assert entry.is_up
        await one.pass_seconds(40)
        entry = one.fleet.get(printer.id)
        assert entry is not None
        assert not entry.is_up
        assert one.poller.status().results["no_answer"] == 2


async def test_a_printer_silent_for_longer_than_it_is_shown_is_forgotten(clock: FakeClock) -> None:
    async with bench(clock) as one:
        printer = await one.find()
        await one.pass_seconds(2)
        one.wire.is_silent = True
        await one.pass_seconds(31 * 86_400 + 8 * EVERY_SECONDS)
        assert one.fleet.get(printer.id) is None
        assert one.poller.status().printers == 0
        one.wire.is_silent = False
        await one.find()
        await one.pass_seconds(2)
        assert one.fleet.get(printer.id) is not None


async def test_when_the_device_says_its_tables_changed_it_is_learned_again(clock: FakeClock) -> None:
    async with bench(clock) as one:
        printer = await one.find()
        await one.pass_seconds(2)
        await one.pass_seconds(EVERY_SECONDS * 4)  # an agent that never holds still is learned once an hour at most
        one.wire.rows = [
            (oid, (tag, bytes([content[-1] + 1])) if oid == CONFIG_CHANGES else (tag, content))
            for oid, (tag, content) in one.wire.rows
            if not oid.startswith(parse("1.3.6.1.2.1.43.8"))  # the tray was taken out
        ]
        await one.pass_seconds(EVERY_SECONDS * 2)
        entry = one.fleet.get(printer.id)
        assert entry is not None
        assert entry.reading is not None
        assert entry.reading.trays == ()


async def test_another_device_at_the_address_takes_its_own_place_and_the_old_one_is_silent(clock: FakeClock) -> None:
    async with bench(clock) as one:
        before = await one.find()
        await one.pass_seconds(2)
        one.wire.rows = list(recordings.load("mono-laser").rows)
        await one.pass_seconds(EVERY_SECONDS * 8)
        old = one.fleet.get(before.id)
        assert old is not None
        assert not old.is_up
        assert len(one.fleet) == 2
        assert sum(entry.is_up for entry in one.fleet) == 1


async def test_a_printer_that_moved_is_asked_where_it_was_seen_last_once_its_old_address_is_silent(clock: FakeClock) -> None:
    async with bench(clock) as one:
        printer = await one.find()
        await one.pass_seconds(2)
        elsewhere = msgspec.structs.replace(TARGET, address="192.0.2.99")
        one.wire.silent_at = {TARGET.address}
        one.poller.found(msgspec.structs.replace(printer, address="192.0.2.99"), elsewhere, Place())
        await one.pass_seconds(EVERY_SECONDS * 1.2)
        entry = one.fleet.get(printer.id)
        assert entry is not None
        assert entry.is_up
        assert entry.printer.address == "192.0.2.99"


async def test_stopping_finishes_the_polls_under_way(clock: FakeClock) -> None:
    async with bench(clock) as one:
        await one.find()
        await one.pass_seconds(0.5)
    assert one.poller.status().results == {"ok": 1}
    assert one.poller.status().busy == 0


class Street:
    """A wire with a device at each of several addresses."""

    def __init__(self, houses: dict[str, DeviceWire]) -> None:
        self.houses = houses

    async def get(self, target: Target, question: Question) -> tuple[Value | Missing, ...]:
        return await self.houses[target.address].get(target, question)

    async def next(self, target: Target, oid: Oid, rows: int) -> list[tuple[Oid, Value]]:
        return await self.houses[target.address].next(target, oid, rows)


async def test_two_printers_that_swap_addresses_are_told_apart_by_the_next_poll(clock: FakeClock) -> None:
    here, there = TARGET.address, "192.0.2.99"
    elsewhere = msgspec.structs.replace(TARGET, address=there)
    street = Street({here: DeviceWire(recordings.load("colour-laser").rows), there: DeviceWire(recordings.load("mono-laser").rows)})
    async with bench(clock) as one:
        one.poller._reader.wire = street
        colour, mono = [await device.identify(street, target, rows_max=2000, location=None) for target in (TARGET, elsewhere)]
        assert colour is not None
        assert mono is not None
        one.poller.found(colour, TARGET, Place())
        one.poller.found(mono, elsewhere, Place())
        await one.pass_seconds(2)
        street.houses = {here: street.houses[there], there: street.houses[here]}
        one.poller.found(msgspec.structs.replace(colour, address=there), elsewhere, Place())
        one.poller.found(msgspec.structs.replace(mono, address=here), TARGET, Place())
        await one.pass_seconds(EVERY_SECONDS * 1.2)
        shown = {entry.printer.id: (entry.is_up, entry.printer.address, entry.printer.model) for entry in one.fleet}
        assert shown == {colour.id: (True, there, colour.model), mono.id: (True, here, mono.model)}
        await one.pass_seconds(EVERY_SECONDS * 2)
        assert one.poller.status().printers == 2
        assert all(entry.is_up for entry in one.fleet)


async def test_a_silent_printer_the_sweep_has_met_is_polled_at_once(clock: FakeClock) -> None:
    async with bench(clock) as one:
        printer = await one.find()
        await one.pass_seconds(2)
        one.wire.is_silent = True
        await one.pass_seconds(EVERY_SECONDS * 12)
        one.wire.is_silent = False
        one.poller.found(printer, TARGET, Place())
        await one.pass_seconds(2)
        entry = one.fleet.get(printer.id)
        assert entry is not None
        assert entry.is_up


async def test_a_location_changed_in_the_configuration_shows_with_the_next_poll(clock: FakeClock) -> None:
    async with bench(clock) as one:
        printer = await one.find()
        await one.pass_seconds(2)
        one.poller.found(printer, TARGET, Place(location="Room 8"))
        await one.pass_seconds(EVERY_SECONDS * 1.2)
        entry = one.fleet.get(printer.id)
        assert entry is not None
        assert entry.printer.location == "Room 8"
