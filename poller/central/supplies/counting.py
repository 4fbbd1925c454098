"""Which of a printer's counters tells how fast its supplies go: one number of pages, and one of those in colour where there is one."""

from __future__ import annotations

from collections.abc import Iterable

from poller.model import Counter


def pages_of(counters: Iterable[Counter], chosen: str | None) -> tuple[str | None, int | None]:
    """Return (which counter, its pages): the billing total, else print, copy and fax together, else the marker's life count.

    What was *chosen* once stays: another counter is another number. None where there is none, or not this once.
    """
    found: dict[str, int] = {}
    for counter in counters:
        if counter.unit not in ("impressions", "sheets") or counter.size != "all" or counter.sides != "all" or counter.count < 0:
            continue
        if counter.function == "total" and counter.colour == "all":
            found["total"] = counter.count
        elif counter.function in ("print", "copy", "fax") and counter.colour in ("all", "mono", "colour"):
            found["parts:" + counter.colour] = found.get("parts:" + counter.colour, 0) + counter.count
        elif counter.function == "other" and counter.label == "prtMarkerLifeCount":
            found["life"] = counter.count
    if "parts:all" not in found and "parts:mono" in found:
        found["parts:all"] = found["parts:mono"] + found.get("parts:colour", 0)
    if chosen is not None:
        return chosen, found.get(chosen)
    for name in ("total", "parts:all", "life"):
        if name in found:
            return name, found[name]
    return None, None


def colour_pages_of(counters: Iterable[Counter]) -> int | None:
    """Return the device's pages in colour, by its billing total; None where it does not tell them apart."""
    for counter in counters:
        if counter.function == "total" and counter.colour == "colour" and counter.size == "all" and counter.sides == "all":
            return counter.count if counter.count >= 0 and counter.unit in ("impressions", "sheets") else None
    return None
