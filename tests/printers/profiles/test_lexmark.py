"""An invented Lexmark: types and units stand in columns, row numbers mean nothing."""

from __future__ import annotations

from tests.printers.vendor_devices import read, rows

LEXMARK = "1.3.6.1.4.1.641"
SIDES, SHEETS = 4, 5

PAPER = (
    (1, SIDES, 10103), (1, SHEETS, 7001), (2, SIDES, 10007), (2, SHEETS, 6007), (3, SIDES, 8009), (4, SIDES, 1997), (5, SIDES, 3),
    (16, SHEETS, 5003), (17, SIDES, 7001), (18, SIDES, 1801), (32, SHEETS, 401), (33, SIDES, 601), (34, SIDES, 151), (48, SHEETS, 43),
    (49, SIDES, 47), (50, SIDES, 2), (64, SIDES, 19), (80, SIDES, 10111),
)  # fmt: skip
SIZES = ((68, 5, 7), (67, 101, 103), (14, 107, 109), (140, 113, 127))  # A4, A3, tabloid, JIS B4: mono, colour
SCANS = ((1, 997), (2, 991), (3, 11), (4, 13), (5, 17), (259, 19), (260, 23), (261, 29), (771, 31), (772, 37), (773, 41), (769, 983))
"""Copy and fax originals are counted where they are printed or sent."""

Cells = dict[str, int | str | bytes]


def engine(root: str) -> Cells:
    cells: Cells = {}
    for row, (kind, unit, count) in enumerate(PAPER, 1):
        cells |= {f"{root}.6.4.2.1.1.{column}.1.{row}": value for column, value in ((2, kind), (3, unit), (4, count))}
    for row, (size, mono, colour) in enumerate(SIZES, 1):
        cells |= {f"{root}.6.4.2.2.1.{column}.1.{row}": value for column, value in ((2, size), (4, 1), (5, 1), (6, mono), (7, colour))}
        cells |= {f"{root}.6.4.2.3.1.{column}.1.{row}": value for column, value in ((2, size), (4, 1), (5, mono))}
    for row, (kind, count) in enumerate(SCANS, 1):
        cells |= {f"{root}.6.4.3.1.1.{column}.1.{row}": value for column, value in ((2, kind), (4, count), (5, 1))}
    return cells


WHOLE = {
    "total/all": 10007, "total/all/sheets": 6007, "total/mono": 8009, "total/colour": 1997, "print/all": 7001 + 1801,
    "print/all/sheets": 5003, "print/mono": 7001, "print/colour": 1801, "copy/all": 601 + 151, "copy/all/sheets": 401, "copy/mono": 601,
    "copy/colour": 151, "fax/all": 49, "fax/all/sheets": 43, "fax/mono": 47, "fax/colour": 2, "total/mono/large": 101 + 107 + 113,
    "total/colour/large": 103 + 109 + 127, "total/all/large": 321 + 339, "total/all/large/sheets": 321,
    "scan/all": 11 + 13 + 17 + 19 + 23 + 29 + 31 + 37 + 41, "scan/all/duplex": 31 + 37 + 41, "scan/all/sheets": 9,
}  # fmt: skip


def test_every_row_has_its_cell() -> None:
    found = read(rows(engine(LEXMARK), object_id=f"{LEXMARK}.2.99"))
    assert (found.reading.printer.profile, found.reading.printer.manufacturer) == ("lexmark", "Lexmark")
    assert found.counts() == WHOLE


def test_pages_stand_in_where_sides_are_not_counted() -> None:
    cells: Cells = {f"{LEXMARK}.6.4.2.1.1.{column}.1.4": value for column, value in ((2, 80), (3, 3), (4, 10111))}
    assert read(rows(cells, object_id=f"{LEXMARK}.2.99")).counts() == {"total/all": 10111}


def test_an_engine_of_lexmark_sold_by_xerox_is_read_by_both() -> None:
    found = read(rows({**engine(LEXMARK), "1.3.6.1.2.1.1.1.0": "Xerox C999 Color Printer"}, object_id="1.3.6.1.4.1.253.8.62.1.9"))
    assert (found.reading.printer.profile, found.reading.printer.manufacturer) == ("xerox", "Xerox")
    assert found.counts() == WHOLE


def test_a_lexmark_called_toshiba_is_toshibas_by_name() -> None:
    description = "TOSHIBA e-STUDIO999CS version NH63.GM.N639 kernel 2.6.28"
    printer = read(rows({"1.3.6.1.2.1.1.1.0": description}, object_id=f"{LEXMARK}.2.71")).reading.printer
    assert (printer.profile, printer.manufacturer, printer.model) == ("lexmark", "Toshiba", "e-STUDIO999CS")


def test_identity_comes_from_the_mps_mib_where_the_standard_is_silent() -> None:
    cells: Cells = {f"{LEXMARK}.6.2.3.1.4.1": "Lexmark X991", f"{LEXMARK}.6.2.3.1.5.1": "7558109919"}
    printer = read(rows(cells, object_id=None)).reading.printer
    assert (printer.profile, printer.manufacturer, printer.model, printer.serial) == ("lexmark", "Lexmark", "X991", "7558109919")


def test_the_serial_and_part_number_of_a_cartridge_join_its_standard_row() -> None:
    supply, vendor = "1.3.6.1.2.1.43.11.1.1", f"{LEXMARK}.6.4.4.1.1"
    standard: Cells = {}
    for row, kind, text in ((1, 3, "Black Cartridge"), (2, 3, "Cyan Cartridge"), (3, 15, "Fuser")):
        standard |= {f"{supply}.{column}.1.{row}": value for column, value in ((5, kind), (6, text), (8, 7000), (9, 4900))}
    own: Cells = {}
    for row, colour, serial, part, state in ((7, "cyan", "CAE1", "74C2SC0", 4), (9, "black", "CAE2", "74C2SK0", 3)):
        cells = ((3, 6), (4, colour), (5, f"{colour} cartridge"), (6, serial), (7, part), (12, state))
        own |= {f"{vendor}.{column}.1.{row}": value for column, value in cells}
    reading = read(rows({**standard, **own}, object_id=f"{LEXMARK}.2.99")).reading
    assert [(one.key, one.colour, one.serial, one.part_number, one.state, one.ratio) for one in reading.supplies] == [
        ("1.1", "black", "CAE2", "74C2SK0", "ok", 0.7),
        ("1.2", "cyan", "CAE1", "74C2SC0", "low", 0.7),
        ("1.3", None, None, None, "ok", 0.7),
    ]
