"""An invented FUJIFILM: Xerox's counter table under a number of its own."""

from __future__ import annotations

from tests.printers.vendor_devices import read, rows

DETAIL = "1.3.6.1.4.1.253.8.53.13.2.1"
MODEL = "1.3.6.1.4.1.297.1.11.93.2.1.99"


def test_it_is_read_by_its_own_profile_from_xeroxs_table() -> None:
    cells: dict[str, int | str | bytes] = {
        "1.3.6.1.2.1.1.1.0": "FUJIFILM Apeos C9991",
        "1.3.6.1.2.1.43.5.1.1.17.1": "TC770919",
        "1.3.6.1.4.1.297.1.111.1.31.10.0": "System 7.11.13; ESS 1.17.19; IOT 23.29",
        **{f"{DETAIL}.6.1.20.{index}": count for index, count in ((1, 10007), (33, 2003), (34, 8009), (47, 503))},
        **{f"{DETAIL}.6.103.20.{index}": count for index, count in ((3, 701), (25, 211))},
        **{f"{DETAIL}.8.103.20.{index}": label for index, label in ((3, "Black Copied Impressions"), (25, "Color Copied Impressions"))},
    }
    found = read(rows(cells, object_id=MODEL))
    printer = found.reading.printer
    assert (printer.manufacturer, printer.model, printer.serial, printer.firmware) == ("FUJIFILM", "Apeos C9991", "TC770919", "7.11.13")
    assert printer.profile == "fujifilm"
    assert found.counts() == {
        "total/all": 10007, "total/colour": 2003, "total/mono": 8009, "total/all/large": 503, "copy/mono": 701, "copy/colour": 211,
        "copy/all": 912,
    }  # fmt: skip


def test_without_the_table_the_life_count_is_the_total() -> None:
    cells: dict[str, int | str | bytes] = {
        "1.3.6.1.2.1.1.1.0": "FUJI XEROX ApeosPort-VI C9991;ESS1.0.217,IOT 52.54.1",
        "1.3.6.1.2.1.43.10.2.1.3.1.1": 7,
        "1.3.6.1.2.1.43.10.2.1.4.1.1": 10009,
    }
    found = read(rows(cells, object_id="1.3.6.1.4.1.297.1.11.93.1.3"))
    assert found.counts() == {"total/all": 10009}
    assert (found.reading.printer.manufacturer, found.reading.printer.firmware) == ("Fuji Xerox", "1.0.217")
