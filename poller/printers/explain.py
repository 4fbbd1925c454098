"""Where every value of a reading came from, and what was left unused and why: what `poller read --explain` shows.

A technician in front of a printer that "shows the wrong toner" needs three things side by side: the OID, the raw value, and what was
made of it. Nothing here is fast, and nothing of it ever leaves the agent.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from poller.model import Decoded
from poller.printers import levels, mib
from poller.printers.alerts import COLUMNS as ALERT_COLUMNS
from poller.printers.charset import read_text
from poller.printers.cleaning import clean
from poller.printers.layout import Layout, is_vendors, place, profiles_of
from poller.printers.plan import sheet_of
from poller.printers.profile import Identity
from poller.snmp import ber
from poller.snmp.message import Missing, Value
from poller.snmp.oid import Oid, index_text, is_well_formed, text

_LETTERS_MAX = 160


class Used(NamedTuple):
    """One value that was read: `name` is the MIB's, with the index; `part` and `meaning` say what it became in the reading."""

    oid: str
    name: str
    raw: str
    part: str
    meaning: str


class Unused(NamedTuple):
    """One value that became nothing, and why."""

    oid: str
    name: str
    raw: str
    reason: str


class Explanation(NamedTuple):
    used: tuple[Used, ...]
    unused: tuple[Unused, ...]


_ROWS: dict[mib.Object, tuple[str, tuple[str, ...]]] = {
    mib.SUPPLY_DESCRIPTION: ("supplies", ("description", "kind", "colour", "part_number", "serial")),
    mib.SUPPLY_TYPE: ("supplies", ("kind",)),
    mib.SUPPLY_CLASS: ("supplies", ("is_receptacle",)),
    mib.SUPPLY_COLORANT: ("supplies", ("colour",)),
    mib.SUPPLY_UNIT: ("supplies", ("unit",)),
    mib.SUPPLY_CAPACITY: ("supplies", ("capacity",)),
    mib.SUPPLY_LEVEL: ("supplies", ("state", "units", "ratio")),
    mib.FINISHER_DESCRIPTION: ("supplies", ("description", "kind", "part_number", "serial")),
    mib.FINISHER_TYPE: ("supplies", ("kind",)),
    mib.FINISHER_CLASS: ("supplies", ("is_receptacle",)),
    mib.FINISHER_COLOUR: ("supplies", ("colour",)),
    mib.FINISHER_UNIT: ("supplies", ("unit",)),
    mib.FINISHER_CAPACITY: ("supplies", ("capacity",)),
    mib.FINISHER_LEVEL: ("supplies", ("state", "units", "ratio")),
    mib.TRAY_NAME: ("trays", ("name",)),
    mib.TRAY_DESCRIPTION: ("trays", ("name",)),
    mib.TRAY_MEDIA: ("trays", ("media",)),
    mib.TRAY_UNIT: ("trays", ("unit",)),
    mib.TRAY_CAPACITY: ("trays", ("capacity",)),
    mib.TRAY_LEVEL: ("trays", ("state", "units", "ratio")),
    mib.COVER_DESCRIPTION: ("covers", ("name",)),
    mib.COVER_STATUS: ("covers", ("open",)),
    mib.ALERT_SEVERITY: ("alerts", ("severity",)),
    mib.ALERT_GROUP: ("alerts", ("group",)),
    mib.ALERT_ROW: ("alerts", ("group",)),
    mib.ALERT_LOCATION: ("alerts", ("location",)),
    mib.ALERT_CODE: ("alerts", ("code",)),
    mib.ALERT_TIME: ("alerts", ("since",)),
}
"""Columns whose row is a row of the reading: which list, which fields."""

_PRINTER: dict[mib.Object, tuple[str, ...]] = {
    mib.DESCRIPTION: ("manufacturer", "model", "firmware", "serial"),
    mib.OBJECT_ID: ("manufacturer", "id"),
    mib.HOST_NAME: ("hostname",),
    mib.LOCATION: ("location",),
    mib.INTERFACE_ADDRESS: ("mac",),
    mib.DEVICE_DESCRIPTION: ("manufacturer", "model"),
    mib.DEVICE_ID: ("manufacturer",),
    mib.SERIAL_NUMBER: ("serial", "id"),
    mib.IEEE_1284_ID: ("manufacturer", "model", "serial"),
}

_WORDS = {
    mib.DEVICE_TYPE: "which device is the printer",
    mib.CONFIG_CHANGES: "whether to learn again",
    mib.ALERT_EVENTS: "how many alerts there were",
    mib.LOCALIZATION: "which character set texts are in",
    mib.CONSOLE_LOCALIZATION: "which character set the display is in",
    mib.CHARACTER_SET: "which character set texts are in",
    mib.COLORANT_VALUE: "what the colorants are called",
    mib.MARKER_TECHNOLOGY: "whether cartridges hold toner or ink",
    mib.MARKER_UNIT: "what is counted",
}

_LEVELS = {mib.SUPPLY_LEVEL, mib.FINISHER_LEVEL, mib.TRAY_LEVEL}
_CAPACITIES = {mib.SUPPLY_CAPACITY, mib.FINISHER_CAPACITY, mib.TRAY_CAPACITY}
_TEXTS = {
    mib.DESCRIPTION, mib.HOST_NAME, mib.LOCATION, mib.INTERFACE_ADDRESS, mib.DEVICE_DESCRIPTION, mib.SERIAL_NUMBER, mib.IEEE_1284_ID,
    mib.SUPPLY_DESCRIPTION, mib.FINISHER_DESCRIPTION, mib.FINISHER_COLOUR, mib.TRAY_NAME, mib.TRAY_DESCRIPTION, mib.TRAY_MEDIA,
    mib.COVER_DESCRIPTION, mib.COLORANT_VALUE, mib.DISPLAY_LINE, mib.ALERT_DESCRIPTION, mib.PRINTER_ERRORS,
}  # fmt: skip
_OIDS = {mib.OBJECT_ID, mib.DEVICE_TYPE, mib.DEVICE_ID}


def explain(
    layout: Layout,
    moving: Sequence[Value | Missing],
    alerts: Iterable[tuple[Oid, Value]],
    rows_all: Iterable[tuple[Oid, Value]],
    decoded: Decoded,
) -> Explanation:
    """Return what became of every value: those the layout reads, the alerts, and of *rows_all* (the walk) those nothing reads."""
    used: list[Used] = []
    unused: list[Unused] = []
    told = _told_by_profiles(layout, decoded)
    read = [*zip(layout.shape.steady, layout.steady, strict=True), *zip(layout.shape.moving, moving, strict=True)]
    seen = {oid for oid, _ in read}
    for oid, cell in (*read, *alerts):
        item, name = _name(oid)
        reason = _refusal(item, oid, cell, decoded)
        if item is None or reason is not None:
            unused.append(Unused(text(oid), name, show(cell), reason or "not read"))
        else:
            part, meaning = told.get(oid) or _meaning(item, oid, decoded)
            used.append(Used(text(oid), name, show(cell), part, meaning))
    unused += [Unused(text(oid), _name(oid)[1], show(cell), "not read") for oid, cell in rows_all if oid not in seen]
    return Explanation(tuple(used), tuple(unused))


def show(cell: Value | Missing) -> str:
    """Return a value as a person would write it down: digits, dots, text, or octets in hexadecimal."""
    if isinstance(cell, Missing):
        return cell.value
    tag, content = cell
    if tag == ber.OBJECT_IDENTIFIER:
        return text(Oid(content)) if is_well_formed(content) else content.hex()
    if tag == ber.OCTET_STRING:
        plain = read_text(content) if content else ""
        is_text = (
            plain is not None and (content.isascii() or not plain.isascii()) and all(octet >= 0x20 for octet in content.rstrip(b"\x00"))
        )
        return (f'"{plain}"' if is_text else f"0x{content.hex()}")[:_LETTERS_MAX]
    number = levels.integer(cell)
    return str(number) if number is not None else f"0x{content.hex()}"[:_LETTERS_MAX]


def _name(oid: Oid) -> tuple[mib.Object | None, str]:
    placed = place(oid)
    if placed is None:
        item = ALERT_COLUMNS.get(Oid(oid[: len(mib.ALERT_SEVERITY.oid)]))
        placed = (item, oid[len(item.oid) :]) if item is not None else None
    return (placed[0], f"{placed[0].name}.{index_text(placed[1])}") if placed is not None else (None, "")


def _key(item: mib.Object, oid: Oid) -> str:
    index = index_text(oid[len(item.oid) :])
    return f"fin:{index}" if oid.startswith(mib.FINISHER_ENTRY) else index


def _refusal(item: mib.Object | None, oid: Oid, cell: Value | Missing, decoded: Decoded) -> str | None:
    """Return why a value became nothing, or None."""
    if isinstance(cell, Missing):
        return cell.value
    if item is None:
        return "not read"
    if is_vendors(oid):
        return None
    expected = ber.OCTET_STRING if item in _TEXTS else ber.OBJECT_IDENTIFIER if item in _OIDS else None
    if expected is not None:
        return None if cell[0] == expected else f"tag 0x{cell[0]:02x} where 0x{expected:02x} belongs"
    number = levels.integer(cell)
    if number is None:
        return "not a number"
    if item in _LEVELS:
        row = _row(_ROWS[item][0], _key(item, oid), decoded)
        if levels.level_number(cell) is None:
            return "out of range: below -3 or beyond 32 bits"
        return "above its capacity" if number >= 0 and row is not None and row.units is None else None
    if item in _CAPACITIES:
        return None if levels.capacity_number(cell) is not None or number in (levels.NO_RESTRICTION, levels.UNKNOWN) else "out of range"
    if item == mib.MARKER_COUNT and all(counter.oid != text(oid) for counter in decoded.reading.counters):
        return "out of range, counted in a unit without a meaning here, or another marker counts more"
    return None


def _row(part: str, key: str, decoded: Decoded) -> Any:
    return next((row for row in getattr(decoded.reading, part) if row.key == key), None)


def _meaning(item: mib.Object, oid: Oid, decoded: Decoded) -> tuple[str, str]:
    """Return (part of the reading, what stands there)."""
    reading = decoded.reading
    if is_vendors(oid):
        return _vendors_meaning(text(oid), decoded)
    if item in _ROWS:
        part, fields = _ROWS[item]
        return f"{part} {_key(item, oid)}", _fields(_row(part, _key(item, oid), decoded), fields)
    if item in _PRINTER:
        return "printer", _fields(reading.printer, _PRINTER[item])
    if item in (mib.PRINTER_STATUS, mib.DEVICE_STATUS, mib.PRINTER_ERRORS):
        field = {mib.PRINTER_STATUS: "printer", mib.DEVICE_STATUS: "device", mib.PRINTER_ERRORS: "errors"}[item]
        return "status", _fields(reading.status, (field,))
    if item == mib.MARKER_COUNT:
        return "counters", _fields(next(row for row in reading.counters if row.oid == text(oid)), ("function", "colour", "count", "unit"))
    if item == mib.UPTIME:
        return "boot", str(decoded.boot_utc) if decoded.boot_utc is not None else "unknown"
    if item == mib.DISPLAY_LINE:
        return "display", "shown on the printer; stays here"
    if item == mib.ALERT_DESCRIPTION:
        return f"alerts {_key(item, oid)}", dict(decoded.alert_texts).get(_key(item, oid), "no text") + " (stays here)"
    return "", _WORDS.get(item, "")


def _told_by_profiles(layout: Layout, decoded: Decoded) -> dict[Oid, tuple[str, str]]:
    """Return (part of the reading, what stands there) of the single values that profiles name for identity and supplies."""
    profiles = profiles_of(layout)
    if not profiles:
        return {}
    told: dict[Oid, tuple[str, str]] = {}
    steady, charset = dict(zip(layout.shape.steady, layout.steady, strict=True)), sheet_of(layout).charset
    for profile in profiles:
        for identity, oid in profile.identities:
            if oid in steady and oid not in told:
                told[oid] = "printer", _identity_meaning(identity, clean(steady[oid], identity.clean, charset), decoded)
    rows = {row.key: row for row in decoded.reading.supplies}
    present = {*layout.shape.steady, *layout.shape.moving}
    shown: set[str] = set()
    for rule in (rule for profile in profiles for rule in profile.supplies):
        key = f"v:{rule.sheet.key}"
        if key not in rows or key in shown or rule.level is None or rule.level.oid not in present or rule.level.form is not None:
            continue  # no row of its own, a further choice, or one record of many in a value
        shown.add(key)
        told.setdefault(rule.level.oid, (f"supplies {key}", _fields(rows[key], ("state", "units", "ratio"))))
    return told


def _identity_meaning(rule: Identity, cleaned: str | None, decoded: Decoded) -> str:
    value = getattr(decoded.reading.printer, rule.field)
    if cleaned is None:
        return f"no {rule.field}: blank, or its clean rules do not fit"
    return f"{rule.field} {value}" if value is not None and value in cleaned else f"{rule.field}: not used, or stands in reserve"


def _vendors_meaning(oid: str, decoded: Decoded) -> tuple[str, str]:
    """Return what became of any other value that a profile reads: the counters it is in."""
    counted = [row for row in decoded.reading.counters if row.oid is not None and oid in row.oid.split("+")]
    cells = ["/".join((row.function, row.colour, row.size, row.sides, row.unit)) + f" {row.count}" for row in counted]
    return (
        ("counters", ", ".join(cells)) if cells else (decoded.reading.printer.profile or "profile", "chooses, names or stands in reserve")
    )


def _fields(row: Any, fields: tuple[str, ...]) -> str:
    """Return the fields that have a value, as `name value`."""
    found = [(field, getattr(row, field)) for field in fields if row is not None]
    return ", ".join(f"{field} {_plain(value)}" for field, value in found if value is not None) or "nothing"


def _plain(value: object) -> str:
    if isinstance(value, tuple):
        return " ".join(map(str, value)) or "none"
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value).lower() if isinstance(value, bool) else str(value)
