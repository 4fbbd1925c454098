"""`poller outbox status`, `retry` and `export`: what waits for central, what it refused, and the site's own history.

All work while the agent runs, and without it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import msgspec
import typer

from poller.cli.options import ConfigOption, JsonOption, load_config
from poller.errors import ConfigError, HostError
from poller.logs import printable

if TYPE_CHECKING:
    import sqlite3

    from poller.outbox.status import BatchStatus, OutboxStatus
    from poller.sealing.local_key import LocalKey

_HELP = """What waits for the dealer's central, what it refused, and the site's own history.

Example:

    poller outbox status --config poller.toml
    poller outbox export --format csv --since 2026-01-01
"""

outbox = typer.Typer(help=_HELP, no_args_is_help=True)


class Format(StrEnum):
    """Of `export`."""

    CSV = "csv"
    JSON = "json"


class _Open(NamedTuple):
    """The outbox of the configuration, opened."""

    db: sqlite3.Connection
    key: LocalKey
    path: Path
    limit_bytes: int


@outbox.command("status")
def show_status(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Say what waits to be sealed, which batches wait for their receipt, and which were refused and why. Ends with 1 if any was refused.

    Example:

        poller outbox status --config poller.toml
    """
    from poller.outbox import offline

    with _opened(config) as it:
        found = offline.look(it.db, it.path, limit_bytes=it.limit_bytes)
    if as_json:
        print(msgspec.json.encode(found).decode())
    else:
        _show(found)
    if found.batches_quarantined:
        raise typer.Exit(1)


@outbox.command("retry")
def retry(
    which: Annotated[str, typer.Argument(metavar="NUMBER|all", help="The number of a refused batch, or all of them.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let a batch that was refused be sent again, unchanged, once what it was refused for is put right. Ends with 1 if there is none.

    Example:

        poller outbox retry all
    """
    from poller.outbox import offline

    if which != "all" and not (which.isascii() and which.isdigit() and len(which) < 19):
        raise ConfigError([f"NUMBER|all: want the number of a batch or all, got {which!r}"])
    with _opened(config) as it:
        numbers = offline.retry(it.db, None if which == "all" else int(which))
    if as_json:
        print(json.dumps({"retried": numbers}))
    else:
        print(f"to be sent again: {', '.join(map(str, numbers))}" if numbers else "no such batch was refused")
    if not numbers:
        raise typer.Exit(1)


@outbox.command("export")
def export(
    config: ConfigOption = None,
    form: Annotated[Format, typer.Option("--format", help="csv: one meter or level a line. json: one printer's day a line.")] = Format.CSV,
    since: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The first day.")] = None,
    until: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The last day.")] = None,
) -> None:
    """Print the history: for each printer and day the meters and levels as last recorded, days by the time zone of this host.

    Ends with 1 if some of it cannot be read.

    Example:

        poller outbox export --format csv --since 2026-11-01 > november.csv
    """
    from poller.outbox import history, offline

    first, last = since.date() if since else date.min, until.date() if until else date.max
    unreadable = 0
    with _opened(config) as it:
        if form is Format.CSV:
            sys.stdout.write(history.csv_header())
        for kept in offline.history(it.db, it.key, since=first, until=last):
            if kept.day is None:
                unreadable += 1
            elif form is Format.CSV:
                sys.stdout.write(history.csv_lines(kept.on, kept.taken_utc, kept.day))
            else:
                print(msgspec.json.encode(history.entry(kept.on, kept.taken_utc, kept.day)).decode())
    if unreadable:
        print(f"{unreadable} days of printers cannot be read: damaged or altered", file=sys.stderr)
        raise typer.Exit(1)


@contextmanager
def _opened(config: Path | None) -> Iterator[_Open]:
    """Open what the configuration names. Raises ConfigError where it keeps no outbox, HostError where there is none yet."""
    from poller.outbox import offline
    from poller.sealing.local_key import LocalKey

    settings = load_config(config).outbox
    if settings.file is None or settings.key_file is None:
        raise ConfigError(["outbox.folder: this configuration keeps no outbox; name a folder"])
    if not settings.file.exists():
        raise HostError(f"there is no outbox {settings.file}", hint="has an agent run with this configuration?")
    if not settings.key_file.exists():
        raise HostError(f"there is no local key {settings.key_file}", hint="without it nobody can read the outbox; see [outbox] key_file")
    key = LocalKey.open_or_create(settings.key_file, setting="[outbox] key_file")
    with offline.opened(settings.file, key) as db:
        yield _Open(db, key, settings.file, settings.limit_bytes)


def _show(found: OutboxStatus) -> None:
    oldest = "" if found.oldest_utc is None else f", the oldest taken {found.oldest_utc:%Y-%m-%d %H:%M} UTC"
    print(f"{printable(found.file)}: {found.used_bytes / 1e6:,.1f} MB of {found.limit_bytes / 1e6:,.0f} MB")
    print(f"waiting: {found.lines} readings to be sealed, {found.batches_waiting} batches to be sent{oldest}")
    for batch in found.batches:
        print(f"  {_batch(batch)}{_tries(batch)}")
    print(f"refused by central: {found.batches_quarantined} batches")
    for batch in found.quarantined:
        when = "" if batch.refused_utc is None else f", {batch.refused_utc:%Y-%m-%d %H:%M} UTC"
        print(f"  {_batch(batch)}{when}: {printable(batch.refused or 'no reason given')}")
    if found.quarantined:
        print("  once that is put right: poller outbox retry NUMBER, or all")
    if found.thinned:
        print(f"thinned to make room: {found.thinned} readings since the file was begun")
    print(f"history: {'none yet' if found.history_since is None else f'since {found.history_since}'}")


def _batch(batch: BatchStatus) -> str:
    return f"batch {batch.number}: {batch.lines} readings, {batch.size_bytes:,} bytes, sealed {batch.created_utc:%Y-%m-%d %H:%M} UTC"


def _tries(batch: BatchStatus) -> str:
    return f", {batch.attempts} attempts, the last: {printable(batch.trouble or 'no reason given')}" if batch.attempts else ""
