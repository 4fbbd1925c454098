"""Reading the configuration again: what is accepted, what is refused, and what is told of both."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from poller.config import Config, load
from poller.engine.dating import Dating
from poller.errors import ConfigError
from poller.logs import as_dict
from poller.reloading import Reloading
from tests.fake_clock import START_UTC, FakeClock


class Bench:
    def __init__(self, clock: FakeClock, read: Callable[[], Config]) -> None:
        self.applied: list[Config] = []
        dating = Dating(clock, is_synchronised=lambda: True)
        self.reloading = Reloading(read, self._apply, clock, dating)

    async def _apply(self, config: Config) -> None:
        self.applied.append(config)

    def values(self) -> list[float]:
        return [sample.value for sample in self.reloading.metrics()]


async def reload(one: Bench, times: int = 1) -> None:
    """Ask, and let all of it happen."""
    for _ in range(times):
        one.reloading.ask()
    task = asyncio.create_task(one.reloading.run())
    for _ in range(200):
        await asyncio.sleep(0.001)
        if one.reloading.is_idle:
            break
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_good_one_is_applied_and_dated(clock: FakeClock) -> None:
    config = load(None, {})
    one = Bench(clock, lambda: config)
    assert one.values() == [1, START_UTC.timestamp()]
    clock.advance(60)
    await reload(one)
    assert one.applied == [config]
    assert one.values() == [1, START_UTC.timestamp() + 60]


async def test_a_bad_one_is_refused_with_every_fault_and_the_old_one_stays(clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")

    def read() -> Config:
        raise ConfigError(["sweep.rate: too high", "poll.evry: no such setting"])

    one = Bench(clock, read)
    clock.advance(60)
    await reload(one)
    assert one.applied == []
    assert one.values() == [0, START_UTC.timestamp()]
    told = [as_dict(record) for record in caplog.records]
    assert [fact["text"] for fact in told if fact["event"] == "config.fault"] == ["sweep.rate: too high", "poll.evry: no such setting"]
    assert [fact["faults"] for fact in told if fact["event"] == "config.refused"] == [2]


async def test_asked_many_times_it_is_done_once_and_off_the_event_loop(clock: FakeClock) -> None:
    config, threads = load(None, {}), list[int]()

    def read() -> Config:
        threads.append(threading.get_ident())
        return config

    one = Bench(clock, read)
    await reload(one, times=50)
    assert len(one.applied) == 1
    assert threads != [threading.get_ident()]


async def test_one_that_trips_over_a_fault_of_ours_does_not_count_as_accepted_and_the_next_does(clock: FakeClock) -> None:
    config = load(None, {})
    one = Bench(clock, lambda: config)

    async def trips(_: Config) -> None:
        raise KeyError

    one.reloading._apply = trips
    one.reloading.ask()
    with pytest.raises(KeyError):
        await one.reloading.run()
    assert one.reloading.is_idle
    assert one.values()[0] == 0
    one.reloading._apply = one._apply
    await reload(one)
    assert one.values()[0] == 1
