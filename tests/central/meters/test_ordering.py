"""Readings in the order they were made in: what arrives late, twice, mixed up, or from a wrong clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from poller.central.meters.ordering import sift
from poller.central.meters.samples import Sample, shape_of

BEGIN = datetime(2025, 3, 3, tzinfo=UTC)
END = BEGIN + timedelta(days=30)
SHAPE = shape_of((("total", "1"),))


def record(sequence: int, hours: float, *, agent: str = "a", received_hours: float = 1000) -> Sample:
    taken, received = BEGIN + timedelta(hours=hours), BEGIN + timedelta(hours=received_hours)
    return Sample(taken_utc=taken, received_utc=received, agent=agent, sequence=sequence, shape=SHAPE, counts=(sequence,))


RIGHT = [record(number, 4 * number) for number in range(1, 13)]


@pytest.mark.parametrize(
    "samples, wrong, why",
    [
        (RIGHT, [], ""),
        (RIGHT[::-1], [], ""),
        ([*RIGHT, record(50, 1, agent="b")], [], "another agent has numbers of its own"),
        ([*RIGHT, record(13, 47.9)], [], "two polls may cross"),
        ([*RIGHT[:6], record(60, 2), *RIGHT[6:]], [60], "stood behind, and against five"),
        ([record(1, 4), record(2, 44), *[record(number, 4 * number) for number in range(3, 13)]], [2], "was ahead, against eight"),
        ([record(1, 12), record(2, 16), record(3, 12.5), record(4, 16.5), record(5, 30)], [2, 3], "one against one: neither"),
    ],
)
def test_of_contradicting_records_those_that_stand_against_many_are_set_aside(samples: list[Sample], wrong: list[int], why: str) -> None:
    usable, aside = sift(samples, None, end_utc=END)
    assert sorted(one.sample.sequence for one in aside) == wrong, why
    assert {one.why for one in aside} <= {"clock"}
    assert [one.taken_utc for one in usable] == sorted(one.taken_utc for one in usable)
    assert len(usable) + len(aside) == len(samples)


def test_what_was_made_after_the_day_is_left_for_its_day() -> None:
    assert sift(RIGHT, None, end_utc=BEGIN + timedelta(hours=9)) == (RIGHT[:2], [])


def test_what_is_from_the_future_of_its_receipt_is_set_aside() -> None:
    usable, aside = sift([record(1, 5, received_hours=4.9), record(2, 6, received_hours=5)], None, end_utc=END)
    assert [one.sequence for one in usable] == [1]
    assert [(one.sample.sequence, one.why) for one in aside] == [(2, "future")]


AHEAD = [record(1, 1.75, received_hours=2), record(2, 17.75, received_hours=19.8), record(3, 21.75, received_hours=24)]
"""The clock was half a day ahead at the second and third."""


def test_a_record_made_before_a_later_one_was_received_was_not_made_after_that() -> None:
    """Two against one: outvoted would be the one that is right, and the day's last number would be missing on the bill (seed 22)."""
    usable, aside = sift([*AHEAD, record(5, 17.75, received_hours=17.8)], None, end_utc=END)
    assert [one.sequence for one in usable] == [1, 2, 5]
    assert [(one.sample.sequence, one.why) for one in aside] == [(3, "clock")]


def test_so_does_one_that_comes_after_a_later_one_was_taken() -> None:
    usable, aside = sift(AHEAD[2:], record(5, 17.75, received_hours=17.8), end_utc=END)
    assert usable == []
    assert [(one.sample.sequence, one.why) for one in aside] == [(3, "clock")]


def test_what_was_known_and_what_is_older_than_the_last_one_are_told_apart() -> None:
    usable, aside = sift([RIGHT[3], RIGHT[2], RIGHT[4]], RIGHT[3], end_utc=END)
    assert usable == [RIGHT[4]]
    assert {(one.sample.sequence, one.why) for one in aside} == {(3, "late"), (4, "duplicate")}


def test_the_number_of_records_compared_is_bounded() -> None:
    usable, aside = sift([record(5000 - number, number / 2) for number in range(1400)], None, end_utc=END)
    assert usable == []
    assert len(aside) == 1400
