"""Reading the configuration anew while the agent runs: SIGHUP asks for it, one task does it, two metrics tell how it went.

A configuration with faults changes nothing: every fault is logged, and the one in effect stays.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime

from poller import exposition
from poller.clock import Clock
from poller.config import Config
from poller.engine.dating import Dating
from poller.errors import ConfigError
from poller.exposition import Sample
from poller.logs import ERROR, INFO, emit

log = logging.getLogger(__name__)


class Reloading:
    """`ask` for it from a signal handler; `run` does it. Asked several times meanwhile, it is done once more.

    *load* returns the configuration, or raises ConfigError; it may block, and runs in a thread. *apply* makes it hold.
    """

    def __init__(self, load: Callable[[], Config], apply: Callable[[Config], Awaitable[None]], clock: Clock, dating: Dating) -> None:
        self._load, self._apply, self._clock, self._dating = load, apply, clock, dating
        self._asked = asyncio.Event()
        self._is_under_way = False
        self._is_successful, self._accepted_at = True, clock.monotonic()  # the agent has started with one
        self._accepted_utc: datetime | None = None

    def ask(self) -> None:
        self._asked.set()

    @property
    def is_idle(self) -> bool:
        """Whether nothing is asked for or under way."""
        return not (self._asked.is_set() or self._is_under_way)

    async def run(self) -> None:
        """Wait until asked, for ever; cancelled at the end."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            self._is_under_way = True
            try:
                await self._reload()
            finally:
                self._is_under_way = False

    async def _reload(self) -> None:
        try:
            config = await asyncio.to_thread(self._load)
        except ConfigError as error:
            for fault in error.faults:
                emit(log, ERROR, "config.fault", text=fault)
            emit(log, ERROR, "config.refused", faults=len(error.faults))
            self._is_successful = False
            return
        self._is_successful = False  # until all of it holds
        await self._apply(config)
        self._is_successful, self._accepted_at, self._accepted_utc = True, self._clock.monotonic(), None
        emit(log, INFO, "config.reloaded")

    def metrics(self) -> Iterable[Sample]:
        yield Sample(exposition.POLLER_CONFIG_RELOAD_SUCCESSFUL, self._is_successful)
        if self._accepted_utc is None and self._dating.is_right:
            self._accepted_utc = self._dating.date(self._accepted_at)
        if self._accepted_utc is not None:
            yield Sample(exposition.POLLER_CONFIG_RELOAD_TIMESTAMP, self._accepted_utc.timestamp())
