"""Records what a device shows, for a profile or a bug report: the standard MIBs whole, private ones where asked.

Tables that hold jobs (who printed what) are stepped over, whatever root was asked for: there is no way to record them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from poller.engine.asking import Manners, walk
from poller.engine.wire import Wire
from poller.model import Target
from poller.snmp.message import Value
from poller.snmp.oid import Oid, arcs, parse

Row = tuple[Oid, Value]

STANDARD_ROOTS: tuple[Oid, ...] = (
    parse("1.3.6.1.2.1.1"),  # system, RFC 3418
    parse("1.3.6.1.2.1.2"),  # interfaces, RFC 2863
    parse("1.3.6.1.2.1.25.1"),  # hrSystem, RFC 2790; not hrSWRun, which lists programs
    parse("1.3.6.1.2.1.25.2"),
    parse("1.3.6.1.2.1.25.3"),
    parse("1.3.6.1.2.1.43"),  # Printer-MIB and Finisher-MIB, RFC 3805 and 3806
    parse("1.3.6.1.4.1.2699.1.2"),  # PWG Port Monitor MIB
)

NEVER: tuple[Oid, ...] = (
    parse("1.3.6.1.4.1.11.2.3.9.4.2.1.1.6"),  # HP, jobs
    parse("1.3.6.1.4.1.367.3.2.1.3.2"),  # Ricoh, job log
    parse("1.3.6.1.4.1.1248.1.2.2.27.20"),  # Epson SureColor, job log
    parse("1.3.6.1.4.1.2699.1.1"),  # PWG Job Monitoring MIB, RFC 2707
)
"""Tables of jobs, users or document names."""


async def record(
    wire: Wire, target: Target, roots: Sequence[Oid], *, rows_max: int, on_rows: Callable[[int], None] | None = None
) -> tuple[list[Row], list[str]]:
    """Return the rows below *roots*, in order, each once, and what broke off on the way.

    Raises NoAnswerError when the device falls silent.
    """
    manners, rows, faults = Manners(), dict[Oid, Value](), list[str]()
    for root in roots:
        found, fault = await walk(wire, target, root, manners, rows_max=rows_max, over=NEVER)
        rows.update(found)
        if fault is not None:
            faults.append(str(fault))
        if on_rows is not None:
            on_rows(len(rows))
    return sorted(rows.items(), key=lambda row: arcs(row[0])), faults
