"""What may tell of a person, sealed under a key of its account; and that key, sealed under central's own.

Erasing an account destroys its key: then nothing sealed under it opens again, whoever has the database and central's key folder. The
hashes that stand for MAC and IP addresses are made with a key derived from it, so nobody can try addresses until one fits, either.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

import msgspec
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from poller.central.store.inventory import DEALER, account_key
from poller.errors import PollerError
from poller.sealing.local_key import LocalKey

_KEY_BYTES = 32
_HASH_DIGITS = 32  # 128 bits

Facts = dict[str, str]


class ErasedError(PollerError):
    """The account's key was destroyed. Nothing personal of it can be read or written any more."""

    def __init__(self, account: str) -> None:
        super().__init__(f"account {account} was erased")


class Personal:
    """Seals and opens the personal facts of one account."""

    def __init__(self, account: str, key: LocalKey) -> None:
        self._account, self._key = account, key
        self._hash_key = key.derive("names of devices")

    def seal(self, table: str, row: str, facts: Mapping[str, str | None]) -> bytes | None:
        """Return *facts* sealed for their row, without those that are None or empty; None where none is left."""
        told = {name: text for name, text in facts.items() if text}
        return self._key.seal(msgspec.json.encode(told), self._about(table, row)) if told else None

    def open(self, table: str, row: str, sealed: bytes | None) -> Facts:
        """Return what was sealed for this row. Raises SealError for what belongs to another."""
        return {} if sealed is None else msgspec.json.decode(self._key.open(sealed, self._about(table, row)), type=Facts)

    def blind(self, text: str) -> str:
        """Return the hash that stands for *text* in this account: always the same, and nobody's guess without the key."""
        return hmac.new(self._hash_key, text.encode(), sha256).hexdigest()[:_HASH_DIGITS]

    def _about(self, table: str, row: str) -> bytes:
        return "\0".join((self._account, table, row)).encode()


async def open_account(db: AsyncConnection, store: LocalKey, account: str, *, now_utc: datetime) -> Personal:
    """Return what seals and opens for *account*; makes its key at the first time. Raises ErasedError, SealError."""
    if account == DEALER:
        return Personal(account, LocalKey(store.derive("the dealer's own people")))
    wrapped = await _wrapped(db, account)
    if wrapped is None:
        fresh = store.seal(secrets.token_bytes(_KEY_BYTES), _about_key(account))
        try:
            async with db.begin_nested():
                await db.execute(insert(account_key).values(account=account, wrapped=fresh, made_utc=now_utc))
            wrapped = fresh
        except IntegrityError:  # another process was faster
            wrapped = await _wrapped(db, account)
    if not wrapped:
        raise ErasedError(account)
    return Personal(account, LocalKey(store.open(wrapped, _about_key(account))))


async def destroy(db: AsyncConnection, account: str, *, now_utc: datetime) -> None:
    """Destroy the key of *account*; what stays of it is that it was."""
    values = {"wrapped": b"", "made_utc": now_utc}
    if (await db.execute(update(account_key).where(account_key.c.account == account).values(values))).rowcount == 0:
        await db.execute(insert(account_key).values(account=account, **values))


async def is_erased(db: AsyncConnection, account: str) -> bool:
    return bool(await _wrapped(db, account) == b"")


async def _wrapped(db: AsyncConnection, account: str) -> Any:
    return await db.scalar(select(account_key.c.wrapped).where(account_key.c.account == account))


def _about_key(account: str) -> bytes:
    return b"account key\0" + account.encode()
