"""Keeps the fleet fresh: a fixed crew of workers polls whoever is due, and says what became of each poll.

One slow device holds up one worker and nobody else; a full crew slows the schedule down, and the lag is a metric. Nothing that one
device does gets further than its own line in the log: it is counted by kind and asked again later, less and less often while silent.

Who is who is decided in `book.py`, how one is read in `reader.py`, how long to wait in `rhythm.py`, who is gone in `presence.py`, where to
look for them in `search.py`. Here is what ties them: one poll after the other.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter as Tally
from collections.abc import Awaitable, Callable, Iterable, Mapping

from poller import exposition
from poller.clock import Clock
from poller.engine.book import Book, Known, Place, Places
from poller.engine.faults import contained
from poller.engine.fleet import Entry, Fleet, Grade
from poller.engine.presence import GONE_AFTER_SECONDS, Event, Watch
from poller.engine.privacy import Privacy
from poller.engine.reader import NobodyError, Reader
from poller.engine.recall import reading_of, recall, remember, wait_seconds
from poller.engine.remembered import Remembered
from poller.engine.rhythm import Rhythm, mood_of
from poller.engine.roster import Roster
from poller.engine.schedule import Schedule
from poller.engine.search import Hunt, Search
from poller.engine.targets import Plan
from poller.engine.wire import AttributeSource, Wire
from poller.errors import NoAnswerError, PrinterError, UnreachableError
from poller.exposition import Sample
from poller.logs import emit
from poller.model import Credential, Decoded, Printer, Target
from poller.model import Value as _Struct

__all__ = ["Place", "PollStatus", "Poller"]

log = logging.getLogger(__name__)

_TICK_SECONDS = 0.1
_WAKE_SECONDS = 30.0  # a printer asleep for hours may take 20 s to answer; the question that got none has woken it
_LOW = (Grade.LOW, Grade.EMPTY)


class PollStatus(_Struct, frozen=True, kw_only=True):
    """Where the crew stands; `results` counts polls since the start by their outcome, `overdue` printers that wait for a worker."""

    printers: int
    workers: int
    busy: int
    lag_seconds: float
    overdue: int
    results: dict[str, int]


class Poller:
    """Polls printers as they fall due; `found` adds one or brings its new address, `hurry` has one polled at once.

    *record* is called with every new reading, after the fleet has it; it must not wait. Both see it as *privacy* lets them. `configure`
    changes what holds for all of them.
    """

    def __init__(
        self,
        wire: Wire,
        fleet: Fleet,
        clock: Clock,
        *,
        roster: Roster,
        rhythm: Rhythm,
        workers: int,
        rows_max: int,
        gone_after_seconds: float = GONE_AFTER_SECONDS,
        source: AttributeSource | None = None,
        record: Callable[[Decoded], None] | None = None,
        privacy: Privacy | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._fleet, self._clock, self._roster, self._record, self._sleep = fleet, clock, roster, record, sleep
        self._rhythm, self._workers, self._privacy = rhythm, workers, privacy or Privacy()
        self._watch, self._search = Watch(gone_after_seconds=gone_after_seconds), Search()
        self._book = Book(roster, self._watch)
        self._reader = Reader(wire, clock, roster=roster, rows_max=rows_max, source=source)
        self._schedule = Schedule()
        self._due: asyncio.Queue[str | None] = asyncio.Queue(maxsize=1)
        self._is_stopping = False
        self._busy = 0
        self._results: Tally[str] = Tally()

    async def run(self, stop: asyncio.Event) -> None:
        """Poll until *stop*; polls under way are finished, none is begun."""
        async with asyncio.TaskGroup() as crew:
            for number in range(self._workers):
                crew.create_task(self._work(), name=f"poll-{number}")
            while not stop.is_set():
                printer_id = self._schedule.take(self._clock.monotonic())
                if printer_id is None:
                    await self._sleep(_TICK_SECONDS)
                else:
                    await self._due.put(printer_id)
            self._is_stopping = True
            for _ in range(self._workers):
                await self._due.put(None)

    def found(self, printer: Printer, target: Target, place: Place) -> None:
        """Take a printer that a sweep met; a new one is polled at once."""
        sighted = self._book.sight(printer, target, place)
        if sighted.due is not None:
            self._poll_now(sighted.due)
        if sighted.is_new:
            emit(log, logging.DEBUG, "printer.sighted", printer=printer.id, address=target.address, model=printer.model)

    def hurry(self, address: str) -> bool:
        """Poll the printer at *address* now; False when none is. One being polled is polled once more. Whoever calls sees to how often."""
        known = self._book.at(address)
        if known is not None:
            self._poll_now(known)
        return known is not None

    def knows(self, address: str) -> bool:
        """Say whether a printer is polled at *address*."""
        return self._book.at(address) is not None

    def next_search(self, plan: Plan) -> Hunt | None:
        """Return where to look, by a sweep of *plan*, for printers that are missing; None while there is nothing to do."""
        return self._search.next(self._clock.monotonic(), size_of=plan.size_of)

    def configure(
        self,
        *,
        rhythm: Rhythm,
        gone_after_seconds: float,
        rows_max: int,
        places: Places,
        retarget: Callable[[Target], Target | None],
    ) -> int:
        """Let another configuration hold from now on; return how many printers are polled no more by it.

        *retarget* tells how an address is asked now, None when not at all: such a printer is let go of without a word. Polls under way end
        as they began. New intervals hold from each printer's next poll, and at once for whoever would have to wait longer than any of them.
        """
        now_at, now_utc = self._clock.monotonic(), self._clock.utc()
        self._rhythm, self._watch.gone_after_seconds, self._reader.rows_max = rhythm, gone_after_seconds, rows_max
        dropped = 0
        for known in self._book:
            target = retarget(known.target)
            if target is None:
                self._book.drop(known, is_forgotten=False)
                self._let_go(known)
                dropped += 1
                continue
            known.other_way = None if known.other_way is None else retarget(known.other_way)
            place = places[target.range]
            if known.target != target or known.place != place:
                self._book.point(known, target, place)
            if not known.is_under_way and known.due_at - now_at > rhythm.longest(known.printer):
                self._set_due(known, now_at + rhythm.spread(known.printer, known.phase, now_utc))
        return dropped

    def show_anew(self) -> None:
        """Have everybody read within an interval: what the fleet showed of them may be shown no more."""
        self._fleet.clear()
        now_at, now_utc = self._clock.monotonic(), self._clock.utc()
        for known in self._book:
            self._set_due(known, now_at + self._rhythm.spread(known.printer, known.phase, now_utc))

    def status(self) -> PollStatus:
        now_at = self._clock.monotonic()
        return PollStatus(
            printers=len(self._book),
            workers=self._workers,
            busy=self._busy,
            lag_seconds=self._schedule.lag_seconds(now_at),
            overdue=self._schedule.overdue(now_at),
            results=dict(self._results),
        )

    def metrics(self) -> Iterable[Sample]:
        now_at = self._clock.monotonic()
        for result, count in sorted(self._results.items()):
            yield Sample(exposition.POLLER_POLLS, count, (result,))
        yield Sample(exposition.POLLER_POLL_LAG, self._schedule.lag_seconds(now_at))
        yield Sample(exposition.POLLER_POLLS_OVERDUE, self._schedule.overdue(now_at))
        yield Sample(exposition.POLLER_POLL_WORKERS, self._workers)
        yield Sample(exposition.POLLER_POLL_WORKERS_BUSY, self._busy)
        for event in Event:
            yield Sample(exposition.POLLER_PRINTER_EVENTS, self._watch.events[event], (event.value,))
        for name in self._watch.ranges:
            yield Sample(exposition.POLLER_RANGE_SILENT, float(name in self._watch.silent_ranges), (name or "",))

    # --- across a restart ----------------------------------------------------------------------------------------------

    def take_changes(self, count_max: int) -> tuple[list[Remembered], list[str]]:
        """Return at most *count_max* printers that changed since they were last taken, and the ids of those that are no more."""
        changed, removed = self._book.take_changes(count_max)
        return [remember(known, self._fleet.get(self._shown(known).id), self._clock) for known in changed], removed

    def restore(
        self,
        printers: Iterable[Remembered],
        credentials: Mapping[str, Credential],
        places: Places,
        *,
        is_wanted: Callable[[Target], bool],
    ) -> int:
        """Take up printers where an earlier run left them; return how many.

        Those of a credential or range that is configured no more, or at an address nobody wants asked, are left out. Polls that fell due
        meanwhile are spread over one interval.
        """
        now_at, now_utc, count = self._clock.monotonic(), self._clock.utc(), 0
        for one in printers:
            known = recall(one, credentials, places, self._clock)
            if known is None or not is_wanted(known.target):
                self._book.leave_out(one.printer.id, was_read=one.was_read)
                continue
            if known.other_way is not None and not is_wanted(known.other_way):
                known.other_way = None
            self._roster.restore(one.printer)
            self._book.enter(known)
            reading = reading_of(one)
            if reading is not None:
                shown = self._privacy.show(Decoded(reading=reading, boot_utc=one.boot_utc))
                self._fleet.put(shown, duration_seconds=one.last_poll_seconds)
            if known.presence.failures or reading is None:
                seconds = one.last_poll_seconds
                self._fleet.fail(self._shown(known), duration_seconds=seconds, last_ok_utc=one.last_ok_utc, since_utc=one.since_utc)
            wait = wait_seconds(one, now_utc, self._rhythm.longest(known.printer))
            self._set_due(known, now_at + (self._rhythm.spread(known.printer, known.phase, now_utc) if wait is None else wait))
            count += 1
        for name in self._watch.ranges:
            self._watch.turned(name)  # told of in the earlier run
        return count

    # --- the crew ------------------------------------------------------------------------------------------------------

    async def _work(self) -> None:
        while True:
            printer_id = None if self._is_stopping else self._schedule.take(self._clock.monotonic())
            if printer_id is None:
                printer_id = await self._due.get()
            if printer_id is None:
                return
            known = self._book.get(printer_id)
            if known is None:
                continue
            if known.is_under_way:
                known.is_hurried = True
                continue
            self._busy += 1
            known.is_under_way = True
            try:
                await self._poll(known)
            finally:
                known.is_under_way = False
                self._busy -= 1
            if known.is_hurried and self._book.has(known):
                self._poll_now(known)
            known.is_hurried = False

    async def _poll(self, known: Known) -> None:
        """Poll one printer and say what became of it; no PrinterError gets further than here."""
        began_at, target = self._clock.monotonic(), known.target
        if known.presence.rival is not None:  # another one answers there: asking would tell nothing of this one
            self._note_failure(known, NobodyError(f"{known.presence.rival} is at this address now"), 0.0)
            return
        try:
            with contained(target):
                decoded = await self._reader.read(known)
        except PrinterError as error:
            self._results[error.kind] += 1
            if not self._book.has(known):
                return
            if known.target is not target:  # it was seen elsewhere meanwhile
                self._poll_now(known)
            elif self._is_doubtful(known, error):
                known.is_doubted = True
                self._set_due(known, self._clock.monotonic() + _WAKE_SECONDS)
            else:
                known.is_doubted = False
                self._note_failure(known, error, self._clock.monotonic() - began_at)
            return
        self._results["ok"] += 1
        if not self._book.has(known):
            return
        if decoded.reading.printer.id != known.printer.id:
            known = self._note_other(known, decoded.reading.printer)
        self._note_reading(known, decoded, self._clock.monotonic() - began_at)

    def _note_reading(self, known: Known, decoded: Decoded, duration_seconds: float) -> None:
        shown = self._privacy.show(decoded)
        entry = self._fleet.put(shown, duration_seconds=duration_seconds)
        if self._record is not None:
            self._record(shown)
        known.wakes = known.wakes + 1 if known.is_doubted else 0
        known.is_doubted = False
        presence, range_name = known.presence, known.target.range
        was_down = presence.failures > 0
        event = self._watch.heard(range_name, presence)
        if event is not None or was_down:
            self._note_return(known, event)
        address = decoded.reading.printer.address
        if known.read_at != address:
            if known.read_at is not None:
                self._tell(known, self._watch.moved(), before=known.read_at)
            known.read_at = address
        self._set_due(known, self._clock.monotonic() + self._wait_seconds(known, decoded, entry))
        for other in self._book.settle_claims(known, has_answered=True):
            self._poll_now(other)

    def _wait_seconds(self, known: Known, decoded: Decoded, entry: Entry) -> float:
        mood = mood_of(decoded.reading, is_low=entry.grade in _LOW, wakes=known.wakes)
        return self._rhythm.after_answer(known.printer, known.phase, mood, self._clock.utc())

    def _note_return(self, known: Known, event: Event | None) -> None:
        """Tell that a printer is there which was not; should its whole range have been silent, the others are not waited for long."""
        self._search.found(known.printer.id)
        range_name = known.target.range
        if range_name in self._watch.silent_ranges and self._watch.first_heard(range_name):
            self._ask_silent(range_name)
        self._tell_turn(range_name)
        if event is not None:
            self._tell(known, event)
        else:
            emit(log, logging.INFO, "printer.heard", printer=known.printer.id, address=known.target.address)

    def _note_failure(self, known: Known, error: PrinterError, duration_seconds: float) -> None:
        presence, now_at, range_name = known.presence, self._clock.monotonic(), known.target.range
        if known.other_way is not None:
            self._book.take_other_way(known)
            self._poll_now(known)
            return
        if not self._fleet.fail(self._shown(known), duration_seconds=duration_seconds):
            self._forget(known)
            return
        was_down, was_silent = presence.failures > 0, presence.is_silent
        event = None
        if isinstance(error, NoAnswerError | NobodyError):
            event = self._watch.missed(range_name, presence, now_at)
        else:
            self._watch.failed(presence)
        wait_seconds = self._rhythm.after_silence(known.printer, known.phase, presence.failures)
        self._set_due(known, now_at + wait_seconds)
        if not was_down:  # said once, not at every try
            self._tell_silence(known, error, wait_seconds)
        self._tell_turn(range_name)
        if presence.is_silent and not was_silent and not self._watch.is_together(range_name):
            self._search.miss(known.printer.id, range_name, known.target.address)
        if event is not None:
            self._tell(known, event)
        for other in self._book.settle_claims(known, has_answered=False):
            self._poll_now(other)

    def _note_other(self, known: Known, printer: Printer) -> Known:
        """Take the news that *printer* answers where *known* was; return its entry, and look for the one we knew."""
        known.is_doubted = False
        other, is_elsewhere = self._book.answers_at(known, printer, self._clock.monotonic())
        other.printer = printer
        if is_elsewhere is not None:
            self._poll_now(is_elsewhere)
            return other
        if not self._book.has(known):
            self._let_go(known)
            return other
        error = NobodyError(f"{printer.id} is at this address now")
        was_down = known.presence.failures > 0
        known.presence.failures += 1
        self._fleet.fail(self._shown(known), duration_seconds=0.0)
        wait_seconds = self._rhythm.after_silence(known.printer, known.phase, known.presence.failures)
        self._set_due(known, self._clock.monotonic() + wait_seconds)
        if not was_down:
            self._tell_silence(known, error, wait_seconds)
        self._search.miss(known.printer.id, known.target.range, known.target.address)
        return other

    def _is_doubtful(self, known: Known, error: PrinterError) -> bool:
        """Say whether a printer that gave no answer gets one more try before it counts: the question that got none may have woken it."""
        is_silence = isinstance(error, NoAnswerError) and not isinstance(error, UnreachableError)
        return is_silence and not known.is_doubted

    def _poll_now(self, known: Known) -> None:
        if known.is_under_way:
            known.is_hurried = True
        else:
            self._set_due(known, self._clock.monotonic())

    def _set_due(self, known: Known, due_at: float) -> None:
        known.due_at = due_at
        self._schedule.add(known.printer.id, due_at)
        self._book.changed.add(known.printer.id)

    def _ask_silent(self, range_name: str | None) -> None:
        """One of a silent range answers: ask the others within an interval, whatever wait they had come to."""
        now_at, now_utc = self._clock.monotonic(), self._clock.utc()
        for known in self._book:
            if known.target.range == range_name and known.presence.is_silent and not known.is_under_way:
                wait_seconds = self._rhythm.spread(known.printer, known.phase, now_utc)
                self._set_due(known, min(known.due_at, now_at + wait_seconds))

    def _forget(self, known: Known) -> None:
        """It has been silent for so long that nobody waits for it; should it come back, a sweep finds it."""
        self._book.drop(known, is_forgotten=True)
        self._let_go(known)
        emit(log, logging.INFO, "printer.forgotten", printer=known.printer.id, address=known.target.address)

    def _shown(self, known: Known) -> Printer:
        """Return a printer as the fleet knows it."""
        return self._privacy.printer(known.printer)

    def _let_go(self, known: Known) -> None:
        """Let go of what else is kept of a printer that is not in the book any more."""
        self._fleet.forget(self._shown(known).id)
        self._schedule.remove(known.printer.id)
        self._search.found(known.printer.id)

    # --- telling -------------------------------------------------------------------------------------------------------

    def _tell(self, known: Known, event: Event, *, before: str | None = None) -> None:
        who = known.printer
        facts = (
            {"before": before} if before is not None else {"by": known.presence.rival} if event is Event.REPLACED else {"model": who.model}
        )
        emit(log, logging.INFO, f"printer.{event.value}", exc_info=None, printer=who.id, address=known.target.address, **facts)

    def _tell_silence(self, known: Known, error: PrinterError, next_try_seconds: float) -> None:
        emit(
            log,
            logging.INFO,
            "printer.silent",
            printer=known.printer.id,
            address=known.target.address,
            error=error.kind,
            reason=str(error),
            next_try_seconds=round(next_try_seconds),
        )

    def _tell_turn(self, range_name: str | None) -> None:
        """Say once that a whole range has fallen silent, and once that it is heard again; either way look once for whoever is missing."""
        is_silent = self._watch.turned(range_name)
        if is_silent is None:
            return
        event, level = ("range.silent", logging.WARNING) if is_silent else ("range.heard", logging.INFO)
        emit(log, level, event, range=range_name, printers=self._watch.expected(range_name))
        for known in self._book:
            if known.target.range == range_name and known.presence.is_silent and known.presence.is_expected:
                self._search.miss(known.printer.id, range_name, known.target.address)
