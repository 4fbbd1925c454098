"""SNMPv1 and v2c messages: questions into bytes, bytes into answers (RFC 1157, RFC 3416). Of v3 the PDU, and whose a message is.

Requests are built by aiosnmp's message classes and then treated as a template: request-ids are always four octets, so the next
question differs in four bytes. Answers are read by our own decoder, because aiosnmp's drops the tags (null, noSuchObject and endOfMibView
become one `None`) and panics on an empty datagram; it is never fed bytes from the network.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from functools import lru_cache
from typing import NamedTuple

from aiosnmp.message import GetBulkRequest, GetNextRequest, GetRequest, SnmpMessage, SnmpVarbind, SnmpVersion

from poller.errors import AgentError, DecodeError
from poller.snmp import ber
from poller.snmp.oid import Oid, is_well_formed
from poller.snmp.oid import text as oid_text

Value = tuple[int, bytes]
"""(tag, content): what the agent sent, undecoded. Tags are in `ber`."""

REQUEST_ID_MIN, REQUEST_ID_MAX = 0x0100_0000, 0x7FFF_FFFF
"""Four octets in shortest form, positive: 31 bits is all RFC 3416 allows, and a fixed size makes a template possible."""

_PDU_RESPONSE = 0xA2
_VERSIONS = {"1": 0, "2c": 1, "3": 1}  # v3 has the PDUs of v2, RFC 3416
_VARBINDS_MAX = 2048  # a 64 KiB datagram holds no more than this many of the shortest useful ones


class Missing(Enum):
    """An OID that was asked and has no value; which of the five ways it is missing stays known to the last layer."""

    NO_SUCH_OBJECT = "noSuchObject"
    NO_SUCH_INSTANCE = "noSuchInstance"
    NO_SUCH_NAME = "noSuchName"
    END_OF_MIB = "endOfMibView"
    NULL = "null"


class ErrorStatus:
    """error-status values we act on; RFC 3416 section 3."""

    NO_ERROR, TOO_BIG, NO_SUCH_NAME, BAD_VALUE, READ_ONLY, GEN_ERR = range(6)


_ERROR_NAMES = (
    "noError tooBig noSuchName badValue readOnly genErr noAccess wrongType wrongLength wrongEncoding wrongValue noCreation "
    "inconsistentValue resourceUnavailable commitFailed undoFailed authorizationError notWritable inconsistentName"
).split()

_MISSING_BY_TAG = {
    ber.NULL: Missing.NULL,
    ber.NO_SUCH_OBJECT: Missing.NO_SUCH_OBJECT,
    ber.NO_SUCH_INSTANCE: Missing.NO_SUCH_INSTANCE,
    ber.END_OF_MIB_VIEW: Missing.END_OF_MIB,
}


class Question(NamedTuple):
    """The OIDs of one GET. Equal questions share their encoded bytes, whoever is asked."""

    oids: tuple[Oid, ...]


class Varbind(NamedTuple):
    oid: Oid
    value: Value | Missing


class Frame(NamedTuple):
    """The head of a response: what tells whose it is. The rest of its PDU lies between `at` and `end`, unread.

    Of a v3 message `request_id` is the msgID (RFC 3412 section 6.2), and the rest is not a PDU yet: `v3.py` opens it.
    """

    version: int
    community: bytes
    request_id: int
    at: int
    end: int


class Answer(NamedTuple):
    """A response PDU. With an error-status the varbinds are only an echo of the question."""

    version: int
    community: bytes
    request_id: int
    error_status: int
    error_index: int
    varbinds: list[Varbind]


class Template(NamedTuple):
    """An encoded request that lacks only its request-id. For version 3 it is the PDU alone: the message around it differs every time."""

    head: bytes
    tail: bytes

    def with_request_id(self, request_id: int) -> bytes:
        return self.head + request_id.to_bytes(4, "big") + self.tail


def encode_get(oids: Sequence[Oid], *, version: str, community: str) -> Template:
    """Return a GetRequest for *oids*."""
    return _template(GetRequest([SnmpVarbind(oid_text(oid)) for oid in oids]), version, community)


def encode_next(oid: Oid, *, rows: int, version: str, community: str) -> Template:
    """Return a GetNextRequest for *oid*, or a GetBulkRequest (RFC 3416 section 4.2.3) for several *rows* where the version has it."""
    varbinds = [SnmpVarbind(oid_text(oid))]
    if rows > 1 and version != "1":
        return _template(GetBulkRequest(varbinds, 0, rows), version, community)
    return _template(GetNextRequest(varbinds), version, community)


def _template(pdu: GetRequest | GetNextRequest | GetBulkRequest, version: str, community: str) -> Template:
    pdu.request_id = REQUEST_ID_MIN
    encoded = bytes(SnmpMessage(SnmpVersion(_VERSIONS[version]), community, pdu).encode())
    begin, at = _offsets(encoded)
    return Template(encoded[begin if version == "3" else 0 : at], encoded[at + 4 :])


def _offsets(message: bytes) -> tuple[int, int]:
    """Return where the PDU and where its request-id's four octets begin. Walked, not searched: a community may hold the same bytes."""
    _, at, end = ber.read_header(message, 0, len(message))
    _, at = ber.read_integer(message, at, end)
    _, begin = ber.read_element(message, at, end, tag=ber.OCTET_STRING)
    _, at, end = ber.read_header(message, begin, end)
    start, stop = ber.read_element(message, at, end, tag=ber.INTEGER)
    assert stop - start == 4
    return begin, start


def read_frame(datagram: bytes) -> Frame:
    """Return the head of the response in *datagram*, or raise DecodeError.

    Bytes behind the message are ignored: some agents pad.
    """
    return _read_usual_frame(datagram) or _read_frame(datagram)


def _read_usual_frame(datagram: bytes) -> Frame | None:
    """Return the head of a response as nearly all are written, read in place; None leaves it to the long way, which names the fault."""
    try:
        size, at = datagram[1], 2
        if size >= 0x80:
            at += size & 0x7F
            size = int.from_bytes(datagram[2:at], "big")
        end = at + size
        version, pdu = datagram[at + 2], at + 5 + datagram[at + 4]
        size, start = datagram[pdu + 1], pdu + 2
        if size >= 0x80:
            start += size & 0x7F
            size = int.from_bytes(datagram[pdu + 2 : start], "big")
        is_usual = (
            datagram[0] == ber.SEQUENCE
            and datagram[at : at + 2] == b"\x02\x01"
            and version <= 1
            and datagram[at + 3] == ber.OCTET_STRING
            and datagram[at + 4] < 0x80
            and datagram[pdu] == _PDU_RESPONSE
            and at <= 6
            and start - pdu <= 6
            and datagram[start : start + 2] == b"\x02\x04"
            and start + 6 <= start + size <= end <= len(datagram)
        )
    except IndexError:
        return None
    if not is_usual:
        return None
    request_id = int.from_bytes(datagram[start + 2 : start + 6], "big", signed=True)
    return Frame(version, datagram[at + 5 : pdu], request_id, start + 6, start + size)


def _read_frame(datagram: bytes) -> Frame:
    at, end = ber.read_element(datagram, 0, len(datagram), tag=ber.SEQUENCE)
    version, at = ber.read_integer(datagram, at, end)
    if version not in (0, 1):
        if version != 3:
            raise DecodeError(f"version {version}", 0)
        at, stop = ber.read_element(datagram, at, end, tag=ber.SEQUENCE)
        message_id, at = ber.read_integer(datagram, at, stop)
        return Frame(version, b"", message_id, at, end)
    start, at = ber.read_element(datagram, at, end, tag=ber.OCTET_STRING)
    community = datagram[start:at]
    at, end = ber.read_element(datagram, at, end, tag=_PDU_RESPONSE)
    request_id, at = ber.read_integer(datagram, at, end)
    return Frame(version, community, request_id, at, end)


def decode(datagram: bytes, frame: Frame | None = None) -> Answer:
    """Return the response in *datagram*, or raise DecodeError: any bytes give one or the other. *frame* is its head, if read before."""
    version, community, request_id, at, end = frame or read_frame(datagram)
    status, at = ber.read_integer(datagram, at, end)
    index, at = ber.read_integer(datagram, at, end)
    at, stop = ber.read_element(datagram, at, end, tag=ber.SEQUENCE)
    return Answer(version, community, request_id, status, index, read_varbinds(datagram, at, stop))


class Heads:
    """The OIDs of a question, each as the element it is in a varbind: what `decode_values` compares answers with.

    One object per question, compared by identity: answers read before are remembered under it.
    """

    __slots__ = ("oids",)

    def __init__(self, oids: Sequence[Oid]) -> None:
        self.oids = tuple([ber.encode_header(ber.OBJECT_IDENTIFIER, len(oid)) + oid for oid in oids])


_NO_ERROR = b"\x02\x01\x00\x02\x01\x00\x30"  # error-status 0, error-index 0, and the list of varbinds begins
_ANSWERS_MAX = 12_288  # some twelve megabytes


def decode_values(datagram: bytes, frame: Frame, heads: Heads) -> tuple[Value | Missing, ...] | None:
    """Return the values of a response that answers exactly the OIDs in *heads*, in their order; None for any other.

    The inner loop of every poll. Nearly every answer is of this kind, and most say what the device, or an equal one, said before: only its
    first value, the time since it started, is another. So the first is read, and the rest looked up as a whole. Whatever is unusual (an
    error, another order, a lie) is left to `decode`, which names it.
    """
    at = frame.at
    if not datagram.startswith(_NO_ERROR, at) or not heads.oids:
        return None
    try:
        at, stop = ber.read_element(datagram, at + 6, frame.end, tag=ber.SEQUENCE)
        first, at = _read_varbind(datagram, at, stop, heads.oids[0])
        return (first, *_read_rest(datagram[at:stop], heads))
    except (IndexError, DecodeError):
        return None


@lru_cache(maxsize=_ANSWERS_MAX)
def _read_rest(box: bytes, heads: Heads) -> tuple[Value | Missing, ...]:
    """Return the values of the varbinds in *box*, which must be of all OIDs in *heads* but the first. Remembers what it read last."""
    at, end = 0, len(box)
    values: list[Value | Missing] = []
    for head in heads.oids[1:]:
        value, at = _read_varbind(box, at, end, head)
        values.append(_shared(value))
    if at != end:
        raise DecodeError("more varbinds than were asked", at)
    return tuple(values)


@lru_cache(maxsize=32_768)
def _shared(value: Value | Missing) -> Value | Missing:
    """Return one object for equal values: ten thousand printers have a few hundred levels, states and descriptions between them."""
    return value


def _read_varbind(box: bytes, at: int, end: int, head: bytes) -> tuple[Value | Missing, int]:
    """Return the value of the varbind at *at*, which must be of the OID in *head*, and where it ends. Raises DecodeError or IndexError."""
    length, start = box[at + 1], at + 2
    if length >= 0x80:
        start += length & 0x7F
        length = int.from_bytes(box[at + 2 : start], "big")
    stop = start + length
    if box[at] != ber.SEQUENCE or stop > end or not box.startswith(head, start):
        raise DecodeError("another OID than was asked", at)
    start += len(head)
    tag, length, at = box[start], box[start + 1], start + 2
    if length >= 0x80:
        at += length & 0x7F
        length = int.from_bytes(box[start + 2 : at], "big")
    if at + length != stop:
        raise DecodeError("varbind with something behind its value", at)
    missing = _MISSING_BY_TAG.get(tag)
    return missing if missing is not None else (tag, box[at:stop]), stop


def read_varbinds(box: bytes, at: int, end: int) -> list[Varbind]:
    """Return the varbinds between *at* and *end*. Raises DecodeError.

    The inner loop of everything: headers with short lengths, which is nearly all of them, are read in place; the rest goes the long way.
    """
    out: list[Varbind] = []
    while at < end:
        at, stop = ber.read_element(box, at, end, tag=ber.SEQUENCE)
        start, middle = ber.read_element(box, at, stop, tag=ber.OBJECT_IDENTIFIER)
        oid = box[start:middle]
        if not is_well_formed(oid):
            raise DecodeError("malformed object identifier", start)
        tag, start, value_end = ber.read_header(box, middle, stop)
        if value_end != stop:
            raise DecodeError("varbind with something behind its value", value_end)
        missing = _MISSING_BY_TAG.get(tag)
        out.append(Varbind(Oid(oid), missing if missing is not None else (tag, box[start:value_end])))
        if len(out) > _VARBINDS_MAX:
            raise DecodeError("more varbinds than a datagram can hold", at)
        at = stop
    return out


def raise_for_status(answer: Answer) -> None:
    """Raise AgentError when the agent reports one; the error-index names the OID (RFC 3416 section 4.2)."""
    if answer.error_status == ErrorStatus.NO_ERROR:
        return
    status, index = answer.error_status, answer.error_index
    name = _ERROR_NAMES[status] if 0 <= status < len(_ERROR_NAMES) else f"error-status {status}"
    oid = oid_text(answer.varbinds[index - 1].oid) if 0 < index <= len(answer.varbinds) else ""
    raise AgentError(name, status=status, oid=oid)
