"""The cells of a poll: what a device answered, one for each OID its layout names, and how some of them are picked out."""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter

from poller.snmp.message import Missing, Value

Cell = Value | Missing | None
Cells = tuple[Cell, ...]
Pick = Callable[[Cells], Cells]


def getter(positions: list[int]) -> Pick:
    """Return what picks the cells at *positions*; itemgetter, as it is by far the quickest, made to give a tuple for 0 and 1 as well."""
    if not positions:
        return lambda cells: ()
    if len(positions) == 1:
        position = positions[0]
        return lambda cells: (cells[position],)
    return itemgetter(*positions)
