"""`central`: one that runs, for each test its own, with account acme and site hamburg. `config` may be replaced by a test module.

All of it is there twice, on SQLite and on a real PostgreSQL: `database_url` names the one of this test. A test that is about one of them
says so: `@on_sqlite`, `@on_postgresql`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from poller.bench.postgres import postgres
from poller.central.store.database import Database
from poller.central.values import Config
from tests.central.running import Running, ask_postgres, config_of, running
from tests.fake_clock import FakeClock

_TEMPLATE = "template_poller"


@pytest.fixture(scope="session")
def postgres_url(real_part: Callable[[str], str]) -> Iterator[str]:
    """A PostgreSQL for all tests, not durable, with a template of central's tables."""
    programs = Path(real_part("postgres")).resolve().parent
    with postgres(programs, fsync="off", synchronous_commit="off", max_connections=200) as place:
        ask_postgres(place.url, f"CREATE DATABASE {_TEMPLATE}")

        async def fill() -> None:
            database = Database.open(_of(place.url, _TEMPLATE))
            await database.migrate()
            await database.close()

        asyncio.run(fill())
        yield place.url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of this test's own, with central's tables where it is PostgreSQL."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'central.db'}"
        return
    server: str = request.getfixturevalue("postgres_url")
    name = f"test_{tmp_path.name.lower()}".replace("-", "_")[-60:]
    ask_postgres(server, f'CREATE DATABASE "{name}" TEMPLATE {_TEMPLATE}')
    yield _of(server, name)
    ask_postgres(server, f'DROP DATABASE "{name}" WITH (FORCE)')


def _of(server: str, name: str) -> str:
    return server.replace("/postgres?", f"/{name}?")


@pytest.fixture
def config(tmp_path: Path, database_url: str) -> Config:
    return config_of(tmp_path, url=database_url)


@pytest.fixture
async def central(config: Config, clock: FakeClock) -> AsyncIterator[Running]:
    async with running(config, clock) as one:
        await one.add_site()
        yield one


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A database with central's tables and nothing that runs on it."""
    one = Database.open(database_url)
    await one.migrate()
    yield one
    await one.close()
