"""The end of requests: what is kept long enough goes, what still means something stays, and the stock is what it was."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from poller.central.office.erasure import Erasure
from poller.central.office.exporting import Exporter
from poller.central.store.requests import request_event, supply_event
from poller.central.store.retention import prune
from poller.central.store.tables import metadata
from poller.central.store.watched import watched
from poller.central.values import Retention
from tests.central.supplies.dealer import Dealer, dealing


@pytest.fixture
async def dealer(tmp_path: Path, database_url: str) -> AsyncIterator[Dealer]:
    async with dealing(tmp_path, database_url) as one:
        yield one


async def count(dealer: Dealer, name: str) -> int:
    async with dealer.database.reading() as db:
        return int(await db.scalar(select(func.count()).select_from(metadata.tables[name])) or 0)


async def test_requests_end_with_their_cartridge_and_their_time(dealer: Dealer) -> None:
    await dealer.furnish()
    await dealer.device("A1")
    await dealer.shelves.set_stock("acme", "K-1", "T-1", 3, now_utc=dealer.now_utc)
    begin = 0.9
    for _ in range(3):
        await dealer.empty("A1", begin=begin)
        await dealer.replace("A1")
        begin = 0.98
    await dealer.shelves.set_stock("acme", "K-1", "T-1", 2, now_utc=dealer.now_utc)
    retention = Retention(job_months=1, daily_months=1)
    await prune(dealer.database, retention, dealer.now_utc)
    assert [row["number"] for row in await dealer.rows()] == [0, 1, 2]
    dealer.clock.advance(timedelta(days=100).total_seconds())
    gone = await prune(dealer.database, retention, dealer.now_utc)
    assert gone["request"] == 2
    assert [row["number"] for row in await dealer.rows()] == [2], "its replacement may still be taken back"
    assert (await count(dealer, supply_event.name), await count(dealer, watched.name)) == (0, 0)
    assert await count(dealer, request_event.name) == len(await dealer.steps(await dealer.one()))
    assert (await dealer.shelf(), await dealer.moves()) == ({"T-1": (2, 2)}, [("carried", "T-1", 2)])


async def test_everything_of_requests_is_exported_and_erased(dealer: Dealer, tmp_path: Path) -> None:
    await dealer.furnish()
    await dealer.device("A1")
    await dealer.empty("A1")
    (parcel,) = await dealer.requests.pack("acme", "K-1", now_utc=dealer.now_utc)
    await dealer.requests.sent("acme", parcel.id, now_utc=dealer.now_utc)
    await dealer.replace("A1")
    counts = await Exporter(dealer.database, dealer.stock.keys, who="anna").export("acme", tmp_path / "out", now_utc=dealer.now_utc)
    assert [counts[name] for name in ("request", "parcel", "stock_move", "agreement")] == [1, 1, 2, 1]
    assert counts["request_event"] >= 3 and counts["supply_event"] == 2
    (row,) = [json.loads(line) for line in (tmp_path / "out" / "parcel.ndjson").read_text().splitlines()]
    assert row["parcel"] == parcel.id and "Zeppelin-Allee 5" in row["content"]
    await Erasure(dealer.database, who="anna").erase("acme", now_utc=dealer.now_utc)
    assert [await count(dealer, name) for name in ("request", "parcel", "stock_move", "agreement", "supply_event", "watched")] == [0] * 6
