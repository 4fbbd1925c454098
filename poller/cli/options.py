"""Options that several verbs have, so that they are spelled and explained once.

def check(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    settings = load_config(config)
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from poller.config import Config, load

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", metavar="FILE", envvar="POLLER_CONFIG", help="The configuration. Default: poller.toml here, if there is one."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of text for people.")]
CredentialOption = Annotated[
    str | None,
    typer.Option(
        "--credential",
        metavar="NAME",
        help="A credential of the configuration, or @FILE for a file that holds a community. Never the community itself.",
    ),
]

_DEFAULT_FILE = Path("poller.toml")


def config_path(option: Path | None) -> Path | None:
    """Return the file to read: the one named, else poller.toml in the current folder if there is one, else none."""
    if option is not None:
        return option
    return _DEFAULT_FILE if _DEFAULT_FILE.exists() else None


def load_config(option: Path | None, *, for_agent: bool = False) -> Config:
    """Return the configuration with the variables of this process, and use the profiles it names.

    *for_agent*: what the agent alone reads has no fault either, its web configuration file and its dialect of job logs. A verb that needs
    neither must not fail by them. Raises ConfigError with every fault.
    """
    settings = load(config_path(option), os.environ, has_exporter=for_agent)
    if settings.profiles.path is not None or settings.profiles.experimental:
        from poller.printers import library

        library.use(library.load(settings.profiles.path, is_experimental=settings.profiles.experimental))
    if for_agent and settings.accounting.folder is not None:
        from poller.accounting.collect import dialect_named

        dialect_named(settings.accounting.dialect)
    return settings
