"""A site's own days: edges, changes of the clock, what is due."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poller.central.meters.days import DAY, begin_of, day_of, due_days, end_of, load_zone
from poller.errors import ConfigError

ZONES = st.sampled_from(
    [
        "UTC",
        "Europe/Berlin",
        "America/Santiago",
        "Asia/Beirut",
        "Australia/Lord_Howe",
        "Pacific/Apia",
        "Pacific/Kiritimati",
        "America/Havana",
    ]
).map(ZoneInfo)


@pytest.mark.parametrize(
    "zone, day, begin, hours",
    [
        ("Europe/Berlin", date(2025, 1, 15), "2025-01-14T23:00", 24),
        ("Europe/Berlin", date(2025, 3, 30), "2025-03-29T23:00", 23),
        ("Europe/Berlin", date(2025, 10, 26), "2025-10-25T22:00", 25),
        ("Australia/Lord_Howe", date(2025, 4, 6), "2025-04-05T13:00", 24.5),
        ("America/Santiago", date(2025, 9, 7), "2025-09-07T04:00", 23),  # midnight does not exist: the day begins at one
        ("America/Havana", date(2025, 11, 2), "2025-11-02T04:00", 25),  # midnight comes twice: the first is the beginning
        ("Pacific/Apia", date(2011, 12, 30), "2011-12-30T10:00", 0),  # the date was skipped
        ("Pacific/Kiritimati", date(2025, 1, 1), "2024-12-31T10:00", 24),
    ],
)
def test_a_day_has_the_length_its_clocks_give_it(zone: str, day: date, begin: str, hours: float) -> None:
    place = ZoneInfo(zone)
    assert begin_of(day, place) == datetime.fromisoformat(begin).replace(tzinfo=UTC)
    assert end_of(day, place) - begin_of(day, place) == timedelta(hours=hours)


@given(ZONES, st.datetimes(datetime(2008, 1, 1), datetime(2030, 1, 1)))  # noqa: DTZ001
def test_every_moment_lies_in_its_day_and_in_no_other(zone: ZoneInfo, moment: datetime) -> None:
    moment_utc = moment.replace(tzinfo=UTC)
    day = day_of(moment_utc, zone)
    assert begin_of(day, zone) <= moment_utc < end_of(day, zone)
    assert end_of(day - DAY, zone) == begin_of(day, zone)


def test_a_day_is_due_six_hours_after_its_end_and_after_a_pause_each_is_closed() -> None:
    berlin, first = ZoneInfo("Europe/Berlin"), date(2025, 3, 28)
    assert list(due_days(None, berlin, datetime(2025, 3, 29, 4, 59, tzinfo=UTC), first=first)) == []
    assert list(due_days(None, berlin, datetime(2025, 3, 29, 5, 0, tzinfo=UTC), first=first)) == [date(2025, 3, 28)]
    late = list(due_days(date(2025, 3, 28), berlin, datetime(2025, 4, 1, 4, 0, tzinfo=UTC), first=first))
    assert late == [date(2025, 3, 29), date(2025, 3, 30), date(2025, 3, 31)]


def test_a_site_that_was_never_closed_begins_a_bounded_time_ago() -> None:
    due = list(due_days(None, ZoneInfo("UTC"), datetime(2025, 1, 1, 6, tzinfo=UTC), first=date(1970, 1, 1)))
    assert len(due) == 400
    assert due[-1] == date(2024, 12, 31)


@pytest.mark.parametrize("name", ["Europe/Bärlin", "../../etc/passwd", "", "/etc/localtime"])
def test_what_is_no_zone_is_a_fault_of_the_configuration(name: str) -> None:
    with pytest.raises(ConfigError, match="no time zone"):
        load_zone(name)
    assert load_zone("Europe/Berlin").key == "Europe/Berlin"
