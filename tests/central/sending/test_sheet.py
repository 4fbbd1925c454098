"""A parcel as CSV."""

from __future__ import annotations

import csv
import io

import pytest

from poller.central.sending.sheet import COLUMNS, file_name, is_parcel_id, sheet
from tests.central.sending.parcels import item, parcel


def rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def test_every_item_is_a_row_with_everything_its_parcel_says() -> None:
    found = rows(sheet(parcel("p-1", "acme", item(1), item(2, empty_on=None, alternatives=()))))
    assert [list(row) for row in found] == [list(COLUMNS)] * 2
    assert [(row["request"], row["article"], row["empty_on"], row["alternatives"]) for row in found] == [
        ("q-1", "4711", "2026-11-27", "4800 4801"),
        ("q-2", "4712", "", ""),
    ]
    assert {(row["parcel"], row["title"], row["address"], row["made_at"]) for row in found} == {
        ("p-1", "Müller & Söhne GmbH", "Große Straße 5, 22765 Hamburg", "2026-11-20T06:00:00Z")
    }


def test_every_fact_of_an_item_and_of_a_parcel_has_its_column() -> None:
    one = parcel()
    told = {*one.__struct_fields__, *one.items[0].__struct_fields__} - {"items", "id", "language"}
    assert told | {"parcel"} == set(COLUMNS)


def test_a_cell_is_no_formula_and_no_second_row() -> None:
    (row,) = rows(sheet(parcel("p-1", "acme", item(room="=cmd|' /C calc'!A0", serial='a"\r\n"b,c', cost_centre="z" * 65536))))
    assert (row["room"], row["serial"]) == ("'=cmd|' /C calc'!A0", 'a", "b,c')
    assert len(row["cost_centre"]) == 200


def test_the_same_parcel_gives_the_same_bytes_under_the_same_name() -> None:
    assert sheet(parcel()) == sheet(parcel())
    assert file_name(parcel("p-17")) == "p-17.csv"


@pytest.mark.parametrize(
    "text,is_one", [("p-1", True), ("P.1_b", True), ("", False), ("../p", False), (".p", False), ("p\n", False), ("p" * 65, False)]
)
def test_an_id_is_a_name_everywhere(text: str, is_one: bool) -> None:
    assert is_parcel_id(text) is is_one
