"""When the clock is believed: starts, steps and what was read meanwhile, on a clock moved by hand."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from poller import __date__
from poller.engine.dating import MADE_UTC, Dating, redate
from poller.logs import as_dict
from poller.model import Alert
from tests.fake_clock import START_UTC, FakeClock
from tests.readings import TAKEN_UTC, colour_mfp

EPOCH_UTC = datetime(1970, 1, 1, tzinfo=UTC)
TO_NOW_SECONDS = (START_UTC - EPOCH_UTC).total_seconds()


class Kernel:
    """What the kernel says of its clock."""

    def __init__(self, *, is_kept: bool | None) -> None:
        self.is_kept = is_kept

    def __call__(self) -> bool | None:
        return self.is_kept


def dating(clock: FakeClock, *, is_kept: bool | None, told: list[float] | None = None) -> tuple[Dating, Kernel]:
    kernel = Kernel(is_kept=is_kept)
    return Dating(clock, is_synchronised=kernel, on_change=(told if told is not None else []).append), kernel


@pytest.mark.parametrize(
    "start_utc, is_kept, is_right",
    [
        (START_UTC, True, True),
        (START_UTC, None, True),  # a system that does not tell
        (START_UTC, False, False),  # fake-hwclock: perhaps of last week
        (EPOCH_UTC, False, False),
        (EPOCH_UTC, None, False),
        (EPOCH_UTC, True, False),  # whatever anybody says
        (MADE_UTC - timedelta(milliseconds=1), None, False),
        (MADE_UTC, None, True),
    ],
)
def test_a_clock_is_believed_from_the_start_unless_it_is_wrong_or_nobody_keeps_it(
    start_utc: datetime, is_kept: bool | None, is_right: bool
) -> None:
    assert dating(FakeClock(start_utc), is_kept=is_kept)[0].is_right is is_right


def test_a_clock_of_1970_is_never_believed_until_it_is_set() -> None:
    clock, told = FakeClock(EPOCH_UTC), list[float]()
    one, _ = dating(clock, is_kept=False, told=told)
    for _ in range(100):
        clock.advance(3600)
        one.look()
    assert not one.is_right
    assert told == []
    clock.jump(TO_NOW_SECONDS)
    one.look()
    assert one.is_right
    assert told == [TO_NOW_SECONDS]


def test_a_clock_nobody_keeps_is_believed_after_ten_minutes() -> None:
    clock, told = FakeClock(), list[float]()
    one, _ = dating(clock, is_kept=False, told=told)
    clock.advance(599)
    one.look()
    assert not one.is_right
    clock.advance(1)
    one.look()
    assert one.is_right
    assert told == [0.0]


@pytest.mark.parametrize("up_seconds, is_right", [(599, False), (600, True), (86_400, True)])
def test_the_ten_minutes_are_those_since_the_host_was_started(clock: FakeClock, up_seconds: float, is_right: bool) -> None:
    assert Dating(clock, is_synchronised=lambda: False, up_seconds=up_seconds).is_right is is_right


def test_a_clock_is_believed_as_soon_as_the_kernel_says_that_it_is_kept() -> None:
    clock = FakeClock()
    one, kernel = dating(clock, is_kept=False)
    clock.advance(20)
    one.look()
    assert not one.is_right
    kernel.is_kept = True
    clock.advance(5)
    one.look()
    assert one.is_right


def test_a_clock_before_what_was_remembered_is_doubtful_unless_somebody_keeps_it() -> None:
    for is_kept, is_right in ((None, False), (True, True)):
        one, _ = dating(FakeClock(), is_kept=is_kept)
        one.expect(START_UTC - timedelta(hours=1))
        assert one.is_right
        one.expect(START_UTC + timedelta(hours=1))
        assert one.is_right is is_right


def test_a_remembered_time_of_the_far_future_cannot_stop_the_agent_for_ever() -> None:
    clock = FakeClock()
    one, _ = dating(clock, is_kept=None)
    one.expect(START_UTC + timedelta(days=9999))
    clock.advance(600)
    one.look()
    assert one.is_right


@pytest.mark.parametrize("is_kept, is_right", [(True, True), (False, False), (None, False)])
@pytest.mark.parametrize("step_seconds, direction", [(3600.0, "forward"), (-3600.0, "backward")])
def test_a_step_is_told_once_and_doubted_unless_somebody_keeps_the_clock(
    clock: FakeClock,
    caplog: pytest.LogCaptureFixture,
    is_kept: bool | None,
    is_right: bool,
    step_seconds: float,
    direction: str,
) -> None:
    caplog.set_level("INFO")
    one, kernel = dating(clock, is_kept=True)
    kernel.is_kept = is_kept
    clock.jump(step_seconds)
    one.look()
    one.look()
    assert one.is_right is is_right
    assert [as_dict(record)["step_seconds"] for record in caplog.records if record.getMessage() == "clock.stepped"] == [step_seconds]
    values = {(sample.metric.name, *sample.labels): sample.value for sample in one.metrics()}
    assert values["poller_clock_wrong",] == (not is_right)
    assert values["poller_clock_steps_total", direction] == 1


def test_what_ntp_slews_is_no_step(clock: FakeClock) -> None:
    one, _ = dating(clock, is_kept=True)
    for _ in range(48):
        clock.advance(1800)
        clock.jump(1800 * 0.0005)
        one.look()
    assert [sample.value for sample in one.metrics()] == [0, 0, 0]


def test_a_clock_set_back_before_this_program_was_made_is_wrong_whoever_keeps_it(clock: FakeClock) -> None:
    one, _ = dating(clock, is_kept=True)
    clock.jump(-TO_NOW_SECONDS)
    one.look()
    assert not one.is_right
    clock.jump(TO_NOW_SECONDS)
    one.look()
    assert one.is_right


def test_moments_are_dated_by_the_clock_as_it_is_now() -> None:
    clock = FakeClock(EPOCH_UTC)
    one, _ = dating(clock, is_kept=False)
    taken_at = clock.monotonic()
    clock.advance(90)
    clock.jump(TO_NOW_SECONDS)
    one.look()
    assert one.date(taken_at) == START_UTC


def test_only_what_was_read_from_the_doubtful_clock_is_doubtful() -> None:
    clock = FakeClock()
    one, _ = dating(clock, is_kept=False)
    clock.advance(60)
    one.look()
    assert one.is_doubtful(START_UTC + timedelta(seconds=30))
    assert one.is_doubtful(EPOCH_UTC)
    assert not one.is_doubtful(START_UTC - timedelta(seconds=1))  # from before a restart
    assert not one.is_doubtful(START_UTC + timedelta(hours=1))  # so is this, if the clock stood still meanwhile
    clock.advance(600)
    one.look()
    assert not one.is_doubtful(START_UTC + timedelta(seconds=30))
    assert one.is_doubtful(EPOCH_UTC)


def test_a_reading_moves_with_all_its_times() -> None:
    alert = Alert(key="1.1", severity="warning", since=TAKEN_UTC - timedelta(minutes=5))
    reading = msgspec.structs.replace(colour_mfp().reading, alerts=(alert, msgspec.structs.replace(alert, since=None)))
    moved = redate(reading, TAKEN_UTC + timedelta(days=1))
    assert moved.taken_at == TAKEN_UTC + timedelta(days=1)
    assert [one.since for one in moved.alerts] == [TAKEN_UTC + timedelta(days=1, minutes=-5), None]


# --- the date of this program ---


def newest_release(changelog: str) -> date | None:
    """Return the newest date among the headings `## [1.2.3] - 2026-11-20` of a changelog."""
    found = re.findall(r"^## \[\d[^]]*\] - (\d{4}-\d\d-\d\d)$", changelog, re.MULTILINE)
    return max(map(date.fromisoformat, found), default=None)


def test_the_date_of_this_program_is_not_before_its_newest_release() -> None:
    assert newest_release("## [Unreleased]\n\n## [0.2.0] - 2026-12-01\n\n## [0.1.0] - 2026-11-20\n") == date(2026, 12, 1)
    changelog = (Path(__file__).parents[2] / "CHANGELOG.md").read_text()
    assert date.fromisoformat(__date__) >= (newest_release(changelog) or date(2026, 11, 1))
