"""Settings that came from central, laid over those of the file and the environment: only what this site lets them change.

    {"poll": {"every": "5m"}, "sweep": {"exclude": ["10.1.0.9"]}, "range": [{"name": "hq", "every": "1h"}]}

The document has the sections and keys of our own file, and is judged by the same rules. Laid over means: intervals win over the local ones;
exclusions and masks are added to them, and none of ours is lifted; a `[[range]]` of a known name is changed, one of another name is new,
and so with `[[printer]]` by id; credentials are added. What `[central] accept` does not name, and every file name, is a fault: a set is
taken as a whole or not at all.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, cast

from poller.config.catalogue import section_named, settings_of
from poller.config.kinds import Folder, suggest
from poller.config.kinds import Path as FilePath
from poller.config.sources import Given, Table, Tables
from poller.config.targets import collect_targets

Document = Mapping[str, object]

_INTERVALS = {
    "sweep": ("at", "every"),
    "poll": ("every", "every_busy", "wake_every", "gone_after"),
    "printer": ("id", "every"),
}
_OF_KNOWN_RANGES = {"every": "intervals", "exclude": "exclusions", "credentials": "credentials"}
_OF_NEW_RANGES = ("networks", "exclude", "port", "slow", "ipp", "every", "location")
_ADDED = "exclude"
_ENTRIES_MAX = 1_000


class Received(NamedTuple):
    """One set of settings, by its version. It may hold credentials, so it does not show itself."""

    version: int
    document: Document

    def __repr__(self) -> str:
        return f"<settings {self.version} of central>"


def overlay_received(tables: Tables, received: Received, accept: Collection[str], faults: list[str]) -> None:
    """Put *received* over *tables*, noting in *faults* what it may not change, or what is no setting."""
    _Overlay(tables, received, accept, faults).lay()


class _Overlay:
    def __init__(self, tables: Tables, received: Received, accept: Collection[str], faults: list[str]) -> None:
        self._tables, self._received, self._accept, self._faults = tables, received, accept, faults
        self._origin = f"settings {received.version} of central"

    def lay(self) -> None:
        for name, content in self._received.document.items():
            section = section_named(name)
            if section is None:
                self._note(_short(name), "no such section")
            elif not section.is_list:
                if isinstance(content, dict):
                    self._lay_single(self._tables[name][0], content)
                else:
                    self._note(name, "want a table")
            elif isinstance(content, list) and len(content) <= _ENTRIES_MAX and all(isinstance(entry, dict) for entry in content):
                for number, entry in enumerate(content):
                    self._lay_entry(name, entry, f"{name}[{number}]")
            else:
                self._note(name, f"want a list of at most {_ENTRIES_MAX} tables")

    def _lay_single(self, table: Table, content: Mapping[str, object]) -> None:
        for key, value in self._known(table.section.name, content, table.section.name):
            if not self._may(_word_of(table.section.name, key), f"{table.section.name}.{key}"):
                continue
            if table.section.name == "sweep" and key in _INTERVALS["sweep"]:  # one of both: the other one gives way
                for other in _INTERVALS["sweep"]:
                    if other not in content:
                        table.given.pop(other, None)
            if table.section.name == "privacy":
                self._tighten(table, key, value, f"{table.section.name}.{key}")
            else:
                self._put(table, key, value, f"{table.section.name}.{key}")

    def _lay_entry(self, name: str, entry: Mapping[str, object], where: str) -> None:
        known = dict(self._known(name, entry, where))
        match name:
            case "range":
                self._lay_range(known, where)
            case "printer":
                if self._may("intervals", where):
                    same = (one for one in self._tables[name] if "id" in one.given and one.given["id"].value == known.get("id"))
                    self._fill(next(same, None) or self._add(name), known, where)
            case "credential":
                if self._may("credentials", where):
                    self._fill(self._add(name), known, where)
            case _:
                self._note(where, "not a setting central may change")

    def _lay_range(self, known: Mapping[str, object], where: str) -> None:
        name = known.get("name")
        same = next((one for one in self._tables["range"] if "name" in one.given and one.given["name"].value == name), None)
        if name is None:
            self._note(where, "a range from central has a name")
        elif same is None:
            if self._may("ranges", where):
                table = self._add("range")
                for key, value in known.items():
                    word = "credentials" if key == "credentials" else "ranges" if key in ("name", *_OF_NEW_RANGES) else None
                    if self._may(word, f"{where}.{key}"):
                        self._put(table, key, value, f"{where}.{key}")
        else:
            for key, value in known.items():
                if key != "name" and self._may(_OF_KNOWN_RANGES.get(key), f"{where}.{key}"):
                    self._put(same, key, value, f"{where}.{key}")

    def _known(self, section: str, content: Mapping[str, object], where: str) -> Iterator[tuple[str, object]]:
        """Yield what names a setting; files are none, since they would be ours."""
        kinds = {setting.key: setting.kind for setting in settings_of(section)}
        for key, value in content.items():
            if key not in kinds:
                self._note(f"{where}.{_short(key)}", f"no such setting{suggest(key, list(kinds))}")
            elif isinstance(kinds[key], FilePath | Folder) or _names_a_file(value):
                self._note(f"{where}.{key}", "central names no files of this host")
            else:
                yield key, value

    def _may(self, word: str | None, where: str) -> bool:
        if word is None:
            self._note(where, "not a setting central may change")
        elif word not in self._accept:
            self._note(where, f'not accepted here: "{word}" is not in central.accept')
        return word is not None and word in self._accept

    def _add(self, name: str) -> Table:
        section = section_named(name)
        assert section is not None
        self._tables[name].append(Table(section, len(self._tables[name]), Path(self._origin)))  # where its faults are found
        return self._tables[name][-1]

    def _fill(self, table: Table, values: Mapping[str, object], where: str) -> None:
        for key, value in values.items():
            self._put(table, key, value, f"{where}.{key}")

    def _put(self, table: Table, key: str, value: object, where: str) -> None:
        place = f"{self._origin}: {where}"
        before = table.given.get(key)
        if key == _ADDED and before is not None:
            if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
                self._note(where, "want a list")
                return
            if collect_targets(value, place, Path(), self._faults):  # judged here, where it is still known whose they are
                table.given[key] = before._replace(value=[*_items(before), *value], is_text=False)
            return
        table.given[key] = Given(value, place, self._origin, Path(), is_text=False)

    def _tighten(self, table: Table, key: str, value: object, where: str) -> None:
        """Mask what either side masks. What the site leaves out for its people's sake is not for somebody else to bring back."""
        kind = next(setting.kind for setting in table.settings if setting.key == key)
        before = table.given.get(key)
        try:
            theirs = kind.from_toml(value)
            ours = None if before is None else kind.from_text(str(before.value)) if before.is_text else kind.from_toml(before.value)
        except ValueError as error:
            self._note(where, str(error))
            return
        if before is None or ours in (None, (), "full"):
            self._put(table, key, value, where)
        elif isinstance(ours, tuple):
            table.given[key] = before._replace(value=[*ours, *cast("tuple[str, ...]", theirs)], is_text=False)

    def _note(self, where: str, fault: str) -> None:
        self._faults.append(f"{self._origin}: {where}: {fault}")


def _word_of(section: str, key: str) -> str | None:
    if key in _INTERVALS.get(section, ()):
        return "intervals"
    if (section, key) == ("sweep", _ADDED):
        return "exclusions"
    return "masks" if section == "privacy" else None


def _items(given: Given) -> list[str]:
    if given.is_text:
        return [item for part in cast(str, given.value).split(",") if (item := part.strip())]
    return given.value if isinstance(given.value, list) else []


def _names_a_file(value: object) -> bool:
    """Whether a list has an `@FILE` in it."""
    return isinstance(value, list) and any(isinstance(item, str) and item.lstrip().startswith("@") for item in value)


def _short(text: str) -> str:
    return repr(text[:60])
