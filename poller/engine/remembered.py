"""A printer across a restart: what one that was polled is, how it is asked, when, and what it said last; as a value and as bytes.

Ten thousand printers are a dozen models. So a shape is packed once and named by the digest of its bytes; a printer's own bytes say the
name and hold its steady values, and what is unpacked together shares equal shapes and equal values. A checksum stands in front: a disk
that forgot a bit must not become another serial number.

Nothing here opens a device: a `Way` names its credential, and the community is looked up in today's configuration.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from hashlib import blake2s
from ipaddress import ip_address
from typing import Annotated, NamedTuple
from zlib import crc32

import msgspec
from msgspec import Meta

from poller.errors import StateError
from poller.model import Credential, Printer, Target
from poller.model import Value as _Struct
from poller.printers import layout as layouts
from poller.printers.layout import Layout, Shape
from poller.snmp.message import Missing, Value
from poller.snmp.oid import Oid, is_well_formed

_NAME_SIZE = 16
_SUM_SIZE = 4
_OIDS_MAX = 8192  # 46 objects of at most 128 rows each are fewer
_SHAPES_MAX = 4096
_PAUSE_MS_MAX = 10_000
_SILENT_SECONDS_MAX = 100 * 365 * 86_400.0

_Utc = Annotated[datetime, Meta(tz=True)]
_Count = Annotated[int, Meta(ge=0, lt=1 << 32)]

# The code of a Missing among the tags; never change one, they are on disks.
_MISSING = (Missing.NO_SUCH_OBJECT, Missing.NO_SUCH_INSTANCE, Missing.NO_SUCH_NAME, Missing.END_OF_MIB, Missing.NULL)
_CODES = {missing: code for code, missing in enumerate(_MISSING)}


class Way(_Struct, frozen=True, kw_only=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """A target with the *name* of its credential in place of the credential."""

    address: str
    port: Annotated[int, Meta(ge=1, le=65535)]
    credential: str
    range: str | None

    @classmethod
    def of(cls, target: Target) -> Way:
        return cls(address=target.address, port=target.port, credential=target.credential.name, range=target.range)

    def target(self, credentials: Mapping[str, Credential]) -> Target | None:
        """Return whom to ask; None when no credential has that name any more."""
        credential = credentials.get(self.credential)
        return None if credential is None else Target(address=self.address, port=self.port, credential=credential, range=self.range)


class Remembered(_Struct, frozen=True, kw_only=True, gc=False):
    """One polled printer as it has to survive a restart.

    `layout` is None, and with it `learned_utc`, before the first poll. `oids_max`, `bulk_rows`, `is_proven`, `pause_ms` and `context` are
    its manners (`engine/asking.py`), `context_at` what is asked in that context (`engine/device.py`). `reading` is the JSON of the last
    one, empty when there is none; `last_poll_seconds` how long the last poll took. `since_utc` is when it was last read, or first failed
    if it never was; what follows is how it stood (`engine/presence.py`), `silent_seconds` having been counted while somebody asked, and
    how often in a row it had to be woken (`engine/rhythm.py`).
    """

    printer: Printer
    way: Way
    other_way: Way | None = None
    location: str | None = None
    layout: Layout | None = None
    learned_utc: datetime | None = None
    config_changes: int | None = None
    oids_max: int
    bulk_rows: int
    is_proven: bool = False
    pause_ms: int = 0
    context: str = ""
    context_at: tuple[int, ...] = ()
    due_utc: datetime
    is_silent: bool = False
    boot_utc: datetime | None = None
    last_ok_utc: datetime | None = None
    last_poll_seconds: float = 0.0
    was_read: bool = True
    since_utc: datetime | None = None
    failures: int = 0
    misses: int = 0
    silent_seconds: float = 0.0
    is_gone: bool = False
    rival: str | None = None
    wakes: int = 0
    reading: bytes = b""
    is_unrecorded: bool = False
    """The reading should have been kept for the dealer and may not have been (`engine/handover.py`)."""


class PackedShape(NamedTuple):
    """`name` is the digest of `body`."""

    name: bytes
    body: bytes


class Packed(NamedTuple):
    """A printer's own bytes, without its reading, and the shape they refer to, if any."""

    shape: PackedShape | None
    body: bytes


class _Body(_Struct, frozen=True, kw_only=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """What `Packed.body` holds. Of value k, `contents[k]` is the content and `tags[k]` the tag; where it is None, the code of a Missing."""

    printer: Printer
    way: Way
    other_way: Way | None
    location: str | None
    shape: bytes | None
    tags: bytes
    contents: Annotated[tuple[bytes | None, ...], Meta(max_length=_OIDS_MAX)]
    learned_utc: _Utc | None
    config_changes: int | None
    oids_max: Annotated[int, Meta(ge=1, le=_OIDS_MAX)]
    bulk_rows: Annotated[int, Meta(ge=1, le=_OIDS_MAX)]
    is_proven: bool
    due_utc: _Utc
    is_silent: bool
    boot_utc: _Utc | None
    last_ok_utc: _Utc | None
    last_poll_seconds: float
    pause_ms: Annotated[int, Meta(ge=0, le=_PAUSE_MS_MAX)] = 0
    context: str = ""
    context_at: Annotated[tuple[Annotated[int, Meta(ge=0, lt=_OIDS_MAX)], ...], Meta(max_length=_OIDS_MAX)] = ()
    is_unrecorded: bool = False
    was_read: bool = True
    since_utc: _Utc | None = None
    failures: _Count = 0
    misses: _Count = 0
    silent_seconds: Annotated[float, Meta(ge=0, le=_SILENT_SECONDS_MAX)] = 0.0
    is_gone: bool = False
    rival: str | None = None
    wakes: _Count = 0


class _ShapeBody(_Struct, frozen=True, kw_only=True, array_like=True, forbid_unknown_fields=True):
    moving: Annotated[tuple[bytes, ...], Meta(max_length=_OIDS_MAX)]
    steady: Annotated[tuple[bytes, ...], Meta(max_length=_OIDS_MAX)]


_encode = msgspec.msgpack.Encoder().encode
_decode_body = msgspec.msgpack.Decoder(_Body).decode
_decode_shape = msgspec.msgpack.Decoder(_ShapeBody).decode


@lru_cache(maxsize=_SHAPES_MAX)
def pack_shape(shape: Shape) -> PackedShape:
    body = _encode(_ShapeBody(moving=shape.moving, steady=shape.steady))
    return PackedShape(_digest(body), body)


def unpack_shape(name: bytes, body: bytes) -> Shape:
    """Return the shape packed as *name* and *body*. Raises StateError when they do not agree, or it names what this program never asks."""
    if _digest(body) != name:
        raise StateError("a shape whose bytes are not those of its name")
    try:
        packed = _decode_shape(body)
    except msgspec.MsgspecError as error:
        raise StateError(f"not a shape: {error}") from error
    moving, steady = tuple(map(Oid, packed.moving)), tuple(map(Oid, packed.steady))
    oids = (*moving, *steady)
    if not all(map(_is_asked, oids)) or len(set(oids)) != len(oids):
        raise StateError("a shape with OIDs that are none of ours")
    return layouts.intern(Shape(moving, steady))


def pack(remembered: Remembered) -> Packed:
    """Return everything of *remembered* but its reading, as bytes. Raises StateError for texts or numbers that have no such form."""
    layout = remembered.layout
    shape = None if layout is None else pack_shape(layout.shape)
    steady = () if layout is None else layout.steady
    try:
        body = _encode(
            _Body(
                printer=remembered.printer,
                way=remembered.way,
                other_way=remembered.other_way,
                location=remembered.location,
                shape=None if shape is None else shape.name,
                tags=bytes([_CODES[value] if isinstance(value, Missing) else value[0] for value in steady]),
                contents=tuple([None if isinstance(value, Missing) else value[1] for value in steady]),
                learned_utc=remembered.learned_utc,
                config_changes=remembered.config_changes,
                oids_max=remembered.oids_max,
                bulk_rows=remembered.bulk_rows,
                is_proven=remembered.is_proven,
                due_utc=remembered.due_utc,
                is_silent=remembered.is_silent,
                boot_utc=remembered.boot_utc,
                last_ok_utc=remembered.last_ok_utc,
                last_poll_seconds=remembered.last_poll_seconds,
                pause_ms=remembered.pause_ms,
                context=remembered.context,
                context_at=remembered.context_at,
                was_read=remembered.was_read,
                since_utc=remembered.since_utc,
                failures=remembered.failures,
                misses=remembered.misses,
                silent_seconds=remembered.silent_seconds,
                is_gone=remembered.is_gone,
                rival=remembered.rival,
                wakes=remembered.wakes,
                is_unrecorded=remembered.is_unrecorded,
            )
        )
    except (UnicodeError, OverflowError, ValueError) as error:  # half a surrogate pair, a number beyond 64 bits
        raise StateError(f"cannot be remembered: {error}") from error
    return Packed(shape, crc32(body).to_bytes(_SUM_SIZE, "big") + body)


class Unpacker:
    """Unpacks printers that share the shapes in *shapes* (by name); equal values become one object as well."""

    def __init__(self, shapes: Mapping[bytes, Shape]) -> None:
        self._shapes = shapes
        self._values: dict[Value, Value] = {}

    def unpack(self, packed: bytes, reading: bytes = b"") -> Remembered:
        """Return the printer in *packed*, with *reading*. Raises StateError for any bytes that are not one."""
        if crc32(packed[_SUM_SIZE:]).to_bytes(_SUM_SIZE, "big") != packed[:_SUM_SIZE]:
            raise StateError("a printer whose checksum is wrong")
        try:
            body = _decode_body(memoryview(packed)[_SUM_SIZE:])
            ip_address(body.way.address)
            if body.other_way is not None:
                ip_address(body.other_way.address)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise StateError(f"not a printer: {error}") from error
        layout = self._layout(body)
        if layout is not None and max(body.context_at, default=0) >= max(len(layout.shape.moving), 1):
            raise StateError("a printer asked in a context for what it does not have")
        return Remembered(
            printer=body.printer,
            way=body.way,
            other_way=body.other_way,
            location=body.location,
            layout=layout,
            learned_utc=body.learned_utc,
            config_changes=body.config_changes,
            oids_max=body.oids_max,
            bulk_rows=body.bulk_rows,
            is_proven=body.is_proven,
            due_utc=body.due_utc,
            is_silent=body.is_silent,
            boot_utc=body.boot_utc,
            last_ok_utc=body.last_ok_utc,
            last_poll_seconds=body.last_poll_seconds,
            pause_ms=body.pause_ms,
            context=body.context,
            context_at=body.context_at if layout is not None else (),
            was_read=body.was_read,
            since_utc=body.since_utc,
            failures=body.failures,
            misses=body.misses,
            silent_seconds=body.silent_seconds,
            is_gone=body.is_gone,
            rival=body.rival,
            wakes=body.wakes,
            is_unrecorded=body.is_unrecorded,
            reading=reading,
        )

    def _layout(self, body: _Body) -> Layout | None:
        if body.shape is None:
            return None
        shape = self._shapes.get(body.shape)
        if shape is None:
            return None  # its OIDs are those of other profiles: the next poll learns it
        if not len(body.tags) == len(body.contents) == len(shape.steady):
            raise StateError("a printer whose values do not fit its shape")
        one_for_equal = self._values.setdefault
        if None not in body.contents:
            # zip() makes exactly the pairs a Value is.
            pairs: zip[Value] = zip(body.tags, body.contents, strict=True)  # type: ignore[arg-type]
            return Layout(shape, tuple([one_for_equal(pair, pair) for pair in pairs]))
        steady: list[Value | Missing] = []
        for tag, content in zip(body.tags, body.contents, strict=True):
            if content is not None:
                value = (tag, content)
                steady.append(one_for_equal(value, value))
            elif tag < len(_MISSING):
                steady.append(_MISSING[tag])
            else:
                raise StateError("a value missing in no known way")
        return Layout(shape, tuple(steady))


def _is_asked(oid: Oid) -> bool:
    """Say whether *oid* is a cell of a table, or a scalar, that a layout may have."""
    placed = layouts.place(oid) if is_well_formed(oid) else None
    return placed is not None and is_well_formed(placed[1])


def _digest(body: bytes) -> bytes:
    return blake2s(body, digest_size=_NAME_SIZE).digest()
