"""The database: opened, brought to this version, asked within transactions.

SQLite commits durably (`synchronous` FULL: an agent forgets a batch once it is told "stored") and lets one write at a time; a transaction
that is to write says so at its beginning, so that it never has to give up half way. PostgreSQL does the same by its own rules.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from poller.central.store import partitions
from poller.central.store.partitions import Month, month_of
from poller.errors import ConfigError, HostError, PollerError
from poller.logs import INFO, emit
from poller.storage import files

log = logging.getLogger(__name__)

_BUSY_SECONDS = 15.0
_WAIT_SECONDS = 20.0
CONNECTIONS = 5
_DATA_EXCEPTION = "22"  # the class of SQLSTATE, PostgreSQL appendix A
_READS = "poller_reads"
_MIGRATIONS = Path(__file__).parent / "migrations"
_MIGRATION_LOCK = 0x504F4C4C  # any number, as long as it is ours


class UnavailableError(PollerError):
    """The database does not do it now: locked for too long, no room, no connection. `reason` is one word for logs and metrics."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class Database:
    """One engine. Rows go in and out by `writing` and `reading`, each one transaction."""

    def __init__(self, engine: AsyncEngine, name: str) -> None:
        self._engine, self.name = engine, name
        self._months: set[Month] = set()  # those we have seen

    @classmethod
    def open(cls, url: str, *, wait_seconds: float = _WAIT_SECONDS) -> Database:
        """Return the database at *url* (`sqlite:///file` or `postgresql://…`); connects when first asked.

        Who asks while every connection is in use waits *wait_seconds* for one. Raises ConfigError, HostError.
        """
        parsed = _parse(url)
        pool: dict[str, Any] = {"pool_size": CONNECTIONS, "max_overflow": 0, "pool_timeout": wait_seconds}
        if parsed.get_backend_name() == "sqlite":
            assert parsed.database is not None
            files.prepare(Path(parsed.database), hint="let this user write there, or name another with [database] file")
            arguments = {"timeout": _BUSY_SECONDS, "factory": _Releasing}
            engine = create_async_engine(parsed.set(drivername="sqlite+aiosqlite"), **pool, connect_args=arguments)
            _make_durable(engine.sync_engine)
        else:
            try:
                engine = create_async_engine(parsed.set(drivername="postgresql+asyncpg"), **pool)
            except ModuleNotFoundError as error:
                raise HostError("the PostgreSQL driver asyncpg is not installed", hint="install it beside poller[central]") from error
        return cls(engine, parsed.render_as_string(hide_password=True))

    async def close(self) -> None:
        await self._engine.dispose()

    @property
    def is_sqlite(self) -> bool:
        return self._engine.dialect.name == "sqlite"

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """One transaction: committed at the end of the block, undone by any exception. Raises UnavailableError."""
        with _told_apart():
            async with self._engine.begin() as db:
                yield db

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A view of one moment, which nobody waits for. Raises UnavailableError."""
        with _told_apart():
            async with self._engine.connect() as db:
                yield await db.execution_options(**{_READS: True})

    @asynccontextmanager
    async def copying(self) -> AsyncIterator[Any]:
        """One transaction on PostgreSQL's driver itself (an asyncpg Connection): it has COPY. Raises UnavailableError."""
        async with self._driver() as connection, connection.transaction():
            yield connection

    @asynccontextmanager
    async def asking(self) -> AsyncIterator[Any]:
        """The driver without a transaction: every statement is its own, and costs one round trip. Raises UnavailableError."""
        async with self._driver() as connection:
            yield connection

    @asynccontextmanager
    async def _driver(self) -> AsyncIterator[Any]:
        import asyncpg  # type: ignore[import-untyped]

        with _told_apart():
            async with self._engine.connect() as db:
                connection = (await db.get_raw_connection()).driver_connection
                assert connection is not None
                try:
                    yield connection
                except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
                    if isinstance(error, asyncpg.IntegrityConstraintViolationError | asyncpg.DataError):
                        raise
                    raise UnavailableError(getattr(error, "sqlstate", None) or type(error).__name__) from error
                finally:
                    if connection.is_closed():
                        await db.invalidate()

    async def ensure_months(self, wanted: Iterable[tuple[str, date | datetime]]) -> None:
        """See to it that what is divided by month has a place for these times. Costs nothing for months seen before."""
        missing = {Month(table, month_of(moment)) for table, moment in wanted} - self._months
        if not missing:
            return
        if not self.is_sqlite:
            async with self.writing() as db:
                await db.run_sync(partitions.ensure, missing)
        self._months |= missing

    def forget_months(self) -> None:
        """Look again which months there are, when the next one is asked for: some were dropped."""
        self._months.clear()

    async def rewrite(self) -> bool:
        """Write an SQLite file anew, so that nothing deleted stays in it; False when others kept its log from being emptied."""
        async with self._engine.connect() as db:
            connection: Any = (await db.get_raw_connection()).driver_connection  # VACUUM stands outside of any transaction
            await connection.execute("VACUUM")
            cursor = await connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            return not (await cursor.fetchone())[0]

    async def migrate(self, to: str = "head") -> None:
        """Bring the tables to this version, or make them. Of several processes one does it, the others wait. Raises HostError.

        A test stops at an earlier step, *to*.
        """
        try:
            async with self._engine.begin() as db:
                if not self.is_sqlite:  # SQLite's transaction is the lock already
                    await db.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
                before, after = await db.run_sync(_upgrade, to)
        except (SQLAlchemyError, OSError) as error:
            reason = _reason(error) if isinstance(error, DBAPIError) else type(error).__name__
            raise HostError(f"cannot use the database {self.name}: {reason}", hint="is it there, and may this user write to it?") from error
        if before != after:
            emit(log, INFO, "central.migrated", before=before or "nothing", after=after)

    async def sync_schema(self, work: Any) -> Any:
        """Return what *work* gives for a plain connection: for tests that compare the schema with what the steps made."""
        async with self._engine.connect() as db:
            return await db.run_sync(work)


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
        name = parsed.get_backend_name()
    except (ArgumentError, NoSuchModuleError, ValueError):
        name = ""
        parsed = URL.create("none")
    if name not in ("sqlite", "postgresql") or not parsed.database or parsed.database == ":memory:":
        raise ConfigError(["database.url: want postgresql://USER:PASSWORD@HOST/DATABASE, or sqlite:///FILE"])
    return parsed


class _Releasing(sqlite3.Connection):
    """Gives its lock back when it is closed. Else that of a task cut off lasts for as long as anything holds its last statement."""

    def close(self) -> None:
        if self.in_transaction:
            self.rollback()
        super().close()


def _make_durable(engine: Engine) -> None:
    """Take transactions into our own hands: Python's driver would begin them late, and not before every statement."""

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "journal_size_limit = 16777216"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if connection.get_execution_options().get(_READS) else "BEGIN IMMEDIATE")


def _upgrade(connection: Connection, to: str) -> tuple[str | None, str | None]:
    """Run the steps up to *to* that this database has not seen. Returns its version before and after."""
    from alembic import command
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext

    before = MigrationContext.configure(connection).get_current_revision()
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, to)
    return before, MigrationContext.configure(connection).get_current_revision()


@contextmanager
def _told_apart() -> Iterator[None]:
    """Turn the state a database is in into UnavailableError.

    A row that is there already stays IntegrityError, for the caller, and a value that cannot be stored what it is: a fault of ours.
    """
    try:
        yield
    except IntegrityError:
        raise
    except DBAPIError as error:
        if (getattr(error.orig, "sqlstate", None) or "").startswith(_DATA_EXCEPTION):
            raise
        raise UnavailableError(_reason(error)) from error
    except (PoolTimeoutError, OSError) as error:  # every connection is in use; or there is none to be had
        raise UnavailableError(type(error).__name__) from error


def _reason(error: DBAPIError) -> str:
    """Return one word, never the statement: it has values in it."""
    return getattr(error.orig, "sqlite_errorname", None) or getattr(error.orig, "sqlstate", None) or type(error).__name__
