"""When each printer of the book is polled next. How long to wait is `rhythm.py`, the order of times `schedule.py`; this keeps them in step.

A printer under way has no next time: asked for meanwhile, it is polled once more when its poll has ended.
"""

from __future__ import annotations

from poller.clock import Clock
from poller.engine.book import Book, Known
from poller.engine.rhythm import Rhythm
from poller.engine.schedule import Schedule


class Agenda:
    """The next poll of every printer of *book*; `rhythm` may be another one at any time."""

    def __init__(self, book: Book, rhythm: Rhythm, clock: Clock) -> None:
        self._book, self.rhythm, self._clock = book, rhythm, clock
        self.schedule = Schedule()

    def take(self) -> str | None:
        """Return the id of a printer that is due, and leave it out until it is added again; None when none is."""
        return self.schedule.take(self._clock.monotonic())

    def add(self, known: Known, wait_seconds: float) -> None:
        """Have *known* polled so many seconds from now, whatever was said before."""
        known.due_at = self._clock.monotonic() + wait_seconds
        self.schedule.add(known.printer.id, known.due_at)
        self._book.changed.add(known.printer.id)

    def add_now(self, known: Known) -> None:
        if known.is_under_way:
            known.is_hurried = True
        else:
            self.add(known, 0.0)

    def spread(self, known: Known) -> None:
        """Have *known* polled at its next place, less than an interval away: for what is new to all of them at once."""
        self.add(known, self.rhythm.spread(known.printer, known.phase, self._clock.utc()))

    def spread_silent(self, range_name: str | None) -> None:
        """Have all silent printers of a range polled within an interval, whatever wait they had come to."""
        now_at, now_utc = self._clock.monotonic(), self._clock.utc()
        for known in self._book:
            if known.target.range == range_name and known.presence.is_silent and not known.is_under_way:
                self.add(known, min(known.due_at - now_at, self.rhythm.spread(known.printer, known.phase, now_utc)))

    def remove(self, known: Known) -> None:
        self.schedule.remove(known.printer.id)

    def lag_seconds(self) -> float:
        """Return for how long the oldest due printer has been waiting."""
        return self.schedule.lag_seconds(self._clock.monotonic())

    def overdue(self) -> int:
        """Return how many printers are due and wait for a worker."""
        return self.schedule.overdue(self._clock.monotonic())
