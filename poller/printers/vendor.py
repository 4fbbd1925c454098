"""What the profiles of one device add to its reading: supplies, status, identity; and meters, which are in `meters.py`.

Worked out once per layout (`extra_of`), with the positions of all values, so that a poll is one pass without a search. Printers that are
alike share it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Literal, NamedTuple

import msgspec

from poller.model import State, Supply
from poller.printers import cleaning, levels, mib
from poller.printers.cells import Cell, Cells, Pick, getter
from poller.printers.charset import read_text
from poller.printers.meters import Meters, meters_of
from poller.printers.profile import LevelWord, TableSupply
from poller.printers.profile import Supply as SupplySheet
from poller.printers.records import Source
from poller.printers.rules import Formula, Profile, Row, SupplyRule, Table, texts
from poller.printers.supplies import Process, read_part
from poller.snmp import ber
from poller.snmp.oid import Oid

_SOME, _UNKNOWN = levels.SOME_REMAINING, levels.UNKNOWN


@dataclass(frozen=True, eq=False, slots=True)
class _SupplyPlan:
    """One supply a profile knows: what of it is fixed, and where among the picked cells the rest is (-1: nowhere)."""

    rule: SupplySheet | TableSupply
    key: str
    kind: str | None
    colour: str | None
    unit: str | None
    fixed_text: str | None
    arc: int | None
    capacity: int | None
    level_at: tuple[int, Source] | None
    capacity_at: tuple[int, Source] | None
    text_at: int | None
    part_at: int | None
    serial_at: int | None
    status_at: tuple[int, Source] | None
    level_codes: Mapping[int, LevelWord]
    status_codes: Mapping[int, LevelWord]


@dataclass(frozen=True, eq=False, slots=True)
class Extra:
    """Everything the profiles of one layout add at a poll. Compared by identity."""

    profile: str
    meters: Meters | None
    supplies: tuple[_SupplyPlan, ...]
    supply_cells: Pick
    errors: tuple[tuple[str, Source, frozenset[int]], ...]
    error_cells: Pick
    display_cells: Pick
    charset: int | None
    process: Process | None


def extra_of(
    profiles: Sequence[Profile],
    moving: Sequence[Oid],
    steady: Mapping[Oid, Cell],
    *,
    charset: int | None,
    process: Process | None,
) -> Extra | None:
    """Return what *profiles*, the best first, add to a device with these OIDs and steady values; None where that is nothing."""
    present: dict[Oid, Cell] = {**dict.fromkeys(moving), **steady}
    position = {oid: at for at, oid in enumerate(moving)}
    formulas: list[tuple[tuple[int, ...], Formula]] = []
    supplies: list[tuple[SupplyRule | TableSupply, Table | None, Row | None]] = []
    for number, profile in enumerate(profiles):
        formulas += [((number, *formula.order), formula) for formula in profile.formulas]
        supplies += [(rule, None, None) for rule in profile.supplies]
        for at, table, of_table in profile.tables_of(present):
            formulas += [((number, *formula.order), formula) for formula, _ in table.formulas(of_table, present, at)]
            supplies += [(rule, table, row) for rule, row in table.supplies(of_table, present)]
    picked = _Picked(position)
    plans = tuple(
        plan for rule, table, row in supplies if (plan := _plan(rule, table, row, present, picked, charset)) is not None
    )  # fmt: skip
    errors = tuple(
        (status.error, source, frozenset(status.is_))
        for profile in profiles for status, source in profile.statuses if source.oid in position
    )  # fmt: skip
    displays = [position[oid] for profile in profiles for oid in profile.displays if oid in position]
    if not profiles:
        return None
    return Extra(
        profile=profiles[0].name,
        meters=meters_of([formula for _, formula in sorted(formulas, key=itemgetter(0))], position),
        supplies=plans,
        supply_cells=getter(picked.positions),
        errors=errors,
        error_cells=getter([position[source.oid] for _, source, _ in errors]),
        display_cells=getter(displays),
        charset=charset,
        process=process,
    )


# --- supplies --------------------------------------------------------------------------------------------------------------


class _Picked:
    """Collects positions of cells, each once."""

    def __init__(self, position: Mapping[Oid, int]) -> None:
        self._position = position
        self._slots: dict[int, int] = {}

    def at(self, oid: Oid | None) -> int | None:
        """Return where the picked cells will have the value of *oid*; None where the device has none."""
        position = self._position.get(oid) if oid is not None else None
        return self._slots.setdefault(position, len(self._slots)) if position is not None else None

    def source(self, source: Source | None) -> tuple[int, Source] | None:
        at = self.at(source.oid) if source is not None else None
        return (at, source) if at is not None and source is not None else None

    @property
    def positions(self) -> list[int]:
        return list(self._slots)


def _plan(
    rule: SupplyRule | TableSupply, table: Table | None, row: Row | None, present: Mapping[Oid, Cell], picked: _Picked, charset: int | None
) -> _SupplyPlan | None:
    if isinstance(rule, SupplyRule):
        sheet = rule.sheet
        if not any(picked.at(source.oid) is not None for source in (rule.level, rule.text, rule.status) if source is not None):
            return None
        return _SupplyPlan(
            rule=sheet,
            key=f"v:{sheet.key}",
            kind=sheet.kind,
            colour=sheet.colour,
            unit=sheet.unit,
            fixed_text=sheet.description,
            arc=None,
            capacity=rule.capacity if isinstance(rule.capacity, int) else None,
            level_at=picked.source(rule.level),
            capacity_at=picked.source(rule.capacity) if isinstance(rule.capacity, Source) else None,
            text_at=picked.at(rule.text.oid if rule.text is not None else None),
            part_at=picked.at(rule.part_number.oid if rule.part_number is not None else None),
            serial_at=picked.at(rule.serial.oid if rule.serial is not None else None),
            status_at=picked.source(rule.status),
            level_codes=_numbers(sheet.level_codes),
            status_codes=_numbers(sheet.status.codes) if sheet.status is not None else {},
        )
    assert table is not None
    assert row is not None
    oids, index = row.oids, dict(zip(table.sheet.index, row.arcs, strict=True))

    def column(name: int | str | None) -> Source | None:
        return Source(oids[name]) if isinstance(name, str) and name in oids else None

    words = (_words(present.get(oids[name]), charset) for name in texts(rule) if name in oids)
    return _SupplyPlan(
        rule=rule,
        key="v:" + re.sub(r"\{([a-z_]+)\}", lambda found: str(index[found[1]]), rule.key),
        kind=table.part(row, rule.kind, present),
        colour=table.part(row, rule.colour, present),
        unit=table.part(row, rule.unit, present),
        fixed_text=next(filter(None, words), rule.description),
        arc=row.arcs[-1],
        capacity=rule.capacity if isinstance(rule.capacity, int) else None,
        level_at=picked.source(column(rule.level)),
        capacity_at=picked.source(column(rule.capacity)),
        text_at=None,
        part_at=picked.at(oids.get(rule.part_number) if rule.part_number is not None else None),
        serial_at=picked.at(oids.get(rule.serial) if rule.serial is not None else None),
        status_at=picked.source(column(rule.status.by if rule.status is not None else None)),
        level_codes=_numbers(rule.level_codes),
        status_codes=_numbers(rule.status.codes) if rule.status is not None else {},
    )


def _numbers(codes: Mapping[str, LevelWord]) -> dict[int, LevelWord]:
    return {int(code): word for code, word in codes.items()}


class _Found(NamedTuple):
    """One supply as a profile reads it at a poll."""

    plan: _SupplyPlan
    supply: Supply
    has_level: bool


@lru_cache(maxsize=32768)
def supplies(extra: Extra, cells: Cells, standard: tuple[Supply, ...]) -> tuple[Supply, ...]:
    """Return *standard*, the supplies of the standard MIBs, with what the profiles know of them, and the supplies only they know."""
    found: dict[str, _Found] = {}
    for plan in extra.supplies:
        read = _supply(plan, cells, extra)
        if read is not None and (plan.key not in found or (read.has_level and not found[plan.key].has_level)):
            found[plan.key] = read
    rows = list(standard)
    own = []
    for one in found.values():
        at = _joined(one, rows, list(found.values()))
        if at is not None:
            rows[at] = _merge(rows[at], one)
        elif not one.plan.rule.only_joined:
            own.append(one.supply)
    return (*rows, *own)


def _supply(plan: _SupplyPlan, cells: Cells, extra: Extra) -> _Found | None:
    """Return the supply of *plan*; None where it has neither level, status nor text of its own."""
    rule = plan.rule
    description = _words(cells[plan.text_at], extra.charset) if plan.text_at is not None else plan.fixed_text
    level = _number(plan.level_at, cells)
    if level is not None and rule.refuse is not None and rule.refuse.refuses(level):
        level = None
    capacity = _number(plan.capacity_at, cells) if plan.capacity is None else plan.capacity
    capacity = capacity if capacity is not None and capacity > 0 else 100 if plan.unit == "percent" and plan.capacity_at is None else None
    word = plan.level_codes.get(level) if level is not None else None
    status = _number(plan.status_at, cells)
    word = word or (plan.status_codes.get(status) if status is not None else None)
    has_text = plan.text_at is not None and description is not None
    if level is None and word is None and not has_text and plan.arc is None and not (status is not None and plan.status_codes):
        return None
    if level in plan.level_codes:
        level = None
    if level is not None and level < levels.SOME_REMAINING:
        level = None
    if level is not None and level >= 0 and rule.is_used and capacity is not None:
        level = max(capacity - level, 0)
    if word == "some-remaining" and (level is None or level < 0):
        level = _SOME
    elif word == "unknown":
        level = _UNKNOWN
    measured = levels.measure(level, capacity, word="empty" if word == "empty" else "low" if word == "low" else None)
    units, full = measured.units, measured.capacity
    if plan.unit == "percent" and full is not None:
        units, full = (round(units * 100 / full) if units is not None else None), 100
    state: State = measured.state
    if level is None and word is None and status is not None and status in (plan.status_codes or {}):
        state = "ok"
    kind = plan.kind if plan.kind != "cartridge" else (extra.process or "toner")
    part = read_part(description, None, None, process=extra.process)
    colour = plan.colour if plan.colour is not None or plan.kind is not None else part.colour
    supply = Supply(
        key=plan.key,
        index=None,
        description=description,
        kind=kind if kind is not None else part.kind,
        colour=colour,
        part_number=_words(cells[plan.part_at], extra.charset) if plan.part_at is not None else part.part_number,
        serial=_words(cells[plan.serial_at], extra.charset) if plan.serial_at is not None else part.serial,
        ratio=measured.ratio,
        state=state,
        units=units,
        capacity=full,
        unit=plan.unit,
        is_receptacle=rule.receptacle or kind in _RECEPTACLES or part.is_receptacle,
    )
    return _Found(plan, supply, has_level=level is not None)


_RECEPTACLES = frozenset({"wasteToner", "wasteInk", "punchWaste"})


def _joined(one: _Found, rows: Sequence[Supply], others: Sequence[_Found]) -> int | None:
    """Return which of the standard *rows* is the same part."""
    joins = one.plan.rule.joins
    if joins == "last-arc" and one.plan.arc is not None:
        tail = f".{one.plan.arc}"
        return next((at for at, row in enumerate(rows) if row.index is not None and f".{row.index}".endswith(tail)), None)
    if joins == "kind-colour":
        supply = one.supply
        same_kind = [at for at, row in enumerate(rows) if row.kind == supply.kind and row.index is not None]
        exact = [at for at in same_kind if rows[at].colour == supply.colour]
        if len(exact) == 1:
            return exact[0]
        is_only = sum(other.supply.kind == supply.kind for other in others) == 1
        if not exact and len(same_kind) == 1 and is_only and None in (supply.colour, rows[same_kind[0]].colour):
            return same_kind[0]
    return None


def _merge(row: Supply, one: _Found) -> Supply:
    """Return the standard *row* with what the profile knows better, or alone."""
    known, wins = one.supply, one.plan.rule.overrides
    changes: dict[str, object] = {}
    is_vague = row.ratio is None and row.units is None
    if one.has_level and ("level" in wins or (is_vague and known.units is not None)):
        changes = {"ratio": known.ratio, "units": known.units, "capacity": known.capacity, "unit": known.unit, "state": known.state}
    elif known.state in ("low", "empty") and ("status" in wins or row.state not in ("low", "empty")):
        changes = {"state": known.state}
    for field in ("part_number", "serial"):
        value = getattr(known, field)
        if value is not None and (getattr(row, field) is None or field in wins):
            changes[field] = value
    for field in ("description", "colour"):
        if getattr(row, field) is None and getattr(known, field) is not None:
            changes[field] = getattr(known, field)
    return msgspec.structs.replace(row, **changes) if changes else row


def _number(at: tuple[int, Source] | None, cells: Cells) -> int | None:
    return at[1].number(cells[at[0]]) if at is not None else None


def _words(cell: Cell, charset: int | None) -> str | None:
    return read_text(cell[1], charset) if isinstance(cell, tuple) and cell[0] == ber.OCTET_STRING else None


# --- status and identity ---------------------------------------------------------------------------------------------------


def errors(extra: Extra, cells: Cells) -> tuple[str, ...]:
    """Return the error names the profiles know, in the order of their bits."""
    told = {name for (name, source, codes), cell in zip(extra.errors, cells, strict=True) if source.number(cell) in codes}
    return tuple(name for name in mib.ERROR_BITS if name in told)


class Claim(NamedTuple):
    """What a profile says a field of the printer is."""

    field: str
    when: Literal["before", "after"]
    text: str


def claims_of(profiles: Sequence[Profile], steady: Mapping[Oid, Cell], charset: int | None) -> tuple[Claim, ...]:
    """Return the fields of the printer that *profiles* find in its steady values, first choices first."""
    found = []
    for profile in profiles:
        for identity, oid in profile.identities:
            value = steady.get(oid)
            told = cleaning.clean(value, identity.clean, charset) if value is not None else None
            if told is not None:
                found.append(Claim(identity.field, identity.when, told))
        for _, table, of_table in profile.tables_of(steady):
            for rule, oid, _ in table.identities(of_table, steady):
                value = steady.get(oid)
                told = cleaning.clean(value, rule.clean, charset) if value is not None else None
                if told is not None:
                    found.append(Claim(rule.field, rule.when, told))
    return tuple(found)
