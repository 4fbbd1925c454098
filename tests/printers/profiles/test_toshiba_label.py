"""An invented label printer of Toshiba TEC: it says who it is, and counts nothing."""

from __future__ import annotations

from tests.printers.vendor_devices import read, rows

TEC = "1.3.6.1.4.1.1129.1.2"


def test_it_says_who_it_is() -> None:
    cells: dict[str, int | str | bytes] = {
        "1.3.6.1.2.1.1.1.0": "TOSHIBA TEC B-EV9",
        f"{TEC}.1.1.1.2.1.0": "B-EV9T-GS14",
        f"{TEC}.1.1.1.1.1.0": "8190771A",
        f"{TEC}.1.1.1.2.2.0": "V1.6H",
    }
    found = read(rows(cells, object_id=f"{TEC}.1"))
    printer = found.reading.printer
    assert (printer.manufacturer, printer.model, printer.serial, printer.firmware) == ("Toshiba", "B-EV9T-GS14", "8190771A", "V1.6H")
    assert (printer.profile, found.counts()) == ("toshiba_label", {})


def test_a_product_version_stands_in_for_the_firmware_without_its_letter() -> None:
    cells: dict[str, int | str | bytes] = {f"{TEC}.1.1.1.1.2.0": "B2.4", f"{TEC}.1.1.1.2.5.0": "V9.9"}
    assert read(rows(cells, object_id=f"{TEC}.1")).reading.printer.firmware == "2.4"
