"""Invented devices of an invented maker (enterprise 32473, RFC 5612), read with invented profiles through the same code as real ones."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import NamedTuple

from poller.clock import SystemClock
from poller.engine import device
from poller.engine.device import Learned
from poller.engine.recorded import Recorded
from poller.model import Counter, Credential, Reading, Secret, Target
from poller.printers import library, profile_file
from poller.snmp import ber
from poller.snmp.message import Value
from poller.snmp.oid import Oid, parse

ACME = "1.3.6.1.4.1.32473.7"
TARGET = Target(address="192.0.2.7", credential=Credential(name="test", version="2c", community=Secret("public")))

HEAD = f"""
name = "acme"
title = "ACME LaserWorks"
source = "invented"
manufacturer = "ACME"
[[recognise]]
sys_object_id = ["{ACME}"]
"""


def number(value: int, tag: int = ber.INTEGER) -> Value:
    return tag, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True)


def text(words: str | bytes) -> Value:
    return ber.OCTET_STRING, words.encode() if isinstance(words, str) else words


def rows(cells: Mapping[str, int | str | bytes], *, object_id: str | None = f"{ACME}.1") -> dict[Oid, Value]:
    """Return a device that has *cells*; an OID that begins with a dot is below ACME."""
    made = {
        parse(ACME + oid if oid.startswith(".") else oid): number(value) if isinstance(value, int) else text(value)
        for oid, value in cells.items()
    }
    if object_id is not None:
        made[parse("1.3.6.1.2.1.1.2.0")] = (ber.OBJECT_IDENTIFIER, parse(object_id))
    return made


def build(*files: str) -> library.Library:
    """Return a library of profile texts; each must be sound."""
    sheets = {}
    for content in files:
        name = content.partition('name = "')[2].partition('"')[0]
        sheet, faults = profile_file.read_profile(content.encode(), f"{name}.toml")
        assert not faults, faults
        assert sheet is not None
        sheets[sheet.name] = sheet
    known, faults = library.assemble(sheets, is_experimental=True)
    assert not faults, faults
    return known


class Read(NamedTuple):
    reading: Reading
    learned: Learned

    def counts(self) -> dict[str, int]:
        """Return the counters as `print/mono`, with `/large`, `/duplex` and a unit other than impressions behind it."""
        return {cell_name(counter): counter.count for counter in self.reading.counters}


def cell_name(counter: Counter) -> str:
    parts = [counter.function, counter.colour, *(part for part in (counter.size, counter.sides) if part != "all")]
    return "/".join([*parts, *([counter.unit] if counter.unit != "impressions" else [])])


def read(device_rows: Mapping[Oid, Value]) -> Read:
    """Read the device with the profiles in use."""
    decoded, learned, _ = asyncio.run(device.read(Recorded(device_rows.items()), [TARGET], SystemClock(), rows_max=2048))
    return Read(decoded.reading, learned)
