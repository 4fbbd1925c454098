"""From the lines that agents sent to the jobs of production presses; and their listing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import msgspec

from poller.accounting.joblines import JobLine
from poller.central.following import Follower
from poller.central.meters.days import begin_of, end_of, load_zone
from poller.central.meters.samples import COUNT_MAX
from poller.central.office.administration import NotDoneError
from poller.central.store import agents, cursors, daily
from poller.central.store import devices as kept_devices
from poller.central.store import jobs as kept
from poller.central.store import personal as personals
from poller.central.store.cursors import Batch
from poller.central.store.database import Database
from poller.central.store.inventory import TEXT_CHARACTERS_MAX
from poller.central.store.jobs import Wanted
from poller.central.store.personal import Personal
from poller.clock import Clock
from poller.sealing import zstd
from poller.sealing.local_key import LocalKey

STEP_BATCHES, STEP_BYTES = 10, 2**21
"""What is gone through at once, in bytes of lines; of large batches one. On SQLite nobody else writes meanwhile."""

PERSONAL = ("document", "sender", "recipient")
_COLUMNS = ("key", "at", "server", "cost_centre", *kept.COUNTS, *PERSONAL)
_REST = tuple(name for name in JobLine.__struct_fields__ if name not in _COLUMNS)
_PARTS_MAX = 100
"""Stocks and finishings of one job."""
_MARK = b'"job"'
"""In no line of a batch without jobs, as good as never: most batches are looked through for this and no further."""
_HEX = frozenset("0123456789abcdef")
_FIRST_UTC, _END_UTC = datetime(1980, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


class Jobs(Follower):
    """Lists the jobs of accounts."""

    WHAT = "jobs"
    CURSOR = cursors.jobs
    EVERY_SECONDS = 15.0

    async def step(self, account: str) -> int:
        async with self._database.writing() as db:
            cursor_utc = await self.CURSOR.lock(db, account)
            if cursor_utc is None:
                return 0
            batches = await self.CURSOR.next(db, account, cursor_utc, batches_max=STEP_BATCHES, bytes_max=STEP_BYTES)
            if not batches:
                return 0
            personal = await personals.open_account(db, self._store, account, now_utc=self._clock.utc())
            sites = await kept_devices.site_of_agents(db, account)
            packed = await cursors.bodies(db, account, batches)
            await kept.add(db, await asyncio.to_thread(_rows, account, list(zip(batches, packed, strict=True)), sites, personal))
            await self.CURSOR.move(db, account, cursor_utc, batches)
        return len(batches)


def _rows(account: str, contents: Sequence[tuple[Batch, bytes]], sites: Mapping[str, str], personal: Personal) -> list[dict[str, Any]]:
    """Return the jobs in some batches as rows of `job`."""
    rows = []
    for one, packed in contents:
        plain = zstd.decompress(packed, size=one.plain_bytes)
        if _MARK not in plain:
            continue
        told = {"account": account, "site": sites[one.agent], "agent": one.agent, "received_utc": one.received_utc}
        rows += [told | row for line in plain.split(b"\n")[:-1] if (row := row_of(line, personal)) is not None]
    return rows


def row_of(line: bytes, personal: Personal) -> dict[str, Any] | None:
    """Return what a line says of a job, by the columns of `job`; None for one that is no job, or none that can be read.

    A count that cannot be is null, as is a time without zone or of another century; texts are cut to what a column takes.
    """
    if _MARK not in line:
        return None
    try:
        told = msgspec.json.decode(line, type=JobLine)
    except (ValueError, RecursionError):
        return None
    if len(told.key) != kept.KEY_DIGITS or not _HEX.issuperset(told.key):
        return None
    at_utc = told.at
    if at_utc is not None and (at_utc.tzinfo is None or not _FIRST_UTC <= at_utc < _END_UTC):
        at_utc = None
    rest = {name: _plain(getattr(told, name)) for name in _REST}
    facts = {name: _plain(getattr(told, name)) for name in PERSONAL}
    return {
        "key": told.key,
        "at_utc": at_utc,
        "server": _plain(told.server),
        "cost_centre": _plain(told.cost_centre),
        **{name: _plain(getattr(told, name)) for name in kept.COUNTS},
        "body": {name: value for name, value in rest.items() if value not in (None, [])},
        "personal": personal.seal(kept.job.name, told.key, facts),
    }


def _plain(value: Any) -> Any:
    """Return a member of a line as a database takes it."""
    match value:
        case str():
            return value.replace("\0", "")[:TEXT_CHARACTERS_MAX] or None
        case int():
            return value if 0 <= value <= COUNT_MAX else None
        case tuple():
            return [_plain(one) for one in value[:_PARTS_MAX]]
        case msgspec.Struct():
            told = {name: _plain(one) for name, one in msgspec.structs.asdict(value).items()}
            return {name: one for name, one in told.items() if one is not None}
    return None


# --- listing ---------------------------------------------------------------------------------------------------------------


class Joblist:
    """Jobs as a dealer asks for them. Days are the site's own, as those of meters are."""

    def __init__(self, database: Database, store: LocalKey, clock: Clock) -> None:
        self._database, self._store, self._clock = database, store, clock

    async def jobs(
        self,
        account: str,
        *,
        site: str | None = None,
        since: date | None = None,
        until: date | None = None,
        cost_centre: str | None = None,
        rows_max: int,
    ) -> list[dict[str, Any]]:
        """Return the newest *rows_max* jobs from the day *since* to the day *until*, oldest first, with what is sealed.

        Raises NotDoneError, ErasedError, SealError, UnavailableError.
        """
        wanted = await self._wanted(account, site, since, until, cost_centre)
        async with self._database.writing() as db:  # the account's key may have to be made
            personal = await personals.open_account(db, self._store, account, now_utc=self._clock.utc())
        async with self._database.reading() as db:
            return await kept.find(db, wanted, personal, rows_max=rows_max)

    async def sums(
        self,
        account: str,
        *,
        site: str | None = None,
        since: date | None = None,
        until: date | None = None,
        cost_centre: str | None = None,
    ) -> list[dict[str, Any]]:
        """Return what the same jobs come to by cost centre, as `store.jobs.sums`. Raises NotDoneError, UnavailableError."""
        wanted = await self._wanted(account, site, since, until, cost_centre)
        async with self._database.reading() as db:
            return await kept.sums(db, wanted)

    async def _wanted(self, account: str, site: str | None, since: date | None, until: date | None, cost_centre: str | None) -> Wanted:
        async with self._database.reading() as db:
            if not await agents.has_account(db, account):
                raise NotDoneError(f"there is no account {account}; poller central account list")
            if site is not None and not await agents.has_site(db, account, site):
                raise NotDoneError(f"account {account} has no site {site}; poller central site list {account}")
            zones = dict((await daily.sites_of_agents(db, account)).values())
        periods = None
        if since is not None or until is not None:
            periods = []
            for name, zone_name in zones.items():
                zone = load_zone(zone_name or "UTC")
                begin_utc = None if since is None else begin_of(since, zone)
                periods.append((name, begin_utc, None if until is None else end_of(until, zone)))
        return Wanted(account=account, site=site, cost_centre=cost_centre, periods=periods)
