"""A claim as the sender would hand it to a channel, without a database behind it."""

from __future__ import annotations

import msgspec

from poller.central.store.messages import Channel, Claim, Key
from poller.central.supplies.parcels import Parcel
from tests.fake_clock import START_UTC


def claim_of(parcel: Parcel, channel: Channel, *, tries: int = 1) -> Claim:
    key = Key(parcel.account, parcel.id, channel)
    return Claim(key, "lease", tries, START_UTC, msgspec.json.encode(parcel).decode())


async def never() -> None:
    raise AssertionError("this channel repeats itself, and begins nothing")


class Begun:
    """Counts how often a channel said that it begins."""

    def __init__(self) -> None:
        self.times = 0

    async def __call__(self) -> None:
        self.times += 1
