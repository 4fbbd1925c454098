"""Parcels: what is approved at one location goes out together, with what falls due there soon.

A parcel is a row, its requests point to it, and its messages are posted, all in one transaction of whoever holds the account: so it is made
once. From then on it is the channels' (`poller/central/sending`); when the last of them has it, its requests are sent.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import msgspec
from msgspec.structs import replace

from poller.central.sending.post import Channel, post
from poller.central.store import agreements, masterdata
from poller.central.store import devices as kept_devices
from poller.central.store import requests as kept
from poller.central.store.personal import Personal
from poller.central.supplies.book import Stand
from poller.central.supplies.parcels import Item, Parcel
from poller.central.supplies.requests import Request
from poller.central.supplies.sitting import Sitting

GATHERED_AFTER = timedelta(minutes=15)
"""So long an approved request waits for others of its location: what arrives in one morning's batches is one parcel."""
ITEMS_MAX = 200
"""In one parcel; more are several."""
FACT = "content"
"""Under which a parcel is sealed in its row."""
_LETTERS = "23456789abcdefghjkmnpqrstvwxyz"


def new_id() -> str:
    """Return an id no parcel of any account had or will have: 59 random bits."""
    return "v-" + "".join(secrets.choice(_LETTERS) for _ in range(12))


async def gather(sitting: Sitting, place: str, personal: Personal, channels: Sequence[Channel]) -> list[Parcel]:
    """Make the parcels of a place, and post them. For whoever then saves the sitting."""
    await sitting.know_place(place)
    ready = _ready(sitting, place)
    if not ready:
        return []
    await sitting.bundle_at(place, max(sitting.agreements.of_site(one.site).bundle_days for one in ready))
    ready = _ready(sitting, place)
    made = []
    for begin in range(0, len(ready), ITEMS_MAX):
        some = ready[begin : begin + ITEMS_MAX]
        parcel = await _parcel(sitting, some, personal)
        for one in some:
            sitting.book.put(replace(one, parcel=parcel.id), f"in parcel {parcel.id}")
        await kept.add_parcel(
            sitting.db,
            account=sitting.account,
            parcel=parcel.id,
            place=place,
            made_utc=sitting.now_utc,
            made_by=sitting.book.who,
            personal=personal.seal("parcel", parcel.id, {FACT: msgspec.json.encode(parcel).decode()}),
        )
        if channels:
            await post(sitting.db, parcel, channels, personal, now_utc=sitting.now_utc)
        made.append(parcel)
    await sitting.settle()
    return made


def read_parcel(row: Mapping[str, Any], personal: Personal) -> Parcel:
    return msgspec.json.decode(personal.open("parcel", row["parcel"], row["personal"])[FACT], type=Parcel)


def _ready(sitting: Sitting, place: str) -> list[Request]:
    found = [one for one in sitting.book.at(place) if one.state == "approved" and one.parcel is None and one.article is not None]
    return sorted(found, key=lambda one: (one.printer, one.supply, one.id))


async def _parcel(sitting: Sitting, requests: Sequence[Request], personal: Personal) -> Parcel:
    """Return what goes with *requests*, of one place, to one address."""
    stands = sitting.book.stands
    devices = await kept_devices.load(sitting.db, sitting.account, [one.printer for one in requests], personal)
    location = requests[0].location
    where: dict[str, Any] = {}
    if location is not None:
        of_account = await masterdata.locations(sitting.db, sitting.account, personal)
        where = next((one for one in of_account if one["location"] == location), {})
    contact = _contact(await masterdata.contacts(sitting.db, sitting.account, personal), location)
    customers = {stands[one.printer].customer for one in requests}
    room = where.get("room")
    return Parcel(
        id=new_id(),
        account=sitting.account,
        title=await agreements.title(sitting.db, sitting.account),
        customer=customers.pop() if len(customers) == 1 else None,
        site=requests[0].site,
        location=location,
        address=where.get("address"),
        contact=contact.get("name"),
        phone=contact.get("phone"),
        mail=contact.get("mail"),
        language=sitting.agreements.of_site(requests[0].site).language,
        made_at=sitting.now_utc,
        items=tuple(
            [
                _item(one, stands[one.printer], room or devices[one.printer].told_location, where.get("cost_centre"), sitting)
                for one in requests
            ]
        ),
    )


def _contact(contacts: Sequence[Mapping[str, Any]], location: str | None) -> Mapping[str, Any]:
    """Return who answers for a location; who answers for none in particular where it has nobody of its own."""
    for at in (location, None):
        for one in contacts:
            if one["location"] == at:
                return one
    return {}


def _item(one: Request, stand: Stand, room: str | None, cost_centre: str | None, sitting: Sitting) -> Item:
    assert one.article is not None
    empty_on = None
    if one.reason.days is not None:
        empty_on = (one.decided_at + timedelta(days=one.reason.days)).astimezone(sitting.agreements.of_account.zone).date()
    return Item(
        request=one.id,
        article=one.article,
        alternatives=one.alternatives,
        kind=one.kind,
        colour=one.colour,
        part_number=one.part_number,
        device=one.printer,
        manufacturer=stand.manufacturer,
        model=stand.model,
        serial=stand.serial,
        device_number=stand.device_number,
        inventory_number=stand.inventory_number,
        room=room,
        cost_centre=stand.cost_centre or cost_centre,
        empty_on=empty_on,
        rule=one.reason.rule,
    )
