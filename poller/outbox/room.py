"""What happens near the limit: old days of the history go, then readings nobody has sealed yet are thinned; at it, nothing is taken.

Thinning leaves, for each printer and day (of this host's time zone), the first reading and the last; and around every *turn* (a counter
fell, the printer became another one) the reading before and the one after it. These are the meters a bill can depend on: from them follows
what was printed each day, across a new board too. What is lost is the course of a day. What is sealed is never touched: it may be on its
way.
"""

from __future__ import annotations

from typing import NamedTuple

import aiosqlite

from poller.outbox.schema import THINNED
from poller.storage.connection import one_number

NEAR_RATIO = 0.8
"""Of the limit; from here on there is thinning."""
_STEP_RATIO = 0.04  # of the limit: thinned again only when so much has come since, for it reads every line
_DAYS_KEPT = 31  # of the history, as long as thinning helps: a month

USED = (
    "SELECT (SELECT page_count FROM pragma_page_count()) * (SELECT page_size FROM pragma_page_size())"
    " - (SELECT freelist_count FROM pragma_freelist_count()) * (SELECT page_size FROM pragma_page_size())"
)
_THIN = (
    "DELETE FROM line WHERE id IN (SELECT id FROM ("
    " SELECT id, is_turn, row_number() OVER theirs AS place, lead(is_turn) OVER theirs AS is_next_turn"
    " FROM line WINDOW theirs AS (PARTITION BY printer, day ORDER BY taken_ms, id)"
    ") WHERE place > 1 AND NOT is_turn AND is_next_turn = 0"  # the last one has no next: NULL
    " AND id < (SELECT max(id) FROM line))"  # so that no id is given twice while a batch is sealed, which then deletes up to an id
)
_ADD_THINNED = "INSERT INTO about VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + excluded.value"
_OLDEST_DAY = "SELECT min(day) FROM history"


class Thinned(NamedTuple):
    """What went to make room: so many readings, so many rows of the history (one is a printer's day), of the days before `days_before`."""

    lines: int = 0
    history: int = 0
    days_before: int | None = None


class Room:
    """Knows the limit, and how much of it is in use: `used_bytes` is what the last transaction left."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.used_bytes = 0
        self._thin_at_bytes = self._near_bytes

    @property
    def _near_bytes(self) -> int:
        return int(self.limit_bytes * NEAR_RATIO)

    @property
    def is_near(self) -> bool:
        return self.used_bytes > self._near_bytes

    def is_scarce(self, incoming_bytes: int) -> bool:
        """Whether something should go before so much is taken."""
        return self.used_bytes + incoming_bytes > min(self._thin_at_bytes, self.limit_bytes)

    def has(self, incoming_bytes: int) -> bool:
        """Whether so much may be taken."""
        return self.used_bytes + incoming_bytes <= self.limit_bytes

    async def measure(self, db: aiosqlite.Connection) -> None:
        self.used_bytes = await one_number(db, USED)
        if not self.is_near:
            self._thin_at_bytes = self._near_bytes

    async def make(self, db: aiosqlite.Connection, incoming_bytes: int, today: int) -> Thinned:
        """Drop what is old of the history; where that is not enough thin, and at the limit drop the rest of it, up to yesterday."""
        history, days_before = await self._drop_days(db, self._near_bytes - incoming_bytes, today - _DAYS_KEPT)
        lines = 0
        if self.is_scarce(incoming_bytes):
            cursor = await db.execute(_THIN)
            lines = cursor.rowcount
            if lines:
                await db.execute(_ADD_THINNED, (THINNED, lines))
            await self.measure(db)
            self._thin_at_bytes = max(self._near_bytes, self.used_bytes + int(self.limit_bytes * _STEP_RATIO))
        if not self.has(incoming_bytes):
            more, more_before = await self._drop_days(db, self.limit_bytes - incoming_bytes, today)
            history, days_before = history + more, more_before or days_before
        return Thinned(lines, history, days_before)

    async def _drop_days(self, db: aiosqlite.Connection, wanted_bytes: int, end_day: int) -> tuple[int, int | None]:
        """Drop days of the history, oldest first, until no more than *wanted_bytes* are in use, or all before *end_day* are gone.

        Returns how many rows that were, and before which day nothing is left.
        """
        rows, days_before = 0, None
        while self.used_bytes > wanted_bytes:
            async with db.execute(_OLDEST_DAY) as days:
                row = await days.fetchone()
            if row is None or row[0] is None or row[0] >= end_day:
                break
            days_before = int(row[0]) + 1
            cursor = await db.execute("DELETE FROM history WHERE day < ?", (days_before,))
            rows += cursor.rowcount
            await self.measure(db)
        return rows, days_before
