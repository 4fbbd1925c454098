"""Who is there, who is not, and who must not be called gone. Pure.

A printer is gone when it has missed several polls over a long time while its neighbours answered. When most of a range falls silent
together, that is the network, or the people who switched everything off for the weekend: it is said once of the range, and nobody's
silence counts until the range is heard again. Answers that are wrong are answers: a device that sends garbage is there.
"""

from __future__ import annotations

from collections import Counter as Tally
from dataclasses import dataclass
from enum import Enum

GONE_AFTER_SECONDS = 24 * 3600.0
_MISSES_SURE = 4
_TOGETHER_MIN = 3  # of two silent printers nobody can tell


class Event(Enum):
    """What happened to a printer; the label `event` of poller_printer_events_total, and in the log `printer.<event>`."""

    NEW = "new"
    """Read for the first time."""
    MOVED = "moved"
    """Read at another address than last time."""
    GONE = "gone"
    REPLACED = "replaced"
    """Gone, and another printer has its address."""
    BACK = "back"
    """Read again, after it was gone."""


@dataclass(slots=True)
class Presence:
    """How it stands with one printer.

    `failures` are polls in a row that brought no reading, `misses` those of them with nobody there, counted since `since_at` and only
    while its neighbours answered. `rival` is the id of who answers at its address instead; nobody knows then where it is.
    """

    was_read: bool = False
    failures: int = 0
    is_silent: bool = False
    is_gone: bool = False
    misses: int = 0
    since_at: float = 0.0
    rival: str | None = None

    @property
    def is_expected(self) -> bool:
        """Whether its silence says something of its network: it was heard there, and is neither gone nor elsewhere."""
        return self.was_read and not self.is_gone and self.rival is None


class Watch:
    """Counts, by range, who is expected and who of these is silent; every method is a few additions."""

    def __init__(self, *, gone_after_seconds: float = GONE_AFTER_SECONDS) -> None:
        self.gone_after_seconds = gone_after_seconds
        self.events: Tally[Event] = Tally()
        self.silent_ranges: set[str | None] = set()
        self._waking: set[str | None] = set()
        self._expected: Tally[str | None] = Tally()
        self._silent: Tally[str | None] = Tally()
        self._expected_all = self._silent_all = 0

    @property
    def ranges(self) -> list[str | None]:
        """The ranges that printers are expected in."""
        return [name for name, count in self._expected.items() if count]

    def expected(self, range_name: str | None) -> int:
        """Return how many printers are expected in a range."""
        return self._expected[range_name]

    def enter(self, range_name: str | None, one: Presence) -> None:
        """Begin to count *one*, as it is."""
        self._count(range_name, one, 1)

    def leave(self, range_name: str | None, one: Presence) -> None:
        """Count *one* no more. `enter` and `leave` come in pairs, around every change of its range."""
        self._count(range_name, one, -1)

    def heard(self, range_name: str | None, one: Presence) -> Event | None:
        """Note a reading; return NEW or BACK if it is one."""
        if one.was_read and not one.failures and not one.is_gone and one.rival is None:  # as nearly always
            return None
        event = Event.NEW if not one.was_read else Event.BACK if one.is_gone else None
        self._count(range_name, one, -1)
        one.was_read, one.is_silent, one.is_gone, one.rival = True, False, False, None
        one.failures = one.misses = 0
        self._count(range_name, one, 1)
        return self._note(event)

    def failed(self, one: Presence) -> None:
        """Note a poll that brought no reading, though somebody is there."""
        one.failures += 1

    def missed(self, range_name: str | None, one: Presence, now_at: float) -> Event | None:
        """Note a poll that nobody answered; return GONE or REPLACED once that is sure."""
        one.failures += 1
        if not one.is_silent:
            self._count(range_name, one, -1)
            one.is_silent = True
            self._count(range_name, one, 1)
            one.misses, one.since_at = 0, now_at
        if one.rival is None and self.is_together(range_name):
            one.misses, one.since_at = 0, now_at
            return None
        one.misses += 1
        if not one.was_read or one.is_gone or one.misses < _MISSES_SURE or now_at - one.since_at < self.gone_after_seconds:
            return None
        self._count(range_name, one, -1)
        one.is_gone = True
        return self._note(Event.GONE if one.rival is None else Event.REPLACED)

    def displaced(self, range_name: str | None, one: Presence, rival: str, now_at: float) -> None:
        """Note that *rival* answers where *one* was."""
        self._count(range_name, one, -1)
        one.rival, one.is_silent = rival, True
        one.misses, one.since_at = 0, now_at

    def moved(self) -> Event:
        self.events[Event.MOVED] += 1
        return Event.MOVED

    def is_together(self, range_name: str | None) -> bool:
        """Say whether most of a range is silent, or everybody everywhere: then it is not the printers."""
        silent = self._silent[range_name]
        if silent >= _TOGETHER_MIN and 2 * silent > self._expected[range_name]:
            return True
        return self._silent_all == self._expected_all > 1

    def first_heard(self, range_name: str | None) -> bool:
        """Say whether this is the first answer from a range that was silent as a whole."""
        is_first = range_name not in self._waking
        self._waking.add(range_name)
        return is_first

    def turned(self, range_name: str | None) -> bool | None:
        """Return True when a range has just fallen silent, False when it is heard again; None when neither."""
        is_silent = self.is_together(range_name)
        if is_silent == (range_name in self.silent_ranges):
            return None
        (self.silent_ranges.add if is_silent else self.silent_ranges.discard)(range_name)
        self._waking.discard(range_name)
        return is_silent

    def _count(self, range_name: str | None, one: Presence, by: int) -> None:
        if one.is_expected:
            self._expected[range_name] += by
            self._expected_all += by
            if one.is_silent:
                self._silent[range_name] += by
                self._silent_all += by

    def _note(self, event: Event | None) -> Event | None:
        if event is not None:
            self.events[event] += 1
        return event
