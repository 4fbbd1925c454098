"""What a process remembers of devices saves work, and changes nothing of what comes of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AsyncExitStack
from datetime import timedelta
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import insert, select

from poller.central.devices import known, processing
from poller.central.devices.known import Account, Glance, Known, Memory, key_of, newest
from poller.central.devices.processing import Devices
from poller.central.store import devices as kept
from poller.central.store import personal as personals
from poller.central.store.inventory import account_key, device, device_event, device_name, sighting
from poller.model import Reading
from tests.central.stock import Stock, seen, stocked
from tests.fake_clock import START_UTC, FakeClock

HOUR = timedelta(hours=1)


def one_of(device: str, *, key: bytes = b"k") -> Known:
    return Known(key=key, device=device, agent="a", printer="p", at_utc=START_UTC)


# --- the memory ------------------------------------------------------------------------------------------------------------


def test_what_is_known_holds_while_nobody_else_moved_the_cursor() -> None:
    memory, account = Memory(), Account()
    account.add(one_of("d-1"))
    memory.put("acme", account, (START_UTC, 7))
    assert len(memory.take("acme", (START_UTC, 8))) == 0
    memory.put("acme", account, (START_UTC, 7))
    assert memory.take("acme", (START_UTC, 7)) is account
    assert len(memory.take("acme", (START_UTC, 7))) == 0  # a step that failed does not put it back


def test_of_a_device_the_last_word_is_known() -> None:
    account = Account()
    account.add(one_of("d-1", key=b"old"))
    account.add(one_of("d-1", key=b"new"))
    assert (len(account), list(account.by_key)) == (1, [b"new"])
    account.forget(["d-1", "d-2"])
    assert (len(account), account.by_key) == (0, {})


def test_the_account_that_was_quiet_longest_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "KNOWN_MAX", 2)
    memory = Memory()
    for name in ("a", "b", "c"):
        account = Account()
        account.add(one_of("d-1"))
        memory.put(name, account, (START_UTC, 1))
    assert [len(memory.take(name, (START_UTC, 1))) for name in ("a", "b", "c")] == [0, 1, 1]


def test_the_same_words_of_another_agent_or_site_are_another_thing() -> None:
    assert len({key_of("a", "b", b"{}"), key_of("a", "c", b"{}"), key_of("b", "b", b"{}"), key_of("a", "b", b"[]")}) == 4


def test_the_newest_counts_are_kept_whichever_reading_brought_them() -> None:
    one = one_of("d-1")
    glances = [Glance(one, START_UTC + hours * HOUR, counts) for hours, counts in ((2, {"total": 2}), (1, {"total": 1}), (3, {}))]
    assert newest(glances) == [Glance(one, START_UTC + 3 * HOUR, {"total": 2})]
    assert newest([Glance(one, START_UTC, {"total": 9})]) == []  # older than what is known: nothing


# --- what comes of it ------------------------------------------------------------------------------------------------------


async def test_a_known_device_is_touched_and_not_looked_at(
    tmp_path: Path, clock: FakeClock, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stocked(tmp_path, clock, database_url) as stock:
        await stock.process(seen(START_UTC, total=100))
        looked: list[object] = []
        monkeypatch.setattr(processing, "sighting_of", lambda *_, **__: looked.append(1))
        clock.advance(3600)
        await stock.process(seen(START_UTC + HOUR, total=117))
        (row,) = await stock.listed()
        assert (row["seen_utc"], row["counts"], looked) == (START_UTC + HOUR, {"total": 117}, [])
        clock.advance(7200)
        await stock.process(seen(START_UTC + 2 * HOUR))  # it did not say what it counted
        (row,) = await stock.listed()
        assert (row["seen_utc"], row["counts"], looked) == (START_UTC + 2 * HOUR, {"total": 117}, [])
        await stock.process(seen(START_UTC + 3 * HOUR, total=118, firmware="2"))
        assert looked == [1]


def mixed(random: Random, clock: FakeClock) -> Iterator[tuple[str, list[Reading]]]:
    """Yield batches of few devices, told of by two agents: boards moved, addresses taken over, readings late, double and silent."""
    for _ in range(40):
        clock.advance(random.choice((600, 14_400, 14_400, 90_000, 86_400 * 15)))
        readings = []
        for _ in range(random.randint(1, 6)):
            number = random.randrange(4)
            is_odd = random.random() < 0.3
            readings.append(
                seen(
                    clock.utc() - random.choice((0, 0, 0, 1, 30, 400)) * HOUR,
                    serial=None if is_odd and number == 3 else f"S{number}",
                    mac=f"0025b300000{random.randrange(4) if is_odd else number}",
                    address=f"192.0.2.{random.randrange(4) if is_odd else number}",
                    total=random.choice((None, random.randrange(10_000))),
                    hostname=random.choice((None, "prn")) if is_odd else "prn",
                )
            )
        yield random.choice(("a-hamburg", "a-hamburg", "a-berlin")), readings


async def everything(stock: Stock) -> dict[str, Any]:
    """Return all that is known of devices, but for what is random: keys of events."""
    async with stock.database.writing() as db:
        personal = await personals.open_account(db, stock.keys.store, "acme", now_utc=stock.clock.utc())
        ids = (await db.execute(select(device.c.device).order_by(device.c.device))).scalars()
        names = await db.execute(select(device_name.c.name, device_name.c.device).order_by(device_name.c.name))
        met = await db.execute(select(sighting.c.printer, sighting.c.device, sighting.c.first_utc, sighting.c.agent))
        events = await db.execute(select(device_event.c.device, device_event.c.kind, device_event.c.at_utc, device_event.c.other))
        return {
            "devices": await kept.load(db, "acme", ids, personal),
            "names": [tuple(row) for row in names],
            "sightings": sorted(tuple(row) for row in met),
            "events": sorted(map(repr, events)),
        }


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_with_and_without_memory_the_same_comes_of_the_same_readings(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, seed: int, processes: int
) -> None:
    clocks = FakeClock(), FakeClock()
    async with AsyncExitStack() as stack:
        (tmp_path / "keys").mkdir(mode=0o700)
        with_it = await stack.enter_async_context(stocked(tmp_path, clocks[0], database_url, tmp_path / "keys"))
        without = await stack.enter_async_context(stocked(tmp_path, clocks[1], f"sqlite:///{tmp_path / 'without.db'}", tmp_path / "keys"))
        wrapped = await copied_key(with_it, without)
        assert wrapped
        workers = [Devices(with_it.database, with_it.keys.store, clocks[0]) for _ in range(processes)]
        numbers = count(1), count(1)
        for step, ((agent, readings), (_, again)) in enumerate(zip(*(mixed(Random(seed), clock) for clock in clocks), strict=True)):
            for stock, told, number in ((with_it, readings, numbers[0]), (without, again, numbers[1])):
                monkeypatch.setattr(kept, "new_id", lambda number=number: f"d-{next(number):016x}")
                await stock.put(*told, agent=agent)
                worker = workers[step % processes] if stock is with_it else Devices(stock.database, stock.keys.store, stock.clock)
                assert await worker.process("acme") == 1
        assert await everything(with_it) == await everything(without)


async def copied_key(of: Stock, to: Stock) -> bytes:
    """Give account acme the same key in both stores, so that what is hashed under it is alike."""
    async with of.database.writing() as db:
        await personals.open_account(db, of.keys.store, "acme", now_utc=START_UTC)
        wrapped: bytes = (await db.execute(select(account_key.c.wrapped).where(account_key.c.account == "acme"))).scalar_one()
    async with to.database.writing() as db:
        await db.execute(insert(account_key).values(account="acme", wrapped=wrapped, made_utc=START_UTC))
    return wrapped
