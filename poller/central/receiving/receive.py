"""Receiving a batch: opened, its lines judged one by one, stored in one transaction or not at all.

Batches that arrive together share a transaction, each account in turn (`groups`): a commit is what costs, and a group's costs as much as
one's. Large ones are opened on threads, two at a time and again each account in turn; a usual one takes a thousandth of a second, less
than handing it over would.

Nothing an agent was told "stored" for is ever missing: the answer goes out after the commit. The same number with the same bytes is a
duplicate; with other bytes it is a conflict, and what was there first stays.

A line that cannot be read is kept as it is, with the reason beside it, and acknowledged: refusing the batch would leave 499 good readings
in an agent's quarantine for the sake of one, and a later version may well read it. A line of a type not known here is no fault at all.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import Executor
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256

import msgspec

from poller.central.keys import Keys
from poller.central.receiving.answers import RefusalError
from poller.central.receiving.groups import Groups
from poller.central.receiving.quota import Quota
from poller.central.receiving.turns import Turns
from poller.central.store import batches
from poller.central.store.agents import KnownAgent
from poller.central.store.batches import Arrival, Outcome, Row
from poller.central.store.database import Database
from poller.central.store.tables import PRINTER_CHARACTERS_MAX, TYPE_CHARACTERS_MAX
from poller.errors import SealError
from poller.logs import printable
from poller.model import Reading
from poller.sealing import zstd
from poller.sealing.envelope import Header, Kind, Opened, open_sealed, read_header
from poller.sealing.keyring import KeyRing
from poller.sealing.keys import SealingKey

FUTURE_AFTER = timedelta(minutes=10)
"""A reading from later than that was dated by a wrong clock. The agent's word for it is kept, and marked."""
ANCIENT_AFTER = timedelta(days=400)
"""Older than any outbox keeps: a clock that was never set."""
READING_SCHEMA = 1

COUNT_MAX = 2**53 - 1
"""What JSON carries exactly everywhere."""
IDENTITIES_MAX = 32
_FAULT_CHARACTERS_MAX = 300
_TYPES_COUNTED = ("reading", "event", "job", "health")


class _Typed(msgspec.Struct):
    type: str


OPENED_HERE_BYTES_MAX = 128 * 2**10
"""Lines up to this are opened on the event loop: 30 readings, 1 ms. It is not stopped for longer, and threads cost more than that."""
OPENING_THREADS = 2
GROUP_BATCHES_MAX, GROUP_BYTES_MAX = 64, 16 * 2**20
"""What goes into one commit, at most; bytes of lines."""
_GROUPS_AT_ONCE = 2  # on PostgreSQL: while one waits for its commit, the next is sent

_READING_BEGINS = b'{"type":"reading",'
_decode_typed = msgspec.json.Decoder(_Typed).decode
_decode_reading = msgspec.json.Decoder(Reading).decode


class Received(msgspec.Struct, frozen=True):
    """What became of a batch. `lines` are those stored now, by the type they are counted under; `settings` is the version to go by."""

    result: str
    settings: int
    lines: dict[str, int]
    marks: dict[str, int]


class Receiver:
    """Takes batches in. *threads* open and read large ones, so that the event loop never waits for cryptography."""

    def __init__(self, database: Database, keys: Keys, threads: Executor, quota: Quota) -> None:
        self._keys, self._threads, self._quota = keys, threads, quota
        self._turns = Turns(OPENING_THREADS)
        self._groups: Groups[Arrival, Outcome] = Groups(
            partial(batches.store, database),
            at_once=1 if database.is_sqlite else _GROUPS_AT_ONCE,
            count_max=GROUP_BATCHES_MAX,
            owner=lambda one: one.account,
            weigh=lambda one: one.plain_bytes,
            weight_max=GROUP_BYTES_MAX,
        )

    async def receive(self, one: KnownAgent, number: int, sealed: bytes, *, now_utc: datetime) -> Received:
        """Store a batch once.

        Raises RefusalError for one that does not open, is a conflict, or whose agent was revoked meanwhile or account is over its quota.
        """
        header = check_number(sealed, number)
        await self._quota.admit(one.account)
        opening = partial(_open, sealed, self._keys.sealing, one=one, number=number, now_utc=now_utc)
        if header.plain_bytes <= OPENED_HERE_BYTES_MAX:
            arrival = opening()
        else:
            async with self._turns.of(one.account):
                arrival = await asyncio.get_running_loop().run_in_executor(self._threads, opening)
        outcome = await self._groups.do(arrival)
        if outcome.result == "revoked":
            raise RefusalError("agent-revoked", "this agent is no longer let in")
        if outcome.result == "conflict":
            raise RefusalError("conflict", "a batch of this number is here, with other content")
        if outcome.result == "duplicate":
            return Received(outcome.result, outcome.settings, {}, {})
        self._quota.add(one.account, arrival.plain_bytes)
        marks = dict(Counter(row.mark for row in arrival.rows if row.mark is not None))
        return Received(outcome.result, outcome.settings, count_types(arrival.rows), marks)

    async def close(self) -> None:
        """Return when everything that was taken in is stored."""
        await self._groups.close()
        await self._quota.close()


def open_envelope(sealed: bytes, keys: KeyRing[SealingKey], *, kind: Kind, agent: str) -> Opened:
    """Return what an agent sealed. Raises RefusalError."""
    try:
        return open_sealed(sealed, keys, kind=kind, agent_id=agent)
    except SealError as error:
        raise RefusalError("bad-envelope", f"the envelope was refused: {error}") from error


def check_number(sealed: bytes, number: int) -> Header:
    """Return the header of an envelope whose own number is *number*, which is open to all and costs nothing. Raises RefusalError."""
    try:
        header = read_header(sealed)
    except SealError as error:
        raise RefusalError("bad-envelope", f"the envelope was refused: {error}") from error
    if header.number != number:
        raise RefusalError("bad-envelope", "the number in the envelope is not that of the path")
    return header


def _open(sealed: bytes, keys: KeyRing[SealingKey], *, one: KnownAgent, number: int, now_utc: datetime) -> Arrival:
    opened = open_envelope(sealed, keys, kind=Kind.READINGS, agent=one.agent)
    plain = b"".join([part for line in opened.lines for part in (line, b"\n")])
    return Arrival(
        account=one.account,
        site=one.site,
        agent=one.agent,
        number=number,
        digest=sha256(sealed).digest(),
        size_bytes=len(sealed),
        rows=[read_line(line, now_utc=now_utc) for line in opened.lines],
        plain_bytes=len(plain),
        packed=zstd.compress(plain),
        received_utc=now_utc,
    )


def read_line(line: bytes, *, now_utc: datetime) -> Row:
    """Return what is known of one line, whatever it is."""
    try:
        if line.startswith(_READING_BEGINS):  # as our agents write it: read once, not twice
            return _read_reading(line, now_utc)
        kind = _decode_typed(line).type
        if not 1 <= len(kind) <= TYPE_CHARACTERS_MAX or not kind.isprintable():
            raise ValueError("a type no line has")
        if kind == "reading":
            return _read_reading(line, now_utc)
    except (ValueError, RecursionError) as error:  # msgspec's errors are ValueErrors
        return Row(fault=_sentence(error))
    return Row(type=kind)


def _read_reading(line: bytes, now_utc: datetime) -> Row:
    reading = read_reading(line)
    taken_utc = reading.taken_at.astimezone(UTC)
    return Row(type="reading", printer=reading.printer.id, taken_utc=taken_utc, mark=mark_of(taken_utc, now_utc))


def read_reading(line: bytes) -> Reading:
    """Return the reading in *line*. Raises ValueError, or RecursionError, for one that cannot be read, or says what cannot be."""
    reading = _decode_reading(line)
    if reading.schema != READING_SCHEMA:
        raise ValueError(f"schema {reading.schema}, known here is {READING_SCHEMA}")
    if not can_be(reading.taken_at):
        raise ValueError("taken_at has no time zone, or is beyond all calendars")
    printer = reading.printer
    for text in (printer.id, *printer.identities):
        if not 1 <= len(text) <= PRINTER_CHARACTERS_MAX or "\0" in text:
            raise ValueError("an identity is empty, too long or has a NUL")
    if len(printer.identities) > IDENTITIES_MAX:
        raise ValueError("more identities than a printer has")
    if any(not 0 <= counter.count <= COUNT_MAX for counter in reading.counters):
        raise ValueError("a counter below zero, or beyond what a device counts")
    return reading


def can_be(taken_at: datetime) -> bool:
    """Whether a time has a zone, and can be said in every other."""
    try:
        return taken_at.tzinfo is not None and taken_at.astimezone(UTC) is not None
    except OverflowError:  # the first and the last day of the calendar, in some zones
        return False


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
