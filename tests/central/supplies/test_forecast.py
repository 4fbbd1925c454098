"""When a supply runs out, and how sure that is."""

from __future__ import annotations

import math
import random
from datetime import UTC, date

import pytest

from poller.central.supplies.calendar import DAY_SECONDS, Calendar, day_number
from poller.central.supplies.forecast import Outlook, days_until, forecast, outlook_of
from poller.central.supplies.history import Rate
from poller.central.supplies.slots import Cartridge, Left, Slot
from poller.central.supplies.yields import Belief

FIRST = day_number(date(2026, 3, 2))
NOW = FIRST * DAY_SECONDS + 18 * 3600.0
EVEN = Calendar(UTC, [1.0] * 7, {}, FIRST)


def outlook(
    low: float, high: float, *, pages_per_day: float = 100, since: float = 0, variance: float = 0.06**2, days: float = 25
) -> Outlook:
    slot = Slot(Cartridge(number=0, left=Left(low, high, 0.0)), is_measured=True)
    return outlook_of(slot, Rate(pages_per_day, 0.8, days), Belief(math.log(5000), variance, 5), NOW, since)


@pytest.mark.parametrize("low, days", [(1.0, 50), (0.5, 25), (0.2, 10)])
def test_the_middle_of_the_forecast_is_pages_left_by_pages_a_day(low: float, days: float) -> None:
    found = forecast(outlook(low, low), EVEN)
    assert found.days == pytest.approx(days, rel=0.15)
    assert found.early_days is not None and found.late_days is not None and found.days is not None
    assert found.early_days < found.days < found.late_days


def test_what_is_empty_is_empty_now() -> None:
    assert forecast(outlook(0.0, 0.0), EVEN).days == pytest.approx(0, abs=0.1)


def test_beyond_a_year_nothing_is_foretold() -> None:
    assert forecast(outlook(1.0, 1.0, pages_per_day=1), EVEN) == (None, None, None)


def test_a_printer_that_does_not_print_needs_nothing() -> None:
    assert outlook(0.01, 0.01, pages_per_day=0).chance_empty(30) == 0


def test_the_chance_rises_with_the_days() -> None:
    chances = [outlook(0.3, 0.3).chance_empty(days) for days in range(1, 60)]
    assert chances == sorted(chances) and chances[0] < 0.001 and chances[-1] > 0.99


def test_pages_since_the_last_certainty_are_gone() -> None:
    assert forecast(outlook(1.0, 1.0, since=4000), EVEN).days == pytest.approx(10, rel=0.25)


def test_less_known_is_a_wider_forecast() -> None:
    def width(one: Outlook) -> float:
        found = forecast(one, EVEN)
        return (found.late_days or 400) - (found.early_days or 400)

    known = width(outlook(0.5, 0.5))
    assert width(outlook(0.4, 0.6)) > known
    assert width(outlook(0.5, 0.5, variance=0.5)) > known
    assert width(outlook(0.5, 0.5, days=2)) > known


def test_a_cartridge_that_prints_on_is_not_empty_yet() -> None:
    """Of a whole range of what may be left, that which the pages have used up has not come about."""
    assert outlook(0.0, 1.0, since=2500).chance_empty(0.01) < 0.02


def test_reckoned_beyond_all_doubt_it_is_empty() -> None:
    assert outlook(1.0, 1.0, since=50_000).chance_empty(0.01) == 1.0


def test_a_forecast_knows_the_weekend() -> None:
    office = Calendar(UTC, [1, 1, 1, 1, 1, 0.02, 0.02], {}, FIRST)
    assert days_until(outlook(0.2, 0.2), office, 0.5) == pytest.approx(14, abs=2.1)  # ten working days


def test_the_chance_is_that_of_a_sum_of_uneven_days() -> None:
    """The gamma approximation against dice: days of spread 0.8, a rate that is not quite known, ten days of pages."""
    dice = random.Random(5)
    one = outlook(0.3, 0.3, variance=0.0)
    relative = 0.8 / 26 + 0.15**2  # the rate's own error, and the drift
    empty, tries = 0, 20_000
    for _ in range(tries):
        rate = 100 * dice.gammavariate(1 / relative, relative)
        empty += dice.gammavariate(10 / 0.9, 0.9) * rate > 1500
    assert one.chance_empty(10) == pytest.approx(empty / tries, abs=0.012)
