"""What a device is to us on one day: whose readings count, where it stands, what its contract includes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from poller.central.store.devices import ASKED_MAX
from poller.central.store.inventory import contract, device, location, sighting
from poller.central.supplies.book import Assignment

_FACTS = ("device", "state", "site", "manufacturer", "model", "serial", "customer", "device_number", "inventory_number", "cost_centre")


async def home(db: AsyncConnection, of: str, printers: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Return by agent and kept printer id the devices they are of, where that agent is the device's home: only its readings count."""
    wanted = set(printers)
    names = sorted({printer for _, printer in wanted})
    its = (device.c.account == sighting.c.account) & (device.c.device == sighting.c.device) & (device.c.home == sighting.c.agent)
    found: dict[tuple[str, str], str] = {}
    for begin in range(0, len(names), ASKED_MAX):
        query = (
            select(sighting.c.agent, sighting.c.printer, sighting.c.device)
            .join_from(sighting, device, its)
            .where(sighting.c.account == of, sighting.c.printer.in_(names[begin : begin + ASKED_MAX]))
            .where(device.c.state.not_in(("joined", "merged", "ignored")))
        )
        found |= {(row.agent, row.printer): row.device for row in await db.execute(query) if (row.agent, row.printer) in wanted}
    return found


async def load(db: AsyncConnection, of: str, names: Iterable[str], *, day: date) -> dict[str, Assignment]:
    """Return these devices as they are on *day*."""
    found: dict[str, Assignment] = {}
    wanted = list(dict.fromkeys(names))
    for begin in range(0, len(wanted), ASKED_MAX):
        query = _assigned(of, day).where(device.c.device.in_(wanted[begin : begin + ASKED_MAX]))
        found |= {row["device"]: _read(row) for row in (await db.execute(query)).mappings()}
    return found


async def standing_at(db: AsyncConnection, of: str, place: str, *, day: date, rows_max: int) -> dict[str, Assignment]:
    """Return the managed devices at a place."""
    here: ColumnElement[bool] = _where() == place
    if place.startswith("@"):
        here = and_(device.c.site == place[1:], _where().is_(None))
    query = _assigned(of, day).where(device.c.state == "managed", here).order_by(device.c.device).limit(rows_max)
    return {row["device"]: _read(row) for row in (await db.execute(query)).mappings()}


def _where() -> ColumnElement[Any]:
    """Return the location a device was given, else that of its range."""
    its = and_(location.c.account == device.c.account, location.c.site == device.c.site, location.c.range == device.c.range)
    by_range = select(location.c.location).where(its).limit(1).correlate(device).scalar_subquery()
    return func.coalesce(device.c.location, by_range)


def _assigned(of: str, day: date) -> Select[Any]:
    held = and_(
        contract.c.account == device.c.account,
        contract.c.device == device.c.device,
        contract.c.begins <= day,
        or_(contract.c.ends.is_(None), contract.c.ends >= day),
    )
    columns = (*(device.c[name] for name in _FACTS), _where().label("location"), contract.c.supplies)
    return select(*columns).outerjoin_from(device, contract, held).where(device.c.account == of)


def _read(row: Any) -> Assignment:
    included = frozenset(row["supplies"] or ()) if row["state"] == "managed" else frozenset()
    return Assignment(included=included, location=row["location"], **{name: row[name] for name in _FACTS})
