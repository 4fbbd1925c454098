"""What the tests of job logs share: writing and reading in memory, and jobs by chance."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

from hypothesis import strategies as st

from poller.accounting import dialect, importer
from poller.accounting.columns import SLOTS, slots_of
from poller.accounting.dialect import Dialect
from poller.accounting.faults import Fault
from poller.accounting.fields import FIELDS, FINISHING_MAX, MEDIA_MAX, MEDIUM_FIELDS, Field, Version
from poller.accounting.importer import Log
from poller.accounting.job import NO_MEDIUM, Entry, Job, Medium
from poller.accounting.reader import Options
from poller.accounting.values import COUNT_MAX, TIME_MAX
from poller.accounting.words import WORDS
from poller.accounting.writer import Writer

CANONICAL = dialect.load("docusp-canonical")
CONDENSED = dialect.load("docusp-condensed")


def made(**settings: Any) -> Dialect:
    return Dialect(name="made", **settings)


def opened(octets: bytes, how: Dialect = CANONICAL, version: Version | None = None) -> Log:
    return importer.read(io.BytesIO(octets), Options(dialect=how, version=version))


def read(octets: bytes, how: Dialect = CANONICAL, version: Version | None = None) -> tuple[list[Job], list[Fault]]:
    """Return the jobs of a log, and its faults."""
    items = list(opened(octets, how, version))
    return [item.job for item in items if isinstance(item, Entry)], [item for item in items if isinstance(item, Fault)]


def log_of(jobs: Iterable[Job], version: Version = "4", how: Dialect = CANONICAL, **more: Any) -> bytes:
    writer = Writer(version, how, **more)
    return writer.header() + b"".join(map(writer.line, jobs))


def said(faults: Iterable[Fault]) -> list[tuple[int, str, str, str | None]]:
    return [(fault.line, fault.severity, fault.rule, fault.field) for fault in faults]


# --- jobs by chance: whatever a field can hold, not what makes sense ---


def texts(how: Dialect) -> st.SearchStrategy[str]:
    """Texts with all that has a meaning in a log. Left out: what cannot be written so that it comes back, a blank text and a NUL."""
    odd = {'"', ",", ";", "|", "=", "#", "'", "\u00e4", "\u20ac", "\u2028", "\x85", "\ufeff", " "}
    if how.delimiter != "tab":
        odd |= {"\n", "\r", "\t"}
    letters = st.one_of(st.sampled_from(sorted(odd)), st.characters(exclude_categories=["Cs", "Cc"]))
    return st.text(letters, min_size=1, max_size=12).filter(lambda text: not text.isspace())


def values(field: Field, how: Dialect) -> st.SearchStrategy[Any]:
    match field.kind:
        case "count":
            return st.integers(0, COUNT_MAX) | st.integers(0, 9)
        case "time":
            return st.integers(1, TIME_MAX)
        case "flag":
            return st.booleans()
        case "word":
            return st.sampled_from(WORDS[field.name])
        case "text":
            return texts(how)


def trimmed(values: list[Any], nothing: Any) -> tuple[Any, ...]:
    while values and values[-1] == nothing:
        values.pop()
    return tuple(values)


def jobs(how: Dialect, version: Version) -> st.SearchStrategy[Job]:
    """Jobs with any of the fields a version has; at least a Job ID, for a line without anything is no line."""
    kept = {SLOTS[at].field.name for at in slots_of(version, how) if not SLOTS[at].number}
    scalars = {field.name: st.none() | values(field, how) for field in FIELDS if field.name in kept - {"job_id"}}
    attributes = {field.name: st.none() | values(field, how) for field in MEDIUM_FIELDS[: how.medium_attributes]}
    media = st.lists(st.just(NO_MEDIUM) | st.builds(Medium, **attributes), max_size=MEDIA_MAX)
    finishing = st.lists(st.none() | texts(how), max_size=FINISHING_MAX)
    return st.builds(
        Job,
        job_id=st.integers(0, COUNT_MAX),
        finishing=finishing.map(lambda found: trimmed(found, None)),
        media=media.map(lambda found: trimmed(found, NO_MEDIUM)),
        **scalars,
    )
