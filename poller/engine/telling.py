"""What the log says of printers and ranges: one line when something has changed, none when it has not."""

from __future__ import annotations

import logging

from poller.engine.book import Known
from poller.engine.presence import Event
from poller.errors import PrinterError
from poller.logs import emit

log = logging.getLogger(__name__)


def sighted(known: Known) -> None:
    emit(log, logging.DEBUG, "printer.sighted", printer=known.printer.id, address=known.target.address, model=known.printer.model)


def happened(known: Known, event: Event) -> None:
    """Tell of an event; of a move see `moved`."""
    facts = {"by": known.presence.rival} if event is Event.REPLACED else {"model": known.printer.model}
    emit(log, logging.INFO, f"printer.{event.value}", exc_info=None, printer=known.printer.id, address=known.target.address, **facts)


def moved(known: Known, *, before: str) -> None:
    emit(log, logging.INFO, "printer.moved", printer=known.printer.id, address=known.target.address, before=before)


def silent(known: Known, error: PrinterError, *, next_try_seconds: float) -> None:
    emit(
        log,
        logging.INFO,
        "printer.silent",
        printer=known.printer.id,
        address=known.target.address,
        error=error.kind,
        reason=str(error),
        next_try_seconds=round(next_try_seconds),
    )


def heard(known: Known) -> None:
    emit(log, logging.INFO, "printer.heard", printer=known.printer.id, address=known.target.address)


def forgotten(known: Known) -> None:
    emit(log, logging.INFO, "printer.forgotten", printer=known.printer.id, address=known.target.address)


def range_turned(range_name: str | None, *, is_silent: bool, printers: int) -> None:
    """Tell that a whole range fell silent, or is heard again; *printers* are expected there."""
    event, level = ("range.silent", logging.WARNING) if is_silent else ("range.heard", logging.INFO)
    emit(log, level, event, range=range_name, printers=printers)
