"""Simulated printers asked inside one process, without a datagram: for measuring what asks them, and nothing besides.

They answer at once and are never lost. What a printer says follows from its number and the time: pages are printed, supplies sink and
are filled again, now and then it prints while it is asked. Each has a serial number, MAC address and name of its own; all else is its
recording's.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence

from poller.clock import Clock
from poller.model import Target
from poller.networks import address_number
from poller.simulator.individual import Traits, draw
from poller.simulator.recordings import Recording
from poller.simulator.wear import cells_of, number_at
from poller.snmp import ber
from poller.snmp.message import Missing, Question, Value
from poller.snmp.oid import Oid, arcs
from poller.snmp.oid import parse as oid
from poller.snmp.snmprec import integer_content

_UP_TIME, _SERIAL = oid("1.3.6.1.2.1.1.3.0"), oid("1.3.6.1.2.1.43.5.1.1.17.1")
_MARKER, _SUPPLY, _STATUS = oid("1.3.6.1.2.1.43.10.2.1"), oid("1.3.6.1.2.1.43.11.1.1"), oid("1.3.6.1.2.1.25.3.5.1.1")
_LIFE_COUNT, _LEVEL, _CAPACITY = 4, 9, 8
_IDLE, _PRINTING = 3, 4
_SECONDS_PER_PAGE_MIN, _SECONDS_PER_PAGE_MORE = 60.0, 600.0
_PAGES_PER_SUPPLY = 3000
_PRINTING_ONE_IN = 16
_SEED = 1

_Reading = Callable[["_Printer", int, float], Value]
"""Gives the value of a cell by (printer, its pages, the seconds since the beginning)."""


class _Model:
    """A recording, with the cells that move."""

    def __init__(self, recording: Recording) -> None:
        self.traits, self.rows = Traits(recording), {**recording.values, _SERIAL: (ber.OCTET_STRING, b"")}
        self.order = sorted(self.rows, key=arcs)
        self._keys = [arcs(one) for one in self.order]
        self._after: dict[Oid, int] = {}
        self.moving: dict[Oid, _Reading] = {_SERIAL: _serial, _UP_TIME: _up_time}
        for (column, _), at in cells_of(self.rows, _MARKER).items():
            if column == _LIFE_COUNT:
                self.moving[at] = _count
        supplies = cells_of(self.rows, _SUPPLY)
        for (column, row), at in supplies.items():
            capacity = number_at(self.rows, supplies.get((_CAPACITY, row)), default=-2)
            if column == _LEVEL and capacity > 0 and number_at(self.rows, at, default=-2) >= 0:
                self.moving[at] = _level(capacity)
        self.moving |= dict.fromkeys((at for at in self.rows if at.startswith(_STATUS)), _status)

    def after(self, at: Oid) -> int:
        """Return the place in `order` of the first OID behind *at*."""
        if at not in self._after:
            self._after[at] = bisect_right(self._keys, arcs(at))
        return self._after[at]


class _Printer:
    __slots__ = ("model", "number", "own", "seconds_per_page")

    def __init__(self, model: _Model, number: int) -> None:
        self.model, self.number = model, number
        self.own: Mapping[Oid, Value] = model.traits.values_of(_SEED, number)
        self.seconds_per_page = _SECONDS_PER_PAGE_MIN + _SECONDS_PER_PAGE_MORE * draw(_SEED, number, "pace")


class InsideWire:
    """Answers as `engine.wire.Wire` for printers at *addresses*, model after model, from now on by *clock*."""

    def __init__(self, models: Sequence[Recording], addresses: Sequence[str], clock: Clock) -> None:
        made = [_Model(model) for model in models]
        numbers = [address_number(address)[1] for address in addresses]
        self._printers = {
            address: _Printer(made[place % len(made)], number)
            for place, (address, number) in enumerate(zip(addresses, numbers, strict=True))
        }
        self._clock, self._began_at = clock, clock.monotonic()
        self.questions = 0

    async def get(self, target: Target, question: Question) -> tuple[Value | Missing, ...]:
        self.questions += 1
        return tuple(self._read(self._printers[target.address], question.oids))

    async def next(self, target: Target, oid: Oid, rows: int) -> list[tuple[Oid, Value]]:
        self.questions += 1
        await asyncio.sleep(0)  # a walk is long: others have their turn
        printer = self._printers[target.address]
        first = printer.model.after(oid)
        oids = printer.model.order[first : first + rows]
        return [(one, value) for one, value in zip(oids, self._read(printer, oids), strict=True) if not isinstance(value, Missing)]

    def _read(self, printer: _Printer, oids: Sequence[Oid]) -> list[Value | Missing]:
        seconds = self._clock.monotonic() - self._began_at
        pages = int(seconds / printer.seconds_per_page)
        moving, own, recorded = printer.model.moving.get, printer.own.get, printer.model.rows.get
        values: list[Value | Missing] = []
        for one in oids:
            moved = moving(one)
            if moved is not None:
                values.append(moved(printer, pages, seconds))
            else:
                values.append(own(one) or recorded(one) or Missing.NO_SUCH_INSTANCE)
        return values


def _serial(printer: _Printer, pages: int, seconds: float) -> Value:
    return ber.OCTET_STRING, b"SIM%08X" % printer.number


def _up_time(printer: _Printer, pages: int, seconds: float) -> Value:
    return ber.TIME_TICKS, integer_content(int(seconds * 100) + 360_000)


def _count(printer: _Printer, pages: int, seconds: float) -> Value:
    return ber.COUNTER32, integer_content(printer.number % 100_000 + pages)


def _status(printer: _Printer, pages: int, seconds: float) -> Value:
    is_printing = (printer.number + pages) % _PRINTING_ONE_IN == 0
    return ber.INTEGER, integer_content(_PRINTING if is_printing else _IDLE)


def _level(capacity: int) -> _Reading:
    def read(printer: _Printer, pages: int, seconds: float) -> Value:
        used = (pages + printer.number) % _PAGES_PER_SUPPLY / _PAGES_PER_SUPPLY
        return ber.INTEGER, integer_content(round(capacity * (1 - used)))

    return read
