"""Turns: so many at a time, account by account. Counted, not timed."""

from __future__ import annotations

import asyncio

from poller.central.receiving.turns import Turns


async def run(turns: Turns, account: str, order: list[str], go: asyncio.Event) -> None:
    async with turns.of(account):
        order.append(account)
        await go.wait()


async def test_one_of_another_account_is_the_next_however_many_wait() -> None:
    turns, go = Turns(2), asyncio.Event()
    order: list[str] = []
    flood = [asyncio.create_task(run(turns, "a", order, go)) for _ in range(100)]
    await asyncio.sleep(0)
    other = asyncio.create_task(run(turns, "b", order, go))
    await asyncio.sleep(0)
    assert order == ["a", "a"]  # so many places there are
    go.set()
    await asyncio.gather(other, *flood)
    assert order.index("b") <= 4
    assert len(order) == 101


async def test_who_is_called_off_while_waiting_leaves_the_place_to_the_next() -> None:
    turns, go = Turns(1), asyncio.Event()
    order: list[str] = []
    first = asyncio.create_task(run(turns, "a", order, go))
    await asyncio.sleep(0)
    gone, stays = (asyncio.create_task(run(turns, name, order, go)) for name in "bc")
    await asyncio.sleep(0)
    gone.cancel()
    go.set()
    await asyncio.gather(first, stays)
    assert order == ["a", "c"]
    async with turns.of("d"):  # the place is free again
        pass


async def test_who_is_called_off_as_it_is_let_in_gives_its_place_back() -> None:
    turns, go = Turns(1), asyncio.Event()
    order: list[str] = []
    async with turns.of("a"):
        task = asyncio.create_task(run(turns, "b", order, go))
        await asyncio.sleep(0)
    task.cancel()  # its turn has come, it has not yet run
    await asyncio.wait([task])
    assert order == []
    async with asyncio.timeout(5), turns.of("c"):
        pass
