"""`poller accounting watch`: what `poller run` does with [accounting] folder, alone and in the foreground."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from poller.cli.joblogs import DialectOption
from poller.cli.jobstore import DatabaseOption, database_of, pseudonyms_of, told
from poller.cli.options import ConfigOption, JsonOption, load_config
from poller.cli.running import run_async
from poller.errors import ConfigError

if TYPE_CHECKING:
    from poller.accounting.store import Imported
    from poller.errors import PollerError


def watch(
    folder: Annotated[
        Path | None, typer.Argument(metavar="FOLDER", exists=True, file_okay=False, help="Default: [accounting] folder.")
    ] = None,
    config: ConfigOption = None,
    database: DatabaseOption = None,
    dialect: DialectOption = None,
    every: Annotated[str | None, typer.Option(metavar="DURATION", help="How often to look. Default: [accounting] every.")] = None,
    looks: Annotated[
        int, typer.Option(min=0, metavar="N", help="End after so many looks; 0: until Ctrl-C. A file is taken at the second.")
    ] = 0,
    as_json: JsonOption = False,
) -> None:
    """Take every export that appears in a folder, once it is complete, until Ctrl-C. Files stay where they are.

    Nothing is uploaded; that is `poller run`'s, which does the same by itself where `accounting.folder` is set.

    Example:

        poller accounting watch /srv/accounting --every 10s
    """
    import asyncio
    import sys

    import msgspec

    from poller import logs
    from poller.accounting.collect import Collector, Source, dialect_named
    from poller.clock import SystemClock
    from poller.config import duration_seconds
    from poller.errors import PollerError
    from poller.logs import printable

    settings = load_config(config)
    accounting = settings.accounting
    watched = folder or accounting.folder
    if watched is None:
        raise ConfigError(["FOLDER: missing, and [accounting] folder is not set"])
    every_seconds = accounting.every_seconds if every is None else duration_seconds(every)
    if not every_seconds:
        raise ConfigError([f"--every: want a duration such as 10s, got {every!r}"])
    logs.setup("error", settings.log.format)  # what happens is printed

    def show(found: Imported | PollerError) -> None:
        if isinstance(found, PollerError):
            print(printable(str(found)), file=sys.stderr, flush=True)
        else:
            print(msgspec.json.encode(found).decode() if as_json else printable(told(found)), flush=True)

    source = Source(watched, accounting.files, dialect_named(dialect or accounting.dialect), every_seconds)
    collector = Collector(source, database_of(database, settings), pseudonyms_of(settings), SystemClock(), on_file=show)

    async def look() -> None:
        for number in range(looks):
            if number:
                await asyncio.sleep(every_seconds)
            await collector.look()

    run_async(look() if looks else collector.run(), interrupted_code=0)
    for note in collector.notes:
        print(printable(note), file=sys.stderr)
    if collector.notes:
        raise typer.Exit(1)
