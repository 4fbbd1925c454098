"""From one version to another. Upwards, what the old version did not record stays empty, since that is not zero; downwards, what the target
has no place for is left out, and counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec

from poller.accounting.columns import SLOTS, slots_of
from poller.accounting.dialect import Dialect
from poller.accounting.faults import Fault
from poller.accounting.fields import FIELDS, Version
from poller.accounting.job import Entry, Job
from poller.accounting.writer import Writer, flat

Missing = Literal["empty", "zero"]

_EXTRA_NAMES_MAX = 400


class Loss(msgspec.Struct, frozen=True, kw_only=True, tag="loss", tag_field="type"):
    """A field the target has no place for: in how many jobs it said something, and in how many of these something else than 0."""

    field: str
    jobs: int
    jobs_not_zero: int


class Losses:
    """Counts what conversion leaves out."""

    def __init__(self, writer: Writer) -> None:
        kept = set(slots_of(writer.version, writer.dialect))
        self._left_out = [(at, slot.name) for at, slot in enumerate(SLOTS) if at not in kept]
        self._knows_extra = frozenset(writer.extra_columns) if writer.dialect.layout == "full" else None
        self._jobs: Counter[str] = Counter()
        self._jobs_not_zero: Counter[str] = Counter()

    def feed(self, job: Job) -> None:
        values = flat(job)
        for at, name in self._left_out:
            value = values[at]
            if value is not None:
                self._jobs[name] += 1
                if value != 0:
                    self._jobs_not_zero[name] += 1
        if self._knows_extra is not None:
            for name, _ in job.extra:
                if name not in self._knows_extra and (name in self._jobs or len(self._jobs) < _EXTRA_NAMES_MAX):
                    self._jobs[name] += 1
                    self._jobs_not_zero[name] += 1

    def __iter__(self) -> Iterator[Loss]:
        for name, jobs in self._jobs.items():
            yield Loss(field=name, jobs=jobs, jobs_not_zero=self._jobs_not_zero[name])


def zeros(source: Version, source_dialect: Dialect, missing: Missing) -> frozenset[str]:
    """Return the counts that are to be written as 0 where they are missing: those the source's version does not have."""
    if missing == "empty":
        return frozenset()
    lacks = source_dialect.lacks(source)
    return frozenset(field.name for field in FIELDS if field.kind == "count" and field.name in lacks)


def convert(items: Iterable[Entry | Fault], writer: Writer, losses: Losses) -> Iterator[bytes | Fault]:
    """Yield the lines of the converted log, header first, and every fault of the source where it stands. A line with an error is left
    out.
    """
    yield writer.header()
    for item in items:
        if isinstance(item, Fault):
            yield item
        else:
            losses.feed(item.job)
            yield writer.line(item.job)
