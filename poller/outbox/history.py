"""The site's own history: of every printer and day the meters and levels as last recorded. Pure.

It is written with each reading and outlives its upload, so a site without a dealer has it too. What is kept of a reading is what a person
would have written into a list: which printer, its meters, how full its supplies were.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import date, datetime

import msgspec

from poller.errors import StateError


class _Row(msgspec.Struct, frozen=True, array_like=True):
    """Kept by position: small, and fields may be added at the end."""


class Meter(_Row, frozen=True, array_like=True):
    """One counter of a reading (design: one per function, colour, size, sides and unit)."""

    function: str
    colour: str
    size: str
    sides: str
    unit: str
    count: int
    label: str | None = None

    @property
    def name(self) -> str:
        """Return what a list calls it: `total/all`, `print/mono`, `total/all/duplex`, `other/all/prtMarkerLifeCount`."""
        parts = self.function, self.colour, *(part for part in (self.size, self.sides) if part != "all"), self.label
        return "/".join(part for part in parts if part)


class Level(_Row, frozen=True, array_like=True):
    """One supply. `ratio` is the usable share left, 0 to 1, None where the device does not vouch for it."""

    key: str
    kind: str
    colour: str | None
    description: str | None
    ratio: float | None
    state: str


class Day(_Row, frozen=True, array_like=True):
    """One printer at the end of a day, as far as it was recorded."""

    printer: str
    manufacturer: str | None
    model: str | None
    serial: str | None
    location: str | None
    meters: tuple[Meter, ...]
    levels: tuple[Level, ...]


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of `export --format json`."""

    date: date
    taken_at: datetime
    printer: str
    manufacturer: str | None
    model: str | None
    serial: str | None
    location: str | None
    meters: dict[str, int]
    levels: tuple[dict[str, str | float | None], ...]


COLUMNS = ("date", "taken_at", "printer", "manufacturer", "model", "serial", "location", "kind", "name", "value", "unit", "state")
"""Of `export --format csv`: one value a line, `kind` is meter or level."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a cell that begins so is a formula to a spreadsheet, and these texts come from devices


class _Printer(msgspec.Struct):
    id: str
    manufacturer: str | None = None
    model: str | None = None
    serial: str | None = None
    location: str | None = None


class _Counter(msgspec.Struct):
    function: str
    count: int
    colour: str = "all"
    size: str = "all"
    sides: str = "all"
    unit: str = "impressions"
    label: str | None = None


class _Supply(msgspec.Struct):
    key: str
    kind: str = "unknown"
    colour: str | None = None
    description: str | None = None
    ratio: float | None = None
    state: str = "not-reported"


class _Reading(msgspec.Struct, tag_field="type", tag="reading"):
    """What is taken of a reading; the rest of it is passed over unread."""

    printer: _Printer
    counters: tuple[_Counter, ...] = ()
    supplies: tuple[_Supply, ...] = ()


_read = msgspec.json.Decoder(_Reading).decode
_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(Day).decode


def pack_day(line: bytes) -> bytes | None:
    """Return what is kept of *line*, a reading as JSON; None for any other line."""
    try:
        reading = _read(line)
    except msgspec.MsgspecError:  # an event, a job
        return None
    of = reading.printer
    meters = tuple([Meter(one.function, one.colour, one.size, one.sides, one.unit, one.count, one.label) for one in reading.counters])
    levels = tuple([Level(one.key, one.kind, one.colour, one.description, one.ratio, one.state) for one in reading.supplies])
    return _pack(Day(of.id, of.manufacturer, of.model, of.serial, of.location, meters, levels))


def unpack_day(packed: bytes) -> Day:
    """Return what `pack_day` made. Raises StateError for anything else."""
    try:
        return _unpack(packed)
    except msgspec.MsgspecError as error:
        raise StateError("not a day of the history") from error


def entry(on: date, taken_utc: datetime, day: Day) -> Entry:
    """Return *day* as it is exported."""
    return Entry(
        date=on,
        taken_at=taken_utc,
        printer=day.printer,
        manufacturer=day.manufacturer,
        model=day.model,
        serial=day.serial,
        location=day.location,
        meters={one.name: one.count for one in day.meters},
        levels=tuple(msgspec.structs.asdict(one) for one in day.levels),
    )


def csv_header() -> str:
    return _csv([COLUMNS])


def csv_lines(on: date, taken_utc: datetime, day: Day) -> str:
    """Return *day* as lines of CSV (RFC 4180), one for each meter and level; nothing for a printer that tells neither."""
    of = [_cell(part) for part in (day.printer, day.manufacturer, day.model, day.serial, day.location)]
    who = (on.isoformat(), taken_utc.isoformat(timespec="seconds").replace("+00:00", "Z"), *of)
    return _csv((*who, *values) for values in _values(day))


def _values(day: Day) -> Iterator[tuple[str, ...]]:
    for meter in day.meters:
        yield "meter", _cell(meter.name), str(meter.count), meter.unit, ""
    for level in day.levels:
        name = " ".join(part for part in (level.kind, level.colour, level.key) if part)
        yield "level", _cell(name), "" if level.ratio is None else f"{level.ratio:g}", "ratio", level.state


def _cell(text: str | None) -> str:
    """Return a text of a device as a spreadsheet shows it, and does nothing else."""
    text = text or ""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _csv(rows: Iterable[Iterable[str]]) -> str:
    page = io.StringIO()
    csv.writer(page, lineterminator="\r\n").writerows(rows)
    return page.getvalue()
