"""What is known of devices' supplies in the database: a row for each device, for each account its rhythm, and what its parts have shown.

How many pages a part lasts is learned over all accounts, but every row begins with its account. So an account's row of a part has the
sufficient statistics of what its own devices have shown (how many cartridges,
the mean of the logarithms, the sum of their squared distances), and those of all accounts are joined when they are read: `yields`. Erasing
an account takes its share out again.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Float,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    delete,
    func,
    or_,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from poller.central.store.cursors import Cursor, devices
from poller.central.store.devices import ASKED_MAX
from poller.central.store.inventory import DEVICE_CHARACTERS, TEXT_CHARACTERS_MAX, device
from poller.central.store.tables import UtcTime, account_column, metadata
from poller.central.supplies.calendar import Rhythm
from poller.central.supplies.watched import Watched
from poller.central.supplies.yields import SAMPLES_MAX, Part
from poller.sealing import zstd

PARTS_MAX = 20_000
"""Of all accounts together, those with the most samples."""
PARTS_OF_ACCOUNT_MAX = 5000
"""Real fleets have some hundred; a device that invents part numbers shall not fill the disk."""

cursor = Cursor("watch", behind=devices)
"""Whoever works at an account's requests holds its row, so that one at a time does."""

watched = Table(
    "watched",
    metadata,
    account_column(),
    Column("device", String(DEVICE_CHARACTERS), primary_key=True),
    Column("taken_utc", UtcTime, nullable=True, comment="of the newest reading taken in"),
    Column("due_utc", UtcTime, nullable=True, comment="when to look again, though no reading came; null is not before the next"),
    Column("plain_bytes", Integer, nullable=False),
    Column(
        "body", LargeBinary, nullable=False, comment="poller/central/supplies/watched.py as MessagePack in a zstd frame; no request in it"
    ),
    ForeignKeyConstraint(["account", "device"], ["device.account", "device.device"]),
    Index(None, "account", "due_utc"),
)

rhythm = Table(
    "rhythm",
    metadata,
    account_column(),
    Column("looked_utc", UtcTime, nullable=True, comment="when what was due without a reading was last looked through"),
    Column("body", LargeBinary, nullable=False, comment="poller/central/supplies/calendar.py: the account's days, as MessagePack"),
    ForeignKeyConstraint(["account"], ["account.account"]),
)

part_yield = Table(
    "part_yield",
    metadata,
    account_column(),
    Column("part", String(TEXT_CHARACTERS_MAX), primary_key=True),
    Column("samples", Integer, nullable=False),
    Column("mean", Float(53), nullable=False, comment="of the logarithms of pages"),
    Column("squares", Float(53), nullable=False, comment="the sum of their squared distances from it"),
    Column("levels", JSON, nullable=False, comment="the levels it has reported, in thousandths; none once the scale is fine"),
    Column("is_fine", Boolean, nullable=False),
    Column("lives", JSON, nullable=False, comment="the pages between two changes, of its last cartridges without levels"),
    ForeignKeyConstraint(["account"], ["account.account"]),
)

_decode = msgspec.msgpack.Decoder(Watched).decode
_encode = msgspec.msgpack.Encoder().encode


# --- one at a time ---------------------------------------------------------------------------------------------------------


async def lock(db: AsyncConnection, of: str) -> None:
    """Wait until nobody else works at the account's requests, and keep others from it until the end of the transaction."""
    if await cursor.lock(db, of) is None:
        await db.execute(select(cursor.far.c.received_utc).where(cursor.far.c.account == of).with_for_update())


# --- devices ---------------------------------------------------------------------------------------------------------------


async def load(db: AsyncConnection, of: str, names: Iterable[str]) -> dict[str, Watched]:
    """Return what is known of these devices. What another version wrote and this one cannot read is begun anew."""
    found = {}
    for part in _parts(names):
        rows = await db.execute(select(watched).where(watched.c.account == of, watched.c.device.in_(part)))
        for row in rows:
            try:
                found[row.device] = _decode(zstd.decompress(row.body, size=row.plain_bytes))
            except msgspec.DecodeError:
                continue
    return found


async def absorbed(db: AsyncConnection, of: str, names: Iterable[str]) -> dict[str, str]:
    """Return for those of *names* that turned out to be the same as a device already watched that device's former name."""
    found: dict[str, str] = {}
    for part in _parts(names):
        its = (watched.c.account == device.c.account) & (watched.c.device == device.c.device)
        query = select(device.c.part_of, device.c.device).join_from(device, watched, its)
        rows = await db.execute(query.where(device.c.account == of, device.c.state == "merged", device.c.part_of.in_(part)))
        found |= {row.part_of: row.device for row in rows}
    return found


async def save(db: AsyncConnection, of: str, changed: Mapping[str, Watched]) -> None:
    """Insert or change rows. Requests are left out: they are rows of their own, and the truth."""
    rows = []
    for name, one in sorted(changed.items()):
        plain = _encode(_without_requests(one))
        rows.append(
            {
                "account": of,
                "device": name,
                "taken_utc": one.taken_at,
                "due_utc": one.next_look(),
                "plain_bytes": len(plain),
                "body": zstd.compress(plain),
            }
        )
    await _upsert(db, watched, rows, ("account", "device"))


async def forget(db: AsyncConnection, of: str, names: Iterable[str]) -> None:
    for part in _parts(names):
        await db.execute(delete(watched).where(watched.c.account == of, watched.c.device.in_(part)))


async def due(db: AsyncConnection, of: str, now_utc: datetime, *, rows_max: int) -> list[str]:
    """Return the devices to look at now, the longest due first."""
    query = select(watched.c.device).where(watched.c.account == of, watched.c.due_utc <= now_utc)
    return list((await db.execute(query.order_by(watched.c.due_utc, watched.c.device).limit(rows_max))).scalars())


async def prune(db: AsyncConnection, of: str, kept_from: datetime) -> int:
    """Forget devices that were last heard before *kept_from*."""
    return (await db.execute(delete(watched).where(watched.c.account == of, watched.c.taken_utc < kept_from))).rowcount


def _without_requests(one: Watched) -> Watched:
    bare = {key: msgspec.structs.replace(tracked, request=None, earlier=None) for key, tracked in one.supplies.items()}
    return msgspec.structs.replace(one, supplies=bare)


# --- the account's rhythm --------------------------------------------------------------------------------------------------


async def accounts_due(db: AsyncConnection, until_utc: datetime, *, now_utc: datetime) -> list[str]:
    """Return the accounts that were not looked through since *until_utc*, or by a clock that ran ahead."""
    looked = rhythm.c.looked_utc
    query = select(rhythm.c.account).where(or_(looked.is_(None), looked <= until_utc, looked > now_utc))
    return list((await db.execute(query)).scalars())


async def load_rhythm(db: AsyncConnection, of: str) -> Rhythm:
    body: Any = await db.scalar(select(rhythm.c.body).where(rhythm.c.account == of))
    return Rhythm() if not body else msgspec.msgpack.decode(body, type=Rhythm)


async def save_rhythm(db: AsyncConnection, of: str, one: Rhythm, **values: Any) -> None:
    await _upsert(db, rhythm, [{"account": of, "body": _encode(one), **values}], ("account",))


# --- what parts have shown -------------------------------------------------------------------------------------------------


async def yields(db: AsyncConnection) -> dict[str, Part]:
    """Return what all accounts together have shown of each part."""
    shown = part_yield.c
    count = func.sum(shown.samples)
    query = select(
        shown.part,
        count.label("samples"),
        func.sum(shown.samples * shown.mean).label("sum"),
        func.sum(shown.squares + shown.samples * shown.mean * shown.mean).label("squares"),
    )
    parts: dict[str, Part] = {}
    for row in await db.execute(query.group_by(shown.part).order_by(count.desc(), shown.part).limit(PARTS_MAX)):
        samples = int(row.samples)
        mean = row.sum / samples if samples else 0.0
        parts[row.part] = joined(samples, mean, max(row.squares - samples * mean * mean, 0.0))
    for scale in await db.execute(select(shown.part, shown.levels, shown.is_fine, shown.lives)):
        part = parts.get(scale.part)
        if part is not None:
            if scale.is_fine:
                part.is_fine, part.levels = True, []
            for level in scale.levels:
                part.note_level(level / 1000)
            for life in scale.lives:
                part.add_life(life)
    return parts


def joined(samples: int, mean: float, squares: float) -> Part:
    """Return the part of which so much is known, with no more samples than one keeps."""
    kept = min(samples, SAMPLES_MAX)
    return Part(samples=kept, mean=mean, squares=squares * kept / samples if samples else 0.0)


async def teach(
    db: AsyncConnection, of: str, lessons: Sequence[tuple[str, float]], scales: Mapping[str, Part], lives: Sequence[tuple[str, float]] = ()
) -> None:
    """Add to an account's rows what full cartridges of parts lasted, by levels and by *lives*, and the *scales* found to be new."""
    names = {name for name, _ in (*lessons, *lives)} | scales.keys()
    if not names:
        return
    own: dict[str, Part] = {}
    for some in _parts(sorted(names)):
        rows = await db.execute(select(part_yield).where(part_yield.c.account == of, part_yield.c.part.in_(some)))
        for row in rows.mappings():
            own[row["part"]] = Part(**{name: row[name] for name in Part.__struct_fields__})
    if names - own.keys():
        room = PARTS_OF_ACCOUNT_MAX - (await db.scalar(select(func.count()).where(part_yield.c.account == of)) or 0)
        own |= {name: Part() for name in sorted(names - own.keys())[: max(room, 0)]}
    for name, pages in lessons:
        if name in own and math.isfinite(pages):
            own[name].add(pages)
    for name, pages in lives:
        if name in own and math.isfinite(pages):
            own[name].add_life(pages)
    for name, scale in scales.items():
        if name in own:
            own[name].is_fine, own[name].levels = scale.is_fine, list(scale.levels)
    rows_now = [{"account": of, "part": name, **msgspec.structs.asdict(part)} for name, part in sorted(own.items())]
    await _upsert(db, part_yield, rows_now, ("account", "part"))


# --- small ways ------------------------------------------------------------------------------------------------------------


def _parts(values: Iterable[str]) -> Iterable[list[str]]:
    found = list(dict.fromkeys(values))
    for begin in range(0, len(found), ASKED_MAX):
        yield found[begin : begin + ASKED_MAX]


async def _upsert(db: AsyncConnection, table: Table, rows: list[dict[str, Any]], key: tuple[str, ...]) -> None:
    if not rows:
        return
    statement = (postgresql if db.dialect.name == "postgresql" else sqlite).insert(table)
    taken = {name: statement.excluded[name] for name in rows[0] if name not in key}
    await db.execute(statement.on_conflict_do_update(index_elements=key, set_=taken), rows)
