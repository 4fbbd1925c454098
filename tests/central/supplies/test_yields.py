"""Yields learned per part number, and the scale a part's levels are told in."""

from __future__ import annotations

import math

import pytest

from poller.central.supplies.yields import LIVES_MAX, Part, Yields, alike


def taught(*pages: float) -> Yields:
    yields = Yields()
    for each in pages:
        yields.learn("TK-1", 1.0, each)
    return yields


def test_nothing_known_is_a_guess_that_says_so() -> None:
    belief = Yields().believe("TK-1", 0, 0)
    assert belief.samples == 0 and belief.variance > 1


def test_a_part_used_up_elsewhere_is_known_here() -> None:
    belief = taught(3000, 3100, 2900, 3050).believe("TK-1", 0, 0)
    assert belief.pages == pytest.approx(3010, rel=0.02) and belief.variance < 0.2**2 and belief.samples == 4


def test_another_part_learns_nothing_from_it() -> None:
    assert taught(3000).believe("TK-2", 0, 0).samples == 0


def test_the_devices_own_cartridges_weigh_more_than_the_others() -> None:
    belief = taught(3000, 3000, 3000).believe("TK-1", 0.8, 800)  # this one prints thrice the coverage
    assert belief.pages < 1200


def test_a_short_way_on_a_level_says_little() -> None:
    assert taught(3000, 3000, 3000, 3000).believe("TK-1", 0.02, 20).pages > 2000


def test_whole_cartridges_are_a_rougher_measure_than_levels() -> None:
    yields = taught(3000, 3000, 3000)
    assert yields.believe("TK-1", 1.0, 1000, is_measured=False).pages > yields.believe("TK-1", 1.0, 1000).pages


def test_the_catalogue_takes_the_place_of_the_guess() -> None:
    belief = Yields().believe("TK-1", 0, 0, rated_pages=12000)
    assert belief.pages == pytest.approx(12000) and math.exp(math.sqrt(belief.variance)) < 2


def test_devices_that_differ_make_the_part_uncertain() -> None:
    assert taught(1000, 9000, 2000, 6000).believe("TK-1", 0, 0).variance > 4 * taught(3000, 3100, 2900, 3000).believe("TK-1", 0, 0).variance


def test_a_changed_batch_is_noticed_however_much_was_seen_before() -> None:
    assert taught(*[3000.0] * 1000, *[6000.0] * 400).believe("TK-1", 0, 0).pages > 5000


@pytest.mark.parametrize("share, pages", [(0, 100), (-0.1, 100), (0.5, 0), (0.5, -3)])
def test_nonsense_teaches_nothing(share: float, pages: float) -> None:
    yields = Yields()
    yields.learn("TK-1", share, pages)
    assert yields.parts == {}


@pytest.mark.parametrize(
    "levels, ratio, step",
    [
        ([], 0.63, 0.01),  # an odd number: a fine scale, until shown otherwise
        ([], 0.6, 0.1),
        ([1.0, 0.9, 0.8, 0.7], 0.8, 0.1),
        ([1.0, 0.9, 0.8, 0.7], 0.7, 0.1),  # the next is not seen yet: as wide as the others
        ([1.0, 0.1, 0.01], 1.0, 0.9),  # full, 10 %, 1 %, and nothing between
        ([1.0, 0.75, 0.5, 0.25], 0.5, 0.25),
        ([number / 100 for number in range(40, 60)], 0.6, 0.01),
        ([1.0, 0.5, 0.0], 0.0, 0.01),
    ],
)
def test_what_a_level_leaves_open_is_the_step_below_it(levels: list[float], ratio: float, step: float) -> None:
    part = Part()
    for level in levels:
        part.note_level(level)
    assert part.step_below(ratio) == pytest.approx(step)


def test_the_levels_kept_of_a_part_are_few() -> None:
    part = Part()
    for number in range(101):
        part.note_level(number / 100)
    assert part.is_fine and part.levels == []


# --- devices that say only -3: whole lives ---


@pytest.mark.parametrize(
    "lives, one",
    [
        ([3000], [3000]),
        ([6000, 3000], [6000, 3000]),  # nobody can say which
        ([6000, 3000, 3100], [3000, 3100]),  # the first was two, of which nobody saw the change between
        ([3400, 7000, 7200], [7000, 7200]),  # the first was put in used
        ([3000, 6100, 2900, 3200, 9000, 5800, 3100], [3000, 2900, 3200, 3100]),
        ([5500, 5600, 5400], [5500, 5600, 5400]),
    ],
)
def test_two_lives_that_look_like_one_are_left_out(lives: list[float], one: list[float]) -> None:
    assert alike(lives) == one


def test_whole_lives_make_a_part_known_however_many_changes_were_not_seen() -> None:
    yields = Yields()
    for pages in (6000, 3000, 3100, 6200, 2900, 9100, 3050):
        yields.learn_life("TK-1", pages)
    belief = yields.believe("TK-1", 0, 0, is_measured=False)
    assert belief.pages == pytest.approx(3010, rel=0.03) and belief.samples == 4 and belief.variance < 0.25**2


def test_where_levels_have_told_whole_lives_count_for_nothing() -> None:
    yields = taught(3000, 3000)
    yields.learn_life("TK-1", 8000)
    assert yields.believe("TK-1", 0, 0) == taught(3000, 3000).believe("TK-1", 0, 0)


def test_the_lives_kept_of_a_part_are_few_and_the_last() -> None:
    part = Part()
    for pages in range(1000, 1000 + 3 * LIVES_MAX):
        part.add_life(pages)
    assert len(part.lives) == LIVES_MAX and part.lives[-1] == 1000 + 3 * LIVES_MAX - 1
