"""The tables of outbox.db, and what a row of each is bound to.

No text of a device is in clear: a printer is a keyed hash, a line and a day are sealed under the local key, a batch to central's. What a
sealed value is bound to is its row's other columns, so that no value can be moved, or given another time, without being noticed.
"""

from __future__ import annotations

import secrets
from datetime import UTC, date, datetime
from hashlib import blake2b

from poller.storage.connection import Form

FORM = Form(
    (
        "CREATE TABLE about (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
        "CREATE TABLE line (id INTEGER PRIMARY KEY, printer BLOB NOT NULL, day INTEGER NOT NULL, taken_ms INTEGER NOT NULL,"
        " is_turn INTEGER NOT NULL, body BLOB NOT NULL)",
        "CREATE TABLE batch (number INTEGER PRIMARY KEY, lines INTEGER NOT NULL, created_ms INTEGER NOT NULL, oldest_ms INTEGER NOT NULL,"
        " attempts INTEGER NOT NULL DEFAULT 0, trouble TEXT, refused_ms INTEGER, body BLOB NOT NULL)",
        "CREATE INDEX batch_waiting ON batch (number) WHERE refused_ms IS NULL",
        "CREATE TABLE history (day INTEGER NOT NULL, printer BLOB NOT NULL, taken_ms INTEGER NOT NULL, body BLOB NOT NULL,"
        " PRIMARY KEY (day, printer)) WITHOUT ROWID",
    ),
    version=1,
    synchronous="FULL",
    is_exclusive=False,  # `poller outbox` looks while the agent runs
    page_bytes=8192,  # a line is some 4 KB
)
"""FULL, for NORMAL may undo a commit after a power cut: that would unseal a batch which has been sent."""

HASH_KEY, NUMBER, THINNED = "hash-key", "number", "thinned"
"""What `about` holds: the key of the printers' hashes, sealed; the number of the next batch; how many readings were ever thinned."""

HASH_KEY_PLACE = b"outbox.hash-key"

_HASH_BYTES = 16


def new_hash_key() -> bytes:
    return secrets.token_bytes(32)


def printer_hash(printer_id: str, hash_key: bytes) -> bytes:
    """Return what stands for a printer in clear: tells equal ones apart from others, and nothing more."""
    return blake2b(printer_id.encode("utf-8", "replace"), digest_size=_HASH_BYTES, key=hash_key).digest()


def line_place(printer: bytes, day: int, taken_ms: int, is_turn: int) -> bytes:
    """Return what the body of a line is bound to."""
    return b"outbox.line:%d:%d:%d:" % (day, taken_ms, is_turn) + printer


def day_place(day: int, printer: bytes, taken_ms: int) -> bytes:
    """Return what a day of a printer's history is bound to."""
    return b"outbox.day:%d:%d:" % (day, taken_ms) + printer


def to_ms(moment: datetime) -> int:
    """Return *moment* as milliseconds of Unix time."""
    return round(moment.timestamp() * 1000)


def from_ms(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def local_day(moment: datetime) -> int:
    """Return the number of the day *moment* lies in by this host's time zone, which is the site's: days there are what a bill counts."""
    return moment.astimezone().toordinal()


def day_of(number: int) -> date:
    return date.fromordinal(number)
