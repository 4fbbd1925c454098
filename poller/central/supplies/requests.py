"""Requests: when one is made, why, and what becomes of it. One for a cartridge, never two.

    open ──> approved ──> sent ──> delivered ──> installed
      │          │          │          │              a replacement seen ends it from any state
      └──────────┴──────────┴──────────┴──> cancelled

A request is made when the chance that the supply is empty at the end of the account's lead time reaches `RISK`; at once when it is empty,
or the device itself warns of a supply it has no number for; and where the account has a threshold, below it. Then the slot has its
request, and nothing but a replacement makes room for the next: no rise of a shaken cartridge, no cancellation. One that is not seen
installed 60 days after it was sent (or decided, where nothing was sent) becomes the task "ask the customer"; from then on a person, or a
supply that becomes empty, makes another.

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
RISK_RECKONED = 0.05
"""… where only pages tell what is left: such a device still warns by itself before the end. The yield's variance comes on top."""
RISK_UNSURE = 0.3
"""… while so little is known that the chance says more about our ignorance than about the supply. A few days later more is known."""
_UNSURE_WIDTH = 0.3
_UNSURE_VARIANCE = 0.35**2
_UNSURE_DAYS = 3.0
ASK_AFTER_DAYS = 60.0
SILENT_DAYS = 14.0
"""So long a printer that is not heard is believed to print on. After that nothing is decided for it."""
EMPTY_WORD_DAYS = 14.0
DAYS_SEEN_MIN = 1.0
_OVERDUE = 1.5
"""A printer is silent once its next reading is late by half the usual time."""
_ALMOST_EMPTY = 0.05
"""Before a printer has been seen for one working day, only what is almost empty is asked for."""

State = Literal["open", "approved", "sent", "delivered", "installed", "cancelled"]
Hold = Literal["trial", "clarify", "approval"]
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


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One request, for the cartridge `number` of one slot: (account, printer, supply, number) is its key, and unique.

    `hold` says what it waits for while open. `asked_at`: it became the task "ask the customer". `deliveries` may be partial.
    """

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

    @property
    def is_done(self) -> bool:
        return self.state in ("installed", "cancelled")


def advance(request: Request, state: State, at: datetime, *, delivery: Delivery | None = None) -> Request:
    """Return the request in its next *state*. Raises StepError where there is no such step.

    `sent` and `delivered` may come more than once: parcels are split. *delivery* is added to what is known of them.
    """
    if state not in _STEPS[request.state]:
        raise StepError(request.state, state)
    deliveries = request.deliveries if delivery is None else (*request.deliveries, delivery)
    sent_at = at if state == "sent" and request.sent_at is None else request.sent_at
    return msgspec.structs.replace(request, state=state, hold=None, changed_at=at, sent_at=sent_at, deliveries=deliveries)


def opening(policy: Policy, catalogue: Catalogue, part_number: str | None, kind: str) -> tuple[State, Hold | None]:
    """Return the state a new request begins in, and what it waits for."""
    if not policy.is_live:
        return "open", "trial"
    if kind == "unknown" or not catalogue.knows(part_number):
        return "open", "clarify"
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
    if not is_for(request, slot):
        return False
    if request.asked_at is None or request.was_empty or not is_empty(slot):
        return True
    since = slot.cartridge.word_at
    return not slot.is_measured and since is not None and now - since < EMPTY_WORD_DAYS * DAY_SECONDS


def risk_of(slot: Slot, rate: Rate, belief: Belief) -> float:
    """Return the chance of being late that is accepted for this supply: a greater one as long as little is known of it."""
    left = slot.cartridge.left
    is_unsure = left.high - left.low > _UNSURE_WIDTH or belief.variance > _UNSURE_VARIANCE or rate.days < _UNSURE_DAYS
    if is_unsure:
        return RISK_UNSURE
    return RISK * (1 + RISK_FULL * left.low) if slot.is_measured else RISK_RECKONED + belief.variance


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
) -> Rule | None:
    """Return by which rule a request falls due *now* (local seconds) or *within_days*; None if by none.

    *pace_seconds* is how long the next reading takes to come: what would be late then is asked for now. A cartridge that replaced another
    must have been seen twice: what looked like a change may be taken back. *is_sure*: the part's yield is known from somewhere, so that a
    supply without a level can be reckoned by pages.
    """
    left = slot.cartridge.left
    if slot.cartridge.number > 0 and slot.cartridge.reports < 2:
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
