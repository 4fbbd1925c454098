"""A simulated life: it only goes forward, it stays within what a device can say, and it is the same every time."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from poller.simulator import recordings
from poller.simulator.life import DEMO_SPEED, Life
from poller.simulator.recordings import Recording
from poller.simulator.wear import cells_of, number_at, things_of
from poller.snmp import ber
from poller.snmp.message import Value
from poller.snmp.oid import Oid
from poller.snmp.oid import parse as oid

PRINTERS = [name for name in recordings.names() if recordings.load(name).is_printer]
MIB = "1.3.6.1.2.1.43."
LIFE_COUNT, ALL_EVENTS, CRITICAL_EVENTS, CONFIG_CHANGES = "10.2.1.4.1.1", "5.1.1.19.1", "5.1.1.18.1", "5.1.1.1.1"
MINUTES = [60.0 * minute for minute in range(240)]  # of the clock; four months of life in the demo


def life(name: str, address: int = 1, speed: float = DEMO_SPEED) -> Life:
    return Life(recordings.load(name), seed=0, address=address, speed=speed)


def device_at(recording: Recording, lived: Life, elapsed_seconds: float) -> dict[Oid, Value]:
    shown: dict[Oid, Value | None] = {**dict(recording.rows), **lived.changes_at(elapsed_seconds)}
    return {at: value for at, value in shown.items() if value is not None}


def lived(name: str, address: int = 1) -> Iterator[dict[Oid, Value]]:
    recording = recordings.load(name)
    alive = life(name, address)
    return (device_at(recording, alive, elapsed) for elapsed in MINUTES)


def number(device: dict[Oid, Value], column: str) -> int:
    return int.from_bytes(device[oid(MIB + column)][1], "big")


def levels(device: dict[Oid, Value]) -> dict[tuple[int, ...], tuple[int, int]]:
    """Return (level, capacity) of what is measured, by row."""
    cells = cells_of(device, oid(MIB + "11.1.1"))
    measured = {
        row: (number_at(device, at, default=-2), number_at(device, cells.get((8, row)), default=-2))
        for (column, row), at in cells.items()
        if column == 9
    }
    return {row: (level, capacity) for row, (level, capacity) in measured.items() if level >= 0 and capacity > 0}


@pytest.mark.parametrize("column", [LIFE_COUNT, ALL_EVENTS, CRITICAL_EVENTS, CONFIG_CHANGES])
@pytest.mark.parametrize("name", ["colour-laser", "inkjet-photo", "parts-rich", "label-printer"])
def test_counters_never_go_back_and_do_go_on(name: str, column: str) -> None:
    numbers = [number(device, column) for device in lived(name)]
    assert numbers == sorted(numbers)
    if (name, column) != ("label-printer", CONFIG_CHANGES):  # it has no part to change
        assert numbers[-1] > numbers[0]


@pytest.mark.parametrize("name", PRINTERS)
def test_levels_stay_between_nothing_and_full(name: str) -> None:
    for device in lived(name):
        assert all(0 <= level <= capacity for level, capacity in levels(device).values())
        for _, content in device.values():
            assert len(content) < 300


def test_a_toner_sinks_to_empty_and_is_changed() -> None:
    toner = [levels(device)[1, 1][0] for device in lived("colour-laser")]
    rises = sum(later > earlier for earlier, later in itertools.pairwise(toner))
    falls = sum(later < earlier for earlier, later in itertools.pairwise(toner))
    assert 10 < rises < 60
    assert falls > 150
    assert 0 in toner


@pytest.mark.parametrize("name", PRINTERS)
def test_within_a_minute_of_the_demo_something_measured_falls(name: str) -> None:
    recording = recordings.load(name)
    for address in range(20):
        alive = life(name, address)
        before, after = (device_at(recording, alive, elapsed) for elapsed in (0.0, 60.0))
        toners = [thing for thing in things_of(dict(recording.rows), lambda _: 0.0) if thing.is_colorant]
        moved = [before[thing.level] != after[thing.level] for thing in toners]
        is_stopped = alive.pages_at(60 * DEMO_SPEED) < 0.5 * alive.pages_at(240 * 60 * DEMO_SPEED) / 240
        assert any(moved) or not toners or is_stopped or name == "solid-ink"  # a stick of six lasts for days


@pytest.mark.parametrize("name", ["some-remaining"])
def test_minus_three_stays_minus_three(name: str) -> None:
    for device in lived(name):
        cells = cells_of(device, oid(MIB + "11.1.1"))
        assert {number_at(device, at, default=0) for (column, _), at in cells.items() if column == 9} == {-3}


@pytest.mark.parametrize("name", PRINTERS)
def test_speed_nought_shows_every_level_state_and_alert_as_recorded(name: str) -> None:
    recording = recordings.load(name)
    still = life(name, speed=0.0)
    changes = still.changes_at(3600.0)
    markers = {at for (column, _), at in cells_of(dict(recording.rows), oid(MIB + "10.2.1")).items() if column in (4, 5)}
    uptimes = {oid("1.3.6.1.2.1.1.3.0"), oid("1.3.6.1.2.1.25.1.1.0")}
    assert set(changes) <= markers | uptimes | {at for at, _ in recording.grows}


def test_uptime_follows_the_clock_and_not_the_speed() -> None:
    up = oid("1.3.6.1.2.1.1.3.0")
    recording = recordings.load("mono-laser")
    before, after = (device_at(recording, life("mono-laser"), elapsed)[up][1] for elapsed in (0.0, 60.0))
    assert int.from_bytes(after, "big") - int.from_bytes(before, "big") == 6000


@pytest.mark.parametrize("name", PRINTERS)
def test_alerts_error_bits_and_status_tell_one_story(name: str) -> None:
    recording = recordings.load(name)
    for address in range(5):
        for device in lived(name, address):
            cells = cells_of(device, oid(MIB + "18.1.1"))
            alerts = {row for _, row in cells if row[-1] >= 1_000_000}
            critical = {row for row in alerts if number_at(device, cells[2, row], default=0) == 3}
            status = next(int.from_bytes(value[1], "big") for at, value in device.items() if at.startswith(oid("1.3.6.1.2.1.25.3.5.1.1")))
            if critical:
                assert status == 1
            if not alerts:
                assert status in (3, 4)
            for row in alerts:
                assert {column for column, other in cells if other == row} == set(range(2, 10))
                assert device[cells[9, row]][0] == ber.TIME_TICKS
                assert number_at(device, cells[9, row], default=0) <= number_at(device, oid("1.3.6.1.2.1.1.3.0"), default=0)
            groups = {number_at(device, cells[4, row], default=0) for row in alerts}
            assert (6 in groups) == any(
                number_at(device, at, default=0) == 3 for (column, _), at in cells_of(device, oid(MIB + "6.1.1")).items() if column == 3
            )
            assert len(recording.rows) > 0


def test_an_alert_keeps_its_index_while_it_stands_and_no_other_gets_it() -> None:
    texts: dict[int, bytes] = {}
    spans: dict[int, list[int]] = {}
    for minute, device in enumerate(lived("parts-rich")):
        for (column, row), at in cells_of(device, oid(MIB + "18.1.1")).items():
            if column == 8 and row[-1] >= 1_000_000:
                assert texts.setdefault(row[-1], device[at][1]) == device[at][1]
                spans.setdefault(row[-1], []).append(minute)
    assert len(spans) > 50
    assert all(minutes == list(range(minutes[0], minutes[-1] + 1)) for minutes in spans.values())


def test_pages_stand_still_during_a_jam() -> None:
    alive = life("mono-laser")
    recording = recordings.load("mono-laser")
    jammed = [
        elapsed / 2
        for elapsed in range(2 * 60 * 30)
        if any(
            row[-1] >= 1_000_000 and number_at(device, at, default=0) in (6, 13)
            for device in [device_at(recording, alive, elapsed / 2)]
            for (column, row), at in cells_of(device, oid(MIB + "18.1.1")).items()
            if column == 4
        )
    ]
    assert jammed
    first_stretch = [at for at in jammed if at < jammed[0] + 5]
    counts = {number(device_at(recording, alive, elapsed), LIFE_COUNT) for elapsed in first_stretch}
    assert len(counts) == 1


def test_devices_that_are_no_printers_only_grow_older() -> None:
    assert set(life("switch").changes_at(60.0)) == {oid("1.3.6.1.2.1.1.3.0")}


def test_vendor_counters_grow_with_the_pages_by_their_share() -> None:
    recording = recordings.load("colour-laser")
    alive = life("colour-laser")
    mono, colour = (oid(f"1.3.6.1.4.1.1347.42.2.2.1.1.3.1.{row}") for row in (1, 2))
    early, late = (device_at(recording, alive, elapsed) for elapsed in (0.0, 14_400.0))
    gained = {at: number_at(late, at, default=0) - number_at(early, at, default=0) for at in (mono, colour, oid(MIB + LIFE_COUNT))}
    assert gained[mono] == pytest.approx(0.6 * gained[oid(MIB + LIFE_COUNT)], abs=2)
    assert gained[colour] == pytest.approx(0.38 * gained[oid(MIB + LIFE_COUNT)], abs=2)


def test_a_counter_wraps_as_its_type_does() -> None:
    recording = Recording("old", ((oid("1.3.6.1.2.1.1.3.0"), (ber.TIME_TICKS, b"\x00\xff\xff\xff\xff")),))
    assert Life(recording, seed=0, address=0, speed=0.0).changes_at(0.02)[oid("1.3.6.1.2.1.1.3.0")] == (ber.TIME_TICKS, b"\x01")
