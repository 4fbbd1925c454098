"""A simulated year of meters with the truth beside it: does any bill come out wrong, and how often is a person asked for nothing?

    python -m tests.central.meteryear --seed 7 --devices 500

Devices of twenty models in twelve time zones print, are read every four hours by their site's agent, and have the accidents of a year:
counters reset, boards swapped (new, or used ones), rolled back to an older copy, running over, read from another place after an update,
replaced under the same address; they say zero while starting, garbage for a moment, or yesterday's numbers. Agents are off for a day or
two weeks, send late, twice and in any order, have wrong clocks; two of them see one device; lines are down over midnight. Some devices
count A3 twice. A person answers every hold after one to five days and knows what a technician would.

What is true is worked out here, from what the device did, by other code than the one judged. What no reading shows is in no bill: pages
between the last reading and a reset are lost to every program, and a roll-back of 300 pages that nobody saw until 400 more were printed
looks like 100. Such *unseeable* events are counted, and the panel's numbers are their truth.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
from bisect import bisect_left
from collections import Counter as Tally
from dataclasses import dataclass, field
from dataclasses import replace as changed
from datetime import UTC, date, datetime, timedelta
from time import process_time
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from poller.central.meters import chain, formulas, supplements
from poller.central.meters import validation as meters
from poller.central.meters.days import begin_of, day_of, end_of
from poller.central.meters.plausible import Limits
from poller.central.meters.samples import Sample, shape_of
from poller.central.meters.standing import Closed, Decision, Standing, propose

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
BEGIN = date(2025, 1, 1)
ZONES = (
    *("Europe/Berlin",) * 8,
    *("Europe/London", "America/New_York", "America/St_Johns", "America/Santiago", "Asia/Kolkata", "Asia/Beirut", "Australia/Lord_Howe"),
    *("Pacific/Auckland", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Africa/Casablanca"),
)
CONTRACT = """
[[contract]]
model = "*"
[contract.meters]
mono = "print.mono + copy.mono"
colour = "print.colour? + copy.colour?"
a3 = "large?"
clicks = "twice(total)?"
pages = "total"
"""
ACCIDENTS = {
    "reset": 8,
    "new-board": 5,
    "used-board": 5,
    "roll-back": 7,
    "other-counter": 4,
    "other-device": 3,
    "leap": 3,
    "power-cut": 150,
}
"""How many in a year of 500 devices. Besides, a few counters run over, and a power cut takes up to ten pages that were not saved yet."""
WRAPS = 3
GLITCHES = {"zero": 150, "garbage": 40, "stale": 3, "partial": 200, "elsewhere": 20}
"""Readings that are wrong, and right again at the next one."""


@dataclass
class Model:
    name: str
    has_colour: bool
    has_large: bool
    large: formulas.Large
    mean: float
    sources: tuple[str, ...] = ()
    cells: tuple[str, ...] = ()


@dataclass(slots=True)
class Reading:
    """One reading as the agent made it. `is_sound`: it says what the panel says, and its agent's clock was right; `runs`: by cell."""

    sample: Sample
    is_sound: bool
    runs: dict[str, int]
    true_utc: datetime
    is_misdated: bool = False
    """It says what the panel says, but its agent's clock was wrong."""
    totals: dict[str, int] = field(default_factory=dict)
    lower: dict[str, int] = field(default_factory=dict)
    """The same by what this reading alone says, where another agent's clock is ahead and saw more before."""
    told: dict[str, int] = field(default_factory=dict)
    """The same where every accident is known, for devices that had one no reading shows."""


@dataclass
class Device:
    name: str
    model: Model
    zone: ZoneInfo
    agents: tuple[str, ...]
    rng: random.Random
    counts: dict[str, int]
    modulus: int = 0
    sheets: int = 0
    large_sheets: int = 0
    serial: str = "S"
    mac: str = "m"
    firmware: str = "1"
    moved: int = 0
    runs: dict[str, int] = field(default_factory=dict)
    starts: dict[tuple[str, int], str] = field(default_factory=dict)
    """How a cell's run began: from "zero", "over" the modulus, or "unknown"."""
    kinds: dict[tuple[str, int], str] = field(default_factory=dict)
    happened: list[tuple[str, datetime]] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    panel: dict[date, tuple[datetime, dict[str, int]]] = field(default_factory=dict)


def make_models(rng: random.Random) -> list[Model]:
    out = []
    for number in range(20):
        has_colour, has_large = number % 2 == 1, number % 3 == 0
        large: formulas.Large = rng.choice(("once", "twice")) if has_large else rng.choice(("once", "unknown"))
        cells = ["total", "total.mono", "print.mono", "copy.mono", "scan"]
        cells += ["total.colour", "print.colour", "copy.colour"] if has_colour else []
        cells += ["total.large", "print.mono.large", "copy.mono.large"] if has_large else []
        cells += ["print.colour.large", "copy.colour.large"] if has_large and has_colour else []
        sources = tuple(f"1.3.6.1.4.1.32473.{number}.{at}" for at in range(len(cells)))
        mean = math.exp(rng.uniform(3, 7.5))
        out.append(Model(f"Model {number:02d}", has_colour, has_large, large, mean, sources, tuple(cells)))
    return out


def print_pages(device: Device, pages: int) -> None:
    """Print *pages* sides, and count them as this model does."""
    rng, model = device.rng, device.model
    colour = int(pages * rng.random() * 0.6) if model.has_colour else 0
    copies, colour_copies = (pages - colour) // 5, colour // 6
    parts = {
        "print.mono": pages - colour - copies,
        "copy.mono": copies,
        "print.colour": colour - colour_copies,
        "copy.colour": colour_copies,
    }
    one_in = rng.choice((8, 12, 50, 10_000)) if model.has_large else 10**9
    larges = {f"{cell}.large": count // one_in for cell, count in parts.items()}
    if model.large == "twice":
        parts = {cell: count + larges[f"{cell}.large"] for cell, count in parts.items()}
    mono, in_colour = parts["print.mono"] + parts["copy.mono"], parts["print.colour"] + parts["copy.colour"]
    grown = (
        parts | larges | {"total": mono + in_colour, "total.mono": mono, "total.colour": in_colour, "scan": rng.randrange(pages // 4 + 2)}
    )
    grown["total.large"] = sum(larges.values())
    device.sheets += pages
    device.large_sheets += grown["total.large"]
    for cell in model.cells:
        device.counts[cell] += grown[cell]
    if device.modulus and device.counts["total"] >= device.modulus:
        device.counts["total"] -= device.modulus
        begin_run(device, ["total"], "over", "wrap")


def begin_run(device: Device, cells: list[str], start: str, kind: str) -> None:
    device.runs = dict(device.runs)  # readings keep the one that held when they were made
    for cell in cells:
        device.runs[cell] += 1
        device.starts[cell, device.runs[cell]] = start
        device.kinds[cell, device.runs[cell]] = kind


def happen(device: Device, kind: str, at_utc: datetime, copy: dict[str, int]) -> None:
    """Let an accident happen."""
    rng, counts = device.rng, device.counts
    cells = list(counts)
    if kind == "power-cut":
        counts.update({cell: max(0, count - rng.randrange(11)) for cell, count in counts.items()})
        return
    device.happened.append((kind, at_utc))
    if kind in ("reset", "new-board"):
        counts.update(dict.fromkeys(counts, 0))
    elif kind in ("used-board", "other-device"):
        counts.update({cell: int(count * rng.uniform(0.05, 3)) for cell, count in counts.items()})
    elif kind == "roll-back":
        counts.update(copy)
    elif kind == "leap":
        added = rng.choice((2**17, 2**20, 300_000))
        cells = ["total", "total.mono", "print.mono"]
        counts.update({cell: counts[cell] + added for cell in cells})
    elif kind == "other-counter":
        device.moved += 1
        cells = ["total"]
        counts["total"] = max(0, counts["total"] + rng.choice((-13, 13, -400, 900)))
    if kind == "other-device":
        device.serial += "X"
    if kind in ("new-board", "used-board") and rng.random() < 0.7:
        device.mac = f"{rng.randrange(2**48):012x}"
    if kind in ("reset", "new-board", "used-board") and rng.random() < 0.5:
        device.firmware += "1"
    begin_run(device, cells, "zero" if kind in ("reset", "new-board") else "unknown", kind)


def live(device: Device, days: int, plan: list[tuple[str, datetime]], glitches: list[tuple[str, datetime]]) -> None:
    """Let the device work for *days*, and its agents read it every four hours; plans are by time."""
    rng = device.rng
    begin_utc = begin_of(BEGIN, device.zone)
    mean, mood, offset = device.model.mean * math.exp(rng.gauss(0, 0.7)), 1.0, rng.random() * 4 * HOUR
    copy, olds = dict(device.counts), [dict(device.counts)] * 3
    sequence = Tally[str]()
    skews = [timedelta(), timedelta(seconds=rng.uniform(-240, 240))]
    silent = [(rng.randrange(days), rng.choice((2, 7, 7, 14, 35))) for _ in range(rng.random() < 0.3)]
    wrong = [(begin_utc + rng.random() * days * DAY, rng.choice((-2, -0.5, 0.5, 3)) * DAY) for _ in range(rng.random() < 0.1)]
    for day in range(days):
        local = BEGIN + day * DAY
        mood = min(3.0, max(0.3, mood * math.exp(rng.gauss(0, 0.05))))
        level = mean * mood * (0.03 if local.weekday() >= 5 else 1.0)
        pages_today = int(rng.gammavariate(1.5, level / 1.5))
        pages_today += int(rng.uniform(1, 8) * mean) if rng.random() < 0.01 else 0
        pages_today += rng.randrange(2000, 8000) if rng.random() < 0.0005 else 0  # a mailing
        shares = [rng.random() ** 3 for _ in range(6)]
        for slot in range(6):
            moment = begin_utc + day * DAY + slot * 4 * HOUR + offset
            print_pages(device, int(pages_today * shares[slot] / sum(shares)))
            while plan and plan[0][1] <= moment:
                happen(device, *plan.pop(0), copy)
            if rng.random() < 0.05:
                copy = dict(device.counts)
            if rng.random() < 0.03 or any(first <= day < first + length for first, length in silent):
                continue  # asleep, or off for weeks
            glitch = None
            while glitches and glitches[0][1] <= moment:
                glitch = glitches.pop(0)[0]
            for number, agent in enumerate(device.agents):
                sequence[agent] += 1
                true_utc = moment + 3 * number * MINUTE
                shift = next((shift for begin, shift in wrong if number == 0 and begin <= moment < begin + 12 * HOUR), timedelta())
                observe(device, agent, sequence[agent], true_utc, skews[number] + shift, glitch, olds[-2])
                if number + 1 < len(device.agents):
                    print_pages(device, rng.randrange(5))
            olds = [*olds[-2:], dict(device.counts)]
            device.panel[day_of(moment, device.zone)] = moment + 10 * MINUTE, dict(device.counts)


def observe(
    device: Device, agent: str, sequence: int, true_utc: datetime, shift: timedelta, glitch: str | None, old: dict[str, int]
) -> None:
    model, rng = device.model, device.rng
    rows = {cell: (source, device.counts[cell]) for cell, source in zip(model.cells, model.sources, strict=True)}
    if device.moved:
        rows["total"] = (f"{model.sources[0]}.{device.moved}", rows["total"][1])
    if glitch == "zero":
        rows = {cell: (source, 0) for cell, (source, _) in rows.items()}
    elif glitch == "garbage":
        cell = rng.choice(model.cells)
        rows[cell] = (rows[cell][0], rng.choice((2**32 - 1, 2**31, 10**9 + rng.randrange(10**6))))
    elif glitch == "stale":
        rows = {cell: (source, old[cell]) for cell, (source, _) in rows.items()}
    elif glitch == "elsewhere":
        rows["total"] = ("1.3.6.1.2.1.43.10.2.1.4.1.1", max(0, rows["total"][1] - 13))
    elif glitch == "partial":
        rows = {cell: row for cell, row in rows.items() if cell.startswith("total")}
    received = true_utc + rng.uniform(1, 60) * MINUTE
    if abs(shift) > HOUR:
        received += 14 * HOUR  # central hears nobody whose clock is wrong
    sample = Sample(
        taken_utc=true_utc + shift,
        received_utc=received,
        agent=agent,
        sequence=sequence,
        shape=shape_of(tuple([(cell, source) for cell, (source, _) in rows.items()])),
        counts=tuple([count for _, count in rows.values()]),
        serial=device.serial,
        mac=device.mac,
        firmware=device.firmware,
    )
    is_true, is_dated = glitch in (None, "partial"), abs(shift) < HOUR
    device.readings.append(Reading(sample, is_true and is_dated, device.runs, true_utc, is_true and not is_dated))


def deliver(device: Device, outages: list[tuple[datetime, datetime]]) -> None:
    """Let readings arrive late, where the line was down; some twice."""
    rng = device.rng
    again: list[Reading] = []
    for reading in device.readings:
        sample = reading.sample
        received = next((end for begin, end in outages if begin <= sample.received_utc < end), sample.received_utc)
        received += rng.random() * 5 * DAY if rng.random() < 0.002 else timedelta()  # a batch that was stuck
        reading.sample = replace(sample, received_utc=received)
        if rng.random() < 0.02:
            twin = replace(sample, received_utc=received + rng.random() * 3 * DAY)
            again.append(changed(reading, sample=twin))
    device.readings += again


def tell_truth(device: Device, *, is_told: bool = False) -> int:
    """Work out every sound reading's totals; return how many beginnings of runs no reading shows.

    *is_told*: as somebody knows who was told of those, too, and when the misdated readings were made. A program may see more than it must.
    """
    unseen = 0
    was: dict[str, tuple[int, int, datetime, str]] = {}
    totals = dict.fromkeys(device.model.cells, 0)
    serial = device.readings[0].sample.serial
    for reading in sorted(device.readings, key=lambda one: one.true_utc if is_told else one.sample.taken_utc):
        if not reading.is_sound and not (is_told and reading.is_misdated):
            continue
        sample = reading.sample
        shown = {cell: (count, source) for cell, source, count in zip(sample.shape.cells, sample.shape.sources, sample.counts, strict=True)}
        is_new = any(cell in was and reading.runs[cell] != was[cell][1] for cell in shown)
        is_seen = is_new and (
            sample.serial != serial
            or any(
                cell in was
                and (
                    count < was[cell][0] - 10
                    or source != was[cell][3]
                    or count - was[cell][0] > 30_000 * max(1.0, (sample.taken_utc - was[cell][2]) / DAY)
                )
                for cell, (count, source) in shown.items()
            )
        )
        unseen += is_new and not is_seen
        is_seen = is_seen or is_told
        for cell, (count, source) in shown.items():
            before, run, _, _ = was.get(cell, (count, reading.runs[cell], sample.taken_utc, ""))
            start = device.starts.get((cell, reading.runs[cell]), "unknown")
            if run == reading.runs[cell] or not is_seen:
                totals[cell] += max(0, count - before)
                count = max(count, before)
            else:
                totals[cell] += {"zero": count, "over": count + device.modulus - before, "unknown": 0}[start]
            was[cell] = (count, reading.runs[cell], sample.taken_utc, source)
        serial = sample.serial
        if is_told:
            reading.told = dict(totals)
            continue
        reading.totals = dict(totals)
        reading.lower = {cell: totals[cell] - was[cell][0] + count for cell, (count, _) in shown.items() if count < was[cell][0]}
    return unseen


@dataclass
class Score:
    """What came out. A device-month counts as held when a person was asked about it, or had not answered yet."""

    device_months: int = 0
    held: set[tuple[str, int]] = field(default_factory=set)
    odd: set[tuple[str, int]] = field(default_factory=set)
    held_for_nothing: Tally[str] = field(default_factory=Tally)
    meters: int = 0
    wrong_meters: list[str] = field(default_factory=list)
    bills: int = 0
    wrong_bills: list[str] = field(default_factory=list)
    unbilled: int = 0
    estimated: int = 0
    stated: int = 0
    days_read: int = 0
    days_without: int = 0
    days_short: int = 0
    wrong_clocks: int = 0
    by_arrival: int = 0
    slipped: int = 0
    unseeable: int = 0
    happened: Tally[str] = field(default_factory=Tally)
    asides: Tally[str] = field(default_factory=Tally)
    late: int = 0
    entries: int = 0
    remarks: list[str] = field(default_factory=list)
    close_seconds: float = 0.0
    closes: int = 0


class Dealer:
    """Central's side for one device: closes its days, keeps its ledger, asks a person, bills its months."""

    def __init__(self, device: Device, limits: Limits, contract: formulas.Contract, score: Score) -> None:
        self.device, self.limits, self.contract, self.score = device, limits, contract, score
        self.standing: Standing | None = None
        self.ledger: list[chain.Entry] = []
        self.in_force: dict[date, chain.Entry] = {}
        self.large = dict.fromkeys(device.model.cells, device.model.large)
        self.truth = {(one.sample.agent, one.sample.sequence): one for one in device.readings}
        self.sound = sorted([one for one in device.readings if one.is_sound], key=lambda one: one.sample.taken_utc)
        self.truth_at: dict[datetime, list[Reading]] = {}
        for one in device.readings:
            self.truth_at.setdefault(one.sample.taken_utc, []).append(one)
        self.answer_on: date | None = None
        self.base: dict[str, int] = {}
        """What was true at the first reading known: meters begin there. An earlier one that comes later begins nothing."""
        self.taken: list[Sample] = []
        self.learned: dict[str, int] = {}
        self.now_utc = datetime.min.replace(tzinfo=UTC)
        self.made_utc: dict[int, datetime] = {}
        """When each entry was made, by its place in the ledger."""

    def close(self, day: date, samples: list[Sample]) -> None:
        device, score = self.device, self.score
        self.now_utc = end_of(day, device.zone) + 6 * HOUR
        if not self.taken and samples:
            first = min(samples, key=lambda one: one.taken_utc)
            self.base = self.truth[first.agent, first.sequence].totals
        self.taken += samples
        begin = process_time()
        closed = meters.close(device.name, self.standing, samples, model=device.model.name, day=day, zone=device.zone, limits=self.limits)
        score.close_seconds += process_time() - begin
        score.closes += 1
        self.take(closed, day)
        if self.answer_on == day:
            self.answer(day)

    def take(self, closed: Closed, day: date) -> None:
        self.standing = closed.standing
        for entry in closed.entries:
            self.append(entry)
            if entry.kind == "held":
                self.answer_on = self.answer_on or day + self.device.rng.randrange(1, 6) * DAY
        for aside in closed.aside:
            self.score.asides[aside.why] += 1
            if aside.why == "late":
                self.fit(aside.sample)

    def fit(self, sample: Sample) -> None:
        read = sorted([one for one in self.in_force.values() if one.origin == "read"], key=lambda one: one.taken_utc)
        before = [one for one in read if one.taken_utc < sample.taken_utc]
        after = [one for one in read if one.taken_utc >= sample.taken_utc]
        around = [one for one in self.taken if abs(one.taken_utc - sample.taken_utc) < 2 * DAY]
        entry = (
            supplements.fit_late(before[-1], after[0] if after else None, sample, around=around, zone=self.device.zone) if before else None
        )
        if entry is not None:
            self.score.late += 1
            self.append(entry)

    def append(self, entry: chain.Entry) -> None:
        self.ledger.append(entry)
        self.made_utc[id(entry)] = self.now_utc
        self.score.entries += 1
        if entry.kind != "meter":
            return
        self.in_force[entry.day] = entry
        if entry.origin == "read":
            now = {one.cell: one.total for one in entry.meters}
            if entry.reason == "daily" and self.learned:
                self.limits.observe(self.device.model.name, [(cell, total - self.learned.get(cell, total)) for cell, total in now.items()])
            self.learned |= now

    def answer(self, day: date) -> None:
        """Say what a technician who was there would."""
        standing, device = self.standing, self.device
        self.answer_on = None
        assert standing is not None and standing.suspicion is not None
        first = self.truth[standing.suspicion.kept[0].agent, standing.suspicion.kept[0].sequence]
        good = self.truth[standing.last.agent, standing.last.sequence]
        kinds = {device.kinds[cell, run] for cell, run in first.runs.items() if run > max(1, good.runs[cell])}
        changed = tuple(cell for cell, run in first.runs.items() if run != good.runs[cell])
        proposed = propose(standing.suspicion.oddity)
        assert proposed is None or proposed.kind in ("goes-on", "new-run")
        if not first.is_sound and not first.is_misdated:
            decision = Decision(kind="ignore", user="7")
        elif not kinds:
            fell = any(change.now < change.before for change in standing.suspicion.oddity.changes)
            decision = Decision(kind="ignore" if fell else "goes-on", user="7")  # nothing happened to it: the old counting goes on
        elif kinds == {"wrap"}:
            decision = Decision(kind="goes-on", user="7", modulus=device.modulus)
        else:
            starts = {cell: 0 for cell in changed if device.starts[cell, first.runs[cell]] == "zero" and cell in first.sample.shape.cells}
            decision = Decision(kind="new-run", user="7", only=changed, starts=starts)
        if not kinds:
            self.score.held_for_nothing[standing.suspicion.oddity.kind] += 1
            self.score.remarks.append(f"{device.name} {day} {standing.suspicion.oddity} {[one.counts for one in standing.suspicion.kept]}")
        since = [one for one in self.taken if one.taken_utc >= standing.last.taken_utc]
        self.take(meters.decide(standing, decision, since, model=device.model.name, day=day, zone=device.zone, limits=self.limits), day)

    def bill(self, month_end: date) -> None:
        """Make the month's meters, three days after its end; estimated or stated where nothing was read lately."""
        standing, device, score = self.standing, self.device, self.score
        known = [day for day in self.in_force if day <= month_end]
        if standing is None or standing.is_open or not known:
            score.unbilled += 1
            return
        last = max(known)
        if (month_end - last).days > 3 and standing.last.taken_utc < end_of(month_end, device.zone):
            self.supplement(month_end, last)
            return
        score.bills += 1
        entry = self.in_force[last]
        if entry.origin != "read":
            return
        got = formulas.evaluate(self.contract, {one.cell: one.total for one in entry.meters}, self.large)
        wants = [true_meters(device, totals) for totals in self.true_totals(entry)]
        if got.totals not in wants and not got.faults:
            wants += [true_meters(device, totals) for totals in self.arrived_totals(entry)]
            score.by_arrival += got.totals in wants
        if got.faults or got.totals not in wants:
            score.wrong_bills.append(f"{device.name} {last}: {got} is {wants}")

    def supplement(self, month_end: date, last: date) -> None:
        standing, device = self.standing, self.device
        assert standing is not None
        at = [day for day in device.panel if last < day <= month_end]
        try:
            if at and device.rng.random() < 0.5:
                taken_utc, counts = device.panel[max(at)]
                taken_utc = max(taken_utc, standing.last.taken_utc)
                self.standing, entry = supplements.state(
                    standing, {"total": counts["total"]}, taken_utc=taken_utc, origin="customer", user="8", model=device.model.name,
                    zone=device.zone, limits=self.limits,
                )  # fmt: skip
                self.score.stated += 1
            else:
                reads = [one for one in self.in_force.values() if one.origin == "read" and one.run == standing.run]
                self.standing, entry = supplements.estimate(standing, min(reads, key=lambda one: one.day), month_end, zone=device.zone)
                self.score.estimated += 1
        except ValueError:
            self.score.unbilled += 1  # nobody knows: it waits for a reading or a visit
            return
        self.append(entry)

    def true_totals(self, entry: chain.Entry) -> list[dict[str, int]]:
        """Return what was true at the time an entry states; of two agents with different clocks, what each of them saw."""
        return self._totals_at(entry, self.sound)

    def arrived_totals(self, entry: chain.Entry) -> list[dict[str, int]]:
        """Return the same by the readings that had arrived when the entry was made. Pages that only one shows that was stuck are in later
        meters: those are held against everything that had arrived by then."""
        made_utc = self.made_utc[id(entry)]
        had = [changed(one, totals={}, lower={}, told={}) for one in self.device.readings if one.sample.received_utc <= made_utc]
        tell_truth(changed(self.device, readings=had))
        return self._totals_at(entry, sorted([one for one in had if one.is_sound], key=lambda one: one.sample.taken_utc))

    def _totals_at(self, entry: chain.Entry, sound: list[Reading]) -> list[dict[str, int]]:
        begin, end = entry.taken_utc - 10 * MINUTE, entry.taken_utc + 10 * MINUTE
        at = bisect_left(sound, begin, key=lambda one: one.sample.taken_utc)
        found = []
        while at < len(sound) and sound[at].sample.taken_utc <= end:
            totals = sound[at].totals
            variants = [totals, totals | sound[at].lower, *filter(None, [sound[at].told])]
            found += [{cell: total - self.base.get(cell, 0) for cell, total in true.items()} for true in variants]
            at += 1
        return found

    def has_slipped(self, entry: chain.Entry, one: chain.Meter) -> bool:
        """Say whether a meter lies between the panel and the highest it ever showed, after a power cut took the ten pages between.

        The highest was in a reading that came when later ones had been taken. The panel sets it off when it has passed it. Not for bills.
        """
        near = [known for known in self.sound if abs(known.sample.taken_utc - entry.taken_utc) <= 10 * MINUTE]
        base = self.base.get(one.cell, 0)
        return any(known.lower.get(one.cell, math.inf) <= one.total + base <= known.totals[one.cell] for known in near)

    def rests_on(self, entry: chain.Entry) -> Reading | None:
        """Return the reading an entry was made from. A clock that is wrong by half a day may date two of one agent to the same moment."""
        here = self.truth_at.get(entry.taken_utc, [])
        counts = {one.cell: one.count for one in entry.meters}
        same = [one for one in here if dict(zip(one.sample.shape.cells, one.sample.counts, strict=True)).items() <= counts.items()]
        return next(iter(same or here), None)

    def bounds(self, entry: chain.Entry) -> tuple[dict[str, int], dict[str, int]]:
        """Return what the sound readings before and after an entry's time say, where it rests on one that was not sound.

        That is a clock no other reading contradicts, or yesterday's numbers so near to today's that the counters seem to have slipped.
        Between those two its totals are right to a few hours. Bills are not judged so: theirs have to be right to the page.
        """
        own = self.rests_on(entry)
        before = bisect_left(self.sound, entry.taken_utc - 10 * MINUTE, key=lambda one: one.sample.taken_utc) - 1
        after = bisect_left(self.sound, entry.taken_utc + 10 * MINUTE, key=lambda one: one.sample.taken_utc)
        if own is None or own.is_sound or before < 0 or after >= len(self.sound):
            return {}, {}
        self.score.wrong_clocks += 1
        low, high = ({cell: total - self.base.get(cell, 0) for cell, total in self.sound[at].totals.items()} for at in (before, after))
        return low, high


def true_meters(device: Device, totals: dict[str, int]) -> dict[str, int]:
    """Work out the contract's meters by hand."""
    again = {cell: totals.get(f"{cell}.large", 0) if device.model.large == "twice" else 0 for cell in device.model.cells}
    part = {cell: totals[cell] - again[cell] for cell in device.model.cells if not cell.endswith("large")}
    large = totals.get("total.large", 0)
    return {
        "mono": part["print.mono"] + part["copy.mono"],
        "colour": part.get("print.colour", 0) + part.get("copy.colour", 0),
        "a3": large,
        "pages": part["total"],
        "clicks": part["total"] + large,
    }


def _by_time(event: tuple[str, datetime]) -> datetime:
    return event[1]


def make_fleet(rng: random.Random, count: int, days: int) -> list[Device]:
    fleet = []
    models = make_models(rng)
    share = count / 500 * days / 365
    plans: dict[int, list[tuple[str, datetime]]] = {}
    glitches: dict[int, list[tuple[str, datetime]]] = {}
    begin_utc = datetime(BEGIN.year, BEGIN.month, BEGIN.day, tzinfo=UTC)
    for into, rates in ((plans, ACCIDENTS), (glitches, GLITCHES)):
        for kind, rate in rates.items():
            for number in rng.sample(range(count), min(count, int(rate * share + rng.random()))):
                into.setdefault(number, []).append((kind, begin_utc + rng.uniform(2, days - 2) * DAY))
    over = rng.sample(range(count), min(count, int(WRAPS * share + rng.random())))
    for number in range(count):
        model = rng.choice(models)
        lived = int(math.exp(rng.uniform(4, 12.5)))
        counts = {cell: int(lived * rng.uniform(0.05, 1)) for cell in model.cells} | {"total": lived}
        modulus = 0
        if number in over:
            modulus = rng.choice((10**6, 2**24, 2**31))
            counts["total"] = modulus - int(model.mean * rng.uniform(0.1, 0.8) * days)
        agents = tuple(f"agent-{number}-{at}" for at in range(2 if rng.random() < 0.04 else 1))
        device = Device(f"device-{number}", model, ZoneInfo(rng.choice(ZONES)), agents, random.Random(rng.random()), counts, modulus)
        device.runs = dict.fromkeys(counts, 1)
        live(device, days, sorted(plans.get(number, []), key=_by_time), sorted(glitches.get(number, []), key=_by_time))
        fleet.append(device)
    return fleet


def run(seed: int, count: int, days: int) -> Score:
    """Live the year, close every day, bill every month, and compare with the truth."""
    rng = random.Random(seed)
    score = Score()
    limits = Limits()
    contract = formulas.load(CONTRACT.encode(), origin="contract")[0]
    fleet = make_fleet(rng, count, days)
    dealers: list[tuple[Dealer, list[Reading]]] = []
    for device in fleet:
        zone_begin = begin_of(BEGIN, device.zone)
        outages = [(begin, begin + rng.choice((9 * HOUR, DAY, 3 * DAY, 14 * DAY))) for begin in
                   [zone_begin + rng.random() * days * DAY for _ in range(rng.randrange(4))]]  # fmt: skip
        deliver(device, outages)
        unseeable = tell_truth(device)
        score.unseeable += unseeable
        if unseeable or any(one.is_misdated for one in device.readings):
            tell_truth(device, is_told=True)
        score.happened.update(kind for kind, _ in device.happened)
        dealers.append((Dealer(device, limits, contract, score), sorted(device.readings, key=lambda one: one.sample.received_utc)))
    places = [0] * count
    waiting: list[list[Sample]] = [[] for _ in range(count)]
    for at in range(days + 21):
        day = BEGIN + at * DAY
        for number, (dealer, readings) in enumerate(dealers):
            zone = dealer.device.zone
            now_utc = end_of(day, zone) + 6 * HOUR
            while places[number] < len(readings) and readings[places[number]].sample.received_utc <= now_utc:
                waiting[number].append(readings[places[number]].sample)
                places[number] += 1
            end_utc = end_of(day, zone)
            now, waiting[number] = (
                [one for one in waiting[number] if one.taken_utc < end_utc],
                [one for one in waiting[number] if one.taken_utc >= end_utc],
            )
            dealer.close(day, now)
            if dealer.standing is not None and dealer.standing.suspicion is not None and dealer.standing.suspicion.is_held:
                score.held.add((dealer.device.name, at * 12 // 365))
            if day.day == 3 and at > 5:
                dealer.bill(day - 3 * DAY)
        limits.refresh()
    score.device_months = count * round(days * 12 / 365)
    for dealer, _ in dealers:
        judge_ledger(dealer, score)
    return score


def judge_ledger(dealer: Dealer, score: Score) -> None:
    """Compare every meter in force with the truth, see that no day that was read has none, and mark the truly odd months."""
    device = dealer.device
    last_of: dict[date, datetime] = {}
    for reading in sorted(device.readings, key=lambda one: one.sample.taken_utc):
        if reading.is_sound:
            last_of[day_of(reading.sample.taken_utc, device.zone)] = reading.sample.taken_utc
    for day, entry in dealer.in_force.items():
        if entry.origin == "read":
            score.meters += 1
            want = dealer.true_totals(entry)
            if any(one.total not in [totals.get(one.cell) for totals in want] for one in entry.meters):
                had = dealer.arrived_totals(entry)
                score.by_arrival += all(one.total in [totals.get(one.cell) for totals in had] for one in entry.meters)
                want += had
            low, high = dealer.bounds(entry)
            false = {
                one.cell: (one.total, [totals.get(one.cell) for totals in want])
                for one in entry.meters
                if one.total not in [totals.get(one.cell) for totals in want]
                and not low.get(one.cell, one.total + 1) <= one.total <= high.get(one.cell, -1)
            }
            slipped = [one.cell for one in entry.meters if one.cell in false and dealer.has_slipped(entry, one)]
            score.slipped += bool(slipped)
            false = {cell: told for cell, told in false.items() if cell not in slipped}
            if false or day_of(entry.taken_utc, device.zone) != day:
                score.wrong_meters.append(f"{device.name} {day} {entry.reason} {entry.taken_utc} {entry.zone} {false}")
    score.days_read += len(last_of)
    missing = [day for day in last_of if day not in dealer.in_force]
    score.days_without += len(missing)
    score.days_short += sum(entry.taken_utc < last_of[day] - 10 * MINUTE for day, entry in dealer.in_force.items() if day in last_of)
    begin_utc = begin_of(BEGIN, device.zone)
    seen: dict[str, int] = dict.fromkeys(device.model.cells, 1)
    for reading in sorted(device.readings, key=lambda one: one.sample.taken_utc):
        if reading.is_sound and any(reading.runs[cell] > run for cell, run in seen.items()):
            seen = dict(reading.runs)
            month = (reading.sample.taken_utc - begin_utc) // DAY * 12 // 365
            score.odd |= {(device.name, month), (device.name, month + 1)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--devices", type=int, default=500)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    score = run(options.seed, options.devices, options.days)
    told = [report(score)]
    if options.verbose:
        told += [*score.wrong_meters[:20], *score.wrong_bills[:20], *score.remarks[:30]]
    sys.stdout.write("\n".join(told) + "\n")
    return 1 if score.wrong_meters or score.wrong_bills else 0


def report(score: Score) -> str:
    held = len(score.held)
    truly = len(score.held & score.odd)
    return "\n".join([
        f"wrong meters            {len(score.wrong_meters)} of {score.meters}",
        f"wrong bills             {len(score.wrong_bills)} of {score.bills}",
        f"not billed by reading   {score.estimated} estimated, {score.stated} stated by the customer, {score.unbilled} waiting",
        f"device-months held      {held} of {score.device_months} ({held / score.device_months:.2%})",
        f"of these truly odd      {truly} ({truly / max(held, 1):.1%}); held for nothing: {sum(score.held_for_nothing.values())}",
        f"days read without meter {score.days_without} of {score.days_read}; not of the day's last reading: {score.days_short}",
        f"of readings not sound   {score.wrong_clocks} daily meters; right if between the sound ones before and after",
        f"by what had arrived     {score.by_arrival} meters or bills; a reading that was stuck showed more, which is in the next",
        f"after a power cut       {score.slipped} daily meters, up to ten pages below what a late reading showed; set off since",
        f"late fitted             {score.late}; set aside: {dict(score.asides)}",
        f"accidents               {dict(score.happened)}; shown by no reading: {score.unseeable}",
        f"close                   {score.close_seconds / score.closes * 1e6:.0f} us a device and day; {score.entries} entries",
    ])  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
