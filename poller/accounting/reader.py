"""Reads a DocuSP job log: finds out how it is written, then yields its jobs one by one, and a fault for each line that is not one.

`open_log` looks at the first lines and decides on separator, quotes, header and version, in that order; iterating reads the rest, in
constant memory. A bad line costs that line. Only a file that is no log at all raises (JobLogError), and before its first job.

    version   told by the caller, else by the dialect, else by a remark (`# version: 3.1`) above the header, else by the fields present,
              else, without a header, by the number of columns, which is a hint
    quotes    RFC 4180 where a cell begins with one; with tabs only if the first line has a cell in quotes, since who writes tabs seldom
    quotes encoding  UTF-8, line by line, and the dialect's older encoding for a line that is not
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from typing import Literal, NamedTuple

import msgspec

from poller.accounting import columns
from poller.accounting.dialect import DELIMITERS, Dialect, Layout
from poller.accounting.faults import Fault, Rule, shown
from poller.accounting.fields import Version
from poller.accounting.job import Entry
from poller.accounting.lines import LINE_OCTETS_MAX, Lines, is_too_long
from poller.accounting.plan import COLUMNS_MAX, Plan, Unreadable
from poller.accounting.values import Meaning
from poller.accounting.versions import version_named
from poller.errors import JobLogError

_LOOKED_AT_LINES = 32
_RECORD_LINES_MAX = 16
"""Lines of one record: a line break within quotes is rare, a quote nobody closed is not."""
_UNKNOWN_NAMES_MAX = 400
_NAMES_SHOWN = 12
_UTF_8_BOM = "\ufeff"
_REMARK = re.compile(r"#.*\bversion\b[\s:=]*(\d(?:\.\d)?)\b", re.IGNORECASE)
_CONTROL = bytes(octet for octet in range(0x20) if octet not in b"\t\r\n\f\x1a")


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How to read: the dialect, and the version where the caller knows it; `origin` is the file's name, without folders, if it has one."""

    dialect: Dialect
    version: Version | None = None
    origin: str | None = None


class Shape(NamedTuple):
    """How the lines of a file are cut: its separator, whether quotes count, and whether it has Name=Value items."""

    separator: str
    has_quotes: bool
    layout: Layout


class Log:
    """An opened log; iterate over it once. `extra_columns` are those nobody knows, in the file's order, as far as its header names them."""

    def __init__(self, lines: Lines, options: Options) -> None:
        self._lines, self._dialect = lines, options.dialect
        self._is_legacy = False
        self._extra_names: set[str] = set()  # of items
        self._slot_of: Meaning[int] = Meaning(lambda name: columns.slot_of(name, options.dialect))
        first = _look(lines, options.dialect)
        self.remarks = first.remarks
        self.shape = first.shape
        self._separator = first.shape.separator
        self._separator_and_quote = first.shape.separator + '"'
        told = options.version or options.dialect.version or _version_of(first.remarks)
        self.is_version_told = told is not None
        self._begin: list[Fault] = []
        self.has_header = False
        self._header_line = 0
        if first.shape.layout == "condensed":
            self.version: Version = told or "2"
            if self.version != "2":
                self._note("warning", "condensed", f"told to be version {self.version}, and only version 2 has this layout")
            self._plan = Plan(tuple(range(len(columns.SLOTS))), (), self._dialect)
        elif columns.is_header(first.cells, self._dialect):
            self.has_header, self._header_line = True, first.number
            self._plan = self._plan_of(first.cells)
            self.version = told or columns.version_by_fields(self._plan.slots)
            self._note_columns(first.number)
        else:
            self.version, slots = _without_header(first.width, told, self._dialect)
            self._plan = Plan(slots, tuple(f"Column {at}" for at, slot in enumerate(slots, 1) if slot is None), self._dialect)
        self.extra_columns = self._plan.extra_names
        self._foreign = self._plan.of_fields(columns.foreign(self.version)) if self.is_version_told else ()

    def __iter__(self) -> Iterator[Entry | Fault]:
        yield from self._begin
        is_condensed = self.shape.layout == "condensed"
        for number, cells in self._records():
            if isinstance(cells, Fault):
                yield cells
                continue
            if number == self._header_line:  # understood already
                continue
            if is_condensed:
                yield from self._condensed(number, cells)
                continue
            try:
                job = self._plan.job(cells)
            except Unreadable:
                yield from self._unreadable(number, cells)
                continue
            yield Entry(number, job)
            if self._foreign:
                yield from self._of_other_versions(number, cells)

    # --- lines ---

    def _records(self) -> Iterator[tuple[int, list[str] | Fault]]:
        """Yield every record as cells, with the number of its first line; blank lines and remarks are left out."""
        lines, separator, marked = self._lines, self._separator, self._separator_and_quote
        has_quotes = self.shape.has_quotes
        while (raw := lines.take()) is not None:
            number = lines.number
            if is_too_long(raw):
                yield number, _bad(number, "length", f"longer than {LINE_OCTETS_MAX} octets; left out")
                continue
            try:
                text = raw.decode()
            except UnicodeDecodeError:
                text = raw.decode(self._dialect.legacy, "replace")
                if not self._is_legacy:
                    self._is_legacy = True
                    yield number, Fault(line=number, severity="info", rule="encoding", text=f"not UTF-8; read as {self._dialect.legacy}")
            if text[0] == _UTF_8_BOM:  # also where files were joined
                text = text[1:]
            if not text or text.isspace() or text == "\x1a":  # a DOS end of file
                continue
            if "\0" in text:
                yield number, _bad(number, "binary", "holds a NUL; left out")
                continue
            if has_quotes and '"' in text and (text[0] == '"' or marked in text):
                yield number, self._quoted(number, text)
                continue
            cells = text.rstrip("\r\n").split(separator)
            if text[0] == "#" and len(cells) == 1:
                continue
            yield number, cells

    def _quoted(self, number: int, text: str) -> list[str] | Fault:
        """Return the cells of a record with quotes, which may go on over the next lines; these are put back if it does not end well."""
        taken: list[bytes] = []

        def feed() -> Iterator[str]:
            yield text
            size = len(text)
            while len(taken) < _RECORD_LINES_MAX - 1 and size <= LINE_OCTETS_MAX and (raw := self._lines.take()) is not None:
                taken.append(raw)
                size += len(raw)
                yield _decode(raw, self._dialect.legacy)

        try:
            cells = next(csv.reader(feed(), delimiter=self._separator, strict=True))
        except csv.Error as error:
            self._lines.push_back(taken)
            unclosed = f"a quote is opened and not closed within {_RECORD_LINES_MAX} lines"
            return _bad(number, "quotes", unclosed if "end of data" in str(error) else "text behind a closing quote; want a separator")
        if "\0" in "".join(cells):
            return _bad(number, "binary", "holds a NUL; left out")
        return cells

    # --- records ---

    def _condensed(self, number: int, cells: list[str]) -> Iterator[Entry | Fault]:
        """Yield the job of a record of Name=Value items, or what is wrong with it."""
        row = [""] * len(columns.SLOTS)
        extra: list[tuple[str, str]] = []
        for cell in cells:
            name, has_value, value = cell.partition("=")
            if not has_value:
                if not cell.strip():
                    continue  # behind a last separator
                yield _bad(number, "item", f"{shown(cell)} is no Name=Value item")
                return
            slot = self._slot_of[name]
            if slot is None:
                yield from self._note_name(number, name)
                if name in self._extra_names and value and len(extra) < COLUMNS_MAX:
                    extra.append((name, value))
            elif row[slot]:
                yield _bad(number, "item", "given twice", columns.SLOTS[slot].name)
                return
            else:
                row[slot] = value
        try:
            job = self._plan.job(row)
        except Unreadable:
            yield from (_bad(number, "value", text, field) for field, text in self._plan.reasons(row))
            return
        yield Entry(number, msgspec.structs.replace(job, extra=tuple(extra)) if extra else job)
        if self._foreign:
            yield from self._of_other_versions(number, row)

    def _unreadable(self, number: int, cells: list[str]) -> Iterator[Entry | Fault]:
        """Say why cells are no job; or take them as the header they are, of another file joined to this one."""
        if len(cells) <= COLUMNS_MAX and columns.is_header(cells, self._dialect):
            yield self._another_header(number, cells)
            return
        wanted, count = self._plan.width, len(cells)
        if count == wanted + 1 and not cells[-1]:  # a separator at the end of the line
            try:
                yield Entry(number, self._plan.job(cells[:-1]))
            except Unreadable:
                yield from (_bad(number, "value", text, field) for field, text in self._plan.reasons(cells[:-1]))
            return
        if count == wanted:
            yield from (_bad(number, "value", text, field) for field, text in self._plan.reasons(cells))
            return
        reason = f"{count} columns instead of {wanted}"
        known = columns.version_by_count(count, self._dialect)
        if count < wanted and not self._lines.peek(1):
            reason += "; the file ends here: cut short?"
        elif known is not None and not self.has_header:
            reason += f", as many as version {known[0]} has: different versions in one file?"
        yield _bad(number, "columns", reason)

    def _another_header(self, number: int, cells: list[str]) -> Fault:
        plan = self._plan_of(cells)
        if (plan.slots, plan.extra_names) == (self._plan.slots, self._plan.extra_names):
            return Fault(line=number, severity="info", rule="header", text="the header again")
        before, after = (columns.version_by_fields(one.slots) for one in (self._plan, plan))
        self._plan, self.has_header = plan, True
        self._foreign = plan.of_fields(columns.foreign(self.version)) if self.is_version_told else ()
        versions = f"of version {after} in a file of version {before}" if before != after else "with other columns"
        return _bad(number, "mixed", f"another header {versions}: files joined? Read on by it")

    def _of_other_versions(self, number: int, cells: list[str]) -> Iterator[Fault]:
        for at, name in self._foreign:
            if at < len(cells) and cells[at] and not cells[at].isspace():
                text = f"version {self.version} has no such field: {shown(cells[at])}"
                yield Fault(line=number, severity="warning", rule="not-in-version", text=text, field=name)

    # --- columns ---

    def _plan_of(self, cells: list[str]) -> Plan:
        """Return the plan of a header; a column whose name was there before counts as one nobody knows."""
        if len(cells) > COLUMNS_MAX:
            raise JobLogError(f"{len(cells)} columns; a log has at most {COLUMNS_MAX}")
        slots: list[int | None] = []
        names = []
        if len(cells) > 1 and not cells[-1].strip():
            cells = cells[:-1]  # every line ends with a separator
        for cell in cells:
            slot = columns.slot_of(cell, self._dialect)
            if slot is None or slot in slots:
                slot = None
                names.append(cell.strip().lstrip(_UTF_8_BOM))
            slots.append(slot)
        return Plan(tuple(slots), tuple(names), self._dialect)

    def _note_columns(self, number: int) -> None:
        if names := self._plan.extra_names:
            listed = ", ".join(shown(name) for name in names[:_NAMES_SHOWN]) + (", …" if len(names) > _NAMES_SHOWN else "")
            text = f"{len(names)} columns that no version up to 4.0 has, or that come twice; kept as they are: {listed}"
            self._note("warning", "unknown-columns", text, number)

    def _note_name(self, number: int, name: str) -> Iterator[Fault]:
        """Say of an item's name nobody knows that it is kept, once for each."""
        if name not in self._extra_names and len(self._extra_names) < _UNKNOWN_NAMES_MAX:
            self._extra_names.add(name)
            text = f"no version up to 4.0 has {shown(name)}; kept as it is"
            yield Fault(line=number, severity="warning", rule="unknown-columns", text=text)

    def _note(self, severity: Literal["warning", "info"], rule: Rule, text: str, line: int = 0) -> None:
        self._begin.append(Fault(line=line, severity=severity, rule=rule, text=text))


def open_log(lines: Lines, options: Options) -> Log:
    """Open a log. Raises JobLogError where these lines are none, ConfigError never."""
    return Log(lines, options)


# --- the first look ---


class _First(NamedTuple):
    """What the first lines tell: remarks above, cells of the first record, its line's number, how many columns most records have."""

    remarks: tuple[str, ...]
    shape: Shape
    cells: list[str]
    number: int
    width: int


def _look(lines: Lines, dialect: Dialect) -> _First:
    """Look at the first lines without taking them, but for a byte order mark and remarks. Raises JobLogError."""
    peeked = lines.peek(_LOOKED_AT_LINES)
    if not peeked:
        raise JobLogError("the file is empty")
    _refuse_binary(peeked)
    texts = [_decode(raw, dialect.legacy).rstrip("\r\n").lstrip(_UTF_8_BOM) for raw in peeked]
    begin = next((at for at, text in enumerate(texts) if text.strip() and not text.startswith("#")), None)
    if begin is None:
        raise JobLogError(f"no record in the first {_LOOKED_AT_LINES} lines")
    remarks = tuple(text for text in texts[:begin] if text.startswith("#"))
    for _ in range(begin):
        lines.take()
    head = [text for text in texts[begin:] if text.strip()]
    shape = _shape(head, dialect)
    records = [_split(text, shape) for text in head]
    whole = records if len(records) == 1 or peeked[-1].endswith(b"\n") else records[:-1]
    width = Counter(map(len, whole)).most_common(1)[0][0]
    return _First(remarks, shape, _split("\n".join(head), shape, is_first=True), lines.number + 1, width)


def _refuse_binary(peeked: list[bytes]) -> None:
    start = b"".join(peeked)[:LINE_OCTETS_MAX]
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise JobLogError("the file is UTF-16; save it as UTF-8")
    if b"\0" in peeked[0] or 20 * (len(start) - len(start.translate(None, _CONTROL))) > len(start):
        raise JobLogError("the file is binary, not a job log")
    if len(peeked) == 1 and b"\r" in peeked[0].rstrip() and peeked[0].count(b"\r") > peeked[0].count(b"\n"):
        raise JobLogError("its lines end with CR alone, as on an old Macintosh; save it with LF or CRLF")
    if is_too_long(peeked[0]):
        raise JobLogError(f"the first line is longer than {LINE_OCTETS_MAX} octets: not a job log")


def _shape(head: list[str], dialect: Dialect) -> Shape:
    """Find the separator: the one by which the first line has most known names, else most lines a known number of columns, else most
    cells.
    """
    best: tuple[tuple[int, int, int, bool], Shape] | None = None
    counts = {len(slots) for _, slots in columns.full_layouts(dialect)}
    for separator in DELIMITERS.values():
        quoted = re.search(rf'(?:^|{re.escape(separator)})"[^"]*(?:""[^"]*)*"(?:$|{re.escape(separator)})', head[0])
        has_quotes = dialect.quote != "none" and (separator != "\t" or quoted is not None)
        full = Shape(separator, has_quotes, "full")
        cells = _split(head[0], full)
        items = [columns.slot_of(cell.partition("=")[0], dialect) is not None for cell in cells if "=" in cell]
        names = sum(columns.slot_of(cell, dialect) is not None for cell in cells)
        is_condensed = bool(items) and items[0] and sum(items) > names
        widths = sum(len(_split(text, full)) in counts for text in head)
        merit = (max(sum(items), names), widths, len(cells), separator == dialect.separator)
        if best is None or merit > best[0]:
            best = merit, full._replace(layout="condensed" if is_condensed else "full")
    assert best is not None
    return best[1]


def _split(text: str, shape: Shape, *, is_first: bool = False) -> list[str]:
    """Cut one line, for the first look; with *is_first* the first record of several lines. What is not well quoted is cut as it stands."""
    if shape.has_quotes and '"' in text:
        try:
            return next(csv.reader(io.StringIO(text, newline="") if is_first else [text], delimiter=shape.separator))
        except (csv.Error, StopIteration):
            pass
    return text.partition("\n")[0].split(shape.separator)


def _without_header(width: int, told: Version | None, dialect: Dialect) -> tuple[Version, tuple[int | None, ...]]:
    """Return version and columns of a log whose first line is a record. Raises JobLogError."""
    if dialect.columns:
        slots = columns.slots_of_columns(dialect)
        if len(slots) != width:
            raise JobLogError(f"no header, and {width} columns where dialect {dialect.name} lists {len(slots)}")
        return told or columns.version_by_fields(slots), slots
    known = columns.version_by_count(width, dialect, told)
    if known is None:
        wanted = f"version {told} has another number of them" if told else "no version has so many"
        raise JobLogError(f"no header, and {width} columns: {wanted}; not a job log, or one whose columns a dialect has to list")
    return known


def _version_of(remarks: tuple[str, ...]) -> Version | None:
    found = (match for remark in remarks if (match := _REMARK.match(remark)))
    return next((version for match in found if (version := version_named(match[1])) is not None), None)


def _decode(raw: bytes, legacy: str) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode(legacy, "replace")


def _bad(line: int, rule: Rule, text: str, field: str | None = None) -> Fault:
    return Fault(line=line, severity="error", rule=rule, text=text, field=field)
