"""What people do about requests: look, approve, note what was sent, delivered and installed, cancel; make one; pack a parcel by hand.

Everything is one transaction and in the audit log, and every step in the request's own history. A wrong step, or something that is not
there, is a NotDoneError that says what could be done instead. Stock and what is agreed are in `stockdesk.py`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection

from poller.central.keys import Keys
from poller.central.office.administration import NotDoneError
from poller.central.office.management import check_number
from poller.central.sending.post import Channel, take_out
from poller.central.store import agents
from poller.central.store import personal as personals
from poller.central.store import requests as kept
from poller.central.store import watched as kept_watched
from poller.central.store.database import Database
from poller.central.store.inventory import TEXT_CHARACTERS_MAX
from poller.central.store.personal import Personal
from poller.central.supplies import watch
from poller.central.supplies.articles import Articles
from poller.central.supplies.book import AUTOMATIC, place_of
from poller.central.supplies.gathering import gather, read_parcel
from poller.central.supplies.lore import Lore
from poller.central.supplies.parcels import Parcel
from poller.central.supplies.requests import Delivery, Request, State, StepError, advance
from poller.central.supplies.sitting import Sitting, happenings, requests_of
from poller.clock import SystemClock

LISTED_MAX = 10_000
_TRACKING_CHARACTERS_MAX = 64
_WAITS = {
    "trial": "its site is in trial; poller central site live, once the shelf stock is entered",
    "contract": "the device's contract does not include it; poller central contract set",
    "clarify": "no article is known for it; poller central catalogue set, or for this one: poller central request clarify",
}


class SittingDesk:
    """What is done by hand holds the account for one transaction. *who* is written into the audit log beside everything done."""

    def __init__(self, database: Database, keys: Keys, *, who: str) -> None:
        self._database, self._keys, self._who = database, keys, who
        self._lore = Lore(SystemClock())

    @asynccontextmanager
    async def _look(self, account: str, now_utc: datetime) -> AsyncIterator[Sitting]:
        """Begin a sitting at which nothing is changed, and nobody waits for. Raises NotDoneError, UnavailableError."""
        async with self._database.reading() as db:
            await _check_account(db, account)
            articles = Articles(SystemClock())
            yield await Sitting.open(db, account, now_utc=now_utc, lore=self._lore, articles=articles, who=self._who)

    @asynccontextmanager
    async def _sit(self, account: str, now_utc: datetime) -> AsyncIterator[Sitting]:
        """Begin a sitting, and save it at the end of the block. Raises NotDoneError, StepError as one, UnavailableError."""
        async with self._database.writing() as db:
            await _check_account(db, account)
            await kept_watched.lock(db, account)
            articles = Articles(SystemClock())  # as they are at this moment: a person has just entered one
            sitting = await Sitting.open(db, account, now_utc=now_utc, lore=self._lore, articles=articles, who=self._who)
            try:
                yield sitting
            except StepError as error:
                raise NotDoneError(str(error)) from error
            await sitting.settle()
            await sitting.save()

    async def _personal(self, db: AsyncConnection, account: str, now_utc: datetime) -> Personal:
        try:
            return await personals.open_account(db, self._keys.store, account, now_utc=now_utc)
        except personals.ErasedError as error:
            raise NotDoneError(str(error)) from error

    async def _note(self, db: AsyncConnection, account: str, what: str, subject: str, now_utc: datetime) -> None:
        await agents.note(db, account, who=self._who, what=what, subject=subject, now_utc=now_utc)


class RequestDesk(SittingDesk):
    """Requests and parcels, by hand."""

    # --- looking -------------------------------------------------------------------------------------------------------

    async def list_(
        self,
        account: str,
        *,
        states: Collection[State] = (),
        site: str | None = None,
        location: str | None = None,
        device: str | None = None,
        rows_max: int = LISTED_MAX,
    ) -> list[dict[str, Any]]:
        """Return the newest requests of an account, oldest first. Raises NotDoneError."""
        async with self._database.reading() as db:
            await _check_account(db, account)
            if site is not None and not await agents.has_site(db, account, site):
                raise NotDoneError(f"account {account} has no site {site}; poller central site list {account}")
            found = await kept.find(db, account, states=states, site=site, location=location, device=device, rows_max=rows_max)
        return [shown(one) for one in found]

    async def show(self, account: str, name: str) -> dict[str, Any]:
        """Return a request with its history. Raises NotDoneError."""
        async with self._database.reading() as db:
            await _check_account(db, account)
            found = await kept.of_ids(db, account, [name])
            if not found:
                raise _unknown(account, name)
            return shown(found[0]) | {"history": await kept.history(db, account, name)}

    async def tasks(self, account: str, *, rows_max: int = LISTED_MAX) -> list[dict[str, Any]]:
        """Return what a person is to do: `which-colour` and `ask-customer`, oldest first; `id` is what closes one."""
        async with self._database.reading() as db:
            await _check_account(db, account)
            return await kept.events(db, account, is_task=True, rows_max=rows_max)

    async def events(self, account: str, device: str, *, rows_max: int = LISTED_MAX) -> list[dict[str, Any]]:
        """Return what was noticed of a device's supplies: replacements, early changes, wrong cartridges, questions."""
        async with self._database.reading() as db:
            await _check_account(db, account)
            return await kept.events(db, account, name=device, rows_max=rows_max)

    # --- one request after the other -----------------------------------------------------------------------------------

    async def approve(self, account: str, name: str, *, now_utc: datetime) -> dict[str, Any]:
        """Let a request be sent, also one that lies on the shelf. Raises NotDoneError."""
        async with self._sit(account, now_utc) as sitting:
            one = await self._one(sitting, name)
            if one.hold in _WAITS:
                raise NotDoneError(f"request {name} cannot be approved: {_WAITS[one.hold]}")
            after = sitting.book.put(replace(advance(one, "approved", now_utc), approved_by=self._who), "approved by hand")
            await self._note(sitting.db, account, "approve-request", f"request {name}", now_utc)
        return shown(after)

    async def clarify(self, account: str, name: str, article: str, *, now_utc: datetime) -> dict[str, Any]:
        """Name the article for one request that waits for it. Raises NotDoneError."""
        check_number("article", article)
        async with self._sit(account, now_utc) as sitting:
            one = await self._one(sitting, name)
            if one.hold not in ("clarify", "trial") or one.article is not None:
                raise NotDoneError(f"request {name} waits for no article: it is {_told(one)}")
            sitting.book.put(replace(one, article=article), f"article {article}")
            await self._note(sitting.db, account, "clarify-request", f"request {name}: {article}", now_utc)
            await sitting.settle()
            after = sitting.book.requests[name]
        return shown(after)

    async def sent(self, account: str, name: str, *, tracking: str | None = None, now_utc: datetime) -> list[dict[str, Any]]:
        """Note that a request, or all of a parcel, was sent. Raises NotDoneError.

        It is taken out of what still waits to be told: who is told later packs it once more.
        """
        told = _tracking(tracking)
        async with self._sit(account, now_utc) as sitting:
            mine = await kept.of_parcel(sitting.db, account, name)
            names = [one.id for one in mine if one.state == "approved"] if mine else [name]
            if not names:
                raise NotDoneError(f"nothing of parcel {name} is left to be sent")
            await sitting.know_requests(names)
            for each in names:
                one = await self._one(sitting, each)
                if one.sent_at is not None:
                    raise NotDoneError(f"request {each} was sent on {one.sent_at:%Y-%m-%d} already")
                if one.state == "cancelled":
                    raise StepError(one.state, "sent")
                sitting.book.send(each, f"by hand{told}")
            personal = await self._personal(sitting.db, account, now_utc)
            for one in mine or [sitting.book.requests[each] for each in names]:
                if one.parcel is not None:
                    await take_out(sitting.db, account, one.parcel, one.id, personal)
            if mine:
                await kept.change_parcel(sitting.db, account, name, sent_utc=now_utc)
            await self._note(sitting.db, account, "sent-request", f"{'parcel' if mine else 'request'} {name}{told}", now_utc)
            return [shown(sitting.book.requests[each]) for each in names]

    async def delivered(
        self, account: str, name: str, *, pieces: int | None = None, tracking: str | None = None, now_utc: datetime
    ) -> dict[str, Any]:
        """Note that what was sent has arrived, all of it or some *pieces*. Raises NotDoneError."""
        told = _tracking(tracking)
        async with self._sit(account, now_utc) as sitting:
            one = await self._one(sitting, name)
            arrived = sum(each.pieces for each in one.deliveries)
            count = one.pieces - arrived if pieces is None else pieces
            if one.is_under_way and not 1 <= count <= one.pieces - arrived:
                raise NotDoneError(f"{arrived} of the {one.pieces} pieces of request {name} have arrived; {count} more cannot")
            delivery = Delivery(at=now_utc, pieces=count, tracking=tracking)
            after = sitting.book.put(
                advance(one, "delivered", now_utc, delivery=delivery), f"{arrived + count} of {one.pieces} pieces{told}"
            )
            await self._note(sitting.db, account, "delivered-request", f"request {name}: {count} pieces{told}", now_utc)
        return shown(after)

    async def installed(self, account: str, name: str, *, now_utc: datetime) -> dict[str, Any]:
        """Take a person's word that the cartridge was replaced. Raises NotDoneError."""
        async with self._sit(account, now_utc) as sitting:
            one = await self._one(sitting, name)
            await sitting.know([one.printer])
            after = sitting.book.put(replace(advance(one, "installed", now_utc), was=one.state), "by hand")
            sitting.book.install(one.printer, one.supply, one.number, own=one, colour=(one.kind, one.colour), part=one.part_number)
            watched = sitting.watched.get(one.printer)
            if watched is not None and watch.note_installed(watched, one.supply, now_utc, sitting.desk(one.printer)):
                sitting.note_replaced(one)
            await kept.close_asked(sitting.db, account, name, now_utc=now_utc, who=self._who)
            await self._note(sitting.db, account, "installed-request", f"request {name}", now_utc)
        return shown(after)

    async def cancel(self, account: str, name: str, *, note: str | None = None, now_utc: datetime) -> dict[str, Any]:
        """End a request: no other is made for the same cartridge, unless a person makes it. Raises NotDoneError.

        Of one that was sent, what was sent counts as taken back: it is not on the shelf any more. Out of a parcel that is still waiting
        to be told it is taken; `told` are the channels of its parcel that have it already.
        """
        reason = text(note)
        told: list[Channel] = []
        async with self._sit(account, now_utc) as sitting:
            before = await self._one(sitting, name)
            after = sitting.book.cancel(name, reason or "by hand")
            if before.parcel is not None:
                personal = await self._personal(sitting.db, account, now_utc)
                told = await take_out(sitting.db, account, before.parcel, name, personal)
            await kept.close_asked(sitting.db, account, name, now_utc=now_utc, who=self._who)
            await self._note(sitting.db, account, "cancel-request", f"request {name}", now_utc)
        return shown(after) | {"told": told}

    async def ask(self, account: str, device: str, supply: str, *, now_utc: datetime) -> dict[str, Any]:
        """Make a request for the cartridge that is in a device now; *device* is its id. Raises NotDoneError."""
        async with self._sit(account, now_utc) as sitting:
            await sitting.know([device])
            watched = sitting.watched.get(device)
            if watched is None or watched.taken_at is None:
                raise NotDoneError(f"device {device} is not known, or nothing was read from it yet; poller central device list {account}")
            tracked = watched.supplies.get(supply)
            if tracked is None:
                raise NotDoneError(f"device {device} has no supply {supply}; it has {', '.join(sorted(watched.supplies)) or 'none'}")
            before = tracked.request
            if before is not None and before.number == tracked.slot.cartridge.number and not before.is_done and before.asked_at is None:
                raise NotDoneError(f"request {before.id} for it is {_told(before)} already")
            were = requests_of(watched)
            made = happenings(watched, [watch.ask_for(watched, supply, now_utc, sitting.desk(device))], were)
            sitting.touched[device] = None
            await sitting.apply(made)
            await sitting.settle()
            name = made[0].after.id if made[0].after is not None else ""
            one = sitting.book.requests[name]
            if one.hold == "approval":
                one = sitting.book.put(replace(advance(one, "approved", now_utc), approved_by=self._who))
            await kept.close_tasks(sitting.db, account, device, supply, now_utc=now_utc, who=self._who)
            await self._note(sitting.db, account, "make-request", f"request {name} for {supply} of device {device}", now_utc)
        return shown(one)

    async def close_task(self, account: str, task: str, *, note: str | None = None, now_utc: datetime) -> dict[str, Any]:
        """Note that a task is done. Raises NotDoneError."""
        told = text(note)
        async with self._database.writing() as db:
            await _check_account(db, account)
            row = await kept.close_task(db, account, task, now_utc=now_utc, who=self._who, note=told)
            if row is None:
                raise NotDoneError(f"account {account} has no open task {task}; poller central task list {account}")
            await self._note(db, account, "close-task", f"{row['event']} of device {row['device']}", now_utc)
        return row | {"task": "closed", "closed_utc": now_utc, "closed_by": self._who, "note": told}

    # --- parcels -------------------------------------------------------------------------------------------------------

    async def parcels(self, account: str, *, rows_max: int = LISTED_MAX) -> list[dict[str, Any]]:
        """Return the newest parcels, oldest first: what is not sealed of them. Raises NotDoneError."""
        async with self._database.reading() as db:
            await _check_account(db, account)
            rows = await kept.parcels(db, account, rows_max=rows_max)
        return [{name: value for name, value in row.items() if name not in ("account", "personal")} for row in rows]

    async def parcel(self, account: str, name: str, *, now_utc: datetime) -> Parcel:
        """Return a parcel as it was made, with its address. Raises NotDoneError."""
        async with self._database.writing() as db:
            await _check_account(db, account)
            rows = await kept.parcels(db, account, name=name, rows_max=1)
            if not rows:
                raise NotDoneError(f"account {account} has no parcel {name}; poller central request parcels {account}")
            return read_parcel(rows[0], await self._personal(db, account, now_utc))

    async def pack(self, account: str, place: str, *, channels: Sequence[Channel] = (), now_utc: datetime) -> list[Parcel]:
        """Make the parcels of a place (a location, or `@` and a site) now; posted over *channels*, if any. Raises NotDoneError."""
        async with self._sit(account, now_utc) as sitting:
            made = await gather(sitting, place, await self._personal(sitting.db, account, now_utc), channels)
            if not made:
                raise NotDoneError(f"nothing is approved for {place}; poller central request list {account}")
            for parcel in made:
                await self._note(sitting.db, account, "make-parcel", f"parcel {parcel.id} for {place}", now_utc)
        return made

    # --- small ways ----------------------------------------------------------------------------------------------------

    async def _one(self, sitting: Sitting, name: str) -> Request:
        await sitting.know_requests([name])
        if name not in sitting.book.requests:
            raise _unknown(sitting.account, name)
        return sitting.book.requests[name]


async def parcel_sent(db: AsyncConnection, account: str, parcel: str, at_utc: datetime) -> None:
    """Let the requests of a parcel be sent: every channel has it. In the transaction of whoever notes that; for `Sender`."""
    await kept_watched.lock(db, account)
    clock = SystemClock()
    sitting = await Sitting.open(db, account, now_utc=at_utc, lore=Lore(clock), articles=Articles(clock), who=AUTOMATIC)
    names = [one.id for one in await kept.of_parcel(db, account, parcel)]
    await sitting.know_requests(names)
    for name in names:
        sitting.book.send(name, f"in parcel {parcel}")
    await kept.change_parcel(db, account, parcel, sent_utc=at_utc)
    await sitting.settle()
    await sitting.save()


def shown(one: Request) -> dict[str, Any]:
    """Return a request as it is listed."""
    told = msgspec.to_builtins(msgspec.structs.asdict(one), builtin_types=(datetime,))
    told["request"], told["device"], told["place"] = told.pop("id"), told.pop("printer"), place_of(one)
    return dict(told)


def _told(one: Request) -> str:
    return one.state if one.hold is None else f"{one.state}, waiting for {one.hold}"


def _unknown(account: str, name: str) -> NotDoneError:
    return NotDoneError(f"account {account} has no request {name}; poller central request list {account}")


def _tracking(text: str | None) -> str:
    """Return a carrier's number as notes have it. Raises NotDoneError."""
    if text is None:
        return ""
    if not 1 <= len(text) <= _TRACKING_CHARACTERS_MAX or not text.isprintable():
        raise NotDoneError(f"tracking: want 1 to {_TRACKING_CHARACTERS_MAX} printable characters")
    return f", tracking {text}"


def text(note: str | None) -> str | None:
    """Return what a person wrote beside something, None for nothing. Raises NotDoneError."""
    if note is not None and (len(note) > TEXT_CHARACTERS_MAX or not note.isprintable()):
        raise NotDoneError(f"note: want at most {TEXT_CHARACTERS_MAX} printable characters")
    return note or None


async def _check_account(db: AsyncConnection, name: str) -> None:
    if not await agents.has_account(db, name):
        raise NotDoneError(f"there is no account {name}; poller central account list")
