"""Where to look for whoever is missing: near by, then the range, never too often."""

from __future__ import annotations

import itertools

from poller.engine.search import ADDRESSES_MAX, SEARCH_EVERY_SECONDS, WHOLE_EVERY_SECONDS, Hunt, Search
from poller.networks import Interval, parse


def block(text: str) -> Interval:
    parsed = parse(text)
    assert isinstance(parsed, Interval)
    return parsed


def hunt(search: Search, now_at: float = 0.0, *, size: int = 1024) -> Hunt | None:
    return search.next(now_at, size_of=lambda _: size)


def test_nobody_is_missed_nothing_is_swept() -> None:
    assert hunt(Search()) is None


def test_the_neighbours_come_first_then_the_range_then_nothing() -> None:
    search = Search()
    search.miss("a", "hq", "10.1.2.3")
    assert hunt(search) == Hunt("hq", (block("10.1.2.0/24"),), frozenset({"a"}))
    assert hunt(search, 1.0) == Hunt("hq", None, frozenset({"a"}))
    assert hunt(search, 1e9) is None
    assert len(search) == 0


def test_who_was_found_near_by_is_not_looked_for_any_further() -> None:
    search = Search()
    search.miss("a", "hq", "10.1.2.3")
    hunt(search)
    search.found("a")
    search.found("a")
    assert hunt(search, 1e9) is None


def test_a_range_is_swept_for_somebody_at_most_so_often() -> None:
    search, swept = Search(), []
    for second in range(0, 7200, 10):
        search.miss(f"printer-{second}", "hq", "10.1.2.3")
        found = hunt(search, float(second))
        if found is not None:
            swept.append((second, found.near is None))
    near = [second for second, is_whole in swept if not is_whole]
    whole = [second for second, is_whole in swept if is_whole]
    assert all(later - earlier >= SEARCH_EVERY_SECONDS for earlier, later in itertools.pairwise(near))
    assert all(later - earlier >= WHOLE_EVERY_SECONDS for earlier, later in itertools.pairwise(whole))
    assert len(near) > 10
    assert len(whole) == 2


def test_a_range_too_large_is_left_to_the_daily_sweep() -> None:
    search = Search()
    search.miss("a", "hq", "10.1.2.3")
    assert hunt(search, size=ADDRESSES_MAX + 1) is not None
    assert hunt(search, 1.0, size=ADDRESSES_MAX + 1) is None
    assert len(search) == 0


def test_ranges_do_not_wait_for_each_other() -> None:
    search = Search()
    search.miss("a", "hq", "10.1.2.3")
    search.miss("b", "branch", "10.2.2.3")
    search.miss("c", "branch", "10.2.9.3")
    found = [hunt(search, float(second)) for second in range(4)]
    assert [(one.range_name, one.near is None) for one in found if one is not None] == [
        ("hq", False), ("hq", True), ("branch", False), ("branch", True),
    ]  # fmt: skip
    assert found[2] == Hunt("branch", (block("10.2.2.0/24"), block("10.2.9.0/24")), frozenset({"b", "c"}))


def test_one_search_goes_to_sixteen_neighbourhoods_at_most() -> None:
    search = Search()
    for number in range(40):
        search.miss(f"printer-{number}", "hq", f"10.1.{2 * number}.3")
    found = hunt(search, size=ADDRESSES_MAX + 1)
    assert found is not None
    assert found.near is not None
    assert (len(found.near), len(found.missing)) == (16, 16)


def test_near_an_ipv6_address_are_256_as_well() -> None:
    search = Search()
    search.miss("a", None, "fd00::1:7")
    found = hunt(search)
    assert found is not None
    assert found.near == (block("fd00::1:0/120"),)


def test_so_many_are_looked_for_at_a_time_and_no_more() -> None:
    search = Search()
    for number in range(10_100):
        search.miss(f"printer-{number}", "hq", "10.1.2.3")
    assert len(search) == 10_000
