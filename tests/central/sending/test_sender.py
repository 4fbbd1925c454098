"""The loop that sends, on both databases: once each, whatever happens, and nothing forgotten."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from poller.central.office.erasure import Erasure
from poller.central.sending import sender as module
from poller.central.sending.faults import PutOffError, RefusedError, UnclearError
from poller.central.sending.folder import FolderChannel
from poller.central.sending.mail import MailChannel
from poller.central.sending.sender import REST_SECONDS, TIMES, Begin, ChannelOf, Sender
from poller.central.sending.webhook import WebhookChannel
from poller.central.store import messages
from poller.central.store import personal as personals
from poller.central.store.database import Database, UnavailableError
from poller.central.store.messages import CHANNELS, Channel, Claim
from poller.logs import as_dict
from tests.central.sending.parcels import Receiver, mail_of, mail_server, parcel, receiver
from tests.central.sending.posted import Scripted, put, rows, states
from tests.central.stock import Stock, stocked
from tests.fake_clock import FakeClock

DAY_SECONDS = 86_400.0
Done = list[tuple[str, str]]


@pytest.fixture
async def stock(tmp_path: Path, clock: FakeClock, database_url: str) -> AsyncIterator[Stock]:
    async with stocked(tmp_path, clock, database_url) as one:
        one.keys.load()
        yield one


@pytest.fixture
def done() -> Done:
    """Account and parcel of each time it was told that all channels have one."""
    return []


@pytest.fixture
def tries() -> Counter[tuple[str, str]]:
    return Counter()


Make = Callable[..., Sender]


@pytest.fixture
def make(stock: Stock, done: Done, tries: Counter[tuple[str, str]]) -> Make:
    """Make a sender of some channels, on the stock's database or another."""

    async def on_sent(db: AsyncConnection, account: str, of: str, at_utc: datetime) -> None:
        done.append((account, of))

    def sender(database: Database | None = None, **ways: ChannelOf) -> Sender:
        return Sender(database or stock.database, stock.keys.store, stock.clock, ways, on_sent=on_sent, tries=tries)  # type: ignore[arg-type]

    return sender


# --- once ------------------------------------------------------------------------------------------------------------------


async def test_every_channel_gets_every_parcel_once(stock: Stock, make: Make, done: Done, tries: Counter[Any], tmp_path: Path) -> None:
    folder = tmp_path / "orders"
    folder.mkdir()
    async with mail_server(login=False) as mails, receiver() as hooks:
        ways = {"mail": MailChannel(mail_of(mails)), "webhook": WebhookChannel(hooks.hook(), stock.clock), "csv": FolderChannel(folder)}
        for number in (1, 2):
            await put(stock, parcel(f"p-{number}"))
            await put(stock, parcel(f"p-{number}", title="another"))  # the first one counts
        assert await make(**ways).send_due() == 6
        stock.clock.advance(30 * DAY_SECONDS)
        assert await make(**ways).send_due() == 0
    assert [mail["Subject"] for mail in mails.mails] == [f"Toneranforderung p-{n}: Müller & Söhne GmbH (K-100), L-7" for n in (1, 2)]
    assert hooks.ids == ['"p-1"', '"p-2"']
    assert sorted(path.name for path in folder.iterdir()) == ["p-1.csv", "p-2.csv"]
    assert sorted(done) == [("acme", "p-1"), ("acme", "p-2")]
    assert set((await states(stock)).values()) == {"sent"}
    assert dict(tries) == {(channel, "sent"): 2 for channel in CHANNELS}


async def test_a_receiver_that_is_down_for_a_day_gets_it_once_when_it_is_back(stock: Stock, make: Make, done: Done) -> None:
    hooks = Receiver()
    await hooks.start()
    await hooks.stop()
    sender = make(webhook=WebhookChannel(hooks.hook(), stock.clock))
    for number in range(3):
        await put(stock, parcel(f"p-{number}"), "webhook")
    for _ in range(24):
        assert await sender.send_due() == 0
        stock.clock.advance(DAY_SECONDS / 24)
    assert set((await states(stock)).values()) == {"waiting"}
    await hooks.start()
    try:
        for _ in range(4):
            await sender.send_due()
            stock.clock.advance(1800)
    finally:
        await hooks.stop()
    assert sorted(hooks.ids) == ['"p-0"', '"p-1"', '"p-2"']
    assert sorted(parcel_id for _, parcel_id in done) == ["p-0", "p-1", "p-2"]
    assert {row["error"] for row in (await rows(stock)).values()} == {None}


async def test_two_senders_on_one_database_send_each_message_once(stock: Stock, make: Make, done: Done, database_url: str) -> None:
    other = Database.open(database_url)
    try:
        async with receiver() as hooks, mail_server(login=False) as mails:
            for number in range(20):
                await put(stock, parcel(f"p-{number:02}"), "webhook", "mail")
            senders = [
                make(database, webhook=WebhookChannel(hooks.hook(), stock.clock), mail=MailChannel(mail_of(mails)))
                for database in (stock.database, other)
            ]
            assert sum(await asyncio.gather(*(sender.send_due() for sender in senders))) == 40
    finally:
        await other.close()
    assert Counter(hooks.ids) == Counter(f'"p-{number:02}"' for number in range(20))
    assert len({mail["Message-ID"] for mail in mails.mails}) == len(mails.mails) == 20
    assert sorted(done) == [("acme", f"p-{number:02}") for number in range(20)]


async def test_a_parcel_is_sent_when_the_last_channel_has_it(stock: Stock, make: Make, done: Done) -> None:
    await put(stock, parcel(), "webhook", "csv")
    sender = make(webhook=Scripted(PutOffError("http-503"), "taken"), csv=Scripted("there"))
    await sender.send_due()
    assert (await states(stock), done) == ({("p-1", "webhook"): "waiting", ("p-1", "csv"): "sent"}, [])
    stock.clock.advance(REST_SECONDS)
    await sender.send_due()
    assert done == [("acme", "p-1")]


async def test_what_is_told_by_the_last_channel_is_noted_with_it_or_not_at_all(stock: Stock, caplog: pytest.LogCaptureFixture) -> None:
    await put(stock, parcel(), "csv")
    told: list[str] = []

    async def on_sent(db: AsyncConnection, account: str, of: str, at_utc: datetime) -> None:
        told.append(of)
        if len(told) == 1:
            raise LookupError("a fault of ours about Krimhild")

    ways: dict[Channel, ChannelOf] = {"csv": Scripted("there")}
    sender = Sender(stock.database, stock.keys.store, stock.clock, ways, on_sent=on_sent)
    assert await sender.send_due() == 0
    assert (told, await states(stock)) == (["p-1"], {("p-1", "csv"): "sending"})
    assert [as_dict(record)["event"] for record in caplog.records] == ["message.fault"] and "Krimhild" not in caplog.text
    stock.clock.advance(TIMES["csv"].lease_seconds)
    assert await sender.send_due() == 1
    assert (told, await states(stock)) == (["p-1", "p-1"], {("p-1", "csv"): "sent"})


# --- put off, refused, given up --------------------------------------------------------------------------------------------


async def test_pauses_grow_and_after_a_week_it_is_given_up_and_shown(
    stock: Stock, make: Make, done: Done, tries: Counter[Any], caplog: pytest.LogCaptureFixture
) -> None:
    way = Scripted(PutOffError("http-503", "down for good"))
    sender = make(webhook=way)
    await put(stock, parcel(), "webhook")
    with caplog.at_level(logging.INFO, "poller"):
        for _ in range(8 * 6):
            await sender.send_due()
            stock.clock.advance(4 * 3600)
    row = (await rows(stock))["p-1", "webhook"]
    assert (row["state"], row["error"], row["answer"], row["due_utc"], row["sent_utc"]) == (
        "failed",
        "http-503",
        "down for good",
        None,
        None,
    )
    assert row["tried_utc"] - row["since_utc"] >= timedelta(days=7)
    assert way.asked == 7 * 6 + 1
    assert (tries["webhook", "failed"], done) == (1, [])
    said = [as_dict(record) for record in caplog.records]
    assert said[-1]["event"] == "message.failed" and said[-1]["parcel"] == "p-1" and said[-1]["error"] == "http-503"
    assert not any(word in str(said) for word in ("down for good", "Krimhild", "Müller", "example.com", "Große"))


@pytest.mark.parametrize("fault,state", [(RefusedError("smtp-550", "no such user"), "failed"), (UnclearError("cut"), "unclear")])
async def test_what_a_person_has_to_decide_is_not_tried_again(stock: Stock, make: Make, fault: Exception, state: str) -> None:
    way = Scripted(fault)
    await put(stock, parcel(), "mail")
    sender = make(mail=way)
    for _ in range(3):
        await sender.send_due()
        stock.clock.advance(DAY_SECONDS)
    assert (way.asked, await states(stock)) == (1, {("p-1", "mail"): state})


async def test_while_a_server_does_not_answer_the_others_do_not_try(stock: Stock, make: Make) -> None:
    way = Scripted(PutOffError("unreachable", for_all=True), "taken")
    sender = make(webhook=way)
    for number in range(3):
        await put(stock, parcel(f"p-{number}"), "webhook")
    assert (await sender.send_due(), way.asked) == (0, 1)
    assert (await sender.send_due(), way.asked) == (0, 1)
    stock.clock.advance(REST_SECONDS)
    assert await sender.send_due() == 3


async def test_a_message_that_is_refused_does_not_hold_up_the_next(stock: Stock, make: Make) -> None:
    way = Scripted(RefusedError("http-400"), PutOffError("http-404"), "taken")
    for number in range(3):
        await put(stock, parcel(f"p-{number}"), "webhook")
    assert await make(webhook=way).send_due() == 1
    assert sorted((await states(stock)).values()) == ["failed", "sent", "waiting"]


async def test_a_channel_that_is_not_set_up_here_waits_for_a_process_where_it_is(stock: Stock, make: Make) -> None:
    await put(stock, parcel(), "webhook")
    assert await make().send_due() == 0
    row = (await rows(stock))["p-1", "webhook"]
    assert (row["state"], row["error"]) == ("waiting", "not-set-up")
    stock.clock.advance(3600)
    assert await make(webhook=Scripted("taken")).send_due() == 1


async def test_a_slow_channel_does_not_hold_up_the_others(stock: Stock, make: Make) -> None:
    go_on = asyncio.Event()

    async def slow(claim: Claim, begin: Begin) -> str:
        await go_on.wait()
        return "at last"

    async def quick(claim: Claim, begin: Begin) -> str:
        await mail.is_asked.wait()
        return "there"

    mail, files = Scripted(slow), Scripted(quick)
    await put(stock, parcel(), "mail", "csv")
    await put(stock, parcel("p-2"), "csv")
    task = asyncio.create_task(make(mail=mail, csv=files).send_due())
    await mail.is_asked.wait()
    files.is_asked.clear()
    await files.is_asked.wait()  # the first, or the second file, while the mail still hangs
    assert mail.delivered == []
    go_on.set()
    assert await task == 3


async def test_a_channel_that_hangs_is_given_up(stock: Stock, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(module.TIMES, "webhook", TIMES["webhook"]._replace(budget_seconds=0.0))

    async def hang(claim: Claim, begin: Begin) -> str:
        await asyncio.Event().wait()
        return ""

    async def hang_while_it_counts(claim: Claim, begin: Begin) -> str:
        await begin()
        raise TimeoutError

    await put(stock, parcel(), "webhook", "mail")
    await make(webhook=Scripted(hang), mail=Scripted(hang_while_it_counts)).send_due()
    found = {channel: (row["state"], row["error"]) for (_, channel), row in (await rows(stock)).items()}
    assert found == {"webhook": ("waiting", "timeout"), "mail": ("unclear", "timeout")}


async def test_a_fault_of_ours_is_told_without_what_it_says_and_never_sends_twice(
    stock: Stock, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    async def fall(claim: Claim, begin: Begin) -> str:
        if claim.key.channel == "mail":
            await begin()
        raise LookupError(claim.body)

    await put(stock, parcel(), "webhook", "mail")
    await put(stock, parcel("p-2"), "csv")
    assert await make(webhook=Scripted(fall), mail=Scripted(fall), csv=Scripted("there")).send_due() == 1
    assert await states(stock) == {("p-1", "webhook"): "waiting", ("p-1", "mail"): "unclear", ("p-2", "csv"): "sent"}
    (one, other) = [as_dict(record) for record in caplog.records if as_dict(record)["event"] == "message.fault"]
    assert (one["kind"], str(one["at"]).partition(":")[0]) == ("LookupError", "test_sender.py")
    assert "Krimhild" not in caplog.text + str((one, other))


# --- leases ----------------------------------------------------------------------------------------------------------------


async def cut_off(stock: Stock, sender: Sender, way: Scripted) -> None:
    """Have a sender ended in the middle, as a killed process would be."""
    task = asyncio.create_task(sender.send_due())
    await way.is_asked.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("channel", CHANNELS)
async def test_what_was_cut_off_is_nobodys_until_its_lease_ends_and_is_then_sent(stock: Stock, make: Make, channel: Channel) -> None:
    async def stay(claim: Claim, begin: Begin) -> str:
        await asyncio.Event().wait()
        return ""

    await put(stock, parcel(), channel)
    first = Scripted(stay)
    await cut_off(stock, make(**{channel: first}), first)
    second = Scripted("taken")
    other = make(**{channel: second})
    stock.clock.advance(TIMES[channel].lease_seconds - 1)
    assert (await other.send_due(), second.asked) == (0, 0)
    stock.clock.advance(1)
    assert (await other.send_due(), second.asked) == (1, 1)
    assert (await rows(stock))["p-1", channel]["tries"] == 2


async def test_a_mail_that_was_cut_off_while_it_counted_is_unclear_and_never_sent_by_itself(
    stock: Stock, make: Make, done: Done, tries: Counter[Any]
) -> None:
    async def stay(claim: Claim, begin: Begin) -> str:
        await begin()
        first.begun.set()
        await asyncio.Event().wait()
        return ""

    class Began(Scripted):
        begun = asyncio.Event()

    await put(stock, parcel(), "mail")
    first = Began(stay)
    task = asyncio.create_task(make(mail=first).send_due())
    await first.begun.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    second = Scripted("taken")
    for _ in range(3):
        stock.clock.advance(TIMES["mail"].lease_seconds)
        assert await make(mail=second).send_due() == 0
    row = (await rows(stock))["p-1", "mail"]
    assert (row["state"], row["error"], second.asked, done) == ("unclear", "interrupted", 0, [])
    assert tries["mail", "unclear"] == 1


async def test_who_was_held_up_longer_than_its_lease_may_not_begin_any_more(stock: Stock, make: Make) -> None:
    """A machine that was suspended: when it wakes, somebody else has the message."""
    may_go_on = asyncio.Event()

    async def held_up(claim: Claim, begin: Begin) -> str:
        await may_go_on.wait()
        await begin()
        return "twice"

    await put(stock, parcel(), "mail")
    late = Scripted(held_up)
    task = asyncio.create_task(make(mail=late).send_due())
    await late.is_asked.wait()
    stock.clock.advance(TIMES["mail"].lease_seconds)
    assert await make(mail=Scripted("once")).send_due() == 1
    may_go_on.set()
    assert await task == 0
    row = (await rows(stock))["p-1", "mail"]
    assert (late.delivered, row["state"], row["answer"]) == ([], "sent", "once")


async def test_who_was_slow_but_hears_a_yes_after_all_clears_it_up(stock: Stock, make: Make, done: Done) -> None:
    may_go_on = asyncio.Event()

    async def slow(claim: Claim, begin: Begin) -> str:
        await begin()
        begun.set()
        await may_go_on.wait()
        return "taken"

    begun = asyncio.Event()
    await put(stock, parcel(), "mail")
    task = asyncio.create_task(make(mail=Scripted(slow)).send_due())
    await begun.wait()
    stock.clock.advance(TIMES["mail"].lease_seconds)
    await make(mail=Scripted("never")).send_due()
    assert await states(stock) == {("p-1", "mail"): "unclear"}
    may_go_on.set()
    assert await task == 1
    assert (await states(stock), done) == ({("p-1", "mail"): "sent"}, [("acme", "p-1")])


# --- the database, the keys ------------------------------------------------------------------------------------------------


class Shaky(Database):
    """The stock's database, which now and then is not there: at the questions and transactions with these numbers."""

    def __init__(self, database: Database, *, reads: frozenset[int] = frozenset(), writes: frozenset[int] = frozenset()) -> None:
        self._database, self._gone_at = database, {"read": reads, "write": writes}
        self.asked: Counter[str] = Counter()

    def _ask(self, what: str) -> None:
        self.asked[what] += 1
        if self.asked[what] in self._gone_at[what]:
            raise UnavailableError("gone")

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        self._ask("read")
        async with self._database.reading() as db:
            yield db

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        self._ask("write")
        async with self._database.writing() as db:
            yield db


async def test_a_database_that_is_gone_for_a_moment_hears_of_it_afterwards(
    stock: Stock, make: Make, done: Done, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "NOTE_AGAIN_SECONDS", (0.0, 0.0, 0.0))
    way = Scripted("taken")
    await put(stock, parcel(), "webhook")
    shaky = Shaky(stock.database, writes=frozenset({2, 3, 4}))  # the first is the claim
    assert await make(shaky, webhook=way).send_due() == 1
    assert (way.asked, shaky.asked["write"], await states(stock), len(done)) == (1, 5, {("p-1", "webhook"): "sent"}, 1)


async def test_a_database_that_stays_away_is_said_and_the_lease_does_the_rest(
    stock: Stock, make: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "NOTE_AGAIN_SECONDS", (0.0, 0.0))
    await put(stock, parcel(), "webhook")
    await make(Shaky(stock.database, writes=frozenset({2, 3, 4})), webhook=Scripted("taken")).send_due()
    assert [as_dict(record)["event"] for record in caplog.records if record.levelno >= logging.ERROR] == ["message.not_noted"]
    assert await states(stock) == {("p-1", "webhook"): "sending"}
    stock.clock.advance(TIMES["webhook"].lease_seconds)
    assert await make(webhook=Scripted("taken before")).send_due() == 1


async def test_a_mail_that_cannot_be_noted_as_begun_is_not_handed_over(stock: Stock, make: Make) -> None:
    await put(stock, parcel(), "mail")
    async with mail_server(login=False) as mails:
        sender = make(Shaky(stock.database, writes=frozenset({2})), mail=MailChannel(mail_of(mails)))
        assert await sender.send_due() == 0
        assert (mails.mails, (await rows(stock))["p-1", "mail"]["error"]) == ([], "database")
        stock.clock.advance(60)
        assert await sender.send_due() == 1
    assert len(mails.mails) == 1


async def test_an_account_under_another_key_does_not_hold_up_the_others(stock: Stock, make: Make, caplog: pytest.LogCaptureFixture) -> None:
    await stock.open_account("beta", sites=("rome",))
    await put(stock, parcel(), "csv")
    await put(stock, parcel("p-3"), "csv")
    await put(stock, parcel("p-2", "beta"), "csv")
    async with stock.database.writing() as db:
        await db.exec_driver_sql(
            "UPDATE account_key SET wrapped = (SELECT wrapped FROM account_key WHERE account = 'beta') WHERE account = 'acme'"
        )
    way = Scripted("there")
    sender = make(csv=way)
    assert [await sender.send_due() for _ in range(2)] == [1, 0]
    assert way.delivered == ["p-2"]
    assert [as_dict(record)["event"] for record in caplog.records if record.levelno >= logging.ERROR] == ["messages.key_refused"]


async def test_an_account_that_was_erased_is_told_to_nobody(stock: Stock, make: Make) -> None:
    await put(stock, parcel(), "csv")
    await Erasure(stock.database, who="anna").erase("acme", now_utc=stock.clock.utc())
    way = Scripted("there")
    assert (await make(csv=way).send_due(), way.asked) == (0, 0)


async def test_a_parcel_made_by_a_later_version_waits_for_it(stock: Stock, make: Make, tmp_path: Path) -> None:
    async with stock.database.writing() as db:
        personal = await personals.open_account(db, stock.keys.store, "acme", now_utc=stock.clock.utc())
        await messages.add(db, [messages.Key("acme", "p-9", "csv")], '{"id":9}', personal, now_utc=stock.clock.utc())
    assert await make(csv=FolderChannel(tmp_path)).send_due() == 0
    assert (await rows(stock))["p-9", "csv"]["error"] == "fault"


async def test_nobody_who_has_the_database_reads_a_name_in_it(stock: Stock, make: Make, tmp_path: Path) -> None:
    await put(stock, parcel(), "mail")
    await make(mail=Scripted(PutOffError("smtp-451", "krimhild@example.com is greylisted"))).send_due()
    async with stock.database.reading() as db:
        (row,) = (await db.exec_driver_sql("SELECT * FROM message")).mappings()
    for mark in ("Krimhild", "krimhild@", "Müller", "Große", "greylisted"):
        assert mark.encode() not in row["personal"] and mark not in str({**row, "personal": None})


async def test_it_stops_between_two_messages(stock: Stock, make: Make) -> None:
    stop = asyncio.Event()

    async def last(claim: Claim, begin: Begin) -> str:
        stop.set()
        return "taken"

    way = Scripted(last)
    for number in range(5):
        await put(stock, parcel(f"p-{number}"), "webhook")
    await make(webhook=way).run(stop)
    assert (way.asked, sorted((await states(stock)).values())) == (1, ["sent", *["waiting"] * 4])


async def test_a_database_that_does_not_answer_is_asked_again(stock: Stock, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EVERY_SECONDS", 0.0)
    sent, stop = asyncio.Event(), asyncio.Event()

    async def take(claim: Claim, begin: Begin) -> str:
        sent.set()
        return "taken"

    await put(stock, parcel(), "webhook")
    running = asyncio.create_task(make(Shaky(stock.database, reads=frozenset(range(1, 7))), webhook=Scripted(take)).run(stop))
    await sent.wait()
    stop.set()
    await running
    assert await states(stock) == {("p-1", "webhook"): "sent"}
