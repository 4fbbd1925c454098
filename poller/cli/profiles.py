"""`poller profiles list|check|test`: the vendor families, for whoever uses them and whoever adds one."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from poller.cli.options import ConfigOption, JsonOption, load_config
from poller.errors import ConfigError
from poller.logs import printable

if TYPE_CHECKING:
    from poller.engine.device import Learned
    from poller.model import Decoded
    from poller.printers.library import Library
    from poller.printers.rules import Profile
    from poller.snmp.message import Value
    from poller.snmp.oid import Oid

profiles = typer.Typer(
    help="The vendor families: what is known of each, whether a file is sound, what it makes of a recording.\n\n"
    "Example:\n\n    poller profiles check acme.toml",
    no_args_is_help=True,
    rich_markup_mode="rich",
)

_ROWS_MAX = 2048

FilesArgument = Annotated[list[Path] | None, typer.Argument(metavar="[FILE]...", help="Profiles to check besides those in use.")]
ProfileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The profile. It takes the place of a known one of its name.")]
RecordingArgument = Annotated[Path, typer.Argument(metavar="RECORDING", help="A recorded device, as `poller record` writes it.")]


@profiles.command("list")
def list_(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the families: name, maker, how they are recognised, how many rules there are.

    Example:

        poller profiles list
    """
    from poller.printers import library

    load_config(config)
    known = library.current()
    for name in sorted(known.profiles):
        row = _summary(known.profiles[name])
        if as_json:
            print(json.dumps(row))
        else:
            print(printable("{name:16} {title}: {counter_rules} counter rules, {supply_rules} supply rules ({origin})".format(**row)))


def _summary(one: Profile) -> dict[str, object]:
    sheet = one.sheet
    return {
        "name": sheet.name,
        "title": sheet.title,
        "manufacturer": sheet.manufacturer,
        "origin": sheet.origin,
        "source": sheet.source,
        "inherits": sheet.inherits,
        "sys_object_id": [oid for way in sheet.recognise for oid in way.sys_object_id],
        "answers": [oid for way in sheet.recognise for oid in way.answers],
        "counter_rules": len(one.formulas) + sum(len(table.sheet.counters) for table in one.tables),
        "supply_rules": len(one.supplies) + sum(len(table.sheet.supplies) for table in one.tables),
        "large_counts": sheet.large,
        "notes": list(sheet.notes),
    }


@profiles.command()
def check(files: FilesArgument = None, config: ConfigOption = None) -> None:
    """Read profiles and name every fault of every file at once. Ends with 2 if there is any.

    Example:

        poller profiles check
        poller profiles check acme.toml
    """
    known = _library(config, *(files or ()))
    print(f"{len(known.profiles)} profiles: no faults")


@profiles.command("test")
def try_(file: ProfileArgument, recording: RecordingArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show what a profile makes of a recorded device: who it is, what it counted, its supplies, value by value.

    Ends with 1 when the profile does not fit the device, with 2 when it has faults.

    Example:

        poller profiles test acme.toml acme-410.snmprec
    """
    from poller.printers import layout as layouts
    from poller.printers import library
    from poller.snmp import snmprec

    library.use(_library(config, file))
    try:
        rows = snmprec.parse(recording.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError([f"{recording}: {error}"]) from error
    decoded, learned = asyncio.run(_read(rows))
    used = [one.name for one in layouts.profiles_of(learned.layout)]
    if as_json:
        print(msgspec.json.encode(decoded.reading).decode())
    else:
        _show(decoded, learned, used)
    if file.stem not in used:
        print(f"{file.stem} does not fit this device; used: {' '.join(used) or 'none'}")
        raise typer.Exit(1)


def _library(config: Path | None, *files: Path) -> Library:
    """Return the known profiles and *files*, their experimental parts as well. Raises ConfigError with every fault."""
    from poller.printers import library

    sheets, faults = library.read_sheets(load_config(config).profiles.path, files)
    known, more = library.assemble(sheets, is_experimental=True)
    if faults or more:
        raise ConfigError([*faults, *more])
    return known


async def _read(rows: list[tuple[Oid, Value]]) -> tuple[Decoded, Learned]:
    from poller.clock import SystemClock
    from poller.engine import device
    from poller.engine.recorded import Recorded
    from poller.model import Credential, Secret, Target

    target = Target(address="192.0.2.1", credential=Credential(name="recording", version="2c", community=Secret("")))
    decoded, learned, _ = await device.read(Recorded(rows), [target], SystemClock(), rows_max=_ROWS_MAX)
    return decoded, learned


def _show(decoded: Decoded, learned: Learned, used: list[str]) -> None:
    """Print the profile's part of the reading: every value it read and what became of it."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from poller.printers.explain import explain

    console = Console(highlight=False)
    printer = decoded.reading.printer
    facts = ((name, getattr(printer, name)) for name in ("manufacturer", "model", "serial", "firmware", "hostname"))
    console.print(Text(f"profiles: {' '.join(used) or 'none'}"))
    for name, value in facts:
        console.print(Text(printable(f"{name}: {value if value is not None else 'unknown'}")))
    explanation = explain(learned.layout, learned.moving, learned.device.alerts or (), learned.rows.items(), decoded)
    table = Table("OID", "object", "raw", "became", "meaning", box=None, pad_edge=False)
    for row in explanation.used:
        if row.oid.startswith("1.3.6.1.4.1."):
            table.add_row(*(Text(printable(cell), overflow="fold") for cell in row))
    console.print(table)
