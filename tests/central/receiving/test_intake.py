"""How fast anybody may come: a bucket of requests each, and no more buckets than can be remembered."""

from __future__ import annotations

import pytest

from poller.central.receiving import api
from poller.central.receiving.intake import Bucket, Buckets
from tests.central.running import Running


def test_a_bucket_gives_so_much_at_once_and_then_so_much_a_second() -> None:
    bucket = Bucket(per_second=2, at_once=3, now_at=100.0)
    assert [bucket.take(100.0) for _ in range(4)] == [True, True, True, False]
    assert [bucket.take(100.5), bucket.take(100.5)] == [True, False]
    assert [bucket.take(1000.0) for _ in range(4)] == [True, True, True, False]  # time spent asleep is not owed


def test_a_refused_request_costs_its_sender_nothing() -> None:
    bucket = Bucket(per_second=1, at_once=1, now_at=0.0)
    assert bucket.take(0.0)
    assert not any(bucket.take(0.1 * step) for step in range(1, 10))
    assert bucket.take(1.01)


def test_every_name_has_its_own_and_the_quietest_is_forgotten_first() -> None:
    buckets = Buckets(1, 1, names_max=2)
    assert buckets.take("a", 0.0)
    assert buckets.take("b", 0.0)
    assert not buckets.take("a", 0.0)
    assert buckets.take("c", 0.0)  # b is forgotten
    assert not buckets.take("a", 0.0)
    assert buckets.take("b", 0.0)


async def test_more_connections_than_there_may_be_are_turned_away(central: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    agent = await central.agent()
    monkeypatch.setattr(api, "CONNECTIONS_MAX", 0)
    async with central.session.get(f"{central.address}/v1/keys") as response:
        assert (response.status, response.headers["Retry-After"], response.headers["Connection"]) == (503, "10", "close")
    monkeypatch.undo()
    assert (await agent.settings()).status == 204
