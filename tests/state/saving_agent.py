"""A process that saves a fleet and stops dead in the middle, to be killed there: python -m tests.state.saving_agent FOLDER COUNT STOP_AT

It saves generation 0, then generation 1, of which the printer numbered STOP_AT (from 1) never gets sealed: "half" is printed instead.
With STOP_AT beyond COUNT the save is committed, and "committed" printed.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from pathlib import Path

from poller.clock import SystemClock
from poller.sealing.local_key import LocalKey
from poller.state.store import StateStore
from tests.engine.remembered_fleet import fleet

KEY = bytes(range(32))


class StoppingKey(LocalKey):
    """Seals so many values; the next one it never finishes."""

    __slots__ = ("left",)

    def __init__(self, key: bytes) -> None:
        super().__init__(key)
        self.left = sys.maxsize

    def seal(self, plain: bytes, about: bytes) -> bytes:
        self.left -= 1
        if not self.left:
            say("half")
        return super().seal(plain, about)


def say(word: str) -> None:
    print(word, flush=True)  # noqa: T201  whoever kills us waits for it
    threading.Event().wait()


async def main(folder: Path, count: int, stop_at: int) -> None:
    key = StoppingKey(KEY)
    store = await StateStore.open(folder / "state.db", key, SystemClock())
    assert await store.save(fleet(count))
    key.left = stop_at
    assert await store.save(fleet(count, grown=1))
    say("committed")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
