"""`poller record`: what a device shows, as a file, for a profile or a bug report."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from poller.cli.credentials import choose_credentials
from poller.cli.options import ConfigOption, CredentialOption, load_config
from poller.cli.read import HostArgument, PortOption, RetriesOption, TimeoutOption, VersionOption, snmp_version
from poller.cli.running import run_async
from poller.errors import AccessError, ConfigError, NoAnswerError, PrinterError

if TYPE_CHECKING:
    from poller.engine.recorder import Row
    from poller.model import Credential, Target
    from poller.snmp.oid import Oid

RootOption = Annotated[
    list[str] | None,
    typer.Option("--root", metavar="OID", help="Also record this subtree, such as a vendor's. May be given several times."),
]
RowsOption = Annotated[int, typer.Option("--rows-max", min=1, max=1_000_000, help="Rows taken of one subtree at most.")]


def record(
    host: HostArgument,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE.snmprec", help="Where to write; must not exist yet.")],
    port: PortOption = 161,
    credential: CredentialOption = None,
    version: VersionOption = None,
    root: RootOption = None,
    rows_max: RowsOption = 20_000,
    scrub: Annotated[bool, typer.Option("--scrub", help="Replace serial numbers, addresses, names and places by invented ones.")] = False,
    timeout: TimeoutOption = None,
    retries: RetriesOption = None,
    config: ConfigOption = None,
) -> None:
    """Record a device: the standard MIBs, and private subtrees you name.

    Tables of jobs are never recorded. `poller simulate FILE.snmprec` plays the recording back. Ends with 1 when some table broke off.

    Example:

        poller record 10.1.0.7 -o acme-410.snmprec --scrub
        poller record 10.1.0.7 -o acme-410.snmprec --root 1.3.6.1.4.1.32473 --scrub
    """
    settings = load_config(config)
    roots = _roots(root or [])
    if output.exists():
        raise ConfigError([f"{output}: exists already; a recording is never overwritten"])
    rows, faults = run_async(
        _record(
            host,
            port,
            choose_credentials(settings.credentials, credential, version=snmp_version(version)),
            roots,
            timeout_seconds=timeout or settings.poll.timeout_seconds,
            retries=settings.poll.retries if retries is None else retries,
            rows_max=rows_max,
        )
    )
    from poller.printers.scrub import scrub as scrubbed
    from poller.snmp import snmprec

    kept = [row for row in rows if row[1][0] in snmprec.TAGS]
    with output.open("x", encoding="utf-8") as file:
        file.write(snmprec.format(scrubbed(kept) if scrub else kept))
    print(f"{len(kept):,} rows in {output}", file=sys.stderr)
    if len(kept) < len(rows):
        print(f"{len(rows) - len(kept):,} values of types that SNMP does not have are left out", file=sys.stderr)
    if not scrub:
        print("it holds serial numbers, names and addresses; --scrub replaces them", file=sys.stderr)
    for fault in faults:
        print(f"broken off: {fault}", file=sys.stderr)
    if faults:
        raise typer.Exit(1)


def _roots(texts: list[str]) -> tuple[Oid, ...]:
    from poller.engine.recorder import STANDARD_ROOTS
    from poller.snmp import oid

    faults, roots = [], list(STANDARD_ROOTS)
    for text in texts:
        try:
            roots.append(oid.parse(text))
        except ValueError as error:
            faults.append(f"--root: {error}")
    if faults:
        raise ConfigError(faults)
    return tuple(roots)


async def _record(
    host: str,
    port: int,
    credentials: tuple[Credential, ...],
    roots: tuple[Oid, ...],
    *,
    timeout_seconds: float,
    retries: int,
    rows_max: int,
) -> tuple[list[Row], list[str]]:
    from rich.console import Console

    from poller.engine import recorder
    from poller.host import resolve
    from poller.model import Target
    from poller.snmp.socket import SnmpSocket

    address = await resolve(host)
    refused: PrinterError | None = None
    async with SnmpSocket(timeout_seconds=timeout_seconds, retries=retries) as wire:
        for one in credentials:
            target: Target = Target(address=address, port=port, credential=one)
            with Console(stderr=True).status("recording") as status:
                try:
                    return await recorder.record(
                        wire, target, roots, rows_max=rows_max, on_rows=lambda count: status.update(f"recording: {count:,} rows")
                    )
                except (NoAnswerError, AccessError) as error:
                    refused = error
    assert refused is not None
    raise refused
