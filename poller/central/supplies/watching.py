"""From the readings that agents sent to what is asked for: batches that are in the devices already, in their order of arrival.

Of a device only the readings of its home agent are taken, so that two agents that see one device do not count its pages twice; and those
in the order in which they were taken: what comes later than a newer one is dropped, and counted. Every step is one transaction: what is
known of the devices then, the requests, the stock and the cursor are written together, or not at all.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from poller.central.devices.recognition import kept_printer
from poller.central.following import Follower
from poller.central.receiving.receive import mark_of, read_reading
from poller.central.store import assignments, cursors
from poller.central.store import personal as personals
from poller.central.store import watched as kept
from poller.central.store.cursors import Batch
from poller.central.store.database import Database
from poller.central.store.requests import KIND_CHARACTERS_MAX, PART_CHARACTERS_MAX
from poller.central.supplies import watch
from poller.central.supplies.articles import Articles
from poller.central.supplies.lore import Lore
from poller.central.supplies.sitting import Happening, Sitting, happenings, requests_of
from poller.clock import Clock
from poller.logs import INFO, emit
from poller.model import Reading, Supply
from poller.sealing import zstd
from poller.sealing.local_key import LocalKey

log = logging.getLogger(__name__)

STEP_BATCHES, STEP_BYTES = 50, 2**21
"""What is taken in at once. On SQLite nobody else writes meanwhile: half a second."""
RESULTS = ("taken", "late", "elsewhere", "misdated", "unreadable")
"""What becomes of readings; `elsewhere`: of an agent that is not the device's home, or of a device that is none of ours."""


class Seen(NamedTuple):
    """A reading, and as what its agent knows the printer."""

    agent: str
    printer: str
    reading: Reading


class Watching(Follower):
    """Watches the supplies of all accounts. *counts* are readings by what became of them (`RESULTS`)."""

    WHAT = "supplies"
    CURSOR = kept.cursor
    EVERY_SECONDS = 10.0

    def __init__(self, database: Database, store: LocalKey, clock: Clock, counts: Counter[str] | None = None) -> None:
        super().__init__(database, store, clock)
        self._lore, self._articles = Lore(clock), Articles(clock)
        self.counts: Counter[str] = Counter() if counts is None else counts

    async def step(self, account: str) -> int:
        async with self._database.writing() as db:
            cursor_utc = await self.CURSOR.lock(db, account)
            if cursor_utc is None:
                return 0
            batches = await self.CURSOR.next(db, account, cursor_utc, batches_max=STEP_BATCHES, bytes_max=STEP_BYTES)
            if not batches:
                return 0
            now_utc = self._clock.utc()
            personal = await personals.open_account(db, self._store, account, now_utc=now_utc)
            packed = await cursors.bodies(db, account, batches)
            counts: Counter[str] = Counter()
            seen = await asyncio.to_thread(_read, list(zip(batches, packed, strict=True)), personal.blind, counts)
            homes = await assignments.home(db, account, {(one.agent, one.printer) for one in seen})
            sitting = await Sitting.open(db, account, now_utc=now_utc, lore=self._lore, articles=self._articles)
            await sitting.know(homes.values())
            mine = [(homes[one.agent, one.printer], one.reading) for one in seen if (one.agent, one.printer) in homes]
            counts["elsewhere"] += len(seen) - len(mine)
            await sitting.apply(await asyncio.to_thread(take, sitting, mine, counts))
            await sitting.settle()
            await sitting.bundle()
            await sitting.save()
            await self.CURSOR.move(db, account, cursor_utc, batches)
        self.counts.update(counts)
        if sitting.book.added:
            emit(log, INFO, "requests.made", account=account, requests=" ".join(sitting.book.added))
        return len(batches)


def take(sitting: Sitting, readings: Iterable[tuple[str, Reading]], counts: Counter[str]) -> list[Happening]:
    """Take readings, each with its device, in the order in which they were taken; return what came of them."""
    found: list[Happening] = []
    for name, reading in sorted(readings, key=lambda one: one[1].taken_at):
        watched = sitting.watched.get(name)
        if watched is None:
            counts["elsewhere"] += 1
            continue
        if watched.taken_at is not None and reading.taken_at <= watched.taken_at:
            counts["late"] += 1
            continue
        counts["taken"] += 1
        sitting.touched[name] = None
        before = requests_of(watched)
        decisions = watch.take(watched, _tamed(reading), sitting.desk(name))
        if met := watched.supplies.keys() - before.keys():
            lost = sitting.reattach(watched, met)
            decisions = [one for one in decisions if one.supply not in lost]
        if decisions:
            found += happenings(watched, decisions, before)
    return found


def _read(contents: Sequence[tuple[Batch, bytes]], blind: Callable[[str], str], counts: Counter[str]) -> list[Seen]:
    """Return the readings of printers in some batches, without those that a wrong clock dated."""
    found: list[Seen] = []
    names: dict[tuple[str, str], str] = {}
    for batch, packed in contents:
        for line in zstd.decompress(packed, size=batch.plain_bytes).split(b"\n")[:-1]:
            try:
                reading = read_reading(line)
            except (ValueError, RecursionError):
                if b'"reading"' in line:
                    counts["unreadable"] += 1
                continue
            if not reading.is_printer:
                continue
            if mark_of(reading.taken_at, batch.received_utc) is not None:
                counts["misdated"] += 1
                continue
            key = (batch.agent, reading.printer.id)
            if key not in names:
                names[key] = kept_printer(reading.printer.id, batch.agent, blind)
            found.append(Seen(batch.agent, names[key], reading))
    return found


def _tamed(reading: Reading) -> Reading:
    """Return *reading* with texts as a database takes them. A device may say anything."""
    printer = reading.printer
    if not _is_tame(printer.manufacturer, printer.model):
        printer = replace(printer, manufacturer=_cut(printer.manufacturer), model=_cut(printer.model))
    if printer is reading.printer and all(map(_is_tame_supply, reading.supplies)):
        return reading
    return replace(reading, printer=printer, supplies=tuple([_tame(one) for one in reading.supplies if "\0" not in one.key]))


def _is_tame(*texts: str | None) -> bool:
    return all(text is None or (len(text) <= KIND_CHARACTERS_MAX and "\0" not in text) for text in texts)


def _is_tame_supply(one: Supply) -> bool:
    return _is_tame(one.key, one.kind, one.colour, one.part_number, one.serial)


def _tame(one: Supply) -> Supply:
    if _is_tame_supply(one):
        return one
    kind = (_cut(one.kind) or "unknown")[:KIND_CHARACTERS_MAX]
    return replace(one, kind=kind, colour=_cut(one.colour), part_number=_cut(one.part_number), serial=_cut(one.serial))


def _cut(text: str | None) -> str | None:
    return None if text is None else text.replace("\0", "")[:PART_CHARACTERS_MAX]
