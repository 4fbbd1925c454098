"""When a supply runs out, and how sure that is.

    pages left  =  share left x pages a full one lasts - pages since          slots.py, yields.py
    pages to come in h days  =  pages on a working day x active days in h      history.py, calendar.py

Both are distributions. What is left is spread evenly over the interval of the slot and, by the yield, lognormally around it; here a few
points stand for it. What is to come is a sum of uneven days, and such sums are close to a gamma distribution: its variance grows with the
days (uneven days even out) and with the square of the days (a rate that is wrong stays wrong). The chance that a supply is empty h days
from now is the chance that more pages come than are left, averaged over the points; its quantiles are the forecast.

A gamma distribution's tail is computed by the cube-root transformation of Wilson and Hilferty (1931): accurate to a few thousandths here,
and a supply costs a handful of logarithms and one error function.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from poller.central.supplies.calendar import DAY_SECONDS, Calendar
from poller.central.supplies.history import Rate
from poller.central.supplies.slots import Slot
from poller.central.supplies.yields import Belief

HORIZON_DAYS = 400.0
"""Nobody orders for later than that."""

_COVERAGE_VARIANCE = 0.1
"""How unevenly a day's pages are covered: about 30 % either way."""
_DRIFT_VARIANCE = 0.15**2
"""How far a printer's use next week is from that of its last four: about 15 %, whatever is known of it."""
_VARIANCE_MOST = 4.0
_POINT_WIDTH = 0.02
_POINTS_NARROW, _POINTS_WIDE = 4, 10
_WIDE = 0.3
_NORMAL_POINTS = ((-2.857, 0.0113), (-1.3556, 0.2221), (0.0, 0.5333), (1.3556, 0.2221), (2.857, 0.0113))  # Gauss-Hermite
_BISECTIONS = 14
"""To half an hour."""


class Outlook(NamedTuple):
    """Everything a forecast of one supply needs, at one moment (`at`, local seconds).

    `points` are (pages left, weight), `variance` what is uncertain besides them in proportion to the square of the pages.
    """

    at: float
    rate: Rate
    points: tuple[tuple[float, float], ...]
    variance: float

    def chance_empty(self, active_days: float) -> float:
        """Return the chance, 0 to 1, that the supply is empty after so many active days."""
        mean = self.rate.pages * active_days
        if mean <= 0:
            return sum(weight for left, weight in self.points if left <= 0)
        variance = min((self.rate.spread + _COVERAGE_VARIANCE) / active_days + self.variance, _VARIANCE_MOST)
        root = 3 / math.sqrt(variance)
        chance = 0.0
        for left, weight in self.points:
            if left <= 0:
                chance += weight
            else:
                normal = root * ((left / mean) ** (1 / 3) - 1 + variance / 9)
                chance += weight * 0.5 * math.erfc(normal * math.sqrt(0.5))
        return chance


class Forecast(NamedTuple):
    """Days until a supply is empty: as likely later as sooner, and the one chance in twenty on either side. None: beyond `HORIZON_DAYS`."""

    early_days: float | None
    days: float | None
    late_days: float | None


def outlook_of(slot: Slot, rate: Rate, belief: Belief, at: float, pages: float) -> Outlook:
    """Return the outlook of a slot when its meter stands at *pages*."""
    left = slot.cartridge.left
    since = pages - left.pages
    wide = left.high - left.low
    uncertainty = rate.uncertainty() + _DRIFT_VARIANCE
    if since / belief.pages < 0.05 and wide <= _POINT_WIDTH:
        point = (left.low + left.high) / 2 * belief.pages - since
        return Outlook(at, rate, ((max(point, 0.0), 1.0),), uncertainty + belief.variance)
    count = 1 if wide <= _POINT_WIDTH else _POINTS_WIDE if wide > _WIDE else _POINTS_NARROW
    deviation = math.sqrt(belief.variance)
    points = []
    total = 0.0
    for number in range(count):
        share = left.low + wide * (number + 0.5) / count
        for normal, weight in _NORMAL_POINTS:
            pages_left = share * belief.pages * math.exp(normal * deviation) - since
            if pages_left > 0:  # it still prints, so those cases have not come about
                points.append((pages_left, weight))
                total += weight
    if not points:
        return Outlook(at, rate, ((0.0, 1.0),), uncertainty)
    return Outlook(at, rate, tuple((pages_left, weight / total) for pages_left, weight in points), uncertainty)


def days_until(outlook: Outlook, calendar: Calendar, chance: float) -> float | None:
    """Return in how many days the chance of being empty reaches *chance*; None beyond the horizon."""
    low, high = 0.0, HORIZON_DAYS
    if outlook.chance_empty(calendar.activity(outlook.at, outlook.at + high * DAY_SECONDS)) < chance:
        return None
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if outlook.chance_empty(calendar.activity(outlook.at, outlook.at + middle * DAY_SECONDS)) < chance:
            low = middle
        else:
            high = middle
    return high


def forecast(outlook: Outlook, calendar: Calendar) -> Forecast:
    """Return when the supply runs out, with its uncertainty."""
    return Forecast(*(days_until(outlook, calendar, chance) for chance in (0.05, 0.5, 0.95)))
