"""What central does beside receiving: daily rows from new batches, months made ahead, the end of what was kept long enough.

Any number of `serve` processes do this on one database; each piece of work is taken by one of them. It is behind when there is much to
receive, and catches up after: batches wait for it in a queue of the database, `fresh`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import Executor
from functools import lru_cache, partial
from zoneinfo import ZoneInfo

from poller.central.meters import dailies
from poller.central.meters.dailies import Days
from poller.central.meters.days import load_zone
from poller.central.receiving.receive import mark_of, read_reading
from poller.central.store import batches, daily, partitions
from poller.central.store.batches import Content
from poller.central.store.database import Database, UnavailableError
from poller.central.store.retention import prune
from poller.central.values import Retention
from poller.clock import Clock
from poller.errors import ConfigError
from poller.logs import INFO, WARNING, emit

log = logging.getLogger(__name__)

EVERY_SECONDS = 60.0
_PRUNE_EVERY_SECONDS = 3600.0
BATCHES_AT_ONCE = 20
"""In one transaction: at most 10,000 lines, whose printers' days fit into memory many times over."""


class Upkeep:
    """`run` until *stop*; `roll_up` and `tidy` are one round of each. *threads* read the lines."""

    def __init__(self, database: Database, retention: Retention, clock: Clock, threads: Executor) -> None:
        self._database, self._retention, self._clock, self._threads = database, retention, clock, threads

    async def run(self, stop: asyncio.Event) -> None:
        """Do what is due, every minute from the next one on; the caller has called `tidy`. What fails now is left to the next round."""
        tidied_at = self._clock.monotonic()
        while not await _comes(stop, EVERY_SECONDS):
            try:
                if self._clock.monotonic() >= tidied_at + _PRUNE_EVERY_SECONDS:
                    await self.tidy()
                    tidied_at = self._clock.monotonic()
                await self.roll_up(stop)
            except UnavailableError as error:
                emit(log, WARNING, "central.upkeep_put_off", reason=error.reason)

    async def tidy(self) -> None:
        """Make the months ahead, and end what is over. Raises UnavailableError."""
        now_utc = self._clock.utc()
        await self._database.ensure_months([(month.table, month.first) for month in partitions.months_ahead(now_utc)])
        gone = await prune(self._database, self._retention, now_utc)
        if gone:
            emit(log, INFO, "central.pruned", gone=" ".join(f"{name}:{count}" for name, count in sorted(gone.items())))

    async def roll_up(self, stop: asyncio.Event | None = None) -> int:
        """Bring all new batches into daily rows, until *stop*. Returns how many there were. Raises UnavailableError."""
        count = 0
        async with self._database.reading() as db:
            accounts = await batches.fresh_accounts(db)
        for account in accounts:
            while done := await self._roll_up_some(account):
                count += done
                if done < BATCHES_AT_ONCE or (stop is not None and stop.is_set()):
                    break
        return count

    async def _roll_up_some(self, account: str) -> int:
        """Take the oldest batches of an account. 0 when there are none, or when another process is at this account."""
        async with self._database.writing() as db:
            if not await daily.try_account(db, account):
                return 0
            contents = await batches.take_fresh(db, account, batches_max=BATCHES_AT_ONCE)
            if not contents:
                return 0
            sites = await daily.sites_of_agents(db, account)
            work = partial(_fold, contents, {agent: (site, _zone(name)) for agent, (site, name) in sites.items()})
            days = await asyncio.get_running_loop().run_in_executor(self._threads, work)
            await self._database.ensure_months({("daily", day) for day, _ in days})
            await daily.join(db, account, days)
        return len(contents)


async def _comes(stop: asyncio.Event, within_seconds: float) -> bool:
    try:
        await asyncio.wait_for(stop.wait(), within_seconds)
    except TimeoutError:
        return False
    return True


def _fold(contents: Sequence[Content], sites: dict[str, tuple[str, ZoneInfo]]) -> Days:
    """Return the days in *contents*. What cannot be read, and what was dated by a wrong clock, is in none."""
    days: Days = {}
    for content in contents:
        site, zone = sites[content.agent]
        for line in content.lines:
            try:
                reading = read_reading(line)
            except (ValueError, RecursionError):
                continue
            if reading.is_printer and mark_of(reading.taken_at, content.received_utc) is None:
                dailies.add(days, [dailies.day_of(reading, site, zone)])
    return days


@lru_cache(maxsize=1024)
def _zone(name: str | None) -> ZoneInfo:
    try:
        return load_zone(name or "UTC")
    except ConfigError:  # a tz database older than the one it was entered with
        return load_zone("UTC")
