"""From the lines that agents sent to the devices they are of."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial

import msgspec
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection

from poller.central.devices import recognition as who
from poller.central.devices.known import Account, Glance, Known, Memory, key_of, newest
from poller.central.devices.recognition import Device, Event, Holder, Sighting
from poller.central.following import Follower
from poller.central.meters.samples import COUNT_MAX, NO_COUNTS, cell_of
from poller.central.receiving.receive import IDENTITIES_MAX, READING_SCHEMA, can_be, mark_of
from poller.central.store import cursors
from poller.central.store import devices as kept
from poller.central.store import personal as personals
from poller.central.store.cursors import Batch
from poller.central.store.database import Database
from poller.central.store.personal import Personal
from poller.clock import Clock
from poller.logs import INFO, emit
from poller.model import Counter, Printer
from poller.sealing import zstd
from poller.sealing.local_key import LocalKey

log = logging.getLogger(__name__)

STEP_BATCHES, STEP_BYTES = 100, 2**21
"""What is taken in at once; of large batches one. A step holds the devices' lock, and on SQLite everybody's, for a fraction of a second."""


class _Line(msgspec.Struct):
    """What of a reading says whose it is."""

    taken_at: datetime
    printer: msgspec.Raw
    type: str = ""
    schema: int = 0
    counters: tuple[Counter, ...] = ()


class Devices(Follower):
    """Brings the devices of accounts up to date."""

    WHAT = "devices"
    CURSOR = cursors.devices
    EVERY_SECONDS = 5.0

    async def counts_as(self, account: str, printers: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """Return which device the readings of these (agent, printer id) count as.

        Left out are those that count as none: of printers not known, of parts of another device, of devices that are not ours.
        """
        async with self._database.writing() as db:
            personal = await personals.open_account(db, self._store, account, now_utc=self._clock.utc())
            counting = await kept.counting(db, account)
        found = {}
        for agent, printer in printers:
            device = counting.get((agent, who.kept_printer(printer, agent, personal.blind)))
            if device is not None:
                found[agent, printer] = device
        return found

    def __init__(self, database: Database, store: LocalKey, clock: Clock) -> None:
        super().__init__(database, store, clock)
        self._memory = Memory()

    async def step(self, account: str) -> int:
        async with self._database.writing() as db:
            cursor_utc = await self.CURSOR.lock(db, account)
            if cursor_utc is None:
                return 0
            batches = await self.CURSOR.next(db, account, cursor_utc, batches_max=STEP_BATCHES, bytes_max=STEP_BYTES)
            if not batches:
                return 0
            personal = await personals.open_account(db, self._store, account, now_utc=self._clock.utc())
            sites = await kept.site_of_agents(db, account)
            known = self._memory.take(account, (cursor_utc, await self.CURSOR.count(db, account)))
            packed = await cursors.bodies(db, account, batches)
            notes = await asyncio.to_thread(_read, list(zip(batches, packed, strict=True)), sites, personal, known)
            shelf = await _fill(db, account, notes, personal)
            for note in notes:
                if note.seen is not None:
                    shelf.put(note.seen)
            glances = newest(note.glance for note in notes if note.glance is not None)
            await kept.touch(db, account, glances)
            await kept.save(db, account, (shelf.devices[name] for name in shelf.changed), personal)
            for absorbed, survivor in shelf.absorbed.items():
                await kept.absorb(db, account, absorbed, survivor)
            await kept.save_names(db, account, shelf.claimed)
            await kept.save_sightings(db, account, shelf.sightings)
            await kept.save_events(db, account, shelf.events, personal)
            mark = await self.CURSOR.move(db, account, cursor_utc, batches), await self.CURSOR.count(db, account)
        _remember(known, notes, glances, shelf)
        self._memory.put(account, known, mark)
        for event in shelf.events:
            if event.kind == "new":
                emit(log, INFO, "device.new", account=account, device=event.device)
        return len(batches)


class _Note:
    """One reading: a glance at a known device, until it turns out that more has to be looked at, or else a sighting."""

    __slots__ = ("_look", "glance", "key", "seen")

    def __init__(self, key: bytes, glance: Glance | None, look: Callable[[], Sighting | None]) -> None:
        self.key, self.glance, self._look = key, glance, look
        self.seen = None if glance is not None else look()

    def look(self) -> None:
        """Make a sighting of what was a glance."""
        self.glance, self.seen = None, self._look()


def _read(contents: Sequence[tuple[Batch, bytes]], sites: Mapping[str, str], personal: Personal, known: Account) -> list[_Note]:
    """Return what the lines of some batches say of devices."""
    notes = []
    for batch, packed in contents:
        site = sites[batch.agent]
        for line in zstd.decompress(packed, size=batch.plain_bytes).split(b"\n")[:-1]:
            reading = read_line(line)
            if reading is None:
                continue
            look = partial(sighting_of, reading, agent=batch.agent, site=site, received_utc=batch.received_utc, personal=personal)
            key = key_of(batch.agent, site, bytes(reading.printer))
            one = known.by_key.get(key)
            glance = None if one is None else _glance(one, reading, batch.received_utc)
            note = _Note(key, glance, look)
            if note.glance is not None or note.seen is not None:
                notes.append(note)
    return notes


def _glance(known: Known, reading: _Line, received_utc: datetime) -> Glance | None:
    """Return what is new of a known device; None where its time cannot be right, or it was gone for long: that is more than a glance."""
    taken_utc = reading.taken_at
    if mark_of(taken_utc, received_utc) is not None or taken_utc - known.at_utc >= who.GONE_AFTER:
        return None
    return Glance(known, taken_utc, counts_of(reading))


async def _fill(db: AsyncConnection, account: str, notes: Sequence[_Note], personal: Personal) -> _Shelf:
    """Return a shelf with every device the sightings may be of. What is glanced at and stands on it is looked at, too."""
    while True:
        seen = [note.seen for note in notes if note.seen is not None]
        shelf = _Shelf(await kept.holders(db, account, (name for one in seen for name in one.names.all())))
        shelf.know(await kept.load(db, account, shelf.holders, personal))
        stood = await kept.stood_at(db, account, {one.place for one in seen if one.place is not None})
        beside = {name for names in stood.values() for name in names} - shelf.devices.keys()
        shelf.know(await kept.load(db, account, beside, personal), are_neighbours=True)
        touched = [note for note in notes if note.glance is not None and shelf.has(note.glance.known.device)]
        if not touched:
            return shelf
        for note in touched:
            note.look()


def _remember(known: Account, notes: Iterable[_Note], glances: Iterable[Glance], shelf: _Shelf) -> None:
    """Bring what is known up to date with a step that was committed."""
    for one in glances:
        one.known.at_utc = one.at_utc
    known.forget(shelf.seen())
    for note in notes:
        if note.seen is not None and (device := shelf.settled(note.seen)) is not None:
            seen = note.seen
            known.add(Known(key=note.key, device=device, agent=seen.agent, printer=seen.printer, at_utc=seen.at_utc))


def read_line(line: bytes) -> _Line | None:
    """Return what of a line says whose it is; None for one that is no reading, or none that can be read."""
    try:
        reading = msgspec.json.decode(line, type=_Line)
    except (ValueError, RecursionError):
        return None
    is_known = reading.type == "reading" and reading.schema == READING_SCHEMA
    return reading if is_known and can_be(reading.taken_at) else None


def counts_of(reading: _Line) -> dict[str, int]:
    """Return what a device counted, by cell."""
    found: dict[str, int] = {}
    for counter in reading.counters:
        if counter.function != "other" and 0 <= counter.count <= COUNT_MAX and counter.count not in NO_COUNTS:
            found.setdefault(cell_of(counter), counter.count)
    return found


def sighting_of(reading: _Line, *, agent: str, site: str, received_utc: datetime, personal: Personal) -> Sighting | None:
    """Return what a reading says of its device; None for one whose printer cannot be read."""
    try:
        printer = msgspec.json.decode(reading.printer, type=Printer)
    except (ValueError, RecursionError):
        return None
    if not printer.id or len(printer.identities) > IDENTITIES_MAX or any("\0" in text for text in (printer.id, *printer.identities)):
        return None
    is_dated = mark_of(reading.taken_at, received_utc) is None
    return Sighting(
        agent=agent,
        site=site,
        printer=who.kept_printer(printer.id, agent, personal.blind),
        names=who.names_of(printer, agent=agent, blind=personal.blind),
        at_utc=reading.taken_at if is_dated else received_utc,
        is_dated=is_dated,
        place=who.place_name(f"addr:{printer.address}", agent, personal.blind) if printer.address else None,
        address=printer.address,
        mac=printer.mac,
        hostname=_text(printer.hostname),
        location=_text(printer.location),
        range=_text(printer.range),
        manufacturer=_text(printer.manufacturer),
        model=_text(printer.model),
        serial=_text(printer.serial),
        firmware=_text(printer.firmware),
        counts=counts_of(reading),
    )


def _text(told: str | None) -> str | None:
    """Return what a device says of itself as a database takes it."""
    return None if not told else told.replace("\0", "")[: who.TEXT_CHARACTERS_MAX] or None


class _Shelf:
    """The devices of one step, in hand while its sightings are put to them one by one."""

    def __init__(self, holders: dict[str, Holder]) -> None:
        self.holders = {one.id: one for one in holders.values()}
        self._owners = {name: one.id for name, one in holders.items()}
        self.devices: dict[str, Device] = {}
        self._neighbours: dict[str, Device] = {}
        self._at: dict[str, set[str]] = {}
        self.changed: dict[str, None] = {}
        self.claimed: dict[str, tuple[str, datetime]] = {}
        self.sightings: dict[tuple[str, str], tuple[str, datetime, datetime]] = {}
        self.absorbed: dict[str, str] = {}
        self.events: list[Event] = []

    def know(self, devices: dict[str, Device], *, are_neighbours: bool = False) -> None:
        """Take devices in hand: those sightings are of, or those that were last seen where these are."""
        (self._neighbours if are_neighbours else self.devices).update(devices)
        for one in devices.values():
            self._note_place(one)

    def has(self, device: str) -> bool:
        """Whether a device is in hand, or stands where one of them is."""
        return device in self.devices or device in self._neighbours

    def seen(self) -> set[str]:
        """Return the devices that something may have changed of: their own rows, or names they went by."""
        return self.devices.keys() | self.absorbed.keys()

    def settled(self, seen: Sighting) -> str | None:
        """Return the device a sighting described last and as its home, and whose names are all its own; None where anything is open."""
        name, _, _ = self.sightings[seen.agent, seen.printer]
        one = self.devices[name]
        is_last = seen.is_dated and one.home == seen.agent and one.seen_utc == seen.at_utc and bool(one.first_counts)
        return name if is_last and all(self._owners.get(label) == name for label in seen.names.all()) else None

    def put(self, seen: Sighting) -> None:
        owners = {name: self.holders[self._owners[name]] for name in seen.names.all() if name in self._owners}
        verdict = who.recognise(seen.names, owners)
        is_doubt_new = any(name not in owners for name in verdict.claims)
        if verdict.device is None:
            name = self._add(seen)
        else:
            name = verdict.device
            if verdict.absorbs is not None:
                self._absorb(verdict.absorbs, name, seen.at_utc)
            after, events = who.take(self.devices[name], seen)
            if after is not self.devices[name]:
                self.devices[name], self.changed[name] = after, None
                self._note_place(after)
            self.events += events
        if verdict.doubt is not None and is_doubt_new:
            self.events.append(Event(device=name, kind="doubt", at_utc=seen.at_utc, other=verdict.doubt))
        self._claim(name, verdict.claims, seen.at_utc)
        key = (seen.agent, seen.printer)
        _, first_utc, last_utc = self.sightings.get(key, (name, seen.at_utc, seen.at_utc))
        self.sightings[key] = (name, min(first_utc, seen.at_utc), max(last_utc, seen.at_utc))

    def _add(self, seen: Sighting) -> str:
        name = kept.new_id()
        device, events = who.met(seen, device=name)
        around = [self.devices.get(other) or self._neighbours[other] for other in self._at.get(device.place or "", ())]
        stood = who.in_place_of(device, [one for one in around if one.place == device.place])
        self.devices[name], self.changed[name] = device, None
        self._note_place(device)
        self.events += events if stood is None else [*events, stood]
        self.holders[name] = Holder(id=name)
        return name

    def _note_place(self, one: Device) -> None:
        if one.place is not None:
            self._at.setdefault(one.place, set()).add(one.id)

    def _claim(self, name: str, claims: tuple[str, ...], at_utc: datetime) -> None:
        for claim in claims:
            if self._owners.get(claim) != name:
                self._owners[claim], self.claimed[claim] = name, (name, at_utc)
        serials = frozenset(filter(who.is_serial, claims))
        if not serials <= self.holders[name].serials:
            self.holders[name] = replace(self.holders[name], serials=self.holders[name].serials | serials)

    def _absorb(self, absorbed: str, survivor: str, at_utc: datetime) -> None:
        gone, stays = self.devices[absorbed], self.devices[survivor]
        self.devices[survivor] = who.united(stays, gone)
        self.devices[absorbed] = replace(gone, state="merged", part_of=survivor, place=None)
        self.changed |= {absorbed: None, survivor: None}
        self.absorbed[absorbed] = survivor
        self.events.append(Event(device=survivor, kind="merged", at_utc=at_utc, other=absorbed))
        held, holds = self.holders.pop(absorbed), self.holders[survivor]
        self.holders[survivor] = replace(holds, serials=holds.serials | held.serials, is_managed=holds.is_managed or held.is_managed)
        for table in (self.claimed, self.sightings):
            for key, (name, *times) in list(table.items()):
                if name == absorbed:
                    table[key] = (survivor, *times)  # type: ignore[index, assignment]
        for key, name in self._owners.items():
            if name == absorbed:
                self._owners[key] = survivor
