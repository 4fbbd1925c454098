"""Daily rows: the same whatever the order, the halves and the doubles; in the site's own days; as short as can be."""

from __future__ import annotations

import itertools
import json
import random
from datetime import UTC, date, datetime, timedelta
from functools import reduce
from zoneinfo import ZoneInfo

import pytest

from poller.central.meters.dailies import Day, Span, add, day_of, spans_from_json, spans_to_json
from poller.model import Counter, Printer, Reading, Supply

NOON_UTC = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def reading(hours: float, pages: int | None, ratio: float | None = None) -> Reading:
    return Reading(
        taken_at=NOON_UTC + timedelta(hours=hours),
        printer=Printer(id="serial:11:A", identities=("serial:11:A",), address="192.0.2.7", via="snmp-2c"),
        counters=() if pages is None else (Counter(function="total", count=pages), Counter(function="other", count=9, label="x")),
        supplies=() if ratio is None else (Supply(key="1.1", index="1.1", kind="toner", state="ok", ratio=ratio),),
    )


def joined(*readings: Reading) -> Day:
    return reduce(Day.joined, [day_of(one, "hq", UTC_ZONE) for one in readings])


UTC_ZONE = ZoneInfo("UTC")
READINGS = [reading(-3, 100, 0.5), reading(-2, 90, 0.4), reading(-1, None), reading(0, 130, 0.9), reading(1, 120), reading(1, 125)]


def test_a_day_has_the_first_last_least_and_greatest() -> None:
    day = joined(*READINGS)
    assert (day.day, day.readings, day.first_utc, day.last_utc) == (
        date(2026, 11, 20),
        6,
        NOON_UTC - timedelta(hours=3),
        NOON_UTC + timedelta(hours=1),
    )
    assert day.counters["total"][:4] == (100, 125, 90, 130)
    assert day.levels["1.1"][:4] == (0.5, 0.9, 0.4, 0.9)
    assert day.counters.keys() == {"total"}


def test_order_grouping_and_doubles_change_nothing_but_how_many_readings_there_were() -> None:
    want = joined(*READINGS)
    for order in itertools.permutations(READINGS):
        assert joined(*order) == want
    dice = random.Random(4)
    for _ in range(200):
        several = READINGS + dice.choices(READINGS, k=4)
        dice.shuffle(several)
        at = dice.randrange(1, len(several))
        again = joined(*several[:at]).joined(joined(*several[at:]))
        assert (again.counters, again.levels, again.first_utc, again.last_utc) == (
            want.counters,
            want.levels,
            want.first_utc,
            want.last_utc,
        )


@pytest.mark.parametrize("readings", [READINGS, READINGS[:1], READINGS[2:3], READINGS[:2], [READINGS[0], READINGS[3]]], ids=len)
def test_a_day_comes_back_from_its_json(readings: list[Reading]) -> None:
    day = joined(*readings)
    for spans in (day.counters, day.levels):
        text = json.dumps(spans_to_json(spans, day.first_utc, day.last_utc))
        assert spans_from_json(json.loads(text), day.first_utc, day.last_utc) == spans


def test_json_is_short_where_a_day_is_simple() -> None:
    def of(*readings: Reading) -> list[int | float]:
        day = joined(*readings)
        return spans_to_json(day.counters, day.first_utc, day.last_utc)["total"]

    assert of(reading(0, 5), reading(1, 5)) == [5]
    assert of(reading(0, 5), reading(1, 7)) == [5, 7]
    assert of(reading(0, 5), reading(1, 7), reading(2, 6)) == [5, 6, 5, 7]
    assert of(reading(0, 5), reading(1, None)) == [5, 5, 5, 5, 1795176000000, 1795176000000]


def test_a_day_is_the_sites_own() -> None:
    late = reading(11.5, 7)
    assert [day_of(late, "hq", zone).day for zone in (UTC_ZONE, BERLIN)] == [date(2026, 11, 20), date(2026, 11, 21)]


def test_days_are_kept_apart_by_printer_and_date() -> None:
    days: dict[tuple[date, str], Day] = {}
    add(days, [day_of(reading(hours, 1), "hq", UTC_ZONE) for hours in (0, 1, 20)])
    assert {key[0].day: one.readings for key, one in days.items()} == {20: 2, 21: 1}


def test_of_two_values_at_one_moment_the_lesser_is_first() -> None:
    spans = [Span(value, value, value, value, NOON_UTC, NOON_UTC) for value in (3, 5)]
    assert spans[0].joined(spans[1]) == spans[1].joined(spans[0]) == Span(3, 5, 3, 5, NOON_UTC, NOON_UTC)
