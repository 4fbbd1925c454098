"""Taking requests in: how much at once, how fast, from whom, and proven before anything of theirs is kept.

The head of a request is judged before its body is read: whose key, does the signature hold, is it of now. A stranger so costs one look-up
and no memory. Bodies that are being read or worked on share one budget of bytes; whoever does not fit is asked to come again. Of that
budget an account may hold as much as it leaves free for the others: alone it has half, two that take all they can have a third each, and
there is always something left for the next.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import hdrs, web

from poller.central.receiving.answers import RefusalError
from poller.clock import Clock

IN_HAND_BYTES_MAX = 64 * 2**20
"""Bodies read or being worked on, together: seven of the largest there can be, two thousand usual ones."""
BODY_SECONDS = 60.0
"""For a whole body to arrive: 8 MiB at 1.2 Mbit/s. A usual batch has 17 kB."""
_COME_AGAIN_SECONDS = 10
_CLAIMS_TIMES = 3  # a claim costs a proof, which is most of what a request that is refused costs


class Bucket:
    """So much a second, and a little at once."""

    __slots__ = ("_at", "_left", "at_once", "per_second")

    def __init__(self, per_second: float, at_once: float, now_at: float) -> None:
        self.per_second, self.at_once = per_second, at_once
        self._left, self._at = at_once, now_at

    def take(self, now_at: float) -> bool:
        """Take one, if there is one."""
        self._left = min(self.at_once, self._left + (now_at - self._at) * self.per_second)
        self._at = now_at
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Buckets:
    """One bucket a name, of the names that came last."""

    def __init__(self, per_second: float, at_once: float, *, names_max: int) -> None:
        self._per_second, self._at_once, self._names_max = per_second, at_once, names_max
        self._by_name: OrderedDict[str, Bucket] = OrderedDict()

    def take(self, name: str, now_at: float) -> bool:
        bucket = self._by_name.get(name)
        if bucket is None:
            bucket = self._by_name[name] = Bucket(self._per_second, self._at_once, now_at)
            if len(self._by_name) > self._names_max:
                self._by_name.popitem(last=False)
        self._by_name.move_to_end(name)
        return bucket.take(now_at)


class Intake:
    """The budget of bytes, and the pace of strangers and of each agent."""

    def __init__(self, clock: Clock, *, requests_per_second: int, strangers_per_second: int = 50, agents_max: int = 100_000) -> None:
        self._clock = clock
        self.in_hand_bytes = 0
        self._of_account: Counter[str] = Counter()
        self._claims = Buckets(_CLAIMS_TIMES * requests_per_second, 5 * _CLAIMS_TIMES * requests_per_second, names_max=agents_max)
        self._strangers = Bucket(strangers_per_second, 2 * strangers_per_second, clock.monotonic())
        self._agents = Buckets(requests_per_second, 5 * requests_per_second, names_max=agents_max)

    def admit_stranger(self) -> None:
        """Return when one more look-up for somebody unknown is all right. Raises RefusalError."""
        if not self._strangers.take(self._clock.monotonic()):
            raise RefusalError("slow-down", "too many requests by strangers", retry_seconds=_COME_AGAIN_SECONDS)

    def admit_claim(self, key_id: str, sender: str | None) -> None:
        """Return while requests from *sender* that say they are by this key are few enough to be proven, which costs. Raises RefusalError.

        It is by the sender as well: who only claims to be an agent must not use up what that one may do.
        """
        if not self._claims.take(f"{key_id} {sender}", self._clock.monotonic()):
            raise RefusalError("slow-down", "far too many requests in a short time", retry_seconds=_COME_AGAIN_SECONDS)

    def admit_agent(self, key_id: str) -> None:
        """Return while a proven sender keeps its pace; each has its own, so that others do not feel it. Raises RefusalError."""
        if not self._agents.take(key_id, self._clock.monotonic()):
            raise RefusalError("slow-down", "too many requests in a short time", retry_seconds=_COME_AGAIN_SECONDS)

    @asynccontextmanager
    async def body(self, request: web.Request, *, bytes_max: int, account: str = "") -> AsyncIterator[bytes]:
        """Give the body of *request* and keep its place in the budget until the block ends. Raises RefusalError.

        *account* is empty for strangers, who share one part.
        """
        if request.headers.get(hdrs.CONTENT_ENCODING, "identity") != "identity":
            raise RefusalError("bad-request", "a body comes as it was sealed, without a content coding")
        stated_bytes = request.content_length
        if stated_bytes is not None and stated_bytes > bytes_max:
            raise RefusalError("too-large", f"at most {bytes_max} bytes")
        kept_bytes = bytes_max if stated_bytes is None else stated_bytes
        self._hold(account, kept_bytes)
        try:
            yield await _read(request, bytes_max)
        finally:
            self._let_go(account, kept_bytes)

    def _hold(self, account: str, kept_bytes: int) -> None:
        free_bytes = IN_HAND_BYTES_MAX - self.in_hand_bytes - kept_bytes
        if free_bytes < 0 or self._of_account[account] > free_bytes:
            raise RefusalError("unavailable", "too much at once", retry_seconds=_COME_AGAIN_SECONDS)
        self.in_hand_bytes += kept_bytes
        self._of_account[account] += kept_bytes

    def _let_go(self, account: str, kept_bytes: int) -> None:
        self.in_hand_bytes -= kept_bytes
        self._of_account[account] -= kept_bytes
        if not self._of_account[account]:
            del self._of_account[account]


async def _read(request: web.Request, bytes_max: int) -> bytes:
    pieces: list[bytes] = []
    count = 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for piece in request.content.iter_any():
                count += len(piece)
                if count > bytes_max:
                    raise RefusalError("too-large", f"at most {bytes_max} bytes")
                pieces.append(piece)
    except TimeoutError:
        raise RefusalError("slow-down", f"the body did not arrive within {BODY_SECONDS:.0f} s", retry_seconds=_COME_AGAIN_SECONDS) from None
    except web.RequestPayloadError as error:
        raise RefusalError("bad-request", "the body is not what its header fields say") from error
    return b"".join(pieces)
