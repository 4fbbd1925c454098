"""`poller accounting import`: the jobs of exported logs into the database, each once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from poller.cli.joblogs import DialectOption, VersionOption, ZoneOption, dialect_of, version_of
from poller.cli.jobstore import DatabaseOption, database_of, progress, pseudonyms_of, told
from poller.cli.options import ConfigOption, JsonOption, load_config
from poller.errors import JobLogError


def import_logs(
    logs: Annotated[list[Path], typer.Argument(metavar="LOG…", exists=True, dir_okay=False, help="Exported logs.")],
    config: ConfigOption = None,
    database: DatabaseOption = None,
    dialect: DialectOption = None,
    version: VersionOption = None,
    zone: ZoneOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take the jobs of exported logs into the database that `charge` works on. What is there already is left alone.

    Names of documents, senders and recipients become what `accounting.names` says: hashes, unless told. A file is imported whole or not at
    all. Ends with 1 if a file is no log, a line cannot be read, or a job is there already with other counts.

    Example:

        poller accounting import AccExport_4590_june.csv AccExport_4590_july.csv
        poller accounting import --database jobs.db 123456720260616.ACL
    """
    import sys

    import msgspec

    from poller.accounting import store
    from poller.accounting.reader import Options
    from poller.clock import SystemClock
    from poller.logs import printable

    settings = load_config(config)
    pseudonyms, clock = pseudonyms_of(settings), SystemClock()
    has_trouble = False
    with store.opened(database_of(database, settings)) as db:
        for log in logs:
            options = Options(
                dialect=dialect_of(dialect or _configured(log, settings.accounting.dialect), log, zone=zone), version=version_of(version)
            )
            try:
                with progress(log.stat().st_size or None) as tell:
                    found = db.take(log, options, pseudonyms, now_utc=clock.utc(), tell=tell)
            except JobLogError as error:
                has_trouble = True
                print(printable(f"{log}: {error}"), file=sys.stderr)
                continue
            has_trouble |= bool(found.lines_bad or found.conflicts)
            print(msgspec.json.encode(found).decode() if as_json else printable(told(found)))
    if has_trouble:
        raise typer.Exit(1)


def _configured(log: Path, name: str) -> str | None:
    """Return the dialect of the configuration, unless one lies beside the log."""
    return None if Path(f"{log}.toml").is_file() else name
