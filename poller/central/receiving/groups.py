"""What many ask at once, done at once: a look-up for fifty requests is one statement, fifty batches are one commit.

Nobody waits for a group to fill. Whoever comes while nothing is under way is a group of one; what comes meanwhile is the next group. So it
costs nothing at rest, and the busier it gets the less each one costs.

A group takes from each *owner* in turn: one account that sends a thousand is one in the line, and another that sends one is in the next
group. What fails in a group is tried again alone, so that it fails for nobody else.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from poller.central.store.database import UnavailableError

T = TypeVar("T")
R = TypeVar("R")


class Groups(Generic[T, R]):
    """*work* takes a group and returns what came of each, in their order; *at_once* groups are under way at a time.

    A group has at most *count_max*, and at most *weight_max* by *weigh*, but for a single one that is heavier.
    """

    def __init__(
        self,
        work: Callable[[Sequence[T]], Awaitable[Sequence[R]]],
        *,
        at_once: int,
        count_max: int,
        owner: Callable[[T], str] = lambda _: "",
        weigh: Callable[[T], int] = lambda _: 1,
        weight_max: int | None = None,
    ) -> None:
        self._work, self._at_once, self._count_max = work, at_once, count_max
        self._owner, self._weigh, self._weight_max = owner, weigh, weight_max or count_max
        self._waiting: OrderedDict[str, deque[tuple[T, asyncio.Future[R]]]] = OrderedDict()
        self._under_way: set[asyncio.Task[None]] = set()

    async def do(self, one: T) -> R:
        """Return what came of *one*. Raises what *work* raises. Cancelled, it is done nevertheless: others are in its group."""
        done: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(self._owner(one), deque()).append((one, done))
        if len(self._under_way) < self._at_once:
            task = asyncio.create_task(self._go_on(), name="group")
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        return await done

    async def close(self) -> None:
        """Return when all that was begun is done."""
        while self._under_way:
            await asyncio.wait(self._under_way)

    def take(self) -> list[tuple[T, asyncio.Future[R]]]:
        """Return the next group: one of each owner in turn, as long as there is room."""
        group: list[tuple[T, asyncio.Future[R]]] = []
        weight = 0
        while self._waiting and len(group) < self._count_max:
            owner, theirs = next(iter(self._waiting.items()))
            weight += self._weigh(theirs[0][0])
            if group and weight > self._weight_max:
                break
            group.append(theirs.popleft())
            self._waiting.move_to_end(owner)
            if not theirs:
                del self._waiting[owner]
        return group

    async def _go_on(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        try:
            while group := self.take():
                await self._do(group)
        finally:  # in the very step that found nobody waiting: who comes in the next one must not wait for a task that is over
            self._under_way.discard(task)

    async def _do(self, group: Sequence[tuple[T, asyncio.Future[R]]]) -> None:
        try:
            results = await self._work([one for one, _ in group])
        except UnavailableError as error:
            for _, done in group:
                _fail(done, error)
        except Exception as error:  # noqa: BLE001  whoever waits gets it
            if len(group) == 1:
                _fail(group[0][1], error)
                return
            for one in group:
                await self._do([one])
        else:
            for (_, done), result in zip(group, results, strict=True):
                if not done.done():
                    done.set_result(result)


def _fail(done: asyncio.Future[R], error: Exception) -> None:
    if not done.done():
        done.set_exception(error)
