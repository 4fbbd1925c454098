"""One reading as Prometheus text: for each family of the catalogue the sample lines of this one printer.

Rendered once per reading, not once per scrape: a scrape of ten thousand printers then only joins what is there. What changes without a
new reading (up, time and duration of the last poll) is rendered by the fleet. Device text is hostile; it is escaped here and nowhere later.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Container, Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import TypeVar

from poller import exposition
from poller.exposition import Metric, escape_label
from poller.model import Alert, Counter, Cover, Decoded, Printer, Reading, Status, Supply, Tray

FAMILIES: tuple[Metric, ...] = (
    exposition.PRINTER_INFO,
    exposition.PRINTER_SUPPLY_LEVEL_RATIO,
    exposition.PRINTER_SUPPLY_STATE,
    exposition.PRINTER_SUPPLY_INFO,
    exposition.PRINTER_SUPPLY_UNITS,
    exposition.PRINTER_SUPPLY_CAPACITY_UNITS,
    exposition.PRINTER_PAGES,
    exposition.PRINTER_DUPLEX_IMPRESSIONS,
    exposition.PRINTER_SCANS,
    exposition.PRINTER_METER_PAGES,
    exposition.PRINTER_LIFE_PAGES,
    exposition.PRINTER_STATUS,
    exposition.PRINTER_ERROR,
    exposition.PRINTER_ALERT,
    exposition.PRINTER_TRAY_LEVEL_RATIO,
    exposition.PRINTER_TRAY_CAPACITY,
    exposition.PRINTER_COVER_OPEN,
    exposition.PRINTER_BOOT_TIME_SECONDS,
)
"""The families of a reading, in the order in which `render` returns their lines."""

_TEXT_CHARACTERS_MAX = 256  # of a description, a location …: DisplayString's own limit, RFC 2579
_PAGE_FUNCTIONS = ("print", "copy", "fax")
_PARTS = ("mono", "colour", "single", "two")
_LIFE_COUNT = "prtMarkerLifeCount"
_LIFE_COUNT_COLUMN = "1.3.6.1.2.1.43.10.2.1.4."  # the same object, RFC 3805

_PRINTER, _SEPARATOR = "\x01", "\x02"
_SEPARATOR_OCTETS = _SEPARATOR.encode()

_WHOLE_ALONE = {("all", "all")}

Cells = Mapping[tuple[str, str], int]
Row = TypeVar("Row", Supply, Tray, Cover)


def render(decoded: Decoded, *, site: str | None, boot_utc: datetime | None = None) -> tuple[bytes, ...]:
    """Return the sample lines of one printer, one element per family of `FAMILIES`, b"" where there is nothing to show.

    *boot_utc* is shown in place of the reading's own, by who knows it from earlier ones.

    Lines are made and remembered row by row, without the printer they belong to: rows that equal models share, and rows that did not
    change since the last poll, cost a look-up. The printer is put into all of them at once.
    """
    reading = decoded.reading
    printer = f'printer="{escape_label(reading.printer.id)}"'
    lines = _SEPARATOR.join(
        (
            *_supplies(reading.supplies),
            *_counters(reading.counters),
            *_status(reading.status),
            _alerts(reading.alerts),
            *_trays(reading.trays),
            _covers(reading.covers),
            _boot(boot_utc or decoded.boot_utc),
        )
    )
    return (_info(reading.printer, site), *lines.replace(_PRINTER, printer).encode().split(_SEPARATOR_OCTETS))


def count_refused(reading: Reading) -> int:
    """Return how many rows `render` leaves out because their key was there already; keys are meant to be unique within a printer."""
    return sum(len(rows) - len({_key(row.key) for row in rows}) for rows in (reading.supplies, reading.trays, reading.covers))


# --- families --------------------------------------------------------------------------------------------------------------
# A line is text with _PRINTER where the label `printer` belongs. The two marks are control characters, which no label value can hold.


@lru_cache(maxsize=4096)
def _key(key: str) -> str:
    return f'key="{escape_label(key)}"'


def _text(value: str | None) -> str:
    return escape_label(value[:_TEXT_CHARACTERS_MAX]) if value else ""


@lru_cache(maxsize=16384)
def _info(printer: Printer, site: str | None) -> bytes:
    labels = {
        "printer": escape_label(printer.id),
        "manufacturer": _text(printer.manufacturer),
        "model": _text(printer.model),
        "serial": _text(printer.serial),
        "firmware": _text(printer.firmware),
        "hostname": _text(printer.hostname),
        "address": _text(printer.address),
        "location": _text(printer.location),
        "profile": _text(printer.profile),
        "site": _text(site),
        "range": _text(printer.range),
    }
    text = ",".join(f'{name}="{value}"' for name, value in labels.items())
    return f"printer_info{{{text}}} 1\n".encode()


@lru_cache(maxsize=8192)
def _supply(supply: Supply) -> tuple[str, str, str, str, str]:
    labels = f'{_PRINTER},{_key(supply.key)},kind="{escape_label(supply.kind)}",colour="{_text(supply.colour)}"'
    unit = _text(supply.unit)
    return (
        "" if supply.ratio is None else f"printer_supply_level_ratio{{{labels}}} {supply.ratio}\n",
        f'printer_supply_state{{{labels},state="{supply.state}"}} 1\n',
        f'printer_supply_info{{{labels},description="{_text(supply.description)}",part_number="{_text(supply.part_number)}"}} 1\n',
        "" if supply.units is None else f'printer_supply_units{{{labels},unit="{unit}"}} {supply.units}\n',
        "" if supply.capacity is None else f'printer_supply_capacity_units{{{labels},unit="{unit}"}} {supply.capacity}\n',
    )


def _supplies(supplies: Sequence[Supply]) -> tuple[str, ...]:
    return _columns([_supply(supply) for supply in _once(supplies)], 5)


@lru_cache(maxsize=8192)
def _tray(tray: Tray) -> tuple[str, str]:
    labels = f"{_PRINTER},{_key(tray.key)}"
    return (
        "" if tray.ratio is None else f"printer_tray_level_ratio{{{labels}}} {tray.ratio}\n",
        "" if tray.capacity is None else f"printer_tray_capacity{{{labels}}} {tray.capacity}\n",
    )


def _trays(trays: Sequence[Tray]) -> tuple[str, ...]:
    return _columns([_tray(tray) for tray in _once(trays)], 2)


@lru_cache(maxsize=4096)
def _covers(covers: tuple[Cover, ...]) -> str:
    shown = [cover for cover in _once(covers) if cover.open is not None]
    return "".join([f"printer_cover_open{{{_PRINTER},{_key(cover.key)}}} {cover.open:d}\n" for cover in shown])


def _counters(counters: Iterable[Counter]) -> tuple[str, str, str, str, str]:
    """Return pages, duplex impressions, scans, meter pages and life pages. Only the last one shows units other than impressions."""
    sides: dict[str, dict[tuple[str, str], int]] = {}
    duplex: dict[str, dict[tuple[str, str], int]] = {}
    life: dict[str, int] = {}
    twice: dict[str, set[str]] = {}
    for counter in counters:
        if counter.function == "other" and counter.label == _LIFE_COUNT:
            life[counter.unit] = counter.count
        elif _is_life_total(counter):
            life.setdefault(counter.unit, counter.count)
        if counter.unit == "impressions":
            cells = (duplex if counter.sides == "duplex" else sides).setdefault(counter.function, {})
            cells.setdefault((counter.colour, counter.size), counter.count)
            if counter.large == "twice" and counter.sides != "duplex":
                twice.setdefault(counter.function, set()).add(counter.colour)
    for function, colours in twice.items():
        sides[function] = count_once(sides[function], colours)
    pages = [
        f'printer_pages{{{_PRINTER},function="{function}",colour="{colour}",size="{size}"}} {count}\n'
        for function in _PAGE_FUNCTIONS
        if function in sides
        for colour, size, count in split(sides[function])
    ]
    meters = [
        f'printer_meter_pages{{{_PRINTER},colour="{colour}",size="{size}"}} {count}\n'
        for colour, size, count in split(sides.get("total", {}))
    ]
    scans = [f'printer_scans{{{_PRINTER},colour="{colour}"}} {count}\n' for colour, count in split_colours(sides.get("scan", {}))]
    twos = [f'printer_duplex_impressions{{{_PRINTER},colour="{colour}"}} {count}\n' for colour, count in _duplex(duplex)]
    lives = [f'printer_life_pages{{{_PRINTER},unit="{unit}"}} {count}\n' for unit, count in life.items()]
    return "".join(pages), "".join(twos), "".join(scans), "".join(meters), "".join(lives)


@lru_cache(maxsize=1024)
def _status(status: Status) -> tuple[str, str]:
    now = f'printer_status{{{_PRINTER},status="{escape_label(status.printer)}"}} 1\n' if status.printer else ""
    errors = dict.fromkeys(status.errors)
    return now, "".join([f'printer_error{{{_PRINTER},error="{escape_label(error)}"}} 1\n' for error in errors])


def _alerts(alerts: Sequence[Alert]) -> str:
    if not alerts:
        return ""
    alike = Tally((alert.severity, alert.group or "", "" if alert.code is None else alert.code) for alert in alerts)
    return "".join(
        [
            f'printer_alert{{{_PRINTER},severity="{severity}",group="{_text(group)}",code="{code}"}} {count}\n'
            for (severity, group, code), count in alike.items()
        ]
    )


def _boot(boot_utc: datetime | None) -> str:
    return "" if boot_utc is None else f"printer_boot_time_seconds{{{_PRINTER}}} {round(boot_utc.timestamp())}\n"


def _once(rows: Sequence[Row]) -> Sequence[Row]:
    """Return *rows* without those whose key, as a label, was there before."""
    first: dict[str, Row] = {}
    for row in rows:
        first.setdefault(_key(row.key), row)
    return rows if len(first) == len(rows) else tuple(first.values())


def _columns(rows: list[tuple[str, ...]], count: int) -> tuple[str, ...]:
    """Return the lines of each of *count* families, out of those of each row."""
    return tuple(map("".join, zip(*rows, strict=True))) if rows else ("",) * count


# --- counters in parts -----------------------------------------------------------------------------------------------------


def split(cells: Cells) -> list[tuple[str, str, int]]:
    """Return one function's counters as (colour, size, count) that do not overlap: together they are the whole, as far as it is known.

    *cells* maps (colour, size) as in a reading (`all` and its parts side by side) to the count. Which parts come out depends on which
    counters exist, not on their values, so that series do not come and go while a page is printed between two answers:

    - mono and colour both counted: these (with single and two, which a device that has them counts apart); their whole is left out.
    - one of the two counted, and the whole: the other one is the whole less all parts counted.
    - the whole alone, or with no part but single or two: the whole, as colour `all`.
    - parts without a whole: these.
    - of each colour shown, `large` where it is counted, and `normal` the rest; where one colour alone lacks its large count, it is the
      large count of all colours less the others. Where nothing is counted as large, everything is `normal`.
    - large pages whose whole is not known stand alone, without a `normal`.

    A difference below zero means the device's counters contradict each other: then nothing is made of it.
    """
    if cells.keys() == _WHOLE_ALONE:  # most printers, at every poll
        return [("all", "normal", cells["all", "all"])]
    wholes = {part: cells[part, "all"] for part in _PARTS if (part, "all") in cells}
    larges = {part: cells[part, "large"] for part in _PARTS if (part, "large") in cells}
    whole, large = cells.get(("all", "all")), cells.get(("all", "large"))
    if whole is not None and not ("mono" in wholes and "colour" in wholes):
        rest = whole - sum(wholes.values())
        if "mono" in wholes or "colour" in wholes:
            wholes |= {"colour" if "mono" in wholes else "mono": rest} if rest >= 0 else {}
        else:
            if large is None and "mono" in larges and "colour" in larges:
                large = sum(larges.values())
            wholes, larges = {"all": whole}, {} if large is None else {"all": large}
    elif not wholes and not larges and large is not None:
        larges = {"all": large}
    without = [part for part in wholes if part not in larges]
    if large is not None and len(without) == 1 and len(wholes) > 1:
        rest = large - sum(larges.values())
        larges |= {without[0]: rest} if rest >= 0 else {}
    out: list[tuple[str, str, int]] = []
    for part in dict.fromkeys((*wholes, *larges)):
        count, of_these = wholes.get(part), larges.get(part)
        if count is None:
            out.append((part, "large", larges[part]))
        elif of_these is None or of_these > count:
            out.append((part, "normal", count))
        else:
            out += [(part, "normal", count - of_these), (part, "large", of_these)]
    return out


def count_once(cells: Cells, twice: Container[str]) -> dict[tuple[str, str], int]:
    """Return *cells* with each large sheet's side in them once, also in those colours whose count of all sizes has it *twice*.

    That takes the large count of the same colour. Where it is not known the count stays as it is; a whole beside parts that are counted in
    the other way is left out then, for their difference would be of pages nobody printed.
    """
    once = dict(cells)
    larges = {colour: count for (colour, size), count in cells.items() if size == "large"}
    if "mono" in larges and "colour" in larges:
        larges.setdefault("all", sum(larges[part] for part in _PARTS if part in larges))
    left = set()
    for (colour, size), count in cells.items():
        if size == "large" or colour not in twice:
            continue
        large = larges.get(colour)
        if large is None:
            left.add(colour)
        elif count >= 2 * large:  # else the counters contradict each other
            once[colour, size] = count - large
    if len({colour in left for colour, size in cells if size == "all"}) > 1:
        once.pop(("all", "all"), None)
    return once


def split_colours(cells: Cells) -> list[tuple[str, int]]:
    """Return (colour, count) by the rules of `split`, sizes left aside."""
    if not cells:
        return []
    return [(colour, count) for colour, _, count in split({cell: count for cell, count in cells.items() if cell[1] == "all"})]


def _duplex(functions: Mapping[str, Cells]) -> list[tuple[str, int]]:
    """Return the duplex impressions of all functions: the device's total where it has one, else the sum of print, copy and fax."""
    if not functions:
        return []
    if "total" in functions:
        return split_colours(functions["total"])
    each = [dict(split_colours(functions[function])) for function in _PAGE_FUNCTIONS if function in functions]
    if any("all" in one for one in each):
        return [("all", sum(sum(one.values()) for one in each))]
    return [(colour, sum(one.get(colour, 0) for one in each)) for colour in dict.fromkeys(colour for one in each for colour in one)]


def _is_life_total(counter: Counter) -> bool:
    """Whether this is the device's total, and prtMarkerLifeCount is where it comes from: then the two are one counter in a reading."""
    return (
        counter.function == "total"
        and counter.colour == counter.size == counter.sides == "all"
        and counter.oid is not None
        and counter.oid.startswith(_LIFE_COUNT_COLUMN)
    )
