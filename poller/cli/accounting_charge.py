"""`poller accounting charge`: statements by cost centre and period, as a tariff has it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Protocol

import typer

from poller.cli.joblogs import DialectOption, ForceOption, OutputOption, ZoneOption, dialect_of, written
from poller.cli.jobstore import DatabaseOption, database_of, progress, tariff_of, told
from poller.cli.options import ConfigOption, JsonOption, load_config
from poller.errors import ConfigError, JobLogError
from poller.logs import printable

if TYPE_CHECKING:
    from poller.accounting.ledger import Line, Statement
    from poller.accounting.store import Store
    from poller.accounting.tariff import Tariff

Format = Literal["csv", "json", "xlsx"]


class Writer(Protocol):
    def take(self, item: Line | Statement) -> None: ...

    def close(self) -> None: ...


def charge(
    logs: Annotated[
        list[Path] | None, typer.Argument(metavar="[LOG…]", exists=True, dir_okay=False, help="Charge these alone, not the database.")
    ] = None,
    tariff: Annotated[Path, typer.Option("--tariff", "-t", metavar="FILE", help="The tariff: docs/tariffs.md.")] = Path("tariff.toml"),
    period: Annotated[str, typer.Option(metavar="PERIOD", help="One of the tariff's periods alone: 2026-06, 2026-Q2, 2026 …")] = "",
    cost_centre: Annotated[str, typer.Option("--cost-centre", metavar="NAME", help="One cost centre alone.")] = "",
    output: OutputOption = None,
    form: Annotated[Format | None, typer.Option("--format", help="Of -o FILE. Default: as its name ends, else csv.")] = None,
    names: Annotated[bool, typer.Option("--names", help="Tell document and sender of each line, as far as they are known.")] = False,
    spreadsheet: Annotated[
        bool, typer.Option("--spreadsheet", help="CSV: put an apostrophe before texts a spreadsheet would calculate.")
    ] = False,
    force: ForceOption = False,
    config: ConfigOption = None,
    database: DatabaseOption = None,
    dialect: DialectOption = None,
    zone: ZoneOption = None,
    as_json: JsonOption = False,
) -> None:
    """Price every job by a tariff and add up what each cost centre owes.

    Prints one line for each cost centre and period; with -o FILE every line of every job goes there. Works on what `import`, `watch` or the
    agent collected, or on the logs named. Ends with 1 if a log named cannot be read whole.

    Example:

        poller accounting charge --tariff 2026.toml --period 2026-06 -o june.xlsx
        poller accounting charge --tariff 2026.toml AccExport_4590.csv --json
    """
    import msgspec

    from poller.accounting import ledger
    from poller.accounting.ledger import Statement

    if form is not None and output is None:
        raise ConfigError(["--format: is that of a file; give -o FILE"])
    prices = tariff_of(tariff)
    since, until = _span(prices, period)
    shown: list[Statement] = []
    with ExitStack() as stack:
        store, is_whole = stack.enter_context(_jobs(logs or [], config, database, dialect, zone, has_names=names))
        writer = stack.enter_context(_writer(output, form, prices, has_names=names, is_spreadsheet=spreadsheet, force=force))
        tell = stack.enter_context(progress(store.count()))
        done = 0
        records = store.records(prices.suspense, since_seconds=since, until_seconds=until, cost_centre=cost_centre or None)
        last = ""
        for item in ledger.statements(records, prices, has_names=names):
            if writer is not None:
                writer.take(item)
            if isinstance(item, Statement):
                if as_json:
                    print(msgspec.json.encode(item).decode())
                else:
                    shown.append(item)
            elif item.job != last:
                last = item.job
                done += 1
                tell(done)
        if writer is not None:
            writer.close()
    if not as_json:
        _show(shown, prices)
    if not is_whole:
        raise typer.Exit(1)


def _span(tariff: Tariff, period: str) -> tuple[int | None, int | None]:
    if not period:
        return None, None
    try:
        return tariff.span_of(period)
    except ValueError as error:
        raise ConfigError([f"--period: {error}"]) from None


@contextmanager
def _jobs(
    logs: list[Path], config: Path | None, database: Path | None, dialect: str | None, zone: str | None, *, has_names: bool
) -> Iterator[tuple[Store, bool]]:
    """Give the jobs to charge, and whether they are all: those of the database, or of logs, put into a database that goes with the verb."""
    import sys
    import tempfile

    from poller.accounting import store
    from poller.accounting.pseudonyms import Pseudonyms
    from poller.accounting.reader import Options
    from poller.clock import SystemClock

    if not logs:
        with store.opened(database_of(database, load_config(config)), must_exist=True) as kept:
            yield kept, True
        return
    is_whole = True
    with tempfile.TemporaryDirectory(prefix="poller-charge-") as folder, store.opened(Path(folder) / "jobs.db") as made:
        for log in logs:
            options = Options(dialect=dialect_of(dialect, log, zone=zone))
            try:
                with progress(log.stat().st_size or None) as tell:
                    found = made.take(log, options, Pseudonyms("keep" if has_names else "drop"), now_utc=SystemClock().utc(), tell=tell)
            except JobLogError as error:
                raise JobLogError(f"{log}: {error}") from error
            if found.lines_bad or found.conflicts:
                is_whole = False
                print(printable(told(found)), file=sys.stderr)
        yield made, is_whole


@contextmanager
def _writer(
    output: Path | None, form: Format | None, tariff: Tariff, *, has_names: bool, is_spreadsheet: bool, force: bool
) -> Iterator[Writer | None]:
    from poller.accounting import statement

    if output is None:
        yield None
        return
    kind = form or _format_of(output)
    with written(output, force=force) as file:
        write: Callable[[bytes], object] = file.write
        match kind:
            case "csv":
                yield statement.CsvWriter(write, tariff.currency, has_names=has_names, is_spreadsheet=is_spreadsheet)
            case "json":
                yield statement.JsonWriter(write)
            case "xlsx":
                from poller.accounting.workbook import WorkbookWriter

                yield WorkbookWriter(file, tariff.currency, tariff.decimals, has_names=has_names)


def _format_of(output: Path) -> Format:
    match output.suffix.lower():
        case ".json" | ".ndjson" | ".jsonl":
            return "json"
        case ".xlsx":
            return "xlsx"
        case _:
            return "csv"


def _show(statements: list[Statement], tariff: Tariff) -> None:
    """Print a table of statements, and what they are together."""
    if not statements:
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from poller.accounting import money

    columns = ("period", "cost centre", "jobs", "charged", "net", "gross", "waste", "to review")
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number < 2 else "right")
    for one in statements:
        amounts = (money.text(amount) for amount in (one.net, one.gross, one.waste))
        cells = (one.period, printable(one.cost_centre), f"{one.jobs:,}", f"{one.jobs_charged:,}", *amounts, str(one.jobs_flagged or ""))
        table.add_row(*(Text(cell, overflow="fold") for cell in cells))
    console = Console(highlight=False)
    console.print(table)
    net, gross = (money.text(money.total(amounts)) for amounts in ([one.net for one in statements], [one.gross for one in statements]))
    console.print(f"{printable(tariff.currency)}: net {net}, gross {gross}; {sum(one.jobs_flagged for one in statements):,} jobs to review")
