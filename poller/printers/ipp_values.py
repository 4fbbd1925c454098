"""Values of IPP attributes as numbers, texts and fields; what is of another type than it should be is None. Pure, and raises nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from poller.ipp.message import Attributes, Value
from poller.printers import levels
from poller.printers.charset import OCTETS_MAX, read_text

ROWS_MAX = 128
"""Values looked at of one attribute: supplies, trays, alerts. The biggest presses have some forty supplies."""

NUMBER_MAX = 2**31 - 1


def first(attributes: Attributes, name: str) -> Value | None:
    return next(iter(attributes.get(name, ())), None)


def first_text(attributes: Attributes, name: str) -> str | None:
    return text_of(first(attributes, name))


def column(attributes: Attributes, name: str, count: int) -> Sequence[Value | None]:
    """Return the values of one of several parallel lists; nothing of one that is of another length."""
    values = attributes.get(name, ())[:ROWS_MAX]
    return values if len(values) == count else [None] * count


def text_of(value: Value | None) -> str | None:
    """Return *value* as printable text on one line, or None; some devices send text as octets."""
    if isinstance(value, str):
        return read_text(value[:OCTETS_MAX].encode())
    return read_text(value) if isinstance(value, bytes) else None


def number_of(value: Value | None) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def count_of(value: Value | None) -> int | None:
    number = number_of(value)
    return number if number is not None and number >= 0 else None


def level_number(number: int | None) -> int | None:
    return number if number is not None and levels.SOME_REMAINING <= number <= NUMBER_MAX else None


def capacity_number(number: int | None) -> int | None:
    return number if number is not None and 0 < number <= NUMBER_MAX else None


def fields_of(value: Value) -> dict[str, str]:
    """Return the fields of a `key=value;` text, keys in lower case; the first of two equal keys counts."""
    fields: dict[str, str] = {}
    for part in (text_of(value) or "").split(";"):
        name, equals, content = part.partition("=")
        if equals and name.strip() and content.strip():
            fields.setdefault(name.strip().lower(), content.strip())
    return fields


def row_number(row: dict[str, str], name: str) -> int | None:
    text = row.get(name, "")
    return int(text) if is_number(text) else None


def is_number(text: str) -> bool:
    return re.fullmatch(r"-?[0-9]{1,10}", text) is not None


def slug(text: str | None) -> str:
    """Return *text* as the words of a key: lower case, joined by hyphens."""
    return "-".join(re.findall(r"\w+", (text or "").lower()))[:48].strip("-")


def unique_keys(names: Iterable[str]) -> list[str]:
    """Return a key for each name, no two alike."""
    keys: dict[str, None] = {}
    for name in names:
        key, number = f"v:{name}", 1
        while key in keys:
            number += 1
            key = f"v:{name}-{number}"
        keys[key] = None
    return list(keys)
