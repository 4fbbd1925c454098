"""`poller check`: would it run with this configuration, and what exactly would it do?"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from poller.cli.options import ConfigOption, JsonOption, config_path, load_config
from poller.config import Config
from poller.errors import ConfigError
from poller.logs import printable
from poller.storage import files
from poller.system import user_name

VerboseOption = Annotated[bool, typer.Option("--verbose", "-v", help="List every setting with its value and where it came from.")]


def check(config: ConfigOption = None, as_json: JsonOption = False, verbose: VerboseOption = False) -> None:
    """Read configuration, environment and secret files, and list every fault at once.

    Ends with 2 if there is any, and with 3 if this user could not write where the agent keeps its state, readings and jobs: run it as the
    user the agent runs as. Nothing is sent to the network, nothing left behind, and no secret is shown.

    Example:

        poller check --config poller.toml
        POLLER_SWEEP_TARGETS=10.1.0.0/24 poller check --verbose
    """
    path = config_path(config)
    try:
        settings = load_config(config, for_agent=True)
    except ConfigError as error:
        if not as_json:
            raise
        print(json.dumps({"ok": False, "file": _text(path), "faults": error.faults}))
        raise typer.Exit(2) from None
    refused = _refused(settings)
    if as_json:
        print(json.dumps(_summary(path, settings, refused)))
    else:
        _show(path, settings, refused, is_verbose=verbose)
    if refused:
        raise typer.Exit(3)


def _refused(settings: Config) -> list[str]:
    """Return what this host refuses the agent, each once, with what an operator can do."""
    lines: dict[str, str] = {}
    user = user_name()
    for name, file in _kept(settings).items():
        if (reason := files.refusal(file)) is not None:
            hint = f"let user {user} write to {file.parent} (chown -R {user} {file.parent}), or name another folder with {name}"
            lines.setdefault(reason, f"cannot keep {file.name}: {reason} ({hint})")
    return list(lines.values())


def _kept(settings: Config) -> dict[str, Path]:
    """Return the databases of the agent by the setting that says where they are."""
    kept = {}
    if settings.state.folder is not None:
        kept["[state] folder"] = settings.state.folder / "state.db"
    if settings.outbox.file is not None:
        kept["[outbox] folder"] = settings.outbox.file
    if settings.accounting.folder is not None and settings.accounting.database is not None:
        kept["[accounting] database"] = settings.accounting.database
    return kept


def _warnings(settings: Config) -> list[str]:
    if settings.central.wish is None:
        return list(settings.warnings)
    from poller.uploading import nothing_uploaded  # with OpenSSL, which nobody else waits for

    text = nothing_uploaded(settings)
    return [*settings.warnings, *(() if text is None else (text,))]


def _summary(path: Path | None, settings: Config, refused: Sequence[str]) -> dict[str, object]:
    return {
        "ok": not refused,
        "file": _text(path),
        "faults": [*refused],
        "warnings": _warnings(settings),
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


def _show(path: Path | None, settings: Config, refused: Sequence[str], *, is_verbose: bool) -> None:
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
    for warning in _warnings(settings):
        console.print(Text(f"warning: {printable(warning)}"), soft_wrap=True)
    for line in refused:
        print(printable(line), file=sys.stderr)
    if not refused:
        console.print(Text(f"{_text(path) or 'environment'}: no faults"), soft_wrap=True)


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
