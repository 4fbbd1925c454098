"""A process that sends one message with the real parts and is killed while it does: `victim.py URL KEYS CHANNEL PLACE MOMENT`.

It says on standard output that it is at MOMENT, before or after the other side has the message, and stays there.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from poller.central.keys import Keys
from poller.central.sending.folder import FolderChannel
from poller.central.sending.mail import MailChannel
from poller.central.sending.sender import Begin, ChannelOf, Sender
from poller.central.sending.webhook import WebhookChannel
from poller.central.store.database import Database
from poller.central.store.messages import Claim
from poller.central.values import Mail, Webhook
from poller.clock import SystemClock
from poller.model import Secret


def way_of(channel: str, place: str) -> ChannelOf:
    if channel == "csv":
        return FolderChannel(Path(place))
    if channel == "webhook":
        return WebhookChannel(Webhook(url=place, secret=Secret("a secret of both of us")), SystemClock())
    return MailChannel(Mail(host="127.0.0.1", port=int(place), security="none", sender="toner@example.com", to=("warehouse@example.com",)))


class Held:
    """Stays before or after the channel's work."""

    def __init__(self, way: ChannelOf, moment: str) -> None:
        self._way, self._moment = way, moment

    async def deliver(self, claim: Claim, begin: Begin) -> str:
        if self._moment == "after":
            await self._way.deliver(claim, begin)
        sys.stdout.write(f"{self._moment}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()
        return ""


async def main(url: str, keys: str, channel: str, place: str, moment: str) -> None:
    database = Database.open(url)
    sender = Sender(database, Keys(Path(keys)).load().store, SystemClock(), {channel: Held(way_of(channel, place), moment)})  # type: ignore[dict-item]
    await sender.send_due()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
