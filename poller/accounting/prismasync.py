"""Reads the accounting log of a Canon (Océ) PRISMAsync controller: `<serial><yyyymmdd>.ACL` while it is written, `.CSV` once it was closed.

Each line begins with its record type: 4302 names the columns, 4303 is a job that finished, or a part of one that was printed in parts.
Source: the accounting pages of Canon's help for PRISMAsync (M126401, M800189) and the manual of the varioPRINT 6000. They name the columns
and not what the file looks like in all detail, so this is read with leave: comma, semicolon or tab; quotes or none; columns of the 16
media by number (`nofsimplex3`) or by their order. What is inferred, docs/accounting.md says.

A sum is known only where its parts are: a column the file lacks adds nothing, an empty cell makes the sum unknown. Absent is not zero.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from poller.accounting.faults import Fault, Rule, shown
from poller.accounting.fields import VERSIONS, Version
from poller.accounting.job import NO_MEDIUM, Entry, Job, Medium
from poller.accounting.lines import Lines, is_too_long
from poller.accounting.names import normal
from poller.accounting.reader import Options
from poller.accounting.values import COUNT_MAX, read_count
from poller.errors import JobLogError

_HEADER, _DATA = "4302", "4303"
_BEGIN = re.compile(rb'(?:\xef\xbb\xbf)?\s*"?430[23]"?\s*([,;\t])')
_NAME = re.compile(r"(?P<serial>[A-Za-z0-9_-]+?)(?P<day>\d{8})\.(?:acl|csv)", re.IGNORECASE)
_NUMBERED = re.compile(r"(.*?[a-z])(\d{1,2})")
_COLUMNS_MAX = 400
_MEDIA_MAX = 16
_MEDIUM_COLUMNS = frozenset(
    "nofsimplex nofduplex mediaformat mediatype mediaweight mediacolor medianame cyclelength isinsert istab punchcount".split()
)
_STORING = frozenset({"SCAN", "SCAN2MBX", "MBXCOPY"})
"""Job types that print nothing."""
_STORED = {"Completed": "Save completed"}
_RESULTS: Mapping[str, str] = {"done": "Completed", "abrt": "Aborted", "stop": "Cancelled by operator"}
_KEPT = """activetime idletime custom accountid nofscana4 nofscana3 nofsinglestaples nofdoublestaples outputdestination tonerblack
    tonercolor""".split()
"""Columns that have no place in a `Job`; they stay as they are."""
_BLACK, _COLOUR = ("nofprinteda4bw", "nofprinteda3bw"), ("nofprinteda4c", "nofprinteda3c")
_STAPLES = (("nofsinglestaples", "Single staple"), ("nofdoublestaples", "Double staple"))

# What the columns have been called; the first is the one used here.
_ALIASES: Mapping[str, str] = {
    "mediacolour": "mediacolor",
    "tonercolour": "tonercolor",
    "costcenter": "costcentre",
    "singlestaples": "nofsinglestaples",
    "doublestaples": "nofdoublestaples",
}


class _Column(NamedTuple):
    """What one column is: its name, and of a medium's the medium it belongs to, from 0."""

    name: str
    medium: int | None


def recognise(first: Sequence[bytes]) -> bool:
    """Whether lines are those of this format: the first that is not blank begins with its record type."""
    return next((_BEGIN.match(line) is not None for line in first if line.strip()), False)


def serial_of(name: str) -> str | None:
    """Return the serial number a file's name begins with, None where it is no such name."""
    found = _NAME.fullmatch(name)
    return None if found is None else found["serial"]


def open_log(lines: Lines, options: Options) -> Log:
    """Open a log. Raises JobLogError where these lines are none."""
    return Log(lines, options)


class Log:
    """An opened log; iterate over it once."""

    version: Version = VERSIONS[-1]
    extra_columns: tuple[str, ...] = ()

    def __init__(self, lines: Lines, options: Options) -> None:
        peeked = lines.peek(8)
        found = next((match for line in peeked if (match := _BEGIN.match(line)) is not None), None)
        if found is None:
            raise JobLogError("no line begins with record type 4302 or 4303")
        self._separator = found[1].decode()
        self._lines, self._legacy, self._zone = lines, options.dialect.legacy, ZoneInfo(options.dialect.zone)
        self._server = None if options.origin is None else serial_of(options.origin)
        self._columns: tuple[_Column, ...] | None = None

    def __iter__(self) -> Iterator[Entry | Fault]:
        while (raw := self._lines.take()) is not None:
            number = self._lines.number
            if is_too_long(raw):
                yield _bad(number, "length", "longer than a line can be; left out")
                continue
            if b"\0" in raw:
                yield _bad(number, "binary", "holds a NUL; left out")
                continue
            if not raw.strip():
                continue
            if not raw.endswith(b"\n") and not self._lines.peek(1):
                # Of a file that is still written: this record comes whole with the next look.
                yield _bad(number, "columns", "the file ends within this line: still being written, or cut short?")
                continue
            try:
                cells = next(csv.reader([self._text(raw)], delimiter=self._separator, strict=True))
            except csv.Error:
                yield _bad(number, "quotes", "text behind a closing quote, or a quote that is not closed")
                continue
            yield from self._record(number, [cell.strip() for cell in cells])

    def _text(self, raw: bytes) -> str:
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            text = raw.decode(self._legacy, "replace")
        return text.lstrip("\ufeff").rstrip("\r\n")

    def _record(self, number: int, cells: list[str]) -> Iterator[Entry | Fault]:
        record_type, *cells = cells
        if record_type == _HEADER:
            if len(cells) > _COLUMNS_MAX:
                yield _bad(number, "columns", f"{len(cells)} columns; a log has at most {_COLUMNS_MAX}")
            else:
                self._columns = tuple(_columns(cells))
        elif record_type != _DATA:
            yield Fault(line=number, severity="info", rule="item", text=f"record type {shown(record_type)}; neither {_HEADER} nor {_DATA}")
        elif self._columns is None:
            yield _bad(number, "columns", f"a job before the line of record type {_HEADER} that names its columns")
        else:
            yield from self._job(number, cells, self._columns)

    def _job(self, number: int, cells: list[str], columns: tuple[_Column, ...]) -> Iterator[Entry | Fault]:
        """Yield the job of a line, or what is wrong with it."""
        if len(cells) == len(columns) + 1 and not cells[-1]:  # a separator at the end of the line
            cells = cells[:-1]
        if len(cells) != len(columns):
            yield _bad(number, "columns", f"{len(cells)} columns instead of {len(columns)}")
            return
        row = _Row(columns, cells, self._zone)
        job = _job(row, self._server)
        if row.faults:
            yield from (_bad(number, "value", text, field) for field, text in row.faults)
        else:
            yield Entry(number, job)


class _Row:
    """One job's cells by column. What cannot be understood is noted in `faults`, and reading goes on."""

    def __init__(self, columns: tuple[_Column, ...], cells: list[str], zone: ZoneInfo) -> None:
        self._cells = dict(zip(columns, cells, strict=True))
        self._zone = zone
        self.faults: list[tuple[str, str]] = []

    def text(self, name: str, medium: int | None = None) -> str | None:
        return self._cells.get(_Column(name, medium)) or None

    def count(self, name: str, medium: int | None = None) -> int | None:
        text = self.text(name, medium)
        return None if text is None else self._read(name, text, read_count)

    def has(self, names: Iterable[str]) -> bool:
        """Whether the file has any of these columns."""
        return any(_Column(name, None) in self._cells for name in names)

    def has_of_media(self, name: str) -> bool:
        return any(column.name == name for column in self._cells if column.medium is not None)

    def sum(self, names: Iterable[str]) -> int | None:
        """Return the sum of those columns that the file has; None where it has none, or one of them is empty."""
        return _plus(*((self.count(name), _Column(name, None) in self._cells) for name in names))

    def moment(self, day: str, time: str) -> int | None:
        """Return the moment two columns tell, in seconds since 1970 UTC; None unless both are there."""
        on, at = self.text(day), self.text(time)
        if on is None or at is None:
            return None

        def read(text: str) -> int:
            moment = datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=self._zone)
            seconds = int(moment.astimezone(UTC).timestamp())
            if seconds <= 0:
                raise ValueError
            return seconds

        return self._read(day, f"{on} {at}", read)

    def media(self) -> range:
        numbers = [column.medium for column in self._cells if column.medium is not None]
        return range(max(numbers, default=-1) + 1)

    def unknown(self) -> Iterator[tuple[str, str]]:
        """Yield the cells of columns nobody asks for."""
        for column, cell in self._cells.items():
            if cell and column.name not in _KNOWN and column.medium is None:
                yield column.name, cell

    def _read(self, name: str, text: str, read: Callable[[str], int]) -> int | None:
        try:
            return read(text)
        except (ValueError, OverflowError):
            self.faults.append((name, f"cannot be understood: {shown(text)}"))
            return None


def _columns(names: Sequence[str]) -> Iterator[_Column]:
    """Yield what each column is. A medium's columns are told apart by a number in their name, else by how often the name has come."""
    times: dict[str, int] = {}
    seen: set[_Column] = set()
    for at, given in enumerate(names):
        name = normal(given)
        name = _ALIASES.get(name, name)
        numbered = _NUMBERED.fullmatch(name)
        base = _ALIASES.get(numbered[1], numbered[1]) if numbered is not None else name
        if numbered is not None and base in _MEDIUM_COLUMNS and 1 <= int(numbered[2]) <= _MEDIA_MAX:
            column = _Column(base, int(numbered[2]) - 1)
        elif name in _MEDIUM_COLUMNS:
            times[name] = times.get(name, 0) + 1
            column = _Column(name, times[name] - 1)
        else:
            column = _Column(name, None)
        if column in seen or (column.medium or 0) >= _MEDIA_MAX:
            column = _Column(f"{given} (column {at + 2})", None)
        seen.add(column)
        yield column


def _job(row: _Row, server: str | None) -> Job:
    media = _media(row)
    one, two = (_sheets(row, name) for name in ("nofsimplex", "nofduplex"))
    black, colour = row.sum(_BLACK), row.sum(_COLOUR)
    job_id = row.text("jobid")
    is_number = job_id is not None and job_id.isascii() and job_id.isdigit() and len(job_id) <= 18
    staples = [name for column, name in _STAPLES if row.count(column)]
    return Job(
        job_id=int(job_id) if job_id is not None and is_number else None,
        report_id=row.text("documentid"),
        host_job_number=None if is_number else job_id,
        document_name=row.text("jobname"),
        sender=row.text("username"),
        recipient=row.text("jobaddressee"),
        account=row.text("costcentre") or row.text("accountid"),
        disposition="Save" if row.text("jobtype") in _STORING else None,
        job_status=_status(row),
        server=server,
        job_source=row.text("jobtype"),
        print_started_utc_seconds=row.moment("startdate", "starttime"),
        print_completed_utc_seconds=row.moment("readydate", "readytime"),
        copies_printed=row.count("noffinishedsets"),
        sheets=_plus((one, row.has_of_media("nofsimplex")), (two, row.has_of_media("nofduplex"))),
        impressions=_plus((black, row.has(_BLACK)), (colour, row.has(_COLOUR))),
        sheets_one_sided=one,
        sheets_two_sided=two,
        black_pages=black,
        colour_pages=colour,
        finishing=tuple(staples),
        media=media,
        extra=tuple(_extra(row)),
    )


def _status(row: _Row) -> str | None:
    """Return the result in DocuSP's words; of a job that only stores a document, that it was saved."""
    result = row.text("result")
    if result is None:
        return None
    status = _RESULTS.get(normal(result), result)
    return _STORED.get(status, status) if row.text("jobtype") in _STORING else status


def _plus(*parts: tuple[int | None, bool]) -> int | None:
    """Return the sum of parts, each with whether the file has columns for it: without it adds nothing, empty it makes the sum unknown."""
    there = [part for part, has_columns in parts if has_columns]
    known = [part for part in there if part is not None]
    return _bounded(sum(known)) if known and len(known) == len(there) else None


def _bounded(total: int) -> int | None:
    """Return a sum, None for one beyond what any counter holds."""
    return total if total <= COUNT_MAX else None


def _sheets(row: _Row, name: str) -> int | None:
    counts = [row.count(name, at) for at in row.media()]
    known = [count for count in counts if count is not None]
    return _bounded(sum(known)) if known else None  # most of the 16 media are empty in every job


def _media(row: _Row) -> tuple[Medium, ...]:
    found = []
    for at in row.media():
        one, two = row.count("nofsimplex", at), row.count("nofduplex", at)
        found.append(
            Medium(
                number_printed=None if one is None and two is None else _bounded((one or 0) + (two or 0)),
                type=row.text("mediatype", at),
                modulus=row.count("cyclelength", at),
                size=row.text("mediaformat", at),
                colour=row.text("mediacolor", at),
                name=row.text("medianame", at),
                holes=row.count("punchcount", at),
            )
        )
    while found and found[-1] == NO_MEDIUM:
        found.pop()
    return tuple(found)


def _extra(row: _Row) -> Iterator[tuple[str, str]]:
    for name in _KEPT:
        if (text := row.text(name)) is not None:
            yield name, text
    for at in row.media():
        for name in ("mediaweight", "isinsert", "istab"):
            if (text := row.text(name, at)) is not None:
                yield f"{name}{at + 1}", text
    yield from row.unknown()


_KNOWN = (
    frozenset(_KEPT)
    | frozenset((*_BLACK, *_COLOUR))
    | frozenset(
        """documentid jobid jobtype startdate starttime readydate readytime result username jobname costcentre jobaddressee
        noffinishedsets""".split()
    )
)


def _bad(line: int, rule: Rule, text: str, field: str | None = None) -> Fault:
    return Fault(line=line, severity="error", rule=rule, text=text, field=field)
