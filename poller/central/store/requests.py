"""Requests in the database: their rows, which are the truth, their history, the parcels they go in, and what was noticed of supplies.

(account, device, supply, number, attempt) is unique: however many processes there are, the database has one request for a cartridge.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ColumnElement,
    Float,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from poller.central.store.devices import ASKED_MAX
from poller.central.store.inventory import DEVICE_CHARACTERS, NUMBER_CHARACTERS_MAX
from poller.central.store.stock import PLACE_CHARACTERS_MAX, REQUEST_CHARACTERS_MAX, SUPPLY_CHARACTERS_MAX
from poller.central.store.tables import NAME_CHARACTERS_MAX, UtcTime, account_column, metadata
from poller.central.supplies.book import Entry
from poller.central.supplies.requests import Delivery, Reason, Request, State

PARCEL_CHARACTERS_MAX = 64
PART_CHARACTERS_MAX = 200
KIND_CHARACTERS_MAX = 32
UNSENT: tuple[State, ...] = ("open", "approved")
ACTIVE: tuple[State, ...] = ("open", "approved", "sent", "delivered")

request = Table(
    "request",
    metadata,
    account_column(),
    Column("request", String(REQUEST_CHARACTERS_MAX), primary_key=True),
    Column("device", String(DEVICE_CHARACTERS), nullable=False),
    Column("supply", String(SUPPLY_CHARACTERS_MAX), nullable=False, comment="its key in the device's readings"),
    Column("number", Integer, nullable=False, comment="of the cartridge in that slot"),
    Column("attempt", Integer, nullable=False, comment="for this cartridge, from 0"),
    Column("is_past", Boolean, nullable=False, comment="another cartridge than the next one was put in since: of no meaning any more"),
    Column("site", String(NAME_CHARACTERS_MAX), nullable=False),
    Column("location", String(NUMBER_CHARACTERS_MAX), nullable=True),
    Column("kind", String(KIND_CHARACTERS_MAX), nullable=False),
    Column("colour", String(PART_CHARACTERS_MAX), nullable=True),
    Column("part_number", String(PART_CHARACTERS_MAX), nullable=True, comment="as the device names what is to be replaced"),
    Column("article", String(NUMBER_CHARACTERS_MAX), nullable=True),
    Column("alternatives", JSON, nullable=False, comment="article numbers that may be sent in its place"),
    Column("pieces", Integer, nullable=False, comment="in the box"),
    Column("state", String(16), nullable=False, comment="open, approved, sent, delivered, installed or cancelled"),
    Column("hold", String(16), nullable=True, comment="what an open one waits for: trial, contract, clarify, stock, approval"),
    Column("was", String(16), nullable=True, comment="the state a replacement ended"),
    Column("makes_way", Boolean, nullable=False, comment="does not stand in the way of another for the same cartridge"),
    Column("rule", String(16), nullable=False),
    Column("reason", JSON, nullable=False, comment="why: poller/central/supplies/requests.py"),
    Column("decided_utc", UtcTime, nullable=False, comment="by the time of the reading it was decided on"),
    Column("changed_utc", UtcTime, nullable=False),
    Column("sent_utc", UtcTime, nullable=True),
    Column("asked_utc", UtcTime, nullable=True, comment="when it became the task to ask the customer …"),
    Column("was_empty", Boolean, nullable=False, comment="… and whether the supply was empty then"),
    Column("approved_by", Text, nullable=True, comment="the person; null for nobody, or the policy"),
    Column("deliveries", JSON, nullable=False, comment="at, pieces, tracking of each"),
    Column("parcel", String(PARCEL_CHARACTERS_MAX), nullable=True),
    UniqueConstraint("account", "device", "supply", "number", "attempt"),
    ForeignKeyConstraint(["account", "device"], ["device.account", "device.device"]),
    Index(None, "account", "state", "site"),
    Index(None, "state", "hold"),
    Index(None, "account", "parcel"),
)

request_event = Table(
    "request_event",
    metadata,
    account_column(),
    Column("request", String(REQUEST_CHARACTERS_MAX), primary_key=True),
    Column("at_utc", UtcTime, primary_key=True),
    Column("id", String(32), primary_key=True, comment="those of one moment in their order"),
    Column("who", Text, nullable=False),
    Column("before", String(16), nullable=True, comment="its state; null at its beginning"),
    Column("after", String(16), nullable=False),
    Column("hold", String(16), nullable=True, comment="what it waits for then"),
    Column("note", Text, nullable=True),
    ForeignKeyConstraint(["account", "request"], ["request.account", "request.request"]),
)
"""Append-only: what became of each request, when, and by whom."""

supply_event = Table(
    "supply_event",
    metadata,
    account_column(),
    Column("device", String(DEVICE_CHARACTERS), primary_key=True),
    Column("at_utc", UtcTime, primary_key=True),
    Column("id", String(32), primary_key=True, comment="those of one moment in their order"),
    Column("event", String(24), nullable=False),
    Column("supply", String(SUPPLY_CHARACTERS_MAX), nullable=True),
    Column("kind", String(KIND_CHARACTERS_MAX), nullable=True),
    Column("colour", String(PART_CHARACTERS_MAX), nullable=True),
    Column("part_number", String(PART_CHARACTERS_MAX), nullable=True, comment="what is in the slot after it"),
    Column("wanted", String(PART_CHARACTERS_MAX), nullable=True, comment="the part that was asked for, of a wrong cartridge"),
    Column("share_left", Float(53), nullable=True, comment="what was left in the cartridge that went"),
    Column("evidence", String(16), nullable=True),
    Column("choices", JSON, nullable=False, comment="the supplies a warning may mean"),
    Column("request", String(REQUEST_CHARACTERS_MAX), nullable=True),
    Column("task", String(8), nullable=True, comment="open or closed, of what a person is to do"),
    Column("closed_utc", UtcTime, nullable=True),
    Column("closed_by", Text, nullable=True),
    Column("note", Text, nullable=True),
    ForeignKeyConstraint(["account", "device"], ["device.account", "device.device"]),
    Index(None, "account", "task"),
)

parcel = Table(
    "parcel",
    metadata,
    account_column(),
    Column("parcel", String(PARCEL_CHARACTERS_MAX), primary_key=True),
    Column("place", String(PLACE_CHARACTERS_MAX), nullable=False),
    Column("made_utc", UtcTime, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("sent_utc", UtcTime, nullable=True),
    Column("personal", LargeBinary, nullable=True, comment="poller/central/supplies/parcels.py as JSON, sealed"),
    ForeignKeyConstraint(["account"], ["account.account"]),
    Index(None, "account", "made_utc"),
)

_SAME: tuple[str, ...] = ("supply", "number", "attempt", "site", "location", "kind", "colour", "part_number", "article", "pieces")
_SAME += ("state", "hold", "was", "makes_way", "was_empty", "approved_by", "parcel")
_TIMES = {"decided_utc": "decided_at", "changed_utc": "changed_at", "sent_utc": "sent_at", "asked_utc": "asked_at"}


# --- rows ------------------------------------------------------------------------------------------------------------------


def read(row: Mapping[Any, Any]) -> Request:
    return Request(
        id=row["request"],
        account=row["account"],
        printer=row["device"],
        reason=msgspec.convert(row["reason"], Reason),
        alternatives=tuple(row["alternatives"]),
        deliveries=tuple(msgspec.convert(one, Delivery) for one in row["deliveries"]),
        **{name: row[name] for name in _SAME},
        **{field: row[column] for column, field in _TIMES.items()},
    )


def _row(one: Request) -> dict[str, Any]:
    return {
        "account": one.account,
        "request": one.id,
        "device": one.printer,
        "rule": one.reason.rule,
        "reason": msgspec.to_builtins(one.reason),
        "alternatives": list(one.alternatives),
        "deliveries": [msgspec.to_builtins(each) for each in one.deliveries],
        **{name: getattr(one, name) for name in _SAME},
        **{column: getattr(one, field) for column, field in _TIMES.items()},
    }


async def of_devices(db: AsyncConnection, of: str, names: Iterable[str]) -> list[Request]:
    """Return the requests that still mean something for these devices: those for the cartridges in them, and for those before."""
    found: list[Request] = []
    for part in _parts(names):
        query = select(request).where(request.c.account == of, request.c.device.in_(part), request.c.is_past.is_(False))
        found += [read(row) for row in (await db.execute(query)).mappings()]
    return found


async def at_place(db: AsyncConnection, of: str, place: str) -> list[Request]:
    """Return the requests of a place that are not done."""
    here = (request.c.site == place[1:]) & request.c.location.is_(None) if place[:1] == "@" else request.c.location == place
    query = select(request).where(request.c.account == of, request.c.state.in_(ACTIVE), here)
    return [read(row) for row in (await db.execute(query)).mappings()]


async def of_ids(db: AsyncConnection, of: str, ids: Collection[str]) -> list[Request]:
    query = select(request).where(request.c.account == of, request.c.request.in_(list(ids)))
    return [read(row) for row in (await db.execute(query)).mappings()]


async def of_parcel(db: AsyncConnection, of: str, name: str) -> list[Request]:
    query = select(request).where(request.c.account == of, request.c.parcel == name).order_by(request.c.request)
    return [read(row) for row in (await db.execute(query)).mappings()]


async def places_unsent(db: AsyncConnection, of: str) -> set[str]:
    """Return the places that have a request for which nothing was done yet."""
    mine = (request.c.account == of) & request.c.state.in_(UNSENT) & request.c.parcel.is_(None)
    rows = await db.execute(select(request.c.site, request.c.location).where(mine).distinct())
    return {row.location or f"@{row.site}" for row in rows}


async def places_ready(db: AsyncConnection, of: str, until_utc: datetime) -> set[str]:
    """Return the places that have a request approved *until_utc* or before, in no parcel yet."""
    mine = _is_ready(until_utc) & (request.c.account == of)
    return {row.location or f"@{row.site}" for row in await db.execute(select(request.c.site, request.c.location).where(mine).distinct())}


async def add(db: AsyncConnection, rows: Iterable[Request]) -> None:
    """Insert new requests. Raises IntegrityError where there is one for the same cartridge."""
    values = [_row(one) | {"is_past": False} for one in rows]
    if values:
        await db.execute(insert(request), values)


async def change(db: AsyncConnection, rows: Iterable[Request]) -> None:
    for one in rows:
        values = {name: value for name, value in _row(one).items() if name not in ("account", "request", "device")}
        await db.execute(update(request).where(request.c.account == one.account, request.c.request == one.id).values(**values))


async def pass_by(db: AsyncConnection, of: str, replaced: Iterable[tuple[str, str, int]]) -> None:
    """Note that in these slots (device, supply) the cartridge *number* was replaced: those before it mean nothing any more."""
    rows = [{"d": name, "s": supply, "n": number} for name, supply, number in replaced]
    mine = (request.c.account == of) & (request.c.device == bindparam("d")) & (request.c.supply == bindparam("s"))
    statement = update(request).where(mine, request.c.number < bindparam("n"), request.c.is_past.is_(False)).values(is_past=True)
    if rows:
        await db.execute(statement, rows)


async def rename_device(db: AsyncConnection, of: str, before: str, after: str) -> None:
    """Give the requests of a device to the one it turned out to be."""
    await db.execute(update(request).where(request.c.account == of, request.c.device == before).values(device=after))


# --- history and what was noticed ------------------------------------------------------------------------------------------


async def note(db: AsyncConnection, of: str, entries: Iterable[tuple[str, Entry]], *, now_utc: datetime) -> None:
    """Add steps to histories, each with its id."""
    rows = [{"account": of, "at_utc": now_utc, "id": key, **one._asdict()} for key, one in entries]
    if rows:
        await db.execute(insert(request_event), rows)


async def notice(db: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add what was noticed of supplies, rows of `supply_event`; what is there already stays."""
    if rows:
        into: Any = (postgresql if db.dialect.name == "postgresql" else sqlite).insert(supply_event)
        await db.execute(into.on_conflict_do_nothing(), list(rows))


async def close_tasks(db: AsyncConnection, of: str, name: str, supply: str, *, now_utc: datetime, who: str) -> None:
    """Close what a person was to do about a supply: it was replaced."""
    open_ones = (supply_event.c.account == of) & (supply_event.c.device == name) & (supply_event.c.task == "open")
    its = or_(supply_event.c.supply == supply, supply_event.c.event == "which-colour")
    await db.execute(update(supply_event).where(open_ones, its).values(task="closed", closed_utc=now_utc, closed_by=who))


async def close_asked(db: AsyncConnection, of: str, name: str, *, now_utc: datetime, who: str) -> None:
    """Close the question that a request became: what was done with it by hand is the answer."""
    mine = (supply_event.c.account == of) & (supply_event.c.request == name) & (supply_event.c.task == "open")
    await db.execute(update(supply_event).where(mine).values(task="closed", closed_utc=now_utc, closed_by=who))


async def close_task(db: AsyncConnection, of: str, key: str, *, now_utc: datetime, who: str, note: str | None) -> dict[str, Any] | None:
    """Close one task and return it; None where there is none that is open."""
    mine = (supply_event.c.account == of) & (supply_event.c.id == key) & (supply_event.c.task == "open")
    row = (await db.execute(select(supply_event).where(mine))).mappings().one_or_none()
    if row is None:
        return None
    await db.execute(update(supply_event).where(mine).values(task="closed", closed_utc=now_utc, closed_by=who, note=note))
    return dict(row)


async def events(db: AsyncConnection, of: str, *, name: str | None = None, is_task: bool = False, rows_max: int) -> list[dict[str, Any]]:
    """Return what was noticed last, oldest first; of one device, or only what a person is still to do."""
    query = select(supply_event).where(supply_event.c.account == of)
    if name is not None:
        query = query.where(supply_event.c.device == name)
    if is_task:
        query = query.where(supply_event.c.task == "open")
    rows = (await db.execute(query.order_by(supply_event.c.at_utc.desc(), supply_event.c.id.desc()).limit(rows_max))).mappings()
    return [dict(row) for row in rows][::-1]


async def history(db: AsyncConnection, of: str, name: str) -> list[dict[str, Any]]:
    """Return the steps of a request in their order."""
    mine = (request_event.c.account == of) & (request_event.c.request == name)
    rows = (await db.execute(select(request_event).where(mine).order_by(request_event.c.at_utc, request_event.c.id))).mappings()
    return [{key: value for key, value in row.items() if key not in ("account", "request", "id")} for row in rows]


# --- listed ----------------------------------------------------------------------------------------------------------------


async def find(
    db: AsyncConnection,
    of: str,
    *,
    states: Collection[State] = (),
    site: str | None = None,
    location: str | None = None,
    device: str | None = None,
    rows_max: int,
) -> list[Request]:
    """Return the newest requests, oldest first."""
    terms: list[ColumnElement[bool]] = [request.c.account == of]
    if states:
        terms.append(request.c.state.in_(list(states)))
    for column, value in ((request.c.site, site), (request.c.location, location), (request.c.device, device)):
        if value is not None:
            terms.append(column == value)
    query = select(request).where(*terms).order_by(request.c.decided_utc.desc(), request.c.request).limit(rows_max)
    return [read(row) for row in (await db.execute(query)).mappings()][::-1]


async def counts(db: AsyncConnection) -> dict[tuple[str, str], int]:
    """Return how many requests of all accounts are under way, by state and by what they wait for (empty: nothing)."""
    columns = (request.c.state, func.coalesce(request.c.hold, ""))
    query = select(*columns, func.count()).where(request.c.state.in_(ACTIVE)).group_by(*columns)
    return {(state, hold): count for state, hold, count in await db.execute(query)}


async def count_tasks(db: AsyncConnection) -> dict[str, int]:
    """Return how many tasks of all accounts a person is still to do, by what they are."""
    query = select(supply_event.c.event, func.count()).where(supply_event.c.task == "open").group_by(supply_event.c.event)
    return {row[0]: row[1] for row in await db.execute(query)}


async def accounts_ready(db: AsyncConnection, until_utc: datetime) -> list[str]:
    """Return the accounts that have a request approved *until_utc* or before, in no parcel yet."""
    return list((await db.execute(select(request.c.account).where(_is_ready(until_utc)).distinct())).scalars())


async def accounts_waiting(db: AsyncConnection) -> list[str]:
    """Return the accounts that have a request that waits for an article or a contract."""
    mine = (request.c.state == "open") & request.c.hold.in_(("clarify", "contract"))
    return list((await db.execute(select(request.c.account).where(mine).distinct())).scalars())


def _is_ready(until_utc: datetime) -> ColumnElement[bool]:
    return and_(request.c.state == "approved", request.c.parcel.is_(None), request.c.changed_utc <= until_utc)


# --- parcels ---------------------------------------------------------------------------------------------------------------


async def add_parcel(db: AsyncConnection, **values: Any) -> None:
    await db.execute(insert(parcel).values(**values))


async def change_parcel(db: AsyncConnection, of: str, name: str, **values: Any) -> None:
    await db.execute(update(parcel).where(parcel.c.account == of, parcel.c.parcel == name).values(**values))


async def parcels(db: AsyncConnection, of: str, *, name: str | None = None, rows_max: int) -> list[dict[str, Any]]:
    """Return the newest parcels, oldest first; what is sealed of them stays so."""
    query = select(parcel).where(parcel.c.account == of)
    if name is not None:
        query = query.where(parcel.c.parcel == name)
    return [dict(row) for row in (await db.execute(query.order_by(parcel.c.made_utc.desc()).limit(rows_max))).mappings()][::-1]


# --- the end ---------------------------------------------------------------------------------------------------------------


async def prune(db: AsyncConnection, of: str, kept_from: datetime, *, rows_max: int) -> int:
    """Delete requests that were done before *kept_from*, with their history; and what was noticed before then."""
    over = and_(request.c.account == of, request.c.is_past.is_(True), request.c.state.not_in(ACTIVE), request.c.changed_utc < kept_from)
    ids = list((await db.execute(select(request.c.request).where(over).limit(rows_max))).scalars())
    if ids:
        await db.execute(delete(request_event).where(request_event.c.account == of, request_event.c.request.in_(ids)))
        await db.execute(delete(request).where(request.c.account == of, request.c.request.in_(ids)))
    await db.execute(
        delete(supply_event).where(
            supply_event.c.account == of,
            supply_event.c.at_utc < kept_from,
            or_(supply_event.c.task.is_(None), supply_event.c.task != "open"),
        )
    )
    left = exists().where(request.c.account == parcel.c.account, request.c.parcel == parcel.c.parcel)
    await db.execute(delete(parcel).where(parcel.c.account == of, parcel.c.made_utc < kept_from, ~left))
    return len(ids)


def _parts(values: Iterable[str]) -> Iterable[list[str]]:
    found = list(dict.fromkeys(values))
    for begin in range(0, len(found), ASKED_MAX):
        yield found[begin : begin + ASKED_MAX]
