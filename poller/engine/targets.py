"""Where a sweep goes: ranges of addresses as one numbered sequence, and the order it is visited in.

Nothing is ever listed: a /8 is sixteen million numbers, each turned into an address when its turn comes. The order has to be
repeatable (a sweep can be resumed), reversible (an answer is matched to its place) and gentle: no subnet is hit in a burst. See `Order`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from hashlib import blake2s
from math import gcd
from typing import Literal, NamedTuple

from poller.model import Credential
from poller.networks import Interval, address_number, address_text, merge, subtract

CREDENTIALS_MAX = 3  # an unknown address gets at most so many
_STEPS_TRIED = 256


class Range(NamedTuple):
    """Networks that share how they are asked. `name` is the `[[range]]`'s; `rate_per_second` its own limit, below the sweep's.

    Host names are resolved before they come here, each to an interval of one address.
    """

    name: str | None
    intervals: tuple[Interval, ...]
    credentials: tuple[Credential, ...]
    excluded: tuple[Interval, ...] = ()
    port: int = 161
    rate_per_second: float | None = None
    location: str | None = None


class Segment(NamedTuple):
    """Neighbouring indexes that are neighbouring addresses: number `index + shift` is the address of *index*."""

    shift: int
    range_number: int


class Road(NamedTuple):
    """What addresses in one lane have in common. `pace` is the number of the range whose rate holds besides the sweep's, if any."""

    version: Literal[4, 6]
    port: int
    pace: int | None
    is_on_link: bool


class Lane(NamedTuple):
    """Neighbouring indexes that are sent to alike: same road, own order."""

    start: int
    stop: int
    road: Road

    @property
    def size(self) -> int:
        return self.stop - self.start


class Plan:
    """All addresses of a sweep: `plan[index]` is (address, range). Its size in memory follows the configuration, not the networks.

    An address that several ranges name on the same port belongs to the first of them. *on_link* are the networks this host is attached to.
    """

    def __init__(self, ranges: Sequence[Range], *, on_link: Sequence[Interval] = ()) -> None:
        self.ranges = tuple(ranges)
        self._on_link = tuple(on_link)
        self.lanes: tuple[Lane, ...] = ()
        self.starts: list[int] = []
        self.segments: list[Segment] = []
        self._size = 0
        self._places: dict[tuple[Literal[4, 6], int], tuple[list[int], list[int]]] = {}  # by version and port
        for road, pieces in _by_road(self.ranges, on_link).items():
            start = self._size
            for interval, owner in pieces:
                self.starts.append(self._size)
                self.segments.append(Segment(interval.first - self._size, owner))
                self._size += interval.size
            self.lanes += (Lane(start, self._size, road),)
        self._lane_starts = [lane.start for lane in self.lanes]
        self._index_addresses()

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, index: int) -> tuple[str, Range]:
        if not 0 <= index < self._size:
            raise IndexError(index)
        segment = self._segment(index)
        version = self.lanes[self.lane_of(index)].road.version
        return address_text(version, index + segment.shift), self.ranges[segment.range_number]

    def find(self, address: str, port: int) -> int | None:
        """Return the index of *address* and *port*, or None when nobody is asked there."""
        try:
            version, value = address_number(address)
        except ValueError:
            return None
        firsts, numbers = self._places.get((version, port), ((), ()))
        at = bisect_right(firsts, value) - 1
        if at < 0:
            return None
        number = numbers[at]
        index = value - self.segments[number].shift
        stop = self.starts[number + 1] if number + 1 < len(self.starts) else self._size
        return index if index < stop else None

    def owner(self, index: int) -> Range:
        """Return the range *index* belongs to."""
        return self.ranges[self._segment(index).range_number]

    def lane_of(self, index: int) -> int:
        """Return the number of the lane *index* lies in."""
        return bisect_right(self._lane_starts, index) - 1

    def narrow(self, range_name: str | None, near: Sequence[Interval] | None = None) -> Plan:
        """Return the plan of one range, and of that only what lies in *near*, if given. Whoever is not asked here is not asked there."""
        narrowed = []
        for number, one in enumerate(self.ranges):
            if one.name == range_name:
                inside = tuple(self._intervals_of(number))
                kept = inside if near is None else subtract(inside, subtract(inside, near))
                narrowed.append(one._replace(intervals=kept, excluded=()))
        return Plan(narrowed, on_link=self._on_link)

    def size_of(self, range_name: str | None) -> int:
        """Return how many addresses the range of that name has."""
        return sum(part.size for number, one in enumerate(self.ranges) if one.name == range_name for part in self._intervals_of(number))

    def _intervals_of(self, range_number: int) -> Iterator[Interval]:
        """Yield the addresses that belong to a range."""
        for segment, start, stop in zip(self.segments, self.starts, [*self.starts[1:], self._size], strict=True):
            if segment.range_number == range_number:
                yield Interval(self.lanes[self.lane_of(start)].road.version, start + segment.shift, stop - 1 + segment.shift)

    def fingerprint(self) -> bytes:
        """Return 16 bytes that differ when the addresses, their numbering, or the names of ranges or credentials do."""
        ranges = [(one.name, one.port, [credential.name for credential in one.credentials]) for one in self.ranges]
        text = repr((self.lanes, self.starts, self.segments, ranges))
        return blake2s(text.encode(), digest_size=16).digest()

    def _segment(self, index: int) -> Segment:
        return self.segments[bisect_right(self.starts, index) - 1]

    def _index_addresses(self) -> None:
        by_door: dict[tuple[Literal[4, 6], int], list[tuple[int, int]]] = {}
        for number, (start, segment) in enumerate(zip(self.starts, self.segments, strict=True)):
            road = self.lanes[self.lane_of(start)].road
            by_door.setdefault((road.version, road.port), []).append((start + segment.shift, number))
        for door, found in by_door.items():
            found.sort()
            self._places[door] = [first for first, _ in found], [number for _, number in found]


def _by_road(ranges: Sequence[Range], on_link: Sequence[Interval]) -> dict[Road, list[tuple[Interval, int]]]:
    """Return (interval, range number) of every address, each once, by how it is sent to."""
    pieces: dict[Road, list[tuple[Interval, int]]] = {}
    taken: dict[int, tuple[Interval, ...]] = {}
    for number, one in enumerate(ranges):
        assert 1 <= len(one.credentials) <= CREDENTIALS_MAX
        assert one.rate_per_second is None or one.rate_per_second > 0
        free = subtract(one.intervals, (*one.excluded, *taken.get(one.port, ())))
        taken[one.port] = merge((*taken.get(one.port, ()), *free))
        away = subtract(free, on_link)
        for is_on_link, intervals in ((False, away), (True, subtract(free, away))):
            for interval in intervals:
                road = Road(interval.version, one.port, None if one.rate_per_second is None else number, is_on_link)
                pieces.setdefault(road, []).append((interval, number))
    return pieces


class Order:
    """The order in which *size* neighbouring indexes are visited: each once, in equal strides round and round.

    A stride is a step near no simple fraction of the size, as the golden ratio is near none: written as a continued fraction, step / size
    has only small terms. Then two visits k apart land at least size / ((largest term + 2) * k) indexes from each other (Khinchin,
    Continued Fractions), which random order cannot promise: a /24 within a /16 is never hit twice in fewer than about thirty visits.
    The key chooses stride and starting point, so that sweeps differ and one that is resumed goes on in the same order.
    """

    def __init__(self, size: int, key: bytes) -> None:
        assert size > 0
        self.size = size
        tried = [_number(key, attempt) % size for attempt in range(_STEPS_TRIED)]
        self.step = min((step for step in [*tried, size - 1] if gcd(step, size) == 1), key=lambda step: largest_term(step, size))
        self.offset = _number(key, _STEPS_TRIED) % size
        self._back = pow(self.step, -1, size)

    def index(self, place: int) -> int:
        """Return the index that is visited at *place*."""
        return (self.offset + place * self.step) % self.size

    def place(self, index: int) -> int:
        """Return when *index* is visited; the inverse of `index`."""
        return (index - self.offset) * self._back % self.size


def largest_term(step: int, size: int) -> int:
    """Return the largest term of the continued fraction of step / size, by Euclid's algorithm. Small is even, 1 is the golden ratio."""
    worst = 0
    while step:
        worst = max(worst, size // step)
        size, step = step, size % step
    return worst


def _number(key: bytes, purpose: int) -> int:
    return int.from_bytes(blake2s(purpose.to_bytes(2, "big"), key=key, person=b"order").digest(), "big")
