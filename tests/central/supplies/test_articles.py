"""The catalogue for one model: the customer's own lines first, the longer pattern first."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from poller.central.office.registers import Registers
from poller.central.store.inventory import DEALER
from poller.central.supplies.articles import READ_AGAIN_SECONDS, Articles
from tests.central.stock import Stock, stocked
from tests.fake_clock import FakeClock


@pytest.fixture
async def stock(tmp_path: Path, clock: FakeClock, database_url: str) -> AsyncIterator[Stock]:
    async with stocked(tmp_path, clock, database_url) as one:
        yield one


async def enter(stock: Stock, account: str, model: str, article: str, colour: str = "black") -> None:
    facts = {"article": article, "alternatives": ["X-9"], "yield_pages": 3000, "pack": 2}
    registers = Registers(stock.database, stock.keys, who="anna")
    await registers.set_article(account, (model, "toner", colour), facts, now_utc=stock.clock.utc())


async def number(stock: Stock, articles: Articles, account: str, model: str | None, colour: str | None = "black") -> str | None:
    async with stock.database.reading() as db:
        own = await articles.of_account(db, account)
    found = own.of_model(model).find("the maker's", "toner", colour)
    return None if found is None else found.part_number


async def test_the_nearest_line_serves(stock: Stock) -> None:
    await stock.open_account("globex", ["oslo"])
    await enter(stock, DEALER, "*", "D-1")
    await enter(stock, DEALER, "Laser*", "D-2")
    await enter(stock, "acme", "*", "A-1")
    articles = Articles(stock.clock)
    assert [await number(stock, articles, "globex", model) for model in ("LASER 5", "Ink", None)] == ["D-2", "D-1", "D-1"]
    assert await number(stock, articles, "acme", "Laser 5") == "A-1"
    assert await number(stock, articles, "acme", "Laser 5", "cyan") is None
    async with stock.database.reading() as db:
        catalogue = (await articles.of_account(db, "acme")).of_model("Laser 5")
    assert catalogue.rated_pages(None, "toner", "black") == 3000
    assert catalogue.are_alike("TK-1", "X 9", "toner", "black") and not catalogue.are_alike("TK-1", "TK-2", "toner", "black")


async def test_what_the_dealer_enters_is_seen_a_minute_later(stock: Stock) -> None:
    articles = Articles(stock.clock)
    assert await number(stock, articles, "acme", "Laser 5") is None
    await enter(stock, DEALER, "Laser*", "D-2")
    assert await number(stock, articles, "acme", "Laser 5") is None
    stock.clock.advance(READ_AGAIN_SECONDS)
    assert await number(stock, articles, "acme", "Laser 5") == "D-2"
