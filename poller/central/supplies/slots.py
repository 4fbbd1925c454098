"""What sits in a printer's slot: how much is left in it, and when it was replaced.

A sensor is moody. Toner that is shaken reads four points higher for a day, a sleeping device reports nothing, one that is opened reports
zero, some know only ten levels, many only "some". So a report is never taken as the level itself. What is left is kept as an *interval*
that the pages printed since push down and every report cuts: a fine scale leaves a point, a coarse one a step that pages go on within, -3
leaves the whole way to the pages.

- A level that rises a little is shaken toner: the cartridge has what it had. Only after a week is it believed.
- A rise no shaking explains is another cartridge: from low to full at once, all else when a second reading says the same. So is another
  serial or part number.
- A fall the pages cannot explain must be said twice. A level that did not fall where the pages must have emptied it is another cartridge's.
- A device that says only -3 is known by its warning: gone for two readings, the cartridge was replaced. Back within a few pages, it was
  shaken, and the replacement is taken back.
- A device that prints on without a warning, far beyond what any cartridge of its part has given, was given another one unseen.
"""

from __future__ import annotations

import math
from enum import Enum
from typing import Literal, NamedTuple

import msgspec

from poller.central.supplies.yields import Belief, Part, alike
from poller.model import Supply

Evidence = Literal["level", "serial", "part", "warning", "pages"]

_FULL = 0.85
_HALF = 0.5
_RISE_MIN = 0.18
_RISE_STEPS = 1.5
"""A smaller rise, or one of a single step, may be shaken toner."""
_SAME_AGAIN = 0.1
_SAME_LEVEL = 0.05
_BELIEVED_AFTER_SECONDS = 7 * 86400.0
_FALL_MIN = 0.15
_FALL_DEVIATIONS = 3.0
_DAY_VARIANCE = 0.3**2
"""Between two readings a device may print pictures: coverage differs by 30 % from day to day."""
_LOW_MOST = 0.15
_EMPTY_MOST = 0.05
"""What may be left at most when a device says "low" or "empty" without a number."""
_OVERRUN = 0.05
_TAKEN_BACK_SHARE = 0.15
_TAKEN_BACK_SECONDS = 7 * 86400.0
_WARNED_AGAIN_SECONDS = 28 * 86400.0
_LIVES_MAX = 6
"""Of one slot: more would outlast a change of what is printed."""
_LIVES_SURE = 3
"""Before so many are known, far more pages than a life has mean that it was thought too short, not that a change was not seen."""
_CARRIED = 0.5
"""At every change, what a slot knows of its use counts half: two cartridges back it hardly matters."""
_FRESH = 0.95
_LEARN_SHARE = 0.35


class Word(Enum):
    """What a device says of a supply without a number, the weakest first."""

    NOTHING = 0
    SOME = 1
    LOW = 2
    EMPTY = 3


class Left(NamedTuple):
    """What is left: at `pages` on the meter it was between `low` and `high` of a full cartridge."""

    low: float
    high: float
    pages: float

    def now(self, pages: float, belief: Belief, deviations: float = 1.0) -> tuple[float, float]:
        """Return the interval pushed down by the pages since, at the edges by a yield *deviations* from what is believed."""
        used = (pages - self.pages) / belief.pages
        factor = math.exp(min(deviations * math.sqrt(belief.variance), 3.0))
        return self.low - used * factor, self.high - used / factor


class Pending(msgspec.Struct):
    """A report that must be said twice: a rise, a fall, or a warning that is gone."""

    what: Literal["rise", "fall", "above", "unwarned"]
    ratio: float
    at: float
    pages: float


class Cartridge(msgspec.Struct):
    """What is in the slot now. Times are local seconds, pages those of the slot's meter, ratios shares of a full cartridge.

    `number` counts the cartridges seen in this slot; `begun_*` is None for the one that was there before us. `ratio` is the lowest level
    believed, first reported at `ratio_pages`; `anchor_*` where its use is counted from. `word` is the strongest warning it gave,
    `reports` how many readings have seen it. `is_begin_seen` is False where only the pages tell that it was put in.
    """

    number: int
    left: Left
    part: str | None = None
    serial: str | None = None
    begun_at: float | None = None
    begun_pages: float | None = None
    ratio: float | None = None
    ratio_pages: float = 0.0
    anchor: float | None = None
    anchor_pages: float = 0.0
    learnt: float = 0.0
    learnt_pages: float = 0.0
    word: Word = Word.NOTHING
    word_at: float | None = None
    reports: int = 1
    is_begin_seen: bool = True


class Slot(msgspec.Struct):
    """One supply of one printer: what is in it, what was in it before, what its cartridges have shown. To be stored with the printer.

    `share` of full cartridges went in `pages`, earlier ones counting less. `lives` are the last whole lives, in pages, where there are no
    levels; `asked_pages` is where the meter stood at the last request. `is_measured` once it gave a number above zero: a zero alone is also
    the warning of a device that has no numbers.
    """

    cartridge: Cartridge
    before: Cartridge | None = None
    share: float = 0.0
    pages: float = 0.0
    lives: list[float] = []
    asked_pages: float | None = None
    is_measured: bool = False
    pending: Pending | None = None

    def used(self) -> tuple[float, float]:
        """Return (share, pages) this device's cartridges took, for `Yields.believe`."""
        now = self.cartridge
        if not self.is_measured or now.anchor is None or now.ratio is None:
            return self.share, self.pages
        return self.share + now.anchor - now.ratio, self.pages + now.ratio_pages - now.anchor_pages


class Change(NamedTuple):
    """A cartridge was replaced: which, by which evidence, with how much left in it (None: unknown).

    `is_taken_back`: the last change was none; `old` is the cartridge that was thought to be new.
    """

    old: Cartridge
    evidence: Evidence
    left: float | None
    is_taken_back: bool = False


class Lesson(NamedTuple):
    """*share* of a cartridge went in *pages*: something for the part number's yield. None: *pages* lay between two changes."""

    share: float | None
    pages: float


class Report(NamedTuple):
    """One reading of one supply: `ratio` is None where the device gives no number it vouches for."""

    at: float
    pages: float
    ratio: float | None
    word: Word
    part: str | None
    serial: str | None


def report_of(supply: Supply, at: float, pages: float) -> Report:
    """Return what a reading says of *supply*. A ratio outside 0 to 1 is none."""
    ratio = supply.ratio if supply.ratio is not None and 0 <= supply.ratio <= 1 else None
    match supply.state:
        case "empty":
            word = Word.EMPTY
        case "low" if ratio is None or ratio > 0.1:  # at 10 % and below it is the reader's word, not the device's
            word = Word.LOW
        case "ok" | "low" | "some-remaining":
            word = Word.SOME
        case _:
            word = Word.NOTHING
    return Report(at, pages, ratio, word, supply.part_number, supply.serial)


def first(report: Report, part: Part) -> Slot:
    """Return the slot of a supply that was not known before."""
    cartridge = Cartridge(number=0, left=Left(0.0, 1.0, report.pages), part=report.part, serial=report.serial)
    slot = Slot(cartridge)
    _take(slot, report, part)
    return slot


def follow(slot: Slot, report: Report, part: Part, belief: Belief) -> tuple[list[Change], list[Lesson]]:
    """Take in the next report of a slot; return what happened and what it taught. *belief* is the yield believed before it."""
    now = slot.cartridge
    if evidence := _other_chip(now, report):
        return _replace(slot, report, part, evidence, belief)
    now.reports += 1
    now.part, now.serial = report.part or now.part, report.serial or now.serial
    if report.ratio is not None and (slot.is_measured or report.ratio > 0):
        return _follow_level(slot, report, report.ratio, part, belief)
    return _follow_word(slot, report, part, belief)


def _other_chip(now: Cartridge, report: Report) -> Evidence | None:
    if now.serial and report.serial:
        return "serial" if now.serial != report.serial else None
    is_other = now.part and report.part and now.part != report.part
    return "part" if is_other and not _goes_on(now, report) else None


def _goes_on(now: Cartridge, report: Report) -> bool:
    """Whether what has another part number is as used up as what was there: then only the name is another, as after an update."""
    if now.ratio is None or report.ratio is None:
        return report.word.value >= Word.LOW.value and report.word is now.word
    return now.ratio - _SAME_LEVEL <= report.ratio <= min(now.ratio, _FULL)


def _follow_level(slot: Slot, report: Report, ratio: float, part: Part, belief: Belief) -> tuple[list[Change], list[Lesson]]:
    """A device that gives numbers."""
    now, pending = slot.cartridge, slot.pending
    slot.pending = None
    if now.ratio is None or not slot.is_measured:  # its first number
        if now.word is Word.EMPTY and ratio >= _RISE_MIN:
            return _replace(slot, report, part, "level", belief)
        _take(slot, report, part)
        return [], []
    rise = ratio - now.ratio
    expected = now.left.now(report.pages, belief)
    rough = belief._replace(variance=belief.variance + _DAY_VARIANCE)
    is_same_chip = bool(now.serial) and now.serial == report.serial
    if not is_same_chip and _is_full_again(now.ratio, ratio, expected[1]):
        return _replace(slot, report, part, "level", belief)
    highest = now.left.now(report.pages, rough, _FALL_DEVIATIONS)[1]
    if now.left.high - highest > _FALL_MIN and ratio - part.step_below(ratio) > max(highest, 0.0) + _FALL_MIN:
        return _replace(slot, report, part, "pages", belief)
    if pending is not None and pending.what == "rise" and ratio > max(expected[1], 0.0) + _SAME_AGAIN:
        lowest = Left(pending.ratio, pending.ratio, pending.pages).now(report.pages, rough, _FALL_DEVIATIONS)[0]
        if lowest - _SAME_AGAIN <= ratio <= pending.ratio + _SAME_AGAIN:
            return _replace(slot, report, part, "level", belief, begun=pending)
    if rise >= max(_RISE_MIN, _RISE_STEPS * part.step_below(ratio)):
        slot.pending = Pending("rise", ratio, report.at, report.pages)
        return [], []
    if rise > 0:
        since = pending.at if pending is not None and pending.what == "above" else report.at
        if report.at - since >= _BELIEVED_AFTER_SECONDS:
            _take(slot, report, part)
        else:
            slot.pending = Pending("above", ratio, since, report.pages)
            low, high = (min(max(edge, 0.0), now.ratio) for edge in expected)
            now.left = Left(low, high, report.pages)
        return [], []
    lowest = now.left.now(report.pages, rough, _FALL_DEVIATIONS)[0]
    if ratio < min(lowest, now.ratio) - _FALL_MIN:
        if _is_as_before(slot, report, ratio):
            return _take_back(slot, "level"), []
        if pending is None or pending.what != "fall" or abs(pending.ratio - ratio) > _SAME_AGAIN:
            slot.pending = Pending("fall", ratio, report.at, report.pages)
            return [], []
    return [], _fall(slot, report, ratio, part, expected)


def _is_full_again(before: float, ratio: float, expected: float) -> bool:
    """Whether a level can only be another cartridge's: full after half empty, or half full where by the pages nothing can be left."""
    if ratio >= _FULL:
        return before <= _HALF
    return ratio >= _HALF and ratio - before >= _RISE_MIN and expected <= _EMPTY_MOST


def _fall(slot: Slot, report: Report, ratio: float, part: Part, expected: tuple[float, float]) -> list[Lesson]:
    """The level is where it was, or lower, as it should be: cut the interval, count the use."""
    now = slot.cartridge
    step = part.step_below(ratio)
    floor = max(ratio - step, 0.0)
    low, high = (min(max(edge, floor), ratio) for edge in expected)
    now.left = Left(low, high, report.pages)
    if now.ratio is not None and ratio < now.ratio:
        now.ratio, now.ratio_pages = ratio, report.pages
        if now.anchor is None:  # the first edge of a coarse scale: from here on shares are known
            now.anchor, now.anchor_pages = ratio, report.pages
            now.learnt, now.learnt_pages = ratio, report.pages
        elif now.learnt - ratio >= _LEARN_SHARE:
            lesson = Lesson(now.learnt - ratio, report.pages - now.learnt_pages)
            now.learnt, now.learnt_pages = ratio, report.pages
            return [lesson]
    return []


def _follow_word(slot: Slot, report: Report, part: Part, belief: Belief) -> tuple[list[Change], list[Lesson]]:
    """A device, or a moment, without a number: the pages tell, and its warnings."""
    now, pending = slot.cartridge, slot.pending
    if slot.is_measured:  # a number is only missing this once; warnings still count
        warn(slot, report.word, report.at, report.pages, belief)
        return [], []
    slot.pending = None
    if report.word.value >= Word.LOW.value:
        changes: list[Change] = []
        if now.word.value < Word.LOW.value and _is_warned_again(slot, report, belief):
            changes = _take_back(slot, "warning")
        warn(slot, report.word, report.at, report.pages, belief)
        return changes, []
    if report.word is Word.SOME and now.word.value >= Word.LOW.value:
        if pending is not None and pending.what == "unwarned":
            return _replace(slot, report, part, "warning", belief, begun=pending)
        slot.pending = Pending("unwarned", 1.0, report.at, report.pages)
        return [], []
    is_known = belief.samples >= _LIVES_SURE
    if is_known and now.word is not Word.EMPTY and now.left.now(report.pages, belief, 2.0)[1] < -_OVERRUN:
        low, high = now.left.now(report.pages, belief)
        slot.before = now
        slot.cartridge = Cartridge(
            number=now.number + 1,
            left=Left(min(max(1 + low, 0.0), 1.0), min(max(1 + high, 0.0), 1.0), report.pages),
            part=now.part,
            serial=now.serial,
            begun_at=report.at,
            begun_pages=report.pages,
            is_begin_seen=False,
        )
        return [Change(now, "pages", 0.0)], []
    return [], []


def warn(slot: Slot, word: Word, at: float, pages: float, belief: Belief) -> None:
    """Take in the device's word that the supply is low or empty, whichever way it came."""
    if word.value < Word.LOW.value:
        return
    now = slot.cartridge
    if word.value > now.word.value:
        now.word, now.word_at = word, at
    most = _EMPTY_MOST if now.word is Word.EMPTY else _LOW_MOST
    if now.left.now(pages, belief)[1] > most:
        low = min(max(now.left.now(pages, belief)[0], 0.0), most)
        now.left = Left(low, most, pages)


def install(slot: Slot, at: float, pages: float) -> None:
    """Put a full cartridge into a slot whose device has no numbers to show it by: a person says so."""
    now = slot.cartridge
    if now.begun_pages is not None and now.is_begin_seen and now.word.value >= Word.LOW.value:
        _note_life(slot, pages - now.begun_pages)
    slot.before, slot.pending = now, None
    full = Left(1.0, 1.0, pages)
    slot.cartridge = Cartridge(number=now.number + 1, left=full, part=now.part, begun_at=at, begun_pages=pages, reports=2)


def _take(slot: Slot, report: Report, part: Part) -> None:
    """Believe a report as it is: nothing is known that could correct it."""
    now = slot.cartridge
    if report.ratio is not None and (slot.is_measured or report.ratio > 0):
        slot.is_measured = True
        ratio = report.ratio
        step = part.step_below(ratio)
        now.ratio, now.ratio_pages = ratio, report.pages
        now.left = Left(max(ratio - step, 0.0), ratio, report.pages)
        is_edge = part.is_fine or (ratio >= _FRESH and now.begun_at is not None)
        now.anchor, now.anchor_pages = (ratio, report.pages) if is_edge else (None, report.pages)
        now.learnt, now.learnt_pages = ratio, report.pages
    elif report.word.value >= Word.LOW.value:
        now.word, now.word_at = report.word, report.at
        now.left = Left(0.0, _EMPTY_MOST if report.word is Word.EMPTY else _LOW_MOST, report.pages)


def _replace(
    slot: Slot, report: Report, part: Part, evidence: Evidence, belief: Belief, *, begun: Pending | None = None
) -> tuple[list[Change], list[Lesson]]:
    """Put another cartridge into the slot; *begun* is where it was first suspected."""
    now = slot.cartridge
    lessons = []
    left: float | None = None
    if slot.is_measured:
        left = _left_behind(now, report, belief)
        share, pages = slot.used()
        if now.anchor is not None and now.ratio is not None and now.learnt > now.ratio + _LEARN_SHARE / 2:
            lessons.append(Lesson(now.learnt - now.ratio, now.ratio_pages - now.learnt_pages))
        slot.share, slot.pages = share * _CARRIED, pages * _CARRIED
    else:
        if now.word.value >= Word.LOW.value:
            left = 0.0
            if now.begun_pages is not None and now.is_begin_seen:
                pages = (begun.pages if begun else report.pages) - now.begun_pages
                lessons.append(Lesson(None, pages))
                _note_life(slot, pages)
    at, meter = (begun.at, begun.pages) if begun else (report.at, report.pages)
    slot.before, slot.pending = now, None
    slot.cartridge = Cartridge(
        number=now.number + 1,
        left=Left(1.0, 1.0, meter),
        part=report.part or (now.part if evidence != "serial" else None),
        serial=report.serial,
        begun_at=at,
        begun_pages=meter,
        reports=1 if begun is None else 2,
    )
    _take(slot, report, part)
    return [Change(now, evidence, left)], lessons


def _note_life(slot: Slot, pages: float) -> None:
    """Take in that a cartridge lasted *pages*, in a device that shows only when one is changed."""
    slot.lives = [*slot.lives[1 - _LIVES_MAX :], pages]
    known = alike(slot.lives)
    slot.share = 1 - _CARRIED ** len(known)
    slot.pages = slot.share * sum(known) / len(known)


def _left_behind(now: Cartridge, report: Report, belief: Belief) -> float | None:
    """Return what was in the cartridge that went: its last level, less the pages since that the new one does not miss."""
    if now.ratio is None or report.ratio is None:
        return now.ratio
    reckoned = now.left.now(report.pages, belief, 0.0)[1] + 1 - report.ratio
    return round(min(max(reckoned, 0.0), now.ratio), 3)


def _is_as_before(slot: Slot, report: Report, ratio: float) -> bool:
    """Whether a level is back where it was before a change of the last days: then there was none."""
    now, before = slot.cartridge, slot.before
    return (
        before is not None
        and before.ratio is not None
        and now.begun_at is not None
        and report.at - now.begun_at <= _TAKEN_BACK_SECONDS
        and before.ratio - _SAME_AGAIN <= ratio <= before.ratio
        and (not now.serial or now.serial == before.serial)
    )


def _is_warned_again(slot: Slot, report: Report, belief: Belief) -> bool:
    """Whether a warning comes so soon after a change that the cartridge was only shaken."""
    now = slot.cartridge
    if slot.before is None or now.begun_pages is None or now.begun_at is None:
        return False
    return (report.pages - now.begun_pages) / belief.pages < _TAKEN_BACK_SHARE and report.at - now.begun_at <= _WARNED_AGAIN_SECONDS


def _take_back(slot: Slot, evidence: Evidence) -> list[Change]:
    """Put the cartridge before back into its slot."""
    thought_new, before = slot.cartridge, slot.before
    assert before is not None
    slot.cartridge, slot.before, slot.pending = before, None, None
    return [Change(thought_new, evidence, None, is_taken_back=True)]
