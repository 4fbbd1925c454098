"""How a simulated printer spends its days: pages are printed, toner sinks, cartridges are changed, paper jams, doors are left open.

Everything is a function of (seed, address, life seconds): no timer, no state, the same fleet at every start. Life runs `speed` times as
fast as the clock; uptime does not, so that nobody sees a restart where there was none. The numbers below are invented, so chosen that at
`DEMO_SPEED` the toner of every printer visibly falls within a minute and a few printers of a hundred are in trouble at any time.
While paper is jammed or a door is open, pages stand still.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from poller.simulator.individual import draw
from poller.simulator.recordings import Recording
from poller.simulator.wear import IS_LOW_AT, cells_of, number_at, things_of
from poller.snmp import ber
from poller.snmp.message import Value
from poller.snmp.oid import Oid, from_arcs
from poller.snmp.oid import arcs as arcs_of
from poller.snmp.oid import parse as oid
from poller.snmp.snmprec import integer_content

Changes = dict[Oid, Value | None]
"""What reads differently from the recording; None for a row that is gone."""

DEMO_SPEED = 1440.0
"""A day a minute."""

_DAY_SECONDS, _HOUR_SECONDS = 86_400.0, 3_600.0
_MOOD_SECONDS = 900.0  # for a quarter of an hour at a time a printer is idle or printing
_PRINTING_SHARE = 0.3
_PAGES_BEFORE_MAX = 40_000  # what devices of one recording differ by when the simulation begins
_PAGES_PER_DAY = 400.0  # of a device without a measured toner
_ALERT_INDEX_FIRST = 1_000_000  # above all that recordings hold

_UP_TIMES = oid("1.3.6.1.2.1.1.3.0"), oid("1.3.6.1.2.1.25.1.1.0")  # sysUpTime, hrSystemUptime
_DEVICE_STATUS, _PRINTER_STATUS, _ERROR_STATE = "1.3.6.1.2.1.25.3.2.1.5", "1.3.6.1.2.1.25.3.5.1.1", "1.3.6.1.2.1.25.3.5.1.2"
_GENERAL = "1.3.6.1.2.1.43.5.1.1"
_CONFIG_CHANGES, _CRITICAL_EVENTS, _ALL_EVENTS = 1, 18, 19  # columns of prtGeneralTable
_COVER, _MARKER, _SUPPLY, _DISPLAY, _ALERT = (oid("1.3.6.1.2.1.43." + table) for table in ("6.1.1", "10.2.1", "11.1.1", "16.5.1", "18.1.1"))
_LIFE_COUNT, _POWER_ON_COUNT = 4, 5  # columns of prtMarkerTable

# PrtCoverStatusTC, prtAlertSeverityLevel, PrtAlertGroupTC, PrtAlertCodeTC: RFC 3805
_COVER_OPEN, _COVER_CLOSED, _INTERLOCK_OPEN, _INTERLOCK_CLOSED = 3, 4, 5, 6
_CLOSED = {_COVER_OPEN: _COVER_CLOSED, _INTERLOCK_OPEN: _INTERLOCK_CLOSED}
_CRITICAL, _WARNING = 3, 4
_GROUP_COVER, _GROUP_INPUT, _GROUP_PATH = 6, 8, 13
_SIMULATED_GROUPS = frozenset({_GROUP_COVER, _GROUP_INPUT, 11, _GROUP_PATH, 31})
_CODE_OPEN, _CODE_JAM = 3, 8
_TRAINED, _NO_LOCATION = 4, -2
# hrPrinterStatus, hrDeviceStatus, hrPrinterDetectedErrorState: RFC 2790
_OTHER, _IDLE, _PRINTING = 1, 3, 4
_RUNNING, _DEVICE_WARNING, _DOWN = 2, 3, 5
_NO_PAPER, _DOOR_OPEN, _JAMMED = 1, 4, 5
_TRAY_IDLE, _TRAY_LOW, _TRAY_EMPTY = 0, 8, 9  # PrtSubUnitStatusTC: available; + non-critical alert; unavailable on request


class Trouble(NamedTuple):
    """One thing the device complains of; `number` is its prtAlertIndex, `raised_seconds` is in life seconds."""

    number: int
    severity: int
    group: int
    row: int
    code: int
    text: bytes
    raised_seconds: float
    bit: int | None


class Life:
    """The life of the device at *address*. With *speed* 0, or for what is no printer, levels and states stay as recorded."""

    def __init__(self, recording: Recording, *, seed: int, address: int, speed: float) -> None:
        self._seed, self._address, self._speed = seed, address, speed
        self._rows = rows = recording.values
        self._is_alive = speed > 0 and recording.is_printer
        self._things = list(things_of(rows, self._draw)) if self._is_alive else []
        markers, supplies = cells_of(rows, _MARKER), cells_of(rows, _SUPPLY)
        self._device = next((row[0] for _, row in (*supplies, *markers)), 1)
        self._counters = [(at, 1.0) for (column, _), at in markers.items() if column == _LIFE_COUNT] + list(recording.grows)
        self._power_on_counters = [at for (column, _), at in markers.items() if column == _POWER_ON_COUNT]
        self._pages_before = int(self._draw("pages before") * _PAGES_BEFORE_MAX)
        toner_pages = [thing.pages for thing in self._things if thing.is_colorant]
        pages_per_day = min(toner_pages) / (4 + 8 * self._draw("days of a toner")) if toner_pages else _PAGES_PER_DAY
        self._pages_per_second = pages_per_day / _DAY_SECONDS
        # One incident stands at the end of each period.
        self._period_seconds = _DAY_SECONDS * (4 + 6 * self._draw("period"))
        self._free_seconds = self._period_seconds - _HOUR_SECONDS * (2 + 3 * self._draw("incident"))
        self._offset_seconds = self._period_seconds * self._draw("offset")
        self._covers = [at for (column, _), at in cells_of(rows, _COVER).items() if column == 3]
        self._incident_cover = next((at for at in self._covers if number_at(rows, at, default=0) == _COVER_CLOSED), None)
        self._display, self._alerts = cells_of(rows, _DISPLAY), cells_of(rows, _ALERT)

    def changes_at(self, elapsed_seconds: float) -> Changes:
        """Return what differs from the recording *elapsed_seconds* of the clock after the simulation began."""
        changes: Changes = {}
        for at in _UP_TIMES:
            self._add(changes, at, int(elapsed_seconds * 100))
        life_seconds = elapsed_seconds * self._speed
        pages = self.pages_at(life_seconds) if self._is_alive else 0.0
        for at, share in self._counters:
            self._add(changes, at, int(share * (self._pages_before + pages)))
        for at in self._power_on_counters:
            self._add(changes, at, int(pages))
        if self._is_alive:
            self._age(changes, life_seconds, pages)
        return changes

    def pages_at(self, life_seconds: float) -> float:
        """Return how many pages were printed since the simulation began."""
        return self._pages_per_second * (self._free(life_seconds + self._offset_seconds) - self._free(self._offset_seconds))

    def _draw(self, what: str) -> float:
        return draw(self._seed, self._address, what)

    def _free(self, seconds: float) -> float:
        """Return how much of *seconds* no incident took."""
        periods, rest = divmod(seconds, self._period_seconds)
        return periods * self._free_seconds + min(rest, self._free_seconds)

    def _seconds_when(self, pages: float) -> float:
        """Return when *pages* were reached; the inverse of `pages_at`, also for before the simulation."""
        periods, rest = divmod(pages / self._pages_per_second + self._free(self._offset_seconds), self._free_seconds)
        return periods * self._period_seconds + rest - self._offset_seconds

    def _age(self, changes: Changes, life_seconds: float, pages: float) -> None:
        for thing in self._things:
            _, used = thing.course_at(pages)
            self._set(changes, thing.level, thing.level_at(used))
            if thing.status is not None:
                self._set(changes, thing.status, _TRAY_EMPTY if used >= 1 else _TRAY_LOW if used >= IS_LOW_AT else _TRAY_IDLE)
        incident = self._incident(life_seconds)
        troubles = [*self._complaints(pages), *incident]
        for at in self._covers:
            status = number_at(self._rows, at, default=0)
            self._set(changes, at, _CLOSED.get(status, status))
        if self._incident_cover is not None and any(trouble.group == _GROUP_COVER for trouble in incident):
            self._set(changes, self._incident_cover, _COVER_OPEN)
        self._show_status(changes, troubles, life_seconds)
        self._count_events(changes, life_seconds, pages)
        self._list_alerts(changes, troubles)

    # --- what is wrong

    def _complaints(self, pages: float) -> Iterator[Trouble]:
        """Yield what is low or used up. An alert keeps its index as long as it stands, and no other ever gets it."""
        for source, thing in enumerate(self._things):
            changes, used = thing.course_at(pages)
            for step, (share, code, bit) in enumerate(zip((IS_LOW_AT, 1.0), *thing.warnings, strict=True)):
                if used >= share and (step == 1 or used < 1):
                    is_critical = step == 1 and thing.stops
                    yield Trouble(
                        number=_ALERT_INDEX_FIRST + (2 * changes + step) * (len(self._things) + 1) + source,
                        severity=_CRITICAL if is_critical else _WARNING,
                        group=thing.group,
                        row=thing.row,
                        code=code,
                        text=thing.name + (b": used up" if step else b": low"),
                        raised_seconds=self._seconds_when(thing.pages_when(changes, share)),
                        bit=bit,
                    )

    def _incident(self, life_seconds: float) -> list[Trouble]:
        """Return the jam or open door of this moment."""
        number, rest = divmod(life_seconds + self._offset_seconds, self._period_seconds)
        if rest < self._free_seconds:
            return []
        is_door = self._draw(f"incident {int(number)}") < 0.5 and self._incident_cover is not None
        return [
            Trouble(
                number=_ALERT_INDEX_FIRST + int(number) * (len(self._things) + 1) + len(self._things),
                severity=_CRITICAL,
                group=_GROUP_COVER if is_door else _GROUP_PATH,
                row=arcs_of(self._incident_cover)[-1] if is_door and self._incident_cover is not None else 1,
                code=_CODE_OPEN if is_door else _CODE_JAM,
                text=b"Cover open" if is_door else b"Paper jam",
                raised_seconds=number * self._period_seconds + self._free_seconds - self._offset_seconds,
                bit=_DOOR_OPEN if is_door else _JAMMED,
            )
        ]

    def _show_status(self, changes: Changes, troubles: list[Trouble], life_seconds: float) -> None:
        bits = {trouble.bit for trouble in troubles if trouble.bit is not None}
        empty_trays = [trouble for trouble in troubles if trouble.group == _GROUP_INPUT and trouble.text.endswith(b"used up")]
        is_out_of_paper = bool(empty_trays) and len(empty_trays) == sum(thing.group == _GROUP_INPUT for thing in self._things)
        if is_out_of_paper:
            bits.add(_NO_PAPER)
        is_down = is_out_of_paper or any(trouble.severity == _CRITICAL for trouble in troubles)
        is_printing = self._draw(f"mood {int(life_seconds // _MOOD_SECONDS)}") < _PRINTING_SHARE
        self._set(changes, self._at(_DEVICE_STATUS), _DOWN if is_down else _DEVICE_WARNING if troubles else _RUNNING)
        self._set(changes, self._at(_PRINTER_STATUS), _OTHER if is_down else _PRINTING if is_printing else _IDLE)
        self._set_bits(changes, self._at(_ERROR_STATE), bits)
        line = troubles[-1].text if troubles else b"Printing" if is_printing else b"Ready"
        for (_, row), at in self._display.items():
            changes[at] = (ber.OCTET_STRING, line if row[-1] == 1 else b"")

    def _count_events(self, changes: Changes, life_seconds: float, pages: float) -> None:
        """Move prtAlertAllEvents, prtAlertCriticalEvents and prtGeneralConfigChanges by what happened since the simulation began."""
        incidents = self._incidents_at(life_seconds) - self._incidents_at(0.0)
        events = sum(thing.events_at(pages) - thing.events_at(0.0) for thing in self._things)
        critical = sum(thing.critical_events_at(pages) - thing.critical_events_at(0.0) for thing in self._things)
        parts = sum(
            thing.course_at(pages)[0] for thing in self._things if thing.group != _GROUP_INPUT
        )  # paper is no change of configuration
        self._add(changes, self._at(f"{_GENERAL}.{_ALL_EVENTS}"), events + incidents)
        self._add(changes, self._at(f"{_GENERAL}.{_CRITICAL_EVENTS}"), critical + incidents)
        self._add(changes, self._at(f"{_GENERAL}.{_CONFIG_CHANGES}"), parts)

    def _incidents_at(self, life_seconds: float) -> int:
        """Return how many incidents have begun, counted from the period the simulation began in."""
        number, rest = divmod(life_seconds + self._offset_seconds, self._period_seconds)
        return int(number) + (rest >= self._free_seconds)

    def _list_alerts(self, changes: Changes, troubles: list[Trouble]) -> None:
        """Replace the recorded alerts of the groups simulated here; others stay."""
        recorded = self._alerts
        if not recorded and self._at(f"{_GENERAL}.{_ALL_EVENTS}") not in self._rows:
            return  # a device without an alert table
        gone = {row for (column, row), at in recorded.items() if column == 4 and number_at(self._rows, at, default=0) in _SIMULATED_GROUPS}
        for (_, row), at in recorded.items():
            if row in gone:
                changes[at] = None
        up_ticks = number_at(self._rows, _UP_TIMES[0], default=0)
        entry = arcs_of(_ALERT)
        for trouble in troubles:
            raised_ticks = max(0, up_ticks + int(100 * trouble.raised_seconds / self._speed))
            cells: list[tuple[int, int, bytes]] = [
                (2, ber.INTEGER, integer_content(trouble.severity)),
                (3, ber.INTEGER, integer_content(_TRAINED)),
                (4, ber.INTEGER, integer_content(trouble.group)),
                (5, ber.INTEGER, integer_content(trouble.row)),
                (6, ber.INTEGER, integer_content(_NO_LOCATION)),
                (7, ber.INTEGER, integer_content(trouble.code)),
                (8, ber.OCTET_STRING, trouble.text),
                (9, ber.TIME_TICKS, integer_content(raised_ticks % 2**32)),
            ]
            for column, tag, content in cells:
                changes[from_arcs((*entry, column, self._device, trouble.number))] = (tag, content)

    # --- writing

    def _at(self, column: str) -> Oid:
        return oid(f"{column}.{self._device}")

    def _set(self, changes: Changes, at: Oid, number: int) -> None:
        """Put *number* where the recording has a cell; what a device does not have it does not grow."""
        if at in self._rows:
            changes[at] = (self._rows[at][0], integer_content(number))

    def _add(self, changes: Changes, at: Oid, more: int) -> None:
        """Raise a number by *more*; it wraps as its type does."""
        if at not in self._rows:
            return
        tag, content = self._rows[at]
        wrap = {ber.COUNTER64: 2**64, ber.INTEGER: 2**31}.get(tag, 2**32)
        changes[at] = (tag, integer_content((int.from_bytes(content, "big", signed=tag == ber.INTEGER) + more) % wrap))

    def _set_bits(self, changes: Changes, at: Oid, bits: set[int]) -> None:
        """Set the error bits that have room in as many octets as the recording has; some devices send one, two or none."""
        if at in self._rows:
            size = len(self._rows[at][1])
            number = sum(1 << (8 * size - 1 - bit) for bit in bits if bit < 8 * size)
            changes[at] = (ber.OCTET_STRING, number.to_bytes(size, "big"))
