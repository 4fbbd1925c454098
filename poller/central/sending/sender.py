"""What sends: for each channel a loop that takes what is due, one message after the other, and notes what became of it.

Any number of `serve` processes do this on one database. A message is claimed in a transaction of its own before anything goes out, and what
became of it is noted in another. Killed in between, it waits until the lease ends; then a webhook and a file, which are the same when they
are repeated, go out once more, and so does a mail of which nothing was handed over. A mail that was is `unclear`: a person decides.

Channels do not wait for each other. Where a server does not do it, the channel rests for a while, and other messages with it.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from poller.central.sending.faults import NotSentError, PutOffError, UnclearError
from poller.central.sending.pauses import next_try
from poller.central.store import messages
from poller.central.store import personal as personals
from poller.central.store.database import Database, UnavailableError
from poller.central.store.messages import CHANNELS, Channel, Claim, Fate, Key
from poller.central.store.personal import ErasedError
from poller.clock import Clock
from poller.errors import SealError
from poller.logs import ERROR, INFO, WARNING, emit
from poller.sealing.local_key import LocalKey

log = logging.getLogger(__name__)

EVERY_SECONDS = 15.0
ROUND_MAX = 500
"""Messages of one round."""
REST_SECONDS, SLOW_REST_SECONDS = 60.0, 900.0
"""How long a channel rests whose server does not answer, and one a person has to mend: who logs in wrongly too often is locked out."""
SHUT_FOR = timedelta(minutes=10)
"""How long messages are left alone that cannot be opened."""
_DRAIN_SECONDS = 8.0
"""For what is on its way when central stops."""
NOTE_AGAIN_SECONDS = (1.0, 2.0, 5.0, 10.0, 30.0)
"""When what became of a message is noted once more, where the database did not take it."""

Begin = Callable[[], Awaitable[None]]
"""Called by a channel that cannot repeat itself, right before the first byte that counts. After a PutOffError none may follow."""
OnSent = Callable[[AsyncConnection, str, str, datetime], Awaitable[None]]
"""Called with account and parcel when all channels have it, in the transaction that notes it."""


class ChannelOf(Protocol):
    """One way out. `deliver` returns what the other side said; raises PutOffError, RefusedError, UnclearError."""

    async def deliver(self, claim: Claim, begin: Begin) -> str: ...


class _Times(NamedTuple):
    """How long a message may take, and how long nobody else takes it: longer."""

    budget_seconds: float
    lease_seconds: float


TIMES: Mapping[Channel, _Times] = {
    "mail": _Times(840.0, 900.0),  # ten minutes of it for the answer that counts
    "webhook": _Times(60.0, 120.0),
    "csv": _Times(60.0, 120.0),
}


class Sender:
    """`run` until *stop*; `send_due` is one round. *ways* are the channels that are set up, *tries* counts by channel and outcome."""

    def __init__(
        self,
        database: Database,
        store: LocalKey,
        clock: Clock,
        ways: Mapping[Channel, ChannelOf],
        *,
        on_sent: OnSent | None = None,
        tries: Counter[tuple[str, str]] | None = None,
    ) -> None:
        self._database, self._store, self._clock, self._ways = database, store, clock, ways
        self._on_sent = on_sent
        self._tries: Counter[tuple[str, str]] = Counter() if tries is None else tries
        self._rest_until_at: dict[Channel, float] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Send what is due, until *stop*; then nothing new, and what is on its way has a few seconds."""
        async with asyncio.TaskGroup() as group:
            loops = [group.create_task(self._run(channel, stop), name=f"sending {channel}") for channel in CHANNELS]
            await stop.wait()
            _, late = await asyncio.wait(loops, timeout=_DRAIN_SECONDS)
            for task in late:
                task.cancel()

    async def _run(self, channel: Channel, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await self._send_due(channel, stop)
            except UnavailableError as error:
                emit(log, WARNING, "messages.waiting", channel=channel, reason=error.reason)
            try:
                await asyncio.wait_for(stop.wait(), EVERY_SECONDS)
            except TimeoutError:
                pass

    async def send_due(self) -> int:
        """Send what is due now, all channels at once; return how many messages were sent. Raises UnavailableError."""
        async with asyncio.TaskGroup() as group:
            rounds = [group.create_task(self._send_due(channel, asyncio.Event()), name=f"sending {channel}") for channel in CHANNELS]
        return sum(one.result() for one in rounds)

    async def _send_due(self, channel: Channel, stop: asyncio.Event) -> int:
        if self._is_resting(channel):
            return 0
        async with self._database.reading() as db:
            due = await messages.due(db, channel, now_utc=self._clock.utc(), rows_max=ROUND_MAX)
        sent = 0
        shut: set[str] = set()
        for key in due:
            if stop.is_set() or self._is_resting(channel):
                break
            if key.account in shut:
                continue
            try:
                sent += await self._send(key)
            except UnavailableError:
                raise
            except (SealError, ErasedError) as error:
                shut.add(key.account)
                await self._postpone(key)
                emit(log, ERROR, "messages.key_refused", account=key.account, reason=str(error))
            except Exception as error:  # noqa: BLE001 - a fault of ours: the other messages go on, and so does receiving
                emit(log, ERROR, "message.fault", **_named(key), kind=type(error).__name__, at=_place_of(error))
        return sent

    async def _send(self, key: Key) -> bool:
        """Send one message, if it is still to be sent; return whether it was. Raises SealError, ErasedError, UnavailableError."""
        claim = await self._claim(key)
        if claim is None:
            return False
        fault, answer = None, ""
        try:
            answer = await self._deliver(claim)
        except NotSentError as error:
            fault = error
        await self._note(claim, fault, answer)
        return fault is None

    async def _postpone(self, key: Key) -> None:
        """Leave alone for a while what cannot be opened: another store.key than the account's was made under, or none any more."""
        async with self._database.writing() as db:
            now_utc = self._clock.utc()
            await messages.postpone(db, key.account, key.channel, now_utc=now_utc, until_utc=now_utc + SHUT_FOR)

    async def _claim(self, key: Key) -> Claim | None:
        """Make a message ours; None when it is not to be sent now."""
        async with self._database.writing() as db:
            now_utc = self._clock.utc()
            personal = await personals.open_account(db, self._store, key.account, now_utc=now_utc)
            found = await messages.claim(db, key, personal, now_utc=now_utc, lease_seconds=TIMES[key.channel].lease_seconds)
        if found == "unclear":
            self._tell(key, "unclear", WARNING, error="interrupted")
            return None
        return found

    async def _deliver(self, claim: Claim) -> str:
        """Have the channel send it; return what was said to it. Raises NotSentError, whatever went wrong."""
        way = self._ways.get(claim.key.channel)
        if way is None:
            raise PutOffError("not-set-up", for_all=True, is_slow=True)
        has_begun = False

        async def begin() -> None:
            nonlocal has_begun
            try:
                async with self._database.writing() as db:
                    is_ours = await messages.begin(db, claim, now_utc=self._clock.utc())
            except UnavailableError as error:
                raise PutOffError("database", error.reason) from None
            if not is_ours:
                raise PutOffError("too-late")
            has_begun = True

        try:
            async with asyncio.timeout(TIMES[claim.key.channel].budget_seconds):
                return await way.deliver(claim, begin)
        except NotSentError:
            raise
        except TimeoutError:
            word = "timeout"
        except Exception as error:  # noqa: BLE001 - a fault of ours: the other messages go on, and this one is never sent twice
            emit(log, ERROR, "message.fault", **_named(claim.key), kind=type(error).__name__, at=_place_of(error))
            word = "fault"
        if has_begun:
            raise UnclearError(word)
        raise PutOffError(word)

    # --- what became of it --------------------------------------------------------------------------------------------------

    async def _note(self, claim: Claim, fault: NotSentError | None, answer: str) -> None:
        """Write down what became of a message, and tell it. A database that does not take it is asked again, while the lease lasts."""
        fate = _fate(claim, fault, answer, now_utc=self._clock.utc())
        if isinstance(fault, PutOffError) and fault.for_all:
            self._rest(claim.key.channel, SLOW_REST_SECONDS if fault.is_slow else max(REST_SECONDS, _asked_seconds(fault)))
        told: dict[str, Any] = {"tries": claim.tries} | ({} if fate.error is None else {"error": fate.error})
        for pause_seconds in (*NOTE_AGAIN_SECONDS, None):
            try:
                is_ours = await self._write(claim, fate)
            except UnavailableError as error:
                if pause_seconds is None:
                    emit(log, ERROR, "message.not_noted", **_named(claim.key), state=fate.state, reason=error.reason)
                    return
                await asyncio.sleep(pause_seconds)
            except ErasedError:  # meanwhile, with everything of the account, and so with the message
                return
            else:
                if not is_ours:
                    emit(log, WARNING, "message.lost_lease", **_named(claim.key), state=fate.state, **told)
                elif fate.due_utc is not None:
                    self._tell(claim.key, "put_off", INFO, **told, next_try=fate.due_utc.isoformat(timespec="seconds"))
                else:
                    self._tell(claim.key, fate.state, INFO if fate.state == "sent" else WARNING, **told)
                return

    async def _write(self, claim: Claim, fate: Fate) -> bool:
        async with self._database.writing() as db:
            now_utc = self._clock.utc()
            personal = await personals.open_account(db, self._store, claim.key.account, now_utc=now_utc)
            await messages.lock_parcel(db, claim.key)
            is_ours = await messages.note(db, claim, fate, personal, now_utc=now_utc)
            if is_ours and fate.state == "sent":
                await tell_if_all_sent(db, claim.key, self._on_sent, now_utc=now_utc)
        return is_ours

    def _tell(self, key: Key, what: str, level: int, **fields: Any) -> None:
        self._tries[key.channel, what] += 1
        emit(log, level, f"message.{what}", **_named(key), **fields)

    # --- resting ------------------------------------------------------------------------------------------------------------

    def _rest(self, channel: Channel, seconds: float) -> None:
        self._rest_until_at[channel] = self._clock.monotonic() + seconds

    def _is_resting(self, channel: Channel) -> bool:
        until_at = self._rest_until_at.get(channel)
        if until_at is None or self._clock.monotonic() < until_at:
            return until_at is not None
        del self._rest_until_at[channel]
        return False


async def tell_if_all_sent(db: AsyncConnection, key: Key, on_sent: OnSent | None, *, now_utc: datetime) -> None:
    """Call *on_sent* when every channel has the parcel. The parcel's messages are locked by whoever calls."""
    if on_sent is not None and await messages.is_all_sent(db, key):
        await on_sent(db, key.account, key.parcel, now_utc)


def _fate(claim: Claim, fault: NotSentError | None, answer: str, *, now_utc: datetime) -> Fate:
    """Return what becomes of a message after a try."""
    match fault:
        case None:
            return Fate("sent", answer=answer)
        case PutOffError():
            due_utc = next_try(fault, what="/".join(claim.key), tries=claim.tries, since_utc=claim.since_utc, now_utc=now_utc)
            return Fate("failed" if due_utc is None else "waiting", due_utc, fault.word, fault.text)
        case UnclearError():
            return Fate("unclear", None, fault.word, fault.text)
    return Fate("failed", None, fault.word, fault.text)


def _asked_seconds(fault: PutOffError) -> float:
    """Return how long the channel rests because the server said so: an hour at most, what is one message's is up to a day."""
    return min(fault.after_seconds or 0.0, timedelta(hours=1).total_seconds())


def _named(key: Key) -> dict[str, Any]:
    return {"account": key.account, "parcel": key.parcel, "channel": key.channel}


def _place_of(error: BaseException) -> str:
    """Return where *error* was raised; its text may name somebody."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
