"""Keeps the fleet fresh: a fixed crew of workers polls whoever is due.

One slow device holds up one worker and nobody else; a full crew slows the schedule down, and the lag is a metric. Nothing that one
device does gets further than its own line in the log: it is counted by kind and asked again later, less and less often while silent.

Who is who is decided in `book.py`, how one is read in `reader.py`, what follows from a poll in `outcomes.py`, when the next one is in
`agenda.py`. Here is the crew, and what others may want of it.
"""

from __future__ import annotations

import asyncio
from collections import Counter as Tally
from collections.abc import Awaitable, Callable, Iterable, Mapping

from poller import exposition
from poller.clock import Clock
from poller.engine import telling
from poller.engine.agenda import Agenda
from poller.engine.book import Book, Known, Place, Places
from poller.engine.faults import contained
from poller.engine.fleet import Fleet
from poller.engine.outcomes import Outcomes
from poller.engine.presence import GONE_AFTER_SECONDS, Event, Watch
from poller.engine.privacy import Privacy
from poller.engine.reader import NobodyError, Reader
from poller.engine.recall import reading_of, recall, remember, wait_seconds
from poller.engine.remembered import Remembered
from poller.engine.rhythm import Rhythm
from poller.engine.roster import Roster
from poller.engine.search import Hunt, Search
from poller.engine.targets import Plan
from poller.engine.wire import AttributeSource, Wire
from poller.errors import PrinterError
from poller.exposition import Sample
from poller.model import Credential, Decoded, Printer, Target
from poller.model import Value as _Struct

__all__ = ["Place", "PollStatus", "Poller"]

_TICK_SECONDS = 0.1


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
        self._fleet, self._clock, self._roster, self._sleep = fleet, clock, roster, sleep
        self._workers, self._privacy = workers, privacy or Privacy()
        self._watch, self._search = Watch(gone_after_seconds=gone_after_seconds), Search()
        self._book = Book(roster, self._watch)
        self._agenda = Agenda(self._book, rhythm, clock)
        self._reader = Reader(wire, clock, book=self._book, rows_max=rows_max, source=source)
        self._outcomes = Outcomes(
            *(fleet, clock),
            book=self._book,
            watch=self._watch,
            search=self._search,
            agenda=self._agenda,
            privacy=self._privacy,
            record=record,
        )
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
                printer_id = self._agenda.take()
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
            self._agenda.add_now(sighted.due)
            if sighted.is_new:
                telling.sighted(sighted.due)

    def hurry(self, address: str) -> bool:
        """Poll the printer at *address* now; False when none is. One being polled is polled once more. Whoever calls sees to how often."""
        known = self._book.at(address)
        if known is not None:
            self._agenda.add_now(known)
        return known is not None

    def recheck(self, address: str) -> Printer | None:
        """Return the printer that is polled at *address* without any trouble, and have it polled now; None where there is none.

        For a search: a poll shows whether it is still the same one there, at a tenth of what it costs to ask everybody who they are.
        """
        known = self._book.at(address)
        if known is None or not known.presence.was_read or known.presence.failures or known.is_doubted:
            return None
        self._agenda.add_now(known)
        return known.printer

    def knows(self, address: str) -> bool:
        """Say whether a printer is polled at *address*."""
        return self._book.at(address) is not None

    def misses_anybody(self) -> bool:
        """Say whether a printer is silent, and not known to be gone: a sweep then has reason to look twice."""
        return any(known.presence.is_silent and not known.presence.is_gone for known in self._book)

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
        now_at = self._clock.monotonic()
        self._agenda.rhythm, self._watch.gone_after_seconds, self._reader.rows_max = rhythm, gone_after_seconds, rows_max
        dropped = 0
        for known in self._book:
            target = retarget(known.target)
            if target is None:
                self._book.drop(known, is_forgotten=False)
                self._outcomes.let_go(known)
                dropped += 1
                continue
            known.other_way = None if known.other_way is None else retarget(known.other_way)
            place = places[target.range]
            if known.target != target or known.place != place:
                self._book.point(known, target, place)
            if not known.is_under_way and known.due_at - now_at > rhythm.longest(known.printer):
                self._agenda.spread(known)
        return dropped

    def show_anew(self) -> None:
        """Have everybody read within an interval: what the fleet showed of them may be shown no more."""
        self._fleet.clear()
        for known in self._book:
            self._agenda.spread(known)

    def status(self) -> PollStatus:
        return PollStatus(
            printers=len(self._book),
            workers=self._workers,
            busy=self._busy,
            lag_seconds=self._agenda.lag_seconds(),
            overdue=self._agenda.overdue(),
            results=dict(self._results),
        )

    def metrics(self) -> Iterable[Sample]:
        for result, count in sorted(self._results.items()):
            yield Sample(exposition.POLLER_POLLS, count, (result,))
        yield Sample(exposition.POLLER_POLL_LAG, self._agenda.lag_seconds())
        yield Sample(exposition.POLLER_POLLS_OVERDUE, self._agenda.overdue())
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
        return [remember(known, self._fleet.get(self._outcomes.shown(known).id), self._clock) for known in changed], removed

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
        now_utc, taken = self._clock.utc(), []
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
                who, seconds = self._outcomes.shown(known), one.last_poll_seconds
                self._fleet.fail(who, duration_seconds=seconds, last_ok_utc=one.last_ok_utc, since_utc=one.since_utc)
            wait = wait_seconds(one, now_utc, self._agenda.rhythm.longest(known.printer))
            if wait is None:
                self._agenda.spread(known)
            else:
                self._agenda.add(known, wait)
            taken.append(known)
        for name in self._watch.ranges:
            self._watch.turned(name)  # told of in the earlier run
        for known in taken:
            self._outcomes.note_restored(known)
        return len(taken)

    # --- the crew ------------------------------------------------------------------------------------------------------

    async def _work(self) -> None:
        while True:
            printer_id = None if self._is_stopping else self._agenda.take()
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
                self._agenda.add_now(known)
            known.is_hurried = False

    async def _poll(self, known: Known) -> None:
        """Poll one printer and note what became of it; no PrinterError gets further than here."""
        began_at, target = self._clock.monotonic(), known.target
        if known.presence.rival is not None:  # another one answers there: asking would tell nothing of this one
            self._outcomes.note_failure(known, NobodyError(f"{known.presence.rival} is at this address now"), 0.0)
            return
        try:
            with contained(target):
                decoded = await self._reader.read(known)
        except PrinterError as error:
            self._results[error.kind] += 1
            if not self._book.has(known):
                return
            if known.target is not target:  # it was seen elsewhere meanwhile
                self._agenda.add_now(known)
            else:
                self._outcomes.note_failure(known, error, self._clock.monotonic() - began_at)
            return
        self._results["ok"] += 1
        if self._book.has(known):
            self._outcomes.note_reading(known, decoded, self._clock.monotonic() - began_at)
