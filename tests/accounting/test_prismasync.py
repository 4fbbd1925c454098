"""PRISMAsync's accounting log becomes the same jobs as any other, and what it does not say stays unsaid."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poller.accounting import importer
from poller.accounting.faults import Fault
from poller.accounting.job import Entry, Job, Medium
from poller.accounting.prismasync import serial_of
from poller.accounting.reader import Options
from poller.accounting.writer import Writer
from tests.accounting.logs import CANONICAL, log_of, made

HEAD = (
    "4302;documentid;jobid;jobtype;startdate;starttime;activetime;idletime;readydate;readytime;result;username;jobname;costcentre;custom;"
    "accountid;jobaddressee;nofsinglestaples;nofdoublestaples;noffinishedsets;nofprinteda4bw;nofprinteda4c;nofprinteda3bw;nofprinteda3c;"
    "nofsimplex1;nofduplex1;mediaformat1;mediatype1;mediaweight1;mediacolor1;medianame1;cyclelength1;isinsert1;istab1;punchcount1;"
    "nofsimplex2;nofduplex2;mediaformat2;mediatype2;mediaweight2;mediacolor2;medianame2;cyclelength2;isinsert2;istab2;punchcount2"
)
JOB = (
    "4303;d-9;77;IP;2026-06-16;09:00:00;00:05:10;27:00:00;2026-06-16;09:05:10;Done;meier;invoice;KST-100;;;huber;5;0;5;100;20;8;;"
    "10;54;A4;Plain;80;White;Standard;1;0;0;0;"
    "2;0;A3;Gloss;120;White;;1;1;0;2"
)


def opened(text: str, name: str | None = None, **dialect: Any) -> list[Entry | Fault]:
    options = Options(dialect=made(**dialect) if dialect else CANONICAL, origin=name)
    return list(importer.read(io.BytesIO(text.encode()), options))


def job_of(text: str, **how: Any) -> Job:
    (item,) = opened(text, **how)
    assert isinstance(item, Entry)
    return item.job


def faults(text: str) -> list[tuple[int, str, str]]:
    return [(item.line, item.severity, item.rule) for item in opened(text) if isinstance(item, Fault)]


def test_a_job_is_read_with_all_that_it_says() -> None:
    found = job_of(f"{HEAD}\n{JOB}\n", name="12345678920260616.CSV", zone="Europe/Berlin")
    assert found == Job(
        job_id=77,
        report_id="d-9",
        document_name="invoice",
        sender="meier",
        recipient="huber",
        account="KST-100",
        job_status="Completed",
        server="123456789",
        job_source="IP",
        print_started_utc_seconds=1_781_593_200,
        print_completed_utc_seconds=1_781_593_510,
        copies_printed=5,
        sheets=66,
        impressions=None,
        sheets_one_sided=12,
        sheets_two_sided=54,
        black_pages=108,
        colour_pages=None,
        finishing=("Single staple",),
        media=(
            Medium(number_printed=64, type="Plain", modulus=1, size="A4", colour="White", name="Standard", holes=0),
            Medium(number_printed=2, type="Gloss", modulus=1, size="A3", colour="White", holes=2),
        ),
        extra=(
            *(("activetime", "00:05:10"), ("idletime", "27:00:00"), ("nofsinglestaples", "5"), ("nofdoublestaples", "0")),
            *(("mediaweight1", "80"), ("isinsert1", "0"), ("istab1", "0"), ("mediaweight2", "120"), ("isinsert2", "1"), ("istab2", "0")),
        ),
    )


@pytest.mark.parametrize(
    "columns, cells, black, colour, impressions",
    [
        ("nofprinteda4bw,nofprinteda4c", "3,4", 3, 4, 7),
        ("nofprinteda4bw,nofprinteda3bw,nofprinteda4c,nofprinteda3c", "3,2,0,0", 5, 0, 5),
        ("nofprinteda4bw,nofprinteda3bw", "3,0", 3, None, 3),
        ("nofprinteda4bw,nofprinteda3bw", "3,", None, None, None),
        ("nofprinteda4bw,nofprinteda4c", "3,", 3, None, None),
        ("jobid", "1", None, None, None),
    ],
)
def test_a_column_that_is_missing_adds_nothing_and_an_empty_cell_makes_a_sum_unknown(
    columns: str, cells: str, black: int | None, colour: int | None, impressions: int | None
) -> None:
    found = job_of(f"4302,{columns}\n4303,{cells}\n")
    assert (found.black_pages, found.colour_pages, found.impressions) == (black, colour, impressions)


@pytest.mark.parametrize(
    "kind, result, status",
    [
        ("IP", "Done", "Completed"),
        ("COPY", "Abrt", "Aborted"),
        ("AP", "Stop", "Cancelled by operator"),
        ("SCAN", "Done", "Save completed"),
        ("SCAN2MBX", "Abrt", "Aborted"),
        ("IP", "Wait", "Wait"),
        ("IP", "", None),
    ],
)
def test_results_are_told_in_the_words_of_all_logs(kind: str, result: str, status: str | None) -> None:
    assert job_of(f"4302,jobtype,result\n4303,{kind},{result}\n").job_status == status


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_it_is_recognised_by_its_record_type(separator: str, mark: str) -> None:
    text = f'{mark}"4302","jobid","jobname"\r\n4303,7,"plan, final"\r\n'
    if separator != ",":
        text = text.replace('","', f'"{separator}"').replace("4303,7,", f"4303{separator}7{separator}")
    found = job_of(text)
    assert (found.job_id, found.document_name) == (7, "plan, final")


def test_media_are_told_apart_by_number_or_by_order() -> None:
    numbered = job_of("4302,nofsimplex1,nofduplex1,nofsimplex2,nofduplex2\n4303,1,2,3,4\n")
    ordered = job_of("4302,nofsimplex,nofduplex,nofsimplex,nofduplex\n4303,1,2,3,4\n")
    assert [one.number_printed for one in numbered.media] == [one.number_printed for one in ordered.media] == [3, 7]
    assert (numbered.sheets_one_sided, numbered.sheets_two_sided, numbered.sheets) == (4, 6, 10)


def test_a_line_that_is_being_written_is_left_and_the_rest_is_read() -> None:
    text = f"{HEAD}\n{JOB}\n{JOB[:60]}"
    assert sum(isinstance(item, Entry) for item in opened(text)) == 1
    assert faults(text) == [(3, "error", "columns")]


@pytest.mark.parametrize(
    "text, expected",
    [
        ("4303,1\n", [(1, "error", "columns")]),
        ("4302,jobid\n4303,1,2\n", [(2, "error", "columns")]),
        ("4302,noffinishedsets\n4303,many\n", [(2, "error", "value")]),
        ("4302,startdate,starttime\n4303,2026-02-30,09:00:00\n", [(2, "error", "value")]),
        ("4302,jobid\n4399,1\n4303,7\n", [(2, "info", "item")]),
        ('4302,jobid\n4303,"7\n', [(2, "error", "quotes")]),
        ("4302,jobid\n4303,7\0\n", [(2, "error", "binary")]),
        ("4302,jobid\n4303," + "7" * 70_000 + "\n", [(2, "error", "length")]),
    ],
)
def test_a_bad_line_costs_that_line(text: str, expected: list[tuple[int, str, str]]) -> None:
    assert faults(text) == expected


@given(st.text(alphabet='4302,;"\n\r\t\x00jobidnofsimplex1result é', max_size=200))
def test_whatever_follows_gives_jobs_or_faults(rest: str) -> None:
    assert all(isinstance(item, Entry | Fault) for item in opened(f"4302,jobid,nofsimplex1\n4303,{rest}"))


def test_a_sum_beyond_any_counter_is_unknown_and_not_an_error() -> None:
    huge = 2**63 - 1
    found = job_of(f"4302,nofprinteda4bw,nofprinteda4c,nofsimplex1,nofduplex1\n4303,{huge},{huge},{huge},{huge}\n")
    assert (found.black_pages, found.impressions, found.sheets_one_sided, found.sheets) == (huge, None, huge, None)
    assert found.media == ()


def test_a_second_header_holds_for_what_follows() -> None:
    jobs = [item.job for item in opened("4302,jobid\n4303,1\n4302,jobname,jobid\n4303,x,2\n") if isinstance(item, Entry)]
    assert [(job.job_id, job.document_name) for job in jobs] == [(1, None), (2, "x")]


def test_a_docusp_log_is_still_one() -> None:
    (item,) = opened(log_of([Job(job_id=4302, account="x")]).decode())
    assert isinstance(item, Entry)
    assert item.job.account == "x"


def test_a_job_can_be_written_as_a_docusp_log() -> None:
    many = "".join(f",nofsimplex{number}" for number in range(1, 17))
    found = job_of(f"4302,jobid{many}\n4303,5{',1' * 16}\n")
    assert found.sheets == len(found.media) == 16
    writer = Writer("4", CANONICAL)
    (again,) = [
        item.job
        for item in importer.read(io.BytesIO(writer.header() + writer.line(found)), Options(dialect=CANONICAL))
        if isinstance(item, Entry)
    ]
    assert (again.job_id, again.sheets, len(again.media)) == (5, 16, 10)


@pytest.mark.parametrize(
    "name, serial", [("12345678920260616.ACL", "123456789"), ("AB-12_20260616.csv", "AB-12_"), ("20260616.csv", None), ("jobs.csv", None)]
)
def test_the_serial_number_is_in_the_name(name: str, serial: str | None) -> None:
    assert serial_of(name) == serial
