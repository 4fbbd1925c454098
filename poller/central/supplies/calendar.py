"""When an account works: its weekdays, its quiet days, its hours, in its own time zone.

Toner is used on working days. Counted in plain days, a printer that does nothing over Christmas looks slow in January, and a forecast made
on Friday comes out two days short. So time is measured in *active days*: 1 is a usual working day, a Sunday may be 0.03.

No table of holidays is kept. The account's own printers tell: what they print on a weekday against what they usually print gives the
weight of that weekday, and a day on which nearly all of them rest is a *quiet day*, whatever the reason (public holiday, works holiday, a
strike). That needs no list of countries and regions, knows bridge days and closed schools, and is never out of date. A quiet day is
expected again on the same date of the next year; further ones can be written into the account's settings.

Times here are *local seconds*: seconds since 1970 on the clock of the account's wall. Their day is `local // 86400`, also across a change
of summer time, which moves no use from one day to another.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta, tzinfo

import msgspec

DAY_SECONDS = 86400

_EPOCH = date(1970, 1, 1).toordinal()
_USUAL = (1.0, 1.0, 1.0, 1.0, 1.0, 0.15, 0.15)
"""What is believed of Monday to Sunday before an account has shown its own week."""
_USUAL_WEIGHT = 20.0
"""… and for as many printer-days it counts."""
_WEEKDAY_KEEPS = 0.995
"""Each day, what was learned of the weekdays loses half a percent: a firm that begins to work on Saturdays is noticed within months."""
_QUIET_BELOW = 0.4
_QUIET_PRINTERS_MIN = 8
"""A day is quiet when at least eight printers together did less than 40 % of what they usually do on that weekday."""
_QUIET_LEAST = 0.02
_OPEN_DAYS = 21
"""So long a day may still be reported about."""
_QUIET_KEPT_DAYS = 400
_RATIO_MAX = 4.0
"""One printer's burst counts at most as four usual days, so that it cannot speak for the account."""

_AT_WORK = 0.9
_OPENS, _CLOSES = 7 * 3600, 19 * 3600
"""Nine tenths of a day's use are between seven and seven, the rest is spread over all hours."""


class Calendar:
    """What is known of an account's days, at one moment. Built once a day; asked very often."""

    def __init__(self, zone: tzinfo, weights: Iterable[float], quiet: dict[int, float], begin: int) -> None:
        """*begin* is the first day that is asked about; *quiet* the share of a usual day that each known quiet day had."""
        self.zone = zone
        self._weights = tuple(weights)
        self._quiet = quiet
        self._begin = begin
        self._sums = [0.0]

    def local(self, utc: datetime) -> float:
        """Return *utc* as local seconds."""
        return local_seconds(utc, self.zone)

    def utc(self, local: float) -> datetime:
        """Return the moment at which the account's wall clock shows *local*; in the hour that comes twice, the first."""
        naive = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=local)
        return naive.replace(tzinfo=self.zone).astimezone(UTC)

    def weight(self, day: int) -> float:
        """Return how much of a usual working day *day* is expected to be, or turned out to be."""
        return self._weights[(day + 3) % 7] * self._quiet.get(day, 1.0)

    def activity(self, begin: float, end: float) -> float:
        """Return the active days between two local times."""
        return self.until(end) - self.until(begin)

    def until(self, local: float) -> float:
        """Return the active days from the calendar's first day to a local time; two of them subtracted are an `activity`."""
        index = int(local // DAY_SECONDS) - self._begin
        if index < 0:  # older than anything that is asked in earnest
            return (local / DAY_SECONDS - self._begin) * sum(self._weights) / 7
        sums = self._sums
        while index + 1 >= len(sums):
            sums.append(sums[-1] + self.weight(self._begin + len(sums) - 1))
        second = local % DAY_SECONDS
        share = (1 - _AT_WORK) * second / DAY_SECONDS
        if second >= _CLOSES:
            share += _AT_WORK
        elif second > _OPENS:
            share += _AT_WORK * (second - _OPENS) / (_CLOSES - _OPENS)
        before = sums[index]
        return before + (sums[index + 1] - before) * share


def local_seconds(utc: datetime, zone: tzinfo) -> float:
    """Return what the wall clock of *zone* shows at *utc*, as seconds since 1970."""
    offset = utc.astimezone(zone).utcoffset()
    assert offset is not None
    return utc.timestamp() + offset.total_seconds()


class Rhythm(msgspec.Struct):
    """What an account's printers have shown of its days; grows with no account. To be stored with the account.

    `did` and `counted` are by weekday, Monday first: what printers did, in their own usual working days, and how many of them spoke.
    `days` has the same for each of the last days, `quiet` those found quiet. `typical_pages` is what a printer prints on a working day: the
    first belief about a new one.
    """

    did: list[float] = msgspec.field(default_factory=lambda: [0.0] * 7)
    counted: list[float] = msgspec.field(default_factory=lambda: [0.0] * 7)
    days: dict[int, tuple[float, int]] = {}
    quiet: dict[int, float] = {}
    today: int = 0
    typical_pages: float = 50.0
    typical_count: int = 0

    def note_day(self, day: int, ratio: float) -> None:
        """Take in that one printer did *ratio* of its usual working day on *day*."""
        if not self.today - _OPEN_DAYS <= day <= self.today:
            return
        ratio = min(ratio, _RATIO_MAX)
        did, counted = self.days.get(day, (0.0, 0))
        self.days[day] = (did + ratio, counted + 1)
        if day not in self.quiet:
            self.did[(day + 3) % 7] += ratio
            self.counted[(day + 3) % 7] += 1

    def note_pages(self, pages: float) -> None:
        """Take in what one printer prints on a working day; the average is geometric, since printers differ by factors."""
        self.typical_count = min(self.typical_count + 1, 5000)
        if pages > 0:
            self.typical_pages *= (pages / self.typical_pages) ** (1 / (self.typical_count + 1))

    def turn(self, day: int) -> None:
        """Go on to *day*: judge the days before, forget what is old."""
        weights = self.weights()
        for past, (did, counted) in self.days.items():
            usual = counted * weights[(past + 3) % 7]
            if counted >= _QUIET_PRINTERS_MIN and weights[(past + 3) % 7] > _QUIET_BELOW:
                ratio = did / usual
                if ratio < _QUIET_BELOW:
                    if past not in self.quiet:  # it had been taken for an ordinary one
                        self.did[(past + 3) % 7] -= did
                        self.counted[(past + 3) % 7] -= counted
                    self.quiet[past] = max(ratio, _QUIET_LEAST)
        self.days = {past: seen for past, seen in self.days.items() if past >= day - _OPEN_DAYS}
        self.quiet = {past: share for past, share in self.quiet.items() if past >= day - _QUIET_KEPT_DAYS}
        kept = _WEEKDAY_KEEPS ** max(0, min(day - self.today, 365))
        self.did = [max(0.0, value * kept) for value in self.did]
        self.counted = [max(0.0, value * kept) for value in self.counted]
        self.today = day

    def weights(self) -> list[float]:
        """Return the weight of Monday to Sunday; the five strongest days average 1."""
        raw = [
            (did + usual * _USUAL_WEIGHT) / (counted + _USUAL_WEIGHT)
            for did, counted, usual in zip(self.did, self.counted, _USUAL, strict=True)
        ]
        level = sum(sorted(raw)[2:]) / 5
        return [max(value / level, _QUIET_LEAST) for value in raw] if level > 0 else list(_USUAL)

    def calendar(self, zone: tzinfo, *, back_days: int, given: Iterable[int] = ()) -> Calendar:
        """Return what is now known. *given* are quiet days a person wrote down; last year's come again on their date."""
        quiet = {}
        for past, share in self.quiet.items():
            before = date.fromordinal(past + _EPOCH)
            if (before.month, before.day) != (2, 29):
                quiet[before.replace(year=before.year + 1).toordinal() - _EPOCH] = share
        quiet |= dict.fromkeys(given, _QUIET_LEAST)
        quiet |= self.quiet
        return Calendar(zone, self.weights(), quiet, self.today - back_days)


def day_number(day: date) -> int:
    """Return the number of a date as `local // 86400` gives it."""
    return day.toordinal() - _EPOCH
