"""state.db: the fleet across a restart. What it holds can all be found out again, so trouble with it never stops an agent that runs.

Readings and the sweep are sealed under the local key, each bound to its row. The rest is in clear: it is what the devices tell everyone,
and no community is among it. Without the key, printers, layouts and schedule still load; readings come with the next polls.

What is slow happens in the database's thread: packing and sealing as the rows are written. Loading unpacks some rows at a time.
"""

from __future__ import annotations

import logging
from collections import Counter as Tally
from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import aiosqlite

from poller import exposition
from poller.clock import Clock
from poller.engine.remembered import PackedShape, Remembered, Unpacker, pack, unpack_shape
from poller.errors import SealError, StateError
from poller.exposition import Sample
from poller.logs import INFO, WARNING, emit
from poller.model import Value as _Struct
from poller.printers.layout import Shape
from poller.sealing.local_key import LocalKey
from poller.state.database import Database
from poller.storage import files
from poller.storage.connection import one_number

log = logging.getLogger(__name__)

SCHEMA_VERSION = 1

_SCHEMA = (
    "CREATE TABLE shape (name BLOB PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID",
    "CREATE TABLE printer (id TEXT PRIMARY KEY, shape BLOB, body BLOB NOT NULL, reading BLOB NOT NULL)",
    "CREATE INDEX printer_of_shape ON printer (shape)",
    "CREATE TABLE sweep (number INTEGER PRIMARY KEY CHECK (number = 1), sealed BLOB NOT NULL, saved_utc TEXT NOT NULL)",
)
_PUT_SHAPE = "INSERT INTO shape VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET body = excluded.body WHERE body <> excluded.body"
_PUT_PRINTER = (
    "INSERT INTO printer VALUES (?, ?, ?, ?)"
    " ON CONFLICT (id) DO UPDATE SET shape = excluded.shape, body = excluded.body, reading = excluded.reading"
)
_PRUNE_SHAPES = "DELETE FROM shape WHERE NOT EXISTS (SELECT 1 FROM printer WHERE printer.shape = shape.name)"
# All as bytes: a damaged disk makes texts that are none, and numbers of anything.
_EVERY_SHAPE = "SELECT CAST(name AS BLOB), CAST(body AS BLOB) FROM shape"
_EVERY_PRINTER = "SELECT rowid, CAST(id AS BLOB), CAST(body AS BLOB), CAST(reading AS BLOB) FROM printer"
_THE_SWEEP = "SELECT CAST(sealed AS BLOB), CAST(saved_utc AS BLOB) FROM sweep"

_BUSY_SECONDS = 5.0  # an agent that is being stopped may still hold the file
_CHUNK_ROWS = 256  # some milliseconds of unpacking between two turns of the event loop
_SWEEP = b"state.sweep"

_Row = tuple[str, bytes | None, bytes, bytes]
"""Of the table of printers: id, name of the shape, body, sealed reading."""


class Loaded(NamedTuple):
    """What the file held. `dropped` printers could not be read, and `readings_dropped` readings of printers that could.

    `sweep` is the one that was under way, as saved at `sweep_utc`; without one, that is when the last was over (None: never).
    """

    printers: tuple[Remembered, ...]
    sweep: bytes | None
    sweep_utc: datetime | None
    dropped: int
    readings_dropped: int


class StateStatus(_Struct, frozen=True, kw_only=True):
    """`failing` is what the last save failed with (SQLite's name of it), None when it did not; `saved_utc` the last that did not."""

    printers: int
    shapes: int
    size_bytes: int
    writes: int
    failures: int
    failing: str | None
    saved_utc: datetime | None


class StateStore:
    """The open file: `open` it, `load` once, `save` what changed, `close`."""

    def __init__(self, database: Database, key: LocalKey, clock: Clock) -> None:
        self._database, self._key, self._clock = database, key, clock
        self._printers = self._shapes = 0
        self._dropped: Tally[str] = Tally()

    @classmethod
    async def open(cls, path: Path, key: LocalKey, clock: Clock, *, busy_seconds: float = _BUSY_SECONDS) -> StateStore:
        """Return the store at *path*; folder and file are made where there are none.

        A damaged file, or one of another version, is set aside. Raises HostError when this host cannot keep a file there: no permission,
        no room, or another agent holds it, *busy_seconds* long.
        """
        database = Database(path, clock, schema=_SCHEMA, version=SCHEMA_VERSION, busy_seconds=busy_seconds)
        await database.open()
        return cls(database, key, clock)

    async def load(self) -> Loaded:
        """Return all there is. What cannot be read is deleted, counted, and told in the log; nothing is raised."""
        before = self._dropped.copy()
        printers: list[Remembered] = []
        unreadable: list[tuple[int]] = []
        sweep: bytes | None = None
        sweep_utc: datetime | None = None
        async with self._database.reading() as db:
            unpacker = Unpacker(await self._load_shapes(db))
            async for part in self._load_printers(db, unpacker, unreadable):
                printers += part
            sweep, sweep_utc = await self._load_sweep(db)
            await self._count(db)
        dropped = self._dropped - before
        if dropped:
            emit(log, WARNING, "state.dropped", file=str(self._database.path), key=self._key.id, counts=dict(dropped))
        if unreadable:
            await self._database.write(lambda db: _delete(db, unreadable))
        emit(log, INFO, "state.loaded", printers=len(printers), shapes=self._shapes, has_sweep=sweep is not None)
        return Loaded(tuple(printers), sweep, sweep_utc, dropped["printer"], dropped["reading"])

    async def save(self, changed: Iterable[Remembered], removed: Iterable[str] = ()) -> bool:
        """Delete *removed* (ids) and store *changed*, in one transaction or not at all; return whether it is stored.

        False is counted and told in the log once; whoever calls keeps what it has and comes again. A printer that has no form as bytes
        is left out and counted.
        """
        printers, ids = tuple(changed), [(printer_id,) for printer_id in removed]
        if not printers and not ids:
            return True

        async def put(db: aiosqlite.Connection) -> None:
            shapes: set[PackedShape] = set()
            refused: list[str] = []
            await db.executemany("DELETE FROM printer WHERE id = ?", ids)
            await db.executemany(_PUT_PRINTER, self._rows(printers, shapes, refused))
            await db.executemany(_PUT_SHAPE, shapes)
            await db.execute(_PRUNE_SHAPES)
            await self._count(db)
            self._dropped["printer"] += len(refused)

        return await self._database.write(put)

    async def save_sweep(self, state: bytes | None) -> bool:
        """Store where the sweep is, None when it is over. Returns whether it is stored, as `save`."""
        row = 1, b"" if state is None else self._key.seal(state, _SWEEP), self._clock.utc().isoformat()

        async def put(db: aiosqlite.Connection) -> None:
            await db.execute("INSERT OR REPLACE INTO sweep VALUES (?, ?, ?)", row)

        return await self._database.write(put)

    async def close(self) -> None:
        """Finish what was begun and close the file. Called again it does nothing."""
        await self._database.close()

    def status(self) -> StateStatus:
        database = self._database
        return StateStatus(
            printers=self._printers,
            shapes=self._shapes,
            size_bytes=files.size_bytes(database.path),
            writes=database.writes,
            failures=database.failures.total(),
            failing=database.failing,
            saved_utc=database.written_utc,
        )

    def metrics(self) -> Iterable[Sample]:
        database = self._database
        yield Sample(exposition.POLLER_STATE_ROWS, self._printers, ("printer",))
        yield Sample(exposition.POLLER_STATE_ROWS, self._shapes, ("shape",))
        yield Sample(exposition.POLLER_STATE_WRITES, database.writes)
        for reason, count in sorted(database.failures.items()):
            yield Sample(exposition.POLLER_STATE_WRITE_FAILURES, count, (reason,))
        for what, count in sorted(self._dropped.items()):
            yield Sample(exposition.POLLER_STATE_DROPPED, count, (what,))
        yield Sample(exposition.POLLER_STATE_BYTES, files.size_bytes(database.path))
        if database.commit_seconds is not None:
            yield Sample(exposition.POLLER_STATE_SAVE_DURATION, database.commit_seconds)
        if database.written_utc is not None:
            yield Sample(exposition.POLLER_STATE_LAST_SAVED, database.written_utc.timestamp())

    def _rows(self, printers: Iterable[Remembered], shapes: set[PackedShape], refused: list[str]) -> Iterator[_Row]:
        """Yield the rows of *printers*, noting their shapes, and who has no such form. Runs in the database's thread."""
        for one in printers:
            try:
                packed = pack(one)
            except StateError:
                refused.append(one.printer.id)
                continue
            if packed.shape is not None:
                shapes.add(packed.shape)
            reading = self._key.seal(one.reading, _about(one.printer.id.encode())) if one.reading else b""
            yield one.printer.id, packed.shape.name if packed.shape is not None else None, packed.body, reading

    async def _load_shapes(self, db: aiosqlite.Connection) -> dict[bytes, Shape]:
        shapes: dict[bytes, Shape] = {}
        async with db.execute(_EVERY_SHAPE) as cursor:
            async for name, body in cursor:
                try:
                    shapes[name] = unpack_shape(name, body)
                except StateError:
                    self._dropped["shape"] += 1
        return shapes

    async def _load_printers(
        self, db: aiosqlite.Connection, unpacker: Unpacker, unreadable: list[tuple[int]]
    ) -> AsyncIterator[list[Remembered]]:
        """Yield the printers some at a time, noting the numbers of rows that hold none."""
        async with db.execute(_EVERY_PRINTER) as cursor:
            while rows := await cursor.fetchmany(_CHUNK_ROWS):
                part = [(number, self._unpack(unpacker, *columns)) for number, *columns in rows]
                unreadable += [(number,) for number, one in part if one is None]
                yield [one for _, one in part if one is not None]

    def _unpack(self, unpacker: Unpacker, printer_id: bytes, body: bytes, sealed: bytes) -> Remembered | None:
        is_opened, reading = True, b""
        try:
            reading = self._key.open(sealed, _about(printer_id)) if sealed else b""
        except SealError:
            is_opened = False
        try:
            remembered = unpacker.unpack(body, reading)
            if remembered.printer.id.encode() != printer_id:
                raise StateError("a printer in the row of another")
        except StateError:
            self._dropped["printer"] += 1
            return None
        self._dropped["reading"] += not is_opened
        return remembered

    async def _load_sweep(self, db: aiosqlite.Connection) -> tuple[bytes | None, datetime | None]:
        async with db.execute(_THE_SWEEP) as cursor:
            row = await cursor.fetchone()
        if row is None:
            return None, None
        try:
            sweep = self._key.open(row[0], _SWEEP) if row[0] else None
            saved_utc = datetime.fromisoformat(row[1].decode())
        except (SealError, ValueError):
            self._dropped["sweep"] += 1
            return None, None
        return sweep, saved_utc

    async def _count(self, db: aiosqlite.Connection) -> None:
        self._printers = await one_number(db, "SELECT count(*) FROM printer")
        self._shapes = await one_number(db, "SELECT count(*) FROM shape")


async def _delete(db: aiosqlite.Connection, numbers: list[tuple[int]]) -> None:
    await db.executemany("DELETE FROM printer WHERE rowid = ?", numbers)


def _about(printer_id: bytes) -> bytes:
    """Return what a reading is bound to."""
    return b"state.printer:" + printer_id
