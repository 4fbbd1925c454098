"""Processes to kill, and the moments to do it at."""

from __future__ import annotations

import asyncio
import re
import signal
import sqlite3
import sys
from collections import Counter as Tally
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, closing
from datetime import timedelta
from pathlib import Path
from random import Random

from poller.central.keys import Keys
from poller.central.office.administration import Administration
from poller.central.store.database import Database
from poller.clock import SystemClock
from poller.sealing import zstd
from tests.whole.processes import environment
from tests.whole.relay import Passage

MOMENTS = {"request half sent": 0.0, "request sent": 0.02, "answer not delivered": 0.0, "answer delivered": 0.02, "any": 1.0}
"""When to kill, and how many seconds later at most."""
DATABASE = Path("central-data", "central.db")
"""Where a central that nobody told otherwise keeps it, from the folder it is started in."""
_MOMENT_SECONDS_MAX = 30.0


class Killable:
    """A program, started again and again. `ready`, if any, is what it writes once it runs; `found` is what that holds in brackets."""

    def __init__(self, *command: str, folder: Path, env: Mapping[str, str] | None = None, ready: str | None = None) -> None:
        self._command, self._folder, self._env, self._ready = command, folder, env, ready
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._is_ready = asyncio.Event()
        self.found = ""
        self.log: list[str] = []

    async def start(self, *more: str) -> None:
        self._is_ready.clear()
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", *self._command, *more),
            cwd=self._folder,
            env=environment(self._env),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        self._reading = asyncio.create_task(self._read(self._process))
        if self._ready is not None:
            await self._is_ready.wait()
            assert self.found, self.log[-20:]

    async def kill(self) -> None:
        assert await self.end(signal.SIGKILL) == -signal.SIGKILL, self.log[-20:]

    async def end(self, number: signal.Signals | None = None) -> int:
        """Send a signal, or none, wait for the end and return the exit code."""
        assert self._process is not None
        assert self._reading is not None
        if number is not None and self._process.returncode is None:
            self._process.send_signal(number)
        code = await self._process.wait()
        await self._reading
        return code

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            self.log.append(line.decode(errors="replace").rstrip())
            if self._ready is not None and (found := re.search(self._ready, self.log[-1])):
                self.found = found[1]
                self._is_ready.set()
        self._is_ready.set()

    @asynccontextmanager
    async def ended_after(self) -> AsyncIterator[None]:
        try:
            yield
        finally:
            if self._process is not None:
                await self.end(signal.SIGKILL)


def central_in(folder: Path) -> Killable:
    """Return `poller central serve` in this folder; once it is started `found` is its port."""
    env = {
        "POLLERCENTRAL_SERVER_LISTEN": "127.0.0.1:0",
        "POLLERCENTRAL_SERVER_METRICS_LISTEN": "none",
        "POLLERCENTRAL_SERVER_REQUESTS_PER_SECOND": "10000",
    }
    return Killable("poller", "central", "serve", folder=folder, env=env, ready=r"event=central.started .*?\bport=(\d+)")


async def new_token(folder: Path, address: str) -> str:
    """Return a token of the central that runs in *folder*, by which an agent comes to *address*."""
    clock, file = SystemClock(), folder / DATABASE
    database = Database.open(f"sqlite:///{file}")
    office = Administration(database, Keys(file.parent / "keys").load(), who="test")
    await office.add_account("acme", now_utc=clock.utc())
    await office.add_site("acme", "hamburg", now_utc=clock.utc())
    token = await office.new_token("acme", "hamburg", address=address, valid=timedelta(hours=1), now_utc=clock.utc())
    await database.close()
    return token.reveal()


def lines_at(database: Path) -> Tally[bytes]:
    """Return what a central that has ended has stored, each line with how often it is there. Its file has to be whole."""
    with closing(sqlite3.connect(database)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        packed = db.execute("SELECT body, plain_bytes FROM content").fetchall()
        lines = Tally(line for body, size in packed for line in zstd.decompress(body, size=size).splitlines())
        assert db.execute("SELECT number, position, fault FROM line WHERE fault IS NOT NULL").fetchall() == []
        assert db.execute("SELECT count(*) FROM line").fetchone() == (lines.total(),)
    return lines


class Moments:
    """How the relay treats requests: it passes them on, and holds still at the moment that was asked for while somebody is killed."""

    def __init__(self, dice: Random) -> None:
        self._dice = dice
        self._wanted: tuple[str, Callable[[], Awaitable[None]], asyncio.Event] | None = None
        self.is_for_batches = False
        """Whether only a batch under way counts; else an enrolment or a heartbeat, too."""
        self.place = "idle"
        """How far the request under way has come."""

    async def kill(self, moment: str, kill: Callable[[], Awaitable[None]]) -> None:
        """Await *kill* at the next such moment, and a little later."""
        if moment == "any":
            await asyncio.sleep(self._dice.random() * MOMENTS[moment])
            await kill()
            return
        done = asyncio.Event()
        self._wanted = moment, kill, done
        async with asyncio.timeout(_MOMENT_SECONDS_MAX):
            await done.wait()

    async def treat(self, passage: Passage) -> None:
        raw, half = passage.request.raw, len(passage.request.raw) // 2
        try:
            async with passage.to_central() as link:
                await link.send(raw[:half])
                await self._at("request half sent", passage)
                await link.send(raw[half:])
                await self._at("request sent", passage)
                answer = await link.answer()
                await self._at("answer not delivered", passage)
                await passage.reply(answer)
                await self._at("answer delivered", passage)
        except OSError:  # who is killed hangs up
            passage.cut()
        finally:
            self.place = "idle"

    async def _at(self, moment: str, passage: Passage) -> None:
        self.place = moment
        is_counted = passage.request.is_batch or not self.is_for_batches
        if is_counted and self._wanted is not None and self._wanted[0] == moment:
            _, kill, done = self._wanted
            self._wanted = None
            await asyncio.sleep(self._dice.random() * MOMENTS[moment])
            await kill()
            done.set()
