"""What one printer has printed lately, day by day, in little room: the history a forecast stands on.

A row is a stretch of time and the pages in it, most often one day of the account's own clock; after a silence it is as long as the silence
was, so no page is lost and none is put on a day it may not belong to. Sixty rows are kept. How much a day was worth is not in here: the
calendar is asked at every forecast anew, so a day later found to be a holiday stops counting as a slow day.

Where a device has no counter, use is counted in active days: then `total` goes on by itself, and a forecast is one by time alone.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from poller.central.supplies.calendar import DAY_SECONDS, Calendar

ROWS_MAX = 60
BACK_DAYS = 120
"""Rows older than this are not asked about."""

_HALF_LIFE_DAYS = 20.0
"""Twenty days are long enough to average bursts and short enough to follow a change of habit; after them a day counts half."""
_PAGES_PER_SECOND_MAX = 10.0
"""The fastest presses make about five. What counts faster is another counter: a board was swapped, a counter was set."""
_SPREAD = 1.0
"""Variance of a day's pages over the square of their mean, believed before the printer has shown its own …"""
_SPREAD_WEIGHT = 10.0
"""… for as many days."""
_SPREAD_LEAST, _SPREAD_MOST = 0.3, 8.0
_PRIOR_DAYS = 1.0
"""A printer not seen before is believed to be like the account's others for as much as one day of its own would say."""
_ACTIVITY_MIN = 0.3
"""Less than this of a working day says nothing of how its days differ."""


class Row(NamedTuple):
    """`pages` between two local times."""

    begin: float
    end: float
    pages: float


class Usage(msgspec.Struct):
    """One meter of one printer. `count` and `at` are the last that were read; `total` is all we have seen it count, and never falls."""

    at: float | None = None
    count: int | None = None
    total: float = 0.0
    rows: list[Row] = []

    def add(self, at: float, count: int | None, calendar: Calendar) -> Row | None:
        """Take in what the meter said *at* a local time; return the row that is complete with it, if one is.

        *count* is None where the device has no meter. A fall or an impossible jump is a new beginning: nothing is added.
        """
        before, last = self.at, self.count
        self.at = at
        if count is not None:
            self.count = count
        if before is None or at <= before:
            return None
        if count is None:
            if last is not None:  # the meter is missing this once
                self.at = before
                return None
            pages = calendar.activity(before, at)
        elif last is None or count < last or count - last > _PAGES_PER_SECOND_MAX * (at - before) + 1000:
            return None
        else:
            pages = float(count - last)
        self.total += pages
        rows = self.rows
        if rows and rows[-1].end == before and at // DAY_SECONDS == rows[-1].end // DAY_SECONDS:
            rows[-1] = Row(rows[-1].begin, at, rows[-1].pages + pages)
            return None
        rows.append(Row(before, at, pages))
        if len(rows) > ROWS_MAX or rows[0].end < at - BACK_DAYS * DAY_SECONDS:
            del rows[0]
        return rows[-2] if len(rows) > 1 else None


class Rate(NamedTuple):
    """How fast a printer prints: pages on a working day, how much its days differ, how many working days say so.

    `spread` is the variance of a working day's pages over the square of their mean; 1 for many office printers.
    """

    pages: float
    spread: float
    days: float

    def uncertainty(self) -> float:
        """Return the variance of `pages` over its square."""
        return self.spread / (self.days + _PRIOR_DAYS)


def rate_of(usage: Usage, calendar: Calendar, typical_pages: float) -> Rate:
    """Return the rate that *usage* shows, recent days counting most, leaning on *typical_pages* while there are few."""
    if usage.at is None or not usage.rows:
        return Rate(typical_pages, _SPREAD, 0.0)
    days = pages = 0.0
    weighed: list[tuple[float, float, float]] = []
    last_end, last_until = -1.0, 0.0
    newest, halving = usage.at, -1 / (_HALF_LIFE_DAYS * DAY_SECONDS)
    for begin, end, seen in usage.rows:
        weight: float = 2.0 ** ((newest - end) * halving)
        before = last_until if begin == last_end else calendar.until(begin)
        last_end, last_until = end, calendar.until(end)
        activity = last_until - before
        days += weight * activity
        pages += weight * seen
        weighed.append((weight, activity, seen))
    mean = (pages + _PRIOR_DAYS * typical_pages) / (days + _PRIOR_DAYS)
    if usage.count is None or mean <= 0:  # counted in active days, which differ by definition not at all: believe the usual
        return Rate(mean, _SPREAD, days)
    squares, counted = _SPREAD * _SPREAD_WEIGHT, _SPREAD_WEIGHT
    for weight, activity, seen in weighed:
        if activity >= _ACTIVITY_MIN:
            squares += weight * (seen / mean - activity) ** 2 / activity
            counted += weight
    return Rate(mean, min(max(squares / counted, _SPREAD_LEAST), _SPREAD_MOST), days)
