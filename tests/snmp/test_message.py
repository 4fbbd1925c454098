"""Any bytes give an answer or a DecodeError, never anything else."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poller.errors import AgentError, DecodeError
from poller.snmp import message
from poller.snmp.message import Missing, Question
from poller.snmp.oid import Oid, parse
from tests.snmp.datagrams import NULL, integer, response, tlv, varbind

SYS_DESCR, SYS_UP_TIME = "1.3.6.1.2.1.1.1.0", "1.3.6.1.2.1.1.3.0"
ID = 0x1234_5678
GOOD = response(
    ID, varbind(SYS_DESCR, tlv(4, b"Acme Laser 410")), varbind(SYS_UP_TIME, integer(4711, 0x43)), varbind("1.3.6.1.9", tlv(0x80, b""))
)
LONG = response(ID, *(varbind(f"1.3.6.1.2.1.43.11.1.1.6.1.{row}", tlv(4, b"Toner, a long description" * 9)) for row in range(1, 9)))


def test_an_answer_keeps_tags_and_contents() -> None:
    answer = message.decode(GOOD)
    assert (answer.version, answer.community, answer.request_id, answer.error_status) == (1, b"public", ID, 0)
    assert answer.varbinds == [
        (parse(SYS_DESCR), (4, b"Acme Laser 410")),
        (parse(SYS_UP_TIME), (0x43, b"\x12\x67")),
        (parse("1.3.6.1.9"), Missing.NO_SUCH_OBJECT),
    ]


@pytest.mark.parametrize(
    "value, missing",
    [
        (NULL, Missing.NULL),
        (tlv(0x80, b""), Missing.NO_SUCH_OBJECT),
        (tlv(0x81, b""), Missing.NO_SUCH_INSTANCE),
        (tlv(0x82, b""), Missing.END_OF_MIB),
    ],
)
def test_the_ways_to_be_missing_stay_apart(value: bytes, missing: Missing) -> None:
    assert message.decode(response(ID, varbind(SYS_DESCR, value))).varbinds == [(parse(SYS_DESCR), missing)]


@pytest.mark.parametrize("datagram", [GOOD, LONG], ids=["short", "long"])
def test_an_answer_cut_anywhere_is_a_decode_error(datagram: bytes) -> None:
    for length in range(len(datagram)):
        with pytest.raises(DecodeError):
            message.decode(datagram[:length])


@given(st.integers(0, len(LONG) - 1), st.integers(1, 255))
def test_a_flipped_octet_gives_an_answer_or_a_decode_error(at: int, mask: int) -> None:
    bent = bytearray(LONG)
    bent[at] ^= mask
    try:
        answer = message.decode(bytes(bent))
    except DecodeError:
        return
    assert len(answer.varbinds) <= 8


@given(st.binary(max_size=200))
def test_garbage_gives_an_answer_or_a_decode_error(datagram: bytes) -> None:
    for read in (message.decode, message.read_frame):
        with suppress(DecodeError):
            read(datagram)


@pytest.mark.parametrize(
    "datagram, reason",
    [
        (b"", "header cut short"),
        (response(ID, version=2), "version 2"),
        (response(ID, pdu=0xA0), "tag 0xa0 where 0xa2 belongs"),
        (b"\x30\x84\xff\xff\xff\xff" + GOOD, "content outgrows its container"),
        (b"\x30\x80" + GOOD, "unusable length"),
        (b"\x30\x89" + b"\x00" * 9 + GOOD, "unusable length"),
        (response(ID, tlv(0x30, tlv(6, b"\x2b\x86") + NULL)), "malformed object identifier"),
        (response(ID, tlv(0x30, tlv(6, b"\x2b") + NULL + NULL)), "something behind its value"),
        (response(ID, *[varbind("1.3", NULL)] * 2049), "more varbinds than a datagram can hold"),
    ],
)
def test_each_lie_has_its_own_reason(datagram: bytes, reason: str) -> None:
    with pytest.raises(DecodeError, match=reason):
        message.decode(datagram)


def test_octets_behind_the_message_do_no_harm() -> None:
    assert message.decode(GOOD + b"\x00\x00") == message.decode(GOOD)


@pytest.mark.parametrize("version", ["1", "2c"])
def test_a_request_is_a_template_that_lacks_four_octets(version: str) -> None:
    # a community that spells the placeholder must not be taken for the request-id
    community = "\x02\x04\x01"
    template = message.encode_get([parse(SYS_DESCR), parse("1.3.6.1.2.1.43.5.1.1.17.1")], version=version, community=community)
    one, other = template.with_request_id(ID), template.with_request_id(message.REQUEST_ID_MAX)
    body = integer(ID) + integer(0) + integer(0) + tlv(0x30, varbind(SYS_DESCR, NULL) + varbind("1.3.6.1.2.1.43.5.1.1.17.1", NULL))
    assert one == tlv(0x30, integer(0 if version == "1" else 1) + tlv(4, community.encode()) + tlv(0xA0, body))
    assert len(one) == len(other)
    assert sum(a != b for a, b in zip(one, other, strict=True)) == 4


def test_several_rows_are_asked_by_getbulk_where_the_version_has_it() -> None:
    root = parse("1.3.6.1.2.1.43.11.1.1")
    bulk = message.encode_next(root, rows=24, version="2c", community="public").with_request_id(ID)
    body = integer(ID) + integer(0) + integer(24) + tlv(0x30, varbind("1.3.6.1.2.1.43.11.1.1", NULL))
    assert bulk == tlv(0x30, integer(1) + tlv(4, b"public") + tlv(0xA5, body))
    for rows, version in ((1, "2c"), (24, "1")):
        assert message.encode_next(root, rows=rows, version=version, community="public").tail != bulk
        assert b"\xa1" in message.encode_next(root, rows=rows, version=version, community="public").head


def test_an_error_status_names_the_oid() -> None:
    answer = message.decode(response(ID, varbind(SYS_DESCR, NULL), varbind(SYS_UP_TIME, NULL), status=5, index=2))
    with pytest.raises(AgentError) as caught:
        message.raise_for_status(answer)
    assert (caught.value.reason, caught.value.status, caught.value.oid) == ("genErr", 5, SYS_UP_TIME)


def test_an_unknown_error_status_is_still_an_agent_error() -> None:
    with pytest.raises(AgentError, match="error-status 99"):
        message.raise_for_status(message.decode(response(ID, varbind(SYS_DESCR, NULL), status=99, index=7)))


def test_questions_with_equal_oids_are_equal() -> None:
    oids: tuple[Oid, ...] = (parse(SYS_DESCR),)
    assert Question(oids) == Question(tuple(oids))


OIDS = (parse(SYS_DESCR), parse(SYS_UP_TIME), parse("1.3.6.1.9"))


def values_of(datagram: bytes, oids: tuple[Oid, ...] = OIDS) -> tuple[object, ...] | None:
    return message.decode_values(datagram, message.read_frame(datagram), message.Heads(oids))


@pytest.mark.parametrize("size", [0, 1, 100, 127, 128, 130, 255, 256, 300, 20_000])
def test_values_are_read_by_position_whatever_their_length(size: int) -> None:
    datagram = response(
        ID, varbind(SYS_DESCR, tlv(4, b"x" * size)), varbind(SYS_UP_TIME, integer(7, 0x43)), varbind("1.3.6.1.9", tlv(0x81, b""))
    )
    assert values_of(datagram) == ((4, b"x" * size), (0x43, b"\x07"), Missing.NO_SUCH_INSTANCE)


@pytest.mark.parametrize(
    "datagram",
    [
        response(ID, varbind(SYS_UP_TIME, integer(7, 0x43)), varbind(SYS_DESCR, tlv(4, b"x")), varbind("1.3.6.1.9", NULL)),
        response(ID, varbind(SYS_DESCR, tlv(4, b"x")), varbind(SYS_UP_TIME, integer(7, 0x43))),
        response(ID, *[varbind(SYS_DESCR, NULL), varbind(SYS_UP_TIME, NULL), varbind("1.3.6.1.9", NULL)], varbind("1.3.6.1.9.1", NULL)),
        response(ID, varbind(SYS_DESCR, NULL), varbind(SYS_UP_TIME, NULL), varbind("1.3.6.1.9", NULL), status=5, index=1),
        response(ID),
    ],
    ids=["another order", "one too few", "one too many", "an error", "nothing"],
)
def test_what_is_no_plain_answer_to_the_question_is_left_to_the_long_way(datagram: bytes) -> None:
    assert values_of(datagram) is None


@given(st.integers(0, len(LONG) - 1), st.integers(1, 255))
def test_the_short_way_never_says_anything_but_the_long_way(at: int, mask: int) -> None:
    oids = tuple(parse(f"1.3.6.1.2.1.43.11.1.1.6.1.{row}") for row in range(1, 9))
    bent = bytearray(LONG)
    bent[at] ^= mask
    with suppress(DecodeError):
        frame = message.read_frame(bytes(bent))
        values = message.decode_values(bytes(bent), frame, message.Heads(oids))
        if values is not None:
            answer = message.decode(bytes(bent), frame)
            assert [found.oid for found in answer.varbinds] == list(oids)
            assert tuple(found.value for found in answer.varbinds) == values
            assert answer.error_status == 0
