"""Where values come from: a TOML file, then the environment over it.

Here only names are judged: an unknown section, setting or variable is a fault with a suggestion. What comes out is one value per known
setting, each with the place an operator has to look at.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from poller.config.catalogue import Section
from poller.config.declared import AGENT, Declared
from poller.config.files import TOML_BYTES_MAX, read_text
from poller.config.kinds import suggest
from poller.errors import ConfigError

# What Kubernetes and Docker set by themselves in a container when a service of theirs is called poller or poller-….
_SERVICE_LINK = re.compile(r"(_[A-Z0-9]+)*?_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT_[0-9]+_(TCP|UDP)(_(PROTO|PORT|ADDR))?)")
_NUMBERED = re.compile(r"([A-Z]+)_([0-9]{1,3})_([A-Z_]+)")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


class Given(NamedTuple):
    """A value as it was written. `folder` is where relative file names start; `is_text` when it is the text of a variable."""

    value: object
    place: str
    origin: str
    folder: Path
    is_text: bool


class Table:
    """What was given for one table, by key. `number` counts the tables of a list, `path` is the file read, if any."""

    def __init__(self, section: Section, number: int | None = None, path: Path | None = None, *, of: Declared = AGENT) -> None:
        self.section, self.number, self._path, self._of = section, number, path, of
        self.settings = of.settings_of(section.name)
        self.given: dict[str, Given] = {}

    @property
    def where(self) -> str:
        """Return its path in the file: `sweep`, `range[1]`."""
        return self.section.name if self.number is None else f"{self.section.name}[{self.number}]"

    def place(self, key: str = "") -> str:
        """Return where an operator finds *key*, or would put it: in the file, or in a variable."""
        if key in self.given:
            return self.given[key].place
        if self._path is None or any(given.is_text for given in self.given.values()):
            return next((self._of.variable(setting, self.number) for setting in self.settings if setting.key == key), self.where)
        return f"{self._path}: {self.where}" + (f".{key}" if key else "")


Tables = dict[str, list[Table]]
"""By section; one that is no list has exactly one table."""


def empty_tables(path: Path | None = None, *, of: Declared = AGENT) -> Tables:
    return {section.name: [] if section.is_list else [Table(section, path=path, of=of)] for section in of.sections}


def read_toml(path: Path, faults: list[str], *, of: Declared = AGENT) -> Tables:
    """Return the values of a file, noting what it names that does not exist. Raises ConfigError when it cannot be read at all."""
    try:
        text = read_text(path, bytes_max=TOML_BYTES_MAX)
    except ValueError as error:
        raise ConfigError([str(error)]) from error
    try:
        document = tomllib.loads(text)
    except ValueError as error:
        raise ConfigError([f"{path}: not TOML: {error}"]) from error
    except RecursionError as error:
        raise ConfigError([f"{path}: not TOML: nested too deeply"]) from error

    tables = empty_tables(path, of=of)
    for name, content in document.items():
        section = of.section_named(name)
        if section is None:
            faults.append(f"{path}: {_key(name)}: no such section{_section_hint(name, of)}")
        elif section.is_list:
            if isinstance(content, list) and all(isinstance(entry, dict) for entry in content):
                tables[name] = [Table(section, number, path, of=of) for number in range(len(content))]
                for table, entry in zip(tables[name], content, strict=True):
                    _fill(table, entry, path, faults, of)
            else:
                faults.append(f"{path}: {name}: want {section.header}, with two brackets")
        elif isinstance(content, dict):
            _fill(tables[name][0], content, path, faults, of)
        else:
            faults.append(f"{path}: {name}: want {section.header}, with one bracket")
    return tables


def overlay_environment(tables: Tables, environ: Mapping[str, str], faults: list[str], *, of: Declared = AGENT) -> None:
    """Put the values of the program's variables over those of *tables*. One that is empty counts as not set."""
    single = {of.variable(setting): setting for setting in of.settings if not _section(setting.section, of).is_list}
    numbered: list[tuple[int, str, str, str]] = []
    for name in sorted(environ):
        if not name.startswith(of.prefix) or name in of.others:
            continue
        match = _NUMBERED.fullmatch(name, len(of.prefix))
        if name in single:
            if environ[name]:
                setting = single[name]
                _put(tables[setting.section][0], setting.key, environ[name], name)
        elif match and any(
            match[1].lower() == s.section and match[3].lower() == s.key and _section(s.section, of).is_list for s in of.settings
        ):
            if environ[name]:
                numbered.append((int(match[2]), match[1].lower(), match[3].lower(), name))
        elif not _is_service_link(name[len(of.prefix) - 1 :], environ[name]):
            faults.append(f"{name}: no such setting{_variable_hint(name, tuple(single), of)}")

    for number, section, key, name in sorted(numbered):
        if number > len(tables[section]):
            faults.append(f"{name}: there is no {section} {len(tables[section])}; number them from 0, without a gap")
            continue
        if number == len(tables[section]):
            tables[section].append(Table(_section(section, of), number, of=of))
        _put(tables[section][number], key, environ[name], name)


def _fill(table: Table, content: Mapping[str, object], path: Path, faults: list[str], of: Declared) -> None:
    """Take the values of one table whose keys exist, noting the others."""
    keys = tuple(setting.key for setting in table.settings)
    for key, value in content.items():
        if key in keys:
            table.given[key] = Given(value, f"{path}: {table.where}.{key}", str(path), path.parent, is_text=False)
            continue
        hint = suggest(key, keys)
        if not hint:
            homes = [_section(setting.section, of).header for setting in of.settings if setting.key == key]
            hint = f"; it belongs to {homes[0]}" if homes else f"; {table.section.header} has {', '.join(keys)}"
        faults.append(f"{path}: {table.where}.{_key(key)}: no such setting{hint}")


def _put(table: Table, key: str, text: str, name: str) -> None:
    """Set one value from the environment. A secret given there in one way replaces the other way of the file."""
    other = key.removesuffix("_file") if key.endswith("_file") else f"{key}_file"
    if other in table.given and not table.given[other].is_text:
        del table.given[other]
    table.given[key] = Given(text, name, name, Path(), is_text=True)


def _section(name: str, of: Declared) -> Section:
    section = of.section_named(name)
    assert section is not None, f"the catalogue names a section [{name}] it does not have"
    return section


def _section_hint(name: str, of: Declared) -> str:
    homes = [setting for setting in of.settings if setting.key == name]
    if homes:
        return f"; {name} belongs to {_section(homes[0].section, of).header}"
    names = tuple(section.name for section in of.sections)
    return suggest(name, names) or f"; there are {', '.join(names)}"


def _variable_hint(name: str, single: tuple[str, ...], of: Declared) -> str:
    number = re.search(r"_([0-9]{1,3})_", name)
    numbered = tuple(of.variable(setting, number[1] if number else 0) for setting in of.settings if _section(setting.section, of).is_list)
    return suggest(name, single + numbered) or f"; {of.page} lists them all"


def _is_service_link(name: str, value: str) -> bool:
    return _SERVICE_LINK.fullmatch(name) is not None or (name.endswith("_PORT") and value.startswith(("tcp://", "udp://")))


def _key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else repr(key)
