"""What an account may send a day: bytes of lines, by the day of UTC, whatever number of agents and of `serve` processes it comes through.

Disk is what all accounts share, and readings are kept for weeks: one customer whose agents send without end would fill it for everybody.
What was stored today is asked of the database once a minute and counted on from there, so several processes let through a minute's worth
more between them. Whoever is over keeps its batches and comes again; nothing is lost, and heartbeats and settings go on.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from poller.central.receiving.answers import RefusalError
from poller.central.receiving.groups import Groups
from poller.central.store import batches
from poller.central.store.database import Database
from poller.clock import Clock
from poller.logs import WARNING, emit

log = logging.getLogger(__name__)

MEGABYTE = 10**6
COME_AGAIN_SECONDS = 900
"""Not tomorrow: the operator may allow more meanwhile. As often as a heartbeat."""
_ASKED_SECONDS = 60.0
_LOOKUPS_MAX = 500  # in one statement
_ACCOUNTS_MAX = 10_000


@dataclass(slots=True)
class _Used:
    day: date
    count_bytes: int
    asked_at: float
    is_told: bool = False


class Quota:
    """`admit` before a batch is opened, `add` once it is stored."""

    def __init__(self, database: Database, clock: Clock, *, megabytes_per_day: int) -> None:
        self._database, self._clock = database, clock
        self._bytes_per_day = megabytes_per_day * MEGABYTE
        self._used: OrderedDict[str, _Used] = OrderedDict()
        self._lookups: Groups[str, int] = Groups(self._ask, at_once=1, count_max=_LOOKUPS_MAX)

    async def admit(self, account: str) -> None:
        """Return while an account may send more today. Raises RefusalError, UnavailableError.

        The batch that goes over is still taken: the largest there is would else be refused for ever under a small quota.
        """
        used = await self._look(account)
        if used.count_bytes < self._bytes_per_day:
            return
        if not used.is_told:
            used.is_told = True
            emit(log, WARNING, "central.over_quota", account=account, bytes_today=used.count_bytes, bytes_per_day=self._bytes_per_day)
        raise RefusalError("over-quota", "this customer sent all it may send in a day", retry_seconds=COME_AGAIN_SECONDS)

    def add(self, account: str, count_bytes: int) -> None:
        """Count a batch that was stored."""
        if (used := self._used.get(account)) is not None:
            used.count_bytes += count_bytes

    def count_over(self) -> int:
        """Return how many accounts are over today, of those this process has heard."""
        today = self._clock.utc().astimezone(UTC).date()
        return sum(one.day == today and one.count_bytes >= self._bytes_per_day for one in self._used.values())

    async def close(self) -> None:
        await self._lookups.close()

    async def _look(self, account: str) -> _Used:
        today, now_at = self._clock.utc().astimezone(UTC).date(), self._clock.monotonic()
        used = self._used.get(account)
        if used is None or used.day != today:
            asked_bytes = await self._lookups.do(account)
            used = self._used.get(account)
            if used is None or used.day != today:  # of several that asked the first counts, and what was stored since
                used = self._used[account] = _Used(today, asked_bytes, now_at)
                if len(self._used) > _ACCOUNTS_MAX:
                    self._used.popitem(last=False)
        elif now_at >= used.asked_at + _ASKED_SECONDS:
            used.asked_at = now_at  # one asks, the others go by what was known
            used.count_bytes = await self._lookups.do(account)
        self._used.move_to_end(account)
        return used

    async def _ask(self, accounts: Sequence[str]) -> list[int]:
        today = self._clock.utc().astimezone(UTC).date()
        since_utc = datetime(today.year, today.month, today.day, tzinfo=UTC)
        async with self._database.reading() as db:
            found = await batches.bytes_since(db, set(accounts), since_utc)
        return [found.get(account, 0) for account in accounts]
