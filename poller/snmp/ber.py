"""Basic Encoding Rules, the small part SNMP uses (X.690; RFC 3417 section 8). Hostile until proven otherwise.

Everything that reads takes a buffer and an end: a child can never outgrow its parent, and a length that lies is a DecodeError, nothing
else.
"""

from __future__ import annotations

from poller.errors import DecodeError

INTEGER, OCTET_STRING, NULL, OBJECT_IDENTIFIER, SEQUENCE = 0x02, 0x04, 0x05, 0x06, 0x30
IP_ADDRESS, COUNTER32, GAUGE32, TIME_TICKS, OPAQUE, COUNTER64 = 0x40, 0x41, 0x42, 0x43, 0x44, 0x46  # RFC 2578 section 7.1
NO_SUCH_OBJECT, NO_SUCH_INSTANCE, END_OF_MIB_VIEW = 0x80, 0x81, 0x82  # RFC 3416 section 3

_LENGTH_OCTETS_MAX = 4


def read_header(box: bytes, at: int, end: int) -> tuple[int, int, int]:
    """Return (tag, start, end) of the element at *at*, which must fit before *end*. Definite lengths only; X.690 8.1.3."""
    if at + 2 > end:
        raise DecodeError("header cut short", at)
    tag, length, start = box[at], box[at + 1], at + 2
    if length >= 0x80:
        octets = length & 0x7F
        if not 1 <= octets <= _LENGTH_OCTETS_MAX or start + octets > end:
            raise DecodeError("unusable length", at + 1)
        length = int.from_bytes(box[start : start + octets], "big")
        start += octets
    if start + length > end:
        raise DecodeError("content outgrows its container", at)
    return tag, start, start + length


def encode_header(tag: int, length: int) -> bytes:
    """Return the tag and length octets of an element; the shortest definite form, X.690 8.1.3."""
    if length < 0x80:
        return bytes((tag, length))
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets


def encode(tag: int, content: bytes) -> bytes:
    """Return one whole element."""
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    return encode_header(tag, length) + content


def encode_integer(value: int, tag: int = INTEGER) -> bytes:
    """Return a number that is not negative, as an INTEGER or what is written like one."""
    octets = value.bit_length() // 8 + 1
    return bytes((tag, octets)) + value.to_bytes(octets, "big")


def read_element(box: bytes, at: int, end: int, *, tag: int) -> tuple[int, int]:
    """Return (start, end) of the element at *at*, which must carry *tag*."""
    found, start, stop = read_header(box, at, end)
    if found != tag:
        raise DecodeError(f"tag 0x{found:02x} where 0x{tag:02x} belongs", at)
    return start, stop


def read_integer(box: bytes, at: int, end: int) -> tuple[int, int]:
    """Return (value, end) of the INTEGER at *at*; at most 32 bits signed, as SNMP has no others in its frame."""
    start, stop = read_element(box, at, end, tag=INTEGER)
    if not 1 <= stop - start <= 5:
        raise DecodeError("integer of unusable size", at)
    return int.from_bytes(box[start:stop], "big", signed=True), stop


def signed(content: bytes) -> int:
    """Return the integer in *content* as two's complement; 0 for an empty one, which some agents send for zero."""
    return int.from_bytes(content, "big", signed=True)


def unsigned(content: bytes) -> int:
    """Return Counter32, Gauge32, TimeTicks or Counter64 content.

    Trap: several agents drop the leading zero octet, so that 3,000,000,000 looks negative; these types have no sign, so none is read.
    """
    return int.from_bytes(content, "big")
