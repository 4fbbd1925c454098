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
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import aiosqlite

from poller.clock import Clock
from poller.errors import HostError
from poller.logs import ERROR, INFO, WARNING, emit
from poller.state import files

log = logging.getLogger(__name__)

Work = Callable[[aiosqlite.Connection], Awaitable[None]]

_LOG_BYTES_MAX = 16 << 20  # what the write-ahead log is cut back to after a large transaction

# What SQLite says of a file that is not, or no longer, what we made. We write nothing that a constraint forbids, so that one means an
# index which contradicts its table.
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT, sqlite3.SQLITE_CONSTRAINT}
_CODE = 0xFF  # of an extended result code, the part that is the plain one


class _UnusableError(Exception):
    """The file is none of ours, or damaged; `word` is what it is set aside as."""

    def __init__(self, reason: str, *, word: str) -> None:
        self.word = word
        super().__init__(reason)


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
        self._clock, self._schema, self._version, self._busy_seconds = clock, schema, version, busy_seconds
        self._db: aiosqlite.Connection | None = None
        self._turn = asyncio.Lock()
        self._is_closed = False

    async def open(self) -> None:
        """Open the file, made where there is none. Raises HostError when this host cannot keep it."""
        files.prepare(self.path)
        try:
            try:
                await self._connect()
            except _UnusableError as error:
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
                await _transact(self._db, work)
            except (sqlite3.Error, _UnusableError, HostError) as error:
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
        """Connect, and make the tables in a file that is empty. Raises _UnusableError, sqlite3.Error."""
        self._db = await aiosqlite.connect(self.path, isolation_level=None, timeout=self._busy_seconds)
        try:
            await self._set_up(self._db)
        except sqlite3.Error as error:
            await self._disconnect()
            if _is_damage(error):
                raise _UnusableError(str(error), word="broken") from error
            raise
        except BaseException:
            await self._disconnect()
            raise

    async def _set_up(self, db: aiosqlite.Connection) -> None:
        await db.execute("PRAGMA locking_mode = EXCLUSIVE")  # first: then no memory shared between processes is needed either
        version = await one_number(db, "PRAGMA user_version")
        async with db.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL") as cursor:
            made = {str(sql) for (sql,) in await cursor.fetchall()}
        is_new = version == 0 and not made
        if not is_new and (version != self._version or made != set(self._schema)):
            raise _UnusableError(f"its schema (version {version}) is not version {self._version} of this program's", word="other-version")
        await db.execute("PRAGMA journal_mode = WAL")
        await db.execute("PRAGMA synchronous = NORMAL")
        await db.execute(f"PRAGMA journal_size_limit = {_LOG_BYTES_MAX}")
        await _transact(db, self._make_tables if is_new else _check)

    async def _make_tables(self, db: aiosqlite.Connection) -> None:
        for statement in self._schema:
            await db.execute(statement)
        await db.execute(f"PRAGMA user_version = {self._version}")

    async def _begin_anew(self, error: _UnusableError) -> None:
        """Set the file aside, say so, and begin an empty one. Raises sqlite3.Error, OSError, HostError."""
        await self._disconnect()
        kept = files.set_aside(self.path, error.word)
        emit(log, ERROR, "state.set_aside", file=str(self.path), kept_as=str(kept), reason=str(error))
        files.prepare(self.path)
        try:
            await self._connect()
        except _UnusableError as again:
            raise OSError(f"not even an empty file can be used: {again}") from again

    async def _fail(self, error: sqlite3.Error | _UnusableError | HostError) -> None:
        """Count and tell what went wrong, once per kind in a row; a damaged file is replaced."""
        reason = getattr(error, "sqlite_errorname", type(error).__name__.lstrip("_"))
        self.failures[reason] += 1
        if self.failing != reason:
            emit(log, WARNING, "state.failed", file=str(self.path), error=reason, reason=str(error))
        self.failing = reason
        if isinstance(error, sqlite3.Error) and _is_damage(error):
            error = _UnusableError(str(error), word="broken")
        if isinstance(error, _UnusableError):
            try:
                await self._begin_anew(error)
            except (sqlite3.Error, OSError, HostError) as again:
                emit(log, ERROR, "state.not_begun_anew", file=str(self.path), reason=str(again))

    async def _disconnect(self) -> None:
        db, self._db = self._db, None
        if db is not None:
            try:
                await db.close()
            except sqlite3.Error:
                pass  # closing tries to tidy up; a file that is damaged, or has no room, need not be tidy

    def _refusal(self, error: sqlite3.Error | OSError) -> HostError:
        if isinstance(error, sqlite3.Error) and _code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return HostError(f"{self.path} is in use", hint="does another agent run here? Give each its own [state] folder")
        hint = 'is there room, and permission to write? Name another folder with [state] folder, or keep nothing with folder = ""'
        return HostError(f"cannot keep {self.path}: {error}", hint=hint)


async def one_number(db: aiosqlite.Connection, query: str) -> int:
    """Return the one number that *query* gives."""
    async with db.execute(query) as cursor:
        row = await cursor.fetchone()
    assert row is not None
    return int(row[0])


async def _check(db: aiosqlite.Connection) -> None:
    """Have SQLite look at every page, so that a damaged one is met now. In a transaction: it takes the lock, or is refused now."""
    async with db.execute("PRAGMA quick_check(1)") as cursor:
        row = await cursor.fetchone()
    if row is None or row[0] != "ok":
        raise _UnusableError(str(row[0]) if row else "no answer to a check", word="broken")


async def _transact(db: aiosqlite.Connection, work: Work) -> None:
    """Run *work* between BEGIN and COMMIT; on any error, cancellation too, undo it.

    What was handed to the connection's thread runs even if its awaiter is cancelled; the rollback then runs behind it.
    """
    try:
        await db.execute("BEGIN IMMEDIATE")
        await work(db)
        await db.commit()
    except BaseException:
        await db.rollback()
        raise


def _code(error: sqlite3.Error) -> int:
    """Return the plain result code; 0 for errors of Python's own, which have none."""
    return getattr(error, "sqlite_errorcode", 0) & _CODE


def _is_damage(error: sqlite3.Error) -> bool:
    return _code(error) in _DAMAGE
