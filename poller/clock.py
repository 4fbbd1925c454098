"""The two times there are: the one people read, and the one that only goes forward.

Names of wall-clock values end in `_utc` or `_timestamp_seconds`, of monotonic ones in `_at`; they never meet in arithmetic.
A `Clock` is handed in, so that tests bring their own and never wait.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Where a room gets its time from."""

    def monotonic(self) -> float:
        """Return seconds that never go back; their zero means nothing."""
        ...

    def utc(self) -> datetime:
        """Return the wall-clock time, in UTC, to the millisecond."""
        ...


class SystemClock:
    """The clock of this machine."""

    def monotonic(self) -> float:
        return time.monotonic()

    def utc(self) -> datetime:
        return datetime.fromtimestamp(time.time_ns() // 1_000_000 / 1000, UTC)
