"""Contract meters: what a contract bills, as formulas over what a device counts.

    [[contract]]
    model = "iR-ADV C35*"                      # * and ? as in file names; the first that fits; "*" fits every model
    large = "twice"                            # how this model's totals count A3 and ledger, where it is known better than by its profile
    [contract.meters]
    mono = "print.mono + copy.mono"
    colour = "total - total.mono"
    a3 = "large?"                              # `?`: a device without this counter has none of these pages
    clicks = "twice(total)?"

A formula is a sum of counters, each with a whole factor (`2*print.mono`). That is all: it is linear, so that pages of a month are the
difference of two meters whatever happened to the counters in between, and a reader sees at a glance what is billed.

Large sheets. Some devices count an A3 sheet once in their totals, some twice, and a contract that adds A3 to a total which has it
already would bill it twice over. So a formula never says how a *device* counts, only what the *contract* wants: `once(x)` each sheet once,
`twice(x)` an A3 sheet twice, and either is made from what the device has: its total less or plus its large pages, or just its total. In a
contract that names large pages anywhere, a bare `x` is `once(x)`; elsewhere it is the number on the device's panel. Where it is not known
how a device counts, there is no meter and a fault instead: never a guess. Pure.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Set
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any, Literal, get_args

from poller.central.meters.chain import Entry
from poller.errors import ConfigError
from poller.model import ColourMode, CounterUnit, Function, Sides, Size, Value

Large = Literal["once", "twice", "unknown"]
Mode = Literal["bare", "once", "twice"]

FILE_OCTETS_MAX = 1 << 20
CONTRACTS_MAX = 10_000
METERS_MAX = 32
TERMS_MAX = 32
FACTOR_MAX = 100

_FUNCTIONS = [word for word in get_args(Function) if word != "other"]
_DIMENSIONS = [[word for word in get_args(kind) if word not in ("all", "impressions")] for kind in (ColourMode, Size, Sides, CounterUnit)]
_WORDS = [*_FUNCTIONS, *(word for words in _DIMENSIONS for word in words)]
_TOKEN = re.compile(r"\s*(?:(?P<number>\d{1,9})|(?P<name>[A-Za-z]+(?:\.[A-Za-z]+)*)|(?P<sign>[-+*()?]))")
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")


class Term(Value, frozen=True, kw_only=True):
    """*factor* times a cell. `is_optional`: a device without it has none of these pages."""

    factor: int
    cell: str
    mode: Mode = "bare"
    is_optional: bool = False


class Contract(Value, frozen=True, kw_only=True):
    """The meters of the models that fit a pattern: (name, terms) each; `large` where the contract knows better than the profile."""

    model: str
    meters: tuple[tuple[str, tuple[Term, ...]], ...]
    large: Large | None = None

    @property
    def names_large(self) -> bool:
        """Whether A3 is billed apart anywhere, so that every other term has to leave its second counting out."""
        return any(term.mode != "bare" or _is_large(term.cell) for _, terms in self.meters for term in terms)


class Meters(Value, frozen=True, kw_only=True):
    """Contract meters of one device: pages since its first meter, and for each that cannot be told, why."""

    totals: dict[str, int]
    faults: tuple[str, ...] = ()


def parse(text: str) -> tuple[Term, ...]:
    """Return the terms of a formula. Raises ValueError with what is wrong and where."""
    tokens = list(_tokens(text))
    terms: list[Term] = []
    at = 0
    while at < len(tokens):
        sign = 1
        if tokens[at] in ("+", "-"):
            sign = -1 if tokens[at] == "-" else 1
            at += 1
        elif terms:
            raise ValueError(f"want + or - before {tokens[at]!r}")
        at, term = _term(tokens, at, sign)
        terms.append(term)
        if len(terms) > TERMS_MAX:
            raise ValueError(f"more than {TERMS_MAX} terms")
    if not terms:
        raise ValueError("is empty")
    return tuple(terms)


def load(source: bytes, *, origin: str) -> tuple[Contract, ...]:
    """Return the contracts of a TOML file, in order. Raises ConfigError with all faults at once."""
    faults: list[str] = []
    try:
        if len(source) > FILE_OCTETS_MAX:
            raise ValueError(f"larger than {FILE_OCTETS_MAX} octets")
        document = tomllib.loads(source.decode())
    except (ValueError, RecursionError) as error:  # tomllib's and Unicode's are ValueErrors
        raise ConfigError([f"{origin}: {error}"]) from error
    tables = document.pop("contract", [])
    faults += [f"{origin}: {key}: no such table; want [[contract]]" for key in document]
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables) or len(tables) > CONTRACTS_MAX:
        raise ConfigError([*faults, f"{origin}: contract: want tables, [[contract]], at most {CONTRACTS_MAX}"])
    contracts = [_contract(table, f"{origin}: contract {number}", faults) for number, table in enumerate(tables, 1)]
    if faults:
        raise ConfigError(faults)
    return tuple(contracts)


def contract_for(contracts: tuple[Contract, ...], model: str) -> Contract | None:
    """Return the first contract whose pattern fits *model*."""
    return next((one for one in contracts if fnmatchcase(model.lower(), one.model.lower())), None)


def evaluate(contract: Contract, totals: Mapping[str, int], large: Mapping[str, Large], *, lost: Set[str] = frozenset()) -> Meters:
    """Return the contract meters for a device's totals by cell.

    *large* says how each cell counts large sheets (absent: unknown), *lost* which cells the device had and has no more.
    """
    told: dict[str, int] = {}
    faults: list[str] = []
    for name, terms in contract.meters:
        try:
            told[name] = sum(term.factor * _value(term, contract, totals, large, lost) for term in terms)
        except LookupError as error:
            faults.append(f"{name}: {error.args[0]}")
    return Meters(totals=told, faults=tuple(faults))


def known_totals(entries: Iterable[Entry]) -> dict[str, int]:
    """Return the last total of every cell in a device's meters in force, which come oldest first."""
    return {one.cell: one.total for entry in entries for one in entry.meters}


def pages(contract: Contract, begin: Mapping[str, int], end: Mapping[str, int], large: Mapping[str, Large]) -> Meters:
    """Return what a contract bills of one device from one day to another, each as totals by cell: the pages of each contract meter.

    *end* is the entry of the last day, *begin* all that was known at the beginning (`known_totals`): an entry leaves out what was not read
    that day. So a cell only *end* has is one the device began to count meanwhile, its total from zero. One only *begin* has was lost, as by
    an update of firmware: `?` says that a device never counts it, not that it prints no more, so what needs it is a fault.
    """
    grown = {cell: total - begin.get(cell, 0) for cell, total in end.items()}
    return evaluate(contract, grown, large, lost=begin.keys() - end.keys())


def _value(term: Term, contract: Contract, totals: Mapping[str, int], large: Mapping[str, Large], lost: Set[str]) -> int:
    if term.cell in lost:
        raise LookupError(f"the device counts {term.cell} no more")
    if term.cell not in totals:
        if term.is_optional:
            return 0
        raise LookupError(f"the device does not count {term.cell}")
    count = totals[term.cell]
    mode: Mode = "once" if term.mode == "bare" and contract.names_large else term.mode
    if mode == "bare" or _is_large(term.cell):
        return count
    counted = contract.large or large.get(term.cell, "unknown")
    extra = totals.get(_large_of(term.cell))
    if counted == mode or (counted == "unknown" and not any(_is_large(cell) for cell in (*totals, *lost))):
        return count  # as the device has it; of one that counts nothing large apart, nothing can be added or taken away
    if counted == "unknown":
        raise LookupError(f"it is not known whether the device counts large sheets twice in {term.cell}")
    if extra is None and mode == "twice" and term.is_optional and _large_of(term.cell) not in lost:
        return count
    if extra is None:
        raise LookupError(f"the device does not count {_large_of(term.cell)}")
    return count + extra if mode == "twice" else count - extra


def _tokens(text: str) -> Iterator[str]:
    at = 0
    text = text.rstrip()
    if len(text) > 1000:
        raise ValueError("is longer than 1000 characters")
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise ValueError(f"{text[at:].lstrip()[0]!r} has no place here")
        yield found[0].strip()
        at = found.end()


def _term(tokens: list[str], at: int, sign: int) -> tuple[int, Term]:
    """Read `[N*]CELL[?]`, CELL plain or in once( ) or twice( )."""
    left = [*tokens[at:], "", "", "", ""]
    factor, mode = 1, "bare"
    if left[0].isdigit():
        factor = int(left[0])
        if not 1 <= factor <= FACTOR_MAX or left[1] != "*":
            raise ValueError(f"{left[0]} wants to be 1 to {FACTOR_MAX}, with * behind it")
        at, left = at + 2, left[2:]
    is_wrapped = left[0] in ("once", "twice")
    if is_wrapped:
        if left[1] != "(" or left[3] != ")":
            raise ValueError(f"{left[0]} wants one counter in brackets")
        mode, name, used = left[0], left[2], 4
    else:
        name, used = left[0], 1
    at, left = at + used, left[used:]
    cell = read_cell(name)
    if is_wrapped and _is_large(cell):
        raise ValueError(f"{cell} is large sheets only: {mode}( ) is for what has others, too")
    is_optional = left[0] == "?"
    return at + is_optional, Term(factor=sign * factor, cell=cell, mode=mode, is_optional=is_optional)  # type: ignore[arg-type]


def read_cell(name: str) -> str:
    """Return the cell a formula calls *name*: words in any order, `total` where no function is named. Raises ValueError."""
    if not name:
        raise ValueError("a counter is missing at the end")
    words = name.split(".")
    for word in words:
        if word not in _WORDS:
            near = get_close_matches(word, _WORDS, n=1)
            raise ValueError(f"{word!r} is no word for a counter" + (f"; did you mean {near[0]!r}?" if near else ""))
    functions = [word for word in words if word in _FUNCTIONS]
    parts = [[word for word in words if word in dimension] for dimension in _DIMENSIONS]
    if len(functions) > 1 or any(len(part) > 1 for part in parts):
        raise ValueError(f"{name!r} says two things of one kind")
    return ".".join([*(functions or ["total"]), *(part[0] for part in parts if part)])


def _is_large(cell: str) -> bool:
    return "large" in cell.split(".")


def _large_of(cell: str) -> str:
    return read_cell(f"{cell}.large")


def _contract(table: dict[str, Any], where: str, faults: list[str]) -> Contract:
    found = len(faults)
    model, large, formulas = table.pop("model", None), table.pop("large", None), table.pop("meters", None)
    faults += [f"{where}: {key}: no such key; want model, large, meters" for key in table]
    if not isinstance(model, str) or not 0 < len(model) <= 200:
        faults.append(f'{where}: model: want a pattern such as "iR-ADV C35*"')
    if large is not None and large not in get_args(Large):
        faults.append(f"{where}: large: want once, twice or unknown, got {large!r}")
    if not isinstance(formulas, dict) or not 0 < len(formulas) <= METERS_MAX:
        faults.append(f"{where}: meters: want a table of 1 to {METERS_MAX} formulas")
        formulas = {}
    meters: list[tuple[str, tuple[Term, ...]]] = []
    for name, text in formulas.items():
        try:
            if not _NAME.fullmatch(name):
                raise ValueError("a meter's name is lower-case letters, digits, - and _")
            if not isinstance(text, str):
                raise ValueError(f"want a formula in quotes, got {text!r}")
            meters.append((name, parse(text)))
        except ValueError as error:
            faults.append(f"{where}: meters.{name}: {error}")
    return Contract(model=model if len(faults) == found else "", meters=tuple(meters), large=large if len(faults) == found else None)
