"""Accounts, sites, agents, tokens: who may send, and what is known of them."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import delete, exists, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from poller.central.store import copying
from poller.central.store.database import Database
from poller.central.store.tables import account, agent, agent_key, audit, batch, nonce, site, token

NONCES_FORGOTTEN_MAX = 1000  # of one account, each time one is kept: far more than arrive


class KnownAgent(msgspec.Struct, frozen=True, kw_only=True):
    """An agent as a request of it is judged. `signing` and `sealing` are its public lines, `pinned_signing` the id of our key it knows."""

    account: str
    agent: str
    site: str
    key_id: str
    signing: str
    sealing: str
    pinned_signing: str
    is_revoked: bool
    settings_version: int


class KnownToken(msgspec.Struct, frozen=True, kw_only=True):
    hash: str
    account: str
    site: str
    made_utc: datetime
    expires_utc: datetime
    revoked_utc: datetime | None
    used_utc: datetime | None
    used_by: str | None


_KNOWN_AGENT = select(
    agent.c.account,
    agent.c.agent,
    agent.c.site,
    agent_key.c.key_id,
    agent_key.c.signing,
    agent_key.c.sealing,
    agent.c.pinned_signing,
    agent.c.revoked_utc,
    agent.c.settings_version,
).join_from(agent_key, agent, (agent.c.account == agent_key.c.account) & (agent.c.agent == agent_key.c.agent))


# --- accounts and sites ----------------------------------------------------------------------------------------------------


async def add_account(db: AsyncConnection, name: str, *, title: str | None, now_utc: datetime) -> bool:
    """Add an account; False when there is one of this name."""
    return await _add(db, insert(account).values(account=name, title=title, added_utc=now_utc))


async def add_site(db: AsyncConnection, of: str, name: str, *, title: str | None, now_utc: datetime) -> bool:
    """Add a site to an account; False when it has one of this name."""
    return await _add(db, insert(site).values(account=of, site=name, title=title, added_utc=now_utc))


async def accounts(db: AsyncConnection) -> list[dict[str, Any]]:
    """Return every account with how many sites and agents it has."""
    # Three questions, not one: Citus joins a table that is copied to every machine with what is divided only where that comes first.
    found = {row["account"]: dict(row) | {"sites": 0, "agents": 0} for row in (await db.execute(select(account))).mappings()}
    for name, query in (
        ("sites", select(site.c.account, func.count()).group_by(site.c.account)),
        ("agents", select(agent.c.account, func.count()).where(agent.c.revoked_utc.is_(None)).group_by(agent.c.account)),
    ):
        for of, count in await db.execute(query):
            if of in found:
                found[of][name] = count
    return [found[name] for name in sorted(found)]


async def sites(db: AsyncConnection, of: str | None = None) -> list[dict[str, Any]]:
    """Return the sites, of one account or of all, with their agents and when the last one of them was heard."""
    its = (agent.c.account == site.c.account) & (agent.c.site == site.c.site) & agent.c.revoked_utc.is_(None)
    query = (
        select(site, func.count(agent.c.agent).label("agents"), func.max(agent.c.seen_utc).label("seen_utc"))
        .outerjoin_from(site, agent, its)
        .group_by(*site.c)
        .order_by(site.c.account, site.c.site)
    )
    if of is not None:
        query = query.where(site.c.account == of)
    return [dict(row) for row in (await db.execute(query)).mappings()]


async def has_account(db: AsyncConnection, name: str) -> bool:
    return bool(await db.scalar(select(exists().where(account.c.account == name))))


async def has_site(db: AsyncConnection, of: str, name: str) -> bool:
    return bool(await db.scalar(select(exists().where(site.c.account == of, site.c.site == name))))


# --- tokens ----------------------------------------------------------------------------------------------------------------


async def add_token(db: AsyncConnection, *, secret_hash: str, of: str, at: str, now_utc: datetime, expires_utc: datetime) -> None:
    await db.execute(insert(token).values(hash=secret_hash, account=of, site=at, made_utc=now_utc, expires_utc=expires_utc))


async def find_token(db: AsyncConnection, secret_hash: str) -> KnownToken | None:
    row = (await db.execute(select(token).where(token.c.hash == secret_hash).with_for_update())).mappings().one_or_none()
    return None if row is None else KnownToken(**row)


async def use_token(db: AsyncConnection, secret_hash: str, *, key_id: str, now_utc: datetime) -> None:
    await db.execute(update(token).where(token.c.hash == secret_hash).values(used_utc=now_utc, used_by=key_id))


async def tokens(db: AsyncConnection, of: str | None = None) -> list[KnownToken]:
    """Return the tokens, newest first. Their secrets are nowhere."""
    query = select(token).order_by(token.c.made_utc.desc())
    if of is not None:
        query = query.where(token.c.account == of)
    return [KnownToken(**row) for row in (await db.execute(query)).mappings()]


async def revoke_tokens(db: AsyncConnection, begin: str, *, now_utc: datetime) -> list[KnownToken]:
    """Revoke the unused tokens whose hash begins so, and return them."""
    mine = token.c.hash.startswith(begin, autoescape=True) & token.c.used_utc.is_(None) & token.c.revoked_utc.is_(None)
    found = [KnownToken(**row) for row in (await db.execute(select(token).where(mine))).mappings()]
    if len(found) == 1:
        await db.execute(update(token).where(mine).values(revoked_utc=now_utc))
    return found


# --- agents ----------------------------------------------------------------------------------------------------------------


async def find_agents(database: Database, key_ids: Sequence[str]) -> dict[str, KnownAgent]:
    """Return whose signing keys these are, by key id, in one round trip; who is not known is not in it. Raises UnavailableError."""
    if database.is_sqlite:
        async with database.reading() as db:
            rows = (await db.execute(_KNOWN_AGENT.where(agent_key.c.key_id.in_(key_ids)))).mappings().all()
        return {row["key_id"]: _known_agent(dict(row)) for row in rows}
    async with database.asking() as connection:
        found = await copying.find_agents(connection, key_ids)
    return {row["key_id"]: KnownAgent(**row) for row in found}


async def find_agent(db: AsyncConnection, key_id: str) -> KnownAgent | None:
    """Return whose signing key this is."""
    row = (await db.execute(_KNOWN_AGENT.where(agent_key.c.key_id == key_id))).mappings().one_or_none()
    return None if row is None else _known_agent(dict(row))


def _known_agent(facts: dict[str, Any]) -> KnownAgent:
    return KnownAgent(is_revoked=facts.pop("revoked_utc") is not None, **facts)


async def add_agent(db: AsyncConnection, one: KnownAgent, *, version: str, now_utc: datetime) -> None:
    await db.execute(
        insert(agent).values(
            account=one.account,
            agent=one.agent,
            site=one.site,
            enrolled_utc=now_utc,
            pinned_signing=one.pinned_signing,
            seen_utc=now_utc,
            version=version,
        )
    )
    await db.execute(
        insert(agent_key).values(
            key_id=one.key_id, account=one.account, agent=one.agent, signing=one.signing, sealing=one.sealing, added_utc=now_utc
        )
    )


async def update_agent(db: AsyncConnection, of: str, name: str, **values: Any) -> bool:
    """Change columns of an agent that is not revoked; False when it is, or there is none. What a revoked one sends ends here."""
    mine = (agent.c.account == of) & (agent.c.agent == name) & agent.c.revoked_utc.is_(None)
    return (await db.execute(update(agent).where(mine).values(**values))).rowcount == 1


async def agents(db: AsyncConnection, *, of: str | None = None, begins: str | None = None) -> list[dict[str, Any]]:
    """Return the agents by account and site, each with its signing key id and its batches."""
    received = (
        select(
            batch.c.account,
            batch.c.agent,
            func.count().label("batches"),
            func.sum(batch.c.lines).label("lines"),
            func.sum(batch.c.unreadable).label("unreadable"),
        )
        .group_by(batch.c.account, batch.c.agent)
        .subquery()
    )
    query = (
        select(
            agent,
            agent_key.c.key_id,
            func.coalesce(received.c.batches, 0).label("batches"),
            func.coalesce(received.c.lines, 0).label("lines"),
            func.coalesce(received.c.unreadable, 0).label("unreadable"),
        )
        .join_from(agent, agent_key, (agent.c.account == agent_key.c.account) & (agent.c.agent == agent_key.c.agent))
        .outerjoin(received, (agent.c.account == received.c.account) & (agent.c.agent == received.c.agent))
        .order_by(agent.c.account, agent.c.site, agent.c.agent)
    )
    if of is not None:
        query = query.where(agent.c.account == of)
    if begins is not None:
        query = query.where(agent.c.agent.startswith(begins, autoescape=True))
    return [dict(row) for row in (await db.execute(query)).mappings()]


async def count_agents(db: AsyncConnection, *, seen_since_utc: datetime) -> dict[str, int]:
    """Return how many agents are heard, silent and revoked."""
    query = select(
        func.count(),
        func.count(agent.c.revoked_utc),
        func.count().filter(agent.c.revoked_utc.is_(None), agent.c.seen_utc >= seen_since_utc),
    )
    total, revoked, heard = (await db.execute(query)).one()
    return {"heard": heard, "silent": total - revoked - heard, "revoked": revoked}


async def silent_sites(db: AsyncConnection, *, rows_max: int) -> list[dict[str, Any]]:
    """Return when something was last heard of each site that has an agent, the longest silent first."""
    seen = func.max(agent.c.seen_utc).label("seen_utc")
    query = select(agent.c.account, agent.c.site, seen).where(agent.c.revoked_utc.is_(None)).group_by(agent.c.account, agent.c.site)
    return [dict(row) for row in (await db.execute(query.order_by(seen).limit(rows_max))).mappings()]


# --- nonces ----------------------------------------------------------------------------------------------------------------


async def admit_nonce(db: AsyncConnection, of: str, *, key_id: str, word: str, now_utc: datetime, keep_seconds: int) -> bool:
    """Note a request as seen, for every process that shares the database; False when it was seen before."""
    old = select(nonce.c.key_id, nonce.c.nonce).where(nonce.c.account == of, nonce.c.until_utc < now_utc).limit(NONCES_FORGOTTEN_MAX)
    for row in (await db.execute(old)).all():
        await db.execute(delete(nonce).where(nonce.c.account == of, nonce.c.key_id == row.key_id, nonce.c.nonce == row.nonce))
    until_utc = now_utc + timedelta(seconds=keep_seconds)
    return await _add(db, insert(nonce).values(account=of, key_id=key_id, nonce=word, until_utc=until_utc))


# --- the audit log ---------------------------------------------------------------------------------------------------------


async def note(db: AsyncConnection, of: str, *, who: str, what: str, subject: str, now_utc: datetime, is_refused: bool = False) -> None:
    """Write down that *who* did *what* to *subject*. Never changed, never removed before its account is."""
    await db.execute(
        insert(audit).values(
            account=of, at_utc=now_utc, id=secrets.token_hex(16), who=who, what=what, subject=subject, is_refused=is_refused
        )
    )


async def audit_log(db: AsyncConnection, of: str, *, rows_max: int) -> list[dict[str, Any]]:
    """Return the newest entries of an account, oldest first."""
    query = select(audit).where(audit.c.account == of).order_by(audit.c.at_utc.desc()).limit(rows_max)
    return [dict(row) for row in (await db.execute(query)).mappings()][::-1]


async def _add(db: AsyncConnection, statement: Any) -> bool:
    """Insert a row; False when its key is taken. The transaction goes on either way."""
    try:
        async with db.begin_nested():
            await db.execute(statement)
    except IntegrityError:
        return False
    return True
