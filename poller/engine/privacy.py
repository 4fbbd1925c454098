"""How much of what is read may be shown and kept: `[privacy]`. The engine itself works with all of it: it has to ask addresses.

Everything that leaves the engine passes here: what the fleet holds (metrics, pages, /sd, /api), what is recorded, what /probe answers. So
an outbox holds nothing that was masked, and whoever reads the metrics sees no more than the dealer does. The log of this host and
`state.db` go on naming addresses: by them a printer is asked again, and found when it fails.

`day` is for printers on somebody's desk, where a page counter every fifteen minutes is a record of one person's work. Then

- what is counted moves once a day: counters, and the levels of supplies and trays, are those of the site's day's first reading; a level
  follows at once when its state turns (low, empty, replaced), since somebody has to act on that,
- nothing tells when somebody prints or comes in: neither that it prints or warms up (hrPrinterStatus), nor when it was switched on,
- one reading a day is recorded, dated to the beginning of that day.

What asks for help stays live: errors, alerts, covers, states, and whether the printer answers.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, tzinfo
from typing import Literal, NamedTuple, TypeVar

import msgspec

from poller.engine.notable import Reason, reason_to_keep
from poller.model import Counter, Decoded, Printer, Reading, Supply, Tray
from poller.printers.masks import Mask

Resolution = Literal["full", "day"]

_DAYS_HELD = 3  # after a restart, or while a clock is being set, readings of several days meet
_NOTHING = Mask()

_Row = TypeVar("_Row", Supply, Tray)


class _Held(NamedTuple):
    """What one printer shows for the rest of a day."""

    counters: tuple[Counter, ...]
    supplies: tuple[Supply, ...]
    trays: tuple[Tray, ...]


class Privacy:
    """One for the whole agent. Days are those of *zone*, None for the zone of this host."""

    def __init__(self, mask: Mask = _NOTHING, resolution: Resolution = "full", *, zone: tzinfo | None = None) -> None:
        self._mask, self._is_daily, self._zone = mask, resolution == "day", zone
        self._held: dict[date, dict[str, _Held]] = {}

    def configure(self, mask: Mask, resolution: Resolution) -> bool:
        """Let another choice hold from now on; return whether other facts are masked, so that what is shown is no longer right."""
        is_other = mask.facts != self._mask.facts
        self._mask, self._is_daily = mask, resolution == "day"
        if not self._is_daily:
            self._held.clear()
        return is_other

    # --- shown ---------------------------------------------------------------------------------------------------------

    def printer(self, printer: Printer) -> Printer:
        """Return a printer as it may be shown, its id included. One that is shown already stays as it is."""
        return self._mask.printer(printer) if self._mask else printer

    def show(self, decoded: Decoded) -> Decoded:
        """Return a reading as it may be shown. Of a day's readings the first is to come first."""
        if not (self._mask or self._is_daily):
            return decoded
        reading = decoded.reading
        if self._mask:
            reading = msgspec.structs.replace(reading, printer=self._mask.printer(reading.printer))
        if not self._is_daily:
            return msgspec.structs.replace(decoded, reading=reading)
        return msgspec.structs.replace(decoded, reading=self._of_the_day(reading), boot_utc=None)

    def _of_the_day(self, reading: Reading) -> Reading:
        day, name = self._day(reading.taken_at), reading.printer.id
        if day not in self._held:
            while len(self._held) >= _DAYS_HELD:
                del self._held[next(iter(self._held))]
            self._held[day] = {}
        before = self._held[day].get(name)
        if before is None:
            held = _Held(reading.counters, reading.supplies, reading.trays)
        else:
            held = _Held(before.counters, _steady(before.supplies, reading.supplies), _steady(before.trays, reading.trays))
        self._held[day][name] = held
        return msgspec.structs.replace(
            reading,
            status=msgspec.structs.replace(reading.status, printer=None),
            counters=held.counters,
            supplies=held.supplies,
            trays=held.trays,
        )

    # --- recorded ------------------------------------------------------------------------------------------------------

    def reason_to_keep(self, before: Reading | None, now: Reading) -> Reason | None:
        """Return why a reading, as shown, is to be recorded after *before*; by the day that is one a day, whatever happens."""
        if not self._is_daily:
            return reason_to_keep(before, now)
        if before is None:
            return Reason.FIRST
        return Reason.INTERVAL if self._day(before.taken_at) != self._day(now.taken_at) else None

    def recorded(self, reading: Reading) -> Reading:
        """Return a reading, as shown, with the times that may be recorded: by the day, when that day began."""
        if not self._is_daily:
            return reading
        alerts = tuple([one if one.since is None else msgspec.structs.replace(one, since=self._begin(one.since)) for one in reading.alerts])
        return msgspec.structs.replace(reading, taken_at=self._begin(reading.taken_at), alerts=alerts)

    def _day(self, moment: datetime) -> date:
        return moment.astimezone(self._zone).date()

    def _begin(self, moment: datetime) -> datetime:
        day = self._day(moment)
        return datetime(day.year, day.month, day.day, tzinfo=self._zone).astimezone(UTC)  # without a zone it is this host's time


def _steady(before: tuple[_Row, ...], now: tuple[_Row, ...]) -> tuple[_Row, ...]:
    """Return the rows of *now* with the levels of *before*, except where anything but the level has changed."""
    known = {row.key: row for row in before}
    return tuple([_steady_row(known.get(row.key), row) for row in now])


def _steady_row(before: _Row | None, now: _Row) -> _Row:
    if before is None or msgspec.structs.replace(now, ratio=before.ratio, units=before.units) != before:
        return now
    return before
