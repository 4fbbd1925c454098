"""What a notification is about."""

from __future__ import annotations

import pytest

from poller.printers.notifications import Kind, is_worth_a_poll, kind_of
from poller.snmp.oid import parse


@pytest.mark.parametrize(
    "oid, kind",
    [
        ("1.3.6.1.2.1.43.18.2.0.1", "alert"),
        ("1.3.6.1.6.3.1.1.5.1", "start"),
        ("1.3.6.1.6.3.1.1.5.2", "start"),
        ("1.3.6.1.6.3.1.1.5.3", "link"),
        ("1.3.6.1.6.3.1.1.5.4", "link"),
        ("1.3.6.1.6.3.1.1.5.5", "authentication"),
        ("1.3.6.1.4.1.641.6.5.2.0.1", "vendor"),
        ("1.3.6.1.4.1.10642.0.1", "vendor"),
        ("1.3.6.1.4.1.2699.1.3.0.1", "vendor"),
        ("1.3.6.1.6.3.1.1.5.6", "other"),
        ("1.3.6.1.2.1.43.18.2.0.2", "other"),
    ],
)
def test_every_kind_is_told_by_its_oid(oid: str, kind: Kind) -> None:
    assert kind_of(parse(oid)) == kind


def test_without_an_oid_it_is_of_another_kind_and_still_worth_a_poll() -> None:
    assert kind_of(None) == "other"
    assert is_worth_a_poll("other")


def test_our_own_wrong_community_makes_nobody_poll() -> None:
    """A poll that brings an authenticationFailure which brings a poll would never end."""
    assert not is_worth_a_poll("authentication")
    others: tuple[Kind, ...] = ("alert", "start", "link", "vendor", "other")
    assert all(map(is_worth_a_poll, others))
