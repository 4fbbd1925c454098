"""Whether there is a newer version: asked once a day, believed by signature, date and order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from poller.config import load
from poller.errors import HostError
from poller.exposition import Sample, render
from poller.sealing.keys import SigningKey
from poller.upload.manifest import sign
from poller.upload.update import RESULTS, Seen, UpdateCheck, update_check
from tests.fake_clock import START_UTC, FakeClock
from tests.upload.test_manifest import manifest

KEY, OTHER = SigningKey(bytes(range(32))), SigningKey(bytes(range(1, 33)))


class Server:
    """Serves whatever it holds at the moment."""

    def __init__(self, body: bytes | None) -> None:
        self.body, self.asked = body, list[str]()

    async def __call__(self, address: str) -> bytes:
        self.asked.append(address)
        if self.body is None:
            raise HostError("connection refused")
        return self.body


def release(version: str = "0.2.0", *, days_ago: float = 1, days_left: float = 30, key: SigningKey = KEY) -> bytes:
    released = START_UTC - timedelta(days=days_ago)
    return sign(manifest(version=version, released=released, expires=START_UTC + timedelta(days=days_left)), [key])


def check(server: Server, clock: FakeClock, **changes: Any) -> UpdateCheck:
    settings = {"address": lambda: "https://central.example.com/updates", "key": KEY.public, "running": "0.1.0", **changes}
    return UpdateCheck(server, clock, **settings)


def counts(one: UpdateCheck) -> dict[str, float]:
    return {
        sample.labels[0]: sample.value for sample in one.metrics() if sample.metric.name == "poller_update_checks_total" and sample.value
    }


def text(one: UpdateCheck) -> str:
    samples: list[Sample] = list(one.metrics())
    return render(samples).text.decode()


async def test_a_newer_version_is_told_once_and_shown(clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    server = Server(release())
    one = check(server, clock)
    with caplog.at_level("INFO"):
        assert await one.look()
        assert await one.look()
    assert server.asked == ["https://central.example.com/updates"] * 2
    assert one.status().available == "0.2.0"
    assert one.note == "version 0.2.0 is available: https://example.com/poller/0.2.0"
    assert 'poller_update_available{version="0.2.0"} 1' in text(one)
    assert f"poller_update_last_success_timestamp_seconds {int(START_UTC.timestamp())}" in text(one)
    assert [record.getMessage().split()[0] for record in caplog.records] == ["update.available"]


@pytest.mark.parametrize("version", ["0.1.0", "0.0.9"])
async def test_the_same_version_or_an_older_one_is_no_news(clock: FakeClock, version: str) -> None:
    one = check(Server(release(version)), clock)
    assert await one.look()
    assert one.status().available is None
    assert one.note is None
    assert f'poller_update_available{{version="{version}"}} 0' in text(one)


async def test_before_the_first_answer_nothing_is_claimed(clock: FakeClock) -> None:
    one = check(Server(None), clock)
    assert not await one.look()
    assert "poller_update_available{" not in text(one)
    assert one.status().trouble == "unreachable"
    assert set(RESULTS) == {sample.labels[0] for sample in one.metrics()}


@pytest.mark.parametrize(
    ("body", "result"),
    [
        (None, "unreachable"),
        (b"<html>please log in</html>", "garbled"),
        (release(key=OTHER), "signature"),
        (release(days_ago=40, days_left=0), "expired"),
    ],
)
async def test_what_is_not_believed_is_counted_and_changes_nothing(clock: FakeClock, body: bytes | None, result: str) -> None:
    server = Server(release())
    one = check(server, clock)
    assert await one.look()
    server.body = body
    assert not await one.look()
    assert counts(one) == {"ok": 1, result: 1}
    assert one.status().trouble == result
    assert one.status().available == "0.2.0"


@pytest.mark.parametrize("older", [release("0.1.9"), release("0.2.0", days_ago=9)], ids=["version", "date"])
async def test_a_manifest_rolled_back_is_refused_across_a_restart(clock: FakeClock, older: bytes) -> None:
    one = check(Server(release("0.2.0", days_ago=1)), clock)
    assert await one.look()
    seen = one.mark()
    assert isinstance(seen, Seen)
    another = check(Server(older), clock)
    another.restore(seen)
    assert another.status().available == "0.2.0"
    assert not await another.look()
    assert counts(another) == {"rolled_back": 1}


async def test_after_the_update_it_is_no_news_any_more(clock: FakeClock) -> None:
    before = check(Server(release()), clock)
    await before.look()
    after = check(Server(release()), clock, running="0.2.0")
    after.restore(before.mark())
    assert after.note is None


class EndedError(Exception):
    pass


async def waits(one: FakeClock, server: Server, count: int, **changes: Any) -> list[float]:
    """Return how long it waits before each of its first looks."""
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == count:
            raise EndedError
        await asyncio.sleep(0)

    with pytest.raises(EndedError):
        await check(server, one, sleep=sleep, **changes).run()
    return waited


async def test_it_asks_daily_never_on_the_spot_and_never_all_at_once(clock: FakeClock) -> None:
    first, *rest = await waits(clock, Server(release()), 30)
    assert 240 <= first <= 360
    assert all(0.8 * 86400 <= wait <= 1.2 * 86400 for wait in rest)
    assert len(set(rest)) == len(rest)


async def test_after_a_failure_it_asks_again_within_the_hour_or_so(clock: FakeClock) -> None:
    _, *rest = await waits(clock, Server(None), 5)
    assert all(0.8 * 3600 <= wait <= 1.2 * 3600 for wait in rest)


@pytest.mark.parametrize("changes", [{"is_clock_right": lambda: False}, {"address": lambda: None}], ids=["wrong clock", "not enrolled"])
async def test_while_nothing_could_be_said_nobody_is_asked(clock: FakeClock, changes: dict[str, Any]) -> None:
    server = Server(release())
    await waits(clock, server, 5, **changes)
    assert server.asked == []


# --- as the agent makes it: over the wire, to a server on loopback ---


@asynccontextmanager
async def listening(body: bytes, *, status: int = 200) -> AsyncIterator[tuple[str, list[str]]]:
    """Yield the address of a web server, and the paths it is asked for."""
    paths: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        paths.append(request.path)
        return web.Response(body=body, status=status)

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", paths
    finally:
        await runner.cleanup()


def made(clock: FakeClock, *, central: str | None = None, **settings: str) -> UpdateCheck | None:
    environ = {f"POLLER_UPDATE_{name.upper()}": value for name, value in settings.items()}
    return update_check(load(None, environ), clock, central=lambda: central, is_clock_right=lambda: True)


async def test_it_is_fetched_below_central_unless_told_otherwise(clock: FakeClock) -> None:
    async with listening(release()) as (url, paths):
        below = made(clock, central=f"{url}/dealer/", key=KEY.public.text())
        elsewhere = made(clock, central="http://127.0.0.1:1", key=KEY.public.text(), url=f"{url}/mirror/")
        assert below is not None
        assert elsewhere is not None
        assert await below.look()
        assert await elsewhere.look()
    assert paths == ["/dealer/updates/manifest.json", "/mirror/manifest.json"]


@pytest.mark.parametrize(("body", "status"), [(release(), 404), (b" " * 2**20, 200), (release(), 302)])
async def test_what_is_no_plain_answer_is_nobody_reached(clock: FakeClock, body: bytes, status: int) -> None:
    async with listening(body, status=status) as (url, _):
        one = made(clock, url=url, key=KEY.public.text())
        assert one is not None
        assert not await one.look()
    assert counts(one) == {"unreachable": 1}


def test_without_a_key_or_switched_off_there_is_nothing_that_could_ask(clock: FakeClock) -> None:
    assert made(clock, url="http://127.0.0.1:1") is None
    assert made(clock, url="http://127.0.0.1:1", key=KEY.public.text(), enabled="false") is None
