"""Traps and informs out of bytes, and the response to an inform back into bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poller.errors import DecodeError
from poller.snmp import ber
from poller.snmp.message import decode
from poller.snmp.notification import (
    DATAGRAM_OCTETS_MAX,
    Notification,
    encode_response,
    read_envelope,
    read_notification,
    version_of,
)
from poller.snmp.oid import text
from tests.snmp.datagrams import integer, response, tlv, varbind
from tests.snmp.notifications import INFORM, TRAP, V1_ALERT, V2_ALERT, pdu, v1_trap, v2_notification, v3_trap

WHOLE = [v1_trap(), v2_notification(), v2_notification(INFORM)]


def read(datagram: bytes) -> Notification:
    return read_notification(datagram, read_envelope(datagram))


@pytest.mark.parametrize(
    "enterprise, generic, specific, kind",
    [
        (V1_ALERT, 6, 1, V2_ALERT),
        ("1.3.6.1.4.1.641.6.5.2", 6, 1, "1.3.6.1.4.1.641.6.5.2.0.1"),
        ("1.3.6.1.4.1.10642", 6, 1, "1.3.6.1.4.1.10642.0.1"),
        ("1.3.6.1.4.1.32473", 6, 2**31 - 1, f"1.3.6.1.4.1.32473.0.{2**31 - 1}"),
        ("1.3.6.1.4.1.32473", 0, 0, "1.3.6.1.6.3.1.1.5.1"),
        ("1.3.6.1.4.1.32473", 4, 0, "1.3.6.1.6.3.1.1.5.5"),
        ("1.3.6.1.4.1.32473", 5, 0, "1.3.6.1.6.3.1.1.5.6"),
    ],
)
def test_a_v1_trap_has_the_kind_rfc_3584_makes_of_it(enterprise: str, generic: int, specific: int, kind: str) -> None:
    found = read(v1_trap(enterprise, generic, specific))
    assert found.kind is not None
    assert (text(found.kind), found.version, found.is_inform) == (kind, "1", False)
    assert [text(one.oid) for one in found.varbinds] == ["1.3.6.1.2.1.43.18.1.1.2.1.61"]


@pytest.mark.parametrize("generic, specific", [(7, 0), (-1, 0), (6, -1), (6, 2**31)])
def test_a_v1_trap_of_no_kind_is_a_decode_error(generic: int, specific: int) -> None:
    with pytest.raises(DecodeError, match="of no kind"):
        read(v1_trap(generic=generic, specific=specific))


@pytest.mark.parametrize("tag, is_inform", [(TRAP, False), (INFORM, True)])
def test_a_v2_notification_names_its_kind(tag: int, is_inform: bool) -> None:
    found = read(v2_notification(tag))
    assert found.kind is not None
    assert (text(found.kind), found.version, found.is_inform, found.agent_address) == (V2_ALERT, "2c", is_inform, None)
    assert len(found.varbinds) == 3


def test_a_v2_trap_without_its_kind_is_still_a_trap() -> None:
    body = integer(1) + integer(0) * 2 + tlv(0x30, varbind("1.3.6.1.2.1.1.3.0", integer(1, 0x43)))
    assert read(tlv(0x30, integer(1) + tlv(0x04, b"public") + tlv(TRAP, body))).kind is None


def test_the_address_inside_is_read_and_zeros_are_none() -> None:
    assert read(v1_trap(agent="10.1.2.3")).agent_address == "10.1.2.3"
    assert read(v1_trap(agent="0.0.0.0")).agent_address is None
    assert read(v2_notification(agent="10.1.2.3")).agent_address == "10.1.2.3"


@pytest.mark.parametrize(
    "datagram",
    [
        response(1, varbind("1.3.6.1", integer(1))),
        tlv(0x30, integer(0) + tlv(0x04, b"public") + pdu()),  # a v2 PDU in a v1 message
        tlv(0x30, integer(1) + tlv(0x04, b"public") + tlv(0xA4, b"")),
        tlv(0x30, integer(2) + tlv(0x04, b"public") + pdu()),
    ],
)
def test_what_is_no_notification_is_a_decode_error(datagram: bytes) -> None:
    with pytest.raises(DecodeError):
        read(datagram)


def test_the_response_to_an_inform_has_its_request_id_and_varbinds() -> None:
    datagram = v2_notification(INFORM)
    answer = decode(encode_response(datagram, read_envelope(datagram)))
    assert (answer.request_id, answer.error_status, answer.error_index, answer.community) == (77, 0, 0, b"public")
    assert tuple(answer.varbinds) == read(datagram).varbinds


@pytest.mark.parametrize("datagram", [*WHOLE, v3_trap()], ids=["1", "2c", "2c-inform", "3"])
def test_the_version_is_told_without_reading_further(datagram: bytes) -> None:
    assert version_of(datagram) in ("1", "2c", "3")
    assert version_of(datagram + bytes(DATAGRAM_OCTETS_MAX)) is None
    assert version_of(b"\x31" + datagram[1:]) is None
    for length in range(16):
        assert version_of(datagram[:length]) is None


@pytest.mark.parametrize("datagram", WHOLE, ids=range(len(WHOLE)))
def test_a_notification_cut_anywhere_is_a_decode_error(datagram: bytes) -> None:
    for length in range(len(datagram)):
        with pytest.raises(DecodeError):
            read(datagram[:length])


@given(st.sampled_from(WHOLE), st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=6))
def test_bytes_changed_anywhere_give_a_notification_or_a_decode_error(datagram: bytes, changes: list[tuple[int, int]]) -> None:
    changed = bytearray(datagram)
    for at, octet in changes:
        changed[at % len(changed)] = octet
    try:
        found = read(bytes(changed))
        if found.is_inform:
            answer = encode_response(bytes(changed), read_envelope(bytes(changed)))
            assert ber.read_element(answer, 0, len(answer), tag=ber.SEQUENCE)
    except DecodeError:
        pass


@given(st.binary(max_size=300), st.sampled_from([(0, 0xA4), (1, TRAP), (1, INFORM)]))
def test_any_bytes_give_a_notification_or_a_decode_error(content: bytes, kind: tuple[int, int]) -> None:
    version, tag = kind
    for datagram in (content, tlv(0x30, integer(version) + tlv(0x04, b"public") + tlv(tag, content))):
        version_of(datagram)
        try:
            read(datagram)
        except DecodeError:
            continue
