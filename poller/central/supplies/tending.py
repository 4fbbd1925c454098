"""What is due though no reading came: supplies of silent printers, requests that grow old, articles that were entered, parcels to be made.

Every four hours each account is looked through, sooner where a request waits for an article or a contract, and at once where a parcel is
ready to be made. As with readings: one process at an account, and all of one step in one transaction, the messages of a parcel included.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from poller.central.following import Follower
from poller.central.sending.post import Channel
from poller.central.store import personal as personals
from poller.central.store import requests as kept_requests
from poller.central.store import watched as kept
from poller.central.store.database import Database
from poller.central.supplies import watch
from poller.central.supplies.articles import Articles
from poller.central.supplies.gathering import GATHERED_AFTER, gather
from poller.central.supplies.lore import Lore
from poller.central.supplies.sitting import Happening, Sitting, happenings, requests_of
from poller.clock import Clock
from poller.logs import INFO, emit
from poller.sealing.local_key import LocalKey

log = logging.getLogger(__name__)

LOOKED_AFTER = timedelta(hours=4)
WAITED_AFTER = timedelta(minutes=15)
"""… and so often where an article that is entered lets a request go on."""
LOOK_AT_ONCE = 500


class Tending(Follower):
    """Looks after the requests of all accounts. *channels* are those that are set up: without one, approved requests wait for a person."""

    WHAT = "requests"
    CURSOR = kept.cursor
    EVERY_SECONDS = 30.0

    def __init__(self, database: Database, store: LocalKey, clock: Clock, channels: Sequence[Channel] = ()) -> None:
        super().__init__(database, store, clock)
        self._lore, self._articles, self._channels = Lore(clock), Articles(clock), channels

    async def accounts_due(self, db: AsyncConnection, *, is_looking_back: bool) -> list[str]:
        now_utc = self._clock.utc()
        due = set(await kept.accounts_due(db, now_utc - LOOKED_AFTER, now_utc=now_utc))
        due |= set(await kept.accounts_due(db, now_utc - WAITED_AFTER, now_utc=now_utc)) & set(await kept_requests.accounts_waiting(db))
        if self._channels:
            due |= set(await kept_requests.accounts_ready(db, now_utc - GATHERED_AFTER))
        return sorted(due)

    async def step(self, account: str) -> int:
        made = []
        async with self._database.writing() as db:
            if await self.CURSOR.lock(db, account) is None:
                return 0
            now_utc = self._clock.utc()
            personal = await personals.open_account(db, self._store, account, now_utc=now_utc)
            sitting = await Sitting.open(db, account, now_utc=now_utc, lore=self._lore, articles=self._articles)
            due = await kept.due(db, account, now_utc, rows_max=LOOK_AT_ONCE)
            await sitting.know(due)
            await sitting.apply(await asyncio.to_thread(look, sitting, due))
            await sitting.settle()
            await sitting.bundle()
            is_last = len(due) < LOOK_AT_ONCE
            if is_last:
                sitting.book.unsettled |= await kept_requests.places_unsent(db, account)
                await sitting.settle()
                if self._channels:
                    for place in sorted(await kept_requests.places_ready(db, account, now_utc - GATHERED_AFTER)):
                        made += await gather(sitting, place, personal, self._channels)
            await sitting.save(**({"looked_utc": now_utc} if is_last else {}))
        if sitting.book.added:
            emit(log, INFO, "requests.made", account=account, requests=" ".join(sitting.book.added))
        for parcel in made:
            emit(log, INFO, "parcel.made", account=account, parcel=parcel.id, items=len(parcel.items))
        return 0 if is_last else len(due)


def look(sitting: Sitting, names: Sequence[str]) -> list[Happening]:
    """Look again at devices; return what came of it."""
    found: list[Happening] = []
    for name in names:
        watched = sitting.watched.get(name)
        if watched is None:
            continue
        sitting.touched[name] = None
        before = requests_of(watched)
        if decisions := watch.look(watched, sitting.now_utc, sitting.desk(name)):
            found += happenings(watched, decisions, before)
    return found
