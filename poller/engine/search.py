"""Where to look for a printer that is not where it was: near by first, then its whole range. Pure; whoever sweeps asks for the next search.

DHCP gives a device another address now and then, most often one close by. So when a printer falls silent, or another one answers at its
address, the 256 addresses around are swept, and if it is not among them, its range. Bounded: a range has one search at a time and so
many minutes between two, whole ones come seldom, and a range too large for that is left to the daily sweep.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from poller.networks import Interval, address_number, merge

SEARCH_EVERY_SECONDS = 300.0
WHOLE_EVERY_SECONDS = 3600.0
ADDRESSES_MAX = 65_536
_NEAR_BITS = 8
_BLOCKS_MAX = 16  # in one search; the others wait for the next
_MISSING_MAX = 10_000


class Hunt(NamedTuple):
    """One search: sweep of *range_name* what lies in *near*; the whole range where that is None. *missing* are who is looked for."""

    range_name: str | None
    near: tuple[Interval, ...] | None
    missing: frozenset[str]


class _Quarter:
    """What is missed in one range: address by id, those not looked for yet and those not found near by."""

    __slots__ = ("far", "near", "near_at", "whole_at")

    def __init__(self) -> None:
        self.near: dict[str, str] = {}
        self.far: dict[str, str] = {}
        self.near_at = self.whole_at = float("-inf")

    def __len__(self) -> int:
        return len(self.near) + len(self.far)


class Search:
    """Notes who is missed where and says what to sweep next."""

    def __init__(self) -> None:
        self._quarters: dict[str | None, _Quarter] = {}
        self._range_of: dict[str, str | None] = {}

    def __len__(self) -> int:
        return len(self._range_of)

    def miss(self, printer_id: str, range_name: str | None, address: str) -> None:
        """Look for a printer that was at *address*. Beyond ten thousand at a time nobody is taken: the daily sweep finds them."""
        self.found(printer_id)
        if len(self._range_of) < _MISSING_MAX:
            self._range_of[printer_id] = range_name
            self._quarters.setdefault(range_name, _Quarter()).near[printer_id] = address

    def found(self, printer_id: str) -> None:
        """Look for it no more; one nobody misses is no fault."""
        if printer_id in self._range_of:
            quarter = self._quarters[self._range_of.pop(printer_id)]
            quarter.near.pop(printer_id, None)
            quarter.far.pop(printer_id, None)

    def next(self, now_at: float, *, size_of: Callable[[str | None], int]) -> Hunt | None:
        """Return what to sweep now, if anything. *size_of* tells how many addresses a range has."""
        for range_name, quarter in self._quarters.items():
            if not quarter:
                continue
            if quarter.far and now_at >= quarter.whole_at:
                if size_of(range_name) <= ADDRESSES_MAX:
                    quarter.whole_at, quarter.near_at = now_at + WHOLE_EVERY_SECONDS, now_at + SEARCH_EVERY_SECONDS
                    missing = frozenset(quarter.far | quarter.near)
                    self._give_up(quarter.far | quarter.near)
                    return Hunt(range_name, None, missing)
                self._give_up(dict(quarter.far))
            if quarter.near and now_at >= quarter.near_at:
                quarter.near_at = now_at + SEARCH_EVERY_SECONDS
                return self._near(range_name, quarter)
        return None

    def _near(self, range_name: str | None, quarter: _Quarter) -> Hunt:
        blocks: set[Interval] = set()
        missing: list[str] = []
        for printer_id, address in list(quarter.near.items()):
            block = _around(address)
            if block not in blocks and len(blocks) >= _BLOCKS_MAX:
                continue
            blocks.add(block)
            missing.append(printer_id)
            quarter.far[printer_id] = quarter.near.pop(printer_id)
        return Hunt(range_name, merge(blocks), frozenset(missing))

    def _give_up(self, missing: dict[str, str]) -> None:
        """Leave them to the daily sweep."""
        for printer_id in missing:
            self.found(printer_id)


def _around(address: str) -> Interval:
    """Return the 256 addresses that *address* is one of."""
    version, number = address_number(address)
    first = number >> _NEAR_BITS << _NEAR_BITS
    return Interval(version, first, first + (1 << _NEAR_BITS) - 1)
