"""A year of meters, in small: no meter and no bill comes out wrong. The whole one: `python -m tests.central.meteryear`."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from poller.central.meters import formulas
from poller.central.meters.chain import Entry, Meter
from poller.central.meters.plausible import Limits
from poller.central.meters.samples import Sample, shape_of
from tests.central import meteryear


@pytest.mark.parametrize("seed", [11, 12])
def test_no_meter_and_no_bill_of_a_simulated_season_is_wrong(seed: int) -> None:
    score = meteryear.run(seed, 30, 100)
    assert score.meters > 2000
    assert score.bills > 60
    assert score.wrong_meters == []
    assert score.wrong_bills == []
    assert score.days_without <= score.days_read * 0.001


def test_devices_with_accident_upon_accident_are_held_and_billed_rightly_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meteryear, "ACCIDENTS", dict.fromkeys(meteryear.ACCIDENTS, 1000))
    score = meteryear.run(13, 40, 60)
    assert score.happened.keys() >= meteryear.ACCIDENTS.keys() - {"power-cut"}
    assert score.wrong_meters == []
    assert score.wrong_bills == []
    assert len(score.held & score.odd) > 40


def test_the_judge_knows_which_of_two_readings_of_one_moment_an_entry_rests_on() -> None:
    """A clock half a day ahead dates a reading to the moment of a later one, which came late: the entry is the earlier one's (seed 16)."""
    noon = datetime(2025, 11, 20, 12, tzinfo=UTC)
    model = meteryear.Model("M", False, False, "once", 100, ("1.3",), ("total",))
    device = meteryear.Device("d", model, ZoneInfo("UTC"), ("a",), random.Random(1), {"total": 0})

    def reading(number: int, count: int, *, is_sound: bool) -> meteryear.Reading:
        facts = {"taken_utc": noon, "received_utc": noon + timedelta(hours=number), "agent": "a", "sequence": number}
        sample = Sample(shape=shape_of((("total", "1.3"),)), counts=(count,), **facts)  # type: ignore[arg-type]
        return meteryear.Reading(sample, is_sound, {"total": 1}, noon)

    device.readings = [reading(1, 90, is_sound=False), reading(2, 100, is_sound=True)]
    dealer = meteryear.Dealer(device, Limits(), formulas.Contract(model="*", meters=()), meteryear.Score())

    def entry(meters: Sequence[Meter]) -> Entry:
        facts = {"device": "d", "day": noon.date(), "zone": "UTC", "kind": "meter", "origin": "read", "reason": "daily", "run": 1}
        return Entry(**facts, taken_utc=noon, meters=tuple(meters))  # type: ignore[arg-type]

    for own in device.readings:
        assert dealer.rests_on(entry([Meter(cell="total", count=own.sample.counts[0], total=7)])) is own
