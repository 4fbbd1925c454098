"""The oldest lines become a batch: picked as many as fit, opened, sealed to central. What is done in the file is the outbox's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

import aiosqlite

from poller.errors import OutboxError, SealError
from poller.outbox import schema
from poller.outbox.control_copy import ControlCopy
from poller.sealing.envelope import LINES_MAX, PLAIN_BYTES_MAX
from poller.sealing.local_key import LocalKey
from poller.storage.connection import one_number

Seal = Callable[[int, Sequence[bytes]], bytes]
"""Returns lines as the body of the batch of that number."""

BATCHES_MAX = 4
"""Sealed and not refused: more are not made while these wait. What is sealed can no longer be thinned, nor read here."""

_SIZES = "SELECT id, length(body) FROM line ORDER BY id LIMIT ?"
_OLDEST = "SELECT id, printer, day, taken_ms, is_turn, body FROM line WHERE id <= ? ORDER BY id"
_NUMBER = "SELECT value FROM about WHERE name = ?"


class Picked(NamedTuple):
    """The oldest lines, to become batch `number`, as rows of file `generation`."""

    number: int
    generation: int
    rows: list[tuple[int, bytes, int, int, int, bytes]]


class Formed(NamedTuple):
    """The batch of what was picked; without lines its body is empty. `unreadable` rows did not open."""

    body: bytes
    lines: int
    oldest_ms: int
    last_id: int
    unreadable: int


async def pick(db: aiosqlite.Connection, *, now_utc: datetime, generation: int) -> Picked | None:
    """Return the oldest lines that fit into a batch, None when there are none or enough batches wait."""
    if await one_number(db, "SELECT count(*) FROM batch WHERE refused_ms IS NULL") >= BATCHES_MAX:
        return None
    async with db.execute(_SIZES, (LINES_MAX,)) as cursor:
        sizes = list(await cursor.fetchall())
    last_id, total_bytes = None, 0
    for line_id, size_bytes in sizes:
        total_bytes += size_bytes  # more than the line and its newline
        if total_bytes > PLAIN_BYTES_MAX:
            break
        last_id = line_id
    if last_id is None:
        return None
    async with db.execute(_OLDEST, (last_id,)) as cursor:
        rows = [tuple(row) for row in await cursor.fetchall()]
    async with db.execute(_NUMBER, (schema.NUMBER,)) as cursor:
        number = await cursor.fetchone()
    # The first number of a file is its time: if this file is lost, the next one's numbers are others. It is taken now, not when the
    # file was made, for nothing is recorded before the clock can be believed.
    return Picked(number[0] if number else schema.to_ms(now_utc), generation, rows)


def form(picked: Picked, seal: Seal, key: LocalKey, *, control_copy: ControlCopy | None, now_utc: datetime) -> Formed:
    """Open the lines, keep the control copy, seal the batch: for a thread. Raises OutboxError, and what *seal* raises."""
    lines, unreadable = [], 0
    for _, printer, day, taken_ms, is_turn, body in picked.rows:
        try:
            lines.append(key.open(body, schema.line_place(printer, day, taken_ms, is_turn)))
        except SealError:
            unreadable += 1
    last_id, oldest_ms = picked.rows[-1][0], min(row[3] for row in picked.rows)
    if not lines:
        return Formed(b"", 0, oldest_ms, last_id, unreadable)
    if control_copy is not None:
        try:
            control_copy.keep(picked.number, lines, now_utc)
        except OSError as error:
            raise OutboxError(f"no control copy in {control_copy.folder}: {error.strerror or error}") from error
    return Formed(seal(picked.number, lines), len(lines), oldest_ms, last_id, unreadable)
