"""IPP answers built octet by octet (RFC 8010), for the tests; nothing of the code under test is used."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

INTEGER, BOOLEAN, ENUM, OCTETS, DATE, RESOLUTION, RANGE = 0x21, 0x22, 0x23, 0x30, 0x31, 0x32, 0x33
TEXT, NAME, KEYWORD, URI, CHARSET, LANGUAGE = 0x41, 0x42, 0x44, 0x45, 0x47, 0x48
OPERATION, END, PRINTER, UNSUPPORTED = b"\x01", b"\x03", b"\x04", b"\x05"

Content = int | bool | str | bytes


def raw(tag: int, name: bytes, content: bytes) -> bytes:
    return struct.pack(">BH", tag, len(name)) + name + struct.pack(">H", len(content)) + content


def octets(content: Content) -> bytes:
    if isinstance(content, bool):
        return bytes([content])
    if isinstance(content, int):
        return struct.pack(">i", content)
    return content.encode() if isinstance(content, str) else content


def attribute(tag: int, name: str, *contents: Content) -> bytes:
    return b"".join(raw(tag, b"" if at else name.encode(), octets(content)) for at, content in enumerate(contents))


def collection(name: str, members: Mapping[str, bytes]) -> bytes:
    """*members*: the values of each as `raw(tag, b"", …)`."""
    inside = b"".join(raw(0x4A, b"", member.encode()) + values for member, values in members.items())
    return raw(0x34, name.encode(), b"") + inside + raw(0x37, b"", b"")


def head(status: int = 0, *, version: tuple[int, int] = (2, 0), request_id: int = 1, charset: str = "utf-8") -> bytes:
    lead = struct.pack(">BBHI", *version, status, request_id) + OPERATION
    return lead + attribute(CHARSET, "attributes-charset", charset) + attribute(LANGUAGE, "attributes-natural-language", "en")


def answer(*attributes: bytes, status: int = 0, charset: str = "utf-8", version: tuple[int, int] = (2, 0)) -> bytes:
    return head(status, charset=charset, version=version) + PRINTER + b"".join(attributes) + END


def printer(levels: Sequence[int] = (63, -3)) -> bytes:
    """A small colourless laser printer."""
    return answer(
        attribute(TEXT, "printer-make-and-model", "Acme Laser 410"),
        attribute(ENUM, "printer-state", 3),
        attribute(KEYWORD, "printer-state-reasons", "none"),
        attribute(NAME, "marker-names", "Black Toner", "Drum Unit"),
        attribute(KEYWORD, "marker-types", "toner", "opc"),
        attribute(NAME, "marker-colors", "#000000", "none"),
        attribute(INTEGER, "marker-levels", *levels),
    )
