"""Which parcels go on paper: those somebody names, or all made since a moment, without what was cancelled or installed meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from msgspec.structs import replace

from poller.central.keys import Keys
from poller.central.store import agents
from poller.central.store import requests as kept
from poller.central.store.database import Database
from poller.central.supplies.parcels import Parcel
from poller.central.supplies.requestdesk import RequestDesk

_OVER = ("cancelled", "installed")


class Packing(NamedTuple):
    """`parcels` without the items of requests that are over by now; `left_out` has the ids of these."""

    parcels: list[Parcel]
    left_out: list[str]


class PackingDesk:
    """*who* asks; looking at parcels changes nothing."""

    def __init__(self, database: Database, keys: Keys, *, who: str) -> None:
        self._database, self._desk = database, RequestDesk(database, keys, who=who)

    async def named(self, account: str, names: Sequence[str], *, now_utc: datetime) -> Packing:
        """Return these parcels, each once. Raises NotDoneError for the first that is not there."""
        found = Packing([], [])
        for name in dict.fromkeys(names):
            await self._add(found, account, name, now_utc)
        return found

    async def since(self, account: str | None, since_utc: datetime, *, now_utc: datetime) -> Packing:
        """Return the parcels of a customer, or of all, made since then. Raises NotDoneError."""
        async with self._database.reading() as db:
            accounts = [row["account"] for row in await agents.accounts(db)] if account is None else [account]
        found = Packing([], [])
        for one in accounts:
            for row in await self._desk.parcels(one):
                if row["made_utc"] >= since_utc:
                    await self._add(found, one, row["parcel"], now_utc)
        return found

    async def _add(self, found: Packing, account: str, name: str, now_utc: datetime) -> None:
        parcel = await self._desk.parcel(account, name, now_utc=now_utc)
        async with self._database.reading() as db:
            over = {one.id for one in await kept.of_parcel(db, account, name) if one.state in _OVER}
        found.left_out.extend(item.request for item in parcel.items if item.request in over)
        if items := tuple(item for item in parcel.items if item.request not in over):
            found.parcels.append(replace(parcel, items=items))
