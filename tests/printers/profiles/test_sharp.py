"""An invented MX: counters are known by their place, whatever language the labels beside them are in."""

from __future__ import annotations

from tests.printers.vendor_devices import read, rows

Cells = dict[str, int | str | bytes]

ROOT = "1.3.6.1.4.1.2385.1.1.19.2.1"
AGENT = "1.3.6.1.4.1.2385.3.1.999.1.2"

PLACES = {
    "5.4.61": 10007, "5.4.63": 5003, "5.4.64": 211, "5.4.80": 101, "5.4.60": 3, "1.4.60": 9001, "1.4.61": 6007, "1.4.63": 2999,
    "1.4.75": 4001, "4.4.60": 6301, "4.4.61": 4003, "4.4.63": 1999, "4.4.64": 199, "4.4.80": 97, "5.5.61": 13, "5.5.63": 17,
    "6.4.70": 1201, "7.4.50": 701, "7.4.51": 401, "7.4.53": 293, "7.4.54": 7, "8.4.50": 41, "8.4.51": 23, "8.4.53": 11, "8.4.54": 2,
    "9.4.50": 5,
}  # fmt: skip
WHOLE = {
    "total/all": 10007 + 5003 + 211 + 101, "total/mono": 10007, "total/colour": 5003, "total/two": 211, "total/single": 101,
    "total/all/duplex/sheets": 4001, "print/all": 9001, "print/mono": 6007, "print/colour": 2999, "copy/all": 6301, "copy/mono": 4003,
    "copy/colour": 1999, "copy/two": 199, "copy/single": 97, "other/mono": 13, "other/colour": 17, "other/all/sheets": 1201,
    "scan/all": 742, "scan/mono": 424, "scan/colour": 304, "scan/two": 9,
}  # fmt: skip


def engine(*without: str) -> Cells:
    return {f"{ROOT}.3.{place}": count for place, count in PLACES.items() if not place.startswith(without or "-")}


def test_every_place_has_its_cell() -> None:
    found = read(rows({**engine(), "1.3.6.1.2.1.1.1.0": "SHARP MX-9999N"}, object_id=AGENT))
    assert (found.reading.printer.profile, found.reading.printer.model) == ("sharp", "MX-9999N")
    assert found.counts() == WHOLE


def test_labels_in_german_change_nothing() -> None:
    labels: Cells = {f"{ROOT}.4.{place}": text for place, text in (("5.4.61", "Gesamt S/W"), ("1.4.60", "Drucke"), ("4.4.60", "Kopien"))}
    assert read(rows({**engine(), **labels}, object_id=AGENT)).counts() == WHOLE


def test_models_without_group_seven_count_scans_in_group_eight() -> None:
    assert read(rows(engine("7."), object_id=AGENT)).counts()["scan/all"] == 41


def test_a_black_model_has_its_black_total() -> None:
    assert read(rows(engine("5.4.63", "5.4.64", "5.4.80"), object_id=AGENT)).counts()["total/all"] == 10007


def test_the_life_count_stands_beside_another_total() -> None:
    counts = read(rows({**engine(), "1.3.6.1.2.1.43.10.2.1.4.1.1": 15331}, object_id=AGENT)).counts()
    assert (counts["total/all"], counts["other/all"]) == (15322, 15331)
