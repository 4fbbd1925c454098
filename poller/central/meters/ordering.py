"""Readings in the order they were made in, without those whose time cannot be right.

They arrive late, twice and in any order, and an agent's clock may have been wrong. Two facts help: central's own time of receipt, before
which a reading was made, and the agent's own numbering, in which records stand as they were made. Where numbering and time contradict
each other, the clock stepped, and those that stand against many are set aside. Nothing is thrown away: what is set aside stays a raw
reading.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from operator import attrgetter
from typing import Literal

from poller.central.meters.samples import SKEW, Sample
from poller.model import Value

Why = Literal["future", "clock", "late", "duplicate", "skew", "passing"]
"""Why a reading made no meter: made after it was received; its agent's clock stepped; older than the last one taken; known already;
another agent's, within the difference of their clocks; odd, and taken back by the device."""

CONTRADICTORY_MAX = 500
"""Of more records of one agent that contradict each other only the latest are looked at."""

_taken = attrgetter("taken_utc")
_numbered = attrgetter("sequence")


class Aside(Value, frozen=True, kw_only=True):
    """A reading that made no meter, and why."""

    sample: Sample
    why: Why


def sift(samples: Iterable[Sample], last: Sample | None, *, end_utc: datetime) -> tuple[list[Sample], list[Aside]]:
    """Return the readings made after *last* and before *end_utc*, by time, and those set aside. Later ones are in neither yet."""
    ordered = sorted([sample for sample in samples if sample.taken_utc < end_utc], key=_taken)
    aside: list[Aside] = []
    if any(sample.taken_utc > sample.received_utc + SKEW for sample in ordered):
        aside += [Aside(sample=one, why="future") for one in ordered if one.taken_utc > one.received_utc + SKEW]
        ordered = [one for one in ordered if one.taken_utc <= one.received_utc + SKEW]
    wrong = _wrong_clocks(ordered, last)
    if wrong:
        aside += [Aside(sample=one, why="clock") for one in wrong]
        ordered = [one for one in ordered if not any(one is other for other in wrong)]
    if last is not None and ordered and ordered[0].taken_utc <= last.taken_utc:
        begin = bisect_right(ordered, last.taken_utc, key=_taken)
        for one in ordered[:begin]:
            is_known = (one.agent, one.sequence) == (last.agent, last.sequence) or (one.taken_utc, one.counts) == (
                last.taken_utc,
                last.counts,
            )
            aside.append(Aside(sample=one, why="duplicate" if is_known else "late"))
        ordered = ordered[begin:]
    return ordered, aside


def contradict(one: Sample, other: Sample, *, within: timedelta = SKEW) -> bool:
    """Say whether numbering and time of two records of one agent contradict each other, by more than two polls may cross."""
    if one.agent != other.agent or one.sequence == other.sequence:
        return False
    first, then = (one, other) if one.sequence < other.sequence else (other, one)
    return then.taken_utc < first.taken_utc - within


def _wrong_clocks(ordered: Sequence[Sample], last: Sample | None) -> list[Sample]:
    """Return the readings to doubt; *ordered* by time. Nearly always time and numbering agree, agent by agent."""
    latest: dict[str, int] = {} if last is None else {last.agent: last.sequence}
    for sample in ordered:
        if sample.sequence < latest.get(sample.agent, -1):
            break
        latest[sample.agent] = sample.sequence
    else:
        if not ordered or last is None or ordered[0].taken_utc >= last.taken_utc:
            return []
    wrong = []
    for agent in dict.fromkeys(sample.agent for sample in ordered):
        own = sorted([sample for sample in ordered if sample.agent == agent], key=_numbered)
        ahead = _dated_ahead(own, last)
        wrong += ahead
        own = [sample for sample in own if not any(sample is one for one in ahead)]
        if last is not None and any(contradict(sample, last) for sample in own):
            behind = [sample for sample in own if contradict(sample, last, within=-SKEW)]
            wrong += behind
            own = [sample for sample in own if not any(sample is one for one in behind)]
        if any(contradict(one, other) for one, other in pairwise(own)):
            wrong += _outvoted(own)
    return wrong


def _dated_ahead(own: Sequence[Sample], last: Sample | None) -> list[Sample]:
    """Return those of one agent's records, by number, that were made before their time: before a later one of its records was received.

    The clock was ahead, whatever others say: this is known, and asked first.
    """
    ahead = []
    known_utc = None
    for sample in reversed(own):
        if last is not None and last.agent == sample.agent and sample.sequence < last.sequence:
            known_utc = last.received_utc if known_utc is None else min(known_utc, last.received_utc)
        if known_utc is not None and sample.taken_utc > known_utc + SKEW:
            ahead.append(sample)
        known_utc = sample.received_utc if known_utc is None else min(known_utc, sample.received_utc)
    return ahead


def _outvoted(own: Sequence[Sample]) -> list[Sample]:
    """Return those of one agent's records, by number, whose times cannot be right.

    Where one contradicts many that contradict few, it is that one; where it cannot be told, none of them is believed. Records within
    `SKEW` of each other count as contradicting here: a clock is known to have stepped, and a day's edge may lie between.
    """
    wrong = list(own[:-CONTRADICTORY_MAX])
    own = own[-CONTRADICTORY_MAX:]
    against: dict[int, set[int]] = {}
    for at, one in enumerate(own):
        for place in range(at + 1, len(own)):
            if contradict(one, own[place], within=-SKEW):
                against.setdefault(at, set()).add(place)
                against.setdefault(place, set()).add(at)
    while against:
        worst = max(against, key=lambda at: len(against[at]))
        partners = against[worst]
        if len(partners) < 2 * max(len(against[at]) for at in partners):
            return wrong + [own[at] for at in against]
        wrong.append(own[worst])
        del against[worst]
        for at in partners:
            against[at].discard(worst)
            if not against[at]:
                del against[at]
    return wrong
