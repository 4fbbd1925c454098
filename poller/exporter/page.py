"""The status page: every printer with what it needs, the worst first, and how the agent itself is.

Plain HTML from templates, readable without JavaScript, on a phone and in the dark; nothing comes from elsewhere. What a view shows is
worked out here and only laid out in the template. Pure: entries in, bytes out; a thread may do it.
Display lines and alert texts are not shown: they may name people and documents, and never leave the agent.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from importlib import resources
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from poller.engine.fleet import Entry, Grade
from poller.exporter import wording
from poller.exporter.health import AgentStatus
from poller.model import Counter, Reading, Supply

_PER_PAGE = 50
_BARS_MAX = 12  # of one printer on the overview; a plotter with more has them on its own page
_QUERY_CHARACTERS_MAX = 100

# Controls, and marks that turn the direction of the text around them: a device must not rearrange the page of its neighbours.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


class Asset(NamedTuple):
    """A file beside the pages. Its path names its content, so a browser may keep it for ever."""

    path: str
    body: bytes
    content_type: str


def _asset(name: str, content_type: str) -> Asset:
    body = resources.files("poller.exporter").joinpath("static", name).read_bytes()
    return Asset(f"/static/{hashlib.sha256(body).hexdigest()[:12]}/{name}", body, content_type)


ASSETS = {
    "style": _asset("style.css", "text/css; charset=utf-8"),
    "script": _asset("page.js", "text/javascript; charset=utf-8"),
    "icon": _asset("icon.svg", "image/svg+xml"),
}

SHOWS = {
    "all": "All",
    "stopped": "Stopped",
    "empty": "Empty",
    "low": "Low",
    "silent": "Silent",
}
"""What the overview can be narrowed to, and what that is called."""


class Asked(NamedTuple):
    """What a visitor asked for; anything unusable is the default."""

    words: str = ""
    show: str = "all"
    page: int = 1

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> Asked:
        show, page = query.get("show", "all"), query.get("page", "1")
        is_number = page.isascii() and page.isdigit() and len(page) <= 7
        return cls(
            query.get("q", "").strip()[:_QUERY_CHARACTERS_MAX], show if show in SHOWS else "all", max(1, int(page)) if is_number else 1
        )

    def link(self, **changes: str | int) -> str:
        """Return the address of the overview with *changes*; a change starts at page 1 unless it says otherwise."""
        values = {"q": self.words, "show": self.show, "page": 1, **changes}
        kept = {key: value for key, value in values.items() if value not in ("", "all", 1)}
        return f"/?{urlencode(kept)}" if kept else "/"


class Tile(NamedTuple):
    """One figure of the summary, a link that narrows the list to it."""

    name: str
    printers: int
    link: str
    is_chosen: bool
    css: str


class Row(NamedTuple):
    """One printer on the overview."""

    entry: Entry
    reading: Reading | None
    link: str
    name: str
    css: str
    word: str
    supplies: list[Supply]
    hidden_supplies: int
    troubles: list[str]
    meters: list[Counter]


class Pages:
    """The two views. Holds the compiled templates and nothing else."""

    def __init__(self) -> None:
        self._templates = Environment(
            loader=PackageLoader("poller.exporter"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            finalize=_clean,
        )
        self._templates.filters |= wording.FILTERS
        self._templates.globals["assets"] = ASSETS

    def overview(self, entries: Sequence[Entry], asked: Asked, *, status: AgentStatus, site: str | None, now_utc: datetime) -> bytes:
        """Return the page of the whole fleet, narrowed to what was *asked*, worst first."""
        found = [entry for entry in entries if _matches(entry, asked.words)] if asked.words else entries
        shown = sorted((entry for entry in found if _is_shown(entry, asked.show)), key=_worst_first)
        pages = max(1, -(-len(shown) // _PER_PAGE))
        page = min(asked.page, pages)
        first = (page - 1) * _PER_PAGE
        return self._render(
            "overview.html",
            now=now_utc,
            site=site,
            status=status,
            asked=asked,
            tiles=[
                Tile(name, sum(_is_shown(entry, show) for entry in found), asked.link(show=show), show == asked.show, show)
                for show, name in SHOWS.items()
            ],
            rows=[_row(entry) for entry in shown[first : first + _PER_PAGE]],
            first=first + 1,
            found=len(shown),
            known=len(entries),
            previous=asked.link(page=page - 1) if page > 1 else None,
            following=asked.link(page=page + 1) if page < pages else None,
        )

    def detail(self, entry: Entry, *, site: str | None, now_utc: datetime) -> bytes:
        """Return the page of one printer with everything its reading says."""
        return self._render(
            "printer.html", now=now_utc, site=site, row=_row(entry), api=f"/api/printers/{quote(entry.printer.id, safe='')}"
        )

    def _render(self, template: str, **values: Any) -> bytes:
        return self._templates.get_template(template).render(values).encode("utf-8", "replace")


def _clean(value: Any) -> Any:
    """Make one value of a template harmless before it is escaped; None shows as nothing."""
    if value is None:
        return ""
    if isinstance(value, str) and not isinstance(value, Markup) and _UNSAFE.search(value):
        return _UNSAFE.sub("\ufffd", value)
    return value


def _worst_first(entry: Entry) -> tuple[int, float, str]:
    return (*entry.attention, entry.label)


def _matches(entry: Entry, words: str) -> bool:
    """Whether every one of *words* stands somewhere in what the printer is called, is, or where it is."""
    who = entry.printer
    facts = (who.manufacturer, who.model, who.serial, who.hostname, who.address, who.location, who.range, who.mac, who.id)
    text = "\n".join(fact for fact in facts if fact).casefold()
    return all(word in text for word in words.casefold().split())


def _is_shown(entry: Entry, show: str) -> bool:
    match show:
        case "silent":
            return not entry.is_up
        case "stopped":
            return entry.is_up and entry.grade is Grade.STOPPED
        case "empty":
            return entry.is_up and entry.grade is Grade.EMPTY
        case "low":
            return entry.is_up and entry.grade is Grade.LOW
        case _:
            return True


def _row(entry: Entry) -> Row:
    reading = entry.reading
    supplies = sorted(reading.supplies, key=_supply_order) if reading else []
    css, word = wording.grade(entry)
    return Row(
        entry=entry,
        reading=reading,
        link=f"/printer/{quote(entry.printer.id, safe='')}",
        name=wording.name(entry.printer),
        css=css,
        word=word,
        supplies=supplies[:_BARS_MAX],
        hidden_supplies=max(0, len(supplies) - _BARS_MAX),
        troubles=_troubles(reading) if reading else [],
        meters=_meters(reading) if reading else [],
    )


_KINDS = ("toner", "ink", "solidInk", "ribbon", "labelRoll", "wasteToner", "wasteInk", "drum", "developer")
_COLOURS = ("black", "cyan", "magenta", "yellow")


def _supply_order(supply: Supply) -> tuple[int, int]:
    """Sorts as a technician reads a machine: what prints, in the order of the cartridges, then what collects, then what wears."""
    return (
        _KINDS.index(supply.kind) if supply.kind in _KINDS else len(_KINDS),
        _COLOURS.index(supply.colour) if supply.colour in _COLOURS else len(_COLOURS),
    )


def _troubles(reading: Reading) -> list[str]:
    """Return what the printer complains of, each once: its errors, then its alerts by the part they concern."""
    words: Iterable[str] = (
        *(wording.spaced(error) for error in reading.status.errors),
        *(f"{cover.name or 'Cover'} open" for cover in reading.covers if cover.open),
        *(wording.alert(alert) for alert in reading.alerts),
    )
    return list(dict.fromkeys(words))


def _meters(reading: Reading) -> list[Counter]:
    """Return the billing totals, whole and by colour; of a device that has none, what its engine counted."""
    totals = [counter for counter in reading.counters if counter.function == "total" and counter.size == "all" and counter.sides == "all"]
    return totals or [counter for counter in reading.counters if counter.function in ("other", "print")][:1]
