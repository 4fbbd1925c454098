"""Looks once a day whether there is a newer version, and says so. Never fetches a program, never installs one.

One signed file is fetched (`manifest.py`). It is believed by its signature alone, so it does not matter who serves it: central, a folder of
a web server, a proxy's cache. Refused, each counted apart: what is not signed by the release key, what has expired (somebody may hold newer
ones back), and what is older than one seen before (somebody serves an old one with its known holes).
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter as Tally
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from typing import Protocol

from poller import __version__, exposition
from poller.clock import Clock
from poller.config import Config
from poller.errors import PollerError, UpdateRefusedError
from poller.exposition import Sample
from poller.logs import INFO, WARNING, emit
from poller.model import Value
from poller.sealing.keys import VerifyKey
from poller.upload.client import CentralClient
from poller.upload.manifest import Manifest, verify, version_of

log = logging.getLogger(__name__)

_EVERY_SECONDS, _AGAIN_SECONDS = 24 * 3600.0, 3600.0
_FIRST_SECONDS = 300.0  # a program that keeps falling over asks nobody
_JITTER = 0.2
RESULTS = ("ok", "unreachable", "garbled", "signature", "expired", "rolled_back")
"""What may become of a look; the label `result`."""


class Fetch(Protocol):
    """How the file is fetched: by whatever proxy and CA lead to central."""

    async def __call__(self, address: str) -> bytes:
        """Return `manifest.json` below *address*, at most 64 KiB. Raises PollerError for anything but a plain 200."""
        ...


class Seen(Value, frozen=True, kw_only=True):
    """The newest manifest ever believed: what outlives a restart."""

    version: str
    released: datetime
    notes: str | None = None


class UpdateStatus(Value, frozen=True, kw_only=True):
    """For the status page and the heartbeat. `available` is None while this is the newest version known.

    `checked_utc` is when the last manifest was believed; `trouble` what the last look failed with, by its result, None when it did not.
    """

    available: str | None = None
    notes: str | None = None
    checked_utc: datetime | None = None
    trouble: str | None = None


class UpdateCheck:
    """`run` it beside the rest. Not built where the check is off: then there is nothing that could send a packet.

    *address* says where to look; None while that is not known, as before an agent is enrolled. *is_clock_right* says whether the clock may
    be believed: without one nothing can be said about expiry, and nobody is asked.
    """

    def __init__(
        self,
        fetch: Fetch,
        clock: Clock,
        *,
        address: Callable[[], str | None],
        key: VerifyKey,
        running: str = __version__,
        is_clock_right: Callable[[], bool] = lambda: True,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._fetch, self._clock, self._key, self._is_clock_right = fetch, clock, key, is_clock_right
        self._address, self._sleep, self._uniform = address, sleep, uniform
        self._running = version_of(running)
        self._seen: Seen | None = None
        self._results: Tally[str] = Tally()
        self._checked_utc: datetime | None = None
        self._trouble: str | None = None
        self._told: str | None = None

    def restore(self, seen: Seen | None) -> None:
        """Take up what an earlier run had seen."""
        self._seen = seen

    def mark(self) -> Seen | None:
        """Return what the next run has to know."""
        return self._seen

    async def run(self) -> None:
        """Look for ever, daily; sooner again after a failure."""
        wait_seconds = _FIRST_SECONDS
        while True:
            await self._sleep(wait_seconds * self._uniform(1 - _JITTER, 1 + _JITTER))
            wait_seconds = _EVERY_SECONDS if await self.look() else _AGAIN_SECONDS

    async def look(self) -> bool:
        """Look now; return whether a manifest was believed. Never fails: what went wrong is counted, and told when it is something new."""
        address = self._address()
        if address is None or not self._is_clock_right():
            return False
        try:
            manifest = self._judged(verify(await self._fetch(address), self._key))
        except UpdateRefusedError as error:
            self._note_trouble(error.reason, str(error))
            return False
        except PollerError as error:
            self._note_trouble("unreachable", str(error))
            return False
        self._results["ok"] += 1
        self._checked_utc, self._trouble = self._clock.utc(), None
        self._seen = Seen(version=manifest.version, released=manifest.released, notes=manifest.notes)
        if self._available is not None and self._told != manifest.version:
            self._told = manifest.version
            emit(log, INFO, "update.available", version=manifest.version, running=__version__, notes=manifest.notes)
        return True

    def status(self) -> UpdateStatus:
        available, seen = self._available, self._seen
        return UpdateStatus(
            available=available,
            notes=seen.notes if seen is not None and available is not None else None,
            checked_utc=self._checked_utc,
            trouble=self._trouble,
        )

    @property
    def note(self) -> str | None:
        """The sentence for the status page; None while there is nothing to say."""
        status = self.status()
        if status.available is None:
            return None
        return f"version {status.available} is available" + (f": {status.notes}" if status.notes else "")

    def metrics(self) -> Iterable[Sample]:
        for result in RESULTS:
            yield Sample(exposition.POLLER_UPDATE_CHECKS, self._results[result], (result,))
        if self._checked_utc is not None:
            yield Sample(exposition.POLLER_UPDATE_LAST_SUCCESS, self._checked_utc.timestamp())
        if self._seen is not None:
            yield Sample(exposition.POLLER_UPDATE_AVAILABLE, self._available is not None, (self._seen.version,))

    @property
    def _available(self) -> str | None:
        return self._seen.version if self._seen is not None and version_of(self._seen.version) > self._running else None

    def _judged(self, manifest: Manifest) -> Manifest:
        now_utc, seen = self._clock.utc(), self._seen
        if manifest.expires <= now_utc:
            raise UpdateRefusedError("expired", f"the manifest of {manifest.version} expired at {manifest.expires:%Y-%m-%dT%H:%M:%SZ}")
        if seen is not None and (version_of(manifest.version) < version_of(seen.version) or manifest.released < seen.released):
            raise UpdateRefusedError("rolled_back", f"the manifest says {manifest.version}, an earlier one said {seen.version}")
        return manifest

    def _note_trouble(self, result: str, reason: str) -> None:
        self._results[result] += 1
        if self._trouble != result:
            emit(log, INFO if result == "unreachable" else WARNING, "update.not_known", result=result, reason=reason)
        self._trouble = result


def update_check(
    config: Config, clock: Clock, *, central: Callable[[], str | None], is_clock_right: Callable[[], bool]
) -> UpdateCheck | None:
    """Return the check *config* asks for, None where it asks for none. *central* says where central is, once that is known."""
    update = config.update
    if not update.enabled:
        return None
    if update.key is None:
        emit(log, INFO, "update.off", reason="no release key: see [update] key")
        return None

    def address() -> str | None:
        if update.url is not None:
            return update.url
        base = central()
        return None if base is None else f"{base.rstrip('/')}/updates"

    async def fetch(address: str) -> bytes:
        async with CentralClient(address, clock, proxies=config.central.proxies, ca_file=config.central.ca_file) as client:
            return (await client.fetch("/manifest.json")).body

    return UpdateCheck(fetch, clock, address=address, key=VerifyKey.from_text(update.key), is_clock_right=is_clock_right)
