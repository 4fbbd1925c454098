"""A central that runs: real ports on loopback, a real SQLite file, a clock that stands still until it is moved."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import aiohttp
import asyncpg  # type: ignore[import-untyped]
import pytest
from sqlalchemy.engine import make_url

from poller.central.office.administration import Administration
from poller.central.serve import Central
from poller.central.store.database import Database
from poller.central.values import Config, DatabasePlace, Server
from poller.config import Listen, Log
from poller.model import Secret
from poller.sealing.token import Token
from tests.central.agent import TestAgent
from tests.fake_clock import FakeClock

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


def config_of(folder: Path, *, url: str | None = None, updates: Path | None = None, **server: object) -> Config:
    """Return a configuration that keeps everything in *folder*, or in the database at *url*, and takes free ports."""
    loopback = Listen("127.0.0.1", 0)
    return Config(
        server=Server(listen=loopback, metrics_listen=loopback, **server),  # type: ignore[arg-type]
        database=DatabasePlace(url=Secret(url or f"sqlite:///{folder / 'central.db'}")),
        keys_folder=folder / "keys",
        updates_folder=updates,
        log=Log(level="info", format="logfmt"),
    )


class Running:
    """A central that runs, the database beside it, and agents for it."""

    def __init__(
        self, central: Central, stop: asyncio.Event, database: Database, session: aiohttp.ClientSession, clock: FakeClock, address: str
    ) -> None:
        self.central, self.stop, self.database, self.session = central, stop, database, session
        self.clock, self.address = clock, address
        self.administration = Administration(database, central.keys, who="test")

    async def add_site(self, account: str = "acme", site: str = "hamburg") -> None:
        await self.administration.add_account(account, now_utc=self.clock.utc())
        await self.administration.add_site(account, site, now_utc=self.clock.utc())

    async def token(self, account: str = "acme", site: str = "hamburg", *, valid: timedelta = timedelta(days=7)) -> Token:
        return await self.administration.new_token(account, site, address=self.address, valid=valid, now_utc=self.clock.utc())

    def stranger(self) -> TestAgent:
        return TestAgent(self.address, self.session, clock=self.clock)

    async def agent(self, account: str = "acme", site: str = "hamburg") -> TestAgent:
        """Return an enrolled agent."""
        agent = self.stranger()
        answered = await agent.enrol(await self.token(account, site))
        assert (answered.status, answered.is_proven) == (200, True)
        return agent

    async def metrics(self) -> str:
        async with self.session.get(f"http://127.0.0.1:{self.central.metrics_port}/metrics") as response:
            return await response.text()


@asynccontextmanager
async def running(config: Config, clock: FakeClock) -> AsyncIterator[Running]:
    """Run a central of this configuration until the block ends."""
    central, stop = Central(config, clock), asyncio.Event()
    task = asyncio.create_task(central.run(stop))
    started = asyncio.create_task(central.started.wait())
    await asyncio.wait({task, started}, return_when=asyncio.FIRST_COMPLETED)
    started.cancel()
    if task.done():
        task.result()
    database = Database.open(config.database.url.reveal())
    prefix = "" if config.server.address is None else "/" + config.server.address.partition("://")[2].partition("/")[2]
    try:
        async with aiohttp.ClientSession() as session:
            yield Running(central, stop, database, session, clock, f"http://127.0.0.1:{central.port}{prefix}".rstrip("/"))
    finally:
        await database.close()
        stop.set()
        await task


async def connect_postgres(url: str) -> asyncpg.Connection:
    """Connect past poller, as somebody else would."""
    place = make_url(url)
    return await asyncpg.connect(host=str(place.query["host"]), user=place.username, database=place.database)


def ask_postgres(url: str, statement: str) -> None:
    """Run one statement from outside of any event loop."""

    async def run() -> None:
        connection = await connect_postgres(url)
        await connection.execute(statement)
        await connection.close()

    asyncio.run(run())


@asynccontextmanager
async def locked(url: str) -> AsyncIterator[None]:
    """Keep everybody from writing inside the block."""
    if url.startswith("sqlite"):
        locker = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
        locker.execute("BEGIN IMMEDIATE")
        yield
        locker.execute("ROLLBACK")
        locker.close()
        return
    connection = await connect_postgres(url)
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("LOCK TABLE agent, batch IN EXCLUSIVE MODE")
    yield
    await transaction.rollback()
    await connection.close()
