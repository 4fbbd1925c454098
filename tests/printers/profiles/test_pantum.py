"""An invented Pantum: instances without .0, Printer-MIB rows without hrDeviceIndex."""

from __future__ import annotations

from tests.printers.vendor_devices import read, rows

Cells = dict[str, int | str | bytes]

ROOT = "1.3.6.1.4.1.40093"
AGENT = f"{ROOT}.1.1"
SUPPLY = "1.3.6.1.2.1.43.11.1.1"

COUNTS: Cells = {
    f"{ROOT}.6.4.1": 10007, f"{ROOT}.10.3.1.1": 10009, f"{ROOT}.1.1.3.1": 2003, f"{ROOT}.1.1.3.9": 3, f"{ROOT}.1.1.3.10": 5,
    f"{ROOT}.1.1.3.12": 8009,
}  # fmt: skip


def test_every_counter_has_its_cell() -> None:
    found = read(rows({**COUNTS, "1.3.6.1.2.1.1.1.0": "Pantum BM9999FDW"}, object_id=AGENT))
    assert (found.reading.printer.profile, found.reading.printer.model) == ("pantum", "BM9999FDW")
    assert found.counts() == {"total/all": 10007, "total/all/duplex": 2003, "print/all": 8009}


def test_the_other_total_stands_in() -> None:
    del (cells := dict(COUNTS))[f"{ROOT}.6.4.1"]
    assert read(rows(cells, object_id=AGENT)).counts()["total/all"] == 10009


def test_each_generation_has_its_place_for_the_serial_number() -> None:
    for place in ("1.1.1.5", "6.1.2", "10.1.1.4"):
        printer = read(rows({f"{ROOT}.{place}": "CZ9A019374", f"{ROOT}.1.1.1.1": "9.2.17"}, object_id=AGENT)).reading.printer
        assert (printer.serial, printer.firmware) == ("CZ9A019374", "9.2.17")


def test_percentages_stand_alone_where_there_is_no_other_table() -> None:
    found = read(rows({f"{ROOT}.6.3.1": 41, f"{ROOT}.8.1.4": 83}, object_id=AGENT)).reading.supplies
    assert [(one.key, one.kind, one.ratio) for one in found] == [("v:toner", "toner", 0.41), ("v:drum", "drum", 0.83)]


def test_they_join_the_standard_row_with_the_short_index() -> None:
    cells: Cells = {f"{ROOT}.6.3.1": 41, f"{SUPPLY}.6.1": "Black Toner", f"{SUPPLY}.5.1": 3, f"{SUPPLY}.9.1": -2}
    (toner,) = read(rows(cells, object_id=AGENT)).reading.supplies
    assert (toner.key, toner.colour, toner.ratio) == ("1", "black", 0.41)
