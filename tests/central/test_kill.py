"""Killed at any moment, central has told "stored" of nothing it does not have, and has nothing twice."""

from __future__ import annotations

import asyncio
import os
import random
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
from sqlalchemy import func, select

from poller.central.keys import Keys
from poller.central.office.administration import Administration
from poller.central.store.database import Database
from poller.central.store.tables import batch, line
from poller.clock import SystemClock
from tests.central.agent import TestAgent
from tests.central.running import on_postgresql
from tests.conftest import ROOT

KILLS = int(os.environ.get("TEST_KILLS", "40")) // 8
"""On each database; a start of central takes a second, and more where all tests run: of CI's 200 it is 25 and 25."""
LINES = 40


class Served:
    """`poller central serve` as a process; `port` is another at each start."""

    def __init__(self, folder: Path, url: str) -> None:
        self._folder, self.url = folder, url
        self._process: asyncio.subprocess.Process | None = None
        self.port = 0

    async def start(self) -> None:
        environ = {name: value for name, value in os.environ.items() if not name.startswith("POLLER")} | {
            "POLLERCENTRAL_SERVER_LISTEN": "127.0.0.1:0",
            "POLLERCENTRAL_SERVER_METRICS_LISTEN": "none",
            "POLLERCENTRAL_SERVER_REQUESTS_PER_SECOND": "10000",
            "POLLERCENTRAL_DATABASE_URL": self.url,
        }
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "poller", "central", "serve"),
            cwd=self._folder,
            env=environ | {"PYTHONPATH": str(ROOT)},
            stderr=asyncio.subprocess.PIPE,
        )
        assert self._process.stderr is not None
        async for said in self._process.stderr:
            if found := re.search(rb"event=central.started .*?\bport=(\d+)", said):
                self.port = int(found[1])
                return
        raise AssertionError("it ended before it began")

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.returncode is None

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
async def served(tmp_path: Path, database_url: str) -> AsyncIterator[Served]:
    one = Served(tmp_path, database_url)
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
            assert acknowledged <= (await stored(served)).keys()
            await served.start()
            agent.address = f"http://127.0.0.1:{served.port}"
        for number in bodies:  # all of them once more: an agent that lost every answer
            await send(number)
        assert acknowledged == set(bodies)
        assert await served.end(signal.SIGTERM) == 0
    assert await stored(served) == dict.fromkeys(bodies, LINES)


@on_postgresql
async def test_two_receive_at_once_and_one_is_killed_and_nothing_is_lost_or_doubled(served: Served, tmp_path: Path) -> None:
    other = Served(tmp_path, served.url)
    await other.start()
    acknowledged: set[int] = set()
    first_words: list[str] = []
    async with aiohttp.ClientSession() as session:
        agent = await enrolled(tmp_path, served, session)
        bodies = {number: agent.batch(number, [b'{"type":"event","number":%d}' % number] * LINES) for number in range(1, 61)}
        requests = {number: agent.sign("POST", f"/v1/batches/{number}", body) for number, body in bodies.items()}
        origin = {process: f"http://127.0.0.1:{process.port}" for process in (served, other)}

        async def send(number: int, process: Served) -> None:
            with suppress(aiohttp.ClientError):
                request = requests[number]
                async with session.post(origin[process] + request.path, data=request.body, headers=request.headers) as response:
                    word = (await response.json())["result"]
                first_words.append(word)
                acknowledged.add(number)
                if len(first_words) == 20 and other.is_running:
                    await other.end(signal.SIGKILL)

        # Every batch goes to both at the same time: an agent whose connection broke, and which came back by another way.
        await asyncio.gather(*(send(number, process) for number in bodies for process in (served, other)))
        assert not other.is_running
        assert set(first_words) <= {"stored", "duplicate"}
        assert acknowledged == set(bodies)  # the one that lives took all of them
    assert await stored(served) == dict.fromkeys(bodies, LINES)
    assert await served.end(signal.SIGTERM) == 0


async def enrolled(folder: Path, served: Served, session: aiohttp.ClientSession) -> TestAgent:
    address, clock = f"http://127.0.0.1:{served.port}", SystemClock()
    database = Database.open(served.url)
    office = Administration(database, Keys(folder / "central-data" / "keys").load(), who="test")
    await office.add_account("acme", now_utc=clock.utc())
    await office.add_site("acme", "hamburg", now_utc=clock.utc())
    token = await office.new_token("acme", "hamburg", address=address, valid=timedelta(hours=1), now_utc=clock.utc())
    await database.close()
    agent = TestAgent(address, session)
    assert (await agent.enrol(token)).is_proven
    return agent


async def stored(served: Served) -> dict[int, int]:
    """Return the batches that are there, as whoever starts next will find them, each with how many lines it has."""
    database = Database.open(served.url)
    try:
        async with database.reading() as db:
            query = select(batch.c.number, func.count(line.c.number)).outerjoin_from(
                batch, line, (line.c.account == batch.c.account) & (line.c.agent == batch.c.agent) & (line.c.number == batch.c.number)
            )
            found = await db.execute(query.group_by(batch.c.number))
            return {row[0]: row[1] for row in found}
    finally:
        await database.close()
