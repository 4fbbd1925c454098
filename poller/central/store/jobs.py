"""The jobs of production presses in the database: their tables, how far batches are in them, and what is asked of them.

A job is known by its site and the key in its line. The first of two lines with one key stays, as at the agent that sent them: a line may
come twice after a crash, and says the same. Which document it was and whose is sealed in `personal`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ColumnElement,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    String,
    Table,
    and_,
    delete,
    false,
    func,
    or_,
    select,
    tuple_,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from poller.central.store.database import Database
from poller.central.store.inventory import TEXT_CHARACTERS_MAX
from poller.central.store.personal import Personal
from poller.central.store.tables import (
    AGENT_ID_CHARACTERS_MAX,
    NAME_CHARACTERS_MAX,
    UtcTime,
    account,
    account_column,
    metadata,
)

KEY_DIGITS = 32
COUNTS = ("impressions", "black", "colour", "sheets")
"""What a job counts, as columns; the rest of its line is in `body`."""
_DELETED_AT_ONCE = 5000

job = Table(
    "job",
    metadata,
    account_column(),
    Column("site", String(NAME_CHARACTERS_MAX), primary_key=True),
    Column("key", String(KEY_DIGITS), primary_key=True, comment="the same for the same record of the press's log"),
    Column("agent", String(AGENT_ID_CHARACTERS_MAX), nullable=False, comment="that sent it first"),
    Column("received_utc", UtcTime, nullable=False),
    Column("at_utc", UtcTime, nullable=True, comment="completed, else printed, else submitted; null where the log does not say"),
    Column("server", String(TEXT_CHARACTERS_MAX), nullable=True, comment="the press"),
    Column("cost_centre", String(TEXT_CHARACTERS_MAX), nullable=True),
    *(Column(name, BigInteger, nullable=True) for name in COUNTS),
    Column("body", JSON, nullable=False, comment="what else its line has, without what is null"),
    Column("personal", LargeBinary, nullable=True, comment="document, sender, recipient: sealed under the account's key"),
    ForeignKeyConstraint(["account"], ["account.account"]),
    Index(None, "account", "at_utc"),
    Index(None, "account", "received_utc"),
)

# --- kept -------------------------------------------------------------------------------------------------------------------


async def add(db: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add jobs, rows of `job`; those that are here stay as they are."""
    if rows:
        await db.execute(_insert(db, job).on_conflict_do_nothing(), rows)


async def prune(database: Database, kept_from: datetime) -> int:
    """Delete the jobs that arrived before *kept_from*, some at a time; return how many. Raises UnavailableError."""
    count = 0
    async with database.reading() as db:
        accounts = list((await db.execute(select(account.c.account))).scalars())
    for of in accounts:
        old = select(job.c.site, job.c.key).where(job.c.account == of, job.c.received_utc < kept_from).limit(_DELETED_AT_ONCE)
        done = _DELETED_AT_ONCE
        while done == _DELETED_AT_ONCE:
            async with database.writing() as db:
                done = (await db.execute(delete(job).where(job.c.account == of, tuple_(job.c.site, job.c.key).in_(old)))).rowcount
            count += done
    return count


# --- asked -----------------------------------------------------------------------------------------------------------------


class Wanted(NamedTuple):
    """Which jobs. `periods` are the sites with first and last-but-not-included moment of each, where a period is asked for at all.

    A job whose log does not say when it was is in no period. The cost centre "" is that of jobs without one.
    """

    account: str
    site: str | None = None
    cost_centre: str | None = None
    periods: Sequence[tuple[str, datetime | None, datetime | None]] | None = None

    def where(self) -> ColumnElement[bool]:
        terms = [job.c.account == self.account]
        if self.site is not None:
            terms.append(job.c.site == self.site)
        if self.cost_centre is not None:
            terms.append(job.c.cost_centre == self.cost_centre if self.cost_centre else job.c.cost_centre.is_(None))
        if self.periods is not None:
            terms += [job.c.at_utc.is_not(None), or_(false(), *(_within(*period) for period in self.periods))]
        return and_(*terms)


async def find(db: AsyncConnection, wanted: Wanted, personal: Personal, *, rows_max: int) -> list[dict[str, Any]]:
    """Return the newest jobs, oldest first, those without a time before them: the columns, then the rest of the line."""
    newest = (job.c.at_utc.desc().nulls_last(), job.c.site, job.c.key)
    rows = (await db.execute(select(job).where(wanted.where()).order_by(*newest).limit(rows_max))).mappings()
    return [_listed(row, personal) for row in rows][::-1]


async def sums(db: AsyncConnection, wanted: Wanted) -> list[dict[str, Any]]:
    """Return by cost centre how many jobs, what they count, and of how many the log does not say the impressions (`uncounted`).

    A sum is null where no job of the cost centre has the count at all.
    """
    counted = [func.sum(job.c[name]).label(name) for name in COUNTS]
    jobs, uncounted = func.count().label("jobs"), (func.count() - func.count(job.c.impressions)).label("uncounted")
    query = select(job.c.cost_centre, jobs, *counted, uncounted).where(wanted.where()).group_by(job.c.cost_centre)
    rows = (await db.execute(query.order_by(job.c.cost_centre.nulls_last()))).mappings()
    return [dict(row) | {name: None if row[name] is None else int(row[name]) for name in COUNTS} for row in rows]


def _within(site: str, begin_utc: datetime | None, end_utc: datetime | None) -> ColumnElement[bool]:
    terms = [job.c.site == site]
    if begin_utc is not None:
        terms.append(job.c.at_utc >= begin_utc)
    if end_utc is not None:
        terms.append(job.c.at_utc < end_utc)
    return and_(*terms)


def _listed(row: Mapping[Any, Any], personal: Personal) -> dict[str, Any]:
    plain = {name: value for name, value in row.items() if name not in ("account", "body", "personal")}
    return {**plain, **row["body"], **personal.open(job.name, row["key"], row["personal"])}


def _insert(db: AsyncConnection, table: Table) -> Any:
    return (postgresql if db.dialect.name == "postgresql" else sqlite).insert(table)
