"""One printer's supplies from reading to decision: once for a cartridge, in time, and with its reason."""

from __future__ import annotations

from datetime import UTC, timedelta

import msgspec
import pytest

from poller.central.supplies.policy import Article, Catalogue, Policy
from poller.central.supplies.requests import advance
from poller.central.supplies.watch import falls_due, look, take
from poller.central.supplies.watched import Watched
from poller.model import Supply
from tests.central.supplies.firm import MONDAY, Office, read, toner


def test_a_request_is_made_once_and_in_time() -> None:
    office = Office()
    left = office.use(0.9, 0.0)
    (request,) = office.decisions
    assert request.event == "request"
    assert 7 <= left / 0.02 <= 20  # days until empty
    while left > 0.02:
        office.day(100, toner(round(left, 2)))
        left -= 0.02
    office.day(100, toner(0.0))
    assert office.events() == ["request"]


def test_a_request_says_why() -> None:
    office = Office()
    office.use(0.9, 0.0)
    (request,) = office.decisions
    reason = request.reason
    assert reason is not None and reason.rule == "forecast"
    assert request.forecast_days == reason.days
    assert reason.early_days is not None and reason.days is not None and reason.late_days is not None
    assert reason.early_days < reason.days < reason.late_days
    assert reason.left_low <= reason.left_high and reason.pages_per_supply == pytest.approx(5000, rel=0.1)
    assert reason.pages_per_day > 80 and reason.days_seen > 5


def test_a_slow_printer_is_not_asked_for_at_a_low_level() -> None:
    office = Office()
    office.use(0.12, 0.03, per_day=0.0005, pages=3)
    assert office.events() == []


def test_after_a_replacement_there_may_be_another_request() -> None:
    office = Office()
    left = office.use(0.9, 0.0)
    office.day(100, toner(round(left, 2)))
    assert [each.event for each in office.day(100, toner(1.0))] == ["replaced", "early-change"]
    first = office.decisions[0]
    tracked = office.watched.supplies["1.1"]
    assert tracked.request is not None and (tracked.request.state, tracked.request.number) == ("installed", 0)
    office.decisions.clear()
    office.use(0.98, 0.0)
    assert office.events() == ["request"] and office.decisions[0].at > first.at


def test_a_new_cartridge_is_asked_for_only_once_it_was_seen_twice() -> None:
    office = Office()
    for _ in range(5):
        office.day(5000, toner(0.5))
    office.decisions.clear()
    assert "request" not in [each.event for each in office.day(5000, toner(0.99))]


@pytest.mark.parametrize("shaken", [0.09, 0.15])
def test_shaken_toner_makes_no_second_request(shaken: float) -> None:
    office = Office()
    left = office.use(0.9, 0.0)
    for moved in (0.0, shaken, shaken, 0.0, shaken, 0.0):
        office.day(20, toner(round(left + moved, 2)))
        left -= 0.01
    assert office.events() == ["request"]


def test_a_cancelled_request_is_not_made_again_for_the_same_cartridge() -> None:
    office = Office()
    left = office.use(0.9, 0.0)
    tracked = office.watched.supplies["1.1"]
    assert tracked.request is not None
    tracked.request = advance(tracked.request, "cancelled", office.at)
    for _ in range(5):
        office.day(100, toner(round(left, 2)))
        left -= 0.02
    office.day(100, toner(0.0))
    assert office.events() == ["request"]


def test_a_silent_printer_is_believed_to_print_on() -> None:
    office = Office()
    ratio = 0.9
    while ratio > 0.44:
        office.day(100, toner(round(ratio, 2)))
        ratio -= 0.02
    assert office.events() == []
    assert [each.event for each in office.silent(13)] == ["request"]


def test_a_printer_silent_for_weeks_is_left_alone() -> None:
    office = Office()
    ratio = 0.99
    while ratio > 0.8:
        office.day(100, toner(round(ratio, 2)))
        ratio -= 0.02
    office.silent(200)
    assert office.events() == []


def test_what_was_not_installed_after_sixty_days_becomes_a_task() -> None:
    office = Office()
    left = office.use(0.9, 0.0)
    for _ in range(70):  # the printer is hardly used any more
        office.day(0, toner(round(left, 2)))
    assert office.events() == ["request", "ask-customer"]
    asked = office.decisions[1].at - office.decisions[0].at
    assert timedelta(days=60) <= asked <= timedelta(days=61)


def test_after_the_task_a_newly_empty_supply_makes_another_request() -> None:
    office = Office()
    left = office.use(0.9, 0.0)
    for _ in range(70):
        office.day(0, toner(round(left, 2)))
    office.day(100, toner(0.0))
    office.day(1, toner(0.0))
    office.day(1, toner(0.0))
    assert office.events() == ["request", "ask-customer", "request"]


def test_the_sixty_days_begin_when_it_was_sent() -> None:
    office = Office()
    office.use(0.9, 0.0)
    tracked = office.watched.supplies["1.1"]
    assert tracked.request is not None
    sent = office.at + timedelta(days=30)
    tracked.request = advance(tracked.request, "sent", sent)
    assert look(office.watched, sent + timedelta(days=59), office.desk) == []
    assert [each.event for each in look(office.watched, sent + timedelta(days=60), office.desk)] == ["ask-customer"]


@pytest.mark.parametrize("threshold, events", [(None, []), (0.2, ["request"])])
def test_a_threshold_asks_at_a_level_whatever_the_forecast(threshold: float | None, events: list[str]) -> None:
    office = Office(policy=Policy(threshold=threshold))
    office.use(0.3, 0.15, per_day=0.005, pages=3)
    assert office.events() == events


def test_a_longer_lead_time_asks_earlier() -> None:
    lefts = []
    for lead_days in (3.0, 7.0, 14.0):
        office = Office(policy=Policy(lead_days=lead_days))
        lefts.append(office.use(1.0, 0.0))
    assert lefts == sorted(lefts) and lefts[0] < lefts[-1]


def test_what_another_printer_has_shown_serves_the_new_one() -> None:
    old, new = Office(printer="serial:11:OLD"), Office(printer="serial:11:NEW")
    old.use(1.0, 0.0)
    new.desk = old.desk
    new.at = old.at
    for _ in range(10):
        new.day(100, toner(None, part="TK-1"))
    reason = new.decisions[0].reason if new.decisions else None
    assert new.watched.supplies["1.1"].name in new.desk.yields.parts
    assert reason is None or reason.samples > 0


# --- without a level ---


def test_a_device_without_levels_is_asked_for_when_it_warns() -> None:
    office = Office()
    for _ in range(10):
        office.day(100, toner(None))
    made = office.day(100, toner(None, state="low"))
    assert [each.event for each in made] == ["request"]
    assert made[0].reason is not None and made[0].reason.rule == "warning"
    office.day(100, toner(None, state="empty"))
    assert office.events() == ["request"]


def test_once_its_yield_is_known_a_device_without_levels_is_asked_for_in_time() -> None:
    office = Office(catalogue=Catalogue(articles={"TK-1": Article(part_number="TK-1", yield_pages=3000)}))
    for cartridge in range(3):
        for day in range(30):
            office.day(100, toner(None, state="low" if day >= 28 and cartridge < 2 else "some-remaining"))
    asked = [each for each in office.decisions if each.event == "request"]
    assert [each.reason.rule for each in asked if each.reason is not None][-1] == "forecast"
    last_change = max(each.at for each in office.decisions if each.event == "replaced")
    assert 10 <= (asked[-1].at - last_change).days <= 22


COLOURS = ("black", "cyan", "magenta", "yellow")


def four(ratio: float | None = None, **levels: float) -> list[Supply]:
    return [
        toner(levels.get(colour, ratio), key=f"1.{row}", colour=colour, part=f"TK-{colour}", state=None)
        for row, colour in enumerate(COLOURS, 1)
    ]


def test_low_toner_without_a_colour_is_one_question_never_four_requests() -> None:
    office = Office()
    for _ in range(4):
        office.day(50, *four())
    for _ in range(5):
        office.day(50, *four(), errors=["lowToner"])
    assert office.events() == ["which-colour"]
    assert office.decisions[0].choices == ("1.1", "1.2", "1.3", "1.4") and office.decisions[0].supply is None


def test_the_question_is_asked_again_when_the_warning_has_been_gone() -> None:
    office = Office()
    for errors in (["lowToner"], [], ["lowToner"], [], [], ["lowToner"]):
        office.day(50, *four(), errors=errors)
    assert office.events() == ["which-colour", "which-colour"]


def test_of_a_device_with_one_toner_the_warning_is_plain() -> None:
    office = Office()
    office.day(50, toner(None))
    office.day(50, toner(None), errors=["lowToner"])
    assert office.events() == ["request"]


def test_a_colour_known_to_be_low_explains_the_warning() -> None:
    office = Office()
    for _ in range(4):
        office.day(1, *four(0.9, cyan=0.04), errors=["lowToner"])
    assert "which-colour" not in office.events()


def test_levels_speak_louder_than_a_warning_without_a_colour() -> None:
    office = Office()
    for _ in range(4):
        office.day(10, *four(0.8), errors=["lowToner"])
    assert office.events() == []


@pytest.mark.parametrize(
    "code, kind, colour",
    [
        (1104, "toner", "black"),
        (1105, "ink", "black"),
        (1109, "wasteToner", None),
        (1107, "wasteToner", None),
        (1111, "drum", "black"),
        (1113, "developer", "black"),
    ],
)
def test_an_alert_of_the_marker_names_the_kind(code: int, kind: str, colour: str | None) -> None:
    office = Office()
    supplies = [toner(None, kind=kind, colour=colour, part="X-1"), toner(0.9, key="1.2", kind="fuser", colour=None, part="F-1")]
    for _ in range(3):
        office.day(10, *supplies)
    assert office.events() == []
    made = office.day(10, *supplies, codes=[code])
    assert [(each.event, each.kind) for each in made] == [("request", kind)]


def test_a_cartridge_taken_out_while_it_was_read_means_nothing() -> None:
    office = Office()
    for _ in range(4):
        office.day(10, toner(0.8))
    for _ in range(3):
        office.day(10, toner(0.0), codes=[1115])
    office.day(10, toner(0.78))
    assert office.events() == []


@pytest.mark.parametrize("kind", ["wasteToner", "drum", "fuser", "transferBelt", "feedRoller", "staples", "maintenanceKit"])
def test_all_that_is_used_up_is_asked_for(kind: str) -> None:
    office = Office()
    office.use(0.9, 0.0, kind=kind, colour=None, is_receptacle=kind == "wasteToner")
    (request,) = office.decisions
    assert (request.event, request.kind) == ("request", kind)


# --- what was put in ---


def test_an_early_change_is_noted_with_what_was_left() -> None:
    office = Office()
    for _ in range(3):
        office.day(10, toner(0.4))
    made = office.day(10, toner(1.0))
    assert [each.event for each in made] == ["replaced", "early-change"] and made[1].left == pytest.approx(0.4, abs=0.01)


def test_another_part_than_was_asked_for_is_noted_unless_it_may_stand_in() -> None:
    catalogue = Catalogue(articles={"TK-1": Article(part_number="TK-1", instead=frozenset({"TK-1XL"}))})
    for part, noted in (("TK-1XL", False), ("TK-7", True)):
        office = Office(catalogue=catalogue)
        left = office.use(0.9, 0.0)
        office.day(100, toner(round(left, 2)))
        events = {each.event: each for each in office.day(100, toner(1.0, part=part))}
        assert ("wrong-cartridge" in events) is noted
        if noted:
            assert (events["wrong-cartridge"].wanted, events["wrong-cartridge"].part_number) == ("TK-1", "TK-7")


def test_a_parcel_takes_along_what_falls_due_soon() -> None:
    policy = Policy(bundle_days=10)
    soon, later = Office(policy=policy), Office(policy=policy)
    ratio = 0.9
    while ratio > 0.5:
        soon.day(100, toner(round(ratio, 2)))
        later.day(20, toner(round(1.0 - (0.9 - ratio) / 5, 3)))
        ratio -= 0.02
    for office, rules in ((soon, ["bundle"]), (later, [])):
        made = falls_due(office.watched, office.at, 10, office.desk)
        assert [each.reason.rule for each in made if each.reason is not None] == rules


# --- what is kept ---


def test_what_is_known_of_a_printer_can_be_stored_and_goes_on_where_it_was() -> None:
    whole, stored = Office(), Office()
    ratio = 0.9
    for _ in range(45):
        given = toner(round(ratio, 2))
        whole.day(100, given)
        stored.day(100, given)
        stored.watched = msgspec.json.decode(msgspec.json.encode(stored.watched), type=Watched)
        ratio -= 0.02
        if ratio < 0.02:
            ratio = 1.0
    assert whole.decisions == stored.decisions and "request" in whole.events()


def test_what_is_kept_of_a_printer_stays_small() -> None:
    office = Office()
    for number in range(400):
        office.day(20, *four(1.0 - (number % 90) / 100))
    assert len(msgspec.json.encode(office.watched)) < 10_000


def test_a_reading_must_be_newer() -> None:
    office = Office()
    office.day(1, toner(0.5))
    with pytest.raises(AssertionError):
        take(office.watched, read(MONDAY, 1001, toner(0.5)), office.desk)


def test_a_device_without_a_counter_is_forecast_by_time() -> None:
    office = Office()
    ratio, day = 0.9, 0
    while not office.decisions:
        office.decisions += take(office.watched, read(MONDAY + timedelta(days=day), None, toner(round(ratio, 3))), office.desk)
        ratio -= 0.02
        day += 1
        assert day < 60
    assert office.events() == ["request"] and 5 <= ratio / 0.02 <= 25


def test_times_are_told_in_utc() -> None:
    office = Office()
    office.use(0.9, 0.0)
    assert office.decisions[0].at.tzinfo is UTC
