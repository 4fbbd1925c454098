"""What of a job can be charged, worked out by hand for each way a log may tell it, or not."""

from __future__ import annotations

import pytest

from poller.accounting.job import NO_MEDIUM, Job, Medium
from poller.accounting.quantities import Sides, Stock, impressions, quantities
from poller.accounting.tariff import Policy
from poller.accounting.tariff_file import parse
from poller.accounting.words import WORDS

LEAST = 'currency = "EUR"\n[[prices]]\nvalid_from = 2026-01-01\n'
A4, A3 = Medium(number_printed=6, size="A4"), Medium(number_printed=4, size="A3")


def policy(text: str = "") -> Policy:
    return parse(f"{LEAST}[policy]\n{text}", "t").policy


@pytest.mark.parametrize(
    "fields, expected",
    [
        ({"impressions": 7, "sheets_one_sided": 1, "sheets_two_sided": 1}, 7),
        ({"sheets_one_sided": 3, "sheets_two_sided": 4}, 11),
        ({"black_pages": 3, "colour_pages": 2}, 5),
        ({"black_pages": 3}, None),
        ({"sheets": 3}, None),
        ({"impressions": 0}, 0),
    ],
)
def test_impressions_are_as_counted_or_follow_from_what_is(fields: dict[str, int], expected: int | None) -> None:
    assert impressions(Job(**fields)) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "fields, text, expected",
    [
        ({"impressions": 10}, "", Sides(black=10)),
        ({"impressions": 10, "colour_pages": 4}, "", Sides(black=6, colour=4)),
        ({"impressions": 10, "black_pages": 5, "colour_pages": 4}, "", Sides(black=6, colour=4)),
        ({"impressions": 10, "black_pages": 5, "colour_pages": 4}, "blank_sides = false", Sides(black=5, colour=4, blank=1)),
        ({"impressions": 10, "colour_pages": 4}, "blank_sides = false", Sides(black=6, colour=4)),
        ({"impressions": 10, "sheets": 10}, "banner_sheets = 2", Sides(black=8, banner=2)),
        ({"impressions": 10, "sheets": 6, "sheets_one_sided": 1}, "banner_sheets = 2", Sides(black=9, banner=1)),
        ({"impressions": 10, "sheets": 10, "colour_pages": 10}, "banner_sheets = 2", Sides(colour=10)),
        ({"impressions": 10}, "banner_sheets = 2", Sides(black=10)),
    ],
)
def test_sides_are_black_coloured_blank_or_banners_and_add_up(fields: dict[str, int], text: str, expected: Sides) -> None:
    found = quantities(Job(**fields), policy(text))  # type: ignore[arg-type]
    assert found.sides == expected
    assert sum(expected) == 10


def test_more_pages_by_colour_than_impressions_are_flagged_and_not_charged() -> None:
    found = quantities(Job(impressions=10, black_pages=8, colour_pages=15), policy())
    assert found.sides == Sides(colour=10)
    assert "colours-differ" in found.flags


@pytest.mark.parametrize(
    "sheets, text, expected",
    [
        (10, "", (Stock(A4, 6), Stock(A3, 4))),
        (12, "", (Stock(NO_MEDIUM, 2), Stock(A4, 6), Stock(A3, 4))),
        (12, "banner_sheets = 3", (Stock(NO_MEDIUM, 2, 2), Stock(A4, 6, 1), Stock(A3, 4))),
        (None, "banner_sheets = 3", (Stock(A4, 6), Stock(A3, 4))),
    ],
)
def test_sheets_go_by_medium_and_banners_come_of_the_rest_first(sheets: int | None, text: str, expected: tuple[Stock, ...]) -> None:
    found = quantities(Job(sheets=sheets, impressions=20, media=(A4, A3)), policy(text))
    assert found.stocks == expected


def test_more_sheets_by_medium_than_sheets_are_flagged() -> None:
    assert "media-differ" in quantities(Job(sheets=9, impressions=9, media=(A4, A3)), policy()).flags


@pytest.mark.parametrize("wide, widest, expected", [(5, 2, (3, 2)), (5, None, (5, 0)), (None, None, (0, 0)), (2, 5, (0, 5))])
def test_a_wide_sheet_is_counted_once(wide: int | None, widest: int | None, expected: tuple[int, int]) -> None:
    found = quantities(Job(sheets_wider_9in=wide, sheets_wider_345mm=widest), policy())
    assert (found.wide, found.widest) == expected


@pytest.mark.parametrize("elapsed, interrupted, expected", [(30, 12, 18), (30, None, 30), (None, 12, None), (5, 9, 0)])
def test_rip_time_is_net_of_interruptions(elapsed: int | None, interrupted: int | None, expected: int | None) -> None:
    assert quantities(Job(rip_seconds=elapsed, rip_interrupted_seconds=interrupted), policy()).rip_seconds == expected


@pytest.mark.parametrize(
    "number, flags",
    [
        (0, ()),
        (1, ("quantities-low",)),
        (2, ("description-lost",)),
        (3, ("quantities-low", "description-lost")),
    ],
)
def test_a_record_that_lost_data_is_flagged(number: int, flags: tuple[str, ...]) -> None:
    job = Job(account="A", impressions=1, job_status="Completed", record_status=WORDS["record_status"][number])
    assert quantities(job, policy()).flags == flags
