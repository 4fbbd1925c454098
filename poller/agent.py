"""The agent: every part built, wired and stopped in a stated order. The composition root of `poller run`.

    sweep ──> roster ──> poller ──> fleet ──> exporter
      └── one SNMP socket per address family ──┘  └──> state

Starting: state, socket, exporter, then sweep and polls, so that the page tells all that was known from the first second. Stopping: no new
sweep or poll, polls under way finish within their budget, then the state is written and exporter and socket close.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from contextlib import nullcontext
from datetime import datetime, time, timedelta

import msgspec

from poller import __version__, garbage, host, networks
from poller.clock import Clock
from poller.config import CREDENTIALS_PER_ADDRESS_MAX, Config, Network, ipp_intervals
from poller.config import Range as ConfiguredRange
from poller.engine import device, second
from poller.engine.asking import OCTETS_MAX, OCTETS_MAX_SLOW
from poller.engine.faults import contained
from poller.engine.fleet import Fleet
from poller.engine.journal import Journal
from poller.engine.poll import Place, Poller
from poller.engine.roster import Roster
from poller.engine.sounding import State
from poller.engine.sweep import Identified, Sighting, Sweep
from poller.engine.targets import Plan, Range
from poller.errors import HostError, PrinterError
from poller.exporter.health import AgentStatus, PollHealth, SweepHealth, WireHealth
from poller.exporter.probe import UnknownCredentialError, split_target
from poller.exporter.server import Exporter
from poller.exposition import Sample
from poller.ipp.client import IppClient
from poller.logs import emit
from poller.model import Decoded, Target
from poller.networks import HostName, Interval, address_text, subtract
from poller.sealing.local_key import LocalKey
from poller.snmp.engines import KnownEngine
from poller.snmp.socket import SnmpSocket
from poller.state.keeper import Keeper
from poller.state.store import StateStore

log = logging.getLogger(__name__)

_LOOK_SECONDS = 30.0  # a host that slept, or whose clock was set, is noticed this soon
_IPP_AT_ONCE = 24
_DEFAULT_CREDENTIAL = "public"
_FINISH_SECONDS = 10.0  # what polls under way may still take after SIGTERM


class _Mark(msgspec.Struct, frozen=True, kw_only=True):
    """What a restart has to know beside the printers.

    Of which plan the last sweep was; where it is, or when it was over; and the SNMPv3 engines met, with their boots and times.
    """

    plan: bytes = b""
    state: bytes | None = None
    swept_utc: datetime | None = None
    engines: tuple[KnownEngine, ...] = ()


class Agent:
    """`run` it once, until *stop*."""

    def __init__(self, config: Config, clock: Clock) -> None:
        self._config, self._clock = config, clock
        self.started = asyncio.Event()
        """Set once the exporter listens."""
        self._started_utc = clock.utc()
        self._next_sweep_utc: datetime | None = None
        self._sweep: Sweep[None] | None = None
        self._last_mark: _Mark | None = None
        self._store: StateStore | None = None
        self._notes: tuple[str, ...] = config.warnings
        self._places: dict[str | None, Place] = {
            one.name: Place(location=one.location, octets_max=OCTETS_MAX_SLOW if one.slow else OCTETS_MAX) for one in config.ranges
        }
        self._wire = SnmpSocket(timeout_seconds=config.poll.timeout_seconds, retries=config.poll.retries)
        self._ipp = IppClient(ipp_intervals(config.ranges)) if any(one.ipp for one in config.ranges) else None
        self._roster = Roster()
        self._journal = Journal(clock)
        self._fleet = Fleet(
            clock,
            site=config.site.name or None,
            stale_after_seconds=config.exporter.stale_after_seconds,
            forget_after_seconds=config.exporter.forget_after_seconds,
        )
        self._known_plan = Plan([_engine_range(one) for one in config.ranges])
        """Whom we may ask; with the addresses of host names once these were asked for."""
        self._poller = Poller(
            self._wire,
            self._fleet,
            clock,
            roster=self._roster,
            every_seconds=config.poll.every_seconds,
            workers=config.poll.workers,
            rows_max=config.poll.rows_max,
            source=self._ipp,
        )
        self._exporter = Exporter(
            listen=(config.exporter.listen.host, config.exporter.listen.port),
            fleet=self._fleet,
            samples=(self._wire.metrics, self._journal.metrics, self._poller.metrics, self._fleet.metrics, self._state_metrics),
            status=self.status,
            probe=self._probe,
            is_ready=self._is_ready,
            clock=clock,
        )

    @property
    def port(self) -> int:
        """The exporter's port; known once `run` has begun."""
        return self._exporter.port

    async def run(self, stop: asyncio.Event) -> None:
        """Sweep, poll and show until *stop*; then finish what is under way and close. Raises HostError when it cannot start."""
        for warning in self._config.warnings:
            emit(log, logging.WARNING, "config.warning", text=warning)
        await self._remember()
        try:
            async with self._wire, self._ipp or nullcontext():
                await self._serve(stop)
        finally:
            if self._store is not None:
                await self._store.close()
        emit(log, logging.INFO, "agent.stopped")

    async def _serve(self, stop: asyncio.Event) -> None:
        keeper = None if self._store is None else Keeper(self._store, self._poller, self._mark)
        await self._exporter.start()
        self.started.set()
        emit(log, logging.INFO, "agent.started", version=__version__, listen=str(self._config.exporter.listen))
        try:
            async with asyncio.TaskGroup() as group:
                sweeps = group.create_task(self._sweep_for_ever(), name="sweeps")
                polls = group.create_task(self._poller.run(stop), name="polls")
                keeping = None if keeper is None else group.create_task(keeper.run(), name="state")
                await stop.wait()
                sweeps.cancel()
                await asyncio.wait({polls}, timeout=_FINISH_SECONDS)
                polls.cancel()
                if keeping is not None:
                    keeping.cancel()
            if keeper is not None:
                await keeper.finish()
        finally:
            await self._exporter.close()

    def status(self) -> AgentStatus:
        """Return how the agent is, for the status page."""
        sweep, polls, wire = self._journal.status(), self._poller.status(), self._wire.status()
        progress = sweep.running or sweep.last
        return AgentStatus(
            version=__version__,
            started_utc=self._started_utc,
            sweep=SweepHealth(
                is_running=sweep.running is not None,
                addresses_total=progress.addresses if progress else 0,
                addresses_done=round(progress.share * progress.addresses) if progress else 0,
                printers_found=progress.printers if progress else 0,
                others_found=progress.others if progress else 0,
                completed_utc=sweep.last_completed_utc,
                next_utc=self._next_sweep_utc,
            ),
            polls=PollHealth(workers=polls.workers, workers_busy=polls.busy, lag_seconds=polls.lag_seconds, results=polls.results),
            wire=WireHealth(
                requests=wire.requests,
                answers=wire.answers,
                retries=wire.retries,
                timeouts=wire.timeouts,
                in_flight=wire.in_flight,
                discarded=wire.discarded,
            ),
            notes=self._notes,
        )

    def _is_ready(self) -> bool:
        """Ready is who has something to show: a sweep behind it, or a printer read, or nothing it was told to look for."""
        return not self._config.ranges or self._journal.status().last is not None or len(self._fleet) > 0

    # --- across a restart ----------------------------------------------------------------------------------------------

    async def _remember(self) -> None:
        """Open the state and take up the fleet where it was. Raises HostError when the folder cannot be used."""
        folder = self._config.state.folder
        if folder is None:
            return
        assert self._config.state.key_file is not None
        key = LocalKey.open_or_create(self._config.state.key_file)
        self._store = await StateStore.open(folder / "state.db", key, self._clock)
        loaded = await self._store.load()
        credentials = {one.name: one for one in self._config.credentials}
        count = self._poller.restore(loaded.printers, credentials, self._places, is_wanted=self._is_wanted())
        if loaded.sweep is not None:
            try:
                self._last_mark = msgspec.msgpack.decode(loaded.sweep, type=_Mark)
                age_seconds = max(0.0, (self._clock.utc() - loaded.sweep_utc).total_seconds()) if loaded.sweep_utc else 0.0
                self._wire.restore_engines(self._last_mark.engines, age_seconds=age_seconds)
            except msgspec.MsgspecError:  # of another version
                emit(log, logging.INFO, "sweep.not_remembered")
        if self._last_mark is not None and (loaded.dropped or count < len(loaded.printers)):
            self._last_mark = msgspec.structs.replace(self._last_mark, plan=b"", state=None)  # somebody is missing: look for them now
        emit(log, logging.INFO, "agent.restored", printers=count, dropped=loaded.dropped)

    def _mark(self) -> bytes:
        mark = self._last_mark or _Mark()
        if self._sweep is not None:  # under way, or cut short
            mark = _Mark(plan=self._sweep.plan.fingerprint(), state=self._sweep.state().to_bytes())
        return msgspec.msgpack.encode(msgspec.structs.replace(mark, engines=self._wire.engines()))

    def _state_metrics(self) -> Iterable[Sample]:
        return () if self._store is None else self._store.metrics()

    # --- sweeps --------------------------------------------------------------------------------------------------------

    async def _sweep_for_ever(self) -> None:
        if not self._config.ranges:
            return
        await self._survive(self._sweep_at_start)
        while True:
            await self._wait_for_next_sweep()
            garbage.collect_everything()
            await self._survive(self._sweep_all)

    async def _survive(self, sweep: Callable[[], Awaitable[None]]) -> None:
        """Let a sweep this host cannot make fail alone: polls and metrics go on, and the next sweep comes in its time."""
        try:
            await sweep()
        except* HostError as group:
            emit(log, logging.ERROR, "sweep.failed", reason=str(group.exceptions[0]))

    async def _sweep_all(self) -> None:
        await self._sweep_now(await self._plan())

    async def _sweep_at_start(self) -> None:
        """Sweep if nothing is known, if what is configured changed, or if a sweep was missed; go on with one that was cut short."""
        plan, mark = await self._plan(), self._last_mark
        if mark is not None and mark.plan == plan.fingerprint():
            if mark.state is not None:
                try:
                    await self._sweep_now(plan, State.from_bytes(mark.state))
                except ValueError as error:
                    emit(log, logging.WARNING, "sweep.not_resumed", reason=str(error))
                else:
                    return
            elif mark.swept_utc is not None and self._due_after(mark.swept_utc) > self._clock.utc():
                return
        if self._config.sweep.on_start:
            await self._sweep_now(plan)

    def _due_after(self, moment_utc: datetime) -> datetime:
        return next_sweep_utc(moment_utc, at=self._config.sweep.at, every_seconds=self._config.sweep.every_seconds)

    async def _wait_for_next_sweep(self) -> None:
        """Wait by the wall clock, in small steps: a host that was suspended, or whose clock was set, must not sweep a day late."""
        due_utc = self._next_sweep_utc = self._due_after(self._clock.utc())
        while (left := due_utc - self._clock.utc()) > timedelta():  # noqa: ASYNC110  a clock sets no event
            await asyncio.sleep(min(_LOOK_SECONDS, left.total_seconds()))

    async def _sweep_now(self, plan: Plan, resume: State | None = None) -> None:
        """Sweep *plan*, from where *resume* was taken. Raises ValueError when that is of another plan."""
        settings = self._config.sweep
        sweep = Sweep(
            plan,
            self._wire,
            self._identify,
            self._clock,
            rate_per_second=settings.rate_per_second,
            retries=settings.retries,
            timeout_seconds=settings.timeout_seconds,
            workers=self._config.poll.workers,
            settle=self._roster.settle,
            on_found=self._found,
            journal=self._journal,
            resume=resume,
        )
        emit(log, logging.INFO, "sweep.started", addresses=sweep.progress.addresses, is_resumed=resume is not None)
        self._next_sweep_utc, self._sweep = None, sweep
        self._wire.stranger = sweep.heard
        try:
            found = await sweep.run()
        finally:
            self._wire.stranger = None
        if self._ipp is not None:
            await self._find_by_ipp(self._ipp, sweep)
        # one that was cut short stays, for the state
        self._sweep, self._last_mark = None, _Mark(plan=plan.fingerprint(), swept_utc=self._clock.utc())
        progress = found.progress
        emit(
            log,
            logging.INFO,
            "sweep.completed",
            addresses=progress.addresses,
            answered=progress.answered,
            printers=progress.printers,
            others=progress.others,
            duration_seconds=round(progress.elapsed_seconds, 1),
        )

    async def _find_by_ipp(self, client: IppClient, sweep: Sweep[None]) -> None:
        """Ask by IPP the addresses that were silent by SNMP, in ranges that allow it; a few at a time, since silence takes seconds here."""
        targets = (
            Target(address=address_text(part.version, number), port=one.port, credential=one.credentials[0], range=one.name)
            for one in self._config.ranges
            if one.ipp
            for part in ipp_intervals([one])
            for number in range(part.first, part.last + 1)
        )

        async def ask() -> None:
            for target in targets:
                if not sweep.is_silent(target.address, target.port):
                    continue
                place = self._places[target.range]
                try:
                    with contained(target):
                        told = await second.read(client, target, self._clock, range=target.range, location=place.location)
                except PrinterError:
                    continue
                self._poller.found(told.reading.printer, target, place)

        async with asyncio.TaskGroup() as crew:
            for number in range(_IPP_AT_ONCE):
                crew.create_task(ask(), name=f"ipp-{number}")

    async def _plan(self) -> Plan:
        """Return what to sweep now: host names are asked anew each time, for their addresses change."""
        ranges: list[Range] = []
        unknown: list[str] = []
        named: list[Interval] = []
        for one in self._config.ranges:
            not_these = {item for item in one.exclude if isinstance(item, HostName)}
            names = {item for item in one.networks if isinstance(item, HostName)} - not_these
            found, missing = await host.resolve_all(sorted(names))
            excluded, not_excluded = await host.resolve_all(sorted(not_these))
            unknown += (*missing, *not_excluded)
            named += subtract(found, (*_intervals(one.exclude), *excluded)) if one.ipp else ()
            ranges.append(_engine_range(one, found, excluded))
        if self._ipp is not None:
            self._ipp.allow((*ipp_intervals(self._config.ranges), *named))
        self._notes = (*self._config.warnings, *(f"the name {name} does not resolve" for name in unknown))
        for name in unknown:
            emit(log, logging.WARNING, "sweep.name_unknown", name=name)
        self._known_plan = Plan(ranges, on_link=host.attached_networks())
        return self._known_plan

    def _is_wanted(self) -> Callable[[Target], bool]:
        """Return what tells whether an address of earlier days may still be asked. Where a range has names, they may stand for any."""
        plan = self._known_plan
        named = {one.name for one in self._config.ranges if any(isinstance(item, HostName) for item in one.networks)}
        holes = networks.merge(part for one in self._config.ranges for part in _intervals(one.exclude))

        def is_wanted(target: Target) -> bool:
            if plan.find(target.address, target.port) is not None:
                return True
            version, number = networks.address_number(target.address)
            return target.range in named and not any(hole.version == version and hole.first <= number <= hole.last for hole in holes)

        return is_wanted

    async def _identify(self, target: Target) -> Identified[None]:
        with contained(target):
            location = self._places[target.range].location
            return Identified(await device.identify(self._wire, target, rows_max=self._config.poll.rows_max, location=location), None)

    def _found(self, sighting: Sighting[None]) -> None:
        if sighting.is_new:
            self._poller.found(sighting.printer, sighting.target, self._places[sighting.target.range])

    # --- /probe --------------------------------------------------------------------------------------------------------

    async def _probe(self, text: str, credential: str | None, timeout_seconds: float) -> Decoded:
        """Read one device live, with the named credential, else those of its range. The exporter ends it at *timeout_seconds*.

        An address in no range is asked without a name given only with what is no secret: whoever can reach this port may name any address.
        """
        name, port = split_target(text)
        address = await host.resolve(name)
        index = self._known_plan.find(address, port)
        if credential is None and index is not None:
            chosen = list(self._known_plan.owner(index).credentials)
        else:
            wanted = credential or _DEFAULT_CREDENTIAL
            chosen = [one for one in self._config.credentials if one.name in (wanted, f"{wanted}/v1")]
        if not chosen:
            raise UnknownCredentialError(credential)
        targets = [Target(address=address, port=port, credential=one) for one in chosen[:CREDENTIALS_PER_ADDRESS_MAX]]
        with contained(targets[0]):
            decoded, _, _ = await device.read(self._wire, targets, self._clock, rows_max=self._config.poll.rows_max)
        return decoded


def _engine_range(one: ConfiguredRange, resolved: tuple[Interval, ...] = (), excluded: tuple[Interval, ...] = ()) -> Range:
    return Range(
        name=one.name,
        intervals=(*_intervals(one.networks), *resolved),
        credentials=one.credentials,
        excluded=(*_intervals(one.exclude), *excluded),
        port=one.port,
        rate_per_second=one.rate_per_second,
        location=one.location,
    )


def _intervals(items: Iterable[Network]) -> tuple[Interval, ...]:
    return tuple(item for item in items if isinstance(item, Interval))


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
