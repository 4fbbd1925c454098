"""A town of invented printers behind engine's `Wire`: they move, sleep, go off, get new boards; any question may be lost."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache

from poller.engine import device
from poller.engine.poll import Place, Poller
from poller.engine.roster import Roster
from poller.engine.search import Hunt
from poller.engine.targets import Plan
from poller.errors import NoAnswerError, PrinterError
from poller.model import Credential, Secret, Target
from poller.networks import address_number
from poller.snmp.message import Missing, Question, Value
from poller.snmp.oid import Oid, arcs, parse
from tests.fake_clock import FakeClock

PUBLIC = Credential(name="public", version="2c", community=Secret("public"))
WAKE_SECONDS = 20.0
NAP_SECONDS = 600.0  # a sleeper nobody asks for so long is asleep again

_INTEGER, _TEXT, _OBJECT, _COUNTER, _TICKS = 2, 4, 6, 65, 67
_UPTIME, _STATUS, _ERRORS = parse("1.3.6.1.2.1.1.3.0"), parse("1.3.6.1.2.1.25.3.5.1.1.1"), parse("1.3.6.1.2.1.25.3.5.1.2.1")
_SERIAL, _MAC = parse("1.3.6.1.2.1.43.5.1.1.17.1"), parse("1.3.6.1.2.1.2.2.1.6.2")
_PAGES, _LEVEL = parse("1.3.6.1.2.1.43.10.2.1.4.1.1"), parse("1.3.6.1.2.1.43.11.1.1.9.1.1")
_OTHER, _IDLE, _PRINTING = 1, 3, 4
_SHARED: dict[Oid, Value] = {
    parse("1.3.6.1.2.1.1.1.0"): (_TEXT, b"ACME Laser 410; firmware 2.1"),
    parse("1.3.6.1.2.1.1.2.0"): (_OBJECT, bytes(parse("1.3.6.1.4.1.32473.7.1"))),
    parse("1.3.6.1.2.1.1.5.0"): (_TEXT, b"printer"),
    parse("1.3.6.1.2.1.25.3.2.1.2.1"): (_OBJECT, bytes(parse("1.3.6.1.2.1.25.3.1.5"))),
    parse("1.3.6.1.2.1.25.3.2.1.3.1"): (_TEXT, b"ACME Laser 410"),
    parse("1.3.6.1.2.1.25.3.2.1.5.1"): (_INTEGER, b"\x02"),
    parse("1.3.6.1.2.1.43.5.1.1.1.1"): (_COUNTER, b"\x03"),
    parse("1.3.6.1.2.1.43.10.2.1.3.1.1"): (_INTEGER, b"\x07"),
    parse("1.3.6.1.2.1.43.11.1.1.4.1.1"): (_INTEGER, b"\x03"),
    parse("1.3.6.1.2.1.43.11.1.1.5.1.1"): (_INTEGER, b"\x03"),
    parse("1.3.6.1.2.1.43.11.1.1.6.1.1"): (_TEXT, b"Black Toner"),
    parse("1.3.6.1.2.1.43.11.1.1.7.1.1"): (_INTEGER, b"\x13"),
    parse("1.3.6.1.2.1.43.11.1.1.8.1.1"): (_INTEGER, b"\x64"),
    _ERRORS: (_TEXT, b"\x00"),
}
_OIDS = sorted([*_SHARED, _UPTIME, _STATUS, _SERIAL, _MAC, _PAGES, _LEVEL], key=arcs)
_ARCS = [arcs(oid) for oid in _OIDS]
_at = cache(lambda oid: bisect_right(_ARCS, arcs(oid)))


@dataclass(eq=False)
class House:
    """One printer. A *sleeper* asleep does not answer the question that wakes it; the others stand by at night and answer at once."""

    serial: str
    mac: str
    address: str
    is_sleeper: bool = False
    is_off: bool = False
    booted_at: float = 0.0
    asked_at: float = 0.0
    awake_at: float = 0.0
    woken_at: list[float] = field(default_factory=list)
    values: dict[Oid, Value] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.values = dict(_SHARED)
        self.values[_LEVEL] = (_INTEGER, b"\x32")
        self.values[_PAGES] = (_COUNTER, b"\x03\xe8")
        self.rename(self.serial, self.mac)

    @property
    def id(self) -> str:
        return f"serial:32473:{self.serial}"

    def rename(self, serial: str, mac: str) -> None:
        """Change its boards."""
        self.serial, self.mac = serial, mac
        self.values[_SERIAL], self.values[_MAC] = (_TEXT, serial.encode()), (_TEXT, bytes.fromhex(mac))

    def jam(self, *, is_jammed: bool) -> None:
        self.values[_ERRORS] = (_TEXT, b"\x04" if is_jammed else b"\x00")


class Town:
    """Implements engine.wire.Wire. *loss* is the share of questions that get no answer in any try."""

    def __init__(self, clock: FakeClock, houses: Iterable[House], *, loss: float = 0.0, seed: int = 20261120) -> None:
        self.clock, self.loss = clock, loss
        self.dice = random.Random(seed)
        self.at = {house.address: house for house in houses}
        self.dark: list[str] = []
        """Beginnings of addresses whose network is down."""
        self.untimed: set[House] = set()
        """Whose sysUpTime is none: longer than 32 bits."""
        self.is_night = False
        self.questions = 0

    def move(self, house: House, address: str) -> None:
        if self.at.get(house.address) is house:
            del self.at[house.address]
        house.address, house.booted_at = address, self.clock.monotonic()
        self.at[address] = house

    def remove(self, house: House) -> None:
        if self.at.get(house.address) is house:
            del self.at[house.address]

    async def get(self, target: Target, question: Question) -> tuple[Value | Missing, ...]:
        held = self._ask(target).values.get
        return tuple([held(oid, Missing.NO_SUCH_INSTANCE) for oid in question.oids])

    async def next(self, target: Target, oid: Oid, rows: int) -> list[tuple[Oid, Value]]:
        held, at = self._ask(target).values, _at(oid)
        return [(name, held[name]) for name in _OIDS[at : at + rows]]

    async def sweep(
        self, poller: Poller, roster: Roster, plan: Plan, *, only: Hunt | None = None, among: Iterable[str] | None = None
    ) -> list[str]:
        """Ask everybody in *plan*, or where a search looks, or *among* some, who they are; tell *poller*. Return who did not answer."""
        where = plan if only is None else plan.narrow(only.range_name, only.near)
        silent = []
        for address in list(self.at if among is None else among):
            index = where.find(address, 161)
            if index is None or (only is not None and poller.recheck(address) is not None):
                continue
            target = Target(address=address, credential=PUBLIC, range=where.owner(index).name)
            try:
                printer = await device.identify(self, target, rows_max=2000, location=None)
            except PrinterError:
                silent.append(address)
                continue
            if printer is not None:
                poller.found(roster.settle(printer), target, Place())
        return silent

    def _ask(self, target: Target) -> House:
        """Return who answers at the target. Raises NoAnswerError."""
        self.questions += 1
        house = self.at.get(target.address)
        if house is None or house.is_off or any(map(target.address.startswith, self.dark)) or self.dice.random() < self.loss:
            raise NoAnswerError(target.address, tries=3)
        now_at = self.clock.monotonic()
        is_in_use = not self.is_night
        if house.is_sleeper:
            if not is_in_use and now_at - house.asked_at > NAP_SECONDS:
                house.woken_at.append(now_at)
                house.awake_at = now_at + WAKE_SECONDS
            house.asked_at = now_at
            if now_at < house.awake_at:
                raise NoAnswerError(target.address, tries=3)
        status = _IDLE if is_in_use or house.is_sleeper else _OTHER
        if is_in_use and self.dice.random() < 0.05:
            status = _PRINTING
        house.values[_STATUS] = (_INTEGER, bytes((status,)))
        house.values[_UPTIME] = (_TICKS, (int(100 * (now_at - house.booted_at)) % 2**32).to_bytes(4, "big").lstrip(b"\0") or b"\0")
        if house in self.untimed:
            house.values[_UPTIME] = (_TICKS, b"\x01" + bytes(5))
        return house


def near(address: str, offset: int) -> str:
    """Return the address *offset* behind this one."""
    _, number = address_number(address)
    number += offset
    return f"{number >> 24}.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
