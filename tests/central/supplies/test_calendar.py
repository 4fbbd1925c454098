"""Active days: weekdays, quiet days, working hours, in the account's own zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from poller.central.supplies.calendar import DAY_SECONDS, Calendar, Rhythm, day_number, local_seconds

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = day_number(date(2026, 3, 2))


def plain(*, quiet: dict[int, float] | None = None) -> Calendar:
    return Calendar(UTC, [1, 1, 1, 1, 1, 0.1, 0.0], quiet or {}, MONDAY)


def at(day: int, hour: float) -> float:
    return (MONDAY + day) * DAY_SECONDS + hour * 3600


@pytest.mark.parametrize(
    "begin, end, active",
    [
        (at(0, 0), at(1, 0), 1.0),
        (at(0, 0), at(7, 0), 5.1),
        (at(4, 20), at(7, 0), 0.1 + 0.1 * 4 / 24),  # Friday evening to Monday morning
        (at(0, 7), at(0, 19), 0.9 + 0.1 * 12 / 24),
        (at(0, 13), at(0, 13), 0.0),
        (at(6, 0), at(6, 24), 0.0),
    ],
)
def test_a_stretch_of_time_has_the_active_days_of_its_weekdays_and_hours(begin: float, end: float, active: float) -> None:
    assert plain().activity(begin, end) == pytest.approx(active)


def test_a_quiet_day_counts_as_little_as_it_was() -> None:
    assert plain(quiet={MONDAY + 1: 0.02}).activity(at(0, 0), at(3, 0)) == pytest.approx(2.02)


def test_before_its_first_day_a_calendar_knows_only_the_average() -> None:
    assert plain().activity(at(-14, 0), at(-7, 0)) == pytest.approx(5.1)


def test_summer_time_moves_no_use_to_another_day() -> None:
    before, after = datetime(2026, 3, 28, 22, 30, tzinfo=UTC), datetime(2026, 3, 29, 21, 30, tzinfo=UTC)  # 23:30 on either side
    assert local_seconds(after, BERLIN) - local_seconds(before, BERLIN) == DAY_SECONDS


@pytest.mark.parametrize("month", [1, 7])
def test_local_seconds_lead_back_to_the_moment(month: int) -> None:
    moment = datetime(2026, month, 5, 11, tzinfo=UTC)
    calendar = Calendar(BERLIN, [1.0] * 7, {}, MONDAY)
    assert calendar.utc(calendar.local(moment)) == moment


def learnt(*, printers: int, weeks: int, saturday: float, closed: int | None = None) -> Rhythm:
    """Return what an account has learnt whose printers work evenly on weekdays and on one weekday, *closed*, not at all."""
    rhythm = Rhythm()
    for day in range(7 * weeks):
        rhythm.turn(MONDAY + day)
        usual = [1.0, 1.0, 1.0, 1.0, 1.0, saturday, 0.0][day % 7]
        for _ in range(printers):
            rhythm.note_day(MONDAY + day, 0.0 if day == closed else usual)
    rhythm.turn(MONDAY + 7 * weeks)
    return rhythm


def test_the_week_of_an_account_is_learnt_from_its_printers() -> None:
    weights = learnt(printers=20, weeks=20, saturday=0.8).weights()
    assert weights[5] == pytest.approx(0.8, abs=0.08)
    assert weights[6] < 0.05
    assert sum(sorted(weights)[2:]) / 5 == pytest.approx(1.0)


def test_until_it_has_shown_its_week_an_account_is_believed_to_rest_at_weekends() -> None:
    assert Rhythm().weights()[5] == pytest.approx(0.15)


def test_a_day_on_which_nearly_all_printers_rest_is_quiet_and_spoils_no_weekday() -> None:
    rhythm = learnt(printers=20, weeks=6, saturday=0.0, closed=37)  # a Wednesday
    assert list(rhythm.quiet) == [MONDAY + 37]
    assert rhythm.weights()[2] == pytest.approx(1.0, abs=0.05)


def test_a_few_printers_do_not_make_a_quiet_day() -> None:
    assert learnt(printers=5, weeks=6, saturday=0.0, closed=37).quiet == {}


def test_a_quiet_day_is_expected_again_on_its_date_next_year() -> None:
    rhythm = learnt(printers=20, weeks=6, saturday=0.0, closed=37)
    calendar = rhythm.calendar(UTC, back_days=130)
    again = date(2027, 4, 8)  # 37 days after 2 March 2026, and a year
    assert calendar.weight(day_number(again)) < 0.1 < calendar.weight(day_number(again + timedelta(days=1)))


def test_quiet_days_a_person_wrote_down_count_too() -> None:
    rhythm = learnt(printers=1, weeks=2, saturday=0.0)
    assert rhythm.calendar(UTC, back_days=20, given=[MONDAY + 21]).weight(MONDAY + 21) < 0.1


def test_what_is_older_than_three_weeks_or_from_the_future_teaches_nothing() -> None:
    rhythm = learnt(printers=20, weeks=6, saturday=0.0)
    before = list(rhythm.did)
    rhythm.note_day(rhythm.today - 30, 1.0)
    rhythm.note_day(rhythm.today + 1, 1.0)
    assert rhythm.did == before


def test_what_is_remembered_of_an_account_stays_small() -> None:
    rhythm = Rhythm()
    for day in range(1500):
        rhythm.turn(MONDAY + day)
        for _ in range(10):
            rhythm.note_day(MONDAY + day, float(day % 3 == 0))
    assert len(rhythm.days) <= 22 and len(rhythm.quiet) <= 401
