"""When what is swept: at start, in its time, what a changed configuration adds, and a single range where somebody is missed.

One sweep at a time. A sweep cut short by a restart goes on where it was. When the configuration changes, a sweep of an unchanged plan goes
on; of a changed one nobody else is asked, those who answered are still looked at, then what is new is swept, and the whole anew.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, time, timedelta
from functools import partial

import msgspec

from poller import garbage
from poller.clock import Clock
from poller.config import Config
from poller.engine import device, second
from poller.engine.dating import Dating
from poller.engine.faults import contained
from poller.engine.journal import Journal
from poller.engine.poll import Poller
from poller.engine.roster import Roster
from poller.engine.sounding import State
from poller.engine.sweep import Identified, Sighting, Sweep
from poller.engine.targets import Plan
from poller.errors import HostError, PrinterError
from poller.ipp.client import IppClient
from poller.logs import emit
from poller.model import Target
from poller.reach import Reach
from poller.snmp.socket import SnmpSocket

log = logging.getLogger(__name__)

_LOOK_SECONDS = 30.0  # a host that slept, or whose clock was set, is noticed this soon
_IPP_AT_ONCE = 24
_WAKE_SECONDS = 30.0  # what a printer asleep may take to answer

_Identify = Callable[[Target], Awaitable[Identified[None]]]


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """What a restart has to know of the sweeps: of which plan the last one was; where it is, or when it was over."""

    plan: bytes = b""
    state: bytes | None = None
    swept_utc: datetime | None = None


class Sweeping:
    """`run` sweeps for ever; cancelled at the end. Between two turns of the loop everything may be changed by `configure`."""

    def __init__(
        self,
        config: Config,
        reach: Reach,
        *,
        wire: SnmpSocket,
        ipp: IppClient,
        roster: Roster,
        poller: Poller,
        journal: Journal,
        clock: Clock,
        dating: Dating,
        on_swept: Callable[[], None] = lambda: None,
    ) -> None:
        self._config, self.reach = config, reach
        self._wire, self._ipp, self._roster, self._poller, self._journal = wire, ipp, roster, poller, journal
        self._clock, self._dating, self._on_swept = clock, dating, on_swept
        self.next_utc: datetime | None = None
        """When the next sweep begins by the clock; None while one runs."""
        self._mark = Mark()
        self._sweep: Sweep[None] | None = None
        self._is_whole = False
        self._is_again = False
        self._added = Plan([])
        self._is_known_but_for_added = False
        self._news = asyncio.Event()
        self._rested_at = clock.monotonic()

    # --- from outside --------------------------------------------------------------------------------------------------

    def restore(self, mark: Mark, *, is_complete: bool) -> None:
        """Take up what an earlier run left. Where printers of it are missing, they are looked for at once."""
        self._mark = mark if is_complete else Mark(swept_utc=mark.swept_utc)

    def mark(self) -> Mark:
        """Return what a restart has to know. A sweep of a part is not gone on with."""
        if self._sweep is not None and self._is_whole:  # under way, or cut short
            return Mark(plan=self._sweep.plan.fingerprint(), state=self._sweep.state().to_bytes())
        return self._mark

    def configure(self, config: Config, reach: Reach) -> None:
        """Let another configuration hold; *reach* is resolved. What it adds is swept at once."""
        before, self.reach, self._config = self.reach, reach, config
        if not reach.is_same(before.plan):
            self._is_known_but_for_added |= self._mark.state is None and self._mark.plan == before.plan.fingerprint()
            self._added = reach.beyond(before)
            if self._sweep is not None and not (self._is_whole and reach.is_same(self._sweep.plan)):
                self._is_again = True
                self._sweep.end()
        if self.next_utc is not None:
            self.next_utc = self._due_after(self._clock.utc())
        self._news.set()

    def take_step(self, *, is_believed_now: bool) -> None:
        """Look at the clock, it has changed; from when it is believed, the time to the next sweep counts from the last one."""
        if is_believed_now and self.next_utc is not None:
            self.next_utc = self._due_after(self._dating.date(self._rested_at))
        self._news.set()

    # --- the loop ------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        await self._survive(self._sweep_at_start)
        while True:
            self._news.clear()
            if len(self._added):
                added, self._added = self._added, Plan([])
                await self._survive(partial(self._sweep_plan, added, is_whole=False))
            elif self._is_again or self._is_due():
                self._is_again = False
                garbage.collect_everything()
                await self._survive(self._sweep_whole)
            elif self._config.sweep.search and (hunt := self._poller.next_search(self.reach.plan)) is not None:
                emit(log, logging.INFO, "sweep.searching", range=hunt.range_name, is_near=hunt.near is not None, missing=len(hunt.missing))
                due_utc = self.next_utc
                near = self.reach.plan.narrow(hunt.range_name, hunt.near)
                await self._survive(partial(self._sweep_plan, near, is_whole=False, identify=self._identify_unknown))
                self.next_utc = due_utc  # looking for somebody puts off nothing
            else:
                if self._is_known_but_for_added:  # and that has been swept by now
                    self._mark = msgspec.structs.replace(self._mark, plan=self.reach.plan.fingerprint())
                    self._is_known_but_for_added = False
                await self._wait()

    async def _survive(self, sweep: Callable[[], Awaitable[None]]) -> None:
        """Let a sweep this host cannot make fail alone: polls and metrics go on, and the next sweep comes in its time."""
        try:
            if self.reach:
                await sweep()
        except* HostError as group:
            emit(log, logging.ERROR, "sweep.failed", reason=str(group.exceptions[0]))
        finally:
            self._rested_at = self._clock.monotonic()
        self.next_utc = self._due_after(self._clock.utc())

    def _is_due(self) -> bool:
        return self.next_utc is not None and self._clock.utc() >= self.next_utc

    async def _wait(self) -> None:
        """Wait for news, or by the wall clock, in small steps: a host that slept, or whose clock was set, must not sweep a day late."""
        now_utc = self._clock.utc()
        assert self.next_utc is not None
        self.next_utc = min(self.next_utc, self._due_after(now_utc))  # a clock set back
        try:
            async with asyncio.timeout(min(_LOOK_SECONDS, max(0.0, (self.next_utc - now_utc).total_seconds()))):
                await self._news.wait()
        except TimeoutError:
            pass

    def _due_after(self, moment_utc: datetime) -> datetime:
        return next_sweep_utc(moment_utc, at=self._config.sweep.at, every_seconds=self._config.sweep.every_seconds)

    async def _sweep_at_start(self) -> None:
        """Sweep if nothing is known, if what is configured changed, or if a sweep was missed; go on with one that was cut short."""
        plan, mark = await self._resolve(), self._mark
        if mark.plan == plan.fingerprint():
            if mark.state is not None:
                try:
                    await self._sweep_plan(plan, is_whole=True, resume=State.from_bytes(mark.state))
                except ValueError as error:
                    emit(log, logging.WARNING, "sweep.not_resumed", reason=str(error))
                else:
                    return
            elif mark.swept_utc is not None and self._due_after(mark.swept_utc) > self._clock.utc():
                return
        if self._config.sweep.on_start:
            await self._sweep_plan(plan, is_whole=True)

    async def _sweep_whole(self) -> None:
        await self._sweep_plan(await self._resolve(), is_whole=True)

    async def _resolve(self) -> Plan:
        """Return what to sweep now, by the configuration of now: it may change while names are looked up."""
        while True:
            reach = self.reach
            plan = await reach.resolve()
            if reach is self.reach:
                self._ipp.allow(reach.by_ipp)
                return plan

    # --- one sweep -----------------------------------------------------------------------------------------------------

    async def _sweep_plan(self, plan: Plan, *, is_whole: bool, resume: State | None = None, identify: _Identify | None = None) -> None:
        """Sweep *plan*, from where *resume* was taken. Raises ValueError when that is of another plan."""
        settings = self._config.sweep
        if is_whole:
            self._added, self._is_known_but_for_added = Plan([]), False
        sweep = Sweep(
            plan,
            self._wire,
            identify or self._identify,
            self._clock,
            rate_per_second=settings.rate_per_second,
            retries=settings.retries,
            timeout_seconds=settings.timeout_seconds,
            workers=self._config.poll.workers,
            settle=self._roster.settle,
            on_found=self._found,
            journal=self._journal,
            is_whole=is_whole,
            wake_seconds=_WAKE_SECONDS if self._poller.misses_anybody() else 0.0,
            resume=resume,
        )
        emit(log, logging.INFO, "sweep.started", addresses=sweep.progress.addresses, is_whole=is_whole, is_resumed=resume is not None)
        self.next_utc, self._sweep, self._is_whole = None, sweep, is_whole
        self._wire.stranger = sweep.heard
        try:
            found = await sweep.run()
        finally:
            self._wire.stranger = None
        if not sweep.is_ended:
            await self._find_by_ipp(sweep)
        self._sweep = None  # one that was cut short stays, for the state
        if is_whole and not sweep.is_ended:
            swept_utc = self._clock.utc() if self._dating.is_right else None
            self._mark = Mark(plan=plan.fingerprint(), swept_utc=swept_utc)
            self._on_swept()
        progress = found.progress
        emit(
            log,
            logging.INFO,
            "sweep.cut_short" if sweep.is_ended else "sweep.completed",
            addresses=progress.addresses,
            answered=progress.answered,
            printers=progress.printers,
            others=progress.others,
            duration_seconds=round(progress.elapsed_seconds, 1),
        )

    async def _find_by_ipp(self, sweep: Sweep[None]) -> None:
        """Ask by IPP the addresses that were silent by SNMP, in ranges that allow it; a few at a time, since silence takes seconds here."""
        targets = self.reach.ipp_targets()

        async def ask() -> None:
            for target in targets:
                if sweep.is_ended:
                    return
                place = self.reach.places.get(target.range)
                if place is None or not sweep.is_silent(target.address, target.port):
                    continue
                try:
                    with contained(target):
                        told = await second.read(self._ipp, target, self._clock, range=target.range, location=place.location)
                except PrinterError:
                    continue
                if self.reach.is_wanted(target):
                    self._poller.found(told.reading.printer, target, place)

        async with asyncio.TaskGroup() as crew:
            for number in range(_IPP_AT_ONCE):
                crew.create_task(ask(), name=f"ipp-{number}")

    async def _identify(self, target: Target) -> Identified[None]:
        place = self.reach.places.get(target.range)
        location = place.location if place is not None else None
        with contained(target):
            return Identified(await device.identify(self._wire, target, rows_max=self._config.poll.rows_max, location=location), None)

    async def _identify_unknown(self, target: Target) -> Identified[None]:
        """Identify an address while looking for somebody: a known printer is left to its next poll, which is at once."""
        printer = self._poller.recheck(target.address)
        return await self._identify(target) if printer is None else Identified(printer, None)

    def _found(self, sighting: Sighting[None]) -> None:
        """Hand a printer to the crew, unless the configuration has let go of it while it was looked at."""
        target = self.reach.retarget(sighting.target)
        if sighting.is_new and target is not None:
            self._poller.found(sighting.printer, target, self.reach.places[target.range])


def next_sweep_utc(now_utc: datetime, *, at: time | None, every_seconds: float | None) -> datetime:
    """Return when the next sweep begins: at the next *at* of this host's own time zone, or *every_seconds* from now."""
    if at is None:
        assert every_seconds is not None
        return now_utc + timedelta(seconds=every_seconds)
    today = now_utc.astimezone().date()
    for days in range(3):  # a day may lack the hour when clocks are set forward
        moment = datetime.combine(today + timedelta(days=days), at).astimezone(now_utc.tzinfo)
        if moment > now_utc:
            return moment
    raise AssertionError("every three days have this time of day")
