"""Groups: nothing waits for one to fill, each owner in turn, and what fails alone fails for nobody else. Counted, not timed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from poller.central.receiving.groups import Groups
from poller.central.store.database import UnavailableError


class Work:
    """Work that goes on when it is told to, and notes each group."""

    def __init__(self) -> None:
        self.groups: list[list[str]] = []
        self.may_go_on = asyncio.Event()

    async def __call__(self, group: Sequence[str]) -> list[str]:
        self.groups.append(list(group))
        await self.may_go_on.wait()
        if "down" in group:
            raise UnavailableError("down")
        if "bad" in group:
            raise ValueError("bad")
        return [one.upper() for one in group]


def groups_of(work: Work) -> Groups[str, str]:
    return Groups(work, at_once=1, count_max=4, owner=lambda one: one[0])


async def start(groups: Groups[str, str], names: Sequence[str]) -> list[asyncio.Task[str]]:
    tasks = [asyncio.create_task(groups.do(name)) for name in names]
    await asyncio.sleep(0)  # each has come as far as its waiting
    await asyncio.sleep(0)
    return tasks


async def test_the_first_waits_for_nobody_and_what_comes_meanwhile_is_the_next_group() -> None:
    work = Work()
    groups = groups_of(work)
    tasks = await start(groups, ["a1"]) + await start(groups, ["a2", "a3"])
    work.may_go_on.set()
    assert await asyncio.gather(*tasks) == ["A1", "A2", "A3"]
    assert work.groups == [["a1"], ["a2", "a3"]]


async def test_who_asks_again_in_the_moment_of_the_answer_is_not_forgotten() -> None:
    work = Work()
    work.may_go_on.set()
    groups = groups_of(work)
    assert [await groups.do("a1"), await groups.do("a2"), await groups.do("a3")] == ["A1", "A2", "A3"]
    await groups.close()


async def test_who_sends_a_thousand_is_one_in_the_line() -> None:
    work = Work()
    groups = groups_of(work)
    flood = await start(groups, [f"a{number}" for number in range(1000)])
    others = await start(groups, ["b1", "c1"])
    work.may_go_on.set()
    await asyncio.gather(*others)
    assert work.groups[:2] == [["a0", "a1", "a2", "a3"], ["a4", "b1", "c1", "a5"]]  # the very next one
    await asyncio.gather(*flood)
    assert sum(map(len, work.groups)) == 1002


async def test_a_group_has_its_weight_but_what_is_heavier_still_goes_alone() -> None:
    work = Work()
    work.may_go_on.set()
    groups = Groups(work, at_once=1, count_max=9, weigh=len, weight_max=6)
    await asyncio.gather(*await start(groups, ["x", "a", "bbbbb", "cccccccccc", "d", "e"]))
    assert work.groups == [["x", "a"], ["bbbbb"], ["cccccccccc"], ["d", "e"]]


async def test_what_fails_in_a_group_is_tried_alone() -> None:
    work = Work()
    groups = groups_of(work)
    first = await start(groups, ["a1"])
    tasks = await start(groups, ["b1", "bad", "c1"])
    work.may_go_on.set()
    done = await asyncio.gather(*first, *tasks, return_exceptions=True)
    assert (done[0], done[1], done[3]) == ("A1", "B1", "C1")
    assert isinstance(done[2], ValueError)


async def test_a_database_that_is_away_is_asked_once_for_all() -> None:
    work = Work()
    groups = groups_of(work)
    first = await start(groups, ["a1"])
    tasks = await start(groups, ["b1", "down"])
    work.may_go_on.set()
    await asyncio.gather(*first)
    for task in tasks:
        with pytest.raises(UnavailableError):
            await task
    assert len(work.groups) == 2


async def test_who_goes_away_takes_nobody_along() -> None:
    work = Work()
    groups = groups_of(work)
    first = await start(groups, ["a1"])
    gone, stays = await start(groups, ["b1", "c1"])
    gone.cancel()
    work.may_go_on.set()
    assert await stays == "C1"
    await groups.close()
    assert work.groups[1] == ["b1", "c1"]  # its work was done nevertheless
    assert await first[0] == "A1"
