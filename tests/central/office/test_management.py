"""What people decide about devices: contracts, joining, splitting, swapping; and what cannot be done."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from poller.central.office.administration import NotDoneError
from poller.central.office.contracts import Contract
from poller.central.office.management import Management
from poller.central.office.registers import Registers, catalogue_of, is_mail, line_for
from poller.central.store.inventory import DEALER
from tests.central.stock import Stock, seen
from tests.fake_clock import START_UTC

TODAY, DAY = START_UTC.date(), timedelta(days=1)
FULL = Contract(begins=TODAY, kind="full-service", number="V-1", supplies=("toner",))


@pytest.fixture
def office(stock: Stock) -> Management:
    return Management(stock.database, stock.keys, who="anna")


@pytest.fixture
def registers(stock: Stock) -> Registers:
    return Registers(stock.database, stock.keys, who="anna")


async def by_serial(office: Management, serial: str) -> dict[str, Any]:
    return await office.show("acme", serial, now_utc=START_UTC)


async def test_a_device_is_managed_from_its_first_contract_on(stock: Stock, office: Management) -> None:
    await stock.process(seen(START_UTC, total=1000))
    assert [one["state"] async for one in office.devices("acme", state="unassigned", day=TODAY)] == ["unassigned"]
    await office.set_contract("acme", "A1", FULL, now_utc=START_UTC)
    (one,) = [one async for one in office.devices("acme", day=TODAY)]
    assert (one["state"], one["contract"], one["contract_kind"]) == ("managed", "V-1", "full-service")
    assert [row["number"] async for row in office.contracts("acme")] == ["V-1"]


async def test_lists_are_whole_however_many_pages_they_have(stock: Stock, office: Management, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("poller.central.office.management.PAGE_ROWS", 2)
    await stock.open_account("globex", sites=("kiel",))
    for account, agent in (("acme", "a-hamburg"), ("globex", "a-kiel")):
        readings = [seen(START_UTC, serial=f"A{number}", mac=None, address=f"192.0.2.{number}") for number in range(5)]
        await stock.process(*readings, account=account, agent=agent)
    for number in range(5):
        await office.set_contract("acme", f"A{number}", FULL, now_utc=START_UTC)
        later = Contract(begins=TODAY + (number + 1) * DAY, kind="monitoring")
        await office.set_contract("acme", f"A{number}", later, now_utc=START_UTC)
    listed = [one["device"] async for one in office.devices("acme", day=TODAY)]
    assert len(set(listed)) == len(listed) == 5
    assert listed == sorted(listed)
    rows = [(row["device"], row["begins"]) async for row in office.contracts("acme")]
    assert len(set(rows)) == len(rows) == 10
    assert rows == sorted(rows)
    found = [(row["name"], row["account"]) async for row in office.elsewhere()]
    assert sorted(found) == [(f"serial:11:A{number}", account) for number in range(5) for account in ("acme", "globex")]


async def test_a_new_contract_ends_the_one_before(stock: Stock, office: Management) -> None:
    await stock.process(seen(START_UTC, total=1000))
    await office.set_contract("acme", "A1", FULL, now_utc=START_UTC)
    then = Contract(begins=TODAY + 30 * DAY, kind="monitoring", start_meter={"total": 1500})
    await office.set_contract("acme", "A1", then, now_utc=START_UTC)
    first, second = (await by_serial(office, "A1"))["contracts"]
    assert (first["ends"], first["end_meter"]) == (TODAY + 29 * DAY, {"total": 1500})
    assert (second["begins"], second["ends"]) == (TODAY + 30 * DAY, None)


async def test_a_contract_is_ended_on_a_day_with_a_meter(stock: Stock, office: Management) -> None:
    await stock.process(seen(START_UTC))
    await office.set_contract("acme", "A1", FULL, now_utc=START_UTC)
    await office.end_contract("acme", "A1", ends=TODAY + DAY, end_meter={"total": 7}, now_utc=START_UTC)
    (row,) = (await by_serial(office, "A1"))["contracts"]
    assert (row["ends"], row["end_meter"]) == (TODAY + DAY, {"total": 7})
    with pytest.raises(NotDoneError, match="has no contract on"):
        await office.end_contract("acme", "A1", ends=TODAY + 9 * DAY, now_utc=START_UTC)


@pytest.mark.parametrize(
    "one, says",
    [
        (Contract(begins=TODAY, ends=TODAY - DAY, kind="none"), "cannot end on"),
        (Contract(begins=TODAY, kind="lease"), "a last day and a lessor"),
        (Contract(begins=TODAY, kind="none", lease_until=TODAY, lessor="L"), "a last day and a lessor"),
        (Contract(begins=TODAY, kind="none", supplies=("Toner",)), "is no kind of supply"),
        (Contract(begins=TODAY, kind="none", start_meter={"pages": 1}), "is no word for a counter"),
        (Contract(begins=TODAY, kind="none", start_meter={"total": -1}), "is no count of pages"),
        (Contract(begins=TODAY, kind="none", pool_pages=1), "the pool has a name"),
        (Contract(begins=TODAY - 9 * DAY, kind="none"), "another contract begins on"),
    ],
)
async def test_what_is_no_contract_is_refused(stock: Stock, office: Management, one: Contract, says: str) -> None:
    await stock.process(seen(START_UTC))
    await office.set_contract("acme", "A1", Contract(begins=TODAY + DAY, kind="monitoring"), now_utc=START_UTC)
    before = [row async for row in office.contracts("acme")]
    with pytest.raises(NotDoneError, match=says):
        await office.set_contract("acme", "A1", one, now_utc=START_UTC)
    assert [row async for row in office.contracts("acme")] == before


async def test_a_contract_cut_short_ends_with_the_meter_the_next_begins_with(stock: Stock, office: Management) -> None:
    """Its own end meter was of a later day: pages up to it would be billed twice."""
    await stock.process(seen(START_UTC, total=1000))
    agreed = Contract(begins=TODAY, ends=TODAY + 365 * DAY, kind="full-service", end_meter={"total": 90_000})
    await office.set_contract("acme", "A1", agreed, now_utc=START_UTC)
    for start in ({"total": 50_000}, {"total": 51_000}, None):  # a start meter put right later puts the end right, too
        then = Contract(begins=TODAY + 30 * DAY, kind="monitoring", start_meter=start)
        await office.set_contract("acme", "A1", then, now_utc=START_UTC)
        first, _ = (await by_serial(office, "A1"))["contracts"]
        assert (first["ends"], first["end_meter"]) == (TODAY + 29 * DAY, start)


async def test_an_end_meter_a_person_gave_stays_when_the_next_contract_changes(stock: Stock, office: Management) -> None:
    await stock.process(seen(START_UTC))
    await office.set_contract("acme", "A1", FULL, now_utc=START_UTC)
    await office.end_contract("acme", "A1", ends=TODAY + 29 * DAY, end_meter={"total": 7}, now_utc=START_UTC)
    for start in ({"total": 9}, {"total": 10}):
        then = Contract(begins=TODAY + 30 * DAY, kind="monitoring", start_meter=start)
        await office.set_contract("acme", "A1", then, now_utc=START_UTC)
        assert (await by_serial(office, "A1"))["contracts"][0]["end_meter"] == {"total": 7}


async def test_the_rest_of_a_contract_is_not_lost_to_one_in_its_middle(stock: Stock, office: Management) -> None:
    await stock.process(seen(START_UTC))
    await office.set_contract("acme", "A1", Contract(begins=TODAY, ends=TODAY + 365 * DAY, kind="full-service"), now_utc=START_UTC)
    middle = Contract(begins=TODAY + 30 * DAY, ends=TODAY + 60 * DAY, kind="monitoring")
    with pytest.raises(NotDoneError, match="goes on to"):
        await office.set_contract("acme", "A1", middle, now_utc=START_UTC)


async def test_a_swap_ends_the_old_and_begins_the_new_with_meters_as_they_are_read(
    stock: Stock, office: Management, registers: Registers
) -> None:
    await registers.set_location("acme", "K-100", {"title": "Kantine"}, now_utc=START_UTC)
    await stock.process(seen(START_UTC, total=1000))
    await office.set_contract("acme", "A1", FULL, now_utc=START_UTC)
    await office.assign("acme", "A1", {"customer": "4711", "cost_centre": "90", "location": "K-100"}, now_utc=START_UTC)
    stock.clock.advance(10 * 86400)
    day = stock.clock.utc().date()
    await stock.process(
        seen(stock.clock.utc(), total=1800), seen(stock.clock.utc() + timedelta(minutes=9), serial="B2", mac=None, total=12)
    )
    ended, fresh = await office.swap("acme", "A1", "B2", day=day, now_utc=stock.clock.utc())
    assert (ended.ends, ended.end_meter) == (day, None)
    assert (fresh.begins, fresh.start_meter, fresh.number, fresh.kind) == (day, None, "V-1", "full-service")
    old, new = await by_serial(office, "A1"), await by_serial(office, "B2")
    assert (old["state"], old["replaced_by"]) == ("swapped", new["device"])
    assert [new[name] for name in ("state", "customer", "cost_centre", "location")] == ["managed", "4711", "90", "K-100"]


async def test_neither_a_late_reading_nor_garbage_is_lost_or_billed_by_a_swap(stock: Stock, office: Management) -> None:
    """What the old device showed last may be a day old, its agent's line being down, or nonsense, being switched off: nothing is written
    down that no one said, and the ledger says it when the bill is made."""
    for last in (1000, 4_000_000_000, 0):
        serial = f"A{last}"
        await stock.process(seen(START_UTC, serial, mac=None, total=1000), seen(START_UTC, f"B{last}", mac=None, total=12))
        await office.set_contract("acme", serial, replace_begins(TODAY - 60 * DAY), now_utc=START_UTC)
        await stock.process(seen(START_UTC + timedelta(minutes=5), serial, mac=None, total=last))
        ended, fresh = await office.swap("acme", serial, f"B{last}", day=TODAY, now_utc=START_UTC)
        assert (ended.end_meter, fresh.start_meter) == (None, None)


async def test_a_contract_agreed_for_later_goes_along_in_a_swap(stock: Stock, office: Management) -> None:
    """Left behind it would bill the device that is gone, and not the one that works."""
    await stock.process(seen(START_UTC), seen(START_UTC, serial="B2", mac=None))
    await office.set_contract("acme", "A1", Contract(begins=TODAY, ends=TODAY + 30 * DAY, kind="full-service"), now_utc=START_UTC)
    await office.set_contract("acme", "A1", Contract(begins=TODAY + 31 * DAY, kind="monitoring"), now_utc=START_UTC)
    await office.swap("acme", "A1", "B2", day=TODAY + DAY, now_utc=START_UTC)
    old, new = await by_serial(office, "A1"), await by_serial(office, "B2")
    assert [(one["kind"], one["begins"], one["ends"]) for one in old["contracts"]] == [("full-service", TODAY, TODAY + DAY)]
    assert [(one["kind"], one["begins"], one["ends"]) for one in new["contracts"]] == [
        ("full-service", TODAY + DAY, TODAY + 30 * DAY),
        ("monitoring", TODAY + 31 * DAY, None),
    ]


async def test_a_device_that_was_swapped_can_be_put_to_work_again(stock: Stock, office: Management) -> None:
    await stock.process(seen(START_UTC), seen(START_UTC, serial="B2", mac=None))
    await office.set_contract("acme", "A1", FULL, now_utc=START_UTC)
    await office.swap("acme", "A1", "B2", day=TODAY + DAY, now_utc=START_UTC)
    await office.swap("acme", "B2", "A1", day=TODAY + 9 * DAY, now_utc=START_UTC)
    back, gone = await by_serial(office, "A1"), await by_serial(office, "B2")
    assert (back["state"], back["replaced_by"], gone["replaced_by"]) == ("managed", None, back["device"])
    await office.set_contract("acme", "B2", replace_begins(TODAY + 20 * DAY), now_utc=START_UTC)
    again = await by_serial(office, "B2")
    assert (again["state"], again["replaced_by"], len(again["contracts"])) == ("managed", None, 2)
    with pytest.raises(NotDoneError, match="only one without a contract"):
        await office.swap("acme", "A1", "B2", day=TODAY + 30 * DAY, now_utc=START_UTC)


async def test_meters_of_a_swap_can_be_given(stock: Stock, office: Management) -> None:
    await stock.process(seen(START_UTC, total=1000), seen(START_UTC, serial="B2", mac=None, total=12))
    await office.set_contract("acme", "A1", FULL, now_utc=START_UTC)
    ended, fresh = await office.swap("acme", "A1", "B2", day=TODAY, end_meter={"total": 1001}, start_meter={"total": 3}, now_utc=START_UTC)
    assert (ended.end_meter, fresh.start_meter) == ({"total": 1001}, {"total": 3})


async def test_a_press_and_its_controllers_are_one_device_with_several_addresses(stock: Stock, office: Management) -> None:
    now_utc = stock.clock.utc()
    press, controller = seen(now_utc, total=9000), seen(now_utc, serial="CTRL", mac="0025b3000009", address="192.0.2.9", total=123)
    await stock.process(press, controller)
    main, part = await office.join("acme", "A1", "CTRL", now_utc=now_utc)
    shown = await by_serial(office, "A1")
    assert ([one["address"] for one in shown["parts"]], shown["address"], shown["counts"]) == (["192.0.2.9"], "192.0.2.7", {"total": 9000})
    assert [one["device"] async for one in office.devices("acme", day=TODAY)] == [main]
    pairs = [("a-hamburg", "serial:11:A1"), ("a-hamburg", "serial:11:CTRL")]
    assert await stock.devices.counts_as("acme", pairs) == {pairs[0]: main}
    stock.clock.advance(3600)
    await stock.process(seen(stock.clock.utc(), serial="CTRL", mac="0025b3000009", address="192.0.2.10"))
    assert [one["address"] for one in (await by_serial(office, "A1"))["parts"]] == ["192.0.2.10"]
    assert await office.split("acme", part, now_utc=now_utc) == part
    assert await stock.devices.counts_as("acme", pairs) == {pairs[0]: main, pairs[1]: part}


async def test_joining_is_refused_where_it_would_hide_something(stock: Stock, office: Management) -> None:
    await stock.process(*(seen(START_UTC, serial=name, mac=None) for name in ("A1", "B2", "C3")))
    await office.set_contract("acme", "A1", FULL, now_utc=START_UTC)
    await office.join("acme", "B2", "C3", now_utc=START_UTC)
    for main, part, says in (
        ("B2", "A1", "is managed"),
        ("A1", "A1", "no part of itself"),
        ("A1", "B2", "has parts itself"),
        ("A1", "C3", "no device goes by"),
    ):
        with pytest.raises(NotDoneError, match=says):
            await office.join("acme", main, part, now_utc=START_UTC)
    with pytest.raises(NotDoneError, match="no joined device goes by"):
        await office.split("acme", "A1", now_utc=START_UTC)


async def test_a_device_of_somebody_else_is_ignored_and_counts_for_nothing(stock: Stock, office: Management) -> None:
    await stock.process(seen(START_UTC))
    await office.ignore("acme", "A1", now_utc=START_UTC)
    assert await stock.devices.counts_as("acme", [("a-hamburg", "serial:11:A1")]) == {}
    with pytest.raises(NotDoneError, match="is ignored: it takes no contract"):
        await office.set_contract("acme", "A1", FULL, now_utc=START_UTC)
    await office.ignore("acme", "A1", is_ignored=False, now_utc=START_UTC)
    await office.set_contract("acme", "A1", FULL, now_utc=START_UTC)
    with pytest.raises(NotDoneError, match="is managed; only an unassigned"):
        await office.ignore("acme", "A1", now_utc=START_UTC)


async def test_what_people_decided_survives_readings(stock: Stock, office: Management) -> None:
    await stock.process(seen(START_UTC))
    await office.set_contract("acme", "A1", FULL, now_utc=START_UTC)
    await office.assign("acme", "A1", {"device_number": "M-1", "inventory_number": None}, now_utc=START_UTC)
    stock.clock.advance(3600)
    await stock.process(seen(stock.clock.utc(), address="192.0.2.99", range="second-floor"))
    (one,) = [one async for one in office.devices("acme", day=TODAY)]
    assert (one["state"], one["device_number"], one["range"]) == ("managed", "M-1", "second-floor")
    assert (await by_serial(office, "M-1"))["address"] == "192.0.2.99"


async def test_a_location_holds_what_stands_in_its_range_unless_a_hand_said_otherwise(
    stock: Stock, office: Management, registers: Registers
) -> None:
    await registers.set_location("acme", "K-100", {"site": "hamburg", "range": "first-floor"}, now_utc=START_UTC)
    await registers.set_location("acme", "K-200", {"title": "Lager"}, now_utc=START_UTC)
    await stock.process(seen(START_UTC, range="first-floor"), seen(START_UTC, serial="B2", mac=None, range="second-floor"))
    assert [one["location"] for one in sorted(await stock.listed(), key=lambda one: str(one["serial"]))] == ["K-100", None]
    await office.assign("acme", "A1", {"location": "K-200"}, now_utc=START_UTC)
    assert (await by_serial(office, "A1"))["location"] == "K-200"
    with pytest.raises(NotDoneError, match="has no location K-300"):
        await office.assign("acme", "A1", {"location": "K-300"}, now_utc=START_UTC)


@pytest.mark.parametrize(
    "facts, says",
    [
        ({"site": "hamburg"}, "give --site and --range"),
        ({"site": "oslo", "range": "r"}, "has no site oslo"),
        ({"site": "hamburg", "range": "taken"}, "is another location already"),
        ({"title": "x" * 301}, "want 1 to 300"),
    ],
)
async def test_what_is_no_location_is_refused(registers: Registers, facts: dict[str, str | None], says: str) -> None:
    await registers.set_location("acme", "K-1", {"site": "hamburg", "range": "taken"}, now_utc=START_UTC)
    with pytest.raises(NotDoneError, match=says):
        await registers.set_location("acme", "K-2", facts, now_utc=START_UTC)


async def test_contacts_and_people_are_kept_and_forgotten(registers: Registers) -> None:
    await registers.set_contact("acme", "7", {"name": "Anna Beispiel", "mail": "anna@example.com"}, now_utc=START_UTC)
    await registers.set_contact("acme", "7", {"phone": "+49 40 1"}, now_utc=START_UTC)
    (one,) = await registers.contacts("acme", now_utc=START_UTC)
    assert (one["name"], one["mail"], one["phone"]) == ("Anna Beispiel", "anna@example.com", "+49 40 1")
    await registers.remove_contact("acme", "7", now_utc=START_UTC)
    assert await registers.contacts("acme", now_utc=START_UTC) == []
    opaque = await registers.add_person(DEALER, name="Tom", mail=None, role="technician", now_utc=START_UTC)
    await registers.remove_person(DEALER, opaque, now_utc=START_UTC)
    (gone,) = await registers.people(DEALER, now_utc=START_UTC)
    assert (gone["person"], gone["name"], gone["removed_utc"]) == (opaque, None, START_UTC)
    with pytest.raises(NotDoneError, match="a customer's people are customers"):
        await registers.add_person("acme", name="Tom", mail=None, role="dealer", now_utc=START_UTC)


async def test_everything_done_is_in_the_audit_log_without_a_name(stock: Stock, office: Management, registers: Registers) -> None:
    await stock.process(seen(START_UTC))
    await registers.set_location("acme", "K-1", {"address": "Musterweg 1"}, now_utc=START_UTC)
    await registers.set_contact("acme", "7", {"name": "Anna Beispiel"}, now_utc=START_UTC)
    await registers.add_person("acme", name="Anna Beispiel", mail="anna@example.com", role="customer", now_utc=START_UTC)
    await office.assign("acme", "A1", {"location": "K-1"}, now_utc=START_UTC)
    await office.set_contract("acme", "A1", FULL, now_utc=START_UTC)
    rows = await registers.audit("acme")
    assert sorted(row["what"] for row in rows) == ["add-user", "assign-device", "set-contact", "set-contract", "set-location"]
    assert {row["who"] for row in rows} == {"anna"}
    assert not any(word in str(rows) for word in ("Musterweg", "Beispiel", "anna@"))


async def test_the_catalogue_has_the_customers_own_lines_before_the_dealers(registers: Registers) -> None:
    line = {"article": "T-1", "alternatives": ["T-9"], "yield_pages": 3000, "pack": 1}
    for account, model, number in ((DEALER, "*", "T-0"), (DEALER, "ACME L*", "T-1"), ("acme", "ACME *", "T-2")):
        await registers.set_article(account, (model, "toner", "black"), line | {"article": number}, now_utc=START_UTC)
    rows = await registers.articles("acme")
    found = [line_for(rows, account=of, model="acme l1", kind="toner", colour="black") for of in ("acme", "other")]
    assert [one and one["article"] for one in found] == ["T-2", "T-1"]
    assert line_for(rows, account="acme", model="acme l1", kind="toner", colour="cyan") is None
    catalogue = catalogue_of(rows)
    assert (catalogue.rated_pages("T-1"), catalogue.are_alike("T-1", "t 9")) == (3000.0, True)
    with pytest.raises(NotDoneError, match="is no kind of supply"):
        await registers.set_article(DEALER, ("*", "Toner", ""), line, now_utc=START_UTC)


@pytest.mark.parametrize(
    "text, is_one", [("a@example.com", True), ("a@b", False), ("@example.com", False), ("a b@example.com", False), ("a", False)]
)
def test_a_mail_address_has_a_form(text: str, is_one: bool) -> None:
    assert is_mail(text) is is_one


def replace_begins(day: date) -> Contract:
    return Contract(begins=day, kind="full-service", number="V-1")
