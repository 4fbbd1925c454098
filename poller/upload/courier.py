"""The loop that carries: readings to central, receipts back, a sign of life in between, and settings when there are new ones.

    record ─ announce ─┐                         ┌─ stored, duplicate ─> settle
      an hour, a change, 500 readings ─> seal ─> POST ─ conflict, bad … ─> quarantine, and on with the next
                                                 └─ anything else ─> wait, longer every time, and send the same bytes again

`turn` does what is due and says how long nothing will be; `run` calls it for ever. What has effect on a batch is a signed answer alone. A
request under way when the agent stops may end; a new one is not begun. Whatever is cut here was not settled, so it is sent again.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple, Protocol

import msgspec

from poller import __version__, exposition
from poller.clock import Clock
from poller.config import Received
from poller.errors import PollerError, RefusedError, UploadError
from poller.exposition import Sample
from poller.logs import DEBUG, ERROR, INFO, WARNING, emit
from poller.sealing.envelope import LINES_MAX, Kind, seal
from poller.upload.client import CentralClient
from poller.upload.enrolment import enrol
from poller.upload.following import Following
from poller.upload.identity import Papers, Pinned, hash_of_token
from poller.upload.ledger import OVER_QUOTA, SHUT_OUT, Ledger, UploadStatus

log = logging.getLogger(__name__)

GATHER_SECONDS = 5.0
"""How long a change waits for the next ones: a cover that is opened is followed by an error, a new cartridge and its level."""
APART_SECONDS = 60.0
"""Between two uploads for changes: in a large fleet something changes all the time."""

_IDLE_SECONDS = 86_400.0
_REASON_MAX = 500

_QUARANTINE = frozenset({"conflict", "too-large", "bad-envelope", "bad-lines", "bad-request"})
"""What is wrong with this one batch. No try changes it, and the ones behind it must not wait."""
_NOT_THE_BATCH = SHUT_OUT | {"bad-signature", "clock-skew", "replay", "slow-down", OVER_QUOTA, "unavailable"}
_NOT_THE_BATCH_STATUS = frozenset({401, 403, 407, 408, 421, 425, 426, 429})


class Batch(Protocol):
    """A sealed batch, as the outbox keeps it."""

    @property
    def number(self) -> int: ...
    @property
    def body(self) -> bytes: ...
    @property
    def lines(self) -> int: ...


class Counts(NamedTuple):
    """What an outbox holds: readings not through yet, sealed or not, and batches that were refused."""

    waiting: int
    quarantined: int


class Outbox(Protocol):
    """Who keeps readings until they are through. Each call is durable when it returns; all raise PollerError for trouble with the disk."""

    async def seal_next(self, seal: Callable[[int, Sequence[bytes]], bytes], /) -> Batch | None: ...
    async def waiting_batches(self) -> Sequence[Batch]: ...
    async def settle(self, number: int, /) -> None: ...
    async def quarantine(self, number: int, reason: str, /) -> None: ...
    async def note_trouble(self, number: int, reason: str, /) -> None: ...


class Vitals(NamedTuple):
    """How the agent fares, for a heartbeat. `update` is what its update check says, None where there is none."""

    printers: int
    silent: int
    update: object = None


class _Receipt(msgspec.Struct, frozen=True):
    settings: int = 0
    result: str = ""


class Pace(NamedTuple):
    """How often, in seconds: readings without a change, and a sign of life when nothing else was sent."""

    every_seconds: float = 3600.0
    heartbeat_seconds: float = 900.0


class House(Protocol):
    """What the agent is to its courier."""

    def vitals(self) -> Vitals: ...

    def counts(self) -> Counts: ...

    def date(self, at: float, /) -> datetime | None:
        """Return the date of a monotonic time, None while the clock of this host is not to be believed."""
        ...

    async def take(self, received: Received, /) -> str | None:
        """Let settings hold: see `following.Take`."""
        ...


class Courier:
    """`run` it until `stop`. *token* is what an installer typed, None where nothing is; *settings_version* what holds, 0 for none."""

    def __init__(
        self,
        client: CentralClient,
        papers: Papers,
        clock: Clock,
        house: House,
        *,
        outbox: Outbox | None,
        pace: Pace,
        token: str | None = None,
        site: str | None = None,
        settings_version: int = 0,
        dice: Callable[[], float] = random.random,
    ) -> None:
        """Raises HostError when our keys or the identity cannot be read or made."""
        self._client, self._papers, self._clock, self._house = client, papers, clock, house
        self._outbox, self._pace, self._token, self._site, self._dice = outbox, pace, token, site, dice
        self._signing, self._sealing = papers.keys()
        self._pinned = papers.read()
        self._ledger = Ledger(client, clock, date=house.date, dice=dice)
        self._following = Following(papers, house.take, version=settings_version)
        # What waited while we were away is no longer fresh; a little apart, for who was started together.
        self._upload_at = clock.monotonic() + GATHER_SECONDS * dice()
        self._uploaded_at = self._said_at = self._retry_at = float("-inf")
        self._gathered = 0
        self._is_key_doubtful = self._is_stopping = False
        self._awake = asyncio.Event()
        self._tell_token()

    # --- the agent's side ----------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Carry until `stop`. Cancelled, nothing is lost. Raises HostError when the certificates cannot be read."""
        async with self._client:
            while not self._is_stopping:
                self._awake.clear()
                seconds = await self.turn()
                with suppress(TimeoutError):
                    async with asyncio.timeout(seconds):
                        await self._awake.wait()

    def stop(self) -> None:
        """Begin nothing new; `run` returns when what is under way has ended."""
        self._is_stopping = True
        self._awake.set()

    def announce(self, lines: int, *, is_urgent: bool) -> None:
        """Hear that so many more readings are in the outbox, and whether one of them should not wait for the hour."""
        self._gathered += lines
        is_full = self._gathered >= LINES_MAX
        if not (is_urgent or is_full):
            return
        at = self._clock.monotonic() + GATHER_SECONDS
        if not is_full:
            at = max(at, self._uploaded_at + APART_SECONDS)
        if at < self._upload_at:
            self._upload_at = at
            self._awake.set()

    def configure(self, pace: Pace) -> None:
        """Go by another pace, and look anew at settings that were refused: what is accepted here may have changed."""
        self._pace = pace
        self._following.forget_refusal()
        self._upload_at = min(self._upload_at, self._clock.monotonic() + pace.every_seconds)
        self._awake.set()

    def refuse_settings(self, version: int, reason: str) -> None:
        """Hear that settings that came earlier no longer fit what is configured here; central is told soon."""
        self._following.refuse(version, reason)
        self._said_at = float("-inf")
        self._awake.set()

    # --- what is due ---------------------------------------------------------------------------------------------------

    async def turn(self) -> float:
        """Do what is due; return the seconds until something is, if nobody announces anything meanwhile."""
        now_at = self._clock.monotonic()
        if now_at < self._retry_at:
            return self._retry_at - now_at
        try:
            await self._do_what_is_due()
        except PollerError as error:
            seconds = self._ledger.fail(error)
            self._retry_at = self._clock.monotonic() + seconds
            return seconds
        self._ledger.succeed_here()
        if self._pinned is None:
            return _IDLE_SECONDS
        return max(0.0, min(self._upload_at, self._beat_at) - self._clock.monotonic())

    @property
    def _beat_at(self) -> float:
        return self._said_at + self._pace.heartbeat_seconds

    async def _do_what_is_due(self) -> None:
        if self._pinned is None and not await self._enrol():
            return
        assert self._pinned is not None
        trouble: PollerError | None = None
        if self._clock.monotonic() >= self._upload_at:
            try:
                await self._upload(self._pinned)
            except PollerError as error:
                if isinstance(error, UploadError) and error.kind != OVER_QUOTA:
                    raise
                trouble = error  # our own disk, or enough for today: central hears that we live, and may send settings
        if self._clock.monotonic() >= self._beat_at and not self._is_stopping:
            await self._beat(self._pinned)
        if self._following.is_due(self._pinned) and not self._is_stopping:
            self._pinned = await self._following.fetch(self._client, self._pinned, self._signing, self._sealing)
            self._ledger.succeed()
            if self._following.refused is not None:
                self._ledger.failures["settings"] += 1
                self._said_at = float("-inf")  # tell central by a heartbeat, now
        if trouble is not None:
            raise trouble

    async def _enrol(self) -> bool:
        if self._token is None or self._is_stopping or self._ledger.is_halted:
            return False
        self._pinned = await enrol(self._client, self._papers, self._token, site=self._site)
        identity = self._pinned.identity
        emit(log, INFO, "upload.enrolled", agent=identity.agent, account=identity.account, site=identity.site, address=identity.address)
        self._ledger.succeed()
        return True

    async def _upload(self, pinned: Pinned) -> None:
        """Send and seal until nothing waits. What is sealed goes first: on a full disk it leaves the room that sealing needs."""
        self._gathered = 0
        while self._outbox is not None and not self._is_stopping:
            waiting = await self._outbox.waiting_batches()
            if not waiting and not await self._seal_some(self._outbox, pinned):
                break
            for batch in waiting:
                if self._is_stopping:
                    return
                await self._send(self._outbox, batch, pinned)
        self._uploaded_at = self._clock.monotonic()
        # Up to a tenth sooner: agents that were started together do not stay together.
        self._upload_at = self._uploaded_at + self._pace.every_seconds * (1 - self._dice() / 10)

    async def _seal_some(self, outbox: Outbox, pinned: Pinned) -> bool:
        """Seal as many batches as may wait; return whether there was one."""
        if self._is_key_doubtful:
            await self._beat(pinned)  # sealed to the same key: nothing more is, until central can open it
        count = 0
        while await outbox.seal_next(self._seal) is not None:
            count += 1
        return count > 0

    def _seal(self, number: int, lines: Sequence[bytes]) -> bytes:
        assert self._pinned is not None
        return seal(lines, to=self._pinned.sealing, kind=Kind.READINGS, agent_id=self._pinned.identity.agent, number=number)

    async def _send(self, outbox: Outbox, batch: Batch, pinned: Pinned) -> None:
        """Send one batch and do what central says. Raises UploadError when it says nothing of the batch itself."""
        try:
            receipt = await self._ask(pinned, "POST", f"/v1/batches/{batch.number}", batch.body)
            if receipt.result not in ("stored", "duplicate"):
                raise RefusedError("bad-answer", "its receipt cannot be read", status=200)
        except UploadError as error:
            if not (isinstance(error, RefusedError) and _is_about_the_batch(error)):
                with suppress(PollerError):  # a note that cannot be kept changes nothing of what central said
                    await outbox.note_trouble(batch.number, str(error)[:_REASON_MAX])
                raise
            await outbox.quarantine(batch.number, str(error)[:_REASON_MAX])
            self._ledger.batches["quarantined"] += 1
            self._ledger.failures[error.kind] += 1
            self._is_key_doubtful |= error.word == "bad-envelope"
            emit(log, ERROR, "upload.batch_quarantined", batch=batch.number, lines=batch.lines, word=error.word, reason=error.text)
            return
        await outbox.settle(batch.number)
        self._ledger.batches[receipt.result] += 1
        emit(log, DEBUG, "upload.batch", batch=batch.number, lines=batch.lines, result=receipt.result)

    async def _beat(self, pinned: Pinned) -> None:
        vitals, counts = self._house.vitals(), self._house.counts()
        line = {
            "type": "health",
            "schema": 1,
            "at": self._clock.utc(),
            "version": __version__,
            "printers": vitals.printers,
            "silent": vitals.silent,
            "waiting": counts.waiting,
            "quarantined": counts.quarantined,
            "settings": self._following.version,
            "settings_refused": self._following.refused,
            "update": vitals.update,
            "central_keys": {"sealing": pinned.sealing.id, "signing": pinned.signing_ids},
        }
        body = seal([msgspec.json.encode(line)], to=pinned.sealing, kind=Kind.HEARTBEAT, agent_id=pinned.identity.agent, number=0)
        await self._ask(pinned, "POST", "/v1/heartbeat", body)
        self._is_key_doubtful = False

    async def _ask(self, pinned: Pinned, method: str, path: str, body: bytes) -> _Receipt:
        reply = await self._client.ask(method, path, body, key=self._signing.current, resolve=pinned.resolve)
        try:
            receipt = msgspec.json.decode(reply.body, type=_Receipt)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise RefusedError("bad-answer", "its answer cannot be read", status=reply.status) from None
        self._following.name(receipt.settings)
        self._said_at = self._clock.monotonic()
        self._ledger.succeed()
        return receipt

    # --- what is told --------------------------------------------------------------------------------------------------

    def _tell_token(self) -> None:
        """Say what becomes of a token that is there although this agent is enrolled."""
        if self._pinned is None or self._token is None or hash_of_token(self._token) == self._pinned.identity.token_hash:
            return
        identity = self._pinned.identity
        hint = f"to enrol anew: stop the agent, move {self._papers.folder} away, start it"
        emit(log, WARNING, "upload.token_ignored", enrolled_at=identity.address, account=identity.account, site=identity.site, hint=hint)

    def status(self) -> UploadStatus:
        """Return how it stands, for the status page."""
        identity = self._pinned.identity if self._pinned is not None else None
        return UploadStatus(
            address=self._client.address,
            is_enrolled=identity is not None,
            account=identity.account if identity is not None else "",
            site=identity.site if identity is not None else "",
            success_utc=self._ledger.success_utc,
            trouble=self._ledger.trouble,
            settings_version=self._following.version,
            settings_refused=self._following.refused,
        )

    def metrics(self) -> Iterable[Sample]:
        yield Sample(exposition.POLLER_UPLOAD_ENROLLED, self._pinned is not None)
        yield Sample(exposition.POLLER_UPLOAD_SETTINGS_VERSION, self._following.version)
        yield Sample(exposition.POLLER_UPLOAD_SETTINGS_REFUSED, self._following.refused is not None)
        yield from self._ledger.metrics()


def _is_about_the_batch(error: RefusedError) -> bool:
    """Whether a signed refusal is one of this batch alone. Of words that are not known yet, the status tells."""
    if error.word in _NOT_THE_BATCH or error.word == "bad-answer":
        return False
    return error.word in _QUARANTINE or (400 <= error.status < 500 and error.status not in _NOT_THE_BATCH_STATUS)
