"""What a person sees of messages and decides about them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from poller.central.office.administration import NotDoneError
from poller.central.office.exporting import Exporter
from poller.central.sending.faults import NotSentError, RefusedError, UnclearError
from poller.central.sending.mail import MailChannel
from poller.central.sending.outgoing import Outgoing
from poller.central.sending.post import post
from poller.central.sending.sender import Sender
from poller.central.store import agents, messages
from poller.central.store import personal as personals
from tests.central.sending.parcels import mail_of, mail_server, parcel
from tests.central.sending.posted import Scripted, put, states
from tests.central.stock import Stock, stocked
from tests.fake_clock import FakeClock


@pytest.fixture
async def stock(tmp_path: Path, clock: FakeClock, database_url: str) -> AsyncIterator[Stock]:
    async with stocked(tmp_path, clock, database_url) as one:
        yield one


@pytest.fixture
def done() -> list[str]:
    return []


@pytest.fixture
def outgoing(stock: Stock, done: list[str]) -> Outgoing:
    async def on_sent(db: AsyncConnection, account: str, of: str, at_utc: datetime) -> None:
        done.append(of)

    return Outgoing(stock.database, stock.keys.store, who="anna", on_sent=on_sent)


async def tried(stock: Stock, *faults: NotSentError) -> Scripted:
    """Have a parcel's mail end so."""
    await put(stock, parcel(), "mail")
    way = Scripted(*faults, "taken")
    await Sender(stock.database, stock.keys.store, stock.clock, {"mail": way}).send_due()
    return way


async def test_the_list_says_how_far_each_is_and_what_was_answered(stock: Stock, outgoing: Outgoing) -> None:
    await put(stock, parcel("p-2"), "csv", "webhook")
    stock.clock.advance(1)
    await tried(stock, RefusedError("smtp-550", "550 5.1.1 no such user"))
    found = await outgoing.list_("acme", now_utc=stock.clock.utc())
    assert [(row["parcel"], row["channel"], row["state"], row["tries"], row["error"], row["answer"]) for row in found] == [
        ("p-2", "webhook", "waiting", 1, "not-set-up", None),
        ("p-2", "csv", "waiting", 1, "not-set-up", None),
        ("p-1", "mail", "failed", 1, "smtp-550", "550 5.1.1 no such user"),
    ]
    assert all({"made_utc", "due_utc", "tried_utc", "sent_utc"} <= row.keys() and not {"personal", "lease"} & row.keys() for row in found)
    assert [row["parcel"] for row in await outgoing.list_("acme", parcel="p-1", now_utc=stock.clock.utc())] == ["p-1"]
    assert [row["parcel"] for row in await outgoing.list_("acme", states=("failed", "unclear"), now_utc=stock.clock.utc())] == ["p-1"]
    assert [row["parcel"] for row in await outgoing.list_("acme", rows_max=1, now_utc=stock.clock.utc())] == ["p-1"]
    with pytest.raises(NotDoneError, match="there is no account beta"):
        await outgoing.list_("beta", now_utc=stock.clock.utc())


@pytest.mark.parametrize("fault", [RefusedError("smtp-550"), UnclearError("cut")])
async def test_a_person_has_it_sent_again_and_that_is_written_down(stock: Stock, outgoing: Outgoing, fault: NotSentError) -> None:
    way = await tried(stock, fault)
    was = await outgoing.again("acme", "p-1", "mail", now_utc=stock.clock.utc())
    assert was == ("failed" if isinstance(fault, RefusedError) else "unclear")
    assert await Sender(stock.database, stock.keys.store, stock.clock, {"mail": way}).send_due() == 1
    assert await states(stock) == {("p-1", "mail"): "sent"}
    async with stock.database.reading() as db:
        (entry,) = await agents.audit_log(db, "acme", rows_max=1)
    assert (entry["who"], entry["what"], entry["subject"]) == ("anna", "message-again", "p-1 mail")


async def test_sent_again_by_a_person_it_is_the_same_mail(stock: Stock, outgoing: Outgoing) -> None:
    await put(stock, parcel(), "mail")
    async with mail_server(login=False) as mails:
        sender = Sender(stock.database, stock.keys.store, stock.clock, {"mail": MailChannel(mail_of(mails))})
        assert await sender.send_due() == 1
        stock.clock.advance(86_400)
        assert await outgoing.again("acme", "p-1", "mail", now_utc=stock.clock.utc()) == "sent"
        assert await sender.send_due() == 1
    assert mails.raw[0] == mails.raw[1]


async def test_a_week_begins_anew_when_a_person_has_it_sent_again(stock: Stock, outgoing: Outgoing) -> None:
    await tried(stock, RefusedError("smtp-550"))
    stock.clock.advance(30 * 86_400)
    await outgoing.again("acme", "p-1", "mail", now_utc=stock.clock.utc())
    (row,) = await outgoing.list_("acme", now_utc=stock.clock.utc())
    assert (row["state"], row["tries"], row["since_utc"], row["due_utc"]) == ("waiting", 0, stock.clock.utc(), stock.clock.utc())


async def test_a_person_says_that_it_arrived_and_the_parcel_is_sent(stock: Stock, outgoing: Outgoing, done: list[str]) -> None:
    way = await tried(stock, UnclearError("cut"))
    assert await outgoing.arrived("acme", "p-1", "mail", now_utc=stock.clock.utc()) == "unclear"
    assert (await states(stock), done) == ({("p-1", "mail"): "sent"}, ["p-1"])
    assert (await Sender(stock.database, stock.keys.store, stock.clock, {"mail": way}).send_due(), way.asked) == (0, 1)
    with pytest.raises(NotDoneError, match="is sent: nothing is to be decided"):
        await outgoing.arrived("acme", "p-1", "mail", now_utc=stock.clock.utc())


async def test_what_is_not_there_and_what_is_under_way_is_left_alone(stock: Stock, outgoing: Outgoing) -> None:
    with pytest.raises(NotDoneError, match="is not told over csv"):
        await outgoing.again("acme", "p-1", "csv", now_utc=stock.clock.utc())
    with pytest.raises(NotDoneError, match="is not told over csv"):
        await outgoing.arrived("acme", "p-1", "csv", now_utc=stock.clock.utc())
    await put(stock, parcel(), "csv")
    async with stock.database.writing() as db:
        personal = await personals.open_account(db, stock.keys.store, "acme", now_utc=stock.clock.utc())
        await messages.claim(db, messages.Key("acme", "p-1", "csv"), personal, now_utc=stock.clock.utc(), lease_seconds=60)
    with pytest.raises(NotDoneError, match="is being sent right now"):
        await outgoing.again("acme", "p-1", "csv", now_utc=stock.clock.utc())


async def test_messages_are_of_one_account(stock: Stock, outgoing: Outgoing) -> None:
    await stock.open_account("beta", sites=("rome",))
    await put(stock, parcel("p-1", "acme"), "csv")
    await put(stock, parcel("p-1", "beta", title="Beta"), "csv")
    assert [row["parcel"] for row in await outgoing.list_("beta", now_utc=stock.clock.utc())] == ["p-1"]
    way = Scripted("there")
    assert await Sender(stock.database, stock.keys.store, stock.clock, {"csv": way}).send_due() == 2


async def test_posting_needs_an_id_that_is_one(stock: Stock) -> None:
    async with stock.database.writing() as db:
        personal = await personals.open_account(db, stock.keys.store, "acme", now_utc=stock.clock.utc())
        with pytest.raises(ValueError, match="a parcel's id is"):
            await post(db, parcel("../p"), ("csv",), personal, now_utc=stock.clock.utc())
        await post(db, parcel(), (), personal, now_utc=stock.clock.utc())
    assert await states(stock) == {}


async def test_what_is_posted_is_undone_with_whoever_made_the_parcel(stock: Stock) -> None:
    async def fail() -> None:
        async with stock.database.writing() as db:
            personal = await personals.open_account(db, stock.keys.store, "acme", now_utc=stock.clock.utc())
            await post(db, parcel(), ("csv", "mail"), personal, now_utc=stock.clock.utc())
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    assert await states(stock) == {}


async def test_an_account_takes_its_messages_along(stock: Stock, tmp_path: Path) -> None:
    await tried(stock, RefusedError("smtp-550", "no such user"))
    await Exporter(stock.database, stock.keys, who="anna").export("acme", tmp_path / "out", now_utc=stock.clock.utc())
    written = (tmp_path / "out" / "message.ndjson").read_text()
    assert "Krimhild" in written and "no such user" in written and '"parcel": "p-1"' in written


async def test_what_was_sent_long_ago_is_forgotten_and_what_waits_is_not(stock: Stock) -> None:
    for number, channel in enumerate(("csv", "mail")):
        await put(stock, parcel(f"p-{number}"), channel)  # type: ignore[arg-type]
    await Sender(stock.database, stock.keys.store, stock.clock, {"csv": Scripted("there")}).send_due()
    assert await messages.prune(stock.database, stock.clock.utc()) == 0
    stock.clock.advance(1)
    assert await messages.prune(stock.database, stock.clock.utc()) == 1
    assert await states(stock) == {("p-1", "mail"): "waiting"}
