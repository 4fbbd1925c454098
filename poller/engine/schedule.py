"""Who is due next: a heap of times, nothing else. Pure; how long to wait is `rhythm.py`, the time is the caller's."""

from __future__ import annotations

import heapq


class Schedule:
    """Due times by printer id. Each step costs the logarithm of their number."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, str]] = []
        self._due: dict[str, float] = {}

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

    def lag_seconds(self, now_at: float) -> float:
        """Return for how long the oldest due printer has been waiting."""
        next_at = self.next_at()
        return max(0.0, now_at - next_at) if next_at is not None else 0.0

    def overdue(self, now_at: float) -> int:
        """Return how many printers are due and have not been taken. Looks at everybody: some fifty nanoseconds each."""
        return sum([due_at < now_at for due_at in self._due.values()])

    def _drop_replaced(self) -> None:
        while self._heap and self._due.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
