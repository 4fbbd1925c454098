"""`poller read`: one reading of one device, now; with --explain, where each value came from."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from poller.cli.credentials import choose_credentials
from poller.cli.options import ConfigOption, CredentialOption, JsonOption, load_config
from poller.cli.running import run_async
from poller.errors import ConfigError
from poller.logs import printable
from poller.model import Credential, Decoded, Reading, SnmpVersion, Target

if TYPE_CHECKING:
    from poller.engine.device import Learned

HostArgument = Annotated[str, typer.Argument(metavar="HOST", help="An address or a host name.")]
PortOption = Annotated[int, typer.Option("--port", min=1, max=65535, help="UDP port the agent listens on.")]
VersionOption = Annotated[
    str | None,
    typer.Option("--version", metavar="1|2c|3", help="Ask in this version of SNMP alone. Default: as the credentials say, 2c before 1."),
]
TimeoutOption = Annotated[
    float | None,
    typer.Option(
        "--timeout",
        min=0.05,
        max=60,
        help="Seconds to wait for the first try; each further one waits twice as long. Default: [poll] timeout.",
    ),
]
RetriesOption = Annotated[
    int | None, typer.Option("--retries", min=0, max=10, help="Further tries of each question. Default: [poll] retries.")
]

_BAR_CELLS = 20


def read(
    host: HostArgument,
    port: PortOption = 161,
    credential: CredentialOption = None,
    version: VersionOption = None,
    as_json: JsonOption = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show every value with its OID, what was unused, and the metrics that result.")
    ] = False,
    timeout: TimeoutOption = None,
    retries: RetriesOption = None,
    ipp: Annotated[bool, typer.Option("--ipp", help="Ask by IPP (TCP, port 631 unless --port says another), not by SNMP.")] = False,
    config: ConfigOption = None,
) -> None:
    """Read one printer now: who it is, its supplies, counters, trays and alerts.

    Ends with 1 when it does not answer, or is no printer. The community is `public` unless told.

    Example:

        poller read 10.1.0.7
        poller read prn-7.example.com --credential branch --json
        poller read 10.1.0.7 --credential @community.txt --explain
        poller read 10.1.0.7 --ipp
    """
    settings = load_config(config)
    if ipp:
        from poller.cli.read_ipp import read_by_ipp

        decoded, explain_ipp = read_by_ipp(host, port, timeout_seconds=timeout)
        _conclude(host, decoded, as_json=as_json, explain=explain_ipp if explain else None)
        return
    credentials = choose_credentials(settings.credentials, credential, version=snmp_version(version))
    decoded, learned, target = run_async(
        read_device(
            host,
            port,
            credentials,
            timeout_seconds=timeout or settings.poll.timeout_seconds,
            retries=settings.poll.retries if retries is None else retries,
            rows_max=settings.poll.rows_max,
        )
    )
    _conclude(host, decoded, as_json=as_json, explain=(lambda: _explain(decoded, learned, target)) if explain else None)


def _conclude(host: str, decoded: Decoded, *, as_json: bool, explain: Callable[[], None] | None) -> None:
    """Print the reading, and whatever explains it; end with 1 when it is of no printer."""
    if as_json:
        print(msgspec.json.encode(decoded.reading).decode())
    else:
        _show(decoded)
    if explain is not None:
        explain()
    if not decoded.reading.is_printer:
        print(f"{printable(host)} is no printer", file=sys.stderr)
        raise typer.Exit(1)


async def read_device(
    host: str, port: int, credentials: tuple[Credential, ...], *, timeout_seconds: float, retries: int, rows_max: int
) -> tuple[Decoded, Learned, Target]:
    """Read one device by a socket of its own. Raises PrinterError."""
    from poller.clock import SystemClock
    from poller.engine import device
    from poller.host import resolve
    from poller.snmp.socket import SnmpSocket

    address = await resolve(host)
    targets = [Target(address=address, port=port, credential=one) for one in credentials]
    async with SnmpSocket(timeout_seconds=timeout_seconds, retries=retries) as wire:
        return await device.read(wire, targets, SystemClock(), rows_max=rows_max)


def snmp_version(text: str | None) -> SnmpVersion | None:
    if text in (None, "1", "2c", "3"):
        return text  # type: ignore[return-value]  # narrowed by the line above
    raise ConfigError([f"--version: {text!r} is no version that is spoken here; want 1, 2c or 3"])


def _show(decoded: Decoded) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    reading = decoded.reading

    def table(*titles: str) -> Table:
        return Table(*titles, box=None, pad_edge=False, title_justify="left")

    def cells(*values: object) -> tuple[Text, ...]:
        return tuple(Text(printable("" if value is None else str(value))) for value in values)

    for line in _headlines(reading):
        console.print(*cells(line), soft_wrap=True)
    supplies = table("supply", "left", "", "state", "part", "description")
    for supply in reading.supplies:
        name = " ".join(part for part in (supply.colour, supply.kind) if part)
        percent = "" if supply.ratio is None else f"{supply.ratio:.0%}"
        filled = 0 if supply.ratio is None else round(supply.ratio * _BAR_CELLS)
        bar = "" if supply.ratio is None else "█" * filled + "·" * (_BAR_CELLS - filled)
        supplies.add_row(*cells(name, percent, bar, supply.state, supply.part_number, supply.description))
    counters = table("counter", "count", "unit")
    for counter in reading.counters:
        parts = (counter.function, *(part for part in (counter.colour, counter.size, counter.sides) if part != "all"), counter.label)
        counters.add_row(*cells(" ".join(part for part in parts if part), f"{counter.count:,}", counter.unit))
    trays = table("tray", "state", "level", "media")
    for tray in reading.trays:
        level = "" if tray.units is None else f"{tray.units}" + (f" of {tray.capacity}" if tray.capacity else "") + f" {tray.unit or ''}"
        trays.add_row(*cells(tray.name or tray.key, tray.state, level, tray.media))
    alerts = table("alert", "group", "code", "text")
    texts = dict(decoded.alert_texts)
    for alert in reading.alerts:
        alerts.add_row(*cells(alert.severity, alert.group, alert.code, texts.get(alert.key)))
    for part in (supplies, counters, trays, alerts):
        if part.row_count:
            console.print()
            console.print(part)


def _headlines(reading: Reading) -> list[str]:
    printer, status = reading.printer, reading.status
    name = " ".join(part for part in (printer.manufacturer, printer.model) if part) or "unknown device"
    facts = {
        "serial": printer.serial,
        "firmware": printer.firmware,
        "host": printer.hostname,
        "mac": printer.mac,
        "location": printer.location,
        "status": status.printer,
        "errors": ", ".join(status.errors),
    }
    lines = [f"{name}  ({printer.address}, {printer.via})", f"id {printer.id}"]
    return lines + [f"{name} {value}" for name, value in facts.items() if value]


def _explain(decoded: Decoded, learned: Learned, target: Target) -> None:
    """Print where each value came from. On standard error beside --json, so that standard output stays JSON."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from poller import exposition
    from poller.printers import gauges
    from poller.printers.explain import explain

    console = Console(stderr=True, highlight=False, width=200 if not sys.stderr.isatty() else None)
    explanation = explain(learned.layout, learned.moving, learned.device.alerts or (), learned.rows.items(), decoded)

    def show(title: str, titles: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> None:
        table = Table(*titles, box=None, pad_edge=False)
        for row in rows:
            table.add_row(*(Text(printable(str(cell)), overflow="fold") for cell in row))
        console.print(f"\n{title}", style="bold")
        console.print(table if table.row_count else "  none")

    manners = learned.device.manners
    bulk = f"{manners.bulk_rows} rows by GETBULK" if manners.bulk_rows > 1 else "one row by GETNEXT"
    asked = f"SNMP {target.credential.version}, port {target.port}, credential {target.credential.name!r}"
    pause = f", {manners.pause_ms} ms apart" if manners.pause_ms else ""
    context = f", in context {manners.context} too" if manners.context else ""
    console.print(
        f"\nasked {target.address} by {asked}; {bulk}, {manners.oids_max} OIDs by GET{pause}{context}", markup=False, style="bold"
    )
    show("used", ("OID", "object", "raw", "became", "meaning"), explanation.used)
    show("unused", ("OID", "object", "raw", "because"), explanation.unused)
    if decoded.display:
        show("display (never leaves this host)", ("line",), ((line,) for line in decoded.display))
    for fault in learned.faults:
        console.print(Text(f"broken off: {printable(fault)}"))
    console.print("\nmetrics", style="bold")
    for metric, lines in zip(gauges.FAMILIES, gauges.render(decoded, site=None), strict=True):
        if lines:
            console.print(Text((exposition.header(metric) + lines).decode().rstrip()), soft_wrap=True)
