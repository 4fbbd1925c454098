"""What a customer may send in a day: told clearly, felt by nobody else, known to every process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from poller.central.receiving.answers import RefusalError
from poller.central.receiving.quota import COME_AGAIN_SECONDS, Quota
from tests.central.running import Running, config_of, running
from tests.fake_clock import FakeClock

LARGE = b'{"type":"event","pad":"%s"}' % (b"x" * 600_000)
EVENT = b'{"type":"event"}'


@pytest.fixture
async def small(tmp_path: Path, clock: FakeClock, database_url: str) -> AsyncIterator[Running]:
    """A central that takes a megabyte of each customer a day."""
    async with running(config_of(tmp_path, url=database_url, account_megabytes_per_day=1), clock) as one:
        for account, site in (("acme", "hamburg"), ("good", "berlin")):
            await one.add_site(account, site)
        yield one


async def test_who_sent_enough_for_a_day_is_told_so_and_nobody_else_feels_it(small: Running, clock: FakeClock) -> None:
    attacker, beside, good = await small.agent(), await small.agent(), await small.agent("good", "berlin")
    for number in (1, 2):
        assert (await attacker.send(number, attacker.batch(number, [LARGE]))).word == "stored"
    for one in (attacker, beside):
        said = await one.send(9, one.batch(9, [EVENT]))
        assert (said.status, said.word, said.is_proven) == (429, "over-quota", True)
        assert said.json["retry_after_seconds"] == int(said.headers["Retry-After"]) == COME_AGAIN_SECONDS
        assert (await one.heartbeat()).status == 200
    assert (await good.send(1, good.batch(1, [EVENT]))).word == "stored"
    assert "poller_central_accounts_over_quota 1\n" in await small.metrics()

    clock.advance(86400)
    assert (await attacker.send(9, attacker.batch(9, [EVENT]))).word == "stored"
    assert "poller_central_accounts_over_quota 0\n" in await small.metrics()


async def test_what_came_through_another_process_counts(small: Running, clock: FakeClock) -> None:
    agent = await small.agent()
    beside = Quota(small.database, clock, megabytes_per_day=1)
    await beside.admit("acme")
    for number in (1, 2):
        assert (await agent.send(number, agent.batch(number, [LARGE]))).word == "stored"
    await beside.admit("acme")  # asked less than a minute ago
    clock.advance(60)
    with pytest.raises(RefusalError, match="over-quota"):
        await beside.admit("acme")
    fresh = Quota(small.database, clock, megabytes_per_day=1)
    with pytest.raises(RefusalError, match="over-quota"):
        await fresh.admit("acme")
    await fresh.admit("good")
    assert (beside.count_over(), fresh.count_over()) == (1, 1)


async def test_what_is_stored_counts_at_once_and_a_repetition_not(small: Running) -> None:
    agent = await small.agent()
    body = agent.batch(1, [LARGE])
    assert [(await agent.send(1, body)).word for _ in range(4)] == ["stored", *["duplicate"] * 3]
    assert (await agent.send(2, agent.batch(2, [LARGE]))).word == "stored"
    assert (await agent.send(3, agent.batch(3, [EVENT]))).word == "over-quota"


async def test_the_day_is_that_of_utc(small: Running, clock: FakeClock) -> None:
    quota = Quota(small.database, clock, megabytes_per_day=1)
    await quota.admit("acme")
    quota.add("acme", 10**6)
    with pytest.raises(RefusalError):
        await quota.admit("acme")
    now_utc = clock.utc()
    midnight = (now_utc + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    clock.advance((midnight - now_utc).total_seconds())
    await quota.admit("acme")
