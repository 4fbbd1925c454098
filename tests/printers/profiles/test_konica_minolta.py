"""An invented bizhub, the same as Develop sells it, and Muratec's under another number."""

from __future__ import annotations

import pytest

from tests.printers.vendor_devices import read, rows

Cells = dict[str, int | str | bytes]

KONICA, MURATEC = "1.3.6.1.4.1.18334.1.1.1", "1.3.6.1.4.1.4322.101.1.1"

SCALARS = {
    "2.1.1.0": 20011, "2.1.3.0": 4001, "2.1.5.0": 3001, "2.1.8.0": 2503, "2.1.9.0": 9001, "2.1.10.0": 9007, "2.3.1.5.1": 2999,
    "2.3.1.6.1": 211, "2.3.1.7.1": 3, "2.3.1.11.1": 5,
}  # fmt: skip
MATRIX = {(1, 1): 1009, (1, 2): 7001, (2, 1): 503, (2, 2): 3001, (3, 1): 17, (3, 2): 19, (4, 1): -1, (4, 2): 23}
LARGE = {(1, 1): 101, (1, 2): 701, (2, 1): 53, (2, 2): 307}

WHOLE = {
    "total/all": 20011, "total/all/duplex": 4001, "total/all/sheets": 9007, "scan/all": 3001, "scan/all/large": 211,
    "other/all/sheets": 2503, "copy/mono": 1009, "print/mono": 7001, "copy/colour": 503, "print/colour": 3001, "copy/single": 17,
    "print/single": 19, "print/two": 23, "copy/mono/large": 101, "print/mono/large": 701, "copy/colour/large": 53,
    "print/colour/large": 307, "total/colour": 3504, "total/single": 36, "total/two": 23,
}  # fmt: skip


def engine(root: str, *without: str) -> Cells:
    cells: Cells = {f"{root}.5.7.{place}": count for place, count in SCALARS.items() if place not in without}
    for (colour, function), count in MATRIX.items():
        cells[f"{root}.5.7.2.2.1.5.{colour}.{function}"] = count
    for (colour, function), count in LARGE.items():
        cells[f"{root}.5.7.2.2.1.7.{colour}.{function}"] = count
    return cells


@pytest.mark.parametrize(
    ("root", "object_id", "description", "family", "maker"),
    [
        (KONICA, "1.3.6.1.4.1.18334.1.1.1.2.1.9999.1.1", "KONICA MINOLTA bizhub C999", "konica_minolta", "Konica Minolta"),
        (KONICA, "1.3.6.1.4.1.18334.1.2.1.2.1.9999.1.1", "Develop ineo+ 999", "develop", "Develop"),
        (MURATEC, "1.3.6.1.4.1.4322.101.9", "Muratec MFX-9990", "muratec", "Muratec"),
    ],
)
def test_every_counter_has_its_cell(root: str, object_id: str, description: str, family: str, maker: str) -> None:
    found = read(rows({**engine(root), "1.3.6.1.2.1.1.1.0": description}, object_id=object_id))
    assert (found.reading.printer.profile, found.reading.printer.manufacturer) == (family, maker)
    assert found.counts() == WHOLE


def test_the_other_places_of_scans_and_sheets_stand_in() -> None:
    counts = read(rows(engine(KONICA, "2.1.5.0", "2.1.10.0"), object_id="1.3.6.1.4.1.18334.1.1.1.2.1.9999")).counts()
    assert (counts["scan/all"], counts["total/all/sheets"]) == (2999, 9001)


def test_without_a_total_of_its_own_it_is_the_life_count() -> None:
    cells = {**engine(KONICA, "2.1.1.0"), "1.3.6.1.2.1.43.10.2.1.4.1.1": 20021}
    assert read(rows(cells, object_id="1.3.6.1.4.1.18334.1.1.1.2.1.9999")).counts()["total/all"] == 20021


@pytest.mark.parametrize(
    ("modules", "firmware"),
    [
        ((("Printer Controller", "-"), ("MFP Controller", "Z9X0-30G0"), ("Panel", "1")), "Z9X0-30G0"),
        ((("Panel", "-"), ("Font", "Registered"), ("Engine", "Z9X0-99")), "Z9X0-99"),
        ((("Panel", "-"),), None),
    ],
)
def test_firmware_is_a_version_of_a_module(modules: tuple[tuple[str, str], ...], firmware: str | None) -> None:
    cells = engine(KONICA)
    for row, (name, version) in enumerate(modules, 1):
        cells |= {f"{KONICA}.5.5.1.1.2.{row}": name, f"{KONICA}.5.5.1.1.3.{row}": version}
    assert read(rows(cells, object_id="1.3.6.1.4.1.18334.1.1.1.2.1.9999")).reading.printer.firmware == firmware


def test_what_a_rebadged_one_calls_itself_counts_first() -> None:
    cells: Cells = {"1.3.6.1.2.1.1.1.0": "KONICA MINOLTA bizhub C999", f"{KONICA}.1.6.2.1.0": "Develop ineo+ 111"}
    assert read(rows(cells, object_id="1.3.6.1.4.1.18334.1.1.1.2.1.9999")).reading.printer.model == "bizhub C999"
    del cells["1.3.6.1.2.1.1.1.0"]
    assert read(rows(cells, object_id="1.3.6.1.4.1.18334.1.1.1.2.1.9999")).reading.printer.model == "ineo+ 111"
