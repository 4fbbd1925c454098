"""A walk of one subtree, stepped by hand: the agent is trusted neither to advance nor to stop.

Holds no socket, never waits, always ends: at the subtree's edge, at the end of the MIB, or with an AgentError once the agent repeats
itself or sends more rows than any honest table has.
"""

from __future__ import annotations

from collections.abc import Sequence

from poller.errors import AgentError
from poller.snmp.message import Value
from poller.snmp.oid import Oid, arcs, text

_LAST_ARC = b"\x8f\xff\xff\xff\x7f"  # 4294967295, RFC 2578 section 3.5


class Walk:
    """One subtree. Ask for what follows `next_oid`, feed what came, until `is_done`."""

    def __init__(self, root: Oid, *, rows_max: int) -> None:
        self._root, self._rows_left = root, rows_max
        self.next_oid, self.is_done = root, False

    def step_over(self, subtree: Oid) -> None:
        """Go on behind *subtree*: behind its last possible arc."""
        self.next_oid = Oid(subtree + _LAST_ARC)

    def feed(self, rows: Sequence[tuple[Oid, Value]]) -> list[tuple[Oid, Value]]:
        """Take one reply, empty at the end of the MIB; return its rows inside the subtree.

        A row that is said twice counts once, as long as the reply goes on. Raises AgentError; the rows taken before stay good, and so do
        those of this reply in front of the fault, in `taken`.
        """
        self.taken: list[tuple[Oid, Value]] = []
        again: Oid | None = None
        if not rows:
            self.is_done = True
        for oid, value in rows:
            if not oid.startswith(self._root):
                self.is_done = True
                break
            if oid == self.next_oid:
                again = oid
                continue
            if arcs(oid) < arcs(self.next_oid):
                self.is_done = True
                raise AgentError("OID did not advance", oid=text(oid))
            if self._rows_left == 0:
                self.is_done = True
                raise AgentError("table longer than rows_max", oid=text(oid))
            self._rows_left -= 1
            self.next_oid = oid
            self.taken.append((oid, value))
        if again is not None and not self.taken and not self.is_done:
            self.is_done = True
            raise AgentError("OID did not advance", oid=text(again))
        return self.taken
