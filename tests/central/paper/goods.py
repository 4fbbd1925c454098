"""Parcels to print."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from poller.central.supplies.parcels import Item, Parcel


def item(**facts: Any) -> Item:
    usual = {
        "request": "q-1",
        "article": "CF410X",
        "kind": "toner",
        "colour": "black",
        "part_number": "CF410X",
        "device": "d-1",
        "manufacturer": "HP",
        "model": "HP Color LaserJet M452nw",
        "serial": "VNB3K12345",
        "device_number": "M-7",
        "inventory_number": "4711",
        "room": "2.14",
        "cost_centre": None,
        "empty_on": date(2026, 12, 1),
        "rule": "forecast",
    }
    return Item(**{**usual, **facts})


def parcel(*items: Item, **facts: Any) -> Parcel:
    usual = {
        "id": "p-77a1",
        "account": "acme",
        "title": "Acme GmbH",
        "customer": "10023",
        "site": "hamburg",
        "location": "K-100",
        "address": "Musterweg 1\r\n20095 Hamburg\n",
        "contact": "Anna Beispiel",
        "phone": "+49 40 123",
        "mail": "anna@example.com",
        "language": "de",
        "made_at": datetime(2026, 11, 20, 14, 5, tzinfo=UTC),
    }
    return Parcel(**{**usual, **facts}, items=items or (item(),))
