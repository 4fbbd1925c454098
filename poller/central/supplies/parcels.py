"""A parcel: what goes to one location together. What a mail, a webhook, a CSV row and a label say is said by this struct alone.

It holds names and addresses: it is kept sealed under the account's key, and never in a log.
"""

from __future__ import annotations

from datetime import date, datetime

from poller.central.supplies.policy import Value


class Item(Value, frozen=True, kw_only=True):
    """One supply for one device. `request` is the request's id, `article` what the dealer orders it by.

    `part_number` is the maker's, as the device names it; `empty_on` the day it runs out, as likely later as sooner, null beyond 400 days.
    """

    request: str
    article: str
    alternatives: tuple[str, ...] = ()
    kind: str
    colour: str | None
    part_number: str | None
    pieces: int = 1
    device: str
    manufacturer: str | None
    model: str | None
    serial: str | None
    device_number: str | None
    inventory_number: str | None
    room: str | None
    cost_centre: str | None
    empty_on: date | None
    rule: str


class Parcel(Value, frozen=True, kw_only=True):
    """`id` is unique at one central and never used again. `location` is the number of a location, null where the site has none."""

    id: str
    account: str
    title: str | None
    customer: str | None
    site: str
    location: str | None
    address: str | None
    contact: str | None
    phone: str | None
    mail: str | None
    language: str
    made_at: datetime
    items: tuple[Item, ...]
