"""The agent's side of SNMP, as tables: what is asked, what is shown, what comes back."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from poller.simulator.agent import View, answer, encode_element, encode_response, encode_varbind, key_of, read_request, view
from poller.snmp import ber
from poller.snmp.message import Answer, ErrorStatus, Missing, Value, decode, encode_get, encode_next
from poller.snmp.oid import Oid
from poller.snmp.oid import parse as oid
from poller.snmp.oid import text as oid_text

REQUEST_ID = 0x01020304
A, B, C, D = "1.3.6.1.2.1.1.1.0", "1.3.6.1.2.1.1.5.0", "1.3.6.1.2.1.43.11.1.1.9.1.2", "1.3.6.1.2.1.43.11.1.1.9.1.130"
WIDE = "1.3.6.1.2.1.31.1.1.1.6.1"
VALUES: dict[str, Value] = {
    A: (ber.OCTET_STRING, b"Laser"),
    B: (ber.OCTET_STRING, b""),
    WIDE: (ber.COUNTER64, b"\x01" + bytes(7)),
    C: (ber.INTEGER, b"\xfd"),
    D: (ber.INTEGER, b"\x63"),
}
SHOWN = view((oid(at), value) for at, value in VALUES.items())


def get(*oids: str, version: str = "2c", community: str = "public") -> bytes:
    return encode_get([oid(at) for at in oids], version=version, community=community).with_request_id(REQUEST_ID)


def following(at: str, *, rows: int = 1, version: str = "2c") -> bytes:
    return encode_next(oid(at), rows=rows, version=version, community="public").with_request_id(REQUEST_ID)


def bulk(non_repeaters: int, repetitions: int, *oids: str) -> bytes:
    varbinds = b"".join(encode_varbind(oid(at), ber.NULL) for at in oids)
    numbers = b"".join(encode_element(ber.INTEGER, number.to_bytes(4, "big", signed=True)) for number in (1, non_repeaters, repetitions))
    pdu = encode_element(0xA5, numbers + encode_element(ber.SEQUENCE, varbinds))
    return encode_element(ber.SEQUENCE, b"\x02\x01\x01" + encode_element(ber.OCTET_STRING, b"public") + pdu)


def reply_to(request: bytes, shown: View = SHOWN, **options: int) -> Answer:
    reply = answer(request, shown, **options)  # type: ignore[arg-type]
    assert reply is not None
    return decode(reply)


def listed(answered: Answer) -> list[tuple[str, Value | Missing]]:
    return [(oid_text(at), value) for at, value in answered.varbinds]


@pytest.mark.parametrize("version", ["1", "2c"])
def test_get_returns_the_values_in_the_order_asked(version: str) -> None:
    answered = reply_to(get(D, A, B, version=version))
    assert answered[:5] == ({"1": 0, "2c": 1}[version], b"public", REQUEST_ID, 0, 0)
    assert listed(answered) == [(D, VALUES[D]), (A, VALUES[A]), (B, VALUES[B])]


@pytest.mark.parametrize(
    "at, missing",
    [
        ("1.3.6.1.2.1.43.11.1.1.9.1.3", Missing.NO_SUCH_INSTANCE),
        ("1.3.6.1.2.1.43.11.1.1.9.1.2.1", Missing.NO_SUCH_INSTANCE),
        ("1.3.6.1.2.1.43.11.1.1.12.1.2", Missing.NO_SUCH_OBJECT),
        ("1.3.6.1.2.1.1.6.0", Missing.NO_SUCH_OBJECT),
        ("1.3.6.1.9.9", Missing.NO_SUCH_OBJECT),
    ],
)
def test_in_v2c_a_missing_oid_is_an_exception_at_its_place(at: str, missing: Missing) -> None:
    assert listed(reply_to(get(A, at, C))) == [(A, VALUES[A]), (at, missing), (C, VALUES[C])]


def test_in_v1_a_missing_oid_fails_the_whole_get_and_is_pointed_at() -> None:
    answered = reply_to(get(A, "1.3.6.1.2.1.1.6.0", C, version="1"))
    assert (answered.error_status, answered.error_index) == (ErrorStatus.NO_SUCH_NAME, 2)
    assert [at for at, _ in listed(answered)] == [A, "1.3.6.1.2.1.1.6.0", C]


@pytest.mark.parametrize("version", ["1", "2c"])
@pytest.mark.parametrize("at, after", [("1.3", A), (A, B), ("1.3.6.1.2.1.1.1", A), (WIDE, C), (C, D), ("1.3.6.1.2.1.43.11.1.1.9.1.129", D)])
def test_getnext_gives_the_first_oid_behind(version: str, at: str, after: str) -> None:
    assert listed(reply_to(following(at, version=version))) == [(after, VALUES[after])]


def test_behind_the_last_oid_v2c_says_end_of_mib_and_v1_no_such_name() -> None:
    assert listed(reply_to(following(D))) == [(D, Missing.END_OF_MIB)]
    answered = reply_to(following(D, version="1"))
    assert (answered.error_status, answered.error_index) == (ErrorStatus.NO_SUCH_NAME, 1)


def test_counter64_does_not_exist_for_v1() -> None:
    assert reply_to(get(WIDE, version="1")).error_status == ErrorStatus.NO_SUCH_NAME
    assert listed(reply_to(following(B, version="1"))) == [(C, VALUES[C])]
    assert listed(reply_to(following(B))) == [(WIDE, VALUES[WIDE])]


def test_order_is_that_of_arcs_not_of_octets() -> None:
    shown = view([(oid(at), (ber.NULL, b"")) for at in ("1.3.200", "1.3.6", "1.3.6.1", "1.3.16384", "1.3.4294967295")])
    assert [key_of(oid(at)) for at in ("1.3.6", "1.3.6.1", "1.3.200", "1.3.16384", "1.3.4294967295")] == list(shown.keys)


def test_getbulk_repeats_until_asked_enough() -> None:
    assert [at for at, _ in listed(reply_to(bulk(0, 3, "1.3")))] == [A, B, WIDE]


def test_getbulk_interleaves_its_columns_behind_the_non_repeaters() -> None:
    answered = reply_to(bulk(1, 2, "1.3", A, WIDE))
    assert [at for at, _ in listed(answered)] == [A, B, C, WIDE, D]


def test_getbulk_ends_with_one_row_of_end_of_mib_named_by_the_last_oid() -> None:
    assert listed(reply_to(bulk(0, 2**31 - 1, C))) == [(D, VALUES[D]), (D, Missing.END_OF_MIB)]
    assert listed(reply_to(bulk(0, 50, D, "1.4"))) == [(D, Missing.END_OF_MIB), ("1.4", Missing.END_OF_MIB)]


def test_getbulk_without_repetitions_or_with_negative_numbers_answers_what_is_left() -> None:
    assert listed(reply_to(bulk(0, 0, A))) == []
    assert listed(reply_to(bulk(-5, -1, A))) == []
    assert [at for at, _ in listed(reply_to(bulk(9, 0, A, B)))] == [B, WIDE]


def test_getbulk_leaves_off_what_does_not_fit() -> None:
    shown = view((oid(f"1.3.6.1.4.1.{number}"), (ber.OCTET_STRING, bytes(100))) for number in range(100))
    for octets_max in range(250, 1500, 50):
        reply = answer(bulk(0, 100, "1.3"), shown, octets_max=octets_max)
        assert reply is not None
        assert octets_max - 150 < len(reply) <= octets_max
    assert reply_to(bulk(0, 100, "1.3"), shown, octets_max=100).error_status == ErrorStatus.TOO_BIG


def test_what_is_too_big_is_said_so_in_each_version_s_way() -> None:
    shown = view([(oid(A), (ber.OCTET_STRING, bytes(400))), (oid(B), (ber.OCTET_STRING, bytes(400)))])
    newer, older = (reply_to(get(A, B, version=version), shown, octets_max=484) for version in ("2c", "1"))
    assert (newer.error_status, newer.error_index, listed(newer)) == (ErrorStatus.TOO_BIG, 0, [])
    assert (older.error_status, older.error_index, len(older.varbinds)) == (ErrorStatus.TOO_BIG, 0, 2)
    assert reply_to(get(A), shown, octets_max=484).error_status == ErrorStatus.NO_ERROR


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"",
        b"\xff" * 40,
        get(A, community="private"),
        get(A)[:-1],
        get(A).replace(b"\xa0", b"\xa3", 1),  # SetRequest
        get(A).replace(b"\xa0", b"\xa2", 1),  # a response is no question
        get(A, version="1").replace(b"\xa0", b"\xa5", 1),  # GetBulk does not exist in SNMPv1
        get(A).replace(b"\x02\x01\x01", b"\x02\x01\x03", 1),  # SNMPv3
    ],
)
def test_a_device_stays_silent(request_bytes: bytes) -> None:
    assert answer(request_bytes, SHOWN) is None


def test_a_device_that_speaks_one_version_is_silent_in_the_other() -> None:
    assert answer(get(A), SHOWN, versions=("1",)) is None
    assert answer(get(A, version="1"), SHOWN, versions=("1",)) is not None
    assert answer(get(A, version="1"), SHOWN, versions=("2c",)) is None


def test_the_request_id_comes_back_as_it_was_spelled() -> None:
    odd = bulk(0, 1, "1.3")  # its request-id 1 fills four octets
    reply = answer(odd, SHOWN)
    assert reply is not None
    assert read_request(odd).request_id == b"\x02\x04\x00\x00\x00\x01"
    assert read_request(odd).request_id in reply


QUESTION = get(A, C)
spoiled_questions = st.builds(
    lambda at, octet: QUESTION[:at] + bytes([octet]) + QUESTION[at + 1 :], st.integers(0, len(QUESTION) - 1), st.integers(0, 255)
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=80) | spoiled_questions)
def test_any_datagram_gets_a_reply_that_decodes_or_none(datagram: bytes) -> None:
    reply = answer(datagram, SHOWN)
    assert reply is None or decode(reply) is not None


@pytest.mark.parametrize("size", [0, 127, 128, 255, 256, 65_535, 70_000])
def test_lengths_are_encoded_in_shortest_form(size: int) -> None:
    element = encode_element(ber.OCTET_STRING, bytes(size))
    assert ber.read_header(element, 0, len(element)) == (ber.OCTET_STRING, len(element) - size, len(element))
    assert len(element) - size == 2 + (size > 127) + (size > 255) + (size > 65_535)


def test_an_error_index_beyond_127_is_still_an_integer() -> None:
    request = read_request(get(A))
    assert decode(encode_response(request, (), status=2, index=200)).error_index == 200
    assert isinstance(request.asked[0][0], bytes)
    assert request.asked[0][0] == Oid(oid(A))
