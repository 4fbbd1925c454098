"""Which signed requests were here before: a nonce counts once per key.

A request is acceptable until it is too old, so that is how long its nonce is kept; afterwards its time refuses it. Requests that carry a
batch number need none of this: the number itself tells a repetition. What is kept is lost at a restart: for up to six minutes a recorded
heartbeat or fetch of settings can be repeated then, which shows a sealed answer to somebody who cannot open it.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime

from poller.errors import SealError
from poller.sealing.signatures import AGE_SECONDS_MAX, Proof


class ReplayCache:
    """The nonces of the last minutes. Only for requests whose signature held: strangers cannot fill it."""

    def __init__(self, *, per_key_max: int = 300, keys_max: int = 100_000) -> None:
        """*per_key_max* bounds what one sender may do (a request a second), *keys_max* the senders of six minutes."""
        self._per_key_max, self._keys_max = per_key_max, keys_max
        # Key id -> nonce -> when to forget it. Senders in the order of their latest request, so that the quiet ones are at the front.
        self._by_key: OrderedDict[str, dict[str, float]] = OrderedDict()

    def __len__(self) -> int:
        """Return how many nonces are kept."""
        return sum(map(len, self._by_key.values()))

    def admit(self, proof: Proof, *, now_utc: datetime) -> None:
        """Note a request as seen. Raises SealError when it was seen before, or when its sender sends more than is kept."""
        now_seconds = now_utc.timestamp()
        self._forget(now_seconds)
        seen = {nonce: until for nonce, until in self._by_key.get(proof.key_id, {}).items() if until >= now_seconds}
        if proof.nonce in seen:
            raise SealError("a request that was here before")
        if len(seen) >= self._per_key_max or (proof.key_id not in self._by_key and len(self._by_key) >= self._keys_max):
            raise SealError("more requests than can be told apart: too many from this sender, or too many senders")
        seen[proof.nonce] = proof.created_utc.timestamp() + AGE_SECONDS_MAX
        self._by_key[proof.key_id] = seen
        self._by_key.move_to_end(proof.key_id)

    def _forget(self, now_seconds: float) -> None:
        """Drop senders that are quiet by now; each call looks at as many as it drops, and one more."""
        while self._by_key:
            key_id, seen = next(iter(self._by_key.items()))
            if max(seen.values()) >= now_seconds:
                return
            del self._by_key[key_id]
