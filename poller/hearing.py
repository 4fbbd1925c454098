"""What printers say unasked: the receiver of traps and informs, whom it believes, and the polls that follow.

As the receiver of SNMPv3 informs the agent is an engine itself: its id is made once and kept with the state, its boots rise with every
start. Without a state it is another engine at every start, which senders find out by asking.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Iterable
from contextlib import AsyncExitStack

import msgspec

from poller import exposition
from poller.clock import Clock
from poller.config import Config
from poller.engine.notices import Crew, Notices
from poller.errors import HostError
from poller.exposition import Sample
from poller.logs import emit
from poller.snmp.gate import ENGINE_ID_OCTETS, Gate, new_engine_id, next_boots
from poller.snmp.traps import Traps

log = logging.getLogger(__name__)

_SALT_BITS = 63


class EngineMark(msgspec.Struct, frozen=True, kw_only=True):
    """Our own SNMPv3 engine, for the next start."""

    engine_id: bytes
    boots: int


class Hearing:
    """Use as an async context manager: inside the block notifications are received; `run` beside the polls."""

    def __init__(self, config: Config, crew: Crew, clock: Clock) -> None:
        self._config, self._clock = config, clock
        self._notices = Notices(crew, clock)
        self._started_at = clock.monotonic()
        self._mark = self._next_engine(None)
        self._traps: Traps | None = None
        self._exits = AsyncExitStack()
        self.notes: tuple[str, ...] = ()
        """For the status page: why nothing is heard, where it should be."""

    def restore(self, mark: EngineMark | None) -> None:
        """Go on as the engine of an earlier start; before the block is entered."""
        self._mark = self._next_engine(mark)

    def mark(self) -> EngineMark:
        return self._mark

    async def __aenter__(self) -> Hearing:
        """Begin to listen. Raises HostError where an operator named the address and this host refuses it."""
        listen = self._config.traps.listen
        if listen is None:
            return self
        traps = Traps(await self._gate(self._config), self._notices, listen=(listen.host, listen.port), monotonic=self._clock.monotonic)
        try:
            await self._exits.enter_async_context(traps)
        except HostError as error:
            if self._config.traps.is_listen_given:
                raise
            emit(log, logging.WARNING, "notifications.not_heard", reason=str(error))
            self.notes = (f"no notifications are received: {error}",)
        else:
            self._traps = traps
            emit(log, logging.INFO, "notifications.listening", listen=str(listen), credentials=len(self._config.traps.credentials))
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._exits.aclose()

    async def run(self) -> None:
        """Hurry those who wait for their ten seconds, for ever; cancelled at the end."""
        await self._notices.run()

    async def configure(self, config: Config) -> None:
        """Believe whom *config* names from now on."""
        if self._traps is not None and config.traps.credentials != self._config.traps.credentials:
            self._traps.gate = await self._gate(config)
        self._config = config

    def metrics(self) -> Iterable[Sample]:
        return (Sample(exposition.POLLER_NOTIFICATIONS_LISTENING, 0),) if self._traps is None else self._traps.metrics()

    async def _gate(self, config: Config) -> Gate:
        """Return who is believed by *config*; in a thread, since passphrases are stretched."""
        return await asyncio.to_thread(
            Gate,
            config.traps.credentials,
            engine_id=self._mark.engine_id,
            boots=self._mark.boots,
            now_at=self._started_at,
            salt=secrets.randbits(_SALT_BITS),
        )

    def _next_engine(self, before: EngineMark | None) -> EngineMark:
        engine_id = before.engine_id if before is not None else new_engine_id(secrets.token_bytes(ENGINE_ID_OCTETS))
        boots = next_boots(before.boots if before is not None else 0, self._clock.utc().timestamp())
        return EngineMark(engine_id=engine_id, boots=boots)
