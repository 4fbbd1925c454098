"""Lists of merchandise systems: read whoever made them, joined with devices, previewed, done once."""

from __future__ import annotations

import io
import zipfile
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from poller.central.office import columns, sheets
from poller.central.office.administration import NotDoneError
from poller.central.office.columns import CellError, Heading
from poller.central.office.importing import Importer, Preview, What
from poller.central.office.management import Management
from poller.central.office.registers import Registers
from poller.central.office.sheets import SheetError, read_rows
from poller.central.store.inventory import DEALER
from tests.central.stock import Stock, seen, stocked
from tests.fake_clock import START_UTC, FakeClock

TODAY = START_UTC.date()


# --- files -----------------------------------------------------------------------------------------------------------------


def written(folder: Path, content: bytes | str, name: str = "list.csv", charset: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode(charset))
    return path


@pytest.mark.parametrize("charset", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("mark", [";", ",", "\t"])
def test_csv_is_read_in_whatever_it_was_written(tmp_path: Path, charset: str, mark: str) -> None:
    text = f'Seriennummer{mark}Gerätenummer\r\n\r\nA1{mark}"7{mark}8"\r\n{mark}\r\n'
    rows, _ = read_rows(written(tmp_path, text, charset=charset))
    assert rows == [(1, ["Seriennummer", "Gerätenummer"]), (3, ["A1", f"7{mark}8"])]


def workbook(*rows: tuple[Any, ...]) -> bytes:
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in rows:
        book.active.append(row)
    into = io.BytesIO()
    book.save(into)
    return into.getvalue()


def test_xlsx_is_read_with_its_numbers_and_dates(tmp_path: Path) -> None:
    content = workbook(("Seriennummer", "Start", "Zähler"), (4711, date(2026, 1, 31), 12.0), (None, None, None), ("A1", None, 1.5))
    rows, _ = read_rows(written(tmp_path, content, "list.xlsx"))
    assert rows[1:] == [(2, [4711, date(2026, 1, 31), 12]), (4, ["A1", None, "1.5"])]


def changed(content: bytes, name: str, body: bytes) -> bytes:
    """Return a workbook with another part in the place of one, or beside them."""
    into = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as new:
        for one in old.namelist():
            if one != name:
                new.writestr(one, old.read(one))
        new.writestr(name, body)
    return into.getvalue()


SHEET = "xl/worksheets/sheet1.xml"
BOOK = workbook(("Seriennummer",), ("A1",))


@pytest.mark.parametrize(
    "content, says",
    [
        pytest.param(b"a;b\n\x00\n", "neither CSV nor XLSX", id="binary"),
        pytest.param(b'a;b\n"open', "unexpected end of data", id="a quote left open"),
        pytest.param(b"a;b\n" + b"x" * 1001, "more than 1000 characters", id="a long cell"),
        pytest.param(b";" * 200, "more than 100 columns", id="a wide row"),
        pytest.param(b"PK\x03\x04garbage", "a damaged workbook", id="a damaged zip"),
        pytest.param(BOOK[: len(BOOK) // 2], "a damaged workbook", id="half a zip"),
        pytest.param(
            changed(BOOK, SHEET, b"<!--" + b" " * 70_000 + b'--><!DOCTYPE a [<!ENTITY b "bb">]><worksheet/>'),
            "declares entities",
            id="entities",
        ),
        pytest.param(changed(BOOK, SHEET, "<!DOCTYPE a><worksheet/>".encode("utf-16")), "in a charset", id="entities in another charset"),
        pytest.param(changed(BOOK, SHEET, b"<worksheet><sheetData><row>"), "can(not)? be read", id="XML cut off"),
        pytest.param(changed(BOOK, "xl/workbook.xml", b"<workbook/>"), "can(not)? be read", id="no sheets"),
    ],
)
def test_a_hostile_file_is_refused(tmp_path: Path, content: bytes, says: str) -> None:
    with pytest.raises(SheetError, match=says):
        read_rows(written(tmp_path, content))


def test_a_file_has_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sheets, "FILE_BYTES_MAX", 10)
        with pytest.raises(SheetError, match="larger than 10 bytes"):
            read_rows(written(tmp_path, "x" * 11))
    with monkeypatch.context() as patch:
        patch.setattr(sheets, "FILE_BYTES_MAX", 100_000)
        patch.setattr(sheets, "UNPACKED_BYTES_MAX", 1_000_000)
        bomb = changed(BOOK, "big.bin", b"x" * 1_000_000)
        assert len(bomb) < 10_000
        with pytest.raises(SheetError, match="more than 1000000 bytes or 1000 parts, unpacked"):
            read_rows(written(tmp_path, bomb))
    monkeypatch.setattr(sheets, "ROWS_MAX", 2)
    with pytest.raises(SheetError, match="more than 2 rows"):
        read_rows(written(tmp_path, "a\nb\nc\n"))
    with pytest.raises(SheetError, match="no such file"):
        read_rows(tmp_path / "none.csv")


# --- cells and columns -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cell, number",
    [(7, 7), ("12345", 12345), ("12.345", 12345), ("12,345", 12345), ("12 345", 12345), ("1.234.567", 1234567), ("12345,00", 12345)],
)
def test_a_whole_number_is_read_as_people_write_it(cell: sheets.Cell, number: int) -> None:
    assert columns.whole(cell) == number


@pytest.mark.parametrize("cell", [-1, "-1", "1,5", "1.5", "12.34", "1.23.456", "zwölf", "1e5", 2**53, date(2026, 1, 1)])
def test_what_is_no_whole_number_is_none(cell: sheets.Cell) -> None:
    with pytest.raises(CellError):
        columns.whole(cell)


@pytest.mark.parametrize("cell", [date(2026, 1, 31), "2026-01-31", "31.1.2026", "31.01.2026", "2026-01-31 00:00:00"])
def test_a_date_is_read(cell: sheets.Cell) -> None:
    assert columns.day(cell) == date(2026, 1, 31)


@pytest.mark.parametrize("cell", ["01/02/2026", "31.2.2026", "31.1.26", 46000, "soon"])
def test_a_date_that_might_be_another_is_refused(cell: sheets.Cell) -> None:
    with pytest.raises(CellError):
        columns.day(cell)


@pytest.mark.parametrize(
    "cell, mac",
    [
        ("00:25:B3:A1:C2:D4", "mac:0025b3a1c2d4"),
        ("00-25-b3-a1-c2-d4", "mac:0025b3a1c2d4"),
        ("0025.b3a1.c2d4", "mac:0025b3a1c2d4"),
        ("mac-hash:" + "0f" * 16, "mac-hash:" + "0f" * 16),
    ],
)
def test_a_mac_address_is_read_however_it_is_grouped(cell: str, mac: str) -> None:
    assert columns.hardware(cell) == mac


def test_a_serial_number_that_was_rounded_is_refused() -> None:
    with pytest.raises(CellError, match="make the column text"):
        columns.serial("1,23E+11")


@pytest.mark.parametrize(
    "told, kind", [("Vollservice", "full-service"), ("Full-Service", "full-service"), ("Leasing", "lease"), ("kein", "none")]
)
def test_kinds_have_german_names_too(told: str, kind: str) -> None:
    assert columns.contract_kind(told) == kind
    assert columns.supply_kinds("Toner, Trommel / Resttonerbehälter") == ("toner", "drum", "wasteToner")


def test_no_two_columns_of_a_list_share_a_name() -> None:
    for listed in (columns.DEVICES, columns.LOCATIONS, columns.CONTACTS, columns.CATALOGUE):
        words = [word for _, names in listed.values() for word in names.split()]
        assert len(words) == len(set(words))
        assert [word for word in words if columns.plain(word) != word] == []


def test_a_heading_is_understood_without_case_and_marks() -> None:
    heading = Heading(["Serien-Nr.", "Geräte Nr", "Farbe der Wand", "Start-Zähler (sw)", None], columns.DEVICES)
    assert heading.found == {"serial": 0, "device_number": 1, "start_meter total.mono": 3}
    assert heading.unknown == ["Farbe der Wand"]


# --- joining ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
async def stock(tmp_path: Path, clock: FakeClock, database_url: str) -> AsyncIterator[Stock]:
    async with stocked(tmp_path, clock, database_url) as one:
        yield one


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
    assert [one["serial"] for one in found.unlisted] == ["B2"]
    one = await desk.device("A1")
    assert [one[name] for name in ("state", "device_number", "inventory_number", "customer", "cost_centre")] == [
        *("managed", "M-1", "I-1", "4711", "90")
    ]
    (row,) = one["contracts"]
    assert (row["number"], row["kind"], row["begins"]) == ("V-1", "full-service", date(2026, 11, 1))
    assert row["start_meter"] == {"total": 12345, "total.colour": 99}
    assert "toner" in row["supplies"]


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
