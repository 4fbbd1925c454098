"""Who is due next: a heap of times, nothing else. Pure; the caller brings the clock.

First polls are spread over a whole interval, later ones stay where they fell, with a little jitter so that devices which came in step
(a sweep finds hundreds within a second) drift apart.
"""

from __future__ import annotations

import heapq
import random

_JITTER = 0.05
_BACK_OFF_MAX = 8  # a silent device is asked every 8th interval at the least: two hours at 15 minutes


class Schedule:
    """Due times by printer id. `every_seconds` is the interval between two polls of one printer."""

    def __init__(self, *, every_seconds: float, random_source: random.Random | None = None) -> None:
        self._every_seconds = every_seconds
        self._random = random_source or random.Random()  # noqa: S311  spreads work, hides nothing
        self._heap: list[tuple[float, str]] = []
        self._due: dict[str, float] = {}
        self._failures: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._due)

    def add(self, printer_id: str, due_at: float) -> None:
        """Set the next time of *printer_id*, whatever it was before."""
        self._due[printer_id] = due_at
        heapq.heappush(self._heap, (due_at, printer_id))
        if len(self._heap) > 64 + 4 * len(self._due):  # entries replaced by `add` stay until popped; keep them few
            self._heap = [(at, name) for name, at in self._due.items()]
            heapq.heapify(self._heap)

    def remove(self, printer_id: str) -> None:
        self._due.pop(printer_id, None)
        self._failures.pop(printer_id, None)

    def next_at(self) -> float | None:
        """Return when the next printer is due; None when there is none."""
        self._drop_replaced()
        return self._heap[0][0] if self._heap else None

    def take(self, now_at: float) -> str | None:
        """Return a printer that is due, and leave it out until it is added again; None when none is."""
        self._drop_replaced()
        if not self._heap or self._heap[0][0] > now_at:
            return None
        _, printer_id = heapq.heappop(self._heap)
        del self._due[printer_id]
        return printer_id

    def after_answer(self, printer_id: str, now_at: float) -> float:
        """Return when a printer that answered is due again: after one interval."""
        self._failures.pop(printer_id, None)
        return now_at + self._every_seconds * self._jitter()

    def after_silence(self, printer_id: str, now_at: float) -> float:
        """Return when a printer that stayed silent is due again: after a wait that grows with each silence."""
        count = self._failures[printer_id] = self._failures.get(printer_id, 0) + 1
        return now_at + self._every_seconds * min(1 << min(count - 1, 30), _BACK_OFF_MAX) * self._jitter()

    def lag_seconds(self, now_at: float) -> float:
        """Return for how long the oldest due printer has been waiting."""
        next_at = self.next_at()
        return max(0.0, now_at - next_at) if next_at is not None else 0.0

    def _drop_replaced(self) -> None:
        while self._heap and self._due.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)

    def _jitter(self) -> float:
        return self._random.uniform(1 - _JITTER, 1 + _JITTER)
