"""Reading: how a log is written is found out, a bad line costs that line, and a file that is none is refused."""

from __future__ import annotations

import pytest

from poller.accounting import dialect
from poller.accounting.fields import VERSIONS, Version
from poller.accounting.generate import generate, narrow
from poller.accounting.job import Job
from poller.accounting.lines import LINE_OCTETS_MAX
from poller.errors import JobLogError
from tests.accounting.logs import CANONICAL, CONDENSED, log_of, made, opened, read, said

JOBS = list(generate(5))
SHORT = "Job ID,Document Name,Copies Printed,Collate Mode\n"


def lines(text: str) -> tuple[list[Job], list[tuple[int, str, str, str | None]]]:
    jobs, faults = read(text.encode())
    return jobs, said(faults)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("delimiter", dialect.DELIMITERS)
@pytest.mark.parametrize("header", ["english", "german", "none"])
@pytest.mark.parametrize("quote", ["all", "auto"])
def test_how_it_is_written_is_found_out(version: Version, delimiter: dialect.Delimiter, header: str, quote: str) -> None:
    written = log_of(JOBS, version, made(delimiter=delimiter, header=header, quote=quote))
    assert opened(written).version == version
    assert read(written) == ([narrow(job, version, CANONICAL) for job in JOBS], [])


def test_columns_may_stand_in_any_order_and_be_few() -> None:
    jobs, faults = lines("copies printed;Kostenstelle;Auftrags-ID\n3;KST-1;7\n")
    assert (jobs, faults) == ([Job(job_id=7, account="KST-1", copies_printed=3)], [])


def test_empty_and_blank_are_not_zero() -> None:
    jobs, faults = lines(SHORT + "1,  , ,\n2,x,0,Nein\n")
    assert jobs == [Job(job_id=1), Job(job_id=2, document_name="x", copies_printed=0, is_collated=False)]
    assert faults == []


@pytest.mark.parametrize(
    "line, fault",
    [
        ("1,x,-3,Yes", (3, "error", "value", "copies_printed")),
        ("1,x,1.000,Yes", (3, "error", "value", "copies_printed")),
        ("1,x,9223372036854775808,Yes", (3, "error", "value", "copies_printed")),
        ("1,x,٣,Yes", (3, "error", "value", "copies_printed")),
        ("1,x,3,perhaps", (3, "error", "value", "is_collated")),
        ("1,x,3", (3, "error", "columns", None)),
        ("1,x,3,Yes,5", (3, "error", "columns", None)),
        ('1,"x"y,3,Yes', (3, "error", "quotes", None)),
        ("1,x\0y,3,Yes", (3, "error", "binary", None)),
        (f"1,{'x' * LINE_OCTETS_MAX},3,Yes", (3, "error", "length", None)),
    ],
)
def test_a_bad_line_is_named_and_the_rest_is_read(line: str, fault: tuple[int, str, str, str | None]) -> None:
    jobs, faults = lines(f"{SHORT}1,a,1,Yes\n{line}\n2,b,2,No\n")
    assert [job.job_id for job in jobs] == [1, 2]
    assert faults == [fault]


def test_every_bad_field_of_a_line_is_named() -> None:
    _, faults = lines(SHORT + "x,a,y,z\n")
    assert [field for *_, field in faults] == ["job_id", "copies_printed", "is_collated"]


def test_a_quote_nobody_closes_costs_one_line() -> None:
    jobs, faults = lines(SHORT + '1,"a,1,Yes\n' + "".join(f"{number},b,2,No\n" for number in range(2, 40)))
    assert [job.job_id for job in jobs] == list(range(2, 40))
    assert faults == [(2, "error", "quotes", None)]


def test_a_line_break_within_quotes_is_part_of_the_value() -> None:
    jobs, faults = lines(SHORT + '1,"a\nb ""c""",1,Yes\r\n2,b,2,No\r\n')
    assert [job.document_name for job in jobs] == ["a\nb “c”".replace("“", '"').replace("”", '"'), "b"]
    assert faults == []


def test_a_quote_within_a_value_is_a_letter() -> None:
    jobs, faults = lines(SHORT + '1,5" label,1,Yes\n')
    assert (jobs[0].document_name, faults) == ('5" label', [])


def test_a_line_that_is_not_utf_8_is_read_in_the_older_encoding_and_said_once() -> None:
    text = SHORT + "1,Übersicht €,1,Yes\n2,ß,1,Yes\n"
    jobs, faults = read(text.encode("iso-8859-15"))
    assert [job.document_name for job in jobs] == ["Übersicht €", "ß"]
    assert said(faults) == [(2, "info", "encoding", None)]


@pytest.mark.parametrize(
    "told, remark, header, version",
    [
        (None, "", "Job ID,Sheets", "2"),
        (None, "", "Job ID,Lines Printed", "3"),
        (None, "", "Job ID,Job Source", "3.1"),
        (None, "", "Job ID,Total Pages Trapped", "4"),
        (None, "# version: 3.1\n", "Job ID,Sheets", "3.1"),
        (None, "# DocuSP export, Version 4.0\n\n", "Job ID,Sheets", "4"),
        ("3", "# version: 3.1\n", "Job ID,Total Pages Trapped", "3"),
    ],
)
def test_a_version_is_told_or_remarked_or_shows(told: Version | None, remark: str, header: str, version: str) -> None:
    log = opened(f"{remark}{header}\n1,2\n".encode(), version=told)
    assert log.version == version
    assert len([item for item in log if hasattr(item, "job")]) == 1


def test_a_value_that_the_told_version_cannot_have_is_warned_of() -> None:
    jobs, faults = read(b"Job ID,Total Pages Trapped\n1,\n2,5\n", version="2")
    assert [job.pages_trapped for job in jobs] == [None, 5]
    assert said(faults) == [(3, "warning", "not-in-version", "pages_trapped")]


def test_the_columns_of_a_log_without_header_may_be_listed() -> None:
    how = made(columns=("Copies Printed", "job_id", "Department"))
    jobs, _ = read(b"3,7,sales\n4,8,\n", how)
    assert jobs == [Job(job_id=7, copies_printed=3, extra=(("Column 3", "sales"),)), Job(job_id=8, copies_printed=4)]
    with pytest.raises(JobLogError, match="2 columns where dialect made lists 3"):
        opened(b"3,7\n", how)


def test_a_dialect_adds_names_and_words() -> None:
    how = made(names={"Dept": "account"}, words={"job_status": {"OK": "Completed"}}, strips_text=True)
    jobs, _ = read(b"Job ID,DEPT,Job Status\n1, KST-1 ,ok\n", how)
    assert jobs == [Job(job_id=1, account="KST-1", job_status="Completed")]


def test_newer_columns_are_kept_with_one_warning() -> None:
    octets = b"Job ID,Account ID,User ID,Account\n1,4711,,A\n2,,meier,B\n"
    jobs, faults = read(octets)
    assert [job.extra for job in jobs] == [(("Account ID", "4711"),), (("User ID", "meier"),)]
    assert said(faults) == [(1, "warning", "unknown-columns", None)]


def test_a_condensed_log_is_read_item_by_item() -> None:
    jobs, faults = read(b'Job ID=412,"Document Name=a, b",Account=KST=1,Copies Printed=10,Foo=bar\nJob ID=413,Foo=x,\n')
    assert jobs[0] == Job(job_id=412, document_name="a, b", account="KST=1", copies_printed=10, extra=(("Foo", "bar"),))
    assert (jobs[1].job_id, said(faults)) == (413, [(1, "warning", "unknown-columns", None)])


@pytest.mark.parametrize("line, field", [("Job ID=1,Job ID=2", "job_id"), ("Job ID=1,what", None), ("Job ID=x", "job_id")])
def test_a_bad_item_costs_its_line(line: str, field: str | None) -> None:
    jobs, faults = read(f"Job ID=1,Account=A\n{line}\nJob ID=3\n".encode())
    assert [job.job_id for job in jobs] == [1, 3]
    assert [(line, name) for line, _, _, name in said(faults)] == [(2, field)]


def test_joined_files_of_two_versions_are_an_error_and_read_on() -> None:
    octets = log_of(JOBS[:2], "3") + log_of(JOBS[2:4], "4")
    jobs, faults = read(octets)
    assert jobs == [*(narrow(job, "3", CANONICAL) for job in JOBS[:2]), *JOBS[2:4]]
    assert said(faults) == [(4, "error", "mixed", None)]
    assert "of version 4 in a file of version 3" in faults[0].text


def test_joined_files_of_one_version_are_remarked() -> None:
    jobs, faults = read(log_of(JOBS[:2]) + log_of(JOBS[2:4]))
    assert (jobs, said(faults)) == (JOBS[:4], [(4, "info", "header", None)])


def test_without_header_other_versions_are_bad_lines() -> None:
    bare = made(header="none")
    jobs, faults = read(log_of(JOBS[:4], "3", bare) + log_of(JOBS[4:], "4", bare))
    assert len(jobs) == 4
    assert "as many as version 4 has" in faults[0].text


def test_a_file_that_ends_within_a_line_says_so() -> None:
    octets = log_of(JOBS)
    jobs, faults = read(octets[: octets.rindex(b"Completed")])
    assert (jobs, said(faults)) == (JOBS[:4], [(6, "error", "columns", None)])
    assert "cut short" in faults[0].text


@pytest.mark.parametrize(
    "octets, reason",
    [
        (b"", "empty"),
        (b"\n\n", "no record"),
        (b"# only a remark\n", "no record"),
        (b"\x7fELF\x02\x01\x01\0\0\0", "binary"),
        (b"\x1f\x8b\x08\x04\x05\x06\x07\x01\x02\x03", "binary"),
        ("Job ID\tSheets\n".encode("utf-16"), "UTF-16"),
        (b"x" * 3 * LINE_OCTETS_MAX, "longer than"),
        (b"Job ID,Account\r1,A\r", "CR alone"),
        (b'"Job ID"\t"Account"\r1\tA', "CR alone"),
        (b"Job ID,Account\r" + b"1,A\r" * LINE_OCTETS_MAX, "CR alone"),
        (b"Dear all,\nplease find attached\n", "no header"),
        (b"1,2,3\n", "3 columns"),
    ],
)
def test_what_is_no_log_is_refused(octets: bytes, reason: str) -> None:
    with pytest.raises(JobLogError, match=reason):
        opened(octets)


@pytest.mark.parametrize(
    "text, seconds",
    [
        ("835709136", 835709136),
        ("0", None),
        ("1996-06-25T13:25:36Z", 835709136),
        ("1996-06-25T09:25:36-04:00", 835709136),
        ("1996-06-25 09:25:36", 835709136),
        ("1996/06/25 09:25:36", 835709136),
        ("06/25/96 09:25:36", 835709136),
        ("25.06.1996 09:25:36", 835709136),
    ],
)
def test_a_time_is_understood_in_many_forms(text: str, seconds: int | None) -> None:
    jobs, faults = read(f"Job ID,Job Submission Date\n1,{text}\n".encode(), made(zone="America/New_York"))
    assert ([job.submitted_utc_seconds for job in jobs], faults) == ([seconds], [])


@pytest.mark.parametrize("text", ["yesterday", "31.02.2006 10:00:00", "1960-01-01T00:00:00Z", "999999999999", "10:00"])
def test_another_time_is_a_fault(text: str) -> None:
    _, faults = read(f"Job ID,Job Submission Date\n1,{text}\n".encode())
    assert said(faults) == [(2, "error", "value", "submitted_utc_seconds")]


def test_a_condensed_log_told_to_be_another_version_is_warned_of() -> None:
    _, faults = read(log_of(JOBS, "2", CONDENSED), version="4")
    assert [fault.rule for fault in faults] == ["condensed"]
