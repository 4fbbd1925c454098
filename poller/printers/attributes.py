"""What a printer's IPP attributes mean: the same Reading that SNMP gives, from another mouth.

Three families of attributes tell of supplies. `printer-supply` (PWG 5100.13) carries rows of the Printer-MIB as text, with class, unit
and capacity; `marker-*` (CUPS, and every AirPrint device) are parallel lists with a level in per cent; `printer-alert` (PWG 5100.9) names
rows by their index. Where a device has both of the first, the rows count and the lists fill in what they leave open.

The rules of a level are those of SNMP: -1, -2, -3 are states, never numbers. A list of another length than `marker-names` cannot be
matched to it and is left out. `marker-levels` of a waste box count up on some devices (CUPS: "percent full") and down on others (RFC 3805:
space left); it is a number here only where the thresholds beside it tell which.

Pure: attributes in, values out; nothing a device says makes this raise. Rows known by IPP have no index, and keys of their own:
`v:toner-black`, `v:tray-1`, a second one of the same name `v:toner-black-2`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import NamedTuple, cast

import msgspec

from poller.ipp.message import Attributes, Value
from poller.model import Alert, Counter, Decoded, Reading, Severity, Status, Supply, Tray
from poller.printers import ipp_words, levels, mib
from poller.printers.ipp_identity import describe, is_printer
from poller.printers.ipp_values import (
    NUMBER_MAX,
    ROWS_MAX,
    capacity_number,
    column,
    count_of,
    fields_of,
    first,
    is_number,
    level_number,
    number_of,
    row_number,
    slug,
    text_of,
    unique_keys,
)
from poller.printers.levels import Word
from poller.printers.merge import fill_supplies
from poller.printers.supplies import read_colour, read_part

REQUESTED = (
    "printer-make-and-model", "printer-info", "printer-device-id", "printer-serial-number", "device-serial-number", "printer-uuid",
    "printer-firmware-string-version", "printer-location", "printer-state", "printer-state-reasons", "printer-up-time", "cups-version",
    "marker-names", "marker-types", "marker-colors", "marker-levels", "marker-low-levels", "marker-high-levels",
    "printer-supply", "printer-supply-description", "printer-input-tray", "media-ready", "printer-alert", "printer-alert-description",
    "printer-impressions-completed", "printer-impressions-completed-col", "printer-pages-completed", "printer-media-sheets-completed",
)  # fmt: skip
"""All that is asked for. No jobs, no users, no contact; not printer-state-message either, the display, which may name a document."""

_UNKNOWN_CODE = 2  # PrtAlertCodeTC
_UP_SECONDS_MAX = 10 * 366 * 86400  # some send the time since 1970 instead
_TYPE_NUMBERS = {name.lower(): number for number, name in mib.SUPPLY_TYPES.items()}
_STATES = {3: ("idle", "running"), 4: ("printing", "running"), 5: ("other", "down")}
"""printer-state (RFC 8011 section 5.4.11) as hrPrinterStatus and hrDeviceStatus (RFC 2790) of the same condition."""


def decode(
    attributes: Attributes,
    *,
    address: str,
    taken_at: datetime,
    range: str | None = None,  # noqa: A002, the name it has in a reading
    location: str | None = None,
) -> Decoded:
    """Return the reading in *attributes* of the printer at *address*. *location* is what the operator configured; it wins.

    *taken_at* is UTC with a time zone. Raises nothing, whatever the attributes are.
    """
    alerts = _alerts(attributes)
    words = {alert.row: alert.word for alert in reversed(alerts) if alert.row is not None and alert.word is not None}
    rows, _ = fill_supplies(_row_supplies(attributes, words), _marker_supplies(attributes))
    seconds = number_of(first(attributes, "printer-up-time"))
    reading = Reading(
        taken_at=taken_at,
        is_printer=is_printer(attributes),
        printer=describe(attributes, address=address, range=range, location=location),
        status=_status(attributes),
        supplies=tuple(
            msgspec.structs.replace(one, key=key) for key, one in zip(unique_keys(_supply_name(one) for one in rows), rows, strict=True)
        ),
        counters=_counters(attributes),
        trays=_trays(attributes),
        alerts=tuple(alert.alert for alert in alerts),
    )
    return Decoded(
        reading=reading,
        boot_utc=_boot(seconds, taken_at),
        alert_texts=tuple((alert.alert.key, alert.text) for alert in alerts if alert.text is not None),
    )


# --- supplies -----------------------------------------------------------------------------------------------------------


def _row_supplies(attributes: Attributes, words: dict[str, Word]) -> list[Supply]:
    """Return the supplies of printer-supply: rows of prtMarkerSuppliesTable as `key=value;` text (PWG 5100.13)."""
    rows = [fields_of(value) for value in attributes.get("printer-supply", ())[:ROWS_MAX]]
    texts = column(attributes, "printer-supply-description", len(rows))
    found = []
    for at, row in enumerate(rows):
        if not row:
            continue
        text = text_of(texts[at])
        unit = row.get("unit") if row.get("unit") in mib.SUPPLY_UNITS.values() else None
        word = words.get(f"supply:{row['index']}") if "index" in row else None
        level, capacity = row_number(row, "level"), row_number(row, "maxcapacity") or row_number(row, "capacity")
        measured = levels.measure(level_number(level), capacity_number(capacity), is_percent=unit == "percent", word=word)
        part = read_part(text, _type_number(row.get("type")), _CLASSES.get(row.get("class", "").lower()), colorant=row.get("colorantname"))
        found.append(
            Supply(
                key="",
                index=None,
                description=text,
                kind=part.kind,
                colour=part.colour,
                part_number=part.part_number,
                serial=part.serial,
                ratio=measured.ratio,
                state=measured.state,
                units=measured.units,
                capacity=measured.capacity,
                unit=unit,
                is_receptacle=part.is_receptacle,
            )
        )
    return found


_CLASSES = {"supplythatisconsumed": mib.CONSUMED, "receptaclethatisfilled": mib.RECEPTACLE}


def _marker_supplies(attributes: Attributes) -> list[Supply]:
    """Return the supplies of the parallel lists marker-names, -types, -colors, -levels, -low-levels, -high-levels."""
    lists = (attributes.get(name, ()) for name in ("marker-names", "marker-levels", "marker-types"))
    count = next((len(values) for values in lists if any(isinstance(one, (str, bytes, int)) for one in values)), 0)
    count = min(count, ROWS_MAX)
    names, types, colours, at_levels, lows, highs = (
        column(attributes, name, count)
        for name in ("marker-names", "marker-types", "marker-colors", "marker-levels", "marker-low-levels", "marker-high-levels")
    )
    found = []
    for at in range(count):
        text = text_of(names[at])
        type_number = _type_number(text_of(types[at]))
        part = read_part(text, type_number, None)
        if part.colour is None:  # the words first: a light cyan is often drawn in plain cyan
            part = read_part(text, type_number, None, colorant=_colour(text_of(colours[at])))
        level = level_number(number_of(at_levels[at]))
        low, high = number_of(lows[at]), number_of(highs[at])
        if part.is_receptacle and level is not None and level >= 0:
            level = _space_left(level, low, high)
        word: Word | None = "low" if level is not None and low is not None and 0 < level <= low < 100 else None
        measured = levels.measure(level, None, is_percent=True, word=word)
        found.append(
            Supply(
                key="",
                index=None,
                description=text,
                kind=part.kind,
                colour=part.colour,
                part_number=part.part_number,
                serial=part.serial,
                ratio=measured.ratio,
                state=measured.state,
                units=measured.units,
                capacity=None if measured.units is None else 100,
                unit="percent",
                is_receptacle=part.is_receptacle,
            )
        )
    return found


def _space_left(level: int, low: int | None, high: int | None) -> int:
    """Return what is left of a waste box in per cent, where its thresholds say that it counts up: it warns when high, never when low.

    Otherwise the device does not say what it counts: that is unknown, whatever the number.
    """
    counts_up = high is not None and 50 <= high < 100 and (low is None or low <= 0)
    return 100 - level if counts_up and level <= 100 else levels.UNKNOWN


def _colour(text: str | None) -> str | None:
    """Return the name of a marker-colors value: `#RRGGBB`, a name, or "none".

    A cartridge of several colours (`#00FFFF#FF00FF#FFFF00`) has no colour of its own. What is no known colour keeps its number as name.
    """
    if text is None or not text.startswith("#"):
        return read_colour(text)
    parts = text.split("#")[1:]
    if len(parts) != 1 or not re.fullmatch(r"[0-9A-Fa-f]{6}", parts[0]):
        return None
    return ipp_words.colour_of(bytes.fromhex(parts[0])) or text.lower()


def _type_number(name: str | None) -> int | None:
    """Return the number of a supply type, written as in the MIB (`wasteToner`) or as a keyword (`waste-toner`)."""
    return _TYPE_NUMBERS.get((name or "").replace("-", "").lower())


def _supply_name(supply: Supply) -> str:
    if supply.kind == "unknown":
        return slug(supply.description) or "supply"
    return supply.kind if supply.colour is None else f"{supply.kind}-{slug(supply.colour) or 'other'}"


# --- status, alerts, counters, trays ------------------------------------------------------------------------------------


def _status(attributes: Attributes) -> Status:
    """Return printer-state and printer-state-reasons in the words of RFC 2790."""
    printer, device = _STATES.get(number_of(first(attributes, "printer-state")) or 0, (None, None))
    reasons = [text for value in attributes.get("printer-state-reasons", ())[:ROWS_MAX] if (text := text_of(value)) is not None]
    if device == "running" and any(reason.endswith(("-warning", "-error")) for reason in reasons):
        device = "warning"
    errors = {ipp_words.ERRORS.get(re.sub(r"-(?:report|warning|error)$", "", reason)) for reason in reasons}
    return Status(printer=printer, device=device, errors=tuple(name for name in mib.ERROR_BITS if name in errors))


class _Told(NamedTuple):
    """An alert, its text, and what it says (`word`) of which row ("supply:3", "tray:1")."""

    alert: Alert
    text: str | None
    row: str | None
    word: Word | None


_SEVERITIES = {name.lower(): name for name in mib.ALERT_SEVERITIES.values()}
_GROUPS = {name.lower(): name for name in mib.ALERT_GROUPS.values()}
_ABOUT = {"markerSupplies": "supply", "input": "tray"}


def _alerts(attributes: Attributes) -> list[_Told]:
    """Return the alerts of printer-alert: rows of prtAlertTable as `key=value;` text (PWG 5100.9).

    Their `time` is not read: some devices mean hundredths of a second by it, some seconds.
    """
    rows = [fields_of(value) for value in attributes.get("printer-alert", ())[:ROWS_MAX]]
    texts = column(attributes, "printer-alert-description", len(rows))
    kept = [(row, text_of(text)) for row, text in zip(rows, texts, strict=True) if row and row.get("code", "").lower() != "none"]
    keys = unique_keys(f"alert-{slug(row.get('index') or row.get('code')) or 'unknown'}" for row, _ in kept)
    found = []
    for key, (row, text) in zip(keys, kept, strict=True):
        name = row.get("code", "")
        code = int(name) if is_number(name) else ipp_words.ALERT_CODES.get(name.lower())
        group = _GROUPS.get(row.get("group", "").lower())
        severity = _SEVERITIES.get(row.get("severity", "").lower(), "other")
        about = _ABOUT.get(group or "")
        number = row_number(row, "groupindex")
        found.append(
            _Told(
                alert=Alert(
                    key=key,
                    severity=cast(Severity, severity),
                    group=group,
                    code=code if code is not None and 0 < code <= NUMBER_MAX and code != _UNKNOWN_CODE else None,
                    location=capacity_number(row_number(row, "location")),
                ),
                text=text,
                row=f"{about}:{number}" if about is not None and number is not None else None,
                word=_word(severity, code),
            )
        )
    return found


def _word(severity: str, code: int | None) -> Word | None:
    if severity not in ("critical", "warningBinaryChangeEvent"):
        return None
    return "empty" if code in mib.CODES_EMPTY else "low" if code in mib.CODES_LOW else None


def _counters(attributes: Attributes) -> tuple[Counter, ...]:
    """Return what the device counts: impressions, their parts by colour where these add up to them, and sheets.

    printer-pages-completed counts pages of documents, of which several may share one side: it stands in for impressions only where these
    are not told, and under its own name.
    """
    impressions, pages, sheets = (
        count_of(first(attributes, f"printer-{what}-completed")) for what in ("impressions", "pages", "media-sheets")
    )
    found: list[Counter] = []
    if impressions is not None:
        found.append(Counter(function="total", count=impressions))
        found += _parts(first(attributes, "printer-impressions-completed-col"), impressions)
    elif pages is not None:
        found.append(Counter(function="other", count=pages, label="printer-pages-completed"))
    if sheets is not None:
        found.append(Counter(function="total", count=sheets, unit="sheets"))
    return tuple(found)


def _parts(members: Value | None, impressions: int) -> list[Counter]:
    """Return the parts by colour (PWG 5100.22: monochrome, full-color, highlight-color, blank; each also as …-two-sided)."""
    if not isinstance(members, dict):
        return []
    counts = {name: count_of(values[0]) for name, values in members.items() if values}
    if None in counts.values() or sum(filter(None, counts.values())) != impressions:
        return []
    found = []
    for name, colour in (("monochrome", "mono"), ("full-color", "colour"), ("highlight-color", "two")):
        told = [count for count in (counts.get(name), counts.get(f"{name}-two-sided")) if count is not None]
        if told:
            found.append(Counter(function="total", colour=colour, count=sum(told)))  # type: ignore[arg-type]
    two_sided = [count for name, count in counts.items() if name.endswith("-two-sided") and count is not None]
    if two_sided:
        found.append(Counter(function="total", sides="duplex", count=sum(two_sided)))
    return found


def _trays(attributes: Attributes) -> tuple[Tray, ...]:
    """Return the trays of printer-input-tray: rows of prtInputTable as `key=value;` text (PWG 5100.13).

    media-ready lists media, not trays; which is where is certain only for a single one.
    """
    rows = [row for value in attributes.get("printer-input-tray", ())[:ROWS_MAX] if (row := fields_of(value))]
    media = [text_of(value) for value in attributes.get("media-ready", ())]
    only = media[0] if len(rows) == len(media) == 1 else None
    found = []
    for key, row in zip(unique_keys(slug(row.get("name")) or "tray" for row in rows), rows, strict=True):
        unit = row.get("unit") if row.get("unit") in mib.CAPACITY_UNITS.values() else None
        level, capacity = level_number(row_number(row, "level")), capacity_number(row_number(row, "maxcapacity"))
        measured = levels.measure(level, capacity, is_percent=unit == "percent")
        found.append(
            Tray(
                key=key,
                name=row.get("name"),
                ratio=measured.ratio,
                state=measured.state,
                units=measured.units,
                capacity=measured.capacity,
                unit=unit,
                media=only,
            )
        )
    return tuple(found)


def _boot(seconds: int | None, taken_at: datetime) -> datetime | None:
    if seconds is None or not 0 < seconds <= _UP_SECONDS_MAX:
        return None
    return datetime.fromtimestamp(round(taken_at.timestamp()) - seconds, UTC)
