"""Statements as a workbook (XLSX): a sheet of totals, and the lines on as many sheets as they need. Rows go to the disk as they come.

openpyxl writes it, an extra (`poller[accounting]`) that nothing else here needs: it is imported when a workbook is asked for. A
spreadsheet holds numbers as binary fractions of 15 digits; amounts are shown with the tariff's decimals and are exact within these.
"""

from __future__ import annotations

import re
from decimal import Decimal
from importlib import import_module
from typing import Any, BinaryIO

from poller.accounting import statement
from poller.accounting.ledger import Line, Statement
from poller.accounting.statement import Cell
from poller.errors import ConfigError

_ROWS_MAX = 1_000_000
"""Of a sheet; a spreadsheet takes 1,048,576."""
_TEXT_MAX = 32_000  # of a cell, 32,767
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_WHOLE_EXACT = 10**15


class WorkbookWriter:
    """Raises ConfigError where openpyxl is missing."""

    def __init__(self, file: BinaryIO, currency: str, decimals: int, *, has_names: bool, rows_max: int = _ROWS_MAX) -> None:
        try:
            openpyxl = import_module("openpyxl")
            self._cell_type = import_module("openpyxl.cell").WriteOnlyCell
        except ImportError as error:
            raise ConfigError(["xlsx needs openpyxl, which is not installed: pip install 'poller[accounting]'; or take csv"]) from error
        self._file, self._currency, self._has_names, self._rows_max = file, currency, has_names, rows_max
        self._money = "0" + ("." + "0" * decimals if decimals else "")
        self._book: Any = openpyxl.Workbook(write_only=True)
        self._totals = self._sheet("Statements")
        self._lines = self._sheet("Lines")
        self._count, self._sheets = 0, 1

    def take(self, item: Line | Statement) -> None:
        is_line = isinstance(item, Line)
        for row in statement.rows(item, self._currency, has_names=self._has_names):
            if is_line:
                if self._count == self._rows_max:
                    self._sheets += 1
                    self._lines, self._count = self._sheet(f"Lines {self._sheets}"), 0
                self._count += 1
            sheet = self._lines if is_line else self._totals
            sheet.append([self._cell(sheet, cell) for cell in row])

    def close(self) -> None:
        """Write the file; without this there is none."""
        self._book.save(self._file)

    def _sheet(self, title: str) -> Any:
        sheet = self._book.create_sheet(title)
        sheet.append(statement.header(has_names=self._has_names))
        return sheet

    def _cell(self, sheet: Any, value: Cell) -> Any:
        match value:
            case None:
                return None
            case int() if abs(value) < _WHOLE_EXACT:
                return value
            case Decimal():
                cell = self._cell_type(sheet, value=value)
                decimals = -min(0, int(value.as_tuple().exponent))
                cell.number_format = self._money if decimals <= len(self._money) - 2 else "0." + "0" * decimals
                return cell
            case _:
                cell = self._cell_type(sheet, value=_CONTROL.sub("\ufffd", str(value))[:_TEXT_MAX])
                cell.data_type = "s"  # a text, even where it begins with =
                return cell
