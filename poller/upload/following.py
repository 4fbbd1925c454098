"""Following central's settings: which version it named, which one holds here, which was refused and why.

A version is fetched when an answer names one above all that were seen, and it only rises: recorded old settings never come back. Keys that
central announces in them are believed before anything else is judged, since they are not for this site to accept or not.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import msgspec

from poller.config import Received
from poller.errors import ConfigError, SealError
from poller.logs import ERROR, INFO, WARNING, emit
from poller.sealing.keyring import KeyRing
from poller.sealing.keys import SealingKey, SigningKey
from poller.upload.client import CentralClient
from poller.upload.identity import Papers, Pinned
from poller.upload.ledger import Refused
from poller.upload.settings import SETTINGS_BYTES_MAX, open_settings

log = logging.getLogger(__name__)

_ANSWER_BYTES_MAX = 2 * SETTINGS_BYTES_MAX
_REASON_MAX = 500

Take = Callable[[Received], Awaitable[str | None]]
"""Lets a set hold, for good, and returns None; or returns why it cannot. Raises ConfigError when nothing can be judged just now."""


class Following:
    """*version* is that of the settings that hold, 0 for none."""

    def __init__(self, papers: Papers, take: Take, *, version: int) -> None:
        self._papers, self._take, self.version = papers, take, version
        self.refused: Refused | None = None
        self._named = 0

    def name(self, version: int) -> None:
        """Hear which version central would have."""
        self._named = version

    def refuse(self, version: int, reason: str) -> None:
        """Settings do not hold here, though they came: say so once, and with the next heartbeat."""
        self.refused = Refused(version, reason[:_REASON_MAX])
        emit(log, ERROR, "upload.settings_refused", version=version, reason=self.refused.reason)

    def forget_refusal(self) -> None:
        """Look at them anew: what is accepted here has changed."""
        self.refused = None

    def is_due(self, pinned: Pinned) -> bool:
        return self._named > max(self._newer_than(pinned), self.refused.version if self.refused is not None else 0)

    async def fetch(self, client: CentralClient, pinned: Pinned, signing: KeyRing[SigningKey], sealing: KeyRing[SealingKey]) -> Pinned:
        """Fetch what is due and let it hold, or refuse it; return who central is from now on. Raises UploadError, HostError."""
        named = self._named
        reply = await client.ask("GET", "/v1/settings", key=signing.current, resolve=pinned.resolve, bytes_max=_ANSWER_BYTES_MAX)
        if not reply.body:
            self.refuse(named, "central names settings and has none")
            return pinned
        try:
            received, announced = open_settings(reply.body, pinned, sealing, newer_than=self._newer_than(pinned))
        except SealError as error:
            self.refuse(named, str(error))
            return pinned
        if announced is not None:
            changed = msgspec.structs.replace(pinned.identity, sealing=announced.sealing, signing=tuple(announced.signing))
            if changed != pinned.identity:
                pinned = await asyncio.to_thread(self._papers.write, changed)
                emit(log, WARNING, "upload.central_keys_changed", sealing=pinned.sealing.fingerprint, signing=pinned.signing_ids)
        try:
            reason = await self._take(received)
        except ConfigError as error:
            emit(log, WARNING, "upload.settings_put_off", version=received.version, reason=error.faults[0])
            self._named = 0  # until the next answer names it again
            return pinned
        if reason is not None:
            self.refuse(received.version, reason)
            return pinned
        self.version, self.refused = received.version, None
        emit(log, INFO, "upload.settings_taken", version=received.version)
        privacy = received.document.get("privacy")
        masks = dict(privacy) if isinstance(privacy, dict) else {}
        held = msgspec.structs.replace(pinned.identity, settings_version=received.version, privacy=masks)
        return await asyncio.to_thread(self._papers.write, held)

    def _newer_than(self, pinned: Pinned) -> int:
        """What only rises. A set that was taken and lost with its file, or whose file is an older one again, may come once more."""
        kept = pinned.identity.settings_version
        return max(self.version, kept if self.version >= kept else kept - 1)
