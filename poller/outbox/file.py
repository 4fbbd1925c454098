"""outbox.db as a file: opened, set aside when it is damaged, written in transactions that are never left half known.

One connection, so one thread. What goes wrong is raised as an OutboxError, counted, and told in the log once for as long as it lasts:
whoever called still has what it wanted to store. A damaged file is set aside under its time and never deleted, for what was recorded is in
it.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections import Counter as Tally
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite

from poller.clock import Clock
from poller.errors import HostError, OutboxError
from poller.logs import ERROR, INFO, WARNING, emit
from poller.outbox.schema import FORM
from poller.storage import connection, files
from poller.storage.connection import UnusableError, Work

log = logging.getLogger(__name__)

T = TypeVar("T")

_CHECKED_BYTES_MAX = 64 << 20  # checked within a fraction of a second
_NAMES_MAX = 100  # files set aside within one second


class OutboxFile:
    """`take_up` is run on every file that is opened, before anything else: the one that was there, and one begun anew."""

    def __init__(self, path: Path, clock: Clock, take_up: Work[None], *, busy_seconds: float) -> None:
        self.path = path
        self.generation = 0
        """Rises whenever another file takes the place of this one: what was read before is no more."""
        self.set_aside = 0
        self.failures: Tally[str] = Tally()
        """Transactions that were not stored, by SQLite's name of the error."""
        self.failing: str | None = None
        """What the last transaction failed with, None when it did not."""
        self.commit_seconds: float | None = None
        self._clock, self._take_up, self._busy_seconds = clock, take_up, busy_seconds
        self._db: aiosqlite.Connection | None = None
        self._turn = asyncio.Lock()
        self._is_closed = False

    async def open(self) -> None:
        """Open the file, made where there is none. Raises HostError when this host cannot keep it, or the key is another's."""
        try:
            try:
                await self._connect()
            except UnusableError as error:
                await self._begin_anew(error)
        except (sqlite3.Error, OSError) as error:
            raise self._refusal(error) from error

    async def write(self, work: Work[T]) -> T:
        """Return what *work* returns, once it is on the disk. Raises OutboxError when it is not, and then nothing of it is.

        Who is cancelled meanwhile hears of it when that is decided: a disk cannot be interrupted, only left alone with its answer.
        """
        return await undisturbed(self._run(lambda db: connection.transact(db, work)))

    async def read(self, work: Work[T]) -> T:
        """Return what *work* returns, which only reads. Raises OutboxError."""
        return await undisturbed(self._run(work))

    async def close(self) -> None:
        """Finish what was begun and close the file. Called again it does nothing."""
        self._is_closed = True
        async with self._turn:
            await self._disconnect()

    async def _run(self, work: Work[T]) -> T:
        async with self._turn:
            if self._is_closed:
                raise OutboxError(f"{self.path} is closed")
            began_at = self._clock.monotonic()
            try:
                if self._db is None:  # a file could not be begun anew; now it may
                    await self._connect()
                assert self._db is not None
                result = await _try(self._db, work)
            except (sqlite3.Error, UnusableError, HostError) as error:
                raise await self._fail(error) from error
            self.commit_seconds = self._clock.monotonic() - began_at
            if self.failing is not None:
                emit(log, INFO, "outbox.works_again", file=str(self.path), failed_with=self.failing)
                self.failing = None
            return result

    async def _connect(self) -> None:
        """Connect and take up what is there. Raises UnusableError, sqlite3.Error, HostError."""
        files.prepare(self.path, hint=f"let this user write to {self.path.parent}, or name another folder with [outbox] folder")
        # What was closed properly, and is large, is not read through: its damage is met when it is read.
        is_checked = files.size_bytes(self.path) <= _CHECKED_BYTES_MAX or files.has_log(self.path)
        db = await connection.connect(self.path, FORM, busy_seconds=self._busy_seconds, is_checked=is_checked)
        try:
            await connection.transact(db, self._take_up)
        except sqlite3.Error as error:
            await connection.disconnect(db)
            if connection.is_damage(error):
                raise UnusableError(str(error), word="broken") from error
            raise
        except BaseException:
            await connection.disconnect(db)
            raise
        self._db = db

    async def _begin_anew(self, error: UnusableError) -> None:
        """Set the file aside, say so, and begin an empty one. Raises sqlite3.Error, OSError, HostError."""
        await self._disconnect()
        kept = self._name_aside(error.word)
        files.move(self.path, kept)
        self.generation += 1
        self.set_aside += 1
        emit(log, ERROR, "outbox.set_aside", file=str(self.path), kept_as=str(kept), reason=str(error))
        try:
            await self._connect()
        except UnusableError as again:
            raise OSError(f"not even an empty file can be used: {again}") from again

    def _name_aside(self, word: str) -> Path:
        """Return a name with the time in it that no file has. Raises OSError."""
        stem = f"{self.path}.{word}-{self._clock.utc():%Y%m%dT%H%M%SZ}"
        for name in (stem, *(f"{stem}-{number}" for number in range(2, _NAMES_MAX))):
            if not Path(name).exists():
                return Path(name)
        raise OSError(f"too many files {stem}")

    async def _fail(self, error: sqlite3.Error | UnusableError | HostError) -> OutboxError:
        """Count and tell what went wrong, once per kind in a row; replace a damaged file. Returns what to raise."""
        reason = connection.reason_of(error)
        self.failures[reason] += 1
        if self.failing != reason:
            emit(log, WARNING, "outbox.failed", file=str(self.path), error=reason, reason=str(error))
        self.failing = reason
        if isinstance(error, sqlite3.Error) and connection.is_damage(error):
            error = UnusableError(str(error), word="broken")
        if isinstance(error, UnusableError):
            try:
                await self._begin_anew(error)
            except (sqlite3.Error, OSError, HostError) as again:
                emit(log, ERROR, "outbox.not_begun_anew", file=str(self.path), reason=str(again))
        return OutboxError(f"{self.path}: {error}")

    async def _disconnect(self) -> None:
        db, self._db = self._db, None
        if db is not None:
            await connection.disconnect(db)

    def _refusal(self, error: sqlite3.Error | OSError) -> HostError:
        if isinstance(error, sqlite3.Error) and connection.is_busy(error):
            return HostError(f"{self.path} is in use", hint="end what holds it, or give each agent its own [outbox] folder")
        hint = "is there room, and permission to write? Name another folder with [outbox] folder"
        return HostError(f"cannot keep {self.path}: {error}", hint=hint)


async def _try(db: aiosqlite.Connection, work: Work[T]) -> T:
    """Return what *work* returns; where there is no room for it, empty the log, which gives some megabytes back, and try once more."""
    try:
        return await work(db)
    except sqlite3.Error as error:
        if not connection.is_full(error):
            raise
        await db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return await work(db)


async def undisturbed(work: Coroutine[Any, Any, T]) -> T:
    """Return what *work* returns; a cancellation that comes meanwhile is raised once it is over.

    The one task in this room: nothing of it outlives the call.
    """
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        if not task.cancelled():
            task.exception()  # told in the log already; the canceller waits for nothing else
        raise cancelled
    return task.result()
