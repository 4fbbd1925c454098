"""Every meter the reference knows stands in exactly one cell of its family's profile, and nothing it warns of is counted.

The reference lives beside the repository. What it knows and a reading has no place for is listed here, each with its reason.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from poller.printers import library, profile
from poller.printers.profile import By, Sheet

ENTERPRISES = "1.3.6.1.4.1."

NO_CELL = {
    ("xerox", "power_on"): "since power on: no meter, and warned of",
    ("xerox", "stored_total"): "the sum of 72 and 73; other/all is prtMarkerLifeCount's cell",
    ("brother", "pf_kit"): "what a tray's rollers fed: wear, no meter",
    ("brother", "est_pages_remaining"): "an estimate of what toner is left: no count, and a guess is not shown",
    ("zebra", "print_length"): "a text with two units in it",
    ("label_other", "oce_toner"): "what toner was used for, by colour of toner: no function or colour of a page",
    ("hp", "jams"): "no pages",
    ("hp", "scan_jams"): "no pages",
    ("hp", "staples_used"): "no pages",
    ("hp", "scan_flatbed_host"): "part of all flatbed scans, scan_flatbed_all",
    ("hp", "scan_folder"): "part of the scans sent, scan_send",
    ("hp", "scan_fax"): "jobs, not pages",
    ("hp", "fax_sent"): "no page of paper: fax is what was printed",
    ("panasonic", "opc"): "what the drum has turned for: wear, no meter",
    ("panasonic", "scan_pc"): "part of the scans from flatbed and feeder",
    ("panasonic", "fax_sent"): "no page of paper: fax is what was printed",
}
"""Rows of the reference without an entry, by vendor and metric."""

NO_TABLE = {
    ("lexmark", "genCountTable"): "resets, hours, coverage, jams and openings: no pages",
    ("brother", "brInfoReplaceCount 1.3.6.1.4.1.2435.2.3.9.4.2.1.5.5.20.0"): "how often parts were changed: no pages",
    ("brother", "brInfoJamCount 1.3.6.1.4.1.2435.2.3.9.4.2.1.5.5.21.0"): "jams: no pages",
    ("brother", "brInfoCoverage 1.3.6.1.4.1.2435.2.3.9.4.2.1.5.5.18.0"): "a share of ink: no pages",
    ("sharp", "label table"): "its values are read by their place; labels follow the language of the panel",
}

NEVER_READ = {
    "xerox": ["253.8.53.13.2.1.6.1.20.2"],
    "brother": ["2435.2.3.9.4.2.1.5.5.5.1", "2435.2.3.9.4.2.1.5.5.10.3.0"],
    "hp": [f"11.2.3.9.4.2.1.1.16.1.{cell}.0" for cell in ("1.1", "1.2", "10", "11")],
    "canon": ["1602.1.11.1.3.1.4.401"],
    "ricoh": ["367.3.2.1.2.19.5.1.5.1", "367.3.2.1.2.19.5.1.9.1", "367.3.2.1.2.19.5.1.9.2"],
    "konica_minolta": [f"18334.1.1.1.5.7.2.1.5.1.{row}" for row in range(1, 10)],
    "lexmark": ["641.6.5.5.1", "641.2.1.5.1", "641.2.1.2.1.6.1"],
    "kyocera": ["1347.42.2.1.1.1.4.1", "1347.42.2.1.1.1.8.1.1"],
    "samsung": ["236.11.5.11.81.1.1.0"],
    "sharp": ["2385.1532.1.0"],
}
"""Instances that section 4 warns of, which no meter is: below the enterprises."""

NEVER_AS = {
    "253.8.53.13.2.1.6.1.20.33": {"total/mono"},
    "253.8.53.13.2.1.6.1.20.34": {"total/colour"},
    "1602.1.11.1.3.1.4.102": {"total/mono", "total/colour"},
    "1602.1.11.1.3.1.4.103": {"total/mono", "total/colour"},
    **{f"1602.1.11.1.3.1.4.{code}": {"copy/all", "copy/mono", "copy/colour"} for code in (101, 112, 113, 122, 123)},
}
"""Instances that are meters, and the cells they are mistaken for."""

WARNINGS = 17
"""How many section 4 has: all of them are in the two tables above."""


class Named(NamedTuple):
    """One naming of an instance: how directly (0 alone, 1 by what stands in another column, 2 in a sum), at which rank, as which cell."""

    directness: int
    rank: int
    cell: str


@pytest.fixture(scope="session")
def reference(shared: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((shared / "reference" / "vendor-oids.json").read_text())
    return found


@pytest.fixture(scope="session")
def sheets() -> dict[str, Sheet]:
    found, faults = library.read_sheets()
    assert not faults
    return found


def namings(sheet: Sheet, oid: str) -> Iterator[Named]:
    """Yield the counters of *sheet* that count *oid*, an instance or a column."""
    records = {records.name for records in sheet.records if records.oid == oid}
    for counter in sheet.counters:
        cell = cell_of(counter)
        if counter.value is not None and (counter.value == oid or counter.value.partition(":")[0] in records):
            yield Named(0, counter.rank, cell)
        elif any(profile.read_term(term).what == oid for term in counter.sum):
            yield Named(2, counter.rank, cell)
    for table in sheet.tables:
        for name, column in table.columns.items():
            if oid == column or oid.startswith(column + "."):
                yield from table_namings(table, name, [int(arc) for arc in oid[len(column) + 1 :].split(".") if arc])


def table_namings(table: profile.Table, column: str, arcs: list[int]) -> Iterator[Named]:
    index = dict(zip(table.index, arcs, strict=False)) if len(arcs) == len(table.index) else {}
    for counter in table.counters:
        if column not in ([counter.value] if isinstance(counter.value, str) else counter.value):
            continue
        parts = [counter.function, counter.colour, counter.size, counter.sides, counter.unit]
        chosen = {*counter.where, *counter.matches, *(part.by for part in parts if isinstance(part, By))}
        if index and any(not fits(index, name, wanted) for name, wanted in counter.where.items()):
            continue
        words = [part if isinstance(part, str) else part.codes.get(str(index.get(part.by)), "") for part in parts]
        if chosen - set(table.index) or not index:
            yield Named(1, counter.rank, table.name)
        elif all(words):
            yield Named(2 if counter.combine == "sum" else 0, counter.rank, "/".join(words))


def fits(index: dict[str, int], name: str, wanted: profile.Word | tuple[profile.Word, ...]) -> bool:
    return name not in index or index[name] in (wanted if isinstance(wanted, tuple) else (wanted,))


def cell_of(counter: profile.Counter) -> str:
    return "/".join((counter.function, counter.colour, counter.size, counter.sides, counter.unit))


def instances_of(row: dict[str, Any]) -> list[str]:
    """Return the instances of a row of the reference: `{3,4}` is each of them, `<row>` any row of the column before it."""
    oid = row["oid"].split(".<")[0]
    choice = re.search(r"\{([\d,]+)\}", oid)
    return [oid.replace(choice[0], arc) for arc in choice[1].split(",")] if choice else [oid]


def oids_of(sheet: Sheet) -> set[str]:
    """Return every object identifier the entries of *sheet* name, whatever for; not those it is recognised by."""
    return set(re.findall(r"\b1(?:\.\d+){5,}", repr(msgspec.structs.replace(sheet, recognise=(), reroot={}))))


def best_cells(named: list[Named]) -> set[str]:
    """Return the cells of the namings that count first."""
    first = min((one[:2] for one in named), default=None)
    return {one.cell for one in named if one[:2] == first}


def test_every_meter_of_the_reference_has_exactly_one_cell(reference: dict[str, Any], sheets: dict[str, Sheet]) -> None:
    wrong = []
    for vendor in reference["vendors"]:
        for row in vendor["counters"]:
            for oid in instances_of(row):
                cells = best_cells([one for sheet in sheets.values() for one in namings(sheet, oid)])
                is_exception = (vendor["id"], row["metric"]) in NO_CELL
                if row["confidence"] != "C" and (bool(cells) == is_exception or len(cells) > 1):
                    wrong.append(f"{vendor['id']} {row['metric']} {oid}: {sorted(cells)}")
    assert wrong == []


def test_what_only_one_uncertain_source_knows_is_experimental(reference: dict[str, Any], sheets: dict[str, Sheet]) -> None:
    for vendor in reference["vendors"]:
        for oid in (oid for row in vendor["counters"] if row["confidence"] == "C" for oid in instances_of(row)):
            for sheet in sheets.values():
                for counter in sheet.counters:
                    names = counter.value == oid or any(profile.read_term(term).what == oid for term in counter.sum)
                    assert not names or counter.experimental or sheet.experimental, (sheet.name, oid)


def test_every_table_of_the_reference_is_read(reference: dict[str, Any], sheets: dict[str, Sheet]) -> None:
    read = {oid for sheet in sheets.values() for oid in oids_of(sheet)}
    missing = []
    for vendor in reference["vendors"]:
        for table in vendor["counter_tables"]:
            prefix = re.search(r"1(?:\.\d+){5,}", f"{table['name']} {table['rule']}")
            assert prefix is not None
            is_read = any(oid == prefix[0] or oid.startswith(prefix[0] + ".") or prefix[0].startswith(oid + ".") for oid in read)
            if table["confidence"] != "C" and is_read == ((vendor["id"], table["name"]) in NO_TABLE):
                missing.append((vendor["id"], table["name"]))
    assert missing == []


def test_every_exception_is_one(reference: dict[str, Any]) -> None:
    rows = {(vendor["id"], row["metric"]) for vendor in reference["vendors"] for row in vendor["counters"]}
    tables = {(vendor["id"], table["name"]) for vendor in reference["vendors"] for table in vendor["counter_tables"]}
    assert NO_CELL.keys() <= rows
    assert NO_TABLE.keys() <= tables


def test_all_warnings_are_minded(reference: dict[str, Any]) -> None:
    warned = reference["wrong_oids"]
    assert len(warned) == WARNINGS
    assert {one["vendor"] for one in warned} == {*NEVER_READ, "canon", "xerox"}
    for one in warned:
        arcs = re.findall(r"\d+(?:\.\d+){3,}", one["oid"])
        minded = [oid for oids in NEVER_READ.values() for oid in oids] + list(NEVER_AS)
        assert any(oid.startswith(arc.removeprefix(ENTERPRISES)) for oid in minded for arc in arcs), one


@pytest.mark.parametrize("oid", [oid for oids in NEVER_READ.values() for oid in oids])
def test_what_was_warned_of_is_no_meter(oid: str, sheets: dict[str, Sheet]) -> None:
    for sheet in sheets.values():
        assert [one for one in namings(sheet, ENTERPRISES + oid) if one.directness == 0] == [], sheet.name
        assert not any(ENTERPRISES + oid == column for table in sheet.tables for column in table.columns.values()), sheet.name


@pytest.mark.parametrize(
    "branch", ["641.6.5.5", "641.2.1.5", "236.11.5.11.81", "2385.1532", "2435.2.3.9.4.2.1.5.5.5", "253.8.53.13.2.1.6.1.20.2"]
)
def test_branches_without_meters_are_not_read_at_all(branch: str, sheets: dict[str, Sheet]) -> None:
    for sheet in sheets.values():
        assert not any((oid + ".").startswith(f"{ENTERPRISES}{branch}.") for oid in oids_of(sheet)), sheet.name


@pytest.mark.parametrize(("oid", "mistaken"), NEVER_AS.items())
def test_a_meter_is_not_mistaken_for_another(oid: str, mistaken: set[str], sheets: dict[str, Sheet]) -> None:
    for sheet in sheets.values():
        whole = {one.cell for one in namings(sheet, ENTERPRISES + oid) if one.cell.endswith("/all/all/impressions")}
        assert not {cell.removesuffix("/all/all/impressions") for cell in whole} & mistaken, sheet.name
