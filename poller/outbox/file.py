"""outbox.db as a file: work is done in transactions that are never left half known, and a damaged file is kept, for what was recorded is
in it.

What goes wrong is an OutboxError: whoever called still has what it wanted to store. A damaged file is set aside under its time and never
deleted by us. When a handful of them stand there, and the next is damaged too, nobody looks and the disk is dying: then no other is begun,
loudly, rather than that a disk fills up with them or one of them goes.
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite

from poller.clock import Clock
from poller.errors import HostError, OutboxError
from poller.outbox.schema import FORM
from poller.storage import connection, files
from poller.storage.connection import UnusableError, Work
from poller.storage.kept import KeptFile, NotDoneError

T = TypeVar("T")

ASIDE_MAX = 5
"""Damaged files beside the one in use."""

_CHECKED_BYTES_MAX = 64 << 20  # checked within a fraction of a second


class OutboxFile(KeptFile):
    """`take_up` is run on every file that is opened, before anything else: the one that was there, and one begun anew."""

    room, recovered, setting = "outbox", "works_again", "[outbox] folder"

    def __init__(self, path: Path, clock: Clock, take_up: Work[None], *, busy_seconds: float) -> None:
        super().__init__(path, clock)
        self._take_up, self._busy_seconds = take_up, busy_seconds

    async def write(self, work: Work[T]) -> T:
        """Return what *work* returns, once it is on the disk. Raises OutboxError when it is not, and then nothing of it is.

        Who is cancelled meanwhile hears of it when that is decided: a disk cannot be interrupted, only left alone with its answer.
        """
        return await self.read(lambda db: connection.transact(db, work))

    async def read(self, work: Work[T]) -> T:
        """Return what *work* returns, which only reads. Raises OutboxError."""
        try:
            return await undisturbed(self._run(lambda db: _try(db, work)))
        except NotDoneError as error:
            raise OutboxError(str(error)) from error

    def count_aside(self) -> int:
        """Return how many damaged files stand beside this one; 0 where that cannot be seen."""
        pattern = re.compile(re.escape(self.path.name) + r"\.(broken|other-version)-[0-9]{8}T[0-9]{6}Z(-[0-9]+)?")
        try:
            return sum(pattern.fullmatch(one.name) is not None for one in self.path.parent.iterdir())
        except OSError:
            return 0

    async def _connect(self) -> aiosqlite.Connection:
        """Connect and take up what is there."""
        files.prepare(self.path, hint=f"let this user write to {self.path.parent}, or name another folder with {self.setting}")
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
        return db

    def _name_aside(self, word: str) -> Path:
        """Return a name with the time in it that no file has."""
        if self.count_aside() >= ASIDE_MAX:
            hint = "see to the disk, and move those away: they hold what was not sent; docs/outbox.md"
            raise HostError(f"{self.path} is damaged, and {ASIDE_MAX} such files are set aside beside it already", hint=hint)
        stem = f"{self.path}.{word}-{self._clock.utc():%Y%m%dT%H%M%SZ}"
        names = (stem, *(f"{stem}-{number}" for number in range(2, ASIDE_MAX + 2)))
        return next(Path(name) for name in names if not Path(name).exists())


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
