"""A printer that says something happened is read at once, but not more often than every ten seconds, however much it says.

Whose notification it is, its sender's address tells. Where that is no printer's (NAT, Docker's bridge, a relay), the address inside does.
The first one makes the printer due now; those that follow within ten seconds make it due once more at their end, so that what they
announced is seen, too. When a whole site says something at once (power is back, or somebody borrows its addresses), its printers take
turns: what was due anyway has to go on. What is kept is bounded by the printers there are: of strangers there is nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Literal, Protocol

from poller.clock import Clock
from poller.logs import emit
from poller.printers.notifications import is_worth_a_poll, kind_of
from poller.snmp.notification import Notification
from poller.snmp.oid import text as oid_text
from poller.snmp.quota import Bucket

log = logging.getLogger(__name__)

Result = Literal["polled", "coalesced", "queued", "ignored", "unknown"]
"""What became of a notification that is believed; `queued`: too many others came first; `unknown`: it is of no printer we know."""

GAP_SECONDS = 10.0
HURRIED_PER_SECOND, HURRIED_AT_ONCE = 100.0, 200.0  # some 300 packets a second, what a sweep sends unless told
_TICK_SECONDS = 0.1
_PRINTERS_MAX = 131_072


class Crew(Protocol):
    """Who polls."""

    def hurry(self, address: str) -> bool:
        """Make the printer at *address* due now; return whether there is one."""
        ...

    def knows(self, address: str) -> bool:
        """Say whether a printer is polled at *address*."""
        ...


class Notices:
    """Hears what printers say, and passes on that they did; `run` it beside the crew."""

    def __init__(self, crew: Crew, clock: Clock, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._crew, self._clock, self._sleep = crew, clock, sleep
        self._hurried: OrderedDict[str, float] = OrderedDict()  # when last, by address
        self._waiting: dict[str, float] = {}  # until when, by address
        self._turns = Bucket(HURRIED_PER_SECOND, HURRIED_AT_ONCE, clock.monotonic())

    def is_known(self, address: str) -> bool:
        """Say whether a printer is polled at *address*."""
        return self._crew.knows(address)

    def hear(self, sender: str, notification: Notification) -> Result:
        """Take a notification that is believed, and return what became of it."""
        kind = kind_of(notification.kind)
        result: Result = "ignored"
        if is_worth_a_poll(kind):
            result = self._hurry(sender)
            if result == "unknown" and notification.agent_address is not None:
                result = self._hurry(notification.agent_address)
        emit(
            log,
            logging.DEBUG,
            "notification.heard",
            sender=sender,
            agent_address=notification.agent_address,
            version=notification.version,
            kind=kind,
            oid=None if notification.kind is None else oid_text(notification.kind),
            result=result,
        )
        return result

    async def run(self) -> None:
        """Make due whose ten seconds are over, for ever; cancelled at the end."""
        while True:
            await self._sleep(_TICK_SECONDS)
            now_at = self._clock.monotonic()
            for address in [address for address, until_at in self._waiting.items() if until_at <= now_at]:
                if not self._turns.take(now_at):
                    break
                del self._waiting[address]
                self._hurry_now(address, now_at)

    def _hurry(self, address: str) -> Result:
        now_at = self._clock.monotonic()
        if address in self._waiting:
            return "coalesced"
        hurried_at = self._hurried.get(address)
        if hurried_at is not None and now_at < hurried_at + GAP_SECONDS:
            self._waiting[address] = hurried_at + GAP_SECONDS
            return "coalesced"
        if not self._crew.knows(address):
            return "unknown"
        if not self._turns.take(now_at):
            self._waiting[address] = now_at
            return "queued"
        self._hurry_now(address, now_at)
        return "polled"

    def _hurry_now(self, address: str, now_at: float) -> None:
        if not self._crew.hurry(address):  # it has moved meanwhile
            self._hurried.pop(address, None)
            return
        self._hurried[address] = now_at
        self._hurried.move_to_end(address)
        if len(self._hurried) > _PRINTERS_MAX:
            self._hurried.popitem(last=False)
