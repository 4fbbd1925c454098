"""`/sd`: the printers as targets for Prometheus' http_sd, which then reads them by /probe or labels other jobs with them.

Always the whole list, silent printers included: Prometheus keeps an old list on errors, and forgets what a new one leaves out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from poller.engine.fleet import Entry
from poller.exporter.probe import PORT_DEFAULT, join_target

_LABELS = ("id", "manufacturer", "model", "serial", "firmware", "hostname", "address", "location", "profile", "range")


def targets(entries: Sequence[Entry], *, site: str | None, ports: Mapping[str | None, int]) -> Iterator[bytes]:
    """Yield the JSON of `GET /sd`, printer by printer. A label that is not known is left out; Prometheus reads that as empty.

    A target is what /probe takes: `ports` are the SNMP ports by range, for those that are not the usual one. A printer whose address is
    masked is nobody's target.
    """
    lead = b"["
    for entry in entries:
        if not entry.printer.address:
            continue
        labels = {f"__meta_printer_{name}": value for name in _LABELS if (value := getattr(entry.printer, name)) is not None}
        if site is not None:
            labels["__meta_printer_site"] = site
        target = join_target(entry.printer.address, ports.get(entry.printer.range, PORT_DEFAULT))
        yield lead + msgspec.json.encode({"targets": [target], "labels": labels})
        lead = b",\n"
    yield b"]" if lead != b"[" else b"[]"
