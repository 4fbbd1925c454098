"""The agent and its look for a newer version: one packet to the place named, and none at all when switched off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from poller import __version__
from poller.agent import Agent
from poller.clock import SystemClock
from poller.config import load
from poller.sealing.keys import SigningKey
from poller.upload import update
from poller.upload.manifest import Manifest, sign
from tests.whole.processes import get, until
from tests.whole.test_agent import reached, values

KEY = SigningKey.generate()


class Listener:
    """Counts connections; answers each with *body* as an HTTP server would."""

    def __init__(self, body: bytes) -> None:
        self.body, self.requests = body, list[str]()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.requests.append(head.decode())
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(self.body), self.body))
        await writer.drain()
        writer.close()


@asynccontextmanager
async def listening(body: bytes) -> AsyncIterator[tuple[str, Listener]]:
    listener = Listener(body)
    server = await asyncio.start_server(listener.serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/updates", listener
    finally:
        server.close()
        await server.wait_closed()


@asynccontextmanager
async def agent(folder: Path, url: str, **environ: str) -> AsyncIterator[str]:
    settings = {
        "POLLER_EXPORTER_LISTEN": "127.0.0.1:0",
        "POLLER_STATE_FOLDER": str(folder),
        "POLLER_TRAPS_LISTEN": "none",
        "POLLER_UPDATE_URL": url,
        "POLLER_UPDATE_KEY": KEY.public.text(),
    } | environ
    one, stop = Agent(load(None, settings), SystemClock(), is_synchronised=lambda: True), asyncio.Event()
    task = asyncio.create_task(one.run(stop))
    try:
        await one.started.wait()
        yield f"http://127.0.0.1:{one.port}"
    finally:
        stop.set()
        await task


def release(version: str) -> bytes:
    now_utc = SystemClock().utc()
    released = now_utc - timedelta(days=1)
    return sign(Manifest(version=version, released=released, expires=now_utc + timedelta(days=1), notes="https://example.com/new"), [KEY])


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(update, "_FIRST_SECONDS", 0.0)


async def test_a_newer_version_is_a_metric_and_a_sentence_and_older_manifests_are_refused_after_a_restart(tmp_path: Path) -> None:
    async with listening(release("99.0.0")) as (url, listener), agent(tmp_path, url) as page:
        await until("it is known", reached(page, lambda now: values(now, "poller_update_available") == [1.0]))
        assert "version 99.0.0 is available: https://example.com/new" in (await get(f"{page}/"))[1]
        (head,) = listener.requests
        assert head.startswith("GET /updates/manifest.json HTTP/1.1\r\n")
        assert f"User-Agent: poller/{__version__}\r\n" in head
    async with listening(release("98.0.0")) as (url, listener), agent(tmp_path, url) as page:
        refused = reached(page, lambda now: now.get(("poller_update_checks_total", frozenset({("result", "rolled_back")}))) == 1)
        await until("it is refused", refused)
        assert "version 99.0.0 is available" in (await get(f"{page}/"))[1]


@pytest.mark.parametrize("environ", [{"POLLER_UPDATE_ENABLED": "false"}, {"POLLER_UPDATE_KEY": ""}], ids=["off", "no key"])
async def test_switched_off_not_one_packet_leaves(tmp_path: Path, environ: dict[str, str]) -> None:
    async with listening(release("99.0.0")) as (url, listener):
        async with agent(tmp_path / "on", url) as page:
            await until("it asks when it is on", lambda: listener.requests)
        listener.requests.clear()
        async with agent(tmp_path / "off", url, **environ) as page:
            for _ in range(20):  # turns of the loop for whoever might be about to ask
                assert "poller_update" not in (await get(f"{page}/metrics"))[1]
        assert listener.requests == []
