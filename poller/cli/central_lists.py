"""`poller central import`, `account export`, `account erase`, `audit`: whole lists in, a whole account out, or gone, and who did what."""

from __future__ import annotations

import json
from collections.abc import AsyncIterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from poller.cli.central_office import ConfigOption, show_facts, show_rows, who, with_database
from poller.cli.central_registers import dealer_or, register
from poller.cli.options import JsonOption
from poller.errors import ConfigError, HostError
from poller.logs import printable

if TYPE_CHECKING:
    from poller.central.keys import Keys
    from poller.central.office.joining import Preview
    from poller.central.store.database import Database

AccountArgument = Annotated[str, typer.Argument(metavar="ACCOUNT", help="The customer.")]


def import_list(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="CSV or XLSX, with a heading.")],
    of: Annotated[str | None, typer.Option("--account", metavar="ACCOUNT", help="The customer. A catalogue without: the dealer's.")] = None,
    what: Annotated[str, typer.Option("--list", metavar="WHAT", help="devices, locations, contacts or catalogue.")] = "devices",
    apply: Annotated[bool, typer.Option("--apply", help="Do it. Without: only show what would be done.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Join a list of your merchandise system with what is here. Shows what would change; with --apply it does. Twice is as once.

    Devices are found by serial number, else MAC address. Rows and devices left over are listed. Exit 1 if the list has faults; then
    nothing of it was done.

    Example:

        poller central import devices.csv --account acme
        poller central import devices.csv --account acme --apply
    """
    from poller.clock import SystemClock

    async def work(database: Database, opened: Keys) -> bool:
        from poller.central.office.importing import KINDS, Importer

        if what not in KINDS:
            raise ConfigError([f"--list: {what!r} is none of {', '.join(KINDS)}"])
        importer = Importer(database, opened, who=who())
        found = await importer.read(path, what, account=dealer_or(of), is_applied=apply, now_utc=SystemClock().utc())
        unlisted = importer.unlisted(dealer_or(of), found) if what == "devices" else None
        await _show_preview(found, unlisted, as_json=as_json, is_asked=apply)
        return bool(found.faults)

    if with_database(config, work):
        raise typer.Exit(1)


def export_account(
    of: AccountArgument,
    path: Annotated[Path, typer.Option("--output", "-o", metavar="PATH", help="A new folder, or a new file.zip.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write out everything there is of a customer: NDJSON of each table, CSV of devices, contracts, locations and contacts.

    Example:

        poller central account export acme -o acme.zip
    """
    from poller.clock import SystemClock

    async def work(database: Database, opened: Keys) -> dict[str, int]:
        from poller.central.office.exporting import Exporter

        return await Exporter(database, opened, who=who()).export(of, path, now_utc=SystemClock().utc())

    counts = with_database(config, work)
    show_rows([{"table": name, "rows": count} for name, count in counts.items()], ("table", "rows"), as_json=as_json)


def erase_account(
    of: AccountArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Really. There is no way back.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Destroy a customer's key, and with it everything personal; delete its readings, sites and agents. What bills rest on stays.

    Backups made before hold what they hold: let them run out.

    Example:

        poller central account erase acme --yes
    """
    from poller.clock import SystemClock

    if not yes:
        raise ConfigError([f"this erases {of} for good; export it first, then give --yes"])

    async def work(database: Database, _: Keys) -> tuple[dict[str, int], bool, bool]:
        from poller.central.office.erasure import Erasure

        return *await Erasure(database, who=who()).erase(of, now_utc=SystemClock().utc()), database.is_sqlite

    counts, is_rewritten, is_sqlite = with_database(config, work)
    if as_json:
        show_facts({"account": of, "deleted": counts, "rewritten": is_rewritten}, as_json=True)
    else:
        print(f"{of} is erased: {sum(counts.values())} rows deleted, its key destroyed")
    if not is_sqlite:
        typer.echo("Deleted rows stay in PostgreSQL's files, unreadable where they were sealed, until VACUUM FULL.", err=True)
    elif not is_rewritten:
        raise HostError("the database's log could not be emptied: another process reads it", hint="stop serve, and erase once more")


def audit(
    of: Annotated[str | None, typer.Argument(metavar="[ACCOUNT]", help="The customer. Default: what concerns the dealer itself.")] = None,
    rows_max: Annotated[int, typer.Option("--last", metavar="N", min=1, max=100_000, help="How many entries.")] = 1000,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show who did what, and when; the newest at the end. Nothing is ever changed in it.

    The user of this host is written down; POLLERCENTRAL_WHO names somebody else behind it.

    Example:

        poller central audit acme --last 50
    """
    rows = register(config, lambda office, _: office.audit(dealer_or(of), rows_max=rows_max))
    show_rows(rows, ("at_utc", "who", "what", "subject", "is_refused"), as_json=as_json)


async def _show_preview(found: Preview, unlisted: AsyncIterable[dict[str, Any]] | None, *, as_json: bool, is_asked: bool) -> None:
    """Print what a list changes and what is left over on both sides; *unlisted* as it comes: it may be a million devices."""
    count = 0
    if as_json:
        for kind in ("changes", "unmatched"):
            for row in getattr(found, kind):
                print(json.dumps({"type": kind} | row, default=_plain))
    else:
        _print_changes(found)
    if unlisted is not None:
        async for row in unlisted:
            count += 1
            if as_json:
                print(json.dumps({"type": "unlisted"} | row, default=_plain))
            else:
                print(printable(f"in no row: device {row['device']}, {row['state']}, serial number {row['serial'] or 'unknown'}"))
    if as_json:
        for fault in found.faults:
            print(json.dumps({"type": "fault", "text": fault}))
        summary = {"unchanged": found.unchanged, "applied": found.is_applied, "ignored_columns": found.ignored_columns}
        print(json.dumps({"type": "summary"} | summary))
        return
    for fault in found.faults:
        typer.echo(printable(fault), err=True)
    if found.ignored_columns:
        typer.echo(printable(f"columns left alone: {', '.join(found.ignored_columns)}"), err=True)
    told = "done" if found.is_applied else "nothing was done: faults" if is_asked else "nothing was done yet; --apply does it"
    left_over = f"{len(found.unmatched)} rows and {count} devices left over"
    typer.echo(f"{len(found.changes)} to change, {found.unchanged} as they are, {left_over}; {told}", err=True)


def _print_changes(found: Preview) -> None:
    for row in found.changes:
        name = row.get("device", row.get("key"))
        told = "; ".join(f"{key}: {_brief(old)} -> {_brief(new)}" for key, (old, new) in row["changes"].items())
        by = f" by {row['found_by']}" if "found_by" in row else ""
        print(printable(f"row {row['row']}: {name}{by}: {told}"))
    for row in found.unmatched:
        print(printable(f"row {row['row']}: not found ({row['reason']}): {row.get('serial') or row.get('mac') or ''}"))


def _brief(value: Any) -> str:
    return "none" if value is None else value if isinstance(value, str) else json.dumps(value, default=_plain)


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
