"""What of one job can be charged: impressions by colour, sheets by stock and width, copies, seconds of RIP. What the log does not say is
None, and a line of a bill never comes of it. Where the log contradicts itself a flag says so.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import msgspec

from poller.accounting.job import NO_MEDIUM, Job, Medium
from poller.accounting.tariff import Policy
from poller.accounting.values import COUNT_MAX
from poller.accounting.words import BOTH_LOST, DESCRIPTION_LOST, QUANTITIES_LOW

Flag = Literal[
    "account-missing",
    "quantities-low",
    "description-lost",
    "status-unknown",
    "impressions-unknown",
    "colours-differ",
    "media-differ",
    "sheet-without-price",
    "finishing-without-price",
    "undated",
    "before-prices",
]
"""Why a person should look at a job's lines; docs/tariffs.md says what each means (a test compares)."""


class Sides(NamedTuple):
    """Printed sides, each counted once."""

    black: int = 0
    colour: int = 0
    blank: int = 0
    """Sides of the job that carry nothing, and are not charged."""
    banner: int = 0
    """Sides of banner and error sheets."""


class Stock(NamedTuple):
    """Sheets of one medium; `banner` of them are not charged."""

    medium: Medium
    sheets: int
    banner: int = 0


class Quantities(msgspec.Struct, frozen=True, gc=False):
    """`sides` is None where the log tells nothing of impressions; `widest` are sheets over 345 mm, `wide` the others over 9 in."""

    sides: Sides | None
    stocks: tuple[Stock, ...]
    wide: int
    widest: int
    copies: int | None
    sheets: int | None
    rip_seconds: int | None
    """Without the time a job with precedence took away."""
    trapped_pages: int | None
    flags: tuple[Flag, ...]


def quantities(job: Job, policy: Policy) -> Quantities:
    flags: list[Flag] = []
    if job.record_status in (QUANTITIES_LOW, BOTH_LOST):
        flags.append("quantities-low")
    if job.record_status in (DESCRIPTION_LOST, BOTH_LOST):
        flags.append("description-lost")
    if not (job.account or "").strip():
        flags.append("account-missing")
    if job.job_status is None or job.job_status not in policy.statuses:
        flags.append("status-unknown")
    banner = _banner(job, policy.banner_sheets)
    sides = _sides(job, banner, flags, is_blank_charged=policy.blank_sides)
    rip = job.rip_seconds
    wide, widest = job.sheets_wider_9in or 0, job.sheets_wider_345mm or 0
    return Quantities(
        sides=sides,
        stocks=_stocks(job, banner if sides is None else sides.banner, flags),
        wide=max(0, wide - widest),
        widest=widest,
        copies=job.copies_printed,
        sheets=job.sheets,
        rip_seconds=None if rip is None else max(0, rip - (job.rip_interrupted_seconds or 0)),
        trapped_pages=job.pages_trapped,
        flags=tuple(flags),
    )


def impressions(job: Job) -> int | None:
    """Return the printed sides: as counted, else what the sheets make (one side, two sides), else the pages by colour, else None.

    A sum beyond what any counter holds is none.
    """
    if job.impressions is not None:
        return job.impressions
    if job.sheets_one_sided is not None and job.sheets_two_sided is not None:
        total = job.sheets_one_sided + 2 * job.sheets_two_sided
    elif job.black_pages is not None and job.colour_pages is not None:
        total = job.black_pages + job.colour_pages
    else:
        return None
    return total if total <= COUNT_MAX else None


def _banner(job: Job, per_job: int) -> int:
    """Return how many sheets may be banners. They have one side, which is black, and are no more than there are."""
    if not per_job or not job.sheets:
        return 0
    return min(per_job, job.sheets if job.sheets_one_sided is None else job.sheets_one_sided)


def _sides(job: Job, banner: int, flags: list[Flag], *, is_blank_charged: bool) -> Sides | None:
    total = impressions(job)
    if total is None:
        flags.append("impressions-unknown")
        return None
    colour, black = job.colour_pages or 0, job.black_pages
    if colour > total or (black is not None and black + colour > total):
        flags.append("colours-differ")
        colour = min(colour, total)
        black = total - colour
    blank = 0 if black is None or is_blank_charged else total - black - colour
    rest = total - colour - blank
    banner = min(banner, rest)
    return Sides(rest - banner, colour, blank, banner)


def _stocks(job: Job, banner: int, flags: list[Flag]) -> tuple[Stock, ...]:
    stocks = [(medium, medium.number_printed) for medium in job.media if medium.number_printed]
    if job.sheets is not None:
        rest = job.sheets - sum([sheets for _, sheets in stocks])
        if rest > 0:
            stocks.insert(0, (NO_MEDIUM, rest))  # banner sheets are among these first
        elif rest < 0:
            flags.append("media-differ")
    found = []
    for medium, sheets in stocks:
        taken = min(banner, sheets)
        banner -= taken
        found.append(Stock(medium, sheets, taken))
    return tuple(found)
