"""Starts our verbs and real programs as processes of their own, and ends them by pid."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent.parent
_TURNS_MAX = 600
_TURN_SECONDS = 0.1
_UNSHARED_SECONDS_MAX = 600.0


class Finished(NamedTuple):
    code: int
    out: str
    err: str


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a child: none of the POLLER_ variables of whoever runs the tests."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("POLLER_")}
    return own | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"} | dict(more or {})


async def poller(*arguments: str, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> Finished:
    """Run one verb to its end."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "poller", *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment(env),
        cwd=cwd,
    )
    out, err = await child.communicate()
    assert child.returncode is not None
    return Finished(child.returncode, out.decode(), err.decode())


async def unshared(unshare: str, *command: str, env: Mapping[str, str] | None = None) -> Finished:
    """Run *command* to its end in a network namespace of its own."""
    child = await asyncio.create_subprocess_exec(
        *(unshare, "--map-root-user", "--net", *command),
        cwd=ROOT,
        env=environment(env),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(_UNSHARED_SECONDS_MAX):
            out, err = await child.communicate()
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    return Finished(child.returncode or 0, out.decode(), err.decode())


@asynccontextmanager
async def running(
    *command: str, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A program that goes on; ended with SIGTERM, and with SIGKILL if that is not heard."""
    child = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=environment(env),
        cwd=cwd,
    )
    try:
        yield child
    finally:
        if child.returncode is None:
            child.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(20):
                    await child.communicate()
            except TimeoutError:
                child.kill()
                await child.communicate()


async def get(url: str, headers: Mapping[str, str] | None = None) -> tuple[int, str]:
    """GET from loopback; (0, "") while nobody listens."""

    def fetch() -> tuple[int, str]:
        try:
            with urllib.request.urlopen(urllib.request.Request(url, headers=dict(headers or {})), timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError:
            return 0, ""

    return await asyncio.to_thread(fetch)


async def until(what: str, is_true: Callable[[], object]) -> None:
    """Wait for a claim to come true; bounded in turns."""
    for _ in range(_TURNS_MAX):
        if await result(is_true()):
            return
        await asyncio.sleep(_TURN_SECONDS)
    raise AssertionError(f"it never came true: {what}")


async def result(value: object) -> object:
    return await value if asyncio.iscoroutine(value) else value
