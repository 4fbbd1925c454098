"""From a stored reading to a request: once for a cartridge, whoever takes it in, in whatever order, cut off anywhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from poller.central.office.contracts import Contract
from poller.central.office.erasure import Erasure
from poller.central.store import devices as kept_devices
from poller.central.store import requests as kept_requests
from poller.central.store import watched as kept
from poller.central.store.requests import request
from poller.central.store.watched import watched
from poller.central.supplies.watching import Watching
from poller.central.supplies.yields import Part
from poller.clock import SystemClock
from tests.central.supplies.dealer import DAY, MORNING, Dealer, dealing
from tests.central.supplies.firm import toner


@pytest.fixture
async def dealer(tmp_path: Path, database_url: str) -> AsyncIterator[Dealer]:
    async with dealing(tmp_path, database_url) as one:
        yield one


async def test_a_supply_that_runs_low_is_asked_for_once_and_says_why(dealer: Dealer) -> None:
    await dealer.furnish()
    device = await dealer.device("A1")
    await dealer.empty("A1")
    for _ in range(5):
        await dealer.day({"A1": dealer.level})
    (row,) = await dealer.rows()
    assert (row["device"], row["supply"], row["number"], row["attempt"]) == (device, "1.1", 0, 0)
    assert (row["state"], row["hold"], row["article"], row["location"], row["site"]) == ("approved", None, "T-1", "K-1", "hamburg")
    assert row["rule"] == row["reason"]["rule"] == "forecast" and row["reason"]["days"] > 7
    assert await dealer.steps(row["request"]) == [(None, "approved")]


async def test_a_replacement_ends_the_request_and_the_next_cartridge_has_its_own(dealer: Dealer) -> None:
    await dealer.furnish()
    await dealer.device("A1")
    await dealer.empty("A1")
    await dealer.replace("A1")
    (row,) = await dealer.rows()
    assert (row["state"], row["was"], await dealer.events()) == ("installed", "approved", ["replaced", "early-change"])
    await dealer.empty("A1", begin=0.98)
    assert [(row["number"], row["state"]) for row in await dealer.rows()] == [(0, "installed"), (1, "approved")]


async def test_without_a_contract_nothing_is_asked_for_but_everything_is_known(dealer: Dealer) -> None:
    await dealer.furnish()
    device = await dealer.device("A1", has_contract=False)
    level = 0.9
    while level > 0.1:
        level -= 0.04
        await dealer.day({"A1": level})
    assert await dealer.rows() == []
    await dealer.office.set_contract("acme", device, contract("toner"), now_utc=dealer.now_utc)
    dealer.clock.advance(4 * 3600)
    await dealer.tend()
    assert await dealer.states() == ["approved"], "the forecast is there on the day it is assigned"


async def test_a_contract_without_the_kind_asks_for_nothing(dealer: Dealer) -> None:
    await dealer.furnish()
    await dealer.device("A1", "drum")
    with pytest.raises(AssertionError, match="nothing was asked for"):
        await dealer.empty("A1")


async def test_a_reading_of_another_agent_than_the_devices_home_counts_for_nothing(dealer: Dealer) -> None:
    await dealer.furnish()
    await dealer.device("A1")
    for _ in range(5):
        dealer.clock.advance(86400)
        both = dealer.reading("A1", toner(0.8))
        await dealer.take(both)
        await dealer.take(both, agent="a-berlin")
    assert (dealer.watching.counts["taken"], dealer.watching.counts["elsewhere"]) == (6, 5)


async def test_readings_are_taken_in_the_order_they_were_taken_in_and_late_ones_dropped(dealer: Dealer) -> None:
    await dealer.furnish()
    await dealer.device("A1")
    now_utc = dealer.now_utc
    batch = [dealer.reading("A1", toner(0.8 - number / 100), at_utc=now_utc + timedelta(minutes=number)) for number in range(1, 4)]
    await dealer.take(*reversed(batch))
    await dealer.take(batch[0])
    assert (dealer.watching.counts["taken"], dealer.watching.counts["late"]) == (4, 1)
    async with dealer.database.reading() as db:
        (one,) = (await kept.load(db, "acme", [await dealer.id_of("A1")])).values()
    assert one.taken_at == batch[-1].taken_at and one.supplies["1.1"].slot.cartridge.ratio == pytest.approx(0.77)


async def test_a_reading_that_a_wrong_clock_dated_is_not_used(dealer: Dealer) -> None:
    await dealer.furnish()
    await dealer.device("A1")
    dealer.clock.advance(3600)
    await dealer.take(dealer.reading("A1", toner(0.0), at_utc=dealer.now_utc + 3 * DAY))
    await dealer.take(dealer.reading("A1", toner(0.0), at_utc=dealer.now_utc - 900 * DAY))
    assert dealer.watching.counts["misdated"] == 2 and await dealer.rows() == []


async def test_a_batch_is_not_taken_before_the_devices_have_it(dealer: Dealer) -> None:
    await dealer.furnish()
    await dealer.stock.put(dealer.reading("A1", toner(0.5)))
    assert await dealer.watching.process("acme") == 0
    await dealer.stock.devices.process("acme")
    assert await dealer.watching.process("acme") == 1


async def test_a_device_may_say_anything(dealer: Dealer) -> None:
    await dealer.furnish()
    await dealer.device("A1")
    dealer.clock.advance(3600)
    odd = toner(0.0, key="1.2", part="T\0" * 999, colour="infra\0red" * 99, kind="toner")
    await dealer.take(dealer.reading("A1", odd, toner(0.5, key="\0"), toner(0.5, key="x" * 999), toner(0.2, key="1.3", kind="k" * 99)))
    (row,) = await dealer.rows()
    assert (row["supply"], row["state"], row["hold"], len(row["part_number"])) == ("1.2", "open", "clarify", 200)


async def test_two_processes_make_one_request(dealer: Dealer) -> None:
    await dealer.furnish()
    for number in range(6):
        await dealer.device(f"S{number}")
    for day in range(20):
        dealer.clock.advance(86400)
        for number in range(6):
            await dealer.stock.put(dealer.reading(f"S{number}", toner(round(0.9 - 0.04 * day, 3))))
    await dealer.stock.devices.process("acme")
    others = [Watching(dealer.database, dealer.stock.keys.store, SystemClock()) for _ in range(3)]
    counts = await asyncio.gather(*(one.process("acme") for one in others))
    counts.append(await dealer.watching.process("acme"))
    assert sum(counts) == 120
    rows = await dealer.rows()
    assert len(rows) == 6 and len({row["device"] for row in rows}) == 6


async def test_the_database_itself_has_one_request_for_a_cartridge(dealer: Dealer) -> None:
    await dealer.furnish()
    await dealer.device("A1")
    await dealer.empty("A1")
    (row,) = await dealer.rows()
    with pytest.raises(IntegrityError):
        async with dealer.database.writing() as db:
            await db.execute(insert(request).values(**row | {"request": "q-other"}))


STEPS = [
    (kept_requests, "pass_by"),
    (kept_requests, "add"),
    (kept_requests, "note"),
    (kept, "save"),
    (kept, "save_rhythm"),
    (kept, "teach"),
]


@pytest.mark.parametrize("module, name", STEPS, ids=[name for _, name in STEPS])
async def test_a_step_that_is_cut_off_anywhere_doubles_nothing(
    dealer: Dealer, module: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await dealer.furnish()
    await dealer.device("A1")
    for day in range(20):
        dealer.clock.advance(86400)
        await dealer.stock.put(dealer.reading("A1", toner(round(0.9 - 0.04 * day, 3))))
    await dealer.stock.devices.process("acme")
    with monkeypatch.context() as patch:

        async def break_off(*_: object, **__: object) -> None:
            raise RuntimeError("the power is gone")

        patch.setattr(module, name, break_off)
        with pytest.raises(RuntimeError, match="the power is gone"):
            await dealer.watching.process("acme")
    assert await dealer.rows() == []
    async with dealer.database.reading() as db:
        parts = await kept.yields(db)
    assert await dealer.watching.process("acme") == 20
    assert len(await dealer.rows()) == 1
    async with dealer.database.reading() as db:
        assert {part: one.samples for part, one in (await kept.yields(db)).items()} == {"TK-1": parts.get("TK-1", Part()).samples + 2}


async def test_what_is_known_of_a_device_that_was_lost_asks_for_nothing_again(dealer: Dealer) -> None:
    await dealer.furnish()
    device = await dealer.device("A1")
    await dealer.empty("A1")
    async with dealer.database.writing() as db:
        await kept.forget(db, "acme", [device])
    for _ in range(3):
        await dealer.day({"A1": 0.0})
    assert len(await dealer.rows()) == 1
    await dealer.replace("A1")
    assert await dealer.states() == ["installed"]


async def test_what_one_account_learned_another_knows_until_the_first_is_erased(dealer: Dealer) -> None:
    await dealer.furnish()
    await dealer.device("A1")
    await dealer.empty("A1")
    async with dealer.database.reading() as db:
        assert (await kept.yields(db))["TK-1"].levels[-1] == 900
    await Erasure(dealer.database, who="anna").erase("acme", now_utc=dealer.now_utc)
    async with dealer.database.reading() as db:
        assert await kept.yields(db) == {}
        assert (await db.execute(select(watched))).all() == []


async def test_a_device_that_turns_out_to_be_another_keeps_what_is_known_of_it(dealer: Dealer) -> None:
    await dealer.furnish()
    device = await dealer.device("A1")
    await dealer.empty("A1")
    other = await dealer.device("B2")
    async with dealer.database.writing() as db:  # as recognition does it, when one device has had two names
        await kept.forget(db, "acme", [other])
        await kept_devices.absorb(db, "acme", device, other)
        await kept_devices.change(db, "acme", device, state="merged", part_of=other)
    await dealer.day({"A1": dealer.level})
    (row,) = await dealer.rows()
    assert (row["device"], row["state"]) == (other, "approved")
    await dealer.replace("A1")
    assert await dealer.states() == ["installed"]


def contract(*supplies: str) -> Any:
    return Contract(begins=MORNING.date(), kind="full-service", supplies=supplies)
