"""A whole agent that polls and uploads as often as it may, and what is in its state folder once it has ended."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

from poller.sealing.local_key import LocalKey
from poller.simulator.server import Simulator
from tests.outbox.parts import content, opened, plainly
from tests.whole.processes import poller


def agent_settings(simulator: Simulator, state: Path) -> dict[str, str]:
    return {
        "POLLER_RANGE_0_NETWORKS": str(simulator.fleet.network),
        "POLLER_RANGE_0_PORT": str(simulator.port),
        "POLLER_SWEEP_RATE": "2000",
        "POLLER_SWEEP_TIMEOUT": "500ms",
        "POLLER_POLL_EVERY": "10s",
        "POLLER_EXPORTER_LISTEN": "127.0.0.1:0",
        "POLLER_STATE_FOLDER": str(state),
        "POLLER_TRAPS_LISTEN": "none",
        "POLLER_OUTBOX_CONTROL_COPY": "1d",
        "POLLER_CENTRAL_EVERY": "10s",
    }


def copies(state: Path) -> set[bytes]:
    """Return every line that was sealed, by the copy in clear."""
    return {body for file in (state / "control-copy").glob("batch-*.ndjson") for body in file.read_bytes().splitlines()}


class Left(NamedTuple):
    """What an outbox holds: lines of batches, which central may have although it was not heard saying so, and lines nobody has sealed."""

    sealed: set[bytes]
    unsealed: set[bytes]


async def left_in(state: Path) -> Left:
    """Return what waits in the outbox, and empty it."""
    left = Left(set(), set())
    async with opened(state / "outbox.db", key=LocalKey.open_or_create(state / "local.key")) as outbox:
        for waiting in await outbox.waiting_batches():
            left.sealed.update((state / "control-copy" / f"batch-{waiting.number}.ndjson").read_bytes().splitlines())
            await outbox.settle(waiting.number)
        while (batch := await outbox.seal_next(plainly)) is not None:
            left.unsealed.update(content(batch.body))
            await outbox.settle(batch.number)
    return left


async def history(state: Path) -> set[tuple[str, str]]:
    """Return printer and time of the last reading of each day, as `poller outbox export` has them."""
    done = await poller("outbox", "export", "--format", "json", env={"POLLER_STATE_FOLDER": str(state)})
    assert done.code == 0, done.err
    return {(day["printer"], day["taken_at"]) for day in map(json.loads, done.out.splitlines())}


def name_of(body: bytes) -> tuple[str, str]:
    reading = json.loads(body)
    return reading["printer"]["id"], reading["taken_at"]
