"""Whom the agent may ask by one configuration, and what a changed one adds, keeps and lets go of."""

from __future__ import annotations

import pytest

from poller.config import load
from poller.model import Target
from poller.reach import Reach


def reach(**environ: str) -> Reach:
    """Ranges from variables, short: `r0_networks` is POLLER_RANGE_0_NETWORKS, `c0_name` POLLER_CREDENTIAL_0_NAME."""
    long = {"r": "POLLER_RANGE_", "c": "POLLER_CREDENTIAL_"}
    return Reach(load(None, {long[name[0]] + name[1:].upper(): value for name, value in environ.items()}))


ONE = {"c0_name": "one", "c0_version": "2c", "c0_community": "first"}
TWO = {"c1_name": "two", "c1_version": "2c", "c1_community": "second"}
LAB = {"r0_name": "lab", "r0_networks": "10.0.0.0/29"}
BRANCH = {"r1_name": "branch", "r1_networks": "10.0.1.0/29"}


def target(of: Reach, address: str) -> Target:
    index = of.plan.find(address, 161)
    assert index is not None
    owner = of.plan.owner(index)
    return Target(address=address, credential=owner.credentials[0], range=owner.name)


@pytest.mark.parametrize(
    "before, after, added",
    [
        (LAB, LAB, 0),
        (LAB, LAB | BRANCH, 8),
        (LAB | BRANCH, LAB, 0),
        (LAB | {"r0_exclude": "10.0.0.1,10.0.0.2"}, LAB, 2),
        (LAB, LAB | {"r0_exclude": "10.0.0.1"}, 0),
        (LAB, LAB | {"r0_name": "renamed"}, 0),
        (LAB, LAB | {"r0_port": "1161"}, 8),
        (LAB, LAB | {"r0_networks": "10.0.0.0/28"}, 8),
        (LAB | ONE, LAB | ONE | {"c0_community": "changed"}, 8),
        (LAB | ONE | TWO | {"r0_credentials": "one"}, LAB | ONE | TWO | {"r0_credentials": "two"}, 8),
        (LAB | BRANCH, {"r0_name": "all", "r0_networks": "10.0.0.0/29,10.0.1.0/29"}, 0),
    ],
)
def test_what_is_swept_at_once_is_what_was_not_asked_before_or_not_in_this_way(
    before: dict[str, str], after: dict[str, str], added: int
) -> None:
    assert len(reach(**after).beyond(reach(**before))) == added


@pytest.mark.parametrize(
    "after, is_same",
    [
        (LAB | ONE, True),
        (LAB | ONE | {"r0_location": "cellar"}, True),
        (LAB | ONE | {"c0_community": "changed"}, False),
        (LAB | ONE | {"r0_name": "renamed"}, False),
        (LAB | ONE | {"r0_exclude": "10.0.0.1"}, False),
    ],
)
def test_a_plan_is_the_same_while_addresses_names_and_secrets_are(after: dict[str, str], is_same: bool) -> None:
    assert reach(**after).is_same(reach(**LAB, **ONE).plan) is is_same


def test_a_known_printer_is_asked_as_the_configuration_says_by_now() -> None:
    known = target(reach(**LAB, **ONE), "10.0.0.3")
    changed = reach(**LAB, **ONE | {"c0_community": "changed"}).retarget(known)
    assert changed is not None
    assert changed.credential.community.reveal() == "changed"
    other = reach(**LAB | {"r0_name": "renamed", "r0_credentials": "two"}, **ONE, **TWO).retarget(known)
    assert other is not None
    assert (other.range, other.credential.name, other.address) == ("renamed", "two", "10.0.0.3")


@pytest.mark.parametrize("more", [{"r0_exclude": "10.0.0.3"}, {"r0_networks": "10.0.9.0/29"}, {"r0_port": "1161"}])
def test_a_known_printer_nobody_wants_asked_any_more_is_let_go_of(more: dict[str, str]) -> None:
    assert reach(**LAB | more, **ONE).retarget(target(reach(**LAB, **ONE), "10.0.0.3")) is None


def test_an_address_of_a_range_with_names_stays_until_the_names_are_asked_for() -> None:
    named = {"r0_name": "lab", "r0_networks": "printer.example.com", "r0_exclude": "10.0.0.4"}
    known = target(reach(**LAB, **ONE), "10.0.0.3")
    again = reach(**named, **ONE).retarget(known)
    assert again is not None
    assert again == known
    assert reach(**named, **ONE).retarget(target(reach(**LAB, **ONE), "10.0.0.4")) is None


@pytest.mark.parametrize("allowed, found", [("127.0.0.0/8", True), ("10.0.0.0/8", False)])
async def test_a_name_is_asked_only_where_the_site_allows_it(allowed: str, *, found: bool) -> None:
    config = load(None, {"POLLER_SWEEP_TARGETS": "localhost", "POLLER_SWEEP_ALLOWED": allowed})
    one = Reach(config)
    await one.resolve()
    assert (one.plan.find("127.0.0.1", 161) is not None) == found
    remembered = Target(address="127.0.0.9", credential=config.credentials[0], range="default")  # what the name stood for earlier
    assert one.is_wanted(remembered) == found
    assert (one.retarget(remembered) is not None) == found
