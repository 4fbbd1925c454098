"""From a notification to the printer's next poll, on a fake clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest

from poller.engine import notices
from poller.engine.notices import Notices
from poller.simulator import recordings
from poller.snmp.notification import Notification, read_envelope, read_notification
from tests.engine.device_wire import TARGET, DeviceWire
from tests.engine.test_poll import Bench as PollBench
from tests.engine.test_poll import bench as poll_bench
from tests.fake_clock import FakeClock
from tests.snmp.notifications import v1_trap, v2_notification

TRAP = read_notification(v2_notification(), read_envelope(v2_notification()))


def inside(address: str) -> Notification:
    datagram = v1_trap(agent=address)
    return read_notification(datagram, read_envelope(datagram))


class Crew:
    """Knows the printers of one /24, and when each was hurried."""

    def __init__(self, clock: FakeClock) -> None:
        self.hurried: list[tuple[float, str]] = []
        self._clock = clock

    def knows(self, address: str) -> bool:
        return address.startswith("10.1.2.")

    def hurry(self, address: str) -> bool:
        if self.knows(address):
            self.hurried.append((self._clock.monotonic() - 1000.0, address))
        return self.knows(address)


class Bench:
    def __init__(self, clock: FakeClock) -> None:
        self.clock, self.crew = clock, Crew(clock)
        self.notices = Notices(self.crew, clock, sleep=self._sleep)

    async def _sleep(self, seconds: float) -> None:
        self.clock.advance(seconds)
        await asyncio.sleep(0)

    async def pass_seconds(self, seconds: float) -> None:
        """Let the notices run for so long."""
        until_at = self.clock.monotonic() + seconds
        running = asyncio.create_task(self.notices.run())
        while self.clock.monotonic() < until_at:  # noqa: ASYNC110  a fake clock wakes nobody
            await asyncio.sleep(0)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.fixture
def bench(clock: FakeClock) -> Bench:
    return Bench(clock)


def test_the_first_notification_hurries_its_sender_at_once(bench: Bench) -> None:
    assert bench.notices.hear("10.1.2.3", TRAP) == "polled"
    assert bench.crew.hurried == [(0.0, "10.1.2.3")]
    assert bench.notices.is_known("10.1.2.3")
    assert not bench.notices.is_known("10.1.3.3")


async def test_a_thousand_within_ten_seconds_hurry_it_once_more_at_their_end(bench: Bench) -> None:
    bench.notices.hear("10.1.2.3", TRAP)
    for _ in range(1000):
        assert bench.notices.hear("10.1.2.3", TRAP) == "coalesced"
    await bench.pass_seconds(60)
    (first_at, _), (second_at, _) = bench.crew.hurried
    assert 10.0 <= second_at - first_at < 10.2


async def test_notifications_without_end_hurry_it_every_ten_seconds(bench: Bench) -> None:
    for _ in range(100):
        bench.notices.hear("10.1.2.3", TRAP)
        await bench.pass_seconds(1)
    times = [at for at, _ in bench.crew.hurried]
    assert 9 <= len(times) <= 11
    assert min(later - earlier for earlier, later in pairwise(times)) >= 10.0 - 1e-6


def test_after_ten_seconds_of_silence_it_is_hurried_at_once_again(bench: Bench) -> None:
    bench.notices.hear("10.1.2.3", TRAP)
    bench.clock.advance(10.0)
    assert bench.notices.hear("10.1.2.3", TRAP) == "polled"


def test_printers_do_not_wait_for_each_other(bench: Bench) -> None:
    assert [bench.notices.hear(f"10.1.2.{number}", TRAP) for number in range(50)] == ["polled"] * 50


async def test_a_whole_site_at_once_takes_turns_and_everybody_has_one(bench: Bench) -> None:
    site = [f"10.1.2.{number}" for number in range(250)]
    heard = [bench.notices.hear(address, TRAP) for address in site]
    assert heard.count("polled") == notices.HURRIED_AT_ONCE
    assert heard[-1] == "queued"
    assert bench.notices.hear(site[-1], TRAP) == "coalesced"
    await bench.pass_seconds(1)
    assert sorted(address for _, address in bench.crew.hurried) == sorted(site)


async def test_however_much_is_borrowed_no_more_than_a_bounded_number_is_hurried(bench: Bench) -> None:
    for _ in range(30):
        for number in range(250):
            bench.notices.hear(f"10.1.2.{number}", TRAP)
        await bench.pass_seconds(1)
    times = [at for at, _ in bench.crew.hurried]
    for begin in range(30):
        assert sum(begin <= at < begin + 1 for at in times) <= notices.HURRIED_AT_ONCE + notices.HURRIED_PER_SECOND
    assert len(bench.notices._waiting) <= 250


def test_behind_nat_the_address_inside_counts(bench: Bench) -> None:
    assert bench.notices.hear("192.0.2.1", inside("10.1.2.3")) == "polled"
    assert bench.notices.hear("192.0.2.1", inside("10.1.2.3")) == "coalesced"
    assert bench.notices.hear("192.0.2.1", inside("10.1.2.4")) == "polled"
    assert [address for _, address in bench.crew.hurried] == ["10.1.2.3", "10.1.2.4"]


def test_a_sender_that_is_a_printer_is_believed_rather_than_what_it_says_inside(bench: Bench) -> None:
    assert bench.notices.hear("10.1.2.3", inside("10.1.2.4")) == "polled"
    assert [address for _, address in bench.crew.hurried] == ["10.1.2.3"]


def test_of_strangers_nothing_is_kept(bench: Bench) -> None:
    for number in range(200):
        assert bench.notices.hear(f"192.0.2.{number}", inside(f"198.51.100.{number}")) == "unknown"
    assert not bench.notices._hurried
    assert not bench.notices._waiting


def test_authentication_failures_are_heard_and_poll_nobody(bench: Bench) -> None:
    datagram = v2_notification(kind="1.3.6.1.6.3.1.1.5.5")
    assert bench.notices.hear("10.1.2.3", read_notification(datagram, read_envelope(datagram))) == "ignored"
    assert bench.crew.hurried == []


def test_what_is_kept_is_bounded(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notices, "_PRINTERS_MAX", 3)
    for number in range(10):
        bench.notices.hear(f"10.1.2.{number}", TRAP)
    assert len(bench.notices._hurried) == 3


# --- with the crew itself ----------------------------------------------------------------------------------------------


@asynccontextmanager
async def whole(clock: FakeClock) -> AsyncIterator[tuple[PollBench, Notices]]:
    """The polling crew of tests/engine/test_poll.py, its printer found and read, and notices beside it on the same clock."""
    async with poll_bench(clock, wire=DeviceWire(recordings.load("colour-laser").rows)) as one:
        await one.find()
        await one.pass_seconds(30)

        async def turn(seconds: float) -> None:
            until_at = clock.monotonic() + seconds
            while clock.monotonic() < until_at:  # noqa: ASYNC110  a fake clock wakes nobody
                await asyncio.sleep(0)

        heard = Notices(one.poller, clock, sleep=turn)
        running = asyncio.create_task(heard.run())
        try:
            one.wire.asked.clear()
            yield one, heard
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def test_the_next_get_leaves_within_a_second_of_the_notification(clock: FakeClock) -> None:
    async with whole(clock) as (one, heard):
        await one.pass_seconds(5)
        assert one.wire.asked == []
        assert heard.hear(TARGET.address, TRAP) == "polled"
        await one.pass_seconds(1)
        assert any(kind == "get" for kind, _ in one.wire.asked)
        assert one.poller.status().results == {"ok": 2}


async def pass_in_steps(one: PollBench, seconds: int) -> None:
    """Let time go by a tenth of a second at a time: the bench itself leaps to the next poll it knows of."""
    for _ in range(10 * seconds):
        await one.pass_seconds(0.1)


async def test_one_that_is_coalesced_brings_a_get_within_ten_seconds(clock: FakeClock) -> None:
    async with whole(clock) as (one, heard):
        heard.hear(TARGET.address, TRAP)
        await pass_in_steps(one, 1)
        one.wire.asked.clear()
        for _ in range(20):
            assert heard.hear(TARGET.address, TRAP) == "coalesced"
        await pass_in_steps(one, 8)
        assert one.wire.asked == []
        await pass_in_steps(one, 2)
        assert any(kind == "get" for kind, _ in one.wire.asked)
        assert one.poller.status().results == {"ok": 3}
