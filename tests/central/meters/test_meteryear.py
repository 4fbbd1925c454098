"""A year of meters, in small: no meter and no bill comes out wrong. The whole one: `python -m tests.central.meteryear`."""

from __future__ import annotations

import pytest

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
