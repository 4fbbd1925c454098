"""`poller central distribute`: the store on many machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from poller.cli.central_office import ConfigOption, not_installed, show_rows, with_database
from poller.cli.options import JsonOption

if TYPE_CHECKING:
    from poller.central.keys import Keys
    from poller.central.store.database import Database

DryRunOption = Annotated[bool, typer.Option("--dry-run/--execute", help="Print the SQL, or run it in one transaction.")]


def distribute(is_dry_run: DryRunOption = True, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Spread the store over the machines of a Citus cluster, each account on one of them. Without --execute nothing is asked or changed.

    A second time it does what is new. Stop every `serve` before: tables that are being spread take no rows.

    Example:

        poller central distribute
    """
    try:
        from poller.central.store import distribution
    except ModuleNotFoundError as error:
        raise not_installed(error) from error

    if is_dry_run:
        _show(distribution.statements(), as_json=as_json)
        return

    async def work(database: Database, _: Keys) -> list[str]:
        return await distribution.distribute(database)

    done = with_database(config, work)
    _show(done, as_json=as_json)
    typer.echo(f"{len(done)} statements done" if done else "nothing was left to do", err=True)


def _show(statements: list[str], *, as_json: bool) -> None:
    if as_json:
        show_rows(({"sql": statement} for statement in statements), ("sql",), as_json=True)
        return
    print("BEGIN;")
    for statement in statements:
        print(f"{statement};")
    print("COMMIT;")
