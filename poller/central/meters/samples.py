"""What a reading says of a device's counters, brought into the form meters are made from.

A *cell* names a counter: `print.mono`, `total.large`, `total.sheets`; words of design.md section 5 in the order function, colour, size,
sides, unit, left out where they are the usual ones (all, all, all, impressions). A counter of function `other` is no cell: it repeats one
that is (prtMarkerLifeCount beside the maker's own total), and no contract names it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Literal

import msgspec

from poller.model import Counter, LargeCounted, Reading, Value

Origin = Literal["read", "customer", "technician", "import", "estimated"]
"""Who says so: the device itself, somebody who stood before it, a dealer's technician, a file, or nobody."""

SKEW = timedelta(minutes=10)
"""How far two clocks may be apart: an agent's request is believed within 300 s, and there may be two agents."""
COUNT_MAX = 2**53 - 1
"""The largest count kept: what JSON carries exactly everywhere (RFC 8259 section 6). A Counter64 beyond it is no page count."""
NO_COUNTS = frozenset({2**31 - 1, 2**32 - 1})
"""What -1, SNMP's "unknown" (RFC 3805), becomes in a counter of 32 bits, and the largest an INTEGER holds: a number of no pages. Taken for
one it would look like a counter about to run over."""
CELLS_MAX = 128

_USUAL = {"colour": "all", "size": "all", "sides": "all", "unit": "impressions"}


class Shape(Value, frozen=True, kw_only=True):
    """Which cells a device reports, and where each was read: the OID, or the maker's label where it has none, else "".

    `large` says of each how often a large sheet stands in it, as the profile of the device knows; empty where nothing is known of any.
    """

    cells: tuple[str, ...]
    sources: tuple[str, ...]
    large: tuple[LargeCounted | None, ...] = ()

    def counted(self) -> dict[str, LargeCounted]:
        """Return how often large sheets stand in each cell of which it is known: what `formulas.evaluate` asks for."""
        return {cell: large for cell, large in zip(self.cells, self.large, strict=False) if large is not None}


class Sample(Value, frozen=True, kw_only=True):
    """The counters of one device at one moment. `counts` go with `shape.cells`.

    `agent` and `sequence` say who recorded it and as which of its records (batch number, then line): an agent's records are in the order
    they were made in, whatever its clock said. `received_utc` is central's own time.
    """

    taken_utc: datetime
    received_utc: datetime
    agent: str
    sequence: int
    shape: Shape
    counts: tuple[int, ...]
    serial: str | None = None
    mac: str | None = None
    firmware: str | None = None
    origin: Origin = "read"


def sequence_of(number: int, position: int) -> int:
    """Return the place of a record among all its agent made: batch by batch, line by line."""
    return number * 1_000_000 + position


class Counted(msgspec.Struct, frozen=True):
    """What of a reading's line meters are made from: the rest is not decoded."""

    class Printer(msgspec.Struct, frozen=True):
        id: str
        serial: str | None = None
        mac: str | None = None
        firmware: str | None = None

    taken_at: datetime
    printer: Printer
    type: str = ""
    schema: int = 1
    is_printer: bool = True
    counters: tuple[Counter, ...] = ()


def cell_of(counter: Counter) -> str:
    """Return the name of the cell *counter* fills."""
    return ".".join([counter.function, *(word for name, usual in _USUAL.items() if (word := getattr(counter, name)) != usual)])


@lru_cache(maxsize=8192)
def shape_of(rows: tuple[tuple[str, str], ...], large: tuple[LargeCounted | None, ...] = ()) -> Shape:
    """Return the one `Shape` of these (cell, source): equal devices share it, so that it is compared by identity."""
    return Shape(cells=tuple([cell for cell, _ in rows]), sources=tuple([source for _, source in rows]), large=large if any(large) else ())


def sample_of(reading: Reading | Counted, *, agent: str, sequence: int, received_utc: datetime) -> Sample:
    """Return what *reading* says of its device's counters.

    A count that is none (negative, in `NO_COUNTS`, beyond `COUNT_MAX`) is left out, as is a second counter for the same cell.
    """
    found: dict[str, tuple[str, int, LargeCounted | None]] = {}
    for one in reading.counters:
        if one.function != "other" and 0 <= one.count <= COUNT_MAX and one.count not in NO_COUNTS and len(found) < CELLS_MAX:
            found.setdefault(cell_of(one), (one.oid or one.label or "", one.count, one.large))
    printer = reading.printer
    return Sample(
        taken_utc=reading.taken_at,
        received_utc=received_utc,
        agent=agent,
        sequence=sequence,
        shape=shape_of(tuple([(cell, source) for cell, (source, _, _) in found.items()]), tuple([large for _, _, large in found.values()])),
        counts=tuple([count for _, count, _ in found.values()]),
        serial=printer.serial,
        mac=printer.mac,
        firmware=printer.firmware,
    )


def stated(counts: Mapping[str, int], *, taken_utc: datetime, origin: Origin) -> Sample:
    """Return counters as somebody states them: a customer's mail, a technician's note, an imported start meter. Raises ValueError."""
    if any(not 0 <= count <= COUNT_MAX for count in counts.values()) or not 0 < len(counts) <= CELLS_MAX:
        raise ValueError("a meter is a whole number, not below zero")
    return Sample(
        taken_utc=taken_utc,
        received_utc=taken_utc,
        agent="",
        sequence=0,
        shape=shape_of(tuple([(cell, "") for cell in counts])),
        counts=tuple(counts.values()),
        origin=origin,
    )
