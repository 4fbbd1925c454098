"""The seam: all the engine knows of the network.

Version, level and context are the credential's; whatever else joins later joins below these two methods, and nothing above them changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from poller.ipp.message import Attributes
from poller.model import Target
from poller.snmp.message import Missing, Question, Value
from poller.snmp.oid import Oid


class Wire(Protocol):
    """Asks one device at a time one question; thousands of devices at once."""

    async def get(self, target: Target, question: Question) -> tuple[Value | Missing, ...]:
        """Return one value per OID of *question*, in its order.

        Raises NoAnswerError, DecodeError, AccessError, AgentError (tooBig, genErr …; an OID the device lacks is a Missing, in every
        version).
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


class Addressed(Protocol):
    """Whoever has an address: a Target, or what is known of a printer without SNMP."""

    @property
    def address(self) -> str: ...


class AttributeSource(Protocol):
    """The second way to a printer: its attributes by IPP, where a range allows it."""

    def may_ask(self, address: str) -> bool:
        """Say whether *address* lies in a range with `ipp = true`; no other is ever connected to."""
        ...

    async def read_attributes(self, target: Addressed) -> Attributes:
        """Return what the printer says of itself. Raises NoAnswerError, DecodeError, AgentError (HTTP or IPP says no)."""
        ...
