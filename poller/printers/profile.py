"""What a vendor family has that the standard MIBs do not say: the schema of a profile, and the small notations its texts are written in.

`poller/printers/profiles/README.md` explains every key to whoever writes one. `profile_file.py` reads a file and names its faults,
`rules.py` makes it ready for use, `library.py` says which profile fits a device, `vendor.py` what it adds to a reading.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Literal, get_args

import msgspec
from msgspec import Meta, Struct

from poller.model import ColourMode, CounterUnit, Function, Sides, Size
from poller.printers import mib
from poller.snmp.oid import Oid, parse

Confidence = Literal["A", "B", "C"]
Field = Literal["model", "serial", "firmware", "hostname", "manufacturer"]
LevelWord = Literal["empty", "low", "some-remaining", "unknown"]
Form = Literal["id-type-length", "id-length"]
Large = Literal["once", "twice", "unknown"]
Word = int | str

FIELDS: tuple[Field, ...] = get_args(Field)
KINDS = frozenset(
    "toner ink ribbon wasteToner wasteInk drum developer fuser fuserOil transferBelt transferRoller transferUnit transferBeltCleaner "
    "feedRoller maintenanceKit documentFeederKit "
    "cleaner printhead solidInk labelRoll staples punchWaste ozoneFilter unknown cartridge".split()
)
"""The kinds of supplies, and "cartridge": toner or ink, as the device prints."""
SUPPLY_UNITS = frozenset(mib.SUPPLY_UNITS.values())
DIMENSIONS: dict[str, tuple[str, ...]] = {
    "function": get_args(Function), "colour": get_args(ColourMode), "size": get_args(Size), "sides": get_args(Sides),
    "unit": get_args(CounterUnit),
}  # fmt: skip

_RECORD = re.compile(r"([a-z][a-z0-9_-]*):0x([0-9a-f]{2})(?:\[([0-3])\])?")
_TERM = re.compile(r"(?P<minus>-)?(?:(?P<times>\d+(?:\.\d+)?)\*)?(?P<what>[^?*]+?)(?P<optional>\?)?")

Name = Annotated[str, Meta(min_length=1, max_length=200)]


class Entry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every entry may say about itself."""

    confidence: Confidence = "A"
    source: str | None = None
    note: str | None = None
    experimental: bool = False


class Recognise(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One way to know the family; all that is given must fit."""

    sys_object_id: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    text: str | None = None
    not_text: str | None = None


class Identity(Entry, frozen=True, kw_only=True, forbid_unknown_fields=True):
    field: Field
    oid: str
    clean: tuple[str, ...] = ()
    when: Literal["before", "after"] = "before"


class Refuse(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Numbers that are garbage."""

    below: float | None = None
    above: float | None = None
    values: tuple[int, ...] = ()

    def refuses(self, number: float) -> bool:
        return (
            (self.below is not None and number < self.below)
            or (self.above is not None and number > self.above)
            or number in self.values
        )  # fmt: skip


class Counter(Entry, frozen=True, kw_only=True, forbid_unknown_fields=True):
    function: str
    colour: str = "all"
    size: str = "all"
    sides: str = "all"
    unit: str = "impressions"
    value: str | None = None
    sum: tuple[str, ...] = ()
    times: Annotated[float, Meta(gt=0)] = 1
    label: str | None = None
    rank: Annotated[int, Meta(ge=1, le=99)] = 1
    large: Large | None = None
    refuse: Refuse | None = None


class By(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A word chosen by what stands in a column or in the index."""

    by: str
    codes: dict[str, str]


class Rows(Entry, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which rows of a table are meant."""

    where: dict[str, Word | tuple[Word, ...]] = {}
    matches: dict[str, str] = {}


class TableCounter(Rows, frozen=True, kw_only=True, forbid_unknown_fields=True):
    function: str | By
    colour: str | By = "all"
    size: str | By = "all"
    sides: str | By = "all"
    unit: str | By = "impressions"
    value: str | dict[str, float] = "value"
    combine: Literal["first", "sum", "largest"] = "first"
    times: Annotated[float, Meta(gt=0)] = 1
    label: str | None = None
    rank: Annotated[int, Meta(ge=1, le=99)] = 1
    large: Large | None = None
    refuse: Refuse | None = None


class TableIdentity(Rows, frozen=True, kw_only=True, forbid_unknown_fields=True):
    field: Field
    value: str = "value"
    clean: tuple[str, ...] = ()
    when: Literal["before", "after"] = "before"


class StatusOfSupply(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    value: str
    codes: dict[str, LevelWord]


class StatusByColumn(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    by: str
    codes: dict[str, LevelWord]


Overridable = Literal["level", "part_number", "serial", "status"]
Joins = Literal["none", "kind-colour", "last-arc"]


class Supply(Entry, frozen=True, kw_only=True, forbid_unknown_fields=True):
    key: str
    kind: str
    colour: str | None = None
    description: str | None = None
    text: str | None = None
    level: str | None = None
    capacity: int | str | None = None
    unit: str | None = None
    part_number: str | None = None
    serial: str | None = None
    status: StatusOfSupply | None = None
    level_codes: dict[str, LevelWord] = {}
    refuse: Refuse | None = None
    joins: Joins = "none"
    only_joined: bool = False
    overrides: tuple[Overridable, ...] = ()
    receptacle: bool = False
    is_used: bool = False


class TableSupply(Rows, frozen=True, kw_only=True, forbid_unknown_fields=True):
    key: str
    kind: str | By | None = None
    colour: str | By | None = None
    description: str | None = None
    text: str | tuple[str, ...] = ()
    level: str | None = None
    capacity: int | str | None = None
    unit: str | By | None = None
    part_number: str | None = None
    serial: str | None = None
    status: StatusByColumn | None = None
    level_codes: dict[str, LevelWord] = {}
    refuse: Refuse | None = None
    joins: Joins = "none"
    only_joined: bool = False
    overrides: tuple[Overridable, ...] = ()
    receptacle: bool = False
    is_used: bool = False


class Table(Struct, frozen=True, kw_only=True):
    """One table, its columns joined by index. `name` is unique in the file."""

    name: str
    columns: dict[str, str]
    index: tuple[str, ...]
    rows_max: int = 64
    unless: tuple[str, ...] = ()
    counters: tuple[TableCounter, ...] = ()
    supplies: tuple[TableSupply, ...] = ()
    identities: tuple[TableIdentity, ...] = ()


class Records(Entry, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    oid: str
    form: Form


class Status(Entry, frozen=True, kw_only=True, forbid_unknown_fields=True):
    error: str
    value: str
    is_: Annotated[tuple[int, ...], Meta(min_length=1)] = msgspec.field(name="is")


class Display(Entry, frozen=True, kw_only=True, forbid_unknown_fields=True):
    value: str


class Manners(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What devices of this family bear: see `engine/asking.py`. *context* is where their tables may be as well (RFC 3411 contextName).

    *every_seconds* is how often they are polled where the operator says nothing of their own.
    """

    getbulk: bool = True
    bulk_rows: Annotated[int, Meta(ge=2, le=64)] | None = None
    pause_ms: Annotated[int, Meta(ge=0, le=10_000)] = 0
    oids_max: Annotated[int, Meta(ge=1, le=64)] | None = None
    context: str | None = None
    every_seconds: Annotated[float, Meta(ge=10, le=7 * 86_400)] | None = None


class Sheet(Struct, frozen=True, kw_only=True):
    """One profile file, each entry sound by itself; inheritance not yet applied."""

    name: str
    title: str
    source: str
    origin: str
    """The file's name, for faults and lists."""
    manufacturer: str | None = None
    large: Large = "unknown"
    experimental: bool = False
    notes: tuple[str, ...] = ()
    inherits: str | None = None
    reroot: dict[str, str] = {}
    ink_models: str | None = None
    manners: Manners | None = None
    recognise: tuple[Recognise, ...] = ()
    identities: tuple[Identity, ...] = ()
    counters: tuple[Counter, ...] = ()
    tables: tuple[Table, ...] = ()
    records: tuple[Records, ...] = ()
    supplies: tuple[Supply, ...] = ()
    statuses: tuple[Status, ...] = ()
    displays: tuple[Display, ...] = ()


class Term(Struct, frozen=True):
    """One term of a sum: *factor* times an instance, a record, or a cell of the reading."""

    factor: float
    what: str
    is_optional: bool


def read_term(text: str) -> Term:
    """Return the term written as `[-][N*]WHAT[?]`. Raises ValueError."""
    found = _TERM.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"not a term: {text!r}")
    factor = float(found["times"] or 1) * (-1 if found["minus"] else 1)
    return Term(factor, found["what"].strip(), found["optional"] is not None)


def read_record(text: str) -> tuple[str, int, int | None] | None:
    """Return (name of the records, id, octet of the value or None) where *text* is written as a record, else None."""
    found = _RECORD.fullmatch(text)
    return (found[1], int(found[2], 16), int(found[3]) if found[3] is not None else None) if found is not None else None


def read_cell(text: str, unit: str) -> tuple[str, str, str, str, str] | None:
    """Return the cell written as function/colour[/size[/sides[/unit]]], or None where it is none."""
    parts = text.split("/")
    if not 2 <= len(parts) <= 5:
        return None
    function, colour, size, sides, own_unit = [*parts, *("all", "all", unit)[len(parts) - 2 :]]
    cell = (function, colour, size, sides, own_unit)
    return cell if all(word in words for word, words in zip(cell, DIMENSIONS.values(), strict=True)) else None


def is_instance(text: str) -> bool:
    """Say whether *text* is written as an object identifier."""
    return text[:1].isdigit()


def reroot(oid: str, roots: Mapping[str, str]) -> str:
    """Return *oid* with the longest prefix that *roots* names replaced."""
    fitting = [old for old in roots if oid == old or oid.startswith(old + ".")]
    if not fitting:
        return oid
    old = max(fitting, key=len)
    return roots[old] + oid[len(old) :]


def prefix(text: str) -> Oid:
    """Return the prefix written in dots; a dot at its end, as some write one, means nothing."""
    return parse(text.rstrip("."))
