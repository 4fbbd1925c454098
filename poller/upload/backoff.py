"""How long to wait before the next try: longer every time, and never the same for two agents. Pure but for the dice it is handed.

Exponential with full jitter: anything between the least and a limit that doubles. When a central comes back after an hour, thousands of
agents are not all there in the same second. What an answer said (`Retry-After`) is waited for, within bounds, with jitter on top.
"""

from __future__ import annotations

import random
from collections.abc import Callable

FIRST_SECONDS, LEAST_SECONDS, MOST_SECONDS = 5.0, 1.0, 900.0
RETRY_AFTER_SECONDS_MAX = 3600.0
_DOUBLINGS_MAX = 16


class Backoff:
    """Counts failures in a row. *dice* gives numbers from 0 up to 1."""

    def __init__(self, *, most_seconds: float = MOST_SECONDS, dice: Callable[[], float] = random.random) -> None:
        self._most_seconds, self._dice = most_seconds, dice
        self.failures = 0

    def succeed(self) -> None:
        self.failures = 0

    def fail(self, *, retry_after_seconds: float | None = None, least_seconds: float = LEAST_SECONDS) -> float:
        """Return the seconds until the next try: what the answer said and up to a quarter more, else a longer one every time."""
        limit_seconds = min(self._most_seconds, FIRST_SECONDS * float(1 << min(self.failures, _DOUBLINGS_MAX)))
        self.failures += 1
        if retry_after_seconds is not None:
            return min(max(retry_after_seconds, least_seconds), RETRY_AFTER_SECONDS_MAX) * (1 + self._dice() / 4)
        limit_seconds = max(limit_seconds, 2 * least_seconds)
        return least_seconds + (limit_seconds - least_seconds) * self._dice()
