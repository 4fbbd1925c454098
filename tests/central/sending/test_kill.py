"""A process killed while it sends: a webhook and a file come again the same, a mail that may have arrived never does by itself."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from poller.central.sending.sender import Sender
from poller.central.sending.sheet import sheet
from poller.clock import SystemClock
from tests.central.sending.parcels import SECRET, mail_server, parcel, receiver
from tests.central.sending.posted import put, rows
from tests.central.sending.victim import way_of
from tests.central.stock import Stock, stocked
from tests.conftest import ROOT
from tests.fake_clock import FakeClock

MOMENTS = pytest.mark.parametrize("moment", ["before", "after"])
assert SECRET == "a secret of both of us"


@pytest.fixture
async def stock(tmp_path: Path, database_url: str) -> AsyncIterator[Stock]:
    """One whose clock stands at this moment: the process that is killed has a clock that goes."""
    async with stocked(tmp_path, FakeClock(SystemClock().utc()), database_url) as one:
        yield one


async def kill_one(stock: Stock, url: str, folder: Path, channel: str, place: str, moment: str) -> None:
    """Have a process claim the message, come to *moment*, and be killed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(Path(__file__).parent / "victim.py"), url, str(folder / "keys"), channel, place, moment),
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        assert await process.stdout.readline() == f"{moment}\n".encode()
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def send_rest(stock: Stock, channel: str, place: str) -> int:
    """Have another process come by when no lease can be left."""
    stock.clock.advance(timedelta(hours=1).total_seconds())
    ways = {channel: way_of(channel, place)}
    return await Sender(stock.database, stock.keys.store, stock.clock, ways).send_due()  # type: ignore[arg-type]


@MOMENTS
async def test_a_webhook_comes_again_with_the_same_id_and_the_same_body(
    stock: Stock, database_url: str, tmp_path: Path, moment: str
) -> None:
    await put(stock, parcel(), "webhook")
    async with receiver() as hooks:
        place = hooks.hook().url
        await kill_one(stock, database_url, tmp_path, "webhook", place, moment)
        assert await send_rest(stock, "webhook", place) == 1
        assert await send_rest(stock, "webhook", place) == 0
    assert hooks.ids == ['"p-1"'] * (2 if moment == "after" else 1)
    assert len(set(hooks.bodies)) == 1


@MOMENTS
async def test_a_file_is_there_once_and_the_same(stock: Stock, database_url: str, tmp_path: Path, moment: str) -> None:
    await put(stock, parcel(), "csv")
    place = tmp_path / "orders"
    place.mkdir()
    await kill_one(stock, database_url, tmp_path, "csv", str(place), moment)
    assert await send_rest(stock, "csv", str(place)) == 1
    assert {path.name: path.read_bytes() for path in place.iterdir()} == {"p-1.csv": sheet(parcel())}


@MOMENTS
async def test_a_mail_comes_once_and_is_unclear_where_nobody_can_know(stock: Stock, database_url: str, tmp_path: Path, moment: str) -> None:
    await put(stock, parcel(), "mail")
    async with mail_server(login=False) as mails:
        await kill_one(stock, database_url, tmp_path, "mail", str(mails.port), moment)
        assert await send_rest(stock, "mail", str(mails.port)) == (1 if moment == "before" else 0)
        assert await send_rest(stock, "mail", str(mails.port)) == 0
    assert len(mails.mails) == 1
    row = (await rows(stock))["p-1", "mail"]
    assert row["state"] == ("sent" if moment == "before" else "unclear")
