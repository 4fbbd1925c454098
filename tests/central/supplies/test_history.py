"""A printer's pages, day by day: rows, rates, and counters that do odd things."""

from __future__ import annotations

from datetime import UTC, date

import pytest

from poller.central.supplies.calendar import DAY_SECONDS, Calendar, day_number
from poller.central.supplies.history import ROWS_MAX, Usage, rate_of

FIRST = day_number(date(2026, 3, 2))  # a Monday
EVEN = Calendar(UTC, [1.0] * 7, {}, FIRST)
OFFICE = Calendar(UTC, [1, 1, 1, 1, 1, 0.02, 0.02], {}, FIRST)


def at(day: float) -> float:
    return (FIRST + day) * DAY_SECONDS


def printed(pages: list[int], *, calendar: Calendar = EVEN) -> Usage:
    """Return the usage of a printer read at the end of each day."""
    usage, count = Usage(), 100
    usage.add(at(0.0), count, calendar)
    for day, more in enumerate(pages, 1):
        count += more
        usage.add(at(day) - 60, count, calendar)
    return usage


def test_readings_of_one_day_are_one_row() -> None:
    usage = Usage()
    for number, hour in enumerate((0, 4, 8, 12, 16, 20)):
        usage.add(at(hour / 24), 100 + 10 * number, EVEN)
    assert [row.pages for row in usage.rows] == [50]


def test_a_silence_is_one_row_as_long_as_it_was() -> None:
    usage = printed([10])
    usage.add(at(9), 200, EVEN)
    assert usage.rows[-1].pages == 90 and usage.rows[-1].end - usage.rows[-1].begin > 8 * DAY_SECONDS - 120


@pytest.mark.parametrize("count, why", [(50, "a counter that fell"), (10_000_000, "an impossible jump")])
def test_another_counter_is_a_new_beginning(count: int, why: str) -> None:
    usage = printed([10, 10])
    usage.add(at(3), count, EVEN)
    assert usage.total == 20, why
    usage.add(at(4), count + 5, EVEN)
    assert usage.total == 25


def test_a_counter_missing_once_loses_nothing() -> None:
    usage = printed([10, 10])
    usage.add(at(3), None, EVEN)
    usage.add(at(4), 150, EVEN)
    assert usage.total == 50


def test_without_a_counter_use_is_counted_in_active_days() -> None:
    usage = Usage()
    usage.add(at(0), None, OFFICE)
    usage.add(at(7), None, OFFICE)
    assert usage.total == pytest.approx(5.04)
    assert rate_of(usage, OFFICE, 1.0).pages == pytest.approx(1.0)


def test_a_reading_that_is_not_newer_is_nothing() -> None:
    usage = printed([10, 10])
    rows = list(usage.rows)
    usage.add(at(1), 500, EVEN)
    assert usage.rows == rows and usage.total == 20


def test_history_is_bounded() -> None:
    usage = printed([1] * (2 * ROWS_MAX))
    assert len(usage.rows) == ROWS_MAX


def test_the_rate_is_pages_on_a_working_day_whatever_the_weekends() -> None:
    week = [100, 100, 100, 100, 100, 2, 2]
    rate = rate_of(printed(week * 6, calendar=OFFICE), OFFICE, 100)
    assert rate.pages == pytest.approx(100, rel=0.02)


def test_a_day_later_found_quiet_does_not_slow_the_rate() -> None:
    pages = [100] * 20 + [2] * 5
    quiet = Calendar(UTC, [1.0] * 7, dict.fromkeys(range(FIRST + 20, FIRST + 25), 0.02), FIRST)
    assert rate_of(printed(pages), EVEN, 100).pages < 85
    assert rate_of(printed(pages), quiet, 100).pages == pytest.approx(100, rel=0.02)


def test_recent_days_count_most() -> None:
    assert rate_of(printed([50] * 30 + [150] * 20), EVEN, 100).pages > 110


def test_few_days_lean_on_what_is_typical() -> None:
    one, many = rate_of(printed([300]), EVEN, 100), rate_of(printed([300] * 30), EVEN, 100)
    assert 150 < one.pages < 250 and many.pages > 280
    assert one.uncertainty() > 5 * many.uncertainty()


def test_uneven_days_make_a_wider_spread() -> None:
    even, uneven = rate_of(printed([100] * 40), EVEN, 100), rate_of(printed([10, 10, 10, 370] * 10), EVEN, 100)
    assert uneven.spread > 1.5 > 0.7 > even.spread


def test_nothing_known_is_the_typical_printer() -> None:
    assert rate_of(Usage(), EVEN, 80) == (80, 1.0, 0.0)
