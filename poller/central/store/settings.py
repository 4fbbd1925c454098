"""Versions of settings. A version belongs to one agent or one site; the newest that concerns an agent is the one it goes by.

Versions rise within the account, over all its agents and sites: what is set later always has the higher number, wherever it is set, and
an agent takes nothing that is not newer than what it has.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import func, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from poller.central.store.tables import account as accounts
from poller.central.store.tables import agent as agents
from poller.central.store.tables import settings


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """`body` is sealed. Exactly one of `site` and `agent` is set."""

    version: int
    site: str | None
    agent: str | None
    body: bytes
    signing: str
    set_utc: datetime
    set_by: str


async def next_version(db: AsyncConnection, of: str) -> int:
    """Return a number above all of this account, and above what any agent of it says to have: a backup may have been restored here."""
    await db.execute(select(accounts.c.account).where(accounts.c.account == of).with_for_update())  # one after the other
    mine = await db.scalar(select(func.max(settings.c.version)).where(settings.c.account == of))
    theirs = await db.scalar(select(func.max(agents.c.settings_version)).where(agents.c.account == of))
    return max(mine or 0, theirs or 0) + 1


async def add(
    db: AsyncConnection,
    of: str,
    version: int,
    *,
    site: str | None,
    agent: str | None,
    body: bytes,
    signing: str,
    who: str,
    now_utc: datetime,
) -> None:
    await db.execute(
        insert(settings).values(
            account=of, version=version, site=site, agent=agent, body=body, signing=signing, set_utc=now_utc, set_by=who
        )
    )


async def newest(db: AsyncConnection, of: str, *, site: str, agent: str) -> int:
    """Return the version an agent at a site is to go by; 0 when nothing was ever set."""
    concerns = (settings.c.account == of) & or_(settings.c.agent == agent, settings.c.site == site)
    return await db.scalar(select(func.max(settings.c.version)).where(concerns)) or 0


async def load(db: AsyncConnection, of: str, version: int) -> Version | None:
    mine = (settings.c.account == of) & (settings.c.version == version)
    row = (await db.execute(select(settings).where(mine))).mappings().one_or_none()
    return None if row is None else _version(dict(row))


async def newest_of_every(db: AsyncConnection, of: str) -> list[Version]:
    """Return what was set last for each site and each agent of an account, oldest first."""
    last = select(func.max(settings.c.version)).where(settings.c.account == of).group_by(settings.c.site, settings.c.agent)
    query = select(settings).where(settings.c.account == of, settings.c.version.in_(last)).order_by(settings.c.version)
    return [_version(dict(row)) for row in (await db.execute(query)).mappings()]


async def newest_of(db: AsyncConnection, of: str, *, site: str | None = None, agent: str | None = None) -> Version | None:
    """Return the newest version that was set for exactly this site, or exactly this agent."""
    mine = settings.c.agent == agent if agent is not None else settings.c.site == site
    query = select(settings).where(settings.c.account == of, mine).order_by(settings.c.version.desc()).limit(1)
    row = (await db.execute(query)).mappings().one_or_none()
    return None if row is None else _version(dict(row))


def _version(row: dict[str, Any]) -> Version:
    return Version(**{str(name): value for name, value in row.items() if name != "account"})
