"""`poller central job …`: what production presses printed, job by job and by cost centre."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from poller.cli.central_office import ConfigOption, group, show_rows, with_database
from poller.cli.options import JsonOption
from poller.errors import ConfigError

if TYPE_CHECKING:
    from poller.central.keys import Keys
    from poller.central.store.database import Database

job = group("Jobs of production presses, as their accounting logs have them.", "job list --account acme --since 2026-11-01")

_LISTED = ("at_utc", "site", "server", "cost_centre", "job_id", "record_status", "impressions", "black", "colour", "sheets")
_SUMMED = ("cost_centre", "jobs", "impressions", "black", "colour", "sheets", "uncounted")
_NONE = dict.fromkeys(_LISTED)

AccountOption = Annotated[str, typer.Option("--account", metavar="ACCOUNT", help="The customer.")]
SiteOption = Annotated[str | None, typer.Option("--site", metavar="SITE", help="One place's alone.")]
SinceOption = Annotated[str | None, typer.Option("--since", metavar="DATE", help="From this day of the site on, as 2026-11-01.")]
UntilOption = Annotated[str | None, typer.Option("--until", metavar="DATE", help="To this day of the site, with it.")]
CostCentreOption = Annotated[str | None, typer.Option("--cost-centre", metavar="NAME", help="One's alone; '' is jobs without one.")]


@job.command("list")
def list_jobs(
    of: AccountOption,
    site: SiteOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    cost_centre: CostCentreOption = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="The newest so many.")] = 1000,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List jobs, oldest first. A job whose log does not say when it was is listed only without --since and --until.

    With --json everything that was sent of a job, names as the site sends them: hashed, unless it keeps them.

    Example:

        poller central job list --account acme --site hamburg --since 2026-11-01 --until 2026-11-30
    """
    first, last = _day(since, "--since"), _day(until, "--until")

    async def work(database: Database, keys: Keys) -> list[dict[str, Any]]:
        from poller.central.devices.jobs import Joblist
        from poller.clock import SystemClock

        desk = Joblist(database, keys.store, SystemClock())
        return await desk.jobs(of, site=site, since=first, until=last, cost_centre=cost_centre, rows_max=limit + 1)

    rows = with_database(config, work)
    show_rows(rows[-limit:] if as_json else [_NONE | row for row in rows[-limit:]], _LISTED, as_json=as_json)
    if len(rows) > limit:
        typer.echo(f"the newest {limit} only: there are more; narrow it down, or give --limit", err=True)


@job.command("sum")
def sum_jobs(
    of: AccountOption,
    site: SiteOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    cost_centre: CostCentreOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add the same jobs up by cost centre. `uncounted` are jobs whose log does not say their impressions: they are in no sum of these.

    Example:

        poller central job sum --account acme --since 2026-11-01 --until 2026-11-30
    """
    first, last = _day(since, "--since"), _day(until, "--until")

    async def work(database: Database, keys: Keys) -> list[dict[str, Any]]:
        from poller.central.devices.jobs import Joblist
        from poller.clock import SystemClock

        return await Joblist(database, keys.store, SystemClock()).sums(of, site=site, since=first, until=last, cost_centre=cost_centre)

    show_rows(with_database(config, work), _SUMMED, as_json=as_json)


def _day(told: str | None, option: str) -> date | None:
    try:
        return None if told is None else date.fromisoformat(told)
    except ValueError:
        raise ConfigError([f"{option}: {told!r} is no date such as 2026-01-31"]) from None
