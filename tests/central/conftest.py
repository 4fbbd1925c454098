"""`central`: one that runs, for each test its own, with account acme and site hamburg. `config` may be replaced by a test module.

All of it is there twice, on SQLite and on a real PostgreSQL: `database_url` names the one of this test. A test that is about one of them
says so: `@on_sqlite`, `@on_postgresql`.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from poller.bench.postgres import postgres
from poller.central.store.database import Database
from poller.central.store.partitions import months_ahead
from poller.central.values import Config
from tests.central.databases import Databases, at
from tests.central.running import Running, ask_postgres, config_of, running
from tests.central.stock import Stock, stocked
from tests.fake_clock import START_UTC, FakeClock

_TEMPLATE = "template_poller"


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with central's tables, made once: the steps take longer than most tests."""
    path = tmp_path_factory.mktemp("template") / "central.db"
    asyncio.run(_make_tables(f"sqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def postgres_url(real_part: Callable[[str], str]) -> Iterator[str]:
    """A PostgreSQL for all tests, not durable."""
    programs = Path(real_part("postgres")).resolve().parent
    with postgres(programs, fsync="off", synchronous_commit="off", max_connections=200) as place:
        yield place.url


@pytest.fixture(scope="session")
def postgres_databases(postgres_url: str) -> Databases:
    """Databases in it with central's tables."""
    ask_postgres(postgres_url, f"CREATE DATABASE {_TEMPLATE}")
    asyncio.run(_make_tables(at(postgres_url, _TEMPLATE)))
    return Databases(postgres_url, _TEMPLATE)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database of this test's own, with central's tables, the months around the clock's start, and nothing in them."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "central.db")
        yield f"sqlite:///{tmp_path / 'central.db'}"
        return
    databases: Databases = request.getfixturevalue("postgres_databases")
    with databases.lend() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database of this test's own, without any table."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'central.db'}"
        return
    server: str = request.getfixturevalue("postgres_url")
    ask_postgres(server, "CREATE DATABASE test_empty")
    yield at(server, "test_empty")
    ask_postgres(server, "DROP DATABASE test_empty WITH (FORCE)")


async def _make_tables(url: str) -> None:
    database = Database.open(url)
    await database.migrate()
    await database.ensure_months([(month.table, month.first) for month in months_ahead(START_UTC)])
    await database.close()


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


@pytest.fixture
async def stock(tmp_path: Path, clock: FakeClock, database_url: str) -> AsyncIterator[Stock]:
    """A store with account acme that tests put readings into. A module that begins at another time has a `clock` of its own."""
    async with stocked(tmp_path, clock, database_url) as one:
        yield one
