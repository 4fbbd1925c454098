"""A parcel as CSV: one row for each item, what all of them share in every row. The file of the folder, and what hangs on a mail.

By RFC 4180, in UTF-8 with the mark Excel knows it by; a cell a spreadsheet would take for a formula is guarded. The same parcel always
gives the same bytes.
"""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC

from poller.central.office.exporting import guarded
from poller.central.sending.texts import clean_lines
from poller.central.supplies.parcels import Item, Parcel

COLUMNS = (
    *("parcel", "made_at", "account", "customer", "title", "site", "location", "address", "contact", "phone", "mail"),
    *("request", "article", "alternatives", "pieces", "kind", "colour", "part_number"),
    *("manufacturer", "model", "serial", "device", "device_number", "inventory_number", "room", "cost_centre", "empty_on", "rule"),
)
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def is_parcel_id(text: str) -> bool:
    """Whether *text* can be a parcel's id: also a file name, a header, a key, unchanged everywhere."""
    return _ID.fullmatch(text) is not None


def file_name(parcel: Parcel) -> str:
    """Return what the file of a parcel is called."""
    return f"{parcel.id}.csv"


def sheet(parcel: Parcel) -> bytes:
    """Return the file."""
    text = io.StringIO(newline="")
    rows = csv.writer(text)
    rows.writerow(COLUMNS)
    for item in parcel.items:
        told = _told(parcel, item)
        rows.writerow([guarded(clean_lines(told[name])) for name in COLUMNS])
    return text.getvalue().encode("utf-8-sig")


def _told(parcel: Parcel, item: Item) -> dict[str, str | None]:
    return {
        "parcel": parcel.id,
        "made_at": parcel.made_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "account": parcel.account,
        "customer": parcel.customer,
        "title": parcel.title,
        "site": parcel.site,
        "location": parcel.location,
        "address": parcel.address,
        "contact": parcel.contact,
        "phone": parcel.phone,
        "mail": parcel.mail,
        "request": item.request,
        "article": item.article,
        "alternatives": " ".join(item.alternatives),
        "pieces": str(item.pieces),
        "kind": item.kind,
        "colour": item.colour,
        "part_number": item.part_number,
        "manufacturer": item.manufacturer,
        "model": item.model,
        "serial": item.serial,
        "device": item.device,
        "device_number": item.device_number,
        "inventory_number": item.inventory_number,
        "room": item.room,
        "cost_centre": item.cost_centre,
        "empty_on": None if item.empty_on is None else item.empty_on.isoformat(),
        "rule": item.rule,
    }
