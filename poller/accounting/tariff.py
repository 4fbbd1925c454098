"""A tariff: what a job costs, and what of it is charged at all; and to which period and cost centre it belongs.

How one is written down is in `tariff_file`. Prices are `Decimal` from there on, never a binary fraction.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from poller.accounting.job import Job, Medium
from poller.accounting.names import normal
from poller.accounting.words import WORDS

Treatment = Literal["full", "printed", "waste", "none"]
TREATMENTS: tuple[Treatment, ...] = ("none", "waste", "printed", "full")
"""What becomes of a job, the least first. full: all of it is charged; printed: what came out of the press alone; waste: nothing,
and what came out is shown apart at its price; none: nothing, and nothing is shown."""

Period = Literal["day", "month", "quarter", "year"]
PERIODS: tuple[Period, ...] = ("day", "month", "quarter", "year")
_PERIOD_NAMES: Mapping[Period, re.Pattern[str]] = {
    "day": re.compile(r"(\d{4})-(\d{2})-(\d{2})", re.ASCII),
    "month": re.compile(r"(\d{4})-(0[1-9]|1[0-2])", re.ASCII),
    "quarter": re.compile(r"(\d{4})-Q([1-4])", re.ASCII),
    "year": re.compile(r"(\d{4})", re.ASCII),
}
_MONTHS: Mapping[Period, int] = {"month": 1, "quarter": 3, "year": 12}
Per = Literal["copy", "sheet", "job"]
PERS: tuple[Per, ...] = ("copy", "sheet", "job")

_REMEMBERED_TEXT_MAX = 200

UNKNOWN = "unknown"
"""What a word that is none of the manual's, or is not there, is treated as."""


class SheetPrice(msgspec.Struct, frozen=True, kw_only=True):
    """What a sheet of one stock costs; what is not named here may be anything."""

    type: str | None = None
    size: str | None = None
    colour: str | None = None
    name: str | None = None
    price: Decimal

    def fits(self, medium: Medium) -> bool:
        pairs = ((self.type, medium.type), (self.size, medium.size), (self.colour, medium.colour), (self.name, medium.name))
        return all(wanted is None or (got is not None and _same(got, wanted)) for wanted, got in pairs)


class FinishingPrice(msgspec.Struct, frozen=True, kw_only=True):
    """What one finishing costs for each copy, sheet or job. `name` is compared as people mean it; `*` is any other."""

    name: str
    price: Decimal
    per: Per = "copy"


class Prices(msgspec.Struct, frozen=True, kw_only=True):
    """What holds from one day on. None: not charged at all, so that no line speaks of it."""

    valid_from: date
    setup: Decimal | None = None
    minimum: Decimal | None = None
    copy: Decimal | None = None
    rip_second: Decimal | None = None
    trapped_page: Decimal | None = None
    impression_black: Decimal | None = None
    impression_colour: Decimal | None = None
    wider_9in: Decimal | None = None
    wider_345mm: Decimal | None = None
    express_percent: Decimal | None = None
    sheets: tuple[SheetPrice, ...] = ()
    finishing: tuple[FinishingPrice, ...] = ()


class Volume(NamedTuple):
    """Impressions of a cost centre beyond `above` in one period cost `percent` less."""

    above: int
    percent: Decimal


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What of a job is charged. Of the treatments that its status, record status and interruption ask for, the least holds."""

    statuses: Mapping[str, Treatment]
    record_statuses: Mapping[str, Treatment]
    interrupts: Mapping[str, Treatment]
    blank_sides: bool = True
    """Whether sides of a job that carry nothing are charged, as black ones; else they are waste."""
    banner_sheets: int = 0
    """So many one-sided sheets of every job are banner or error pages, which the log has no counter for; they are waste."""

    def treatment(self, job: Job) -> Treatment:
        found = (
            _of(self.statuses, job.job_status),
            _of(self.record_statuses, job.record_status or WORDS["record_status"][0]),
            _of(self.interrupts, job.interrupt_status or WORDS["interrupt_status"][0]),
        )
        return min(found, key=TREATMENTS.index)


class Tariff(msgspec.Struct, frozen=True, kw_only=True):
    """A whole tariff. `prices` by day, oldest first, at least one; `volumes` by step, smallest first."""

    name: str
    currency: str
    decimals: int = 2
    zone: str = "UTC"
    """Whose days and months count."""
    period: Period = "month"
    suspense: str = "SUSPENSE"
    """The cost centre of jobs that name none."""
    tax_percent: Decimal | None = None
    prices: tuple[Prices, ...]
    discounts: Mapping[str, Decimal]
    volumes: tuple[Volume, ...]
    policy: Policy

    def prices_on(self, day: date) -> Prices | None:
        """Return what holds on *day*, None before the first prices."""
        return next((one for one in reversed(self.prices) if one.valid_from <= day), None)

    def period_of(self, day: date) -> str:
        """Return the name of the period *day* lies in: 2026-06-16, 2026-06, 2026-Q2 or 2026. They sort by time."""
        match self.period:
            case "day":
                return day.isoformat()
            case "month":
                return f"{day:%Y-%m}"
            case "quarter":
                return f"{day.year:04}-Q{(day.month + 2) // 3}"
            case "year":
                return f"{day.year:04}"

    def span_of(self, period: str) -> tuple[int, int]:
        """Return when a period begins and ends, in seconds since 1970 UTC.

        Raises ValueError for what is no name of one, and for the last one there is: it ends in the year 10000, which dates do not have.
        """
        match = _PERIOD_NAMES[self.period].fullmatch(period)
        if match is None:
            raise ValueError(f"want a {self.period} such as {self.period_of(date(2026, 6, 16))}, got {period[:60]!r}")
        year, *rest = (int(number) for number in match.groups())
        if self.period == "day":
            first = date(year, *rest)
            if first == date.max:
                raise ValueError("year 10000 is out of range")
            after = first + timedelta(days=1)
        else:
            count = _MONTHS[self.period]
            number = year * 12 + (rest[0] - 1 if rest else 0) * count  # of the first month, from 0
            first, after = (date(at // 12, at % 12 + 1, 1) for at in (number, number + count))
        return self._midnight(first), self._midnight(after)

    def _midnight(self, day: date) -> int:
        return int(datetime(day.year, day.month, day.day, tzinfo=self.zone_info()).timestamp())

    def cost_centre_of(self, job: Job) -> str:
        return (job.account or "").strip() or self.suspense

    def zone_info(self) -> ZoneInfo:
        return ZoneInfo(self.zone)


def _same(one: str, two: str) -> bool:
    """Whether people mean the same by two names."""
    return _same_again(one, two) if len(one) <= _REMEMBERED_TEXT_MAX else normal(one) == normal(two)


@lru_cache(4096)
def _same_again(one: str, two: str) -> bool:
    """The same, remembered: asked of a few stocks a million times. A cell of a log may be long, so not for those."""
    return normal(one) == normal(two)


def _of(treatments: Mapping[str, Treatment], word: str | None) -> Treatment:
    return treatments.get(word or UNKNOWN) or treatments[UNKNOWN]
