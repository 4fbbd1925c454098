"""Lines as the engine hands them over, and an outbox to put them into."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from poller.clock import Clock
from poller.engine.handover import Line
from poller.engine.notable import Reason
from poller.outbox.outbox import Outbox
from poller.sealing.local_key import LocalKey
from tests.fake_clock import START_UTC, FakeClock
from tests.readings import colour_mfp

KEY = LocalKey(bytes(range(32)))
LIMIT_BYTES = 1 << 30


def line(printer: int = 1, *, after: timedelta = timedelta(0), pages: int = 0, reason: Reason = Reason.INTERVAL, pad: int = 0) -> Line:
    """Return a reading of an invented printer, taken *after* the start of the tests' time, *pages* grown; *pad* makes it longer."""
    reading = colour_mfp(printer, grown=pages).reading
    of = msgspec.structs.replace(reading.printer, firmware="x" * pad if pad else "3.14.2")
    reading = msgspec.structs.replace(reading, taken_at=START_UTC + after, printer=of)
    return Line(reading.printer.id, reading.taken_at, reason, msgspec.json.encode(reading))


def lines(count: int, *, printer: int = 1, first: int = 0) -> list[Line]:
    """Return readings of one printer, one a minute, each with a page more."""
    return [line(printer, after=timedelta(minutes=number), pages=number) for number in range(first, first + count)]


@asynccontextmanager
async def opened(path: Path, *, key: LocalKey = KEY, clock: Clock | None = None, **options: Any) -> AsyncIterator[Outbox]:
    outbox = await Outbox.open(path, key, clock or FakeClock(), **{"limit_bytes": LIMIT_BYTES, "busy_seconds": 0.0, **options})
    try:
        yield outbox
    finally:
        await outbox.close()


def plainly(number: int, of: Sequence[bytes]) -> bytes:
    """Seal nothing: what stands in the body is what central would read."""
    return b"%d\n" % number + b"\n".join(of)


def content(body: bytes) -> list[bytes]:
    """Return the lines of a body that `plainly` made."""
    return body.split(b"\n")[1:]


async def drain(outbox: Outbox) -> list[bytes]:
    """Return what waits, in order, and settle it."""
    sent = [one for batch in await outbox.waiting_batches() for one in content(batch.body)]
    for batch in await outbox.waiting_batches():
        await outbox.settle(batch.number)
    while (sealed := await outbox.seal_next(plainly)) is not None:
        sent += content(sealed.body)
        await outbox.settle(sealed.number)
    return sent


@contextmanager
def sqlite(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection as anybody with a shell has it."""
    db = sqlite3.connect(path)
    try:
        yield db
        db.commit()
    finally:
        db.close()


def taken(body: bytes) -> datetime:
    """Return when the reading of a line was taken."""
    at: datetime = msgspec.json.decode(body, type=_Taken).taken_at
    return at


class _Taken(msgspec.Struct):
    taken_at: datetime
