"""Which parcels go on paper, from the database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from poller.central.office.administration import NotDoneError
from poller.central.paper.packing import PackingDesk
from tests.central.supplies.dealer import Dealer, dealing


@pytest.fixture
async def dealer(tmp_path: Path, database_url: str) -> AsyncIterator[Dealer]:
    """Two devices of acme, each with a request that is approved."""
    async with dealing(tmp_path, database_url) as one:
        await one.furnish()
        for serial in ("A1", "B2"):
            await one.requests.ask("acme", await one.device(serial), "1.1", now_utc=one.now_utc)
        yield one


def desk_of(dealer: Dealer) -> PackingDesk:
    return PackingDesk(dealer.database, dealer.stock.keys, who="anna")


async def pack(dealer: Dealer) -> str:
    (parcel,) = await dealer.requests.pack("acme", "K-1", now_utc=dealer.now_utc)
    return parcel.id


async def test_what_was_made_since_a_moment_or_what_is_named_of_one_customer_or_of_all(dealer: Dealer) -> None:
    await dealer.stock.open_account("globex")
    name, since_utc = await pack(dealer), dealer.now_utc
    desk = desk_of(dealer)
    for account in (None, "acme"):
        found = await desk.since(account, since_utc, now_utc=dealer.now_utc)
        assert [one.id for one in found.parcels] == [name]
        assert {item.serial for item in found.parcels[0].items} == {"A1", "B2"}
        assert (await desk.since(account, since_utc + timedelta(seconds=1), now_utc=dealer.now_utc)).parcels == []
    assert (await desk.since("globex", since_utc, now_utc=dealer.now_utc)).parcels == []
    found = await desk.named("acme", [name, name], now_utc=dealer.now_utc)
    assert [one.id for one in found.parcels] == [name]


async def test_what_is_over_by_now_is_left_out_and_told(dealer: Dealer) -> None:
    name = await pack(dealer)
    first, second = (str(row["request"]) for row in await dealer.rows())
    await dealer.requests.cancel("acme", first, now_utc=dealer.now_utc)
    found = await desk_of(dealer).named("acme", [name], now_utc=dealer.now_utc)
    assert ([item.request for item in found.parcels[0].items], found.left_out) == ([second], [first])
    await dealer.requests.installed("acme", second, now_utc=dealer.now_utc)
    found = await desk_of(dealer).named("acme", [name], now_utc=dealer.now_utc)
    assert (found.parcels, set(found.left_out)) == ([], {first, second})


async def test_what_is_not_there_is_said(dealer: Dealer) -> None:
    with pytest.raises(NotDoneError, match="has no parcel v-none"):
        await desk_of(dealer).named("acme", ["v-none"], now_utc=dealer.now_utc)
    with pytest.raises(NotDoneError, match="there is no account nobody"):
        await desk_of(dealer).since("nobody", dealer.now_utc, now_utc=dealer.now_utc)
