"""A SQLite file of ours while it is open: one connection, one turn at a time, set aside and begun anew when it is damaged.

At the start what this host refuses is a HostError, for a person is there to act. Later it is counted, told once in the log for as long as
it lasts, and tried again with the next piece of work. What a file is worth, and so what becomes of one that is set aside and what work gets
to hear, is each room's own: it says so in a class made from this one.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from abc import ABC, abstractmethod
from collections import Counter as Tally
from pathlib import Path
from typing import ClassVar, TypeVar

import aiosqlite

from poller.clock import Clock
from poller.errors import HostError
from poller.logs import ERROR, INFO, WARNING, emit
from poller.storage import connection, files
from poller.storage.connection import UnusableError, Work

log = logging.getLogger(__name__)

T = TypeVar("T")


class NotDoneError(Exception):
    """A piece of work that was undone, or never begun. It is counted and told already; the cause is SQLite's."""


class KeptFile(ABC):
    """`room` begins the events in the log, of which `recovered` is the last one; `setting` names another folder."""

    room: ClassVar[str]
    recovered: ClassVar[str]
    setting: ClassVar[str]

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path = path
        self.generation = 0
        """Rises whenever another file takes the place of this one: what was read before is no more."""
        self.failures: Tally[str] = Tally()
        """Work that was not done, by SQLite's name of the error."""
        self.failing: str | None = None
        """What the last work failed with, None when it did not."""
        self.commit_seconds: float | None = None
        self._clock = clock
        self._db: aiosqlite.Connection | None = None
        self._turn = asyncio.Lock()
        self._is_closed = False

    @abstractmethod
    async def _connect(self) -> aiosqlite.Connection:
        """Return a connection to the file, made where there is none. Raises UnusableError, sqlite3.Error, HostError."""

    @abstractmethod
    def _name_aside(self, word: str) -> Path:
        """Return what a file that is *word* (`broken`, `other-version`) is renamed to. Raises OSError, HostError where it cannot be."""

    async def open(self) -> None:
        """Open the file, made where there is none. Raises HostError when this host cannot keep it."""
        try:
            try:
                self._db = await self._connect()
            except UnusableError as error:
                await self._begin_anew(error)
        except (sqlite3.Error, OSError) as error:
            raise self._refusal(error) from error

    async def close(self) -> None:
        """Finish what was begun and close the file. Called again it does nothing."""
        self._is_closed = True
        async with self._turn:
            await self._disconnect()

    async def _run(self, work: Work[T]) -> T:
        """Return what *work* returns. Raises NotDoneError for what SQLite or the disk refuse."""
        async with self._turn:
            if self._is_closed:
                raise NotDoneError(f"{self.path} is closed")
            began_at = self._clock.monotonic()
            try:
                if self._db is None:  # a file could not be begun anew; now it may
                    self._db = await self._connect()
                result = await work(self._db)
            except (sqlite3.Error, UnusableError, HostError) as error:
                raise await self._fail(error) from error
            self.commit_seconds = self._clock.monotonic() - began_at
            if self.failing is not None:
                emit(log, INFO, f"{self.room}.{self.recovered}", file=str(self.path), failed_with=self.failing)
                self.failing = None
            return result

    async def _begin_anew(self, error: UnusableError) -> None:
        """Set the file aside, say so, and begin an empty one. Raises sqlite3.Error, OSError, HostError."""
        await self._disconnect()
        kept = self._name_aside(error.word)
        files.move(self.path, kept)
        self.generation += 1
        emit(log, ERROR, f"{self.room}.set_aside", file=str(self.path), kept_as=str(kept), reason=str(error))
        try:
            self._db = await self._connect()
        except UnusableError as again:
            raise OSError(f"not even an empty file can be used: {again}") from again

    async def _fail(self, error: sqlite3.Error | UnusableError | HostError) -> NotDoneError:
        """Count and tell what went wrong, once per kind in a row; replace a damaged file. Returns what to raise."""
        reason = connection.reason_of(error)
        self.failures[reason] += 1
        if self.failing != reason:
            emit(log, WARNING, f"{self.room}.failed", file=str(self.path), error=reason, reason=str(error))
        self.failing = reason
        if isinstance(error, sqlite3.Error) and connection.is_damage(error):
            error = UnusableError(str(error), word="broken")
        if isinstance(error, UnusableError):
            try:
                await self._begin_anew(error)
            except (sqlite3.Error, OSError, HostError) as again:
                emit(log, ERROR, f"{self.room}.not_begun_anew", file=str(self.path), reason=str(again))
        return NotDoneError(f"{self.path}: {error}")

    async def _disconnect(self) -> None:
        db, self._db = self._db, None
        if db is not None:
            await connection.disconnect(db)

    def _refusal(self, error: sqlite3.Error | OSError) -> HostError:
        if isinstance(error, sqlite3.Error) and connection.is_busy(error):
            return HostError(f"{self.path} is in use", hint=f"end what holds it, or give each agent its own {self.setting}")
        hint = f"is there room, and permission to write? Name another folder with {self.setting}"
        return HostError(f"cannot keep {self.path}: {error}", hint=hint)
