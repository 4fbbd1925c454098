"""The settings of a replay: a TOML file with what central keeps in its store. docs/toner-requests.md shows one whole.

Without a file: every device assigned, sites live, approval automatic, every article known, no parcels bundled, no threshold.
An account has the values of the top, a site those of its account, except what it says itself. All faults are found at once.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from poller.central.supplies.policy import Article, Catalogue, Policy
from poller.config.kinds import suggest
from poller.errors import ConfigError

_FILE_BYTES_MAX = 16 << 20
_RULES = ("lead_days", "threshold", "bundle_days", "approval", "state")
_ACCOUNT = ("zone", "quiet_days")
_QUIET_DAYS_MAX = 366
_DAYS = re.compile(r"(\d{4}-\d\d-\d\d)(?:\.\.(\d{4}-\d\d-\d\d))?")


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The policies by account, and by account and site; `top` for all others."""

    top: Policy = Policy()
    accounts: Mapping[str, Policy] = {}
    sites: Mapping[tuple[str, str], Policy] = {}
    catalogue: Catalogue = Catalogue()

    def policy(self, account: str, site: str | None = None) -> Policy:
        if site is not None and (account, site) in self.sites:
            return self.sites[account, site]
        return self.accounts.get(account, self.top)


def load(path: Path) -> Settings:
    """Read a settings file. Raises ConfigError with every fault, OSError where it cannot be read."""
    if path.stat().st_size > _FILE_BYTES_MAX:
        raise ConfigError([f"{path}: larger than {_FILE_BYTES_MAX >> 20} MB"])
    try:
        return parse(path.read_text(encoding="utf-8"), str(path))
    except UnicodeDecodeError as error:
        raise ConfigError([f"{path}: not UTF-8: {error.reason} at byte {error.start}"]) from error


def parse(text: str, place: str) -> Settings:
    """Read the text of a settings file; *place* is what faults begin with."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"{place}: {error}"]) from error
    faults: list[str] = []
    top = _policy(document, Policy(), place, faults, known=(*_RULES, *_ACCOUNT), tables=("account", "article"))
    accounts: dict[str, Policy] = {}
    sites: dict[tuple[str, str], Policy] = {}
    for where, name, table in _named(document, "account", place, faults):
        policy = accounts[name] = _policy(table, top, where, faults, known=("name", *_RULES, *_ACCOUNT), tables=("site",))
        for inner, site, rules in _named(table, "site", where, faults):
            sites[name, site] = _policy(rules, policy, inner, faults, known=("name", *_RULES))
    articles = _articles(document, place, faults)
    if faults:
        raise ConfigError(faults)
    return Settings(top=top, accounts=accounts, sites=sites, catalogue=Catalogue(articles=articles, is_complete=bool(articles)))


def _named(table: Mapping[str, Any], key: str, place: str, faults: list[str]) -> list[tuple[str, str, Mapping[str, Any]]]:
    """Return (place, name, table) of each `[[key]]` in *table* that has a name of its own."""
    rows = table.get(key, [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        faults.append(f"{place}: {key}: want tables, each under [[{key}]]")
        return []
    found: dict[str, tuple[str, str, Mapping[str, Any]]] = {}
    for number, row in enumerate(rows):
        where, name = f"{place}: {key}[{number}]", row.get("name")
        if not isinstance(name, str):
            faults.append(f"{where}.name: want a text")
        elif name in found:
            faults.append(f"{where}.name: {name!r} is there already")
        else:
            found[name] = (where, name, row)
    return list(found.values())


def _policy(
    table: Mapping[str, Any], above: Policy, place: str, faults: list[str], *, known: tuple[str, ...], tables: tuple[str, ...] = ()
) -> Policy:
    """Return *above* with what *table* says."""
    changes: dict[str, Any] = {}
    for key, value in table.items():
        if key in tables or key == "name":
            continue
        try:
            if key not in known:
                raise ValueError(f"no such setting{suggest(key, list(known))}")
            changes |= read_setting(key, value)
        except ValueError as error:
            faults.append(f"{place}: {key}: {error}")
    return msgspec.structs.replace(above, **changes)


def read_setting(key: str, value: object) -> dict[str, Any]:
    """Return one setting as the field of a policy. Raises ValueError(what is wanted)."""
    match key:
        case "lead_days":
            return {"lead_days": _number(value, 0.5, 60)}
        case "threshold":
            return {"threshold": _number(value, 0, 0.9)}
        case "bundle_days":
            return {"bundle_days": _number(value, 0, 60)}
        case "approval":
            return {"approval": _choice(value, "auto", "manual")}
        case "state":
            return {"is_live": _choice(value, "live", "trial") == "live"}
        case "zone":
            return {"zone": _zone(value)}
        case _:
            return {"quiet": _quiet(value)}


def _number(value: object, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ValueError(f"want a number {low:g} to {high:g}, got {value!r}")
    return float(value)


def _choice(value: object, *choices: str) -> str:
    if value not in choices:
        raise ValueError(f"want {' or '.join(map(repr, choices))}, got {value!r}")
    return str(value)


def _zone(value: object) -> ZoneInfo:
    try:
        if isinstance(value, str) and value:
            return ZoneInfo(value)
    except (OSError, ValueError, LookupError):
        pass
    raise ValueError(f"want a time zone such as 'Europe/Berlin', got {value!r}")


def _quiet(value: object) -> frozenset[date]:
    """Read `["2026-12-24..2027-01-01", "2026-05-15"]`."""
    if not isinstance(value, list):
        raise ValueError(f"want a list of days, got {value!r}")
    days: set[date] = set()
    for item in value:
        text = item.isoformat() if isinstance(item, date) else item
        found = _DAYS.fullmatch(text) if isinstance(text, str) else None
        try:
            if found is None:
                raise ValueError
            first = date.fromisoformat(found[1])
            last = date.fromisoformat(found[2]) if found[2] else first
            if not 0 <= (last - first).days <= _QUIET_DAYS_MAX:
                raise ValueError
        except ValueError:
            raise ValueError(f"want days such as '2026-05-15' or '2026-12-24..2027-01-01', got {item!r}") from None
        days |= {date.fromordinal(number) for number in range(first.toordinal(), last.toordinal() + 1)}
    return frozenset(days)


def _articles(document: Mapping[str, Any], place: str, faults: list[str]) -> dict[str, Article]:
    """Return the catalogue; with one article in it, it is taken to be complete."""
    rows = document.get("article", [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        faults.append(f"{place}: article: want tables, each under [[article]]")
        return {}
    articles: dict[str, Article] = {}
    for number, row in enumerate(rows):
        where, part = f"{place}: article[{number}]", row.get("part_number")
        known = ["part_number", "yield_pages", "instead"]
        faults += [f"{where}.{key}: no such setting{suggest(key, known)}" for key in row if key not in known]
        pages, instead = row.get("yield_pages"), row.get("instead", [])
        if not isinstance(part, str) or not part:
            faults.append(f"{where}.part_number: want a text")
            continue
        if pages is not None and (type(pages) is not int or not 1 <= pages <= 10_000_000):
            faults.append(f"{where}.yield_pages: want a whole number 1 to 10000000, got {pages!r}")
            pages = None
        if not isinstance(instead, list) or not all(isinstance(other, str) for other in instead):
            faults.append(f"{where}.instead: want a list of part numbers, got {instead!r}")
            instead = []
        if part in articles:
            faults.append(f"{where}.part_number: {part!r} is there already")
        articles[part] = Article(part_number=part, yield_pages=pages, instead=frozenset(instead))
    return articles
