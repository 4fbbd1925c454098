"""An invented KX-MB."""

from __future__ import annotations

from tests.printers.vendor_devices import read, rows

Cells = dict[str, int | str | bytes]

ROOT = "1.3.6.1.4.1.258"
AGENT = f"{ROOT}.406.999"

COUNTS: Cells = {
    f"{ROOT}.402.1.4.2.1.7.{row}": count for row, count in ((1, 10007), (2, 3), (3, 401), (4, 307), (5, 2003), (7, 5), (8, 7), (9, 211))
}
KX: Cells = {"1.3.6.1.2.1.1.1.0": "Panasonic KX-MB9999", f"{ROOT}.405.1.1.1.5.0": "9CZAB019374"}


def test_every_counter_has_its_cell() -> None:
    found = read(rows({**KX, **COUNTS}, object_id=AGENT))
    printer = found.reading.printer
    assert (printer.profile, printer.manufacturer, printer.model, printer.serial) == ("panasonic", "Panasonic", "KX-MB9999", "9CZAB019374")
    assert found.counts() == {"print/all": 10007, "copy/all": 2003, "fax/all": 211, "scan/all": 401 + 307}


def test_a_level_without_a_known_unit_is_no_share() -> None:
    cells: Cells = {**KX, f"{ROOT}.1.2.2.3.1.1.3.1": "Toner", f"{ROOT}.1.2.2.3.1.1.4.1": 61}
    (toner,) = read(rows(cells, object_id=AGENT)).reading.supplies
    assert (toner.key, toner.kind, toner.units, toner.ratio) == ("v:supply-1", "toner", 61, None)


def test_a_telephone_exchange_is_not_read_by_it() -> None:
    assert read(rows({"1.3.6.1.2.1.1.1.0": "Panasonic KX-NS9999 PBX"}, object_id=f"{ROOT}.601.3")).reading.printer.profile is None
