"""Records in an octet string: how Brother packs a dozen values into one object.

`id-type-length` is id, type, length, value; `id-length` the same without the type. Every field is one octet, values are big endian of any
short length, 0xFF ends the string. Devices pad, cut and shorten these; what is whole is read, the rest left.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from poller.printers import levels
from poller.printers.profile import Form
from poller.snmp import ber
from poller.snmp.message import Missing, Value
from poller.snmp.oid import Oid

_END = 0xFF
_VALUE_OCTETS_MAX = 8


class Source(NamedTuple):
    """Where a value is: an instance, or a record in one. With *octet*, that octet of the record's value alone."""

    oid: Oid
    form: Form | None = None
    id: int = 0
    octet: int | None = None

    def number(self, cell: Value | Missing | None) -> int | None:
        """Return the whole number that *cell*, the value of the instance, holds here; None where there is none."""
        if self.form is None:
            return levels.integer(cell)
        if not isinstance(cell, tuple) or cell[0] != ber.OCTET_STRING:
            return None
        value = read_records(cell[1], self.form).get(self.id)
        if value is None:
            return None
        if self.octet is None:
            return int.from_bytes(value, "big")
        return value[self.octet] if self.octet < len(value) else None


@lru_cache(maxsize=8192)
def read_records(octets: bytes, form: Form) -> dict[int, bytes]:
    """Return the values by id; of an id that comes twice, the first. A record cut off at the end is none, and ends the reading."""
    found: dict[int, bytes] = {}
    head = 3 if form == "id-type-length" else 2
    at = 0
    while at + head <= len(octets) and octets[at] != _END:
        length = octets[at + head - 1]
        value = octets[at + head : at + head + length]
        if len(value) < length:
            break
        if 0 < length <= _VALUE_OCTETS_MAX:
            found.setdefault(octets[at], value)
        at += head + length
    return found
