"""The server as a whole: how it starts, what keeps it from starting, how it stops."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from poller.central.serve import Central
from poller.central.values import Config
from poller.config import Listen
from poller.errors import HostError
from tests.central.running import Running, config_of, locked, running
from tests.fake_clock import FakeClock


async def test_a_second_start_finds_keys_database_and_agents_of_the_first(config: Config, clock: FakeClock) -> None:
    async with running(config, clock) as first:
        await first.add_site()
        agent = await first.agent()
        body = agent.batch(1, [b'{"type":"event"}'])
        assert (await agent.send(1, body)).word == "stored"
    async with running(config, clock) as second:
        agent.address, agent.session = second.address, second.session
        assert (await agent.send(1, body)).word == "duplicate"


@pytest.mark.parametrize("setting", ["listen", "metrics_listen"])
async def test_a_port_that_is_taken_is_named_with_its_setting(tmp_path: Path, clock: FakeClock, setting: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        config = config_of(tmp_path)
        server = msgspec.structs.replace(config.server, **{setting: Listen("127.0.0.1", taken.getsockname()[1])})
        with pytest.raises(HostError) as raised:
            await Central(msgspec.structs.replace(config, server=server), clock).run(asyncio.Event())
    assert f"set [server] {setting}" in str(raised.value)


async def test_keys_that_others_may_read_keep_it_from_starting(tmp_path: Path, clock: FakeClock) -> None:
    async with running(config_of(tmp_path), clock):
        pass
    (tmp_path / "keys" / "signing.keys").chmod(0o644)
    with pytest.raises(HostError) as raised:
        await Central(config_of(tmp_path), clock).run(asyncio.Event())
    assert "others may read" in str(raised.value)


async def test_a_batch_that_is_here_when_it_is_stopped_is_stored_and_answered(config: Config, clock: FakeClock) -> None:
    async with running(config, clock) as one:
        await one.add_site()
        agent = await one.agent()
        async with locked(config.database.url.reveal()):  # so that it waits for its commit
            sending = asyncio.create_task(agent.send(1, agent.batch(1, [b'{"type":"event"}'])))
            assert await comes_true(one, is_busy)
            one.stop.set()
            assert await comes_true(one, is_closed)
        answered = await sending
        assert (answered.word, answered.is_proven) == ("stored", True)


async def is_busy(one: Running) -> bool:
    return "poller_central_bytes_in_hand 0" not in await one.metrics()


async def is_closed(one: Running) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", one.central.port)
    except OSError:
        return True
    writer.close()
    return False


async def comes_true(one: Running, claim: Callable[[Running], Awaitable[bool]]) -> bool:
    """Look again and again, a bounded number of times."""
    for _ in range(1000):
        if await claim(one):
            return True
    return False


async def test_keys_that_became_faulty_do_not_replace_those_that_work(central: Running, tmp_path: Path) -> None:
    agent = await central.agent()
    (tmp_path / "keys" / "signing.keys").write_text("garbage")
    central.central.reload()
    assert (await agent.heartbeat()).is_proven
