"""Meters of one device: which reading moves the meter, which is held, and what a decision makes of the days meanwhile."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from poller.central.meters import supplements
from poller.central.meters import validation as meters
from poller.central.meters.chain import Entry
from poller.central.meters.days import DAY, day_of
from poller.central.meters.plausible import Limits
from poller.central.meters.samples import Sample, shape_of
from poller.central.meters.standing import Closed, Decision, Standing, proposal_for, propose

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = date(2025, 3, 3)
BEGIN_UTC = datetime(2025, 3, 2, 23, tzinfo=UTC)
"""Monday begins in Berlin."""
OIDS = {"total": "1.3.6.1.4.1.32473.1", "print.mono": "1.3.6.1.4.1.32473.2", "scan": "1.3.6.1.4.1.32473.3"}


def sample(hours: float, *counts: int, late_hours: float = 0.1, **facts: Any) -> Sample:
    """A reading so many hours after Monday began; its counts are of total, print.mono and scan."""
    taken = BEGIN_UTC + timedelta(hours=hours)
    shape = shape_of(tuple(list(OIDS.items())[: len(counts)]))
    usual: dict[str, Any] = {"agent": "a", "sequence": int(hours * 100), "serial": "S1", "mac": "m1", "firmware": "1"} | facts
    known: dict[str, Any] = {
        "taken_utc": taken,
        "received_utc": taken + timedelta(hours=late_hours),
        "shape": shape,
        "counts": counts,
    } | usual
    return Sample(**known)


def close(standing: Standing | None, samples: Iterable[Sample], day: date = MONDAY) -> Closed:
    return meters.close("d", standing, samples, model="M", day=day, zone=BERLIN, limits=Limits())


def totals(entry: Entry) -> dict[str, int]:
    return {one.cell: one.total for one in entry.meters}


def live(samples: Sequence[Sample], days: int = 14) -> tuple[Standing, list[Entry], list[str]]:
    """Close so many days from Monday on; return where it stands, the ledger, and why readings were set aside."""
    standing: Standing | None = None
    ledger: list[Entry] = []
    aside: list[str] = []
    for number in range(days):
        day = MONDAY + number * DAY
        closed = close(standing, [one for one in samples if day_of(one.taken_utc, BERLIN) == day], day)
        standing = closed.standing
        ledger += closed.entries
        aside += [one.why for one in closed.aside]
    assert standing is not None
    return standing, ledger, aside


BEFORE = [sample(12 + 24 * day, 50_000 + 100 * day, 40_000 + 80 * day, 9_000) for day in range(6)]
"""Six days' readings at noon: the last good total is 50,500, on Saturday."""


def after(*counts: tuple[int, ...], **facts: Any) -> list[Sample]:
    """Readings from Saturday afternoon on, every six hours."""
    return [sample(138 + 6 * number, *one, **facts) for number, one in enumerate(counts)]


def test_one_entry_a_day_with_the_last_reading_of_the_site_s_own_day() -> None:
    closed = close(None, [sample(1, 100), sample(23.9, 130), sample(24.1, 999)])
    assert [(one.day, one.reason, totals(one), one.meters[0].count) for one in closed.entries] == [(MONDAY, "first", {"total": 30}, 130)]
    later = close(closed.standing, [sample(24.1, 135), sample(47, 150)], MONDAY + DAY)
    assert [(one.day, one.reason, totals(one)) for one in later.entries] == [(MONDAY + DAY, "daily", {"total": 50})]


@pytest.mark.parametrize(
    "counts, facts, kind, proposed",
    [
        ([(12, 10, 0), (40, 31, 2)], {}, "reset", Decision(kind="new-run", user="", from_zero=True)),
        ([(12, 10, 0), (40, 31, 2)], {"firmware": "2"}, "reset", Decision(kind="new-run", user="", from_zero=True)),
        ([(50_300, 39_900, 8_990), (50_350, 39_930, 8_991)], {}, "roll-back", Decision(kind="new-run", user="")),
        ([(312_000, 200_000, 70), (312_020, 200_020, 71)], {}, "board-swap", Decision(kind="new-run", user="")),
        ([(12, 10, 0), (40, 31, 2)], {"mac": "m2"}, "board-swap", Decision(kind="new-run", user="")),
        ([(50_510, 40_410, 9_000), (50_520, 40_420, 9_000)], {"serial": "S2"}, "other-device", Decision(kind="new-run", user="")),
        ([(150_500, 40_410, 9_000), (150_520, 40_420, 9_000)], {}, "jump", None),
    ],
)
def test_what_cannot_follow_is_recognised_held_and_kept_out_of_bills(
    counts: list[tuple[int, ...]], facts: Mapping[str, Any], kind: str, proposed: Decision | None
) -> None:
    standing, ledger, _ = live([*BEFORE, *after(*counts, **facts)])
    assert [one.kind for one in ledger] == ["meter"] * 6 + ["held"]
    assert totals(ledger[5])["total"] == 500
    assert standing.suspicion is not None
    assert standing.suspicion.oddity.kind == kind
    assert standing.is_open
    assert propose(standing.suspicion.oddity) == proposed


def test_a_counter_that_ran_over_is_held_and_goes_on_by_decision() -> None:
    begun = [sample(12 + 24 * day, 999_000 + 180 * day) for day in range(6)]
    standing, _, _ = live([*begun, *after((50,), (60,))])
    assert standing.suspicion is not None
    decision = propose(standing.suspicion.oddity)
    assert decision == Decision(kind="goes-on", user="", modulus=1_000_000)
    closed = meters.decide(standing, replace(decision, user="7"), model="M", day=MONDAY + 13 * DAY, zone=BERLIN, limits=Limits())
    assert [(one.kind, totals(one)["total"]) for one in closed.entries] == [("decision", 1050), ("meter", 1050), ("meter", 1060)]


@pytest.mark.parametrize("modulus", [2**24, 2**32])
def test_a_counter_goes_on_over_no_number_that_makes_it_more_than_can_be_printed(modulus: int) -> None:
    """Whoever types the wrong one of the five would bill four thousand million pages."""
    begun = [sample(12 + 24 * day, 999_000 + 180 * day) for day in range(6)]
    standing, _, _ = live([*begun, *after((50,), (60,))])
    decision = Decision(kind="goes-on", user="7", modulus=modulus)
    with pytest.raises(ValueError, match="more than it can print"):
        meters.decide(standing, decision, model="M", day=MONDAY + 13 * DAY, zone=BERLIN, limits=Limits())


@pytest.mark.parametrize("counts", [25_000, 4_000])
def test_a_device_that_was_met_while_it_started_is_not_billed_all_it_ever_printed(counts: int) -> None:
    """Its first reading says zero, the next what it has: held, and if a person agrees, counted from there."""
    standing, ledger, _ = live([sample(12, 0, 0), *(sample(16 + 4 * at, counts + at, counts) for at in range(12))])
    assert [(one.kind, totals(one)["total"]) for one in ledger] == [("meter", 0), ("held", 0)]
    proposal = proposal_for(standing)
    assert proposal == Decision(kind="new-run", user="")
    closed = meters.decide(standing, proposal, model="M", day=MONDAY + 13 * DAY, zone=BERLIN, limits=Limits())
    assert totals(closed.entries[-1])["total"] == 11


def test_a_new_device_that_counts_from_zero_is_billed_from_zero() -> None:
    _, ledger, _ = live([sample(12, 0, 0), sample(16, 12, 12), sample(36, 2_900, 2_900), sample(60, 5_000, 5_000)])
    assert [totals(one)["total"] for one in ledger] == [12, 2_900, 5_000]


@pytest.mark.parametrize(
    "back, is_held",
    [((7_594, 6_118, 1_285), False), ((7_594, 6_118, 1_500), True), ((9_000, 7_300, 1_530), True), ((7_559, 6_118, 1_285), True)],
)
def test_a_device_of_a_few_days_that_said_zero_while_it_started_and_is_back_with_a_little_more_goes_on(
    back: tuple[int, ...], is_held: bool
) -> None:
    """What it is used to is not known yet, and 7,600 pages in four hours could be printed; but not exactly all it ever printed."""
    samples = [sample(12, 7_500, 6_040, 1_270), sample(36, 7_560, 6_090, 1_276), sample(40, 0, 0, 0), sample(44, *back)]
    standing, ledger, _ = live(samples, days=5)
    assert standing.is_open is is_held
    if not is_held:
        assert totals(ledger[-1]) == {"total": 94, "print.mono": 78, "scan": 15}


def test_two_records_a_clock_that_stepped_dated_to_one_moment_are_no_jump() -> None:
    """The later one has what was printed since: 637 pages in no time trouble nobody (seed 23), half a million do."""
    for pages, is_open in ((637, False), (500_000, True)):
        later = sample(132, 50_500 + pages, 40_400 + pages, 9_000, sequence=99_999)
        standing, _, _ = live([*BEFORE, later], days=8)
        assert standing.is_open is is_open
        assert standing.totals[0] == (500 if is_open else 1137)


def test_counters_read_from_another_place_are_held() -> None:
    moved = [
        replace(one, shape=shape_of((("total", "9.9"), *list(OIDS.items())[1:])))
        for one in after((50_510, 40_410, 9_000), (50_520, 40_420, 9_000))
    ]
    standing, ledger, _ = live([*BEFORE, *moved])
    assert ledger[-1].kind == "held"
    assert standing.suspicion is not None
    assert propose(standing.suspicion.oddity) == Decision(kind="new-run", user="", only=("total",))
    closed = meters.decide(
        standing, Decision(kind="new-run", user="7", only=("total",)), model="M", day=MONDAY + 13 * DAY, zone=BERLIN, limits=Limits()
    )
    assert totals(closed.entries[-1]) == {"total": 510, "print.mono": 420, "scan": 0}  # the others go on: 40,420 after 40,400


@pytest.mark.parametrize(
    "counts, why",
    [
        ([(0, 0, 0), (50_504, 40_404, 9_000)], "it said zero while it started"),
        ([(4_294_967_295, 40_400, 9_000), (50_504, 40_404, 9_000)], "garbage for a moment"),
    ],
)
def test_what_the_device_takes_back_troubles_nobody(counts: list[tuple[int, ...]], why: str) -> None:
    standing, ledger, aside = live([*BEFORE, *after(*counts)])
    assert not standing.is_open, why
    assert {one.kind for one in ledger} == {"meter"}
    assert aside == ["passing"]
    assert totals(ledger[-1])["total"] == 504


def test_a_roll_back_that_catches_up_is_not_taken_for_a_return() -> None:
    standing, ledger, _ = live([*BEFORE, *after((50_440, 40_350, 8_980), (50_520, 40_410, 9_001))])
    assert ledger[-1].kind == "held"
    assert standing.suspicion is not None
    assert standing.suspicion.is_ambiguous


def test_a_power_cut_s_few_pages_wait_until_the_panel_has_passed_them() -> None:
    standing, ledger, _ = live([*BEFORE, *after((50_493, 40_395, 9_000), (50_498, 40_399, 9_000), (50_507, 40_406, 9_000))])
    assert not standing.is_open
    assert [totals(one)["total"] for one in ledger[5:]] == [500, 507]


@pytest.mark.parametrize(
    "decision, expected",
    [
        (Decision(kind="new-run", user="7", from_zero=True), [500, 500, 540]),
        (Decision(kind="new-run", user="7"), [500, 500, 528]),
        (Decision(kind="new-run", user="7", starts={"total": 5}), [500, 500, 535]),
        (Decision(kind="new-run", user="7", from_zero=True, ends={"total": 50_650}), [500, 650, 690]),
        (Decision(kind="ignore", user="7"), [500, 500, 500]),
    ],
)
def test_a_decision_is_an_entry_and_gives_the_days_meanwhile_their_meters(decision: Decision, expected: list[int]) -> None:
    standing, ledger, _ = live([*BEFORE, *after((12, 10, 0), (40, 31, 2))])
    closed = meters.decide(standing, decision, model="M", day=MONDAY + 13 * DAY, zone=BERLIN, limits=Limits())
    assert [one.kind for one in ledger] == ["meter"] * 6 + ["held"]
    found = [totals(ledger[5])["total"], *(totals(one)["total"] for one in (closed.entries[0], closed.entries[-1]))]
    assert found == expected
    assert [one.kind for one in closed.entries] == ["decision"] + ["meter"] * (0 if decision.kind == "ignore" else 2)
    assert closed.standing is not None
    assert not closed.standing.is_open
    assert closed.entries[0].user == "7"


@pytest.mark.parametrize(
    "decision, fault",
    [
        (Decision(kind="goes-on", user="7"), "needs the number at which it ran over"),
        (Decision(kind="new-run", user="7", starts={"total": 13}), "start meter of 13"),
        (Decision(kind="new-run", user="7", ends={"total": 50_499}), "end meter of 50499"),
    ],
)
def test_a_decision_that_cannot_be_is_refused(decision: Decision, fault: str) -> None:
    standing, _, _ = live([*BEFORE, *after((12, 10, 0), (40, 31, 2))])
    with pytest.raises(ValueError, match=fault):
        meters.decide(standing, decision, model="M", day=MONDAY + 13 * DAY, zone=BERLIN, limits=Limits())
    with pytest.raises(ValueError, match="nothing about this device"):
        meters.decide(live(BEFORE)[0], decision, model="M", day=MONDAY, zone=BERLIN, limits=Limits())


def test_readings_of_closed_days_that_come_late_give_those_days_their_meters() -> None:
    first = close(None, BEFORE[:1])
    closed = close(first.standing, BEFORE[1:4], MONDAY + 3 * DAY)
    assert [(one.day.day, one.reason) for one in closed.entries] == [(4, "late"), (5, "late"), (6, "daily")]
    assert [totals(one)["total"] for one in closed.entries] == [100, 200, 300]


def test_closing_again_with_the_same_readings_changes_nothing() -> None:
    closed = close(None, BEFORE[:1])
    again = close(closed.standing, BEFORE[:1])
    assert (again.standing, again.entries) == (closed.standing, ())


@pytest.mark.parametrize(
    "one, why",
    [
        (sample(20, 50_200, 40_100, 9_000, late_hours=-5), "future"),
        (sample(6, 50_200, 40_100, 9_000, sequence=9_999), "clock"),
        (sample(12.1, 49_960, 39_990, 9_000, agent="b", sequence=4), "skew"),
        (sample(11, 49_960, 39_990, 9_000), "late"),
    ],
)
def test_a_reading_whose_time_cannot_be_right_makes_no_meter(one: Sample, why: str) -> None:
    good = close(None, BEFORE[:1])
    closed = close(good.standing, [one])
    assert [aside.why for aside in closed.aside] == [why]
    assert closed.entries == ()
    assert closed.standing == good.standing


def test_a_poll_that_missed_a_counter_leaves_it_where_it_was() -> None:
    part = sample(36, 50_100)
    standing, ledger, _ = live([BEFORE[0], part, sample(60, 50_300, 40_200, 9_002)], days=3)
    assert [totals(one) for one in ledger[1:]] == [{"total": 100}, {"total": 300, "print.mono": 200, "scan": 2}]
    assert standing.stale == {}


def test_a_standing_survives_its_json() -> None:
    for standing in (live(BEFORE)[0], live([*BEFORE, *after((12, 10, 0), (40, 31, 2))])[0]):
        assert msgspec.json.decode(msgspec.json.encode(standing), type=Standing) == standing


# --- stated, estimated, late -------------------------------------------------------------------------------------------


def test_an_estimate_is_marked_and_set_off_to_the_page_by_the_next_reading() -> None:
    days = [sample(12 + 24 * day, 50_000 + 100 * day) for day in range(20)]
    standing, ledger, _ = live(days, days=20)
    estimated, entry = supplements.estimate(standing, ledger[0], MONDAY + 29 * DAY, zone=BERLIN)
    assert (entry.origin, entry.reason, totals(entry)) == ("estimated", "estimated", {"total": 2900})
    read = close(estimated, [sample(12 + 24 * 30, 52_100)], MONDAY + 30 * DAY)
    assert [(one.origin, one.reason, totals(one)) for one in read.entries] == [("read", "sets-off", {"total": 2100})]
    assert read.standing is not None
    assert read.standing.stated is None


@pytest.mark.parametrize("known, ahead", [(13, 5), (20, 63), (20, 0)])
def test_nothing_is_estimated_from_too_little_or_too_far(known: int, ahead: int) -> None:
    standing, ledger, _ = live([sample(12 + 24 * day, 100 * day) for day in range(known + 1)], days=known + 1)
    with pytest.raises(ValueError, match="days known"):
        supplements.estimate(standing, ledger[0], MONDAY + (known + ahead) * DAY, zone=BERLIN)


@pytest.mark.parametrize(
    "count, fault",
    [(50_499, "cannot follow"), (999_999, "cannot follow"), (-1, "not below zero"), (50_600, "below what was stated before")],
)
def test_a_stated_meter_that_does_not_fit_is_refused_to_whoever_types_it(count: int, fault: str) -> None:
    standing, _, _ = live(BEFORE)

    def state(count: int, above: Entry | None = None) -> tuple[Standing, Entry]:
        return supplements.state(
            standing, {"total": count}, taken_utc=BEGIN_UTC + timedelta(hours=200), origin="customer", user="8", model="M", zone=BERLIN,
            limits=Limits(), above=above,
        )  # fmt: skip

    _, entry = state(50_700)
    assert (entry.origin, entry.reason, entry.user, totals(entry)) == ("customer", "stated", "8", {"total": 700})
    with pytest.raises(ValueError, match=fault):
        state(count, above=entry)


def test_a_start_meter_begins_the_counting_before_the_first_reading() -> None:
    standing = supplements.begin("d", {"total": 49_000}, taken_utc=BEGIN_UTC - DAY, origin="import")
    closed = close(standing, BEFORE[:1])
    assert [totals(one) for one in closed.entries] == [{"total": 1000, "print.mono": 0, "scan": 0}]


def test_a_late_reading_between_two_meters_gives_its_day_one_and_moves_neither() -> None:
    _, ledger, _ = live([BEFORE[0], BEFORE[3]], days=4)
    late = sample(36, 50_100, 40_080, 9_000)
    entry = supplements.fit_late(ledger[0], ledger[1], late, around=[BEFORE[0], BEFORE[3]], zone=BERLIN)
    assert entry is not None
    assert (entry.day, entry.reason, totals(entry)["total"]) == (MONDAY + DAY, "late", 100)
    too_high, other_run = sample(36, 50_301, 40_080, 9_000), replace(ledger[1], run=2)
    wrong_clock = replace(late, sequence=99_999)
    assert supplements.fit_late(ledger[0], ledger[1], too_high, around=(), zone=BERLIN) is None
    assert supplements.fit_late(ledger[0], other_run, late, around=(), zone=BERLIN) is None
    assert supplements.fit_late(ledger[0], ledger[1], wrong_clock, around=[BEFORE[3]], zone=BERLIN) is None
    assert supplements.fit_late(ledger[0], None, late, around=(), zone=BERLIN) is None


# --- whatever a device says ----------------------------------------------------------------------------------------------

COUNTS = st.one_of(st.integers(0, 300), st.integers(49_000, 51_000), st.sampled_from([0, 10**6 - 1, 2**31, 2**32 - 1]))
HISTORIES = st.lists(st.tuples(st.floats(0.1, 6), COUNTS, COUNTS, st.sampled_from(["S1", "S1", "S1", "S2"])), min_size=1, max_size=40)


def history(steps: list[tuple[float, int, int, str]]) -> list[Sample]:
    hours, out = 0.0, []
    for pause, total, mono, serial in steps:
        hours += pause
        out.append(sample(hours, total, mono, serial=serial))
    return out


@given(HISTORIES)
def test_no_meter_ever_falls_and_differences_add_up(steps: list[tuple[float, int, int, str]]) -> None:
    standing, ledger, _ = live(history(steps))
    read = [one for one in ledger if one.kind == "meter"]
    for cell in ("total", "print.mono"):
        line = [(one.meters[at].count, one.meters[at].total) for one in read for at in range(2) if one.meters[at].cell == cell]
        assert all(now[0] >= before[0] and now[1] >= before[1] for before, now in pairwise(line))
        daily = [now[1] - before[1] for before, now in pairwise(line)]
        assert sum(daily) == (line[-1][0] - line[0][0] if line else 0)
    if any(one.kind == "held" for one in ledger):
        held = next(at for at, one in enumerate(ledger) if one.kind == "held")
        assert standing.is_open
        assert all(one.kind != "meter" for one in ledger[held + 1 :])


@given(HISTORIES, st.sampled_from(["new-run", "ignore"]))
def test_after_a_decision_totals_still_never_fall(steps: list[tuple[float, int, int, str]], kind: str) -> None:
    standing, _, _ = live(history(steps))
    before = dict(zip(standing.last.shape.cells, standing.totals, strict=True))
    if standing.suspicion is None:
        return
    decision = Decision(kind=kind, user="7")  # type: ignore[arg-type]
    closed = meters.decide(standing, decision, model="M", day=MONDAY + 13 * DAY, zone=BERLIN, limits=Limits())
    for entry in closed.entries:
        if entry.kind != "held":
            assert all(total >= before.get(cell, 0) for cell, total in totals(entry).items())
            before |= totals(entry)


@given(st.lists(st.integers(0, 200), min_size=2, max_size=40), st.randoms())
def test_order_of_arrival_and_doubles_change_nothing(growths: list[int], chance: random.Random) -> None:
    hours, count, line = 0.0, 1000, []
    for growth in growths:
        hours, count = hours + 1, count + growth
        line.append(sample(hours, count))
    mixed = [*line, *line[::3]]
    chance.shuffle(mixed)
    ordered, shuffled = live(line, days=3), live(mixed, days=3)
    assert ordered[:2] == shuffled[:2]


def test_a_second_accident_before_the_first_is_decided_loses_nothing_the_readings_show() -> None:
    readings = [
        *BEFORE,
        *after((12, 10, 0), (40, 31, 2)),
        *[sample(150 + hour, 60 + hour, 50, 3) for hour in range(10)],
        sample(161, 5, 4, 0),
    ]
    standing, _, _ = live([*readings, sample(185, 9, 7, 1)])
    closed = meters.decide(
        standing,
        Decision(kind="new-run", user="7", from_zero=True),
        readings,
        model="M",
        day=MONDAY + 13 * DAY,
        zone=BERLIN,
        limits=Limits(),
    )
    assert [one.kind for one in closed.entries] == ["decision", "meter", "meter", "held"]
    assert totals(closed.entries[2])["total"] == 500 + 69


def test_ignoring_ends_where_the_readings_can_follow_again() -> None:
    standing, _, _ = live([*BEFORE, *after((0, 0, 0), (3, 2, 0), (50_530, 40_430, 9_004))][:-1])
    later = [*after((0, 0, 0), (3, 2, 0), (50_530, 40_430, 9_004), (70, 60, 1))]
    closed = meters.decide(
        standing, Decision(kind="ignore", user="7"), later, model="M", day=MONDAY + 13 * DAY, zone=BERLIN, limits=Limits()
    )
    assert [(one.kind, totals(one)["total"]) for one in closed.entries[:2]] == [("decision", 500), ("meter", 530)]
    assert closed.standing is not None
    assert closed.standing.is_open  # what came after is another question


# --- what a simulated year found -------------------------------------------------------------------------------------------


def test_pages_printed_while_a_counter_had_leapt_are_not_lost_when_it_goes_back() -> None:
    leapt = after((1_050_000,), (1_050_060,), (50_498,))
    standing, ledger, aside = live([*BEFORE, *leapt], days=7)
    assert standing.suspicion is not None and standing.suspicion.is_held
    assert [entry.kind for entry in ledger][-1] == "held"
    assert aside == []


def test_a_leap_that_is_taken_back_with_nothing_printed_meanwhile_asks_nobody() -> None:
    standing, _, aside = live([*BEFORE, *after((1_050_000,), (1_050_000,), (50_503,))], days=7)
    assert standing.suspicion is None
    assert standing.totals[0] == 503
    assert aside == ["passing"] * 2


def test_a_counter_that_fell_in_readings_whose_time_cannot_be_right_is_held() -> None:
    """The clock was half a day ahead for three readings; afterwards the counters have passed where they had been."""
    ahead = [sample(150 + 4 * at, count, sequence=15000 + at) for at, count in enumerate((50_510, 50_300, 50_480))]
    right = [sample(150 + 4 * at, count, sequence=15010 + at) for at, count in enumerate((50_520, 50_600, 50_700))]
    later = [sample(200, 50_900, sequence=20000)]
    standing, _, aside = live([*BEFORE, *ahead, *right, *later], days=10)
    assert set(aside) == {"clock"}
    assert standing.suspicion is not None
    assert standing.suspicion.kept[0].counts == (50_300,)


def test_readings_whose_time_cannot_be_right_and_that_only_grew_hold_nothing() -> None:
    ahead = [sample(150 + 4 * at, count, sequence=15000 + at) for at, count in enumerate((50_510, 50_520, 50_530))]
    right = [sample(150 + 4 * at, count, sequence=15010 + at) for at, count in enumerate((50_540, 50_600, 50_700))]
    standing, _, _ = live([*BEFORE, *ahead, *right, sample(200, 50_900, sequence=20000)], days=10)
    assert standing.suspicion is None
    assert standing.totals[0] == 900


def test_of_two_agents_that_disagree_nothing_is_proposed_before_somebody_looked_at_their_clocks() -> None:
    behind = sample(138, 50_655, agent="b", sequence=7)
    standing, _, _ = live([*BEFORE, behind, *[sample(142 + 6 * at, 50_620 + at) for at in range(8)]], days=9)
    assert standing.suspicion is not None and standing.suspicion.is_held
    assert standing.suspicion.oddity.kind == "roll-back"
    assert proposal_for(standing) is None
