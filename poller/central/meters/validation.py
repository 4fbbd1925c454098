"""From one device's readings to its meters: one a day, and none that could not be defended before whoever pays.

What is kept per device is its `Standing`: the last good reading, the totals it stands for, and what is odd about it now. The daily close
gives the readings since to `close`, which returns the new standing and the entries to append to the ledger.

- A reading that can follow the last good one moves the meter. `total` grows by what the counter grew.
- One that cannot (`oddities.py`) opens a *suspicion*: no meter is made from then on. If the device takes it back (it said zero while it
  started), the meter goes on, and nobody is asked. If it stands by it for a day, or might have counted on from less, the device is *held*:
  a `held` entry with the evidence, and a person decides (`decide`). Then the days in between get their meters.
- What a customer, a technician or an estimate says (`state`, `estimate`) is an entry of its own and moves nothing: the next reading sets it
  off, since it is again compared with the last one *read*.

Nothing here guesses: pages that no reading shows are in no meter. Pure; same input, same output.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise, takewhile
from operator import add, attrgetter, sub
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from poller.central.meters.chain import Entry, Meter, Reason
from poller.central.meters.days import begin_of, day_of, end_of
from poller.central.meters.oddities import SLIP_PAGES, Oddity, has_come_back, judge
from poller.central.meters.ordering import Aside, sift
from poller.central.meters.plausible import Limits, fastest
from poller.central.meters.samples import SKEW, Sample, shape_of
from poller.central.meters.standing import Closed, Decision, Pace, Standing, Suspicion

PATIENCE = timedelta(days=1)
"""How long a device may say something odd before a person is asked, if it says so at least twice; and thrice that, if it says no more."""
FRESH_PAGES = 1000
"""What a device that never counted anything prints on its first day, setting up and testing included. One that shows more said zero
because it was starting: then all it ever printed would be on its first bill."""
KEPT_MAX = 400
"""Odd readings kept until a person decides: the first and the last of each day, so more than a year."""


def close(
    device: str, standing: Standing | None, samples: Iterable[Sample], *, model: str, day: date, zone: ZoneInfo, limits: Limits
) -> Closed:
    """Close *day* for a device: take every reading not taken yet that was made before the day ended.

    Readings of days closed before give those days their meters (`late`), in the order of their days. Readings from before the last one
    taken come back aside as `late`, for `fit_late`. Idempotent: readings taken before change nothing.
    """
    end_utc = end_of(day, zone)
    usable, aside = sift(samples, None if standing is None else standing.newest, end_utc=end_utc)
    taking = _Taking(device, standing, model=model, day=day, zone=zone, limits=limits)
    taking.aside = aside
    taking.doubt([one.sample for one in aside if one.why == "clock"])
    for sample in usable:
        taking.take(sample)
    taking.finish(end_utc)
    return Closed(standing=taking.standing(), entries=tuple(taking.entries), aside=tuple(taking.aside))


def decide(
    standing: Standing, decision: Decision, samples: Iterable[Sample] = (), *, model: str, day: date, zone: ZoneInfo, limits: Limits
) -> Closed:
    """Apply what a person decided, and make the meters of the days meanwhile. Raises ValueError where it cannot be.

    *samples* are the raw readings since the first odd one, as far as they are still there; without them the last of each day is known, and
    pages before another accident on the same day would be lost. *day* is the last one closed.
    """
    suspicion = standing.suspicion
    if suspicion is None:
        raise ValueError("nothing about this device waits for a decision")
    first = suspicion.kept[0]
    changed = replace(standing, suspicion=None)
    if decision.kind == "goes-on":
        changed = _go_on(changed, first, decision.modulus)
    elif decision.kind == "new-run":
        changed = _begin_run(changed, first, decision)
    entry = Entry(
        device=standing.device,
        day=day_of(first.taken_utc, zone),
        zone=zone.key,
        kind="decision",
        origin="technician",
        reason=decision.kind,
        taken_utc=first.taken_utc,
        run=changed.run,
        meters=_meters(changed.last, changed.totals),
        user=decision.user,
        evidence=decision.evidence,
    )
    taking = _Taking(standing.device, changed, model=model, day=day, zone=zone, limits=limits)
    taking.entries.append(entry)
    end_utc = end_of(day, zone)
    since, taking.aside = sift([*suspicion.kept, *samples], first, end_utc=end_utc)
    readings = [first, *since]
    if decision.kind == "ignore":
        wrong = list(takewhile(lambda sample: not taking.can_follow(sample), readings[1:]))
        taking.aside += [Aside(sample=sample, why="passing") for sample in (first, *wrong)]
        readings = readings[1 + len(wrong) :]
    for sample in readings:
        taking.take(sample)
    taking.finish(end_utc)
    return Closed(standing=taking.standing(), entries=tuple(taking.entries), aside=tuple(taking.aside))


class _Taking:
    """The state of one close, changed in place: most days are six readings and one entry."""

    def __init__(self, device: str, standing: Standing | None, *, model: str, day: date, zone: ZoneInfo, limits: Limits) -> None:
        self._device, self._model, self._zone, self._limits = device, model, zone, limits
        self._closing, self._begin_utc = day, begin_of(day, zone)
        self._was = standing
        self._last = None if standing is None else standing.last
        self._totals: tuple[int, ...] = () if standing is None else standing.totals
        self._run = 1 if standing is None else standing.run
        self._stale = {} if standing is None else standing.stale
        self._resting = {} if standing is None else standing.resting
        self._suspicion = None if standing is None else standing.suspicion
        self._pace = Pace() if standing is None else standing.pace
        self._stated = None if standing is None else standing.stated
        self._day: date | None = None
        """The day of readings taken in this close that have no entry yet."""
        self._reason: Reason = "daily"
        self.entries: list[Entry] = []
        self.aside: list[Aside] = []

    def take(self, sample: Sample) -> None:
        last = self._last
        if last is None:
            self._reason = "first"
            self._day, self._last, self._totals = self._day_of(sample), sample, (0,) * len(sample.counts)
            return
        oddity = self._judge(last, sample)
        if self._suspicion is not None:
            self._look_again(self._suspicion, last, sample, oddity)
        elif oddity is None:
            self._accept(last, sample)
        elif oddity.kind == "slip":
            self._accept(last, _lift(last, sample))
        elif _is_crossing(last, sample):
            self.aside.append(Aside(sample=sample, why="skew"))
        else:
            self._suspicion = Suspicion(oddity=oddity, kept=(sample,))

    def doubt(self, samples: Iterable[Sample]) -> None:
        """Look at readings whose time cannot be right: nobody knows when a counter fell in them, but that it fell.

        They stand in the order in which their agent numbered them. Without this a roll-back that only they show would be lost.
        """
        last = self._last
        if last is None or self._suspicion is not None:
            return
        before = last
        for sample in sorted([one for one in samples if (one.agent, one.sequence > last.sequence) == (last.agent, True)], key=_numbered):
            was = dict(zip(before.shape.cells, before.counts, strict=True))
            if any(was.get(cell, 0) - count > SLIP_PAGES for cell, count in zip(sample.shape.cells, sample.counts, strict=True)):
                now = replace(sample, taken_utc=max(sample.taken_utc, last.taken_utc))
                oddity = self._judge(before, now)
                if oddity is not None:
                    self._suspicion = Suspicion(oddity=oddity, kept=(now,))
                return
            before = sample

    def can_follow(self, sample: Sample) -> bool:
        oddity = None if self._last is None else self._judge(self._last, sample)
        return oddity is None or oddity.kind == "slip"

    def finish(self, end_utc: datetime) -> None:
        """Write the last day's entry, and ask a person where something odd has lasted."""
        self._emit()
        suspicion = self._suspicion
        if suspicion is None or suspicion.is_held:
            return
        lasted = end_utc - suspicion.kept[0].taken_utc
        if suspicion.is_ambiguous or lasted >= (PATIENCE if suspicion.seen > 1 else 3 * PATIENCE):
            first = suspicion.kept[0]
            self._suspicion = replace(suspicion, is_held=True)
            self.entries.append(
                Entry(
                    device=self._device,
                    day=self._day_of(first),
                    zone=self._zone.key,
                    kind="held",
                    origin="read",
                    reason="odd",
                    taken_utc=first.taken_utc,
                    run=self._run,
                    meters=self._as_shown(first),
                )
            )

    def standing(self) -> Standing | None:
        if self._last is None:
            return None
        return Standing(
            device=self._device,
            last=self._last,
            totals=self._totals,
            run=self._run,
            stale=self._stale,
            resting=self._resting,
            suspicion=self._suspicion,
            pace=self._pace,
            stated=self._stated,
        )

    def _judge(self, before: Sample, now: Sample) -> Oddity | None:
        per_day = self._limits.per_day(self._model, now.shape)
        if self._run == 1 and before.origin == "read" and not any(before.counts):
            per_day = tuple([min(limit, FRESH_PAGES) for limit in per_day])
        return judge(before, now, per_day, self._stale)

    def _usual(self, sample: Sample) -> Sequence[int]:
        """Return the plausible maxima for *this* device: what its model may do, and not much more than it ever did itself."""
        per_day, most = self._limits.per_day(self._model, sample.shape), self._pace.most
        return per_day if most is None else [min(limit, most) for limit in per_day]

    def _accept(self, last: Sample, sample: Sample) -> None:
        day = self._day_of(sample)
        if day != self._day:
            self._emit()
            self._day = day
        if sample.shape is last.shape or sample.shape == last.shape:
            self._totals = tuple(map(add, self._totals, map(sub, sample.counts, last.counts)))
            self._stale = {}
            now = sample
        else:
            now = self._realign(last, sample)
        self._last = now if now.serial is not None or last.serial is None else replace(now, serial=last.serial)

    def _realign(self, last: Sample, sample: Sample) -> Sample:
        """Take a reading that has not the cells of the one before it; return it with the cells it lacks as they were."""
        rows_of_last = zip(last.shape.cells, last.shape.sources, last.counts, self._totals, strict=True)
        known = {cell: (source, count, total) for cell, source, count, total in rows_of_last}
        rows: dict[str, tuple[str, int, int]] = {}
        for cell, source, count in zip(sample.shape.cells, sample.shape.sources, sample.counts, strict=True):
            old_source, old, total = known.pop(cell, (source, count, self._resting.get(cell, 0)))
            rows[cell] = (source or old_source, count, total + count - old)
        self._stale = {cell: self._stale.get(cell, last.taken_utc) for cell in known}
        self._resting = {cell: total for cell, total in self._resting.items() if cell not in rows}
        rows |= {cell: (source, count, total) for cell, (source, count, total) in known.items()}
        self._totals = tuple([total for _, _, total in rows.values()])
        counted = last.shape.counted() | sample.shape.counted()
        shape = shape_of(tuple([(cell, source) for cell, (source, _, _) in rows.items()]), tuple([counted.get(cell) for cell in rows]))
        return replace(sample, shape=shape, counts=tuple([count for _, count, _ in rows.values()]))

    def _look_again(self, suspicion: Suspicion, last: Sample, sample: Sample, oddity: Oddity | None) -> None:
        """Take a reading while something is odd: the device takes it back, or stands by it."""
        may_follow = oddity is None or oddity.kind == "slip"
        if may_follow and not suspicion.is_held:
            odd = suspicion.kept
            onward = judge(odd[-1], sample, self._usual(sample))
            is_back = (onward is not None and onward.kind != "slip") or has_come_back(last, odd, sample)
            if is_back and self._has_all_of(odd, last, sample):
                self._suspicion = None
                self.aside += [Aside(sample=one, why="passing") for one in odd]
                self._accept(last, sample if oddity is None else _lift(last, sample))
                return
        kept = suspicion.kept
        if len(kept) > 1 and (len(kept) >= KEPT_MAX or self._day_of(kept[-1]) == self._day_of(sample)):
            kept = kept[:-1]
        is_ambiguous = suspicion.is_ambiguous or may_follow
        self._suspicion = replace(suspicion, kept=(*kept, sample), seen=suspicion.seen + 1, is_ambiguous=is_ambiguous)

    def _has_all_of(self, odd: Sequence[Sample], last: Sample, sample: Sample) -> bool:
        """Say whether *sample* has also what was printed while something was odd.

        A device that leapt, printed on, and went back to where it had been has printed pages that are on no panel any more.
        """
        was = dict(zip(last.shape.cells, last.counts, strict=True))
        grown = {cell: count - was.get(cell, count) for cell, count in zip(sample.shape.cells, sample.counts, strict=True)}
        for before, now in pairwise(odd):
            if judge(before, now, self._usual(now)) is None:
                old = dict(zip(before.shape.cells, before.counts, strict=True))
                for cell, count in zip(now.shape.cells, now.counts, strict=True):
                    if cell in grown:
                        grown[cell] -= count - old.get(cell, count)
        return min(grown.values(), default=0) >= -SLIP_PAGES

    def _emit(self) -> None:
        day, last = self._day, self._last
        if day is None or last is None:
            return
        reason = self._reason
        if reason != "first":
            reason = "late" if day < self._closing else "daily"
            if self._stated is not None and day >= self._stated:
                reason, self._stated = "sets-off", None
        begin_utc = self._begin_utc if day == self._closing else begin_of(day, self._zone)
        meters = _meters(last, self._totals)
        if self._stale:
            meters = tuple([one for one in meters if self._stale.get(one.cell, last.taken_utc) >= begin_utc])
        self.entries.append(
            Entry(
                device=self._device,
                day=day,
                zone=self._zone.key,
                kind="meter",
                origin=last.origin,
                reason=reason,
                taken_utc=last.taken_utc,
                run=self._run,
                meters=meters,
            )
        )
        self._day, self._reason = None, "daily"
        self._pace = self._pace.after(max(self._totals, default=0))

    def _as_shown(self, odd: Sample) -> tuple[Meter, ...]:
        """Return the counts of an odd reading beside the totals they do not move."""
        totals = {} if self._last is None else dict(zip(self._last.shape.cells, self._totals, strict=True))
        return tuple(
            [Meter(cell=cell, count=count, total=totals.get(cell, 0)) for cell, count in zip(odd.shape.cells, odd.counts, strict=True)]
        )

    def _day_of(self, sample: Sample) -> date:
        return self._closing if sample.taken_utc >= self._begin_utc else day_of(sample.taken_utc, self._zone)


_numbered = attrgetter("sequence")


def _is_crossing(last: Sample, sample: Sample) -> bool:
    """Say whether *sample* may be from before *last*: within the difference of clocks, another agent's or an earlier record."""
    is_near = sample.taken_utc - last.taken_utc <= SKEW and sample.serial == last.serial
    return is_near and (sample.agent != last.agent or sample.sequence < last.sequence)


def _lift(last: Sample, sample: Sample) -> Sample:
    """Return *sample* with counters that slipped, by `SLIP_PAGES` at most, where they were in *last*."""
    was = dict(zip(last.shape.cells, last.counts, strict=True))
    lifted = [(count, was.get(cell, count)) for cell, count in zip(sample.shape.cells, sample.counts, strict=True)]
    counts = [before if 0 < before - count <= SLIP_PAGES else count for count, before in lifted]
    return replace(sample, counts=tuple(counts))


def _meters(sample: Sample, totals: Sequence[int]) -> tuple[Meter, ...]:
    return tuple(
        [Meter(cell=cell, count=count, total=total) for cell, count, total in zip(sample.shape.cells, sample.counts, totals, strict=True)]
    )


def _go_on(standing: Standing, first: Sample, modulus: int | None) -> Standing:
    """Return *standing* after the pages to *first* were printed; counters that fell ran over at *modulus*."""
    totals = dict(zip(standing.last.shape.cells, standing.totals, strict=True))
    was = dict(zip(standing.last.shape.cells, standing.last.counts, strict=True))
    first = _lift(standing.last, first)
    for cell, count in zip(first.shape.cells, first.counts, strict=True):
        growth = count - was.get(cell, count)
        if growth < 0:
            if modulus is None or (growth := growth + modulus) < 0:
                raise ValueError(f"{cell} fell from {was[cell]} to {count}: to go on, it needs the number at which it ran over")
            if growth > fastest(first.taken_utc - standing.stale.get(cell, standing.last.taken_utc)):
                raise ValueError(f"{cell} fell from {was[cell]} to {count}: over {modulus} that is {growth} pages: more than it can print")
        totals[cell] = totals.get(cell, standing.resting.get(cell, 0)) + growth
    return _on(standing, first, totals)


def _begin_run(standing: Standing, first: Sample, decision: Decision) -> Standing:
    """Return *standing* with the old counting ended and a new one begun, before anything of the new one is counted."""
    totals = dict(zip(standing.last.shape.cells, standing.totals, strict=True))
    was = dict(zip(standing.last.shape.cells, standing.last.counts, strict=True))
    shown = dict(zip(first.shape.cells, first.counts, strict=True))
    for cell, end in decision.ends.items():
        if end < was.get(cell, end + 1):
            raise ValueError(f"{cell}: an end meter of {end} is below the last one read, {was.get(cell, 'none')}")
        totals[cell] += end - was[cell]
    for cell, start in decision.starts.items():
        if not 0 <= start <= shown.get(cell, -1):
            raise ValueError(f"{cell}: a start meter of {start} is not at or below the first one read, {shown.get(cell, 'none')}")
    counts = {cell: decision.starts.get(cell, 0 if decision.from_zero else count) for cell, count in shown.items()}
    if decision.only:
        counts |= {cell: was[cell] for cell in shown if cell in was and cell not in decision.only}
    begun = replace(first, counts=tuple(counts.values()))
    return replace(_on(standing, begun, totals), run=standing.run + 1)


def _on(standing: Standing, sample: Sample, totals: dict[str, int]) -> Standing:
    """Return *standing* with *sample* as its last reading, at the time of the old one; totals of cells it lacks rest."""
    here = {cell: totals.pop(cell, standing.resting.get(cell, 0)) for cell in sample.shape.cells}
    resting = {cell: total for cell, total in standing.resting.items() if cell not in here} | totals
    last = replace(sample, taken_utc=standing.last.taken_utc, serial=sample.serial or standing.last.serial)
    return replace(standing, last=last, totals=tuple(here.values()), stale={}, resting=resting)
