"""Which positions of a shape feed which part of a reading.

A poll brings a few dozen values without names, in the order of a shape. What they belong to is worked out once per shape (`plan_of`), and
what the steady values add to it (unit, class, colour, tray name) once per layout (`sheet_of`), shared by all printers for which it is the
same. What is left for every poll is picking small tuples out of a big one. Rows are found by their index, never by their order: a missing
cell is a None in its own row and shifts nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from poller.printers import levels, mib
from poller.printers.cells import Cell, Cells, Pick
from poller.printers.cells import getter as _getter
from poller.printers.charset import read_text
from poller.printers.layout import Layout, Shape, localization_index, place, profiles_of
from poller.printers.rules import Profile
from poller.printers.supplies import Process
from poller.printers.vendor import Extra, claims_of, extra_of
from poller.snmp import ber
from poller.snmp.oid import Oid, index_text, tail_arcs, text

_SUPPLY = (mib.SUPPLY_DESCRIPTION, mib.SUPPLY_CAPACITY, mib.SUPPLY_LEVEL)
_SUPPLY_FIXED = (mib.SUPPLY_TYPE, mib.SUPPLY_CLASS, mib.SUPPLY_UNIT, mib.SUPPLY_COLORANT)
_FINISHER = (mib.FINISHER_DESCRIPTION, mib.FINISHER_CAPACITY, mib.FINISHER_LEVEL)
_FINISHER_FIXED = (mib.FINISHER_TYPE, mib.FINISHER_CLASS, mib.FINISHER_UNIT, mib.FINISHER_COLOUR)
_TRAY_FIXED = (mib.TRAY_UNIT, mib.TRAY_CAPACITY, mib.TRAY_MEDIA, mib.TRAY_NAME, mib.TRAY_DESCRIPTION)
_COVER_FIXED = (mib.COVER_DESCRIPTION,)
_MARKER_FIXED = (mib.MARKER_UNIT,)
_STATUS = (mib.PRINTER_STATUS, mib.DEVICE_STATUS, mib.PRINTER_ERRORS)
_MEANING = {
    *_SUPPLY_FIXED, *_FINISHER_FIXED, *_TRAY_FIXED, *_COVER_FIXED, *_MARKER_FIXED, mib.MARKER_TECHNOLOGY, mib.COLORANT_VALUE,
    mib.CHARACTER_SET, mib.LOCALIZATION, mib.CONSOLE_LOCALIZATION,
}  # fmt: skip

_TONER_WORDS = re.compile(r"laser|\bled\b", re.IGNORECASE)
_INK_WORDS = re.compile(r"inkjet|(?:office|desk|design)jet|pagewide|pixma|maxify|workforce|ecotank|stylus", re.IGNORECASE)
_TONER_TYPES = {"toner", "wasteToner", "opc", "developer", "tonerCartridge", "matteToner"}
_INK_TYPES = {"ink", "inkCartridge", "wasteInk", "matteInk"}


class Slots(NamedTuple):
    """One row of a table: its index as text, and where its cells are."""

    key: str
    moving: Pick
    fixed: Pick


@dataclass(frozen=True, eq=False, slots=True)
class Plan:
    """The rows of one shape. Compared by identity, as there is one per shape."""

    shape: Shape
    supplies: tuple[Slots, ...]
    finisher: tuple[Slots, ...]
    trays: tuple[Slots, ...]
    covers: tuple[Slots, ...]
    markers: tuple[Slots, ...]
    status: Pick
    display: Pick
    steady: dict[mib.Object, dict[bytes, int]]
    """Position among the steady values by object and index."""


@dataclass(frozen=True, eq=False, slots=True)
class SupplyRow:
    """What of a supply's row does not move. Compared by identity, so that a lookup by it is quick."""

    key: str
    index: str | None
    type: int | None
    supply_class: int | None
    unit: str | None
    colorant: str | None
    charset: int | None
    process: Process | None


@dataclass(frozen=True, eq=False, slots=True)
class TrayRow:
    """What of a tray does not move."""

    key: str
    name: str | None
    media: str | None
    unit: str | None
    capacity: int | None


@dataclass(frozen=True, eq=False, slots=True)
class CoverRow:
    """What of a cover does not move."""

    key: str
    name: str | None


@dataclass(frozen=True, eq=False, slots=True)
class MarkerRow:
    """What of a marker does not move. `unit` is PrtMarkerCounterUnitTC, None where the device lacks the column."""

    oid: str
    unit: int | None


@dataclass(frozen=True, eq=False, slots=True)
class Sheet:
    """Everything about a layout that a poll does not change, each row with where its moving cells are."""

    supplies: tuple[tuple[SupplyRow, Pick], ...]
    trays: tuple[tuple[TrayRow, Pick], ...]
    covers: tuple[tuple[CoverRow, Pick], ...]
    markers: tuple[tuple[MarkerRow, Pick], ...]
    status: Pick
    display: Pick
    charset: int | None
    console_charset: int | None
    extra: Extra | None
    """What the vendor profiles add."""


_SHEETS_MAX = 16_384  # each keeps its layout alive; beyond them a sheet is looked up by its content again
_sheets: dict[int, tuple[Layout, Sheet]] = {}


def sheet_of(layout: Layout) -> Sheet:
    """Return the sheet of *layout*; found by the object, since a printer keeps its layout for days."""
    held = _sheets.get(id(layout))
    if held is not None and held[0] is layout:
        return held[1]
    plan = plan_of(layout.shape)
    profiles = profiles_of(layout)
    kept = {at for item in _MEANING for at in plan.steady.get(item, {}).values()}
    kept |= {at for profile in profiles for at, oid in enumerate(layout.shape.steady) if profile.chooses_by(oid)}
    cells = tuple(cell if at in kept else None for at, cell in enumerate((*layout.steady, None)))
    sheet = _sheet(plan, cells, _process(plan, layout, profiles), profiles)
    if len(_sheets) >= _SHEETS_MAX:
        del _sheets[next(iter(_sheets))]
    _sheets[id(layout)] = (layout, sheet)
    return sheet


@lru_cache(maxsize=4096)
def plan_of(shape: Shape) -> Plan:
    """Return the plan of *shape*."""
    moving, steady = _positions(shape.moving), _positions(shape.steady)

    def rows(columns: tuple[mib.Object, ...], fixed: tuple[mib.Object, ...]) -> tuple[Slots, ...]:
        present = [index for item in columns for index in moving.get(item, {})]
        present += [index for item in fixed for index in steady.get(item, {})]
        return tuple(
            Slots(
                index_text(index),
                _getter([moving.get(item, {}).get(index, len(shape.moving)) for item in columns]),
                _getter([steady.get(item, {}).get(index, len(shape.steady)) for item in fixed]),
            )
            for index in sorted(set(present), key=tail_arcs)
        )

    return Plan(
        shape=shape,
        supplies=rows(_SUPPLY, _SUPPLY_FIXED),
        finisher=rows(_FINISHER, _FINISHER_FIXED),
        trays=rows((mib.TRAY_LEVEL,), _TRAY_FIXED),
        covers=rows((mib.COVER_STATUS,), _COVER_FIXED),
        markers=rows((mib.MARKER_COUNT,), _MARKER_FIXED),
        status=_getter([next(iter(moving.get(item, {}).values()), len(shape.moving)) for item in _STATUS]),
        display=_getter(list(moving.get(mib.DISPLAY_LINE, {}).values())),
        steady=steady,
    )


def sibling(key: str, number: int) -> str:
    """Return the key of row *number* of the same device: "1.3" and 7 give "1.7"."""
    device, dot, _ = key.rpartition(".")
    return f"{device}{dot}{number}"


@lru_cache(maxsize=8192)
def _sheet(plan: Plan, cells: Cells, process: Process | None, profiles: tuple[Profile, ...]) -> Sheet:
    """Return the sheet for these steady values; a cell is None where it is identity only."""
    steady = {oid: cell for oid, cell in zip(plan.shape.steady, cells, strict=False) if cell is not None}
    charset = _charset(plan, cells, mib.LOCALIZATION)
    colours = {index_text(index): _words(cells[at], charset) for index, at in plan.steady.get(mib.COLORANT_VALUE, {}).items()}

    def supply(slots: Slots) -> SupplyRow:
        kind, supply_class, unit, colorant = map(levels.integer, slots.fixed(cells))
        name = colours.get(sibling(slots.key, colorant)) if colorant else None
        return SupplyRow(slots.key, slots.key, kind, supply_class, mib.SUPPLY_UNITS.get(unit or 0), name, charset, process)

    def finisher(slots: Slots) -> SupplyRow:
        *numbers, colour = slots.fixed(cells)
        kind, supply_class, unit = map(levels.integer, numbers)
        return SupplyRow(
            f"fin:{slots.key}", None, kind, supply_class, mib.SUPPLY_UNITS.get(unit or 0), _words(colour, charset), charset, None
        )

    def tray(slots: Slots) -> TrayRow:
        unit, capacity, media, *names = slots.fixed(cells)
        name = next(filter(None, (_words(name, charset) for name in names)), None)
        unit_name = mib.CAPACITY_UNITS.get(levels.integer(unit) or 0)
        return TrayRow(slots.key, name, _words(media, charset), unit_name, levels.capacity_number(capacity))

    return Sheet(
        supplies=(*((supply(row), row.moving) for row in plan.supplies), *((finisher(row), row.moving) for row in plan.finisher)),
        trays=tuple((tray(row), row.moving) for row in plan.trays),
        covers=tuple((CoverRow(row.key, _words(row.fixed(cells)[0], charset)), row.moving) for row in plan.covers),
        markers=tuple(
            (MarkerRow(f"{text(mib.MARKER_COUNT.oid)}.{row.key}", levels.integer(row.fixed(cells)[0])), row.moving) for row in plan.markers
        ),
        status=plan.status,
        display=plan.display,
        charset=charset,
        console_charset=_charset(plan, cells, mib.CONSOLE_LOCALIZATION),
        extra=extra_of(profiles, plan.shape.moving, steady, charset=charset, process=process),
    )


def _positions(oids: Iterable[Oid]) -> dict[mib.Object, dict[bytes, int]]:
    found: dict[mib.Object, dict[bytes, int]] = {}
    for at, oid in enumerate(oids):
        placed = place(oid)
        if placed is not None:
            found.setdefault(placed[0], {})[placed[1]] = at
    return found


def _charset(plan: Plan, cells: Cells, chosen_by: mib.Object) -> int | None:
    """Return the MIBenum of the localization the device has chosen; of its first one where it does not say."""
    sets = plan.steady.get(mib.CHARACTER_SET, {})
    general = {index: cell for index, at in plan.steady.get(chosen_by, {}).items() if isinstance(cell := cells[at], tuple)}
    index = localization_index(general)
    at = sets.get(index) if index is not None else None
    if at is None:
        at = next(iter(sets.values()), None)
    return levels.integer(cells[at]) if at is not None else None


def _process(plan: Plan, layout: Layout, profiles: tuple[Profile, ...]) -> Process | None:
    """Return what the device prints with: by its markers' technology, by the types of its supplies, by what it calls itself."""
    for profile in profiles:
        pattern = profile.sheet.ink_models
        if pattern is not None and any(re.search(pattern, text) for text in _names(plan, layout, profiles)):
            return "ink"

    def numbers(item: mib.Object) -> set[int]:
        return {number for at in plan.steady.get(item, {}).values() if (number := levels.integer(layout.steady[at])) is not None}

    technologies = numbers(mib.MARKER_TECHNOLOGY)
    types = {mib.SUPPLY_TYPES.get(number) for number in numbers(mib.SUPPLY_TYPE)}
    about = " ".join(_names(plan, layout, ()))
    if technologies & mib.TONER_TECHNOLOGIES or (not technologies & mib.INK_TECHNOLOGIES and types & _TONER_TYPES):
        return "toner"
    if technologies & mib.INK_TECHNOLOGIES or types & _INK_TYPES or _INK_WORDS.search(about):
        return "ink"
    return "toner" if _TONER_WORDS.search(about) else None


def _names(plan: Plan, layout: Layout, profiles: tuple[Profile, ...]) -> list[str]:
    """Return the texts by which the device calls itself."""
    cells = [layout.steady[at] for item in (mib.DEVICE_DESCRIPTION, mib.DESCRIPTION) for at in plan.steady.get(item, {}).values()]
    steady = dict(zip(layout.shape.steady, layout.steady, strict=True)) if profiles else {}
    models = [claim.text for claim in claims_of(profiles, steady, None) if claim.field == "model"]
    return [*filter(None, (_words(cell, None) for cell in cells)), *models]


def _words(cell: Cell, charset: int | None) -> str | None:
    return read_text(cell[1], charset) if isinstance(cell, tuple) and cell[0] == ber.OCTET_STRING else None
