"""A dialect: how one machine writes its log, where that differs from the canonical form. A TOML file; every setting has the canonical value
unless told.

No public page shows a real file, so the canonical form is a decision (docs/accounting.md), and whatever a press does otherwise is a line
here and not a branch in the code. Reading finds out by itself what can be found out (layout, separator, header, quotes, version); what a
dialect says about these is how to *write*. What both need: zone, further names and words, what version 2 lacks, the columns of a log
without header.
"""

from __future__ import annotations

import codecs
import tomllib
from collections.abc import Callable, Iterator
from datetime import UTC, tzinfo
from functools import cache
from importlib import resources
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from poller.accounting.fields import FIELD_BY_NAME, FIELDS, FINISHING_MAX, MEDIA_MAX, Version
from poller.accounting.names import normal
from poller.accounting.words import WORDS
from poller.errors import ConfigError

Layout = Literal["full", "condensed"]
Delimiter = Literal["comma", "tab", "semicolon", "pipe"]
Quote = Literal["auto", "minimal", "all", "none"]
Times = Literal["epoch", "iso", "slashes", "us", "german"]

DELIMITERS: dict[Delimiter, str] = {"comma": ",", "tab": "\t", "semicolon": ";", "pipe": "|"}
CANONICAL = "docusp-canonical"

_COLUMNS_MIN, _COLUMNS_MAX = 2, 400


class Dialect(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What can be said about a machine's log. `check` finds what is wrong with it."""

    name: str
    source: str = ""
    version: Version | None = None
    """The version of every log of this dialect; else it is recognised."""
    layout: Layout = "full"
    delimiter: Delimiter = "comma"
    quote: Quote = "auto"
    """Reading: `none` takes quotes as letters, `auto` finds out. Writing: `auto` quotes where it must, but never with tabs."""
    header: Literal["english", "german", "none"] = "english"
    encoding: str = "utf-8"
    """What is written, `utf-8-sig` with a byte order mark; read is UTF-8 wherever it is valid, else `legacy`."""
    legacy: str = "iso-8859-15"
    unencodable: Literal["replace", "refuse"] = "replace"
    line_end: Literal["lf", "crlf"] = "lf"
    line_breaks: Literal["keep", "blank"] = "keep"
    """Of a value with a line break in it, when written; with tabs, or without quotes, always a blank."""
    placement: Literal["manual", "appended"] = "manual"
    """Where the fields that version 2 lacks stand: in the manual's order, or behind the other scalar fields."""
    columns: tuple[str, ...] = ()
    """All columns of a log without header, by English name or by attribute; empty: the canonical ones."""
    v2_excludes: frozenset[str] = frozenset()
    """Further fields (attributes of Job) that this machine's version 2 lacks."""
    finishing: int = FINISHING_MAX
    media: int = MEDIA_MAX
    medium_attributes: Literal[5, 10] = 5
    times: Times = "epoch"
    zone: str = "UTC"
    """Of times written without one, such as 15.06.2006 14:00:00."""
    record_status: Literal["words", "digits"] = "words"
    omits_zeros: bool = True
    """Whether the condensed layout leaves out zeros, as it does empty values."""
    strips_text: bool = False
    """Whether blanks around a text are padding."""
    names: dict[str, str] = {}
    """Further column names: as in the file -> attribute of Job."""
    words: dict[str, dict[str, str]] = {}
    """Further words by field: as in the file -> as the manual spells it."""

    @property
    def separator(self) -> str:
        return DELIMITERS[self.delimiter]

    def check(self) -> Iterator[str]:
        """Yield every fault, without the dialect's name."""
        for field, encoding in (("encoding", self.encoding), ("legacy", self.legacy)):
            if not _keeps_ascii(encoding):
                yield f"{field}: {encoding!r} is no encoding that holds ASCII as it is; want utf-8, ascii, iso-8859-15 …"
        if not is_zone(self.zone):
            yield f"zone: {self.zone!r} is no time zone; want a name such as Europe/Berlin"
        if not 0 <= self.finishing <= FINISHING_MAX:
            yield f"finishing: want 0 to {FINISHING_MAX}, got {self.finishing}"
        if not 0 <= self.media <= MEDIA_MAX:
            yield f"media: want 0 to {MEDIA_MAX}, got {self.media}"
        if self.columns and not _COLUMNS_MIN <= len(self.columns) <= _COLUMNS_MAX:
            yield f"columns: want {_COLUMNS_MIN} to {_COLUMNS_MAX}, got {len(self.columns)}"
        if len(self.v2_excludes) > len(FIELDS) - _COLUMNS_MIN:
            yield f"v2_excludes: leaves less than {_COLUMNS_MIN} fields"
        yield from (f"v2_excludes: no such field: {name}" for name in sorted(self.v2_excludes - FIELD_BY_NAME.keys()))
        yield from (f"names.{name}: no such field: {field}" for name, field in self.names.items() if field not in FIELD_BY_NAME)
        for field, words in self.words.items():
            if field not in WORDS:
                yield f"words.{field}: has no fixed words; those that do: {', '.join(WORDS)}"
                continue
            yield from (f"words.{field}.{way}: the manual has no {word!r}" for way, word in words.items() if word not in WORDS[field])
        if self.layout == "condensed" and self.version not in (None, "2"):
            yield "layout: only version 2 has the condensed one"

    def lacks(self, version: Version) -> frozenset[str]:
        """Return the scalar fields this machine's *version* does not have."""
        known = frozenset(field.name for field in FIELDS if field.places[version].belongs == "no")
        return known | self.v2_excludes if version == "2" else known

    def meanings(self) -> dict[str, dict[str, str]]:
        """Return this dialect's own words by field, their ways of writing in normal form."""
        return {field: {normal(way): word for way, word in words.items()} for field, words in self.words.items()}


def parse(text: str, name: str) -> Dialect:
    """Return the dialect a TOML text describes. *name* names it in faults. Raises ConfigError with every fault."""
    try:
        table = tomllib.loads(text)
        dialect = msgspec.convert({"name": name, **table}, Dialect)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ConfigError([f"{name}: {error}"]) from error
    faults = [f"{name}: {fault}" for fault in dialect.check()]
    if faults:
        raise ConfigError(faults)
    return dialect


def names() -> list[str]:
    """Return the names of the dialects that come with the program."""
    return sorted(path.name.removesuffix(".toml") for path in _FOLDER.iterdir() if path.name.endswith(".toml"))


@cache
def load(name: str) -> Dialect:
    """Return a dialect that comes with the program. Raises ConfigError."""
    if name not in names():
        raise ConfigError([f"no dialect {name!r}; there are {', '.join(names())}, or give the path of a .toml file"])
    return parse((_FOLDER / f"{name}.toml").read_text("utf-8"), name)


def zone_named(name: str) -> tzinfo:
    """Return a time zone; UTC needs no database of zones, which a small container may lack. Raises as ZoneInfo does."""
    return UTC if name == "UTC" else ZoneInfo(name)


def is_zone(name: str) -> bool:
    """Whether there is such a time zone here."""
    try:
        zone_named(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _keeps_ascii(encoding: str) -> bool:
    """Whether separators, digits and line ends are the octets we split at. A codec that is not for texts is refused as well."""
    text = "".join(map(chr, range(0x20, 0x7F))) + "\t\r\n"
    encode: Callable[..., bytes] = str.encode
    try:
        codecs.lookup(encoding)
        return encode(text, encoding).removeprefix(codecs.BOM_UTF8) == text.encode("ascii")
    except (LookupError, ValueError):
        return False


_FOLDER = resources.files("poller.accounting") / "dialects"
