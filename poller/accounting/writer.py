"""Writes jobs as a DocuSP log, in any version and dialect. What is read from a canonical log is written back octet by octet.

Columns nobody knows come behind the known ones, in the order they had. What a version has no place for is left out; `convert` counts it.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Sequence
from functools import partial
from operator import call, itemgetter
from typing import Any

import msgspec

from poller.accounting.columns import ATTRIBUTES, FINISHING_AT, MEDIA_AT, SLOTS, slots_of
from poller.accounting.dialect import Dialect
from poller.accounting.fields import FINISHING_MAX, MEDIA_MAX, Version
from poller.accounting.job import NO_MEDIUM, Job, Medium
from poller.accounting.plan import COLUMNS_MAX
from poller.accounting.values import Wording, writer
from poller.errors import ConfigError

_NO_MEDIUM_VALUES = (None,) * ATTRIBUTES
_LINE_BREAKS = re.compile(r"[\r\n]+")
_FORMULA = re.compile(r"[=+\-@\t\r]")


class UnencodableError(ConfigError):
    """A text has a letter the dialect's encoding has not, and the dialect refuses to replace it."""


class Writer:
    """Turns jobs into lines.

    With *zeros* counts the jobs' own version did not have (a set of field names) are written as 0 where they are None. With
    *is_spreadsheet* a text a spreadsheet would take for a formula gets an apostrophe in front; such a log does not read back as it was.
    Raises ConfigError for a layout the version does not have, UnencodableError when writing.
    """

    def __init__(
        self,
        version: Version,
        dialect: Dialect,
        *,
        extra_columns: Sequence[str] = (),
        zeros: frozenset[str] = frozenset(),
        is_spreadsheet: bool = False,
    ) -> None:
        if dialect.layout == "condensed" and version != "2":
            raise ConfigError([f"version {version} has no condensed layout; only version 2 has"])
        if len(extra_columns) > COLUMNS_MAX:
            raise ConfigError([f"{len(extra_columns)} columns nobody knows; at most {COLUMNS_MAX} are kept"])
        self.version, self.dialect, self.extra_columns = version, dialect, tuple(extra_columns)
        self._separator = dialect.separator
        self._is_condensed = dialect.layout == "condensed"
        self._slots = slots_of(version, dialect)
        self._can_quote = dialect.quote in ("minimal", "all") or (dialect.quote == "auto" and dialect.delimiter != "tab")
        self._keeps_breaks = self._can_quote and dialect.line_breaks == "keep"
        self._special = re.compile(f'[{re.escape(self._separator)}"\r\n]')
        self._line_end = "\r\n" if dialect.line_end == "crlf" else "\n"
        self._mark = codecs.BOM_UTF8 if codecs.lookup(dialect.encoding).name == "utf-8-sig" else b""
        self._encoding = "utf-8" if self._mark else dialect.encoding
        self._errors = "replace" if dialect.unencodable == "replace" else "strict"
        zero = ("", "0") if dialect.omits_zeros else ("",)
        self._item_names = [(f"{SLOTS[at].english}=", zero if SLOTS[at].field.kind == "count" else ("",)) for at in self._slots]
        self._write = self._wordings(zeros, is_spreadsheet)
        self._guard: Callable[[str], str] = guard if is_spreadsheet else str
        self._values = itemgetter(*self._slots)

    def header(self) -> bytes:
        """Return what comes before the first job: a byte order mark if the encoding has one, then the names of the columns if there are
        any.
        """
        if self._is_condensed or self.dialect.header == "none":
            return self._mark
        is_german = self.dialect.header == "german"
        names = [SLOTS[at].german if is_german else SLOTS[at].english for at in self._slots]
        return self._mark + self._line([*names, *self.extra_columns])

    def line(self, job: Job) -> bytes:
        """Return a job as a line."""
        texts = [*map(call, self._write, self._values(flat(job)))]
        if self._is_condensed:
            return self._line(self._items(job, texts))
        if self.extra_columns:
            extra = dict(job.extra)
            texts += [self._guard(extra.get(name, "")) for name in self.extra_columns]
        return self._line(texts)

    def _items(self, job: Job, texts: list[str]) -> list[str]:
        """Return Name=Value items. Zeros are left out, as the manual says of this layout, unless the dialect keeps them."""
        items = [f"{name}{text}" for (name, empty), text in zip(self._item_names, texts, strict=True) if text not in empty]
        return [*items, *(f"{name}={self._guard(text)}" for name, text in job.extra)]

    def _wordings(self, zeros: frozenset[str], is_spreadsheet: bool) -> list[Callable[[Any], str]]:
        """Return what writes the value of each column."""
        found: list[Callable[[Any], str]] = []
        for at in self._slots:
            field = SLOTS[at].field
            wording = writer(field, self.dialect)
            if at < FINISHING_AT and field.kind == "count" and field.name in zeros:
                wording[None] = "0"
            if is_spreadsheet and field.kind in ("text", "word"):
                wording = Wording(partial(_guarded, wording))
            found.append(wording.__getitem__)
        return found

    def _line(self, texts: list[str]) -> bytes:
        separator = self._separator
        line = separator.join(texts)
        if self.dialect.quote == "all":
            line = separator.join(map(quoted, map(self._unbroken, texts)))
        elif line.count(separator) >= len(texts) or '"' in line or "\n" in line or "\r" in line:
            line = separator.join(map(self._cell, texts))
        return (line + self._line_end).encode(self._encoding, self._errors) if self._errors == "replace" else self._strict(line)

    def _strict(self, line: str) -> bytes:
        try:
            return (line + self._line_end).encode(self._encoding)
        except UnicodeEncodeError as error:
            letter = line[error.start : error.end]
            raise UnencodableError([f"{letter!a} cannot be written in {self._encoding}; replace it or choose utf-8"]) from error

    def _cell(self, text: str) -> str:
        """Return a text as a cell: in quotes where it must be; without quotes, what would cut the line becomes a blank."""
        if not self._special.search(text):
            return text
        text = self._unbroken(text)
        if self._can_quote:
            return quoted(text) if self._special.search(text) else text
        return text.replace(self._separator, " ")

    def _unbroken(self, text: str) -> str:
        return text if self._keeps_breaks else _LINE_BREAKS.sub(" ", text)


def quoted(text: str) -> str:
    """Return a text in quotes, RFC 4180 section 2."""
    doubled = text.replace('"', '""')
    return f'"{doubled}"'


def guard(text: str) -> str:
    """Return a text so that no spreadsheet calculates it: what begins like a formula gets an apostrophe in front."""
    return f"'{text}" if _FORMULA.match(text) else text


def _guarded(wording: Wording, value: Any) -> str:
    return guard(wording[value])


def flat(job: Job) -> tuple[Any, ...]:
    """Return the values of a job by slot."""
    *scalars, finishing, media, _ = msgspec.structs.astuple(job)
    places: list[Any] = [*scalars, *finishing, *(None,) * (FINISHING_MAX - len(finishing))]
    for medium in media:
        places += _NO_MEDIUM_VALUES if medium is NO_MEDIUM else _attributes(medium)
    places += _NO_MEDIUM_VALUES * (MEDIA_MAX - len(media))
    return tuple(places)


def _attributes(medium: Medium) -> tuple[Any, ...]:
    return msgspec.structs.astuple(medium)


assert len(flat(Job())) == MEDIA_AT + MEDIA_MAX * ATTRIBUTES == len(SLOTS)
