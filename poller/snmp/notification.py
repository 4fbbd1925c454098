"""What devices send unasked: SNMPv1 traps, v2c and v3 traps and informs, all read into one form (RFC 1157, RFC 3416, RFC 3584).

A datagram is taken in two steps, the cheap one first: `read_envelope` reads as much as shows whether the community is one we believe,
`read_notification` the PDU behind it. Any bytes give a result or a DecodeError. Whether any of it is true, `gate.py` decides.

Sans-io.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from poller.errors import DecodeError
from poller.snmp import ber
from poller.snmp.message import Varbind, read_varbinds
from poller.snmp.oid import Oid, encode_arc, is_well_formed, parse

PDU_GET, PDU_RESPONSE, PDU_V1_TRAP, PDU_INFORM, PDU_TRAP, PDU_REPORT = 0xA0, 0xA2, 0xA4, 0xA6, 0xA7, 0xA8

DATAGRAM_OCTETS_MAX = 8192
"""Nobody has more to say: RFC 3417 section 3.2.1 asks for 484, an Ethernet frame holds 1,472."""

Version = Literal["1", "2c", "3"]
_VERSIONS: dict[int, Version] = {0: "1", 1: "2c", 3: "3"}

TRAP_OID = parse("1.3.6.1.6.3.1.1.4.1.0")  # snmpTrapOID.0, RFC 3418
TRAP_ADDRESS = parse("1.3.6.1.6.3.18.1.3.0")  # snmpTrapAddress.0, SNMP-COMMUNITY-MIB, RFC 3584
_GENERIC_TRAPS = parse("1.3.6.1.6.3.1.1.5")  # coldStart is .1, RFC 3418

_ENTERPRISE_SPECIFIC = 6  # generic-trap, RFC 1157 section 4.1.6
_SPECIFIC_MAX = 2**31 - 1
_OCTETS_MIN = 16  # less holds neither a PDU nor a security header


class Envelope(NamedTuple):
    """The head of a v1 or v2c message; its PDU, of the tag `pdu`, lies between `at` and `end`, unread."""

    version: Version
    community: bytes
    pdu: int
    at: int
    end: int


class Notification(NamedTuple):
    """One trap or inform. `kind` is its snmpTrapOID (None where a v2 device leaves it out), that of a v1 trap as RFC 3584 makes it.

    `agent_address` is the IPv4 address the device says to have, None where it says none: behind NAT, or relayed, the sender's is another.
    """

    version: Version
    is_inform: bool
    kind: Oid | None
    agent_address: str | None
    varbinds: tuple[Varbind, ...]


def version_of(datagram: bytes) -> Version | None:
    """Return the version *datagram* says to be of, None when it is no SNMP message: all a flood of garbage gets."""
    if not _OCTETS_MIN <= len(datagram) <= DATAGRAM_OCTETS_MAX or datagram[0] != ber.SEQUENCE:
        return None
    octets = datagram[1]
    at = 2 if octets < 0x80 else 2 + (octets & 0x7F)
    if datagram[at : at + 2] != b"\x02\x01" or at + 3 > len(datagram):
        return None
    return _VERSIONS.get(datagram[at + 2])


def read_envelope(datagram: bytes) -> Envelope:
    """Return the head of a v1 or v2c message, or raise DecodeError."""
    at, end = ber.read_element(datagram, 0, len(datagram), tag=ber.SEQUENCE)
    number, at = ber.read_integer(datagram, at, end)
    version = _VERSIONS.get(number)
    if version is None or version == "3":
        raise DecodeError(f"version {number}", 0)
    start, at = ber.read_element(datagram, at, end, tag=ber.OCTET_STRING)
    pdu, first, last = ber.read_header(datagram, at, end)
    return Envelope(version, datagram[start:at], pdu, first, last)


def read_notification(box: bytes, envelope: Envelope) -> Notification:
    """Return the PDU in *box*, or raise DecodeError: for other PDUs, too."""
    version, _, pdu, at, end = envelope
    if pdu == PDU_V1_TRAP and version == "1":
        return _read_v1_trap(box, at, end)
    if pdu not in (PDU_TRAP, PDU_INFORM) or version == "1":
        raise DecodeError(f"PDU 0x{pdu:02x} is no notification of version {version}", at)
    for _ in ("request-id", "error-status", "error-index"):
        _, at = ber.read_integer(box, at, end)
    at, stop = ber.read_element(box, at, end, tag=ber.SEQUENCE)
    varbinds = tuple(read_varbinds(box, at, stop))
    return Notification(version, pdu == PDU_INFORM, _trap_oid(varbinds), _trap_address(varbinds), varbinds)


def encode_response_pdu(box: bytes, at: int, end: int) -> bytes:
    """Return the response to the inform PDU whose content is *box* from *at* to *end*: the same varbinds, no error. RFC 3416 section 4.2.7.

    Raises DecodeError.
    """
    _, behind = ber.read_integer(box, at, end)
    request_id = box[at:behind]
    for _ in ("error-status", "error-index"):
        _, behind = ber.read_integer(box, behind, end)
    return ber.encode(PDU_RESPONSE, request_id + ber.encode_integer(0) * 2 + box[behind:end])


def encode_response(box: bytes, envelope: Envelope) -> bytes:
    """Return the message that answers a v2c inform. Raises DecodeError."""
    pdu = encode_response_pdu(box, envelope.at, envelope.end)
    return ber.encode(ber.SEQUENCE, ber.encode_integer(1) + ber.encode(ber.OCTET_STRING, envelope.community) + pdu)


def _read_v1_trap(box: bytes, at: int, end: int) -> Notification:
    """Return a Trap-PDU. Its kind is made as RFC 3584 section 3.1 says; printerV1Alert so becomes printerV2Alert."""
    start, at = ber.read_element(box, at, end, tag=ber.OBJECT_IDENTIFIER)
    enterprise = box[start:at]
    if not is_well_formed(enterprise):
        raise DecodeError("malformed object identifier", start)
    start, at = ber.read_element(box, at, end, tag=ber.IP_ADDRESS)
    address = _ipv4(box[start:at])
    generic, at = ber.read_integer(box, at, end)
    specific, at = ber.read_integer(box, at, end)
    if not 0 <= generic <= _ENTERPRISE_SPECIFIC or not 0 <= specific <= _SPECIFIC_MAX:
        raise DecodeError("a trap of no kind", at)
    _, at = ber.read_element(box, at, end, tag=ber.TIME_TICKS)
    at, stop = ber.read_element(box, at, end, tag=ber.SEQUENCE)
    if generic == _ENTERPRISE_SPECIFIC:
        kind = Oid(enterprise + encode_arc(0) + encode_arc(specific))
    else:
        kind = Oid(_GENERIC_TRAPS + encode_arc(generic + 1))
    return Notification("1", is_inform=False, kind=kind, agent_address=address, varbinds=tuple(read_varbinds(box, at, stop)))


def _trap_oid(varbinds: tuple[Varbind, ...]) -> Oid | None:
    for oid, value in varbinds:
        if oid == TRAP_OID and isinstance(value, tuple):
            return Oid(value[1]) if value[0] == ber.OBJECT_IDENTIFIER and is_well_formed(value[1]) else None
    return None


def _trap_address(varbinds: tuple[Varbind, ...]) -> str | None:
    for oid, value in varbinds:
        if oid == TRAP_ADDRESS and isinstance(value, tuple):
            return _ipv4(value[1]) if value[0] == ber.IP_ADDRESS else None
    return None


def _ipv4(packed: bytes) -> str | None:
    """Return an IpAddress as text; None for 0.0.0.0, which says that there is none, and for what is none."""
    return ".".join(map(str, packed)) if len(packed) == 4 and any(packed) else None
