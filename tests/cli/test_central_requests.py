"""`poller central request|stock|task …`, `account set`, `site set|live`: typed, and what is seen.

The database is a real one, in which readings led to what there is: A1 ran low and was asked for while its site was in trial; C3 has said
"toner low" without saying of which colour.
"""

from __future__ import annotations

import asyncio
import csv
import json
import re
import shutil
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from poller.central.config import load
from poller.central.keys import Keys
from poller.central.office.contracts import Contract
from poller.central.sending.post import post
from poller.central.store import messages
from poller.central.store import personal as personals
from poller.central.store.database import Database
from poller.clock import SystemClock
from poller.model import Status
from tests.central.paper.pdf import read
from tests.central.stock import Stock
from tests.central.supplies.dealer import Dealer
from tests.central.supplies.firm import toner
from tests.cli.central_shell import Shell, fill
from tests.fake_clock import FakeClock


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the database and its keys; two weeks of readings, the last of them some days ago."""
    folder = tmp_path_factory.mktemp("stored")
    evening = (SystemClock().utc() - timedelta(days=18)).replace(hour=18, minute=0, second=0, microsecond=0)
    clock = FakeClock(evening - timedelta(days=evening.weekday()))  # a Monday, so that it takes the same days whenever it is run

    async def put(stock: Stock) -> None:
        dealer = Dealer(stock, clock)
        await dealer.furnish(is_live=False)
        colours = [toner(None, key=f"1.{number}", colour=colour) for number, colour in enumerate(("black", "cyan"), 1)]
        await dealer.take(*(dealer.reading(serial, toner(0.9)) for serial in ("A1", "B2")), dealer.reading("C3", *colours))
        contract = Contract(begins=clock.utc().date(), kind="full-service", supplies=("toner",))
        for serial in ("A1", "B2", "C3"):
            name = await dealer.id_of(serial)
            await dealer.office.assign("acme", name, {"location": "K-1"}, now_utc=clock.utc())
            await dealer.office.set_contract("acme", name, contract, now_utc=clock.utc())
        for _ in range(2):
            clock.advance(3600)
            low = msgspec.structs.replace(dealer.reading("C3", *colours), status=Status(errors=("lowToner",)))
            await dealer.take(low)
        for day in range(1, 15):
            if not await dealer.rows():
                await dealer.day({"A1": 0.9 - 0.06 * day, "B2": 0.9})
        assert await dealer.states() == ["open/trial"]

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        fill(folder, clock, put)
    return folder


@pytest.fixture
def run(shell: Shell, folder: Path, stored: Path) -> Shell:
    """The stored database, for this test alone."""
    shutil.copytree(stored, folder, dirs_exist_ok=True)
    return shell


@pytest.fixture
def name(run: Shell) -> str:
    """The request for A1, by now live and approved."""
    run("site", "live", "acme", "hamburg")
    return str(one(run, "request", "list", "acme")["request"])


def one(run: Shell, *arguments: str) -> dict[str, Any]:
    """Return the one thing a verb tells programs."""
    (row,) = run.rows(*arguments)
    return row


# --- from trial to installed -----------------------------------------------------------------------------------------------


def test_a_request_from_trial_to_installed(run: Shell) -> None:
    row = one(run, "request", "list", "acme")
    assert (row["state"], row["hold"], row["article"], row["model"], row["serial"]) == ("open", "trial", "T-1", "L1", "A1")
    name = row["request"]
    assert "its site is in trial; poller central site live" in run("request", "approve", "acme", name, code=1)[1]
    assert run("site", "live", "acme", "hamburg")[0] == "acme/hamburg is live; requests shown before: 1 approved\n"
    assert one(run, "request", "pack", "acme", "K-1")["requests"] == [name]
    (parcel,) = [one["parcel"] for one in run.rows("request", "parcels", "acme")]
    assert one(run, "request", "sent", "acme", parcel, "--tracking", "X1")["state"] == "sent"
    assert one(run, "stock", "list", "acme") == {"place": "K-1", "article": "T-1", "pieces": 1, "free": 0}
    assert run("request", "delivered", "acme", parcel, "--tracking", "X1")[0] == f"request {name} is delivered\n"
    assert f"nothing of parcel {parcel} is left to be delivered" in run("request", "delivered", "acme", parcel, code=1)[1]
    assert one(run, "request", "installed", "acme", name)["state"] == "installed"
    assert run.rows("request", "list", "acme") == []
    assert one(run, "request", "list", "acme", "--state", "installed,cancelled")["request"] == name
    assert [one["what"] for one in run.rows("stock", "history", "acme", "K-1")] == ["sent", "installed"]
    told = ["go-live", "make-parcel", "sent-request", "delivered-request", "installed-request"]
    assert [one["what"] for one in run.rows("audit", "acme")][-5:] == told


def test_what_is_on_the_shelf_before_going_live_serves_what_was_shown(run: Shell) -> None:
    assert run("stock", "set", "acme", "K-1", "T-1", "1", "--note", "counted")[0] == "1 of T-1 at K-1, 1 of them free\n"
    assert one(run, "site", "live", "acme", "hamburg")["requests"] == {"stock": 1}
    row = one(run, "request", "list", "acme")
    assert (row["state"], row["hold"]) == ("open", "stock")
    assert one(run, "request", "approve", "acme", row["request"])["state"] == "approved"


def test_tables_show_ids_unbroken_and_say_what_a_request_waits_for(run: Shell) -> None:
    name = one(run, "request", "list", "acme")["request"]
    table = run("request", "list")[0]
    assert name in table
    assert {"open:", "trial", "Black", "T-1", "A1"} <= set(table.split())
    shown, _ = run("request", "show", "acme", name)
    assert "rule: forecast" in shown
    assert "supply: Black toner, 1.1 in its readings" in shown
    assert "chance of being late:" in shown
    (step,) = one(run, "request", "show", "acme", name)["history"]
    assert (step["before"], step["after"], step["hold"]) == (None, "open", "trial")


def test_requests_of_one_place_and_no_more_than_asked_for(run: Shell) -> None:
    assert run.rows("request", "list", "acme", "--site", "berlin") == []
    assert len(run.rows("request", "list", "acme", "--location", "K-1")) == 1
    run("site", "live", "acme", "hamburg")
    run("request", "new", "acme", "B2", "1.1")
    out, err = run("request", "list", "--limit", "1", "--json")
    assert len(out.splitlines()) == 1
    assert err == "acme: the newest 1 only: there are more; narrow it down, or give --limit\n"


@pytest.mark.parametrize(("words", "fault"), [(("acme",), "account acme has no site oslo"), ((), "no account has a site oslo")])
def test_a_site_that_is_not_there_is_named_and_no_empty_list(run: Shell, words: tuple[str, ...], fault: str) -> None:
    out, err = run("request", "list", *words, "--site", "oslo", code=1)
    assert (out, fault in err) == ("", True)


def test_programs_get_times_as_readings_have_them(run: Shell) -> None:
    out, _ = run("request", "list", "acme", "--json")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", json.loads(out)["decided_at"])


def test_a_sheet_of_requests_has_no_formulas(run: Shell, folder: Path) -> None:
    with closing(sqlite3.connect(folder / load(None, {}).database.url.reveal().removeprefix("sqlite:///"))) as db:
        db.execute("UPDATE device SET model = '=cmd()'")
        db.commit()
    out, err = run("request", "list", "--csv", "requests.csv")
    assert (out, err) == ("", "requests in requests.csv: 1\n")
    (row,) = csv.DictReader((folder / "requests.csv").read_text("utf-8-sig").splitlines())
    assert (row["model"], row["serial"], row["state"], row["hold"], row["rule"]) == ("'=cmd()", "A1", "open", "trial", "forecast")
    assert "--force replaces it" in run("request", "list", "--csv", "requests.csv", code=2)[1]
    run("request", "list", "--csv", "requests.csv", "--force")


# --- several at once -------------------------------------------------------------------------------------------------------


def test_of_several_each_stands_for_itself_and_what_cannot_be_done_is_named(run: Shell, name: str) -> None:
    out, err = run("request", "cancel", "acme", "q-none", name, name, "--note", "sold", code=1)
    assert out == f"request {name} is cancelled\n"
    assert err == "account acme has no request q-none; poller central request list acme\n"
    assert "cancelled cannot become sent" in run("request", "sent", "acme", name, code=1)[1]


def test_a_wrong_step_says_what_could_be_done(run: Shell, name: str) -> None:
    assert "it can become: cancelled, installed, sent" in run("request", "delivered", "acme", name, code=1)[1]
    run("request", "sent", "acme", name)
    assert "already" in run("request", "sent", "acme", name, code=1)[1]
    assert "2 more cannot" in run("request", "delivered", "acme", name, "--pieces", "2", code=1)[1]


# --- by hand ---------------------------------------------------------------------------------------------------------------


def test_which_colour_is_a_task_that_a_request_by_hand_answers(run: Shell) -> None:
    task = one(run, "task", "list")
    assert (task["event"], task["serial"], task["choices"], task["account"]) == ("which-colour", "C3", ["1.1", "1.2"], "acme")
    assert task["id"] in run("task", "list", "acme")[0]
    run("catalogue", "set", "*", "toner", "T-2", "--colour", "cyan")
    run("site", "live", "acme", "hamburg")
    made = one(run, "request", "new", "acme", "C3", "1.2")
    assert (made["state"], made["article"], made["colour"], made["reason"]["rule"]) == ("approved", "T-2", "cyan", "person")
    assert run.rows("task", "list") == []
    assert "already" in run("request", "new", "acme", "C3", "1.2", code=1)[1]
    assert "has no supply 9" in run("request", "new", "acme", "C3", "9", code=1)[1]
    assert [one["event"] for one in run.rows("request", "events", "acme", "C3")] == ["which-colour"]


def test_a_task_is_done_once(run: Shell) -> None:
    task = one(run, "task", "list", "acme")["id"]
    out, _ = run("task", "done", "acme", task, "--note", "it was cyan, and there is one")
    assert out.startswith(f"task {task}, which-colour of device d-")
    assert "has no open task" in run("task", "done", "acme", task, code=1)[1]


def test_an_article_nobody_knows_is_named_for_one_request(run: Shell) -> None:
    run("site", "live", "acme", "hamburg")
    made = one(run, "request", "new", "acme", "C3", "1.2")
    assert (made["state"], made["hold"]) == ("open", "clarify")
    assert "poller central request clarify" in run("request", "approve", "acme", made["request"], code=1)[1]
    assert one(run, "request", "clarify", "acme", made["request"], "T-9")["article"] == "T-9"


# --- paper -----------------------------------------------------------------------------------------------------------------


def test_pick_list_and_labels_of_what_was_packed(run: Shell, name: str, folder: Path) -> None:
    assert "no parcel was made since" in run("request", "picklist", "-o", "list.pdf", code=1)[1]
    assert not (folder / "list.pdf").exists()
    parcel = one(run, "request", "pack", "acme", "K-1")["parcel"]
    done = one(run, "request", "picklist", "-o", "list.pdf")
    assert done == {"file": "list.pdf", "parcels": [parcel], "pieces": 1, "left_out": []}
    (page,) = read((folder / "list.pdf").read_bytes())
    assert {"T-1", "ACME L1", "Raum 1.07", "S/N A1", name, "Zeppelin-Allee 5", f"Sendung {parcel}"} <= set(page.all())
    assert "--force replaces it" in run("request", "picklist", "-o", "list.pdf", code=2)[1]
    run("request", "labels", "acme", parcel, "-o", "labels.pdf", "--language", "en")
    (label,) = read((folder / "labels.pdf").read_bytes())
    assert {"K", "Black toner", "Room 1.07", "T-1"} <= set(label.all())


def test_what_was_cancelled_after_packing_is_not_on_paper(run: Shell, name: str, folder: Path) -> None:
    run("request", "new", "acme", "B2", "1.1")
    parcel = one(run, "request", "pack", "acme", "K-1")["parcel"]
    run("request", "cancel", "acme", name)
    _, err = run("request", "picklist", "acme", parcel, "-o", "list.pdf")
    assert f"cancelled or installed by now: {name}" in err
    (page,) = read((folder / "list.pdf").read_bytes())
    assert "S/N B2" in page.all()
    assert "S/N A1" not in page.all()
    (other,) = [one["request"] for one in run.rows("request", "list", "acme")]
    run("request", "cancel", "acme", other)
    assert "not 0; choose other parcels" in run("request", "labels", "acme", parcel, "-o", "labels.pdf", code=1)[1]
    assert not (folder / "labels.pdf").exists()


# --- messages --------------------------------------------------------------------------------------------------------------


def test_a_message_whose_fate_is_unclear_waits_for_a_person(run: Shell, name: str) -> None:
    parcel = one(run, "request", "pack", "acme", "K-1")["parcel"]
    asyncio.run(_told_by_mail(parcel))
    row = one(run, "request", "messages", "acme", "--state", "unclear")
    assert (row["parcel"], row["channel"], row["state"]) == (parcel, "mail", "unclear")
    assert run("request", "again", "acme", parcel, "mail")[0] == f"mail of {parcel} is due; it was unclear\n"
    assert one(run, "request", "messages", "acme", "--parcel", parcel)["state"] == "waiting"
    assert "nothing is to be decided" in run("request", "arrived", "acme", parcel, "mail", code=1)[1]
    asyncio.run(_told_by_mail(parcel))
    assert one(run, "request", "arrived", "acme", parcel, "mail")["was"] == "unclear"
    assert one(run, "request", "list", "acme")["state"] == "sent"
    assert "is not told over webhook" in run("request", "again", "acme", parcel, "webhook", code=1)[1]


async def _told_by_mail(parcel: str) -> None:
    """Let the parcel be told by mail, and its connection be lost at the end."""
    from poller.central.supplies.requestdesk import RequestDesk

    config, now_utc = load(None, {}), SystemClock().utc()
    keys = Keys(config.keys_folder).load()
    database = Database.open(config.database.url.reveal())
    try:
        one = await RequestDesk(database, keys, who="test").parcel("acme", parcel, now_utc=now_utc)
        async with database.writing() as db:
            personal = await personals.open_account(db, keys.store, "acme", now_utc=now_utc)
            await post(db, one, ["mail"], personal, now_utc=now_utc)
            key = messages.Key("acme", parcel, "mail")
            claim = await messages.claim(db, key, personal, now_utc=now_utc, lease_seconds=60)
            assert isinstance(claim, messages.Claim)
            assert await messages.begin(db, claim, now_utc=now_utc)
            assert await messages.note(db, claim, messages.Fate("unclear", error="cut"), personal, now_utc=now_utc)
    finally:
        await database.close()


# --- what is agreed --------------------------------------------------------------------------------------------------------


def test_rules_of_an_account_hold_for_its_sites_unless_they_say_otherwise(run: Shell) -> None:
    rules = ("--lead-days", "5", "--threshold", "0.1", "--approval", "manual", "--language", "en", "--bundle-days", "0")
    run("account", "set", "acme", *rules, "--zone", "Europe/Berlin", "--quiet-day", "2026-12-24..2026-12-26")
    run("site", "set", "acme", "hamburg", "--lead-days", "3", "--threshold", "off")
    hamburg, berlin = (one(run, "site", "set", "acme", at) for at in ("hamburg", "berlin"))
    assert (hamburg["lead_days"], hamburg["threshold"], hamburg["said"]) == (3, None, {"lead_days": 3, "threshold": None})
    assert (berlin["lead_days"], berlin["threshold"], berlin["approval"], berlin["language"]) == (5, 0.1, "manual", "en")
    assert berlin["quiet_days"] == ["2026-12-24", "2026-12-25", "2026-12-26"]
    run("account", "set", "acme", "--quiet-day", "", "--lead-days", "")
    again = one(run, "account", "set", "acme")
    assert (again["quiet_days"], again["lead_days"], again["state"]) == ([], 7, "trial")
    table = run("account", "set", "acme")[0]
    assert "lead_days" in table
    assert "manual" in table


def test_approval_by_hand_holds_what_is_asked_for(run: Shell) -> None:
    run("account", "set", "acme", "--approval", "manual")
    assert one(run, "site", "live", "acme", "--all")["requests"] == {"approval": 1}
    name = one(run, "request", "list", "acme", "--state", "open")["request"]
    assert run("request", "approve", "acme", name)[0] == f"request {name} is approved\n"


# --- what is wrong ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments, says",
    [
        (["request", "list", "acme", "--state", "gone"], "--state: 'gone' is none of open, approved"),
        (["request", "messages", "acme", "--state", "gone"], "--state: 'gone' is none of waiting"),
        (["request", "picklist", "acme", "v-1", "--since", "2026-01-01", "-o", "x.pdf"], "name parcels, or give --since"),
        (["request", "delivered", "acme", "v-1", "--pieces", "1"], "--pieces: of a request, not of a parcel"),
        (["account", "set", "acme", "--lead-days", "99"], "--lead-days: want a number 0.5 to 60"),
        (["account", "set", "acme", "--lead-days", "nan"], "--lead-days: want a number 0.5 to 60"),
        (["account", "set", "acme", "--threshold", "much"], "--threshold: want a number, got 'much'"),
        (["account", "set", "acme", "--zone", "Mars"], "--zone: want a time zone"),
        (["account", "set", "acme", "--quiet-day", "soon"], "--quiet-day: want days"),
        (["site", "set", "acme", "hamburg", "--approval", "never"], "--approval: want 'auto' or 'manual'"),
        (["site", "set", "acme", "hamburg", "--language", "fr"], "--language: want de or en"),
        (["site", "live", "acme"], "Name a site, or give --all"),
        (["site", "live", "acme", "hamburg", "--all"], "Name a site, or give --all"),
    ],
)
def test_wrong_usage_is_2_before_anything_is_opened(shell: Shell, folder: Path, arguments: list[str], says: str) -> None:
    assert says in shell(*arguments, code=2)[1]
    assert not list(folder.iterdir())


REFUSED = [
    (["request", "list", "globex"], "there is no account globex"),
    (["request", "show", "acme", "q-none"], "has no request q-none"),
    (["request", "new", "acme", "ZZ", "1.1"], "no device goes by 'ZZ'"),
    (["request", "events", "acme", "ZZ"], "no device goes by 'ZZ'"),
    (["request", "pack", "acme", "K-1"], "nothing is approved for K-1"),
    (["request", "picklist", "acme", "v-none", "-o", "x.pdf"], "has no parcel v-none"),
    (["request", "labels", "globex", "-o", "x.pdf"], "there is no account globex"),
    (["request", "again", "acme", "v-none", "mail"], "is not told over mail"),
    (["stock", "set", "acme", "K-9", "T-1", "1"], "has no location K-9"),
    (["stock", "set", "acme", "@munich", "T-1", "1"], "has no site munich"),
    (["site", "set", "acme", "munich"], "has no site munich"),
    (["site", "live", "acme", "munich"], "has no site munich"),
    (["account", "set", "acme", "--state", "live"], "poller central site live"),
    (["task", "done", "acme", "t-none"], "poller central task list acme"),
    (["task", "list", "globex"], "there is no account globex"),
]


def test_what_cannot_be_done_is_said_in_a_line(run: Shell) -> None:
    for arguments, says in REFUSED:
        err = run(*arguments, code=1)[1]
        assert says in err
        assert len(err.splitlines()) == 1


def test_a_database_that_does_not_answer_is_3(run: Shell, folder: Path) -> None:
    (folder / "central.toml").write_text('[database]\nurl = "postgresql://nobody@127.0.0.1:1/nothing"\n')
    err = run("request", "list", code=3)[1]
    assert err.startswith("cannot use the database postgresql://nobody@127.0.0.1:1/nothing: ")
    assert len(err.splitlines()) == 1
