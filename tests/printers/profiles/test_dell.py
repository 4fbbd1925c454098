"""Invented Dells: none of them built by Dell."""

from __future__ import annotations

from tests.printers.profiles.test_lexmark import WHOLE, Cells, engine
from tests.printers.vendor_devices import read, rows

DELL = "1.3.6.1.4.1.674.10898.100"


def test_an_engine_of_lexmark_has_lexmarks_tables_below_dells_root() -> None:
    found = read(rows(engine(DELL), object_id=f"{DELL}.51.99"))
    assert (found.reading.printer.profile, found.reading.printer.manufacturer) == ("dell", "Dell")
    assert found.counts() == WHOLE


def test_a_dell_by_fuji_xerox_is_read_from_xeroxs_table() -> None:
    cells: Cells = {
        "1.3.6.1.2.1.1.1.0": "Dell MFP Laser 9115cn; Net 9.26, Controller 200607111148, Engine 05.09.00",
        "1.3.6.1.4.1.253.8.53.13.2.1.6.1.20.1": 10007,
        "1.3.6.1.4.1.253.8.53.3.2.1.3.1": "9X7R1D1",
    }
    found = read(rows(cells, object_id="1.3.6.1.4.1.674.10898.10.52.1"))
    assert found.counts() == {"total/all": 10007}
    assert (found.reading.printer.profile, found.reading.printer.manufacturer, found.reading.printer.serial) == ("dell", "Dell", "9X7R1D1")


def test_a_dell_names_itself_in_its_device_id() -> None:
    cells: Cells = {f"{DELL}.2.1.2.1.3.1": "COMMAND SET:;MODEL:Dell S9930dn", f"{DELL}.1.1.1.0": "NH62.YS.N999"}
    printer = read(rows(cells, object_id=f"{DELL}.51.1")).reading.printer
    assert (printer.model, printer.firmware) == ("S9930dn", "NH62.YS.N999")


def test_a_dell_by_samsung_is_read_from_samsungs_tree() -> None:
    table = "1.3.6.1.4.1.236.11.5.11.53.11.2.1"
    cells: Cells = {"1.3.6.1.2.1.1.1.0": "Dell 9130n Laser Printer", f"{table}.2.1.1": 1, f"{table}.7.1.1": 9001}
    found = read(rows(cells, object_id="1.3.6.1.4.1.674.10898.10.1"))
    assert found.counts() == {"print/all": 9001}
    assert (found.reading.printer.profile, found.reading.printer.manufacturer) == ("dell", "Dell")


def test_a_dell_with_lexmarks_number_is_read_below_lexmarks_root() -> None:
    found = read(rows({**engine("1.3.6.1.4.1.641"), "1.3.6.1.2.1.1.1.0": "Dell B9460dn Laser Printer"}, object_id="1.3.6.1.4.1.641.1.7"))
    assert (found.reading.printer.profile, found.reading.printer.manufacturer) == ("lexmark", "Dell")
    assert found.counts() == WHOLE
