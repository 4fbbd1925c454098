"""Whether a supply is asked for now, when to look again, and what is written down of it. No clock: whoever calls brings the time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec

from poller.central.supplies import requests
from poller.central.supplies.calendar import DAY_SECONDS, Calendar
from poller.central.supplies.forecast import Outlook, outlook_of
from poller.central.supplies.history import Rate, Usage
from poller.central.supplies.requests import Reason, Request, Rule
from poller.central.supplies.slots import Slot
from poller.central.supplies.watched import DAYS, Decision, Desk, Event, Tracked, Watched
from poller.central.supplies.yields import GUESS_DAYS, Belief

_LOOK_SECONDS_MIN = 3600
_LOOK_SECONDS = 4 * 3600


def belief_of(tracked: Tracked, desk: Desk) -> Belief:
    """Return what is believed of how long a full cartridge lasts in this device."""
    share, pages = tracked.slot.used()
    is_measured = tracked.slot.is_measured
    if tracked.meter == DAYS:
        return desk.yields.believe(tracked.name, share, pages, is_measured=is_measured, guess_pages=GUESS_DAYS)
    rated = _rated_pages(tracked, desk)
    return desk.yields.believe(tracked.name, share, pages, is_measured=is_measured, rated_pages=rated)


def _rated_pages(tracked: Tracked, desk: Desk) -> float | None:
    return desk.catalogue.rated_pages(tracked.slot.cartridge.part, tracked.kind, tracked.colour)


def decide(
    watched: Watched,
    tracked: Tracked,
    now_utc: datetime,
    now: float,
    rate: Rate,
    calendar: Calendar,
    desk: Desk,
    *,
    within_days: float = 0.0,
) -> Iterator[Decision]:
    """Yield the request that is due for one supply, or the task that an old one has become; note when to look again."""
    tracked.due_utc = None
    request, slot = tracked.request, tracked.slot
    if request is not None and requests.blocks(request, slot, now):
        if request.asked_at is None and not request.is_done:
            ask_at = (request.sent_at or request.decided_at) + timedelta(days=requests.ASK_AFTER_DAYS)
            if now_utc < ask_at:
                tracked.due_utc = ask_at
            else:
                tracked.request = msgspec.structs.replace(request, asked_at=now_utc, was_empty=requests.is_empty(slot))
                yield decision(watched, tracked, now_utc, "ask-customer")
        return
    case = consider(watched, tracked, now, rate, calendar, desk, within_days=within_days)
    if case is None:
        return
    rule = case.rule(watched, within_days)
    if rule is None:
        if slot.is_measured or case.is_sure:
            tracked.due_utc = case.due_utc(watched)
    elif not desk.includes(tracked.kind):
        tracked.due_utc = now_utc + timedelta(seconds=_LOOK_SECONDS)  # from the day on that it is in the contract
    else:
        yield make_request(watched, tracked, now_utc, case, "bundle" if within_days and rule == "forecast" else rule)


class Case(NamedTuple):
    """What one decision about one supply rests on, at the local time `now`."""

    slot: Slot
    usage: Usage
    outlook: Outlook
    belief: Belief
    risk: float
    is_sure: bool
    calendar: Calendar
    now: float
    desk: Desk

    def rule(self, watched: Watched, within_days: float = 0.0) -> Rule | None:
        """Return by which rule a request falls due *within_days*."""
        return requests.rule_for(
            self.slot,
            self.outlook,
            self.calendar,
            self.desk.policy,
            risk=self.risk,
            pace_seconds=watched.pace_seconds,
            now=self.now,
            within_days=within_days,
            is_sure=self.is_sure,
            has_spare=requests.has_spare(self.slot, self.usage.total, self.belief),
        )

    def due_utc(self, watched: Watched) -> datetime | None:
        """Return when to look again if the printer says nothing more."""
        pace = watched.pace_seconds
        due = requests.due_at(self.outlook, self.calendar, self.desk.policy, risk=self.risk, now=self.now, pace_seconds=pace)
        return None if due is None else self.calendar.utc(max(due, self.now + _LOOK_SECONDS_MIN))


def consider(
    watched: Watched, tracked: Tracked, now: float, rate: Rate, calendar: Calendar, desk: Desk, *, within_days: float = 0.0
) -> Case | None:
    """Return what a decision rests on; None where the printer has been silent for so long that nothing is decided."""
    usage = watched.meters[tracked.meter]
    assert usage.at is not None
    if now - usage.at > (requests.SILENT_DAYS + within_days) * DAY_SECONDS:
        return None
    return case_of(watched, tracked, now, rate, calendar, desk)


def case_of(watched: Watched, tracked: Tracked, now: float, rate: Rate, calendar: Calendar, desk: Desk) -> Case:
    """Return what a decision about a supply rests on at *now* (local seconds), whatever the printer said or did not."""
    slot, usage, belief = tracked.slot, watched.meters[tracked.meter], belief_of(tracked, desk)
    assert usage.at is not None
    outlook = outlook_of(slot, rate, belief, usage.at, usage.total)
    is_sure = belief.samples > 0 or slot.share > 0 or _rated_pages(tracked, desk) is not None
    return Case(slot, usage, outlook, belief, requests.risk_of(slot, rate, belief, now), is_sure, calendar, now, desk)


def make_request(watched: Watched, tracked: Tracked, now_utc: datetime, case: Case, rule: Rule) -> Decision:
    """Make the request for the cartridge that is in the slot."""
    slot, desk, before = tracked.slot, case.desk, tracked.request
    slot.asked_pages = case.usage.total
    reason = requests.reason_of(rule, slot, case.outlook, case.belief, case.calendar, desk.policy, now=case.now, pages=case.usage.total)
    state, hold = requests.opening(desk.policy, desk.catalogue, slot.cartridge.part, tracked.kind, tracked.colour)
    tracked.request = Request(
        account=watched.account,
        site=watched.site,
        printer=watched.printer,
        supply=tracked.key,
        number=slot.cartridge.number,
        attempt=before.attempt + 1 if before is not None and requests.is_for(before, slot) else 0,
        part_number=slot.cartridge.part,
        kind=tracked.kind,
        colour=tracked.colour,
        state=state,
        hold=hold,
        decided_at=now_utc,
        reason=reason,
        changed_at=now_utc,
    )
    tracked.due_utc = now_utc + timedelta(days=requests.ASK_AFTER_DAYS)
    return decision(watched, tracked, now_utc, "request", reason=reason)


def decision(
    watched: Watched,
    tracked: Tracked,
    at: datetime,
    event: Event,
    *,
    reason: Reason | None = None,
    left: float | None = None,
    evidence: str | None = None,
    wanted: str | None = None,
) -> Decision:
    """Return what happened at a supply, or was decided about it, as it is told."""
    return Decision(
        at=at.astimezone(UTC),
        event=event,
        account=watched.account,
        site=watched.site,
        printer=watched.printer,
        supply=tracked.key,
        kind=tracked.kind,
        colour=tracked.colour,
        part_number=tracked.slot.cartridge.part,
        forecast_days=None if reason is None else reason.days,
        reason=reason,
        left=left,
        evidence=evidence,
        wanted=wanted,
    )
