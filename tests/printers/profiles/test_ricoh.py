"""Invented Ricohs and their brands: row numbers mean nothing, types and English names do; -100 is empty."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from poller.printers import library
from tests.printers.vendor_devices import read, rows

Cells = dict[str, int | str | bytes]

ROOT = "1.3.6.1.4.1.367.3.2.1"
COUNTERS, TONER = f"{ROOT}.2.19.5.1", f"{ROOT}.2.24.1.1"
AGENT = "1.3.6.1.4.1.367.1.1"
SUPPLY = "1.3.6.1.2.1.43.11.1.1"

TYPES = (
    (10, 20011), (200, 3001), (201, 2003), (202, 401), (203, 593), (300, 211), (301, 199), (302, 5), (303, 7), (400, 16001), (401, 11003),
    (402, 1009), (403, 3989), (800, 20021), (870, 907), (871, 3), (872, 11), (873, 409), (874, 307),
)  # fmt: skip
WHOLE = {
    "total/all": 20011, "copy/all": 3001, "copy/mono": 2003, "copy/two": 401, "copy/colour": 593, "fax/all": 211, "fax/mono": 199,
    "fax/two": 5, "fax/colour": 7, "print/all": 16001, "print/mono": 11003, "print/two": 1009, "print/colour": 3989,
    "total/mono": 2003 + 199 + 11003, "total/two": 401 + 5 + 1009, "total/colour": 593 + 7 + 3989, "scan/colour": 409, "scan/mono": 307,
    "scan/all": 409 + 307,
}  # fmt: skip


def engine(*counters: tuple[int, int], first_row: int = 1) -> Cells:
    cells: Cells = {}
    for row, (kind, count) in enumerate(counters, first_row):
        cells |= {f"{COUNTERS}.2.{row}": kind, f"{COUNTERS}.4.{row}": 8, f"{COUNTERS}.5.{row}": f"name {row}", f"{COUNTERS}.9.{row}": count}
    return cells


@pytest.mark.parametrize(
    ("brand", "family", "maker"),
    [
        ("RICOH", "ricoh", "Ricoh"), ("LANIER", "lanier", "Lanier"), ("NRG", "nrg", "NRG"), ("SAVIN", "savin", "Savin"),
        ("Gestetner", "gestetner", "Gestetner"), ("NASHUATEC", "nashuatec", "Nashuatec"), ("Rex-Rotary", "rex_rotary", "Rex-Rotary"),
        ("infotec", "infotec", "Infotec"),
    ],
)  # fmt: skip
def test_every_type_has_its_cell_under_every_brand(brand: str, family: str, maker: str) -> None:
    description = f"{brand} MP Z9999 1.09 / {brand} Network Printer C model / {brand} Network Scanner C model"
    found = read(rows({**engine(*TYPES), "1.3.6.1.2.1.1.1.0": description}, object_id=AGENT))
    printer = found.reading.printer
    assert (printer.profile, printer.manufacturer, printer.model, printer.firmware) == (family, maker, "MP Z9999", "1.09")
    assert found.counts() == WHOLE


def test_rows_may_stand_anywhere() -> None:
    assert read(rows(engine(*reversed(TYPES), first_row=133), object_id=AGENT)).counts() == WHOLE


def test_transmissions_are_scans_only_where_nothing_counts_scans() -> None:
    assert read(rows(engine((10, 20011), (870, 907), (871, 3)), object_id=AGENT)).counts() == {"total/all": 20011, "scan/all": 907}


def test_the_second_total_stands_in() -> None:
    assert read(rows(engine((800, 20021)), object_id=AGENT)).counts() == {"total/all": 20021}


def test_faxes_without_a_black_count_are_black_less_the_coloured_ones() -> None:
    counts = read(rows(engine((10, 20011), (300, 211), (303, 7), (401, 11003)), object_id=AGENT)).counts()
    assert (counts["fax/mono"], counts["total/mono"]) == (204, 11003 + 204)


def test_without_types_the_english_names_tell_and_two_names_of_one_count_are_not_added() -> None:
    names = (
        ("Counter: Machine Total", 20011), ("Counter:Print:Full Color", 3989), ("Total Prints: Full Color", 4583),
        ("Printer: Black & White", 11003), ("Total Prints: Color", 4591), ("Total Prints: Black & White", 13001),
        ("Copier:Black & White", 2003),
    )  # fmt: skip
    cells: Cells = {}
    for row, (label, count) in enumerate(names, 1):
        cells |= {f"{COUNTERS}.5.{row}": label, f"{COUNTERS}.9.{row}": count}
    assert read(rows(cells, object_id=AGENT)).counts() == {
        "total/all": 20011, "total/mono": 13001, "total/colour": 4591, "print/mono": 11003, "print/colour": 3989, "copy/mono": 2003,
    }  # fmt: skip


def test_small_models_have_three_numbers() -> None:
    cells: Cells = {f"{ROOT}.2.19.1.0": 10007, f"{ROOT}.2.19.2.0": 8009, f"{ROOT}.2.19.4.0": 1999}
    assert read(rows(cells, object_id=AGENT)).counts() == {"total/all": 10007, "print/all": 8009, "copy/all": 1999}


def test_it_introduces_itself() -> None:
    who: Cells = {
        f"{ROOT}.1.1.1.0": "Aficio MP Z9999", f"{ROOT}.1.1.2.0": "2.20", f"{ROOT}.2.1.4.0": "   ",
        "1.3.6.1.2.1.43.5.1.1.17.1": "Z999KB01937",
        "1.3.6.1.2.1.1.5.0": "default", f"{ROOT}.6.1.1.7.1": "floor-2",
    }  # fmt: skip
    printer = read(rows(who, object_id=AGENT)).reading.printer
    assert (printer.model, printer.firmware, printer.serial, printer.hostname) == ("Aficio MP Z9999", "2.20", "Z999KB01937", "floor-2")
    who |= {f"{ROOT}.2.1.4.0": "Z999KB01938  ", f"{ROOT}.6.1.1.7.1": "RICOH Aficio MP Z9999"}
    printer = read(rows(who, object_id=AGENT)).reading.printer
    assert (printer.serial, printer.hostname) == ("Z999KB01938", "default")


def toners(levels: tuple[int, ...]) -> Cells:
    cells: Cells = {}
    for row, (colour, level) in enumerate(zip((3, 10, 11, 12), levels, strict=True), 1):
        cells |= {
            f"{TONER}.2.{row}": f"Toner {row}",
            f"{TONER}.3.{row}": f"碳粉 {row}",
            f"{TONER}.4.{row}": colour,
            f"{TONER}.5.{row}": level,
        }
    return cells


def test_toners_of_its_own_table_stand_alone_where_there_is_no_other() -> None:
    found = {one.key: one for one in read(rows(toners((40, -100, -3, -2)), object_id=AGENT)).reading.supplies}
    assert [(one.colour, one.state, one.ratio) for one in found.values()] == [
        ("black", "ok", 0.4), ("cyan", "empty", None), ("magenta", "some-remaining", None), ("yellow", "unknown", None),
    ]  # fmt: skip
    assert list(found) == ["v:toner-1", "v:toner-2", "v:toner-3", "v:toner-4"]


def test_with_the_waste_box_between_they_are_joined_by_colour_not_by_row() -> None:
    cells = toners((40, 20, 60, 80))
    for row, text in enumerate(("Toner Schwarz", "Resttoner", "Toner Cyan", "Toner Magenta", "Toner Gelb"), 1):
        cells |= {f"{SUPPLY}.5.1.{row}": 4 if row == 2 else 3, f"{SUPPLY}.6.1.{row}": text, f"{SUPPLY}.9.1.{row}": 100 if row == 2 else -3}
        cells |= {f"{SUPPLY}.8.1.{row}": 100, f"{SUPPLY}.4.1.{row}": 4 if row == 2 else 3}
    found = read(rows(cells, object_id=AGENT)).reading.supplies
    assert [(one.key, one.colour, one.ratio) for one in found] == [
        ("1.1", "black", 0.4), ("1.2", None, 1.0), ("1.3", "cyan", 0.2), ("1.4", "magenta", 0.6), ("1.5", "yellow", 0.8),
    ]  # fmt: skip


def test_minus_hundred_is_empty_in_the_standard_column_too() -> None:
    cells: Cells = {}
    for row, level in enumerate((-100, 60, -3), 1):
        cells |= {f"{SUPPLY}.5.1.{row}": 3, f"{SUPPLY}.6.1.{row}": f"Toner {row}", f"{SUPPLY}.8.1.{row}": 100, f"{SUPPLY}.9.1.{row}": level}
    found = read(rows(cells, object_id=AGENT)).reading.supplies
    assert [(one.key, one.state, one.ratio) for one in found] == [
        ("1.1", "empty", None), ("1.2", "ok", 0.6), ("1.3", "some-remaining", None),
    ]  # fmt: skip


def test_the_brands_read_what_ricoh_reads() -> None:
    known = library.current().profiles
    for name in ("lanier", "nrg", "savin", "gestetner", "nashuatec", "rex_rotary", "infotec"):
        assert known[name].instances == known["ricoh"].instances


NO_CELL = {871: "part of all transmissions", 872: "faxes sent are no pages"}


def test_every_type_of_the_reference_is_counted(shared: Path) -> None:
    vendors = json.loads((shared / "reference" / "vendor-oids.json").read_text())["vendors"]
    (known,) = (table["codes"] for vendor in vendors if vendor["id"] == "ricoh" for table in vendor["counter_tables"])
    types = {int(code) for code in known if code.isdigit()}
    assert types == {kind for kind, _ in TYPES}
    for kind in types:
        assert bool(read(rows(engine((kind, 97)), object_id=AGENT)).counts()) == (kind not in NO_CELL), kind
