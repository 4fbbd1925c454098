"""The outbox from record to receipt: readings recorded durably, sealed to central's key, settled; and how long one waits for its commit.

Three things at once, as in the agent: the handover's way in (calls of 500 lines), a courier that seals and settles, and single readings in
between, each timed. The file is in the folder for temporary files; where that is no real disk, the note's figure for one durable write
says so.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import msgspec

from poller.bench import children
from poller.bench.children import Figures
from poller.bench.runs import Runs
from poller.bench.scrape import choose_recordings, make_printers
from poller.bench.table import Goal, Result
from poller.clock import SystemClock
from poller.engine.handover import Line
from poller.engine.notable import Reason
from poller.outbox.outbox import Outbox
from poller.sealing import envelope
from poller.sealing.envelope import Kind
from poller.sealing.keys import SealingKey
from poller.sealing.local_key import LocalKey

GOALS = (
    Goal(
        row="outbox",
        work="outbox: readings recorded durably, sealed, settled",
        unit="readings/s",
        beside="limit",
        sense=">=",
        value=1.0,
        limit=10_000.0,
    ),
    Goal(
        row="outbox",
        work="outbox: longest wait of a reading for its commit",
        unit="ms",
        beside="limit",
        sense="<=",
        limit=50.0,
    ),
)

_READINGS, _PRINTERS = 30_000, 500
_CALL_LINES = 500  # what the handover gives at once
_AGENT_ID = "a-bench"
_LIMIT_BYTES = 4 << 30
_SYNCS = 20
_SECONDS_MAX = 300.0


def run(runs: Runs) -> Iterator[Result]:
    paths, whose = choose_recordings(runs)
    rates, waits, notes = [], [], []
    for _ in runs.each("outbox"):
        with tempfile.TemporaryDirectory(prefix="poller-bench-") as folder:
            figures = children.measure("poller.bench.outbox", folder, _READINGS, _PRINTERS, *paths, timeout_seconds=_SECONDS_MAX)
        rates.append(figures["per_second"])
        waits.append(figures["wait_ms_max"])
        notes.append(figures)
    last = notes[-1]
    note = (
        f"{whose}; {last['bytes_each']:,.0f} bytes a reading; median wait {last['wait_ms_median']:.1f} ms, "
        f"one durable write of this disk {last['sync_ms']:.1f} ms"
    )
    yield GOALS[0].judge(rates, note=note)
    yield GOALS[1].judge(waits)


async def measure(folder: str, readings: str, printers: str, *paths: str) -> Figures:
    """Take that many readings through a new outbox in *folder*."""
    lines = _lines(int(readings), int(printers), paths)
    central = SealingKey.generate()
    sync_ms = _sync_ms(Path(folder))
    outbox = await Outbox.open(Path(folder) / "outbox.db", LocalKey(os.urandom(32)), SystemClock(), limit_bytes=_LIMIT_BYTES)

    def seal(number: int, of: Sequence[bytes]) -> bytes:
        return envelope.seal(of, to=central.public, kind=Kind.READINGS, agent_id=_AGENT_ID, number=number)

    waits: list[float] = []
    settled = 0
    is_recorded = asyncio.Event()

    async def record() -> None:
        for at in range(0, len(lines), _CALL_LINES):
            await outbox.record(lines[at : at + _CALL_LINES])
        is_recorded.set()

    async def drip() -> None:
        for line in single:
            began_at = time.perf_counter()
            await outbox.record([line])
            waits.append(time.perf_counter() - began_at)

    async def carry() -> None:
        nonlocal settled
        while not is_recorded.is_set() or outbox.status().lines:
            batch = await outbox.seal_next(seal)
            if batch is None:
                await asyncio.sleep(0.001)  # nothing to carry yet
                continue
            await outbox.settle(batch.number)
            settled += batch.lines

    try:
        single, lines = lines[:200], lines[200:]
        began_at = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            group.create_task(record(), name="record")
            group.create_task(drip(), name="drip")
            group.create_task(carry(), name="carry")
        seconds = time.perf_counter() - began_at
    finally:
        await outbox.close()
    assert settled == len(lines) + len(single)
    waits.sort()
    return {
        "per_second": settled / seconds,
        "wait_ms_max": waits[-1] * 1e3,
        "wait_ms_median": waits[len(waits) // 2] * 1e3,
        "bytes_each": sum(len(line.json) for line in lines) / len(lines),
        "sync_ms": sync_ms,
    }


def _lines(readings: int, printers: int, paths: Sequence[str]) -> list[Line]:
    """Return readings of so many printers, one a minute of each."""
    fleet = [one.decoded.reading for one in make_printers(printers, 161, paths)]
    lines = []
    for number in range(readings):
        round_number, place = divmod(number, len(fleet))
        reading = msgspec.structs.replace(fleet[place], taken_at=fleet[place].taken_at + timedelta(minutes=round_number))
        lines.append(Line(reading.printer.id, reading.taken_at, Reason.INTERVAL, msgspec.json.encode(reading)))
    return lines


def _sync_ms(folder: Path) -> float:
    """Return what one small durable write takes on this disk: the floor of every commit."""
    times = []
    with (folder / "sync").open("wb") as file:
        for _ in range(_SYNCS):
            began_at = time.perf_counter()
            file.write(bytes(4096))
            file.flush()
            os.fsync(file.fileno())
            times.append(time.perf_counter() - began_at)
    return sorted(times)[len(times) // 2] * 1e3


if __name__ == "__main__":
    children.answer(measure)
