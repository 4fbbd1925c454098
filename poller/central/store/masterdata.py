"""Contracts, locations, contacts, the catalogue and people in the database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import msgspec
from sqlalchemy import Table, and_, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from poller.central.office.contracts import Contract
from poller.central.store.devices import ASKED_MAX
from poller.central.store.inventory import article, contact, contract, device, location, person
from poller.central.store.personal import Personal

LOCATION_FACTS = ("title", "address", "room")
CONTACT_FACTS = ("name", "mail", "phone")
PERSON_FACTS = ("name", "mail")

_CONTRACT = Contract.__struct_fields__


# --- contracts -------------------------------------------------------------------------------------------------------------


async def contracts(db: AsyncConnection, of: str, devices: Sequence[str]) -> dict[str, list[Contract]]:
    """Return the contract rows of these devices, by device, each device's in their order."""
    found: dict[str, list[Contract]] = {}
    for begin in range(0, len(devices), ASKED_MAX):
        these = contract.c.device.in_(devices[begin : begin + ASKED_MAX])
        query = select(contract).where(contract.c.account == of, these).order_by(contract.c.device, contract.c.begins)
        for row in (await db.execute(query)).mappings():
            found.setdefault(row["device"], []).append(_contract(dict(row)))
    return found


async def contracts_after(db: AsyncConnection, of: str, after: tuple[str, date] | None, *, rows_max: int) -> list[tuple[str, Contract]]:
    """Return an account's contract rows with their devices, by device and beginning, those behind *after*."""
    query = select(contract).where(contract.c.account == of).order_by(contract.c.device, contract.c.begins).limit(rows_max)
    if after is not None:
        name, begins = after
        query = query.where(or_(contract.c.device > name, and_(contract.c.device == name, contract.c.begins > begins)))
    return [(row["device"], _contract(dict(row))) for row in (await db.execute(query)).mappings()]


def _contract(row: Mapping[str, Any]) -> Contract:
    return msgspec.convert({name: row[name] for name in _CONTRACT}, Contract)


async def save_contract(db: AsyncConnection, of: str, device: str, one: Contract) -> None:
    """Insert a row, or put it in the place of the one that begins on the same day."""
    values = {name: getattr(one, name) for name in _CONTRACT} | {"supplies": list(one.supplies)}
    await _put(db, contract, {"account": of, "device": device, "begins": one.begins}, values)


async def remove_contract(db: AsyncConnection, of: str, device: str, begins: date) -> None:
    await db.execute(delete(contract).where(contract.c.account == of, contract.c.device == device, contract.c.begins == begins))


# --- locations and contacts ------------------------------------------------------------------------------------------------


async def locations(db: AsyncConnection, of: str, personal: Personal) -> list[dict[str, Any]]:
    """Return the locations of an account with what is sealed of them."""
    return await _opened(db, location, of, "location", LOCATION_FACTS, personal)


async def save_location(db: AsyncConnection, of: str, name: str, facts: Mapping[str, Any], personal: Personal) -> None:
    await _put(db, location, {"account": of, "location": name}, _sealed(facts, "location", name, LOCATION_FACTS, personal))


async def count_devices(db: AsyncConnection, of: str, name: str) -> int:
    """Return how many devices, of those that are still ours, were given a location by hand."""
    mine = (device.c.account == of, device.c.location == name, device.c.state.in_(("managed", "unassigned")))
    return await db.scalar(select(func.count()).select_from(device).where(*mine)) or 0


async def contacts(db: AsyncConnection, of: str, personal: Personal) -> list[dict[str, Any]]:
    return await _opened(db, contact, of, "contact", CONTACT_FACTS, personal)


async def save_contact(db: AsyncConnection, of: str, name: str, facts: Mapping[str, Any], personal: Personal) -> None:
    await _put(db, contact, {"account": of, "contact": name}, _sealed(facts, "contact", name, CONTACT_FACTS, personal))


async def remove(db: AsyncConnection, table: Table, of: str, name: str) -> bool:
    """Remove a location or a contact; False when there is none."""
    return (await db.execute(delete(table).where(table.c.account == of, table.c[table.name] == name))).rowcount == 1


# --- the catalogue ---------------------------------------------------------------------------------------------------------


async def articles(db: AsyncConnection, of: Iterable[str]) -> list[dict[str, Any]]:
    """Return the lines of the catalogue that accounts *of* have."""
    query = select(article).where(article.c.account.in_(list(of)))
    rows = await db.execute(query.order_by(article.c.account, article.c.model, article.c.kind, article.c.colour))
    return [dict(row) for row in rows.mappings()]


async def save_article(db: AsyncConnection, of: str, key: tuple[str, str, str], facts: Mapping[str, Any]) -> None:
    model, kind, colour = key
    await _put(db, article, {"account": of, "model": model, "kind": kind, "colour": colour}, facts)


# --- people ----------------------------------------------------------------------------------------------------------------


async def people(db: AsyncConnection, of: str, personal: Personal) -> list[dict[str, Any]]:
    return await _opened(db, person, of, "person", PERSON_FACTS, personal)


async def save_person(db: AsyncConnection, of: str, name: str, facts: Mapping[str, Any], personal: Personal) -> None:
    await _put(db, person, {"account": of, "person": name}, _sealed(facts, "person", name, PERSON_FACTS, personal))


async def remove_person(db: AsyncConnection, of: str, name: str, *, now_utc: datetime) -> bool:
    """Note that somebody is gone, and forget who it was; what was signed with the opaque id stays. False when there is none."""
    mine = (person.c.account == of) & (person.c.person == name) & person.c.removed_utc.is_(None)
    return (await db.execute(update(person).where(mine).values(removed_utc=now_utc, personal=None))).rowcount == 1


# --- small ways ------------------------------------------------------------------------------------------------------------


async def _opened(db: AsyncConnection, table: Table, of: str, key: str, facts: tuple[str, ...], personal: Personal) -> list[dict[str, Any]]:
    rows = (await db.execute(select(table).where(table.c.account == of).order_by(table.c[key]))).mappings()
    return [
        {name: value for name, value in row.items() if name != "personal"}
        | dict.fromkeys(facts)
        | personal.open(table.name, row[key], row["personal"])
        for row in rows
    ]


def _sealed(facts: Mapping[str, Any], table: str, key: str, sealed: tuple[str, ...], personal: Personal) -> dict[str, Any]:
    plain = {name: value for name, value in facts.items() if name not in sealed}
    return plain | {"personal": personal.seal(table, key, {name: facts.get(name) for name in sealed})}


async def _put(db: AsyncConnection, table: Table, key: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """Change a row, or insert it."""
    mine = [table.c[name] == value for name, value in key.items()]
    changing = {name: value for name, value in values.items() if name not in key and name != "added_utc"}
    if not changing or (await db.execute(update(table).where(*mine).values(**changing))).rowcount == 0:
        await db.execute(insert(table).values(**{**key, **values}))
