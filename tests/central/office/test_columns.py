"""Cells of a list, in German and in English: what they mean, and what must not be guessed."""

from __future__ import annotations

from datetime import date

import pytest

from poller.central.office import columns, sheets
from poller.central.office.columns import CellError, Heading


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


@pytest.mark.parametrize("cell", ["1,23E+11", "1.23457E+15", "1E+11", "1.2345678901234568e+16", 1234567890123450])
def test_a_serial_number_that_was_rounded_is_refused(cell: sheets.Cell) -> None:
    """A spreadsheet keeps fifteen digits: 1234567890123456 in a cell of numbers is another device's by now."""
    with pytest.raises(CellError, match="make the column text"):
        columns.serial(cell)


@pytest.mark.parametrize("cell, told", [("1234567890123456", "1234567890123456"), (123456789012345, "123456789012345"), ("5e12", "5E12")])
def test_a_serial_number_that_was_not_is_taken(cell: sheets.Cell, told: str) -> None:
    assert columns.serial(cell) == told


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
