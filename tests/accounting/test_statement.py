"""Statements as CSV, JSON and XLSX say the same, and a spreadsheet calculates nothing it should not."""

from __future__ import annotations

import csv
import io
import sys
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from poller.accounting import statement
from poller.accounting.job import Job
from poller.accounting.ledger import Line, Statement
from poller.accounting.workbook import WorkbookWriter
from poller.errors import ConfigError
from tests.accounting.test_ledger import charged, job, simple


def items(*found: Job) -> list[Line | Statement]:
    lines, all_of = charged(found, simple(prices="setup = 1.005"))
    return [*lines, *all_of]


def as_csv(found: list[Line | Statement], **how: bool) -> list[dict[str, str]]:
    out = io.BytesIO()
    writer = statement.CsvWriter(out.write, "EUR", **({"has_names": False, "is_spreadsheet": False} | how))
    for item in found:
        writer.take(item)
    return list(csv.DictReader(io.StringIO(out.getvalue().decode())))


def test_charge_rows_add_up_to_net_and_waste_rows_to_waste() -> None:
    rows = as_csv(items(job(), job(job_id=2), job(job_id=3, job_status="Held by user")))
    for row, total in (("charge", "net"), ("waste", "waste-total")):
        (sum_,) = [one["amount"] for one in rows if one["row"] == total]
        assert sum((Decimal(one["amount"]) for one in rows if one["row"] == row), Decimal(0)) == Decimal(sum_)
    assert [one["row"] for one in rows] == ["charge"] * 4 + ["none", "net", "gross", "waste-total"]


def test_a_text_a_spreadsheet_would_calculate_gets_an_apostrophe_when_asked_for() -> None:
    found = items(job(account="=1+1", server="@x"))
    assert as_csv(found)[0]["cost_centre"] == "=1+1"
    guarded = as_csv(found, is_spreadsheet=True)
    assert (guarded[0]["cost_centre"], guarded[0]["server"]) == ("'=1+1", "'@x")


def test_negative_amounts_stay_numbers() -> None:
    lines, _ = charged([job(account="KST-1")], simple('[[discount]]\ncost_centre = "KST-1"\npercent = 10'))
    last = as_csv([*lines], is_spreadsheet=True)[-1]
    assert (last["percent"], last["amount"]) == ("-10", "-0.10")


def test_json_has_amounts_as_text_and_comes_back_as_it_was() -> None:
    out = io.BytesIO()
    found = items(job())
    writer = statement.JsonWriter(out.write)
    for item in found:
        writer.take(item)
    read = [msgspec.json.decode(line, type=Line | Statement) for line in out.getvalue().splitlines()]
    assert read == found
    assert b'"amount":"1.01"' in out.getvalue()


# --- XLSX ---


def workbook(found: list[Line | Statement], **how: Any) -> Any:
    openpyxl = pytest.importorskip("openpyxl")
    out = io.BytesIO()
    writer = WorkbookWriter(out, "EUR", 2, has_names=True, **how)
    for item in found:
        writer.take(item)
    writer.close()
    return openpyxl.load_workbook(io.BytesIO(out.getvalue()))


def test_a_workbook_holds_what_the_csv_holds() -> None:
    found = items(job(document_name="plan"), job(job_id=2))
    book = workbook(found)
    rows = as_csv(found, has_names=True)
    lines = [[cell.value for cell in row] for row in book["Lines"].iter_rows()]
    totals = [[cell.value for cell in row] for row in book["Statements"].iter_rows()]
    assert lines[0] == totals[0] == statement.header(has_names=True)
    shown = [dict(zip(lines[0], row, strict=True)) for row in (*lines[1:], *totals[1:])]
    for ours, theirs in zip(rows, shown, strict=True):
        assert ours["row"] == theirs["row"]
        assert Decimal(ours["amount"]) == round(Decimal(theirs["amount"]), 2)
        assert ours["job"] == (theirs["job"] or "")
    amount = statement.COLUMNS.index("amount") + 1
    assert book["Lines"].cell(2, amount).number_format == "0.00"


def test_lines_go_on_in_another_sheet() -> None:
    book = workbook(items(*(job(job_id=number) for number in range(5))), rows_max=4)
    assert book.sheetnames == ["Statements", "Lines", "Lines 2", "Lines 3"]
    assert [book[name].max_row for name in book.sheetnames[1:]] == [5, 5, 3]


def test_a_text_is_never_a_formula_and_never_breaks_the_file() -> None:
    book = workbook(items(job(account="=1+1", server="a\x01b\ufffe", report_id="z" * 40_000)))
    cell = book["Lines"].cell(2, statement.COLUMNS.index("cost_centre") + 1)
    assert (cell.data_type, cell.value) == ("s", "=1+1")
    assert book["Lines"].cell(2, statement.COLUMNS.index("server") + 1).value == "a\ufffdb\ufffd"


def test_without_openpyxl_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(ConfigError, match=r"poller\[accounting\]"):
        WorkbookWriter(io.BytesIO(), "EUR", 2, has_names=False)
