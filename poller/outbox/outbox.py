"""The outbox: what is recorded stays until central has acknowledged it, whatever breaks in between.

    record ─> line, under the local key ─ seal_next ─> batch, sealed to central ─ settle ─> gone
                 └─> this day of the printer's history                └─ quarantine ─> kept for a person ─ retry ─> batch

Each arrow is one transaction, on the disk when the call returns. Killed at any line, the file is as before it or as after it:

- before `record` returned, the lines may be stored or not; whoever called has them still, and its process is gone too;
- before `seal_next` committed, the lines are lines, and the body was never offered; after it the batch has its number for good, and every
  attempt sends the same bytes;
- before `settle` committed, the batch is sent again, and central says that it has it.

Many calls of `record` share a commit: while one is under way, the next ones gather. So none waits longer than two commits. A call that is
cancelled is decided all the same, and lines it stored are known when they come again: each is stored once.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter as Tally
from collections import deque
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

import aiosqlite

from poller import exposition
from poller.clock import Clock
from poller.engine.handover import Line
from poller.errors import HostError, OutboxError, SealError
from poller.exposition import Sample
from poller.logs import ERROR, INFO, WARNING, emit
from poller.outbox import schema, status
from poller.outbox.control_copy import ControlCopy
from poller.outbox.file import OutboxFile, undisturbed
from poller.outbox.forming import BATCHES_MAX, Formed, Picked, Seal, form, pick
from poller.outbox.room import Room, Thinned
from poller.outbox.rows import Row, fits, make_rows, size_bytes
from poller.outbox.status import BatchStatus, OutboxStatus, Summary, batch_status
from poller.sealing.local_key import LocalKey
from poller.storage.connection import one_number

log = logging.getLogger(__name__)

_GROUP_LINES_MAX = 1_000  # of a commit: some 20 ms
_RECENT_MAX = 10_000
_BUSY_SECONDS = 5.0
_REASON_MAX = 500
_HINT_KEY = "restore the key it was made with; or move the outbox away: then a new one is begun, and nobody can read the old one"

_PUT_LINE = "INSERT INTO line (printer, day, taken_ms, is_turn, body) VALUES (?, ?, ?, ?, ?)"
_PUT_DAY = (
    "INSERT INTO history VALUES (?, ?, ?, ?) ON CONFLICT (day, printer)"
    " DO UPDATE SET taken_ms = excluded.taken_ms, body = excluded.body WHERE excluded.taken_ms >= taken_ms"
)
_WAITING = "SELECT number, body, lines, created_ms, attempts FROM batch WHERE refused_ms IS NULL ORDER BY number LIMIT ?"
_ABOUT = "SELECT value FROM about WHERE name = ?"
_SET_ABOUT = "INSERT OR REPLACE INTO about VALUES (?, ?)"


class Batch(NamedTuple):
    """A sealed batch on its way. `body` never changes; `attempts` are those that failed (`note_trouble`)."""

    number: int
    body: bytes
    lines: int
    created_utc: datetime
    attempts: int


class _Call:
    """One call of `record` on its way to a commit."""

    __slots__ = ("error", "is_over", "rows")

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows, self.is_over = rows, False
        self.error: OutboxError | None = None


class Outbox:
    """Open it with `open`. Implements `Recorder` of the engine; whoever uploads has the rest."""

    def __init__(
        self,
        path: Path,
        key: LocalKey,
        clock: Clock,
        *,
        limit_bytes: int,
        keep_days: int,
        control_copy: ControlCopy | None,
        has_central: bool,
        busy_seconds: float,
    ) -> None:
        self._file = OutboxFile(path, clock, self._take_up, busy_seconds=busy_seconds)
        self._key, self._clock, self._keep_days = key, clock, keep_days
        self._control_copy, self._has_central = control_copy, has_central
        self._room = Room(limit_bytes)
        self._hash_key = b""
        self._calls: deque[_Call] = deque()
        self._committing, self._sealing = asyncio.Lock(), asyncio.Lock()
        self._recent: dict[tuple[str, datetime], None] = {}
        self._lines = 0
        self._summary = Summary()
        self._waiting: tuple[BatchStatus, ...] = ()
        self._quarantined: tuple[BatchStatus, ...] = ()
        self._steps: Tally[str] = Tally()
        self._gone: Tally[str] = Tally()
        self._dropped: Tally[str] = Tally()
        self._refusals = 0
        self._is_refusing = self._is_near = False
        self._tidied_day = 0

    # --- life ----------------------------------------------------------------------------------------------------------

    @classmethod
    async def open(
        cls,
        path: Path,
        key: LocalKey,
        clock: Clock,
        *,
        limit_bytes: int,
        keep_days: int = 400,
        control_copy: ControlCopy | None = None,
        has_central: bool = True,
        busy_seconds: float = _BUSY_SECONDS,
    ) -> Outbox:
        """Return the outbox in the file at *path*, made where there is none, for its user alone; a damaged one is set aside.

        Nothing is recorded that would take more than *limit_bytes*. The history goes back *keep_days*. Without a central nothing waits to
        be sealed: the history is all there is. Raises HostError when this host cannot keep the file, or it was made under another key.
        """
        outbox = cls(
            path,
            key,
            clock,
            limit_bytes=limit_bytes,
            keep_days=keep_days,
            control_copy=control_copy,
            has_central=has_central,
            busy_seconds=busy_seconds,
        )
        await outbox._file.open()
        return outbox

    async def close(self) -> None:
        """Finish what was begun and close the file. Called again it does nothing."""
        await self._file.close()

    async def _take_up(self, db: aiosqlite.Connection) -> None:
        """Read what a file holds that was just opened, or is empty. Raises HostError when it was made under another key."""
        async with db.execute(_ABOUT, (schema.HASH_KEY,)) as cursor:
            row = await cursor.fetchone()
        if row is None:
            self._hash_key = schema.new_hash_key()
            await db.execute(_SET_ABOUT, (schema.HASH_KEY, self._key.seal(self._hash_key, schema.HASH_KEY_PLACE)))
        else:
            self._hash_key = open_hash_key(self._key, row[0], self._file.path)
        self._lines = await one_number(db, status.COUNT_LINES)
        await self._look(db, has_batches=True)

    # --- record --------------------------------------------------------------------------------------------------------

    async def record(self, lines: Sequence[Line]) -> None:
        """Store *lines*, all or none; they are on the disk when this returns.

        Raises OutboxError when they are not: no room on the disk, a damaged file, or the limit. The same lines may come again then, and
        after a cancelled call, stored or not: they are stored once.
        """
        if not lines:
            return
        call = _Call(await asyncio.to_thread(make_rows, [line for line in lines if self._fits(line)], self._key, self._hash_key))
        self._calls.append(call)
        try:
            while not call.is_over:
                async with self._committing:
                    if not call.is_over:
                        await undisturbed(self._commit())
        except asyncio.CancelledError:
            if call in self._calls:  # it waited for its turn
                self._calls.remove(call)
            raise
        if call.error is not None:
            raise OutboxError(str(call.error)) from call.error

    def _next_calls(self) -> list[_Call]:
        """Return whose lines the next commit takes; at least one call, however long."""
        calls = [self._calls.popleft()]
        count = len(calls[0].rows)
        while self._calls and count + len(self._calls[0].rows) <= _GROUP_LINES_MAX:
            calls.append(self._calls.popleft())
            count += len(calls[-1].rows)
        return calls

    async def _commit(self) -> None:
        """Store the lines of the next calls in one transaction, and tell each how it went."""
        calls = self._next_calls()
        error: OutboxError | None = OutboxError(f"{self._file.path}: cut short")  # until it is known to be stored
        try:
            await self._store({row.name: row for call in calls for row in call.rows})
            error = None
        except OutboxError as met:
            error = met
        finally:
            for call in calls:
                call.is_over, call.error = True, error

    async def _store(self, rows: dict[tuple[str, datetime], Row]) -> None:
        fresh = [row for name, row in rows.items() if name not in self._recent]
        if not fresh:
            return
        lines = [row.line for row in fresh] if self._has_central else []
        days = {row.day[:2]: row.day for row in fresh if row.day is not None}  # the last of each printer and day
        today = schema.local_day(self._clock.utc())
        await self._make_room(size_bytes(lines, days.values()), today)
        is_new_day = today != self._tidied_day
        if is_new_day:
            await self._remove_old_copies()

        async def put(db: aiosqlite.Connection) -> None:
            await db.executemany(_PUT_LINE, lines)
            await db.executemany(_PUT_DAY, days.values())
            if is_new_day:
                await db.execute("DELETE FROM history WHERE day <= ?", (today - self._keep_days,))
            await self._look(db, has_batches=False)

        await self._file.write(put)
        self._tidied_day = today
        self._lines += len(lines)
        self._steps["recorded"] += len(fresh)
        self._recent.update(dict.fromkeys(row.name for row in fresh))
        while len(self._recent) > _RECENT_MAX:
            del self._recent[next(iter(self._recent))]
        self._tell_room()

    async def _remove_old_copies(self) -> None:
        """Each goes when its time is over, also while nothing is sealed because central is away."""
        if self._control_copy is not None:
            try:
                await asyncio.to_thread(self._control_copy.remove_old, self._clock.utc())
            except OSError as error:
                emit(log, WARNING, "outbox.copies_stay", folder=str(self._control_copy.folder), reason=str(error.strerror or error))

    def _fits(self, line: Line) -> bool:
        if fits(line):
            return True
        self._dropped["unfit"] += 1
        emit(log, ERROR, "outbox.unfit", printer=line.printer_id, size_bytes=len(line.json))
        return False

    # --- room ----------------------------------------------------------------------------------------------------------

    async def _make_room(self, incoming_bytes: int, today: int) -> None:
        """Thin where room is scarce. Raises OutboxError when there is not enough even so."""
        room = self._room
        if room.is_scarce(incoming_bytes):

            async def thin(db: aiosqlite.Connection) -> Thinned:
                thinned = await room.make(db, incoming_bytes, today)
                await self._look(db, has_batches=False)
                return thinned

            thinned = await self._file.write(thin)
            self._lines -= thinned.lines
            self._gone["reading"] += thinned.lines
            self._gone["day"] += thinned.history
            if thinned.lines or thinned.history:
                emit(log, WARNING, "outbox.thinned", **thinned._asdict(), used_bytes=room.used_bytes, limit_bytes=room.limit_bytes)
        if not room.has(incoming_bytes):
            self._refusals += 1
            if not self._is_refusing:
                emit(log, ERROR, "outbox.full", used_bytes=room.used_bytes, limit_bytes=room.limit_bytes, lines=self._lines)
            self._is_refusing = True
            raise OutboxError(f"{self._file.path} is at its limit, [outbox] limit: {room.limit_bytes} bytes")
        if self._is_refusing:
            emit(log, INFO, "outbox.has_room_again", used_bytes=room.used_bytes, limit_bytes=room.limit_bytes)
        self._is_refusing = False

    def _tell_room(self) -> None:
        if self._room.is_near and not self._is_near:
            emit(log, WARNING, "outbox.near_limit", used_bytes=self._room.used_bytes, limit_bytes=self._room.limit_bytes, lines=self._lines)
        self._is_near = self._room.is_near

    # --- batches -------------------------------------------------------------------------------------------------------

    async def seal_next(self, seal: Seal) -> Batch | None:
        """Make the oldest lines one batch; None when there are none, or four batches wait already.

        *seal* is called in a thread. At most 500 lines, and as many bytes as an envelope takes. Raises OutboxError, and what *seal* raises;
        the lines are then lines still.
        """
        async with self._sealing:
            while True:
                now_utc = self._clock.utc()
                picked = await self._file.read(partial(pick, now_utc=now_utc, generation=self._file.generation))
                if picked is None:
                    return None
                formed = await undisturbed(
                    asyncio.to_thread(form, picked, seal, self._key, control_copy=self._control_copy, now_utc=now_utc)
                )
                batch, gone = await self._file.write(partial(self._put_batch, picked=picked, formed=formed))
                self._lines -= gone
                self._steps["sealed"] += formed.lines
                if formed.unreadable:
                    self._dropped["unreadable"] += formed.unreadable
                    emit(log, ERROR, "outbox.unreadable", file=str(self._file.path), lines=formed.unreadable)
                self._tell_room()
                if batch is not None:
                    return batch

    async def waiting_batches(self) -> list[Batch]:
        """Return the batches to be sent, oldest first, four at most. Raises OutboxError."""

        async def fetch(db: aiosqlite.Connection) -> list[Batch]:
            async with db.execute(_WAITING, (BATCHES_MAX,)) as cursor:
                rows = await cursor.fetchall()
            await self._look(db, has_batches=True)  # `poller outbox retry` may have been here
            return [Batch(number, body, lines, schema.from_ms(created_ms), attempts) for number, body, lines, created_ms, attempts in rows]

        return await self._file.read(fetch)

    async def settle(self, number: int) -> None:
        """Central has batch *number*: delete it. Of one that is gone already nothing is said. Raises OutboxError."""
        lines = await self._change("DELETE FROM batch WHERE number = ? RETURNING lines", (number,))
        self._steps["settled"] += sum(lines)

    async def quarantine(self, number: int, reason: str) -> None:
        """Central refused batch *number*: keep it for a person, and let the others go on. Raises OutboxError."""
        refused = schema.to_ms(self._clock.utc()), reason[:_REASON_MAX], number
        lines = await self._change(
            "UPDATE batch SET refused_ms = ?, trouble = ? WHERE number = ? AND refused_ms IS NULL RETURNING lines", refused
        )
        if lines:
            self._steps["quarantined"] += sum(lines)
            emit(log, ERROR, "outbox.quarantined", batch=number, lines=sum(lines), reason=reason)

    async def note_trouble(self, number: int, reason: str) -> None:
        """An attempt to send batch *number* failed, for *reason*: for `status` to tell. Raises OutboxError."""
        await self._change(
            "UPDATE batch SET attempts = attempts + 1, trouble = ? WHERE number = ? AND refused_ms IS NULL RETURNING lines",
            (reason[:_REASON_MAX], number),
        )

    async def retry(self, number: int | None = None) -> int:
        """Let batch *number*, or all that were refused, be sent again, unchanged; return how many there were. Raises OutboxError."""
        return len(await self._change(RETRY, (number, number)))

    async def _change(self, statement: str, parameters: tuple[object, ...]) -> list[int]:
        """Run one statement about batches; return what it returns of each."""

        async def run(db: aiosqlite.Connection) -> list[int]:
            async with db.execute(statement, parameters) as cursor:
                changed = [row[0] for row in await cursor.fetchall()]
            await self._look(db, has_batches=True)
            return changed

        changed = await self._file.write(run)
        self._tell_room()
        return changed

    async def _put_batch(self, db: aiosqlite.Connection, *, picked: Picked, formed: Formed) -> tuple[Batch | None, int]:
        """Put the batch in the place of its lines; return it, and how many lines went: some may have been thinned meanwhile."""
        if picked.generation != self._file.generation:
            raise OutboxError(f"{self._file.path} is another file than a moment ago")
        gone = (await db.execute("DELETE FROM line WHERE id <= ?", (formed.last_id,))).rowcount  # first: the batch may have their room
        batch = None
        if formed.lines:
            created_ms = schema.to_ms(self._clock.utc())
            await db.execute(
                "INSERT INTO batch (number, lines, created_ms, oldest_ms, body) VALUES (?, ?, ?, ?, ?)",
                (picked.number, formed.lines, created_ms, formed.oldest_ms, formed.body),
            )
            await db.execute(_SET_ABOUT, (schema.NUMBER, picked.number + 1))
            batch = Batch(picked.number, formed.body, formed.lines, schema.from_ms(created_ms), 0)
        await self._look(db, has_batches=True)
        return batch, gone

    # --- how it is -----------------------------------------------------------------------------------------------------

    async def _look(self, db: aiosqlite.Connection, *, has_batches: bool) -> None:
        """Note how things stand, for `status` and `metrics`, which cannot wait for the disk."""
        async with db.execute(status.SUMMARY) as cursor:
            row = await cursor.fetchone()
        assert row is not None
        self._summary = Summary.of(row)
        await self._room.measure(db)
        if has_batches:
            async with db.execute(status.WAITING) as cursor:
                self._waiting = tuple(batch_status(one) for one in await cursor.fetchall())
            async with db.execute(status.QUARANTINED) as cursor:
                self._quarantined = tuple(batch_status(one) for one in await cursor.fetchall())

    def status(self) -> OutboxStatus:
        """Return how things stood after the last transaction."""
        return OutboxStatus(
            file=str(self._file.path),
            lines=self._lines,
            batches=self._waiting,
            quarantined=self._quarantined,
            batches_waiting=self._summary.batches_waiting,
            batches_quarantined=self._summary.batches_quarantined,
            oldest_utc=self._summary.oldest_utc,
            used_bytes=self._room.used_bytes,
            limit_bytes=self._room.limit_bytes,
            thinned=self._summary.thinned,
            history_since=self._summary.history_since,
            failing=self._file.failing,
        )

    def notes(self) -> tuple[str, ...]:
        """Return what a person should know, one sentence each."""
        notes = []
        if self._file.failing is not None:
            notes.append(f"the outbox cannot be written: {self._file.failing}; readings wait in memory")
        if aside := self._file.count_aside():
            notes.append(f"{aside} damaged outbox files are set aside beside {self._file.path}; what waited in them was not sent")
        if self._is_refusing:
            notes.append("the outbox is at its limit: readings wait in memory until central takes some; see [outbox] limit")
        elif self._room.is_near:
            notes.append("the outbox is near its limit: readings of each day are thinned to the first and the last")
        if count := self._summary.batches_quarantined:
            notes.append(f"{count} batches were refused by central; poller outbox status says why")
        return tuple(notes)

    def metrics(self) -> Iterable[Sample]:
        now = self.status()
        yield Sample(exposition.POLLER_OUTBOX_LINES, now.lines)
        yield Sample(exposition.POLLER_OUTBOX_BATCHES, now.batches_waiting, ("waiting",))
        yield Sample(exposition.POLLER_OUTBOX_BATCHES, now.batches_quarantined, ("quarantined",))
        age_seconds = 0.0 if now.oldest_utc is None else (self._clock.utc() - now.oldest_utc).total_seconds()
        yield Sample(exposition.POLLER_OUTBOX_OLDEST_AGE, max(0.0, age_seconds))
        yield Sample(exposition.POLLER_OUTBOX_BYTES, now.used_bytes)
        yield Sample(exposition.POLLER_OUTBOX_LIMIT_BYTES, now.limit_bytes)
        for step in ("recorded", "sealed", "settled", "quarantined"):
            yield Sample(exposition.POLLER_OUTBOX_STEPS, self._steps[step], (step,))
        for what in ("reading", "day"):
            yield Sample(exposition.POLLER_OUTBOX_THINNED, self._gone[what], (what,))
        yield Sample(exposition.POLLER_OUTBOX_REFUSALS, self._refusals)
        for reason in ("unfit", "unreadable"):
            yield Sample(exposition.POLLER_OUTBOX_DROPPED, self._dropped[reason], (reason,))
        for reason, count in sorted(self._file.failures.items()):
            yield Sample(exposition.POLLER_OUTBOX_FAILURES, count, (reason,))
        yield Sample(exposition.POLLER_OUTBOX_SET_ASIDE, self._file.generation)
        if self._file.commit_seconds is not None:
            yield Sample(exposition.POLLER_OUTBOX_COMMIT_DURATION, self._file.commit_seconds)


RETRY = "UPDATE batch SET refused_ms = NULL, trouble = NULL WHERE refused_ms IS NOT NULL AND (? IS NULL OR number = ?) RETURNING number"


def open_hash_key(key: LocalKey, sealed: bytes, path: Path) -> bytes:
    """Return the key of the printers' hashes. Raises HostError when *key* is not the one the file at *path* was made with."""
    try:
        return key.open(sealed, schema.HASH_KEY_PLACE)
    except SealError as error:
        raise HostError(f"{path} was made under another local key: {error}", hint=_HINT_KEY) from error
