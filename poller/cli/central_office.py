"""What all verbs of `poller central` share: the configuration, the database and keys it names, and how rows are shown."""

from __future__ import annotations

import getpass
import json
import os
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from poller import system
from poller.cli.running import run_async
from poller.errors import HostError
from poller.logs import printable

if TYPE_CHECKING:
    from poller.central.keys import Keys
    from poller.central.office.administration import Administration
    from poller.central.store.database import Database
    from poller.central.values import Config

T = TypeVar("T")

_DEFAULT_FILE = Path("central.toml")
_WHO_CHARACTERS_MAX = 100
_TABLE_ROWS = 1000

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        envvar="POLLERCENTRAL_CONFIG",
        help="The configuration. Default: central.toml here, if there is one.",
    ),
]


def group(text: str, example: str) -> typer.Typer:
    return typer.Typer(help=f"{text}\n\nExample:\n\n    poller central {example}", no_args_is_help=True, rich_markup_mode="rich")


def load_config(option: Path | None) -> Config:
    from poller.central.config import load

    path = option if option is not None else _DEFAULT_FILE if _DEFAULT_FILE.exists() else None
    try:
        return load(path, os.environ)
    except ModuleNotFoundError as error:
        raise not_installed(error) from error


def open_keys(config: Config) -> Keys:
    from poller.central.keys import Keys

    return Keys(config.keys_folder).load()


def with_database(option: Path | None, work: Callable[[Database, Keys], Awaitable[T]]) -> T:
    """Return what *work* returns for the database, brought to this version, and the keys."""
    config = load_config(option)
    try:
        from poller.central.store.database import Database, UnavailableError
    except ModuleNotFoundError as error:
        raise not_installed(error) from error
    opened = open_keys(config)

    async def run() -> T:
        database = Database.open(config.database.url.reveal())
        try:
            await database.migrate()
            return await work(database, opened)
        except UnavailableError as error:
            raise HostError(f"the database {database.name} does not answer: {error.reason}") from error
        finally:
            await database.close()

    return run_async(run())


def administer(option: Path | None, work: Callable[[Administration, datetime], Awaitable[T]]) -> T:
    from poller.clock import SystemClock

    async def run(database: Database, opened: Keys) -> T:
        from poller.central.office.administration import Administration

        return await work(Administration(database, opened, who=who()), SystemClock().utc())

    return with_database(option, run)


def not_installed(error: ModuleNotFoundError) -> HostError:
    """Return what to tell whoever has the agent's packages only."""
    return HostError(f"{error.name} is not installed", hint="central needs more than the agent: pip install 'poller[central]'")


def who() -> str:
    """Return who sits here, for the audit log: this host's user, and whom POLLERCENTRAL_WHO names behind it."""
    try:
        user = f"cli {getpass.getuser()}"
    except (OSError, KeyError):  # a container's user without a name
        user = f"cli uid {number}" if (number := system.user_id()) is not None else "cli"
    named = printable(os.environ.get("POLLERCENTRAL_WHO", "").strip())[:_WHO_CHARACTERS_MAX]
    return f"{user} for {named}" if named else user


def in_json(facts: Any) -> str:
    """Return what a program reads, on one line; times as in readings: `2026-11-20T06:28:42.120Z`."""
    return json.dumps(facts, default=_said)


def _said(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return dict(value) if isinstance(value, Mapping) else str(value)


def show_facts(facts: Mapping[str, Any], *, as_json: bool) -> None:
    """Print one thing: JSON for programs, a line each for people."""
    if as_json:
        print(in_json(facts))
        return
    for key, value in facts.items():
        shown = in_json(value) if isinstance(value, dict | list) else "" if value is None else str(value)
        print(printable(f"{key}: {shown}"))


def say(facts: Mapping[str, Any], sentence: str | None, *, as_json: bool) -> None:
    """Tell what was done: JSON for programs, a sentence for people, or nothing where it went as asked."""
    if as_json:
        show_facts(facts, as_json=True)
    elif sentence is not None:
        print(sentence)


def show_rows(rows: Iterable[Mapping[str, Any]], columns: tuple[str, ...], *, as_json: bool, whole: tuple[str, ...] = ()) -> None:
    """Print rows: one JSON a line for programs, a table for people. Columns *whole* are not broken: one types what is in them."""
    if as_json:
        for row in rows:
            print(in_json(row))
        return
    from rich.console import Console
    from rich.table import Column, Table
    from rich.text import Text

    table = Table(*(Column(name.removesuffix("_utc"), no_wrap=name in whole) for name in columns), box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(Text(printable(_cell(row[column])), overflow="fold") for column in columns))
    Console(highlight=False).print(table)


async def show_stream(rows: AsyncIterable[Mapping[str, Any]], columns: tuple[str, ...], *, as_json: bool) -> None:
    """Print rows as they come, however many they are; for people a table for every thousand."""
    page: list[Mapping[str, Any]] = []
    is_first = True
    async for row in rows:
        page.append(row)
        if len(page) == _TABLE_ROWS:
            show_rows(page, columns, as_json=as_json)
            page, is_first = [], False
    if page or is_first:
        show_rows(page, columns, as_json=as_json)


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case datetime():
            return f"{value:%Y-%m-%d %H:%M:%S}"
        case _:
            return str(value)
