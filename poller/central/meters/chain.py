"""The ledger of meters: rows that are only ever appended, each sealed with the one before it.

A meter that a bill rests on must not be changed, only corrected visibly (GoBD). So nothing here is updated: a late reading, a correction, a
decision is another row. Every row's hash covers the hash of the row before, one chain per account; whoever changes, removes, swaps or
inserts a row breaks the chain at that very place, and `verify` says where and how.

A chain alone cannot know that its last rows were cut off, or that all of it was made anew. What was handed out can: every bill and meter
report prints the *head* (number and hash) it rests on, and `verify` takes such heads as anchors.

    hash of row n = SHA-256(hash of row n-1 ‖ form of row n)         hash of row 0 = SHA-256("poller meter chain 1" ‖ 0x00 ‖ account)

The form is a JSON array in the canonical form of RFC 8785; `docs/meters.md` has it with a test vector. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import Literal

import msgspec

from poller.central.meters.samples import Origin
from poller.model import Value

FORMAT = "poller-meter-1"
METERS_MAX = 256

Kind = Literal["meter", "held", "decision"]
Reason = Literal["first", "daily", "late", "sets-off", "stated", "estimated", "odd", "goes-on", "new-run", "ignore"]
"""Of meters: the device's first, the day's, one that came after its day was closed, the first read one after stated or estimated ones;
one somebody stated, an estimate. Of what is held: `odd`. Of decisions: what was decided."""


class Meter(Value, frozen=True, kw_only=True, array_like=True):
    """One counter: `count` as the device shows it, `total` the pages since its first meter, over every change of boards."""

    cell: str
    count: int
    total: int


class Entry(Value, frozen=True, kw_only=True):
    """What a row says. One row holds all counters of a device and day: they were read at one moment, and one bill is made from them.

    `run` goes up whenever the device's counting began anew. `user` is an opaque id, never a name, and `evidence` the SHA-256 (hex) of
    what is kept beside the ledger (a note, a mail, the odd readings): rows stay for years, personal fields can be erased.
    """

    device: str
    day: date
    zone: str
    kind: Kind
    origin: Origin
    reason: Reason
    taken_utc: datetime
    run: int
    meters: tuple[Meter, ...]
    user: str | None = None
    evidence: str | None = None


class Head(Value, frozen=True, kw_only=True):
    """A place in a chain: the row `number` has this hash. Number 0 is the beginning of an account's chain."""

    number: int
    hash: bytes


class Row(Value, frozen=True, kw_only=True):
    """An entry in its place. `appended_utc` is central's clock when it was appended."""

    number: int
    appended_utc: datetime
    entry: Entry
    hash: bytes


class Break(Value, frozen=True, kw_only=True):
    """Where a chain does not hold: at row `number`, because `why`."""

    number: int
    why: str


def genesis(account: str) -> Head:
    """Return the head of an account's empty chain; a chain cannot pass for another account's."""
    return Head(number=0, hash=sha256(b"poller meter chain 1\0" + account.encode()).digest())


def form(number: int, appended_utc: datetime, entry: Entry) -> bytes:
    """Return the bytes of a row that are hashed: RFC 8785, whole numbers, times in UTC to the millisecond."""
    fields = (
        *(FORMAT, number, _moment(appended_utc), entry.device, entry.day.isoformat(), entry.zone, entry.kind, entry.origin, entry.reason),
        *(_moment(entry.taken_utc), entry.run, [(one.cell, one.count, one.total) for one in entry.meters], entry.user, entry.evidence),
    )
    return _ENCODER.encode(fields)


def append(head: Head, entries: Iterable[Entry], *, appended_utc: datetime) -> list[Row]:
    """Return *entries* as the rows that follow *head*. The caller stores them in the transaction in which it read the head."""
    rows = []
    number, link = head.number, head.hash
    for entry in entries:
        number += 1
        link = sha256(link + form(number, appended_utc, entry)).digest()
        rows.append(Row(number=number, appended_utc=appended_utc, entry=entry, hash=link))
    return rows


def head_of(row: Row) -> Head:
    return Head(number=row.number, hash=row.hash)


def verify(start: Head, rows: Iterable[Row], *, anchors: Mapping[int, bytes] | None = None) -> Break | None:
    """Return the first place where *rows*, all that follow *start* in order of number, do not hold; None where they do.

    *start* is `genesis(account)`, or the last row dropped when its retention ended. *anchors* are heads known from elsewhere (number ->
    hash): each must be found, so that neither the end nor the whole can be exchanged. One pass, constant memory.
    """
    number, link = start.number, start.hash
    left = {at: known for at, known in (anchors or {}).items() if at > number}
    for row in rows:
        if row.number != number + 1:
            return _misplaced(row.number, number + 1)
        link = sha256(link + form(row.number, row.appended_utc, row.entry)).digest()
        number += 1
        if link != row.hash:
            return Break(number=number, why=f"what it says is not what was sealed, or it is not the row that followed row {number - 1}")
        if left.pop(number, link) != link:
            return Break(number=number, why="it is not the row that a head handed out earlier names: the chain was made anew up to here")
    if left:
        return Break(number=number + 1, why=f"rows are missing at the end: a head handed out earlier names row {max(left)}")
    return None


def _misplaced(number: int, expected: int) -> Break:
    if number > expected:
        gone = f"row {expected} is" if number == expected + 1 else f"rows {expected} to {number - 1} are"
        return Break(number=expected, why=f"{gone} missing")
    return Break(number=number, why=f"it stands where row {expected} should: put in, doubled or moved")


def _moment(moment_utc: datetime) -> str:
    """Return `2026-11-20T06:28:42.120Z`; what is finer than a millisecond is cut off. A time without a zone is a fault of ours."""
    assert moment_utc.tzinfo is not None
    return moment_utc.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


_ENCODER = msgspec.json.Encoder()
