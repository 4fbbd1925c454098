"""Writes down what changed, every few seconds: enough that a restart finds the fleet as it was, seldom enough for a memory card.

What could not be written is kept and tried again; what changed twice meanwhile is written once. At most so many printers are taken at a
time, since each is made into a value in the event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Protocol

from poller.engine.remembered import Remembered
from poller.state.store import StateStore

_EVERY_SECONDS = 5.0
_TURNS_PER_MARK = 12
_PRINTERS_MAX = 250  # some milliseconds of the event loop's time
_WAITING_MAX = 20_000  # while nothing can be written; beyond it the oldest wait for their printer's next poll


class Changing(Protocol):
    """Who knows what changed: the polling crew."""

    def take_changes(self, count_max: int) -> tuple[list[Remembered], list[str]]:
        """Return at most *count_max* printers that changed since they were last taken, and the ids of those that are no more."""
        ...


class Keeper:
    """Runs beside the crew; `finish` writes the rest once the crew has stopped.

    *sweep_mark* says where the sweep is, None before the first; it may be large (one bit per address), so it is written once a minute.
    """

    def __init__(
        self,
        store: StateStore,
        crew: Changing,
        sweep_mark: Callable[[], bytes | None],
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store, self._crew, self._sweep_mark, self._sleep = store, crew, sweep_mark, sleep
        self._changed: dict[str, Remembered] = {}
        self._removed: dict[str, None] = {}
        self._mark_written: bytes | None = None

    async def run(self) -> None:
        """Write for ever; cancelled at the end."""
        for turn in count(1):
            await self._sleep(_EVERY_SECONDS)
            await self._write_printers()
            if turn % _TURNS_PER_MARK == 0:
                await self._write_mark()

    async def finish(self) -> None:
        """Write all there is now."""
        await self._write_printers()
        await self._write_mark()

    async def _write_printers(self) -> None:
        while self._take() and await self._write():
            pass

    async def _write_mark(self) -> None:
        mark = self._sweep_mark()
        if mark is not None and mark != self._mark_written and await self._store.save_sweep(mark):
            self._mark_written = mark

    def _take(self) -> bool:
        """Add what changed to what waits; return whether anything waits."""
        changed, removed = self._crew.take_changes(_PRINTERS_MAX)
        for printer_id in removed:
            self._changed.pop(printer_id, None)
            self._removed[printer_id] = None
        for one in changed:
            self._removed.pop(one.printer.id, None)
            self._changed[one.printer.id] = one
        while len(self._changed) > _WAITING_MAX:
            del self._changed[next(iter(self._changed))]
        return bool(self._changed or self._removed)

    async def _write(self) -> bool:
        """Write what waits; return whether that went well."""
        if not await self._store.save(self._changed.values(), self._removed):
            return False
        self._changed.clear()
        self._removed.clear()
        return True
