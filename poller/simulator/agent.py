"""The other side of SNMP: a request's bytes in, a reply's bytes out (RFC 1157, RFC 3416). No socket, no clock.

`poller.snmp.message` asks and reads answers; this file answers. What a device shows is a `View`: its varbinds, encoded beforehand and
kept in OID order, so that a reply is bisect, slice and join. Order is that of the arcs, not of their encoding: a key holds every
arc in four octets, which makes comparing keys comparing arcs.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from poller.errors import DecodeError
from poller.snmp import ber
from poller.snmp.message import ErrorStatus
from poller.snmp.oid import Oid, is_well_formed, tail_arcs
from poller.snmp.snmprec import Row, integer_content

REPLY_OCTETS_MAX = 1472
"""What most devices send at most: one Ethernet frame without its IP and UDP headers."""

GET, GET_NEXT, RESPONSE, GET_BULK = 0xA0, 0xA1, 0xA2, 0xA5
_V1, _V2C = 0, 1
_VERSION_NAMES = {_V1: "1", _V2C: "2c"}
_VARBINDS_MAX = 1024

_FRAME_OCTETS_MAX = 28  # headers, status and index around the varbinds of a reply, without community and request-id

Key = bytes


class View(NamedTuple):
    """What one device shows at one moment: keys in order, and beside each its encoded varbind."""

    keys: Sequence[Key]
    varbinds: Sequence[bytes]
    wide: frozenset[Key]
    """The keys of Counter64 values, which do not exist for SNMPv1 (RFC 3584 section 4.2.2.1)."""


class Request(NamedTuple):
    """A request PDU. `request_id` is the whole element as it came, to be sent back unchanged.

    `first` and `second` are error-status and error-index, or non-repeaters and max-repetitions of a GetBulk.
    """

    version: int
    community: bytes
    kind: int
    request_id: bytes
    first: int
    second: int
    asked: tuple[tuple[Oid, Key], ...]


@lru_cache(maxsize=16384)
def key_of(oid: Oid) -> Key:
    """Return what sorts as *oid* does. The first two arcs share one encoding, which keeps their order (X.690 8.19.4)."""
    return b"".join(arc.to_bytes(4, "big") for arc in tail_arcs(oid))


def encode_element(tag: int, content: bytes) -> bytes:
    """Return *content* under *tag* with a definite length in shortest form."""
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    octets = (size.bit_length() + 7) // 8
    return bytes((tag, 0x80 | octets)) + size.to_bytes(octets, "big") + content


def encode_varbind(oid: Oid, tag: int, content: bytes = b"") -> bytes:
    """Return the VarBind of RFC 3416 section 3."""
    return encode_element(ber.SEQUENCE, encode_element(ber.OBJECT_IDENTIFIER, oid) + encode_element(tag, content))


def view(rows: Iterable[Row]) -> View:
    """Return the view of a device that holds *rows*, in any order; of two with one OID the later wins."""
    encoded = {key_of(oid): (tag, encode_varbind(oid, tag, content)) for oid, (tag, content) in rows}
    keys = sorted(encoded)
    return View(keys, [encoded[key][1] for key in keys], frozenset(key for key in keys if encoded[key][0] == ber.COUNTER64))


def answer(
    datagram: bytes,
    shown: View,
    *,
    community: bytes = b"public",
    versions: Sequence[str] = ("1", "2c"),
    octets_max: int = REPLY_OCTETS_MAX,
) -> bytes | None:
    """Return the reply to *datagram*, or None where a device stays silent.

    That is at garbage, a wrong community, a version it does not speak, and a SET.
    """
    try:
        request = read_request(datagram)
    except DecodeError:
        return None
    if request.community != community or _VERSION_NAMES[request.version] not in versions:
        return None
    if request.kind == GET:
        return _get(request, shown, octets_max)
    if request.kind == GET_NEXT:
        return _get_next(request, shown, octets_max)
    if request.kind == GET_BULK and request.version != _V1:
        return _get_bulk(request, shown, octets_max)
    return None


def read_request(datagram: bytes) -> Request:
    """Return the request in *datagram*, of whatever PDU type. Raises DecodeError."""
    at, end = ber.read_element(datagram, 0, len(datagram), tag=ber.SEQUENCE)
    version, at = ber.read_integer(datagram, at, end)
    if version not in _VERSION_NAMES:
        raise DecodeError(f"version {version}", 0)
    start, at = ber.read_element(datagram, at, end, tag=ber.OCTET_STRING)
    community = datagram[start:at]
    kind, start, end = ber.read_header(datagram, at, end)
    _, at = ber.read_integer(datagram, start, end)
    request_id = datagram[start:at]
    first, at = ber.read_integer(datagram, at, end)
    second, at = ber.read_integer(datagram, at, end)
    at, end = ber.read_element(datagram, at, end, tag=ber.SEQUENCE)
    return Request(version, community, kind, request_id, first, second, _read_oids(datagram[at:end]))


def encode_response(request: Request, varbinds: Sequence[bytes], *, status: int = ErrorStatus.NO_ERROR, index: int = 0) -> bytes:
    """Return the Response PDU to *request*, in its message."""
    pdu = b"".join((request.request_id, _integer(status), _integer(index), encode_element(ber.SEQUENCE, b"".join(varbinds))))
    return encode_element(
        ber.SEQUENCE,
        _integer(request.version) + encode_element(ber.OCTET_STRING, request.community) + encode_element(RESPONSE, pdu),
    )


def encode_error(request: Request, *, status: int, index: int) -> bytes:
    """Return a Response with *status* and the question's OIDs, as RFC 1157 section 4.1 and RFC 3416 section 4.2 want them echoed."""
    return encode_response(request, [encode_varbind(oid, ber.NULL) for oid, _ in request.asked], status=status, index=index)


@lru_cache(maxsize=512)  # a poller asks equal devices with equal bytes
def _read_oids(box: bytes) -> tuple[tuple[Oid, Key], ...]:
    """Return what the varbinds in *box* ask for. Their values are of no interest in a question and not looked at."""
    oids: list[tuple[Oid, Key]] = []
    at, end = 0, len(box)
    while at < end:
        at, stop = ber.read_element(box, at, end, tag=ber.SEQUENCE)
        start, middle = ber.read_element(box, at, stop, tag=ber.OBJECT_IDENTIFIER)
        oid = box[start:middle]
        if not is_well_formed(oid):
            raise DecodeError("malformed object identifier", start)
        if len(oids) == _VARBINDS_MAX:
            raise DecodeError("more varbinds than are answered", at)
        oids.append((Oid(oid), key_of(Oid(oid))))
        at = stop
    return tuple(oids)


def _get(request: Request, shown: View, octets_max: int) -> bytes:
    varbinds = []
    for number, (oid, key) in enumerate(request.asked, start=1):
        at = bisect_left(shown.keys, key)
        is_here = at < len(shown.keys) and shown.keys[at] == key
        if request.version == _V1 and (not is_here or key in shown.wide):
            return encode_error(request, status=ErrorStatus.NO_SUCH_NAME, index=number)
        varbinds.append(shown.varbinds[at] if is_here else encode_varbind(oid, _absence(key, shown.keys)))
    return _fitted(request, varbinds, octets_max)


def _absence(key: Key, keys: Sequence[Key]) -> int:
    """Return noSuchInstance where the device holds a sibling or cousin of *key*, else noSuchObject.

    RFC 3416 section 4.2.1 tells them apart by the object type. A recording knows only instances: what shares all arcs but the last two
    with the one asked is taken for the same type or table.
    """
    parent = key[:-8]
    near = bisect_left(keys, parent)
    return ber.NO_SUCH_INSTANCE if len(parent) > 28 and near < len(keys) and keys[near].startswith(parent) else ber.NO_SUCH_OBJECT


def _get_next(request: Request, shown: View, octets_max: int) -> bytes:
    varbinds = []
    for number, (oid, key) in enumerate(request.asked, start=1):
        at = bisect_right(shown.keys, key)
        while request.version == _V1 and at < len(shown.keys) and shown.keys[at] in shown.wide:
            at += 1
        if request.version == _V1 and at == len(shown.keys):
            return encode_error(request, status=ErrorStatus.NO_SUCH_NAME, index=number)
        varbinds.append(_varbind_at(shown, at, oid))
    return _fitted(request, varbinds, octets_max)


def _get_bulk(request: Request, shown: View, octets_max: int) -> bytes:
    """RFC 3416 section 4.2.3: what does not fit is left off at the end, and a row of nothing but endOfMibView is the last."""
    room = octets_max - _FRAME_OCTETS_MAX - len(request.community) - len(request.request_id)
    varbinds: list[bytes] = []
    for varbind in _bulk_varbinds(request, shown):
        room -= len(varbind)
        if room < 0:
            break
        varbinds.append(varbind)
    if room < 0 and not varbinds:
        return encode_response(request, (), status=ErrorStatus.TOO_BIG)  # an empty noError would read as the end of the MIB
    return encode_response(request, varbinds)


def _bulk_varbinds(request: Request, shown: View) -> Iterator[bytes]:
    steady = min(max(request.first, 0), len(request.asked))
    for oid, key in request.asked[:steady]:
        yield _varbind_at(shown, bisect_right(shown.keys, key), oid)
    names = [oid for oid, _ in request.asked[steady:]]  # endOfMibView is said of the OID last reached
    places = [bisect_right(shown.keys, key) for _, key in request.asked[steady:]]
    for _ in range(request.second if places else 0):
        is_over = min(places) >= len(shown.keys)
        for column, at in enumerate(places):
            varbind = _varbind_at(shown, at, names[column])
            yield varbind
            if at < len(shown.keys):
                names[column], places[column] = _oid_of(varbind), at + 1
        if is_over:
            return


def _varbind_at(shown: View, at: int, oid: Oid) -> bytes:
    return shown.varbinds[at] if at < len(shown.keys) else encode_varbind(oid, ber.END_OF_MIB_VIEW)


def _oid_of(varbind: bytes) -> Oid:
    _, at, end = ber.read_header(varbind, 0, len(varbind))
    start, stop = ber.read_element(varbind, at, end, tag=ber.OBJECT_IDENTIFIER)
    return Oid(varbind[start:stop])


def _fitted(request: Request, varbinds: Sequence[bytes], octets_max: int) -> bytes:
    """Return the reply, or tooBig: with the question's varbinds in v1 (RFC 1157, 4.1.2), with none in v2c (RFC 3416, 4.2.1)."""
    reply = encode_response(request, varbinds)
    if len(reply) <= octets_max:
        return reply
    if request.version == _V1:
        return encode_error(request, status=ErrorStatus.TOO_BIG, index=0)
    return encode_response(request, (), status=ErrorStatus.TOO_BIG)


def _integer(number: int) -> bytes:
    return encode_element(ber.INTEGER, integer_content(number))
