"""How much a counter may plausibly grow in a day: learned from the fleet, per model and counter, and bounded on both sides.

No office printer prints a million pages overnight, and a busy day is no reason to trouble a person. What devices of one model really do is
kept as a tally of daily growths by powers of two: some forty numbers per model and counter, however many devices there are. The limit
is well above nearly all of them. One odd day cannot move it, and only growth that was accepted is learned.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from poller.central.meters.samples import SKEW, Shape

PER_MINUTE_MAX = 400
"""Impressions a minute, more than any cut-sheet press makes. A continuous-feed press would need a decision each time."""
CEILING = PER_MINUTE_MAX * 60 * 24
FLOOR = 10_000
"""Pages a day nobody asks about, on any model: what an office device of 45 a minute prints in less than four hours."""
UNKNOWN = 30_000
"""The limit where too little was seen: what a copying centre prints on a good day."""
DAYS_MIN = 200
"""From how many device-days on a tally is believed."""

_SHARE = 0.999
_TIMES = 4
_DAYS_KEPT = 200_000
_BUCKETS = 32

Tally = list[int]
"""How many device-days grew by a number of so many bits; index 0 is "not at all"."""


class Limits:
    """What was learned. The caller keeps `tallies` between runs; it is plain data and may be merged by adding."""

    def __init__(self, tallies: Mapping[tuple[str, str], Sequence[int]] | None = None) -> None:
        self.tallies: dict[tuple[str, str], Tally] = {key: list(tally)[:_BUCKETS] for key, tally in (tallies or {}).items()}
        self._ready: dict[tuple[str, Shape], tuple[int, ...]] = {}

    def per_day(self, model: str, shape: Shape) -> tuple[int, ...]:
        """Return for each cell of *shape* the most it may grow in a day. Fixed until `refresh`."""
        limits = self._ready.get((model, shape))
        if limits is None:
            limits = self._ready[model, shape] = tuple([self._limit(model, cell) for cell in shape.cells])
        return limits

    def observe(self, model: str, growths: Iterable[tuple[str, int]]) -> None:
        """Take what the cells of one device grew by in one day, all of it accepted."""
        for cell, growth in growths:
            tally = self.tallies.get((model, cell))
            if tally is None:
                tally = self.tallies[model, cell] = [0] * _BUCKETS
            tally[min(growth.bit_length(), _BUCKETS - 1)] += 1

    def refresh(self) -> None:
        """Let what was observed hold; once a day. Long tallies are halved, so that the past fades."""
        self._ready.clear()
        for key, tally in self.tallies.items():
            if sum(tally) > _DAYS_KEPT:
                self.tallies[key] = [days // 2 for days in tally]

    def _limit(self, model: str, cell: str) -> int:
        tally = self.tallies.get((model, cell))
        if tally is None or (days := sum(tally)) < DAYS_MIN:
            return UNKNOWN
        left = days * (1 - _SHARE)
        bits = _BUCKETS - 1
        while bits > 0 and (left := left - tally[bits]) >= 0:
            bits -= 1
        return max(FLOOR, min(CEILING, _TIMES * ((1 << bits) - 1)))


def fastest(passed: timedelta) -> int:
    """Return the most any printer does in *passed*, which two clocks say, or one that stepped: what is beyond it was not printed."""
    return int(PER_MINUTE_MAX * (passed + SKEW).total_seconds() / 60)
