"""Who may look: basic authentication (RFC 7617) against the bcrypt hashes of a web configuration file.

bcrypt is slow on purpose, a tenth of a second and more, so it works on a thread of its own, never on the event loop, one log-in at a time.
What was found right is remembered as a keyed hash, for Prometheus comes every few seconds with the same. Everyone else together may try so
often a second and no more; a name nobody has costs as much work as one with a wrong password, so that time tells nothing.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import secrets
from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

import bcrypt

from poller import exposition
from poller.clock import Clock
from poller.exposition import Sample
from poller.model import Secret

_REMEMBERED_MAX = 256
_TRIES_PER_SECOND, _TRIES_AT_ONCE = 5.0, 10
_WAITING_MAX = 8
_PASSWORD_OCTETS_MAX = 72  # all that bcrypt takes in; what htpasswd hashed of a longer one, too


class LogInRefusedError(Exception):
    """Nobody may look with this. `reason` is the word it is counted under: missing, wrong, too_many."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class Guard:
    """Checks the Authorization header of requests; `users` may be exchanged while it works."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._users: Mapping[str, Secret] = {}
        self._nobody = b""
        self._key = secrets.token_bytes(32)
        self._verified: OrderedDict[bytes, None] = OrderedDict()
        self._tries, self._tries_at = float(_TRIES_AT_ONCE), clock.monotonic()
        self._waiting = 0
        self._refused: Counter[str] = Counter()
        self._thread: ThreadPoolExecutor | None = None

    @property
    def is_open(self) -> bool:
        """Whether nobody has to log in."""
        return not self._users

    def use(self, users: Mapping[str, Secret]) -> None:
        """Let in these users (bcrypt hashes by name), and no longer those before; everyone where there are none."""
        self._users = dict(users)
        self._verified.clear()
        # A hash of nothing anyone knows, as slow as the slowest: what a name nobody has is compared with.
        costs = [hashed.reveal()[4:6] for hashed in users.values()]
        self._nobody = f"$2b${max(costs)}${'.' * 53}".encode() if costs else b""

    async def admit(self, header: str | None) -> None:
        """Return for a user's own name and password, as the Authorization header has them; else raise LogInRefusedError."""
        try:
            await self._admit(header)
        except LogInRefusedError as error:
            self._refused[error.reason] += 1
            raise

    def metrics(self) -> Iterator[Sample]:
        for reason, count in sorted(self._refused.items()):
            yield Sample(exposition.POLLER_LOGINS_REFUSED, count, (reason,))

    def close(self) -> None:
        """Wait for nothing; a comparison under way ends by itself."""
        if self._thread is not None:
            self._thread.shutdown(wait=False, cancel_futures=True)
            self._thread = None

    async def _admit(self, header: str | None) -> None:
        if header is None:
            raise LogInRefusedError("missing")
        name, password = _read(header)
        hashed = self._users.get(name)
        digest = self._digest(name, password, hashed)
        if digest in self._verified:
            self._verified.move_to_end(digest)
            return
        self._take_a_try()
        self._waiting += 1
        try:
            is_right = await self._compare(password, self._nobody if hashed is None else hashed.reveal().encode())
        finally:
            self._waiting -= 1
        if hashed is None or not is_right or self._users.get(name) != hashed:  # it may have gone meanwhile
            raise LogInRefusedError("wrong")
        self._verified[digest] = None
        if len(self._verified) > _REMEMBERED_MAX:
            self._verified.popitem(last=False)

    def _digest(self, name: str, password: bytes, hashed: Secret | None) -> bytes:
        parts = (name.encode(), password, b"" if hashed is None else hashed.reveal().encode())
        told_apart = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
        return hmac.digest(self._key, told_apart, hashlib.sha256)

    def _take_a_try(self) -> None:
        """Note one more comparison, or raise when there were too many of late or too many wait."""
        now_at = self._clock.monotonic()
        self._tries = min(_TRIES_AT_ONCE, self._tries + (now_at - self._tries_at) * _TRIES_PER_SECOND)
        self._tries_at = now_at
        if self._tries < 1 or self._waiting >= _WAITING_MAX:
            raise LogInRefusedError("too_many")
        self._tries -= 1

    async def _compare(self, password: bytes, hashed: bytes) -> bool:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="passwords")
        return await asyncio.get_running_loop().run_in_executor(self._thread, _is_password, password, hashed)


def _is_password(password: bytes, hashed: bytes) -> bool:
    try:
        return bcrypt.checkpw(password[:_PASSWORD_OCTETS_MAX], hashed)
    except ValueError:  # what bcrypt cannot have hashed
        return False


def _read(header: str) -> tuple[str, bytes]:
    """Return name and password of an Authorization header; whatever is none of RFC 7617 is a wrong log-in."""
    scheme, _, encoded = header.partition(" ")
    try:
        name, colon, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
        if scheme.lower() != "basic" or not colon:
            raise LogInRefusedError("wrong")
        return name.decode(), password
    except (binascii.Error, ValueError) as error:
        raise LogInRefusedError("wrong") from error
