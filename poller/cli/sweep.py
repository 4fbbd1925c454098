"""`poller sweep`: finds printers now, one line each as it finds them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from poller.cli.credentials import choose_credentials
from poller.cli.options import ConfigOption, CredentialOption, JsonOption, load_config
from poller.cli.running import run_async
from poller.config import Config, Network, count_addresses, read_targets
from poller.errors import ConfigError
from poller.logs import printable

if TYPE_CHECKING:
    from poller.engine.journal import Progress
    from poller.engine.sweep import Found, Sighting
    from poller.engine.targets import Range
    from poller.model import Credential, Target

_WORKERS = 100

TargetsArgument = Annotated[
    list[str],
    typer.Argument(metavar="TARGET…", help="Networks (10.1.0.0/24), ranges (10.1.0.5-90), addresses, names, or @FILE with one a line."),
]


def sweep(
    targets: TargetsArgument,
    port: Annotated[int, typer.Option(min=1, max=65535, help="UDP port the agents listen on.")] = 161,
    credential: CredentialOption = None,
    exclude: Annotated[
        list[str] | None, typer.Option(metavar="TARGET", help="Leave these addresses out; may be given several times.")
    ] = None,
    rate: Annotated[int | None, typer.Option(min=1, max=1_000_000, help="Packets a second. Default: [sweep] rate, which is 300.")] = None,
    retries: Annotated[
        int | None, typer.Option(min=0, max=10, help="Further tries per credential. Default: [sweep] retries, which is 1.")
    ] = None,
    timeout: Annotated[float | None, typer.Option(min=0.05, max=60, help="Seconds an answer may take. Default: [sweep] timeout.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Sweep more addresses than [sweep] addresses_max allows.")] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Find the printers of some networks, now.

    Prints a line for each printer as it is found, with --json an object a line; a summary goes to standard error. A device behind several
    addresses is one printer. Ends with 1 when devices answered and could not be understood.

    Example:

        poller sweep 10.1.0.0/24 10.2.0.1-10.2.0.90
        poller sweep @branches.txt --exclude 10.1.0.7 --rate 100 --json
    """
    settings = load_config(config)
    networks, excluded = read_targets(targets), read_targets(exclude or [], place="--exclude")
    _refuse_too_many(count_addresses(networks, excluded), settings.sweep.addresses_max, is_sure=yes)
    credentials = choose_credentials(settings.credentials, credential)
    found = run_async(
        _sweep(
            settings,
            networks,
            excluded,
            credentials,
            port=port,
            rate=rate or settings.sweep.rate_per_second,
            retries=settings.sweep.retries if retries is None else retries,
            timeout_seconds=timeout or settings.sweep.timeout_seconds,
            as_json=as_json,
        )
    )
    _summarise(found)
    if found.failures:
        raise typer.Exit(1)


def _refuse_too_many(count: int, allowed: int, *, is_sure: bool) -> None:
    if count > allowed and not is_sure:
        raise ConfigError([f"{count:,} addresses are more than sweep.addresses_max ({allowed:,}); with --yes they are swept all the same"])


async def _sweep(
    settings: Config,
    networks: tuple[Network, ...],
    excluded: tuple[Network, ...],
    credentials: tuple[Credential, ...],
    *,
    port: int,
    rate: int,
    retries: int,
    timeout_seconds: float,
    as_json: bool,
) -> Found[None]:
    from poller import host
    from poller.clock import SystemClock
    from poller.engine import device
    from poller.engine.faults import contained
    from poller.engine.sweep import Identified, Sweep
    from poller.engine.targets import Plan, Range
    from poller.networks import HostName, Interval
    from poller.snmp.socket import SnmpSocket

    resolved, unknown = await host.resolve_all(item for item in networks if isinstance(item, HostName))
    if unknown:
        raise ConfigError([f"{name}: does not resolve" for name in unknown])
    not_these, unknown = await host.resolve_all(item for item in excluded if isinstance(item, HostName))
    if unknown:
        raise ConfigError([f"--exclude {name}: does not resolve" for name in unknown])
    everything: Range = Range(
        name=None,
        intervals=(*(item for item in networks if isinstance(item, Interval)), *resolved),
        excluded=(*(item for item in excluded if isinstance(item, Interval)), *not_these),
        credentials=credentials,
        port=port,
    )
    async with SnmpSocket(timeout_seconds=settings.poll.timeout_seconds, retries=settings.poll.retries) as wire:

        async def identify(target: Target) -> Identified[None]:
            with contained(target):
                return Identified(await device.identify(wire, target, rows_max=settings.poll.rows_max, location=None), None)

        with _ProgressBar() as bar:
            one = Sweep(
                Plan([everything], on_link=host.attached_networks()),
                wire,
                identify,
                SystemClock(),
                rate_per_second=rate,
                retries=retries,
                timeout_seconds=timeout_seconds,
                workers=_WORKERS,
                on_found=lambda sighting: bar.above(_json_line(sighting) if as_json else _text_line(sighting)) if sighting.is_new else None,
                on_progress=bar.show,
            )
            wire.stranger = one.heard
            return await one.run()


class _ProgressBar:
    """A bar on standard error where that is a terminal; lines of results go to standard output above it."""

    def __enter__(self) -> _ProgressBar:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        console = Console(stderr=True)
        columns = TextColumn("sweeping"), BarColumn(), TextColumn("{task.percentage:>3.0f} %  {task.fields[found]}"), TimeRemainingColumn()
        self._is_shown = console.is_terminal
        self._is_shared = self._is_shown and sys.stdout.isatty()
        self._progress = Progress(*columns, console=console, transient=True, disable=not self._is_shown)
        self._task = self._progress.add_task("sweep", total=1.0, found="")
        self._progress.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._progress.stop()

    def show(self, progress: Progress) -> None:
        found = f"{progress.answered:,} answered, {progress.printers:,} printers"
        self._progress.update(self._task, completed=progress.share, found=found)

    def above(self, line: str) -> None:
        """Print a line of results; on a shared terminal the bar makes room for it."""
        if self._is_shared:
            self._progress.console.print(line, markup=False, highlight=False, soft_wrap=True)
        else:
            print(line, flush=True)


def _json_line(sighting: Sighting[None]) -> str:
    line = {"address": sighting.target.address, "is_printer": True, "printer": sighting.printer}
    return msgspec.json.encode(line).decode()


def _text_line(sighting: Sighting[None]) -> str:
    printer = sighting.printer
    name = " ".join(part for part in (printer.manufacturer, printer.model) if part) or "?"
    parts = f"{sighting.target.address:<15}", f"{name:<40}", f"{printer.serial or '-':<20}", printer.hostname or "-"
    return printable("  ".join(parts).rstrip())


def _summarise(found: Found[None]) -> None:
    progress = found.progress
    also = sum(len(one.other_addresses) for one in found.devices)
    parts = [
        f"{progress.addresses:,} addresses in {progress.elapsed_seconds:.1f} s",
        f"{progress.answered:,} answered",
        f"{progress.printers:,} printers" + (f" (behind {also} more addresses)" if also else ""),
        f"{progress.others:,} other devices",
    ]
    if progress.failed:
        kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(found.failures.items()))
        parts.append(f"{progress.failed:,} not understood ({kinds})")
    noise = {kind: count for kind, count in found.noise.items() if kind != "duplicate" and count}
    if noise:
        parts.append("discarded datagrams: " + ", ".join(f"{kind} {count}" for kind, count in sorted(noise.items())))
    print("; ".join(parts), file=sys.stderr)
