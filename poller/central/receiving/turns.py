"""So many at a time, and who waits is let in account by account: a thousand of one account are in nobody's way but its own."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """*places* may be taken at a time. Of those who wait, the next is of the account that was let in longest ago."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @asynccontextmanager
    async def of(self, account: str) -> AsyncIterator[None]:
        """Hold a place inside the block."""
        await self._enter(account)
        try:
            yield
        finally:
            self._leave()

    async def _enter(self, account: str) -> None:
        if self._free and not self._waiting:
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(account, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # let in and called off in the same moment: the place goes on
                self._leave()
            raise

    def _leave(self) -> None:
        while self._waiting:
            account, theirs = next(iter(self._waiting.items()))
            turn = theirs.popleft()
            self._waiting.move_to_end(account)
            if not theirs:
                del self._waiting[account]
            if not turn.done():  # not called off
                turn.set_result(None)
                return
        self._free += 1
