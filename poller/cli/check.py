"""`poller check`: would it run with this configuration, and what exactly would it do?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from poller.cli.options import ConfigOption, JsonOption, config_path, load_config
from poller.config import Config
from poller.errors import ConfigError
from poller.logs import printable

VerboseOption = Annotated[bool, typer.Option("--verbose", "-v", help="List every setting with its value and where it came from.")]


def check(config: ConfigOption = None, as_json: JsonOption = False, verbose: VerboseOption = False) -> None:
    """Read configuration, environment and secret files, and list every fault at once.

    Ends with 2 if there is any. Nothing is sent to the network, and no secret is shown.

    Example:

        poller check --config poller.toml
        POLLER_SWEEP_TARGETS=10.1.0.0/24 poller check --verbose
    """
    path = config_path(config)
    try:
        settings = load_config(config)
    except ConfigError as error:
        if not as_json:
            raise
        print(json.dumps({"ok": False, "file": _text(path), "faults": error.faults}))
        raise typer.Exit(2) from None
    if as_json:
        print(json.dumps(_summary(path, settings)))
    else:
        _show(path, settings, is_verbose=verbose)


def _summary(path: Path | None, settings: Config) -> dict[str, object]:
    return {
        "ok": True,
        "file": _text(path),
        "faults": [],
        "warnings": settings.warnings,
        "ranges": [
            {
                "name": range_.name,
                "networks": [str(network) for network in range_.networks],
                "exclude": [str(network) for network in range_.exclude],
                "addresses": range_.count_addresses(),
                "port": range_.port,
                "rate_per_second": range_.rate_per_second,
                "credentials": [credential.name for credential in range_.credentials],
                "location": range_.location,
            }
            for range_ in settings.ranges
        ],
        "settings": settings.redacted(),
    }


def _show(path: Path | None, settings: Config, *, is_verbose: bool) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    ranges = Table("range", "addresses", "one pass", "credentials", "location", box=None, pad_edge=False)
    for range_ in settings.ranges:
        credentials = ", ".join(credential.name for credential in range_.credentials)
        cells = range_.name, f"{range_.count_addresses():,}", f"{range_.pass_seconds():,.0f} s", credentials, range_.location or ""
        ranges.add_row(*(Text(printable(cell)) for cell in cells))
    if settings.ranges:
        console.print(ranges)
    if is_verbose:
        values = Table("setting", "value", "from", box=None, pad_edge=False)
        for setting, value, origin in settings.origins:
            values.add_row(
                setting, Text(printable("" if value is None else value if isinstance(value, str) else json.dumps(value))), Text(origin)
            )
        console.print(values)
    for warning in settings.warnings:
        console.print(Text(f"warning: {printable(warning)}"), soft_wrap=True)
    console.print(Text(f"{_text(path) or 'environment'}: no faults"), soft_wrap=True)


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
