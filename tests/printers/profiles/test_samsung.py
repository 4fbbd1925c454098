"""An invented Samsung: jobs by size, sides, colour and unit in rows, summed here; the same engine at HP."""

from __future__ import annotations

import pytest

from tests.printers.vendor_devices import read, rows

SAMSUNG = "1.3.6.1.4.1.236.11.5"
TABLE = f"{SAMSUNG}.11.53.11.2.1"
LIFE = {"1.3.6.1.2.1.43.10.2.1.3.1.1": 7, "1.3.6.1.2.1.43.10.2.1.4.1.1": 20011}

JOBS = (  # job, size, unit, sides, colour, count
    (1, 5, 7, 1, 3, 4001), (1, 5, 7, 2, 3, 2003), (1, 5, 7, 1, 1, 1009), (1, 20, 7, 3, 1, 503), (1, 2, 7, 1, 2, 101),
    (1, 5, 8, 1, 3, 5003), (2, 5, 7, 1, 3, 701), (2, 19, 7, 2, 1, 211), (3, 5, 7, 1, 3, 43), (4, 5, 7, 1, 3, 997),
    (5, 5, 7, 1, 3, 601), (11, 5, 7, 1, 1, 307), (12, 5, 7, 1, 1, 991), (6, 5, 7, 1, 3, 31), (21, 5, 7, 1, 3, 983),
)  # fmt: skip

Cells = dict[str, int | str | bytes]


def table(*columns: int, device: str = "1.") -> Cells:
    """Return the count table with only these *columns*."""
    cells: Cells = {}
    for row, values in enumerate(JOBS, 1):
        cells |= {f"{TABLE}.{column}.{device}{row}": values[column - 2] for column in columns}
    return cells


WHOLE = {
    "total/all": 20011, "print/all": 4001 + 2003 + 1009 + 503 + 101, "print/mono": 4001 + 2003, "print/colour": 1009 + 503,
    "print/single": 101, "print/all/large": 503 + 101, "print/all/duplex": 2003 + 503, "print/all/sheets": 5003, "copy/all": 701 + 211,
    "copy/mono": 701, "copy/colour": 211, "copy/all/large": 211, "copy/all/duplex": 211, "fax/all": 43, "fax/mono": 43,
    "scan/all": 601 + 307, "other/all": 31,
}  # fmt: skip


@pytest.mark.parametrize("device", ["1.", ""], ids=["by device and row", "by row"])
def test_every_row_is_in_the_cells_of_its_job(device: str) -> None:
    found = read(rows({**table(2, 3, 4, 5, 6, 7, device=device), **LIFE}, object_id=f"{SAMSUNG}.1"))
    assert (found.reading.printer.profile, found.reading.printer.manufacturer) == ("samsung", "Samsung")
    assert found.counts() == WHOLE


def test_with_job_and_count_alone_there_are_functions_alone() -> None:
    found = read(rows(table(2, 7, device=""), object_id=f"{SAMSUNG}.1")).counts()
    assert found == {"print/all": 12620, "copy/all": 912, "fax/all": 43, "scan/all": 908, "other/all": 31}


def test_an_hp_laser_with_this_engine_is_an_hp() -> None:
    description = "HP Laser MFP 991 993 995-998; V3.82.01.10 DEC-09-2019; Engine V1.00.11; NIC 31.03.60_0.1; S/N CNB7719GQ1"
    found = read(rows({**table(2, 7, device=""), "1.3.6.1.2.1.1.1.0": description, **LIFE}, object_id=f"{SAMSUNG}.1"))
    printer = found.reading.printer
    assert (printer.manufacturer, printer.serial, printer.profile) == ("HP", "CNB7719GQ1", "samsung")
    assert found.counts()["total/all"] == 20011


def test_it_is_never_asked_by_getbulk() -> None:
    assert read(rows(table(2, 7), object_id=f"{SAMSUNG}.1")).learned.device.manners.bulk_rows == 1


def test_the_black_toner_is_known_without_a_standard_row_and_fills_one_without_a_level() -> None:
    cells: Cells = {f"{SAMSUNG}.1.1.3.22.0": 37, f"{SAMSUNG}.1.1.1.4.0": "Z7BQB1AG9"}
    reading = read(rows(cells, object_id=f"{SAMSUNG}.1")).reading
    assert [(one.key, one.kind, one.colour, one.ratio) for one in reading.supplies] == [("v:toner-black", "toner", "black", 0.37)]
    assert reading.printer.serial == "Z7BQB1AG9"
    standard: Cells = {
        f"1.3.6.1.2.1.43.11.1.1.{column}.1.1": value for column, value in ((5, 3), (6, "Black Toner Cartridge"), (8, -2), (9, -3))
    }
    reading = read(rows({**cells, **standard}, object_id=f"{SAMSUNG}.1")).reading
    assert [(one.key, one.ratio, one.state) for one in reading.supplies] == [("1.1", 0.37, "ok")]
