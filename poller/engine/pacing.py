"""How fast: at most so many packets in any second, handed out in small batches.

Time spent asleep is forgotten, never owed: a laptop that slept for a weekend does not wake with a million packets to send. Sleeping per
packet is too slow at 20,000 a second, so what fell due since the last look goes out together; that bunching is part of the promised rate,
not on top of it. Pure: the caller brings the time and does the sleeping.
"""

from __future__ import annotations

from math import ceil

TICK_SECONDS = 0.01
RATE_MAX = 1_000_000.0  # beyond what one core can send: unpaced

ON_LINK_PER_SECOND = 170.0
"""For addresses on a network this host is attached to, all such networks together.

Each costs an unresolved entry in the kernel's neighbour table for three ARP requests, a second apart (Linux, arp(7): mcast_solicit); so
at most 510 are unresolved: below gc_thresh2, 512, from which on the kernel throws entries out, those of other programs too.
"""

_BUNCH_SECONDS = 2 * TICK_SECONDS  # one tick, and one more for a loop that is late
_ROUNDING = 1e-6  # of a packet: 4.9999999 gaps are 5
_FACTOR_MIN = 1 / 64
_RECOVERY_PER_SECOND = 0.1


class Pacer:
    """Promises: at most *per_second* packets in any one second, whatever the clock does.

    The times at which packets fall due are a ladder of equal gaps; `_next_at` is the lowest rung not used yet. Rungs further back than a
    bunch are lost. As a bunch of b can leave at once, the gaps are those of per_second - (b - 1): no second then holds more than promised.
    """

    def __init__(self, per_second: float) -> None:
        assert per_second > 0
        per_second = min(per_second, RATE_MAX)
        bunch = ceil(per_second * _BUNCH_SECONDS)
        self._gap_seconds = 1 / (per_second - (bunch - 1))
        self._slack_seconds = self._gap_seconds * (bunch - 1)
        self._next_at = float("-inf")
        self._factor, self._factor_at = 1.0, float("-inf")

    def available(self, now_at: float) -> int:
        """Return how many packets may leave now."""
        if self._next_at > now_at:
            return 0
        gap_seconds = self._gap_seconds / self.factor(now_at)
        return int((now_at - self._lowest(now_at)) / gap_seconds + _ROUNDING) + 1

    def claim(self, now_at: float, packets: int) -> None:
        """Note that *packets* left."""
        self._next_at = self._lowest(now_at) + packets * self._gap_seconds / self.factor(now_at)

    def wait_seconds(self, now_at: float) -> float:
        """Return how long until a packet may leave; 0 when one may now."""
        return max(0.0, self._next_at - now_at)

    def slow_down(self, now_at: float) -> None:
        """Note that the kernel had no room: pause for a tick and halve the rate; every second gives back a tenth of the full one."""
        self._factor = max(_FACTOR_MIN, self.factor(now_at) / 2)
        self._factor_at = now_at
        self._next_at = max(self._next_at, now_at + TICK_SECONDS)

    def factor(self, now_at: float) -> float:
        """Return the share of the full rate that holds now."""
        return min(1.0, self._factor + (now_at - self._factor_at) * _RECOVERY_PER_SECOND)

    def _lowest(self, now_at: float) -> float:
        return max(self._next_at, now_at - self._slack_seconds)
