"""The agent: every part built, wired and stopped in a stated order. The composition root of `poller run`.

    sweeping ──> roster ──> poller ──> fleet ──> exporter
       └── one SNMP socket per address family ──┘ ├──> state
                                                  └──> handover ──> outbox

Starting: state, socket, exporter, then sweep and polls, so that the page tells all that was known from the first second. Stopping: no new
sweep or poll, polls under way finish within their budget, what they brought is handed over, then the state is written and exporter and
socket close. In between, `apply` lets another configuration hold; nothing under way is cut for it.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Iterable
from contextlib import suppress

import msgspec

from poller import __version__, host, logs, system
from poller.beside import Beside
from poller.clock import Clock
from poller.collecting import Collecting
from poller.config import CREDENTIALS_PER_ADDRESS_MAX, Config, Received
from poller.engine import device
from poller.engine.dating import Dating
from poller.engine.faults import contained
from poller.engine.fleet import Fleet
from poller.engine.handover import Handover, Recorder, Settled
from poller.engine.journal import Journal
from poller.engine.poll import Poller
from poller.engine.privacy import Privacy
from poller.engine.rhythm import Rhythm
from poller.engine.roster import Roster
from poller.exporter.health import AgentStatus, PollHealth, SweepHealth, WireHealth
from poller.exporter.probe import UnknownCredentialError, split_target
from poller.exporter.server import Exporter
from poller.exposition import Sample
from poller.hearing import EngineMark, Hearing
from poller.ipp.client import IppClient
from poller.keeping import Keeping
from poller.logs import emit
from poller.model import Decoded, Target
from poller.printers import library
from poller.printers.masks import Mask
from poller.reach import Reach
from poller.reloading import Reloading
from poller.sealing.local_key import LocalKey
from poller.snmp.engines import KnownEngine
from poller.snmp.socket import SnmpSocket
from poller.state.keeper import Keeper
from poller.state.store import Loaded, StateStore
from poller.sweeping import Mark, Sweeping
from poller.upload.courier import Vitals
from poller.upload.update import Seen, update_check
from poller.uploading import Announcer, Uploading, nothing_uploaded

log = logging.getLogger(__name__)

_DEFAULT_CREDENTIAL = "public"
_LOOK_AT_CLOCK_SECONDS = 1.0
_FINISH_SECONDS = 3.0  # what polls under way may still take after SIGTERM: of 8 s in all, 4 are the exporter's, 1 the state's
_HAND_OVER_SECONDS = 0.5
"""What was taken and is not handed over by then is told to the state, and kept with the printer's next reading."""

# What only a start reads: a port is bound once, a file opened once, a crew hired once.
_FIXED: dict[str, Callable[[Config], object]] = {
    "accounting": lambda config: config.accounting,
    "central": lambda config: (config.central.token, config.central.address, config.central.ca_file, config.central.proxies),
    "exporter.listen": lambda config: config.exporter.listen,
    "exporter.web_config_file": lambda config: config.exporter.web_config_file,
    "outbox": lambda config: config.outbox,
    "poll.workers": lambda config: config.poll.workers,
    "profiles": lambda config: config.profiles,
    "state.folder": lambda config: config.state.folder,
    "state.key_file": lambda config: config.state.key_file,
    "traps.listen": lambda config: config.traps.listen,
    "update": lambda config: config.update,
}


class _Mark(Mark, frozen=True, kw_only=True):
    """What a restart has to know beside the printers: of the sweeps, the SNMPv3 engines met, with their boots and times, and our own."""

    engines: tuple[KnownEngine, ...] = ()
    own_engine: EngineMark | None = None
    release: Seen | None = None


class Agent:
    """`run` it once, until *stop*. *load* reads the configuration anew when `reload` asks for it, *load_with* with central's over it."""

    def __init__(
        self,
        config: Config,
        clock: Clock,
        *,
        load: Callable[[], Config] | None = None,
        load_with: Callable[[Received], Config] | None = None,
        recorder: Recorder | None = None,
        is_synchronised: Callable[[], bool | None] = system.is_clock_synchronised,
        up_seconds: float | None = None,
    ) -> None:
        local = config
        load = load or (lambda: local)
        self._uploading = Uploading.begin(config, clock, load=load, load_with=load_with)
        if self._uploading is not None:
            config, load = self._uploading.merge(config), self._uploading.load
        self._config, self._started_with, self._clock = config, config, clock
        self.started = asyncio.Event()
        """Set once the exporter listens."""
        self._started_at = clock.monotonic()
        self._applying = asyncio.Lock()
        self._store: StateStore | None = None
        self._dating = Dating(
            clock,
            is_synchronised=is_synchronised,
            up_seconds=system.up_seconds() if up_seconds is None else up_seconds,
            on_change=self._take_clock,
        )
        self._was_right = self._dating.is_right
        self._wire = SnmpSocket(timeout_seconds=config.poll.timeout_seconds, retries=config.poll.retries)
        reach = Reach(config)
        self._ipp = IppClient(reach.by_ipp)
        self._roster = Roster()
        self._journal = Journal(clock)
        self._fleet = Fleet(
            clock,
            site=config.site.name or None,
            stale_after_seconds=config.exporter.stale_after_seconds,
            forget_after_seconds=config.exporter.forget_after_seconds,
            is_doubtful=self._dating.is_doubtful,
        )
        self._mask_key = secrets.token_bytes(32)  # of this run alone, until there is one that is kept
        self._privacy = Privacy(self._mask(config), config.privacy.resolution)
        self._keeping = Keeping(config.outbox, clock, recorder)
        self._kept: Recorder = self._keeping if self._uploading is None else Announcer(self._keeping, self._uploading.announce)
        self._handover = Handover(self._kept, clock, self._dating, privacy=self._privacy)
        self._poller = Poller(
            self._wire,
            self._fleet,
            clock,
            roster=self._roster,
            rhythm=_rhythm(config),
            workers=config.poll.workers,
            rows_max=config.poll.rows_max,
            gone_after_seconds=config.poll.gone_after_seconds,
            source=self._ipp,
            record=self._handover.take,
            privacy=self._privacy,
        )
        self._sweeping = Sweeping(
            config,
            reach,
            wire=self._wire,
            ipp=self._ipp,
            roster=self._roster,
            poller=self._poller,
            journal=self._journal,
            clock=clock,
            dating=self._dating,
            on_swept=self._tidy,
        )
        self._hearing = Hearing(config, self._poller, clock)
        self._collecting = Collecting.begin(config, clock)
        self._updates = update_check(config, clock, central=self._central_address, is_clock_right=lambda: self._dating.is_right)
        self._ports: dict[str | None, int] = {one.name: one.port for one in config.ranges}
        self._reloading = Reloading(load, self.apply, clock, self._dating)
        self._uploads = [] if self._uploading is None else [Beside("uploads", self._uploading.run, clock)]
        self._beside = [Beside("reloads", self._reloading.run, clock)]
        if self._updates is not None:
            self._beside.append(Beside("updates", self._updates.run, clock))
        if self._collecting is not None:
            self._beside.append(Beside("job logs", self._collecting.run, clock))
        self._exporter = Exporter(
            listen=(config.exporter.listen.host, config.exporter.listen.port),
            fleet=self._fleet,
            samples=(
                *(self._wire.metrics, self._journal.metrics, self._poller.metrics, self._fleet.metrics, self._state_metrics),
                *(self._handover.metrics, self._dating.metrics, self._reloading.metrics, self._hearing.metrics, self._keeping.metrics),
                *(part.metrics for part in (*self._beside, *self._uploads)),
                *(() if self._updates is None else (self._updates.metrics,)),
                *(() if self._collecting is None else (self._collecting.metrics,)),
                *(() if self._uploading is None else (self._uploading.metrics,)),
            ),
            status=self.status,
            probe=self._probe,
            is_ready=self._is_ready,
            ports=self._ports,
            web_config_file=config.exporter.web_config_file,
            clock=clock,
        )

    @property
    def port(self) -> int:
        """The exporter's port; known once `run` has begun."""
        return self._exporter.port

    # --- life ----------------------------------------------------------------------------------------------------------

    async def run(self, stop: asyncio.Event) -> None:
        """Sweep, poll and show until *stop*; then finish what is under way and close. Raises HostError when it cannot start."""
        for warning in self._config.warnings:
            emit(log, logging.WARNING, "config.warning", text=warning)
        try:
            await self._keeping.open(has_central=self._uploading is not None)
            await self._remember()
            if self._collecting is not None:
                has_central = self._uploading is not None
                self._collecting.open(self._kept, self._keeping.outbox, has_central=has_central)
            if self._uploading is not None:
                outbox = self._keeping.outbox
                self._uploading.start(self._config, outbox=outbox, dating=self._dating, vitals=self._vitals, reload=self.reload)
            async with self._wire, self._ipp, self._hearing:
                await self._serve(stop)
        finally:
            await self._keeping.close()
            if self._store is not None:
                await self._store.close()
        emit(log, logging.INFO, "agent.stopped")

    async def _serve(self, stop: asyncio.Event) -> None:
        keeper = None if self._store is None else Keeper(self._store, Settled(self._poller, self._handover, self._privacy), self._mark)
        await self._exporter.start()
        self.started.set()
        emit(log, logging.INFO, "agent.started", version=__version__, listen=str(self._config.exporter.listen))
        try:
            async with asyncio.TaskGroup() as group:
                sweeps = group.create_task(self._sweeping.run(), name="sweeps")
                polls = group.create_task(self._poller.run(stop), name="polls")
                rest = [
                    group.create_task(self._watch_clock(), name="clock"),
                    group.create_task(self._handover.run(), name="recording"),
                    group.create_task(self._hearing.run(), name="notifications"),
                ]
                beside = [group.create_task(part.run(stop), name=part.name) for part in self._beside]
                if keeper is not None:
                    rest.append(group.create_task(keeper.run(), name="state"))
                uploads = [group.create_task(part.run(stop), name=part.name) for part in self._uploads]
                await stop.wait()
                if self._uploading is not None:
                    self._uploading.stop()
                for task in (sweeps, *beside):
                    task.cancel()
                ending = {polls, *uploads}
                await asyncio.wait(ending, timeout=_FINISH_SECONDS)
                for task in (*ending, *rest):
                    task.cancel()
            with suppress(TimeoutError):
                async with asyncio.timeout(_HAND_OVER_SECONDS):
                    await self._handover.finish()
            if keeper is not None:
                await keeper.finish()
        finally:
            await self._exporter.close()

    def _is_ready(self) -> bool:
        """Ready is who has something to show: a sweep behind it, or a printer read, or nothing it was told to look for."""
        return not self._config.ranges or self._journal.status().last is not None or len(self._fleet) > 0

    def _tidy(self) -> None:
        """A whole sweep is over: forget what is kept of printers that are no more."""
        self._handover.keep_only({entry.printer.id for entry in self._fleet})

    # --- another configuration -----------------------------------------------------------------------------------------

    def reload(self) -> None:
        """Read the configuration anew, soon; for a signal handler."""
        self._reloading.ask()

    async def apply(self, config: Config) -> None:
        """Let *config* hold from the next round of polls on, whoever it comes from; what needs a restart is named in the log.

        Nothing under way is cut: a question in flight ends with the credential it was sent with, a sweep looks at whoever has answered.
        """
        async with self._applying:
            await self._apply(config)

    async def _apply(self, config: Config) -> None:
        reach = Reach(config)
        await reach.resolve()
        await self._hearing.configure(config)  # the last wait: below, all of it happens between two turns of the loop
        before, self._config = self._config, config
        if config.log != before.log:
            logs.setup(config.log.level, config.log.format)
        for warning in config.warnings:
            emit(log, logging.WARNING, "config.warning", text=warning)
        for setting, value in _FIXED.items():
            if value(config) != value(self._started_with):
                emit(log, logging.WARNING, "config.needs_restart", setting=setting)
        self._wire.configure(timeout_seconds=config.poll.timeout_seconds, retries=config.poll.retries)
        self._ipp.allow(reach.by_ipp)
        self._fleet.configure(
            site=config.site.name or None,
            stale_after_seconds=config.exporter.stale_after_seconds,
            forget_after_seconds=config.exporter.forget_after_seconds,
        )
        self._ports.clear()
        self._ports.update({one.name: one.port for one in config.ranges})
        self._poller.configure(
            rhythm=_rhythm(config),
            places=reach.places,
            rows_max=config.poll.rows_max,
            gone_after_seconds=config.poll.gone_after_seconds,
            retarget=reach.retarget,
        )
        self._sweeping.configure(config, reach)
        if self._privacy.configure(self._mask(config), config.privacy.resolution):
            self._poller.show_anew()
        if self._uploading is not None:
            self._uploading.configure(config)
        emit(log, logging.INFO, "config.applied", ranges=len(config.ranges), addresses=len(reach.plan), printers=len(self._fleet))

    # --- the clock -----------------------------------------------------------------------------------------------------

    async def _watch_clock(self) -> None:
        while True:
            self._dating.look()
            await asyncio.sleep(_LOOK_AT_CLOCK_SECONDS)

    def _take_clock(self, step_seconds: float) -> None:
        """The clock has been set, or is believed from now on."""
        is_right = self._dating.is_right
        if not (self._was_right and is_right):
            self._fleet.redate(step_seconds if not self._was_right else 0.0, is_right=is_right)
        self._sweeping.take_step(is_believed_now=is_right and not self._was_right)
        self._handover.wake()
        self._was_right = is_right

    # --- across a restart ----------------------------------------------------------------------------------------------

    async def _remember(self) -> None:
        """Open the state and take up the fleet where it was. Raises HostError when the folder cannot be used."""
        folder = self._config.state.folder
        if folder is None:
            return
        assert self._config.state.key_file is not None
        key = LocalKey.open_or_create(self._config.state.key_file)
        self._mask_key = key.derive("privacy masks")
        self._privacy.configure(self._mask(self._config), self._config.privacy.resolution)
        self._store = await StateStore.open(folder / "state.db", key, self._clock)
        loaded = await self._store.load()
        credentials = {one.name: one for one in self._config.credentials}
        reach = self._sweeping.reach
        count = self._poller.restore(loaded.printers, credentials, reach.places, is_wanted=reach.is_wanted)
        unrecorded = {self._privacy.printer(one.printer).id for one in loaded.printers if one.is_unrecorded}
        self._handover.restore((one.reading for one in self._fleet if one.reading is not None), unrecorded=unrecorded)
        if known_utc := [one.last_ok_utc for one in loaded.printers if one.last_ok_utc is not None]:
            self._dating.expect(max(known_utc))
            self._was_right = self._dating.is_right
        self._restore_mark(loaded, is_complete=not loaded.dropped and count == len(loaded.printers))
        await self._store.save_sweep(self._mark())  # our engine's boots, before anybody is told them
        emit(log, logging.INFO, "agent.restored", printers=count, dropped=loaded.dropped)

    def _restore_mark(self, loaded: Loaded, *, is_complete: bool) -> None:
        if loaded.sweep is None:
            return
        try:
            mark = msgspec.msgpack.decode(loaded.sweep, type=_Mark)
        except msgspec.MsgspecError:  # of another version
            emit(log, logging.INFO, "sweep.not_remembered")
            return
        age_seconds = max(0.0, (self._clock.utc() - loaded.sweep_utc).total_seconds()) if loaded.sweep_utc else 0.0
        self._hearing.restore(mark.own_engine)
        if self._updates is not None:
            self._updates.restore(mark.release)
        self._wire.restore_engines(mark.engines, age_seconds=age_seconds)
        self._sweeping.restore(mark, is_complete=is_complete)

    def _mark(self) -> bytes:
        mark = self._sweeping.mark()
        engines, own = self._wire.engines(), self._hearing.mark()
        release = None if self._updates is None else self._updates.mark()
        whole = _Mark(plan=mark.plan, state=mark.state, swept_utc=mark.swept_utc, engines=engines, own_engine=own, release=release)
        return msgspec.msgpack.encode(whole)

    # --- what the exporter shows ---------------------------------------------------------------------------------------

    def status(self) -> AgentStatus:
        """Return how the agent is, for the status page."""
        sweep, polls, wire = self._journal.status(), self._poller.status(), self._wire.status()
        progress = sweep.running or sweep.last
        config_notes = (
            *self._config.warnings,
            *((note,) if (note := nothing_uploaded(self._config)) is not None else ()),
            *self._hearing.notes,
            *self._keeping.notes,
            *(note for part in (*self._beside, *self._uploads) for note in part.notes),
            *(() if self._collecting is None else self._collecting.notes),
            *(() if self._uploading is None else self._uploading.notes),
            *((note,) if self._updates is not None and (note := self._updates.note) is not None else ()),
            *(f"the name {name} does not resolve" for name in self._sweeping.reach.unknown_names),
        )
        return AgentStatus(
            version=__version__,
            started_utc=self._dating.date(self._started_at),
            sweep=SweepHealth(
                is_running=sweep.running is not None,
                addresses_total=progress.addresses if progress else 0,
                addresses_done=round(progress.share * progress.addresses) if progress else 0,
                printers_found=progress.printers if progress else 0,
                others_found=progress.others if progress else 0,
                completed_utc=sweep.last_completed_utc,
                next_utc=self._sweeping.next_utc if self._config.ranges else None,
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
            notes=config_notes if self._dating.is_right else (*config_notes, "the clock of this host is not to be believed yet"),
        )

    def _state_metrics(self) -> Iterable[Sample]:
        return () if self._store is None else self._store.metrics()

    async def _probe(self, text: str, credential: str | None, timeout_seconds: float) -> Decoded:
        """Read one device live, with the named credential, else those of its range. The exporter ends it at *timeout_seconds*.

        An address in no range is asked without a name given only with what is no secret: whoever can reach this port may name any address.
        """
        name, port = split_target(text)
        address = await host.resolve(name)
        chosen = self._sweeping.reach.credentials_for(address, port, credential, default=_DEFAULT_CREDENTIAL)
        if not chosen:
            raise UnknownCredentialError(credential)
        targets = [Target(address=address, port=port, credential=one) for one in chosen[:CREDENTIALS_PER_ADDRESS_MAX]]
        with contained(targets[0]):
            decoded, _, _ = await device.read(self._wire, targets, self._clock, rows_max=self._config.poll.rows_max)
        return self._privacy.show(decoded)

    def _vitals(self) -> Vitals:
        fleet = self._fleet.status()
        update = None if self._updates is None else self._updates.status()
        return Vitals(printers=fleet.printers, silent=fleet.silent, update=update)

    def _central_address(self) -> str | None:
        """Return where central is, None while nobody said."""
        return self._config.central.address if self._uploading is None else self._uploading.address

    def _mask(self, config: Config) -> Mask:
        return Mask(config.privacy.mask, key=self._mask_key)


def _rhythm(config: Config) -> Rhythm:
    return Rhythm(
        every_seconds=config.poll.every_seconds,
        busy_seconds=config.poll.busy_seconds,
        wake_seconds=config.poll.wake_seconds,
        by_range={one.name: one.every_seconds for one in config.ranges if one.every_seconds is not None},
        by_profile={one.name: seconds for one in library.current().profiles.values() if (seconds := one.manners.every_seconds) is not None},
        by_printer={one.id: one.every_seconds for one in config.printers},
    )
