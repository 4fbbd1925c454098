"""From stored lines to devices: once, in any order, by several processes, cut off anywhere."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from poller.central.devices import processing
from poller.central.devices.processing import STEP_BATCHES, Devices
from poller.central.store import cursors
from poller.central.store import devices as kept
from poller.central.store.inventory import device, device_name
from poller.central.store.personal import open_account
from poller.central.values import Config
from poller.clock import SystemClock
from tests.central.running import running
from tests.central.stock import Stock, seen
from tests.fake_clock import FakeClock

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


async def test_a_reading_makes_a_device_that_is_unassigned(stock: Stock) -> None:
    assert await stock.process(seen(stock.clock.utc(), total=1000, range="first-floor")) == 1
    (one,) = await stock.listed()
    assert (one["state"], one["serial"], one["site"], one["range"], one["contract"]) == ("unassigned", "A1", "hamburg", "first-floor", None)
    assert (one["counts"], one["first_counts"], one["model"]) == ({"total": 1000}, {"total": 1000}, "L1")
    assert await stock.events() == ["new"]


async def test_what_is_in_the_devices_is_not_put_there_again(stock: Stock) -> None:
    await stock.process(seen(stock.clock.utc(), total=1))
    before = await stock.listed()
    assert await stock.process() == 0
    assert await stock.listed() == before
    assert await stock.events() == ["new"]


async def test_a_device_follows_its_readings(stock: Stock) -> None:
    now_utc = stock.clock.utc()
    await stock.process(seen(now_utc, total=1), seen(now_utc, serial="B2", mac="0025b3000002", total=5))
    stock.clock.advance(3600)
    await stock.process(seen(stock.clock.utc(), address="192.0.2.8", total=2, hostname="prn-7"))
    assert await stock.events() == ["new", "new", "address"]
    assert {str(one["serial"]): one["counts"] for one in await stock.listed()} == {"A1": {"total": 2}, "B2": {"total": 5}}


async def test_two_agents_at_one_device_are_one_device(stock: Stock) -> None:
    await stock.process(seen(stock.clock.utc(), total=1))
    await stock.process(seen(stock.clock.utc() + timedelta(minutes=5), address="10.0.0.7", total=1), agent="a-berlin")
    (one,) = await stock.listed()
    assert (one["site"], one["home"]) == ("hamburg", "a-hamburg")
    pairs = [("a-hamburg", "serial:11:A1"), ("a-berlin", "serial:11:A1"), ("a-berlin", "serial:11:ZZ")]
    counted = await stock.devices.counts_as("acme", pairs)
    assert counted == {pairs[0]: one["device"], pairs[1]: one["device"]}


async def test_a_device_that_moved_to_another_site_is_there_a_day_later(stock: Stock) -> None:
    await stock.process(seen(stock.clock.utc(), total=1))
    stock.clock.advance(25 * 3600)
    await stock.process(seen(stock.clock.utc(), address="10.0.0.7", total=1), agent="a-berlin")
    (one,) = await stock.listed()
    assert (one["site"], one["home"]) == ("berlin", "a-berlin")
    assert await stock.events() == ["new", "address", "site"]


async def test_a_late_batch_moves_nothing_back(stock: Stock) -> None:
    await stock.process(seen(stock.clock.utc(), total=9))
    await stock.process(seen(stock.clock.utc() - DAY, total=3, address="192.0.2.99"))
    (one,) = await stock.listed()
    assert one["counts"] == {"total": 9}
    assert await stock.events() == ["new"]


async def test_one_that_was_known_by_its_board_alone_and_its_serial_number_are_one(stock: Stock) -> None:
    await stock.process(seen(stock.clock.utc() - 2 * HOUR, serial=None, total=3))
    await stock.process(seen(stock.clock.utc() - HOUR, mac=None, total=4), agent="a-berlin")
    assert len(await stock.listed()) == 2
    await stock.process(seen(stock.clock.utc(), total=5), agent="a-berlin")
    by_state = {str(one["state"]): one for one in await stock.listed()}
    assert by_state.keys() == {"unassigned", "merged"}
    assert by_state["merged"]["part_of"] == by_state["unassigned"]["device"]
    assert by_state["unassigned"]["first_counts"] == {"total": 3}
    counted = await stock.devices.counts_as("acme", [("a-hamburg", "mac:0025b3000001"), ("a-berlin", "serial:11:A1")])
    assert set(counted.values()) == {by_state["unassigned"]["device"]}


async def test_all_of_that_in_one_batch_is_the_same(stock: Stock) -> None:
    now_utc = stock.clock.utc()
    await stock.process(seen(now_utc - 2 * HOUR, serial=None), seen(now_utc - HOUR, mac=None), seen(now_utc))
    assert sorted(str(one["state"]) for one in await stock.listed()) == ["merged", "unassigned"]


async def test_a_new_device_at_anothers_address_stands_in_its_place(stock: Stock) -> None:
    await stock.process(seen(stock.clock.utc() - DAY))
    await stock.process(seen(stock.clock.utc(), serial="B2", mac="0025b3000002"))
    assert await stock.events() == ["new", "in-place-of", "new"]


async def test_accounts_know_nothing_of_each_others_devices(stock: Stock) -> None:
    await stock.open_account("globex", ["oslo"])
    await stock.process(seen(stock.clock.utc(), total=1))
    await stock.process(seen(stock.clock.utc(), total=1), account="globex", agent="a-oslo")
    (mine,), (theirs,) = await stock.listed(), await stock.listed("globex")
    assert mine["device"] != theirs["device"]
    async with stock.database.reading() as db:
        found = await kept.elsewhere(db, names_max=10)
        names = list((await db.execute(select(device_name.c.name).order_by(device_name.c.name))).scalars())
    assert [(one["name"], one["account"]) for one in found] == [("serial:11:A1", "acme"), ("serial:11:A1", "globex")]
    assert len(set(names)) == 3, "one MAC address has another name in each account"


async def test_a_batch_that_was_committed_late_is_not_overlooked(stock: Stock) -> None:
    await stock.process(seen(stock.clock.utc(), total=1))
    await stock.put(seen(stock.clock.utc(), serial="B2", mac=None), ago=timedelta(minutes=59))
    assert await stock.devices.process_due(is_looking_back=True) == 1
    assert len(await stock.listed()) == 2


async def test_what_is_done_is_remembered_for_as_long_as_it_is_needed(stock: Stock) -> None:
    for _ in range(5):
        await stock.process(seen(stock.clock.utc(), total=1))
        stock.clock.advance(1800)
    done = cursors.devices.done
    async with stock.database.reading() as db:
        assert list((await db.execute(select(done.c.number).order_by(done.c.number))).scalars()) == [3, 4, 5]


async def test_what_receiving_calls_unreadable_is_of_no_device(stock: Stock) -> None:
    good = json.loads(msgspec.json.encode(seen(stock.clock.utc())))
    many = good | {"printer": good["printer"] | {"identities": [f"mac:{number:012x}" for number in range(33)]}}
    for bad in (good | {"schema": 2}, good | {"taken_at": "0001-01-01T00:00:00+14:00"}, many):
        await stock.process(json.dumps(bad).encode())
    assert await stock.listed() == []


@pytest.mark.parametrize("line", [b"garbage", b"[]", b'{"type":"event"}', b'{"type":"reading"}', b"\xff", b'{"a":' * 3000])
async def test_what_is_no_reading_is_passed_over(stock: Stock, line: bytes) -> None:
    assert await stock.process(line, seen(stock.clock.utc())) == 1
    assert len(await stock.listed()) == 1


async def test_hostile_texts_are_kept_short_and_without_nul(stock: Stock) -> None:
    reading = json.loads(msgspec.json.encode(seen(stock.clock.utc())))
    reading["printer"] |= {"model": "L\0" * 1000, "hostname": "x" * 9999, "serial": "\0"}
    await stock.process(json.dumps(reading).encode())
    (one,) = await stock.listed()
    assert one["model"] == "L" * 300


async def test_a_reading_from_the_future_is_taken_as_of_its_arrival_and_counts_nothing(stock: Stock) -> None:
    await stock.process(seen(stock.clock.utc() + 30 * DAY, total=7))
    (one,) = await stock.listed()
    assert (one["seen_utc"], one["counts"]) == (stock.clock.utc(), {})
    await stock.process(seen(stock.clock.utc() + HOUR / 10, total=8))
    assert (await stock.listed())[0]["counts"] == {"total": 8}


async def test_many_batches_are_many_steps_and_each_step_is_whole(stock: Stock, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(2 * STEP_BATCHES + 1):
        await stock.put(seen(stock.clock.utc(), serial=f"S{number}", mac=None, address=f"192.0.2.{number}"))
    with monkeypatch.context() as patch:

        async def break_off(*_: object) -> None:
            raise RuntimeError("the power is gone")

        patch.setattr(cursors.Cursor, "move", break_off)
        with pytest.raises(RuntimeError, match="the power is gone"):
            await stock.devices.process("acme")
    assert await stock.listed() == []
    assert await stock.devices.process("acme") == 2 * STEP_BATCHES + 1
    assert len(await stock.listed()) == 2 * STEP_BATCHES + 1


async def test_a_fault_of_ours_rests_one_account_and_no_other(
    stock: Stock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await stock.open_account("globex", ["oslo"])
    await stock.put(seen(stock.clock.utc()))
    await stock.put(seen(stock.clock.utc()), account="globex", agent="a-oslo")
    real = cursors.Cursor.move

    async def fail(self: cursors.Cursor, db: AsyncConnection, of: str, *rest: Any) -> None:
        if of == "acme":
            raise RuntimeError("ours")
        await real(self, db, of, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(cursors.Cursor, "move", fail)
        assert [await stock.devices.process_due() for _ in range(3)] == [1, 0, 0]
    assert [record.message for record in caplog.records].count("devices.failed") == 1
    assert (len(await stock.listed()), len(await stock.listed("globex"))) == (0, 1)
    stock.clock.advance(600)
    assert await stock.devices.process_due() == 1


async def test_several_processes_at_once_put_nothing_there_twice(stock: Stock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processing, "STEP_BATCHES", 2)
    for number in range(12):
        await stock.put(*(seen(stock.clock.utc(), serial=f"S{number}-{row}", mac=None) for row in range(3)))
    others = [Devices(stock.database, stock.keys.store, SystemClock()) for _ in range(3)]
    counts = await asyncio.gather(*(one.process("acme") for one in others))
    counts.append(await stock.devices.process("acme"))
    assert sum(counts) == 12
    assert len(await stock.listed()) == 36
    assert (await stock.events()).count("new") == 36


async def test_a_running_central_takes_what_arrives_into_its_devices(
    monkeypatch: pytest.MonkeyPatch, config: Config, clock: FakeClock
) -> None:
    monkeypatch.setattr(Devices, "EVERY_SECONDS", 0)
    async with running(config, clock) as central:
        await central.add_site()
        agent = await central.agent()
        answered = await agent.send(1, agent.batch(1, [msgspec.json.encode(seen(clock.utc(), total=5))]))
        assert answered.word == "stored"
        found: list[dict[str, object]] = []
        for _ in range(1000):
            async with central.database.reading() as db:
                found = await kept.find(db, "acme", day=clock.utc().date(), rows_max=10)
            if found:
                break
        assert [one["counts"] for one in found] == [{"total": 5}]


async def test_nothing_personal_is_in_clear(stock: Stock, tmp_path: Path) -> None:
    told = seen(stock.clock.utc(), mac="0025b3a1c2d4", address="10.11.12.13", hostname="prn-mueller", location="Zimmer Mueller")
    await stock.process(told)
    async with stock.database.reading() as db:
        rows = [*(await db.execute(select(device))).all(), *(await db.execute(select(device_name))).all()]
    shown = " ".join(str(row) for row in rows)
    assert [text for text in ("0025b3a1c2d4", "10.11.12.13", "mueller", "Mueller") if text in shown] == []
    async with stock.database.writing() as db:
        personal = await open_account(db, stock.keys.store, "acme", now_utc=stock.clock.utc())
        (one,) = (await kept.load(db, "acme", [str((await stock.listed())[0]["device"])], personal)).values()
    assert (one.mac, one.address, one.hostname, one.told_location) == ("0025b3a1c2d4", "10.11.12.13", "prn-mueller", "Zimmer Mueller")
