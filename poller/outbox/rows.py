"""Lines as the database takes them: sealed under the local key, each bound to the rest of its row."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from poller.engine.handover import Line
from poller.engine.notable import Reason
from poller.outbox import schema
from poller.outbox.history import pack_day
from poller.sealing.envelope import PLAIN_BYTES_MAX
from poller.sealing.local_key import LocalKey

_SEALED_BYTES = 33  # what the local key adds
_ROW_BYTES = 300  # of a line and its day beside their bodies: columns, and their places in the indexes
_TURNS = frozenset({Reason.IDENTITY, Reason.COUNTER_FELL})

LineRow = tuple[bytes, int, int, int, bytes]
"""printer, day, taken_ms, is_turn, body"""
DayRow = tuple[int, bytes, int, bytes]
"""day, printer, taken_ms, body"""


class Row(NamedTuple):
    """A line as the database takes it, and what it makes of its printer's day; None for a line that is no reading."""

    name: tuple[str, datetime]
    line: LineRow
    day: DayRow | None


def fits(line: Line) -> bool:
    """Whether *line* fits into a batch at all; one that never could must not hold up the others for ever."""
    return bool(line.json) and len(line.json) + _SEALED_BYTES <= PLAIN_BYTES_MAX and b"\n" not in line.json


def make_rows(lines: Sequence[Line], key: LocalKey, hash_key: bytes) -> list[Row]:
    """Return *lines* sealed, as rows. Takes some 20 µs a line: for a thread, and before any transaction waits for it."""
    rows = []
    for line in lines:
        printer, taken_ms = schema.printer_hash(line.printer_id, hash_key), schema.to_ms(line.taken_at)
        day, is_turn = schema.local_day(line.taken_at), int(line.reason in _TURNS)
        body = key.seal(line.json, schema.line_place(printer, day, taken_ms, is_turn))
        of_day = None
        if (packed := pack_day(line.json)) is not None:
            of_day = day, printer, taken_ms, key.seal(packed, schema.day_place(day, printer, taken_ms))
        rows.append(Row((line.printer_id, line.taken_at), (printer, day, taken_ms, is_turn, body), of_day))
    return rows


def size_bytes(lines: Sequence[LineRow], days: Collection[DayRow]) -> int:
    """Return what *lines* and *days* take in the file at most: bodies of lines in whole pages, days in pages two thirds full."""
    page_bytes = schema.FORM.page_bytes
    bodies = sum(-(-len(line[-1]) // page_bytes) * page_bytes for line in lines)
    return bodies + sum(len(day[-1]) * 3 // 2 for day in days) + _ROW_BYTES * (len(lines) + len(days)) + 2 * page_bytes
