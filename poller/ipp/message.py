"""IPP messages as bytes: one request out, any answer in (RFC 8010 encoding, RFC 8011 semantics).

Sans-io, and deaf to what a printer is: `encode_request` writes Get-Printer-Attributes, the only operation this program knows, and `decode`
reads whatever comes back. Any octets give a `Response` or one DecodeError; what an honest answer holds is bounded in octets, values and
depth, so that a hostile one costs no more.

    message   = version  operation-or-status  request-id  *group  end-tag  [data]
    group     = delimiter-tag  *attribute
    attribute = value-tag  name-length name  value-length value          a further value of a 1setOf has a name of length 0
    collection value = begCollection  *(memberAttrName  value …)  endCollection

Where the standard leaves room, devices use it: text that is not in the declared character set is read as Latin-1, unknown value tags are
kept as `Opaque`, groups of later standards are read and left alone, and octets behind the end-tag are the device's own affair.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from enum import Enum
from typing import NamedTuple

from poller.errors import DecodeError

MEDIA_TYPE = "application/ipp"
"""RFC 8010 section 4; both ways."""

OCTETS_MAX = 512 * 1024
"""Of a whole answer. Devices that ignore requested-attributes send everything they have: 10 to 200 KB with a media database in it."""

VALUES_MAX = 20_000
"""Values of an answer, members of collections counted; a large media database has some thousand."""

DEPTH_MAX = 8
"""Collections within collections; the deepest of any standard is four."""

REQUESTED_MAX = 64
"""Names in requested-attributes: a small buffer in a small printer has to hold them."""

_GET_PRINTER_ATTRIBUTES = 0x000B  # RFC 8011 section 4.2.5
_NAME_OCTETS_MAX = 255  # RFC 8011 section 5.1.4, keyword
_LENGTH_MAX = 0x7FFF  # RFC 8010 section 3.1.4: lengths are signed, none is negative

# RFC 8010 section 3.5.1: delimiter tags
_OPERATION, _END, _PRINTER = 0x01, 0x03, 0x04
_DELIMITER_MAX = 0x0F

# RFC 8010 section 3.5.2: value tags
_OUT_OF_BAND_MAX = 0x1F
_INTEGER, _BOOLEAN, _ENUM = 0x21, 0x22, 0x23
_OCTET_STRING, _DATE_TIME, _RESOLUTION, _RANGE, _BEGIN_COLLECTION = 0x30, 0x31, 0x32, 0x33, 0x34
_TEXT_WITH_LANGUAGE, _NAME_WITH_LANGUAGE, _END_COLLECTION = 0x35, 0x36, 0x37
_KEYWORD, _URI, _CHARSET, _LANGUAGE, _MEMBER_NAME = 0x44, 0x45, 0x47, 0x48, 0x4A
_STRINGS = frozenset({0x41, 0x42, _KEYWORD, _URI, 0x46, _CHARSET, _LANGUAGE, 0x49})  # text name … uriScheme … mimeMediaType

_CODECS = {"us-ascii": "ascii", "iso-8859-1": "latin-1", "iso-8859-15": "iso8859-15", "windows-1252": "cp1252", "shift_jis": "cp932"}
"""Character sets that answers were seen in, besides UTF-8."""


class OutOfBand(Enum):
    """What stands in the place of a value (RFC 8010 section 3.5.2, RFC 3380): none of these is a number or a text."""

    UNSUPPORTED = 0x10
    UNKNOWN = 0x12
    NO_VALUE = 0x13
    NOT_SETTABLE = 0x15
    DELETE_ATTRIBUTE = 0x16
    ADMIN_DEFINE = 0x17
    OTHER = -1


class Range(NamedTuple):
    """rangeOfInteger, both ends included."""

    lower: int
    upper: int


class Resolution(NamedTuple):
    """`unit` is 3 for dots per inch, 4 for dots per centimetre."""

    across: int
    along: int
    unit: int


class Opaque(NamedTuple):
    """A value of a type this file does not know, as it came."""

    tag: int
    octets: bytes


Scalar = int | str | bytes | datetime | Range | Resolution | Opaque | OutOfBand  # bool is an int
Value = Scalar | Mapping[str, tuple["Value", ...]]
"""A value; a collection is a mapping of its members."""

Attributes = Mapping[str, tuple[Value, ...]]
"""Values by attribute name; a 1setOf has several, none has none."""


class Status(Enum):
    """The status codes that decide what to do next (RFC 8011 appendix B)."""

    NOT_FOUND = 0x0406
    VERSION_NOT_SUPPORTED = 0x0503


class Response(NamedTuple):
    """An answer. `printer` joins all printer-attributes groups; the first of two equal names counts."""

    version: tuple[int, int]
    status: int
    request_id: int
    operation: Attributes
    printer: Attributes

    @property
    def is_success(self) -> bool:
        """RFC 8011 appendix B: 0x0000 to 0x00FF; "ignored or substituted attributes" is among them."""
        return self.status <= 0x00FF


def encode_request(uri: str, requested: Sequence[str], *, request_id: int, version: tuple[int, int] = (2, 0)) -> bytes:
    """Return the Get-Printer-Attributes request for the printer at *uri*, asking for the attributes named in *requested*."""
    assert 0 < request_id <= 0x7FFF_FFFF and 0 < len(requested) <= REQUESTED_MAX
    parts = [
        struct.pack(">BBHIB", *version, _GET_PRINTER_ATTRIBUTES, request_id, _OPERATION),
        _encode(_CHARSET, "attributes-charset", "utf-8"),
        _encode(_LANGUAGE, "attributes-natural-language", "en"),
        _encode(_URI, "printer-uri", uri),
        *(_encode(_KEYWORD, "" if at else "requested-attributes", name) for at, name in enumerate(requested)),
        bytes([_END]),
    ]
    return b"".join(parts)


def _encode(tag: int, name: str, value: str) -> bytes:
    octets = value.encode()
    return struct.pack(">BH", tag, len(name)) + name.encode("ascii") + struct.pack(">H", len(octets)) + octets


def decode(octets: bytes) -> Response:
    """Return the answer in *octets*. Raises DecodeError, and nothing else, whatever they are."""
    if len(octets) > OCTETS_MAX:
        raise DecodeError(f"longer than {OCTETS_MAX} octets", OCTETS_MAX)
    if len(octets) < _HEADER.size:
        raise DecodeError("header cut short", len(octets))
    major, minor, status, request_id = _HEADER.unpack_from(octets)
    if major not in (1, 2):
        raise DecodeError(f"version {major}.{minor} is none", 0)
    reader = _Reader(octets, _HEADER.size)
    operation: dict[str, tuple[Value, ...]] = {}
    printer: dict[str, tuple[Value, ...]] = {}
    for group, attributes in reader.groups():
        into = {_OPERATION: operation, _PRINTER: printer}.get(group)
        if into is not None:
            for name, values in attributes.items():
                into.setdefault(name, tuple(values))
    return Response((major, minor), status, request_id, operation, printer)


_HEADER = struct.Struct(">BBHI")
_LENGTH = struct.Struct(">H")
_TWO_INTEGERS = struct.Struct(">ii")
_RESOLUTION_FORM = struct.Struct(">iib")
_DATE_TIME_FORM = struct.Struct(">HBBBBBBcBB")

_Group = tuple[int, dict[str, list[Value]]]


class _Reader:
    """Goes through the octets once, from front to end; every element is checked to lie within them before it is looked at."""

    def __init__(self, octets: bytes, at: int) -> None:
        self._octets, self._at = octets, at
        self._values_left = VALUES_MAX
        self._codec = "utf-8"

    def groups(self) -> list[_Group]:
        """Return (delimiter tag, attributes) of every group; the end-tag has to come."""
        found: list[_Group] = []
        values: list[Value] | None = None  # of the attribute being read
        while (tag := self._octet()) != _END:
            if tag <= _DELIMITER_MAX:
                self._spend(self._at)
                found.append((tag, {}))
                values = None
                continue
            start = self._at - 1
            if not found:
                raise DecodeError("attribute outside of any group", start)
            name = self._name()
            if name:
                values = []
                found[-1][1].setdefault(name, values)  # of an attribute that comes twice, the second is read and left
            elif values is None:
                raise DecodeError("further value of no attribute", start)
            value = self._value(tag, start, depth=0)
            values.append(value)
            if name == "attributes-charset" and isinstance(value, str) and found[-1][0] == _OPERATION:
                self._codec = _CODECS.get(value.lower(), "utf-8")
        return found

    def _collection(self, start: int, depth: int) -> dict[str, tuple[Value, ...]]:
        """Read on to the end of the collection that began at *start* (RFC 8010 section 3.1.6)."""
        if depth > DEPTH_MAX:
            raise DecodeError(f"collections nested deeper than {DEPTH_MAX}", start)
        members: dict[str, list[Value]] = {}
        values: list[Value] | None = None
        while True:
            at = self._at
            tag = self._octet()
            if tag <= _DELIMITER_MAX:
                raise DecodeError("collection without an end", start)
            if self._name():
                raise DecodeError("member with a name of its own", at)
            if tag == _END_COLLECTION:
                self._content()
                if any(not one for one in members.values()):
                    raise DecodeError("member without a value", at)
                return {name: tuple(one) for name, one in members.items()}
            if tag == _MEMBER_NAME:
                self._spend(at)
                name = self._content()
                if not 0 < len(name) <= _NAME_OCTETS_MAX:
                    raise DecodeError("unusable name of a member", at)
                values = []
                members.setdefault(self._text(name), values)
            elif values is None:
                raise DecodeError("value of no member", at)
            else:
                values.append(self._value(tag, at, depth=depth))

    def _value(self, tag: int, start: int, *, depth: int) -> Value:
        """Read the value of type *tag* whose name is behind us."""
        self._spend(start)
        content = self._content()
        if tag == _BEGIN_COLLECTION:
            return self._collection(start, depth + 1)
        if tag in (_END_COLLECTION, _MEMBER_NAME):
            raise DecodeError("part of no collection", start)
        if tag <= _OUT_OF_BAND_MAX:
            return _OUT_OF_BAND.get(tag, OutOfBand.OTHER)  # a value it may bring along has no meaning
        if tag in _STRINGS:
            return self._text(content)
        if tag in (_TEXT_WITH_LANGUAGE, _NAME_WITH_LANGUAGE):
            return self._text(_behind_language(content, start))
        return _read(tag, content, start)

    def _octet(self) -> int:
        if self._at >= len(self._octets):
            raise DecodeError("cut short", self._at)
        self._at += 1
        return self._octets[self._at - 1]

    def _name(self) -> str:
        start = self._at
        octets = self._content()
        if len(octets) > _NAME_OCTETS_MAX:
            raise DecodeError(f"name longer than {_NAME_OCTETS_MAX} octets", start)
        return octets.decode("latin-1")

    def _content(self) -> bytes:
        """Read a length and as many octets."""
        start = self._at
        if start + _LENGTH.size > len(self._octets):
            raise DecodeError("length cut short", start)
        (length,) = _LENGTH.unpack_from(self._octets, start)
        if length > _LENGTH_MAX:
            raise DecodeError("negative length", start)
        begin = start + _LENGTH.size
        self._at = begin + length
        if self._at > len(self._octets):
            raise DecodeError("content outgrows the message", start)
        return self._octets[begin : self._at]

    def _spend(self, start: int) -> None:
        self._values_left -= 1
        if self._values_left < 0:
            raise DecodeError(f"more than {VALUES_MAX} values", start)

    def _text(self, octets: bytes) -> str:
        for codec in (self._codec, "utf-8"):
            try:
                return octets.decode(codec)
            except UnicodeDecodeError:
                continue
        return octets.decode("latin-1")


_OUT_OF_BAND = {one.value: one for one in OutOfBand if one is not OutOfBand.OTHER}


def _read(tag: int, content: bytes, start: int) -> Scalar:
    """Return a value of fixed form. Octets of another length than the form has are no value."""
    if tag in (_INTEGER, _ENUM):
        _check(content, 4, start)
        return int.from_bytes(content, "big", signed=True)
    if tag == _BOOLEAN:
        _check(content, 1, start)
        if content[0] > 1:
            raise DecodeError("neither true nor false", start)
        return content[0] == 1
    if tag == _RANGE:
        _check(content, _TWO_INTEGERS.size, start)
        return Range(*_TWO_INTEGERS.unpack(content))
    if tag == _RESOLUTION:
        _check(content, _RESOLUTION_FORM.size, start)
        return Resolution(*_RESOLUTION_FORM.unpack(content))
    if tag == _DATE_TIME:
        _check(content, _DATE_TIME_FORM.size, start)
        return _date_time(content, start)
    return content if tag == _OCTET_STRING else Opaque(tag, content)


def _check(content: bytes, octets: int, start: int) -> None:
    if len(content) != octets:
        raise DecodeError(f"{len(content)} octets where {octets} are due", start)


def _date_time(content: bytes, start: int) -> datetime | Opaque:
    """Return DateAndTime of RFC 2579. A clock that was never set shows days there are none of: that is no date, but no fault either."""
    year, month, day, hour, minute, second, tenths, sign, ahead_hours, ahead_minutes = _DATE_TIME_FORM.unpack(content)
    if sign not in (b"+", b"-"):
        raise DecodeError("time zone without a direction", start)
    ahead = timedelta(hours=ahead_hours, minutes=ahead_minutes)
    try:
        zone = timezone(ahead if sign == b"+" else -ahead)
        local = datetime(year, month, day, hour, minute, min(second, 59), min(tenths, 9) * 100_000, tzinfo=zone)  # 60: a leap second
        return local.astimezone(UTC)
    except (ValueError, OverflowError):
        return Opaque(_DATE_TIME, content)


def _behind_language(content: bytes, start: int) -> bytes:
    """Return the text of a textWithLanguage: length, language, length, text (RFC 8010 section 3.9); the language is not kept."""
    at = 0
    part = b""
    for _ in range(2):
        if at + _LENGTH.size > len(content):
            raise DecodeError("text with language cut short", start)
        (length,) = _LENGTH.unpack_from(content, at)
        at += _LENGTH.size
        part = content[at : at + length]
        at += length
    if at != len(content):
        raise DecodeError("text with language of another length", start)
    return part
