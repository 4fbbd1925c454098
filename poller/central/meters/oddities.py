"""Whether one reading's counters can follow another's, and if not, what it looks like happened.

A counter that falls is never a negative number of pages, and one that leaps is never a bill: both are *odd*, and a person says what they
were. A label is put on what is seen so that the person has a proposal, not a riddle; the label changes nothing about what is billed.
Pure, and quick where nothing is odd, which is nearly always.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from operator import le, sub
from typing import Literal

from poller.central.meters.plausible import PER_MINUTE_MAX, fastest
from poller.central.meters.samples import Sample
from poller.model import Value

Kind = Literal["other-device", "other-counter", "wrap", "reset", "board-swap", "roll-back", "jump", "slip"]

SLIP_PAGES = 10
"""How far counters may fall without a question. Devices save their counts every few pages (an HP duplex unit every ten sheets) and a power
cut takes the rest. The meter then waits until the panel has passed it: whoever pays is never charged twice, and nobody is asked."""

WRAPS = (10**6, 2**24, 10**7, 2**31, 2**32)
"""Where counters begin again: HP's engine pages at 1,000,000, its duplex sheets at 2^24, seven digits, 31 and 32 bits."""

_DAY = timedelta(days=1)


class Change(Value, frozen=True, kw_only=True):
    """What one counter did; `limit` is the most it could plausibly have grown meanwhile."""

    cell: str
    before: int
    now: int
    limit: int


class Oddity(Value, frozen=True, kw_only=True):
    """Why a reading cannot follow the one before it, with the evidence a person needs.

    `changes` are the counters that fell, leapt or are read elsewhere now; `modulus` is where a `wrap` began again. Identity facts
    are (before, now), and given only where both are known and differ.
    """

    kind: Kind
    changes: tuple[Change, ...]
    passed_seconds: int
    modulus: int | None = None
    serial: tuple[str, str] | None = None
    mac: tuple[str, str] | None = None
    firmware: tuple[str, str] | None = None


def judge(before: Sample, now: Sample, per_day: Sequence[int], stale: Mapping[str, datetime] | None = None) -> Oddity | None:
    """Return what is odd about *now* after *before*, or None where it can follow.

    *per_day* are the plausible daily maxima of the cells of *now*; *stale* says of cells of *before* that they are older than it. Cells
    only one of them has are no oddity: a poll may miss some.
    """
    if before.shape == now.shape and before.serial == now.serial and all(map(le, before.counts, now.counts)):
        most = max(map(sub, now.counts, before.counts), default=0)
        if most <= PER_MINUTE_MAX:
            return None
    known = {cell: (source, count) for cell, source, count in zip(before.shape.cells, before.shape.sources, before.counts, strict=True)}
    passed = now.taken_utc - before.taken_utc
    fell: list[Change] = []
    leapt: list[Change] = []
    moved: list[Change] = []
    for cell, source, count, daily in zip(now.shape.cells, now.shape.sources, now.counts, per_day, strict=True):
        if cell not in known:
            continue
        old_source, old = known[cell]
        since = now.taken_utc - stale[cell] if stale and cell in stale else passed
        change = Change(cell=cell, before=old, now=count, limit=min(int(daily * max(1.0, since / _DAY)), fastest(since)))
        if source != old_source and source and old_source:
            moved.append(change)
        elif count < old:
            fell.append(change)
        elif count - old > change.limit:
            leapt.append(change)
    serial = _differing(before.serial, now.serial)
    if not (fell or leapt or moved or serial):
        return None
    mac, firmware = _differing(before.mac, now.mac), _differing(before.firmware, now.firmware)
    modulus = _modulus(fell) if not (leapt or moved) else None
    if serial is not None:
        kind: Kind = "other-device"
    elif not leapt and not moved and all(change.before - change.now <= SLIP_PAGES for change in fell):
        kind = "slip"
    elif moved:
        kind = "other-counter"
    elif modulus is not None:
        kind = "wrap"
    elif mac is not None:
        kind = "board-swap"
    elif fell and all(change.now <= change.limit for change in fell) and _is_anew(before, now):
        kind = "reset"
    else:
        kind = "jump" if not fell else "board-swap" if leapt else "roll-back"
    return Oddity(
        kind=kind,
        changes=(*fell, *leapt, *moved),
        passed_seconds=int(passed.total_seconds()),
        modulus=modulus,
        serial=serial,
        mac=mac,
        firmware=firmware,
    )


def has_come_back(good: Sample, odd: Sequence[Sample], now: Sample) -> bool:
    """Say whether a counter that had fallen far stands exactly where it had been: the device's memory was never gone.

    A device that counts on from a lower count passes the old one some day; that all its counters have and one stands on the old count to
    the page is no chance to reckon with. So this tells a slip of the tongue (zeros while starting) from a roll-back. After zeros alone a
    little more than before will do, in all counters: by counting on it would have printed, since the last poll, all it ever did.
    """
    was = dict(zip(good.shape.cells, good.counts, strict=True))
    low: dict[str, int] = {}
    for sample in odd:
        for cell, count in zip(sample.shape.cells, sample.counts, strict=True):
            low[cell] = min(count, low.get(cell, count))
    shown = dict(zip(now.shape.cells, now.counts, strict=True))
    if any(was.get(cell) == count and count - low.get(cell, count) >= _FAR for cell, count in shown.items()):
        return True
    far = {cell: count for cell, count in was.items() if count >= _FAR and cell in shown}
    little_more = all(count <= shown[cell] <= count * (1 + _LITTLE_MORE) for cell, count in far.items())
    return bool(far) and little_more and not any(odd[-1].counts)


_FAR = 200
"""A chance meeting to the page is rarer than one in so many."""
_LITTLE_MORE = 0.05


def _is_anew(before: Sample, now: Sample) -> bool:
    """Say whether no counter is higher than it was: the device counts from the beginning."""
    was = dict(zip(before.shape.cells, before.counts, strict=True))
    return all(count <= was.get(cell, count) for cell, count in zip(now.shape.cells, now.counts, strict=True))


def _modulus(fell: Sequence[Change]) -> int | None:
    """Return where all of *fell* plausibly ran over, or None."""
    for modulus in WRAPS:
        if fell and all(change.before < modulus and modulus - change.before + change.now <= change.limit for change in fell):
            return modulus
    return None


def _differing(before: str | None, now: str | None) -> tuple[str, str] | None:
    return (before, now) if before is not None and now is not None and before != now else None
