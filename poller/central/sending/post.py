"""Where a parcel becomes messages, in the transaction of whoever made it: both are there, or neither; and where a piece is taken out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection

from poller.central.sending.sheet import is_parcel_id
from poller.central.store import messages
from poller.central.store.messages import CHANNELS, Channel, Key
from poller.central.store.personal import Personal
from poller.central.supplies.parcels import Parcel
from poller.central.values import Config

__all__ = ["Channel", "channels_of", "post", "read_parcel", "take_out"]


def channels_of(config: Config) -> tuple[Channel, ...]:
    """Return the channels that are set up in central.toml."""
    parts = {"mail": config.mail, "webhook": config.webhook, "csv": config.csv_folder}
    return tuple(channel for channel in CHANNELS if parts[channel] is not None)


async def post(db: AsyncConnection, parcel: Parcel, channels: Sequence[Channel], personal: Personal, *, now_utc: datetime) -> None:
    """Have *parcel* told over *channels*. Posting the same parcel twice changes nothing. Raises ValueError for an id that is none."""
    if not is_parcel_id(parcel.id):
        raise ValueError("a parcel's id is 1 to 64 letters, digits, '.', '_' and '-', beginning with a letter or digit")
    keys = [Key(parcel.account, parcel.id, channel) for channel in channels]
    await messages.add(db, keys, msgspec.json.encode(parcel).decode(), personal, now_utc=now_utc)


async def take_out(db: AsyncConnection, account: str, parcel: str, request: str, personal: Personal) -> list[Channel]:
    """Take what *request* asked for out of a parcel's messages that are not on their way yet; one that is empty then is not sent.

    Returns the channels over which it was told, or may have been: there a person has to say that it is not wanted any more.
    """

    def without(body: str) -> str | None:
        told = read_parcel(body)
        rest = replace(told, items=tuple([item for item in told.items if item.request != request]))
        return msgspec.json.encode(rest).decode() if rest.items else None

    return await messages.reword(db, account, parcel, personal, without)


def read_parcel(body: str) -> Parcel:
    """Return the parcel of a message. Raises ValueError for one that a later version wrote."""
    return msgspec.json.decode(body, type=Parcel)
