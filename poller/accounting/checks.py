"""Checks a whole log: what the reader says of its lines, what each job says of itself, what the jobs say of each other. In constant
memory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

import msgspec

from poller.accounting.faults import Fault, Rule, Severity
from poller.accounting.job import Entry, Job
from poller.accounting.meters import Tally
from poller.accounting.relations import broken
from poller.accounting.sequences import Doubles, Gaps

_SUMS = ("sheets", "impressions", "black_pages", "colour_pages", "sheets_wider_9in", "sheets_wider_345mm")


class Sum(msgspec.Struct, frozen=True, kw_only=True):
    """The sum of one field over all jobs that have it."""

    total: int
    jobs: int


class Summary(msgspec.Struct, frozen=True, kw_only=True, tag="summary", tag_field="type"):
    """What a log held. Times are seconds since 1970, UTC."""

    version: str
    jobs: int
    lines_bad: int
    errors: int
    warnings: int
    infos: int
    rules: dict[Rule, int]
    """How often each rule was broken."""
    sums: dict[str, Sum]
    jobs_missing: int
    doubles: int
    is_whole: bool
    """Whether gaps and doubles were looked for in all of it; a very long log is remembered in part."""
    first_submitted_utc_seconds: int | None
    last_submitted_utc_seconds: int | None


class Check:
    """One check of one log: feed it what the reader yields, then ask `rest` and `summary`."""

    def __init__(self, tallies: Iterable[Tally] = (), *, doubles_window: int = 500_000) -> None:
        self._tallies = tuple(tallies)
        self._gaps, self._doubles = Gaps(), Doubles(doubles_window)
        self._severities: Counter[Severity] = Counter()
        self._rules: Counter[Rule] = Counter()
        self._totals = dict.fromkeys(_SUMS, 0)
        self._with = dict.fromkeys(_SUMS, 0)
        self._jobs = self._lines_bad = self._twice = self._bad_line = 0
        self._first: int | None = None
        self._last: int | None = None

    def feed(self, item: Entry | Fault) -> Iterator[Fault]:
        """Take what the reader yields; yield every fault, the reader's own included."""
        if isinstance(item, Fault):
            if item.severity == "error" and item.line != self._bad_line:
                self._bad_line = item.line
                self._lines_bad += 1
            yield self._count(item)
            return
        line, job = item.line, item.job
        self._jobs += 1
        for severity, rule, field, text in broken(job):
            yield self._count(Fault(line=line, severity=severity, rule=rule, field=field, text=text))
        for found in self._gaps.feed(line, job) or ():
            yield self._count(found)
        if self._doubles.is_double(job):
            self._twice += 1
            text = f"job {job.job_id} is there already: same server, Report ID, submission and start of printing"
            yield self._count(Fault(line=line, severity="warning", rule="double", field="job_id", text=text))
        for tally in self._tallies:
            tally.feed(job)
        self._add(job)

    def rest(self) -> Iterator[Fault]:
        """Yield what only the whole log shows."""
        for found in self._gaps.rest():
            yield self._count(found)
        if self._doubles.is_partial:
            text = "longer than is remembered: doubles were looked for among neighbouring records only"
            yield self._count(Fault(line=0, severity="info", rule="double", text=text))

    def summary(self, version: str) -> Summary:
        return Summary(
            version=version,
            jobs=self._jobs,
            lines_bad=self._lines_bad,
            errors=self._severities["error"],
            warnings=self._severities["warning"],
            infos=self._severities["info"],
            rules=dict(self._rules.most_common()),
            sums={name: Sum(total=self._totals[name], jobs=jobs) for name, jobs in self._with.items()},
            jobs_missing=self._gaps.missing,
            doubles=self._twice,
            is_whole=not (self._gaps.is_partial or self._doubles.is_partial),
            first_submitted_utc_seconds=self._first,
            last_submitted_utc_seconds=self._last,
        )

    def _count(self, fault: Fault) -> Fault:
        self._severities[fault.severity] += 1
        self._rules[fault.rule] += 1
        return fault

    def _add(self, job: Job) -> None:
        for name in _SUMS:
            value = getattr(job, name)
            if value is not None:
                self._totals[name] += value
                self._with[name] += 1
        submitted = job.submitted_utc_seconds
        if submitted is not None:
            if self._first is None or submitted < self._first:
                self._first = submitted
            if self._last is None or submitted > self._last:
                self._last = submitted
