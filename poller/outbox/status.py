"""What waits in an outbox and what was refused, as its agent and `poller outbox status` both say it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

import msgspec

from poller.outbox.schema import day_of, from_ms


class _Value(msgspec.Struct, frozen=True, kw_only=True):
    """A frozen value, fields by name only."""


class BatchStatus(_Value, frozen=True, kw_only=True):
    """One batch. `trouble` is why its last attempt did not get through; `refused` why it was, at `refused_utc`, until it is retried."""

    number: int
    lines: int
    size_bytes: int
    created_utc: datetime
    attempts: int
    trouble: str | None = None
    refused: str | None = None
    refused_utc: datetime | None = None


class OutboxStatus(_Value, frozen=True, kw_only=True):
    """`lines` wait to be sealed, `batches` for their receipt, or (`quarantined`) for a person: both are at most `SHOWN_MAX`, oldest first.

    `oldest_utc` is when the oldest reading was taken that waits to get through. `thinned` counts since the file was begun. `failing` is
    what the last transaction failed with, None when it did not.
    """

    file: str
    lines: int
    batches: tuple[BatchStatus, ...]
    quarantined: tuple[BatchStatus, ...]
    batches_waiting: int
    batches_quarantined: int
    oldest_utc: datetime | None
    used_bytes: int
    limit_bytes: int
    thinned: int
    history_since: date | None
    failing: str | None = None


SHOWN_MAX = 100

SUMMARY = (
    "SELECT (SELECT taken_ms FROM line ORDER BY id LIMIT 1),"
    " (SELECT min(oldest_ms) FROM batch WHERE refused_ms IS NULL),"
    " (SELECT count(*) FROM batch WHERE refused_ms IS NULL),"
    " (SELECT count(*) FROM batch WHERE refused_ms IS NOT NULL),"
    " (SELECT min(day) FROM history),"
    " coalesce((SELECT value FROM about WHERE name = 'thinned'), 0)"
)
COUNT_LINES = "SELECT count(*) FROM line"
_BATCH = "SELECT number, lines, length(body), created_ms, attempts, trouble, refused_ms FROM batch WHERE refused_ms IS"
WAITING = f"{_BATCH} NULL ORDER BY number LIMIT {SHOWN_MAX}"
QUARANTINED = f"{_BATCH} NOT NULL ORDER BY number LIMIT {SHOWN_MAX}"


class Summary(_Value, frozen=True, kw_only=True):
    """The row of `SUMMARY`."""

    oldest_utc: datetime | None = None
    batches_waiting: int = 0
    batches_quarantined: int = 0
    history_since: date | None = None
    thinned: int = 0

    @classmethod
    def of(cls, row: Iterable[Any]) -> Summary:
        oldest_line_ms, oldest_batch_ms, waiting, quarantined, day, thinned = row
        oldest_ms = min((one for one in (oldest_line_ms, oldest_batch_ms) if one is not None), default=None)
        return cls(
            oldest_utc=None if oldest_ms is None else from_ms(oldest_ms),
            batches_waiting=waiting,
            batches_quarantined=quarantined,
            history_since=None if day is None else day_of(day),
            thinned=thinned,
        )


def batch_status(row: Iterable[Any]) -> BatchStatus:
    """Return a row of `WAITING` or `QUARANTINED`."""
    number, lines, size_bytes, created_ms, attempts, trouble, refused_ms = row
    is_refused = refused_ms is not None
    return BatchStatus(
        number=number,
        lines=lines,
        size_bytes=size_bytes,
        created_utc=from_ms(created_ms),
        attempts=attempts,
        trouble=None if is_refused else trouble,
        refused=trouble if is_refused else None,
        refused_utc=from_ms(refused_ms) if is_refused else None,
    )
