"""Keeps the fleet fresh: a fixed crew of workers polls whoever is due.

One slow device holds up one worker and nobody else; a full crew slows the schedule down, and the lag is a metric. Nothing that one
device does gets further than its own line in the log: it is counted by kind and asked again later, less and less often while silent.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter as Tally
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from poller import exposition
from poller.clock import Clock
from poller.engine import device
from poller.engine.device import Manners
from poller.engine.fleet import Fleet
from poller.engine.roster import Roster
from poller.engine.schedule import Schedule
from poller.engine.wire import Wire
from poller.errors import AgentError, PrinterError
from poller.exposition import Sample
from poller.logs import emit
from poller.model import Decoded, Printer, Target
from poller.model import Value as _Struct
from poller.printers import identity
from poller.printers.decode import decode
from poller.printers.layout import Layout, config_changes

log = logging.getLogger(__name__)

_TICK_SECONDS = 0.1
_LEARN_EVERY_SECONDS = 24 * 3600.0
_RELEARN_AFTER_SECONDS = 3600.0  # an agent whose tables never hold still is walked once an hour, not at every poll


class PollStatus(_Struct, frozen=True, kw_only=True):
    """Where the crew stands; `results` counts polls since the start by their outcome."""

    printers: int
    workers: int
    busy: int
    lag_seconds: float
    results: dict[str, int]


@dataclass(slots=True)
class _Known:
    """A printer we poll and what was learned of it; `layout` is None until the first poll."""

    printer: Printer
    target: Target
    location: str | None
    layout: Layout | None
    manners: Manners
    learned_at: float
    config_changes: int | None = None
    other_way: Target | None = None
    is_silent: bool = False


class Poller:
    """Polls printers as they fall due; `found` adds one or brings its new address."""

    def __init__(
        self,
        wire: Wire,
        fleet: Fleet,
        clock: Clock,
        *,
        roster: Roster,
        every_seconds: float,
        workers: int,
        rows_max: int,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._wire, self._fleet, self._clock, self._sleep = wire, fleet, clock, sleep
        self._workers, self._rows_max = workers, rows_max
        self._roster = roster
        self._known: dict[str, _Known] = {}
        self._schedule = Schedule(every_seconds=every_seconds)
        self._due: asyncio.Queue[str] = asyncio.Queue(maxsize=1)
        self._busy = 0
        self._results: Tally[str] = Tally()

    def found(self, printer: Printer, target: Target, *, location: str | None = None) -> None:
        """Take a printer the sweep found: a new one is polled at once.

        A known one keeps its way while that works (a device may have several addresses); the other way is taken when it falls silent.
        """
        printer = self._roster.settle(printer)
        known = self._known.get(printer.id)
        if known is None:
            self._known[printer.id] = _Known(printer, target, location, None, Manners(), 0.0)
            self._schedule.add(printer.id, self._clock.monotonic())
            emit(log, logging.INFO, "printer.found", printer=printer.id, address=target.address, model=printer.model)
            return
        known.location = location
        if known.target != target:
            known.other_way = target
            if known.is_silent:
                self._take_other_way(known)

    async def run(self, stop: asyncio.Event) -> None:
        """Poll until *stop*; polls under way are finished, none is begun."""
        async with asyncio.TaskGroup() as crew:
            workers = [crew.create_task(self._work(), name=f"poll-{number}") for number in range(self._workers)]
            while not stop.is_set():
                printer_id = self._schedule.take(self._clock.monotonic())
                if printer_id is None:
                    await self._sleep(_TICK_SECONDS)
                else:
                    await self._due.put(printer_id)
            await self._due.join()
            for worker in workers:
                worker.cancel()

    def status(self) -> PollStatus:
        return PollStatus(
            printers=len(self._known),
            workers=self._workers,
            busy=self._busy,
            lag_seconds=self._schedule.lag_seconds(self._clock.monotonic()),
            results=dict(self._results),
        )

    def metrics(self) -> Iterable[Sample]:
        for result, count in sorted(self._results.items()):
            yield Sample(exposition.POLLER_POLLS, count, (result,))
        yield Sample(exposition.POLLER_POLL_LAG, self._schedule.lag_seconds(self._clock.monotonic()))
        yield Sample(exposition.POLLER_POLL_WORKERS, self._workers)
        yield Sample(exposition.POLLER_POLL_WORKERS_BUSY, self._busy)

    async def _work(self) -> None:
        while True:
            printer_id = await self._due.get()
            self._busy += 1
            try:
                await self._poll(self._known[printer_id])
            finally:
                self._busy -= 1
                self._due.task_done()

    async def _poll(self, known: _Known) -> None:
        """Poll one printer and say what became of it; no PrinterError gets further than here."""
        began_at = self._clock.monotonic()
        before = known.printer
        try:
            with device.contained(known.target):
                decoded = await self._read(known)
        except PrinterError as error:
            self._results[error.kind] += 1
            now_at = self._clock.monotonic()
            if not self._fleet.fail(before, duration_seconds=now_at - began_at):
                self._forget(before)
                return
            wait_seconds = self._schedule.failed(before.id, now_at)
            if not known.is_silent:  # once, not at every try
                emit(
                    log,
                    logging.INFO,
                    "printer.silent",
                    printer=before.id,
                    address=known.target.address,
                    error=error.kind,
                    reason=str(error),
                    next_try_seconds=round(wait_seconds),
                )
            known.is_silent = True
            if known.other_way is not None:
                self._take_other_way(known)
            return
        self._results["ok"] += 1
        now_at = self._clock.monotonic()
        if known.printer.id != before.id:
            self._replace(before, known)
        self._fleet.put(decoded, duration_seconds=now_at - began_at)
        self._schedule.done(known.printer.id, now_at)
        if known.is_silent:
            emit(log, logging.INFO, "printer.back", printer=known.printer.id, address=known.target.address)
            known.is_silent = False

    async def _read(self, known: _Known) -> Decoded:
        age_seconds = self._clock.monotonic() - known.learned_at
        if known.layout is None or age_seconds >= _LEARN_EVERY_SECONDS:
            return await self._learn(known)
        polled = await device.poll(self._wire, known.target, known.layout, known.manners, rows_max=self._rows_max)
        is_changed = polled.is_changed or config_changes(known.layout, polled.moving) != known.config_changes
        if is_changed and age_seconds >= _RELEARN_AFTER_SECONDS:
            return await self._learn(known)
        return decode(known.layout, polled.moving, polled.alerts, printer=known.printer, taken_at=self._clock.utc())

    async def _learn(self, known: _Known) -> Decoded:
        learned = await device.learn(self._wire, known.target, rows_max=self._rows_max)
        if not identity.is_printer(learned.rows):
            raise AgentError("no printer at this address any more")
        known.printer = self._roster.settle(device.describe(learned, known.target, location=known.location))
        known.layout, known.manners, known.learned_at = learned.layout, learned.manners, self._clock.monotonic()
        known.config_changes = config_changes(learned.layout, learned.moving)
        for fault in learned.faults:
            emit(log, logging.INFO, "printer.table_broken", printer=known.printer.id, reason=fault)
        return decode(learned.layout, learned.moving, learned.alerts, printer=known.printer, taken_at=self._clock.utc())

    def _take_other_way(self, known: _Known) -> None:
        """Ask the printer where it was seen last, and learn it anew."""
        assert known.other_way is not None
        known.target, known.other_way, known.layout = known.other_way, None, None
        self._schedule.add(known.printer.id, self._clock.monotonic())

    def _forget(self, printer: Printer) -> None:
        """It has been silent for so long that nobody waits for it; should it come back, a sweep finds it."""
        del self._known[printer.id]
        self._schedule.remove(printer.id)
        self._roster.forget(printer.id)
        self._fleet.forget(printer.id)
        emit(log, logging.INFO, "printer.forgotten", printer=printer.id, address=printer.address)

    def _replace(self, before: Printer, known: _Known) -> None:
        """Another device answers at this address: the one we knew is silent, the new one is polled from now on."""
        self._schedule.remove(before.id)
        del self._known[before.id]
        self._known[known.printer.id] = known
        self._fleet.fail(before, duration_seconds=0.0)
        emit(log, logging.INFO, "printer.replaced", printer=known.printer.id, before=before.id, address=known.target.address)
