"""What is written reads back the same, and no bytes make the reader raise anything but its own error."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from poller.accounting import dialect, generate
from poller.accounting.checks import Check
from poller.accounting.dialect import Dialect
from poller.accounting.fields import VERSIONS, Version
from poller.accounting.generate import narrow
from poller.accounting.job import NO_MEDIUM, Job
from poller.errors import JobLogError
from tests.accounting.logs import CANONICAL, CONDENSED, jobs, log_of, made, opened, read, texts

# Shrinking a job of 160 fields takes minutes; the example as it was found says enough.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)

FULL = (
    CANONICAL,
    dialect.load("docusp-tab"),
    made(delimiter="pipe", quote="all", times="iso", zone="America/New_York", encoding="utf-8-sig", line_end="crlf"),
    made(delimiter="semicolon", header="german", placement="appended", medium_attributes=10, record_status="digits"),
)


@settings(max_examples=20, deadline=None, phases=PHASES)
@given(st.data())
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("how", FULL, ids=["canonical", "tab", "pipe", "semicolon"])
def test_what_is_written_reads_back_the_same(how: Dialect, version: Version, data: st.DataObject) -> None:
    wanted = data.draw(st.lists(jobs(how, version), min_size=1, max_size=3))
    written = log_of(wanted, version, how)
    found, faults = read(written, how)
    assert (found, faults) == (wanted, [])
    assert log_of(found, version, how) == written
    assert opened(written, how).version == version


@settings(max_examples=40, deadline=None, phases=PHASES)
@given(st.lists(jobs(CONDENSED, "2").filter(lambda job: job.job_id), min_size=1, max_size=3))
def test_a_condensed_log_reads_back_but_for_its_zeros(wanted: list[Job]) -> None:
    found, faults = read(log_of(wanted, "2", CONDENSED), CONDENSED)
    assert faults == []
    assert found == [without_zeros(job) for job in wanted]


def without_zeros(job: Job) -> Job:
    media = [msgspec.structs.replace(medium, **zeros_of(medium)) for medium in job.media]
    while media and media[-1] == NO_MEDIUM:
        media.pop()
    return msgspec.structs.replace(job, **zeros_of(job), media=tuple(media))


def zeros_of(struct: Any) -> dict[str, None]:
    return {name: None for name in struct.__struct_fields__ if type(getattr(struct, name)) is int and not getattr(struct, name)}


@settings(max_examples=20, deadline=None, phases=PHASES)
@given(st.data())
@pytest.mark.parametrize("small", VERSIONS)
def test_down_and_up_keeps_what_the_smaller_version_holds(small: Version, data: st.DataObject) -> None:
    wanted = data.draw(jobs(CANONICAL, "4"))
    (down,), _ = read(log_of([wanted], small))
    (up,), _ = read(log_of([down], "4"))
    assert down == up == narrow(wanted, small, CANONICAL)


@settings(max_examples=40, deadline=None, phases=PHASES)
@given(st.dictionaries(texts(CANONICAL).map(lambda name: f"?{name}".strip()), texts(CANONICAL), min_size=1, max_size=4))
def test_columns_nobody_knows_come_back_with_one_warning(extra: dict[str, str]) -> None:
    wanted = Job(job_id=1, extra=tuple(extra.items()))
    written = log_of([wanted], extra_columns=tuple(extra))
    found, faults = read(written)
    assert [fault.rule for fault in faults] == ["unknown-columns"]
    assert found == [wanted]
    assert log_of(found, extra_columns=opened(written).extra_columns) == written


SEEDS = [log_of(generate.generate(3), version) for version in VERSIONS] + [
    log_of(generate.generate(3), "2", CONDENSED),
    log_of(generate.generate(3), "4", dialect.load("docusp-excel-german")),
]


def bear(octets: bytes) -> None:
    """Read and check whatever it is; the one error allowed is the reader's."""
    try:
        log = opened(octets)
    except JobLogError:
        return
    check = Check()
    for item in log:
        list(check.feed(item))
    list(check.rest())
    check.summary(log.version)


@settings(max_examples=200, deadline=None, phases=PHASES)
@given(st.binary(max_size=400))
def test_no_bytes_break_the_reader(octets: bytes) -> None:
    bear(octets)


@settings(max_examples=200, deadline=None, phases=PHASES)
@given(st.sampled_from(SEEDS), st.lists(st.tuples(st.integers(0, 8000), st.integers(0, 3), st.binary(max_size=3)), max_size=8))
def test_a_log_that_was_tampered_with_does_not_break_the_reader(seed: bytes, changes: list[tuple[int, int, bytes]]) -> None:
    for at, length, put in changes:
        at %= len(seed)
        seed = seed[:at] + put + seed[at + length :]
    bear(seed)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_log_cut_anywhere_does_not_break_the_reader(seed: bytes) -> None:
    for length in range(0, len(seed), 7):
        bear(seed[:length])
