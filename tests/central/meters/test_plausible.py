"""What is plausible: learned from the fleet, bounded on both sides."""

from __future__ import annotations

from datetime import timedelta

import pytest

from poller.central.meters.plausible import CEILING, DAYS_MIN, FLOOR, UNKNOWN, Limits, fastest
from poller.central.meters.samples import shape_of

SHAPE = shape_of((("total", "1"), ("scan", "2")))


@pytest.mark.parametrize(
    "growths, limit",
    [
        ([100] * (DAYS_MIN - 1), UNKNOWN),
        ([100] * DAYS_MIN, FLOOR),
        ([0] * DAYS_MIN, FLOOR),
        ([5000] * DAYS_MIN, 4 * 8191),
        ([100] * 2000 + [500_000], FLOOR),  # one odd day moves nothing
        ([10**9] * DAYS_MIN, CEILING),
    ],
)
def test_the_limit_is_well_above_what_the_model_does(growths: list[int], limit: int) -> None:
    limits = Limits()
    for growth in growths:
        limits.observe("M", [("total", growth)])
    limits.refresh()
    assert limits.per_day("M", SHAPE) == (limit, UNKNOWN)
    assert Limits(limits.tallies).per_day("M", SHAPE) == (limit, UNKNOWN)


def test_the_past_fades() -> None:
    limits = Limits({("M", "total"): [300_000, *[0] * 31]})
    limits.refresh()
    assert limits.tallies["M", "total"][0] == 150_000


def test_nothing_prints_faster_than_the_fastest() -> None:
    assert fastest(timedelta(minutes=9)) == 400 * (9 + 10)  # ten minutes are what clocks may be apart
