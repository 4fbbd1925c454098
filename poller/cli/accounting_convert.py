"""`poller accounting convert`: the same jobs in another export version or another way of writing."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from poller.cli.joblogs import (
    DialectOption,
    ForceOption,
    LogArgument,
    OutputOption,
    Shown,
    VersionOption,
    ZoneOption,
    dialect_of,
    opened,
    version_of,
    written,
)
from poller.cli.options import JsonOption
from poller.errors import ConfigError


def convert(
    log: LogArgument,
    to: Annotated[str, typer.Option(metavar="2|3|3.1|4", help="The version to write.")],
    output: OutputOption = None,
    dialect: DialectOption = None,
    to_dialect: Annotated[
        str, typer.Option(metavar="NAME|FILE", help="How to write: docusp-tab, docusp-condensed, docusp-excel-german …")
    ] = "docusp-canonical",
    version: VersionOption = None,
    zone: ZoneOption = None,
    missing: Annotated[
        Literal["empty", "zero"], typer.Option(help="What counts become that the version of the log does not have.")
    ] = "empty",
    spreadsheet: Annotated[
        bool, typer.Option("--spreadsheet", help="Put an apostrophe before texts a spreadsheet would calculate.")
    ] = False,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write a job log in another version. What the target has no place for is left out, and said; unknown columns are kept.

    FILE appears when all is written, and not at all if that fails. A line that cannot be read is left out; then it ends with 1.

    Example:

        poller accounting convert old.csv --to 4 -o new.csv
        poller accounting convert AccExport_4590.csv --to 2 --to-dialect docusp-condensed -o condensed.txt
    """
    import sys

    import msgspec

    from poller.accounting import importer
    from poller.accounting.convert import Losses, zeros
    from poller.accounting.convert import convert as lines_of
    from poller.accounting.faults import Fault
    from poller.accounting.reader import Options
    from poller.accounting.writer import Writer

    if as_json and output is None:
        raise ConfigError(["--json: the log itself goes to standard output; give -o FILE"])
    target = version_of(to, "--to")
    assert target is not None
    source = dialect_of(dialect, log, zone=zone)
    target_dialect = dialect_of(to_dialect)
    shown = Shown()
    bad = 0
    jobs = -1  # the header comes first
    with opened(log) as (file, tell):
        opened_log = importer.read(file, Options(dialect=source, version=version_of(version)))
        fill = zeros(opened_log.version, source, missing)
        writer = Writer(target, target_dialect, extra_columns=opened_log.extra_columns, zeros=fill, is_spreadsheet=spreadsheet)
        losses = Losses(writer)
        with written(output, force=force) as out:
            for line in lines_of(opened_log, writer, losses):
                tell()
                if isinstance(line, Fault):
                    bad += line.severity == "error"
                    print(msgspec.json.encode(line).decode()) if as_json else shown.take(line)
                else:
                    jobs += 1
                    out.write(line)
    if as_json:
        for loss in losses:
            print(msgspec.json.encode(loss).decode())
        done = {"type": "converted", "from": opened_log.version, "to": target, "jobs": jobs, "errors": bad}
        print(msgspec.json.encode(done).decode())
    else:
        shown.table(to_stderr=True)
        for loss in losses:
            print(f"left out: {loss.field}, in {loss.jobs:,} jobs, {loss.jobs_not_zero:,} of them not 0", file=sys.stderr)
        print(f"version {opened_log.version} to {target}: {jobs:,} jobs, {bad:,} errors", file=sys.stderr)
    if bad:
        raise typer.Exit(1)
