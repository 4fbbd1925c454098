"""Invented Epsons: mono is what is not colour, the maintenance box stands in their own table alone, the model is spelt in arcs."""

from __future__ import annotations

from poller.snmp import ber
from poller.snmp.oid import parse
from tests.printers.vendor_devices import read, rows

Cells = dict[str, int | str | bytes]

ROOT = "1.3.6.1.4.1.1248.1.2.2"
AGENT = "1.3.6.1.4.1.1248.1.1.2.1.3.5.69.69.80.83.50"
SERVER: Cells = {"1.3.6.1.2.1.1.1.0": "EPSON Built-in 10Base-T Print Server"}
SUPPLY = "1.3.6.1.2.1.43.11.1.1"

COUNTS: Cells = {
    f"{ROOT}.27.1.1.3.1.1": 7001, f"{ROOT}.27.1.1.4.1.1": 3001, "1.3.6.1.2.1.43.10.2.1.4.1.1": 10009,
    f"{ROOT}.27.6.1.4.1.1.1": 8009, f"{ROOT}.27.6.1.4.1.1.2": 1999, f"{ROOT}.27.6.1.4.1.1.3": 3, f"{ROOT}.27.6.1.4.1.1.4": 5,
    f"{ROOT}.27.6.1.5.1.1.1": 2503, f"{ROOT}.27.6.1.5.1.1.2": 499, f"{ROOT}.27.6.1.5.1.1.3": 7, f"{ROOT}.6.1.1.5.1.2": 11,
}  # fmt: skip


def test_every_counter_has_its_cell() -> None:
    found = read(rows({**SERVER, **COUNTS}, object_id=AGENT))
    assert (found.reading.printer.profile, found.reading.printer.manufacturer) == ("epson", "Epson")
    assert found.counts() == {
        "total/all": 10009, "total/mono": 7001, "total/colour": 3001, "print/all": 8009, "print/colour": 2503, "print/mono": 8009 - 2503,
        "copy/all": 1999, "copy/colour": 499, "copy/mono": 1500,
    }  # fmt: skip


def test_it_introduces_itself_by_its_own_tree() -> None:
    who: Cells = {f"{ROOT}.1.1.1.2.1": "ZX-C9990", f"{ROOT}.1.1.1.5.1": "Z7F4009999"}
    for row, (name, version) in enumerate((("Serial No", "Z7F4009999"), ("Network FW", "03.77"), ("Main FW", "ZZ20P2")), 1):
        who |= {f"{ROOT}.2.1.1.3.1.{row}": name, f"{ROOT}.2.1.1.2.1.{row}": version}
    printer = read(rows({**SERVER, **who}, object_id=AGENT)).reading.printer
    assert (printer.model, printer.serial, printer.firmware) == ("ZX-C9990", "Z7F4009999", "ZZ20P2")


def test_the_model_may_be_spelt_in_arcs() -> None:
    device = rows({**SERVER, **COUNTS, "1.3.6.1.2.1.43.15.1.1.6.1.1": "ZZ20P2"}, object_id=AGENT)
    device[parse("1.3.6.1.2.1.25.3.2.1.2.1")] = ber.OBJECT_IDENTIFIER, parse("1.3.6.1.2.1.25.3.1.5")
    device[parse("1.3.6.1.2.1.25.3.2.1.4.1")] = ber.OBJECT_IDENTIFIER, parse("1.3.6.1.4.1.1248.1.2.1.6.87.70.45.57.57.57")
    printer = read(device).reading.printer
    assert (printer.model, printer.firmware) == ("WF-999", "ZZ20P2")


def test_a_maintenance_box_of_the_own_table_stands_beside_the_standard_rows() -> None:
    cells = dict(SERVER)
    for row, (text, level) in enumerate((("Black Ink Z9451", 28), ("Cyan Ink Z9452", 17), ("Maintenance Cartridge Z6716", 71)), 1):
        cells |= {f"{ROOT}.28.1.1.2.1.{row}": level, f"{ROOT}.28.1.1.5.1.{row}": text}
        if row < 3:
            cells |= {f"{SUPPLY}.5.1.{row}": 5, f"{SUPPLY}.6.1.{row}": text, f"{SUPPLY}.8.1.{row}": 100, f"{SUPPLY}.9.1.{row}": level}
    found = read(rows(cells, object_id=AGENT)).reading.supplies
    assert [(one.key, one.kind, one.colour, one.ratio) for one in found] == [
        ("1.1", "ink", "black", 0.28), ("1.2", "ink", "cyan", 0.17), ("v:supply-3", "wasteInk", None, 0.71),
    ]  # fmt: skip
    assert found[2].is_receptacle


def test_the_type_column_tells_what_no_text_does() -> None:
    cells: Cells = {f"{ROOT}.28.1.1.{column}.1.{row}": value for row, level, kind in ((1, 61, 6), (2, 43, 8)) for column, value in (
        (2, level), (5, f"T{row}"), (18, f"T{row}"), (21, kind),
    )}  # fmt: skip
    found = read(rows(cells, object_id=None)).reading
    assert found.printer.profile == "epson"
    assert [(one.kind, one.ratio) for one in found.supplies] == [("ink", 0.61), ("wasteInk", 0.43)]


def test_a_document_scanner_is_not_read_by_it() -> None:
    device = rows({"1.3.6.1.2.1.1.1.0": "EPSON 10/100/1000 Ethernet USB Ext. Scan Server"}, object_id=AGENT)
    assert read(device).reading.printer.profile is None
