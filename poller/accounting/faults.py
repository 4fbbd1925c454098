"""What is wrong with a log, or remarkable about it: one line, one field, one sentence.

error     the line cannot be read as it stands, and is left out
warning   it was read, and contradicts itself or the manual
info      worth knowing; often has a good reason
"""

from __future__ import annotations

from typing import Literal

import msgspec

Severity = Literal["error", "warning", "info"]
Rule = Literal[
    "value",
    "columns",
    "quotes",
    "length",
    "item",
    "binary",
    "mixed",
    "unknown-columns",
    "not-in-version",
    "condensed",
    "header",
    "encoding",
    "word",
    "container-id",
    "job-id",
    "quantities-low",
    "description-lost",
    "rip-time",
    "rip-interrupt",
    "order",
    "impressions",
    "sheets",
    "wide",
    "ripped",
    "records",
    "copies",
    "colours",
    "media",
    "saved",
    "account",
    "gap",
    "reset",
    "double",
]
"""Stable words to filter by; docs/accounting.md says what each means (a test compares)."""

_VALUE_MAX = 60


class Fault(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag="fault", tag_field="type"):
    """`line` counts from 1 and is 0 for what concerns the whole file; `field` is one of `Job`."""

    line: int
    severity: Severity
    rule: Rule
    text: str
    field: str | None = None


def shown(value: str) -> str:
    """Return a value as a fault's text quotes it: bounded, on one line, escaped."""
    return repr(value) if len(value) <= _VALUE_MAX else f"{value[:_VALUE_MAX]!r} …"
