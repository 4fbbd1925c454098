"""Builds SNMP datagrams byte by byte, the way an agent would, so that tests depend on no encoder of ours."""

from __future__ import annotations

from poller.snmp.oid import parse

NULL = b"\x05\x00"


def tlv(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + content


def integer(value: int, tag: int = 0x02) -> bytes:
    return tlv(tag, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def varbind(oid: str, value: bytes) -> bytes:
    return tlv(0x30, tlv(0x06, parse(oid)) + value)


def response(
    request_id: int, *varbinds: bytes, version: int = 1, community: bytes = b"public", status: int = 0, index: int = 0, pdu: int = 0xA2
) -> bytes:
    body = integer(request_id) + integer(status) + integer(index) + tlv(0x30, b"".join(varbinds))
    return tlv(0x30, integer(version) + tlv(0x04, community) + tlv(pdu, body))
