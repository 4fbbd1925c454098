"""The requests and the shelves of an account, while one transaction works on them. Pure: `sitting.py` loads and saves it.

What was sent to a place, or counted there by a person, and was not seen installed, lies on its shelf: for every device there that takes the
article. A request that was sent has a claim to one piece, as has one that is to be served from the shelf; what is beyond all claims is
*free*. So pieces are told apart by nothing but their article:

- A request that finds a free piece is not sent: `stock`, install it from the shelf. When the piece goes elsewhere, it is sent after all.
- A cartridge seen installed takes a piece: of its own request; else a free one; else one that was meant for another device, whose request
  is ended by that and makes way for another: "A's cartridge is in B".
- A replacement that is taken back puts its piece back, and the request it took it from is as it was.
- Stock is never below zero: an installed cartridge that no shelf has came from somewhere else.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Literal, NamedTuple

from msgspec.structs import replace

from poller.central.supplies.policy import Article, Catalogue, Policy
from poller.central.supplies.requests import Hold, Request, State, advance, standing
from poller.model import Value

AUTOMATIC = "poller"
"""Who did it, where nobody did."""
What = Literal["entered", "sent", "installed", "returned", "cancelled", "carried"]
_LETTERS = "23456789abcdefghjkmnpqrstvwxyz"


class Entry(NamedTuple):
    """One step of a request's history."""

    request: str
    who: str
    before: State | None
    after: State
    hold: Hold | None
    note: str | None


class Move(NamedTuple):
    """One change; the columns of its row."""

    place: str
    article: str
    what: What
    pieces: int
    request: str | None = None
    device: str | None = None
    supply: str | None = None
    number: int | None = None
    note: str | None = None


def new_id() -> str:
    """Return an id for a request: short, and without letters that are mistaken for others when they are read out."""
    return "q-" + "".join(secrets.choice(_LETTERS) for _ in range(8))


def place_of(request: Request) -> str:
    """Return where a request is delivered to: its location, else its site."""
    return request.location or f"@{request.site}"


class Assignment(Value, frozen=True, kw_only=True):
    """`location` is where it stands, by hand or by its range; `included` the kinds of supplies its contract of the day has."""

    device: str
    state: str
    site: str
    location: str | None
    manufacturer: str | None
    model: str | None
    serial: str | None
    customer: str | None
    device_number: str | None
    inventory_number: str | None
    cost_centre: str | None
    included: frozenset[str]

    @property
    def place(self) -> str:
        return self.location or f"@{self.site}"

    @property
    def is_gone(self) -> bool:
        """Whether it is none of ours any more, or no device of its own."""
        return self.state not in ("managed", "unassigned")


class Stand(Assignment, frozen=True, kw_only=True):
    """A device as the book sees it: its assignment, its site's rules, its model's articles."""

    policy: Policy
    catalogue: Catalogue


class Book:
    """`requests` by id and `pieces` by (place, article): what is known of them; the rest is what changed."""

    def __init__(self, account: str, now_utc: datetime, *, who: str = AUTOMATIC) -> None:
        self.account, self.now_utc, self.who = account, now_utc, who
        self.requests: dict[str, Request] = {}
        self.stands: dict[str, Stand] = {}
        self.pieces: dict[tuple[str, str], int] = {}
        self.added: dict[str, None] = {}
        self.changed: dict[str, None] = {}
        self.entries: list[tuple[str, Entry]] = []
        self.moves: list[tuple[str, Move]] = []
        self.unsettled: set[str] = set()
        """Places where something changed since they were last settled."""

    def know(self, requests: Iterable[Request]) -> None:
        """Take in rows as they are kept; what was changed here already stays changed."""
        for one in requests:
            self.requests.setdefault(one.id, one)

    def number(self) -> str:
        """Return an id that comes after all others of this transaction."""
        return f"{len(self.entries) + len(self.moves):06d}{secrets.token_hex(8)}"

    # --- requests ------------------------------------------------------------------------------------------------------

    def add(self, request: Request, note: str | None = None) -> Request:
        """Enter a new request, with the next attempt for its cartridge."""
        mine = (request.printer, request.supply, request.number)
        attempts = [one.attempt for one in self.requests.values() if (one.printer, one.supply, one.number) == mine]
        added = replace(request, attempt=max(attempts, default=-1) + 1, changed_at=self.now_utc)
        self.requests[added.id] = added
        self.added[added.id] = None
        self._enter(added, None, note)
        return added

    def put(self, after: Request, note: str | None = None) -> Request:
        """Let a request be as *after* says; a step of its history, if its state changed or there is something to say."""
        before = self.requests[after.id]
        if after == before:
            return before
        after = replace(after, changed_at=self.now_utc)
        self.requests[after.id] = after
        if after.id not in self.added:
            self.changed[after.id] = None
        if note is not None or (before.state, before.hold) != (after.state, after.hold):
            self._enter(after, before.state, note)
        self.unsettled |= {place_of(before), place_of(after)}
        return after

    def advance(self, name: str, state: State, note: str | None = None) -> Request:
        """Let a request take a step. Raises StepError where there is none such."""
        return self.put(advance(self.requests[name], state, self.now_utc), note)

    def cancel(self, name: str, note: str | None, *, makes_way: bool = False) -> Request:
        """End a request that is not to be: what was sent for it is not on the shelf, or will not stay there. Raises StepError."""
        before = self.requests[name]
        after = self.put(replace(advance(before, "cancelled", self.now_utc), makes_way=makes_way), note)
        if before.is_under_way and not before.makes_way and before.article is not None:
            place = place_of(before)
            if (gone := min(before.pieces, self.free(place, before.article))) > 0:
                self.move(Move(place, before.article, "cancelled", -gone, request=name))
        return after

    def send(self, name: str, note: str | None = None) -> None:
        """Note that what a request asks for was sent: it will lie on the shelf of its place."""
        before = self.requests[name]
        if before.state == "cancelled" or before.sent_at is not None:
            return
        if before.state == "installed":  # while it was on its way out, another was put in
            self.put(replace(before, sent_at=self.now_utc, was="sent"), "sent nevertheless")
        else:
            self.advance(name, "sent", note)
        if before.article is not None:
            self.move(Move(place_of(before), before.article, "sent", before.pieces, request=name))

    def _enter(self, after: Request, before: State | None, note: str | None) -> None:
        self.entries.append((self.number(), Entry(after.id, self.who, before, after.state, after.hold, note)))
        self.unsettled.add(place_of(after))

    # --- shelves -------------------------------------------------------------------------------------------------------

    def move(self, one: Move) -> None:
        """Let pieces come or go. Never fewer than none."""
        key = (one.place, one.article)
        self.pieces[key] = self.pieces.get(key, 0) + one.pieces
        assert self.pieces[key] >= 0, key
        self.moves.append((self.number(), one))
        self.unsettled.add(one.place)

    def at(self, place: str) -> list[Request]:
        return [one for one in self.requests.values() if not one.is_done and place_of(one) == place]

    def claims(self, place: str) -> Counter[str]:
        """Return how many pieces of each article at a place a device that is still ours waits for, having been sent one."""
        waiting = [one for one in self.at(place) if one.is_under_way and not one.makes_way and not self._is_gone(one.printer)]
        return Counter(one.article for one in waiting if one.article is not None)

    def _is_gone(self, device: str) -> bool:
        stand = self.stands.get(device)
        return stand is None or stand.is_gone

    def free(self, place: str, article: str) -> int:
        """Return how many pieces lie at a place that were sent for nobody."""
        return self.pieces.get((place, article), 0) - self.claims(place)[article]

    def install(
        self, device: str, supply: str, number: int, *, own: Request | None, colour: tuple[str, str | None], part: str | None
    ) -> None:
        """Take one piece from a shelf for the cartridge that replaced *number* in a device; *own* is the request this ended."""

        def take(place: str, article: str, request: str | None, note: str | None = None) -> None:
            self.move(Move(place, article, "installed", -1, request=request, device=device, supply=supply, number=number, note=note))

        if own is not None and own.is_under_way and own.article is not None:
            if self.pieces.get((place_of(own), own.article), 0) > 0:
                take(place_of(own), own.article, own.id)
            return
        stand = self.stands.get(device)
        if stand is None:
            return
        place = stand.place
        article = stand.catalogue.find(part, *colour)
        numbers = [] if article is None else list(article.numbers())
        if own is not None and own.hold == "stock" and own.article is not None:
            numbers.insert(0, own.article)
        for name in numbers:
            if self.free(place, name) > 0:
                take(place, name, None)
                return
        for name in numbers:
            meant = [one for one in self.at(place) if one.is_under_way and not one.makes_way and one.article == name]
            if meant and self.pieces.get((place, name), 0) > 0:
                other = min(meant, key=lambda one: (one.sent_at or one.changed_at, one.id))
                note = f"installed in device {device}"
                take(place, name, other.id, note)
                self.put(replace(advance(other, "installed", self.now_utc), was=other.state, makes_way=True), note)
                return

    def put_back(self, taken: Move) -> None:
        """Undo `install`: the replacement was none."""
        self.move(taken._replace(what="returned", pieces=1))
        other = self.requests.get(taken.request or "")
        if other is None or not other.makes_way or other.was is None:
            return
        mine = (other.printer, other.supply, other.number)
        later = [one for one in self.requests.values() if (one.printer, one.supply, one.number) == mine and not one.is_done]
        if any(not one.is_unsent for one in later):
            return  # another was sent meanwhile: the piece is free
        for one in later:
            self.cancel(one.id, "what was sent before is on the shelf after all", makes_way=True)
        self.put(replace(other, state=other.was, was=None, makes_way=False), "not installed elsewhere after all")

    # --- what a request waits for --------------------------------------------------------------------------------------

    def settle(self, place: str) -> None:
        """Let every request of a place for which nothing was done yet stand as it now has to."""
        self.unsettled.discard(place)
        here = self.at(place)
        free = Counter({article: count for (where, article), count in self.pieces.items() if where == place})
        free.subtract(self.claims(place))
        for one in sorted((one for one in here if one.is_unsent), key=lambda one: (one.hold != "stock", one.decided_at, one.id)):
            stand = self.stands.get(one.printer)
            if stand is None or stand.is_gone:
                self.cancel(one.id, "the device is gone", makes_way=True)
            elif stand.place != place:
                self.put(replace(one, site=stand.site, location=stand.location), f"the device stands at {stand.place} now")
            elif one.approved_by is None:
                self._stand(one, stand, free)
            elif not stand.policy.is_live or one.kind not in stand.included:  # whatever anybody approved before
                self._stand(replace(one, approved_by=None), stand, free)
        self.unsettled.discard(place)

    def _stand(self, one: Request, stand: Stand, free: Counter[str]) -> None:
        article = stand.catalogue.find(one.part_number, one.kind, one.colour) if one.kind != "unknown" else None
        numbers = _numbers(one, article)
        lying = next((name for name in sorted(numbers, key=lambda name: name != one.article) if free[name] > 0), None)
        state, hold = standing(stand.policy, is_known=bool(numbers), is_included=one.kind in stand.included, is_covered=lying is not None)
        chosen = lying if hold == "stock" else next(iter(numbers), None)
        if hold == "stock" and lying is not None:
            free[lying] -= 1
        self.put(
            replace(
                one,
                state=state,
                hold=hold,
                site=stand.site,
                article=chosen,
                alternatives=tuple(name for name in numbers if name != chosen),
                pieces=1 if article is None else article.pack,
            )
        )


def _numbers(one: Request, article: Article | None) -> tuple[str, ...]:
    """Return the articles that serve a request: those of the catalogue, else the one a person named."""
    if article is not None:
        return article.numbers()
    return () if one.article is None else (one.article, *one.alternatives)
