"""A device out of a recording, behind the seam of `wire.py`: it is learned and read exactly as one on the network, without any."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

from poller.model import Target
from poller.snmp.message import Missing, Question, Value
from poller.snmp.oid import Oid, arcs

Row = tuple[Oid, Value]


class Recorded:
    """Implements `Wire` from rows."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows = sorted(rows, key=lambda row: arcs(row[0]))
        self._arcs = [arcs(oid) for oid, _ in self._rows]
        self._held = dict(self._rows)

    async def get(self, target: Target, question: Question) -> tuple[Value | Missing, ...]:
        return tuple([self._held.get(oid, Missing.NO_SUCH_INSTANCE) for oid in question.oids])

    async def next(self, target: Target, oid: Oid, rows: int) -> list[Row]:
        at = bisect_right(self._arcs, arcs(oid))
        return self._rows[at : at + rows]
