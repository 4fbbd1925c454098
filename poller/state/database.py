"""state.db as a file that may be lost: what is set aside is for a curious person alone, so of that the last few are kept.

The file is held exclusively (a second agent in the same folder is refused at its start). WAL and synchronous NORMAL: a power cut may undo
the last transactions, never half of one.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import aiosqlite

from poller.clock import Clock
from poller.storage import connection, files
from poller.storage.connection import Form
from poller.storage.kept import KeptFile, NotDoneError

Work = connection.Work[None]

_KEPT_MAX = 3  # files set aside; the oldest goes when there are more


class Database(KeptFile):
    """One file with one schema: `version` is its `user_version`, `schema` the statements that make it in an empty file."""

    room, recovered, setting = "state", "saving_again", '[state] folder, or keep nothing with folder = ""'

    def __init__(self, path: Path, clock: Clock, *, schema: Sequence[str], version: int, busy_seconds: float) -> None:
        super().__init__(path, clock)
        self.writes = 0
        self.written_utc: datetime | None = None
        self._busy_seconds = busy_seconds
        self._form = Form(tuple(schema), version, "NORMAL", is_exclusive=True)

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
        try:
            await self._run(lambda db: connection.transact(db, work))
        except NotDoneError:
            return False
        self.writes += 1
        self.written_utc = self._clock.utc()
        return True

    async def _connect(self) -> aiosqlite.Connection:
        files.prepare(self.path, hint=f"let this user write to {self.path.parent}, name another with {self.setting}")
        return await connection.connect(self.path, self._form, busy_seconds=self._busy_seconds)

    def _name_aside(self, word: str) -> Path:
        """Return `<name>.<word>-<n>`, and delete the oldest of these beyond the last few."""
        pattern = re.compile(re.escape(f"{self.path.name}.{word}-") + "([0-9]{1,9})")
        earlier = sorted(int(match[1]) for other in self.path.parent.iterdir() if (match := pattern.fullmatch(other.name)))
        for old in earlier[: max(0, len(earlier) + 1 - _KEPT_MAX)]:
            files.remove(Path(f"{self.path}.{word}-{old}"))
        return Path(f"{self.path}.{word}-{earlier[-1] + 1 if earlier else 1}")
