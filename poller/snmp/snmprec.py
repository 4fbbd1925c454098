"""Recordings of devices as text: one `OID|tag|value` a line, the form the tools of the field exchange.

The tag is the BER tag in decimal (2 INTEGER, 4 OCTET STRING, 5 NULL, 6 OBJECT IDENTIFIER, 64 IpAddress, 65 Counter32, 66 Gauge32,
67 TimeTicks, 68 Opaque, 70 Counter64); with an `x` behind it the value is the content's bytes in hex, whatever the tag. Lines that begin
with `#` are remarks. A value is written plainly only when reading it back gives the same bytes: an agent that drops a leading zero octet
is recorded as it spoke.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from poller.snmp import ber
from poller.snmp.message import Value
from poller.snmp.oid import Oid, arcs
from poller.snmp.oid import parse as parse_oid
from poller.snmp.oid import text as oid_text

Row = tuple[Oid, Value]

TEXT_LENGTH_MAX = 64 * 2**20  # characters; the largest printer we know of walks to a tenth of one MiB
ROWS_MAX = 500_000
CONTENT_OCTETS_MAX = 65_535  # no UDP datagram carries more

_PRINTABLE_MAX = 2**16  # longer texts are blobs and go as hex
_RANGES = {
    ber.INTEGER: (-(2**31), 2**31 - 1),
    ber.COUNTER32: (0, 2**32 - 1),
    ber.GAUGE32: (0, 2**32 - 1),
    ber.TIME_TICKS: (0, 2**32 - 1),
    ber.COUNTER64: (0, 2**64 - 1),
}
TAGS = frozenset({*_RANGES, ber.OCTET_STRING, ber.NULL, ber.OBJECT_IDENTIFIER, ber.IP_ADDRESS, ber.OPAQUE})

_TAG = re.compile(r"([0-9]{1,3})(x?)")
_NUMBER = re.compile(r"-?[0-9]{1,20}")
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})*")


def parse(text: str) -> list[Row]:
    """Return the rows of a recording in OID order. Raises ValueError naming the line and its fault."""
    if len(text) > TEXT_LENGTH_MAX:
        raise ValueError(f"a recording of {len(text)} characters; at most {TEXT_LENGTH_MAX} are read")
    lines_by_oid: dict[Oid, int] = {}
    rows: list[Row] = []
    for number, line in enumerate(text.split("\n"), start=1):
        line = line.removesuffix("\r")
        if not line.strip() or line.startswith("#"):
            continue
        try:
            row = _parse_line(line)
        except ValueError as fault:
            raise ValueError(f"line {number}: {fault}") from fault
        if (first := lines_by_oid.setdefault(row[0], number)) != number:
            raise ValueError(f"line {number}: {oid_text(row[0])} stands in line {first} already")
        rows.append(row)
        if len(rows) > ROWS_MAX:
            raise ValueError(f"line {number}: more than {ROWS_MAX} rows")
    return sorted(rows, key=_order)


def format(rows: Iterable[Row]) -> str:  # noqa: A001 -- snmprec.format reads as what it does
    """Return *rows* as a recording, in OID order. Raises ValueError for a tag or an OID that has no place in one."""
    return "".join(f"{oid_text(oid)}|{_format_value(oid, value)}\n" for oid, value in sorted(rows, key=_order))


def integer_content(number: int) -> bytes:
    """Return *number* as BER content in shortest form; Counter32 and its like get the leading zero octet they need (X.690 8.3)."""
    octets = (number if number >= 0 else ~number).bit_length() // 8 + 1
    return number.to_bytes(octets, "big", signed=True)


def _order(row: Row) -> tuple[int, ...]:
    return arcs(row[0])


def _parse_line(line: str) -> Row:
    parts = line.split("|", 2)
    if len(parts) != 3:
        raise ValueError("want OID|tag|value")
    oid, tag_text, text = parts
    match = _TAG.fullmatch(tag_text)
    if match is None or int(match[1]) not in TAGS:
        raise ValueError(f"no such tag: {tag_text[:20]!r}")
    tag = int(match[1])
    content = _parse_hex(text) if match[2] else _parse_plain(tag, text)
    if len(content) > CONTENT_OCTETS_MAX:
        raise ValueError(f"a value of {len(content)} octets; at most {CONTENT_OCTETS_MAX}")
    return parse_oid(oid), (tag, content)


def _parse_hex(text: str) -> bytes:
    if _HEX.fullmatch(text) is None:
        raise ValueError(f"not hex: {text[:40]!r}")
    return bytes.fromhex(text)


def _parse_plain(tag: int, text: str) -> bytes:
    if tag == ber.OCTET_STRING:
        return text.encode()
    if tag == ber.OBJECT_IDENTIFIER:
        return parse_oid(text)
    if tag == ber.IP_ADDRESS:
        return _parse_address(text)
    if tag in _RANGES:
        return _parse_number(tag, text)
    if text:
        raise ValueError(f"tag {tag} has no plain value: {text[:40]!r}")
    return b""


def _parse_number(tag: int, text: str) -> bytes:
    low, high = _RANGES[tag]
    if _NUMBER.fullmatch(text) is None or not low <= int(text) <= high:
        raise ValueError(f"want a number {low}..{high}, got {text[:40]!r}")
    return integer_content(int(text))


def _parse_address(text: str) -> bytes:
    octets = text.split(".")
    if len(octets) != 4 or not all(octet.isascii() and octet.isdigit() and len(octet) <= 3 and int(octet) <= 255 for octet in octets):
        raise ValueError(f"not an IPv4 address: {text[:40]!r}")
    return bytes(map(int, octets))


def _format_value(oid: Oid, value: Value) -> str:
    tag, content = value
    if tag not in TAGS:
        raise ValueError(f"{oid_text(oid)}: no such tag: {tag}")
    if len(content) > CONTENT_OCTETS_MAX:
        raise ValueError(f"{oid_text(oid)}: a value of {len(content)} octets; at most {CONTENT_OCTETS_MAX}")
    plain = _plain_text(tag, content)
    return f"{tag}x|{content.hex()}" if plain is None else f"{tag}|{plain}"


def _plain_text(tag: int, content: bytes) -> str | None:
    """Return how *content* is written plainly, or None when that would not read back as the same bytes."""
    try:
        if tag == ber.OCTET_STRING:
            text = content.decode() if len(content) <= _PRINTABLE_MAX else "\n"
            # A blank at either end would not survive an editor.
            return text if text.isprintable() and "|" not in text and text == text.strip() else None
        if tag == ber.OBJECT_IDENTIFIER:
            text = oid_text(Oid(content)) if content and content[-1] < 0x80 else ""
        elif tag == ber.IP_ADDRESS:
            text = ".".join(map(str, content))
        elif tag in _RANGES:
            text = str(int.from_bytes(content, "big", signed=True)) if len(content) <= 9 else ""
        else:
            text = ""
        return text if _parse_plain(tag, text) == content else None
    except ValueError:
        return None
