"""What the profiles of one device count: every cell of its counters with its choices in order, sums behind what they are sums of.

Worked out once per layout (`meters_of`), so that a poll is one pass without a search. Printers that are alike share it, and a poll that
brings what an earlier one brought gets the same tuple of counters back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from poller.model import Counter, CounterUnit, LargeCounted
from poller.printers import levels
from poller.printers.cells import Cells, Pick, getter
from poller.printers.profile import Refuse
from poller.printers.records import Source
from poller.printers.rules import Formula, Key
from poller.snmp.oid import Oid, text

LIFE_COUNT = "prtMarkerLifeCount"
_COUNT_MAX = 2**53  # exact as a double, and more pages than were ever printed
_ALL_ONES = 2**32 - 1  # a Counter32 of all ones is how firmware says -1
_OID_TEXT_MAX = 8  # terms of a sum that are named; more are cut


class Life(NamedTuple):
    """A prtMarkerLifeCount."""

    unit: CounterUnit
    number: int
    oid: str


class _Term(NamedTuple):
    """*factor* times a number: where it is among the picked cells, or which cell of the counters it is."""

    factor: float
    at: int
    source: Source | None
    is_optional: bool


class _Choice(NamedTuple):
    """One way to get a cell."""

    terms: tuple[_Term, ...]
    times: float
    label: str | None
    refuse: Refuse | None
    oid: str
    large: LargeCounted | None
    is_largest: bool
    plain_at: int | None
    """Where the number is, when it is that of one instance and nothing else: nearly always."""


class _Meter(NamedTuple):
    """One cell with its choices in order. `life` is the unit of the life count that stands in where no choice has a value."""

    key: Key
    choices: tuple[_Choice, ...]
    life: CounterUnit | None


@dataclass(frozen=True, eq=False, slots=True)
class Meters:
    """All cells of one layout, and what picks their values from a poll's. Compared by identity."""

    meters: tuple[_Meter, ...]
    pick: Pick


def meters_of(formulas: Iterable[Formula], position: Mapping[Oid, int]) -> Meters | None:
    """Return the cells in an order in which each sum stands behind its parts; None where there is none."""
    by_key: dict[Key, list[Formula]] = {}
    for formula in formulas:
        if any(isinstance(term.what, Key) or term.what.oid in position for term in formula.terms):
            by_key.setdefault(formula.key, []).append(formula)
    wanted = {term.what for choices in by_key.values() for formula in choices for term in formula.terms if isinstance(term.what, Key)}
    for key in wanted:
        if key[:4] == ("total", "all", "all", "all"):
            by_key.setdefault(key, [])
    order: dict[Key, int] = {}

    def visit(key: Key, above: frozenset[Key]) -> None:
        if key in order or key in above or key not in by_key:
            return
        for formula in by_key[key]:
            for term in formula.terms:
                if isinstance(term.what, Key):
                    visit(term.what, above | {key})
        order[key] = len(order)

    for key in sorted(by_key):
        visit(key, frozenset())
    oids: dict[Oid, int] = {}
    meters = []
    for key in order:
        choices = [choice for formula in by_key[key] if (choice := _choice(formula, order, position, oids)) is not None]
        is_total = key[:4] == ("total", "all", "all", "all")
        meters.append(_Meter(key, tuple(choices), key.unit if is_total else None))
    return Meters(tuple(meters), getter([position[oid] for oid in oids])) if meters else None


def _choice(formula: Formula, order: Mapping[Key, int], position: Mapping[Oid, int], oids: dict[Oid, int]) -> _Choice | None:
    """Return *formula* by positions; None where something it needs is not there."""
    terms, names = [], []
    for term in formula.terms:
        if isinstance(term.what, Key):
            at = order.get(term.what, len(order)) if order.get(term.what, len(order)) < order[formula.key] else None
            if at is not None:
                terms.append(_Term(term.factor, at, None, term.is_optional))
                continue
        elif term.what.oid in position:
            names.append(text(term.what.oid))
            terms.append(_Term(term.factor, oids.setdefault(term.what.oid, len(oids)), term.what, term.is_optional))
            continue
        if not term.is_optional:
            return None
    if not terms:
        return None
    oid = "+".join(dict.fromkeys(names[:_OID_TEXT_MAX]))
    first = terms[0]
    is_plain = len(terms) == 1 and first.factor == formula.times == 1 and first.source is not None and first.source.form is None
    return _Choice(
        terms=tuple(terms),
        times=formula.times,
        label=formula.label,
        refuse=formula.refuse,
        oid=oid,
        large=formula.large,
        is_largest=formula.combine == "largest",
        plain_at=first.at if is_plain and formula.refuse is None else None,
    )


@lru_cache(maxsize=32768)
def counters(of: Meters, cells: Cells, lives: tuple[Life, ...]) -> tuple[Counter, ...]:
    """Return the counters in *cells*, those `of.pick` picks, and the life counts of the markers."""
    life_by_unit = {life.unit: life for life in lives}
    numbers: list[float | None] = []
    found: list[Counter] = []
    totals: set[tuple[CounterUnit, int]] = set()
    labels: set[tuple[Key, str | None]] = set()
    for meter in of.meters:
        number, choice = _read(meter, cells, numbers)
        if choice is None and meter.life is not None and meter.life in life_by_unit:
            number = life_by_unit[meter.life].number
        numbers.append(number)
        if number is None or choice is None:
            continue
        count = int(number)
        key = meter.key
        if (key, choice.label) not in labels:
            labels.add((key, choice.label))
            found.append(_counter(key, count, choice.label, choice.oid or None, choice.large))
            if meter.life is not None:
                totals.add((key.unit, count))
    return (*_lives(lives, totals), *found)


def _lives(lives: tuple[Life, ...], totals: set[tuple[CounterUnit, int]]) -> list[Counter]:
    """Return the life counts: the billing total where the vendor names none, else something else, where it is another number."""
    units = {unit for unit, _ in totals}
    counts = {count for _, count in totals}
    shown = []
    for life in lives:
        if not ({"impressions", life.unit} & units):
            shown.append(Counter(function="total", count=life.number, unit=life.unit, oid=life.oid))
        elif life.number not in counts:
            shown.append(Counter(function="other", count=life.number, unit=life.unit, label=LIFE_COUNT, oid=life.oid))
    return shown


@lru_cache(maxsize=65536)
def _counter(key: Key, count: int, label: str | None, oid: str | None, large: LargeCounted | None) -> Counter:
    return Counter(
        function=key.function, colour=key.colour, size=key.size, sides=key.sides, count=count, unit=key.unit, label=label, oid=oid,
        large=large,
    )  # fmt: skip


def _read(meter: _Meter, cells: Cells, numbers: Sequence[float | None]) -> tuple[float | None, _Choice | None]:
    """Return (number, choice) of the first choice that has a value."""
    for choice in meter.choices:
        number: float | None
        if choice.plain_at is not None:
            number = levels.integer(cells[choice.plain_at])
            if number is not None and (not 0 <= number <= _COUNT_MAX or number == _ALL_ONES):
                continue
        else:
            number = _value(choice, cells, numbers)
        if number is not None:
            return number, choice
    return None, None


def _value(choice: _Choice, cells: Cells, numbers: Sequence[float | None]) -> float | None:
    parts: list[float] = []
    for factor, at, source, is_optional in choice.terms:
        part: float | None
        if source is None:
            part = numbers[at]
        else:
            part = source.number(cells[at])
            if part is not None and (not 0 <= part <= _COUNT_MAX or part == _ALL_ONES):
                part = None
        if part is not None:
            parts.append(factor * part)
        elif not is_optional:
            return None
    if not parts:
        return None
    number = (max(parts) if choice.is_largest else sum(parts)) * choice.times
    return None if number < 0 or (choice.refuse is not None and choice.refuse.refuses(number)) else number
