"""Parcels posted into a stock, how far their messages are, and a channel that does what a test says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from poller.central.sending.post import post
from poller.central.sending.sender import Begin
from poller.central.store import messages
from poller.central.store import personal as personals
from poller.central.store.messages import CHANNELS, Channel, Claim, State
from poller.central.supplies.parcels import Parcel
from tests.central.stock import Stock


async def put(stock: Stock, one: Parcel, *channels: Channel) -> None:
    async with stock.database.writing() as db:
        personal = await personals.open_account(db, stock.keys.store, one.account, now_utc=stock.clock.utc())
        await post(db, one, channels or CHANNELS, personal, now_utc=stock.clock.utc())


async def rows(stock: Stock, account: str = "acme") -> dict[tuple[str, str], dict[str, Any]]:
    async with stock.database.writing() as db:
        personal = await personals.open_account(db, stock.keys.store, account, now_utc=stock.clock.utc())
        return {(row["parcel"], row["channel"]): row for row in await messages.find(db, account, personal, rows_max=1000)}


async def states(stock: Stock, account: str = "acme") -> dict[tuple[str, str], State]:
    return {key: row["state"] for key, row in (await rows(stock, account)).items()}


class Scripted:
    """A channel of a test: what happens when it is to send."""

    def __init__(self, *steps: Callable[[Claim, Begin], Awaitable[str]] | Exception | str) -> None:
        self._steps = list(steps)
        self.delivered: list[str] = []
        self.asked = 0
        self.is_asked = asyncio.Event()

    async def deliver(self, claim: Claim, begin: Begin) -> str:
        self.asked += 1
        self.is_asked.set()
        step = self._steps.pop(0) if len(self._steps) > 1 else self._steps[0]
        if isinstance(step, Exception):
            raise step
        answer = step if isinstance(step, str) else await step(claim, begin)
        self.delivered.append(claim.key.parcel)
        return answer
