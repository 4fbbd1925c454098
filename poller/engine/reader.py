"""How one known printer is read: by SNMP, filled in by IPP where its range allows that, by IPP alone while SNMP is silent.

A reading says whose it is. That is taken from what was learned, once a day; but when the device started at another time than was known,
it restarted, or it is another device at this address: then it has to show its serial number and MAC address before the reading counts.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

import msgspec

from poller.clock import Clock
from poller.engine import device, second
from poller.engine.asking import ask
from poller.engine.book import Book, Known
from poller.engine.device import Device
from poller.engine.wire import AttributeSource, Wire
from poller.errors import AgentError, NoAnswerError, PrinterError
from poller.logs import emit
from poller.model import Decoded, Printer, Target
from poller.printers import identity, layout, mib
from poller.printers.decode import decode
from poller.printers.merge import is_same_printer
from poller.snmp.oid import Oid

log = logging.getLogger(__name__)

LEARN_EVERY_SECONDS = 24 * 3600.0
_RELEARN_AFTER_SECONDS = 3600.0  # an agent whose tables never hold still is walked once an hour, not at every poll
_SNMP_AGAIN_SECONDS = 3600.0
_BOOT_NOISE = timedelta(seconds=60)  # as clocks and networks make it differ
_PROOFS = (mib.SERIAL_NUMBER, mib.INTERFACE_ADDRESS)


class NobodyError(AgentError):
    """What answers at the address is no printer: ours is not there."""


class Reader:
    """Reads printers of *book*, which says under which id what is learned is known."""

    def __init__(self, wire: Wire, clock: Clock, *, book: Book, rows_max: int, source: AttributeSource | None = None) -> None:
        self.wire, self._clock, self._book, self.rows_max, self._source = wire, clock, book, rows_max, source

    async def read(self, known: Known) -> Decoded:
        """Return a reading of whoever answers: perhaps not *known*, which its printer's id tells. Raises PrinterError."""
        if self._source is None or not self._source.may_ask(known.target.address):
            return await self._read_by_snmp(known)
        if self._clock.monotonic() >= known.by_ipp_until_at:
            known.by_ipp_until_at = 0.0
            try:
                decoded = await self._read_by_snmp(known)
            except NoAnswerError as silence:
                try:
                    decoded = await self._read_by_ipp(self._source, known)
                except PrinterError:
                    raise silence from None
                known.by_ipp_until_at = self._clock.monotonic() + _SNMP_AGAIN_SECONDS
                return decoded
            return await second.complete(self._source, decoded, known.second, self._clock)
        try:
            return await self._read_by_ipp(self._source, known)
        except PrinterError:
            known.by_ipp_until_at = 0.0  # perhaps it is SNMP that works again
            raise

    async def _read_by_ipp(self, source: AttributeSource, known: Known) -> Decoded:
        told = await second.read(source, known.target, self._clock, range=known.target.range, location=known.place.location)
        printer = told.reading.printer
        if not is_same_printer(known.printer, printer):
            raise AgentError("another printer answers IPP at this address")
        who = msgspec.structs.replace(known.printer, address=known.target.address, range=known.target.range, via=printer.via)
        return msgspec.structs.replace(told, reading=msgspec.structs.replace(told.reading, printer=who))

    async def _read_by_snmp(self, known: Known) -> Decoded:
        age_seconds = self._clock.monotonic() - known.learned_at
        if known.device is None or age_seconds >= LEARN_EVERY_SECONDS:
            return await self._learn(known)
        one, target = known.device, known.target  # a sweep may bring another way while this one is asked
        polled = await device.poll(self.wire, target, one, rows_max=self.rows_max)
        if polled.is_changed and age_seconds >= _RELEARN_AFTER_SECONDS:
            return await self._learn(known)
        decoded = decode(one.layout, polled.moving, polled.alerts, printer=known.printer, taken_at=self._clock.utc())
        if _has_restarted(known.boot_utc, decoded.boot_utc) and not await _is_still(self.wire, target, one):
            return await self._learn(known)
        known.boot_utc = decoded.boot_utc
        return decoded

    async def _learn(self, known: Known) -> Decoded:
        target, place = known.target, known.place
        learned = await device.learn(self.wire, target, rows_max=self.rows_max, octets_max=place.octets_max)
        if not identity.is_printer(learned.rows):
            raise NobodyError("no printer at this address any more")
        printer = device.describe(learned, target, location=place.location)
        if learned.faults and not known.is_doubted and not _is_recognised(printer, known.printer):
            raise NoAnswerError(target.address, tries=0)  # a table is missing: once more, before anything is made of it
        printer = self._book.settle(known, printer)
        decoded = decode(learned.layout, learned.moving, learned.device.alerts or (), printer=printer, taken_at=self._clock.utc())
        if printer.id == known.printer.id:
            known.printer = printer
        known.device, known.learned_at, known.boot_utc = learned.device, self._clock.monotonic(), decoded.boot_utc
        for fault in learned.faults:
            emit(log, logging.INFO, "printer.table_broken", printer=printer.id, reason=fault)
        return decoded


def _has_restarted(before_utc: datetime | None, now_utc: datetime | None) -> bool:
    """Say whether a device started at another time than was known. One that tells now, and did not before, may be another one."""
    if before_utc is None or now_utc is None:
        return before_utc is not now_utc
    return abs(now_utc - before_utc) > _BOOT_NOISE


async def _is_still(wire: Wire, target: Target, one: Device) -> bool:
    """Say whether the device shows the serial number and MAC address it was learned with; one without cannot. Raises PrinterError."""
    pairs = [(oid, value) for oid, value in zip(one.layout.shape.steady, one.layout.steady, strict=True) if _is_proof(oid)]
    if not pairs:
        return False
    told = await ask(wire, one.manners.paced(target), [oid for oid, _ in pairs], one.manners)
    return list(told) == [value for _, value in pairs]


def _is_recognised(printer: Printer, before: Printer) -> bool:
    """Say whether *printer* shows a serial number and is *before*. What a walk missed may be what tells them apart."""
    hard = [name for name in printer.identities if not name.startswith("addr:")]
    return printer.serial is not None and not set(hard).isdisjoint(before.identities)


def _is_proof(oid: Oid) -> bool:
    placed = layout.place(oid)
    return placed is not None and placed[0] in _PROOFS
