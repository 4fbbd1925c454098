"""Receiving a batch: opened on a thread, its lines judged one by one, stored in one transaction or not at all.

Nothing an agent was told "stored" for is ever missing: the answer goes out after the commit. The same number with the same bytes is a
duplicate; with other bytes it is a conflict, and what was there first stays.

A line that cannot be read is kept as it is, with the reason beside it, and acknowledged: refusing the batch would leave 499 good readings
in an agent's quarantine for the sake of one, and a later version may well read it. A line of a type not known here is no fault at all.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256

import msgspec
from sqlalchemy.exc import IntegrityError

from poller.central.answers import RefusalError
from poller.central.keys import Keys
from poller.central.store import agents, batches, settings
from poller.central.store.agents import KnownAgent
from poller.central.store.batches import Result, Row
from poller.central.store.database import Database
from poller.central.store.tables import PRINTER_CHARACTERS_MAX, TYPE_CHARACTERS_MAX
from poller.errors import SealError
from poller.logs import printable
from poller.model import Reading
from poller.sealing.envelope import Kind, Opened, open_sealed, read_header
from poller.sealing.keyring import KeyRing
from poller.sealing.keys import SealingKey

FUTURE_AFTER = timedelta(minutes=10)
"""A reading from later than that was dated by a wrong clock. The agent's word for it is kept, and marked."""
ANCIENT_AFTER = timedelta(days=400)
"""Older than any outbox keeps: a clock that was never set."""
READING_SCHEMA = 1

_IDENTITIES_MAX = 32
_FAULT_CHARACTERS_MAX = 300
_TYPES_COUNTED = ("reading", "event", "job", "health")


class _Typed(msgspec.Struct):
    type: str


class Received(msgspec.Struct, frozen=True):
    """What became of a batch. `lines` are those stored now, by the type they are counted under; `settings` is the version to go by."""

    result: Result
    settings: int
    lines: dict[str, int]
    marks: dict[str, int]


class Receiver:
    """Takes batches in. *threads* open and read them, so that the event loop never waits for cryptography."""

    def __init__(self, database: Database, keys: Keys, threads: Executor) -> None:
        self._database, self._keys, self._threads = database, keys, threads

    async def receive(self, one: KnownAgent, number: int, sealed: bytes, *, now_utc: datetime) -> Received:
        """Store a batch once. Raises RefusalError for one that does not open, is a conflict, or whose agent was revoked meanwhile."""
        work = partial(_open, sealed, self._keys.sealing, agent=one.agent, number=number, now_utc=now_utc)
        rows = await asyncio.get_running_loop().run_in_executor(self._threads, work)
        store = partial(self._store, one, number, digest=sha256(sealed).digest(), size_bytes=len(sealed), rows=rows, now_utc=now_utc)
        try:
            result, version = await store()
        except IntegrityError:  # PostgreSQL: the same number came in by another connection, and is there now
            result, version = await store()
        if result == "conflict":
            raise RefusalError("conflict", "a batch of this number is here, with other content")
        if result == "duplicate":
            return Received(result, version, {}, {})
        return Received(result, version, count_types(rows), dict(Counter(row.mark for row in rows if row.mark is not None)))

    async def _store(
        self, one: KnownAgent, number: int, *, digest: bytes, size_bytes: int, rows: Sequence[Row], now_utc: datetime
    ) -> tuple[Result, int]:
        """Store the rows if nothing of this number is here. Returns what it was, and the settings its agent is to go by."""
        async with self._database.writing() as db:
            if not await agents.update_agent(db, one.account, one.agent, seen_utc=now_utc, batch_utc=now_utc):
                raise RefusalError("agent-revoked", "this agent is no longer let in")
            known = await batches.known_result(db, one.account, one.agent, number, digest)
            if known is None:
                await batches.store(db, one.account, one.agent, number, digest=digest, size_bytes=size_bytes, rows=rows, now_utc=now_utc)
            return known or "stored", await settings.newest(db, one.account, site=one.site, agent=one.agent)


def open_envelope(sealed: bytes, keys: KeyRing[SealingKey], *, kind: Kind, agent: str) -> Opened:
    """Return what an agent sealed. Raises RefusalError."""
    try:
        return open_sealed(sealed, keys, kind=kind, agent_id=agent)
    except SealError as error:
        raise RefusalError("bad-envelope", f"the envelope was refused: {error}") from error


def check_number(sealed: bytes, number: int) -> None:
    """Return when the envelope's own number is *number*. Raises RefusalError; its header is open to all, so this costs nothing."""
    try:
        header = read_header(sealed)
    except SealError as error:
        raise RefusalError("bad-envelope", f"the envelope was refused: {error}") from error
    if header.number != number:
        raise RefusalError("bad-envelope", "the number in the envelope is not that of the path")


def _open(sealed: bytes, keys: KeyRing[SealingKey], *, agent: str, number: int, now_utc: datetime) -> list[Row]:
    check_number(sealed, number)
    opened = open_envelope(sealed, keys, kind=Kind.READINGS, agent=agent)
    return [read_line(line, now_utc=now_utc) for line in opened.lines]


def read_line(line: bytes, *, now_utc: datetime) -> Row:
    """Return one line as it is stored, whatever it is."""
    try:
        kind = msgspec.json.decode(line, type=_Typed).type
        if not 1 <= len(kind) <= TYPE_CHARACTERS_MAX or not kind.isprintable():
            raise ValueError("a type no line has")
        if kind == "reading":
            return _read_reading(line, now_utc)
    except (ValueError, RecursionError) as error:  # msgspec's errors are ValueErrors
        return Row(fault=_sentence(error), body=line)
    return Row(type=kind, body=line)


def _read_reading(line: bytes, now_utc: datetime) -> Row:
    reading = msgspec.json.decode(line, type=Reading)
    if reading.schema != READING_SCHEMA:
        raise ValueError(f"schema {reading.schema}, known here is {READING_SCHEMA}")
    if reading.taken_at.tzinfo is None:
        raise ValueError("taken_at has no time zone")
    printer = reading.printer
    for text in (printer.id, *printer.identities):
        if not 1 <= len(text) <= PRINTER_CHARACTERS_MAX or "\0" in text:
            raise ValueError("an identity is empty, too long or has a NUL")
    if len(printer.identities) > _IDENTITIES_MAX:
        raise ValueError("more identities than a printer has")
    taken_utc = reading.taken_at.astimezone(UTC)
    return Row(
        type="reading",
        printer=printer.id,
        identities=list(printer.identities),
        taken_utc=taken_utc,
        mark=mark_of(taken_utc, now_utc),
        body=line,
    )


def mark_of(taken_utc: datetime, now_utc: datetime) -> str | None:
    """Return `future` or `ancient` for a time that cannot be right, seen from here."""
    if taken_utc > now_utc + FUTURE_AFTER:
        return "future"
    return "ancient" if taken_utc < now_utc - ANCIENT_AFTER else None


def count_types(rows: Iterable[Row]) -> dict[str, int]:
    """Count lines under a few words: an agent's invented types must not become ever new series."""
    return dict(Counter(map(_word_of, rows)))


def _word_of(row: Row) -> str:
    if row.fault is not None:
        return "unreadable"
    return row.type if row.type in _TYPES_COUNTED and row.type is not None else "other"


def _sentence(error: Exception) -> str:
    """Say why a line cannot be read. msgspec names places and types; values it may quote are cut short and made plain."""
    text = "nested too deeply" if isinstance(error, RecursionError) else str(error)
    return printable(text)[:_FAULT_CHARACTERS_MAX]
