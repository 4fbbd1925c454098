"""What central counts, and how it looks from outside: no agent's word ever becomes a label, and no list of sites grows without end."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from poller import __version__, exposition
from poller.central.store import agents, messages, meters, requests
from poller.central.store.database import Database, UnavailableError
from poller.central.supplies.watching import RESULTS as READINGS
from poller.clock import Clock
from poller.exposition import Sample

SITES_SHOWN_MAX = 1000
"""The sites that were silent longest: those somebody has to look after."""
SILENT_AFTER = timedelta(hours=2)
"""Eight heartbeats missed."""
_LOOK_SECONDS = 15.0


class Tally:
    """Counts of this process, and a look at the database that is at most a quarter of a minute old."""

    def __init__(self, database: Database, clock: Clock, in_hand_bytes: Callable[[], int], accounts_over: Callable[[], int]) -> None:
        self._database, self._clock = database, clock
        self._in_hand_bytes, self._accounts_over = in_hand_bytes, accounts_over
        self.requests: Counter[tuple[str, str]] = Counter()
        """By what was asked and the word of the answer."""
        self.batches: Counter[str] = Counter()
        self.lines: Counter[str] = Counter()
        self.marks: Counter[str] = Counter()
        self.readings: Counter[str] = Counter()
        """Those looked through for supplies, by what became of them."""
        self.message_tries: Counter[tuple[str, str]] = Counter()
        """By channel and what came of it."""
        self._looked_at = float("-inf")
        self._agents: dict[str, int] = {}
        self._sites: list[dict[str, Any]] = []
        self._devices_held: tuple[int, datetime | None] | None = None
        self._requests: dict[tuple[str, str], int] = {}
        self._tasks: dict[str, int] = {}
        self._messages: dict[tuple[str, str], tuple[int, datetime]] = {}
        self.is_database_up = True

    async def look(self) -> None:
        """See to it that what comes from the database is fresh enough."""
        if self._clock.monotonic() < self._looked_at + _LOOK_SECONDS:
            return
        try:
            async with self._database.reading() as db:
                self._agents = await agents.count_agents(db, seen_since_utc=self._clock.utc() - SILENT_AFTER)
                self._sites = await agents.silent_sites(db, rows_max=SITES_SHOWN_MAX)
                self._devices_held = await meters.count_held(db)
                self._messages = await messages.count(db)
                self._requests, self._tasks = await requests.counts(db), await requests.count_tasks(db)
            self.is_database_up = True
            self._looked_at = self._clock.monotonic()
        except UnavailableError:
            self.is_database_up = False

    def metrics(self) -> Iterator[Sample]:
        yield Sample(exposition.POLLER_BUILD_INFO, 1, (__version__, platform.python_version()))
        yield Sample(exposition.POLLER_CENTRAL_DATABASE_UP, self.is_database_up)
        for labels, count in sorted(self.requests.items()):
            yield Sample(exposition.POLLER_CENTRAL_REQUESTS, count, labels)
        for result in ("stored", "duplicate", "conflict"):
            yield Sample(exposition.POLLER_CENTRAL_BATCHES, self.batches[result], (result,))
        for kind in sorted({"reading", "unreadable"} | self.lines.keys()):
            yield Sample(exposition.POLLER_CENTRAL_LINES, self.lines[kind], (kind,))
        for mark in ("future", "ancient"):
            yield Sample(exposition.POLLER_CENTRAL_LINES_MARKED, self.marks[mark], (mark,))
        yield Sample(exposition.POLLER_CENTRAL_BYTES_IN_HAND, self._in_hand_bytes())
        yield Sample(exposition.POLLER_CENTRAL_ACCOUNTS_OVER_QUOTA, self._accounts_over())
        if self._devices_held is not None:
            count, since_utc = self._devices_held
            yield Sample(exposition.POLLER_CENTRAL_DEVICES_HELD, count)
            if since_utc is not None:
                yield Sample(exposition.POLLER_CENTRAL_DEVICES_HELD_SINCE, since_utc.timestamp())
        for state, count in self._agents.items():
            yield Sample(exposition.POLLER_CENTRAL_AGENTS, count, (state,))
        for result in READINGS:
            yield Sample(exposition.POLLER_CENTRAL_SUPPLY_READINGS, self.readings[result], (result,))
        for labels, count in sorted(self._requests.items()):
            yield Sample(exposition.POLLER_CENTRAL_TONER_REQUESTS, count, labels)
        for task, count in sorted(self._tasks.items()):
            yield Sample(exposition.POLLER_CENTRAL_TASKS, count, (task,))
        for labels, count in sorted(self.message_tries.items()):
            yield Sample(exposition.POLLER_CENTRAL_MESSAGE_TRIES, count, labels)
        for channel in messages.CHANNELS:
            for state in messages.UNSENT:
                count, oldest_utc = self._messages.get((channel, state), (0, None))
                yield Sample(exposition.POLLER_CENTRAL_MESSAGES, count, (channel, state))
                if state == "waiting" and oldest_utc is not None:
                    yield Sample(exposition.POLLER_CENTRAL_MESSAGES_OLDEST, oldest_utc.timestamp(), (channel,))
        for row in self._sites:
            yield Sample(exposition.POLLER_CENTRAL_SITE_LAST_SEEN, row["seen_utc"].timestamp(), (row["account"], row["site"]))
