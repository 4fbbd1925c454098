"""Statements as files: CSV for a spreadsheet, JSON for a program. XLSX is `workbook.py`'s.

Both go line by line, in constant memory. In CSV every row begins with what it is: `charge`, `waste` or `none` for a line, and below the
lines of each statement `net`, `tax`, `gross` and `waste-total`, whose quantity counts jobs. In JSON each line and each statement is an
object of its own on a line of its own, amounts as text, so that no program reads them as binary fractions.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from decimal import Decimal

import msgspec

from poller.accounting import money
from poller.accounting.ledger import Line, Statement

COLUMNS = """row period cost_centre item detail quantity unit price percent amount currency at job server job_id report_id flags document
    sender""".split()
NAMES = 2  # of the columns, the last: left out where names are not wanted

Cell = str | int | Decimal | None

_DECIMALS = tuple(COLUMNS.index(name) for name in ("price", "percent", "amount"))
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

_encode = msgspec.json.Encoder().encode


def header(*, has_names: bool) -> list[str]:
    return list(COLUMNS if has_names else COLUMNS[:-NAMES])


def rows(item: Line | Statement, currency: str, *, has_names: bool) -> Iterator[list[Cell]]:
    """Yield a line as one row, a statement as its totals."""
    if isinstance(item, Line):
        at = None if item.at is None else item.at.isoformat()
        cells: list[Cell] = [item.kind, item.period, item.cost_centre, item.item, item.detail, item.quantity, item.unit, item.price]
        cells += [item.percent, item.amount, currency, at, item.job, item.server, item.job_id, item.report_id, " ".join(item.flags)]
        yield [*cells, item.document, item.sender] if has_names else cells
        return
    for row, jobs, percent, amount in (
        ("net", item.jobs_charged, None, item.net),
        ("tax", None, item.tax_percent, item.tax),
        ("gross", item.jobs_charged, None, item.gross),
        ("waste-total", item.jobs, None, item.waste),
    ):
        if amount is not None:
            unit = None if jobs is None else "jobs"
            cells = [row, item.period, item.cost_centre, None, None, jobs, unit, None, percent, amount, item.currency]
            yield [*cells, *(None,) * (len(COLUMNS) - len(cells) - (0 if has_names else NAMES))]


class CsvWriter:
    """RFC 4180 with commas, UTF-8, LF. With *is_spreadsheet* an apostrophe stands before texts that a spreadsheet would calculate."""

    def __init__(self, write: Callable[[bytes], object], currency: str, *, has_names: bool, is_spreadsheet: bool) -> None:
        self._write, self._currency, self._has_names, self._is_spreadsheet = write, currency, has_names, is_spreadsheet
        self._buffer = io.StringIO()
        self._csv = csv.writer(self._buffer, lineterminator="\n")
        self._rows([[*header(has_names=has_names)]])

    def take(self, item: Line | Statement) -> None:
        self._rows([self._written(row) for row in rows(item, self._currency, has_names=self._has_names)])

    def close(self) -> None:
        """Nothing is left to write."""

    def _written(self, row: list[Cell]) -> list[Cell]:
        """Return a row whose numbers are plain digits; the rest csv writes as it should, None as nothing."""
        for at in _DECIMALS:
            cell = row[at]
            if isinstance(cell, Decimal):
                row[at] = money.text(cell)
        if self._is_spreadsheet:
            return [
                f"'{cell}" if isinstance(cell, str) and at not in _DECIMALS and cell.startswith(_FORMULA) else cell
                for at, cell in enumerate(row)
            ]
        return row

    def _rows(self, found: list[list[Cell]]) -> None:
        self._csv.writerows(found)
        self._write(self._buffer.getvalue().encode("utf-8", "replace"))
        self._buffer.seek(0)
        self._buffer.truncate()


class JsonWriter:
    """An object a line."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write

    def take(self, item: Line | Statement) -> None:
        self._write(_encode(item) + b"\n")

    def close(self) -> None:
        """Nothing is left to write."""
