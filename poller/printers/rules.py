"""A profile made ready: object identifiers parsed, texts folded, patterns compiled; and which rows of a device its rules mean.

The same choice is made twice from the same values: when a device is learned (which rows to keep), and when its layout is understood (what
the kept ones are, `vendor.py`). Rows are joined by index; the columns a rule chooses by are steady, those it counts are moving.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

from poller.model import ColourMode, CounterUnit, Function, LargeCounted, Sides, Size
from poller.printers import levels, profile
from poller.printers.charset import read_text
from poller.printers.profile import By, Form, TableCounter, TableIdentity, TableSupply, Word
from poller.printers.records import Source
from poller.snmp import ber
from poller.snmp.message import Missing, Value
from poller.snmp.oid import Oid, parse, tail_arcs

Cell = Value | Missing | None


class Key(NamedTuple):
    """The cell of a counter."""

    function: Function
    colour: ColourMode
    size: Size
    sides: Sides
    unit: CounterUnit


class Sum(NamedTuple):
    """One term of a counter: *factor* times a source, or times another cell."""

    factor: float
    what: Source | Key
    is_optional: bool = False


class Formula(NamedTuple):
    """One way to get one cell. *order* decides among several: rank, then scalars before tables, then the order of the file."""

    key: Key
    terms: tuple[Sum, ...]
    times: float
    label: str | None
    refuse: profile.Refuse | None
    order: tuple[int, ...]
    combine: str = "sum"
    large: LargeCounted | None = None


class Row(NamedTuple):
    """One row of a table: the arcs of its index, and the instance of each column that is there. `words` remembers what stands in them."""

    suffix: bytes
    arcs: tuple[int, ...]
    oids: dict[str, Oid]
    words: dict[str, tuple[int | None, str | None]]


@dataclass(frozen=True, eq=False)
class Table:
    """One table, with the parsed columns."""

    sheet: profile.Table
    columns: dict[str, Oid]
    large: profile.Large = "unknown"
    """How the family counts large sheets, where a counter does not say it for itself."""

    @cached_property
    def choosing(self) -> frozenset[str]:
        """Columns rows are chosen by, or that tell what a row is: steady."""
        found: set[str] = set()
        for counter in self.sheet.counters:
            found |= _steady_of_counter(counter)
        for supply in self.sheet.supplies:
            found |= _steady_of(supply)
        for identity in self.sheet.identities:
            found |= _names(identity)
        return frozenset(found & self.columns.keys())

    @cached_property
    def moving(self) -> frozenset[str]:
        """Columns read at every poll."""
        found: set[str] = set()
        for counter in self.sheet.counters:
            found |= set(_values(counter))
        for supply in self.sheet.supplies:
            found |= _moving_of(supply)
        return frozenset(found)

    def rows(self, present: Mapping[Oid, Cell]) -> list[Row]:
        """Return the rows that have any instance in *present*, in the order of their index."""
        found: dict[bytes, dict[str, Oid]] = {}
        for name, column in self.columns.items():
            size = len(column)
            for oid in present:
                if oid.startswith(column) and len(oid) > size:
                    found.setdefault(oid[size:], {})[name] = oid
        rows = [Row(suffix, tail_arcs(suffix), oids, {}) for suffix, oids in found.items()]
        return sorted((row for row in rows if len(row.arcs) == len(self.sheet.index)), key=lambda row: row.arcs)

    def word(self, row: Row, name: str, cells: Mapping[Oid, Cell]) -> tuple[int | None, str | None]:
        """Return what stands at *name* in *row*: as a number and as a folded text, each None where it is none."""
        if name in self.sheet.index:
            return row.arcs[self.sheet.index.index(name)], None
        known = row.words.get(name)
        if known is None:
            oid = row.oids.get(name)
            cell = cells.get(oid) if oid is not None else None
            text = text_of(cell)
            known = row.words[name] = levels.integer(cell), fold(text) if text is not None else None
        return known

    def choose(self, rows: Iterable[Row], meant: profile.Rows, cells: Mapping[Oid, Cell]) -> list[tuple[int, Row]]:
        """Return the rows *meant*, each with its place: that of its word in the lists of `where`."""
        found = []
        for row in rows:
            place = self._place(row, meant, cells)
            if place is not None:
                found.append((place, row))
        return sorted(found, key=lambda one: one[0])

    def _place(self, row: Row, meant: profile.Rows, cells: Mapping[Oid, Cell]) -> int | None:
        place = 0
        for name, wanted in meant.where.items():
            number, text = self.word(row, name, cells)
            places = _places(wanted)
            at = places.get(number) if number is not None else None
            if at is None and text is not None:
                at = places.get(text)
            if at is None:
                return None
            place = place * len(places) + at
        for name, pattern in meant.matches.items():
            text = self.word(row, name, cells)[1]
            if text is None or not _pattern(pattern).search(text):
                return None
        return place

    def part(self, row: Row, given: str | By | None, cells: Mapping[Oid, Cell]) -> str | None:
        """Return the word *given*, or the one its codes have for *row*; None where they have none."""
        if not isinstance(given, By):
            return given
        number, text = self.word(row, given.by, cells)
        codes = _codes(tuple(given.codes.items()))
        by_number = codes.get(number) if number is not None else None
        return by_number if by_number is not None else codes.get(text) if text is not None else None

    def formulas(self, rows: Sequence[Row], present: Mapping[Oid, Cell], rank_of: int) -> Iterator[tuple[Formula, frozenset[Oid]]]:
        """Yield what the counters of this table count on a device with these *rows*, each with the steady instances that say so."""
        for number, counter in enumerate(self.sheet.counters):
            groups: dict[Key, list[tuple[Row, tuple[Sum, ...]]]] = {}
            for _, row in self.choose(rows, counter, present):
                key = self._key(counter, row, present)
                terms = tuple(Sum(factor, Source(row.oids[name])) for name, factor in _values(counter).items() if name in row.oids)
                if key is not None and terms and (len(terms) == len(_values(counter)) or counter.combine == "sum"):
                    groups.setdefault(key, []).append((row, terms))
            chosen_by = _steady_of_counter(counter)
            for key, found in groups.items():
                order = (counter.rank, 1, rank_of, number)
                if counter.combine == "first":
                    for place, (row, terms) in enumerate(found):
                        yield self._formula(counter, key, terms, row, (*order, place), present), self._instances(row, chosen_by)
                else:
                    terms = tuple(term for _, of_row in found for term in of_row)
                    oids = frozenset(oid for row, _ in found for oid in self._instances(row, chosen_by))
                    yield self._formula(counter, key, terms, found[0][0], order, present), oids

    def _formula(
        self, counter: TableCounter, key: Key, terms: tuple[Sum, ...], row: Row, order: tuple[int, ...], cells: Mapping[Oid, Cell]
    ) -> Formula:
        label = counter.label
        if label is not None and label.startswith("@"):
            oid = row.oids.get(label[1:])
            label = text_of(cells.get(oid)) if oid is not None else None
        combine = "largest" if counter.combine == "largest" else "sum"
        return Formula(key, terms, counter.times, label, counter.refuse, order, combine, _large(key, counter.large, self.large))

    def _key(self, counter: TableCounter, row: Row, cells: Mapping[Oid, Cell]) -> Key | None:
        parts = [self.part(row, given, cells) for given in (counter.function, counter.colour, counter.size, counter.sides, counter.unit)]
        return Key(*parts) if None not in parts else None  # type: ignore[arg-type]

    def _instances(self, row: Row, names: Iterable[str]) -> frozenset[Oid]:
        return frozenset(row.oids[name] for name in names if name in row.oids)

    def supplies(self, rows: Sequence[Row], present: Mapping[Oid, Cell]) -> Iterator[tuple[TableSupply, Row]]:
        """Yield the supplies of this table on a device with these *rows*."""
        taken: set[bytes] = set()
        for supply in self.sheet.supplies:
            for _, row in self.choose(rows, supply, present):
                if row.suffix in taken or (isinstance(supply.kind, By) and self.part(row, supply.kind, present) is None):
                    continue
                taken.add(row.suffix)
                yield supply, row

    def identities(self, rows: Sequence[Row], present: Mapping[Oid, Cell]) -> Iterator[tuple[TableIdentity, Oid, frozenset[Oid]]]:
        """Yield (rule, instance of the value, instances chosen by) in the order of the file."""
        for identity in self.sheet.identities:
            for _, row in self.choose(rows, identity, present):
                if identity.value in row.oids:
                    yield identity, row.oids[identity.value], self._instances(row, _names(identity))


@dataclass(frozen=True, eq=False)
class Profile:
    """One family as it is used: its sheet with everything it inherits, ready to be applied. Compared by identity."""

    sheet: profile.Sheet
    ancestors: frozenset[str]
    identities: tuple[tuple[profile.Identity, Oid], ...]
    formulas: tuple[Formula, ...]
    tables: tuple[Table, ...]
    supplies: tuple[SupplyRule, ...]
    statuses: tuple[tuple[profile.Status, Source], ...]
    displays: tuple[Oid, ...]

    @property
    def name(self) -> str:
        return self.sheet.name

    @property
    def manners(self) -> profile.Manners:
        return self.sheet.manners if self.sheet.manners is not None else _NO_MANNERS

    @cached_property
    def _waited_for(self) -> frozenset[str]:
        return frozenset(name for table in self.tables for name in table.sheet.unless)

    @cached_property
    def steady(self) -> frozenset[Oid]:
        """Exact instances read once a day."""
        return frozenset(oid for _, oid in self.identities) - self.moving

    @cached_property
    def moving(self) -> frozenset[Oid]:
        """Exact instances read at every poll."""
        found = {term.what.oid for formula in self.formulas for term in formula.terms if isinstance(term.what, Source)}
        found |= {source.oid for rule in self.supplies for source in rule.sources}
        found |= {source.oid for _, source in self.statuses} | set(self.displays)
        return frozenset(found)

    @cached_property
    def instances(self) -> tuple[Oid, ...]:
        """Exact instances to GET when learning."""
        return tuple(sorted(self.steady | self.moving))

    def chooses_by(self, oid: Oid) -> bool:
        """Say whether rows are chosen by the value of *oid*, or told what they are."""
        return any(oid.startswith(table.columns[name]) for table in self.tables for name in table.choosing)

    def keep(self, rows: Mapping[Oid, Value]) -> tuple[set[Oid], set[Oid]]:
        """Return (moving, steady): those instances among *rows*, all that was learned of a device, that the rules use."""
        moving = {oid for oid in self.moving if oid in rows}
        steady = {oid for oid in self.steady if oid in rows}
        for number, table, of_table in self.tables_of(rows):
            for formula, chosen_by in table.formulas(of_table, rows, number):
                moving |= {term.what.oid for term in formula.terms if isinstance(term.what, Source)}
                steady |= chosen_by
            for supply, row in table.supplies(of_table, rows):
                moving |= {row.oids[name] for name in _moving_of(supply) if name in row.oids}
                steady |= {row.oids[name] for name in _steady_of(supply) if name in row.oids}
            for _, value, chosen_by in table.identities(of_table, rows):
                steady |= {value} | chosen_by
        return moving, steady - moving

    def tables_of(self, present: Mapping[Oid, Cell]) -> Iterator[tuple[int, Table, list[Row]]]:
        """Yield the tables that hold for a device, with their number and rows: those whose `unless` did not come true.

        *present* is looked at table by table: a caller that is learning may add to it meanwhile.
        """
        filled: set[str] = set()
        for number, table in enumerate(self.tables):
            if filled.isdisjoint(table.sheet.unless):
                yield number, table, table.rows(present)
                if table.sheet.name in self._waited_for and table.rows(present):
                    filled.add(table.sheet.name)


_NO_MANNERS = profile.Manners()


class SupplyRule(NamedTuple):
    """A supply that is no row of a table, with its parsed sources."""

    sheet: profile.Supply
    level: Source | None
    capacity: Source | int | None
    text: Source | None
    part_number: Source | None
    serial: Source | None
    status: Source | None

    @property
    def sources(self) -> tuple[Source, ...]:
        return tuple(source for source in self[1:] if isinstance(source, Source))


def make(sheet: profile.Sheet, ancestors: frozenset[str], *, is_experimental: bool) -> Profile:
    """Return the profile in *sheet*, which is sound and complete; without its experimental entries unless they are wanted."""
    forms = {records.name: (parse(records.oid), records.form) for records in sheet.records}
    wanted = _wanted(is_experimental or sheet.experimental)
    tables = [
        Table(_only(table, wanted), {name: parse(oid) for name, oid in table.columns.items()}, sheet.large)
        for table in sheet.tables
    ]  # fmt: skip
    return Profile(
        sheet=sheet,
        ancestors=ancestors,
        identities=tuple((entry, parse(entry.oid)) for entry in sheet.identities if wanted(entry)),
        formulas=tuple(_scalar(entry, forms, number, sheet.large) for number, entry in enumerate(sheet.counters) if wanted(entry)),
        tables=tuple(table for table in tables if table.sheet.counters or table.sheet.supplies or table.sheet.identities),
        supplies=tuple(_supply(entry, forms) for entry in sheet.supplies if wanted(entry)),
        statuses=tuple((entry, source(entry.value, forms)) for entry in sheet.statuses if wanted(entry)),
        displays=tuple(parse(entry.value) for entry in sheet.displays if wanted(entry)),
    )


Forms = Mapping[str, tuple[Oid, Form]]


def source(text: str, forms: Forms) -> Source:
    record = profile.read_record(text)
    if record is None:
        return Source(parse(text))
    name, id_, octet = record
    oid, form = forms[name]
    return Source(oid, form, id_, octet)


def _scalar(entry: profile.Counter, forms: Forms, number: int, large: profile.Large) -> Formula:
    key = Key(entry.function, entry.colour, entry.size, entry.sides, entry.unit)  # type: ignore[arg-type]
    if entry.value is not None:
        terms: tuple[Sum, ...] = (Sum(1, source(entry.value, forms)),)
    else:
        terms = tuple(_term(profile.read_term(text), entry.unit, forms) for text in entry.sum)
    order = (entry.rank, 0, 0, number)
    return Formula(key, terms, entry.times, entry.label, entry.refuse, order, large=_large(key, entry.large, large))


def _large(key: Key, own: profile.Large | None, family: profile.Large) -> LargeCounted | None:
    """Return how often large sheets stand in the counter *key*, by its own word or its family's; None for what counts only those."""
    told = own or family
    return None if key.size == "large" or told == "unknown" else told


def _term(term: profile.Term, unit: str, forms: Forms) -> Sum:
    cell = profile.read_cell(term.what, unit)
    what = Key(*cell) if cell is not None else source(term.what, forms)  # type: ignore[arg-type]
    return Sum(term.factor, what, term.is_optional)


def _supply(entry: profile.Supply, forms: Forms) -> SupplyRule:
    def at(text: str | None) -> Source | None:
        return source(text, forms) if text is not None else None

    capacity = at(entry.capacity) if isinstance(entry.capacity, str) else entry.capacity
    status = at(entry.status.value) if entry.status is not None else None
    return SupplyRule(entry, at(entry.level), capacity, at(entry.text), at(entry.part_number), at(entry.serial), status)


def _wanted(is_experimental: bool) -> Callable[[profile.Entry], bool]:
    return lambda entry: is_experimental or not entry.experimental


def _only(table: profile.Table, wanted: Callable[[profile.Entry], bool]) -> profile.Table:
    return profile.Table(
        name=table.name,
        columns=table.columns,
        index=table.index,
        rows_max=table.rows_max,
        unless=table.unless,
        counters=tuple(filter(wanted, table.counters)),
        supplies=tuple(filter(wanted, table.supplies)),
        identities=tuple(filter(wanted, table.identities)),
    )


def _names(rows: profile.Rows) -> set[str]:
    return {*rows.where, *rows.matches}


def _values(counter: TableCounter) -> dict[str, float]:
    return {counter.value: 1.0} if isinstance(counter.value, str) else counter.value


def _steady_of_counter(counter: TableCounter) -> set[str]:
    parts = (counter.function, counter.colour, counter.size, counter.sides, counter.unit)
    label = {counter.label[1:]} if counter.label is not None and counter.label.startswith("@") else set[str]()
    return _names(counter) | {part.by for part in parts if isinstance(part, By)} | label


def texts(supply: TableSupply) -> tuple[str, ...]:
    """Return the columns that may hold the description, in order."""
    return (supply.text,) if isinstance(supply.text, str) else supply.text


def _moving_of(supply: TableSupply) -> set[str]:
    names = {supply.level, supply.part_number, supply.serial, supply.status.by if supply.status is not None else None}
    names.add(supply.capacity if isinstance(supply.capacity, str) else None)
    return {name for name in names if name is not None}


def _steady_of(supply: TableSupply) -> set[str]:
    return {*_names(supply), *texts(supply), *(part.by for part in (supply.kind, supply.colour, supply.unit) if isinstance(part, By))}


def text_of(cell: Cell) -> str | None:
    return read_text(cell[1]) if isinstance(cell, tuple) and cell[0] == ber.OCTET_STRING else None


@lru_cache(maxsize=8192)
def fold(text: str) -> str:
    """Return *text* as labels are compared: without regard to case, runs of blanks, and blanks at the ends."""
    return " ".join(text.split()).casefold()


@lru_cache(maxsize=4096)
def _places(wanted: Word | tuple[Word, ...]) -> dict[Word, int]:
    """Return the place of each word in a list of `where`; a single word is a list of one."""
    found: dict[Word, int] = {}
    for at, word in enumerate(wanted if isinstance(wanted, tuple) else (wanted,)):
        found.setdefault(fold(word) if isinstance(word, str) else word, at)
    return found


@lru_cache(maxsize=1024)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


@lru_cache(maxsize=1024)
def _codes(items: tuple[tuple[str, str], ...]) -> dict[int | str, str]:
    """Return codes by number where they are written as one, else by folded text."""
    return {(int(code) if code.removeprefix("-").isdigit() else fold(code)): word for code, word in items}
