"""Killed at any moment, central has told "stored" of nothing it does not have, and has nothing twice."""

from __future__ import annotations

import asyncio
import os
import random
import re
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest

from poller.central.administration import Administration
from poller.central.keys import Keys
from poller.central.store.database import Database
from poller.clock import SystemClock
from tests.central.agent import TestAgent
from tests.conftest import ROOT

KILLS = int(os.environ.get("POLLER_TEST_KILLS", "5"))
LINES = 40


class Served:
    """`poller central serve` as a process; `port` is another at each start."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None
        self.port = 0

    async def start(self) -> None:
        environ = {name: value for name, value in os.environ.items() if not name.startswith("POLLER")} | {
            "POLLERCENTRAL_SERVER_LISTEN": "127.0.0.1:0",
            "POLLERCENTRAL_SERVER_METRICS_LISTEN": "none",
            "POLLERCENTRAL_SERVER_REQUESTS_PER_SECOND": "10000",
        }
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "poller", "central", "serve"),
            cwd=self._folder,
            env=environ | {"PYTHONPATH": str(ROOT)},
            stderr=asyncio.subprocess.PIPE,
        )
        assert self._process.stderr is not None
        async for line in self._process.stderr:
            if found := re.search(rb"event=central.started .*?\bport=(\d+)", line):
                self.port = int(found[1])
                return
        raise AssertionError("it ended before it began")

    async def give_up(self) -> None:
        """End it, whatever became of the test."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.communicate()

    async def end(self, number: signal.Signals) -> int:
        """Send a signal, and return the exit code."""
        assert self._process is not None
        self._process.send_signal(number)
        await self._process.communicate()
        assert self._process.returncode is not None
        return self._process.returncode


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    one = Served(tmp_path)
    await one.start()
    yield one
    await one.give_up()


async def test_batches_sent_while_it_is_killed_again_and_again_are_there_once(served: Served, tmp_path: Path) -> None:
    dice = random.Random(7)
    acknowledged: set[int] = set()
    async with aiohttp.ClientSession() as session:
        agent = await enrolled(tmp_path, served, session)
        bodies = {number: agent.batch(number, [b'{"type":"event","number":%d}' % number] * LINES) for number in range(1, 1 + 12 * KILLS)}

        async def send(number: int) -> None:
            with suppress(aiohttp.ClientError):
                answered = await agent.send(number, bodies[number])
                assert (answered.word, answered.is_proven) in {("stored", True), ("duplicate", True)}, answered
                acknowledged.add(number)

        for _ in range(KILLS):
            waiting = [number for number in bodies if number not in acknowledged][:12]
            senders = [asyncio.create_task(send(number)) for number in waiting]
            before, wanted = len(acknowledged), dice.randrange(len(waiting))
            while len(acknowledged) - before < wanted:
                await asyncio.wait([one for one in senders if not one.done()], return_when=asyncio.FIRST_COMPLETED)
            assert await served.end(signal.SIGKILL) == -signal.SIGKILL
            await asyncio.gather(*senders)
            assert acknowledged <= stored(tmp_path)
            await served.start()
            agent.address = f"http://127.0.0.1:{served.port}"
        for number in bodies:  # all of them once more: an agent that lost every answer
            await send(number)
        assert acknowledged == set(bodies)
        assert await served.end(signal.SIGTERM) == 0
    with sqlite3.connect(tmp_path / "central-data" / "central.db") as db:
        per_batch = db.execute("SELECT number, count(*) FROM line GROUP BY number").fetchall()
    db.close()
    assert dict(per_batch) == dict.fromkeys(bodies, LINES)


async def enrolled(folder: Path, served: Served, session: aiohttp.ClientSession) -> TestAgent:
    address, clock = f"http://127.0.0.1:{served.port}", SystemClock()
    database = Database.open(f"sqlite:///{folder / 'central-data' / 'central.db'}")
    office = Administration(database, Keys(folder / "central-data" / "keys").load(), who="test")
    await office.add_account("acme", now_utc=clock.utc())
    await office.add_site("acme", "hamburg", now_utc=clock.utc())
    token = await office.new_token("acme", "hamburg", address=address, valid=timedelta(hours=1), now_utc=clock.utc())
    await database.close()
    agent = TestAgent(address, session)
    assert (await agent.enrol(token)).is_proven
    return agent


def stored(folder: Path) -> set[int]:
    """Return the batches that are in the file, as whoever starts next will find it."""
    db = sqlite3.connect(folder / "central-data" / "central.db")
    try:
        return {number for (number,) in db.execute("SELECT number FROM batch")}
    finally:
        db.close()
