from __future__ import annotations

import random
import struct
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poller.errors import DecodeError
from poller.ipp import message
from poller.ipp.message import Opaque, OutOfBand, Range, Resolution, decode, encode_request
from tests.ipp import answers
from tests.ipp.answers import answer, attribute, collection, head, raw


def only(*attributes: bytes, charset: str = "utf-8") -> object:
    """The one value of the attribute `x`."""
    (value,) = decode(answer(*attributes, charset=charset)).printer["x"]
    return value


# --- the request -------------------------------------------------------------------------------------------------------


def test_the_request_is_what_the_standard_draws() -> None:
    """RFC 8010 appendix A.1, with another operation."""
    wanted = b"".join(
        [
            bytes([2, 0, 0x00, 0x0B, 0, 0, 0, 7, 0x01]),
            attribute(answers.CHARSET, "attributes-charset", "utf-8"),
            attribute(answers.LANGUAGE, "attributes-natural-language", "en"),
            attribute(answers.URI, "printer-uri", "ipp://192.0.2.7:631/ipp/print"),
            attribute(answers.KEYWORD, "requested-attributes", "marker-names", "marker-levels"),
            b"\x03",
        ]
    )
    assert encode_request("ipp://192.0.2.7:631/ipp/print", ["marker-names", "marker-levels"], request_id=7) == wanted


def test_there_is_no_other_operation_than_get_printer_attributes() -> None:
    source = Path(message.__file__).read_text(encoding="utf-8")
    operations = {line for line in source.splitlines() if "_GET_PRINTER_ATTRIBUTES" in line}
    assert len(operations) == 2  # named once, written once
    for version in ((1, 1), (2, 0)):
        assert encode_request("ipp://h/", ["x"], request_id=1, version=version)[2:4] == b"\x00\x0b"


# --- values ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "tag, content, value",
    [
        (0x21, struct.pack(">i", -3), -3),
        (0x21, b"\x7f\xff\xff\xff", 2**31 - 1),
        (0x23, b"\x00\x00\x00\x05", 5),
        (0x22, b"\x01", True),
        (0x22, b"\x00", False),
        (0x30, b"\x00\xff", b"\x00\xff"),
        (0x31, bytes([0x07, 0xEA, 11, 20, 8, 30, 15, 5]) + b"+" + bytes([1, 0]), datetime(2026, 11, 20, 7, 30, 15, 500_000, tzinfo=UTC)),
        (0x32, struct.pack(">iib", 600, 1200, 3), Resolution(600, 1200, 3)),
        (0x33, struct.pack(">ii", 1, 99), Range(1, 99)),
        (0x35, b"\x00\x02de\x00\x04Haus", "Haus"),
        (0x36, b"\x00\x02fr\x00\x00", ""),
        (0x41, "Büro".encode(), "Büro"),
        (0x42, b"", ""),
        (0x44, b"none", "none"),
        (0x45, b"ipp://h/", "ipp://h/"),
        (0x46, b"ipp", "ipp"),
        (0x47, b"utf-8", "utf-8"),
        (0x48, b"de", "de"),
        (0x49, b"image/urf", "image/urf"),
        (0x10, b"", OutOfBand.UNSUPPORTED),
        (0x12, b"", OutOfBand.UNKNOWN),
        (0x13, b"", OutOfBand.NO_VALUE),
        (0x15, b"", OutOfBand.NOT_SETTABLE),
        (0x16, b"", OutOfBand.DELETE_ATTRIBUTE),
        (0x17, b"", OutOfBand.ADMIN_DEFINE),
        (0x1F, b"odd", OutOfBand.OTHER),
        (0x20, b"\x01", Opaque(0x20, b"\x01")),
        (0x5E, b"later", Opaque(0x5E, b"later")),
        (0x7F, b"\x40\x00\x00\x01x", Opaque(0x7F, b"\x40\x00\x00\x01x")),
    ],
)
def test_every_type_of_value_is_read(tag: int, content: bytes, value: object) -> None:
    found = only(raw(tag, b"x", content))
    assert found == value
    assert type(found) is type(value)


def test_a_date_that_is_none_is_kept_as_octets() -> None:
    never = bytes(8) + b"+" + bytes(2)
    assert only(raw(0x31, b"x", never)) == Opaque(0x31, never)


@pytest.mark.parametrize(
    "charset, content, text",
    [
        ("utf-8", b"caf\xe9", "café"),  # says UTF-8, sends Latin-1
        ("iso-8859-1", b"caf\xe9", "café"),
        ("us-ascii", "café".encode(), "café"),
        ("no-such-set", "café".encode(), "café"),
        ("rot13", b"abc", "abc"),  # nothing but known sets becomes a codec
        ("shift_jis", "トナー".encode("cp932"), "トナー"),
    ],
)
def test_text_comes_in_the_character_set_of_the_answer_or_in_another(charset: str, content: bytes, text: str) -> None:
    assert only(raw(0x41, b"x", content), charset=charset) == text


def test_a_set_has_its_values_in_order_and_no_value_is_a_value() -> None:
    both = raw(0x21, b"x", b"\x00\x00\x00\x07") + raw(0x13, b"", b"") + raw(0x21, b"", b"\xff\xff\xff\xfd")
    assert decode(answer(both)).printer["x"] == (7, OutOfBand.NO_VALUE, -3)


def test_collections_hold_values_sets_and_collections() -> None:
    inner = collection("", {"width": raw(0x21, b"", b"\x00\x00\x00\x15")})
    outer = collection("x", {"size": inner, "names": raw(0x44, b"", b"a") + raw(0x44, b"", b"b")})
    assert only(outer) == {"size": ({"width": (21,)},), "names": ("a", "b")}


def test_the_first_of_two_equal_attributes_counts_and_groups_are_joined() -> None:
    octets = head() + b"\x04" + attribute(0x21, "x", 1) + b"\x04" + attribute(0x21, "x", 2) + attribute(0x21, "y", 3) + b"\x03"
    assert decode(octets).printer == {"x": (1,), "y": (3,)}


def test_other_groups_and_what_follows_the_end_are_left_alone() -> None:
    octets = head() + b"\x05" + attribute(0x21, "x", 1) + b"\x0e" + b"\x04" + attribute(0x21, "y", 3) + b"\x03%!PS"
    response = decode(octets)
    assert response.printer == {"y": (3,)}
    assert response.operation == {"attributes-charset": ("utf-8",), "attributes-natural-language": ("en",)}


@pytest.mark.parametrize("status, is_success", [(0x0000, True), (0x0001, True), (0x00FF, True), (0x0406, False), (0x0503, False)])
def test_success_is_below_0x0100(status: int, is_success: bool) -> None:
    assert decode(answer(status=status)).is_success is is_success


# --- what is no answer -------------------------------------------------------------------------------------------------

MALFORMED = {
    "nothing": b"",
    "a header and no more": head()[:8],
    "no end": head() + b"\x04",
    "HTML": b"<html><body>It works!</body></html>",
    "version 0": answer(version=(0, 0)),
    "an attribute before any group": head()[:8] + attribute(0x21, "x", 1) + b"\x03",
    "a further value of nothing": head()[:8] + b"\x04" + raw(0x21, b"", bytes(4)) + b"\x03",
    "a further value in a new group": head() + b"\x04" + raw(0x21, b"", bytes(4)) + b"\x03",
    "an integer of 3 octets": answer(raw(0x21, b"x", bytes(3))),
    "an integer of none": answer(raw(0x21, b"x", b"")),
    "an enum of 8": answer(raw(0x23, b"x", bytes(8))),
    "a boolean of 2": answer(raw(0x22, b"x", b"\x02")),
    "a range of one end": answer(raw(0x33, b"x", bytes(4))),
    "a resolution without unit": answer(raw(0x32, b"x", bytes(8))),
    "a date cut short": answer(raw(0x31, b"x", bytes(10))),
    "a date without direction": answer(raw(0x31, b"x", bytes(11))),
    "text with a language that outgrows it": answer(raw(0x35, b"x", b"\x00\x09de")),
    "text with a language and more": answer(raw(0x35, b"x", b"\x00\x02de\x00\x01aa")),
    "a length below zero": answer(b"\x21\x00\x01x\xff\xff" + bytes(65535)),
    "a name below zero": answer(b"\x21\x80\x00x\x00\x04" + bytes(40000)),
    "a name of 256 octets": answer(raw(0x21, b"x" * 256, bytes(4))),
    "a collection without an end": answer(raw(0x34, b"x", b"")),
    "an end without a collection": answer(raw(0x37, b"x", b"")),
    "a member outside": answer(raw(0x4A, b"x", b"y")),
    "a member with a name of its own": answer(raw(0x34, b"x", b"") + raw(0x4A, b"y", b"y") + raw(0x37, b"", b"")),
    "a member without a value": answer(collection("x", {"y": b""})),
    "a member without a name": answer(collection("x", {"": raw(0x21, b"", bytes(4))})),
    "a value of no member": answer(raw(0x34, b"x", b"") + raw(0x21, b"", bytes(4)) + raw(0x37, b"", b"")),
    "collections all the way down": answer(raw(0x34, b"x", b"") + (raw(0x4A, b"", b"y") + raw(0x34, b"", b"")) * 5000),
    "more values than any printer has": answer(attribute(0x13, "x", *[b""] * (message.VALUES_MAX + 1))),
    "more groups than any printer has": head() + b"\x04" * (message.VALUES_MAX + 1) + b"\x03",
    "more octets than any printer sends": answer(*[raw(0x41, b"x", b"y" * 32767)] * 17),
}


@pytest.mark.parametrize("octets", MALFORMED.values(), ids=MALFORMED.keys())
def test_what_is_no_answer_is_one_decode_error(octets: bytes) -> None:
    with pytest.raises(DecodeError):
        decode(octets)


def test_an_answer_cut_anywhere_is_a_decode_error() -> None:
    nested = collection("x", {"size": collection("", {"width": raw(0x21, b"", bytes(4))}), "name": raw(0x35, b"", b"\x00\x00\x00\x01a")})
    whole = answer(nested, attribute(0x41, "y", "text"), raw(0x13, b"z", b""))
    decode(whole)
    for length in range(len(whole)):
        with pytest.raises(DecodeError):
            decode(whole[:length])


def decodes(octets: bytes) -> bool:
    """Whether *octets* are an answer; anything but a DecodeError escapes."""
    try:
        decode(octets)
    except DecodeError:
        return False
    return True


def test_no_flipped_octet_makes_anything_else_of_it() -> None:
    whole = answers.printer() + answer(collection("x", {"y": raw(0x21, b"", bytes(4))}))
    outcomes = {decodes(whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :]) for at in range(len(whole)) for bit in range(8)}
    assert outcomes == {True, False}


@given(st.binary(max_size=300))
def test_any_octets_are_an_answer_or_a_decode_error(octets: bytes) -> None:
    decodes(octets)
    decodes(head() + b"\x04" + octets)


@settings(max_examples=200)
@given(
    st.lists(
        st.tuples(st.integers(0, 255), st.binary(max_size=6), st.binary(max_size=12)).map(lambda one: raw(*one)),
        max_size=12,
    )
)
def test_any_attributes_are_an_answer_or_a_decode_error(attributes: list[bytes]) -> None:
    decodes(answer(*attributes))


# --- real ones ---------------------------------------------------------------------------------------------------------


def recordings(shared: Path) -> list[Path]:
    found = sorted((shared / "corpus" / "ipp").glob("*.bin"))
    if not found:
        pytest.skip("no IPP recordings in the shared folder")
    return found


def test_recorded_answers_are_read_whole_and_cut_ones_are_refused(shared: Path) -> None:
    for path in recordings(shared):
        octets = path.read_bytes()
        response = decode(octets)
        assert response.is_success
        assert response.printer["printer-state"] == (3,)
        for length in range(0, len(octets), 1 if len(octets) < 1000 else 7):
            with pytest.raises(DecodeError):
                decode(octets[:length])


def test_recorded_answers_with_flipped_bits_do_no_harm(shared: Path) -> None:
    dice = random.Random(8010)
    for path in recordings(shared):
        octets = bytearray(path.read_bytes())
        for _ in range(400):
            at, bit = dice.randrange(len(octets)), 1 << dice.randrange(8)
            octets[at] ^= bit
            decodes(bytes(octets))
            octets[at] ^= bit
