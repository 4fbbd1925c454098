"""Golden files: one for each version, way of writing and encoding, and three by hand. All hold invented jobs; what they must read as stands
beside them in jobs.json, or here.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from poller.accounting import dialect
from poller.accounting.fields import VERSIONS, Version
from poller.accounting.generate import narrow
from poller.accounting.job import Job, Medium
from poller.accounting.words import BOTH_LOST, COMPLETE
from tests.accounting.logs import CANONICAL, log_of, made, opened, read
from tests.accounting.test_roundtrip import without_zeros

GOLDEN = Path(__file__).parent / "golden"
JOBS = msgspec.json.decode((GOLDEN / "jobs.json").read_bytes(), type=list[Job])
READ_AS = {
    "canonical": CANONICAL,
    "tab": CANONICAL,
    "excel-german": made(zone="Europe/Berlin"),
    "pipe-quoted-bare": CANONICAL,
    "semicolon-latin1-us": CANONICAL,
}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", READ_AS)
def test_a_golden_file_reads_as_its_jobs(name: str, version: Version) -> None:
    octets = (GOLDEN / f"{name}-v{version}.txt").read_bytes()
    jobs, faults = read(octets, READ_AS[name])
    assert opened(octets, READ_AS[name]).version == version
    assert jobs == [narrow(job, version, CANONICAL) for job in JOBS]
    assert {fault.rule for fault in faults} <= {"encoding"}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", ["canonical", "tab", "excel-german"])
def test_its_jobs_are_written_as_the_golden_file(name: str, version: Version) -> None:
    jobs = [narrow(job, version, CANONICAL) for job in JOBS]
    assert log_of(jobs, version, dialect.load(f"docusp-{name}")) == (GOLDEN / f"{name}-v{version}.txt").read_bytes()


def test_ascii_loses_letters_and_nothing_else() -> None:
    jobs, faults = read((GOLDEN / "ascii-iso-v4.txt").read_bytes())
    plain = [(job.document_name or "").encode("ascii", "replace").decode() for job in JOBS]
    assert jobs == [msgspec.structs.replace(job, document_name=name) for job, name in zip(JOBS, plain, strict=True)]
    assert faults == []


def test_the_condensed_golden_file_reads_as_its_jobs_without_zeros() -> None:
    octets = (GOLDEN / "condensed-v2.txt").read_bytes()
    assert read(octets) == ([without_zeros(narrow(job, "2", CANONICAL)) for job in JOBS], [])
    assert log_of(JOBS, "2", dialect.load("docusp-condensed")) == octets


def test_the_condensed_line_of_the_reference_is_understood() -> None:
    jobs, faults = read((GOLDEN / "hand-condensed.txt").read_bytes())
    assert faults == []
    assert jobs == [
        Job(
            job_id=412, container_id=412, document_name="invoice-07", sender="meier", account="KST-100", disposition="Print",
            job_status="Completed", submitted_utc_seconds=1150441200, pdl="PostScript", copies_requested=10, copies_printed=10,
            sheets=31, impressions=61,
        )
    ]  # fmt: skip


def test_german_names_and_words_in_latin_1_are_understood() -> None:
    jobs, faults = read((GOLDEN / "hand-german-latin1.txt").read_bytes(), made(zone="Europe/Berlin"))
    first = Job(
        job_id=17, account="KST-1", record_status=COMPLETE, pdl="Native", disposition="Print", submitted_utc_seconds=1150441200,
        input_bytes=1751, pages_trapped=3, is_collated=True, media=(Medium(number_printed=5),),
    )  # fmt: skip
    second = Job(job_id=18, record_status=BOTH_LOST, pdl="Binary", disposition="Save", input_bytes=0, is_collated=False)
    assert jobs == [first, second]
    assert [(fault.severity, fault.rule) for fault in faults] == [("info", "encoding")]


def test_columns_of_freeflow_8_are_kept_and_written_again() -> None:
    octets = (GOLDEN / "hand-ffps8.txt").read_bytes()
    jobs, faults = read(octets)
    assert [fault.rule for fault in faults] == ["unknown-columns"]
    assert jobs[0].extra == (("Account ID", "4711"), ("User ID", "meier"), ("Additional Job Data", "a, b"))
    assert jobs[1].extra == (("Final JDL", "/jdl/X"),)
    again = log_of(jobs, "4", extra_columns=opened(octets).extra_columns)
    assert read(again)[0] == jobs
    assert log_of(read(again)[0], "4", extra_columns=opened(again).extra_columns) == again
