"""What is made from the lines of agents after they were received: account by account, some batches a step, each step one transaction.

A step can be repeated, cut off and run by several processes: which batches are in is written down in the transaction that puts them there
(`store/cursors.py`), and of several processes that would do the same account one does it.
"""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from typing import ClassVar

from sqlalchemy.ext.asyncio import AsyncConnection

from poller.central.store.cursors import Cursor
from poller.central.store.database import Database, UnavailableError
from poller.central.store.personal import ErasedError
from poller.clock import Clock
from poller.errors import SealError
from poller.logs import ERROR, WARNING, emit
from poller.sealing.local_key import LocalKey

log = logging.getLogger(__name__)

_REST_SECONDS = 600.0
"""How long an account is left alone whose batches cannot be taken in for a reason that needs a person."""
_LOOK_BACK_SECONDS = 600.0
"""How often it is looked whether a batch was committed late."""


class Follower(ABC):
    """Brings something of every account up to date. *store* is central's store key."""

    WHAT: ClassVar[str]
    """What the log calls it."""
    CURSOR: ClassVar[Cursor]
    EVERY_SECONDS: ClassVar[float]

    def __init__(self, database: Database, store: LocalKey, clock: Clock) -> None:
        self._database, self._store, self._clock = database, store, clock
        self._rest_until_at: dict[str, float] = {}

    async def run(self) -> None:
        """Look for new batches for ever; to be cancelled. A database that does not answer is asked again."""
        look_back_at = self._clock.monotonic()
        while True:
            is_looking_back = self._clock.monotonic() >= look_back_at
            try:
                await self.process_due(is_looking_back=is_looking_back)
            except UnavailableError as error:
                emit(log, WARNING, f"{self.WHAT}.waiting", reason=error.reason)
            else:
                look_back_at += _LOOK_BACK_SECONDS if is_looking_back else 0
            await asyncio.sleep(self.EVERY_SECONDS)

    async def process_due(self, *, is_looking_back: bool = True) -> int:
        """Bring every account up to date that received something; return how many batches were taken in. Raises UnavailableError."""
        async with self._database.reading() as db:
            due = await self.accounts_due(db, is_looking_back=is_looking_back)
        count = 0
        now_at = self._clock.monotonic()
        for account in due:
            if now_at < self._rest_until_at.get(account, now_at):
                continue
            try:
                count += await self.process(account)
            except ErasedError:
                continue
            except UnavailableError:
                raise
            except SealError as error:  # another store.key than the account's was made under
                self._rest_until_at[account] = now_at + _REST_SECONDS
                emit(log, ERROR, f"{self.WHAT}.key_refused", account=account, reason=str(error))
            except Exception as error:  # noqa: BLE001 - a fault of ours: the other accounts go on, and so does receiving
                self._rest_until_at[account] = now_at + _REST_SECONDS
                emit(log, ERROR, f"{self.WHAT}.failed", account=account, exc_info=error)
        return count

    async def accounts_due(self, db: AsyncConnection, *, is_looking_back: bool) -> list[str]:
        """Return the accounts that have something to do."""
        return await self.CURSOR.accounts_due(db, is_looking_back=is_looking_back)

    async def process(self, account: str) -> int:
        """Bring an account up to date; return how many batches were taken in. Raises ErasedError, SealError, UnavailableError."""
        count = 0
        while (taken := await self.step(account)) > 0:
            count += taken
        return count

    @abstractmethod
    async def step(self, account: str) -> int:
        """Take in the next batches in one transaction; return how many: 0 when there are none, or another process is at it."""
