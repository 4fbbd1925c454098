"""Meters that no daily close makes: stated by a person, estimated, or read in time and received after later ones.

Each is an entry of its own, marked by its origin and reason, and none of them moves the last good reading: the next meter *read* is counted
from the last one *read*, and so sets the statement or the estimate off to the page, whether it was too high or too low. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from poller.central.meters.chain import Entry, Meter
from poller.central.meters.days import day_of, end_of
from poller.central.meters.oddities import judge
from poller.central.meters.ordering import contradict
from poller.central.meters.plausible import Limits
from poller.central.meters.samples import Origin, Sample, stated
from poller.central.meters.standing import Standing

ESTIMATE_FROM_DAYS_MIN = 14
"""An estimate rests on at least so many days between two meters read: two working weeks show a week's rhythm."""
ESTIMATE_DAYS_MAX = 62
"""… and reaches at most so far: two months. After that somebody has to go and look."""


def begin(device: str, counts: Mapping[str, int], *, taken_utc: datetime, origin: Origin) -> Standing:
    """Return the standing of a device whose start meters are known before it was ever read. Raises ValueError."""
    sample = stated(counts, taken_utc=taken_utc, origin=origin)
    return Standing(device=device, last=sample, totals=(0,) * len(sample.counts))


def state(
    standing: Standing, counts: Mapping[str, int], *, taken_utc: datetime, origin: Origin, user: str, evidence: str | None = None,
    model: str, zone: ZoneInfo, limits: Limits, above: Entry | None = None,
) -> tuple[Standing, Entry]:  # fmt: skip
    """Return the standing and the entry after somebody stated *counts* as they stood at *taken_utc*.

    They must be able to follow the last reading and *above*, the latest entry stated before them. Raises ValueError with what does not
    fit, for whoever types it.
    """
    sample = stated(counts, taken_utc=taken_utc, origin=origin)
    if standing.is_open:
        raise ValueError("something about this device waits for a decision: decide first")
    if taken_utc < standing.last.taken_utc:
        raise ValueError(f"it was read later, at {standing.last.taken_utc:%Y-%m-%d %H:%M} UTC")
    if unknown := [cell for cell in counts if cell not in standing.last.shape.cells]:
        raise ValueError(f"the device has no counter {', '.join(unknown)}; it has {', '.join(standing.last.shape.cells)}")
    oddity = judge(standing.last, sample, limits.per_day(model, sample.shape), standing.stale)
    if oddity is not None:
        told = [f"{one.cell} {one.now} after {one.before} (at most {one.before + one.limit})" for one in oddity.changes]
        raise ValueError("cannot follow the last meter: " + ", ".join(told))
    before = {} if above is None else {one.cell: one.count for one in above.meters}
    if fallen := [cell for cell, count in counts.items() if count < before.get(cell, 0)]:
        raise ValueError(f"below what was stated before: {', '.join(fallen)}")
    known = {one.cell: one for one in _meters_of(standing)}
    meters = tuple([Meter(cell=cell, count=count, total=known[cell].total + count - known[cell].count) for cell, count in counts.items()])
    return _supplement(standing, meters, taken_utc=taken_utc, zone=zone, origin=origin, user=user, evidence=evidence)


def estimate(standing: Standing, earlier: Entry, day: date, *, zone: ZoneInfo) -> tuple[Standing, Entry]:
    """Return the standing and the entry of meters estimated for the end of *day*, at the pace between *earlier* and the last reading.

    Pages are rounded down. *earlier* is an entry read in the same run. Raises ValueError where there is too little to go by.
    """
    last_day = day_of(standing.last.taken_utc, zone)
    over_days, ahead_days = (last_day - earlier.day).days, (day - last_day).days
    if standing.is_open or earlier.run != standing.run or earlier.kind != "meter" or earlier.origin != "read":
        raise ValueError("there is no undisputed run of meters to go by")
    if over_days < ESTIMATE_FROM_DAYS_MIN or not 0 < ahead_days <= ESTIMATE_DAYS_MAX:
        raise ValueError(f"{over_days} days known and {ahead_days} ahead: at least {ESTIMATE_FROM_DAYS_MIN}, at most {ESTIMATE_DAYS_MAX}")
    then = {one.cell: one.total for one in earlier.meters}
    meters = []
    for one in _meters_of(standing):
        pages = max(0, one.total - then.get(one.cell, one.total)) * ahead_days // over_days
        meters.append(Meter(cell=one.cell, count=one.count + pages, total=one.total + pages))
    end_utc = end_of(day, zone)
    return _supplement(standing, tuple(meters), taken_utc=end_utc, zone=zone, origin="estimated", day=day)


def fit_late(before: Entry, after: Entry | None, sample: Sample, *, around: Iterable[Sample], zone: ZoneInfo) -> Entry | None:
    """Return the entry a late reading gives its day, between its neighbours of the ledger; None where it gives none.

    *before* is the meter in force at the sample's time, *after* the next one read (None where there is none). Nothing a bill rests on
    moves: *after* keeps its totals, and only the share of the days between them becomes known. It gives none where its day has a
    later reading, where a run began in between, where a counter lies outside what its neighbours say, or where the agent's own numbering
    of *around*, the device's readings of two days before to two days after, says that the clock was wrong.
    """
    day = day_of(sample.taken_utc, zone)
    if after is None or before.taken_utc >= sample.taken_utc or after.taken_utc <= sample.taken_utc:
        return None
    if any(contradict(sample, other) for other in around):
        return None
    if after.day == day or before.run != after.run or "estimated" in (before.origin, after.origin):
        return None
    low = {one.cell: one for one in before.meters}
    high = {one.cell: one.count for one in after.meters}
    meters: list[Meter] = []
    for cell, count in zip(sample.shape.cells, sample.counts, strict=True):
        if cell in low and cell in high:
            if not low[cell].count <= count <= high[cell]:
                return None
            meters.append(Meter(cell=cell, count=count, total=low[cell].total + count - low[cell].count))
    if not meters:
        return None
    return replace(before, day=day, kind="meter", origin="read", reason="late", taken_utc=sample.taken_utc, meters=tuple(meters),
                   user=None, evidence=None)  # fmt: skip


def _meters_of(standing: Standing) -> Sequence[Meter]:
    last = standing.last
    rows = zip(last.shape.cells, last.counts, standing.totals, strict=True)
    return [Meter(cell=cell, count=count, total=total) for cell, count, total in rows]


def _supplement(
    standing: Standing, meters: tuple[Meter, ...], *, taken_utc: datetime, zone: ZoneInfo, origin: Origin, day: date | None = None,
    user: str | None = None, evidence: str | None = None,
) -> tuple[Standing, Entry]:  # fmt: skip
    day = day or day_of(taken_utc, zone)
    entry = Entry(
        device=standing.device,
        day=day,
        zone=zone.key,
        kind="meter",
        origin=origin,
        reason="estimated" if origin == "estimated" else "stated",
        taken_utc=taken_utc,
        run=standing.run,
        meters=meters,
        user=user,
        evidence=evidence,
    )
    return replace(standing, stated=day if standing.stated is None else max(day, standing.stated)), entry
