"""The second way to a printer: IPP, where SNMP leaves something open and the range allows it.

Asked after SNMP and only then: a device whose levels are all known costs nothing here. IPP never makes a poll fail; a device that does not
answer it is asked again after a quarter of an hour, then later and later, a day at most.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from poller.clock import Clock
from poller.engine.wire import Addressed, AttributeSource
from poller.errors import AgentError, PrinterError
from poller.logs import emit
from poller.model import Decoded
from poller.printers import attributes
from poller.printers.merge import is_same_printer, merge, wants_levels

log = logging.getLogger(__name__)

_WAIT_SECONDS = 900.0
_WAIT_SECONDS_MAX = 24 * 3600.0


@dataclass(slots=True)
class Patience:
    """When one device may be asked by IPP again; kept beside what else is known of it."""

    next_at: float = 0.0
    wait_seconds: float = 0.0

    def lose(self, now_at: float) -> None:
        self.wait_seconds = min(max(_WAIT_SECONDS, self.wait_seconds * 2), _WAIT_SECONDS_MAX)
        self.next_at = now_at + self.wait_seconds

    def regain(self) -> None:
        self.next_at = self.wait_seconds = 0.0


async def read(source: AttributeSource, target: Addressed, clock: Clock, *, range: str | None, location: str | None) -> Decoded:  # noqa: A002
    """Read a device by IPP alone. Raises PrinterError, also where it is no printer."""
    told = await source.read_attributes(target)
    decoded = attributes.decode(told, address=target.address, taken_at=clock.utc(), range=range, location=location)
    if not decoded.reading.is_printer:
        raise AgentError("what answers IPP at this address is no printer")
    return decoded


async def complete(source: AttributeSource, decoded: Decoded, patience: Patience, clock: Clock) -> Decoded:
    """Return SNMP's reading with what it leaves open filled in by IPP; as it is where there is nothing to ask, nobody to, or no answer."""
    printer = decoded.reading.printer
    if clock.monotonic() < patience.next_at or not source.may_ask(printer.address) or not wants_levels(decoded):
        return decoded
    try:
        told = await read(source, printer, clock, range=printer.range, location=None)
        if not is_same_printer(printer, told.reading.printer):
            raise AgentError("another printer answers IPP at this address")
    except PrinterError as error:
        if not patience.wait_seconds:  # said once, not at every try
            emit(log, logging.INFO, "printer.no_ipp", printer=printer.id, address=printer.address, error=error.kind, reason=str(error))
        patience.lose(clock.monotonic())
        return decoded
    patience.regain()
    return merge(decoded, told)
