"""The agent's side of central: what a courier needs of it, and how settings of central become part of the configuration.

In effect is what the file says, over it the environment, over it the last good settings of central, as far as `[central] accept` lets
them. The file and the environment always have to be good by themselves. When they change so that central's settings no longer fit, they
hold alone, but for what central masks, and central is told; when central sends what does not fit, the set before stays.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from poller.clock import Clock
from poller.config import Config, Received
from poller.engine.dating import Dating
from poller.engine.faults import tell
from poller.engine.handover import Line, Recorder
from poller.engine.notable import Reason
from poller.errors import ConfigError, StateError
from poller.exposition import Sample
from poller.logs import WARNING, emit
from poller.outbox.outbox import Outbox
from poller.sealing.local_key import LocalKey
from poller.sealing.token import Token
from poller.upload.client import CentralClient
from poller.upload.courier import Counts, Courier, Pace, Vitals
from poller.upload.identity import Papers
from poller.upload.ledger import UploadStatus
from poller.upload.settings import SettingsFile

log = logging.getLogger(__name__)

Load = Callable[[], Config]
LoadWith = Callable[[Received], Config]

_SETTINGS, _PRIVACY = "settings", "privacy"
_FAULTS_TOLD_MAX = 3


class Uploading:
    """Made by `begin`; `start` it once the outbox is open, then `run` it until `stop`."""

    def __init__(self, config: Config, clock: Clock, *, load: Load, load_with: LoadWith | None) -> None:
        """Raises HostError when the files of the state folder cannot be used."""
        assert config.state.folder is not None
        assert config.state.key_file is not None
        self._clock, self._load, self._load_with = clock, load, load_with
        self._papers = Papers.of_state(config.state.folder)
        self._papers.keys()  # makes the folder
        self._settings = SettingsFile(self._papers.folder / _SETTINGS, LocalKey.open_or_create(config.state.key_file))
        lost: str | None = None
        try:
            self._settings.read()
        except StateError as error:
            lost = str(error)
        pinned = self._papers.read()
        self._remembered = Received(0, {})
        """What the identity tells of a set that is lost; of version 0 where none is."""
        if pinned is not None and self._version < pinned.identity.settings_version:
            lost = lost or f"they are of version {self._version}, and {pinned.identity.settings_version} was taken"
            self._remembered = Received(pinned.identity.settings_version, {_PRIVACY: pinned.identity.privacy})
        if lost is not None:  # they are fetched again
            emit(log, WARNING, "upload.settings_lost", reason=lost)
        token = config.central.token
        known = Token.parse(token.reveal()).address if token is not None else ""
        self.address = config.central.address or (pinned.identity.address if pinned is not None else known)
        """Where central is."""
        self._unfit: tuple[int, str] | None = None
        self._courier: Courier | None = None
        self._outbox: Outbox | None = None

    @classmethod
    def begin(cls, config: Config, clock: Clock, *, load: Load, load_with: LoadWith | None) -> Uploading | None:
        """Return it for an agent that has a token or was enrolled once; None for one that uploads nothing. Raises HostError."""
        if config.state.folder is None or (config.central.token is None and not Papers.of_state(config.state.folder).exist()):
            if (text := nothing_uploaded(config)) is not None:
                emit(log, WARNING, "upload.no_token", text=text)
            return None
        return cls(config, clock, load=load, load_with=load_with)

    # --- the configuration ---------------------------------------------------------------------------------------------

    def load(self) -> Config:
        """Return the configuration to hold, read anew. May block. Raises ConfigError for faults of our own."""
        return self.merge(self._load())

    def merge(self, local: Config) -> Config:
        """Return *local* with the last good settings of central over it; where they no longer fit, with what they mask, if it may."""
        self._unfit = None
        held = self._held
        if self._load_with is None or not held.document:
            return local
        try:
            return self._load_with(held)
        except ConfigError as error:
            if self._version:
                self._unfit = (self._version, _told(error))
        try:  # what is masked does not hang on whether the rest fits
            return self._load_with(Received(held.version, {_PRIVACY: held.document.get(_PRIVACY, {})}))
        except ConfigError:
            return local

    @property
    def _held(self) -> Received:
        """What of central holds: the last good set. Where that was lost, or an older one is there, at least what the lost one masked."""
        good, remembered = self._settings.good, self._remembered
        if good is None or good.version >= remembered.version:
            return good or remembered
        return Received(good.version, {**good.document, **remembered.document})

    @property
    def _version(self) -> int:
        """The version of the set that is kept here, 0 for none."""
        return 0 if self._settings.good is None else self._settings.good.version

    def configure(self, config: Config) -> None:
        """Hear that *config* holds from now on."""
        if self._courier is None:
            return
        self._courier.configure(_pace(config))
        if self._unfit is not None:
            self._courier.refuse_settings(*self._unfit)

    # --- life ----------------------------------------------------------------------------------------------------------

    def start(
        self,
        config: Config,
        *,
        outbox: Outbox | None,
        dating: Dating,
        vitals: Callable[[], Vitals],
        reload: Callable[[], object],
    ) -> None:
        """Build the courier. *reload* has the configuration read anew, soon. Raises HostError."""
        self._outbox, self._dating, self._vitals, self._reload = outbox, dating, vitals, reload
        central = config.central
        client = CentralClient(self.address, self._clock, proxies=central.proxies, ca_file=central.ca_file)
        self._courier = Courier(
            client,
            self._papers,
            self._clock,
            self,
            outbox=outbox,
            pace=_pace(config),
            token=central.token.reveal() if central.token is not None else None,
            site=config.site.name or None,
            settings_version=self._version,
        )
        if self._unfit is not None:
            self._courier.refuse_settings(*self._unfit)

    async def run(self) -> None:
        assert self._courier is not None
        await self._courier.run()

    def stop(self) -> None:
        if self._courier is not None:
            self._courier.stop()

    def announce(self, lines: Sequence[Line]) -> None:
        """Hear that *lines* are in the outbox."""
        if self._courier is not None:
            self._courier.announce(len(lines), is_urgent=any(line.reason is not Reason.INTERVAL for line in lines))

    def status(self) -> UploadStatus | None:
        return None if self._courier is None else self._courier.status()

    @property
    def notes(self) -> tuple[str, ...]:
        """What an operator should know, one sentence each."""
        status = self.status()
        if status is None:
            return ()
        notes = [] if status.trouble is None else [f"central ({status.address}): {status.trouble}"]
        if status.settings_refused is not None:
            notes.append(f"settings {status.settings_refused.version} of central do not hold here: {status.settings_refused.reason}")
        return tuple(notes)

    def metrics(self) -> Iterable[Sample]:
        return () if self._courier is None else self._courier.metrics()

    # --- what the courier asks for (`upload.courier.House`) -------------------------------------------------------------

    def vitals(self) -> Vitals:
        return self._vitals()

    def counts(self) -> Counts:
        if self._outbox is None:
            return Counts(0, 0)
        status = self._outbox.status()
        return Counts(status.lines + sum(one.lines for one in status.batches), status.batches_quarantined)

    def date(self, at: float) -> datetime | None:
        return self._dating.date(at) if self._dating.is_right else None

    async def take(self, received: Received) -> str | None:
        """Let *received* hold from the next round of polls, and after a restart; or return why not. Raises ConfigError, HostError."""
        if self._load_with is None:
            return "this agent has no configuration that could be changed"
        await asyncio.to_thread(self._load)  # raises what is our own fault, before any is looked for in what came
        try:
            await asyncio.to_thread(self._load_with, received)
        except ConfigError as error:
            return _told(error)
        await asyncio.to_thread(self._settings.write, received)
        self._reload()
        return None


def nothing_uploaded(config: Config) -> str | None:
    """Return the sentence for an operator who seems to want readings uploaded where none are; None for all others."""
    folder, wish = config.state.folder, config.central.wish
    if wish is None or (folder is not None and Papers.of_state(folder).exist()):
        return None
    return f"{wish}, but there is no token: nothing is uploaded; set central.token, or better central.token_file, to what the dealer gave"


class Announcer:
    """A `Recorder` that tells *announce* what the one behind it has stored."""

    def __init__(self, recorder: Recorder, announce: Callable[[Sequence[Line]], None]) -> None:
        self._recorder, self._announce = recorder, announce

    async def record(self, lines: Sequence[Line]) -> None:
        await self._recorder.record(lines)
        try:
            self._announce(lines)
        except Exception as error:  # noqa: BLE001  they are stored: a fault of the uploader must not have them stored again
            tell(error, "part.failed", part="uploads")


def _pace(config: Config) -> Pace:
    return Pace(every_seconds=config.central.every_seconds, heartbeat_seconds=config.central.heartbeat_seconds)


def _told(error: ConfigError) -> str:
    more = len(error.faults) - _FAULTS_TOLD_MAX
    return "; ".join(error.faults[:_FAULTS_TOLD_MAX]) + (f"; and {more} more" if more > 0 else "")
