"""Waiting: longer every time, within bounds, and not the same for two agents."""

from __future__ import annotations

import pytest

from poller.upload.backoff import MOST_SECONDS, RETRY_AFTER_SECONDS_MAX, Backoff


def test_the_limit_doubles_up_to_the_most() -> None:
    one = Backoff(dice=lambda: 1.0)
    assert [one.fail() for _ in range(10)] == [5, 10, 20, 40, 80, 160, 320, 640, MOST_SECONDS, MOST_SECONDS]
    one.succeed()
    assert one.fail() == 5


def test_a_million_failures_wait_no_longer_than_the_most() -> None:
    one = Backoff(dice=lambda: 1.0)
    one.failures = 1_000_000
    assert one.fail() == MOST_SECONDS


def test_jitter_is_full_and_never_nothing() -> None:
    assert Backoff(dice=lambda: 0.0).fail() == 1
    assert len({Backoff().fail() for _ in range(50)}) > 40


@pytest.mark.parametrize(
    "told, dice, seconds", [(60.0, 0.0, 60), (60.0, 1.0, 75), (0.0, 0.0, 1), (-5.0, 0.0, 1), (1e9, 0.0, RETRY_AFTER_SECONDS_MAX)]
)
def test_what_was_told_is_waited_for_within_bounds(told: float, dice: float, seconds: float) -> None:
    assert Backoff(dice=lambda: dice).fail(retry_after_seconds=told) == seconds


def test_the_least_can_be_longer_than_the_most() -> None:
    assert Backoff(dice=lambda: 0.0).fail(least_seconds=3600) == 3600
    assert Backoff(dice=lambda: 1.0).fail(least_seconds=3600) == 7200
