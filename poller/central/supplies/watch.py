"""One printer's supplies, from reading to decision: the way that `poller central serve` and `poller central replay` share.

`take` brings in a reading, `look` asks again where none came; both return what was decided (`deciding.py`), and `Watched.next_look` says
when to ask again at the latest. No clock, no disk: whoever calls brings the time and keeps what is known (`watched.py`).

The device's loose words are heard last: "toner low" without a row (hrPrinterDetectedErrorState, RFC 2790), or an alert of the marker as a
whole (`complaints.py`). If one supply can be meant, it is meant; if several, the question is "which colour?", asked once, and never
answered by ordering all four.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec

from poller.central.supplies import history, requests, slots
from poller.central.supplies.calendar import DAY_SECONDS, Calendar, Rhythm
from poller.central.supplies.complaints import CARTRIDGE_MISSING, TONERS, complaints_of, is_meant
from poller.central.supplies.counting import colour_pages_of, pages_of
from poller.central.supplies.deciding import belief_of, case_of, consider, decide, decision, make_request
from poller.central.supplies.history import Rate, Usage
from poller.central.supplies.slots import Change, Word
from poller.central.supplies.watched import COLOUR, DAYS, PAGES, Decision, Desk, Tracked, Watched
from poller.model import Reading, Supply

EARLY_FROM = 0.15
"""A cartridge replaced with more than this left was changed early."""

_SUPPLIES_MAX = 64
_TEXT_MAX = 200
_PACE_READINGS = 8
_ROW_SPAN_MAX = 1.4 * DAY_SECONDS
_COLOURED = frozenset({"cyan", "magenta", "yellow"})
_LOW_ENOUGH = 0.25
"""A toner below this explains a warning that names none."""


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
        decisions += decide(watched, tracked, reading.taken_at, at, rates[tracked.meter], calendar, desk)
    return decisions


def look(watched: Watched, now_utc: datetime, desk: Desk) -> list[Decision]:
    """Decide again at *now_utc* what the last reading left open: a silent printer prints on, and requests grow old."""
    calendar = desk.account.calendar(now_utc)
    now = calendar.local(now_utc)
    rates = {name: _rate(watched, name, calendar, desk.account.rhythm) for name in watched.meters}
    decisions: list[Decision] = []
    for tracked in watched.supplies.values():
        if tracked.due_utc is not None and tracked.due_utc <= now_utc:
            decisions += decide(watched, tracked, now_utc, now, rates[tracked.meter], calendar, desk)
    return decisions


def is_due(watched: Watched, key: str, now_utc: datetime, within_days: float, desk: Desk) -> bool:
    """Whether a supply falls due *within_days*, whatever was asked for already."""
    tracked = watched.supplies.get(key)
    if tracked is None:
        return False
    calendar = desk.account.calendar(now_utc)
    case = consider(watched, tracked, calendar.local(now_utc), _rate(watched, tracked.meter, calendar, desk.account.rhythm), calendar, desk)
    return case is not None and case.rule(watched, within_days) is not None


def ask_for(watched: Watched, key: str, now_utc: datetime, desk: Desk) -> Decision:
    """Return the request a person makes for the supply *key*, which is known: for the cartridge that is in it now."""
    tracked = watched.supplies[key]
    calendar = desk.account.calendar(now_utc)
    rate = _rate(watched, tracked.meter, calendar, desk.account.rhythm)
    return make_request(watched, tracked, now_utc, case_of(watched, tracked, calendar.local(now_utc), rate, calendar, desk), "person")


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
        decisions += decide(watched, tracked, now_utc, now, rate, calendar, desk, within_days=within_days)
    return decisions


# --- pages ---


def _count(watched: Watched, reading: Reading, at: float, calendar: Calendar, rhythm: Rhythm) -> dict[str, Rate]:
    """Bring the meters up to date; return their rates."""
    source, pages = pages_of(reading.counters, watched.pages_from)
    watched.pages_from = source
    counts: dict[str, int | None] = {}
    if source is not None:
        counts[PAGES] = pages
    if (colour := colour_pages_of(reading.counters)) is not None or COLOUR in watched.meters:
        counts[COLOUR] = colour
    if source is None or DAYS in watched.meters:
        counts[DAYS] = None
    rates = {}
    for name, count in counts.items():
        usage = watched.meters.setdefault(name, Usage())
        row = usage.add(at, count, calendar)
        rates[name] = rate = _rate(watched, name, calendar, rhythm)
        if row is not None and name == PAGES and count is not None and rate.pages > 0:
            if row.end - row.begin <= _ROW_SPAN_MAX:
                rhythm.note_day(int(row.end // DAY_SECONDS), row.pages / rate.pages)
            rhythm.note_pages(rate.pages)
    return rates


def _rate(watched: Watched, name: str, calendar: Calendar, rhythm: Rhythm) -> Rate:
    return history.rate_of(watched.meters[name], calendar, 1.0 if name == DAYS else rhythm.typical_pages)


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
    changes, lessons = slots.follow(slot, slots.report_of(supply, at, pages), part, belief_of(tracked, desk))
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
    if supply.colour in _COLOURED and COLOUR in watched.meters:
        return COLOUR
    return PAGES if PAGES in watched.meters else DAYS


def _name(supply: Supply, reading: Reading, meter: str) -> str:
    """Return what a supply's yield is learned under: its part number, else its place in the model; what it is counted in, if not pages."""
    of_model = (reading.printer.manufacturer or "", reading.printer.model or "", supply.kind, supply.colour or "")
    name = supply.part_number or "|".join(of_model)
    return f"{name[:_TEXT_MAX]}|{meter}" if meter != PAGES else name[:_TEXT_MAX]


def _note(watched: Watched, tracked: Tracked, change: Change, at: datetime, desk: Desk) -> Iterator[Decision]:
    """Yield what a change of cartridge means, and end its request."""
    request = tracked.request
    if change.is_taken_back:  # so is what followed from it; a request made meanwhile is for the cartridge that is still there
        if tracked.earlier is not None and tracked.earlier.number == tracked.slot.cartridge.number:
            tracked.request = tracked.earlier
        elif request is not None and request.number == change.old.number:
            tracked.request = msgspec.structs.replace(request, number=tracked.slot.cartridge.number)
        yield decision(watched, tracked, at, "taken-back", evidence=change.evidence)
        return
    installed = tracked.slot.cartridge.part
    yield decision(watched, tracked, at, "replaced", left=change.left, evidence=change.evidence)
    if change.left is not None and change.left > EARLY_FROM:
        yield decision(watched, tracked, at, "early-change", left=change.left, evidence=change.evidence)
    wanted = change.old.part
    if request is not None and change.evidence == "pages" and request.number == change.old.number and request.reason.left_high <= 0:
        tracked.request = msgspec.structs.replace(request, number=tracked.slot.cartridge.number)  # made after the change nobody saw
    elif request is not None and request.number == change.old.number and not request.is_done:
        wanted = request.part_number or wanted
        tracked.request, tracked.earlier = requests.advance(request, "installed", at), request
    if wanted is not None and installed is not None and not desk.catalogue.are_alike(wanted, installed, tracked.kind, tracked.colour):
        yield decision(watched, tracked, at, "wrong-cartridge", wanted=wanted, evidence="part")


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
            slots.warn(only.slot, word, at, watched.meters[only.meter].total, belief_of(only, desk))
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
    return tracked.slot.is_measured and now.left.now(watched.meters[tracked.meter].total, belief_of(tracked, desk))[1] <= _LOW_ENOUGH
