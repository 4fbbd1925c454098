"""A process with an outbox, to be killed anywhere: python -m tests.outbox.killed_outbox FOLDER FIRST COUNT

It records COUNT numbered lines from FIRST on, in calls of several sizes, and seals and settles beside it. It appends to two files what it
knows for certain: `recorded`, the numbers a call of `record` returned for, and `central`, the batches a central would hold, written and
synced before they are settled. A batch is sent before it is settled, and after a restart again: `central` may name a number twice, with the
same bytes.
"""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

from poller.clock import SystemClock
from poller.outbox.outbox import Batch, Outbox
from tests.fake_clock import START_UTC
from tests.outbox.parts import KEY, LIMIT_BYTES, content, line, plainly, taken


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def number_of(body: bytes) -> int:
    """Return which line this is: each was taken a minute after the one before it."""
    return round((taken(body) - START_UTC) / timedelta(minutes=1))


def deliver(folder: Path, batch: Batch) -> None:
    numbers = " ".join(str(number_of(one)) for one in content(batch.body))
    append(folder / "central", f"{batch.number} {sha256(batch.body).hexdigest()} {numbers}\n")


async def main(folder: Path, first: int, count: int) -> None:
    outbox = await Outbox.open(folder / "outbox.db", KEY, SystemClock(), limit_bytes=LIMIT_BYTES)
    for batch in await outbox.waiting_batches():
        deliver(folder, batch)
        await outbox.settle(batch.number)
    print("open", flush=True)  # noqa: T201  whoever kills us waits for it

    async def record() -> None:
        at = first
        while at < first + count:
            size = 1 + at % 7
            await outbox.record([line(1, after=timedelta(minutes=number), pages=number) for number in range(at, at + size)])
            append(folder / "recorded", f"{at} {at + size}\n")
            at += size

    async def carry() -> None:
        while not recording.done() or outbox.status().lines:
            if (batch := await outbox.seal_next(plainly)) is None:
                await asyncio.sleep(0)
                continue
            deliver(folder, batch)
            await outbox.settle(batch.number)

    async with asyncio.TaskGroup() as group:
        recording = group.create_task(record())
        group.create_task(carry())
    await outbox.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
