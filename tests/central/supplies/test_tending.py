"""What is due though no reading came, and parcels: made once, with what falls due soon, by whichever process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from poller.central.office.contracts import Contract
from poller.central.sending.sheet import is_parcel_id
from poller.central.store import requests as kept_requests
from poller.central.store import watched as kept
from poller.central.store.messages import message
from poller.central.store.requests import parcel
from poller.central.supplies import gathering
from poller.central.supplies.requestdesk import parcel_sent
from poller.central.supplies.tending import Tending
from tests.central.supplies.dealer import Dealer, dealing
from tests.central.supplies.firm import toner

QUARTER = 15 * 60.0


@pytest.fixture
async def dealer(tmp_path: Path, database_url: str) -> AsyncIterator[Dealer]:
    async with dealing(tmp_path, database_url, ("mail", "csv")) as one:
        yield one


async def messages(dealer: Dealer) -> list[tuple[str, str]]:
    async with dealer.database.reading() as db:
        return [(row.parcel, row.channel) for row in await db.execute(select(message).order_by(message.c.channel))]


async def parcels(dealer: Dealer) -> list[dict[str, Any]]:
    return await dealer.requests.parcels("acme")


async def test_a_silent_printer_is_asked_for_though_it_says_nothing(dealer: Dealer) -> None:
    await dealer.furnish()
    await dealer.device("A1")
    level = 0.9
    for _ in range(11):
        level -= 0.02
        await dealer.day({"A1": level})
    assert await dealer.rows() == []
    for _ in range(13):
        dealer.clock.advance(86400)
        await dealer.tend()
    assert len(await dealer.rows()) == 1


async def test_what_is_approved_goes_out_in_one_parcel_with_its_address(dealer: Dealer) -> None:
    await dealer.furnish()
    device = await dealer.device("A1")
    await dealer.office.assign("acme", device, {"inventory_number": "INV-7", "customer": "10007"}, now_utc=dealer.now_utc)
    await dealer.empty("A1")
    await dealer.tend()
    assert await parcels(dealer) == [], "it waits a quarter of an hour for others of its location"
    dealer.clock.advance(QUARTER)
    await dealer.tend()
    (row,) = await parcels(dealer)
    assert await messages(dealer) == [(row["parcel"], "csv"), (row["parcel"], "mail")]
    made = await dealer.requests.parcel("acme", row["parcel"], now_utc=dealer.now_utc)
    assert (made.title, made.customer, made.location, made.address, made.contact) == (
        *("Acme GmbH", "10007", "K-1", "Zeppelin-Allee 5", "Krimhild"),
    )
    (item,) = made.items
    assert (item.request, item.article, item.device, item.serial, item.inventory_number, item.room, item.rule) == (
        *(await dealer.one(), "T-1", device, "A1", "INV-7", "1.07", "forecast"),
    )
    assert item.empty_on is not None and item.empty_on > dealer.now_utc.date()
    assert (await dealer.states(), await dealer.shelf()) == (["approved"], {}), "until the channels have it"


async def test_when_every_channel_has_it_its_requests_are_sent(dealer: Dealer) -> None:
    await dealer.furnish()
    await dealer.device("A1")
    await dealer.empty("A1")
    dealer.clock.advance(QUARTER)
    await dealer.tend()
    (row,) = await parcels(dealer)
    for _ in range(2):  # told twice, done once
        async with dealer.database.writing() as db:
            await parcel_sent(db, "acme", row["parcel"], dealer.now_utc)
    assert (await dealer.states(), await dealer.shelf()) == (["sent"], {"T-1": (1, 0)})
    assert (await parcels(dealer))[0]["sent_utc"] == dealer.now_utc


async def test_a_parcel_takes_along_what_falls_due_soon(dealer: Dealer) -> None:
    await dealer.furnish(lead_days=3, bundle_days=20)
    await dealer.device("A1")
    await dealer.device("B2")
    first, second = 0.9, 0.9
    while not await dealer.rows():
        first, second = first - 0.04, second - 0.03
        await dealer.day({"A1": first, "B2": second})
    rules = sorted(row["rule"] for row in await dealer.rows())
    assert rules == ["bundle", "forecast"]
    dealer.clock.advance(QUARTER)
    await dealer.tend()
    (row,) = await parcels(dealer)
    assert len((await dealer.requests.parcel("acme", row["parcel"], now_utc=dealer.now_utc)).items) == 2


async def test_two_locations_are_two_parcels(dealer: Dealer) -> None:
    await dealer.furnish()
    await dealer.device("A1")
    await dealer.device("B2", location=None)
    level = 0.9
    while len(await dealer.rows()) < 2:
        level -= 0.04
        await dealer.day({"A1": level, "B2": level})
    dealer.clock.advance(QUARTER)
    await dealer.tend()
    assert sorted(row["place"] for row in await parcels(dealer)) == ["@hamburg", "K-1"]
    assert len(await messages(dealer)) == 4


async def test_several_processes_make_one_parcel(dealer: Dealer) -> None:
    await dealer.furnish()
    await dealer.device("A1")
    await dealer.empty("A1")
    dealer.clock.advance(QUARTER)
    others = [Tending(dealer.database, dealer.stock.keys.store, dealer.clock, ("mail",)) for _ in range(4)]
    await asyncio.gather(*(one.process_due() for one in others))
    await dealer.tend()
    assert (len(await parcels(dealer)), len(await messages(dealer))) == (1, 1)


STEPS = [(kept_requests, "add_parcel"), (gathering, "post"), (kept_requests, "change"), (kept_requests, "note"), (kept, "save_rhythm")]


@pytest.mark.parametrize("module, name", STEPS, ids=[name for _, name in STEPS])
async def test_a_parcel_that_is_cut_off_anywhere_is_made_once(
    dealer: Dealer, module: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await dealer.furnish()
    await dealer.device("A1")
    await dealer.empty("A1")
    dealer.clock.advance(QUARTER)
    with monkeypatch.context() as patch:

        async def break_off(*_: object, **__: object) -> None:
            raise RuntimeError("the power is gone")

        patch.setattr(module, name, break_off)
        with pytest.raises(RuntimeError, match="the power is gone"):
            await dealer.tending.process("acme")
    assert (await parcels(dealer), await messages(dealer)) == ([], [])
    await dealer.tending.process("acme")
    await dealer.tending.process("acme")
    assert (len(await parcels(dealer)), len(await messages(dealer))) == (1, 2)
    async with dealer.database.reading() as db:
        assert len((await db.execute(select(parcel))).all()) == 1


async def test_without_a_channel_what_is_approved_waits_for_a_person(dealer: Dealer) -> None:
    await dealer.furnish()
    await dealer.device("A1")
    await dealer.empty("A1")
    dealer.clock.advance(QUARTER)
    await Tending(dealer.database, dealer.stock.keys.store, dealer.clock).process("acme")
    assert (await parcels(dealer), await dealer.states()) == ([], ["approved"])
    (made,) = await dealer.requests.pack("acme", "K-1", now_utc=dealer.now_utc)
    assert await messages(dealer) == []
    (sent,) = await dealer.requests.sent("acme", made.id, tracking="0034", now_utc=dealer.now_utc)
    assert (sent["state"], sent["parcel"], await dealer.shelf()) == ("sent", made.id, {"T-1": (1, 0)})


async def test_an_article_that_is_entered_later_lets_the_request_go_on_by_itself(dealer: Dealer) -> None:
    await dealer.furnish()
    await dealer.device("A1")
    for day in range(20):
        dealer.clock.advance(86400)
        await dealer.take(dealer.reading("A1", toner(round(0.9 - 0.04 * day, 3), colour="cyan", key="1.9")))
    (row,) = await dealer.rows(supply="1.9")
    assert (row["state"], row["hold"]) == ("open", "clarify")
    await dealer.article("C-1", colour="cyan")
    dealer.clock.advance(QUARTER)
    await dealer.tend()
    (row,) = await dealer.rows(supply="1.9")
    assert (row["state"], row["article"]) == ("approved", "C-1")


async def test_a_contract_that_ends_stops_what_was_not_sent(dealer: Dealer) -> None:
    await dealer.furnish()
    device = await dealer.device("A1")
    await dealer.empty("A1")
    await dealer.office.end_contract("acme", device, ends=dealer.now_utc.date(), now_utc=dealer.now_utc)
    dealer.clock.advance(86400)
    await dealer.tend()
    assert await dealer.states() == ["open/contract"]
    again = Contract(begins=dealer.now_utc.date(), kind="full-service", supplies=("toner",))
    await dealer.office.set_contract("acme", device, again, now_utc=dealer.now_utc)
    dealer.clock.advance(4 * 3600)
    await dealer.tend()
    assert await dealer.states() == ["approved"]


async def test_a_contract_that_ends_stops_what_somebody_approved_before(dealer: Dealer) -> None:
    await dealer.furnish(approval="manual")
    device = await dealer.device("A1")
    await dealer.empty("A1")
    await dealer.requests.approve("acme", await dealer.one(), now_utc=dealer.now_utc)
    await dealer.office.end_contract("acme", device, ends=dealer.now_utc.date(), end_meter=None, now_utc=dealer.now_utc)
    dealer.clock.advance(86400)
    await dealer.tend()
    assert (await dealer.states(), await parcels(dealer)) == (["open/contract"], [])


async def test_a_device_that_was_swapped_gets_nothing_more(dealer: Dealer) -> None:
    await dealer.furnish()
    await dealer.device("A1")
    await dealer.device("B2", has_contract=False)
    await dealer.empty("A1", B2=0.9)
    await dealer.office.swap("acme", "A1", "B2", day=dealer.now_utc.date(), now_utc=dealer.now_utc)
    dealer.clock.advance(4 * 3600)
    await dealer.tend()
    assert await dealer.states() == ["cancelled"]
    dealer.clock.advance(QUARTER)
    await dealer.tend()
    assert await parcels(dealer) == []


async def test_a_device_that_moves_takes_its_request_along(dealer: Dealer) -> None:
    await dealer.furnish()
    device = await dealer.device("A1")
    await dealer.registers.set_location("acme", "K-2", {"address": "Weg 1"}, now_utc=dealer.now_utc)
    await dealer.shelves.set_stock("acme", "K-2", "T-1", 1, now_utc=dealer.now_utc)
    await dealer.empty("A1")
    assert await dealer.states() == ["approved"]
    await dealer.office.assign("acme", device, {"location": "K-2"}, now_utc=dealer.now_utc)
    dealer.clock.advance(4 * 3600)
    await dealer.tend()
    (row,) = await dealer.rows()
    assert (row["location"], row["state"], row["hold"]) == ("K-2", "open", "stock")


async def test_what_was_not_installed_sixty_days_later_is_a_task(dealer: Dealer) -> None:
    await dealer.furnish()
    await dealer.device("A1")
    await dealer.empty("A1")
    await dealer.requests.sent("acme", await dealer.one(), now_utc=dealer.now_utc)
    for _ in range(7):
        await dealer.day({"A1": dealer.level}, printed=0, days=9)
    (task,) = await dealer.requests.tasks("acme")
    assert (task["event"], task["request"], task["supply"]) == ("ask-customer", await dealer.one(), "1.1")
    await dealer.replace("A1")
    assert await dealer.requests.tasks("acme") == [], "it was installed: nobody has to be asked"


async def test_a_clock_that_ran_ahead_for_a_moment_stops_nothing(dealer: Dealer) -> None:
    await dealer.furnish()
    await dealer.device("A1")
    dealer.clock.jump(30 * 86400)
    await dealer.tend()
    dealer.clock.jump(-30 * 86400)
    async with dealer.database.reading() as db:
        assert await dealer.tending.accounts_due(db, is_looking_back=False) == ["acme"]


def test_a_parcel_has_an_id_that_messages_take() -> None:
    ids = {gathering.new_id() for _ in range(1000)}
    assert len(ids) == 1000 and all(map(is_parcel_id, ids))
