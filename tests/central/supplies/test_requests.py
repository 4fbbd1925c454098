"""The states of a request, and what a fresh one waits for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from poller.central.supplies.policy import Article, Catalogue, Policy
from poller.central.supplies.requests import Delivery, Hold, Reason, Request, State, StepError, advance, opening

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
