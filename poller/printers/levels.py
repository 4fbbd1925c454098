"""Integers as agents send them, and what a level means (RFC 3805: prtMarkerSuppliesLevel, prtInputCurrentLevel; RFC 3806 the same).

A level is a number only from 0 up. -1 is "no restriction", -2 "unknown", -3 "at least one unit is there": each is a *state*, and none
ever becomes a number, least of all a percentage.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, NamedTuple

from poller.model import State
from poller.snmp import ber
from poller.snmp.message import Missing, Value

NO_RESTRICTION, UNKNOWN, SOME_REMAINING = -1, -2, -3

LOW_RATIO_MAX = 0.10
"""`low` is the device's own word, or a ratio of at most this. A reader's word, not an order policy."""

Word = Literal["low", "empty"]
"""What a device says of a row in its own alert table."""

_UNSIGNED_32 = 2**32
_INTEGER_MAX = 2**31 - 1  # Integer32, RFC 2578 section 7.1.1
_OCTETS_MAX = 9  # a Counter64 with the sign octet BER may put before it
_DIGITS_MAX = 19
_UNSIGNED = (ber.COUNTER32, ber.GAUGE32, ber.TIME_TICKS, ber.COUNTER64)


class Level(NamedTuple):
    """`ratio` is 0 to 1 or None; `units` and `capacity` are numbers the device vouches for, or None."""

    ratio: float | None
    state: State
    units: int | None
    capacity: int | None


def integer(value: Value | Missing | None) -> int | None:
    """Return the whole number in *value*, or None where there is none.

    Digits in an OCTET STRING count: some agents answer whole tables that way. Nothing here raises: the octets are a stranger's.
    """
    if not isinstance(value, tuple):
        return None
    tag, content = value
    if tag == ber.OCTET_STRING:
        digits = content.strip(b" \x00")
        unsigned = digits[1:] if digits[:1] == b"-" else digits
        return int(digits) if unsigned.isdigit() and len(unsigned) <= _DIGITS_MAX else None
    if not 1 <= len(content) <= _OCTETS_MAX:
        return None
    if tag == ber.INTEGER:
        return ber.signed(content)
    return ber.unsigned(content) if tag in _UNSIGNED else None


def level_number(value: Value | Missing | None) -> int | None:
    """Return a level within its declared syntax, Integer32 (-3..2147483647), or None.

    Agents that send levels as Gauge32 send -3 as 4294967293.
    """
    number = integer(value)
    if number is not None and number - _UNSIGNED_32 in (NO_RESTRICTION, UNKNOWN, SOME_REMAINING):
        number -= _UNSIGNED_32
    return number if number is not None and SOME_REMAINING <= number <= _INTEGER_MAX else None


def capacity_number(value: Value | Missing | None) -> int | None:
    """Return a capacity that is one: above zero. "No restriction", "unknown" and 0 are none."""
    number = integer(value)
    return number if number is not None and 0 < number <= _INTEGER_MAX else None


@lru_cache(maxsize=16384)
def measure(level: int | None, capacity: int | None, *, is_percent: bool = False, word: Word | None = None) -> Level:
    """Return what *level* of *capacity* means; both as `level_number` and `capacity_number` give them.

    A level above its capacity is no measurement at all (Samsung engines send 143065 of 100 per cent): it keeps neither ratio nor units.
    Where the unit is per cent, the missing capacity is 100. *word* is stronger than any threshold of ours.
    """
    units = level if level is not None and level >= 0 else None
    scale = capacity if capacity is not None else 100 if is_percent else None
    is_impossible = units is not None and scale is not None and units > scale
    if is_impossible:
        units = None
    ratio = units / scale if units is not None and scale is not None else None
    return Level(ratio, _state(level, ratio, word, is_impossible=is_impossible), units, capacity)


def _state(level: int | None, ratio: float | None, word: Word | None, *, is_impossible: bool) -> State:
    if word == "empty" or level == 0:
        return "empty"
    if word == "low":
        return "low"
    if level is None:
        return "not-reported"
    if level == SOME_REMAINING:
        return "some-remaining"
    if level < 0 or is_impossible:
        return "unknown"
    return "low" if ratio is not None and ratio <= LOW_RATIO_MAX else "ok"
