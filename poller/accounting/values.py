"""Single values: what a cell means, and how a value is written.

A reader is a dict from text to value that fills itself: counts, words and media repeat by the million in a log, and a look-up in C costs a
tenth of a function call. Each is bounded: a cell with a new text in a full dict is understood all the same, and not remembered.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from typing import Any, Generic, TypeVar

from poller.accounting.dialect import Dialect, Times, zone_named
from poller.accounting.fields import Field
from poller.accounting.names import normal
from poller.accounting.words import FLAGS, MEANINGS, WORDS

T = TypeVar("T")

COUNT_MAX = 2**63 - 1
"""What a database holds as an integer."""
TIME_MAX = 253_402_300_799
"""The last second of the year 9999."""

_REMEMBERED_MAX = 4096
_TEXT_MAX = 40

_FORMS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\d{4}/\d{1,2}/\d{1,2} \d{1,2}:\d{2}:\d{2}"), "%Y/%m/%d %H:%M:%S"),
    (re.compile(r"\d{1,2}/\d{1,2}/\d{2} \d{1,2}:\d{2}:\d{2}"), "%m/%d/%y %H:%M:%S"),
    (re.compile(r"\d{1,2}\.\d{1,2}\.\d{4} \d{1,2}:\d{2}:\d{2}"), "%d.%m.%Y %H:%M:%S"),
)
_WRITTEN: dict[Times, str] = {"slashes": "%Y/%m/%d %H:%M:%S", "us": "%m/%d/%y %H:%M:%S", "german": "%d.%m.%Y %H:%M:%S"}
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:?\d{2})?")


class Meaning(dict[str, T | None], Generic[T]):
    """Text -> value, None for an empty or blank cell. Looking up a text without meaning raises ValueError that says what is wanted."""

    def __init__(self, read: Callable[[str], T | None]) -> None:
        super().__init__({"": None})
        self._of = read

    def __missing__(self, text: str) -> T | None:
        value = None if text.isspace() else self._of(text)
        if len(self) < _REMEMBERED_MAX and len(text) <= _TEXT_MAX:
            self[text] = value
        return value


def read_count(text: str) -> int:
    """Return a whole number from 0; plain digits, no grouping, no sign."""
    text = text.strip()
    if text.isascii() and text.isdigit() and len(text) <= 19 and (value := int(text)) <= COUNT_MAX:
        return value
    raise ValueError("want a whole number from 0")


def read_flag(text: str) -> bool:
    try:
        return FLAGS[normal(text)]
    except KeyError:
        raise ValueError("want Yes or No") from None


def time_reader(zone: tzinfo) -> Callable[[str], int | None]:
    """Return what reads a moment as seconds since 1970, UTC; 0 means that none is set.

    Understood besides seconds: ISO 8601, `YYYY/MM/DD HH:MM:SS`, `MM/DD/YY HH:MM:SS`, `DD.MM.YYYY HH:MM:SS`, in *zone* where they name none.
    The hour that comes twice in autumn is taken as the first.
    """

    def read(text: str) -> int | None:
        text = text.strip()
        if text.isascii() and text.isdigit():
            if len(text) <= 12 and (seconds := int(text)) <= TIME_MAX:
                return seconds or None
            raise ValueError("want a time before the year 10000")
        try:
            moment = parse(text)
            seconds = int((moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC).timestamp())
        except (ValueError, OverflowError):
            raise ValueError("want seconds since 1970, or a date with time") from None
        if seconds < 0:
            raise ValueError("want a time after 1970")
        return seconds or None

    def parse(text: str) -> datetime:
        if _ISO.fullmatch(text):
            return datetime.fromisoformat(text)
        for pattern, form in _FORMS:
            if pattern.fullmatch(text):
                return datetime.strptime(text, form)  # noqa: DTZ007  the caller gives it its zone
        raise ValueError

    return read


def reader(field: Field, dialect: Dialect) -> Meaning[Any]:
    """Return what understands the cells of one field."""
    match field.kind:
        case "count":
            return Meaning(read_count)
        case "flag":
            return Meaning(read_flag)
        case "time":
            return Meaning(time_reader(zone_named(dialect.zone)))
        case "word":
            meanings = {**MEANINGS[field.name], **dialect.meanings().get(field.name, {})}
            return Meaning(lambda text: meanings.get(normal(text), text))
        case "text":
            return Meaning(str.strip if dialect.strips_text else str)


class Wording(dict[Any, str]):
    """Value -> text, "" for None. As `Meaning`, the other way."""

    def __init__(self, write: Callable[[Any], str]) -> None:
        super().__init__({None: ""})
        self._of = write

    def __missing__(self, value: Any) -> str:
        text = self._of(value)
        if len(self) < _REMEMBERED_MAX and len(text) <= _TEXT_MAX:
            self[value] = text
        return text


def time_writer(times: Times, zone: tzinfo) -> Callable[[int], str]:
    """Return what writes seconds since 1970 in one of the forms `time_reader` understands; ISO 8601 with the zone's offset."""
    if times == "epoch":
        return str
    form = _WRITTEN.get(times)

    def write(seconds: int) -> str:
        moment = datetime.fromtimestamp(seconds, zone)
        return moment.isoformat() if form is None else moment.strftime(form)

    return write


def writer(field: Field, dialect: Dialect) -> Wording:
    """Return what writes the values of one field, without quotes."""
    match field.kind:
        case "flag":
            return Wording(lambda value: "Yes" if value else "No")
        case "time":
            return Wording(time_writer(dialect.times, zone_named(dialect.zone)))
        case "word" if field.name == "record_status" and dialect.record_status == "digits":
            digits = {word: str(number) for number, word in enumerate(WORDS[field.name], 1)}
            return Wording(lambda value: digits.get(value, value))
        case "text" | "word":
            return Wording(str)
        case "count":
            return Wording(str)
