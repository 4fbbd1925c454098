"""The things of a simulated printer that are used up: supplies, finisher supplies, trays (RFC 3805, RFC 3806).

A thing goes through courses: 0 is freshly filled, 1 is used up; then it stays empty for a pause until somebody changes it, and the next
course begins. Only what the recording measures wears: -1, -2 and -3 are no measurements and stay as they are. How long things last is
invented.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from math import floor
from typing import NamedTuple

from poller.snmp.message import Value
from poller.snmp.oid import Oid, tail_arcs
from poller.snmp.oid import parse as oid

Draw = Callable[[str], float]
"""Gives [0, 1), always the same for the same question."""

Row = tuple[int, ...]
"""An index: (hrDeviceIndex, row)."""

Cells = dict[tuple[int, Row], Oid]
"""The cells a table has, by (column, row); gaps are gaps."""

IS_LOW_AT = 0.9
"""The used share from which a device says low."""

_SUPPLY_PAUSE, _TRAY_PAUSE = 0.04, 0.15  # of a course
_SHEETS_PER_PAGE = 0.7  # some pages are the back of a sheet
_TRAY_SHARE, _NEXT_TRAY_SHARE = 0.6, 0.4  # the first tray is used most

_INPUT, _SUPPLY, _FINISHER_SUPPLY = map(oid, ("1.3.6.1.2.1.43.8.2.1", "1.3.6.1.2.1.43.11.1.1", "1.3.6.1.2.1.43.31.1.1"))

# PrtMarkerSuppliesTypeTC, RFC 3805: toner, inks, ribbon, solid wax and ribbon wax, toner cartridge, matte toner and ink.
_COLORANTS = frozenset({3, 5, 6, 7, 12, 13, 21, 35, 36})
_PAGES_BY_TYPE = {4: 14_000, 8: 9_000, 9: 30_000, 14: 9_000, 32: 20_000}  # waste toner, waste ink, drum, waste wax, staples
_PAGES_OF_OTHERS = 90_000
_RECEPTACLE = 4  # PrtMarkerSuppliesClassTC receptacleThatIsFilled
_COUNTED_IN_PAGES = frozenset({7, 8})  # PrtMarkerSuppliesSupplyUnitTC impressions, sheets
_SHEETS, _MANUAL = 8, 5  # PrtCapacityUnitTC sheets, PrtInputTypeTC sheetFeedManual

# PrtAlertGroupTC and PrtAlertCodeTC, RFC 3805
_GROUP_INPUT, _GROUP_SUPPLY, _GROUP_FINISHER_SUPPLY = 8, 11, 31
_LIFE_ALMOST_OVER, _LIFE_OVER, _ALMOST_EMPTY, _EMPTY, _ALMOST_FULL, _FULL = range(10, 16)
_STAPLER = 302 * 100  # alert codes of a finisher device are family * 100 + code, RFC 3806

# hrPrinterDetectedErrorState bits, RFC 2790
_LOW_PAPER, _LOW_TONER, _NO_TONER, _SERVICE_REQUESTED, _INPUT_TRAY_EMPTY, _OVERDUE_MAINTENANCE = 0, 2, 3, 7, 13, 14


class Warnings(NamedTuple):
    """What a device says of a thing, low first and used up second: alert codes, error state bits."""

    codes: tuple[int, int]
    bits: tuple[int | None, int | None]


class Wearing(NamedTuple):
    """One thing that is used up. `pages` is how many a full one lasts, `start` where in its course it is when the simulation begins."""

    level: Oid
    status: Oid | None
    capacity: int
    pages: float
    pause: float
    start: float
    group: int
    row: int
    warnings: Warnings
    stops: bool
    """Whether the device stops when it is used up."""
    is_colorant: bool
    name: bytes

    def course_at(self, pages: float) -> tuple[int, float]:
        """Return how often it was changed and its used share; 1 and above is used up."""
        course = self.start + pages / self.pages
        changes = floor(course / (1 + self.pause))
        return changes, course - changes * (1 + self.pause)

    def pages_when(self, changes: int, used: float) -> float:
        """Return the page at which its course was there; negative for before the simulation."""
        return (changes * (1 + self.pause) + used - self.start) * self.pages

    def level_at(self, used: float) -> int:
        return 0 if used >= 1 else max(1, round(self.capacity * (1 - used)))

    def events_at(self, pages: float) -> int:
        """Return how many alerts it has raised: two in each past course, and those of this one."""
        changes, used = self.course_at(pages)
        return 2 * changes + (used >= IS_LOW_AT) + (used >= 1)

    def critical_events_at(self, pages: float) -> int:
        changes, used = self.course_at(pages)
        return changes + (used >= 1) if self.stops else 0


def cells_of(rows: Mapping[Oid, Value], entry: Oid) -> Cells:
    """Return the cells of the table whose entry is *entry*."""
    cells: Cells = {}
    for at in rows:
        if at.startswith(entry):
            column, *row = tail_arcs(at[len(entry) :])
            cells[column, tuple(row)] = at
    return cells


def number_at(rows: Mapping[Oid, Value], at: Oid | None, *, default: int) -> int:
    """Return the integer there, or *default* where the cell is missing."""
    return default if at is None or at not in rows else int.from_bytes(rows[at][1], "big", signed=True)


def things_of(rows: Mapping[Oid, Value], draw: Draw) -> Iterator[Wearing]:
    """Yield everything of a device that wears."""
    yield from _supplies(rows, draw)
    yield from _finisher_supplies(rows, draw)
    yield from _trays(rows, draw)


def _supplies(rows: Mapping[Oid, Value], draw: Draw) -> Iterator[Wearing]:
    cells = cells_of(rows, _SUPPLY)
    for row, level, capacity in _measured(rows, cells, level=9, capacity=8):
        kind = number_at(rows, cells.get((5, row)), default=1)
        is_filled = number_at(rows, cells.get((4, row)), default=3) == _RECEPTACLE
        in_pages = number_at(rows, cells.get((7, row)), default=19) in _COUNTED_IN_PAGES
        yield Wearing(
            level=level,
            status=None,
            capacity=capacity,
            pages=_full_pages(draw, f"supply {row}", kind, capacity if in_pages else None),
            pause=_SUPPLY_PAUSE,
            start=draw(f"supply {row} start"),
            group=_GROUP_SUPPLY,
            row=row[-1],
            warnings=_supply_warnings(is_colorant=kind in _COLORANTS, is_filled=is_filled),
            stops=kind in _COLORANTS or is_filled,
            is_colorant=kind in _COLORANTS,
            name=_text_at(rows, cells.get((6, row)), row),
        )


def _finisher_supplies(rows: Mapping[Oid, Value], draw: Draw) -> Iterator[Wearing]:
    cells = cells_of(rows, _FINISHER_SUPPLY)
    for row, level, capacity in _measured(rows, cells, level=8, capacity=7):
        is_filled = number_at(rows, cells.get((3, row)), default=3) == _RECEPTACLE
        kind = number_at(rows, cells.get((4, row)), default=1)
        low, used_up = (_ALMOST_FULL, _FULL) if is_filled else (_ALMOST_EMPTY, _EMPTY)
        yield Wearing(
            level=level,
            status=None,
            capacity=capacity,
            pages=_full_pages(draw, f"finisher supply {row}", kind, None),
            pause=_SUPPLY_PAUSE,
            start=draw(f"finisher supply {row} start"),
            group=_GROUP_FINISHER_SUPPLY,
            row=row[-1],
            warnings=Warnings((_STAPLER + low, _STAPLER + used_up), (None, None)),
            stops=False,
            is_colorant=False,
            name=_text_at(rows, cells.get((5, row)), row),
        )


def _trays(rows: Mapping[Oid, Value], draw: Draw) -> Iterator[Wearing]:
    cells, share = cells_of(rows, _INPUT), _TRAY_SHARE
    for row, level, capacity in _measured(rows, cells, level=10, capacity=9):
        if number_at(rows, cells.get((2, row)), default=1) == _MANUAL:
            continue
        sheets = _SHEETS_PER_PAGE if number_at(rows, cells.get((8, row)), default=_SHEETS) == _SHEETS else 1.0
        yield Wearing(
            level=level,
            status=cells.get((11, row)),
            capacity=capacity,
            pages=capacity / (share * sheets),
            pause=_TRAY_PAUSE,
            start=draw(f"tray {row} start"),
            group=_GROUP_INPUT,
            row=row[-1],
            warnings=Warnings((_ALMOST_EMPTY, _EMPTY), (_LOW_PAPER, _INPUT_TRAY_EMPTY)),
            stops=False,
            is_colorant=False,
            name=_text_at(rows, cells.get((13, row)), row),
        )
        share *= _NEXT_TRAY_SHARE


def _measured(rows: Mapping[Oid, Value], cells: Cells, *, level: int, capacity: int) -> Iterator[tuple[Row, Oid, int]]:
    """Yield (row, its level, its capacity) where the device measures both."""
    for (column, row), at in cells.items():
        full = number_at(rows, cells.get((capacity, row)), default=-2)
        if column == level and full > 0 and number_at(rows, at, default=-2) >= 0:
            yield row, at, full


def _full_pages(draw: Draw, what: str, kind: int, rated_pages: int | None) -> float:
    """Return how many pages a full one lasts: as rated where the device counts in pages, else by its type. Colours differ in use."""
    if kind in _COLORANTS:
        return (rated_pages or 2_000 + 6_000 * draw(what)) / (0.5 + 0.5 * draw(what + " use"))
    return rated_pages or _PAGES_BY_TYPE.get(kind, _PAGES_OF_OTHERS) * (0.7 + 0.6 * draw(what))


def _supply_warnings(*, is_colorant: bool, is_filled: bool) -> Warnings:
    if is_filled:
        return Warnings((_ALMOST_FULL, _FULL), (None, _SERVICE_REQUESTED))
    if is_colorant:
        return Warnings((_ALMOST_EMPTY, _EMPTY), (_LOW_TONER, _NO_TONER))
    return Warnings((_LIFE_ALMOST_OVER, _LIFE_OVER), (None, _OVERDUE_MAINTENANCE))


def _text_at(rows: Mapping[Oid, Value], at: Oid | None, row: Row) -> bytes:
    return rows[at][1] if at is not None else b"Unit %d" % row[-1]
