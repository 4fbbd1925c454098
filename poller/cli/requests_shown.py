"""Requests as people see them: in a line of a table, in full, in a sheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any

from poller.central.supplies.words import supply_words

_SHEET = (
    *("account", "request", "state", "hold", "site", "location", "article", "alternatives", "pieces", "kind", "colour", "part_number"),
    *("device", "manufacturer", "model", "serial", "device_number", "inventory_number", "empty_on", "rule", "decided_at", "changed_at"),
    *("sent_at", "asked_at", "approved_by", "parcel"),
)


def in_short(row: Mapping[str, Any]) -> dict[str, str]:
    """Return what a table has one cell for."""
    return {
        "state": told_state(row),
        "supply": supply_words(row["kind"], row["colour"], "en"),
        "device": " ".join(row[name] for name in ("model", "serial") if row[name]) or row["device"],
    }


def in_full(one: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a person wants to know of a request; with --json there is everything."""
    why = one["reason"]
    days = "more than 400 days" if why["days"] is None else f"{why['days']:g} days"
    early, late = ("more than 400" if why[name] is None else f"{why[name]:g}" for name in ("early_days", "late_days"))
    arrived = [
        f"{each['pieces']} on {each['at']:%Y-%m-%d}{', ' + each['tracking'] if each['tracking'] else ''}" for each in one["deliveries"]
    ]
    plain = ("account", "site", "location", "device", "part_number", "article")
    times = {name: one[name] and f"{one[name]:%Y-%m-%d %H:%M} UTC" for name in ("decided_at", "sent_at", "asked_at")}
    return {
        "request": one["request"],
        "state": told_state(one),
        **{name: one[name] for name in plain},
        "alternatives": ", ".join(one["alternatives"]),
        "pieces": one["pieces"],
        "supply": f"{supply_words(one['kind'], one['colour'], 'en')}, {one['supply']} in its readings",
        "parcel": one["parcel"],
        **times,
        "approved_by": one["approved_by"],
        "delivered": "; ".join(arrived),
        "rule": why["rule"],
        "empty in": f"{days} from then on, at 5 and 95 %: {early} and {late}",
        "chance of being late": f"{why['chance']:.1%}",
        "left": f"{why['left_low']:.0%} to {why['left_high']:.0%}",
        "prints": f"{why['pages_per_day']:g} pages on a working day, by {why['days_seen']:g} of them",
        "lasts": f"{why['pages_per_supply']:g} pages, give or take a factor {why['pages_per_supply_factor']:g}",
        "seen of its part": why["samples"],
    }


def told_state(one: Mapping[str, Any]) -> str:
    return f"{one['state']}: {one['hold']}" if one["hold"] else str(one["state"])


def empty_on(row: Mapping[str, Any]) -> date | None:
    """Return the day by which the supply is empty, as likely later as sooner; None beyond what is forecast."""
    days = row["reason"]["days"]
    return None if days is None else (row["decided_at"] + timedelta(days=days)).date()


def sheet_of(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Return a sheet any spreadsheet opens; its cells are no formulas, whatever a device calls itself."""
    from poller.central.office.exporting import guarded

    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(_SHEET)
    for row in rows:
        told = {**row, "rule": row["reason"]["rule"], "alternatives": " ".join(row["alternatives"])}
        cells = (value.isoformat() if isinstance(value := told[name], date) else value for name in _SHEET)
        writer.writerow([guarded(cell) for cell in cells])
    return text.getvalue().encode("utf-8-sig")
