"""Invented LaserJets: PML texts with a symbol set in front, sheets by media size, scans by path."""

from __future__ import annotations

import pytest

from poller.printers import library
from tests.printers.vendor_devices import read, rows

Cells = dict[str, int | str | bytes]

PML = "1.3.6.1.4.1.11.2.3.9.4.2.1"
STATUS = "1.3.6.1.4.1.11.2.3.9.1.1"
AGENT = "1.3.6.1.4.1.11.2.3.9.1"
SUPPLY = "1.3.6.1.2.1.43.11.1.1"
CARD = "HP ETHERNET MULTI-ENVIRONMENT,ROM none,JETDIRECT,JD999,EEPROM JDI29990042,CIDATE 01/02/2031"

A4, A3, LEDGER = 26, 27, 11

WHO: Cells = {
    "1.3.6.1.2.1.1.1.0": CARD,
    f"{PML}.1.3.2.0": b"\x01\x15HP Color LaserJet X987dn\x00",
    f"{PML}.1.3.3.0": b"\x01\x15ZZQ7K31Q77",
    f"{PML}.1.3.6.0": b"\x01\x152999515_000481",
    f"{PML}.1.3.5.0": b"\x01\x1520310203",
    f"{STATUS}.7.0": "MFG:HP;MDL:HP LaserJet X980-X989;DES:HP Color LaserJet X987dn;",
}

COUNTS: Cells = {
    f"{PML}.4.1.2.5.0": 10007, f"{PML}.4.1.2.6.0": 7001, f"{PML}.4.1.2.7.0": 3001, f"{PML}.4.1.2.22.0": 1009, f"{PML}.4.1.2.34.0": 13,
    f"{PML}.1.16.1.9.0": 9999, f"{PML}.1.16.1.10.0": 17, f"{PML}.1.16.1.11.0": 19, f"{PML}.1.16.1.4.0": 23,
    f"{PML}.2.2.1.74.0": 503, f"{PML}.2.2.1.44.0": 211, f"{PML}.2.2.1.45.0": 10884743, f"{PML}.2.2.1.73.0": 29,
    f"{PML}.2.2.1.61.0": 31, f"{PML}.2.2.1.62.0": 37, f"{PML}.2.2.1.20.0": 41, f"{PML}.2.2.1.21.0": 43, f"{PML}.2.2.1.43.0": 47,
    f"{PML}.2.2.1.63.0": 401, f"{PML}.2.2.1.89.0": 53, f"{PML}.2.2.1.90.0": 59,
    f"{PML}.3.7.1.32.0": 307, f"{PML}.3.7.2.11.0": 61, f"{PML}.3.7.2.12.0": 67,
}  # fmt: skip


def media(mono: dict[int, tuple[int, int]], colour: dict[int, tuple[int, int]]) -> Cells:
    cells: Cells = {}
    for place, sizes in ((f"{PML}.1.16.1.1", mono), (f"{PML}.1.16.3.1", colour)):
        for size, (simplex, duplex) in sizes.items():
            cells |= {f"{place}.1.{size}.0": simplex, f"{place}.3.{size}.0": duplex, f"{place}.5.{size}.0": 1}
    return cells


SIZES = media({A4: (71, 73), A3: (79, 83), LEDGER: (89, 97)}, {A4: (101, 103), A3: (107, 109), LEDGER: (113, 127)})


def test_every_counter_has_its_cell() -> None:
    found = read(rows({**WHO, **COUNTS, **SIZES}, object_id=AGENT))
    assert found.counts() == {
        "total/all": 10007, "total/mono": 7001, "total/colour": 3001, "total/all/duplex/sheets": 1009, "copy/all": 401, "fax/all": 307,
        "scan/all": 503 + 211, "scan/all/sheets": 41 + 43,
        "total/mono/large": 79 + 2 * 83 + 89 + 2 * 97, "total/colour/large": 107 + 2 * 109 + 113 + 2 * 127,
    }  # fmt: skip


def test_the_symbol_set_is_no_part_of_a_text() -> None:
    printer = read(rows({**WHO, **COUNTS}, object_id=AGENT)).reading.printer
    assert (printer.profile, printer.manufacturer) == ("hp", "HP")
    assert (printer.model, printer.serial, printer.firmware) == ("Color LaserJet X987dn", "ZZQ7K31Q77", "2999515_000481")


def test_an_old_one_is_known_by_its_1284_id_and_its_card() -> None:
    old = {"1.3.6.1.2.1.1.1.0": CARD, f"{STATUS}.7.0": "MFG:HP;DES:HP LaserJet 9870 Series;"}
    printer = read(rows(old, object_id="1.3.6.1.4.1.11.1")).reading.printer
    assert (printer.profile, printer.model, printer.firmware) == ("hp", "LaserJet 9870 Series", "JDI29990042")


def test_second_choices_stand_in() -> None:
    without = {oid: count for oid, count in COUNTS.items() if oid not in (
        f"{PML}.4.1.2.5.0", f"{PML}.2.2.1.74.0", f"{PML}.2.2.1.44.0", f"{PML}.3.7.1.32.0",
    )}  # fmt: skip
    counts = read(rows({**WHO, **without}, object_id=AGENT)).counts()
    assert (counts["total/all"], counts["scan/all"], counts["fax/all"]) == (9999, 31 + 37, 67)


def test_where_duplex_may_be_counted_in_sides_no_large_pages_are_made_up() -> None:
    flagged = {**WHO, **COUNTS, **SIZES, f"{PML}.1.16.1.1.15.{A4}.0": 1}
    assert not [cell for cell in read(rows(flagged, object_id=AGENT)).counts() if "large" in cell]


def test_a_full_counter_of_the_duplexer_is_no_count() -> None:
    assert "total/all/duplex/sheets" not in read(rows({**WHO, **COUNTS, f"{PML}.4.1.2.22.0": 2**24 - 1}, object_id=AGENT)).counts()


def test_consumables_fill_what_the_standard_table_lacks_and_nothing_else() -> None:
    cells: Cells = {**WHO, f"{PML}.4.1.10.5.1.1.1.0": 1009, f"{PML}.4.1.10.5.1.4.1.0": 4036, f"{PML}.4.1.10.5.1.1.2.0": 7}
    for row, (text, level) in enumerate((("Black Cartridge HP XF990A\x00", -2), ("Cyan Cartridge HP XF991A\x00", 54)), 1):
        cells |= {f"{SUPPLY}.6.1.{row}": text, f"{SUPPLY}.8.1.{row}": 100, f"{SUPPLY}.9.1.{row}": level, f"{SUPPLY}.5.1.{row}": 3}
    black, cyan = read(rows(cells, object_id=AGENT)).reading.supplies
    assert (black.key, black.ratio, black.units, black.unit, black.part_number) == ("1.1", 0.25, 1009, "impressions", "XF990A")
    assert (cyan.key, cyan.ratio, cyan.units) == ("1.2", 0.54, 54)
    assert read(rows({**WHO, f"{PML}.4.1.10.5.1.1.1.0": 1009}, object_id=AGENT)).reading.supplies == ()


@pytest.mark.parametrize(("flag", "error"), [(8, "noPaper"), (9, "jammed"), (10, "lowToner"), (17, "doorOpen")])
def test_flags_speak_where_the_standard_error_state_is_missing(flag: int, error: str) -> None:
    flags: Cells = {f"{STATUS}.2.{one}.0": int(one == flag) for one in (6, 8, 9, 10, 17)}
    assert read(rows({**WHO, **flags}, object_id=AGENT)).reading.status.errors == (error,)


def test_its_manners_are_slow() -> None:
    manners = library.current().profiles["hp"].manners
    assert manners.bulk_rows is not None
    assert manners.bulk_rows <= 8
    assert manners.context == "Jetdirect"
