"""How fast: never more than promised, never owing."""

from __future__ import annotations

import random

import pytest

from poller.engine.pacing import ON_LINK_PER_SECOND, TICK_SECONDS, Pacer

RATES = [0.5, 1.0, 7.0, 99.0, 300.0, ON_LINK_PER_SECOND, 20_000.0]


def send_all(pacer: Pacer, sleeps: list[float], now_at: float = 1000.0) -> list[tuple[float, int]]:
    """Send whatever may go, sleeping as told by *sleeps*; return (time, packets)."""
    sent = []
    for seconds in sleeps:
        if (packets := pacer.available(now_at)) > 0:
            pacer.claim(now_at, packets)
            sent.append((now_at, packets))
        now_at += seconds
    return sent


def busiest(sent: list[tuple[float, int]], seconds: float) -> int:
    """Return the most packets in any window of *seconds*."""
    most, inside, start = 0, 0, 0
    for at, packets in sent:
        inside += packets
        while sent[start][0] <= at - seconds + 1e-6:
            inside -= sent[start][1]
            start += 1
        most = max(most, inside)
    return most


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("rhythm", ["steady", "irregular", "hurried", "with naps"])
def test_no_second_ever_holds_more_than_promised(rate: float, rhythm: str) -> None:
    dice = random.Random(7)
    sleeps = {
        "steady": [TICK_SECONDS] * 2000,
        "irregular": [dice.expovariate(100) for _ in range(2000)],
        "hurried": [0.0001] * 20_000,
        "with naps": [dice.choice((TICK_SECONDS, TICK_SECONDS, 0.9, 1.0, 30.0)) for _ in range(2000)],
    }[rhythm]
    assert busiest(send_all(Pacer(rate), sleeps), 1.0) <= max(1, rate)


@pytest.mark.parametrize("rate", RATES)
def test_with_a_punctual_loop_nearly_all_of_the_rate_is_used(rate: float) -> None:
    seconds = max(10.0, 20 / rate)
    sent = send_all(Pacer(rate), [TICK_SECONDS] * int(seconds / TICK_SECONDS))
    assert sum(packets for _, packets in sent) >= 0.95 * rate * seconds - 1


def test_a_laptop_that_slept_for_a_weekend_owes_nothing() -> None:
    pacer = Pacer(300.0)
    before = send_all(pacer, [TICK_SECONDS] * 100)
    after = send_all(pacer, [TICK_SECONDS] * 100, now_at=1000.0 + 3 * 86_400)
    assert after[0][1] <= 6
    assert sum(packets for _, packets in after) <= sum(packets for _, packets in before) + 1 <= 301


def test_at_most_512_on_link_addresses_are_unresolved_for_their_three_seconds() -> None:
    assert busiest(send_all(Pacer(ON_LINK_PER_SECOND), [0.001] * 20_000), 3.0) <= 512


def test_what_was_not_used_is_not_claimed() -> None:
    pacer = Pacer(300.0)
    assert pacer.available(5.0) == 6
    pacer.claim(5.0, 2)
    assert pacer.available(5.0) == 4
    pacer.claim(5.0, 0)
    assert pacer.available(5.0) == 4


def test_the_wait_ends_when_a_packet_may_leave() -> None:
    pacer = Pacer(10.0)
    pacer.claim(5.0, 1)
    assert pacer.available(5.0) == 0
    assert pacer.wait_seconds(5.0) == pytest.approx(0.1)
    assert pacer.available(5.0 + pacer.wait_seconds(5.0)) == 1


def test_without_room_in_the_kernel_the_rate_halves_and_comes_back_gradually() -> None:
    pacer = Pacer(10_000.0)
    pacer.claim(5.0, pacer.available(5.0))
    pacer.slow_down(5.0)
    assert pacer.available(5.0) == 0
    assert pacer.wait_seconds(5.0) >= 0.99 * TICK_SECONDS
    assert pacer.factor(5.0) == 0.5
    halved = sum(packets for _, packets in send_all(pacer, [TICK_SECONDS] * 100, now_at=5.0))
    assert 4_000 < halved < 6_500
    assert pacer.factor(7.0) == pytest.approx(0.7)
    assert pacer.factor(20.0) == 1.0


def test_it_never_stops_altogether() -> None:
    pacer = Pacer(10_000.0)
    for step in range(100):
        pacer.slow_down(5.0 + step * TICK_SECONDS)
    assert pacer.factor(6.0) >= 1 / 64
    assert pacer.wait_seconds(6.0) <= 1.0
