"""Records in an octet string, with the strings of real devices' kinds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poller.printers.profile import Form
from poller.printers.records import Source, read_records
from poller.snmp import ber
from poller.snmp.message import Missing
from poller.snmp.oid import parse

OID = parse("1.3.6.1.4.1.32473.7.5.8.0")


@pytest.mark.parametrize(
    ("octets", "found"),
    [
        ("63010400000001 410104000022 60ff", {0x63: 1, 0x41: 8800}),
        ("a101020414 ff", {0xA1: 0x0414}),
        ("31010101 ff 32010101", {0x31: 1}),
        ("310101", {}),
        ("", {}),
        ("310100 320101 07", {0x32: 7}),
        ("310101 01 310101 02", {0x31: 1}),
    ],
)
def test_records_of_id_type_and_length(octets: str, found: dict[int, int]) -> None:
    read = read_records(bytes.fromhex(octets), "id-type-length")
    assert {id_: int.from_bytes(value, "big") for id_, value in read.items()} == found


def test_records_of_id_and_length() -> None:
    assert read_records(bytes.fromhex("0002001601020000a10400000018"), "id-length") == {
        0x00: b"\x00\x16", 0x01: b"\x00\x00", 0xA1: b"\x00\x00\x00\x18",
    }  # fmt: skip


def test_one_octet_of_a_value() -> None:
    cell = (ber.OCTET_STRING, bytes.fromhex("a101020414ff"))
    assert Source(OID, "id-type-length", 0xA1, 0).number(cell) == 4
    assert Source(OID, "id-type-length", 0xA1, 1).number(cell) == 20
    assert Source(OID, "id-type-length", 0xA1, 2).number(cell) is None
    assert Source(OID, "id-type-length", 0xA1).number(Missing.NO_SUCH_INSTANCE) is None
    assert Source(OID, "id-type-length", 0xA1).number((ber.INTEGER, b"\x01")) is None


@given(st.binary(max_size=80), st.sampled_from(["id-type-length", "id-length"]))
def test_any_octets_give_records_or_none(octets: bytes, form: Form) -> None:
    assert all(0 < len(value) <= 8 for value in read_records(octets, form).values())
