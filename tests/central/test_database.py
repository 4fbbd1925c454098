"""The store: made, migrated, shared, durable; and what the host may do to it."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from poller.central.store import agents, partitions
from poller.central.store.database import CONNECTIONS, Database, UnavailableError
from poller.central.store.schema import metadata
from poller.errors import ConfigError, HostError
from tests.central.running import Running, connect_postgres, on_postgresql, on_sqlite
from tests.fake_clock import START_UTC


def url(folder: Path) -> str:
    return f"sqlite:///{folder / 'inner' / 'central.db'}"


async def test_the_steps_make_exactly_the_tables_of_the_code(database: Database) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    def is_ours(name: str | None, kind: str, _: object) -> bool:
        return kind != "table" or name is None or partitions.read_name(name) is None

    def differences(connection: Connection) -> list[Any]:
        options = {"compare_type": True, "include_name": is_ours}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))

    await database.ensure_months([("line", START_UTC)])
    assert await database.sync_schema(differences) == []


async def test_the_file_is_its_users_alone(tmp_path: Path) -> None:
    database = Database.open(url(tmp_path))
    await database.migrate()
    await database.close()
    assert stat.S_IMODE((tmp_path / "inner" / "central.db").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "inner").stat().st_mode) == 0o700


async def test_two_that_start_at_once_migrate_once(empty_url: str) -> None:
    both = [Database.open(empty_url) for _ in range(2)]
    await asyncio.gather(*(one.migrate() for one in both))
    for one in both:
        await one.migrate()  # again: nothing to do
        await one.close()


async def test_readers_do_not_wait_for_a_commit_and_see_it_after(database: Database) -> None:
    async with database.writing() as db:
        await agents.add_account(db, "acme", title=None, now_utc=START_UTC)
        async with database.reading() as other:
            assert not await agents.has_account(other, "acme")
    async with database.reading() as db:
        assert await agents.has_account(db, "acme")


@on_sqlite
async def test_a_commit_is_durable(database: Database) -> None:
    async with database.writing() as db:
        assert (await db.exec_driver_sql("PRAGMA synchronous")).scalar_one() == 2  # FULL
        assert (await db.exec_driver_sql("PRAGMA journal_mode")).scalar_one() == "wal"


async def test_an_exception_undoes_all_of_a_transaction(database: Database) -> None:
    async def fail() -> None:
        async with database.writing() as db:
            await agents.add_account(db, "acme", title=None, now_utc=START_UTC)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with database.reading() as db:
        assert not await agents.has_account(db, "acme")


@on_sqlite
async def test_a_transaction_cut_off_within_a_statement_gives_its_lock_back(database: Database) -> None:
    held: list[Any] = []  # as by the traceback of a cancelled task

    async def be_cut_off() -> None:
        async with database.writing() as db:
            driver: Any = (await db.get_raw_connection()).driver_connection
            held.append(await driver.execute("SELECT name FROM sqlite_master"))
            assert await held[0].fetchone()
            await db.invalidate()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await be_cut_off()
    async with database.writing() as db:
        await agents.add_account(db, "acme", title=None, now_utc=START_UTC)


@pytest.mark.parametrize("text", ["", "x", "mysql://h/d", "sqlite://", "sqlite:///:memory:", "postgresql://", "sqlite:///"])
def test_what_is_no_database_is_a_fault_without_the_url(text: str) -> None:
    with pytest.raises(ConfigError) as raised:
        Database.open(text)
    assert str(raised.value).startswith("database.url: want ")


def test_postgresql_without_its_driver_is_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    with pytest.raises(HostError) as raised:
        Database.open("postgresql://poller:hush@127.0.0.1/poller")
    assert "asyncpg" in str(raised.value)
    assert "hush" not in str(raised.value)


async def test_more_transactions_than_connections_wait_and_are_told_in_the_end(database_url: str) -> None:
    database = Database.open(database_url, wait_seconds=0.01)
    await database.migrate()

    async def ask() -> None:
        async with database.reading() as db:
            await agents.has_account(db, "acme")

    async with AsyncExitStack() as stack:
        for _ in range(CONNECTIONS):
            await stack.enter_async_context(database.reading())
        with pytest.raises(UnavailableError):
            await ask()
    await ask()
    await database.close()


@on_postgresql
async def test_connections_that_were_cut_are_unavailable_once_and_then_made_anew(central: Running, database_url: str) -> None:
    agent = await central.agent()
    assert (await agent.send(1, agent.batch(1, [b'{"type":"event"}']))).word == "stored"
    other = await connect_postgres(database_url)
    await other.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"
    )
    await other.close()
    body = agent.batch(2, [b'{"type":"event"}'])
    words = [(await agent.send(2, body)).word for _ in range(2 * CONNECTIONS)]
    assert set(words) <= {"unavailable", "stored", "duplicate"}
    assert words.count("stored") == 1
    assert words[-1] == "duplicate"


async def test_a_file_that_is_no_database_is_the_host(tmp_path: Path) -> None:
    path = tmp_path / "central.db"
    path.write_bytes(b"no database at all" * 1000)
    database = Database.open(f"sqlite:///{path}")
    with pytest.raises(HostError) as raised:
        await database.migrate()
    assert "SQLITE_NOTADB" in str(raised.value)
    await database.close()


@on_sqlite
async def test_a_database_that_is_locked_is_unavailable_and_nothing_is_acknowledged(
    central: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = await central.agent()
    body = agent.batch(1, [b'{"type":"event"}'])
    locker = sqlite3.connect(tmp_path / "central.db", isolation_level=None)
    await _shorten_patience(central)
    locker.execute("BEGIN IMMEDIATE")
    answered = await agent.send(1, body)
    assert (answered.status, answered.word, answered.is_proven) == (503, "unavailable", True)
    locker.execute("ROLLBACK")
    locker.close()
    assert (await agent.send(1, body)).word == "stored"


@asynccontextmanager
async def every_connection(database: Database) -> AsyncIterator[list[AsyncConnection]]:
    """Hold every connection that *database* may open."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(database.reading()) for _ in range(CONNECTIONS)]


async def _shorten_patience(central: Running) -> None:
    """Let every connection of the running central give up at once, where it would wait for seconds."""
    database = central.central.database
    assert database is not None
    async with every_connection(database) as connections:
        for db in connections:
            await db.exec_driver_sql("PRAGMA busy_timeout = 0")


@on_sqlite
async def test_a_database_without_room_acknowledges_nothing(central: Running, tmp_path: Path) -> None:
    agent = await central.agent()
    body = agent.batch(1, [b'{"type":"event","padding":"%s"}' % (b"x" * 4000)] * 400)
    database = central.central.database
    assert database is not None
    async with every_connection(database) as connections:
        for db in connections:
            pages = (await db.exec_driver_sql("PRAGMA page_count")).scalar_one()
            await db.exec_driver_sql(f"PRAGMA max_page_count = {pages + 2}")
    answered = await agent.send(1, body)
    assert (answered.status, answered.word) == (503, "unavailable")
    async with every_connection(database) as connections:
        for db in connections:
            await db.exec_driver_sql("PRAGMA max_page_count = 4294967294")
    assert (await agent.send(1, body)).word == "stored"


@on_postgresql
async def test_a_value_that_cannot_be_stored_is_a_fault_and_no_unavailable_database(database: Database) -> None:
    """A follower waits for a database, with all accounts; a fault rests one."""
    with pytest.raises(DBAPIError, match="too long"):
        async with database.writing() as db:
            await agents.add_account(db, "x" * 65, title=None, now_utc=START_UTC)


async def test_an_unavailable_database_names_a_reason_and_no_statement(tmp_path: Path) -> None:
    database = Database.open(url(tmp_path))
    with pytest.raises(UnavailableError) as raised:
        async with database.reading() as db:
            await agents.has_account(db, "acme")
    assert str(raised.value) == "SQLITE_ERROR"
    await database.close()
