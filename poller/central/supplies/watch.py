"""One printer's supplies, from reading to decision: the way that `poller central serve` and `poller central replay` share.

A `Watched` is all that is known of a printer's supplies; it is stored with the printer and loaded for each of its readings. An `Account`
is what its printers share: time zone, calendar, rhythm. `take` brings in a reading, `look` asks again where none came; both return what
was decided, and `next_look` says when to ask again at the latest. No clock, no disk: whoever calls brings the time and keeps the structs.

The device's loose words are heard last: "toner low" without a row (hrPrinterDetectedErrorState, RFC 2790), or an alert of the marker as a
whole (`complaints.py`). If one supply can be meant, it is meant; if several, the question is "which colour?", asked once, and never
answered by ordering all four.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple

import msgspec

from poller.central.supplies import history, requests, slots
from poller.central.supplies.calendar import DAY_SECONDS, Calendar, Rhythm, day_number, local_seconds
from poller.central.supplies.complaints import CARTRIDGE_MISSING, TONERS, complaints_of, is_meant
from poller.central.supplies.counting import colour_pages_of, pages_of
from poller.central.supplies.forecast import Outlook, outlook_of
from poller.central.supplies.history import BACK_DAYS, Rate, Usage
from poller.central.supplies.policy import Catalogue, Policy
from poller.central.supplies.requests import Reason, Request, Rule
from poller.central.supplies.slots import Change, Slot, Word
from poller.central.supplies.yields import GUESS_DAYS, Belief, Yields
from poller.model import Reading, Supply

Event = Literal["request", "replaced", "early-change", "wrong-cartridge", "taken-back", "which-colour", "ask-customer"]

EARLY_FROM = 0.15
"""A cartridge replaced with more than this left was changed early."""

_SUPPLIES_MAX = 64
_TEXT_MAX = 200
_LOOK_SECONDS_MIN = 3600
_LOOK_SECONDS = 4 * 3600
_PACE_READINGS = 8
_ROW_SPAN_MAX = 1.4 * DAY_SECONDS
_PAGES, _COLOUR, _DAYS = "pages", "colour", "days"
_COLOURED = frozenset({"cyan", "magenta", "yellow"})
_LOW_ENOUGH = 0.25
"""A toner below this explains a warning that names none."""


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided or noticed, and why. `supply` is the supply's key, None for the question "which colour?".

    `left` is the share that was in the cartridge replaced, `evidence` what showed the replacement; `wanted` the part that was asked
    for where another was installed; `choices` the supplies a warning can mean.
    """

    at: datetime
    event: Event
    account: str
    site: str
    printer: str
    supply: str | None = None
    kind: str | None = None
    colour: str | None = None
    part_number: str | None = None
    forecast_days: float | None = None
    reason: Reason | None = None
    left: float | None = None
    evidence: str | None = None
    wanted: str | None = None
    choices: tuple[str, ...] = ()


class Tracked(msgspec.Struct):
    """One supply of a printer: what it is, its slot, and its request, if it has one. `name` is what its yield is learned under.

    `earlier` is the request that the last replacement ended, as it was before: a replacement may be taken back.
    """

    key: str
    kind: str
    colour: str | None
    name: str
    meter: str
    slot: Slot
    request: Request | None = None
    earlier: Request | None = None
    due_utc: datetime | None = None


class Watched(msgspec.Struct):
    """All that is known of one printer's supplies.

    `meters` by name: `pages`, `colour` where the device counts it, and `days` where it counts nothing. `pace_seconds` is the usual time
    between two readings, a day at most.
    """

    account: str
    site: str
    printer: str
    taken_at: datetime | None = None
    pace_seconds: float = DAY_SECONDS
    meters: dict[str, Usage] = {}
    pages_from: str | None = None
    supplies: dict[str, Tracked] = {}
    silent_words: int = 0
    is_colour_asked: bool = False

    def next_look(self) -> datetime | None:
        """Return when `look` is to be called at the latest; None: not before the next reading."""
        times = [tracked.due_utc for tracked in self.supplies.values() if tracked.due_utc is not None]
        return min(times) if times else None


class Account:
    """What the printers of one account share. `rhythm` is to be stored; the calendar is made from it once a day."""

    def __init__(self, name: str, policy: Policy, *, rhythm: Rhythm | None = None) -> None:
        """*policy* is that of the account; its sites may differ in all but the zone and the quiet days."""
        self.name = name
        self.rhythm = rhythm if rhythm is not None else Rhythm()
        self._policy = policy
        self._calendar: Calendar | None = None

    def calendar(self, utc: datetime) -> Calendar:
        """Return the calendar of the day that *utc* lies in."""
        today = int(local_seconds(utc, self._policy.zone) // DAY_SECONDS)
        if self._calendar is None or today > self.rhythm.today:
            if today > self.rhythm.today:
                self.rhythm.turn(today)
            given = [day_number(day) for day in self._policy.quiet]
            self._calendar = self.rhythm.calendar(self._policy.zone, back_days=BACK_DAYS + 10, given=given)
        return self._calendar


class Desk(msgspec.Struct, frozen=True):
    """What a decision is made with: the account, the site's policy, the catalogue, and what all devices have taught.

    `included` are the kinds of supplies that the device's contract has; None where it has all. Of the others nothing is asked for, but
    they are watched and teach like any.
    """

    account: Account
    policy: Policy
    catalogue: Catalogue
    yields: Yields
    included: frozenset[str] | None = None

    def includes(self, kind: str) -> bool:
        return self.included is None or kind in self.included


def take(watched: Watched, reading: Reading, desk: Desk) -> list[Decision]:
    """Take in a reading, which must be newer than the last; return what was decided by it."""
    assert watched.taken_at is None or reading.taken_at > watched.taken_at
    if watched.taken_at is not None:
        gap = min((reading.taken_at - watched.taken_at).total_seconds(), DAY_SECONDS)
        watched.pace_seconds += (gap - watched.pace_seconds) / _PACE_READINGS
    watched.taken_at = reading.taken_at
    calendar = desk.account.calendar(reading.taken_at)
    at = calendar.local(reading.taken_at)
    rates = _count(watched, reading, at, calendar, desk.account.rhythm)
    is_one_out = any(alert.code == CARTRIDGE_MISSING for alert in reading.alerts)
    decisions: list[Decision] = []
    for supply in reading.supplies[:_SUPPLIES_MAX]:
        if is_one_out and supply.kind in TONERS:
            continue  # one is out of the printer at this moment: what it says of them means nothing
        decisions += _follow(watched, supply, reading, at, desk)
    decisions += _hear(watched, reading, at, desk)
    for tracked in watched.supplies.values():
        decisions += _decide(watched, tracked, reading.taken_at, at, rates[tracked.meter], calendar, desk)
    return decisions


def look(watched: Watched, now_utc: datetime, desk: Desk) -> list[Decision]:
    """Decide again at *now_utc* what the last reading left open: a silent printer prints on, and requests grow old."""
    calendar = desk.account.calendar(now_utc)
    now = calendar.local(now_utc)
    rates = {name: _rate(watched, name, calendar, desk.account.rhythm) for name in watched.meters}
    decisions: list[Decision] = []
    for tracked in watched.supplies.values():
        if tracked.due_utc is not None and tracked.due_utc <= now_utc:
            decisions += _decide(watched, tracked, now_utc, now, rates[tracked.meter], calendar, desk)
    return decisions


def is_due(watched: Watched, key: str, now_utc: datetime, within_days: float, desk: Desk) -> bool:
    """Whether a supply falls due *within_days*, whatever was asked for already."""
    tracked = watched.supplies.get(key)
    if tracked is None:
        return False
    calendar = desk.account.calendar(now_utc)
    case = _consider(
        watched, tracked, calendar.local(now_utc), _rate(watched, tracked.meter, calendar, desk.account.rhythm), calendar, desk
    )
    return case is not None and case.rule(watched, within_days) is not None


def ask_for(watched: Watched, key: str, now_utc: datetime, desk: Desk) -> Decision:
    """Return the request a person makes for the supply *key*, which is known: for the cartridge that is in it now."""
    tracked = watched.supplies[key]
    calendar = desk.account.calendar(now_utc)
    rate = _rate(watched, tracked.meter, calendar, desk.account.rhythm)
    return _request(watched, tracked, now_utc, _case(watched, tracked, calendar.local(now_utc), rate, calendar, desk), "person")


def note_installed(watched: Watched, key: str, now_utc: datetime, desk: Desk) -> bool:
    """Take a person's word that the supply *key* was replaced; False where the device itself will show it, and nothing is noted."""
    tracked = watched.supplies.get(key)
    if tracked is None or tracked.slot.is_measured:
        return False
    slots.install(tracked.slot, desk.account.calendar(now_utc).local(now_utc), watched.meters[tracked.meter].total)
    return True


def falls_due(watched: Watched, now_utc: datetime, within_days: float, desk: Desk) -> list[Decision]:
    """Return requests for whatever of the printer falls due *within_days*: a parcel to its location takes it along."""
    calendar = desk.account.calendar(now_utc)
    now = calendar.local(now_utc)
    decisions: list[Decision] = []
    for tracked in watched.supplies.values():
        rate = _rate(watched, tracked.meter, calendar, desk.account.rhythm)
        decisions += _decide(watched, tracked, now_utc, now, rate, calendar, desk, within_days=within_days)
    return decisions


# --- pages ---


def _count(watched: Watched, reading: Reading, at: float, calendar: Calendar, rhythm: Rhythm) -> dict[str, Rate]:
    """Bring the meters up to date; return their rates."""
    source, pages = pages_of(reading.counters, watched.pages_from)
    watched.pages_from = source
    counts: dict[str, int | None] = {}
    if source is not None:
        counts[_PAGES] = pages
    if (colour := colour_pages_of(reading.counters)) is not None or _COLOUR in watched.meters:
        counts[_COLOUR] = colour
    if source is None or _DAYS in watched.meters:
        counts[_DAYS] = None
    rates = {}
    for name, count in counts.items():
        usage = watched.meters.setdefault(name, Usage())
        row = usage.add(at, count, calendar)
        rates[name] = rate = _rate(watched, name, calendar, rhythm)
        if row is not None and name == _PAGES and count is not None and rate.pages > 0:
            if row.end - row.begin <= _ROW_SPAN_MAX:
                rhythm.note_day(int(row.end // DAY_SECONDS), row.pages / rate.pages)
            rhythm.note_pages(rate.pages)
    return rates


def _rate(watched: Watched, name: str, calendar: Calendar, rhythm: Rhythm) -> Rate:
    return history.rate_of(watched.meters[name], calendar, 1.0 if name == _DAYS else rhythm.typical_pages)


# --- what is in the slots ---


def _follow(watched: Watched, supply: Supply, reading: Reading, at: float, desk: Desk) -> Iterator[Decision]:
    """Bring one slot up to date; yield what happened in it."""
    tracked = watched.supplies.get(supply.key)
    meter = _meter(watched, supply) if tracked is None else tracked.meter
    name = _name(supply, reading, meter)
    part = desk.yields.part(name)
    if supply.ratio is not None and 0 <= supply.ratio <= 1:
        part.note_level(supply.ratio)
    if tracked is None:
        if len(watched.supplies) < _SUPPLIES_MAX and len(supply.key) <= _TEXT_MAX:
            slot = slots.first(slots.report_of(supply, at, watched.meters[meter].total), part)
            watched.supplies[supply.key] = Tracked(supply.key, supply.kind, supply.colour, name, meter, slot)
        return
    slot = tracked.slot
    pages = watched.meters[tracked.meter].total
    changes, lessons = slots.follow(slot, slots.report_of(supply, at, pages), part, _belief(tracked, desk))
    for lesson in lessons:
        if lesson.share is None:
            desk.yields.learn_life(tracked.name, lesson.pages)
        else:
            desk.yields.learn(tracked.name, lesson.share, lesson.pages)
    tracked.name = name
    for change in changes:
        yield from _note(watched, tracked, change, reading.taken_at, desk)


def _meter(watched: Watched, supply: Supply) -> str:
    """Return the meter by which a supply is used up."""
    if supply.colour in _COLOURED and _COLOUR in watched.meters:
        return _COLOUR
    return _PAGES if _PAGES in watched.meters else _DAYS


def _name(supply: Supply, reading: Reading, meter: str) -> str:
    """Return what a supply's yield is learned under: its part number, else its place in the model; what it is counted in, if not pages."""
    of_model = (reading.printer.manufacturer or "", reading.printer.model or "", supply.kind, supply.colour or "")
    name = supply.part_number or "|".join(of_model)
    return f"{name[:_TEXT_MAX]}|{meter}" if meter != _PAGES else name[:_TEXT_MAX]


def _note(watched: Watched, tracked: Tracked, change: Change, at: datetime, desk: Desk) -> Iterator[Decision]:
    """Yield what a change of cartridge means, and end its request."""
    request = tracked.request
    if change.is_taken_back:  # so is what followed from it; a request made meanwhile is for the cartridge that is still there
        if tracked.earlier is not None and tracked.earlier.number == tracked.slot.cartridge.number:
            tracked.request = tracked.earlier
        elif request is not None and request.number == change.old.number:
            tracked.request = msgspec.structs.replace(request, number=tracked.slot.cartridge.number)
        yield _decision(watched, tracked, at, "taken-back", evidence=change.evidence)
        return
    installed = tracked.slot.cartridge.part
    yield _decision(watched, tracked, at, "replaced", left=change.left, evidence=change.evidence)
    if change.left is not None and change.left > EARLY_FROM:
        yield _decision(watched, tracked, at, "early-change", left=change.left, evidence=change.evidence)
    wanted = change.old.part
    if request is not None and change.evidence == "pages" and request.number == change.old.number and request.reason.left_high <= 0:
        tracked.request = msgspec.structs.replace(request, number=tracked.slot.cartridge.number)  # made after the change nobody saw
    elif request is not None and request.number == change.old.number and not request.is_done:
        wanted = request.part_number or wanted
        tracked.request, tracked.earlier = requests.advance(request, "installed", at), request
    if wanted is not None and installed is not None and not desk.catalogue.are_alike(wanted, installed, tracked.kind, tracked.colour):
        yield _decision(watched, tracked, at, "wrong-cartridge", wanted=wanted, evidence="part")


def _hear(watched: Watched, reading: Reading, at: float, desk: Desk) -> Iterator[Decision]:
    """Bring in what the device says without naming a supply."""
    told = complaints_of(reading)
    if told.keys().isdisjoint(TONERS):
        watched.silent_words += 1
        if watched.silent_words >= 2:
            watched.is_colour_asked = False
    else:
        watched.silent_words = 0
    for kind, word in told.items():
        meant = [tracked for tracked in watched.supplies.values() if is_meant(tracked.kind, kind)]
        if any(_explains(tracked, watched, desk) for tracked in meant):
            continue
        doubtful = [tracked for tracked in meant if not tracked.slot.is_measured]
        if len(doubtful) == 1:
            only = doubtful[0]
            slots.warn(only.slot, word, at, watched.meters[only.meter].total, _belief(only, desk))
        elif doubtful and kind in TONERS and desk.includes(kind) and not watched.is_colour_asked:
            watched.is_colour_asked = True
            yield Decision(
                at=reading.taken_at,
                event="which-colour",
                account=watched.account,
                site=watched.site,
                printer=watched.printer,
                choices=tuple(tracked.key for tracked in doubtful),
            )


def _explains(tracked: Tracked, watched: Watched, desk: Desk) -> bool:
    """Whether the supply is known to be so low, or has its request already, that a warning without a name is about it."""
    now = tracked.slot.cartridge
    if now.word.value >= Word.LOW.value or requests.is_for(tracked.request, tracked.slot):
        return True
    return tracked.slot.is_measured and now.left.now(watched.meters[tracked.meter].total, _belief(tracked, desk))[1] <= _LOW_ENOUGH


# --- decisions ---


def _belief(tracked: Tracked, desk: Desk) -> Belief:
    share, pages = tracked.slot.used()
    is_measured = tracked.slot.is_measured
    if tracked.meter == _DAYS:
        return desk.yields.believe(tracked.name, share, pages, is_measured=is_measured, guess_pages=GUESS_DAYS)
    rated = _rated_pages(tracked, desk)
    return desk.yields.believe(tracked.name, share, pages, is_measured=is_measured, rated_pages=rated)


def _rated_pages(tracked: Tracked, desk: Desk) -> float | None:
    return desk.catalogue.rated_pages(tracked.slot.cartridge.part, tracked.kind, tracked.colour)


def _decide(
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
                yield _decision(watched, tracked, now_utc, "ask-customer")
        return
    case = _consider(watched, tracked, now, rate, calendar, desk, within_days=within_days)
    if case is None:
        return
    rule = case.rule(watched, within_days)
    if rule is None:
        if slot.is_measured or case.is_sure:
            tracked.due_utc = case.due_utc(watched)
    elif not desk.includes(tracked.kind):
        tracked.due_utc = now_utc + timedelta(seconds=_LOOK_SECONDS)  # from the day on that it is in the contract
    else:
        yield _request(watched, tracked, now_utc, case, "bundle" if within_days and rule == "forecast" else rule)


class _Case(NamedTuple):
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


def _consider(
    watched: Watched, tracked: Tracked, now: float, rate: Rate, calendar: Calendar, desk: Desk, *, within_days: float = 0.0
) -> _Case | None:
    """Return what a decision rests on; None where the printer has been silent for so long that nothing is decided."""
    usage = watched.meters[tracked.meter]
    assert usage.at is not None
    if now - usage.at > (requests.SILENT_DAYS + within_days) * DAY_SECONDS:
        return None
    return _case(watched, tracked, now, rate, calendar, desk)


def _case(watched: Watched, tracked: Tracked, now: float, rate: Rate, calendar: Calendar, desk: Desk) -> _Case:
    slot, usage, belief = tracked.slot, watched.meters[tracked.meter], _belief(tracked, desk)
    assert usage.at is not None
    outlook = outlook_of(slot, rate, belief, usage.at, usage.total)
    is_sure = belief.samples > 0 or slot.share > 0 or _rated_pages(tracked, desk) is not None
    return _Case(slot, usage, outlook, belief, requests.risk_of(slot, rate, belief, now), is_sure, calendar, now, desk)


def _request(watched: Watched, tracked: Tracked, now_utc: datetime, case: _Case, rule: Rule) -> Decision:
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
    return _decision(watched, tracked, now_utc, "request", reason=reason)


def _decision(
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
