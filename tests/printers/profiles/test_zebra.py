"""An invented Zebra: texts for everything, and a print server that has a serial number of its own."""

from __future__ import annotations

import pytest

from tests.printers.vendor_devices import read, rows

ZEBRA, SERVER = "1.3.6.1.4.1.10642", "1.3.6.1.4.1.683"

Cells = dict[str, int | str | bytes]


def test_it_counts_labels() -> None:
    cells: Cells = {f"{ZEBRA}.200.17.1.0": "1009", f"{ZEBRA}.200.17.2.0": "10007", f"{ZEBRA}.200.17.3.0": "1920 INCHES, 4876 CENTIMETERS"}
    assert read(rows(cells, object_id=f"{ZEBRA}.1.1")).counts() == {"total/all/labels": 10007, "other/all/labels": 1009}


@pytest.mark.parametrize("object_id", [f"{ZEBRA}.2.851", f"{SERVER}.6.0"])
def test_it_is_the_printer_not_the_print_server(object_id: str) -> None:
    cells: Cells = {
        f"{ZEBRA}.1.1.0": "ZTC TLP 9824 Plus", f"{ZEBRA}.1.2.0": "V99.17.17Z", f"{ZEBRA}.1.9.0": "99J162600531", f"{SERVER}.1.4.0": "79071",
        f"{SERVER}.1.5.0": "7062181", f"{SERVER}.1.9.0": "V99.17.17Z",
    }  # fmt: skip
    printer = read(rows(cells, object_id=object_id)).reading.printer
    assert (printer.manufacturer, printer.model, printer.serial) == ("Zebra", "TLP 9824 Plus", "99J162600531")
    assert (printer.firmware, printer.profile) == ("V99.17.17Z", "zebra")


def test_a_question_mark_is_no_name() -> None:
    cells: Cells = {
        f"{ZEBRA}.1.1.0": "?",
        f"{ZEBRA}.200.19.7.0": "null",
        f"{ZEBRA}.1.3.0": "MANUFACTURER:Zebra Technologies;MODEL:ZTC ZT919-200dpi",
    }
    assert read(rows(cells, object_id=f"{ZEBRA}.1.1")).reading.printer.model == "ZT919-200dpi"
