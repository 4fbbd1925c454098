"""Checks over a whole log: numbers missing, numbering that begins anew, doubles, meters, the summary."""

from __future__ import annotations

import msgspec
import pytest

from poller.accounting.checks import Check
from poller.accounting.faults import Fault
from poller.accounting.generate import generate
from poller.accounting.job import Entry, Job, digest, key
from poller.accounting.meters import tallies
from poller.accounting.sequences import Doubles, Gaps
from poller.accounting.words import QUANTITIES_LOW
from poller.errors import ConfigError


def gaps(*numbers: int, seconds_apart: int | None = 60) -> tuple[list[str], int]:
    """Return what is said of jobs with these numbers, submitted one after the other, and how many are missing."""
    found = Gaps()
    said: list[Fault] = []
    for line, number in enumerate(numbers, 1):
        said += found.feed(line, Job(job_id=number, submitted_utc_seconds=None if seconds_apart is None else line * seconds_apart)) or ()
    said += found.rest()
    return [fault.text for fault in said], found.missing


@pytest.mark.parametrize(
    "numbers, texts, missing",
    [
        ((1, 2, 3), [], 0),
        ((1, 3, 2, 5, 4), [], 0),
        ((3, 1, 2), [], 0),
        ((1, 2, 5), ["jobs 3 to 4 missing"], 2),
        ((1, 3, 4), ["job 2 missing"], 1),
        ((1, 1, 2), ["numbering begins anew: 1 after 1"], 0),
        ((498, 500, 1, 2), ["numbering begins anew: 1 after 500", "job 499 missing"], 1),
    ],
)
def test_missing_numbers_and_a_reset_are_found(numbers: tuple[int, ...], texts: list[str], missing: int) -> None:
    assert gaps(*numbers) == (texts, missing)


def test_without_times_only_a_deep_fall_is_a_reset() -> None:
    assert gaps(1, 1, 900, 2, seconds_apart=None) == (["jobs 3 to 899 missing"], 897)
    assert gaps(1999, 2000, 1, seconds_apart=None) == (["numbering begins anew: 1 after 2000"], 0)


def test_servers_are_numbered_apart() -> None:
    found = Gaps()
    for number, server in enumerate(["a", "b"] * 20):
        found.feed(1, Job(job_id=number // 2, server=server, submitted_utc_seconds=number))
    assert list(found.rest()) == []


def test_numbers_far_apart_are_remembered_within_a_bound_and_that_is_said() -> None:
    found = Gaps()
    for number in range(0, 20_000, 2):
        found.feed(1, Job(job_id=number, submitted_utc_seconds=number))
    texts = [fault.text for fault in found.rest()]
    assert found.is_partial
    assert "there is more" in texts[-1]
    assert len(texts) < 1100


def test_a_record_that_comes_again_is_a_double_and_a_reprint_is_not() -> None:
    first, *_ = generate(1)
    doubles = Doubles()
    again = msgspec.structs.replace(first, document_name="renamed")
    reprint = msgspec.structs.replace(first, print_started_utc_seconds=2_000_000_000)
    assert [doubles.is_double(job) for job in (first, reprint, again, Job(), Job())] == [False, False, True, False, False]


def test_after_a_reset_a_job_that_tells_only_when_it_was_completed_is_another_one() -> None:
    before = Job(job_id=7, server="press", print_completed_utc_seconds=1_700_000_000)
    after = Job(job_id=7, server="press", print_completed_utc_seconds=1_750_000_000)
    assert key(before) != key(after)
    started = [msgspec.structs.replace(one, print_started_utc_seconds=1_690_000_000) for one in (before, after)]
    assert key(started[0]) == key(started[1])  # one job, exported before its end and after it


def test_doubles_are_looked_for_among_the_last_records_only() -> None:
    doubles = Doubles(window=10)
    jobs = list(generate(40))
    assert not any(doubles.is_double(job) for job in jobs)
    assert doubles.is_partial
    assert doubles.is_double(jobs[30])
    assert not doubles.is_double(jobs[0])


def test_the_digest_of_a_key_never_changes() -> None:
    of = key(Job(job_id=7, server="press", report_id="R1", submitted_utc_seconds=5))
    assert digest(of).hex() == DIGEST
    assert digest(of._replace(report_id=None, server="pressR1")) != digest(of)


DIGEST = "024baddd373309102ee0e63f5b1360c8"


@pytest.mark.parametrize(
    "stated, job, low, high",
    [
        ("A=100:130", Job(impressions=25), 5, 5),
        ("A=20", Job(impressions=25), -5, -5),
        ("1=25", Job(impressions=25), 0, 0),
        ("B=100", Job(impressions=200, copies_printed=20), 0, 0),
        ("B=100", Job(impressions=100, copies_printed=10), 0, 0),
        ("B=40", Job(impressions=100, copies_printed=30), 6, 7),
        ("2=10", Job(impressions=10, sheets=5, sheets_wider_9in=5, sheets_one_sided=0, sheets_two_sided=5), 0, 0),
        ("2=10", Job(impressions=10, sheets=6, sheets_wider_9in=3, sheets_one_sided=2, sheets_two_sided=4), 4, 6),
        ("A=7", Job(), 7, 7),
    ],
)
def test_a_meter_leaves_unexplained_what_the_log_does_not_sum_to(stated: str, job: Job, low: int, high: int) -> None:
    (tally,) = tallies(stated)
    tally.feed(job)
    result = tally.result()
    assert (result.unexplained_low, result.unexplained_high, result.jobs_unknown) == (low, high, job == Job())


@pytest.mark.parametrize("stated", ["A", "A=", "C=5", "A=-1", "A=1.5", "A=200:100", "A=1,A=2", "A=1:2:3"])
def test_a_meter_that_makes_no_sense_is_refused(stated: str) -> None:
    with pytest.raises(ConfigError):
        tallies(stated)


def test_the_summary_counts_what_was_found() -> None:
    check = Check(tallies("A=100"))
    job = Job(job_id=1, impressions=60, record_status=QUANTITIES_LOW, submitted_utc_seconds=50)
    bad = [Fault(line=3, severity="error", rule="value", text="x", field=field) for field in ("sheets", "impressions")]
    items: list[Entry | Fault] = [Entry(2, job), *bad, Entry(4, job), Entry(5, Job(job_id=4, submitted_utc_seconds=70))]
    rules = [fault.rule for item in items for fault in check.feed(item)] + [fault.rule for fault in check.rest()]
    summary = check.summary("4")
    assert rules == ["quantities-low", "value", "value", "quantities-low", "double", "gap"]
    assert (summary.jobs, summary.lines_bad, summary.errors, summary.warnings, summary.infos) == (3, 1, 2, 3, 1)
    assert (summary.jobs_missing, summary.doubles, summary.is_whole) == (2, 1, True)
    assert (summary.sums["impressions"].total, summary.sums["impressions"].jobs) == (120, 2)
    assert (summary.first_submitted_utc_seconds, summary.last_submitted_utc_seconds) == (50, 70)
