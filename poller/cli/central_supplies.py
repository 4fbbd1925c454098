"""`poller central stock …`, `task …`, `account set`, `site set`, `site live`: shelves, questions to people, and what is agreed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from poller.cli.central_office import ConfigOption, group, say, show_facts, show_rows, who, with_database
from poller.cli.central_requests import AccountArgument, AccountFilter, NoteOption, at_desk
from poller.cli.options import JsonOption
from poller.errors import ConfigError

if TYPE_CHECKING:
    from poller.central.keys import Keys
    from poller.central.store.database import Database
    from poller.central.supplies.stockdesk import StockDesk

T = TypeVar("T")

stock = group("What lies on customers' shelves: it serves the next requests there.", "stock list acme")
task = group("What a person is to find out: which colour is low, whether what was sent was installed.", "task list")

PlaceArgument = Annotated[
    str, typer.Argument(metavar="PLACE", help="A location by its number or, for devices that stand at none, @ and the site.")
]


def at_stock(option: Path | None, work: Callable[[StockDesk, datetime], Awaitable[T]]) -> T:
    from poller.clock import SystemClock

    async def run(database: Database, opened: Keys) -> T:
        from poller.central.supplies.stockdesk import StockDesk

        return await work(StockDesk(database, opened, who=who()), SystemClock().utc())

    return with_database(option, run)


# --- shelves ---------------------------------------------------------------------------------------------------------------


@stock.command("list")
def list_stock(
    of: AccountArgument,
    place: Annotated[str | None, typer.Argument(metavar="[PLACE]", help="A location, or @ and a site. Default: everywhere.")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what lies on a customer's shelves. `free` is what was sent for nobody: what is asked for next comes from there.

    Example:

        poller central stock list acme K-100
    """
    rows = at_stock(config, lambda desk, now_utc: desk.stock(of, place, now_utc=now_utc))
    show_rows(rows, ("place", "article", "pieces", "free"), as_json=as_json)


@stock.command("set")
def set_stock(
    of: AccountArgument,
    place: PlaceArgument,
    article: Annotated[str, typer.Argument(metavar="ARTICLE", help="Its number.")],
    pieces: Annotated[int, typer.Argument(metavar="PIECES", help="How many are free: not sent for a request that is under way.")],
    note: NoteOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write down how many pieces of an article somebody counted.

    Example:

        poller central stock set acme K-100 CF410X 3
    """
    one = at_stock(config, lambda desk, now_utc: desk.set_stock(of, place, article, pieces, note=note, now_utc=now_utc))
    say(one, f"{one['pieces']} of {article} at {place}, {one['free']} of them free", as_json=as_json)


@stock.command("history")
def show_history(
    of: AccountArgument,
    place: PlaceArgument,
    article: Annotated[str | None, typer.Argument(metavar="[ARTICLE]", help="Of one alone.")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how what lies at a place came about: what was entered, sent, installed.

    Example:

        poller central stock history acme K-100 CF410X
    """
    rows = at_stock(config, lambda desk, now_utc: desk.history(of, place, article, now_utc=now_utc))
    show_rows(rows, ("at_utc", "article", "what", "pieces", "request", "device", "who", "note"), as_json=as_json)


# --- questions to people ---------------------------------------------------------------------------------------------------


@task.command("list")
def list_tasks(of: AccountFilter = None, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List what a person is to find out, oldest first: `which-colour` of a device is low; `ask-customer` whether it was installed.

    Example:

        poller central task list
    """

    async def work(database: Database, opened: Keys) -> list[dict[str, Any]]:
        from poller.central.store import agents, devices
        from poller.central.supplies.requestdesk import RequestDesk

        desk = RequestDesk(database, opened, who=who())
        async with database.reading() as db:
            accounts = [row["account"] for row in await agents.accounts(db)] if of is None else [of]
        found = []
        for account in accounts:
            rows = await desk.tasks(account)
            async with database.reading() as db:
                known = {one["device"]: one for one in await devices.find_these(db, account, {row["device"] for row in rows})}
            found += [row | {name: known.get(row["device"], {}).get(name) for name in ("model", "serial")} for row in rows]
        return found

    rows = with_database(config, work)
    if not as_json:
        rows = [row | {"choices": " ".join(row["choices"])} for row in rows]
    columns = ("id", "at_utc", "event", "device", "model", "serial", "supply", "choices", "request")
    show_rows(rows, columns if of is not None else ("account", *columns), as_json=as_json, whole=("id",))


@task.command("done")
def close_task(
    of: AccountArgument,
    name: Annotated[str, typer.Argument(metavar="TASK", help="Its id in `task list`.")],
    note: NoteOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Note that a task is done. What follows from it is said elsewhere: `request new`, `request installed`, `request cancel`.

    Example:

        poller central task done acme 0193c1a2 --note 'Ms Petersen: still in the cupboard'
    """
    one = at_desk(config, lambda desk, now_utc: desk.close_task(of, name, note=note, now_utc=now_utc))
    say(one, f"task {name}, {one['event']} of device {one['device']}, is done", as_json=as_json)


# --- what is agreed --------------------------------------------------------------------------------------------------------

_LeadOption = Annotated[str | None, typer.Option("--lead-days", metavar="DAYS", help='From the decision to the printer. "" takes it away.')]
_ThresholdOption = Annotated[
    str | None, typer.Option("--threshold", metavar="SHARE", help='Ask at this level whatever the forecast: 0.1; off. "" takes it away.')
]
_BundleOption = Annotated[
    str | None, typer.Option("--bundle-days", metavar="DAYS", help='What falls due so soon goes along; 0 is off. "" takes it away.')
]
_ApprovalOption = Annotated[
    str | None, typer.Option("--approval", metavar="auto|manual", help='manual: somebody approves. "" takes it away.')
]
_StateOption = Annotated[
    str | None, typer.Option("--state", metavar="trial", help='Show what would be sent. Back: `site live`. "" takes it away.')
]
_LanguageOption = Annotated[str | None, typer.Option("--language", metavar="de|en", help='Of mails and paper. "" takes it away.')]


def set_account(
    of: AccountArgument,
    lead_days: _LeadOption = None,
    threshold: _ThresholdOption = None,
    bundle_days: _BundleOption = None,
    approval: _ApprovalOption = None,
    state: _StateOption = None,
    language: _LanguageOption = None,
    zone: Annotated[str | None, typer.Option(metavar="ZONE", help="Whose days count: Europe/Berlin. Default: that of most sites.")] = None,
    quiet_day: Annotated[
        list[str] | None, typer.Option("--quiet-day", metavar="DAY", help='2026-12-24..2027-01-03 or a day; may be repeated. "": none.')
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Set the rules for a customer's toner requests. Without any, show those that hold.

    Example:

        poller central account set acme --lead-days 5 --threshold 0.1 --approval manual
        poller central account set acme --quiet-day 2026-12-24..2027-01-03 --quiet-day 2026-05-15
    """
    days = None if quiet_day is None else [day for day in quiet_day if day] or ""
    more = {"state": state, "language": language, "zone": zone, "quiet_days": days}
    given = {"lead_days": lead_days, "threshold": threshold, "bundle_days": bundle_days, "approval": approval, **more}
    _agree(config, of, None, given, as_json=as_json)


def set_site(
    of: AccountArgument,
    at: Annotated[str, typer.Argument(metavar="SITE", help="The place.")],
    lead_days: _LeadOption = None,
    threshold: _ThresholdOption = None,
    bundle_days: _BundleOption = None,
    approval: _ApprovalOption = None,
    state: _StateOption = None,
    language: _LanguageOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Set the rules for a site's toner requests that differ from its customer's. Without any, show those that hold.

    Example:

        poller central site set acme hamburg --lead-days 3
    """
    more = {"state": state, "language": language}
    given = {"lead_days": lead_days, "threshold": threshold, "bundle_days": bundle_days, "approval": approval, **more}
    _agree(config, of, at, given, as_json=as_json)


def go_live(
    of: AccountArgument,
    at: Annotated[str | None, typer.Argument(metavar="[SITE]", help="The place.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All of the customer's sites that nothing else was said of.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let a site go live: from now on what it asks for is sent. Enter its shelf stock before.

    What was shown in trial and is still due goes on, unless the shelf serves it; the rest is withdrawn, and asked for when it falls due.

    Example:

        poller central stock set acme K-100 CF410X 3
        poller central site live acme hamburg
    """
    if (at is None) == (not every):
        raise ConfigError(["which one? Name a site, or give --all"])
    counts = at_stock(config, lambda desk, now_utc: desk.go_live(of, at, now_utc=now_utc))
    told = ", ".join(f"{count} {word}" for word, count in sorted(counts.items())) or "none"
    say(
        {"account": of, "site": at, "requests": counts},
        f"{of}{f'/{at}' if at else ''} is live; requests shown before: {told}",
        as_json=as_json,
    )


def _agree(option: Path | None, of: str, at: str | None, given: Mapping[str, Any], *, as_json: bool) -> None:
    from poller.central.supplies.agreements import check

    rules: dict[str, Any] = {}
    faults = []
    for name, value in given.items():
        if value is None:
            continue
        option_name = "--" + ("quiet-day" if name == "quiet_days" else name.replace("_", "-"))
        try:
            rules[name] = _rule(name, value)
            if rules[name] != "" and (name, value) != ("state", "live"):
                check(name, rules[name], is_site=at is not None)
        except ValueError as error:
            faults.append(f"{option_name}: {str(error).removeprefix(f'{name}: ')}")
    if faults:
        raise ConfigError(faults)

    async def work(desk: StockDesk, now_utc: datetime) -> dict[str, Any]:
        return await (desk.agree(of, rules, at, now_utc=now_utc) if rules else desk.agreement(of, at))

    holds = at_stock(option, work)
    if as_json:
        show_facts({"account": of, "site": at, **holds}, as_json=True)
        return
    said = holds.pop("said")
    if holds["threshold"] is None:
        holds["threshold"] = "off"
    holds["quiet_days"] = ", ".join(holds["quiet_days"])
    rows = [{"rule": name, "holds": value, "said here": name in said} for name, value in holds.items()]
    show_rows(rows, ("rule", "holds", "said here"), as_json=False)


def _rule(name: str, value: Any) -> Any:
    """Return what an option means. Raises ValueError."""
    if value == "" or name not in ("lead_days", "threshold", "bundle_days"):
        return value
    if name == "threshold" and value == "off":
        return None
    try:
        return float(value)
    except ValueError:
        raise ValueError(f"want a number, got {value!r}") from None
