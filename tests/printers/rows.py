"""Rows of invented devices, written as short as a table in a datasheet."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from poller.model import Decoded
from poller.printers import decode, identity, layout
from poller.snmp import ber
from poller.snmp.message import Value
from poller.snmp.oid import Oid, parse

Rows = list[tuple[Oid, Value]]

TAKEN_AT = datetime(2026, 3, 5, 8, 30, 0, tzinfo=UTC)

SUPPLY = "1.3.6.1.2.1.43.11.1.1"
COLORANT = "1.3.6.1.2.1.43.12.1.1"
CHARSET = "1.3.6.1.2.1.43.7.1.1"
DISPLAY = "1.3.6.1.2.1.43.16.5.1"
TRAY = "1.3.6.1.2.1.43.8.2.1"
COVER = "1.3.6.1.2.1.43.6.1.1"
MARKER = "1.3.6.1.2.1.43.10.2.1"
ALERT = "1.3.6.1.2.1.43.18.1.1"
FINISHER = "1.3.6.1.2.1.43.31.1.1"
GENERAL = "1.3.6.1.2.1.43.5.1.1"
DEVICE = "1.3.6.1.2.1.25.3.2.1"
PRINTER = "1.3.6.1.2.1.25.3.5.1"
SYSTEM = "1.3.6.1.2.1.1"
IS_PRINTER = parse("1.3.6.1.2.1.25.3.1.5")


def number(value: int) -> Value:
    return ber.INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True)


def count(value: int) -> Value:
    return ber.COUNTER32, value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big")


def ticks(value: int) -> Value:
    return ber.TIME_TICKS, count(value)[1]


def octets(value: str | bytes) -> Value:
    return ber.OCTET_STRING, value.encode() if isinstance(value, str) else value


def name(dotted: str) -> Value:
    return ber.OBJECT_IDENTIFIER, parse(dotted)


def value_of(value: int | str | bytes | Value) -> Value:
    return value if isinstance(value, tuple) else number(value) if isinstance(value, int) else octets(value)


def row(entry: str, index: str, **columns: int | str | bytes | Value) -> Rows:
    """Return one row of a table: columns as `c6="Black Toner"`."""
    return [(parse(f"{entry}.{column[1:]}.{index}"), value_of(value)) for column, value in columns.items()]


def supply(
    index: str = "1.1",
    text: str | bytes | None = "Black Toner",
    *,
    level: int | Value | None = None,
    maximum: int | Value | None = None,
    type: int | None = None,  # noqa: A002, the column's name
    class_: int | None = None,
    unit: int | None = None,
    colorant: int | None = None,
) -> Rows:
    columns = {"c3": colorant, "c4": class_, "c5": type, "c6": text, "c7": unit, "c8": maximum, "c9": level}
    return row(SUPPLY, index, **{column: value for column, value in columns.items() if value is not None})


def system(description: str | None = None, object_id: str | None = None, *, uptime: int | None = None) -> Rows:
    rows = []
    if description is not None:
        rows += row(SYSTEM, "0", c1=description)
    if object_id is not None:
        rows += row(SYSTEM, "0", c2=name(object_id))
    if uptime is not None:
        rows += row(SYSTEM, "0", c3=ticks(uptime))
    return rows


def read(rows: Iterable[tuple[Oid, Value]], alerts: Iterable[tuple[Oid, Value]] = (), *, location: str | None = None) -> Decoded:
    """Learn, describe and decode, as the engine does."""
    rows = list(rows)
    learned, moving = layout.learn(rows)
    printer = identity.describe(learned, moving, address="192.0.2.7", via="snmp-2c", range=None, location=location)
    return decode.decode(learned, moving, list(alerts), printer=printer, taken_at=TAKEN_AT, is_printer=identity.is_printer(dict(rows)))


def shuffled(rows: Rows) -> Rows:
    """Return the rows in another order, the same one every time."""
    return sorted(rows, key=lambda pair: pair[0][::-1])
