"""An outbox and its courier as a process, to be killed anywhere: python -m tests.whole.killed_site FOLDER FIRST PAUSE [COUNT]

It enrols by the token in the file FOLDER/token, or goes on as who it is. It records numbered lines from FIRST on, with PAUSE seconds
between two calls, and appends to FOLDER/recorded, synced, which numbers a call of `record` returned for. With COUNT it records so many, and
ends when central has everything; else it goes on until it is killed. FOLDER/stage says in one word what the courier was at, for whoever
wants to know where it was hit.
"""

from __future__ import annotations

import asyncio
import mmap
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from poller.clock import SystemClock
from poller.config import Proxies, Received
from poller.outbox.forming import Seal
from poller.outbox.outbox import Batch, Outbox
from poller.sealing.token import Token
from poller.upload.client import CentralClient
from poller.upload.courier import Counts, Courier, Pace, Vitals
from poller.upload.identity import Papers
from tests.outbox.killed_outbox import append
from tests.outbox.parts import KEY, LIMIT_BYTES, line

SIZES = (1, 3, 40, 7)
"""Lines of a call, in turn."""
_STAGE_BYTES = 16


class Stage:
    """A word in memory that outlives whoever wrote it."""

    def __init__(self, path: Path) -> None:
        path.touch()
        with path.open("r+b") as file:
            file.truncate(_STAGE_BYTES)
            self._memory = mmap.mmap(file.fileno(), _STAGE_BYTES)
        self.set("starting")

    def set(self, word: str) -> None:
        self._memory[:] = word.encode().ljust(_STAGE_BYTES)

    @contextmanager
    def at(self, word: str) -> Iterator[None]:
        self.set(word)
        try:
            yield
        finally:
            self.set("between")


def read_stage(folder: Path) -> str:
    path = folder / "stage"
    return path.read_text().strip() if path.exists() else "starting"


class Staged:
    """The outbox as its courier has it, which says what it is at."""

    def __init__(self, outbox: Outbox, stage: Stage) -> None:
        self._outbox, self._stage = outbox, stage
        self.is_to_end = False
        self.is_empty = asyncio.Event()
        """Set once nothing waits, after `is_to_end` was."""

    async def seal_next(self, seal: Seal) -> Batch | None:
        with self._stage.at("sealing"):
            return await self._outbox.seal_next(seal)

    async def waiting_batches(self) -> Sequence[Batch]:
        batches = await self._outbox.waiting_batches()
        self._stage.set("sending" if batches else "between")
        if self.is_to_end and not batches and not self._outbox.status().lines:  # the last may have come since there was nothing to seal
            self.is_empty.set()
        return batches

    async def settle(self, number: int) -> None:
        with self._stage.at("settling"):
            await self._outbox.settle(number)
        self._stage.set("sending")

    async def quarantine(self, number: int, reason: str) -> None:
        raise AssertionError(f"a good batch was refused: {reason}")

    async def note_trouble(self, number: int, reason: str) -> None:
        with self._stage.at("waiting"):
            await self._outbox.note_trouble(number, reason)
        self._stage.set("waiting")


class House:
    """What the agent is to its courier, as little as can be."""

    def vitals(self) -> Vitals:
        return Vitals(printers=1, silent=0)

    def counts(self) -> Counts:
        return Counts(0, 0)

    def date(self, at: float, /) -> datetime | None:
        return None

    async def take(self, received: Received, /) -> str | None:
        return "none are expected"


async def main(folder: Path, first: int, pause_seconds: float, count: int | None) -> None:
    clock, stage = SystemClock(), Stage(folder / "stage")
    token = (folder / "token").read_text()
    outbox = await Outbox.open(folder / "outbox.db", KEY, clock, limit_bytes=LIMIT_BYTES)
    staged, papers = Staged(outbox, stage), Papers(folder / "central")
    courier = Courier(
        CentralClient(Token.parse(token).address, clock, proxies=Proxies(is_none=True), total_seconds=10.0),
        papers,
        clock,
        House(),
        outbox=staged,
        pace=Pace(every_seconds=0.05),
        token=token,
        dice=lambda: 0.0,  # the shortest pause there is: a second
    )
    stage.set("enrolling" if papers.read() is None else "between")

    async def record() -> None:
        at, calls = first, 0
        while count is None or at < first + count:
            size = SIZES[calls % len(SIZES)]
            await outbox.record([line(1, after=timedelta(minutes=number), pages=number) for number in range(at, at + size)])
            append(folder / "recorded", f"{at} {at + size}\n")
            at, calls = at + size, calls + 1
            await asyncio.sleep(pause_seconds)
        staged.is_to_end = True
        await staged.is_empty.wait()
        courier.stop()

    async with asyncio.TaskGroup() as group:
        group.create_task(record())
        group.create_task(courier.run())
    await outbox.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]) if len(sys.argv) > 4 else None))
