"""Devices in the database: found by their names, kept, listed."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Select, Table, and_, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from poller.central.devices.known import Glance
from poller.central.devices.recognition import Device, Event, Holder, is_serial
from poller.central.store.inventory import contract, device, device_event, device_name, location, sighting
from poller.central.store.personal import Personal
from poller.central.store.tables import UtcTime, agent

ASKED_MAX = 500
"""Values in one question: PostgreSQL and SQLite take 32,000 at most."""

_PERSONAL = ("address", "mac", "hostname", "told_location")
_PLAIN = tuple(name for name in Device.__struct_fields__ if name not in ("id", *_PERSONAL))
_TOUCH = """
    UPDATE device SET seen_utc = seen.at_utc, counts = coalesce(seen.counts::json, device.counts)
    FROM unnest($2::text[], $3::timestamptz[], $4::text[]) AS seen (device, at_utc, counts)
    WHERE device.account = $1 AND device.device = seen.device
"""
_TOUCH_SIGHTING = """
    UPDATE sighting SET seen_utc = seen.at_utc FROM unnest($2::text[], $3::text[], $4::timestamptz[]) AS seen (agent, printer, at_utc)
    WHERE sighting.account = $1 AND sighting.agent = seen.agent AND sighting.printer = seen.printer
"""
_REAL = device.c.state.not_in(("joined", "merged"))


def new_id() -> str:
    return f"d-{secrets.token_hex(8)}"


async def site_of_agents(db: AsyncConnection, of: str) -> dict[str, str]:
    """Return the site of every agent of an account."""
    return {row.agent: row.site for row in await db.execute(select(agent.c.agent, agent.c.site).where(agent.c.account == of))}


# --- found by their names --------------------------------------------------------------------------------------------------


async def holders(db: AsyncConnection, of: str, names: Iterable[str]) -> dict[str, Holder]:
    """Return who goes by each of *names*."""
    found: dict[str, str] = {}
    for part in _parts(names):
        rows = await db.execute(select(device_name).where(device_name.c.account == of, device_name.c.name.in_(part)))
        found |= {row.name: row.device for row in rows}
    serials: dict[str, set[str]] = {one: set() for one in found.values()}
    managed: set[str] = set()
    for part in _parts(serials):
        rows = await db.execute(select(device_name).where(device_name.c.account == of, device_name.c.device.in_(part)))
        for row in rows:
            if is_serial(row.name):
                serials[row.device].add(row.name)
        states = await db.execute(
            select(device.c.device).where(device.c.account == of, device.c.device.in_(part), device.c.state == "managed")
        )
        managed |= set(states.scalars())
    known = {one: Holder(id=one, serials=frozenset(serials[one]), is_managed=one in managed) for one in serials}
    return {name: known[one] for name, one in found.items()}


async def load(db: AsyncConnection, of: str, ids: Iterable[str], personal: Personal) -> dict[str, Device]:
    """Return these devices of an account."""
    found = {}
    for part in _parts(ids):
        rows = await db.execute(select(device).where(device.c.account == of, device.c.device.in_(part)))
        for row in rows.mappings():
            facts: dict[str, Any] = personal.open("device", row["device"], row["personal"])
            plain: dict[str, Any] = {name: row[name] for name in _PLAIN}
            found[row["device"]] = Device(id=row["device"], **plain, **facts)
    return found


async def stood_at(db: AsyncConnection, of: str, places: Iterable[str]) -> dict[str, list[str]]:
    """Return which devices were last seen at each of *places*."""
    found: dict[str, list[str]] = {}
    for part in _parts(places):
        rows = await db.execute(select(device.c.place, device.c.device).where(device.c.account == of, device.c.place.in_(part), _REAL))
        for row in rows:
            found.setdefault(row.place, []).append(row.device)
    return found


# --- kept ------------------------------------------------------------------------------------------------------------------


async def save(db: AsyncConnection, of: str, changed: Iterable[Device], personal: Personal) -> None:
    """Insert or change devices. What people decided about them (contract, numbers, location) is not touched."""
    rows = []
    for one in changed:
        sealed = personal.seal("device", one.id, {name: getattr(one, name) for name in _PERSONAL})
        rows.append({"account": of, "device": one.id, "personal": sealed} | {name: getattr(one, name) for name in _PLAIN})
    await _upsert(db, device, rows, ("account", "device"))


async def touch(db: AsyncConnection, of: str, seen: Sequence[Glance]) -> None:
    """Note when devices were seen and what they counted, where nothing else is new.

    Past SQLAlchemy's types, which cost more than the rows do: this is what nearly every reading comes to.
    """
    if not seen:
        return
    names, senders, printers = zip(*((one.known.device, one.known.agent, one.known.printer) for one in seen), strict=True)
    times = [one.at_utc for one in seen]
    told = [msgspec.json.encode(one.counts).decode() if one.counts else None for one in seen]
    if db.dialect.name == "postgresql":
        moments = [one.astimezone(UTC) for one in times]
        await db.exec_driver_sql(_TOUCH, (of, list(names), moments, told))
        await db.exec_driver_sql(_TOUCH_SIGHTING, (of, list(senders), list(printers), moments))
        return
    bind = UtcTime().process_bind_param
    bound = [bind(one, db.dialect) for one in times]
    rows = list(zip(bound, told, [of] * len(seen), names, strict=True))
    await db.exec_driver_sql("UPDATE device SET seen_utc = ?, counts = coalesce(?, counts) WHERE account = ? AND device = ?", rows)
    rows = list(zip(bound, [of] * len(seen), senders, printers, strict=True))
    await db.exec_driver_sql("UPDATE sighting SET seen_utc = ? WHERE account = ? AND agent = ? AND printer = ?", rows)


async def save_names(db: AsyncConnection, of: str, owners: Mapping[str, tuple[str, datetime]]) -> None:
    rows = [{"account": of, "name": name, "device": one, "since_utc": since_utc} for name, (one, since_utc) in owners.items()]
    await _upsert(db, device_name, rows, ("account", "name"))


async def save_sightings(db: AsyncConnection, of: str, seen: Mapping[tuple[str, str], tuple[str, datetime, datetime]]) -> None:
    """Note which device an agent's printer is; of known ones the time they were first seen stays."""
    rows = [
        {"account": of, "agent": name, "printer": printer, "device": one, "first_utc": first_utc, "seen_utc": last_utc}
        for (name, printer), (one, first_utc, last_utc) in seen.items()
    ]
    await _upsert(db, sighting, rows, ("account", "agent", "printer"), once=("first_utc",))


async def save_events(db: AsyncConnection, of: str, events: Iterable[Event], personal: Personal) -> None:
    rows = []
    for one in events:
        key = secrets.token_hex(16)
        sealed = personal.seal("device_event", key, {"before": one.before})
        row = {"account": of, "device": one.device, "at_utc": one.at_utc, "id": key, "kind": one.kind, "other": one.other}
        rows.append(row | {"personal": sealed})
    if rows:
        await db.execute(insert(device_event), rows)


async def absorb(db: AsyncConnection, of: str, absorbed: str, survivor: str) -> None:
    """Give a device's names, sightings and parts to the one it turned out to be."""
    for table in (device_name, sighting):
        await db.execute(update(table).where(table.c.account == of, table.c.device == absorbed).values(device=survivor))
    await db.execute(update(device).where(device.c.account == of, device.c.part_of == absorbed).values(part_of=survivor))


async def change(db: AsyncConnection, of: str, name: str, **values: Any) -> None:
    """Change what people decided about a device."""
    await db.execute(update(device).where(device.c.account == of, device.c.device == name).values(**values))


# --- listed ----------------------------------------------------------------------------------------------------------------


def listing(of: str, *, day: date) -> Select[Any]:
    """Return the question for an account's devices, without what they are parts of, with location and contract as they are on *day*."""
    place = and_(location.c.account == device.c.account, location.c.site == device.c.site, location.c.range == device.c.range)
    by_range = select(location.c.location).where(place).limit(1).scalar_subquery()
    held = and_(
        contract.c.account == device.c.account,
        contract.c.device == device.c.device,
        contract.c.begins <= day,
        or_(contract.c.ends.is_(None), contract.c.ends >= day),
    )
    return (
        select(
            *(column for column in device.c if column.name != "location"),
            func.coalesce(device.c.location, by_range).label("location"),
            contract.c.number.label("contract"),
            contract.c.kind.label("contract_kind"),
        )
        .outerjoin_from(device, contract, held)
        .where(device.c.account == of)
        .order_by(device.c.device)
    )


async def find(
    db: AsyncConnection, of: str, *, day: date, where: ColumnElement[bool] | None = None, after: str | None = None, rows_max: int
) -> list[dict[str, Any]]:
    """Return devices as `listing` has them; *after* a device, those behind it."""
    query = listing(of, day=day)
    if where is not None:
        query = query.where(where)
    if after is not None:
        query = query.where(device.c.device > after)
    return [dict(row) for row in (await db.execute(query.limit(rows_max))).mappings()]


async def find_these(db: AsyncConnection, of: str, ids: Iterable[str]) -> list[dict[str, Any]]:
    """Return these devices as they are kept, without what is sealed: `location` is the one given by hand."""
    columns = [column for column in device.c if column.name != "personal"]
    found: list[dict[str, Any]] = []
    for part in _parts(ids):
        rows = await db.execute(select(*columns).where(device.c.account == of, device.c.device.in_(part)))
        found += map(dict, rows.mappings())
    return found


async def find_own(db: AsyncConnection, of: str, *, after: str | None, rows_max: int) -> list[dict[str, Any]]:
    """Return the devices that are, or may become, somebody's: id, state, serial number, number and location; those behind *after*."""
    query = select(*(device.c[name] for name in ("device", "state", "serial", "device_number", "location")))
    mine = (device.c.account == of, device.c.state.in_(("unassigned", "managed")), device.c.part_of.is_(None))
    rows = await db.execute(query.where(*mine, device.c.device > (after or "")).order_by(device.c.device).limit(rows_max))
    return [dict(row) for row in rows.mappings()]


async def parts_of(db: AsyncConnection, of: str, name: str) -> list[str]:
    """Return the devices that count as another one."""
    query = select(device.c.device).where(device.c.account == of, device.c.part_of == name).order_by(device.c.device)
    return list((await db.execute(query)).scalars())


async def names(db: AsyncConnection, of: str, name: str) -> list[str]:
    """Return what a device goes by."""
    query = select(device_name.c.name).where(device_name.c.account == of, device_name.c.device == name).order_by(device_name.c.name)
    return list((await db.execute(query)).scalars())


async def names_after(db: AsyncConnection, of: str, after: str, *, rows_max: int) -> list[tuple[str, str]]:
    """Return (name, device) of an account's devices, by name, those behind *after*."""
    query = select(device_name.c.name, device_name.c.device).where(device_name.c.account == of, device_name.c.name > after)
    return [(row.name, row.device) for row in await db.execute(query.order_by(device_name.c.name).limit(rows_max))]


async def sightings(db: AsyncConnection, of: str, name: str) -> list[dict[str, Any]]:
    """Return as what each agent has met a device."""
    query = select(sighting).where(sighting.c.account == of, sighting.c.device == name).order_by(sighting.c.seen_utc.desc())
    return [dict(row) for row in (await db.execute(query)).mappings()]


async def counting(db: AsyncConnection, of: str) -> dict[tuple[str, str], str]:
    """Return the device by agent and kept printer id, of those whose readings count."""
    query = (
        select(sighting.c.agent, sighting.c.printer, sighting.c.device)
        .join(device, and_(device.c.account == sighting.c.account, device.c.device == sighting.c.device))
        .where(sighting.c.account == of, _REAL, device.c.state != "ignored")
    )
    return {(row.agent, row.printer): row.device for row in await db.execute(query)}


async def elsewhere(db: AsyncConnection, *, after: str | None = None, names_max: int) -> list[dict[str, Any]]:
    """Return the serial numbers that devices of more than one account have, with device and account of each: moved, sold, or loaned.

    So many numbers, by number; *after* one, those behind it.
    """
    several = (
        select(device_name.c.name)
        .where(device_name.c.name.startswith("serial:"), device_name.c.name > (after or ""))
        .group_by(device_name.c.name)
        .having(func.count(device_name.c.account.distinct()) > 1)
        .order_by(device_name.c.name)
        .limit(names_max)
    )
    query = (
        select(device_name.c.name, device_name.c.account, device_name.c.device, device.c.state, device.c.site, device.c.seen_utc)
        .join(device, and_(device.c.account == device_name.c.account, device.c.device == device_name.c.device))
        .where(device_name.c.name.in_(several))
        .order_by(device_name.c.name, device.c.seen_utc.desc())
    )
    return [dict(row) for row in (await db.execute(query)).mappings()]


async def events(db: AsyncConnection, of: str, name: str, personal: Personal, *, rows_max: int) -> list[dict[str, Any]]:
    """Return the newest things that happened to a device, oldest first."""
    query = select(device_event).where(device_event.c.account == of, device_event.c.device == name)
    rows = (await db.execute(query.order_by(device_event.c.at_utc.desc(), device_event.c.id).limit(rows_max))).mappings()
    return [
        {
            "at_utc": row["at_utc"],
            "kind": row["kind"],
            "other": row["other"],
            "before": personal.open("device_event", row["id"], row["personal"]).get("before"),
        }
        for row in rows
    ][::-1]


# --- small ways ------------------------------------------------------------------------------------------------------------


def _parts(values: Iterable[str]) -> Iterable[list[str]]:
    found = list(dict.fromkeys(values))
    for begin in range(0, len(found), ASKED_MAX):
        yield found[begin : begin + ASKED_MAX]


def _dialect_insert(db: AsyncConnection, table: Table) -> Any:
    return (postgresql if db.dialect.name == "postgresql" else sqlite).insert(table)


async def _insert_or(db: AsyncConnection, table: Table, values: dict[str, Any]) -> None:
    """Insert a row unless its key is taken."""
    await db.execute(_dialect_insert(db, table).values(**values).on_conflict_do_nothing())


async def _upsert(
    db: AsyncConnection, table: Table, rows: list[dict[str, Any]], key: tuple[str, ...], *, once: tuple[str, ...] = ()
) -> None:
    """Insert rows, or change those whose key is there, but for their columns in *once*."""
    if not rows:
        return
    statement = _dialect_insert(db, table)
    taken = {name: statement.excluded[name] for name in rows[0] if name not in (*key, *once)}
    await db.execute(statement.on_conflict_do_update(index_elements=key, set_=taken), rows)
