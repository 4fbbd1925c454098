"""A profile as it is written down: TOML, with all faults of a file at once.

Here a file becomes values that are sound in themselves: words are words of ours, object identifiers and patterns are well formed, names
refer to something. What the keys mean is in `profile.py`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Struct

from poller.printers import cleaning, mib
from poller.printers.profile import (
    DIMENSIONS,
    KINDS,
    SUPPLY_UNITS,
    By,
    Counter,
    Display,
    Entry,
    Identity,
    Large,
    Manners,
    Name,
    Recognise,
    Records,
    Rows,
    Sheet,
    Status,
    Supply,
    Table,
    TableCounter,
    TableIdentity,
    TableSupply,
    is_instance,
    read_cell,
    read_record,
    read_term,
)
from poller.snmp.oid import parse

_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
_TABLE_NAME = re.compile(r"[a-z][a-z0-9_-]{0,47}")
_KEY = re.compile(r"(?:[a-z0-9-]|\{[a-z_]+\}){1,48}")
_ROWS_MAX = 2048
_FILE_OCTETS_MAX = 1 << 20
_ENTRIES_MAX = 512

T = TypeVar("T")


class _TableHead(Entry, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    columns: Annotated[dict[str, str], Meta(min_length=1, max_length=32)]
    index: Annotated[tuple[str, ...], Meta(min_length=1, max_length=8)]
    rows_max: Annotated[int, Meta(ge=1, le=_ROWS_MAX)] = 64
    unless: tuple[str, ...] = ()


class _Head(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    title: Name
    source: Name
    manufacturer: str | None = None
    large: Large = "unknown"
    experimental: bool = False
    notes: tuple[str, ...] = ()
    inherits: str | None = None
    reroot: dict[str, str] = {}
    ink_models: str | None = None
    manners: Manners | None = None


def read_profile(content: bytes, origin: str) -> tuple[Sheet | None, list[str]]:
    """Return the profile in *content* and every fault in it; with a fault there is no profile. *origin* is the file's name."""
    if len(content) > _FILE_OCTETS_MAX:
        return None, [f"{origin}: larger than {_FILE_OCTETS_MAX} octets"]
    try:
        document = tomllib.loads(content.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        return None, [f"{origin}: {error}"]
    return _Reader(document, origin).read()


class _Reader:
    """Reads one document, noting each fault and going on."""

    def __init__(self, document: dict[str, Any], origin: str) -> None:
        self._document = dict(document)
        self._origin = origin
        self._faults: list[str] = []

    def read(self) -> tuple[Sheet | None, list[str]]:
        entries: dict[str, tuple[Any, ...]] = {
            "recognise": tuple(self._list("recognise", Recognise)),
            "identities": tuple(self._list("identity", Identity)),
            "counters": tuple(self._list("counter", Counter)),
            "tables": tuple(self._tables()),
            "records": tuple(self._list("records", Records)),
            "supplies": tuple(self._list("supply", Supply)),
            "statuses": tuple(self._list("status", Status)),
            "displays": tuple(self._list("display", Display)),
        }
        head = self._convert(self._document, _Head, "")
        if head is None:
            return None, self._faults
        heading: dict[str, Any] = {name: getattr(head, name) for name in _Head.__struct_fields__}
        sheet = Sheet(**{"origin": self._origin, **heading, **entries})
        self._check(sheet)
        return (sheet if not self._faults else None), self._faults

    # --- shape ---------------------------------------------------------------------------------------------------------

    def _rows(self, table: dict[str, Any], key: str, where: str = "") -> list[tuple[str, dict[str, Any]]]:
        """Take the list of tables *key* out of *table*, each with its address."""
        found = table.pop(key, [])
        if not isinstance(found, list) or not all(isinstance(row, dict) for row in found) or len(found) > _ENTRIES_MAX:
            self._fault(f"{where}{key}", f"want [[{key}]] tables, {_ENTRIES_MAX} at most")
            return []
        return [(f"{where}{key} {number}", row) for number, row in enumerate(found, 1)]

    def _list(self, key: str, kind: type[T]) -> Iterator[T]:
        for where, row in self._rows(self._document, key):
            entry = self._convert(row, kind, where)
            if entry is not None:
                yield entry

    def _tables(self) -> Iterator[Table]:
        for where, row in self._rows(self._document, "table"):
            row = dict(row)
            inner: dict[str, tuple[Any, ...]] = {}
            for name, key, kind in (
                ("counters", "counter", TableCounter), ("supplies", "supply", TableSupply), ("identities", "identity", TableIdentity),
            ):  # fmt: skip
                read = [self._convert(one, kind, place) for place, one in self._rows(row, key, f"{where}, ")]
                inner[name] = tuple(one for one in read if one is not None)
            head = self._convert(row, _TableHead, where)
            if head is not None:
                yield Table(
                    name=head.name, columns=head.columns, index=head.index, rows_max=head.rows_max, unless=head.unless, **inner
                )  # fmt: skip

    def _convert(self, row: dict[str, Any], kind: type[T], where: str) -> T | None:
        """Return *row* as a *kind*, noting every key that is none before the first fault of a value."""
        known = [field.encode_name for field in msgspec.structs.fields(kind)]  # type: ignore[arg-type]
        strange = [key for key in row if key not in known]
        for key in strange:
            near = get_close_matches(key, known, n=1)
            self._fault(where, f"{key}: no such key" + (f"; did you mean {near[0]!r}?" if near else ""))
        try:
            return msgspec.convert({key: value for key, value in row.items() if key in known}, kind)
        except msgspec.ValidationError as error:
            self._fault(where, str(error).replace(" - at `$.", ": `").replace("Object ", ""))
            return None

    # --- sense ---------------------------------------------------------------------------------------------------------

    def _check(self, sheet: Sheet) -> None:
        self._head(sheet)
        records = {records.name for records in sheet.records}
        for number, way in enumerate(sheet.recognise, 1):
            self._recognise(way, f"recognise {number}")
        for number, record in enumerate(sheet.records, 1):
            self._oid(f"records {number}", record.oid)
        for number, identity in enumerate(sheet.identities, 1):
            where = f"identity {number} ({identity.field})"
            self._entry(identity, sheet, where)
            self._oid(where, identity.oid)
            self._clean(identity.clean, where)
        for number, counter in enumerate(sheet.counters, 1):
            self._counter(counter, sheet, f"counter {number} ({counter.function}/{counter.colour})", records)
        for number, supply in enumerate(sheet.supplies, 1):
            self._supply(supply, sheet, f"supply {number} ({supply.key})", records)
        for number, status in enumerate(sheet.statuses, 1):
            self._entry(status, sheet, f"status {number}")
            self._word(f"status {number}", "error", status.error, mib.ERROR_BITS)
            self._source(f"status {number}", status.value, records, sheet)
        for number, display in enumerate(sheet.displays, 1):
            self._entry(display, sheet, f"display {number}")
            self._oid(f"display {number}", display.value)
        names: set[str] = set()
        for number, table in enumerate(sheet.tables, 1):
            where = f"table {number} ({table.name})"
            if table.name in names:
                self._fault(where, "another table has this name")
            names.add(table.name)
            self._table(table, sheet, where)
        for table in sheet.tables:
            for name in table.unless:
                if name == table.name or (name not in names and sheet.inherits is None):
                    self._fault(f"table ({table.name})", f"unless: there is no other table {name!r}")

    def _head(self, sheet: Sheet) -> None:
        if not _NAME.fullmatch(sheet.name):
            self._fault("name", f"want lower case, digits and _, got {sheet.name!r}")
        elif f"{sheet.name}.toml" != self._origin.rpartition("/")[2]:
            self._fault("name", f"{sheet.name!r} is not the name of the file")
        if not sheet.recognise:
            self._fault("recognise", "nothing says how to know the family: want [[recognise]]")
        if sheet.reroot and sheet.inherits is None:
            self._fault("reroot", "moves a parent's OIDs, but there is no `inherits`")
        for old, new in sheet.reroot.items():
            self._oid("reroot", old)
            self._oid("reroot", new)
        if sheet.ink_models is not None:
            self._pattern("ink_models", sheet.ink_models)

    def _recognise(self, way: Recognise, where: str) -> None:
        if not way.sys_object_id and not way.answers and way.text is None:
            self._fault(where, "want sys_object_id, answers or text")
        for oid in (*way.sys_object_id, *way.answers):
            self._oid(where, oid)
        for prefix in way.answers:
            if not (prefix + ".").startswith("1.3.6.1.4.1."):
                self._fault(where, f"answers: {prefix} is below no enterprise")
        for pattern in (way.text, way.not_text):
            if pattern is not None:
                self._pattern(where, pattern)

    def _entry(self, entry: Entry, sheet: Sheet, where: str) -> None:
        if entry.confidence == "C" and not (entry.experimental or sheet.experimental):
            self._fault(where, 'confidence "C" wants experimental = true')

    def _counter(self, counter: Counter, sheet: Sheet, where: str, records: set[str]) -> None:
        self._entry(counter, sheet, where)
        for name, words in DIMENSIONS.items():
            self._word(where, name, getattr(counter, name), words)
        if (counter.value is None) == (not counter.sum):
            self._fault(where, "want one of value and sum")
        if counter.value is not None:
            self._source(where, counter.value, records, sheet)
        for text in counter.sum:
            try:
                term = read_term(text)
            except ValueError as error:
                self._fault(where, f"sum: {error}")
                continue
            if is_instance(term.what) or read_record(term.what) is not None:
                self._source(where, term.what, records, sheet)
            elif read_cell(term.what, counter.unit) is None:
                self._fault(where, f"sum: {term.what!r} is no instance, record or cell")
        if counter.function == "other" and counter.label is None:
            self._fault(where, 'function "other" wants a label')

    def _supply(self, supply: Supply, sheet: Sheet, where: str, records: set[str]) -> None:
        self._entry(supply, sheet, where)
        self._key(where, supply.key, ())
        self._word(where, "kind", supply.kind, KINDS)
        if supply.unit is not None:
            self._word(where, "unit", supply.unit, SUPPLY_UNITS)
        sources = [supply.level, supply.capacity, supply.text, supply.part_number, supply.serial]
        sources.append(supply.status.value if supply.status is not None else None)
        for source in sources:
            if isinstance(source, str):
                self._source(where, source, records, sheet)
        if supply.status is not None:
            self._codes(where, supply.status.codes)
        self._codes(where, supply.level_codes)
        if supply.is_used and supply.capacity is None and supply.unit != "percent":
            self._fault(where, "is_used wants a capacity")
        if supply.level is None and supply.status is None and supply.text is None:
            self._fault(where, "want level, status or text")

    def _table(self, table: Table, sheet: Sheet, where: str) -> None:
        if not _TABLE_NAME.fullmatch(table.name):
            self._fault(where, f"name: want lower case, digits, - and _, got {table.name!r}")
        for name, oid in table.columns.items():
            self._oid(f"{where}, column {name}", oid)
        for name in table.index:
            if name in table.columns:
                self._fault(where, f"index: {name!r} is a column too")
        for number, counter in enumerate(table.counters, 1):
            self._table_counter(counter, table, sheet, f"{where}, counter {number}")
        for number, identity in enumerate(table.identities, 1):
            at = f"{where}, identity {number}"
            self._rows_meant(identity, table, sheet, at)
            self._column(at, "value", identity.value, table)
            self._clean(identity.clean, at)
        for number, supply in enumerate(table.supplies, 1):
            self._table_supply(supply, table, sheet, f"{where}, supply {number}")

    def _rows_meant(self, rows: Rows, table: Table, sheet: Sheet, where: str) -> None:
        self._entry(rows, sheet, where)
        for name in (*rows.where, *rows.matches):
            self._name(where, name, table)
        for name, pattern in rows.matches.items():
            self._pattern(f"{where}, matches {name}", pattern)

    def _table_counter(self, counter: TableCounter, table: Table, sheet: Sheet, where: str) -> None:
        self._rows_meant(counter, table, sheet, where)
        for name, words in DIMENSIONS.items():
            self._word_or_by(where, name, getattr(counter, name), words, table)
        for column in [counter.value] if isinstance(counter.value, str) else counter.value:
            self._column(where, "value", column, table)
        if counter.label is not None and counter.label.startswith("@"):
            self._column(where, "label", counter.label[1:], table)

    def _table_supply(self, supply: TableSupply, table: Table, sheet: Sheet, where: str) -> None:
        self._rows_meant(supply, table, sheet, where)
        self._key(where, supply.key, table.index)
        self._word_or_by(where, "kind", supply.kind, KINDS, table)
        self._word_or_by(where, "colour", supply.colour, None, table)
        self._word_or_by(where, "unit", supply.unit, SUPPLY_UNITS, table)
        texts = (supply.text,) if isinstance(supply.text, str) else supply.text
        columns = [*texts, supply.level, supply.capacity, supply.part_number, supply.serial]
        columns.append(supply.status.by if supply.status is not None else None)
        for column in columns:
            if isinstance(column, str):
                self._column(where, "supply", column, table)
        if supply.status is not None:
            self._codes(where, supply.status.codes)
        self._codes(where, supply.level_codes)

    # --- words ---------------------------------------------------------------------------------------------------------

    def _word(self, where: str, key: str, word: str, words: Iterable[str]) -> None:
        if word not in words:
            near = get_close_matches(word, list(words), n=1)
            self._fault(where, f"{key}: {word!r} is none of {' '.join(words)}" + (f"; did you mean {near[0]!r}?" if near else ""))

    def _word_or_by(self, where: str, key: str, given: str | By | None, words: Iterable[str] | None, table: Table) -> None:
        if isinstance(given, By):
            self._name(where, given.by, table)
            if not given.codes:
                self._fault(where, f"{key}: no codes")
        chosen = [] if given is None else given.codes.values() if isinstance(given, By) else [given]
        for word in chosen:
            if words is not None:
                self._word(where, key, word, words)

    def _codes(self, where: str, codes: Mapping[str, str]) -> None:
        for code in codes:
            if not code.removeprefix("-").isdigit():
                self._fault(where, f"codes: {code!r} is no whole number")

    def _key(self, where: str, key: str, index: tuple[str, ...]) -> None:
        if not _KEY.fullmatch(key):
            self._fault(where, f"key: want lower case, digits and -, got {key!r}")
        for name in re.findall(r"\{([a-z_]+)\}", key):
            if name not in index:
                self._fault(where, f"key: {name!r} is no part of the index")

    def _source(self, where: str, text: str, records: set[str], sheet: Sheet) -> None:
        record = read_record(text)
        if record is None:
            self._oid(where, text)
        elif record[0] not in records and sheet.inherits is None:
            self._fault(where, f"there are no records {record[0]!r}")

    def _name(self, where: str, name: str, table: Table) -> None:
        if name not in table.columns and name not in table.index:
            self._fault(where, f"{name!r} is neither a column nor part of the index")

    def _column(self, where: str, key: str, name: str, table: Table) -> None:
        if name not in table.columns:
            self._fault(where, f"{key}: there is no column {name!r}")

    def _clean(self, rules: tuple[str, ...], where: str) -> None:
        for rule in rules:
            self._try(f"{where}, clean", cleaning.cleaner, rule)

    def _pattern(self, where: str, pattern: str) -> None:
        try:
            re.compile(pattern)
        except (re.error, OverflowError, RecursionError) as error:
            self._fault(where, f"pattern {pattern!r}: {error}")

    def _oid(self, where: str, text: str) -> None:
        self._try(where, parse, text)

    def _try(self, where: str, function: Callable[[str], object], text: str) -> None:
        try:
            function(text)
        except ValueError as error:
            self._fault(where, str(error))

    def _fault(self, where: str, what: str) -> None:
        self._faults.append(": ".join(filter(None, (self._origin, where, what))))
