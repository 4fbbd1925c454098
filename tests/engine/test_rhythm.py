"""When next: each printer in its own place, sooner while something happens, later while it sleeps."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from poller.engine.rhythm import Mood, Rhythm, mood_of, phase_of, until_place
from poller.model import Alert, Printer, Reading, Status

NOW_UTC = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)
PRINTER = Printer(
    id="serial:11:A", identities=("serial:11:A", "mac:0200deadbeef"), address="10.0.0.1", range="hq", profile="acme", via="snmp-2c"
)
RHYTHM = Rhythm(every_seconds=900.0, busy_seconds=300.0, wake_seconds=14_400.0)


def reading(printer: str | None, device: str | None, *alerts: int) -> Reading:
    told = tuple(Alert(key=f"1.{code}", severity="warning", code=code) for code in alerts)
    return Reading(taken_at=NOW_UTC, printer=PRINTER, status=Status(printer=printer, device=device), alerts=told)


@pytest.mark.parametrize(
    ("printer", "device", "alerts", "is_low", "wakes", "mood"),
    [
        ("idle", "running", (), False, 0, Mood.USUAL),
        ("idle", "running", (), True, 0, Mood.BUSY),
        ("printing", "running", (), False, 0, Mood.BUSY),
        ("printing", "running", (), False, 2, Mood.BUSY),
        ("warmup", "down", (), False, 0, Mood.BUSY),
        ("other", "running", (), True, 0, Mood.ASLEEP),
        ("other", "warning", (), True, 0, Mood.ASLEEP),
        ("other", "down", (), False, 0, Mood.USUAL),
        ("idle", "running", (8, 23), True, 0, Mood.ASLEEP),
        ("idle", "running", (8,), False, 0, Mood.USUAL),
        ("idle", "running", (), False, 1, Mood.USUAL),
        ("idle", "running", (), True, 2, Mood.ASLEEP),
        (None, None, (), False, 0, Mood.USUAL),
    ],
)
def test_the_mood_of_a_printer_by_what_it_says(
    printer: str | None, device: str | None, alerts: tuple[int, ...], is_low: bool, wakes: int, mood: Mood
) -> None:
    assert mood_of(reading(printer, device, *alerts), is_low=is_low, wakes=wakes) is mood


@pytest.mark.parametrize(
    ("changes", "every_seconds"),
    [
        ({}, 900.0),
        ({"by_profile": {"acme": 3600.0}}, 3600.0),
        ({"by_profile": {"acme": 3600.0}, "by_range": {"hq": 60.0}}, 60.0),
        ({"by_range": {"hq": 60.0}, "by_printer": {"mac:0200deadbeef": 30.0}}, 30.0),
        ({"by_printer": {"10.0.0.1": 20.0}}, 20.0),
        ({"by_range": {"elsewhere": 60.0}, "by_printer": {"serial:11:B": 30.0}}, 900.0),
    ],
)
def test_the_nearest_interval_counts(changes: dict[str, Any], every_seconds: float) -> None:
    assert RHYTHM._replace(**changes).every(PRINTER) == every_seconds


def test_a_place_is_kept_over_a_restart_and_polls_stay_one_interval_apart() -> None:
    phase, now_utc, waits = phase_of(PRINTER.id), NOW_UTC, []
    for _ in range(200):
        wait_seconds = until_place(phase, 900.0, now_utc)
        assert 0.45 * 900 <= wait_seconds <= 1.55 * 900
        waits.append(wait_seconds)
        now_utc += timedelta(seconds=wait_seconds)
    assert all(abs(wait - 900.0) <= 0.05 * 900.0 for wait in waits[1:])
    assert len({round(wait) for wait in waits}) > 1  # no step is for ever
    again = until_place(phase_of(PRINTER.id), 900.0, now_utc + timedelta(seconds=200))  # it was away for a moment
    assert abs((now_utc.timestamp() + 200 + again) % 900 - (now_utc.timestamp() % 900)) < 0.06 * 900


def test_ten_thousand_printers_found_at_once_are_spread_evenly_by_their_second_poll() -> None:
    minutes = Counter(
        int((NOW_UTC.timestamp() + until_place(phase_of(f"serial:11:{n}"), 900.0, NOW_UTC)) % 900 // 60) for n in range(10_000)
    )
    assert len(minutes) == 15
    assert max(minutes.values()) < 1.2 * min(minutes.values())


def test_one_that_sleeps_is_never_woken_sooner_and_one_with_a_longer_interval_not_at_all_more_often() -> None:
    for number in range(100):
        phase = phase_of(f"serial:11:{number}")
        assert 14_400 <= RHYTHM.after_answer(PRINTER, phase, Mood.ASLEEP, NOW_UTC) <= 14_400 * 1.05
    slow = RHYTHM._replace(by_printer={PRINTER.id: 86_400.0})
    assert slow.after_answer(PRINTER, 0.5, Mood.ASLEEP, NOW_UTC) > 0.45 * 86_400


def test_a_busy_printer_is_asked_sooner_in_the_proportion_of_its_own_interval() -> None:
    slow = RHYTHM._replace(by_range={"hq": 3600.0})
    assert 0.45 * 300 <= RHYTHM.after_answer(PRINTER, 0.3, Mood.BUSY, NOW_UTC) <= 1.55 * 300
    assert 0.45 * 1200 <= slow.after_answer(PRINTER, 0.3, Mood.BUSY, NOW_UTC) <= 1.55 * 1200
    lazy = RHYTHM._replace(busy_seconds=5000.0)
    assert lazy.after_answer(PRINTER, 0.3, Mood.BUSY, NOW_UTC) == lazy.after_answer(PRINTER, 0.3, Mood.USUAL, NOW_UTC)


@pytest.mark.parametrize(
    ("every_seconds", "hours"), [(900.0, [0.25, 0.5, 1, 2, 2]), (3600.0, [1, 2, 4, 4, 4]), (86_400.0, [24, 24, 24, 24, 24])]
)
def test_a_silent_printer_is_asked_less_and_less_often_up_to_a_limit(every_seconds: float, hours: list[float]) -> None:
    rhythm = Rhythm(every_seconds=every_seconds)
    waits = [rhythm.after_silence(PRINTER, 0.5, failures) / 3600 for failures in (1, 2, 3, 4, 400)]
    assert waits == pytest.approx(hours)


def test_polls_missed_while_nobody_asked_are_spread_over_one_interval() -> None:
    waits = [RHYTHM.spread(PRINTER, phase_of(f"serial:11:{number}"), NOW_UTC) for number in range(1000)]
    assert 0 <= min(waits) < 10
    assert 890 < max(waits) <= 900
    other = msgspec.structs.replace(PRINTER, profile="slow")
    assert max(RHYTHM._replace(by_profile={"slow": 3600.0}).spread(other, number / 100, NOW_UTC) for number in range(100)) > 3500
