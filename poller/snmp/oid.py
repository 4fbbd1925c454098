"""Object identifiers, kept as the bytes they are on the wire.

An `Oid` is the *content* of its BER encoding (X.690 8.19): comparing what came back with what was asked is then one comparison of
bytes, and "is this below that" is `startswith`, since no arc's encoding is the beginning of another's. Only order needs the arcs.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NewType

Oid = NewType("Oid", bytes)

_ARC_MAX = 2**32 - 1  # RFC 2578 section 3.5
_ARCS_MAX = 128  # the same section


@lru_cache(maxsize=4096)
def parse(text: str) -> Oid:
    """Return the Oid written in dots, with or without a leading one.

    Raises ValueError for anything else: texts come from our own tables and from operators, never from the network.
    """
    parts = text.removeprefix(".").split(".")
    if not 2 <= len(parts) <= _ARCS_MAX or not all(part.isascii() and part.isdigit() for part in parts):
        raise ValueError(f"not an object identifier: {text!r}")
    return from_arcs(tuple(int(part) for part in parts))


def from_arcs(arcs: tuple[int, ...]) -> Oid:
    """Return the Oid of *arcs*; at least two, each within 32 bits."""
    first, second = arcs[0], arcs[1]
    if first > 2 or (first < 2 and second > 39) or max(arcs) > _ARC_MAX:
        raise ValueError(f"not an object identifier: {arcs!r}")
    return Oid(b"".join(encode_arc(arc) for arc in (first * 40 + second, *arcs[2:])))


def arcs(oid: Oid) -> tuple[int, ...]:
    """Return the arcs of *oid*; the inverse of `from_arcs`. Gives its order: RFC 3416 compares arc by arc."""
    first, *rest = tail_arcs(oid)
    top = min(first // 40, 2)
    return (top, first - 40 * top, *rest)


def tail_arcs(suffix: bytes) -> tuple[int, ...]:
    """Return the arcs of what follows a prefix, such as the index behind a column."""
    out, arc = [], 0
    for octet in suffix:
        arc = arc << 7 | octet & 0x7F
        if octet < 0x80:
            out.append(arc)
            arc = 0
    return tuple(out)


def text(oid: Oid) -> str:
    """Return *oid* in dots, without a leading one."""
    return ".".join(map(str, arcs(oid)))


def index_text(suffix: bytes) -> str:
    """Return the index behind a column in dots: `1.3` for the third row of device 1."""
    return ".".join(map(str, tail_arcs(suffix)))


@lru_cache(maxsize=16384)
def is_well_formed(content: bytes) -> bool:
    """Say whether *content* is a legal encoding: not empty, complete, no arc padded with 0x80, none beyond 32 bits.

    Remembers what it was asked last: devices of one model send the same few hundred.
    """
    if not content or content[-1] >= 0x80 or len(content) > 5 * _ARCS_MAX:
        return False
    arc, is_start, count = 0, True, 0
    for octet in content:
        if is_start and octet == 0x80:
            return False
        arc = arc << 7 | octet & 0x7F
        is_start = octet < 0x80
        if is_start:
            count += 1
            if arc > _ARC_MAX or count > _ARCS_MAX:
                return False
            arc = 0
    return True


def encode_arc(arc: int) -> bytes:
    """Return one arc as an Oid holds it, X.690 8.19.2."""
    octets = [arc & 0x7F]
    while arc := arc >> 7:
        octets.append(arc & 0x7F | 0x80)
    return bytes(reversed(octets))
