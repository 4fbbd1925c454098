"""Finds printers: one small question to everybody, then a closer look at whoever answered.

Stage one (`sounding.py`) needs no memory of whom it asked; this file gives it its rhythm: so many packets a second, only silent addresses
once more, and after each pass a cooldown, in which late answers still count. Stage two is a fixed crew that asks every address that
answered who it is. Both run side by side; when the crew falls behind, stage one waits. Cancelled anywhere, nothing is left running.
"""

from __future__ import annotations

import asyncio
import secrets
from asyncio import Queue, TaskGroup
from collections import Counter as Tally
from collections.abc import Awaitable, Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Generic, NamedTuple, TypeVar

from poller.clock import Clock
from poller.engine.journal import Journal, Progress
from poller.engine.pacing import ON_LINK_PER_SECOND, TICK_SECONDS, Pacer
from poller.engine.roster import Roster
from poller.engine.sounding import KEY_SIZE, Hit, Noise, Sounding, State
from poller.engine.targets import Lane, Plan
from poller.engine.wire import Sounder
from poller.errors import AccessError, HostError, PrinterError
from poller.model import Printer, Target

Detail = TypeVar("Detail")

_BATCH_MAX = 256  # probes sent before answers get their turn: about a millisecond
_COOLDOWN_TICK_SECONDS = 0.05
_PROGRESS_SECONDS = 0.2
_REFUSALS_MAX = 1000  # in a row, each a tick or more after the one before; queues drain in milliseconds
_WAITING_MAX = 4096  # answered and not identified yet; beyond it stage one pauses


class Identified(NamedTuple, Generic[Detail]):
    """What a closer look said. `printer` is None for a device that is none, of which only a count is kept."""

    printer: Printer | None
    detail: Detail


class Sighting(NamedTuple, Generic[Detail]):
    """A printer seen at an address. `is_new` is False for a further address of one that was seen before, under the same `printer.id`."""

    target: Target
    printer: Printer
    detail: Detail
    is_new: bool


class Device(NamedTuple, Generic[Detail]):
    """One printer: as it was first seen, and the other addresses it also answers at."""

    first: Sighting[Detail]
    other_addresses: tuple[str, ...]


class Found(NamedTuple, Generic[Detail]):
    """What a sweep brought. `failures` and `noise` count by kind."""

    devices: tuple[Device[Detail], ...]
    progress: Progress
    failures: Mapping[str, int]
    noise: Mapping[str, int]


class _Lane:
    """A lane of the plan with all pacers its packets must pass, and until when it listens after a pass."""

    __slots__ = ("number", "pacers", "quiet_until_at")

    def __init__(self, number: int, pacers: tuple[Pacer, ...]) -> None:
        self.number, self.pacers = number, pacers
        self.quiet_until_at = 0.0


class Sweep(Generic[Detail]):
    """One sweep of a plan. `run` it once; hand its `heard` to the socket, which offers it every answer to no question of its own.

    *settle* says under which id a printer is known (`Roster.settle`); *on_found* hears of every printer at once, *on_progress* a few times
    a second. *retries* are further tries per credential; *timeout_seconds* is how long an answer may take. The last try comes
    *wake_seconds* after the one before it, for printers that were asleep and that one has woken. *is_whole* is what the journal is told.
    *resume* goes on where `state()` was taken, and raises ValueError when that was with another plan.
    """

    def __init__(
        self,
        plan: Plan,
        sounder: Sounder,
        identify: Callable[[Target], Awaitable[Identified[Detail]]],
        clock: Clock,
        *,
        rate_per_second: float,
        retries: int,
        timeout_seconds: float,
        workers: int,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        settle: Callable[[Printer], Printer] | None = None,
        on_found: Callable[[Sighting[Detail]], None] | None = None,
        on_progress: Callable[[Progress], None] | None = None,
        journal: Journal | None = None,
        is_whole: bool = True,
        wake_seconds: float = 0.0,
        key: bytes | None = None,
        resume: State | None = None,
    ) -> None:
        assert workers > 0
        assert retries >= 0
        key = resume.key if resume is not None else key or secrets.token_bytes(KEY_SIZE)
        self._sounding = Sounding(plan, key, tries=retries + 1, resume=resume)
        self.plan, self._sounder, self._identify, self._clock, self._sleep = plan, sounder, identify, clock, sleep
        self._timeout_seconds, self._wake_seconds, self._workers = timeout_seconds, wake_seconds, workers
        self._settle = settle if settle is not None else Roster().settle
        self._on_found, self._on_progress, self._journal, self._is_whole = on_found, on_progress, journal, is_whole
        self._total = Pacer(rate_per_second)
        self._lanes = self._pace(plan.lanes)
        self._hits: Queue[Hit] = Queue()  # bounded: stage one waits when there are many in _waiting
        self._waiting: dict[Hit, None] = {}
        self._devices: dict[str, tuple[Sighting[Detail], list[str]]] = {}
        self._sightings = self._others = 0
        self._failures: Tally[str] = Tally()
        self._started_at = self._reported_at = clock.monotonic()
        self._refusals = 0
        self.is_ended = False
        for hit in resume.waiting if resume is not None else ():
            self._take(Hit(*hit))

    async def run(self) -> Found[Detail]:
        """Sweep, and return what there is.

        Whatever *identify* or *on_found* raise beyond PrinterError ends the sweep and is raised, in an ExceptionGroup; as is HostError
        when the kernel takes no datagrams at all.
        """
        self._started_at = self._clock.monotonic()
        for lane in self._lanes:
            lane.quiet_until_at = self._started_at + self._timeout_seconds  # a resumed sweep may be in a cooldown
        if self._journal is not None:
            self._journal.begin(lambda: self.progress, is_whole=self._is_whole)
        is_complete = False
        try:
            async with TaskGroup() as crew:
                members = [crew.create_task(self._identify_hits(), name=f"sweep-{number}") for number in range(self._workers)]
                await self._sound()
                await self._hits.join()
                for member in members:
                    member.cancel()
            is_complete = not self.is_ended
        finally:
            if self._journal is not None:
                self._journal.end(is_complete=is_complete)
        self._report()
        return self._found()

    def end(self) -> None:
        """Ask nobody else. Whoever has answered is still looked at, then `run` returns, as from a sweep that was cut short."""
        self.is_ended = True

    def heard(self, request_id: int, address: str, port: int) -> bool:
        """Take the request-id of a response no question waited for, and whom it came from; return whether it answers this sweep."""
        heard = self._sounding.hear(request_id, address, port)
        if isinstance(heard, Hit):
            self._take(heard)
        return heard is not Noise.FOREIGN

    def is_silent(self, address: str, port: int) -> bool:
        """Say whether *address* was to be asked and has not answered."""
        return self._sounding.is_silent(address, port)

    def state(self) -> State:
        """Return where the sweep is. Taken at any time, also after `run` was cancelled."""
        return self._sounding.state(tuple(self._waiting))

    @property
    def progress(self) -> Progress:
        sounding, lanes = self._sounding, range(len(self.plan.lanes))
        passes = [sounding.passes(lane.number) for lane in self._lanes] or [sounding.passes(lane) for lane in lanes] or [(0, 0)]
        done = sum(sounding.share_done(lane) * self.plan.lanes[lane].size for lane in lanes)
        return Progress(
            addresses=len(self.plan),
            sent=sounding.sent,
            answered=sounding.answered,
            identified=self._sightings + self._others,
            printers=len(self._devices),
            others=self._others,
            failed=self._failures.total(),
            pass_number=min(number for number, _ in passes),
            passes=max(count for _, count in passes),
            share=done / len(self.plan) if len(self.plan) else 1.0,
            elapsed_seconds=self._clock.monotonic() - self._started_at,
        )

    # --- stage one -----------------------------------------------------------------------------------------------------

    async def _sound(self) -> None:
        while self._lanes and not self.is_ended:
            wait_seconds = self._send_due(self._clock.monotonic())
            self._report_now_and_then()
            await self._sleep(wait_seconds)

    def _send_due(self, now_at: float) -> float:
        """Send what may be sent now; return the seconds until it is worth looking again."""
        if len(self._waiting) >= _WAITING_MAX:
            return TICK_SECONDS
        # The lane that is least far goes first: so all end together, and a small network is not hit harder than a large one.
        by_share = sorted(self._lanes, key=lambda lane: self._sounding.share_done(lane.number))
        soonest = min(self._advance(lane, now_at) for lane in by_share)
        self._lanes = [lane for lane in self._lanes if not self._is_over(lane, now_at)]
        return max(soonest, TICK_SECONDS) if soonest > 0 else 0

    def _advance(self, lane: _Lane, now_at: float) -> float:
        """Send a batch of *lane* if its pacers allow; return the seconds until it can go on."""
        sounding = self._sounding
        if sounding.is_pass_done(lane.number):
            if now_at < lane.quiet_until_at or sounding.is_lane_done(lane.number):
                return min(_COOLDOWN_TICK_SECONDS, max(0.0, lane.quiet_until_at - now_at))
            sounding.next_pass(lane.number)
        allowed = min(_BATCH_MAX, *(pacer.available(now_at) for pacer in lane.pacers))
        if allowed > 0:
            sent, has_room = sounding.sound(lane.number, allowed, self._sounder.send_many)
            for pacer in lane.pacers:
                pacer.claim(now_at, sent)
            if not has_room:
                self._total.slow_down(now_at)
            self._watch_for_standstill(is_moving=sent > 0 or has_room)
            if sounding.is_pass_done(lane.number):
                wake_seconds = self._wake_seconds if sounding.is_last_round_next(lane.number) else 0.0
                lane.quiet_until_at = now_at + max(self._timeout_seconds, wake_seconds)
        return max(pacer.wait_seconds(now_at) for pacer in lane.pacers)

    def _watch_for_standstill(self, *, is_moving: bool) -> None:
        """Raise HostError once the kernel has refused everything for long: waiting must end some time."""
        self._refusals = 0 if is_moving else self._refusals + 1
        if self._refusals > _REFUSALS_MAX:
            raise HostError("the kernel has no room for a single datagram", hint="is a network interface down, or its queue full?")

    def _is_over(self, lane: _Lane, now_at: float) -> bool:
        """Say whether all have answered, or the last pass is sent and its cooldown over."""
        if self._sounding.has_answered(lane.number):
            return True
        return self._sounding.is_lane_done(lane.number) and now_at >= lane.quiet_until_at

    def _pace(self, lanes: Iterable[Lane]) -> list[_Lane]:
        on_link = Pacer(ON_LINK_PER_SECOND)
        own: dict[int, Pacer] = {}  # the lanes of one range share its pacer
        paced = []
        for number, lane in enumerate(lanes):
            pacers = [self._total]
            pace = lane.road.pace
            rate_per_second = self.plan.ranges[pace].rate_per_second if pace is not None else None
            if pace is not None and rate_per_second is not None:
                pacers.append(own.setdefault(pace, Pacer(rate_per_second)))
            if lane.road.is_on_link:
                pacers.append(on_link)
            paced.append(_Lane(number, tuple(pacers)))
        return paced

    # --- stage two -----------------------------------------------------------------------------------------------------

    def _take(self, hit: Hit) -> None:
        self._waiting[hit] = None
        self._hits.put_nowait(hit)

    async def _identify_hits(self) -> None:
        while True:
            hit = await self._hits.get()
            try:
                self._note(*await self._look(hit))
            except PrinterError as error:
                self._failures[error.kind] += 1
            del self._waiting[hit]  # not in a finally: one whose look was cut short still waits, in the state
            self._hits.task_done()
            self._report_now_and_then()

    async def _look(self, hit: Hit) -> tuple[Target, Identified[Detail]]:
        """Identify an address by the credential it answered to, or by another of its range's where SNMPv3 lets that one not in.

        Raises PrinterError.
        """
        target = self._sounding.target(hit)
        try:
            return target, await self._identify(target)
        except AccessError as error:
            for other in self._sounding.other_targets(hit):
                try:
                    return other, await self._identify(other)
                except PrinterError:
                    continue
            raise error from None

    def _note(self, target: Target, identified: Identified[Detail]) -> None:
        if identified.printer is None:
            self._others += 1
            return
        self._sightings += 1
        printer = self._settle(identified.printer)
        known = self._devices.get(printer.id)
        sighting = Sighting(target, printer, identified.detail, is_new=known is None)
        if known is None:
            self._devices[printer.id] = sighting, []
        else:
            known[1].append(target.address)
        if self._on_found is not None:
            self._on_found(sighting)

    # --- telling -------------------------------------------------------------------------------------------------------

    def _report_now_and_then(self) -> None:
        if self._on_progress is not None and self._clock.monotonic() >= self._reported_at + _PROGRESS_SECONDS:
            self._report()

    def _report(self) -> None:
        self._reported_at = self._clock.monotonic()
        if self._on_progress is not None:
            self._on_progress(self.progress)

    def _found(self) -> Found[Detail]:
        devices = tuple(Device(first, tuple(others)) for first, others in self._devices.values())
        noise = {kind.value: count for kind, count in self._sounding.noise.items()}
        return Found(devices, self.progress, MappingProxyType(dict(self._failures)), MappingProxyType(noise))
