"""The store on many machines, by Citus: the rules its schema keeps, and the SQL that spreads it.

Citus divides a table by one column and finds a row by it: here the account. So every unique key and every reference between divided tables
has the account in it, or it could not be kept on one machine; small tables that are asked before the account is known are copied to all.
A test holds every table of central, also of pieces added later, to these rules.

References are taken off before and put on again after: with them in place the order in which tables can be divided depends on which
of them are divided already.

New tables of a later version are spread by the step that makes them (`migrations/env.py`): a table of one machine refers to none of many.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, ForeignKeyConstraint, MetaData, PrimaryKeyConstraint, Table, UniqueConstraint, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import AddConstraint, DropConstraint

from poller.central.store.database import Database
from poller.central.store.schema import metadata
from poller.errors import HostError

KEY = "account"
_LEADER = "site"
"""The table whose division the others follow: rows of an account are together, whatever table they are in."""
_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


def faults(of: MetaData = metadata) -> list[str]:
    """Return what in the schema could not be spread, one sentence each."""
    return sorted({fault for table in of.tables.values() for fault in _faults_of(table)})


def _faults_of(table: Table) -> Iterator[str]:
    if is_copied(table):
        for key in _references(table):
            if not is_copied(key.referred_table):
                yield f"{table.name}: is copied and refers to {key.referred_table.name}, which is divided"
        return
    if KEY not in table.c:
        yield f"{table.name}: has no column {KEY}, and is not marked as copied"
        return
    month = table.info.get("by_month")
    for name, columns in _unique_keys(table):
        if KEY not in columns:
            yield f"{table.name}: the unique key {name} is without {KEY}"
        if month is not None and month not in columns:
            yield f"{table.name}: the unique key {name} is without {month}, by which it is divided into months"
    for key in _references(table):
        pairs = {(element.parent.name, element.column.name) for element in key.elements}
        if not is_copied(key.referred_table) and (KEY, KEY) not in pairs:
            yield f"{table.name}: refers to {key.referred_table.name} without {KEY}"


def statements(of: MetaData = metadata, *, done: frozenset[str] = frozenset()) -> list[str]:
    """Return the SQL that spreads a store, or what is new of one, where *done* are the tables that are spread already."""
    tables = [table for table in of.sorted_tables if table.name not in done]
    references = [key for table in of.sorted_tables for key in _references(table) if not {table.name, key.referred_table.name} <= done]
    copied = [table for table in tables if is_copied(table)]
    divided = sorted((table for table in tables if not is_copied(table)), key=lambda table: table.name != _LEADER)
    return [
        "SET LOCAL citus.multi_shard_modify_mode TO 'sequential'",
        *(_sql(DropConstraint(key, if_exists=True)) for key in references),
        *(f"SELECT create_reference_table('{table.name}')" for table in copied),
        *(f"SELECT create_distributed_table('{table.name}', '{KEY}'{_beside(table)})" for table in divided),
        *(_sql(AddConstraint(key)) for key in references),
    ]


async def distribute(database: Database) -> list[str]:
    """Spread the store in one transaction; returns what was done. Raises HostError where there is no Citus, UnavailableError."""
    if database.is_sqlite:
        raise HostError("only PostgreSQL can be spread", hint="set [database] url")
    async with database.writing() as db:
        if not await db.scalar(text("SELECT count(*) FROM pg_extension WHERE extname = 'citus'")):
            raise HostError("this PostgreSQL has no Citus", hint="CREATE EXTENSION citus, and add its machines: docs/scale.md")
        wanted = statements(done=await db.run_sync(spread_already))
        if len(wanted) == 1:
            return []
        for statement in wanted:
            await db.exec_driver_sql(statement)
    return wanted


def spread_already(db: Connection) -> frozenset[str]:
    """Return which tables are spread: none where there is no Citus."""
    if db.dialect.name != "postgresql" or not db.scalar(text("SELECT to_regclass('pg_dist_partition') IS NOT NULL")):
        return frozenset()
    names = db.execute(text("SELECT relname FROM pg_dist_partition JOIN pg_class ON pg_class.oid = logicalrelid"))
    return frozenset(names.scalars())


def is_copied(table: Table) -> bool:
    return bool(table.info.get("is_copied"))


def _beside(table: Table) -> str:
    return "" if table.name == _LEADER else f", colocate_with => '{_LEADER}'"


def _references(table: Table) -> list[ForeignKeyConstraint]:
    return sorted(table.foreign_key_constraints, key=lambda key: str(key.name))


def _unique_keys(table: Table) -> Iterator[tuple[str, set[str]]]:
    for constraint in table.constraints:
        if isinstance(constraint, PrimaryKeyConstraint | UniqueConstraint) and len(constraint.columns):
            yield str(constraint.name or "primary"), {column.name for column in constraint.columns}
    for index in table.indexes:
        if index.unique:
            yield str(index.name), {column.name for column in index.columns}


def _sql(element: AddConstraint | DropConstraint) -> str:
    return " ".join(str(element.compile(dialect=_DIALECT)).split())
