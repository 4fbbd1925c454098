"""What is left in a slot, and when its cartridge was replaced: moody sensors, coarse scales, devices that say only -3."""

from __future__ import annotations

import math
from collections.abc import Iterable

import pytest

from poller.central.supplies import slots
from poller.central.supplies.slots import Change, Lesson, Report, Slot, Word, report_of
from poller.central.supplies.yields import Belief, Part
from tests.central.supplies.firm import toner

DAY = 86400.0
BELIEF = Belief(math.log(5000), 0.06**2, 3)

STEPS = Part(levels=[0, 100, 200, 300, 400, 500, 600, 700, 800, 900, 1000])
FINE = Part(is_fine=True)

Told = tuple[float | None, Word]


def report(
    day: float, pages: float, ratio: float | None, word: Word = Word.SOME, *, part: str | None = None, serial: str | None = None
) -> Report:
    return Report(day * DAY, pages, ratio, word, part, serial)


def told(
    ratios: Iterable[float | None], *, scale: Part = FINE, per_day: float = 50, words: Iterable[Word] = ()
) -> tuple[Slot, list[Change]]:
    """Return a slot after one report a day, and the changes seen in it."""
    given = list(words)
    slot, changes = None, []
    for day, ratio in enumerate(ratios):
        each = report(day, per_day * day, ratio, given[day] if given else Word.SOME)
        if slot is None:
            slot = slots.first(each, scale)
        else:
            changes += slots.follow(slot, each, scale, BELIEF)[0]
    assert slot is not None
    return slot, changes


def falling(begin: float, end: float, step: float = 0.01) -> list[float]:
    count = round((begin - end) / step)
    return [round(begin - step * number, 3) for number in range(count + 1)]


@pytest.mark.parametrize(
    "ratios, why",
    [
        (falling(0.5, 0.06), "it only falls"),
        ([0.06, 0.1, 0.1, 0.05], "shaken toner"),
        ([0.07, 0.2, 0.06, 0.06], "a heavy shake, once"),
        ([0.8, 0.0, 0.79, 0.79], "opened while it was read"),
        ([0.8, 0.02, 0.8, 0.8], "one bad report"),
        ([0.3, None, None, 0.29], "asleep"),
        ([0.06, 0.9, 0.05, 0.05], "a rise that was none: it is taken back"),
    ],
)
def test_no_mood_of_a_sensor_is_a_replacement(ratios: list[float | None], why: str) -> None:
    slot, changes = told(ratios)
    assert slot.cartridge.number == 0, why
    assert sum(1 for change in changes if not change.is_taken_back) == sum(1 for change in changes if change.is_taken_back)


@pytest.mark.parametrize(
    "ratios, scale, left",
    [
        ([0.05, 0.04, 0.99], FINE, 0.04),
        ([0.01, 1.0], FINE, 0.01),
        ([0.02, 0.6, 0.59], FINE, 0.02),  # a used one: said twice
        ([0.6, 0.98, 0.97], FINE, 0.6),  # changed early: said twice
        ([0.2, 0.1, 1.0], STEPS, 0.1),
        ([0.1, 0.4, 0.4], STEPS, 0.1),
    ],
)
def test_a_rise_no_shaking_explains_is_another_cartridge(ratios: list[float], scale: Part, left: float) -> None:
    slot, changes = told(ratios, scale=scale)
    (change,) = changes
    assert change.evidence == "level" and change.left == pytest.approx(left, abs=0.021)
    assert slot.cartridge.number == 1


def test_where_the_pages_must_have_emptied_it_a_level_is_another_cartridges() -> None:
    slot = slots.first(report(0, 0, 0.6), FINE)
    (change,), _ = slots.follow(slot, report(11, 9000, 0.45), FINE, BELIEF)  # eleven silent days
    assert (change.evidence, change.left, slot.cartridge.number) == ("pages", 0.0, 1)


def test_a_cartridge_that_ran_dry_between_two_readings_was_not_changed_early() -> None:
    slot = slots.first(report(0, 0, 0.3), FINE)
    (change,), _ = slots.follow(slot, report(1, 1800, 0.94), FINE, BELIEF)
    assert change.left == pytest.approx(0.0, abs=0.01)


def test_one_step_up_on_a_coarse_scale_may_be_shaken_toner() -> None:
    assert told([0.2, 0.1, 0.2, 0.2, 0.1], scale=STEPS)[1] == []


@pytest.mark.parametrize("what", ["serial", "part"])
def test_another_chip_is_another_cartridge_at_any_level(what: str) -> None:
    before = "A" if what == "serial" else None
    slot = slots.first(report(0, 0, 0.5, part="TK-1", serial=before), FINE)
    other = report(1, 50, 0.3, part="TK-1X" if what == "part" else "TK-1", serial="B" if what == "serial" else None)
    (change,), _ = slots.follow(slot, other, FINE, BELIEF)
    assert (change.evidence, change.old.serial, slot.cartridge.part) == (what, before, other.part)


@pytest.mark.parametrize(("before", "after", "word"), [(0.5, 0.49, Word.SOME), (0.05, 0.05, Word.SOME), (None, None, Word.LOW)])
def test_what_goes_on_where_it_was_is_the_same_by_another_name(before: float | None, after: float | None, word: Word) -> None:
    """An update of a firmware, or of an agent, writes part numbers differently: of a whole fleet at once."""
    slot = slots.first(report(0, 0, before, word, part="TK-1"), FINE)
    assert slots.follow(slot, report(1, 50, after, word, part="ACME TK-1"), FINE, BELIEF) == ([], [])
    assert slot.cartridge.part == "ACME TK-1"


def test_another_part_number_on_the_same_chip_is_the_same_cartridge() -> None:
    slot = slots.first(report(0, 0, 0.99, part="TK-1", serial="A"), FINE)
    assert slots.follow(slot, report(1, 50, 0.98, part="ACME TK-1", serial="A"), FINE, BELIEF) == ([], [])


def test_a_chip_that_is_not_told_once_is_no_other_chip() -> None:
    slot = slots.first(report(0, 0, 0.5, serial="A"), FINE)
    assert slots.follow(slot, report(1, 50, 0.49), FINE, BELIEF) == ([], [])
    assert slots.follow(slot, report(2, 90, 0.48, serial="A"), FINE, BELIEF) == ([], [])


def test_the_same_chip_with_a_small_rise_was_shaken_with_a_large_one_refilled() -> None:
    slot = slots.first(report(0, 0, 0.05, serial="A"), FINE)
    assert slots.follow(slot, report(1, 50, 0.1, serial="A"), FINE, BELIEF)[0] == []
    assert slots.follow(slot, report(2, 90, 1.0, serial="A"), FINE, BELIEF)[0] == []
    assert len(slots.follow(slot, report(3, 99, 1.0, serial="A"), FINE, BELIEF)[0]) == 1


def test_shaken_toner_leaves_what_is_believed_as_it_was() -> None:
    before, _ = told(falling(0.1, 0.05))
    after, _ = told([*falling(0.1, 0.05), 0.09])
    assert after.cartridge.left.high <= before.cartridge.left.high


def test_a_level_that_stays_higher_for_a_week_is_believed() -> None:
    slot, changes = told([0.2, *[0.3] * 9])
    assert slot.cartridge.left.high > 0.28 and changes == []


def test_a_fall_the_pages_do_not_explain_is_believed_when_said_twice() -> None:
    assert told([0.8, 0.2])[0].cartridge.left.low > 0.7
    assert told([0.8, 0.2, 0.2])[0].cartridge.left.high == 0.2


def test_a_fall_the_pages_explain_is_believed_at_once() -> None:
    assert told([0.8, 0.3], per_day=2500)[0].cartridge.left.high == 0.3


def test_within_a_step_the_pages_tell() -> None:
    slot, _ = told([0.5, 0.4, 0.4, 0.4, 0.4], scale=STEPS, per_day=100)
    low, high = slot.cartridge.left.now(400, BELIEF)
    assert 0.33 < high < 0.36 and low >= 0.3  # 300 of 5000 pages since the edge


def test_a_step_cannot_be_left_by_reckoning_alone() -> None:
    slot, _ = told([0.5, *[0.4] * 20], scale=STEPS, per_day=100)
    assert slot.cartridge.left.low == pytest.approx(0.3)


def test_what_a_cartridge_used_is_a_lesson() -> None:
    slot = slots.first(report(0, 0, 1.0), FINE)
    lessons: list[Lesson] = []
    for day, ratio in enumerate(falling(0.99, 0.1), 1):
        lessons += slots.follow(slot, report(day, 40 * day, ratio), FINE, BELIEF)[1]
    assert len(lessons) == 2
    assert all(lesson.share is not None and lesson.pages / lesson.share == pytest.approx(4000, rel=0.03) for lesson in lessons)
    assert slot.used()[1] / slot.used()[0] == pytest.approx(4000, rel=0.03)


# --- without a number ---


def test_a_device_that_says_only_some_is_between_empty_and_full() -> None:
    slot, _ = told([None, None])
    assert (slot.cartridge.left.low, slot.cartridge.left.high, slot.is_measured) == (0.0, 1.0, False)


def warned(*words: Word, per_day: float = 50) -> tuple[Slot, list[Change]]:
    return told([None] * len(words), words=words, per_day=per_day)


def test_a_warning_that_is_gone_for_two_readings_is_another_cartridge() -> None:
    slot, changes = warned(Word.SOME, Word.LOW, Word.EMPTY, Word.SOME, Word.SOME)
    assert [change.evidence for change in changes] == ["warning"]
    assert slot.cartridge.left.low == 1.0 and slot.cartridge.begun_pages == 150


@pytest.mark.parametrize(
    "words",
    [
        [Word.LOW, Word.SOME, Word.LOW],
        [Word.EMPTY, Word.LOW, Word.LOW, Word.EMPTY],
        [Word.LOW, Word.NOTHING, Word.NOTHING, Word.LOW],
    ],
)
def test_a_warning_that_flickers_is_no_replacement(words: list[Word]) -> None:
    assert warned(*words)[1] == []


def test_a_warning_that_comes_back_after_a_few_pages_takes_the_replacement_back() -> None:
    slot, changes = warned(Word.LOW, Word.SOME, Word.SOME, Word.LOW)
    assert [change.is_taken_back for change in changes] == [False, True]
    assert slot.cartridge.number == 0


def test_a_device_that_prints_far_beyond_its_yield_was_given_another_cartridge() -> None:
    slot, changes = warned(Word.LOW, Word.SOME, *[Word.SOME] * 13, per_day=500)
    assert [change.evidence for change in changes] == ["warning", "pages"]
    assert 0.5 < slot.cartridge.left.high <= 1.0


def test_while_few_lives_are_known_far_more_pages_mean_that_the_yield_was_wrong() -> None:
    for samples, changes in ((2, 0), (3, 1)):
        slot = slots.first(report(0, 0, None), Part())
        found, _ = slots.follow(slot, report(90, 9000, None), Part(), BELIEF._replace(samples=samples))
        assert len(found) == changes


def test_a_number_of_zero_from_a_device_without_numbers_is_its_warning() -> None:
    slot, changes = told([None, 0.0, None, None], words=[Word.SOME, Word.EMPTY, Word.SOME, Word.SOME])
    assert [change.evidence for change in changes] == ["warning"] and not slot.is_measured


@pytest.mark.parametrize(
    "ratio, state, word",
    [
        (0.5, "ok", Word.SOME),
        (0.05, "low", Word.SOME),  # a reader's word
        (0.3, "low", Word.LOW),  # the device's
        (None, "low", Word.LOW),
        (None, "some-remaining", Word.SOME),
        (0.0, "empty", Word.EMPTY),
        (None, "unknown", Word.NOTHING),
        (None, "not-reported", Word.NOTHING),
    ],
)
def test_low_is_the_devices_word_only_where_the_level_does_not_say_it(ratio: float | None, state: str, word: Word) -> None:
    assert report_of(toner(ratio, state=state), 0.0, 0.0).word is word  # type: ignore[arg-type]


@pytest.mark.parametrize("ratio", [-0.01, 1.5])
def test_a_level_outside_its_range_is_none(ratio: float) -> None:
    assert report_of(toner(ratio, state="ok"), 0.0, 0.0).ratio is None


def test_a_life_that_was_two_does_not_make_the_device_a_frugal_one() -> None:
    slot, changes, day, meter = slots.first(report(0, 0, None, Word.LOW), Part()), list[float](), 0, 0.0
    for pages in (3000, 6000, 3100, 6100):  # between the warnings that were seen
        for word in (Word.SOME, Word.SOME, Word.LOW):
            day += 1
            begun = slot.cartridge.begun_pages or 0
            meter = begun + pages if word is Word.LOW else (changes[-1] if changes else 0) + day
            slots.follow(slot, report(day, meter, None, word), Part(), Belief(math.log(3000), 0.15**2, 9))
        changes.append(meter)
    share, used = slot.used()
    assert 2900 < used / share < 3200
    assert len(slot.lives) >= 2
