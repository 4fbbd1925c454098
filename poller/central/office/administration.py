"""What the dealer's people do: accounts, sites, tokens, agents, settings. Everything they do is in the audit log.

Everything here may be done while `serve` runs, in another process: what matters to a request is looked up for each.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from poller.central.keys import Keys
from poller.central.store import agents, agreements, settings
from poller.central.store.agents import KnownToken
from poller.central.store.database import Database
from poller.central.store.tables import NAME_CHARACTERS_MAX
from poller.errors import PollerError
from poller.sealing.token import Token, hash_of

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?")
TOKEN_HOURS_MAX = 24 * 90
HASH_SHOWN = 12


class NotDoneError(PollerError):
    """What was asked for cannot be done; the text says why, and what could be done instead."""


class Administration:
    """*who* is written into the audit log beside everything done."""

    def __init__(self, database: Database, keys: Keys, *, who: str) -> None:
        self._database, self._keys, self._who = database, keys, who

    async def add_account(self, name: str, *, title: str | None = None, now_utc: datetime) -> None:
        """Add a customer. Raises NotDoneError."""
        _check_name("account", name)
        async with self._database.writing() as db:
            if not await agents.add_account(db, name, title=title, now_utc=now_utc):
                raise NotDoneError(f"there is an account {name} already")
            await agents.note(db, name, who=self._who, what="add-account", subject=name, now_utc=now_utc)

    async def add_site(self, account: str, name: str, *, title: str | None = None, now_utc: datetime) -> None:
        """Add a place where an agent will be. Raises NotDoneError."""
        _check_name("site", name)
        async with self._database.writing() as db:
            await self._check_account(db, account)
            if not await agents.add_site(db, account, name, title=title, now_utc=now_utc):
                raise NotDoneError(f"account {account} has a site {name} already")
            if (await agreements.load(db, account)).get("", {}).get("state") == "live":
                await agreements.save(db, account, name, {"state": "trial"}, now_utc=now_utc)  # a new one is, whatever the others are
            await agents.note(db, account, who=self._who, what="add-site", subject=name, now_utc=now_utc)

    async def new_token(self, account: str, site: str, *, address: str, valid: timedelta, now_utc: datetime) -> Token:
        """Return a token that enrols one agent of a site. Only its hash is kept. Raises NotDoneError."""
        if not timedelta() < valid <= timedelta(hours=TOKEN_HOURS_MAX):
            raise NotDoneError(f"a token is valid for at most {TOKEN_HOURS_MAX // 24} days")
        try:
            token = Token.make(address, self._keys.sealing.current.public, self._keys.signing.current.public, expires_utc=now_utc + valid)
        except ValueError as error:
            raise NotDoneError(f"{error}; set [server] address, or give --address") from error
        secret_hash = hash_of(token.reveal_secret())
        async with self._database.writing() as db:
            await self._check_account(db, account)
            if not await agents.has_site(db, account, site):
                raise NotDoneError(f"account {account} has no site {site}; poller central site add {account} {site}")
            await agents.add_token(db, secret_hash=secret_hash, of=account, at=site, now_utc=now_utc, expires_utc=token.expires_utc)
            subject = f"site {site}, token {secret_hash[:HASH_SHOWN]}"
            await agents.note(db, account, who=self._who, what="new-token", subject=subject, now_utc=now_utc)
        return token

    async def revoke_token(self, begin: str, *, now_utc: datetime) -> KnownToken:
        """Revoke the one unused token whose id begins so. Raises NotDoneError."""
        async with self._database.writing() as db:
            found = await agents.revoke_tokens(db, begin, now_utc=now_utc)
            if len(found) != 1:
                raise NotDoneError(f"{len(found) or 'no'} unused tokens begin with {begin}; poller central token list")
            subject = f"site {found[0].site}, token {found[0].hash[:HASH_SHOWN]}"
            await agents.note(db, found[0].account, who=self._who, what="revoke-token", subject=subject, now_utc=now_utc)
        return found[0]

    async def revoke_agent(self, name: str, *, now_utc: datetime) -> dict[str, Any]:
        """Let an agent in no longer, from its next request on, for good. What it sent stays. Raises NotDoneError."""
        one = await self.find_agent(name)
        async with self._database.writing() as db:
            if not await agents.update_agent(db, one["account"], one["agent"], revoked_utc=now_utc):
                raise NotDoneError(f"agent {one['agent']} is revoked already")
            await agents.note(db, one["account"], who=self._who, what="revoke-agent", subject=one["agent"], now_utc=now_utc)
        return one

    async def find_agent(self, begin: str) -> dict[str, Any]:
        """Return the one agent whose id begins so, with or without its `a-`. Raises NotDoneError."""
        name = begin if begin.startswith("a-") else f"a-{begin}"
        async with self._database.reading() as db:
            found = await agents.agents(db, begins=name)
        if len(found) != 1:
            raise NotDoneError(f"{len(found) or 'no'} agents begin with {name}; poller central agent list")
        return found[0]

    async def show_agent(self, begin: str) -> dict[str, Any]:
        """Return what is known of an agent, with the settings it is to go by. Raises NotDoneError."""
        one = await self.find_agent(begin)
        async with self._database.reading() as db:
            newest = await settings.newest(db, one["account"], site=one["site"], agent=one["agent"])
        return {**one, "settings_set": newest}

    async def tokens(self, account: str | None, *, now_utc: datetime) -> list[dict[str, Any]]:
        """Return the tokens, newest first, each with the word for what became of it: open, used, revoked or expired."""
        async with self._database.reading() as db:
            known = await agents.tokens(db, account)
        return [
            {
                "token": one.hash[:HASH_SHOWN],
                "account": one.account,
                "site": one.site,
                "state": _state_of(one, now_utc),
                "made_utc": one.made_utc,
                "expires_utc": one.expires_utc,
                "used_utc": one.used_utc,
            }
            for one in known
        ]

    async def check_site(self, account: str, site: str) -> None:
        """Return when there is such a site. Raises NotDoneError."""
        async with self._database.reading() as db:
            await self._check_account(db, account)
            if not await agents.has_site(db, account, site):
                raise NotDoneError(f"account {account} has no site {site}; poller central site list {account}")

    async def _check_account(self, db: AsyncConnection, name: str) -> None:
        if not await agents.has_account(db, name):
            raise NotDoneError(f"there is no account {name}; poller central account list")


def _state_of(one: KnownToken, now_utc: datetime) -> str:
    if one.used_utc is not None:
        return "used"
    if one.revoked_utc is not None:
        return "revoked"
    return "expired" if now_utc >= one.expires_utc else "open"


def _check_name(what: str, name: str) -> None:
    if len(name) > NAME_CHARACTERS_MAX or _NAME.fullmatch(name) is None:
        raise NotDoneError(
            f"{name!r} is no name of {what}: want up to {NAME_CHARACTERS_MAX} lower-case letters, digits, '.', '_' and '-';"
            " what people call it is its --title"
        )
