"""Invented devices of makers of whom little is known."""

from __future__ import annotations

from tests.printers.vendor_devices import read, rows

OCE, INTERMEC, RISO, TSC = "1.3.6.1.4.1.1552", "1.3.6.1.4.1.1963", "1.3.6.1.4.1.24807", "1.3.6.1.4.1.51966"


def test_an_oce_counts_area_and_length_and_no_pages() -> None:
    cells: dict[str, int | str | bytes] = {f"{OCE}.21.3.1.1.5.{arc}.0": count for arc, count in ((3, 11), (4, 13), (7, 10007), (8, 20011))}
    assert read(rows(cells, object_id=f"{OCE}.21.1")).counts() == {"total/all/squareMetres": 10007, "total/all/metres": 20011}


def test_an_intermec_says_who_it_is() -> None:
    cells: dict[str, int | str | bytes] = {
        f"{INTERMEC}.20.10.5.4.0": "PM93c",
        f"{INTERMEC}.20.10.5.3.0": "L19.11",
        f"{INTERMEC}.20.10.5.10.0": "dock7",
    }
    printer = read(rows(cells, object_id=f"{INTERMEC}.1")).reading.printer
    assert (printer.model, printer.firmware, printer.hostname, printer.profile) == ("PM93c", "L19.11", "dock7", "label_other")


def test_a_riso_has_a_general_name() -> None:
    assert read(rows({f"{RISO}.1.2.1.1.1.0": "ComColor FW9230"}, object_id=f"{RISO}.1")).reading.printer.model == "ComColor FW9230"


def test_a_tsc_is_known_by_its_number() -> None:
    printer = read(rows({"1.3.6.1.2.1.1.1.0": "TTP944CE Version: 7.02 EZD"}, object_id=f"{TSC}.2.6")).reading.printer
    assert (printer.manufacturer, printer.model, printer.firmware, printer.profile) == ("TSC", "TTP944CE", "7.02", "label_other")
