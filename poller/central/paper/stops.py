"""What both kinds of paper begin with: parcels by location, items as they lie on the shelf, things as people call them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import groupby
from typing import NamedTuple

from poller.central.supplies.parcels import Item, Parcel
from poller.central.supplies.words import Language

_DIGITS_MAX = 18
_LOCATION: dict[Language, str] = {"de": "Lieferort", "en": "Location"}
_ROOM: dict[Language, str] = {"de": "Raum", "en": "Room"}
_INVENTORY: dict[Language, str] = {"de": "Inv.-Nr.", "en": "Inv. no."}
_DEVICE: dict[Language, str] = {"de": "Geräte-Nr.", "en": "Device no."}


class Load(NamedTuple):
    """One item and the parcel it goes in."""

    parcel: Parcel
    item: Item


class Stop(NamedTuple):
    """A location and what goes there; `parcels` and `loads` are of this location alone and never empty."""

    parcels: tuple[Parcel, ...]
    loads: tuple[Load, ...]


def stops_of(parcels: Iterable[Parcel]) -> list[Stop]:
    """Return the parcels by location, and their items as one walks along a shelf: by article, then by the room they go to."""
    stops = []
    ordered = sorted(parcels, key=lambda parcel: (_where(parcel), parcel.made_at, parcel.id))
    for _, group in groupby(ordered, key=_where):
        mine = tuple(group)
        loads = sorted((Load(parcel, item) for parcel in mine for item in parcel.items), key=lambda load: _on_shelf(load.item))
        if loads:
            stops.append(Stop(mine, tuple(loads)))
    return stops


def _where(parcel: Parcel) -> tuple[str, str, str]:
    return parcel.account, parcel.site, parcel.location or ""


def _on_shelf(item: Item) -> tuple[list[str | int], str, str, list[str | int], str]:
    return _counted(item.article), item.article, item.colour or "", _counted(item.room or ""), item.request


def _counted(text: str) -> list[str | int]:
    """Return *text* so that TK-8 sorts before TK-10: what stands between digits, and the digits as numbers, in turn."""
    parts = re.split(rf"([0-9]{{1,{_DIGITS_MAX}}})", text)
    return [int(part) if place % 2 else part.casefold() for place, part in enumerate(parts)]


# --- as people call it -----------------------------------------------------------------------------------------------------


def model_of(item: Item) -> str:
    """Return what the device is called: maker and model, the maker once; where it says neither, its serial number."""
    model, maker = item.model or "", item.manufacturer or ""
    if model.casefold().startswith(maker.casefold()):
        return model or item.serial or item.device
    return f"{maker} {model}".strip()


def room_of(item: Item, language: Language) -> str:
    return f"{_ROOM[language]} {item.room}" if item.room else ""


def number_of(item: Item, language: Language) -> str:
    """Return the number that is stuck to the device: the customer's inventory number, else the dealer's."""
    if item.inventory_number:
        return f"{_INVENTORY[language]} {item.inventory_number}"
    return f"{_DEVICE[language]} {item.device_number}" if item.device_number else ""


def serial_of(item: Item) -> str:
    return f"S/N {item.serial}" if item.serial else ""


def place_of(parcel: Parcel, language: Language) -> str:
    return f"{_LOCATION[language]} {parcel.location} ({parcel.site})" if parcel.location else parcel.site


def address_of(parcel: Parcel) -> str:
    """Return the address, of however many lines, in one."""
    return ", ".join(line.strip(" ,\t") for line in (parcel.address or "").splitlines() if line.strip(" ,\t"))
