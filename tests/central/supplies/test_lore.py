"""What is taught by one account and known to all: the same, whichever rows it is divided into."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from poller.central.store import watched as kept
from poller.central.store.database import Database
from poller.central.supplies.lore import RENEWED_AFTER_SECONDS, Lore
from poller.central.supplies.yields import SAMPLES_MAX, Yields
from tests.central.stock import Stock, stocked
from tests.fake_clock import FakeClock


@pytest.fixture
async def stock(tmp_path: Path, clock: FakeClock, database_url: str) -> AsyncIterator[Stock]:
    async with stocked(tmp_path, clock, database_url) as one:
        await one.open_account("globex", ["oslo"])
        yield one


async def teach(stock: Stock, account: str, *lessons: tuple[str, float], levels: tuple[float, ...] = ()) -> None:
    lore = Lore(stock.clock)
    async with stock.database.writing() as db:
        yields = await lore.yields(db)
        for name, pages in lessons:
            yields.learn(name, 1.0, pages)
        for level in levels:
            yields.part("TK-1").note_level(level)
        await lore.save(db, account)


async def known(database: Database) -> Yields:
    async with database.reading() as db:
        return Yields(parts=await kept.yields(db))


async def test_what_accounts_taught_apart_is_what_one_would_have_taught(stock: Stock) -> None:
    await teach(stock, "acme", ("TK-1", 4000.0), ("TK-1", 5000.0), levels=(0.2, 0.4))
    await teach(stock, "globex", ("TK-1", 9000.0), ("TK-2", 100.0), levels=(0.4, 0.8))
    one = Yields()
    for pages in (4000.0, 5000.0, 9000.0):
        one.learn("TK-1", 1.0, pages)
    joined = (await known(stock.database)).parts["TK-1"]
    assert (joined.samples, joined.levels) == (3, [200, 400, 800])
    assert math.isclose(joined.mean, one.parts["TK-1"].mean) and math.isclose(joined.squares, one.parts["TK-1"].squares)
    assert math.isclose(joined.variance(), one.parts["TK-1"].variance())


async def test_many_samples_are_no_surer_than_are_kept(stock: Stock) -> None:
    for account in ("acme", "globex"):
        await teach(stock, account, *[("TK-1", 4000.0 + number) for number in range(SAMPLES_MAX)])
    assert (await known(stock.database)).parts["TK-1"].samples == SAMPLES_MAX


async def test_what_another_process_learned_is_known_after_a_while(stock: Stock) -> None:
    lore = Lore(stock.clock)
    async with stock.database.reading() as db:
        assert (await lore.yields(db)).parts == {}
        await teach(stock, "globex", ("TK-1", 4000.0))
        assert (await lore.yields(db)).parts == {}
    stock.clock.advance(RENEWED_AFTER_SECONDS)
    async with stock.database.reading() as db:
        assert (await lore.yields(db)).parts["TK-1"].samples == 1


async def test_an_account_that_invents_parts_fills_no_disk(stock: Stock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "PARTS_OF_ACCOUNT_MAX", 3)
    await teach(stock, "acme", *[(f"X-{number}", 100.0) for number in range(5)])
    await teach(stock, "acme", ("X-0", 100.0), ("X-9", 100.0))
    assert {name: part.samples for name, part in (await known(stock.database)).parts.items()} == {"X-0": 2, "X-1": 1, "X-2": 1}
