"""When the next sweep begins: a table of times, and the loop that waits for it with nothing to sweep."""

from __future__ import annotations

import asyncio
import time as clock_time
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta

import pytest

from poller.config import Config, load
from poller.engine.dating import Dating
from poller.engine.fleet import Fleet
from poller.engine.journal import Journal
from poller.engine.poll import Poller
from poller.engine.rhythm import Rhythm
from poller.engine.roster import Roster
from poller.ipp.client import IppClient
from poller.reach import Reach
from poller.snmp.socket import SnmpSocket
from poller.sweeping import Sweeping, next_sweep_utc
from tests.fake_clock import START_UTC, FakeClock


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    clock_time.tzset()
    yield
    monkeypatch.undo()
    clock_time.tzset()


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


@pytest.mark.usefixtures("berlin")
@pytest.mark.parametrize(
    "now_utc, at, due_utc",
    [
        (utc(2026, 11, 20, 6), time(10), utc(2026, 11, 20, 9)),
        (utc(2026, 11, 20, 9), time(10), utc(2026, 11, 21, 9)),  # it is just over
        (utc(2026, 11, 20, 23, 30), time(0, 15), utc(2026, 11, 21, 23, 15)),  # 00:30 there
        (utc(2026, 7, 1, 6), time(10), utc(2026, 7, 1, 8)),
        (utc(2026, 3, 28, 12), time(10), utc(2026, 3, 29, 8)),  # the night clocks are set forward
        (utc(2026, 10, 24, 12), time(10), utc(2026, 10, 25, 9)),  # and back
        (utc(1970, 1, 1), time(10), utc(1970, 1, 1, 9)),
    ],
)
def test_a_daily_sweep_begins_at_its_time_of_day_here(now_utc: datetime, at: time, due_utc: datetime) -> None:
    assert next_sweep_utc(now_utc, at=at, every_seconds=None) == due_utc


def test_one_that_comes_so_often_begins_that_long_from_now() -> None:
    now_utc = utc(2026, 11, 20, 6)
    assert next_sweep_utc(now_utc, at=None, every_seconds=900.0) == now_utc + timedelta(minutes=15)


# --- the loop, with real parts and nobody to ask ---


def config(**environ: str) -> Config:
    return load(None, environ)


def sweeping(clock: FakeClock, of: Config) -> Sweeping:
    wire, roster = SnmpSocket(timeout_seconds=1.0, retries=0), Roster()
    fleet = Fleet(clock, site=None, stale_after_seconds=60, forget_after_seconds=60)
    return Sweeping(
        of,
        Reach(of),
        wire=wire,
        ipp=IppClient(()),
        roster=roster,
        poller=Poller(wire, fleet, clock, roster=roster, rhythm=Rhythm(), workers=1, rows_max=100),
        journal=Journal(clock),
        clock=clock,
        dating=Dating(clock, is_synchronised=lambda: True),
    )


async def turns() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


async def test_without_a_range_the_time_of_the_next_sweep_goes_by_and_another_one_comes(clock: FakeClock) -> None:
    one = sweeping(clock, config(POLLER_SWEEP_EVERY="1h"))
    task = asyncio.create_task(one.run())
    await turns()
    assert one.next_utc == START_UTC + timedelta(hours=1)
    clock.advance(5000)
    one.take_step(is_believed_now=False)
    await turns()
    assert one.next_utc == START_UTC + timedelta(seconds=5000 + 3600)
    other = config(POLLER_SWEEP_EVERY="2h")
    one.configure(other, Reach(other))
    await turns()
    assert one.next_utc == START_UTC + timedelta(seconds=5000 + 7200)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_from_when_the_clock_is_believed_the_time_to_the_next_sweep_counts_from_the_last_one(clock: FakeClock) -> None:
    one = sweeping(clock, config(POLLER_SWEEP_EVERY="1h"))
    task = asyncio.create_task(one.run())
    await turns()
    clock.advance(600)
    clock.jump(86_400 * 20_000)
    one.take_step(is_believed_now=True)
    await turns()
    assert one.next_utc == clock.utc() + timedelta(minutes=50)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
