"""Which readings are kept: tables of two readings and why the second one is, or is not."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from poller.engine.notable import INTERVAL_SECONDS, Reason, reason_to_keep
from poller.model import Counter, Printer, Reading, Status, Supply
from tests.readings import TAKEN_UTC, colour_mfp

BEFORE = colour_mfp().reading


def later(reading: Reading = BEFORE, *, seconds: float = 0.001, **changed: object) -> Reading:
    return msgspec.structs.replace(reading, taken_at=reading.taken_at + timedelta(seconds=seconds), **changed)


def supplies(number: int = 0, **changed: object) -> tuple[Supply, ...]:
    """The supplies of BEFORE, the one at *number* changed."""
    every = list(BEFORE.supplies)
    every[number] = msgspec.structs.replace(every[number], **changed)
    return tuple(every)


def counters(number: int, by: int) -> tuple[Counter, ...]:
    every = list(BEFORE.counters)
    every[number] = msgspec.structs.replace(every[number], count=every[number].count + by)
    return tuple(every)


def printer(**changed: object) -> Printer:
    return msgspec.structs.replace(BEFORE.printer, **changed)


@pytest.mark.parametrize(
    "now, reason",
    [
        (later(), None),
        (later(supplies=supplies(ratio=0.61, units=7300)), None),
        (later(supplies=supplies(ratio=0.63 + 0.25)), None),  # a sensor of few steps that wavers
        (later(supplies=supplies(ratio=None, state="ok")), None),
        (later(counters=counters(0, 12)), None),
        (later(status=Status(printer="printing", device="running", errors=("lowToner",))), None),
        (later(status=Status(printer="idle", device="warning", errors=())), Reason.ERROR),
        (later(status=Status(printer="idle", device="warning", errors=("jammed", "lowToner"))), Reason.ERROR),
        (later(supplies=supplies(state="low")), Reason.SUPPLY),
        (later(supplies=supplies(ratio=0.0, state="empty", units=0)), Reason.SUPPLY),
        (later(supplies=supplies(1, ratio=0.99, state="ok")), Reason.PART),  # 0.08 before: somebody put in a cartridge
        (later(supplies=supplies(serial="CRG999")), Reason.PART),
        (later(supplies=supplies(serial=None)), Reason.PART),
        (later(supplies=supplies(part_number="TN-999")), Reason.PART),
        (later(supplies=BEFORE.supplies[1:]), Reason.PART),
        (later(counters=counters(0, -1)), Reason.COUNTER_FELL),
        (later(counters=BEFORE.counters[:-1]), None),  # one that is not told has not fallen
        (later(counters=BEFORE.counters[::-1]), None),
        (later(printer=printer(address="127.20.9.9")), Reason.IDENTITY),
        (later(printer=printer(firmware="3.15")), Reason.IDENTITY),
        (later(printer=printer(identities=(*BEFORE.printer.identities, "addr:127.20.9.9"))), Reason.IDENTITY),
        (later(printer=printer(via="ipp", profile=None)), None),
        (later(seconds=INTERVAL_SECONDS), Reason.INTERVAL),
    ],
)
def test_a_reading_is_kept_for_what_it_says_that_the_one_before_did_not(now: Reading, reason: Reason | None) -> None:
    assert reason_to_keep(BEFORE, now) == reason


def test_the_first_reading_of_a_printer_is_kept() -> None:
    assert reason_to_keep(None, BEFORE) is Reason.FIRST


def test_rows_that_change_places_do_not_hide_a_counter_that_fell() -> None:
    one = Counter(function="total", count=100, oid="1.1")
    two = Counter(function="copy", count=50, oid="1.2")
    before = msgspec.structs.replace(BEFORE, counters=(one, two))
    fallen = msgspec.structs.replace(one, count=60)
    assert reason_to_keep(before, later(before, counters=(msgspec.structs.replace(two, count=120), fallen))) is Reason.COUNTER_FELL


def test_errors_in_another_order_are_the_same_errors() -> None:
    before = later(status=Status(errors=("jammed", "doorOpen")))
    assert reason_to_keep(before, later(before, status=Status(errors=("doorOpen", "jammed")))) is None


@pytest.mark.parametrize("every_seconds", [300, 900, 3600, INTERVAL_SECONDS])
def test_a_day_of_unremarkable_polls_is_kept_six_times(every_seconds: int) -> None:
    for number in range(20):
        before, kept = colour_mfp(number).reading, 0
        for _ in range(24 * 3600 // every_seconds):
            now = later(before, seconds=every_seconds)
            kept += reason_to_keep(before, now) is Reason.INTERVAL
            before = now
        assert kept == 6


def test_the_fleet_is_spread_over_the_four_hours() -> None:
    """Of a thousand printers polled at the same moments, no quarter of an hour gets much more than its sixteenth."""
    kept = [0] * 16
    for number in range(1000):
        before = colour_mfp(number).reading
        for slot in range(16):
            now = later(before, seconds=900)
            kept[slot] += reason_to_keep(before, now) is Reason.INTERVAL
            before = now
    assert sum(kept) == 1000
    assert max(kept) < 1000 / 16 * 1.6


def test_a_printer_that_was_off_for_a_day_is_kept_with_its_first_answer_and_not_again() -> None:
    back = later(seconds=24 * 3600 + 60)
    assert reason_to_keep(BEFORE, back) is Reason.INTERVAL
    assert reason_to_keep(back, later(back, seconds=1)) is None
    assert BEFORE.taken_at == TAKEN_UTC
