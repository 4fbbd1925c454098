"""Shelves: what lies there serves whom, and never twice; trial, and what going live does with it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from poller.central.office.administration import Administration, NotDoneError
from poller.central.supplies.requestdesk import parcel_sent
from tests.central.supplies.dealer import Dealer, dealing
from tests.central.supplies.firm import toner


@pytest.fixture
async def dealer(tmp_path: Path, database_url: str) -> AsyncIterator[Dealer]:
    async with dealing(tmp_path, database_url) as one:
        yield one


async def send(dealer: Dealer, serial: str, begin: float = 0.9, **others: float) -> str:
    """Let a device be asked for, and what it needs be sent; return the request's id."""
    await dealer.empty(serial, begin, **others)
    name = await dealer.one(device=await dealer.id_of(serial))
    dealer.clock.advance(60)
    await dealer.requests.sent("acme", name, now_utc=dealer.now_utc)
    return name


# --- sent, installed -------------------------------------------------------------------------------------------------------


async def test_what_was_sent_lies_on_the_shelf_until_it_is_installed(dealer: Dealer) -> None:
    await dealer.furnish()
    await dealer.device("A1")
    await send(dealer, "A1")
    assert await dealer.shelf() == {"T-1": (1, 0)}
    await dealer.replace("A1")
    assert await dealer.shelf() == {}
    assert await dealer.moves() == [("sent", "T-1", 1), ("installed", "T-1", -1)]


async def test_a_replacement_that_is_taken_back_puts_its_piece_back(dealer: Dealer) -> None:
    await dealer.furnish()
    await dealer.device("A1", level=0.5)
    name = await send(dealer, "A1", 0.5)
    level = dealer.level
    await dealer.day({"A1": 1.0}, printed=0)
    assert (await dealer.states(), await dealer.shelf()) == (["installed"], {})
    await dealer.day({"A1": level}, printed=0)
    assert (await dealer.states(), await dealer.shelf()) == (["sent"], {"T-1": (1, 0)})
    assert await dealer.events() == ["replaced", "early-change", "taken-back"]
    assert [after for _, after in await dealer.steps(name)] == ["approved", "sent", "installed", "sent"]


async def test_a_cartridge_meant_for_one_device_and_put_into_another_makes_way_for_the_next(dealer: Dealer) -> None:
    await dealer.furnish(bundle_days=0)
    await dealer.device("A1")
    await dealer.device("B2", level=0.45)
    first = await send(dealer, "A1", B2=0.45)
    level = dealer.level
    await dealer.day({"A1": level, "B2": 1.0}, idle=["B2"])
    assert await dealer.shelf() == {}
    (row,) = await dealer.rows(request=first)
    assert (row["state"], row["was"], row["makes_way"]) == ("installed", "sent", True)
    await dealer.day({"A1": level, "B2": 0.99})
    again = await dealer.rows(device=await dealer.id_of("A1"))
    assert [(row["number"], row["attempt"], row["state"]) for row in again] == [(0, 0, "installed"), (0, 1, "approved")]
    await dealer.day({"A1": level, "B2": 0.98})
    assert len(await dealer.rows()) == 2


async def test_when_it_was_not_put_into_the_other_after_all_nothing_more_is_sent(dealer: Dealer) -> None:
    await dealer.furnish(bundle_days=0)
    await dealer.device("A1")
    await dealer.device("B2", level=0.45)
    first = await send(dealer, "A1", B2=0.45)
    level = dealer.level
    await dealer.day({"A1": level, "B2": 1.0}, idle=["B2"])
    await dealer.day({"A1": level, "B2": 0.45}, idle=["B2"])
    assert [row["state"] for row in await dealer.rows(device=await dealer.id_of("A1"))] == ["sent", "cancelled"]
    assert (await dealer.one(state="sent"), await dealer.shelf()) == (first, {"T-1": (1, 0)})


async def test_a_free_piece_is_taken_before_one_that_is_meant_for_another(dealer: Dealer) -> None:
    await dealer.furnish(bundle_days=0)
    await dealer.device("A1")
    await dealer.device("B2", level=0.45)
    await send(dealer, "A1", B2=0.45)
    await dealer.shelves.set_stock("acme", "K-1", "T-1", 1, now_utc=dealer.now_utc)
    assert await dealer.shelf() == {"T-1": (2, 1)}
    level = dealer.level
    await dealer.day({"A1": level, "B2": 1.0}, idle=["B2"])
    assert (await dealer.states(), await dealer.shelf()) == (["sent"], {"T-1": (1, 0)})


async def test_a_cartridge_that_no_shelf_has_came_from_elsewhere(dealer: Dealer) -> None:
    await dealer.furnish()
    await dealer.device("A1")
    await dealer.day({"A1": 0.45})
    await dealer.replace("A1")
    assert await dealer.moves() == []


async def test_what_was_cancelled_after_it_was_sent_is_on_no_shelf(dealer: Dealer) -> None:
    await dealer.furnish()
    await dealer.device("A1")
    name = await send(dealer, "A1")
    await dealer.requests.cancel("acme", name, note="back", now_utc=dealer.now_utc)
    assert (await dealer.states(), await dealer.shelf()) == (["cancelled"], {})
    await dealer.day({"A1": dealer.level})
    assert await dealer.states() == ["cancelled"], "a person said no"


async def test_a_box_of_two_leaves_one_for_the_next(dealer: Dealer) -> None:
    await dealer.furnish()
    await dealer.article("T-1", pack=2)
    await dealer.device("A1")
    name = await send(dealer, "A1")
    assert await dealer.shelf() == {"T-1": (2, 1)}
    await dealer.requests.delivered("acme", name, pieces=1, tracking="0034", now_utc=dealer.now_utc)
    with pytest.raises(NotDoneError, match=r"1 of the 2 pieces of request .* have arrived; 2 more cannot"):
        await dealer.requests.delivered("acme", name, pieces=2, now_utc=dealer.now_utc)
    await dealer.requests.delivered("acme", name, now_utc=dealer.now_utc)
    (row,) = await dealer.rows()
    assert (row["state"], [one["pieces"] for one in row["deliveries"]]) == ("delivered", [1, 1])
    await dealer.replace("A1")
    assert await dealer.shelf() == {"T-1": (1, 1)}
    await dealer.empty("A1", begin=0.98)
    assert await dealer.states() == ["installed", "open/stock"]


# --- from the shelf --------------------------------------------------------------------------------------------------------


async def test_what_lies_on_the_shelf_is_not_sent(dealer: Dealer) -> None:
    await dealer.furnish()
    await dealer.device("A1")
    await dealer.shelves.set_stock("acme", "K-1", "T-1", 1, now_utc=dealer.now_utc)
    await dealer.empty("A1")
    assert await dealer.states() == ["open/stock"]
    await dealer.replace("A1")
    assert (await dealer.states(), await dealer.shelf()) == (["installed"], {})
    assert await dealer.moves() == [("entered", "T-1", 1), ("installed", "T-1", -1)]


async def test_one_piece_serves_one_of_two_devices(dealer: Dealer) -> None:
    await dealer.furnish()
    await dealer.device("A1")
    await dealer.device("B2")
    await dealer.shelves.set_stock("acme", "K-1", "T-1", 1, now_utc=dealer.now_utc)
    level = 0.9
    while len(await dealer.rows()) < 2:
        level -= 0.04
        await dealer.day({"A1": level, "B2": level})
    assert sorted(await dealer.states()) == ["approved", "open/stock"]


async def test_when_the_piece_goes_into_another_device_the_request_is_sent_after_all(dealer: Dealer) -> None:
    await dealer.furnish(bundle_days=0)
    await dealer.device("A1")
    await dealer.device("B2", level=0.45)
    await dealer.shelves.set_stock("acme", "K-1", "T-1", 1, now_utc=dealer.now_utc)
    await dealer.empty("A1", B2=0.45)
    assert await dealer.states() == ["open/stock"]
    level = dealer.level
    await dealer.day({"A1": level, "B2": 1.0}, idle=["B2"])
    assert (await dealer.states(), await dealer.shelf()) == (["approved"], {})


async def test_what_is_entered_later_serves_what_was_not_sent_yet(dealer: Dealer) -> None:
    await dealer.furnish()
    await dealer.device("A1")
    await dealer.empty("A1")
    await dealer.shelves.set_stock("acme", "K-1", "T-1", 1, now_utc=dealer.now_utc)
    assert await dealer.states() == ["open/stock"]
    dealer.clock.advance(1)
    await dealer.shelves.set_stock("acme", "K-1", "T-1", 0, now_utc=dealer.now_utc)
    assert await dealer.states() == ["approved"]
    assert await dealer.moves() == [("entered", "T-1", 1), ("entered", "T-1", -1)]


async def test_an_alternative_on_the_shelf_serves_too(dealer: Dealer) -> None:
    await dealer.furnish()
    await dealer.article("T-1", "T-9")
    await dealer.device("A1")
    await dealer.shelves.set_stock("acme", "K-1", "T-9", 1, now_utc=dealer.now_utc)
    await dealer.empty("A1")
    (row,) = await dealer.rows()
    assert (row["hold"], row["article"], row["alternatives"]) == ("stock", "T-9", ["T-1"])
    await dealer.shelves.set_stock("acme", "K-1", "T-9", 0, now_utc=dealer.now_utc)
    (row,) = await dealer.rows()
    assert (row["state"], row["article"], row["alternatives"]) == ("approved", "T-1", ["T-9"])


async def test_the_shelf_of_another_place_serves_nobody_here(dealer: Dealer) -> None:
    await dealer.furnish()
    await dealer.device("A1", location=None)
    await dealer.shelves.set_stock("acme", "K-1", "T-1", 1, now_utc=dealer.now_utc)
    await dealer.empty("A1")
    assert await dealer.states() == ["approved"]
    await dealer.shelves.set_stock("acme", "@hamburg", "T-1", 1, now_utc=dealer.now_utc)
    assert await dealer.states() == ["open/stock"]


async def test_a_person_may_send_what_lies_on_the_shelf(dealer: Dealer) -> None:
    await dealer.furnish()
    await dealer.device("A1")
    await dealer.shelves.set_stock("acme", "K-1", "T-1", 1, now_utc=dealer.now_utc)
    await dealer.empty("A1")
    name = await dealer.one()
    await dealer.requests.approve("acme", name, now_utc=dealer.now_utc)
    await dealer.day({"A1": dealer.level})
    (row,) = await dealer.rows()
    assert (row["state"], row["approved_by"]) == ("approved", "anna")


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"place": "K-9", "article": "T-1", "pieces": 1}, "has no location K-9"),
    ({"place": "@oslo", "article": "T-1", "pieces": 1}, "has no site oslo"),
    ({"place": "K-1", "article": "T-1", "pieces": -1}, "want 0 to"),
    ({"place": "K-1", "article": "", "pieces": 1}, "article: want 1 to"),
    ({"place": "K-1", "article": "T-1", "pieces": 1, "note": "one\0two"}, "note: want at most"),
]


@pytest.mark.parametrize("facts, fault", WRONG, ids=[fault for _, fault in WRONG])
async def test_a_shelf_that_cannot_be_is_refused(dealer: Dealer, facts: dict[str, Any], fault: str) -> None:
    await dealer.furnish()
    with pytest.raises(NotDoneError, match=fault):
        await dealer.shelves.set_stock("acme", **facts, now_utc=dealer.now_utc)


# --- trial and live --------------------------------------------------------------------------------------------------------


async def test_a_new_site_is_in_trial_and_shows_what_it_would_send(dealer: Dealer) -> None:
    await dealer.furnish(is_live=False)
    await dealer.device("A1")
    await dealer.empty("A1")
    assert await dealer.states() == ["open/trial"]
    with pytest.raises(NotDoneError, match="its site is in trial"):
        await dealer.requests.approve("acme", await dealer.one(), now_utc=dealer.now_utc)
    assert (await dealer.shelves.agreement("acme", "hamburg"))["state"] == "trial"


async def test_going_live_sends_what_is_due_and_no_shelf_has(dealer: Dealer) -> None:
    await dealer.furnish(is_live=False)
    for serial in ("A1", "B2", "C3"):
        await dealer.device(serial)
    level = 0.9
    while len(await dealer.rows()) < 3:
        level -= 0.04
        await dealer.day(dict.fromkeys(("A1", "B2", "C3"), level))
    await dealer.shelves.set_stock("acme", "K-1", "T-1", 1, now_utc=dealer.now_utc)
    for _ in range(12):  # one of them is hardly used from now on
        level -= 0.04
        await dealer.day({"A1": max(level, 0.05), "B2": max(level, 0.05)})
    counts = await dealer.shelves.go_live("acme", "hamburg", now_utc=dealer.now_utc)
    assert counts["stock"] == 1 and sum(counts.values()) == 3
    assert "open/stock" in await dealer.states()


async def test_what_is_not_due_any_more_is_withdrawn_and_asked_for_when_it_is(dealer: Dealer) -> None:
    await dealer.furnish(is_live=False)
    await dealer.device("A1")
    await dealer.empty("A1")
    level = dealer.level
    for _ in range(15):  # it is hardly used any more
        await dealer.day({"A1": level}, printed=0, days=3)
    assert await dealer.shelves.go_live("acme", now_utc=dealer.now_utc) == {"withdrawn": 1}
    while len(await dealer.rows()) < 2:
        level -= 0.04
        await dealer.day({"A1": level})
    assert await dealer.states() == ["cancelled", "approved"]
    assert [row["attempt"] for row in await dealer.rows()] == [0, 1]


async def test_a_site_that_is_added_to_a_live_account_is_in_trial(dealer: Dealer) -> None:
    await dealer.furnish()
    await Administration(dealer.database, dealer.stock.keys, who="anna").add_site("acme", "munich", now_utc=dealer.now_utc)
    states = [(await dealer.shelves.agreement("acme", site))["state"] for site in ("hamburg", "munich")]
    assert states == ["live", "trial"]


async def test_a_site_does_not_go_live_by_what_is_not_said_of_it_any_more(dealer: Dealer) -> None:
    await dealer.furnish()
    await dealer.shelves.agree("acme", {"state": "trial"}, "hamburg", now_utc=dealer.now_utc)
    with pytest.raises(NotDoneError, match="poller central site live"):
        await dealer.shelves.agree("acme", {"state": ""}, "hamburg", now_utc=dealer.now_utc)


async def test_a_site_with_more_than_can_be_looked_at_does_not_go_live_half(dealer: Dealer, monkeypatch: pytest.MonkeyPatch) -> None:
    await dealer.furnish(is_live=False)
    await dealer.device("A1")
    await dealer.empty("A1")
    monkeypatch.setattr("poller.central.supplies.stockdesk.BEGUN_MAX", 0)
    with pytest.raises(NotDoneError, match="one after the other"):
        await dealer.shelves.go_live("acme", now_utc=dealer.now_utc)
    assert await dealer.states() == ["open/trial"]


async def test_a_location_that_something_goes_to_is_not_forgotten(dealer: Dealer) -> None:
    """The parcel would have no address."""
    await dealer.furnish()
    device = await dealer.device("A1")
    await dealer.registers.set_location("acme", "K-2", {"address": "Weg 1"}, now_utc=dealer.now_utc)
    with pytest.raises(NotDoneError, match="1 devices stand at location K-1"):
        await dealer.registers.remove_location("acme", "K-1", now_utc=dealer.now_utc)
    await dealer.empty("A1")
    await dealer.office.assign("acme", device, {"location": "K-2"}, now_utc=dealer.now_utc)
    with pytest.raises(NotDoneError, match=f"under way for location K-1: {await dealer.one()}"):
        await dealer.registers.remove_location("acme", "K-1", now_utc=dealer.now_utc)
    dealer.clock.advance(4 * 3600)
    await dealer.tend()
    await dealer.registers.remove_location("acme", "K-1", now_utc=dealer.now_utc)


async def test_what_was_sent_for_a_device_that_is_gone_serves_the_others(dealer: Dealer) -> None:
    await dealer.furnish()
    await dealer.device("A1")
    await dealer.device("B2", has_contract=False)
    await dealer.empty("A1", B2=0.9)
    await dealer.requests.sent("acme", await dealer.one(), now_utc=dealer.now_utc)
    await dealer.office.swap("acme", "A1", "B2", day=dealer.now_utc.date(), now_utc=dealer.now_utc)
    assert await dealer.shelf() == {"T-1": (1, 1)}
    await dealer.empty("B2")
    assert await dealer.states() == ["sent", "open/stock"]


async def test_what_went_out_all_the_same_is_sent_when_the_replacement_is_taken_back(tmp_path: Path, database_url: str) -> None:
    async with dealing(tmp_path, database_url, ["csv"]) as dealer:
        await dealer.furnish()
        await dealer.device("A1")
        await dealer.empty("A1")
        dealer.clock.advance(3600)
        await dealer.tend()
        (row,) = await dealer.rows()
        while dealer.level > 0.1:
            dealer.level -= 0.05
            await dealer.day({"A1": dealer.level})
        await dealer.day({"A1": 1.0}, printed=1)
        async with dealer.database.writing() as db:
            await parcel_sent(db, "acme", row["parcel"], dealer.now_utc)
        assert (await dealer.states(), await dealer.shelf()) == (["installed"], {"T-1": (1, 1)})
        for _ in range(2):
            await dealer.day({"A1": dealer.level}, printed=1)
        assert (await dealer.states(), await dealer.shelf()) == (["sent"], {"T-1": (1, 0)})


async def test_one_site_goes_live_and_the_other_does_not(dealer: Dealer) -> None:
    await dealer.furnish(is_live=False)
    await dealer.shelves.go_live("acme", "berlin", now_utc=dealer.now_utc)
    assert (await dealer.shelves.agreement("acme", "berlin"))["state"] == "live"
    assert (await dealer.shelves.agreement("acme", "hamburg"))["state"] == "trial"


async def test_a_site_that_is_in_trial_again_sends_nothing_whoever_approved_it(dealer: Dealer) -> None:
    await dealer.furnish(approval="manual")
    await dealer.device("A1")
    await dealer.empty("A1")
    await dealer.requests.approve("acme", await dealer.one(), now_utc=dealer.now_utc)
    await dealer.shelves.agree("acme", {"state": "trial"}, now_utc=dealer.now_utc)
    assert await dealer.states() == ["open/trial"]
    assert await dealer.shelves.go_live("acme", now_utc=dealer.now_utc) == {"approval": 1}


# --- what is agreed --------------------------------------------------------------------------------------------------------


async def test_a_site_has_its_accounts_rules_except_its_own(dealer: Dealer) -> None:
    await dealer.shelves.agree("acme", {"threshold": 0.2, "approval": "manual", "language": "en"}, now_utc=dealer.now_utc)
    await dealer.shelves.agree("acme", {"threshold": None, "lead_days": 3}, "berlin", now_utc=dealer.now_utc)
    at = {site: await dealer.shelves.agreement("acme", site) for site in ("hamburg", "berlin")}
    assert [(at[site]["threshold"], at[site]["lead_days"], at[site]["approval"]) for site in at] == [
        (0.2, 7, "manual"),
        (None, 3, "manual"),
    ]
    assert (at["berlin"]["said"], at["berlin"]["bundle_days"], at["berlin"]["language"]) == ({"threshold": None, "lead_days": 3}, 10, "en")
    await dealer.shelves.agree("acme", {"lead_days": ""}, "berlin", now_utc=dealer.now_utc)
    assert (await dealer.shelves.agreement("acme", "berlin"))["lead_days"] == 7


@pytest.mark.parametrize(
    "rules, site, fault",
    [
        ({"lead_days": 99}, None, "lead_days: want a number 0.5 to 60"),
        ({"leaddays": 9}, None, "did you mean 'lead_days'"),
        ({"zone": "UTC"}, "berlin", "zone: no such rule"),
        ({"language": "fr"}, None, "want de or en"),
        ({"state": "live"}, None, "a site goes live by itself"),
        ({"approval": "maybe"}, "oslo", "approval: want"),
        ({"approval": "auto"}, "oslo", "has no site oslo"),
    ],
)
async def test_a_rule_that_cannot_be_set_is_refused(dealer: Dealer, rules: dict[str, Any], site: str | None, fault: str) -> None:
    with pytest.raises(NotDoneError, match=fault):
        await dealer.shelves.agree("acme", rules, site, now_utc=dealer.now_utc)


async def test_a_change_of_rules_lets_what_waits_go_on(dealer: Dealer) -> None:
    await dealer.furnish(approval="manual")
    await dealer.device("A1")
    await dealer.empty("A1")
    assert await dealer.states() == ["open/approval"]
    await dealer.shelves.agree("acme", {"approval": "auto"}, now_utc=dealer.now_utc)
    assert await dealer.states() == ["approved"]


async def test_what_cannot_be_a_supply_of_the_device_is_not_taken_from_its_shelf(dealer: Dealer) -> None:
    await dealer.furnish()
    await dealer.device("A1")
    await dealer.shelves.set_stock("acme", "K-1", "T-1", 1, now_utc=dealer.now_utc)
    dealer.clock.advance(3600)
    for level in (0.3, 1.0, 0.99):
        dealer.clock.advance(86400)
        await dealer.take(dealer.reading("A1", toner(0.9), toner(level, key="1.2", kind="drum", part="DR-1")))
    assert await dealer.shelf() == {"T-1": (1, 1)}
