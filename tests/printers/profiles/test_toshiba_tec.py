"""An invented e-STUDIO: one matrix of categories and colours."""

from __future__ import annotations

from tests.printers.vendor_devices import read, rows

TOSHIBA = "1.3.6.1.4.1.1129.2.3"
MATRIX = f"{TOSHIBA}.50.1.3.21.6.1"
COLOURS = {1: "colour", 2: "two", 3: "mono", 4: "all"}

COUNTS = {
    2: (1009, 3, 8009, 9029), 3: (607, 5, 4001, 4621), 4: (401, 7, 3001, 3407), 7: (0, 0, 11, 11), 8: (13, 0, 17, 31),
    207: (37, 19, 41, 97), 208: (971, 23, 7963, 8971), 209: (43, 29, 47, 127), 210: (563, 31, 3947, 4549), 211: (53, 37, 59, 149),
    212: (347, 41, 2939, 3331), 219: (61, 43, 67, 173), 220: (71, 47, 73, 193), 225: (79, 53, 83, 211), 226: (89, 59, 97, 241),
}  # fmt: skip
"""Category: full colour, twin colour, black, total."""

Cells = dict[str, int | str | bytes]


def matrix(*categories: int) -> Cells:
    return {f"{MATRIX}.{category}.1.{colour}": count for category in categories for colour, count in enumerate(COUNTS[category], 1)}


def by_colour(cell: str, counts: tuple[int, ...], size: str = "") -> dict[str, int]:
    return {f"{cell}/{COLOURS[colour]}{size}": count for colour, count in enumerate(counts, 1)}


def both(one: int, other: int) -> tuple[int, ...]:
    return tuple(a + b for a, b in zip(COUNTS[one], COUNTS[other], strict=True))


def test_every_category_of_two_sources_has_its_cell() -> None:
    wanted = {
        **by_colour("total", COUNTS[2]), **by_colour("print", COUNTS[3]), **by_colour("copy", COUNTS[4]),
        **by_colour("total", COUNTS[207], "/large"), **by_colour("print", COUNTS[209], "/large"),
        **by_colour("copy", COUNTS[211], "/large"), **by_colour("scan", COUNTS[219], "/large"), **by_colour("scan", both(219, 220)),
        **by_colour("other", COUNTS[225], "/large"), **by_colour("other", both(225, 226)[:3]),
    }  # fmt: skip
    assert read(rows(matrix(*COUNTS), object_id=f"{TOSHIBA}.58.9")).counts() == wanted


def test_large_and_small_make_the_whole_where_it_is_not_counted() -> None:
    found = read(rows(matrix(207, 208, 209, 210, 211, 212), object_id=f"{TOSHIBA}.58.9")).counts()
    assert {cell: count for cell, count in found.items() if not cell.endswith("/large")} == {
        **by_colour("total", both(207, 208)), **by_colour("print", both(209, 210)), **by_colour("copy", both(211, 212)),
    }  # fmt: skip


def test_model_and_firmware_are_its_own() -> None:
    cells: Cells = {f"{TOSHIBA}.50.1.2.3.1.3.1.1": "TOSHIBA e-STUDIO9505AC", f"{TOSHIBA}.50.1.2.4.1.62.1.1": "T999HD0W1304"}
    printer = read(rows({**cells, f"{TOSHIBA}.50.1.2.4.1.7.1.1": "TOSHIBA"}, object_id=f"{TOSHIBA}.58.9")).reading.printer
    assert (printer.manufacturer, printer.model, printer.firmware) == ("Toshiba", "e-STUDIO9505AC", "T999HD0W1304")


def test_an_oki_on_this_platform_stays_an_oki() -> None:
    cells = {**matrix(2), f"{TOSHIBA}.50.1.2.4.1.7.1.1": "OKI"}
    found = read(rows(cells, object_id=f"{TOSHIBA}.58.9"))
    assert (found.reading.printer.manufacturer, found.counts()["total/all"]) == ("OKI", 9029)
