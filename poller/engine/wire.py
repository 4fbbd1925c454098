"""The seam: all the engine knows of the network.

Whatever joins later (SNMPv3, contexts, another transport) joins below these two methods; nothing above them changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from poller.model import Target
from poller.snmp.message import Missing, Question, Value
from poller.snmp.oid import Oid


class Wire(Protocol):
    """Asks one device at a time one question; thousands of devices at once."""

    async def get(self, target: Target, question: Question) -> tuple[Value | Missing, ...]:
        """Return one value per OID of *question*, in its order.

        Raises NoAnswerError, DecodeError, AgentError (tooBig, genErr …; an OID the device lacks is a Missing, in every version).
        """
        ...

    async def next(self, target: Target, oid: Oid, rows: int) -> list[tuple[Oid, Value]]:
        """Return up to *rows* values that follow *oid* in the device's order; an empty list at the end of the MIB.

        One request: a device may send fewer. Raises as `get`.
        """
        ...


class Sounder(Protocol):
    """The sweep's way down: datagrams out, strange datagrams in, no state per address in between."""

    def send_many(self, datagrams: Sequence[bytes], addresses: Sequence[bytes], port: int) -> int:
        """Send each datagram to the packed address beside it, all of one IP version and at most 256; return how many are done with.

        Fewer than given means that the kernel has no room for the next (EAGAIN, ENOBUFS). Unreachable networks are counted, not raised.
        """
        ...
