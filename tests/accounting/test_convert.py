"""Converting and writing: what is left out is said, what is missing stays empty, what is special is quoted."""

from __future__ import annotations

import pytest

from poller.accounting import dialect
from poller.accounting.convert import Loss, Losses, convert, zeros
from poller.accounting.faults import Fault
from poller.accounting.fields import VERSIONS, Version
from poller.accounting.generate import generate
from poller.accounting.job import Entry, Job
from poller.accounting.writer import UnencodableError, Writer, guard
from poller.errors import ConfigError
from tests.accounting.logs import CANONICAL, CONDENSED, log_of, made, opened, read


def converted(octets: bytes, version: Version, **more: object) -> tuple[bytes, list[Loss]]:
    log = opened(octets)
    writer = Writer(version, CANONICAL, extra_columns=log.extra_columns, **more)  # type: ignore[arg-type]
    losses = Losses(writer)
    written = b"".join(line for line in convert(log, writer, losses) if isinstance(line, bytes))
    return written, list(losses)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_canonical_log_converted_to_its_own_version_is_the_same_octets(version: Version) -> None:
    octets = log_of(generate(50), version)
    assert converted(octets, version) == (octets, [])


def test_what_the_target_cannot_hold_is_counted_by_field() -> None:
    jobs = [Job(job_id=1, pages_trapped=0, job_source="LPR"), Job(job_id=2, pages_trapped=5), Job(job_id=3)]
    written, losses = converted(log_of(jobs), "2")
    assert losses == [Loss(field="job_source", jobs=1, jobs_not_zero=1), Loss(field="pages_trapped", jobs=2, jobs_not_zero=1)]
    assert read(written)[0] == [Job(job_id=1), Job(job_id=2), Job(job_id=3)]


def test_upwards_what_was_not_recorded_stays_empty_unless_zeros_are_wanted() -> None:
    octets = log_of([Job(job_id=1)], "2")
    (empty,), _ = read(converted(octets, "4")[0])
    assert empty == Job(job_id=1)
    (filled,), _ = read(converted(octets, "4", zeros=zeros("2", CANONICAL, "zero"))[0])
    counts = {"channel_idle_milliseconds", "rip_interrupted_seconds", "djde_records_read", "pages_trapped", "lines_printed"}
    assert filled == Job(job_id=1, **dict.fromkeys(counts, 0))  # type: ignore[arg-type]
    assert zeros("2", CANONICAL, "empty") == frozenset()


def test_a_bad_line_is_left_out_and_said() -> None:
    writer = Writer("2", CANONICAL)
    items: list[Entry | Fault] = [Fault(line=2, severity="error", rule="value", text="x"), Entry(3, Job(job_id=1))]
    assert [type(line) for line in convert(items, writer, Losses(writer))] == [bytes, Fault, bytes]


def test_an_item_of_an_unknown_name_has_no_column_in_the_full_layout_and_is_counted() -> None:
    written, losses = converted(b"Job ID=1,Foo=x\n", "2")
    assert losses == [Loss(field="Foo", jobs=1, jobs_not_zero=1)]
    assert read(written)[0] == [Job(job_id=1)]


def test_version_2_alone_has_the_condensed_layout() -> None:
    with pytest.raises(ConfigError, match="no condensed layout"):
        Writer("3", CONDENSED)
    assert Writer("2", CONDENSED).line(Job(job_id=5, account="a,b", sheets=0)) == b'Job ID=5,"Account=a,b"\n'


@pytest.mark.parametrize(
    "how, name, cell",
    [
        (CANONICAL, 'a,"b', b'"a,""b"'),
        (CANONICAL, "a\nb", b'"a\nb"'),
        (made(line_breaks="blank"), "a\r\nb", b"a b"),
        (dialect.load("docusp-tab"), 'a\tb\n"c', b'a b "c'),
        (made(quote="none"), "a,b", b"a b"),
        (made(encoding="ascii"), "\u00e4", b"?"),
        (made(encoding="iso-8859-15"), "\u20ac", b"\xa4"),
    ],
)
def test_what_is_special_is_quoted_or_becomes_a_blank(how: dialect.Dialect, name: str, cell: bytes) -> None:
    assert cell in Writer("4", how).line(Job(job_id=1, document_name=name))


def test_a_letter_the_encoding_has_not_may_be_refused() -> None:
    with pytest.raises(UnencodableError, match="utf-8"):
        Writer("4", made(encoding="ascii", unencodable="refuse")).line(Job(job_id=1, sender="M\u00fcller"))


@pytest.mark.parametrize("text", ["=1+1", "+49", "-5", "@x", "\t=1"])
def test_a_spreadsheet_calculates_nothing(text: str) -> None:
    assert guard(text) == f"'{text}"
    line = Writer("4", CANONICAL, is_spreadsheet=True).line(Job(job_id=1, account=text, extra=()))
    assert f",'{text}".encode() in line or f"\"'{text}".encode() in line
    assert guard("KST-1") == "KST-1"


def test_a_made_up_log_is_the_same_for_the_same_seed() -> None:
    assert list(generate(20, seed=5)) == list(generate(20, seed=5)) != list(generate(20, seed=6))
