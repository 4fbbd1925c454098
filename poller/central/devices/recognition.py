"""Who is who: which device a reading is of, and what it says has changed about it.

A device goes by *names*: serial numbers, hardware addresses (MAC), and, only where an agent knew nothing better, an IP address. Serial
numbers win over hardware addresses, since network boards are moved from one device to another; an IP address names a device for one
agent alone, since every customer has a 192.168.1.10. What leads to two devices being taken for one bills a customer for another's pages,
so where it cannot be told, they are two, and a person joins them (docs/devices.md has the table of cases; each is a test).

A device has a *home*: the agent whose readings say where it is and what it counts. Another agent that sees it too is noted, and changes
nothing, until the home has not seen it for a day. So two agents at one device are one device, and never make it wander to and fro.

Pure. Names come in as they are kept: a serial number in clear, all others as keyed hashes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

from msgspec import field
from msgspec.structs import replace

from poller.model import Printer, Value

DeviceState = Literal["unassigned", "managed", "ignored", "swapped", "joined", "merged"]
EventKind = Literal["new", "back", "address", "range", "site", "home", "board", "serial", "in-place-of", "merged", "doubt"]

TAKEOVER = timedelta(hours=24)
"""How long a device's home must not have seen it before another agent's word counts. Agents record every four hours."""
GONE_AFTER = timedelta(days=14)
"""Holidays are shorter. A device that is seen again after more is `back`."""

NAME_CHARACTERS_MAX = 250
"""Of an identity, before a hash of 32 letters stands for a part of it: the database has room for 300."""
TEXT_CHARACTERS_MAX = 300
"""Of what a device says of itself: nothing real is longer."""

_NO_HARDWARE = re.compile(r"(.)\1{11}|.[13579bdf].{10}")  # all zeros or ones; a group address (IEEE 802, the lowest bit of the first octet)
_MAC = re.compile(r"[0-9a-f]{12}")

Blind = Callable[[str], str]
"""Makes the keyed hash that stands for a name in the database."""


class Names(Value, frozen=True, kw_only=True):
    """What a reading calls its device, best first. `serial` and `board` are those it has now, of all it ever had.

    `address` is set where nothing better is known, or was known when the agent first met it.
    """

    serial: str | None = None
    board: str | None = None
    others: tuple[str, ...] = ()
    address: str | None = None

    def all(self) -> list[str]:
        return [name for name in (self.serial, self.board, *self.others, self.address) if name is not None]


class Sighting(Value, frozen=True, kw_only=True):
    """What a reading says of its device. `printer` is the id its agent gave it, as it is kept; `at_utc` when it was taken.

    `place` is the keyed hash of agent and address. `address`, `mac`, `hostname` and `location` may tell of a person. A reading whose time
    cannot be right comes with the time it was received, and `is_dated` False: what it counts is nobody's meter.
    """

    agent: str
    site: str
    printer: str
    names: Names
    at_utc: datetime
    is_dated: bool = True
    place: str | None = None
    address: str = ""
    mac: str | None = None
    hostname: str | None = None
    location: str | None = None
    range: str | None = None
    manufacturer: str | None = None
    model: str | None = None
    serial: str | None = None
    firmware: str | None = None
    counts: dict[str, int] = field(default_factory=dict)


class Device(Value, frozen=True, kw_only=True):
    """A device as it is known. `part_of` is what a `joined` or `merged` one counts as; `told_location` what the device says itself."""

    id: str
    state: DeviceState = "unassigned"
    part_of: str | None = None
    home: str
    site: str
    range: str | None = None
    place: str | None = None
    manufacturer: str | None = None
    model: str | None = None
    serial: str | None = None
    firmware: str | None = None
    first_utc: datetime
    seen_utc: datetime
    counts: dict[str, int] = field(default_factory=dict)
    first_counts: dict[str, int] = field(default_factory=dict)
    address: str = ""
    mac: str | None = None
    hostname: str | None = None
    told_location: str | None = None


class Event(Value, frozen=True, kw_only=True):
    """Something happened to a device. `other` is what it was before, or the other device; `before` what may tell of a person."""

    device: str
    kind: EventKind
    at_utc: datetime
    other: str | None = None
    before: str | None = None


class Holder(Value, frozen=True, kw_only=True):
    """The device that goes by some name, as far as recognising another by it needs: its serial names, and whether a person assigned it."""

    id: str
    serials: frozenset[str] = frozenset()
    is_managed: bool = False


class Verdict(Value, frozen=True, kw_only=True):
    """Which device a reading is of: None is a new one. `claims` are the names that are its own from now on, whoever had them.

    `absorbs` is a device that turned out to be the same; `doubt` one that may be, for a person to say.
    """

    device: str | None
    claims: tuple[str, ...] = ()
    absorbs: str | None = None
    doubt: str | None = None


# --- names -----------------------------------------------------------------------------------------------------------------


def names_of(printer: Printer, *, agent: str, blind: Blind) -> Names:
    """Return the names a reading gives its device, as they are kept."""
    serial = _current_serial(printer)
    boards, serials, address = [], [], None
    for identity in dict.fromkeys((printer.id, *printer.identities)):
        kind, _, body = identity.partition(":")
        if kind == "serial":
            serials.append(kept_name(identity, blind))
        elif kind in ("addr", "addr-hash"):
            if identity == printer.id:
                address = place_name(identity, agent, blind)
        elif kind != "mac" or is_hardware(body):
            boards.append(kept_name(identity, blind))
    board = None if printer.mac is None or not is_hardware(printer.mac) else kept_name(f"mac:{printer.mac}", blind)
    if board is None and printer.mac is None and boards:
        board = boards[-1]  # masked: the last one it showed
    kept_serial = None if serial is None else kept_name(serial, blind)
    others = [name for name in (*serials, *boards) if name not in (kept_serial, board)]
    return Names(serial=kept_serial, board=board, others=tuple(others), address=address)


def kept_name(identity: str, blind: Blind) -> str:
    """Return an identity as it is kept: serial numbers in clear, but for the MAC address behind the second of two equal ones.

    One longer than anything real is a hash alone: a row has room for so many letters, and one that does not fit would stop them all.
    """
    if len(identity) > NAME_CHARACTERS_MAX:
        return f"long~{blind(identity)}"
    kind = identity.partition(":")[0]
    if kind == "serial":
        head, is_twin, twin = identity.rpartition("#")
        return f"{head}#{blind(twin)}" if is_twin and _MAC.fullmatch(twin) else identity
    return identity if kind.endswith("-hash") else f"{kind}~{blind(identity)}"


def kept_printer(printer: str, agent: str, blind: Blind) -> str:
    """Return the id an agent gave a printer as it is kept."""
    return place_name(printer, agent, blind) if printer.startswith("addr:") else kept_name(printer, blind)


def place_name(identity: str, agent: str, blind: Blind) -> str:
    """Return an address as it is kept: of one agent, since every customer has a 192.168.1.10."""
    return f"addr~{blind(f'{agent} {identity}')}"


def is_hardware(mac: str) -> bool:
    """Whether twelve hex digits are one board's address, and not nobody's or everybody's."""
    return _MAC.fullmatch(mac) is not None and _NO_HARDWARE.fullmatch(mac) is None


def is_serial(name: str) -> bool:
    return name.startswith("serial:")


def base_of(serial: str) -> str:
    """Return a serial name without what tells two of the same number apart."""
    return serial.rpartition("#")[0] or serial


def _current_serial(printer: Printer) -> str | None:
    """Return the identity that has the serial number read now; where none was read, none: it may be another's board by now."""
    if printer.serial is None:
        return next((one for one in (printer.id,) if one.startswith("serial:")), None)
    wanted = printer.serial.upper()
    found = [one for one in (printer.id, *printer.identities) if one.startswith("serial:") and _number_of(one) == wanted]
    return found[0] if found else None


def _number_of(identity: str) -> str:
    return base_of(identity).split(":", 2)[-1].upper()


# --- recognising -----------------------------------------------------------------------------------------------------------


def recognise(names: Names, holders: Mapping[str, Holder]) -> Verdict:
    """Say which device a reading is of. *holders* has who goes by each of its names now."""
    by_serial = holders.get(names.serial or "")
    by_board = holders.get(names.board or "")
    if by_serial is not None and by_board is not None and by_serial.id != by_board.id:
        return _decide_between(names, by_serial, by_board, holders)
    if by_serial is not None:
        return _known(names, by_serial, holders)
    if by_board is not None:
        if names.serial is None or not by_board.serials:
            return _known(names, by_board, holders)
        if base_of(names.serial) in map(base_of, by_board.serials):
            return _known(names, by_board, holders)
        return Verdict(device=None, claims=_free(names, None, holders), doubt=by_board.id)  # the board is in another device now
    if (by_other := _by_others(names, holders)) is not None:
        return _known(names, by_other, holders)
    by_address = holders.get(names.address or "")
    if by_address is not None and (names.serial is None or not by_address.serials):
        return _known(names, by_address, holders)
    return Verdict(device=None, claims=_free(names, None, holders))


def _decide_between(names: Names, by_serial: Holder, by_board: Holder, holders: Mapping[str, Holder]) -> Verdict:
    """The serial number is one device's, the board another's."""
    assert names.serial is not None
    if base_of(names.serial) in map(base_of, by_board.serials):  # two devices have this number: the board tells them apart
        kept = tuple(name for name in _free(names, by_board.id, holders) if name != names.serial)
        return Verdict(device=by_board.id, claims=kept)
    if by_board.serials:  # a board out of another device
        return _known(names, by_serial, holders)
    if by_board.is_managed and by_serial.is_managed:
        return Verdict(device=by_serial.id, claims=_free(names, by_serial.id, holders, keep=by_board.id), doubt=by_board.id)
    survivor, absorbed = (by_board, by_serial) if by_board.is_managed else (by_serial, by_board)
    return Verdict(device=survivor.id, claims=_free(names, survivor.id, holders), absorbs=absorbed.id)


def _known(names: Names, holder: Holder, holders: Mapping[str, Holder]) -> Verdict:
    return Verdict(device=holder.id, claims=_free(names, holder.id, holders))


def _free(names: Names, mine: str | None, holders: Mapping[str, Holder], *, keep: str | None = None) -> tuple[str, ...]:
    """Return the names the device gets: those it has now, and of its older ones those nobody else goes by. *keep* keeps what it has."""
    now = {names.serial, names.board}
    return tuple(
        name for name in names.all() if (held := holders.get(name)) is None or held.id == mine or (name in now and held.id != keep)
    )


def _by_others(names: Names, holders: Mapping[str, Holder]) -> Holder | None:
    """Return who goes by a name the device had earlier; not one with another serial number."""
    for name in names.others:
        held = holders.get(name)
        if held is not None and (names.serial is None or not held.serials or is_serial(name)):
            return held
    return None


# --- what changes ----------------------------------------------------------------------------------------------------------


def met(seen: Sighting, *, device: str) -> tuple[Device, list[Event]]:
    """Return a device that was never seen before: unassigned, so nothing is ordered or charged for it."""
    counts = dict(seen.counts) if seen.is_dated else {}
    fresh = Device(id=device, home=seen.agent, site=seen.site, first_utc=seen.at_utc, seen_utc=seen.at_utc, first_counts=counts)
    return _described(fresh, seen), [Event(device=device, kind="new", at_utc=seen.at_utc)]


def take(before: Device, seen: Sighting) -> tuple[Device, list[Event]]:
    """Return the device after a sighting, and what happened to it. What is older than what is known changes nothing."""
    if seen.at_utc <= before.seen_utc:
        return before, []
    silent = seen.at_utc - before.seen_utc
    if seen.agent != before.home and silent < TAKEOVER:
        return before, []
    after = _described(replace(before, home=seen.agent, site=seen.site, seen_utc=seen.at_utc), seen)
    return after, list(_changes(before, after, silent))


def _described(device: Device, seen: Sighting) -> Device:
    """Return the device as a sighting describes it; what was not read this time stays as it was."""
    return replace(
        device,
        range=seen.range,
        place=seen.place,
        manufacturer=seen.manufacturer or device.manufacturer,
        model=seen.model or device.model,
        serial=seen.serial or device.serial,
        firmware=seen.firmware or device.firmware,
        counts=dict(seen.counts) if seen.counts and seen.is_dated else device.counts,
        first_counts=device.first_counts or (dict(seen.counts) if seen.is_dated else {}),
        address=seen.address,
        mac=seen.mac,
        hostname=seen.hostname,
        told_location=seen.location,
    )


def _changes(before: Device, after: Device, silent: timedelta) -> Iterable[Event]:
    def event(kind: EventKind, *, other: str | None = None, was: str | None = None) -> Event:
        return Event(device=after.id, kind=kind, at_utc=after.seen_utc, other=other, before=was)

    if silent >= GONE_AFTER:
        yield event("back", other=f"{silent.days} days")
    if after.site != before.site:
        yield event("site", other=before.site)
    elif after.home != before.home:
        yield event("home", other=before.home)
    if after.range != before.range:
        yield event("range", other=before.range)
    if before.address and after.address and after.address != before.address:
        yield event("address", was=before.address)
    if before.mac and after.mac and after.mac != before.mac:
        yield event("board", was=before.mac)
    if after.serial != before.serial:
        yield event("serial", other=before.serial)


def united(stays: Device, gone: Device) -> Device:
    """Return *stays* after *gone* turned out to be the same: where it is, whoever saw it last says; since when, whoever saw it first."""
    newer = gone if gone.seen_utc > stays.seen_utc else stays
    older = min(gone, stays, key=lambda one: one.first_utc)
    first = {"first_utc": older.first_utc, "first_counts": older.first_counts or newer.first_counts}
    return replace(newer, id=stays.id, state=stays.state, part_of=stays.part_of, serial=stays.serial or gone.serial, **first)


def in_place_of(new: Device, others: Sequence[Device]) -> Event | None:
    """Return that *new* stands where another stood that was not seen since: most likely they were swapped, and a person may say so."""
    stood = [one for one in others if one.id != new.id and one.seen_utc < new.first_utc and one.state in ("managed", "unassigned")]
    if not stood:
        return None
    last = max(stood, key=lambda one: one.seen_utc)
    return Event(device=new.id, kind="in-place-of", at_utc=new.first_utc, other=last.id)
