"""What people do with meters: look at what is held, decide it, enter what somebody read, have an estimate made.

Each is one transaction on one device, and in the audit log. Whoever it was stands in the ledger as an opaque id, the hash of a name under
the account's key, and the reason as the hash of a text that is kept beside it: so both can be erased, and the ledger still holds.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import date, datetime
from hashlib import sha256
from typing import Any, ParamSpec, TypeVar
from zoneinfo import ZoneInfo

from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection

from poller.central.meters import supplements
from poller.central.meters import validation as meters
from poller.central.meters.chain import Entry
from poller.central.meters.closing import raw_samples
from poller.central.meters.days import DAY, day_of, end_of, load_zone
from poller.central.meters.plausible import Limits
from poller.central.meters.samples import Origin
from poller.central.meters.standing import Decision, Standing, proposal_for
from poller.central.office.administration import NotDoneError
from poller.central.store import agents, ledger
from poller.central.store import meters as kept
from poller.central.store import personal as personals
from poller.central.store.database import Database
from poller.central.store.meters import Kept, Place
from poller.central.store.personal import Personal
from poller.clock import Clock
from poller.model import Value
from poller.sealing.local_key import LocalKey

P = ParamSpec("P")
T = TypeVar("T")

HELD_MAX = 10_000
TEXT_CHARACTERS_MAX = 20_000
_USER_DIGITS = 16


class Held(Value, frozen=True, kw_only=True):
    """A device a person is asked about: since when, what it looks like, which counters did what, and what would most likely fit."""

    account: str
    device: str
    site: str | None
    model: str | None
    serial: str | None
    since_utc: datetime
    looks_like: str
    changes: tuple[str, ...]
    readings: int
    proposal: str | None


class Done(Value, frozen=True, kw_only=True):
    """What was appended for a device, and whether it is still, or again, held."""

    account: str
    device: str
    entries: tuple[Entry, ...]
    is_held: bool


class MeterDesk:
    """*who* is written into the audit log. *store* is central's store key."""

    def __init__(self, database: Database, store: LocalKey, clock: Clock, *, who: str) -> None:
        self._database, self._store, self._clock, self._who = database, store, clock, who

    async def held(self, account: str | None = None) -> list[Held]:
        """Return what waits for a decision, of one account or of all, longest first."""
        async with self._database.reading() as db:
            rows = await kept.held(db, account, rows_max=HELD_MAX)
        return [_held(row) for row in rows]

    async def show(self, account: str, device: str, *, first: date, last: date) -> tuple[Kept | None, list[Entry]]:
        """Return where a device stands, and the meters in force from *first* to *last*. Raises NotDoneError."""
        async with self._database.reading() as db:
            name = await self._find(db, account, device)
            rows = await ledger.of_device(db, account, name, first=first, end=last + DAY)
            stands = (await kept.load(db, account, [name])).get(name)
        return stands, [entry for _, entry in sorted(kept.in_force(rows).items())]

    async def decide(
        self, account: str, device: str, decision: Decision | None, *, since_utc: datetime | None = None, note: str | None = None
    ) -> Done:
        """Apply a decision to a held device; None takes what is proposed. Raises NotDoneError.

        *since_utc* is the moment of the case that was looked at, as `held` has it, to the second: where another was faster, and what is
        held now is another case, nothing is done.
        """
        async with self._changing(account, device) as case:
            odd = case.standing.suspicion
            if odd is None:
                raise NotDoneError(f"nothing about {case.name} waits for a decision; poller central meter held")
            begun_utc = odd.kept[0].taken_utc.replace(microsecond=0)
            if since_utc is not None and since_utc.replace(microsecond=0) != begun_utc:
                raise NotDoneError(f"what is held of {case.name} is another case, since {begun_utc:%Y-%m-%dT%H:%M:%S} UTC: look again")
            chosen = decision or proposal_for(case.standing)
            if chosen is None:
                raise NotDoneError(f"there is no proposal for this {odd.oddity.kind}: only a person can know; goes-on, new-run or ignore")
            chosen = replace(chosen, user=case.user, evidence=await self._keep(case, note))
            end_utc = end_of(case.stands.closed, case.zone)
            raw = await raw_samples(case.db, account, case.name, case.personal, odd.kept[0].taken_utc, end_utc)
            closed = _told(meters.decide)(
                case.standing, chosen, raw, model=case.place.model, day=case.stands.closed, zone=case.zone, limits=case.limits
            )
            assert closed.standing is not None
            return await self._append(case, closed.standing, closed.entries, f"{case.name} {chosen.kind}", "decide-meter")

    async def enter(
        self, account: str, device: str, counts: Mapping[str, int], *, taken_utc: datetime, origin: Origin, note: str | None = None
    ) -> Done:
        """Append what somebody read on a device. Raises NotDoneError where it cannot follow the last meter."""
        if taken_utc > self._clock.utc():
            raise NotDoneError("that time is yet to come")
        async with self._changing(account, device) as case:
            rows = await self._rows(case, days=supplements.ESTIMATE_DAYS_MAX)
            stated = [one for one in rows if one.reason == "stated" and one.run == case.standing.run and one.taken_utc <= taken_utc]
            standing, entry = _told(supplements.state)(
                case.standing, counts, taken_utc=taken_utc, origin=origin, user=case.user, evidence=await self._keep(case, note),
                model=case.place.model, zone=case.zone, limits=case.limits, above=stated[-1] if stated else None,
            )  # fmt: skip
            return await self._append(case, standing, (entry,), f"{case.name} {origin}", "enter-meter")

    async def estimate(self, account: str, device: str, day: date) -> Done:
        """Append an estimate for the end of *day*. Raises NotDoneError where there is too little to go by."""
        async with self._changing(account, device) as case:
            reads = [one for one in await self._rows(case, days=supplements.ESTIMATE_DAYS_MAX) if one.origin == "read"]
            reads = [one for one in reads if one.run == case.standing.run]
            if not reads:
                raise NotDoneError("there is no undisputed run of meters to go by")
            standing, entry = _told(supplements.estimate)(case.standing, reads[0], day, zone=case.zone)
            return await self._append(case, standing, (entry,), f"{case.name} {day}", "estimate-meter")

    async def set_zone(self, account: str, site: str, name: str) -> None:
        """Let the days of a site be those of a time zone, from the next close on. Raises NotDoneError, ConfigError."""
        zone = load_zone(name)
        async with self._database.writing() as db:
            if not await kept.set_zone(db, account, site, zone.key):
                raise NotDoneError(f"account {account} has no site {site}; poller central site list {account}")
            await agents.note(db, account, who=self._who, what="set-zone", subject=f"{site} {zone.key}", now_utc=self._clock.utc())

    @asynccontextmanager
    async def _changing(self, account: str, device: str) -> AsyncIterator[_Case]:
        """One transaction on one device, kept from the daily close meanwhile. Raises NotDoneError."""
        now_utc = self._clock.utc()
        await self._database.ensure_months([("meter", now_utc)])
        async with self._database.writing() as db:
            name = await self._find(db, account, device)
            place = (await kept.places(db, account, name)).get(name)
            if place is None:
                raise NotDoneError(f"{name} has no meters of its own: it is a part of another device, or none of ours")
            await kept.lock_closing(db, account, place.zone)
            stands = (await kept.load(db, account, [name], for_update=True)).get(name)
            if stands is None or stands.standing is None:
                raise NotDoneError(f"{name} has no meter yet: the first comes with the first day that is closed")
            personal = await personals.open_account(db, self._store, account, now_utc=now_utc)
            yield _Case(
                db=db,
                personal=personal,
                account=account,
                name=name,
                user=personal.blind(f"user {self._who}")[:_USER_DIGITS],
                place=place,
                zone=load_zone(place.zone),
                stands=stands,
                standing=stands.standing,
                limits=Limits(await kept.tallies(db, account)),
            )

    async def _rows(self, case: _Case, *, days: int) -> list[Entry]:
        """Return the meters in force of the days up to the last one read, and after it, oldest first."""
        last = day_of(case.standing.last.taken_utc, case.zone)
        first, end = last - days * DAY, last + (supplements.ESTIMATE_DAYS_MAX + 2) * DAY
        rows = await ledger.of_device(case.db, case.account, case.name, first=first, end=end)
        return [entry for _, entry in sorted(kept.in_force(rows).items())]

    async def _append(self, case: _Case, standing: Standing, entries: tuple[Entry, ...], subject: str, what: str) -> Done:
        now_utc = self._clock.utc()
        head = await ledger.append_in(case.db, case.account, entries, now_utc=now_utc)
        await kept.save(case.db, case.account, {case.name: replace(case.stands, standing=standing)})
        await agents.note(case.db, case.account, who=self._who, what=what, subject=f"{subject}, row {head.number}", now_utc=now_utc)
        return Done(account=case.account, device=case.name, entries=entries, is_held=standing.is_open)

    async def _keep(self, case: _Case, note: str | None) -> str | None:
        """Keep what a decision rests on; return its hash."""
        if not note:
            return None
        if len(note) > TEXT_CHARACTERS_MAX:
            raise NotDoneError(f"a note has at most {TEXT_CHARACTERS_MAX} characters")
        digest = sha256(note.encode()).hexdigest()
        await kept.keep_evidence(case.db, case.account, digest, note, case.personal, now_utc=self._clock.utc())
        return digest

    async def _find(self, db: AsyncConnection, account: str, begin: str) -> str:
        if not await agents.has_account(db, account):
            raise NotDoneError(f"there is no account {account}; poller central account list")
        found = await kept.find_device(db, account, begin)
        if len(found) != 1:
            raise NotDoneError(f"{len(found) or 'no'} devices of {account} go by {begin}: want an id or its beginning, or a serial number")
        return found[0]


class _Case(Value, frozen=True, kw_only=True):
    """One device of one account, in one transaction that changes it."""

    db: AsyncConnection
    personal: Personal
    account: str
    name: str
    user: str
    place: Place
    zone: ZoneInfo
    stands: Kept
    standing: Standing
    limits: Limits


def _told(work: Callable[P, T]) -> Callable[P, T]:
    """Return *work* with what cannot be done said to whoever asked for it."""

    def told(*args: P.args, **options: P.kwargs) -> T:
        try:
            return work(*args, **options)
        except ValueError as error:
            raise NotDoneError(str(error)) from error

    return told


def _held(row: dict[str, Any]) -> Held:
    standing: Standing = row["standing"]
    odd = standing.suspicion
    assert odd is not None
    proposal = proposal_for(standing)
    return Held(
        account=row["account"],
        device=row["device"],
        site=row["site"],
        model=row["model"],
        serial=row["serial"],
        since_utc=odd.kept[0].taken_utc,
        looks_like=odd.oddity.kind,
        changes=tuple([f"{one.cell} {one.before} -> {one.now}" for one in odd.oddity.changes]),
        readings=odd.seen,
        proposal=None if proposal is None else proposal.kind,
    )
