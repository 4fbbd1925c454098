"""The address space as one sequence, and the order it is visited in."""

from __future__ import annotations

import os
import tracemalloc
from collections import Counter

import pytest

from poller.engine.targets import Order, Plan, Range, largest_term
from poller.model import Credential, Secret
from poller.networks import Interval, parse

PUBLIC = Credential(name="public", version="2c", community=Secret("public"))


def networks(*texts: str) -> tuple[Interval, ...]:
    found = tuple(parse(text) for text in texts)
    assert all(isinstance(one, Interval) for one in found)
    return found  # type: ignore[return-value]


def range_of(*texts: str, name: str = "hq", excluded: tuple[str, ...] = (), port: int = 161, rate: float | None = None) -> Range:
    return Range(name, networks(*texts), (PUBLIC,), excluded=networks(*excluded), port=port, rate_per_second=rate)


def everything(plan: Plan) -> list[tuple[str, str | None, int]]:
    return [(address, one.name, one.port) for address, one in (plan[index] for index in range(len(plan)))]


def test_a_plan_holds_every_address_once_without_the_excluded() -> None:
    plan = Plan([range_of("10.0.0.0/29", "10.0.0.4-10.0.0.9", excluded=("10.0.0.0", "10.0.0.7-8"))])
    assert [address for address, _, _ in everything(plan)] == [f"10.0.0.{n}" for n in (1, 2, 3, 4, 5, 6, 9)]


def test_an_address_in_two_ranges_belongs_to_the_first_unless_the_ports_differ() -> None:
    plan = Plan([range_of("10.0.0.4/31", name="a"), range_of("10.0.0.4/30", name="b"), range_of("10.0.0.4", name="c", port=1161)])
    found = everything(plan)
    assert sorted(found) == [
        ("10.0.0.4", "a", 161),
        ("10.0.0.4", "c", 1161),
        ("10.0.0.5", "a", 161),
        ("10.0.0.6", "b", 161),
        ("10.0.0.7", "b", 161),
    ]


def test_an_address_leads_back_to_its_index() -> None:
    ranges = [
        range_of("10.0.0.0/28", "10.0.1.0/30"),
        range_of("fd00::/124", name="six", rate=5.0),
        range_of("10.0.0.0/29", name="p", port=1161),
    ]
    plan = Plan(ranges, on_link=networks("10.0.0.8/29"))
    for index in range(len(plan)):
        address, one = plan[index]
        assert plan.find(address, one.port) == index
        assert plan.owner(index) is one
    for address, port in [
        ("10.0.0.16", 161),
        ("10.0.1.4", 161),
        ("10.0.0.8", 1161),
        ("9.9.9.9", 161),
        ("10.0.0.1", 162),
        ("x", 161),
        ("fd00::10", 161),
    ]:
        assert plan.find(address, port) is None


@pytest.mark.parametrize("index", [-1, 8])
def test_there_is_nothing_beyond_the_ends(index: int) -> None:
    with pytest.raises(IndexError):
        Plan([range_of("10.0.0.0/29")])[index]


def test_lanes_part_what_differs_in_rate_port_version_and_being_on_link() -> None:
    ranges = [
        range_of("10.0.0.0/24"),
        range_of("10.0.1.0/24", name="b"),
        range_of("10.0.2.0/24", name="slow", rate=10),
        range_of("fd00::/120", name="c"),
    ]
    plan = Plan(ranges, on_link=networks("10.0.0.128/25", "10.0.2.0/25"))
    roads = {(lane.road.version, lane.road.pace, lane.road.is_on_link): lane.size for lane in plan.lanes}
    assert roads == {(4, None, False): 384, (4, None, True): 128, (4, 2, False): 128, (4, 2, True): 128, (6, None, False): 256}
    assert [plan.lane_of(lane.start) for lane in plan.lanes] == [plan.lane_of(lane.stop - 1) for lane in plan.lanes] == [0, 1, 2, 3, 4]


def test_a_plan_of_nothing_is_empty() -> None:
    plan = Plan([range_of("10.0.0.0/30", excluded=("10.0.0.0/24",))])
    assert len(plan) == 0
    assert plan.lanes == ()
    assert plan.find("10.0.0.1", 161) is None


def test_the_plan_of_a_whole_slash_8_takes_no_more_memory_than_that_of_a_few_addresses() -> None:
    tracemalloc.start()
    try:
        plan = Plan([range_of("10.0.0.0/8")])
        assert len(plan) == 2**24
        assert plan[2**24 - 1][0] == "10.255.255.255"
        assert tracemalloc.get_traced_memory()[1] < 20_000
    finally:
        tracemalloc.stop()


def test_the_fingerprint_changes_with_addresses_and_credentials_and_never_shows_a_secret() -> None:
    def plan(network: str, credential: str) -> Plan:
        return Plan([Range("a", networks(network), (Credential(name=credential, version="1", community=Secret("s3cret")),))])

    same = plan("10.0.0.0/24", "x").fingerprint()
    assert plan("10.0.0.0/24", "x").fingerprint() == same
    assert plan("10.0.1.0/24", "x").fingerprint() != same
    assert plan("10.0.0.0/24", "y").fingerprint() != same


@pytest.mark.parametrize("size", [1, 2, 3, 4, 7, 10, 254, 256, 1000, 4096])
def test_an_order_visits_each_index_once_and_leads_back(size: int) -> None:
    order = Order(size, b"k" * 16)
    visited = [order.index(place) for place in range(size)]
    assert sorted(visited) == list(range(size))
    assert [order.place(index) for index in visited] == list(range(size))


def test_orders_of_different_keys_differ_and_of_one_key_agree() -> None:
    first, second, again = Order(65536, b"a" * 16), Order(65536, b"b" * 16), Order(65536, b"a" * 16)
    assert (first.step, first.offset) != (second.step, second.offset)
    assert (first.step, first.offset) == (again.step, again.offset)


@pytest.mark.parametrize("size", [65536, 65534, 100_003, 2**20])
def test_no_slash_24_is_hit_in_a_burst(size: int) -> None:
    for _ in range(5):
        order = Order(size, os.urandom(16))
        promised = size / ((largest_term(order.step, size) + 2) * 255)
        assert promised > size / 65536 * 20
        last: dict[int, int] = {}
        closest = size
        for place in range(65536):
            subnet = order.index(place) >> 8
            closest = min(closest, place - last.get(subnet, -size))
            last[subnet] = place
        assert closest >= promised


def test_any_thousand_visits_are_spread_evenly_over_the_subnets() -> None:
    order = Order(65536, os.urandom(16))
    for start in (0, 20_000, 64_000):
        hits = Counter(order.index(place % 65536) >> 8 for place in range(start, start + 1024))
        assert max(hits.values()) <= 4 + 4  # random order has up to twelve


def test_the_largest_term_of_the_golden_ratio_is_small_and_of_a_half_is_large() -> None:
    assert largest_term(610, 987) == 2
    assert largest_term(32769, 65536) > 10_000


def test_a_narrow_plan_is_one_range_and_of_that_what_is_near_and_not_excluded() -> None:
    ranges = [range_of("10.0.0.0/22", excluded=("10.0.1.0-10.0.1.7",)), range_of("10.1.0.0/24", name="branch")]
    plan = Plan(ranges, on_link=networks("10.0.0.0/24"))
    near = plan.narrow("hq", networks("10.0.1.0/28", "10.9.0.0/24"))
    assert [address for address, _, _ in everything(near)] == [f"10.0.1.{number}" for number in range(8, 16)]
    assert len(plan.narrow("branch")) == plan.size_of("branch") == 256
    assert plan.size_of("hq") == 1024 - 8
    assert len(plan.narrow("hq")) == 1024 - 8
    assert {lane.road.is_on_link for lane in plan.narrow("hq").lanes} == {True, False}
    assert len(plan.narrow("elsewhere")) == plan.size_of("elsewhere") == 0


def test_an_address_two_ranges_name_is_searched_for_its_owner_alone() -> None:
    plan = Plan([range_of("10.0.0.0/29"), range_of("10.0.0.0/28", name="later")])
    assert [address for address, _, _ in everything(plan.narrow("later"))] == [f"10.0.0.{number}" for number in range(8, 16)]
