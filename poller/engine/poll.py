"""Keeps the fleet fresh: a fixed crew of workers polls whoever is due.

One slow device holds up one worker and nobody else; a full crew slows the schedule down, and the lag is a metric. Nothing that one
device does gets further than its own line in the log: it is counted by kind and asked again later, less and less often while silent.
What is known of each printer can be taken away as values and given back after a restart (`remembered.py`).
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter as Tally
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import msgspec

from poller import exposition
from poller.clock import Clock
from poller.engine import device, second
from poller.engine.asking import OCTETS_MAX, Manners
from poller.engine.device import Device
from poller.engine.faults import contained
from poller.engine.fleet import Fleet
from poller.engine.remembered import Remembered, Way
from poller.engine.roster import Roster
from poller.engine.schedule import Schedule
from poller.engine.wire import AttributeSource, Wire
from poller.errors import AgentError, NoAnswerError, PrinterError, UnreachableError
from poller.exposition import Sample
from poller.logs import emit
from poller.model import Credential, Decoded, Printer, Reading, Target
from poller.model import Value as _Struct
from poller.printers import identity
from poller.printers.decode import decode
from poller.printers.merge import is_same_printer

log = logging.getLogger(__name__)

_TICK_SECONDS = 0.1
_LEARN_EVERY_SECONDS = 24 * 3600.0
_SNMP_AGAIN_SECONDS = 3600.0
_WAKE_SECONDS = 30.0  # a printer asleep for hours may take 20 s to answer; the question that got none has woken it
_RELEARN_AFTER_SECONDS = 3600.0  # an agent whose tables never hold still is walked once an hour, not at every poll

_LONG_AGO = float("-inf")

_decode_reading = msgspec.json.Decoder(Reading).decode


class PollStatus(_Struct, frozen=True, kw_only=True):
    """Where the crew stands; `results` counts polls since the start by their outcome."""

    printers: int
    workers: int
    busy: int
    lag_seconds: float
    results: dict[str, int]


class Place(_Struct, frozen=True, kw_only=True):
    """What a `[[range]]` says of its printers: where they are delivered to, and how long an answer over its line should be."""

    location: str | None = None
    octets_max: int = OCTETS_MAX


@dataclass(slots=True)
class _Known:
    """A printer we poll; `device` is None until it is learned. `due_at` is its next poll, for those who remember it.

    `is_doubted` says that it was silent once and is asked again before anybody is told. `second` is the patience for IPP beside SNMP; until
    `by_ipp_until_at` it is asked by IPP alone, since SNMP was silent.
    """

    printer: Printer
    target: Target
    place: Place
    device: Device | None = None
    learned_at: float = 0.0
    due_at: float = 0.0
    other_way: Target | None = None
    is_silent: bool = False
    is_doubted: bool = False
    second: second.Patience = field(default_factory=second.Patience)
    by_ipp_until_at: float = 0.0


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
        source: AttributeSource | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._source = source
        self._wire, self._fleet, self._clock, self._sleep = wire, fleet, clock, sleep
        self._workers, self._rows_max, self._every_seconds = workers, rows_max, every_seconds
        self._roster = roster
        self._known: dict[str, _Known] = {}
        self._schedule = Schedule(every_seconds=every_seconds)
        self._due: asyncio.Queue[str | None] = asyncio.Queue(maxsize=1)
        self._is_stopping = False
        self._busy = 0
        self._results: Tally[str] = Tally()
        self._changed: set[str] = set()
        self._removed: set[str] = set()

    def found(self, printer: Printer, target: Target, place: Place) -> None:
        """Take a printer the sweep found: a new one is polled at once.

        A known one keeps its way while that works (a device may have several addresses); the other way is taken when it falls silent.
        """
        printer = self._roster.settle(printer)
        known = self._known.get(printer.id)
        if known is None:
            known = self._known[printer.id] = _Known(printer, target, place)
            self._set_due(known, self._clock.monotonic())
            emit(log, logging.INFO, "printer.found", printer=printer.id, address=target.address, model=printer.model)
            return
        if known.place != place:
            known.place, known.learned_at = place, _LONG_AGO
        if known.target != target:
            known.other_way = target
            if known.is_silent:
                self._take_other_way(known)
            elif known.target.address != target.address:
                known.learned_at = _LONG_AGO  # who sits at the old address? the next poll finds out
        elif known.is_silent:
            self._set_due(known, self._clock.monotonic())  # the sweep has just talked to it

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

    # --- across a restart ----------------------------------------------------------------------------------------------

    def take_changes(self, count_max: int) -> tuple[list[Remembered], list[str]]:
        """Return at most *count_max* printers that changed since they were last taken, and the ids of those that are no more."""
        changed = [self._changed.pop() for _ in range(min(count_max, len(self._changed)))]
        removed = [printer_id for printer_id in self._removed if printer_id not in self._known]
        self._removed.clear()
        return [self._remembered(self._known[printer_id]) for printer_id in changed if printer_id in self._known], removed

    def restore(
        self,
        printers: Iterable[Remembered],
        credentials: Mapping[str, Credential],
        places: Mapping[str | None, Place],
        *,
        is_wanted: Callable[[Target], bool],
    ) -> int:
        """Take up printers where an earlier run left them; return how many.

        Those of a credential or range that is configured no more, or at an address nobody wants asked, are left out. Polls that fell due
        meanwhile are spread over one interval.
        """
        now_at, now_utc, count = self._clock.monotonic(), self._clock.utc(), 0
        for one in printers:
            target, place = one.way.target(credentials), places.get(one.way.range)
            if target is None or place is None or not is_wanted(target):
                self._removed.add(one.printer.id)
                continue
            known = _Known(self._roster.settle(one.printer), target, place, is_silent=one.is_silent)
            if known.printer.id != one.printer.id:
                self._removed.add(one.printer.id)
            other_way = one.other_way.target(credentials) if one.other_way is not None else None
            known.other_way = other_way if other_way is not None and is_wanted(other_way) else None
            if one.layout is not None and one.learned_utc is not None:
                manners = Manners(one.oids_max, one.bulk_rows, place.octets_max, one.is_proven, one.pause_ms, one.context)
                known.device = Device(one.layout, manners, config_changes=one.config_changes, context_at=one.context_at)
                known.learned_at = now_at - max(0.0, (now_utc - one.learned_utc).total_seconds())
            if one.location != place.location:
                known.learned_at = _LONG_AGO
            reading = _reading(one.reading)
            if reading is not None:
                self._fleet.put(Decoded(reading=reading, boot_utc=one.boot_utc), duration_seconds=one.last_poll_seconds)
            if one.is_silent or reading is None:
                self._fleet.fail(known.printer, duration_seconds=one.last_poll_seconds, last_ok_utc=one.last_ok_utc)
            self._known[known.printer.id] = known
            wait_seconds = (one.due_utc - now_utc).total_seconds()
            if not 0 <= wait_seconds <= self._every_seconds:
                wait_seconds = random.uniform(0, self._every_seconds)  # noqa: S311  spreads work, hides nothing
            self._set_due(known, now_at + wait_seconds)
            count += 1
        return count

    def _remembered(self, known: _Known) -> Remembered:
        now_at, now_utc = self._clock.monotonic(), self._clock.utc()
        one, entry = known.device, self._fleet.get(known.printer.id)
        manners = one.manners if one is not None else Manners()
        return Remembered(
            printer=known.printer,
            way=Way.of(known.target),
            other_way=None if known.other_way is None else Way.of(known.other_way),
            location=known.place.location,
            layout=None if one is None else one.layout,
            learned_utc=None if one is None else now_utc - timedelta(seconds=min(now_at - known.learned_at, _LEARN_EVERY_SECONDS)),
            config_changes=None if one is None else one.config_changes,
            oids_max=manners.oids_max,
            bulk_rows=manners.bulk_rows,
            is_proven=manners.is_proven,
            pause_ms=manners.pause_ms,
            context=manners.context,
            context_at=() if one is None else one.context_at,
            due_utc=now_utc + timedelta(seconds=known.due_at - now_at),
            is_silent=known.is_silent,
            boot_utc=None if entry is None else entry.boot_utc,
            last_ok_utc=None if entry is None else entry.last_ok_utc,
            last_poll_seconds=0.0 if entry is None else entry.last_poll_seconds,
            reading=b"" if entry is None else entry.json,
        )

    # --- the crew ------------------------------------------------------------------------------------------------------

    async def _work(self) -> None:
        while True:
            printer_id = None if self._is_stopping else self._schedule.take(self._clock.monotonic())
            if printer_id is None:
                printer_id = await self._due.get()
            if printer_id is None:
                return
            known = self._known.get(printer_id)
            if known is not None:
                self._busy += 1
                try:
                    await self._poll(known)
                finally:
                    self._busy -= 1

    async def _poll(self, known: _Known) -> None:
        """Poll one printer and say what became of it; no PrinterError gets further than here."""
        began_at = self._clock.monotonic()
        before = known.printer
        try:
            with contained(known.target):
                decoded = await self._read(known)
        except PrinterError as error:
            self._results[error.kind] += 1
            if self._known.get(before.id) is not known:  # another has taken its place meanwhile
                return
            if self._may_be_asleep(known, error):
                known.is_doubted = True
                self._set_due(known, self._clock.monotonic() + _WAKE_SECONDS)
                return
            known.is_doubted = False
            self._note_silence(known, error, self._clock.monotonic() - began_at)
            return
        self._results["ok"] += 1
        if self._known.get(before.id) is not known:
            return
        if known.printer.id != before.id:
            self._replace(before, known)
        now_at = self._clock.monotonic()
        self._fleet.put(decoded, duration_seconds=now_at - began_at)
        self._set_due(known, self._schedule.after_answer(known.printer.id, now_at))
        if known.is_silent:
            emit(log, logging.INFO, "printer.back", printer=known.printer.id, address=known.target.address)
            known.is_silent = False
        known.is_doubted = False

    async def _read(self, known: _Known) -> Decoded:
        """Read by SNMP, filled in by IPP where a range allows that; by IPP alone while SNMP is silent, which is tried now and then."""
        if self._source is None or not self._source.may_ask(known.target.address):
            return await self._read_by_snmp(known)
        if self._clock.monotonic() >= known.by_ipp_until_at:
            known.by_ipp_until_at = 0.0
            try:
                decoded = await self._read_by_snmp(known)
            except NoAnswerError as silence:
                try:
                    decoded = await self._read_by_ipp(self._source, known)
                except PrinterError:
                    raise silence from None
                known.by_ipp_until_at = self._clock.monotonic() + _SNMP_AGAIN_SECONDS
                return decoded
            return await second.complete(self._source, decoded, known.second, self._clock)
        try:
            return await self._read_by_ipp(self._source, known)
        except PrinterError:
            known.by_ipp_until_at = 0.0  # perhaps it is SNMP that works again
            raise

    async def _read_by_ipp(self, source: AttributeSource, known: _Known) -> Decoded:
        told = await second.read(source, known.target, self._clock, range=known.target.range, location=known.place.location)
        printer = told.reading.printer
        if not is_same_printer(known.printer, printer):
            raise AgentError("another printer answers IPP at this address")
        reading = msgspec.structs.replace(told.reading, printer=msgspec.structs.replace(known.printer, via=printer.via))
        return msgspec.structs.replace(told, reading=reading)

    async def _read_by_snmp(self, known: _Known) -> Decoded:
        age_seconds = self._clock.monotonic() - known.learned_at
        if known.device is None or age_seconds >= _LEARN_EVERY_SECONDS:
            return await self._learn(known)
        one = known.device  # a sweep may bring another way while this one is asked
        polled = await device.poll(self._wire, known.target, one, rows_max=self._rows_max)
        if polled.is_changed and age_seconds >= _RELEARN_AFTER_SECONDS:
            return await self._learn(known)
        return decode(one.layout, polled.moving, polled.alerts, printer=known.printer, taken_at=self._clock.utc())

    async def _learn(self, known: _Known) -> Decoded:
        learned = await device.learn(self._wire, known.target, rows_max=self._rows_max, octets_max=known.place.octets_max)
        if not identity.is_printer(learned.rows):
            raise AgentError("no printer at this address any more")
        printer = self._roster.settle(device.describe(learned, known.target, location=known.place.location))
        decoded = decode(learned.layout, learned.moving, learned.device.alerts or (), printer=printer, taken_at=self._clock.utc())
        known.printer, known.device, known.learned_at = printer, learned.device, self._clock.monotonic()
        for fault in learned.faults:
            emit(log, logging.INFO, "printer.table_broken", printer=printer.id, reason=fault)
        return decoded

    def _may_be_asleep(self, known: _Known, error: PrinterError) -> bool:
        """Say whether a printer that gave no answer gets one more try first: all was well so far, and there is no other way to it."""
        is_silence = isinstance(error, NoAnswerError) and not isinstance(error, UnreachableError)
        return is_silence and not (known.is_silent or known.is_doubted) and known.other_way is None

    def _note_silence(self, known: _Known, error: PrinterError, duration_seconds: float) -> None:
        printer_id, now_at = known.printer.id, self._clock.monotonic()
        if not self._fleet.fail(known.printer, duration_seconds=duration_seconds):
            self._forget(known.printer)
            return
        due_at = self._schedule.after_silence(printer_id, now_at)
        self._set_due(known, due_at)
        if not known.is_silent:  # said once, not at every try
            emit(
                log,
                logging.INFO,
                "printer.silent",
                printer=printer_id,
                address=known.target.address,
                error=error.kind,
                reason=str(error),
                next_try_seconds=round(due_at - now_at),
            )
        known.is_silent = True
        if known.other_way is not None:
            self._take_other_way(known)

    def _set_due(self, known: _Known, due_at: float) -> None:
        known.due_at = due_at
        self._schedule.add(known.printer.id, due_at)
        self._changed.add(known.printer.id)

    def _take_other_way(self, known: _Known) -> None:
        """Ask the printer where it was seen last, and learn it anew."""
        assert known.other_way is not None
        known.target, known.other_way, known.device = known.other_way, None, None
        self._set_due(known, self._clock.monotonic())

    def _forget(self, printer: Printer) -> None:
        """It has been silent for so long that nobody waits for it; should it come back, a sweep finds it."""
        self._drop(printer)
        self._roster.forget(printer.id)
        self._fleet.forget(printer.id)
        emit(log, logging.INFO, "printer.forgotten", printer=printer.id, address=printer.address)

    def _replace(self, before: Printer, known: _Known) -> None:
        """Another device answers at this address: it is polled from now on; the one we knew where it was seen last, if it was."""
        self._drop(before)
        seen_at, known.other_way = known.other_way, None  # that way was to the one we knew
        self._known[known.printer.id] = known
        self._fleet.fail(before, duration_seconds=0.0)
        if seen_at is not None:
            moved = self._known[before.id] = _Known(before, seen_at, known.place)
            self._set_due(moved, self._clock.monotonic())
        emit(log, logging.INFO, "printer.replaced", printer=known.printer.id, before=before.id, address=known.target.address)

    def _drop(self, printer: Printer) -> None:
        del self._known[printer.id]
        self._schedule.remove(printer.id)
        self._removed.add(printer.id)


def _reading(json: bytes) -> Reading | None:
    """Return the reading in *json*; None where there is none, or one of a program that had another idea of it."""
    try:
        return _decode_reading(json) if json else None
    except msgspec.MsgspecError:
        return None
