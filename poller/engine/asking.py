"""Asks one device as it bears it: GETs cut small enough, tables walked by GETBULK or GETNEXT.

Devices differ in what they bear: some answer GETBULK with genErr or not at all, some drop messages with more than a few OIDs. `Manners`
is what one device turned out to bear; it starts hopeful, only ever gets smaller, and is kept with the layout.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from poller.engine.wire import Wire
from poller.errors import AgentError, NoAnswerError, PrinterError
from poller.model import Target
from poller.snmp.message import ErrorStatus, Missing, Question, Value
from poller.snmp.oid import Oid, text
from poller.snmp.walk import Walk

Row = tuple[Oid, Value]

OCTETS_MAX = 1400
"""What an answer should not exceed: one Ethernet frame, and what tunnels put around it."""
OCTETS_MAX_SLOW = 1200
"""The same over slow lines, where a lost fragment costs the whole answer."""

OIDS_SURE = 6
"""OIDs in a GET that every agent met in the field bears."""
TOO_MUCH = (ErrorStatus.TOO_BIG, ErrorStatus.GEN_ERR)
"""What an agent says to a question that asks more than it bears."""

_OIDS_MAX = 64
_BULK_ROWS_MAX = 24
_REFUSED_MAX = 3


@dataclass(slots=True)
class Manners:
    """What one device bears: OIDs in a GET, rows in a GETBULK (1 means GETNEXT), octets in an answer.

    Until a large GET was answered once (`is_proven`), silence may mean "too large"; afterwards it means silence. `pause_ms` is how long
    it is left alone before each question; `context` the SNMP context in which part of its values are, empty for nearly all.
    """

    oids_max: int = _OIDS_MAX
    bulk_rows: int = _BULK_ROWS_MAX
    octets_max: int = OCTETS_MAX
    is_proven: bool = False
    pause_ms: int = 0
    context: str = ""

    def paced(self, target: Target) -> Target:
        """Return *target* with the pause this device needs."""
        return target if self.pause_ms == target.pause_ms else msgspec.structs.replace(target, pause_ms=self.pause_ms)


async def ask(wire: Wire, target: Target, oids: Sequence[Oid], manners: Manners) -> tuple[Value | Missing, ...]:
    """GET *oids* in as many questions as the device needs. Raises PrinterError once it refuses even the smallest, time after time."""
    found: dict[Oid, Value | Missing] = {}
    left, refused = list(oids), 0
    while left:
        part = tuple(left[: manners.oids_max])
        try:
            values = await wire.get(target, Question(part))
        except NoAnswerError:
            if manners.is_proven or len(part) <= OIDS_SURE:
                raise
            manners.oids_max = max(len(part) // 3, OIDS_SURE)
        except AgentError as error:
            if error.status not in TOO_MUCH:
                raise
            culprits = part if len(part) == 1 else tuple(oid for oid in part if text(oid) == error.oid)
            is_one = len(part) == 1
            if culprits and (is_one or error.status == ErrorStatus.GEN_ERR):  # this one value the agent cannot tell; the others it may
                refused += error.status == ErrorStatus.TOO_BIG
                if refused > _REFUSED_MAX:
                    raise
                found[culprits[0]] = Missing.NULL
                left.remove(culprits[0])
            else:
                manners.oids_max = len(part) // 2
        else:
            refused = 0
            manners.is_proven = manners.is_proven or len(part) > OIDS_SURE
            found.update(zip(part, values, strict=True))
            del left[: len(part)]
    return tuple([found[oid] for oid in oids])


async def walk(
    wire: Wire, target: Target, root: Oid, manners: Manners, *, rows_max: int, likely: int = _BULK_ROWS_MAX, over: tuple[Oid, ...] = ()
) -> tuple[list[Row], PrinterError | None]:
    """Return the rows below *root* and, where the walk broke off, why. Raises NoAnswerError when even GETNEXT stays without an answer.

    *likely* is how many rows the first question should ask for. Subtrees named in *over* are left as soon as they are entered, and nothing
    of them is returned.
    """
    rows: list[Row] = []
    steps = Walk(root, rows_max=rows_max)
    while not steps.is_done:
        try:
            found = await wire.next(target, steps.next_oid, min(likely, manners.bulk_rows))
            likely = _BULK_ROWS_MAX
        except (NoAnswerError, AgentError) as error:
            if manners.bulk_rows > 1:
                manners.bulk_rows = 1
                continue
            if isinstance(error, NoAnswerError):
                raise
            return rows, error
        except PrinterError as error:
            return rows, error
        fault = None
        try:
            steps.feed(found)
        except AgentError as error:
            fault = error
        rows += [row for row in steps.taken if not row[0].startswith(over)]
        if fault is not None:
            return rows, fault
        for subtree in over:
            if steps.next_oid.startswith(subtree):
                steps.step_over(subtree)
    return rows, None
