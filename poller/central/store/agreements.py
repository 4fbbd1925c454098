"""What is agreed with an account, and what of it differs at a site, in the database: only what was said; the rest is as it is above."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, ForeignKeyConstraint, String, Table, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from poller.central.store.tables import NAME_CHARACTERS_MAX, UtcTime, account, account_column, metadata, site

agreement = Table(
    "agreement",
    metadata,
    account_column(),
    Column("site", String(NAME_CHARACTERS_MAX), primary_key=True, comment="empty for the account"),
    Column("rules", JSON, nullable=False, comment="by name, as poller/central/supplies/agreements.py reads them"),
    Column("changed_utc", UtcTime, nullable=False),
    ForeignKeyConstraint(["account"], ["account.account"]),
)


async def load(db: AsyncConnection, of: str) -> dict[str, dict[str, Any]]:
    """Return the rules by site; those of the account under the empty name."""
    return {row.site: row.rules for row in await db.execute(select(agreement.c.site, agreement.c.rules).where(agreement.c.account == of))}


async def save(db: AsyncConnection, of: str, at: str, rules: Mapping[str, Any], *, now_utc: datetime) -> None:
    insert = (postgresql if db.dialect.name == "postgresql" else sqlite).insert(agreement)
    changing = {"rules": dict(rules), "changed_utc": now_utc}
    statement = insert.values(account=of, site=at, **changing).on_conflict_do_update(index_elements=("account", "site"), set_=changing)
    await db.execute(statement)


async def title(db: AsyncConnection, of: str) -> str | None:
    """Return what people call an account."""
    found: str | None = await db.scalar(select(account.c.title).where(account.c.account == of))
    return found


async def zones(db: AsyncConnection, of: str) -> dict[str, str]:
    """Return the time zone of each site of an account."""
    return {row.site: row.time_zone or "UTC" for row in await db.execute(select(site.c.site, site.c.time_zone).where(site.c.account == of))}
