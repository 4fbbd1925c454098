"""What follows from a poll: what the fleet shows, what is told, who is looked for, and when the printer is asked again.

A poll ends in one of three ways. A reading of the printer; a failure; or a reading of somebody else, who has its address: then there is one
reading, of the other one, and one failure.
"""

from __future__ import annotations

from collections.abc import Callable

from poller.clock import Clock
from poller.engine import telling
from poller.engine.agenda import Agenda
from poller.engine.book import Book, Known
from poller.engine.fleet import Entry, Fleet, Grade
from poller.engine.presence import Event, Watch
from poller.engine.privacy import Privacy
from poller.engine.reader import NobodyError
from poller.engine.rhythm import mood_of
from poller.engine.search import Search
from poller.errors import NoAnswerError, PrinterError, UnreachableError
from poller.model import Decoded, Printer

WAKE_SECONDS = 30.0
"""A printer asleep for hours may take 20 s to answer; the question that got none has woken it."""
_CLAIMED_SECONDS = 120.0  # between two visits to one that somebody else may be
_LOW = (Grade.LOW, Grade.EMPTY)


class Outcomes:
    """Notes what polls brought. *record* is called with every reading once the fleet has it."""

    def __init__(
        self,
        fleet: Fleet,
        clock: Clock,
        *,
        book: Book,
        watch: Watch,
        search: Search,
        agenda: Agenda,
        privacy: Privacy,
        record: Callable[[Decoded], None] | None,
    ) -> None:
        self._fleet, self._clock, self._record, self._privacy = fleet, clock, record, privacy
        self._book, self._watch, self._search, self._agenda = book, watch, search, agenda

    def note_reading(self, known: Known, decoded: Decoded, duration_seconds: float) -> None:
        """Note a reading, and whose it is: perhaps not of *known*."""
        if decoded.reading.printer.id != known.printer.id:
            other = self._note_other(known, decoded.reading.printer, duration_seconds)
            if other is None:
                return
            known = other
        shown = self._privacy.show(decoded)
        entry = self._fleet.put(shown, duration_seconds=duration_seconds)
        if self._record is not None:
            self._record(shown)
        known.wakes = known.wakes + 1 if known.is_doubted else 0
        known.is_doubted = False
        presence = known.presence
        was_down = presence.failures > 0
        event = self._watch.heard(known.target.range, presence)
        if event is not None or was_down:
            self._note_return(known, event)
        address = decoded.reading.printer.address
        if known.read_at != address:
            if known.read_at is not None:
                self._watch.moved()
                telling.moved(known, before=known.read_at)
            known.read_at = address
        self._agenda.add(known, self._wait_seconds(known, decoded, entry))
        self._settle_claims(known, has_answered=True)

    def note_failure(self, known: Known, error: PrinterError, duration_seconds: float) -> None:
        """Note that a poll brought no reading of *known*."""
        if self._is_doubtful(known, error):
            known.is_doubted = True
            self._agenda.add(known, WAKE_SECONDS)
            return
        known.is_doubted = False
        if known.other_way is not None:
            self._book.take_other_way(known)
            self._agenda.add_now(known)
            return
        if not self._fleet.fail(self.shown(known), duration_seconds=duration_seconds):
            self._forget(known)
            return
        presence, range_name = known.presence, known.target.range
        was_down, was_silent = presence.failures > 0, presence.is_silent
        event = None
        if isinstance(error, NoAnswerError | NobodyError):
            event = self._watch.missed(range_name, presence, self._clock.monotonic())
        else:
            self._watch.failed(presence)
        self._wait_longer(known, error, was_down=was_down)
        self._tell_turn(range_name)
        if presence.is_silent and not was_silent and not self._watch.is_together(range_name):
            self._search.miss(known.printer.id, range_name, known.target.address)
        if event is not None:
            telling.happened(known, event)
        self._settle_claims(known, has_answered=False)

    def note_restored(self, known: Known) -> None:
        """Note one taken up from an earlier run: if it was missed then, it is looked for still."""
        presence = known.presence
        if presence.is_silent and not presence.is_gone and not self._watch.is_together(known.target.range):
            self._search.miss(known.printer.id, known.target.range, known.target.address)

    def let_go(self, known: Known) -> None:
        """Let go of what else is kept of a printer that is not in the book any more."""
        self._fleet.forget(self.shown(known).id)
        self._agenda.remove(known)
        self._search.found(known.printer.id)

    def shown(self, known: Known) -> Printer:
        """Return a printer as the fleet knows it."""
        return self._privacy.printer(known.printer)

    def _wait_seconds(self, known: Known, decoded: Decoded, entry: Entry) -> float:
        reading = decoded.reading
        mood = mood_of(reading, is_low=entry.grade in _LOW, wakes=known.wakes)
        return self._agenda.rhythm.after_answer(known.printer, known.phase, mood, reading.taken_at)

    def _wait_longer(self, known: Known, error: PrinterError, *, was_down: bool) -> None:
        """Set when a printer that failed is asked again; say once, not at every try, that it is silent."""
        wait_seconds = self._agenda.rhythm.after_silence(known.printer, known.phase, known.presence.failures)
        if self._book.is_claimed(known):
            wait_seconds = min(wait_seconds, _CLAIMED_SECONDS)
        self._agenda.add(known, wait_seconds)
        if not was_down:
            telling.silent(known, error, next_try_seconds=wait_seconds)

    def _note_return(self, known: Known, event: Event | None) -> None:
        """Tell that a printer is there which was not; should its whole range have been silent, the others are not waited for long."""
        self._search.found(known.printer.id)
        range_name = known.target.range
        if range_name in self._watch.silent_ranges and self._watch.first_heard(range_name):
            self._agenda.spread_silent(range_name)
        self._tell_turn(range_name)
        if event is not None:
            telling.happened(known, event)
        else:
            telling.heard(known)

    def _note_other(self, known: Known, printer: Printer, duration_seconds: float) -> Known | None:
        """Take the news that *printer* answers where *known* was, and look for the one we knew.

        Return the entry of who answers; None while nobody can tell who that is.
        """
        known.is_doubted = False
        kin = self._book.claim(printer, known.target, known.place)
        if kin is not None:
            self._agenda.add_now(kin)
            known.device = known.boot_utc = None  # they are of whoever that is
            self.note_failure(known, NobodyError(f"somebody like {kin.printer.id} is at this address now"), duration_seconds)
            return None
        other, is_elsewhere = self._book.answers_at(known, printer, self._clock.monotonic())
        other.printer = printer
        if is_elsewhere is not None:
            self._agenda.add_now(is_elsewhere)
            return other
        if not self._book.has(known):
            self.let_go(known)
            return other
        was_down = known.presence.failures > 0
        known.presence.failures += 1
        self._fleet.fail(self.shown(known), duration_seconds=0.0)
        self._wait_longer(known, NobodyError(f"{printer.id} is at this address now"), was_down=was_down)
        self._search.miss(known.printer.id, known.target.range, known.target.address)
        self._settle_claims(known, has_answered=False)
        return other

    def _settle_claims(self, known: Known, *, has_answered: bool) -> None:
        for other in self._book.settle_claims(known, has_answered=has_answered):
            self._agenda.add_now(other)

    def _is_doubtful(self, known: Known, error: PrinterError) -> bool:
        """Say whether a printer that gave no answer gets one more try before it counts: the question that got none may have woken it."""
        is_silence = isinstance(error, NoAnswerError) and not isinstance(error, UnreachableError)
        return is_silence and not known.is_doubted

    def _forget(self, known: Known) -> None:
        """It has been silent for so long that nobody waits for it; should it come back, a sweep finds it."""
        self._book.drop(known, is_forgotten=True)
        self.let_go(known)
        telling.forgotten(known)

    def _tell_turn(self, range_name: str | None) -> None:
        """Say once that a whole range has fallen silent, and once that it is heard again; either way look once for whoever is missing."""
        is_silent = self._watch.turned(range_name)
        if is_silent is None:
            return
        telling.range_turned(range_name, is_silent=is_silent, printers=self._watch.expected(range_name))
        for known in self._book:
            if known.target.range == range_name and known.presence.is_silent and known.presence.is_expected:
                self._search.miss(known.printer.id, range_name, known.target.address)
