"""From the values of one poll to a reading.

Called for every printer at every poll, so it does only what the poll changed: `plan` says which values belong together, each row is
decoded by a function of that row's values alone, and those functions remember their last results. Nearly every row of nearly every poll is
one that was seen before, on this printer or on an equal one, and comes back as the same frozen object.

A value outside its declared syntax is left out, as if the device had not sent it; nothing here raises over what a device says.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

from poller.model import Counter, CounterUnit, Cover, Decoded, Printer, Reading, Status, Supply, Tray
from poller.printers import levels, meters, mib, vendor
from poller.printers.alerts import RawAlert, alerts_at, read_alerts, words_by_row
from poller.printers.cells import Cell, Cells, Pick
from poller.printers.charset import read_text
from poller.printers.layout import Layout
from poller.printers.levels import Word
from poller.printers.meters import Life
from poller.printers.plan import CoverRow, MarkerRow, Sheet, SupplyRow, TrayRow, sheet_of
from poller.printers.supplies import read_part
from poller.snmp import ber
from poller.snmp.message import Missing, Value
from poller.snmp.oid import Oid

_COUNTER_MAX = 2**32 - 2  # Counter32; all ones is how firmware says -1
_TICKS_PER_SECOND = 100  # TimeTicks, RFC 2578 section 7.1.8

_COUNTER_UNITS: dict[int, tuple[CounterUnit, float]] = {
    3: ("metres", 0.0254 / 10_000),
    4: ("metres", 1e-6),
    7: ("impressions", 1),
    8: ("sheets", 1),
    11: ("hours", 1),
    16: ("metres", 0.3048),
    17: ("metres", 1),
}
"""PrtMarkerCounterUnitTC: our unit, and how many of it one count is. Characters, lines and dot rows have no unit here."""

_POLLS_MAX = 12_288  # some twelve megabytes; what they hold is mostly what the fleet holds anyway
_IMPRESSIONS = 7
_NO_WORDS: dict[str, Word] = {}


def decode(
    layout: Layout,
    moving: Sequence[Value | Missing],
    alerts: Sequence[tuple[Oid, Value]],
    *,
    printer: Printer,
    taken_at: datetime,
    is_printer: bool = True,
) -> Decoded:
    """Return the reading in *moving*, one value per OID of `layout.shape.moving`, and in *alerts*, the rows of the alert table.

    *taken_at* is UTC with a time zone. Raises nothing, whatever the values are.
    """
    sheet = sheet_of(layout)
    told = read_alerts(tuple(alerts), sheet.charset) if alerts else ()
    is_timed = bool(moving) and layout.shape.moving[0].startswith(mib.UPTIME.oid)  # which sorts before all else there is
    parts = _parts(sheet, (None, *moving[1:], None) if is_timed else (*moving, None), told)
    boot_utc = _boot(moving[0], taken_at) if is_timed else None
    reading = Reading(
        taken_at=taken_at,
        is_printer=is_printer,
        printer=printer,
        status=parts.status,
        supplies=parts.supplies,
        counters=parts.counters,
        trays=parts.trays,
        covers=parts.covers,
        alerts=alerts_at(told, boot_utc, taken_at),
    )
    return Decoded(reading=reading, boot_utc=boot_utc, display=parts.display, alert_texts=_alert_texts(told) if told else ())


class _Parts(NamedTuple):
    """What a poll says apart from when it was taken and since when the device runs."""

    status: Status
    supplies: tuple[Supply, ...]
    counters: tuple[Counter, ...]
    trays: tuple[Tray, ...]
    covers: tuple[Cover, ...]
    display: tuple[str, ...]


@lru_cache(maxsize=_POLLS_MAX)
def _parts(sheet: Sheet, cells: Cells, told: tuple[RawAlert, ...]) -> _Parts:
    """Return what *cells* say. An idle printer says the same for hours: then this is remembered as a whole, below it row by row."""
    words = words_by_row(told) if told else _NO_WORDS
    supplies = tuple([_supply(row, *pick(cells), words.get(row.key)) for row, pick in sheet.supplies])
    if sheet.extra is not None and sheet.extra.supplies:
        supplies = vendor.supplies(sheet.extra, sheet.extra.supply_cells(cells), supplies)
    printer_status, device_status, errors = sheet.status(cells)
    return _Parts(
        status=_whole_status(sheet, cells, printer_status, device_status, errors),
        supplies=supplies,
        counters=_counters(sheet, cells),
        trays=tuple([_tray(row, pick(cells)[0], words.get(f"tray:{row.key}")) for row, pick in sheet.trays]),
        covers=tuple([_cover(row, pick(cells)[0]) for row, pick in sheet.covers]),
        display=_display(sheet, cells),
    )


@lru_cache(maxsize=65536)
def _supply(row: SupplyRow, description: Cell, capacity: Cell, level: Cell, word: Word | None) -> Supply:
    text = _text(description, row.charset)
    part = read_part(text, row.type, row.supply_class, colorant=row.colorant, process=row.process)
    measured = levels.measure(levels.level_number(level), levels.capacity_number(capacity), is_percent=row.unit == "percent", word=word)
    return Supply(
        key=row.key,
        index=row.index,
        description=text,
        kind=part.kind,
        colour=part.colour,
        part_number=part.part_number,
        serial=part.serial,
        ratio=measured.ratio,
        state=measured.state,
        units=measured.units,
        capacity=measured.capacity,
        unit=row.unit,
        is_receptacle=part.is_receptacle,
    )


@lru_cache(maxsize=16384)
def _tray(row: TrayRow, level: Cell, word: Word | None) -> Tray:
    measured = levels.measure(levels.level_number(level), row.capacity, is_percent=row.unit == "percent", word=word)
    return Tray(
        key=row.key,
        name=row.name,
        ratio=measured.ratio,
        state=measured.state,
        units=measured.units,
        capacity=measured.capacity,
        unit=row.unit,
        media=row.media,
    )


@lru_cache(maxsize=16384)
def _cover(row: CoverRow, status: Cell) -> Cover:
    number = levels.integer(status)
    return Cover(key=row.key, name=row.name, open=mib.COVERS_OPEN.get(number) if number is not None else None)


@lru_cache(maxsize=4096)
def _status(printer: Cell, device: Cell, errors: Cell) -> Status:
    return Status(
        printer=mib.PRINTER_STATUSES.get(levels.integer(printer) or 0),
        device=mib.DEVICE_STATUSES.get(levels.integer(device) or 0),
        errors=error_names(errors),
    )


def error_names(cell: Cell) -> tuple[str, ...]:
    """Return the names of the bits set in hrPrinterDetectedErrorState.

    RFC 2790: bit 0 is the top bit of the first octet; octets that are not there are zeros, and some devices send none at all.
    """
    if not isinstance(cell, tuple) or cell[0] != ber.OCTET_STRING:
        return ()
    bits = int.from_bytes(cell[1][:2].ljust(2, b"\x00"), "big")
    return tuple(name for bit, name in enumerate(mib.ERROR_BITS) if bits & 0x8000 >> bit)


def _whole_status(sheet: Sheet, cells: Cells, printer: Cell, device: Cell, errors: Cell) -> Status:
    """Return the status; the errors as the vendor's MIB tells them, where the standard one is silent."""
    status = _status(printer, device, errors)
    if sheet.extra is None or not sheet.extra.errors or isinstance(errors, tuple):
        return status
    return Status(
        printer=status.printer, device=status.device, errors=vendor.errors(sheet.extra, sheet.extra.error_cells(cells))
    )  # fmt: skip


def _counters(sheet: Sheet, cells: Cells) -> tuple[Counter, ...]:
    """Return the life counts, and with a profile what it counts."""
    lives = _lives(sheet.markers, cells)
    if sheet.extra is not None and (own := sheet.extra.meters) is not None:
        return meters.counters(own, own.pick(cells), tuple(lives))
    return tuple([_counter(life.unit, life.number, life.oid) for life in lives])


def _lives(markers: tuple[tuple[MarkerRow, Pick], ...], cells: Cells) -> list[Life]:
    """Return the life counts, one per unit: the largest where several markers count in the same one.

    A marker is a mechanism that puts marks on paper (RFC 3805, prtMarkerTable), and the MIB does not say how several share a page: the
    planes of one colour engine each count the same page, two engines of one press count different ones, and some agents list one engine
    twice. A sum would bill the first and the last twice. No marker counts a page it did not print, so the largest count is the most
    pages the device is known to have made, and it never falls while the counts do not.
    """
    best: dict[CounterUnit, Life] = {}
    for row, pick in markers:
        counted = _life_count(pick(cells)[0], row.unit)
        if counted is not None:
            unit, count = counted
            if unit not in best or count > best[unit].number:
                best[unit] = Life(unit, count, row.oid)
    return list(best.values())


@lru_cache(maxsize=16384)
def _counter(unit: CounterUnit, count: int, oid: str) -> Counter:
    return Counter(function="total", count=count, unit=unit, oid=oid)


def _life_count(cell: Cell, unit: int | None) -> tuple[CounterUnit, int] | None:
    """Return (unit, count) of a prtMarkerLifeCount. Sheets stay sheets; a device that names no unit counts impressions, as printers do."""
    known = _COUNTER_UNITS.get(unit if unit is not None else _IMPRESSIONS)
    number = levels.integer(cell)
    if known is None or number is None or not 0 <= number <= _COUNTER_MAX:
        return None
    return known[0], int(number * known[1])


def _boot(uptime: Cell, taken_at: datetime) -> datetime | None:
    """Return when the device started, to the second: more than the way of a datagram allows would be noise."""
    ticks = levels.integer(uptime)
    if ticks is None or not 0 <= ticks < 2**32:
        return None
    seconds = round(taken_at.timestamp() - ticks / _TICKS_PER_SECOND)
    return datetime.fromtimestamp(seconds, UTC) if seconds > 0 else None


def _display(sheet: Sheet, cells: Cells) -> tuple[str, ...]:
    lines, charset = sheet.display(cells), sheet.console_charset
    if not lines and sheet.extra is not None:
        lines, charset = sheet.extra.display_cells(cells), sheet.charset
    return tuple(filter(None, [_text(cell, charset) for cell in lines])) if lines else ()


def _alert_texts(told: tuple[RawAlert, ...]) -> tuple[tuple[str, str], ...]:
    return tuple((alert.key, alert.text) for alert in told if alert.text is not None)


def _text(cell: Cell, charset: int | None) -> str | None:
    return read_text(cell[1], charset) if isinstance(cell, tuple) and cell[0] == ber.OCTET_STRING else None
