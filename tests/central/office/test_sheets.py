"""Files of other people's programs: CSV and XLSX read in whatever they were written, hostile ones refused for little."""

from __future__ import annotations

import io
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from poller.central.office import sheets
from poller.central.office.sheets import SheetError, read_rows


def written(folder: Path, content: bytes | str, name: str = "list.csv", charset: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode(charset))
    return path


@pytest.mark.parametrize("charset", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("mark", [";", ",", "\t"])
def test_csv_is_read_in_whatever_it_was_written(tmp_path: Path, charset: str, mark: str) -> None:
    text = f'Seriennummer{mark}Gerätenummer\r\n\r\nA1{mark}"7{mark}8"\r\n{mark}\r\n'
    rows, _ = read_rows(written(tmp_path, text, charset=charset))
    assert rows == [(1, ["Seriennummer", "Gerätenummer"]), (3, ["A1", f"7{mark}8"])]


def workbook(*rows: tuple[Any, ...]) -> bytes:
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in rows:
        book.active.append(row)
    into = io.BytesIO()
    book.save(into)
    return into.getvalue()


def test_xlsx_is_read_with_its_numbers_and_dates(tmp_path: Path) -> None:
    content = workbook(("Seriennummer", "Start", "Zähler"), (4711, date(2026, 1, 31), 12.0), (None, None, None), ("A1", None, 1.5))
    rows, _ = read_rows(written(tmp_path, content, "list.xlsx"))
    assert rows[1:] == [(2, [4711, date(2026, 1, 31), 12]), (4, ["A1", None, "1.5"])]


def changed(content: bytes, name: str, body: bytes) -> bytes:
    """Return a workbook with another part in the place of one, or beside them."""
    into = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as new:
        for one in old.namelist():
            if one != name:
                new.writestr(one, old.read(one))
        new.writestr(name, body)
    return into.getvalue()


SHEET = "xl/worksheets/sheet1.xml"
BOOK = workbook(("Seriennummer",), ("A1",))


@pytest.mark.parametrize(
    "content, says",
    [
        pytest.param(b"a;b\n\x00\n", "neither CSV nor XLSX", id="binary"),
        pytest.param(b'a;b\n"open', "unexpected end of data", id="a quote left open"),
        pytest.param(b"a;b\n" + b"x" * 1001, "more than 1000 characters", id="a long cell"),
        pytest.param(b";" * 200, "more than 100 columns", id="a wide row"),
        pytest.param(b"PK\x03\x04garbage", "a damaged workbook", id="a damaged zip"),
        pytest.param(BOOK[: len(BOOK) // 2], "a damaged workbook", id="half a zip"),
        pytest.param(
            changed(BOOK, SHEET, b"<!--" + b" " * 70_000 + b'--><!DOCTYPE a [<!ENTITY b "bb">]><worksheet/>'),
            "declares entities",
            id="entities",
        ),
        pytest.param(changed(BOOK, SHEET, "<!DOCTYPE a><worksheet/>".encode("utf-16")), "in a charset", id="entities in another charset"),
        pytest.param(changed(BOOK, SHEET, b"<worksheet><sheetData><row>"), "can(not)? be read", id="XML cut off"),
        pytest.param(changed(BOOK, "xl/workbook.xml", b"<workbook/>"), "can(not)? be read", id="no sheets"),
    ],
)
def test_a_hostile_file_is_refused(tmp_path: Path, content: bytes, says: str) -> None:
    with pytest.raises(SheetError, match=says):
        read_rows(written(tmp_path, content))


def test_a_file_has_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sheets, "FILE_BYTES_MAX", 10)
        with pytest.raises(SheetError, match="larger than 10 bytes"):
            read_rows(written(tmp_path, "x" * 11))
    with monkeypatch.context() as patch:
        patch.setattr(sheets, "FILE_BYTES_MAX", 100_000)
        patch.setattr(sheets, "UNPACKED_BYTES_MAX", 1_000_000)
        bomb = changed(BOOK, "big.bin", b"x" * 1_000_000)
        assert len(bomb) < 10_000
        with pytest.raises(SheetError, match="more than 1000000 bytes or 1000 parts, unpacked"):
            read_rows(written(tmp_path, bomb))
    with pytest.raises(SheetError, match="unpacks to more than 200 times its size"):
        read_rows(written(tmp_path, changed(BOOK, "xl/styles.xml", b"<font/>" * 400_000)))
    monkeypatch.setattr(sheets, "ROWS_MAX", 2)
    with pytest.raises(SheetError, match="more than 2 rows"):
        read_rows(written(tmp_path, "a\nb\nc\n"))
    with pytest.raises(SheetError, match="no such file"):
        read_rows(tmp_path / "none.csv")


def test_rows_that_are_not_in_a_sheet_cost_nothing(tmp_path: Path) -> None:
    """Two rows, the second said to be the last a sheet can have: a million blank ones between are neither kept nor read cell by cell."""
    cell = '<row r="{0}"><c r="A{0}" t="inlineStr"><is><t>{1}</t></is></c></row>'
    body = f"<sheetData>{cell.format(1, 'serial')}{cell.format(1_048_576, 'A1')}</sheetData>"
    sheet = f'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">{body}</worksheet>'
    rows, _ = read_rows(written(tmp_path, changed(BOOK, SHEET, sheet.encode()), "list.xlsx"))
    assert rows == [(1, ["serial"]), (1_048_576, ["A1"])]


def test_of_merged_cells_the_first_has_the_text_and_the_others_say_nothing(tmp_path: Path) -> None:
    book = openpyxl.load_workbook(io.BytesIO(workbook(("serial", "customer"), ("A1", "7"), ("B2", "8"))))
    assert book.active is not None
    book.active.merge_cells("B2:B3")
    into = io.BytesIO()
    book.save(into)
    rows, _ = read_rows(written(tmp_path, into.getvalue(), "list.xlsx"))
    assert rows[1:] == [(2, ["A1", "7"]), (3, ["B2"])]


def test_a_formula_is_what_was_computed_last_or_nothing(tmp_path: Path) -> None:
    content = workbook(("serial", "customer"), ('=HYPERLINK("http://example.com","A1")', "=1+1"), ("B2", "7"))
    rows, _ = read_rows(written(tmp_path, content, "list.xlsx"))
    assert rows == [(1, ["serial", "customer"]), (3, ["B2", "7"])]


def test_digits_that_a_csv_file_calls_text_are_text(tmp_path: Path) -> None:
    rows, _ = read_rows(written(tmp_path, 'serial;customer\n="0012345";"=""007"""\n=1+1;\n'))
    assert rows[1:] == [(2, ["0012345", "007"]), (3, ["=1+1", None])]
