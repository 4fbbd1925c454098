"""A store with readings in it, put there as receiving puts them, without the network between: what tests of devices begin with."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

import msgspec

from poller.central.devices.processing import Devices
from poller.central.keys import Keys
from poller.central.receiving.receive import read_line
from poller.central.store import agents, batches
from poller.central.store import devices as kept
from poller.central.store.agents import KnownAgent
from poller.central.store.database import Database
from poller.model import Counter, Printer, Reading, Status
from poller.sealing import zstd
from tests.fake_clock import FakeClock


def seen(
    at_utc: datetime,
    serial: str | None = "A1",
    *,
    mac: str | None = "0025b3000001",
    address: str = "192.0.2.7",
    total: int | None = None,
    **facts: str | None,
) -> Reading:
    """Return a reading of a printer, named as an agent names it."""
    names = [f"serial:11:{serial}"] if serial else []
    names += [f"mac:{mac}"] if mac else []
    names = names or [f"addr:{address}"]
    told = Printer(
        id=names[0],
        identities=tuple(names),
        address=address,
        serial=serial,
        mac=mac,
        manufacturer="ACME",
        model="L1",
        via="snmp-2c",
        **facts,
    )
    counters = () if total is None else (Counter(function="total", count=total),)
    return Reading(taken_at=at_utc, printer=told, status=Status(), supplies=(), counters=counters)


class Stock:
    """Account acme with the sites hamburg and berlin, an agent at each: a-hamburg, a-berlin."""

    def __init__(self, database: Database, keys: Keys, clock: FakeClock) -> None:
        self.database, self.keys, self.clock = database, keys, clock
        self.devices = Devices(database, keys.store, clock)
        self._number = 0

    async def open_account(self, account: str = "acme", sites: Sequence[str] = ("hamburg", "berlin")) -> None:
        async with self.database.writing() as db:
            await agents.add_account(db, account, title="Acme GmbH", now_utc=self.clock.utc())
            for site in sites:
                await agents.add_site(db, account, site, title=None, now_utc=self.clock.utc())
                key = sha256(f"{account} {site}".encode()).hexdigest()
                known = KnownAgent(
                    account=account,
                    agent=f"a-{site}",
                    site=site,
                    key_id=key,
                    signing="",
                    sealing="",
                    pinned_signing=key,
                    is_revoked=False,
                    settings_version=0,
                )
                await agents.add_agent(db, known, version="0", now_utc=self.clock.utc())

    async def put(self, *readings: Reading | bytes, agent: str = "a-hamburg", account: str = "acme", ago: timedelta = timedelta()) -> int:
        """Store a batch of an agent, received now or *ago*; return its number."""
        self._number += 1
        received_utc = self.clock.utc() - ago
        lines = [one if isinstance(one, bytes) else msgspec.json.encode(one) for one in readings]
        plain = b"".join(line + b"\n" for line in lines)
        arrival = batches.Arrival(
            account=account,
            site=agent.removeprefix("a-"),
            agent=agent,
            number=self._number,
            digest=sha256(plain).digest(),
            size_bytes=len(plain),
            rows=[read_line(line, now_utc=received_utc) for line in lines],
            plain_bytes=len(plain),
            packed=zstd.compress(plain),
            received_utc=received_utc,
        )
        (outcome,) = await batches.store(self.database, [arrival])
        assert outcome.result == "stored"
        return self._number

    async def process(self, *readings: Reading | bytes, agent: str = "a-hamburg", account: str = "acme") -> int:
        if readings:
            await self.put(*readings, agent=agent, account=account)
        return await self.devices.process(account)

    async def listed(self, account: str = "acme") -> list[dict[str, object]]:
        async with self.database.reading() as db:
            return await kept.find(db, account, day=self.clock.utc().date(), rows_max=1000)

    async def events(self, account: str = "acme") -> list[str]:
        """Return the kinds of everything that happened, in order."""
        from sqlalchemy import select

        from poller.central.store.inventory import device_event

        async with self.database.reading() as db:
            query = (
                select(device_event.c.kind).where(device_event.c.account == account).order_by(device_event.c.at_utc, device_event.c.kind)
            )
            return list((await db.execute(query)).scalars())


@asynccontextmanager
async def stocked(folder: Path, clock: FakeClock, url: str | None = None, keys_folder: Path | None = None) -> AsyncIterator[Stock]:
    """Open a store in *folder*, or at *url*, with the account acme."""
    database = Database.open(url or f"sqlite:///{folder / 'central.db'}")
    try:
        await database.migrate()
        one = Stock(database, Keys(keys_folder or folder / "keys").load(), clock)
        await one.open_account()
        yield one
    finally:
        await database.close()
