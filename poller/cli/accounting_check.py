"""`poller accounting check`: is this log sound, and what is in it?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from poller.cli.joblogs import DialectOption, LogArgument, Shown, VersionOption, ZoneOption, dialect_of, opened, version_of
from poller.cli.options import JsonOption

if TYPE_CHECKING:
    from poller.accounting.checks import Summary
    from poller.accounting.meters import Reconciled


def check(
    log: LogArgument,
    dialect: DialectOption = None,
    version: VersionOption = None,
    zone: ZoneOption = None,
    meters: Annotated[
        str, typer.Option(metavar="A=START:END,B=COUNT", help="Billing meters over the period of the log, to be reconciled with it.")
    ] = "",
    strict: Annotated[bool, typer.Option("--strict", help="Warnings count as errors.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Read a job log and name every line that is wrong, every job that contradicts itself, every number that is missing.

    Prints the first faults of each kind and a summary; with --json all of them, an object a line. Ends with 1 when a line cannot be read.

    Example:

        poller accounting check AccExport_4590.csv
        poller accounting check --meters A=1203400:1219877 --zone Europe/Berlin june.txt
    """
    import msgspec

    from poller.accounting import importer
    from poller.accounting import meters as metering
    from poller.accounting.checks import Check
    from poller.accounting.reader import Options

    tallies = metering.tallies(meters) if meters else []
    options = Options(dialect=dialect_of(dialect, log, zone=zone), version=version_of(version))
    shown = Shown()
    sound = Check(tallies)
    with opened(log) as (file, tell):
        opened_log = importer.read(file, options)
        for item in opened_log:
            tell()
            for fault in sound.feed(item):
                print(msgspec.json.encode(fault).decode()) if as_json else shown.take(fault)
    for fault in sound.rest():
        print(msgspec.json.encode(fault).decode()) if as_json else shown.take(fault)
    summary = sound.summary(opened_log.version)
    reconciled = [tally.result() for tally in tallies]
    if as_json:
        for line in (*reconciled, summary):
            print(msgspec.json.encode(line).decode())
    else:
        shown.table()
        _print(summary, reconciled)
    if summary.errors or (strict and summary.warnings):
        raise typer.Exit(1)


def _print(summary: Summary, reconciled: list[Reconciled]) -> None:
    from datetime import UTC, datetime

    print(f"version {summary.version}: {summary.jobs:,} jobs, {summary.lines_bad:,} lines left out", end="")
    print(f"; {summary.errors:,} errors, {summary.warnings:,} warnings, {summary.infos:,} remarks")
    if summary.first_submitted_utc_seconds is not None and summary.last_submitted_utc_seconds is not None:
        first, last = (
            datetime.fromtimestamp(seconds, UTC) for seconds in (summary.first_submitted_utc_seconds, summary.last_submitted_utc_seconds)
        )
        print(f"submitted {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC")
    for name, total in summary.sums.items():
        if total.jobs:
            unknown = summary.jobs - total.jobs
            print(f"{name.replace('_', ' ')}: {total.total:,}" + (f" ({unknown:,} jobs do not say)" if unknown else ""))
    for meter in reconciled:
        summed, left = _range(meter.summed_low, meter.summed_high), _range(meter.unexplained_low, meter.unexplained_high)
        print(f"meter {meter.meter}: {meter.metered:,} impressions, {summed} in the log; unexplained: {left}")
        if meter.jobs_unknown or meter.jobs_low:
            print(f"    {meter.jobs_unknown:,} jobs do not say, {meter.jobs_low:,} may say too little")


def _range(low: int, high: int) -> str:
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
