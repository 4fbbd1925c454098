"""Reconciles the log with the billing meters of the press: what was metered and is no job in the log?

    A, 1   all impressions, administration pages too
    B      impressions up to the last sheet of the 10th set
    2      impressions on sheets wider than 9 in

Source: System Guide of the 4590 and of the 61xx family, "billing meters"; which a press has depends on where it was sold. The log cannot
answer all of them exactly: of the impressions of a duplex job with some wide sheets, it does not say how many were on those. So every sum
has a lowest and a highest value, and so has what stays unexplained. It will not be nothing: internal reports are metered and are no jobs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import msgspec

from poller.accounting.job import Job
from poller.accounting.values import COUNT_MAX
from poller.accounting.words import BOTH_LOST, QUANTITIES_LOW
from poller.errors import ConfigError

Range = tuple[int, int]

_SETS_OF_B = 10
_STATED = re.compile(r"\s*(\w+)\s*=\s*(?:(\d{1,18})\s*:\s*)?(\d{1,18})\s*")


def _all(job: Job) -> Range | None:
    return None if job.impressions is None else (job.impressions, job.impressions)


def _first_sets(job: Job) -> Range | None:
    if job.impressions is None:
        return None
    if job.copies_printed is None:
        return (0, job.impressions)
    if job.copies_printed <= _SETS_OF_B:
        return (job.impressions, job.impressions)
    share = job.impressions * _SETS_OF_B  # sets are equal but for a banner or an error page
    return (share // job.copies_printed, -(-share // job.copies_printed))


def _wide(job: Job) -> Range | None:
    wide = job.sheets_wider_9in
    if wide is None or job.impressions is None:
        return None
    if wide == job.sheets:
        return (job.impressions, job.impressions)
    one = job.sheets_one_sided if job.sheets_one_sided is not None else wide
    two = job.sheets_two_sided if job.sheets_two_sided is not None else wide
    return (wide + max(0, wide - one), wide + min(wide, two))


METERS: Mapping[str, Callable[[Job], Range | None]] = {"A": _all, "B": _first_sets, "1": _all, "2": _wide}


class Reconciled(msgspec.Struct, frozen=True, kw_only=True, tag="meter", tag_field="type"):
    """One meter beside the log, in impressions. `unexplained_low` to `_high` is metered minus summed: positive is missing in the log."""

    meter: str
    metered: int
    summed_low: int
    summed_high: int
    unexplained_low: int
    unexplained_high: int
    jobs: int
    jobs_unknown: int
    """Jobs that do not say what the meter counts."""
    jobs_low: int
    """Jobs whose quantities may be less than printed, by their record status."""


class Tally:
    """Sums up for one meter, job by job."""

    def __init__(self, name: str, metered: int) -> None:
        self.name, self.metered = name, metered
        self._of = METERS[name]
        self._low = self._high = self._jobs = self._unknown = self._possibly_low = 0

    def feed(self, job: Job) -> None:
        self._jobs += 1
        counted = self._of(job)
        if counted is None:
            self._unknown += 1
            return
        self._low += counted[0]
        self._high += counted[1]
        self._possibly_low += job.record_status in (QUANTITIES_LOW, BOTH_LOST)

    def result(self) -> Reconciled:
        return Reconciled(
            meter=self.name,
            metered=self.metered,
            summed_low=self._low,
            summed_high=self._high,
            unexplained_low=self.metered - self._high,
            unexplained_high=self.metered - self._low,
            jobs=self._jobs,
            jobs_unknown=self._unknown,
            jobs_low=self._possibly_low,
        )


def tallies(stated: str) -> list[Tally]:
    """Return a tally for each meter of `A=1000:2500,B=1200`: at the period's start and end, or the difference. Raises ConfigError."""
    found: dict[str, Tally] = {}
    faults = []
    for part in stated.split(","):
        match = _STATED.fullmatch(part)
        name = match[1].upper() if match else ""
        if match is None or name not in METERS:
            faults.append(f"--meters: want A=START:END or A=COUNT, with one of {', '.join(METERS)}; got {part.strip()!r}")
            continue
        start, end = int(match[2] or 0), int(match[3])
        if end < start:
            faults.append(f"--meters: {name} ends at {end}, below its start {start}; where the counter passed zero, give the difference")
        elif name in found:
            faults.append(f"--meters: {name} is given twice")
        else:
            found[name] = Tally(name, min(end - start, COUNT_MAX))
    if faults:
        raise ConfigError(faults)
    return list(found.values())
