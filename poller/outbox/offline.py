"""An outbox from outside, for `poller outbox`: the agent may be running, or not. Nothing here creates a file or a key, or sets one aside.

Reading takes no lock anybody waits for, and is done in short pieces; `retry` waits for the agent's transaction under way.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import NamedTuple

from poller.errors import HostError, SealError, StateError
from poller.outbox import schema, status
from poller.outbox.history import Day, unpack_day
from poller.outbox.outbox import RETRY, open_hash_key
from poller.outbox.room import USED
from poller.outbox.status import OutboxStatus, Summary, batch_status
from poller.sealing.local_key import LocalKey

_BUSY_SECONDS = 5.0
_CHUNK_ROWS = 500
_DAYS = (
    "SELECT day, printer, taken_ms, body FROM history WHERE (day, printer) > (?, ?) AND day >= ? AND day <= ? ORDER BY day, printer LIMIT ?"
)


class Kept(NamedTuple):
    """One printer's day of the history; `day` is None where it cannot be read."""

    on: date
    taken_utc: datetime
    day: Day | None


@contextmanager
def opened(path: Path, key: LocalKey) -> Iterator[sqlite3.Connection]:
    """Open the outbox at *path*. Raises HostError when there is none, it is none, or it was made under another key than *key*."""
    try:
        db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=_BUSY_SECONDS, isolation_level=None)
    except sqlite3.Error as error:
        raise HostError(f"there is no outbox {path}, or it cannot be opened", hint="has an agent run with this configuration?") from error
    try:
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version != schema.FORM.version:
            raise HostError(f"{path} is of version {version}, this program knows {schema.FORM.version}")
        row = db.execute("SELECT value FROM about WHERE name = ?", (schema.HASH_KEY,)).fetchone()
        if row is not None:
            open_hash_key(key, row[0], path)
        yield db
    except sqlite3.Error as error:
        raise HostError(
            f"{path} cannot be read: {error}", hint="an agent that meets this sets the file aside and begins a new one"
        ) from error
    finally:
        db.close()


def look(db: sqlite3.Connection, path: Path, *, limit_bytes: int) -> OutboxStatus:
    """Return how things stand."""
    summary = Summary.of(db.execute(status.SUMMARY).fetchone())
    return OutboxStatus(
        file=str(path),
        lines=db.execute(status.COUNT_LINES).fetchone()[0],
        batches=tuple(batch_status(row) for row in db.execute(status.WAITING)),
        quarantined=tuple(batch_status(row) for row in db.execute(status.QUARANTINED)),
        batches_waiting=summary.batches_waiting,
        batches_quarantined=summary.batches_quarantined,
        oldest_utc=summary.oldest_utc,
        used_bytes=db.execute(USED).fetchone()[0],
        limit_bytes=limit_bytes,
        thinned=summary.thinned,
        history_since=summary.history_since,
    )


def retry(db: sqlite3.Connection, number: int | None) -> list[int]:
    """Let the refused batch *number*, or all of them, be sent again; return which those are."""
    return sorted(row[0] for row in db.execute(RETRY, (number, number)).fetchall())


def history(db: sqlite3.Connection, key: LocalKey, *, since: date = date.min, until: date = date.max) -> Iterator[Kept]:
    """Yield the history from *since* to *until*, both included, by day."""
    at = -1, b""
    while rows := db.execute(_DAYS, (*at, since.toordinal(), until.toordinal(), _CHUNK_ROWS)).fetchall():
        for day, printer, taken_ms, body in rows:
            try:
                kept = unpack_day(key.open(body, schema.day_place(day, printer, taken_ms)))
            except (SealError, StateError):
                kept = None
            yield Kept(schema.day_of(day), schema.from_ms(taken_ms), kept)
        at = rows[-1][0], rows[-1][1]
