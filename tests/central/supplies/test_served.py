"""The whole way in a central that runs: sealed batches come in, a parcel is in the folder, the request is sent, once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from poller.central.devices.processing import Devices
from poller.central.office.contracts import Contract
from poller.central.office.management import Management
from poller.central.office.registers import Registers
from poller.central.sending import sender
from poller.central.store.inventory import DEALER, device
from poller.central.store.requests import request
from poller.central.supplies.stockdesk import StockDesk
from poller.central.supplies.tending import Tending
from poller.central.supplies.watching import Watching
from poller.central.values import Config
from tests.central.running import Running, running
from tests.central.supplies.firm import read, toner
from tests.fake_clock import FakeClock


async def states(central: Running, state: str | None = None) -> list[tuple[str, str | None]]:
    async with central.database.reading() as db:
        rows = [(row.state, row.parcel) for row in await db.execute(select(request.c.state, request.c.parcel))]
    return [row for row in rows if state in (None, row[0])]


async def first_device(central: Running) -> str | None:
    async with central.database.reading() as db:
        found: str | None = await db.scalar(select(device.c.device))
    return found


async def comes(ask: Callable[[], Awaitable[Any]]) -> Any:
    """Return the first answer that is one."""
    for _ in range(1500):
        if answer := await ask():
            return answer
    raise AssertionError("it never came")


async def test_readings_become_a_parcel_in_the_folder_whoever_of_two_servers_makes_it(
    monkeypatch: pytest.MonkeyPatch, config: Config, clock: FakeClock, tmp_path: Path
) -> None:
    for follower in (Devices, Watching, Tending):
        monkeypatch.setattr(follower, "EVERY_SECONDS", 0.01)
    monkeypatch.setattr(sender, "EVERY_SECONDS", 0.01)
    folder = tmp_path / "orders"
    folder.mkdir()
    config = msgspec.structs.replace(config, csv_folder=folder)
    async with running(config, clock) as central, running(config, clock) as other:
        await central.add_site()
        desk = {"database": central.database, "keys": central.central.keys, "who": "anna"}
        await StockDesk(**desk).go_live("acme", now_utc=clock.utc())  # type: ignore[arg-type]
        facts: dict[str, Any] = {"article": "T-1", "alternatives": [], "yield_pages": None, "pack": 1}
        await Registers(**desk).set_article(DEALER, ("*", "toner", "black"), facts, now_utc=clock.utc())  # type: ignore[arg-type]
        agent = await central.agent()
        lines = [
            msgspec.json.encode(read(clock.utc() - timedelta(days=20 - day), 1000 + 100 * day, toner(round(0.9 - 0.04 * day, 2))))
            for day in range(20)
        ]
        assert (await agent.send(1, agent.batch(1, lines[:1]))).word == "stored"
        name = await comes(lambda: first_device(central))
        one = Contract(begins=clock.utc().date() - timedelta(days=30), kind="full-service", supplies=("toner",))
        await Management(**desk).set_contract("acme", name, one, now_utc=clock.utc())  # type: ignore[arg-type]
        clock.advance(1)
        agent.address = other.address
        assert (await agent.send(2, agent.batch(2, lines[1:]))).word == "stored"
        assert await comes(lambda: states(central)) == [("approved", None)]
        clock.advance(900)
        ((_, parcel),) = await comes(lambda: states(central, "sent"))
        assert parcel is not None
        (written,) = [path for path in folder.rglob("*") if path.is_file()]
        assert parcel in written.read_text("utf-8-sig") and "T-1" in written.read_text("utf-8-sig")
