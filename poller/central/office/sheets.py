"""Lists of other people's programs, CSV or XLSX, as rows of cells: bounded in every way, since nobody knows who made the file.

A CSV file of a German merchandise system has semicolons, decimal commas and Windows-1252; an English one commas and UTF-8. Both are told
by what is in the file. Of an XLSX file, a zip of XML, the sizes are added up before anything is unpacked, and one that declares entities is
refused. Formulas are never computed: what the file's maker computed last is what counts.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import IO, Any

from poller.errors import PollerError

FILE_BYTES_MAX = 32 * 2**20
UNPACKED_BYTES_MAX = 256 * 2**20
PARTS_MAX = 1000
RATIO_MAX, RATIO_FROM_BYTES = 200, 2**21
"""A sheet of real rows is packed to a tenth, of equal ones to a hundredth. What is packed to less was made to be unpacked."""
ROWS_MAX = 200_000
COLUMNS_MAX = 100
CELL_CHARACTERS_MAX = 1000

_DELIMITERS = ";\t,|"
_ENTITIES = (b"<!DOCTYPE", b"<!ENTITY")
_CHUNK_BYTES = 2**20
_CHARSET_BYTES = 8

_AS_TEXT = re.compile(r'="([^"]*)"')
"""How spreadsheets are told that digits in a CSV file are no number: `="0012345"`."""

Cell = str | int | date | None
Row = tuple[int, list[Cell]]
"""The number of its line or row in the file, from 1, and its cells."""


class SheetError(PollerError):
    """A file is no list that can be read; the text says why."""


def read_rows(path: Path) -> tuple[list[Row], bytes]:
    """Return the rows of a list that are not empty, its heading first, and the file's content. Raises SheetError."""
    content = _content(path)
    try:
        rows = _xlsx(content) if content[:4] == b"PK\x03\x04" else _csv(content)
        return list(_bounded(rows)), content
    except SheetError as error:
        raise SheetError(f"{path}: {error}") from error


def _content(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise SheetError(f"{path}: no such file")
        with path.open("rb") as file:
            content = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise SheetError(f"{path}: {error.strerror or type(error).__name__}") from error
    if len(content) > FILE_BYTES_MAX:
        raise SheetError(f"{path}: larger than {FILE_BYTES_MAX} bytes")
    return content


def _bounded(rows: Iterator[Row]) -> Iterator[Row]:
    count = 0
    for number, cells in rows:
        if len(cells) > COLUMNS_MAX:
            raise SheetError(f"row {number}: more than {COLUMNS_MAX} columns")
        if all(cell is None for cell in cells):
            continue
        count += 1
        if count > ROWS_MAX:
            raise SheetError(f"more than {ROWS_MAX} rows")
        yield number, cells


# --- CSV -------------------------------------------------------------------------------------------------------------------


def _csv(content: bytes) -> Iterator[Row]:
    text = _text(content)
    if "\0" in text:
        raise SheetError("neither CSV nor XLSX")
    heading = text.lstrip("\r\n").partition("\n")[0]
    delimiter = max(_DELIMITERS, key=heading.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for cells in reader:
            yield reader.line_num, [_cell(_bare(cell)) for cell in cells]
    except csv.Error as error:
        raise SheetError(f"line {reader.line_num}: {error}") from error


def _text(content: bytes) -> str:
    """Return the text of a file that does not say what it is in."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        try:
            return content.decode("utf-16")
        except UnicodeDecodeError as error:
            raise SheetError("neither UTF-8, UTF-16 nor Windows-1252") from error
    for charset in ("utf-8-sig", "cp1252"):
        try:
            return content.decode(charset)
        except UnicodeDecodeError:
            continue
    raise SheetError("neither UTF-8, UTF-16 nor Windows-1252")


# --- XLSX ------------------------------------------------------------------------------------------------------------------


def _xlsx(content: bytes) -> Iterator[Row]:
    from openpyxl import load_workbook

    _check_parts(content)
    try:
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
    except Exception as error:  # openpyxl raises whatever the XML leads it to
        raise SheetError(f"no workbook that can be read ({type(error).__name__})") from error
    try:
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # what the file says about its size may be anything
        for number, cells in enumerate(sheet.iter_rows(values_only=True, max_col=COLUMNS_MAX + 1, max_row=1_048_576), 1):
            if cells.count(None) < len(cells):  # a row that is not in the file comes as blanks: a million of them, if it says so
                yield number, _trimmed([_cell(cell) for cell in cells])
    except SheetError:
        raise
    except Exception as error:  # as above, row by row
        raise SheetError(f"a sheet that cannot be read ({type(error).__name__})") from error
    finally:
        book.close()


def _check_parts(content: bytes) -> None:
    """Return when a zip is of a bearable size and its XML declares nothing. Raises SheetError."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            listed = parts.infolist()
            if len(listed) > PARTS_MAX or sum(one.file_size for one in listed) > UNPACKED_BYTES_MAX:
                raise SheetError(f"more than {UNPACKED_BYTES_MAX} bytes or {PARTS_MAX} parts, unpacked")
            if any(one.file_size > max(RATIO_FROM_BYTES, RATIO_MAX * one.compress_size) for one in listed):
                raise SheetError(f"a part that unpacks to more than {RATIO_MAX} times its size")
            if len({one.filename for one in listed}) != len(listed) or any(one.flag_bits & 1 for one in listed):
                raise SheetError("a workbook with a password, or with parts of one name")
            for one in listed:
                with parts.open(one) as part:
                    _check_xml(part)
    except (zipfile.BadZipFile, RuntimeError, EOFError, OSError, ValueError) as error:
        raise SheetError("a damaged workbook") from error


def _check_xml(part: IO[bytes]) -> None:
    """Return when a part declares nothing: an entity of a few bytes can stand for gigabytes. Raises SheetError."""
    behind = b""
    is_first = True
    while chunk := part.read(_CHUNK_BYTES):
        if is_first and chunk[:1] in (b"<", b"\xff", b"\xfe", b"\0") and b"\0" in chunk[:_CHARSET_BYTES]:
            raise SheetError("its XML is in a charset no workbook is in")
        if any(word in behind + chunk for word in _ENTITIES):
            raise SheetError("its XML declares entities")
        behind, is_first = chunk[-max(map(len, _ENTITIES)) :], False


def _trimmed(cells: list[Cell]) -> list[Cell]:
    while cells and cells[-1] is None:
        cells.pop()
    return cells


def _bare(cell: str) -> str:
    told = _AS_TEXT.fullmatch(cell)
    return cell if told is None else told[1]


def _cell(value: Any) -> Cell:
    """Return a cell as text, whole number or date; None for an empty one."""
    match value:
        case None:
            return None
        case bool():
            return str(value).lower()
        case datetime():
            return value.date()
        case date() | int():
            return value
        case float():
            return int(value) if value.is_integer() and abs(value) < 2**53 else repr(value)
    text = str(value).strip()
    if len(text) > CELL_CHARACTERS_MAX:
        raise SheetError(f"a cell has more than {CELL_CHARACTERS_MAX} characters")
    return text or None
