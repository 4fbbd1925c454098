"""Lists of merchandise systems: joined with devices, previewed, done once."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from poller.central.office.administration import NotDoneError
from poller.central.office.importing import Importer, What
from poller.central.office.joining import Preview
from poller.central.office.management import Management
from poller.central.office.registers import Registers
from poller.central.store.inventory import DEALER
from tests.central.stock import Stock, seen
from tests.fake_clock import START_UTC

TODAY = START_UTC.date()


def written(folder: Path, content: bytes | str, name: str = "list.csv", charset: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode(charset))
    return path


class Desk:
    def __init__(self, stock: Stock, folder: Path) -> None:
        self._folder, self.stock = folder, stock
        self.office = Management(stock.database, stock.keys, who="anna")
        self.registers = Registers(stock.database, stock.keys, who="anna")
        self.importer = Importer(stock.database, stock.keys, who="anna")

    async def read(self, text: str, what: What = "devices", *, apply: bool = True, account: str = "acme") -> Preview:
        path = written(self._folder, text)
        return await self.importer.read(path, what, account=account, is_applied=apply, now_utc=self.stock.clock.utc())

    async def device(self, serial: str) -> dict[str, Any]:
        return await self.office.show("acme", serial, now_utc=self.stock.clock.utc())


@pytest.fixture
def desk(stock: Stock, tmp_path: Path) -> Desk:
    return Desk(stock, tmp_path)


LIST = """\
Seriennummer;Gerätenummer;Inventarnummer;Kunde;Kostenstelle;Vertrag;Vertragsart;Vertragsbeginn;Startzähler;Startzähler Farbe
A1;M-1;I-1;4711;90;V-1;Vollservice;01.11.2026;12.345;99
ZZ9;M-2;;;;;;;;
"""


async def test_a_list_is_joined_and_what_is_left_over_is_listed(desk: Desk) -> None:
    await desk.stock.process(seen(START_UTC), seen(START_UTC, serial="B2", mac=None))
    found = await desk.read(LIST)
    assert (found.is_applied, found.faults) == (True, [])
    assert [(one["row"], one["found_by"]) for one in found.changes] == [(2, "serial")]
    assert [(one["row"], one["serial"]) for one in found.unmatched] == [(3, "ZZ9")]
    assert [one["serial"] async for one in desk.importer.unlisted("acme", found)] == ["B2"]
    one = await desk.device("A1")
    assert [one[name] for name in ("state", "device_number", "inventory_number", "customer", "cost_centre")] == [
        *("managed", "M-1", "I-1", "4711", "90")
    ]
    (row,) = one["contracts"]
    assert (row["number"], row["kind"], row["begins"]) == ("V-1", "full-service", date(2026, 11, 1))
    assert row["start_meter"] == {"total": 12345, "total.colour": 99}
    assert "toner" in row["supplies"]


async def test_what_is_left_over_is_all_of_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("poller.central.office.importing.PAGE_ROWS", 2)
    monkeypatch.setattr("poller.central.office.joining._NAMES_AT_ONCE", 2)
    await desk.stock.process(*(seen(START_UTC, serial=f"A{number}", mac=None, address=f"192.0.2.{number}") for number in range(7)))
    found = await desk.read("serial;customer\nA3;1\nA6;1\n")
    assert [one["serial"] for one in found.changes] == ["A3", "A6"]
    assert sorted([one["serial"] async for one in desk.importer.unlisted("acme", found)]) == ["A0", "A1", "A2", "A4", "A5"]


async def test_a_list_finds_the_device_its_part_belongs_to(desk: Desk) -> None:
    await desk.stock.process(seen(START_UTC), seen(START_UTC, serial="CTRL", mac=None, address="192.0.2.8"))
    main, part = await desk.office.join("acme", "A1", "CTRL", now_utc=START_UTC)
    found = await desk.read("serial;customer\nCTRL;7\n")
    assert [one["device"] for one in found.changes] == [main]
    assert [one async for one in desk.importer.unlisted("acme", found)] == []
    assert (await desk.read(f"device;customer\n{part};7\n")).unmatched[0]["reason"] == "no device of this id"


async def test_a_preview_changes_nothing_and_says_the_same(desk: Desk) -> None:
    await desk.stock.process(seen(START_UTC))
    preview = await desk.read(LIST, apply=False)
    assert not preview.is_applied
    assert (await desk.device("A1"))["state"] == "unassigned"
    done = await desk.read(LIST)
    assert (preview.changes, preview.unmatched) == (done.changes, done.unmatched)


async def test_twice_is_as_once(desk: Desk) -> None:
    await desk.stock.process(seen(START_UTC))
    text = "serial,contract kind\nA1,monitoring\n"
    await desk.read(text)
    before = await desk.device("A1")
    desk.stock.clock.advance(5 * 86400)
    again = await desk.read(text)
    assert (again.changes, again.unchanged) == ([], 1)
    assert (await desk.device("A1"))["contracts"] == before["contracts"]


async def test_one_fault_and_nothing_is_done(desk: Desk) -> None:
    await desk.stock.process(seen(START_UTC), seen(START_UTC, serial="B2", mac=None))
    found = await desk.read("serial;location;start meter;number\nA1;;12;\nB2;K-9;;\nA1;;;\nB2;;1,5;\n")
    assert not found.is_applied
    assert found.faults == [
        "row 5: start_meter total: 1,5 is no whole number",
        "row 2: a new contract, and no column says of which kind",
        "row 3: there is no location K-9; import locations first",
        f"row 4: device {(await desk.device('A1'))['device']} again, it was in row 2",
    ]
    assert {(await desk.device(name))["state"] for name in ("A1", "B2")} == {"unassigned"}


@pytest.mark.parametrize(
    "text, how",
    [
        ("mac\n00:25:B3:00:00:01\n", "mac"),
        ("serial;mac\nUNKNOWN;00:25:b3:00:00:01\n", "mac"),
        ("serial\na1\n", "serial"),
    ],
)
async def test_a_device_is_found_by_serial_number_else_by_mac_address(desk: Desk, text: str, how: str) -> None:
    await desk.stock.process(seen(START_UTC))
    found = await desk.read(text.replace("\n", ";customer\n", 1).rstrip() + ";7\n")
    assert [one["found_by"] for one in found.changes] == [how]


async def test_a_masked_device_is_found_by_the_hash_its_agent_shows(desk: Desk) -> None:
    shown = f"mac-hash:{'0f' * 16}"
    reading = seen(START_UTC, serial=None, mac=None, address="")
    printer = type(reading.printer)(id=shown, identities=(shown,), address="", via="snmp-2c")
    await desk.stock.process(type(reading)(taken_at=START_UTC, printer=printer, status=reading.status, supplies=(), counters=()))
    found = await desk.read(f"mac;customer\n{shown};7\n00:25:b3:00:00:01;8\n")
    assert [one["found_by"] for one in found.changes] == ["mac"]
    assert "masks MAC addresses" in found.unmatched[0]["reason"]


async def test_zeros_a_spreadsheet_took_away_are_given_back_where_that_is_sure(desk: Desk) -> None:
    await desk.stock.process(
        seen(START_UTC, serial="0004711", mac=None), seen(START_UTC, serial="00815", mac=None), seen(START_UTC, "0815")
    )
    found = await desk.read("serial;customer\n4711;7\n815;8\n")
    assert [one["serial"] for one in found.changes] == ["0004711"]
    assert found.unmatched[0]["reason"] == "2 devices have this serial number"


async def test_where_two_serial_numbers_differ_by_first_zeros_alone_neither_is_guessed(desk: Desk) -> None:
    """Of 0004711 and 4711 a spreadsheet makes the same number: a contract on the wrong one is a wrong bill."""
    await desk.stock.process(seen(START_UTC, serial="0004711", mac=None), seen(START_UTC, serial="4711"))
    found = await desk.read("serial;mac;customer\n4711;;7\n0004711;;8\n")
    assert [(one["row"], one["reason"]) for one in found.unmatched] == [(2, "2 devices have this serial number")]
    assert [one["serial"] for one in found.changes] == ["0004711"]
    assert [one["serial"] for one in (await desk.read("serial;mac;customer\n4711;00:25:b3:00:00:01;7\n")).changes] == ["4711"]


FULL = "serial;contract;contract kind;start meter;start meter mono\nA1;V-1;full-service;100;60\n"


async def test_a_start_meter_of_one_counter_leaves_the_others(desk: Desk) -> None:
    await desk.stock.process(seen(START_UTC))
    await desk.read(FULL)
    text = "serial;start meter mono\nA1;70\n"
    found = await desk.read(text)
    assert found.changes[0]["changes"] == {
        "contract start_meter": [{"total": 100, "total.mono": 60}, {"total": 100, "total.mono": 70}],
    }
    assert (await desk.read(text)).changes == []


async def test_what_a_list_takes_away_is_shown_too(desk: Desk) -> None:
    """A preview that is silent about a change is no preview."""
    await desk.stock.process(seen(START_UTC))
    await desk.read("serial;contract kind;lease until;lessor\nA1;lease;31.12.2027;Bank\n")
    found = await desk.read("serial;contract kind\nA1;pages-only\n")
    changes = found.changes[0]["changes"]
    assert changes["contract kind"] == ["lease", "pages-only"]
    assert changes["contract lessor"] == ["Bank", None]
    await desk.read("serial;contract kind\nA1;full-service\n")
    assert "toner" in (await desk.device("A1"))["contracts"][0]["supplies"]
    gone = (await desk.read("serial;contract kind\nA1;pages-only\n")).changes[0]["changes"]
    assert gone["contract supplies"][1] == ()


async def test_a_contract_that_ends_for_a_new_one_is_shown(desk: Desk) -> None:
    await desk.stock.process(seen(START_UTC))
    await desk.read("serial;contract;contract kind;begins\nA1;V-1;full-service;01.11.2026\n")
    found = await desk.read("serial;contract;contract kind;begins\nA1;V-2;monitoring;01.02.2027\n", apply=False)
    assert found.changes[0]["changes"]["contract from 2026-11-01"] == [None, "ends 2027-01-31"]


async def test_a_contract_that_was_ended_is_not_begun_anew_by_a_list_that_was_not_told(desk: Desk) -> None:
    await desk.stock.process(seen(START_UTC))
    await desk.read(FULL)
    await desk.office.end_contract("acme", "A1", ends=desk.stock.clock.utc().date(), now_utc=START_UTC)
    before = await desk.device("A1")
    desk.stock.clock.advance(10 * 86400)
    found = await desk.read(FULL)
    assert (found.changes, found.unchanged) == ([], 1)
    assert (await desk.device("A1"))["contracts"] == before["contracts"]


async def test_a_list_that_still_has_a_swapped_device_is_no_fault_and_gives_it_no_contract(desk: Desk) -> None:
    await desk.stock.process(seen(START_UTC), seen(START_UTC, serial="B2", mac=None))
    await desk.read(FULL)
    await desk.office.swap("acme", "A1", "B2", day=TODAY, now_utc=START_UTC)
    before = await desk.device("A1")
    desk.stock.clock.advance(10 * 86400)
    found = await desk.read(FULL.rstrip() + "\nB2;V-1;full-service;;\n")
    assert found.is_applied
    assert [(one["row"], one["serial"]) for one in found.unmatched] == [(2, "A1")]
    assert (await desk.device("A1"))["contracts"] == before["contracts"]


async def test_locations_contacts_and_the_catalogue_are_lists_too(desk: Desk) -> None:
    assert (await desk.read("Standort;Bezeichnung;Anschrift\nK-1;Kantine;Musterweg 1\n", "locations")).is_applied
    assert (await desk.read("Nummer;Ansprechpartner;E-Mail;Standort\n7;Anna Beispiel;anna@example.com;K-1\n", "contacts")).is_applied
    text = "Modell;Art;Farbe;Artikelnummer;Alternative;Reichweite;VE\nACME L*;Toner;schwarz;T-1;T-8, T-9;3.000;2\n"
    assert (await desk.read(text, "catalogue", account=DEALER)).is_applied
    (place,) = await desk.registers.locations("acme", now_utc=START_UTC)
    (contact,) = await desk.registers.contacts("acme", now_utc=START_UTC)
    (line,) = await desk.registers.articles()
    assert (place["location"], place["address"], contact["mail"]) == ("K-1", "Musterweg 1", "anna@example.com")
    assert (line["colour"], line["alternatives"], line["yield_pages"], line["pack"]) == ("black", ["T-8", "T-9"], 3000, 2)
    again = await desk.read(text, "catalogue", account=DEALER)
    assert (again.changes, again.unchanged) == ([], 1)


@pytest.mark.parametrize(
    "text, what, says",
    [
        ("\n", "devices", "empty"),
        ("Farbe\nrot\n", "devices", "no column device or serial or mac"),
        ("serial;Seriennummer\n1;2\n", "devices", "a column is there twice"),
        ("model;kind\n*;toner\n", "catalogue", "no column article"),
    ],
)
async def test_what_is_no_list_of_that_kind_is_refused(desk: Desk, text: str, what: What, says: str) -> None:
    with pytest.raises(NotDoneError, match=says):
        await desk.read(text, what)


async def test_an_import_is_in_the_audit_log_with_the_hash_of_its_file(desk: Desk) -> None:
    await desk.stock.process(seen(START_UTC))
    await desk.read("serial;customer\nA1;7\n", apply=False)
    await desk.read("serial;customer\nA1;7\n")
    (row,) = await desk.registers.audit("acme")
    assert row["what"] == "import"
    assert row["subject"].startswith("devices: 1 changed, 0 as they were, 0 not found; file ")
