"""Invented Canons: software counters by code on multifunction models, by label on the others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.printers.vendor_devices import read, rows

Cells = dict[str, int | str | bytes]

ROOT = "1.3.6.1.4.1.1602"
CODES, TEXTS, VALUES = f"{ROOT}.1.11.1.3.1.4", f"{ROOT}.1.11.2.1.1.2", f"{ROOT}.1.11.2.1.1.3"
MFP, LBP = f"{ROOT}.4.7", f"{ROOT}.4.2"
LIFE: Cells = {"1.3.6.1.2.1.43.10.2.1.4.1.1": 9973}

COUNTS = {
    101: 10007, 102: 10501, 103: 3, 104: 5, 106: 7, 108: 7001, 109: 7103, 112: 101, 113: 6899, 122: 397, 123: 2609, 124: 3407, 201: 2003,
    301: 8009, 401: 11, 403: 307, 404: 2203, 407: 89, 408: 409, 471: 13, 473: 17, 475: 19, 501: 5003,
}  # fmt: skip


def codes(*without: int) -> Cells:
    return {f"{CODES}.{code}": count for code, count in COUNTS.items() if code not in without}


def test_every_code_has_its_cell() -> None:
    assert read(rows({**codes(), **LIFE}, object_id=MFP)).counts() == {
        "total/all": 10007, "other/all": 9973, "total/mono": 7001, "total/mono/large": 101, "total/colour": 2609 + 397,
        "total/colour/large": 397, "print/all": 8009, "print/colour": 2203 + 307, "print/colour/large": 307, "copy/all": 2003,
        "copy/colour": 409 + 89, "copy/colour/large": 89, "scan/all": 5003,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("without", "cell", "count"),
    [
        ((108,), "total/mono", 6899 + 101),
        ((108, 112), "total/mono", 6899),  # A4 devices have no large pages
        ((108, 113), "total/mono", 7103),
        ((122,), "total/colour", 2609),
        ((123,), "total/colour", 3407),
        ((101,), "total/all", 10501),
        ((404,), "print/colour", None),  # the large ones alone are not all
    ],
)
def test_what_is_not_switched_on_is_made_of_what_is(without: tuple[int, ...], cell: str, count: int | None) -> None:
    assert read(rows(codes(*without), object_id=MFP)).counts().get(cell) == count


LABELS = (
    ("Total 1", 10007), ("Total (Black/Large)", 101), ("Total (Black/Small)", 6899), ("Total (Full Color + Single Color/Large)", 397),
    ("Total (Full Color + Single Color/Small)", 2609), ("Print (Total 1)", 8009), ("Copy (Total 1)", 2003), ("Scan (Total 1)", 5003),
)  # fmt: skip
BY_LABEL = {
    "total/all": 10007, "total/mono": 7000, "total/mono/large": 101, "total/colour": 3006, "total/colour/large": 397, "print/all": 8009,
    "copy/all": 2003, "scan/all": 5003,
}  # fmt: skip


def labelled(*labels: tuple[str, int]) -> Cells:
    cells: Cells = {}
    for row, (label, count) in enumerate(labels, 4):
        cells |= {f"{TEXTS}.{row}": label, f"{VALUES}.{row}": count}
    return cells


def test_labels_mean_what_they_say_wherever_they_stand() -> None:
    assert read(rows(labelled(*LABELS), object_id=LBP)).counts() == BY_LABEL
    assert read(rows(labelled(*reversed(LABELS)), object_id=LBP)).counts() == BY_LABEL


def test_the_whole_black_is_not_added_to_its_parts() -> None:
    assert read(rows(labelled(("Total (Black 1)", 7001), *LABELS), object_id=LBP)).counts()["total/mono"] == 7001


def test_labels_are_read_only_without_codes() -> None:
    assert read(rows({**codes(), **labelled(("Total 1", 23))}, object_id=MFP)).counts()["total/all"] == 10007


def test_it_introduces_itself() -> None:
    who: Cells = {"1.3.6.1.2.1.1.1.0": "Canon iR-ADV Z999 /P", f"{ROOT}.1.2.1.4.0": "ZZK09187", f"{ROOT}.1.1.1.4.0": "R9.21"}
    printer = read(rows(who, object_id=MFP)).reading.printer
    assert (printer.profile, printer.manufacturer, printer.model) == ("canon", "Canon", "iR-ADV Z999")
    assert (printer.serial, printer.firmware) == ("ZZK09187", "R9.21")


@pytest.mark.parametrize("text", ["0604", "GFC-015-04"])
def test_a_number_that_is_no_version_is_none(text: str) -> None:
    assert read(rows({f"{ROOT}.1.1.1.1.0": "LBP9999Z", f"{ROOT}.1.1.1.4.0": text}, object_id=LBP)).reading.printer.firmware is None


LONG_SHEETS = {471, 473, 475}  # part of the totals; no size of a reading


def test_every_code_of_the_reference_is_counted_unless_it_is_uncertain_or_a_long_sheet(shared: Path) -> None:
    vendors = json.loads((shared / "reference" / "vendor-oids.json").read_text())["vendors"]
    (known,) = (table["codes"] for vendor in vendors if vendor["id"] == "canon" for table in vendor["counter_tables"][:1])
    sure = {int(code) for code, text in known.items() if not text.endswith("[C]")} - LONG_SHEETS
    for code in sure:
        assert read(rows({f"{CODES}.{code}": 97}, object_id=MFP)).counts(), code
    for code in ({int(code) for code in known} - sure) | {401}:
        assert read(rows({f"{CODES}.{code}": 97}, object_id=MFP)).counts() == {}, code
