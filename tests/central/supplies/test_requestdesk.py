"""Requests by hand: every step with its history and its line in the audit log, and no step that there is not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from poller.central.office.administration import NotDoneError
from poller.central.sending.outgoing import Outgoing
from poller.central.sending.post import read_parcel
from poller.central.sending.sender import Begin, Sender
from poller.central.store.messages import Claim
from poller.central.supplies.parcels import Parcel
from poller.central.supplies.requestdesk import RequestDesk, parcel_sent
from tests.central.supplies.dealer import Dealer, dealing
from tests.central.supplies.firm import toner


@pytest.fixture
async def dealer(tmp_path: Path, database_url: str) -> AsyncIterator[Dealer]:
    async with dealing(tmp_path, database_url) as one:
        yield one


class Way:
    """A channel that takes everything: `told` is what it was told."""

    def __init__(self) -> None:
        self.told: list[Parcel] = []

    async def deliver(self, claim: Claim, begin: Begin) -> str:
        self.told.append(read_parcel(claim.body))
        return "taken"


async def asked(dealer: Dealer, **rules: Any) -> str:
    """Return the one request there is."""
    await dealer.furnish(**rules)
    await dealer.device("A1")
    await dealer.empty("A1")
    dealer.clock.advance(60)
    return await dealer.one()


async def test_a_request_goes_its_way_and_says_who_let_it(dealer: Dealer) -> None:
    name = await asked(dealer, approval="manual")
    desk = dealer.requests
    shown = [await desk.approve("acme", name, now_utc=dealer.now_utc)]
    dealer.clock.advance(60)
    shown += await desk.sent("acme", name, tracking="0034", now_utc=dealer.now_utc)
    dealer.clock.advance(60)
    shown.append(await desk.delivered("acme", name, now_utc=dealer.now_utc))
    dealer.clock.advance(60)
    shown.append(await desk.installed("acme", name, now_utc=dealer.now_utc))
    assert [one["state"] for one in shown] == ["approved", "sent", "delivered", "installed"]
    history = (await desk.show("acme", name))["history"]
    assert [(one["who"], one["before"], one["after"], one["hold"]) for one in history] == [
        ("poller", None, "open", "approval"),
        ("anna", "open", "approved", None),
        ("anna", "approved", "sent", None),
        ("anna", "sent", "delivered", None),
        ("anna", "delivered", "installed", None),
    ]
    log = [row["what"] for row in await dealer.registers.audit("acme") if row["what"].endswith("-request")]
    assert log == ["approve-request", "sent-request", "delivered-request", "installed-request"]
    assert await dealer.shelf() == {}


async def test_what_was_installed_by_a_persons_word_is_not_taken_from_the_shelf_twice(dealer: Dealer) -> None:
    name = await asked(dealer)
    await dealer.requests.sent("acme", name, now_utc=dealer.now_utc)
    await dealer.shelves.set_stock("acme", "K-1", "T-1", 1, now_utc=dealer.now_utc)
    await dealer.requests.installed("acme", name, now_utc=dealer.now_utc)
    assert await dealer.shelf() == {"T-1": (1, 1)}
    await dealer.replace("A1")
    assert await dealer.shelf() == {"T-1": (1, 1)}
    await dealer.empty("A1", begin=0.98)
    assert [row["number"] for row in await dealer.rows()] == [0, 1]


async def test_a_device_that_cannot_show_it_believes_the_person(dealer: Dealer) -> None:
    await dealer.furnish()
    await dealer.device("A1", level=None)
    for _ in range(10):
        await dealer.day({"A1": None})
    await dealer.day({"A1": None}, state="low")
    name = await dealer.one()
    assert (await dealer.rows())[0]["rule"] == "warning"
    await dealer.requests.sent("acme", name, now_utc=dealer.now_utc)
    dealer.clock.advance(60)
    await dealer.requests.installed("acme", name, now_utc=dealer.now_utc)
    for _ in range(10):
        await dealer.day({"A1": None})
    await dealer.day({"A1": None}, state="low")
    assert [(row["number"], row["state"]) for row in await dealer.rows()] == [(0, "installed"), (1, "approved")]


WRONG: list[tuple[Callable[[RequestDesk, str, Any], Awaitable[Any]], str]] = [
    (lambda desk, name, at: desk.delivered("acme", name, now_utc=at), "that is approved cannot become delivered; it can become: "),
    (lambda desk, name, at: desk.approve("acme", name, now_utc=at), "that is approved cannot become approved"),
    (lambda desk, name, at: desk.clarify("acme", name, "X", now_utc=at), "waits for no article: it is approved"),
    (lambda desk, name, at: desk.approve("acme", "q-none", now_utc=at), "has no request q-none; poller central request list acme"),
    (lambda desk, name, at: desk.sent("acme", "v-none", now_utc=at), "has no request v-none"),
    (lambda desk, name, at: desk.sent("acme", name, tracking="\n", now_utc=at), "tracking: want"),
    (lambda desk, name, at: desk.show("globex", name), "no account globex"),
    (lambda desk, name, at: desk.pack("acme", "K-9", now_utc=at), "nothing is approved for K-9"),
    (lambda desk, name, at: desk.parcel("acme", "v-none", now_utc=at), "has no parcel v-none"),
    (lambda desk, name, at: desk.ask("acme", "d-none", "1.1", now_utc=at), "device d-none is not known"),
    (lambda desk, name, at: desk.close_task("acme", "none", now_utc=at), "has no open task none"),
    (lambda desk, name, at: desk.cancel("acme", name, note="\0", now_utc=at), "note: want"),
]


@pytest.mark.parametrize("step, fault", WRONG, ids=[fault for _, fault in WRONG])
async def test_a_step_there_is_not_is_refused_with_what_could_be_done(
    dealer: Dealer, step: Callable[[RequestDesk, str, Any], Awaitable[Any]], fault: str
) -> None:
    name = await asked(dealer)
    before = await dealer.rows()
    with pytest.raises(NotDoneError, match=fault):
        await step(dealer.requests, name, dealer.now_utc)
    assert await dealer.rows() == before


async def test_what_was_cancelled_a_person_can_ask_for_again(dealer: Dealer) -> None:
    name = await asked(dealer)
    device = await dealer.id_of("A1")
    with pytest.raises(NotDoneError, match=f"request {name} for it is approved already"):
        await dealer.requests.ask("acme", device, "1.1", now_utc=dealer.now_utc)
    await dealer.requests.cancel("acme", name, note="not now", now_utc=dealer.now_utc)
    await dealer.day({"A1": dealer.level})
    assert await dealer.states() == ["cancelled"]
    with pytest.raises(NotDoneError, match=r"has no supply 7.7; it has 1.1"):
        await dealer.requests.ask("acme", device, "7.7", now_utc=dealer.now_utc)
    made = await dealer.requests.ask("acme", device, "1.1", now_utc=dealer.now_utc)
    assert (made["state"], made["attempt"], made["reason"]["rule"]) == ("approved", 1, "person")
    await dealer.replace("A1")
    assert await dealer.states() == ["cancelled", "installed"]


async def test_what_is_cancelled_is_taken_out_of_the_parcel_that_still_waits(tmp_path: Path, database_url: str) -> None:
    async with dealing(tmp_path, database_url, ["mail", "csv"]) as dealer:
        await dealer.furnish()
        for serial in ("A1", "A2"):
            await dealer.device(serial)
        for serial in ("A1", "A2"):
            await dealer.empty(serial)
        dealer.clock.advance(3600)
        await dealer.tending.process_due()
        first, second = [row["request"] for row in await dealer.rows()]
        csv = Way()
        await Sender(dealer.database, dealer.stock.keys.store, dealer.clock, {"csv": csv}).send_due()
        assert [{item.request for item in one.items} for one in csv.told] == [{first, second}]

        assert (await dealer.requests.cancel("acme", first, now_utc=dealer.now_utc))["told"] == ["csv"]
        mail = Way()
        dealer.clock.advance(7200)
        sender = Sender(dealer.database, dealer.stock.keys.store, dealer.clock, {"mail": mail}, on_sent=parcel_sent)
        await sender.send_due()
        assert [[item.request for item in one.items] for one in mail.told] == [[second]]
        assert [row["state"] for row in await dealer.rows()] == ["cancelled", "sent"]


async def test_a_parcel_with_nothing_left_in_it_is_not_told(tmp_path: Path, database_url: str) -> None:
    async with dealing(tmp_path, database_url, ["mail"]) as dealer:
        name = await asked(dealer)
        dealer.clock.advance(3600)
        await dealer.tending.process_due()
        assert (await dealer.requests.cancel("acme", name, now_utc=dealer.now_utc))["told"] == []
        mail = Way()
        await Sender(dealer.database, dealer.stock.keys.store, dealer.clock, {"mail": mail}).send_due()
        assert mail.told == []


async def test_what_a_person_sent_is_not_told_afterwards(tmp_path: Path, database_url: str) -> None:
    """The mail server was away, somebody packed by the list: told later, the warehouse would pack it once more."""
    async with dealing(tmp_path, database_url, ["mail"]) as dealer:
        await asked(dealer)
        dealer.clock.advance(3600)
        await dealer.tend()
        (row,) = await dealer.rows()
        await dealer.requests.sent("acme", row["parcel"], now_utc=dealer.now_utc)
        way = Way()
        await Sender(dealer.database, dealer.stock.keys.store, dealer.clock, {"mail": way}, on_sent=parcel_sent).send_due()
        assert way.told == []
        assert (await dealer.states(), await dealer.shelf()) == (["sent"], {"T-1": (1, 0)})


async def test_what_was_told_once_and_is_told_again_counts_as_told(tmp_path: Path, database_url: str) -> None:
    async with dealing(tmp_path, database_url, ["mail"]) as dealer:
        name = await asked(dealer)
        dealer.clock.advance(3600)
        await dealer.tend()
        await Sender(dealer.database, dealer.stock.keys.store, dealer.clock, {"mail": Way()}, on_sent=parcel_sent).send_due()
        (row,) = await dealer.rows()
        dealer.clock.advance(60)
        await Outgoing(dealer.database, dealer.stock.keys.store, who="anna").again("acme", row["parcel"], "mail", now_utc=dealer.now_utc)
        assert (await dealer.requests.cancel("acme", name, now_utc=dealer.now_utc))["told"] == ["mail"]


@pytest.mark.parametrize("step", ["installed", "cancel"])
async def test_what_a_person_does_with_an_old_request_is_the_answer_to_its_question(dealer: Dealer, step: str) -> None:
    name = await asked(dealer)
    await dealer.requests.sent("acme", name, now_utc=dealer.now_utc)
    await dealer.day({"A1": dealer.level}, days=61, idle=["A1"])
    assert [one["event"] for one in await dealer.requests.tasks("acme")] == ["ask-customer"]
    await getattr(dealer.requests, step)("acme", name, now_utc=dealer.now_utc)
    assert await dealer.requests.tasks("acme") == []


async def test_which_colour_is_a_task_and_the_answer_a_request(dealer: Dealer) -> None:
    await dealer.furnish()
    await dealer.article("C-1", colour="cyan")
    await dealer.device("A1", level=None)
    black, cyan = toner(None), toner(None, key="1.2", colour="cyan", part="C")
    for errors in ((), (), ("lowToner",), ("lowToner",)):
        dealer.clock.advance(86400)
        reading = dealer.reading("A1", black, cyan)
        await dealer.take(replace(reading, status=replace(reading.status, errors=errors)))
    (task,) = await dealer.requests.tasks("acme")
    assert (task["event"], task["choices"], await dealer.rows()) == ("which-colour", ["1.1", "1.2"], [])
    made = await dealer.requests.ask("acme", task["device"], "1.2", now_utc=dealer.now_utc)
    assert (made["article"], made["state"]) == ("C-1", "approved")
    assert await dealer.requests.tasks("acme") == []


async def test_a_task_can_be_closed_with_a_word(dealer: Dealer) -> None:
    name = await asked(dealer)
    await dealer.requests.sent("acme", name, now_utc=dealer.now_utc)
    for _ in range(7):
        await dealer.day({"A1": dealer.level}, printed=0, days=9)
    (task,) = await dealer.requests.tasks("acme")
    closed = await dealer.requests.close_task("acme", task["id"], note="is in the cupboard", now_utc=dealer.now_utc)
    assert (closed["closed_by"], closed["note"], await dealer.requests.tasks("acme")) == ("anna", "is in the cupboard", [])


async def test_requests_are_listed_by_state_site_and_location(dealer: Dealer) -> None:
    name = await asked(dealer)
    desk = dealer.requests
    assert [one["request"] for one in await desk.list_("acme", states=["approved"], site="hamburg", location="K-1")] == [name]
    assert (
        await desk.list_("acme", states=["sent"])
        == await desk.list_("acme", site="berlin")
        == await desk.list_("acme", location="K-2")
        == []
    )
    (one,) = await desk.list_("acme")
    assert (one["place"], one["device"], one["reason"]["rule"]) == ("K-1", await dealer.id_of("A1"), "forecast")


async def test_an_article_named_by_hand_lets_one_request_go_on(dealer: Dealer) -> None:
    await dealer.furnish()
    await dealer.device("A1")
    for day in range(20):
        dealer.clock.advance(86400)
        await dealer.take(dealer.reading("A1", toner(0.9), toner(round(0.9 - 0.04 * day, 3), colour="cyan", key="1.9", part="C")))
    name = await dealer.one(supply="1.9")
    with pytest.raises(NotDoneError, match="no article is known for it"):
        await dealer.requests.approve("acme", name, now_utc=dealer.now_utc)
    shown = await dealer.requests.clarify("acme", name, "C-77", now_utc=dealer.now_utc)
    assert (shown["state"], shown["article"]) == ("approved", "C-77")
