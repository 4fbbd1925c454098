"""The daily close: when a day of a site's time zone is over, every device's readings become its meter of that day, in the ledger.

Per account and time zone, day by day, oldest first. A day is closed `GRACE` after its end, from what was received until `SETTLED` before:
so the same day comes out the same whenever it is closed, and no batch is missed that was still being committed. Readings that come later
are taken by the next close, as late ones.

Some devices at a time are closed in one transaction: their entries appended, where they stand written, what was learned of their models.
Cut off anywhere, the close goes on with the devices that were not closed yet. Several processes may be at it; a lease keeps them from doing
the same work, and the transactions from doing it twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zlib import crc32
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection

from poller.central.devices.processing import Devices
from poller.central.devices.recognition import kept_printer
from poller.central.meters import supplements
from poller.central.meters import validation as meters
from poller.central.meters.chain import Entry
from poller.central.meters.days import GRACE, day_of, due_days, end_of, load_zone
from poller.central.meters.plausible import Limits
from poller.central.meters.samples import Counted, Sample, sample_of, sequence_of
from poller.central.meters.standing import Standing
from poller.central.receiving.receive import READING_SCHEMA, mark_of
from poller.central.store import devices as kept_devices
from poller.central.store import ledger
from poller.central.store import meters as kept
from poller.central.store import personal as personals
from poller.central.store.database import Database, UnavailableError
from poller.central.store.meters import Kept, Place
from poller.central.store.personal import ErasedError, Personal
from poller.clock import Clock
from poller.errors import ConfigError, SealError
from poller.logs import ERROR, INFO, WARNING, emit
from poller.model import Value
from poller.sealing import zstd
from poller.sealing.local_key import LocalKey

log = logging.getLogger(__name__)

EVERY_SECONDS = 300.0
SETTLED = timedelta(hours=1)
"""How long before its close the last batch of a day may be received: longer than any commit takes, and than clocks of servers differ."""
DEVICES_AT_ONCE = 500
"""In one transaction: a tenth of a second, in which on SQLite nobody else writes."""
READINGS_AT_ONCE = 200_000
"""In memory; of a day with more, a part of the devices is closed after the other, and the batches are read once for each part."""
LEASE = timedelta(minutes=10)
REFUSED_MAX = 3
"""Accounts in a row the database does nothing for now, before the others are left to the next round: it is down then, not they."""
_LATE_MAX = 200
_SEARCH = timedelta(days=62)
_NEAR = timedelta(days=2)
_BEFORE = timedelta(microseconds=1)

_decode = msgspec.json.Decoder(Counted).decode


class Report(Value, frozen=True, kw_only=True):
    """What one closed day came to."""

    account: str
    zone: str
    day: date
    devices: int
    entries: int
    held: int


class Closer:
    """Closes what is due. *store* is central's store key."""

    def __init__(self, database: Database, store: LocalKey, clock: Clock) -> None:
        self._database, self._store, self._clock = database, store, clock
        self._devices = Devices(database, store, clock)

    async def run(self, stop: asyncio.Event) -> None:
        """Close what is due, every five minutes, until *stop*. What the database does not do now is left to the next round."""
        while not stop.is_set():
            try:
                await self.close_due(stop=stop)
            except UnavailableError as error:
                emit(log, WARNING, "meters.put_off", reason=error.reason)
            try:
                await asyncio.wait_for(stop.wait(), EVERY_SECONDS)
            except TimeoutError:
                pass

    async def close_due(self, *, account: str | None = None, until: date | None = None, stop: asyncio.Event | None = None) -> list[Report]:
        """Close every day that is due, of one account or of all, up to *until*. Raises UnavailableError.

        What keeps one account from being closed keeps no other: it is raised when all had their turn, or were refused several in a row.
        """
        async with self._database.reading() as db:
            zones = await kept.zones(db)
        await self._begin(zones)
        reports: list[Report] = []
        refused: UnavailableError | None = None
        in_a_row = 0
        for of, name in zones:
            if account not in (None, of):
                continue
            if in_a_row == REFUSED_MAX or (stop is not None and stop.is_set()):
                break
            try:
                reports += await self._close_zone(of, name, until, stop)
                in_a_row = 0
            except ErasedError:
                continue
            except (SealError, ConfigError) as error:
                emit(log, ERROR, "meters.not_closed", account=of, zone=name, reason=str(error))
            except UnavailableError as error:
                refused, in_a_row = error, in_a_row + 1
                emit(log, WARNING, "meters.not_closed", account=of, zone=name, reason=error.reason)
            except Exception as error:  # noqa: BLE001 - a fault of ours, or of what is stored
                emit(log, ERROR, "meters.not_closed", account=of, zone=name, reason=type(error).__name__, exc_info=error)
        if refused is not None:
            raise refused
        return reports

    async def _close_zone(self, of: str, name: str, until: date | None, stop: asyncio.Event | None) -> list[Report]:
        zone = load_zone(name)
        async with self._database.reading() as db:
            found = (await kept.closings(db, of)).get(name)
        if found is None or found.until_utc is None:  # nothing was ever received
            return []
        after_utc = found.until_utc
        reports: list[Report] = []
        for day in due_days(found.closed, zone, self._clock.utc(), first=day_of(after_utc, zone)):
            if (until is not None and day > until) or (stop is not None and stop.is_set()):
                break
            if not reports:
                await self._devices.process(of)
            until_utc = max(after_utc, end_of(day, zone) + GRACE - SETTLED)
            report = await _Day(self._database, self._store, self._clock, of, zone, day, after_utc, until_utc).close()
            if report is None:  # another process is at it
                return reports
            reports.append(report)
            after_utc = until_utc
            if report.entries:
                emit(log, INFO, "meters.closed", account=of, zone=name, day=str(day), devices=report.devices, entries=report.entries)
        return reports

    async def _begin(self, zones: Sequence[tuple[str, str]]) -> None:
        """Let every zone that has no row yet begin: with the oldest batch there is, or where the account's other zones are."""
        async with self._database.reading() as db:
            known = {of: await kept.closings(db, of) for of in dict.fromkeys(of for of, _ in zones)}
            begins = {}
            for of, closings in known.items():
                times = [one.until_utc for one in closings.values() if one.until_utc is not None]
                first_utc = min(times) if times else await kept.first_received(db, of)
                if first_utc is not None:
                    begins[of] = first_utc if times else first_utc - _BEFORE
        new = [(of, name) for of, name in zones if of in begins and (name not in known[of] or known[of][name].until_utc is None)]
        if new:
            async with self._database.writing() as db:
                for of, name in new:
                    if (await kept.lock_closing(db, of, name)).until_utc is None:
                        await kept.move_closing(db, of, name, until_utc=begins[of])


class _Day:
    """One day of one zone of one account, while it is closed."""

    def __init__(
        self,
        database: Database,
        store: LocalKey,
        clock: Clock,
        of: str,
        zone: ZoneInfo,
        day: date,
        after_utc: datetime,
        until_utc: datetime,
    ) -> None:
        self._database, self._store, self._clock = database, store, clock
        self._of, self._zone, self._day, self._after_utc, self._until_utc = of, zone, day, after_utc, until_utc
        self._end_utc = end_of(day, zone)
        self._places: dict[str, Place] = {}
        self._limits = Limits()
        self._entries = self._held = self._count = 0

    async def close(self) -> Report | None:
        if not await self._lease():
            return None
        async with self._database.writing() as db:
            self._personal = await personals.open_account(db, self._store, self._of, now_utc=self._clock.utc())
        async with self._database.reading() as db:
            here = self._zone.key
            self._places = {name: place for name, place in (await kept.places(db, self._of)).items() if place.zone == here}
            self._device_of = _DeviceOf(await kept_devices.counting(db, self._of), self._personal)
            self._limits = Limits(await kept.tallies(db, self._of))
            self._limits.refresh()
            due = [name for name in await kept.due(db, self._of) if name in self._places]
            parts = 1 + await kept.lines_between(db, self._of, self._after_utc, self._until_utc) // READINGS_AT_ONCE
        await self._database.ensure_months([("meter", self._clock.utc())])
        for part in range(parts):
            samples = await self._read(part, parts)
            names = sorted({*samples, *(name for name in due if crc32(name.encode()) % parts == part)})
            for at in range(0, len(names), DEVICES_AT_ONCE):
                some = names[at : at + DEVICES_AT_ONCE]
                if not await self._close_some({name: samples.get(name, []) for name in some}):
                    return None
        async with self._database.writing() as db:
            found = await kept.lock_closing(db, self._of, self._zone.key)
            if found.closed is None or found.closed < self._day:
                values = {"closed": self._day, "until_utc": self._until_utc, "leased_until_utc": None}
                await kept.move_closing(db, self._of, self._zone.key, **values)
        return Report(account=self._of, zone=self._zone.key, day=self._day, devices=self._count, entries=self._entries, held=self._held)

    async def _lease(self) -> bool:
        now_utc = self._clock.utc()
        async with self._database.writing() as db:
            found = await kept.lock_closing(db, self._of, self._zone.key)
            is_taken = found.leased_until_utc is not None and found.leased_until_utc > now_utc
            if is_taken or (found.closed is not None and found.closed >= self._day):
                return False
            await kept.move_closing(db, self._of, self._zone.key, leased_until_utc=now_utc + LEASE)
        return True

    async def _read(self, part: int, parts: int) -> dict[str, list[Sample]]:
        """Return the samples of this part of the devices in what was received since the last close."""
        samples: dict[str, list[Sample]] = {}
        async with self._database.reading() as db:
            async for rows in kept.contents(db, self._of, self._after_utc, self._until_utc):
                for name, one in await asyncio.to_thread(_samples_in, rows, self._device_of, self._personal):
                    if name in self._places and (parts == 1 or crc32(name.encode()) % parts == part):
                        samples.setdefault(name, []).append(one)
        return samples

    async def _close_some(self, samples: dict[str, list[Sample]]) -> bool:
        """Close some devices in one transaction; False when the day was closed by another process meanwhile."""
        async with self._database.writing() as db:
            now_utc = self._clock.utc()
            found = await kept.lock_closing(db, self._of, self._zone.key)
            if found.closed is not None and found.closed >= self._day:
                return False
            if await personals.is_erased(db, self._of):  # meanwhile: what was read before is nobody's to keep
                raise ErasedError(self._of)
            before = await kept.load(db, self._of, samples)
            left = {name: ours for name, ours in samples.items() if name not in before or before[name].closed < self._day}
            after, entries, late = await asyncio.to_thread(self._compute, left, before)
            after |= {name: more for name in samples.keys() - left.keys() if (more := _put_by(before[name], samples[name])) is not None}
            for name, ones in late.items():
                entries += await self._fit(db, name, ones[:_LATE_MAX])
            await ledger.append_in(db, self._of, entries, now_utc=now_utc)
            await kept.save(db, self._of, after)
            models = {self._places[name].model for name in left}
            await kept.save_tallies(db, self._of, {key: tally for key, tally in self._limits.tallies.items() if key[0] in models})
            await kept.move_closing(db, self._of, self._zone.key, leased_until_utc=now_utc + LEASE)
        self._entries += len(entries)
        self._held += sum(entry.kind == "held" for entry in entries)
        self._count += len(left)
        return True

    def _compute(
        self, samples: dict[str, list[Sample]], before: dict[str, Kept]
    ) -> tuple[dict[str, Kept], list[Entry], dict[str, list[Sample]]]:
        """Return where these devices stand then, their entries, and the readings to be fitted in late."""
        after: dict[str, Kept] = {}
        entries: list[Entry] = []
        late: dict[str, list[Sample]] = {}
        for name, new in samples.items():
            was, model = before.get(name), self._places[name].model
            standing = None if was is None else was.standing
            known = [*(was.waiting if was is not None else ()), *new]
            mine = [one for one in known if one.taken_utc < self._end_utc]
            waiting = tuple([one for one in known if one.taken_utc >= self._end_utc])
            closed = meters.close(name, standing, mine, model=model, day=self._day, zone=self._zone, limits=self._limits)
            self._learn(model, standing, closed.entries)
            after[name] = Kept(closed=self._day, standing=closed.standing, waiting=waiting)
            entries += closed.entries
            if fitting := [one.sample for one in closed.aside if one.why == "late"]:
                late[name] = fitting
        return after, entries, late

    def _learn(self, model: str, standing: Standing | None, entries: Iterable[Entry]) -> None:
        """Take what a device's day came to as an example of what its model does."""
        was = {} if standing is None else dict(zip(standing.last.shape.cells, standing.totals, strict=True))
        for entry in entries:
            if entry.kind == "meter" and entry.reason == "daily" and was:
                self._limits.observe(model, [(one.cell, max(0, one.total - was.get(one.cell, one.total))) for one in entry.meters])

    async def _fit(self, db: AsyncConnection, name: str, late: Sequence[Sample]) -> list[Entry]:
        """Return the entries that readings from before the last one taken give their days."""
        first_utc, last_utc = min(one.taken_utc for one in late), max(one.taken_utc for one in late)
        first, end = day_of(first_utc - _SEARCH, self._zone), day_of(last_utc + _SEARCH, self._zone)
        rows = await ledger.of_device(db, self._of, name, first=first, end=end)
        read = sorted((entry for entry in kept.in_force(rows).values() if entry.origin == "read"), key=lambda one: one.taken_utc)
        entries: list[Entry] = []
        for sample in sorted(late, key=lambda one: one.taken_utc):
            before = next((one for one in reversed(read) if one.taken_utc < sample.taken_utc), None)
            after = next((one for one in read if one.taken_utc >= sample.taken_utc), None)
            if before is None or (entry := supplements.fit_late(before, after, sample, around=late, zone=self._zone)) is None:
                continue
            raw = await raw_samples(db, self._of, name, self._personal, sample.taken_utc - _NEAR, sample.taken_utc + _NEAR)
            if supplements.fit_late(before, after, sample, around=raw, zone=self._zone) is not None:
                entries = [one for one in entries if one.day != entry.day] + [entry]
        return entries


def _put_by(was: Kept, new: Sequence[Sample]) -> Kept | None:
    """Return the row of a device that is closed for this day already, with those of *new* waiting that it does not know; None for none.

    Its site has moved to a zone further west, where the day is longer: they are of the next one.
    """
    known = {(one.agent, one.sequence) for one in was.waiting}
    after_utc = datetime.min.replace(tzinfo=UTC) if was.standing is None else was.standing.newest.taken_utc
    more = tuple([one for one in new if one.taken_utc > after_utc and (one.agent, one.sequence) not in known])
    return replace(was, waiting=(*was.waiting, *more)) if more else None


class _DeviceOf:
    """Which device a reading counts as, by agent and the id it gave: asked once each, since hashing takes longer than all the rest."""

    def __init__(self, counting: dict[tuple[str, str], str], personal: Personal) -> None:
        self._counting, self._blind = counting, personal.blind
        self._known: dict[tuple[str, str], str | None] = {}

    def find(self, agent: str, printer: str) -> str | None:
        key = (agent, printer)
        if key not in self._known:
            self._known[key] = self._counting.get((agent, kept_printer(printer, agent, self._blind)))
        return self._known[key]


def _samples_in(rows: Sequence[Any], device_of: _DeviceOf, personal: Personal) -> list[tuple[str, Sample]]:
    """Return what batches say of counters, each with its device; without what no device counts or no clock can have said."""
    found = []
    for row in rows:
        for position, line in enumerate(zstd.decompress(row.body, size=row.plain_bytes).splitlines()):
            one = sample_in(line, agent=row.agent, sequence=sequence_of(row.number, position), received_utc=row.received_utc)
            if one is None:
                continue
            name = device_of.find(row.agent, one[0])
            if name is not None:
                found.append((name, _blinded(one[1], personal)))
    return found


def sample_in(line: bytes, *, agent: str, sequence: int, received_utc: datetime) -> tuple[str, Sample] | None:
    """Return the printer and what a line says of its counters; None for one that says nothing of any, or that a wrong clock dated.

    Of a schema not known here nobody knows what its counts mean: it is kept, and makes no meter.
    """
    try:
        read = _decode(line)
    except (ValueError, RecursionError):
        return None
    if (read.type, read.schema, read.is_printer) != ("reading", READING_SCHEMA, True):
        return None
    if read.taken_at.tzinfo is None or mark_of(read.taken_at, received_utc) is not None:
        return None
    sample = sample_of(read, agent=agent, sequence=sequence, received_utc=received_utc)
    return (read.printer.id, sample) if sample.counts else None


async def raw_samples(db: AsyncConnection, of: str, name: str, personal: Personal, begin_utc: datetime, end_utc: datetime) -> list[Sample]:
    """Return the readings of a device between two times once more, as far as they are still kept."""
    found = []
    for agent, sequence, received_utc, line in await kept.raw_lines(db, of, name, personal, begin_utc, end_utc):
        one = sample_in(line, agent=agent, sequence=sequence, received_utc=received_utc)
        if one is not None:
            found.append(_blinded(one[1], personal))
    return found


def _blinded(sample: Sample, personal: Personal) -> Sample:
    """Return *sample* with the hash of its MAC address: kept for years, it tells another board, and nothing of anybody's network."""
    return sample if sample.mac is None else replace(sample, mac=personal.blind(f"mac:{sample.mac}"))
