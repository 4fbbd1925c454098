"""Requests: when one is made, why, and what becomes of it. One for a cartridge, never two.

    open ──> approved ──> sent ──> delivered ──> installed
      │          │          │          │              a replacement seen ends it from any state
      └──────────┴──────────┴──────────┴──> cancelled

A request is made when the chance that the supply is empty at the end of the account's lead time reaches `RISK`; at once when it is empty,
or the device itself warns of a supply it has no number for; and where the account has a threshold, below it. Then the slot has its
request, and nothing but a replacement makes room for the next: no rise of a shaken cartridge, no cancellation. One that is not seen
installed 60 days after it was sent (or decided, where nothing was sent) becomes the task "ask the customer"; from then on a person, or a
supply that becomes empty, makes another.

An open one waits for something, its `hold`: its site is in trial; the contract does not include it (any more); nobody knows which article;
it lies on the shelf already, to be installed from there; a person has to approve it.

Every request says why: the rule, the forecast, and what it was judged by.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from poller.central.supplies.calendar import DAY_SECONDS, Calendar
from poller.central.supplies.forecast import Outlook, days_until, forecast
from poller.central.supplies.history import Rate
from poller.central.supplies.policy import Catalogue, Policy
from poller.central.supplies.slots import Slot, Word
from poller.central.supplies.yields import Belief
from poller.errors import PollerError

RISK = 0.01
"""The chance of being late that is accepted. Smaller asks earlier: see the table of docs/toner-requests.md."""
RISK_FULL = 2.5
"""… and for a full cartridge so many times more on top: the fuller it is, the longer a spare one lies about if the forecast was wrong."""
RISK_FRESH = 0.1
"""… and for one in its first days, when nobody would send the next: those that are used up so fast can wait until it was seen in use."""
_FRESH_DAYS = 3.0
RISK_RECKONED = 0.07
"""… where only pages tell what is left: such a device still warns by itself before the end. The yield's variance comes on top."""
RISK_UNSURE = 0.3
"""… while so little is known that the chance says more about our ignorance than about the supply. A few days later more is known."""
RISK_UNSURE_RECKONED = 0.2
"""… and no level will ever say it: such a device's next news is its warning, which comes too late for most."""
_UNSURE_WIDTH = 0.3
_UNSURE_VARIANCE = 0.35**2
_UNSURE_DAYS = 3.0
ASK_AFTER_DAYS = 60.0
SILENT_DAYS = 14.0
"""So long a printer that is not heard is believed to print on. After that nothing is decided for it."""
EMPTY_WORD_DAYS = 30.0
"""A device without levels says "empty" when a twentieth is left; that lasts a slow printer three weeks."""
DAYS_SEEN_MIN = 1.0
_OVERDUE = 1.5
"""A printer is silent once its next reading is late by half the usual time."""
_ALMOST_EMPTY = 0.05
"""Before a printer has been seen for one working day, only what is almost empty is asked for."""

State = Literal["open", "approved", "sent", "delivered", "installed", "cancelled"]
Hold = Literal["trial", "contract", "clarify", "stock", "approval"]
Rule = Literal["forecast", "empty", "warning", "threshold", "bundle", "person"]

_STEPS: dict[State, frozenset[State]] = {
    "open": frozenset({"approved", "installed", "cancelled"}),
    "approved": frozenset({"sent", "installed", "cancelled"}),
    "sent": frozenset({"sent", "delivered", "installed", "cancelled"}),
    "delivered": frozenset({"delivered", "installed", "cancelled"}),
    "installed": frozenset(),
    "cancelled": frozenset(),
}


class StepError(PollerError):
    """A request cannot go from the state it is in to the one that is wanted; `reachable` are those it can."""

    def __init__(self, state: State, wanted: State) -> None:
        self.state, self.wanted, self.reachable = state, wanted, tuple(sorted(_STEPS[state]))
        super().__init__(f"a request that is {state} cannot become {wanted}; it can become: {', '.join(self.reachable) or 'nothing'}")


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """Why a request was made, as pages show it.

    `days` is when the supply runs out, `early_days` and `late_days` leave one chance in twenty on either side; null beyond 400 days.
    `chance` is that of being empty at the end of the lead time. The share left is between `left_low` and `left_high`. The rest is the
    evidence: pages on a working day and how many working days say so, pages a full supply lasts, its standard error as a factor, and how
    many samples of the part number stand behind it.
    """

    rule: Rule
    chance: float
    days: float | None
    early_days: float | None
    late_days: float | None
    left_low: float
    left_high: float
    pages_per_day: float
    days_seen: float
    pages_per_supply: float
    pages_per_supply_factor: float
    samples: int


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """A parcel, or part of one: `tracking` is the carrier's number."""

    at: datetime
    pieces: int = 1
    tracking: str | None = None


class Request(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One request, for the cartridge `number` of one slot: (account, printer, supply, number, attempt) is its key, and unique.

    `hold` says what it waits for while open. `asked_at`: it became the task "ask the customer". `deliveries` may be partial.

    What follows is known where requests are kept (`poller central serve`): `id` is what people call it, `attempt` counts the requests for
    one cartridge; `article`, one of `alternatives`, comes in `pieces`; `parcel` is the one it goes with. `approved_by` is the person who
    did. `was` is the state that a replacement ended. One that `makes_way` stands in no other's way: what was sent for it went into another
    device, or it was given up before anything was sent.
    """

    id: str = ""
    attempt: int = 0
    account: str
    site: str
    printer: str
    supply: str
    number: int
    part_number: str | None
    state: State
    hold: Hold | None
    decided_at: datetime
    reason: Reason
    changed_at: datetime
    sent_at: datetime | None = None
    asked_at: datetime | None = None
    was_empty: bool = False
    deliveries: tuple[Delivery, ...] = ()
    kind: str = ""
    colour: str | None = None
    location: str | None = None
    article: str | None = None
    alternatives: tuple[str, ...] = ()
    pieces: int = 1
    parcel: str | None = None
    approved_by: str | None = None
    was: State | None = None
    makes_way: bool = False

    @property
    def is_done(self) -> bool:
        return self.state in ("installed", "cancelled")

    @property
    def is_under_way(self) -> bool:
        """Whether a piece was sent for it that is not installed yet."""
        return self.state in ("sent", "delivered")

    @property
    def is_unsent(self) -> bool:
        """Whether nothing was done for it yet, not even packed."""
        return self.state in ("open", "approved") and self.parcel is None


def advance(request: Request, state: State, at: datetime, *, delivery: Delivery | None = None) -> Request:
    """Return the request in its next *state*. Raises StepError where there is no such step.

    `sent` and `delivered` may come more than once: parcels are split. *delivery* is added to what is known of them.
    """
    if state not in _STEPS[request.state]:
        raise StepError(request.state, state)
    deliveries = request.deliveries if delivery is None else (*request.deliveries, delivery)
    sent_at = at if state == "sent" and request.sent_at is None else request.sent_at
    return msgspec.structs.replace(request, state=state, hold=None, changed_at=at, sent_at=sent_at, deliveries=deliveries)


def opening(
    policy: Policy, catalogue: Catalogue, part_number: str | None, kind: str, colour: str | None = None
) -> tuple[State, Hold | None]:
    """Return the state a new request begins in, and what it waits for."""
    return standing(policy, is_known=kind != "unknown" and catalogue.knows(part_number, kind, colour))


def standing(policy: Policy, *, is_known: bool, is_included: bool = True, is_covered: bool = False) -> tuple[State, Hold | None]:
    """Return where a request stands that nothing was sent for: its state, and what it waits for.

    *is_known*: there is an article for it; *is_included*: the contract has it; *is_covered*: it lies on the shelf.
    """
    if not policy.is_live:
        return "open", "trial"
    if not is_included:
        return "open", "contract"
    if not is_known:
        return "open", "clarify"
    if is_covered:
        return "open", "stock"
    return ("open", "approval") if policy.approval == "manual" else ("approved", None)


def is_empty(slot: Slot) -> bool:
    """Whether the supply is empty by its level, or by the device's word."""
    now = slot.cartridge
    return now.word is Word.EMPTY or (slot.is_measured and now.ratio is not None and now.ratio <= 0)


def is_for(request: Request | None, slot: Slot) -> bool:
    """Whether *request* is for the cartridge that is in the slot now."""
    return request is not None and request.number == slot.cartridge.number


def blocks(request: Request, slot: Slot, now: float) -> bool:
    """Whether *request* stands in the way of another for the same slot *now* (local seconds).

    After "ask the customer" a newly empty supply does not wait. A device without levels says "empty" while there is still some left, and
    what was sent may lie beside it: its word must have stood for `EMPTY_WORD_DAYS`.
    """
    if not is_for(request, slot) or request.makes_way:
        return False
    if request.asked_at is None or request.was_empty or not is_empty(slot):
        return True
    since = slot.cartridge.word_at
    return not slot.is_measured and since is not None and now - since < EMPTY_WORD_DAYS * DAY_SECONDS


def has_spare(slot: Slot, pages: float, belief: Belief) -> bool:
    """Whether what was asked for last cannot be used up yet, by the *pages* since: it is in the slot, or lies beside it.

    Of use where nobody saw the last change. Then only pages say that there was one, and not when: the request before may have been for the
    cartridge that is in the slot now.
    """
    if slot.is_measured or slot.asked_pages is None or slot.cartridge.is_begin_seen:
        return False
    return pages - slot.asked_pages < belief.pages


def risk_of(slot: Slot, rate: Rate, belief: Belief, now: float) -> float:
    """Return the chance of being late that is accepted for this supply *now*: a greater one as long as little is known of it."""
    left = slot.cartridge.left
    is_unsure = left.high - left.low > _UNSURE_WIDTH or belief.variance > _UNSURE_VARIANCE or rate.days < _UNSURE_DAYS
    if is_unsure:
        return RISK_UNSURE if slot.is_measured else RISK_UNSURE_RECKONED
    if not slot.is_measured:
        return RISK_RECKONED + belief.variance
    risk = RISK * (1 + RISK_FULL * left.low)
    begun_at = slot.cartridge.begun_at
    is_fresh = begun_at is not None and now - begun_at < _FRESH_DAYS * DAY_SECONDS
    return max(risk, RISK_FRESH) if is_fresh else risk


def rule_for(
    slot: Slot,
    outlook: Outlook,
    calendar: Calendar,
    policy: Policy,
    *,
    risk: float,
    now: float,
    pace_seconds: float,
    within_days: float = 0.0,
    is_sure: bool = False,
    has_spare: bool = False,
) -> Rule | None:
    """Return by which rule a request falls due *now* (local seconds) or *within_days*; None if by none.

    *pace_seconds* is how long the next reading takes to come: what would be late then is asked for now. A cartridge that replaced another
    must have been seen twice: what looked like a change may be taken back. *is_sure*: the part's yield is known from somewhere, so that a
    supply without a level can be reckoned by pages. *has_spare*: what was asked for last is not used up.
    """
    left = slot.cartridge.left
    if has_spare or (slot.cartridge.number > 0 and slot.cartridge.reports < 2):
        return None
    if slot.pending is not None and slot.pending.what == "unwarned":  # replaced, it seems: the next reading tells
        return None
    if is_empty(slot):
        return "empty"
    if not slot.is_measured and slot.cartridge.word is Word.LOW:
        return "warning"
    ratio = slot.cartridge.ratio
    if policy.threshold is not None and ratio is not None and slot.is_measured and ratio <= policy.threshold:
        return "threshold"
    if not slot.is_measured and not is_sure:
        return None
    if outlook.rate.days < DAYS_SEEN_MIN and left.high > _ALMOST_EMPTY:
        return None
    end = now + (policy.lead_days + within_days) * DAY_SECONDS + pace_seconds
    if outlook.chance_empty(calendar.activity(outlook.at, end)) >= risk:
        return "forecast"
    return None


def due_at(outlook: Outlook, calendar: Calendar, policy: Policy, *, risk: float, now: float, pace_seconds: float) -> float | None:
    """Return when, in local seconds, to look again if the printer says nothing more; None if nothing falls due within `SILENT_DAYS`.

    Most printers speak again in time, so the day itself is worked out only for one that is overdue *now*.
    """
    end = outlook.at + (policy.lead_days + SILENT_DAYS) * DAY_SECONDS
    if outlook.chance_empty(calendar.activity(outlook.at, end)) < risk:
        return None
    overdue = outlook.at + _OVERDUE * pace_seconds
    if now < overdue:
        return overdue
    days = days_until(outlook, calendar, risk)
    return None if days is None else outlook.at + (days - policy.lead_days) * DAY_SECONDS - pace_seconds


def reason_of(
    rule: Rule, slot: Slot, outlook: Outlook, belief: Belief, calendar: Calendar, policy: Policy, *, now: float, pages: float
) -> Reason:
    """Return what a person should be told about a request made *now*."""
    passed = (now - outlook.at) / DAY_SECONDS
    expected = [None if days is None else round(max(days - passed, 0.0), 1) for days in forecast(outlook, calendar)]
    low, high = slot.cartridge.left.now(pages, belief)
    end = now + policy.lead_days * DAY_SECONDS
    return Reason(
        rule=rule,
        chance=round(outlook.chance_empty(calendar.activity(outlook.at, end)), 4),
        early_days=expected[0],
        days=expected[1],
        late_days=expected[2],
        left_low=round(min(max(low, 0.0), 1.0), 3),
        left_high=round(min(max(high, 0.0), 1.0), 3),
        pages_per_day=round(outlook.rate.pages, 1),
        days_seen=round(outlook.rate.days, 1),
        pages_per_supply=round(belief.pages),
        pages_per_supply_factor=round(2.718281828459045 ** (belief.variance**0.5), 2),
        samples=belief.samples,
    )
