"""How much of a flood is looked at: what is taken from the network is counted before it is understood, and only so much of it is.

Every printer known has its own allowance, so that one gone mad, or somebody who borrows its address, takes nothing from the others. All
addresses nobody knows share one: there is no table of strangers to fill. Pure: the caller brings the time.
"""

from __future__ import annotations

from collections import OrderedDict
from enum import Enum

TOTAL_PER_SECOND = 1000.0
STRANGERS_PER_SECOND = 100.0  # behind NAT a branch with its printers is one address, and a strange one
SOURCE_PER_SECOND, SOURCE_BURST = 5.0, 20.0  # a printer that starts, or jams, sends a handful
SEALED_PER_SECOND = 250.0  # a v3 message costs several hash and cipher runs before it is told from a forged one

_SOURCES_MAX = 16_384


class Dropped(Enum):
    """Why a datagram was not looked at; the value is what it is counted under."""

    SOURCE = "source"
    STRANGERS = "strangers"
    TOTAL = "total"
    SEALED = "sealed"


class Bucket:
    """At most *burst* at once, and *per_second* in the long run. Time spent idle fills it to the brim and no further."""

    __slots__ = ("_burst", "_left", "_per_second", "_seen_at")

    def __init__(self, per_second: float, burst: float, now_at: float) -> None:
        self._per_second, self._burst, self._left, self._seen_at = per_second, burst, burst, now_at

    def take(self, now_at: float) -> bool:
        """Take one if there is one."""
        self._left = min(self._burst, self._left + (now_at - self._seen_at) * self._per_second)
        self._seen_at = now_at
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Quota:
    """Says of each datagram whether it may be looked at."""

    def __init__(self, now_at: float) -> None:
        self._total = Bucket(TOTAL_PER_SECOND, TOTAL_PER_SECOND, now_at)
        self._strangers = Bucket(STRANGERS_PER_SECOND, 2 * STRANGERS_PER_SECOND, now_at)
        self._sealed = Bucket(SEALED_PER_SECOND, SEALED_PER_SECOND, now_at)
        self._sources: OrderedDict[str, Bucket] = OrderedDict()  # by when they were heard last

    def __len__(self) -> int:
        """How many addresses have an allowance of their own now."""
        return len(self._sources)

    def refuse(self, source: str | None, now_at: float, *, is_sealed: bool) -> Dropped | None:
        """Return why the next datagram has to be dropped, None when it may be looked at. *source* is a known address, None any other."""
        if not (self._strangers if source is None else self._bucket(source, now_at)).take(now_at):
            return Dropped.STRANGERS if source is None else Dropped.SOURCE
        if not self._total.take(now_at):
            return Dropped.TOTAL
        if is_sealed and not self._sealed.take(now_at):
            return Dropped.SEALED
        return None

    def _bucket(self, source: str, now_at: float) -> Bucket:
        bucket = self._sources.get(source)
        if bucket is None:
            bucket = self._sources[source] = Bucket(SOURCE_PER_SECOND, SOURCE_BURST, now_at)
            if len(self._sources) > _SOURCES_MAX:
                self._sources.popitem(last=False)
        self._sources.move_to_end(source)
        return bucket
