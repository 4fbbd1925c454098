"""`poller read --ipp`: one printer by its IPP attributes, and where each value came from."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from poller.cli.running import run_async
from poller.errors import ConfigError
from poller.ipp.message import Attributes
from poller.logs import printable
from poller.model import Decoded

if TYPE_CHECKING:
    from poller.ipp.client import Way

_SHOWN_VALUES_MAX = 12
_SHOWN_LETTERS_MAX = 240
_SNMP_PORT = 161


def read_by_ipp(host: str, port: int, *, timeout_seconds: float | None) -> tuple[Decoded, Callable[[], None]]:
    """Return one device's reading by IPP, and what explains it on standard error. Raises PrinterError and ConfigError."""
    decoded, attributes, way = run_async(_read(host, port, timeout_seconds))
    return decoded, lambda: _explain(decoded, attributes, way)


async def _read(host: str, port: int, timeout_seconds: float | None) -> tuple[Decoded, Attributes, Way]:
    from poller.clock import SystemClock
    from poller.host import resolve
    from poller.ipp.client import PORT, PRINT_PORTS, TIMEOUT_SECONDS, IppClient, Printer
    from poller.networks import Interval, address_number
    from poller.printers.attributes import decode

    if port in PRINT_PORTS:
        raise ConfigError([f"--port: {port} is a port that prints what it is sent; IPP is spoken at {PORT}"])
    address = await resolve(host)
    version, number = address_number(address)
    async with IppClient(
        [Interval(version, number, number)],
        port=PORT if port == _SNMP_PORT else port,
        timeout_seconds=timeout_seconds or TIMEOUT_SECONDS,
    ) as client:
        attributes = await client.read_attributes(Printer(address))
        way = client.way(address)
    assert way is not None
    return decode(attributes, address=address, taken_at=SystemClock().utc()), attributes, way


def _explain(decoded: Decoded, attributes: Attributes, way: Way) -> None:
    """Print every attribute with its raw values, what was asked but not told, and the metrics that result."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from poller import exposition
    from poller.printers import gauges
    from poller.printers.attributes import REQUESTED

    console = Console(stderr=True, highlight=False, width=200 if not sys.stderr.isatty() else None)

    def show(title: str, names: list[str]) -> None:
        table = Table("attribute", "raw", box=None, pad_edge=False)
        for name in names:
            values = attributes[name]
            more = f" … {len(values)} values" if len(values) > _SHOWN_VALUES_MAX else ""
            raw = ", ".join(str(value) for value in values[:_SHOWN_VALUES_MAX])[:_SHOWN_LETTERS_MAX] + more
            table.add_row(*(Text(printable(cell), overflow="fold") for cell in (name, raw)))
        console.print(f"\n{title}", style="bold")
        console.print(table if table.row_count else "  none")

    seen = "" if way.fingerprint is None else f", certificate SHA-256 {way.fingerprint} (not checked)"
    version = ".".join(map(str, way.version))
    asked = f"asked {decoded.reading.printer.address} by IPP {version}, {way.scheme} {way.path}{seen}"
    console.print("\n" + printable(asked), markup=False, style="bold")
    show("asked for", [name for name in REQUESTED if name in attributes])
    show("sent unasked, unused", [name for name in attributes if name not in REQUESTED])
    missing = ", ".join(name for name in REQUESTED if name not in attributes)
    console.print("\nnot told", style="bold")
    console.print(missing or "  none")
    console.print("\nmetrics", style="bold")
    for metric, lines in zip(gauges.FAMILIES, gauges.render(decoded, site=None), strict=True):
        if lines:
            console.print(Text((exposition.header(metric) + lines).decode().rstrip()), soft_wrap=True)
