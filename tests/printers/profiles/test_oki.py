"""An invented OKI: every number is a text."""

from __future__ import annotations

from tests.printers.vendor_devices import read, rows

Cells = dict[str, int | str | bytes]

ROOT = "1.3.6.1.4.1.2001.1.1.1.1"
MORE, UNIT = f"{ROOT}.11.1.10", f"{ROOT}.100"
SUPPLY = "1.3.6.1.2.1.43.11.1.1"

COUNTS: Cells = {
    f"{UNIT}.1.1.1.3.1": "10007", f"{MORE}.170.1.6.1": "3001 ", f"{MORE}.170.1.7.1": " 7001\x00", f"{MORE}.170.1.8.1": "11",
    f"{MORE}.170.1.17.1": "13", f"{MORE}.170.1.21.1": "17",
}  # fmt: skip
PARTS: Cells = {
    **{f"{UNIT}.3.1.1.{column}.{row}": value for row, text, level in ((1, "K", "29"), (2, "C", "0"), (3, "M", "71"), (4, "Y", "100"))
       for column, value in ((2, f"Toner {text}"), (3, level), (4, "100"), (5, "19"))},
    **{f"{UNIT}.4.1.1.{column}.{row}": value for row in (1, 2, 3, 4) for column, value in ((3, str(3000 * row)), (4, "30000"))},
    f"{UNIT}.5.1.1.3.1": "20000", f"{UNIT}.5.1.1.4.1": "80000", f"{UNIT}.6.1.1.3.1": "75000", f"{UNIT}.6.1.1.4.1": "100000",
}  # fmt: skip


def test_every_counter_has_its_cell() -> None:
    found = read(rows(COUNTS, object_id=ROOT))
    assert (found.reading.printer.profile, found.reading.printer.manufacturer) == ("oki", "OKI")
    assert found.counts() == {"total/all": 10007, "total/colour": 3001, "total/mono": 7001}


def test_it_introduces_itself() -> None:
    who: Cells = {
        "1.3.6.1.2.1.1.1.0": "OKI OkiLAN 9999z Rev.01.02 10/100BASE : Attached to MC9999 Rev.A9.09 : (C)2031 Oki Data Corporation",
        f"{MORE}.25.0": "MC9999dn", f"{MORE}.45.0": "ZK99012A0", f"{MORE}.50.1.1": "cu", f"{MORE}.50.1.2": "Z1.17",
    }  # fmt: skip
    printer = read(rows(who, object_id=ROOT)).reading.printer
    assert (printer.model, printer.serial, printer.firmware) == ("MC9999dn", "ZK99012A0", "A9.09")
    del who["1.3.6.1.2.1.1.1.0"]
    assert read(rows(who, object_id=ROOT)).reading.printer.firmware == "Z1.17"
    named: Cells = {"1.3.6.1.4.1.11.2.3.9.1.1.7.0": "MFG:OKI DATA CORP;MODEL:MC9998;"}
    assert read(rows(named, object_id=ROOT)).reading.printer.model == "MC9998"


def test_toner_belt_and_fuser_of_its_own_table_stand_alone_where_there_is_no_other() -> None:
    found = read(rows(PARTS, object_id=ROOT)).reading.supplies
    assert {one.key: (one.kind, one.colour, one.ratio, one.state) for one in found} == {
        "v:toner-1": ("toner", "black", 0.29, "ok"), "v:toner-2": ("toner", "cyan", 0.0, "empty"),
        "v:toner-3": ("toner", "magenta", 0.71, "ok"),
        "v:toner-4": ("toner", "yellow", 1.0, "ok"), "v:belt": ("transferBelt", None, 0.25, "ok"), "v:fuser": ("fuser", None, 0.75, "ok"),
    }  # fmt: skip


def test_no_part_is_shown_twice() -> None:
    cells = dict(PARTS)
    standard = [("Toner Cartridge OKI DATA CORP", row, 100, -3) for row in (1, 2, 3, 4)] + [("Image Drum Unit", 0, 30000, 409)] * 4
    for row, (text, colorant, full, level) in enumerate([*standard, ("Belt Unit", 0, 80000, 19997), ("Fuser Unit", 0, 100000, 74999)], 1):
        cells |= {f"{SUPPLY}.{column}.1.{row}": value for column, value in ((3, colorant), (6, text), (8, full), (9, level))}
    cells |= {f"1.3.6.1.2.1.43.12.1.1.4.1.{row}": colour for row, colour in enumerate(("black", "cyan", "magenta", "yellow"), 1)}
    found = read(rows(cells, object_id=ROOT)).reading.supplies
    assert [one.key for one in found] == [f"1.{row}" for row in range(1, 11)]
    assert [one.ratio for one in found[:4]] == [0.29, 0.0, 0.71, 1.0]
    assert [one.units for one in found[8:]] == [19997, 74999]
