"""Which readings are worth keeping: one per printer every four hours, and at once those that tell of a change.

What a reading is compared with is the one before it, so nothing else has to survive a restart. The four hours are slots of the wall clock,
begun for each printer at a moment of its own: a reading is kept when it is the first one in its slot. A fleet's readings spread over the
slot like its printers do, and a printer that was off is kept with its first answer. Pure.
"""

from __future__ import annotations

from enum import StrEnum
from operator import attrgetter
from zlib import crc32

from poller.model import Counter, Reading, Supply

INTERVAL_SECONDS = 4 * 3600

_RISE_RATIO = 0.25
"""A level rises by more than this when a supply was changed. Sensors that waver between steps of a tenth to a quarter do not."""

_who = attrgetter(
    *("id", "identities", "address", "range", "manufacturer", "model", "serial", "firmware", "hostname", "location", "mac")
)  # `via` and `profile` say how it was read, not who it is


class Reason(StrEnum):
    """Why a reading is kept. Of several reasons the first of this list is told."""

    FIRST = "first"
    IDENTITY = "identity"
    PART = "part"
    """A supply is another one: its serial or part number, its row, or a level that rose as only a change makes it."""
    SUPPLY = "supply"
    ERROR = "error"
    COUNTER_FELL = "counter-fell"
    INTERVAL = "interval"


def reason_to_keep(before: Reading | None, now: Reading) -> Reason | None:
    """Return why *now* is worth keeping after *before*, the reading of the same printer before it; None when it is not."""
    if before is None:
        return Reason.FIRST
    if before.printer != now.printer and _who(before.printer) != _who(now.printer):
        return Reason.IDENTITY
    if before.supplies != now.supplies:
        if _is_part_changed(before.supplies, now.supplies):
            return Reason.PART
        if [one.state for one in before.supplies] != [one.state for one in now.supplies]:
            return Reason.SUPPLY
    if before.status.errors != now.status.errors and set(before.status.errors) != set(now.status.errors):
        return Reason.ERROR
    if _has_fallen(before.counters, now.counters):
        return Reason.COUNTER_FELL
    return None if _is_same_slot(before, now) else Reason.INTERVAL


def _is_part_changed(before: tuple[Supply, ...], now: tuple[Supply, ...]) -> bool:
    if [one.key for one in before] != [one.key for one in now]:
        return True
    return any(
        old is not new and ((old.serial, old.part_number) != (new.serial, new.part_number) or _rise(old, new) > _RISE_RATIO)
        for old, new in zip(before, now, strict=True)
    )


def _rise(old: Supply, new: Supply) -> float:
    return 0.0 if old.ratio is None or new.ratio is None else new.ratio - old.ratio


def _has_fallen(before: tuple[Counter, ...], now: tuple[Counter, ...]) -> bool:
    """Say whether a counter both readings have is lower in *now*. Nearly always the rows are the same, in the same order."""
    if before == now or (len(before) == len(now) and _have_grown(before, now)):
        return False
    counts = {_cell(one): one.count for one in before}
    return any(one.count < counts.get(_cell(one), 0) for one in now)


def _have_grown(before: tuple[Counter, ...], now: tuple[Counter, ...]) -> bool:
    return all(old is new or (new.count >= old.count and new.oid == old.oid) for old, new in zip(before, now, strict=True))


def _cell(one: Counter) -> tuple[str | None, ...]:
    return one.function, one.colour, one.size, one.sides, one.unit, one.label


def _is_same_slot(before: Reading, now: Reading) -> bool:
    offset_seconds = crc32(now.printer.id.encode("utf-8", "replace")) % INTERVAL_SECONDS
    slot = (before.taken_at.timestamp() + offset_seconds) // INTERVAL_SECONDS
    return slot == (now.taken_at.timestamp() + offset_seconds) // INTERVAL_SECONDS
