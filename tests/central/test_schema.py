"""The rules of a divided store, held by every table there is, and by every one that is added."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Column, Date, ForeignKey, Index, MetaData, String, Table, UniqueConstraint, inspect

from poller.central.store import partitions
from poller.central.store.database import Database
from poller.central.store.distribution import distribute, faults, is_copied, spread_already, statements
from poller.central.store.partitions import Month
from poller.central.store.schema import MODULES, metadata
from poller.central.store.tables import COPIED, by_month
from poller.errors import HostError
from tests.central.running import on_postgresql
from tests.fake_clock import START_UTC


def test_every_unique_key_and_every_reference_has_the_account() -> None:
    assert faults() == []


def test_every_table_that_is_divided_begins_its_key_with_the_account() -> None:
    begins = {
        table.name: next(iter(table.primary_key)).name
        for table in metadata.tables.values()
        if len(table.primary_key) and not is_copied(table)
    }
    assert set(begins.values()) == {"account"}
    assert {table.name for table in metadata.tables.values() if is_copied(table)} == {"account", "token", "agent_key"}


def test_every_module_with_tables_is_named() -> None:
    assert {module.__name__ for module in MODULES} >= {"poller.central.store.tables"}
    assert all(any(isinstance(value, Table) for value in vars(module).values()) for module in MODULES)


def of(make: Callable[[MetaData], object]) -> list[str]:
    other = MetaData()
    Table("parent", other, Column("account", String, primary_key=True), Column("id", String, primary_key=True))
    make(other)
    return faults(other)


@pytest.mark.parametrize(
    "make,fault",
    [
        (lambda m: Table("t", m, Column("id", String, primary_key=True)), "t: has no column account, and is not marked as copied"),
        (
            lambda m: Table("t", m, Column("id", String, primary_key=True), Column("account", String)),
            "t: the unique key primary is without account",
        ),
        (
            lambda m: Table("t", m, Column("account", String, primary_key=True), Column("n", String), UniqueConstraint("n", name="uq")),
            "t: the unique key uq is without account",
        ),
        (
            lambda m: Table("t", m, Column("account", String, primary_key=True), Column("n", String), Index("ix", "n", unique=True)),
            "t: the unique key ix is without account",
        ),
        (
            lambda m: Table("t", m, Column("account", String, primary_key=True), Column("p", String, ForeignKey("parent.id"))),
            "t: refers to parent without account",
        ),
        (
            lambda m: Table("t", m, Column("id", String, ForeignKey("parent.id"), primary_key=True), info=COPIED),
            "t: is copied and refers to parent, which is divided",
        ),
        (
            lambda m: Table("t", m, Column("account", String, primary_key=True), Column("day", Date), **by_month("day", "daily")),
            "t: the unique key primary is without day, by which it is divided into months",
        ),
    ],
)
def test_a_table_that_cannot_be_spread_is_named_with_the_reason(make: Callable[[MetaData], object], fault: str) -> None:
    assert of(make) == [fault]


def test_the_sql_spreads_every_table_once_beside_the_others() -> None:
    sql = statements()
    spread = [line for line in sql if line.startswith("SELECT create_")]
    assert len(spread) == len(metadata.tables)
    assert spread[:3] == [f"SELECT create_reference_table('{name}')" for name in ("account", "agent_key", "token")]
    assert spread[3] == "SELECT create_distributed_table('site', 'account')"
    assert all(line.endswith(", 'account', colocate_with => 'site')") for line in spread[4:])


def test_references_are_off_while_tables_are_spread_and_on_again_after() -> None:
    sql = statements()
    kinds = ["off" if " DROP " in line else "on" if " ADD " in line else "spread" for line in sql[1:]]
    assert kinds == sorted(kinds, key=["off", "spread", "on"].index)
    assert kinds.count("off") == kinds.count("on") == sum(len(table.foreign_key_constraints) for table in metadata.tables.values())


def test_what_is_spread_already_is_left_alone() -> None:
    names = frozenset(metadata.tables)
    assert len(statements(done=names)) == 1
    rest = [line for line in statements(done=names - {"daily"}) if line.startswith("SELECT")]
    assert rest == ["SELECT create_distributed_table('daily', 'account', colocate_with => 'site')"]


async def test_without_citus_nothing_is_done(database: Database) -> None:
    with pytest.raises(HostError):
        await distribute(database)


@on_postgresql
async def test_postgresql_takes_the_references_off_and_on_as_printed(database: Database) -> None:
    async with database.writing() as db:
        for line in statements():
            if line.startswith("ALTER"):
                await db.exec_driver_sql(line)


CITUS = (
    "CREATE TABLE pg_dist_partition (logicalrelid regclass)",
    "CREATE FUNCTION create_reference_table(what regclass) RETURNS void LANGUAGE sql AS 'INSERT INTO pg_dist_partition VALUES ($1)'",
    """
    CREATE FUNCTION create_distributed_table(what regclass, by text, colocate_with text DEFAULT '') RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT FROM pg_constraint WHERE conrelid = what AND contype = 'f') THEN
            RAISE '% refers to another table', what;
        END IF;
        INSERT INTO pg_dist_partition VALUES (what);
    END $$
    """,
)
"""What of Citus a step sees: which tables are spread, and that one with references cannot be."""


@pytest.mark.parametrize("empty_url", ["postgresql"], indirect=True)
async def test_tables_that_a_later_version_brings_are_spread_as_they_are_made(empty_url: str) -> None:
    database = Database.open(empty_url)
    await database.migrate("0004")
    old = MetaData()
    for name in await database.sync_schema(lambda connection: inspect(connection).get_table_names()):
        if name in metadata.tables:
            metadata.tables[name].to_metadata(old)
    assert "device" in old.tables
    assert "job" not in old.tables
    async with database.writing() as db:
        for statement in (*CITUS, *statements(old)[1:]):
            await db.exec_driver_sql(statement)
    await database.migrate()
    assert await database.sync_schema(spread_already) == frozenset(metadata.tables)
    for name, table in metadata.tables.items():
        found = await database.sync_schema(lambda connection, name=name: inspect(connection).get_foreign_keys(name))
        assert {one["name"] for one in found} == {key.name for key in table.foreign_key_constraints}
    await database.close()


# --- months ----------------------------------------------------------------------------------------------------------------


def test_a_month_is_named_by_its_table_and_itself() -> None:
    month = Month("line", date(2026, 12, 1))
    assert (month.name, month.end) == ("line_2026_12", date(2027, 1, 1))
    assert partitions.read_name("line_2026_12") == month
    assert [partitions.read_name(name) for name in ("line", "line_2026_13", "account_2026_12x", "nothing_2026_12")] == [None] * 4


def test_a_time_is_in_the_month_it_has_in_utc() -> None:
    assert partitions.month_of(datetime(2026, 12, 1, 0, 30, tzinfo=UTC).astimezone()) == date(2026, 12, 1)
    assert partitions.month_of(date(2026, 11, 30)) == date(2026, 11, 1)


def test_months_are_made_ahead() -> None:
    ahead = [month.first for month in partitions.months_ahead(datetime(2026, 12, 31, 23, tzinfo=UTC)) if month.table == "line"]
    assert ahead == [date(2026, 11, 1), date(2026, 12, 1), date(2027, 1, 1), date(2027, 2, 1)]


@on_postgresql
async def test_months_are_made_once_by_however_many(database: Database, database_url: str) -> None:
    other = Database.open(database_url)
    year = timedelta(days=365)
    wanted = [("line", START_UTC + year + timedelta(days=31 * number)) for number in range(6)]
    await asyncio.gather(database.ensure_months(wanted), other.ensure_months(wanted))
    await other.close()
    found = await database.sync_schema(partitions.existing)
    assert len({month for month in found if month.table == "line" and month.first > (START_UTC + year / 2).date()}) == 6


QUERIES = {
    "line": "SELECT position FROM line WHERE account = 'acme' AND printer = 'p' AND received_utc >= '2026-11-03Z'"
    " AND received_utc < '2026-11-10Z'",
    "content": "SELECT body FROM content WHERE account = 'acme' AND received_utc = '2026-11-03Z' AND agent = 'a' AND number = 1",
    "daily": "SELECT * FROM daily WHERE account = 'acme' AND printer = 'p' AND day >= '2026-11-01' AND day < '2026-12-01'",
    "meter": "SELECT * FROM meter WHERE account = 'acme' AND appended_utc >= '2026-11-03Z' AND appended_utc < '2026-11-10Z' AND number > 7",
}


@on_postgresql
@pytest.mark.parametrize("table", QUERIES)
async def test_a_question_about_a_month_looks_at_no_other(database: Database, table: str) -> None:
    first = datetime(2026, 6, 1, tzinfo=UTC)
    await database.ensure_months([(table, first + timedelta(days=31 * number)) for number in range(8)])
    async with database.reading() as db:
        plan = "\n".join((await db.exec_driver_sql(f"EXPLAIN {QUERIES[table]}")).scalars())
        everything = "\n".join((await db.exec_driver_sql(f"EXPLAIN SELECT * FROM {table} WHERE account = 'acme'")).scalars())
    assert f"{table}_2026_11" in plan
    assert plan.count(f"{table}_20") - plan.count(f"{table}_2026_11") == 0, plan
    assert everything.count(" on ") >= 8


def test_every_query_of_the_list_is_of_a_table_that_is_divided() -> None:
    assert QUERIES.keys() == {table.name for table in partitions.tables_by_month()}
