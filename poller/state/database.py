"""A SQLite file that may be lost: written in whole transactions, checked when opened, set aside and begun anew when it is damaged.

One connection, so one thread; the file is held exclusively (a second agent in the same folder is refused at its start). WAL and
synchronous NORMAL: a power cut may undo the last transactions, never half of one. At the start what this host refuses is a HostError, for a
person is there to act; later it is counted, told once in the log, and tried again with the next transaction.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections import Counter as Tally
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import aiosqlite

from poller.clock import Clock
from poller.errors import HostError
from poller.logs import ERROR, INFO, WARNING, emit
from poller.state import files
from poller.storage import connection
from poller.storage.connection import Form, UnusableError

log = logging.getLogger(__name__)

Work = connection.Work[None]


class Database:
    """One file with one schema: `version` is its `user_version`, `schema` the statements that make it in an empty file."""

    def __init__(self, path: Path, clock: Clock, *, schema: Sequence[str], version: int, busy_seconds: float) -> None:
        self.path = path
        self.writes = 0
        self.failures: Tally[str] = Tally()
        """Transactions not stored, by SQLite's name of the error."""
        self.failing: str | None = None
        """What the last transaction failed with, None when it did not."""
        self.write_seconds: float | None = None
        self.written_utc: datetime | None = None
        self._clock, self._busy_seconds = clock, busy_seconds
        self._form = Form(tuple(schema), version, "NORMAL", is_exclusive=True)
        self._db: aiosqlite.Connection | None = None
        self._turn = asyncio.Lock()
        self._is_closed = False

    async def open(self) -> None:
        """Open the file, made where there is none. Raises HostError when this host cannot keep it."""
        files.prepare(self.path)
        try:
            try:
                await self._connect()
            except UnusableError as error:
                await self._begin_anew(error)
        except (sqlite3.Error, OSError) as error:
            raise self._refusal(error) from error

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[aiosqlite.Connection]:
        """Hold the connection for reading; a transaction waits meanwhile.

        An error of SQLite ends the block early and is dealt with here: what was read by then is what there is.
        """
        async with self._turn:
            try:
                assert self._db is not None
                yield self._db
            except sqlite3.Error as error:
                await self._fail(error)

    async def write(self, work: Work) -> bool:
        """Run *work* in one transaction; return whether it is stored. What SQLite or the disk refuse is counted, and told once."""
        assert not self._is_closed
        async with self._turn:
            began_at = self._clock.monotonic()
            try:
                if self._db is None:  # a file could not be begun anew; now it may
                    files.prepare(self.path)
                    await self._connect()
                assert self._db is not None
                await connection.transact(self._db, work)
            except (sqlite3.Error, UnusableError, HostError) as error:
                await self._fail(error)
                return False
            self.writes += 1
            self.written_utc = self._clock.utc()
            self.write_seconds = self._clock.monotonic() - began_at
            if self.failing is not None:
                emit(log, INFO, "state.saving_again", file=str(self.path), failed_with=self.failing)
                self.failing = None
            return True

    async def close(self) -> None:
        """Finish what was begun and close the file. Called again it does nothing."""
        self._is_closed = True
        async with self._turn:
            await self._disconnect()

    async def _connect(self) -> None:
        """Connect, and make the tables in a file that is empty. Raises UnusableError, sqlite3.Error."""
        self._db = await connection.connect(self.path, self._form, busy_seconds=self._busy_seconds)

    async def _begin_anew(self, error: UnusableError) -> None:
        """Set the file aside, say so, and begin an empty one. Raises sqlite3.Error, OSError, HostError."""
        await self._disconnect()
        kept = files.set_aside(self.path, error.word)
        emit(log, ERROR, "state.set_aside", file=str(self.path), kept_as=str(kept), reason=str(error))
        files.prepare(self.path)
        try:
            await self._connect()
        except UnusableError as again:
            raise OSError(f"not even an empty file can be used: {again}") from again

    async def _fail(self, error: sqlite3.Error | UnusableError | HostError) -> None:
        """Count and tell what went wrong, once per kind in a row; a damaged file is replaced."""
        reason = connection.reason_of(error)
        self.failures[reason] += 1
        if self.failing != reason:
            emit(log, WARNING, "state.failed", file=str(self.path), error=reason, reason=str(error))
        self.failing = reason
        if isinstance(error, sqlite3.Error) and connection.is_damage(error):
            error = UnusableError(str(error), word="broken")
        if isinstance(error, UnusableError):
            try:
                await self._begin_anew(error)
            except (sqlite3.Error, OSError, HostError) as again:
                emit(log, ERROR, "state.not_begun_anew", file=str(self.path), reason=str(again))

    async def _disconnect(self) -> None:
        db, self._db = self._db, None
        if db is not None:
            await connection.disconnect(db)

    def _refusal(self, error: sqlite3.Error | OSError) -> HostError:
        if isinstance(error, sqlite3.Error) and connection.is_busy(error):
            return HostError(f"{self.path} is in use", hint="does another agent run here? Give each its own [state] folder")
        hint = 'is there room, and permission to write? Name another folder with [state] folder, or keep nothing with folder = ""'
        return HostError(f"cannot keep {self.path}: {error}", hint=hint)
