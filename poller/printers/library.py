"""All profiles this process knows, which of them fit a device, and what an object identifier of theirs is.

Built once, when a program starts: the packaged profiles and those of `[profiles] path`. `current()` is what the rest of the room asks; a
program with a path of its own says `use(…)` before it reads its first device, and nobody changes it afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from importlib import resources
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec

from poller.errors import ConfigError
from poller.printers import mib, profile, profile_file, rules
from poller.printers.profile import Recognise, Sheet
from poller.printers.records import Source
from poller.printers.rules import Profile
from poller.snmp.oid import Oid

_FILES_MAX = 1000
_ANCESTORS_MAX = 8
_OID_IN_TEXT = re.compile(r"\b1(?:\.\d+){5,}")

T = TypeVar("T")


class _Fit(NamedTuple):
    """How well a profile fits: sysObjectID (octets of the longest prefix), with a text; by what answers; by text alone."""

    by_object_id: int
    by_text: bool
    by_answers: bool


class Library:
    """The profiles by name. Immutable."""

    def __init__(self, profiles: Iterable[Profile]) -> None:
        self.profiles = {one.name: one for one in profiles}
        self._exact: dict[Oid, mib.Object] = {}
        self._columns: dict[Oid, mib.Object] = {}
        for one in self.profiles.values():
            for oid in one.instances:
                self._exact.setdefault(oid, mib.Object(f"{one.name} value", Oid(_without_last_arc(oid))))
            for table in one.tables:
                for name, column in table.columns.items():
                    self._columns.setdefault(column, mib.Object(f"{one.name} {table.sheet.name}.{name}", column))
        self._sizes = sorted({len(column) for column in self._columns}, reverse=True)
        self.records = frozenset(
            source.oid for one in self.profiles.values() for source in _sources(one) if source.form is not None
        )  # fmt: skip
        """Instances that hold records: long answers."""

    def place(self, oid: Oid) -> tuple[mib.Object, bytes] | None:
        """Return (object, index) of an OID some profile reads, else None."""
        exact = self._exact.get(oid)
        if exact is not None:
            return exact, oid[len(exact.oid) :]
        for size in self._sizes:
            column = self._columns.get(Oid(oid[:size]))
            if column is not None:
                return column, oid[size:]
        return None

    @cached_property
    def answers(self) -> tuple[tuple[Oid, Profile], ...]:
        """Prefixes by whose answering a profile is known, with the profile."""
        return tuple(
            (profile.prefix(text), one)
            for one in self.profiles.values()
            for way in one.sheet.recognise
            if not way.sys_object_id and way.text is None
            for text in way.answers
        )

    def is_known(self, oid: Oid) -> bool:
        """Say whether some family is known by *oid* answering."""
        return any(oid.startswith(prefix) for prefix, _ in self.answers)

    def recognise(self, object_id: Oid, texts: Sequence[str], answers: Callable[[Oid], bool]) -> tuple[Profile, ...]:
        """Return the profiles that fit a device, the best one first; none where nothing is known of it.

        *object_id* is its sysObjectID, empty where it has none; *texts* are sysDescr and hrDeviceDescr; *answers* says whether anything
        below a prefix is there.
        """
        fits = {one.name: fit for one in self.profiles.values() if (fit := _fit(one.sheet, object_id, texts, answers)) is not None}
        elders = {name for one in fits for name in self.profiles[one].ancestors}
        ranked = sorted((name for name in fits if name not in elders), key=lambda name: fits[name], reverse=True)
        if not ranked:
            return ()
        best = fits[ranked[0]]
        if not best.by_object_id and not best.by_answers:
            return (self.profiles[ranked[0]],)
        return tuple(self.profiles[name] for at, name in enumerate(ranked) if at == 0 or fits[name].by_answers)


def _fit(sheet: Sheet, object_id: Oid, texts: Sequence[str], answers: Callable[[Oid], bool]) -> _Fit | None:
    """Return how *sheet* fits, or None where it does not."""
    best: _Fit | None = None
    is_answering = False
    for way in sheet.recognise:
        fit = _fit_way(way, object_id, texts, answers)
        if fit is not None:
            is_answering = is_answering or (bool(way.answers) and not way.sys_object_id and way.text is None)
            best = fit if best is None or fit > best else best
    return best._replace(by_answers=is_answering) if best is not None else None


def _fit_way(way: Recognise, object_id: Oid, texts: Sequence[str], answers: Callable[[Oid], bool]) -> _Fit | None:
    by_object_id = 0
    if way.sys_object_id:
        by_object_id = max((len(one) for text in way.sys_object_id if object_id.startswith(one := profile.prefix(text))), default=0)
        if not by_object_id:
            return None
    if way.text is not None and not any(_pattern(way.text).search(text) for text in texts):
        return None
    if way.not_text is not None and any(_pattern(way.not_text).search(text) for text in texts):
        return None
    if way.answers and not any(answers(profile.prefix(text)) for text in way.answers):
        return None
    return _Fit(by_object_id, way.text is not None, bool(way.answers))


def load(path: Path | None = None, *, is_experimental: bool = False) -> Library:
    """Return the packaged profiles and those in the folder *path*, which win over packaged ones of the same name.

    Raises ConfigError with every fault of every file.
    """
    sheets, faults = read_sheets(path)
    if faults:
        raise ConfigError(faults)
    made, faults = assemble(sheets, is_experimental=is_experimental)
    if faults:
        raise ConfigError(faults)
    return made


def read_sheets(path: Path | None = None, more: Sequence[Path] = ()) -> tuple[dict[str, Sheet], list[str]]:
    """Return the packaged sheets, those in the folder *path* and the files *more* by name, and every fault in them."""
    sheets: dict[str, Sheet] = {}
    faults: list[str] = []
    packaged = resources.files("poller.printers").joinpath("profiles")
    files: list[tuple[str, Callable[[], bytes]]] = [
        (entry.name, entry.read_bytes) for entry in sorted(packaged.iterdir(), key=lambda entry: entry.name)
    ]
    if path is not None:
        try:
            files += [(str(entry), entry.read_bytes) for entry in sorted(path.iterdir())[:_FILES_MAX]]
        except OSError as error:
            faults.append(f"profiles.path: {path}: {error.strerror}")
    files += [(str(entry), entry.read_bytes) for entry in more]
    for origin, content in files:
        if origin.endswith(".toml"):
            try:
                sheet, found = profile_file.read_profile(content(), origin)
            except OSError as error:
                faults.append(f"{origin}: {error.strerror}")
                continue
            faults += found
            if sheet is not None:
                sheets[sheet.name] = sheet
    return sheets, faults


def assemble(sheets: Mapping[str, Sheet], *, is_experimental: bool = False) -> tuple[Library, list[str]]:
    """Return the library of *sheets*, each with what it inherits, and the faults that only show then."""
    faults: list[str] = []
    made = []
    for sheet in sheets.values():
        if sheet.experimental and not is_experimental:
            continue
        complete, ancestors = _complete(sheet, sheets, faults)
        found = _faults_of(complete)
        faults += found
        if not found:
            made.append(rules.make(complete, ancestors, is_experimental=is_experimental))
    return Library(made), faults


def _complete(sheet: Sheet, sheets: Mapping[str, Sheet], faults: list[str], heirs: tuple[str, ...] = ()) -> tuple[Sheet, frozenset[str]]:
    """Return *sheet* with everything it inherits, and the names of those it inherits from. *heirs* are those that asked for it."""
    if sheet.inherits is None:
        return sheet, frozenset()
    parent = sheets.get(sheet.inherits)
    if parent is None:
        faults.append(f"{sheet.origin}: inherits: there is no profile {sheet.inherits!r}")
        return sheet, frozenset()
    if parent.name in (*heirs, sheet.name) or len(heirs) >= _ANCESTORS_MAX:
        faults.append(f"{sheet.origin}: inherits: in a circle through {parent.name!r}")
        return sheet, frozenset()
    complete, ancestors = _complete(parent, sheets, faults, (*heirs, sheet.name))
    return _merged(sheet, complete), ancestors | {parent.name}


def _merged(heir: Sheet, parent: Sheet) -> Sheet:
    """Return *heir* with what it takes from *parent*, which is complete; the parent's OIDs moved as the heir says."""
    moved = _moved(parent, heir.reroot) if heir.reroot else parent
    own_cells = {(*_cell_of(counter), counter.rank) for counter in heir.counters}
    return msgspec.structs.replace(
        heir,
        manufacturer=heir.manufacturer or parent.manufacturer,
        large=heir.large if heir.large != "unknown" else parent.large,
        ink_models=heir.ink_models if heir.ink_models is not None else parent.ink_models,
        manners=heir.manners if heir.manners is not None else parent.manners,
        identities=(*heir.identities, *moved.identities),
        counters=(*heir.counters, *(one for one in moved.counters if (*_cell_of(one), one.rank) not in own_cells)),
        tables=(*heir.tables, *_others(moved.tables, heir.tables, "name")),
        records=(*heir.records, *_others(moved.records, heir.records, "name")),
        supplies=(*heir.supplies, *_others(moved.supplies, heir.supplies, "key")),
        statuses=(*heir.statuses, *_others(moved.statuses, heir.statuses, "error")),
        displays=heir.displays or moved.displays,
    )


def _others(inherited: tuple[T, ...], own: tuple[T, ...], key: str) -> tuple[T, ...]:
    known = {getattr(one, key) for one in own}
    return tuple(one for one in inherited if getattr(one, key) not in known)


def _cell_of(counter: profile.Counter) -> tuple[str, ...]:
    return counter.function, counter.colour, counter.size, counter.sides, counter.unit


def _moved(sheet: Sheet, roots: Mapping[str, str]) -> Sheet:
    """Return *sheet* with every object identifier in it moved."""

    def move(value: object) -> object:
        if isinstance(value, str):
            return _OID_IN_TEXT.sub(lambda found: profile.reroot(found[0], roots), value)
        if isinstance(value, dict):
            return {key: move(one) for key, one in value.items()}
        return [move(one) for one in value] if isinstance(value, (list, tuple)) else value

    return msgspec.convert(move(msgspec.to_builtins(sheet)), Sheet)


def _faults_of(sheet: Sheet) -> list[str]:
    """Return what is wrong with a complete sheet that its entries do not show one by one."""
    faults = [f"{sheet.origin}: {fault}" for fault in (*_loose_names(sheet), *_circles(sheet), *_double_roles(sheet))]
    if not faults:
        made = rules.make(sheet, frozenset(), is_experimental=True)
        read = [*made.instances, *(column for table in made.tables for column in table.columns.values())]
        prefixes = [text for way in sheet.recognise for text in way.answers]
        empty = [text for text in prefixes if not any(oid.startswith(profile.prefix(text)) for oid in read)]
        faults += [f"{sheet.origin}: recognise: answers: nothing is read below {text}" for text in empty]
    return faults


def _loose_names(sheet: Sheet) -> Iterator[str]:
    """Yield what refers to records or tables that are not there."""
    records = {records.name for records in sheet.records}
    texts: list[str | None] = [counter.value for counter in sheet.counters]
    texts += [profile.read_term(term).what for counter in sheet.counters for term in counter.sum]
    for supply in sheet.supplies:
        texts += [supply.level, supply.text, supply.part_number, supply.serial, supply.status.value if supply.status is not None else None]
        texts.append(supply.capacity if isinstance(supply.capacity, str) else None)
    texts += [status.value for status in sheet.statuses]
    for text in texts:
        found = profile.read_record(text) if text is not None else None
        if found is not None and found[0] not in records:
            yield f"there are no records {found[0]!r}"
    tables = {table.name for table in sheet.tables}
    for table in sheet.tables:
        for name in table.unless:
            if name not in tables:
                yield f"table ({table.name}): unless: there is no table {name!r}"


def _circles(sheet: Sheet) -> Iterator[str]:
    """Yield cells that are sums of themselves."""
    parts: dict[tuple[str, ...], set[tuple[str, ...]]] = {}
    for counter in sheet.counters:
        cells = (profile.read_cell(profile.read_term(term).what, counter.unit) for term in counter.sum)
        parts.setdefault(_cell_of(counter), set()).update(cell for cell in cells if cell is not None)
    for cell in parts:
        below, todo = set[tuple[str, ...]](), list(parts[cell])
        while todo:
            part = todo.pop()
            if part not in below:
                below.add(part)
                todo += parts.get(part, ())
        if cell in below:
            yield f"counter {'/'.join(cell[:2])}: is a sum of itself"


def _double_roles(sheet: Sheet) -> Iterator[str]:
    """Yield columns that are to be read once a day and at every poll."""
    for table in sheet.tables:
        made = rules.Table(table, {name: profile.prefix(oid) for name, oid in table.columns.items()})
        for name in sorted(made.choosing & made.moving):
            yield f"table ({table.name}): column {name!r} both chooses rows and is read at every poll: it can only do one"


def _sources(one: Profile) -> Iterator[Source]:
    for formula in one.formulas:
        yield from (term.what for term in formula.terms if isinstance(term.what, Source))
    for rule in one.supplies:
        yield from rule.sources
    yield from (source for _, source in one.statuses)


def _without_last_arc(oid: Oid) -> Oid:
    end = len(oid) - 1
    while end > 0 and oid[end - 1] >= 0x80:
        end -= 1
    return Oid(oid[:end])


@lru_cache(maxsize=1024)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


class _Current:
    """The library this process uses: the packaged profiles, unless a program said otherwise before it began."""

    library: Library | None = None


def current() -> Library:
    if _Current.library is None:
        _Current.library = load()
    return _Current.library


def use(library: Library) -> None:
    """Use *library* from now on. Said once, before the first device is read: layouts and their plans are remembered."""
    _Current.library = library
