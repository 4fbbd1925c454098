"""An invented Xerox: the device a service stands under moves per model, what a detail index means does not."""

from __future__ import annotations

import pytest

from tests.printers.vendor_devices import read, rows

XEROX = "1.3.6.1.4.1.253"
DETAIL = f"{XEROX}.8.53.13.2.1"
LIFE = "1.3.6.1.2.1.43.10.2.1.4.1.1"
IMPRESSIONS = {"1.3.6.1.2.1.43.10.2.1.3.1.1": 7}
MODEL = f"{XEROX}.8.62.1.1.99"

ENGINE = {
    1: ("Total Impressions", 10007), 2: ("Power On Impressions", 11), 7: ("Black Printed Impressions", 5003),
    8: ("Black Printed Sheets", 3001), 9: ("Black Printed 2 Sided Sheets", 2003), 10: ("Black Printed Large Sheets", 401),
    15: ("Printed Sheets", 4001), 16: ("Printed 2 Sided Sheets", 2503), 29: ("Color Printed Impressions", 1009),
    30: ("Color Printed Sheets", 907), 31: ("Color Printed 2 Sided Sheets", 503), 32: ("Color Printed Large Sheets", 103),
    33: ("Color Impressions", 1511), 34: ("Black Impressions ", 8501), 38: ("Sheets", 6007), 39: ("2 Sided Sheets", 3109),
    43: ("Color Large Impressions", 107), 44: ("Black Large Impressions", 409), 47: ("Large Impressions", 521),
    72: ("Color Stored Image Printed Impressions", 13), 73: ("Black Stored Image Printed Impressions", 17),
    74: ("Stored Image Printed Impressions", 31), 100: ("Single Impressions", 19), 200: ("A4 Equivalent Impressions", 10607),
}  # fmt: skip
COPY = {
    3: ("Black Copied Impressions", 701), 4: ("Black Copied Sheets", 601), 5: ("Black Copied 2 Sided Sheets", 307),
    6: ("Black Copied Large Sheets", 23), 25: ("Color Copied Impressions", 211), 26: ("Color Copied Sheets", 199),
    27: ("Color Copied 2 Sided Sheets", 97), 28: ("Color Copied Large Sheets", 29),
}  # fmt: skip
FAX = {
    13: ("Embedded Fax Images Sent", 41), 14: ("Embedded Fax Impressions", 43), 15: ("Embedded Fax Sheets", 37),
    16: ("Embedded Fax 2 Sided Sheets", 5), 17: ("Embedded Fax Large Sheets", 3),
}  # fmt: skip
INTERNET_FAX = {13: ("Internet Fax Images Sent", 47), 14: ("Internet Fax Impressions", 2)}
SCAN = {11: ("Network Scanning Images Sent", 1301), 12: ("E-mail Images Sent", 1303), 21: ("Scanned Images Stored", 1307)}

Usage = dict[int, tuple[str, int]]


def usage(**devices: Usage) -> dict[str, int | str | bytes]:
    """Return detail rows of `d<device>=…`: value and label."""
    cells: dict[str, int | str | bytes] = {}
    for name, details in devices.items():
        for index, (label, value) in details.items():
            cells[f"{DETAIL}.6.{name[1:]}.20.{index}"] = value
            cells[f"{DETAIL}.8.{name[1:]}.20.{index}"] = label
    return cells


def counts(cells: dict[str, int | str | bytes]) -> dict[str, int]:
    return read(rows(cells, object_id=MODEL)).counts()


WHOLE = {
    "total/all": 10007, "total/colour": 1511, "total/mono": 8501, "total/all/large": 521, "total/colour/large": 107,
    "total/mono/large": 409, "total/all/sheets": 6007, "total/all/duplex/sheets": 3109, "print/all": 5003 + 1009, "print/mono": 5003,
    "print/colour": 1009, "print/all/sheets": 4001, "print/all/duplex/sheets": 2503, "print/mono/sheets": 3001,
    "print/mono/duplex/sheets": 2003, "print/mono/large/sheets": 401, "print/colour/sheets": 907, "print/colour/duplex/sheets": 503,
    "print/colour/large/sheets": 103, "other/colour": 13, "other/mono": 17, "copy/all": 701 + 211, "copy/mono": 701, "copy/colour": 211,
    "copy/mono/sheets": 601, "copy/mono/duplex/sheets": 307, "copy/mono/large/sheets": 23, "copy/colour/sheets": 199,
    "copy/colour/duplex/sheets": 97, "copy/colour/large/sheets": 29, "fax/all": 43 + 2, "fax/all/sheets": 37, "fax/all/duplex/sheets": 5,
    "fax/all/large/sheets": 3, "scan/all": 1301 + 1303 + 1307,
}  # fmt: skip


@pytest.mark.parametrize(("scan", "copy", "fax", "internet"), [(10, 11, 12, 14), (12, 13, 104, 11), (102, 103, 104, 138)])
def test_every_row_has_its_cell_whatever_device_a_service_is(scan: int, copy: int, fax: int, internet: int) -> None:
    services = {f"d{scan}": SCAN, f"d{copy}": COPY, f"d{fax}": FAX, f"d{internet}": INTERNET_FAX}
    assert counts(usage(d1=ENGINE, **services)) == WHOLE


def test_a_life_count_beside_the_total_is_something_else() -> None:
    found = counts({**usage(d1={1: ("Total Impressions", 10007)}), **IMPRESSIONS, LIFE: 10009})
    assert found == {"total/all": 10007, "other/all": 10009}


def test_without_labels_engine_and_copies_are_known_by_their_index() -> None:
    cells = {f"{DETAIL}.6.1.20.7": 5003, f"{DETAIL}.6.103.20.3": 701, f"{DETAIL}.6.103.20.25": 211, f"{DETAIL}.6.104.20.14": 43}
    assert counts({**cells}) == {"print/mono": 5003, "print/all": 5003, "copy/mono": 701, "copy/colour": 211, "copy/all": 912}


def test_images_received_are_no_printed_faxes() -> None:
    found = counts(usage(d1={1: ("Total Impressions", 10007)}, d10={14: ("Embedded Fax Images Received", 43)}))
    assert found == {"total/all": 10007}


def test_the_engines_own_fax_count_is_not_added_to_the_cards() -> None:
    found = counts(usage(d1={71: ("Faxed Impressions", 53)}, d104={14: ("Faxed Impressions", 53)}))
    assert found == {"fax/all": 53}


def test_all_images_sent_stand_in_for_scans() -> None:
    assert counts(usage(d102={23: ("Images Sent", 1319)})) == {"scan/all": 1319}


def test_a_new_machine_has_counted_nothing_and_says_so() -> None:
    assert counts(usage(d1={1: ("Total Impressions", 0), 34: ("Black Impressions", 0)})) == {"total/all": 0, "total/mono": 0}


def test_the_serial_number_is_the_one_without_a_suffix() -> None:
    cells: dict[str, int | str | bytes] = {
        f"{XEROX}.8.53.3.2.1.3.1": "XB7781204",
        "1.3.6.1.2.1.43.5.1.1.17.1": "XB7781204-AA1",
        f"{XEROX}.8.51.1.2.1.20.1": "MFG:Xerox;CMD:PCL;MDL:AltaLink C9991;CLS:PRINTER",
    }
    printer = read(rows({**cells, **usage(d1=ENGINE)}, object_id=MODEL)).reading.printer
    assert (printer.manufacturer, printer.model, printer.serial, printer.profile) == ("Xerox", "AltaLink C9991", "XB7781204", "xerox")


def test_an_engine_of_samsung_is_read_by_both_profiles() -> None:
    cells = usage(d1={1: ("Total Impressions", 10007), 34: ("Black Impressions", 10007)})
    table = "1.3.6.1.4.1.236.11.5.11.53.11.2.1"
    cells |= {f"{table}.2.1.1": 1, f"{table}.7.1.1": 9001, f"{table}.2.1.2": 2, f"{table}.7.1.2": 1009}
    found = read(rows(cells, object_id=MODEL))
    assert found.reading.printer.profile == "xerox"
    assert found.counts() == {"total/all": 10007, "total/mono": 10007, "print/all": 9001, "copy/all": 1009}
