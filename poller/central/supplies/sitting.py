"""One transaction's work at the requests of an account: what is needed of it is loaded, what changed is saved.

Whoever begins one holds the account's row of `watch_cursor`: a step of the watch, of the tending, or a person. So at an account one works
at a time, and what is read here is not changed by anybody before it is saved.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection

from poller.central.store import agreements as kept_agreements
from poller.central.store import assignments
from poller.central.store import requests as kept
from poller.central.store import stock as kept_stock
from poller.central.store import watched as kept_watched
from poller.central.supplies import watch
from poller.central.supplies.agreements import Agreements
from poller.central.supplies.articles import Articles, OwnArticles
from poller.central.supplies.book import AUTOMATIC, Assignment, Book, Move, Stand, new_id, place_of
from poller.central.supplies.lore import Lore
from poller.central.supplies.requests import Request
from poller.central.supplies.watched import Account, Decision, Desk, Tracked, Watched
from poller.central.supplies.yields import Yields

TASKS = ("which-colour", "ask-customer")
BUNDLED_DEVICES_MAX = 2000
"""At one place: of a larger one the others ask for themselves."""


class Happening(NamedTuple):
    """A decision and what it meant for the request of its supply: the one `before` it, and the one `after`.

    `number` is the cartridge in the slot then. `is_ended`: the replacement ended `before`; `is_restored`: taking it back restored `after`.
    """

    decision: Decision
    before: Request | None
    after: Request | None
    number: int
    is_ended: bool = False
    is_restored: bool = False


def happenings(watched: Watched, decisions: Iterable[Decision], before: dict[str, Request | None]) -> list[Happening]:
    """Return what *decisions* meant; *before* are the requests by supply as they were. A new request gets its id."""
    found = []
    for one in decisions:
        tracked = watched.supplies.get(one.supply or "")
        if tracked is None:
            found.append(Happening(one, None, None, 0))
            continue
        was = before.get(tracked.key)
        if one.event == "request":
            assert tracked.request is not None
            tracked.request = replace(tracked.request, id=new_id())
        is_ended = one.event == "replaced" and was is not None and tracked.earlier is was
        is_restored = one.event == "taken-back" and tracked.earlier is not None and tracked.request is tracked.earlier
        found.append(Happening(one, was, tracked.request, tracked.slot.cartridge.number, is_ended, is_restored))
    return found


def requests_of(watched: Watched) -> dict[str, Request | None]:
    return {key: tracked.request for key, tracked in watched.supplies.items()}


class Sitting:
    """Begin it with `open`, end it with `save`; between, `know` what is worked on."""

    def __init__(self, db: AsyncConnection, account: str, now_utc: datetime, lore: Lore, *, who: str) -> None:
        self.db, self.account, self.now_utc = db, account, now_utc
        self.book = Book(account, now_utc, who=who)
        self.watched: dict[str, Watched] = {}
        self.touched: dict[str, None] = {}
        """The devices whose row is to be saved."""
        self._lore = lore
        self._places: set[str] = set()
        self._rows: list[dict[str, Any]] = []
        self._rows_of: dict[str, list[Request]] = {}
        self._replaced: list[tuple[str, str, int]] = []
        self._added: list[str] = []
        self._is_taught = False
        self.agreements: Agreements
        self._articles: OwnArticles
        self.of_account: Account
        self._yields: Yields | None = None

    @classmethod
    async def open(
        cls, db: AsyncConnection, account: str, *, now_utc: datetime, lore: Lore, articles: Articles, who: str = AUTOMATIC
    ) -> Sitting:
        """Begin, for whoever holds the account's lock."""
        one = cls(db, account, now_utc, lore, who=who)
        await one.agree_anew()
        one._articles = await articles.of_account(db, account)
        one.of_account = Account(account, one.agreements.of_account, rhythm=await kept_watched.load_rhythm(db, account))
        return one

    async def agree_anew(self) -> None:
        """Read what is agreed; for whoever changed it. Devices that are known already keep the rules they were met with."""
        self.agreements = Agreements(await kept_agreements.load(self.db, self.account), await kept_agreements.zones(self.db, self.account))

    @property
    def today(self) -> date:
        """Return the account's day."""
        return self.now_utc.astimezone(self.agreements.of_account.zone).date()

    # --- knowing -------------------------------------------------------------------------------------------------------

    async def know(self, names: Iterable[str]) -> None:
        """Load devices: what they are to us, what is known of their supplies, their requests."""
        if self._yields is None:
            self._yields = await self._lore.yields(self.db)
        new = [name for name in dict.fromkeys(names) if name not in self.watched]
        await self._stand(new)
        new = [name for name in new if name in self.book.stands]
        loaded = await kept_watched.load(self.db, self.account, new)
        if missing := [name for name in new if name not in loaded]:
            loaded |= await self._adopt(missing)
        by_device: dict[str, list[Request]] = {}
        for one in await kept.of_devices(self.db, self.account, new):
            by_device.setdefault(one.printer, []).append(one)
        self._rows_of |= by_device
        self.book.know(one for mine in by_device.values() for one in mine)
        for name in new:
            watched = loaded.get(name) or Watched(self.account, self.book.stands[name].site, name)
            watched.site = self.book.stands[name].site
            _attach(watched, by_device.get(name, []))
            self.watched[name] = watched

    def reattach(self, watched: Watched, met: Iterable[str]) -> set[str]:
        """Give supplies that were *met* just now the requests there are for them all the same: what was known of them was lost.

        Returns those supplies. What is in them is believed to be what was asked for: rather once too few than twice.
        """
        rows = self._rows_of.get(watched.printer, [])
        lost = {one.supply for one in rows}.intersection(met)
        for key in lost:
            mine = [one for one in rows if one.supply == key]
            watched.supplies[key].slot.cartridge.number = max(one.number for one in mine)
            _attach_one(watched.supplies[key], mine)
        return lost

    async def _adopt(self, missing: Sequence[str]) -> dict[str, Watched]:
        """Return what is known of devices under the names they had before they turned out to be one with another."""
        names = await kept_watched.absorbed(self.db, self.account, missing)
        loaded = await kept_watched.load(self.db, self.account, names.values())
        found = {}
        for name, former in names.items():
            if former in loaded:
                found[name] = replace(loaded[former], printer=name)
                self.touched[name] = None
                await kept.rename_device(self.db, self.account, former, name)
        await kept_watched.forget(self.db, self.account, names.values())
        return found

    async def know_place(self, place: str) -> None:
        """Load what is asked for at a place, for which devices, and what lies there."""
        if place in self._places:
            return
        self._places.add(place)
        found = await kept.at_place(self.db, self.account, place)
        self.book.know(found)
        await self._stand([one.printer for one in found])
        for key, count in (await kept_stock.pieces(self.db, self.account, [place])).items():
            self.book.pieces.setdefault(key, count)

    async def know_requests(self, ids: Sequence[str]) -> None:
        """Load requests, their devices' assignments and their places."""
        found = await kept.of_ids(self.db, self.account, ids)
        self.book.know(found)
        await self._stand([one.printer for one in found])
        for place in {place_of(one) for one in found}:
            await self.know_place(place)

    async def _stand(self, names: Iterable[str]) -> None:
        new = [name for name in names if name not in self.book.stands]
        for one in (await assignments.load(self.db, self.account, new, day=self.today)).values():
            self._put(one)

    def _put(self, one: Assignment) -> None:
        policy, catalogue = self.agreements.of_site(one.site), self._articles.of_model(one.model)
        facts = {name: getattr(one, name) for name in Assignment.__struct_fields__}
        self.book.stands[one.device] = Stand(policy=policy, catalogue=catalogue, **facts)

    def desk(self, name: str) -> Desk:
        """Return what decisions about a device that is known are made with."""
        assert self._yields is not None
        stand = self.book.stands[name]
        self._is_taught = True
        return Desk(self.of_account, stand.policy, stand.catalogue, self._yields, stand.included)

    # --- working -------------------------------------------------------------------------------------------------------

    async def apply(self, happened: Sequence[Happening]) -> None:
        """Enter what happened into the book, in its order."""
        cartridges = set()
        for one in happened:
            stand = self.book.stands[one.decision.printer]
            if one.decision.event in ("request", "replaced", "taken-back"):
                await self.know_place(stand.place)
                if one.before is not None:
                    await self.know_place(place_of(one.before))
            if one.decision.event == "taken-back":
                cartridges.add((stand.device, one.decision.supply or "", one.number))
        taken = await kept_stock.installed(self.db, self.account, cartridges)
        await self.know_requests([move.request for move in taken.values() if move.request])
        for place in {move.place for move in taken.values()}:
            await self.know_place(place)
        for one in happened:
            match one.decision.event:
                case "request":
                    self._ask(one)
                case "replaced":
                    self._replace(one)
                case "taken-back":
                    self._take_back(one, taken)
                case "ask-customer" if one.after is not None and one.after.id in self.book.requests:
                    before = self.book.requests[one.after.id]
                    self.book.put(replace(before, asked_at=one.after.asked_at, was_empty=one.after.was_empty), "ask the customer")
            if one.decision.event != "request":
                self._notice(one)

    def _ask(self, one: Happening) -> None:
        assert one.after is not None
        stand = self.book.stands[one.decision.printer]
        added = self.book.add(replace(one.after, site=stand.site, location=stand.location))
        self._added.append(added.id)

    def _replace(self, one: Happening) -> None:
        """A cartridge was replaced: its request is ended, a piece is off the shelf."""
        device, supply, out = one.decision.printer, one.decision.supply or "", one.number - 1
        own = None if one.before is None else self.book.requests.get(one.before.id)
        is_known = own is not None and own.number == out and own.state == "installed" and not own.makes_way
        if one.is_ended and own is not None and not own.is_done:
            self.book.put(replace(own, state="installed", hold=None, was=own.state), _evidence(one))
        elif own is not None and one.after is not None and one.after.id == own.id and one.after.number != own.number:
            self.book.put(replace(own, number=one.after.number), "for the cartridge that was put in unseen")
        if not is_known:  # by hand before: then its piece is gone already
            colour = (one.decision.kind or "", one.decision.colour)
            ended = own if one.is_ended and own is not None and not own.is_done else None
            self.book.install(device, supply, out, own=ended, colour=colour, part=one.decision.part_number)
        self._replaced.append((device, supply, out))

    def _take_back(self, one: Happening, taken: dict[tuple[str, str, int], Move]) -> None:
        """A replacement was none: its request is as it was, its piece back on the shelf."""
        again = None if one.after is None else self.book.requests.get(one.after.id)
        made = None if one.before is None else self.book.requests.get(one.before.id)
        if one.is_restored and again is not None and again.state == "installed" and again.was is not None:
            self.book.put(replace(again, state=again.was, was=None), "the replacement was none")
            if made is not None and made.id != again.id and made.is_unsent:
                self.book.cancel(made.id, "the replacement was none", makes_way=True)
        elif again is not None and one.after is not None and again.number != one.after.number:
            self.book.put(replace(again, number=one.after.number), "the replacement was none")
        move = taken.get((one.decision.printer, one.decision.supply or "", one.number))
        if move is not None:
            self.book.put_back(move)

    def note_replaced(self, one: Request) -> None:
        """Note that a person saw the cartridge replaced that a request was for."""
        self.touched[one.printer] = None
        self._replaced.append((one.printer, one.supply, one.number))
        told = Decision(
            at=self.now_utc,
            event="replaced",
            account=self.account,
            site=one.site,
            printer=one.printer,
            supply=one.supply,
            kind=one.kind,
            colour=one.colour,
            evidence="person",
        )
        self._notice(Happening(told, one, one, one.number + 1))

    def _notice(self, one: Happening) -> None:
        told = one.decision
        self._rows.append(
            {
                "account": self.account,
                "device": told.printer,
                "at_utc": told.at,
                "id": f"{len(self._rows):04d}{new_id()[2:]}",
                "event": told.event,
                "supply": told.supply,
                "kind": told.kind,
                "colour": told.colour,
                "part_number": told.part_number,
                "wanted": told.wanted,
                "share_left": told.left,
                "evidence": told.evidence,
                "choices": list(told.choices),
                "request": None if one.after is None or one.decision.event != "ask-customer" else one.after.id,
                "task": "open" if told.event in TASKS else None,
            }
        )

    async def settle(self) -> None:
        """Let all requests stand as they have to, wherever something changed."""
        while self.book.unsettled:
            place = min(self.book.unsettled)
            await self.know_place(place)
            self.book.settle(place)

    async def bundle(self) -> None:
        """Ask, at the places that something new is about to be sent to, for what falls due there so soon that it had better come along."""
        places = {}
        for name in self._added:
            one = self.book.requests[name]
            if one.state == "approved" or one.hold == "approval":
                places[place_of(one)] = one
        self._added = []
        for place, one in sorted(places.items()):
            await self.bundle_at(place, self.agreements.of_site(one.site).bundle_days)
        self._added = []

    async def bundle_at(self, place: str, bundle_days: float) -> None:
        if bundle_days <= 0:
            return
        standing = await assignments.standing_at(self.db, self.account, place, day=self.today, rows_max=BUNDLED_DEVICES_MAX)
        for assigned in standing.values():
            if assigned.device not in self.book.stands:
                self._put(assigned)
        await self.know(standing)
        happened = []
        for name in standing:
            watched = self.watched[name]
            if watched.taken_at is None or not self.book.stands[name].policy.is_live:
                continue
            before = requests_of(watched)
            if decisions := watch.falls_due(watched, self.now_utc, bundle_days, self.desk(name)):
                happened += happenings(watched, decisions, before)
                self.touched[name] = None
        await self.apply(happened)
        await self.settle()

    # --- the end -------------------------------------------------------------------------------------------------------

    async def save(self, **rhythm: Any) -> None:
        """Write everything that changed."""
        book = self.book
        await kept.pass_by(self.db, self.account, self._replaced)
        for name, supply, _ in self._replaced:
            await kept.close_tasks(self.db, self.account, name, supply, now_utc=self.now_utc, who=book.who)
        await kept.add(self.db, [book.requests[name] for name in book.added])
        await kept.change(self.db, [book.requests[name] for name in book.changed])
        await kept.note(self.db, self.account, book.entries, now_utc=self.now_utc)
        await kept_stock.save(self.db, self.account, book.moves, who=book.who, now_utc=self.now_utc)
        await kept.notice(self.db, self._rows)
        await kept_watched.save(self.db, self.account, {name: self.watched[name] for name in self.touched})
        if self._is_taught or rhythm:
            await kept_watched.save_rhythm(self.db, self.account, self.of_account.rhythm, **rhythm)
            await self._lore.save(self.db, self.account)


def _attach(watched: Watched, rows: Sequence[Request]) -> None:
    """Give the supplies of a device their requests, which are kept apart."""
    for key, tracked in watched.supplies.items():
        mine = [one for one in rows if one.supply == key]
        if mine:
            _attach_one(tracked, mine)


def _attach_one(tracked: Tracked, mine: Sequence[Request]) -> None:
    slot = tracked.slot
    here = [one for one in mine if one.number == slot.cartridge.number]
    tracked.request = max(here, key=lambda one: (not one.makes_way, one.state != "cancelled", one.attempt), default=None)
    if slot.before is not None:
        ended = [one for one in mine if one.number == slot.before.number and one.was is not None and not one.makes_way]
        if ended:
            last = max(ended, key=lambda one: one.attempt)
            tracked.earlier = replace(last, state=last.was, was=None)


def _evidence(one: Happening) -> str:
    return f"replaced: {one.decision.evidence}"
