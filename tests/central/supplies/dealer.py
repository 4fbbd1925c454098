"""A dealer's central without the network: devices under contract, readings day by day, and everything that follows from them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from poller.central.office.contracts import Contract
from poller.central.office.management import Management
from poller.central.office.registers import Registers
from poller.central.sending.post import Channel
from poller.central.store.inventory import DEALER
from poller.central.store.requests import request, request_event, supply_event
from poller.central.store.stock import stock_move
from poller.central.supplies.requestdesk import RequestDesk
from poller.central.supplies.stockdesk import StockDesk
from poller.central.supplies.tending import Tending
from poller.central.supplies.watching import Watching
from poller.model import Counter, Printer, Reading, Status, Supply
from tests.central.stock import Stock, stocked
from tests.central.supplies.firm import toner
from tests.fake_clock import FakeClock

MORNING = datetime(2026, 11, 2, 6, 0, tzinfo=UTC)
"""A Monday; central's clock stands at the evening of this day, 18:00, when the first readings are taken."""
DAY = timedelta(days=1)


class Dealer:
    """Account acme, site hamburg, live; location K-1, where every device of `device` stands; a catalogue with toner T-1 for all models."""

    def __init__(self, stock: Stock, clock: FakeClock, channels: Sequence[Channel] = ()) -> None:
        self.stock, self.clock, self.database = stock, clock, stock.database
        self.watching = Watching(stock.database, stock.keys.store, clock)
        self.tending = Tending(stock.database, stock.keys.store, clock, channels)
        self.requests = RequestDesk(stock.database, stock.keys, who="anna")
        self.shelves = StockDesk(stock.database, stock.keys, who="anna")
        self.office = Management(stock.database, stock.keys, who="anna")
        self.registers = Registers(stock.database, stock.keys, who="anna")
        self.pages: dict[str, int] = {}
        self.level = 0.0
        """Of the device that was asked for last."""

    @property
    def now_utc(self) -> datetime:
        return self.clock.utc()

    async def furnish(self, *, is_live: bool = True, **rules: Any) -> None:
        await self.registers.set_location("acme", "K-1", {"address": "Zeppelin-Allee 5", "room": "1.07"}, now_utc=self.now_utc)
        await self.registers.set_contact("acme", "7", {"name": "Krimhild", "location": "K-1"}, now_utc=self.now_utc)
        await self.article("T-1")
        if rules:
            await self.shelves.agree("acme", rules, now_utc=self.now_utc)
        if is_live:
            await self.shelves.go_live("acme", now_utc=self.now_utc)

    async def article(self, number: str, *alternatives: str, model: str = "*", colour: str = "black", pack: int = 1) -> None:
        facts = {"article": number, "alternatives": list(alternatives), "yield_pages": None, "pack": pack}
        await self.registers.set_article(DEALER, (model, "toner", colour), facts, now_utc=self.now_utc)

    async def device(
        self, serial: str, *supplies: str, level: float | None = 0.9, location: str | None = "K-1", has_contract: bool = True
    ) -> str:
        """Let a device appear, and take it under contract with toner, or these *supplies*; return its id."""
        await self.day({serial: level}, printed=0, days=0)
        name = await self.id_of(serial)
        if location is not None:
            await self.office.assign("acme", name, {"location": location}, now_utc=self.now_utc)
        if has_contract:
            one = Contract(begins=MORNING.date(), kind="full-service", supplies=supplies or ("toner",))
            await self.office.set_contract("acme", name, one, now_utc=self.now_utc)
        return name

    async def id_of(self, serial: str) -> str:
        (name,) = [str(one["device"]) for one in await self.stock.listed() if one["serial"] == serial and one["state"] != "merged"]
        return name

    def reading(self, serial: str, *supplies: Supply, printed: int = 100, at_utc: datetime | None = None, model: str = "L1") -> Reading:
        self.pages[serial] = self.pages.get(serial, 1000) + printed
        name = f"serial:11:{serial}"
        return Reading(
            taken_at=at_utc or self.now_utc,
            printer=Printer(
                id=name, identities=(name,), address="192.0.2.7", serial=serial, manufacturer="ACME", model=model, via="snmp-2c"
            ),
            status=Status(),
            supplies=supplies,
            counters=(Counter(function="total", count=self.pages[serial]),),
        )

    async def day(
        self, levels: Mapping[str, float | None], *, printed: int = 100, days: float = 1, idle: Collection[str] = (), **more: Any
    ) -> None:
        """Let a day pass, and have each device, by serial number, read at a level; None is -3. Those *idle* print nothing."""
        self.clock.advance(days * 86400)
        readings = [
            self.reading(serial, toner(level if level is None else round(level, 3), **more), printed=0 if serial in idle else printed)
            for serial, level in levels.items()
        ]
        await self.take(*readings)

    async def take(self, *readings: Reading, agent: str = "a-hamburg") -> None:
        """Store a batch of readings, and have everything that follows from it done."""
        if readings:
            await self.stock.process(*readings, agent=agent)
        await self.watching.process("acme")

    async def tend(self) -> None:
        await self.tending.process_due()

    async def empty(self, serial: str, begin: float = 0.9, per_day: float = 0.04, **others: float) -> None:
        """Print day by day until the device is asked for; *others* are read beside it, and print nothing. Its level is `level` then."""
        self.level = begin
        known = len(await self.rows())
        for _ in range(40):
            self.level = round(self.level - per_day, 3)
            await self.day({serial: self.level, **others}, idle=others)
            if len(await self.rows()) > known:
                return
        raise AssertionError("nothing was asked for")

    async def replace(self, serial: str, level: float = 1.0, **more: Any) -> None:
        """Put a new cartridge in, and have it seen twice."""
        await self.day({serial: level}, **more)
        await self.day({serial: level - 0.01}, **more)

    # --- what there is -------------------------------------------------------------------------------------------------

    async def rows(self, **terms: Any) -> list[dict[str, Any]]:
        """Return the requests by the order they were decided in, as the database has them."""
        query = select(request).order_by(request.c.decided_utc, request.c.device, request.c.supply)
        async with self.database.reading() as db:
            rows = [dict(row) for row in (await db.execute(query)).mappings()]
        return [row for row in rows if all(row[name] == value for name, value in terms.items())]

    async def states(self) -> list[str]:
        """Return `state` of every request, or `state/hold`."""
        return [row["state"] + (f"/{row['hold']}" if row["hold"] else "") for row in await self.rows()]

    async def one(self, **terms: Any) -> str:
        """Return the id of the one request there is."""
        (row,) = await self.rows(**terms)
        return str(row["request"])

    async def events(self) -> list[str]:
        async with self.database.reading() as db:
            return list((await db.execute(select(supply_event.c.event).order_by(supply_event.c.at_utc, supply_event.c.id))).scalars())

    async def steps(self, name: str) -> list[tuple[str | None, str]]:
        async with self.database.reading() as db:
            query = select(request_event).where(request_event.c.request == name).order_by(request_event.c.at_utc, request_event.c.id)
            return [(row.before, row.after) for row in await db.execute(query)]

    async def moves(self) -> list[tuple[str, str, int]]:
        async with self.database.reading() as db:
            query = select(stock_move).order_by(stock_move.c.at_utc, stock_move.c.id)
            return [(row.what, row.article, row.pieces) for row in await db.execute(query)]

    async def shelf(self, place: str = "K-1") -> dict[str, tuple[int, int]]:
        """Return pieces and free pieces by article."""
        rows = await self.shelves.stock("acme", place, now_utc=self.now_utc)
        return {row["article"]: (row["pieces"], row["free"]) for row in rows}


@asynccontextmanager
async def dealing(folder: Path, url: str, channels: Sequence[Channel] = ()) -> AsyncIterator[Dealer]:
    clock = FakeClock(MORNING + timedelta(hours=12))
    async with stocked(folder, clock, url) as stock:
        yield Dealer(stock, clock, channels)
