"""The states of a request, and what a fresh one waits for."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from poller.central.supplies.history import Rate
from poller.central.supplies.policy import Article, Catalogue, Policy
from poller.central.supplies.requests import (
    RISK,
    RISK_FRESH,
    Delivery,
    Hold,
    Reason,
    Request,
    State,
    StepError,
    advance,
    has_spare,
    opening,
    risk_of,
)
from poller.central.supplies.slots import Cartridge, Left, Slot
from poller.central.supplies.yields import Belief

DAY = 86400.0
AT = datetime(2026, 3, 2, 18, tzinfo=UTC)
REASON = Reason(
    rule="forecast",
    chance=0.02,
    days=12.0,
    early_days=7.0,
    late_days=20.0,
    left_low=0.2,
    left_high=0.21,
    pages_per_day=80.0,
    days_seen=20.0,
    pages_per_supply=5000,
    pages_per_supply_factor=1.1,
    samples=4,
)


def request(state: State, hold: Hold | None = None) -> Request:
    return Request(
        account="acme",
        site="hq",
        printer="serial:11:A",
        supply="1.1",
        number=0,
        part_number="TK-1",
        state=state,
        hold=hold,
        decided_at=AT,
        reason=REASON,
        changed_at=AT,
    )


@pytest.mark.parametrize(
    "before, after",
    [
        ("open", "approved"),
        ("approved", "sent"),
        ("sent", "sent"),
        ("sent", "delivered"),
        ("delivered", "delivered"),
        ("delivered", "installed"),
        ("open", "installed"),
        ("sent", "cancelled"),
    ],
)
def test_a_request_goes_forward(before: State, after: State) -> None:
    assert advance(request(before), after, AT).state == after


@pytest.mark.parametrize(
    "before, after", [("open", "sent"), ("approved", "open"), ("installed", "sent"), ("cancelled", "approved"), ("sent", "approved")]
)
def test_a_request_never_goes_back_or_leaves_a_step_out(before: State, after: State) -> None:
    with pytest.raises(StepError) as caught:
        advance(request(before), after, AT)
    assert (caught.value.state, caught.value.wanted) == (before, after)


def test_a_partial_delivery_is_added_to_the_one_before() -> None:
    sent = advance(request("approved"), "sent", AT)
    half = advance(sent, "delivered", AT, delivery=Delivery(at=AT, pieces=1, tracking="1Z1"))
    whole = advance(half, "delivered", AT + timedelta(days=1), delivery=Delivery(at=AT, pieces=1))
    assert [each.tracking for each in whole.deliveries] == ["1Z1", None]


def test_the_time_of_sending_is_that_of_the_first_parcel() -> None:
    sent = advance(request("approved"), "sent", AT)
    assert advance(sent, "sent", AT + timedelta(days=3)).sent_at == AT


def test_approving_ends_the_wait() -> None:
    assert advance(request("open", "trial"), "approved", AT).hold is None


TK1 = Catalogue(articles={"TK-1": Article(part_number="TK-1", instead=frozenset({"TK-1XL"}))}, is_complete=True)


@pytest.mark.parametrize(
    "policy, catalogue, part, kind, expected",
    [
        (Policy(), Catalogue(), "TK-1", "toner", ("approved", None)),
        (Policy(), Catalogue(), None, "wasteToner", ("approved", None)),
        (Policy(approval="manual"), Catalogue(), "TK-1", "toner", ("open", "approval")),
        (Policy(is_live=False), Catalogue(), "TK-1", "toner", ("open", "trial")),
        (Policy(), TK1, "TK-1", "toner", ("approved", None)),
        (Policy(), TK1, "TK-9", "toner", ("open", "clarify")),
        (Policy(), TK1, None, "toner", ("open", "clarify")),
        (Policy(), Catalogue(), "TK-1", "unknown", ("open", "clarify")),
        (Policy(approval="manual", is_live=False), TK1, "TK-9", "toner", ("open", "trial")),
    ],
)
def test_a_fresh_request_waits_for_what_is_missing(
    policy: Policy, catalogue: Catalogue, part: str | None, kind: str, expected: tuple[State, Hold | None]
) -> None:
    assert opening(policy, catalogue, part, kind) == expected


@pytest.mark.parametrize("installed, alike", [("TK-1", True), ("tk1", True), ("TK-1XL", True), ("TK 1 XL", True), ("TK-2", False)])
def test_an_article_may_be_replaced_by_those_named_for_it(installed: str, alike: bool) -> None:
    assert TK1.are_alike("TK-1", installed) is alike


# --- what is accepted, and what lies there already ---


def slot(*, begun_at: float | None = None, is_begin_seen: bool = True, is_measured: bool = True, asked_pages: float | None = None) -> Slot:
    left = Left(0.9, 0.91, 1000)
    cartridge = Cartridge(number=3, left=left, ratio=0.91, begun_at=begun_at, begun_pages=900, is_begin_seen=is_begin_seen)
    return Slot(cartridge, is_measured=is_measured, asked_pages=asked_pages)


KNOWN, SURE = Rate(100, 1.0, 20.0), Belief(math.log(5000), 0.06**2, 9)


def test_in_its_first_days_a_cartridge_is_asked_for_only_if_it_will_hardly_last() -> None:
    fresh, older = (risk_of(slot(begun_at=100 * DAY), KNOWN, SURE, (100 + days) * DAY) for days in (2, 4))
    assert fresh == RISK_FRESH and RISK < older < 0.05


def test_a_cartridge_whose_beginning_nobody_saw_is_not_fresh() -> None:
    assert risk_of(slot(), KNOWN, SURE, 2 * DAY) < RISK_FRESH


@pytest.mark.parametrize(
    "given, pages, spare",
    [
        ({"asked_pages": 1000.0}, 5900, True),
        ({"asked_pages": 1000.0}, 6100, False),  # used up by now
        ({"asked_pages": None}, 5900, False),
        ({"asked_pages": 1000.0, "is_begin_seen": True}, 5900, False),  # the change was seen: it is known which request it answered
        ({"asked_pages": 1000.0, "is_measured": True}, 5900, False),
    ],
)
def test_what_was_asked_for_last_is_a_spare_until_it_can_be_used_up(given: dict[str, Any], pages: float, spare: bool) -> None:
    assert has_spare(slot(**{"is_begin_seen": False, "is_measured": False, **given}), pages, SURE) is spare
