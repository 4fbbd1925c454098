"""The simulated printers: the right addresses, asked by a fixed crew."""

from __future__ import annotations

import asyncio

import pytest

from poller.bench.crowd import answering, ask_all, crowd, targets
from poller.bench.sweep_rate import NETWORK, ONE_IN


def test_the_answering_addresses_are_those_of_the_load_fleet() -> None:
    assert len(answering(NETWORK, ONE_IN)) == 4124
    assert answering(NETWORK, 1) > answering(NETWORK, ONE_IN)


def test_the_crowd_is_whom_the_peers_ask() -> None:
    asked = [target.address for target in targets(300, 16161)]
    assert asked == [f"127.20.{number >> 8}.{number & 255}" for number in range(1, 301)]
    assert str(crowd(10_000)) == "127.20.0.1-127.20.39.16"


async def test_everybody_is_asked_once_by_so_many_at_a_time() -> None:
    asked: list[int] = []
    at_once = most_at_once = 0

    async def ask(number: int) -> None:
        nonlocal at_once, most_at_once
        at_once += 1
        most_at_once = max(most_at_once, at_once)
        await asyncio.sleep(0)
        at_once -= 1
        asked.append(number)

    await ask_all(range(100), ask, workers=7)
    assert sorted(asked) == list(range(100))
    assert most_at_once == 7


async def test_one_that_fails_ends_the_asking() -> None:
    async def ask(number: int) -> None:
        raise OSError(number)

    with pytest.raises(ExceptionGroup):
        await ask_all(range(100), ask, workers=2)
