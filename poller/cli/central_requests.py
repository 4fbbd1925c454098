"""`poller central request …`: the toner requests, and what a dispatcher says about each. Parcels are in central_parcels.py."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, get_args

import typer

from poller.cli.central_office import ConfigOption, group, in_json, show_facts, show_rows, who, with_database
from poller.cli.joblogs import ForceOption, written
from poller.cli.options import JsonOption
from poller.cli.requests_shown import empty_on, in_full, in_short, sheet_of, told_state
from poller.errors import ConfigError
from poller.logs import printable

if TYPE_CHECKING:
    from poller.central.keys import Keys
    from poller.central.store.database import Database
    from poller.central.supplies.requestdesk import RequestDesk

T = TypeVar("T")
Done = dict[str, Any] | list[dict[str, Any]]
"""What became of a request, or of those of a parcel."""
State = Literal["open", "approved", "sent", "delivered", "installed", "cancelled"]

request = group("Toner requests: what was asked for, and what became of it.", "request list")

AccountArgument = Annotated[str, typer.Argument(metavar="ACCOUNT", help="The customer.")]
AccountFilter = Annotated[str | None, typer.Argument(metavar="[ACCOUNT]", help="One customer's alone. Default: everybody's.")]
RequestsArgument = Annotated[list[str], typer.Argument(metavar="REQUEST…", help="One or more, as `request list` has them: q-4kd7x2ma.")]
SendingsArgument = Annotated[list[str], typer.Argument(metavar="REQUEST…", help="One or more; or a parcel, v-8m3xk5wq2fhz: all of it.")]
LimitOption = Annotated[int, typer.Option("--limit", min=1, max=100_000, help="Of each customer the newest so many.")]
TrackingOption = Annotated[str | None, typer.Option("--tracking", metavar="NUMBER", help="The carrier's number.")]
NoteOption = Annotated[str | None, typer.Option("--note", metavar="TEXT", help="Why, for whoever asks later.")]

_UNDER_WAY: tuple[State, ...] = ("open", "approved", "sent", "delivered")
_LISTED = ("request", "state", "article", "pieces", "supply", "device", "place", "empty_on")
_OF_DEVICE = ("manufacturer", "model", "serial", "device_number", "inventory_number")


def at_desk(option: Path | None, work: Callable[[RequestDesk, datetime], Awaitable[T]]) -> T:
    from poller.clock import SystemClock

    async def run(database: Database, opened: Keys) -> T:
        from poller.central.supplies.requestdesk import RequestDesk

        return await work(RequestDesk(database, opened, who=who()), SystemClock().utc())

    return with_database(option, run)


# --- looking ---------------------------------------------------------------------------------------------------------------


@request.command("list")
def list_requests(
    of: AccountFilter = None,
    state: Annotated[
        str | None,
        typer.Option(metavar="STATE,…", help="Only open, approved, sent, delivered, installed or cancelled. Default: the first four."),
    ] = None,
    site: Annotated[str | None, typer.Option(metavar="SITE", help="Of one place alone.")] = None,
    location: Annotated[str | None, typer.Option(metavar="LOCATION", help="Of one location alone.")] = None,
    sheet: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", dir_okay=False, help="Write them into a new CSV file instead.")
    ] = None,
    force: ForceOption = False,
    limit: LimitOption = 1000,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List requests, oldest first, with what an open one waits for: trial, contract, clarify, stock or approval.

    Example:

        poller central request list
        poller central request list acme --state open,approved
        poller central request list acme --csv requests.csv
    """
    states: Sequence[State] = words_of("--state", state, get_args(State)) or _UNDER_WAY
    rows, cut = _gather(config, of, states, site=site, location=location, limit=limit)
    if sheet is not None:
        with written(sheet, force=force) as file:
            file.write(sheet_of(rows))
    if as_json:
        show_rows(rows, (), as_json=True)
    elif sheet is None:
        columns = _LISTED if of is not None else ("account", *_LISTED)
        show_rows([row | in_short(row) for row in rows], columns, as_json=False, whole=("request", "article", "empty_on"))
    for name in cut:
        typer.echo(printable(f"{name}: the newest {limit} only: there are more; narrow it down, or give --limit"), err=True)
    if sheet is not None:
        typer.echo(printable(f"requests in {sheet}: {len(rows)}"), err=True)


@request.command("show")
def show_request(
    of: AccountArgument,
    name: Annotated[str, typer.Argument(metavar="REQUEST", help="As `request list` has it.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a request: why it was made, what is known of the supply, and every step since.

    Example:

        poller central request show acme q-4kd7x2ma
    """
    one = at_desk(config, lambda desk, _: desk.show(of, name))
    if as_json:
        print(in_json(one))
        return
    show_facts(in_full(one), as_json=False)
    print()
    show_rows(one["history"], ("at_utc", "who", "before", "after", "hold", "note"), as_json=False)


@request.command("events")
def list_events(
    of: AccountArgument,
    device: Annotated[str, typer.Argument(metavar="DEVICE", help="Its id or the beginning, serial, device or inventory number.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what was noticed of a device's supplies: replaced, changed early, the wrong cartridge, questions to people.

    Example:

        poller central request events acme VNB3K12345
    """

    async def work(database: Database, opened: Keys) -> list[dict[str, Any]]:
        from poller.central.supplies.requestdesk import RequestDesk

        return await RequestDesk(database, opened, who=who()).events(of, await _device(database, opened, of, device))

    columns = ("at_utc", "event", "supply", "kind", "colour", "share_left", "part_number", "wanted", "request", "task")
    show_rows(with_database(config, work), columns, as_json=as_json)


# --- deciding --------------------------------------------------------------------------------------------------------------


@request.command("new")
def make_request(
    of: AccountArgument,
    device: Annotated[str, typer.Argument(metavar="DEVICE", help="Its id or the beginning, serial, device or inventory number.")],
    supply: Annotated[str, typer.Argument(metavar="SUPPLY", help="The supply's key in the device's readings: 1.1")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask for a supply by hand, for the cartridge that is in the device now. A task about it is done with that.

    Example:

        poller central request new acme VNB3K12345 1.1
    """

    async def work(database: Database, opened: Keys) -> dict[str, Any]:
        from poller.central.supplies.requestdesk import RequestDesk
        from poller.clock import SystemClock

        found = await _device(database, opened, of, device)
        return await RequestDesk(database, opened, who=who()).ask(of, found, supply, now_utc=SystemClock().utc())

    show_done([with_database(config, work)], as_json=as_json)


@request.command("approve")
def approve(of: AccountArgument, names: RequestsArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Let requests be sent: those that wait for approval, and those the shelf would have served.

    Each stands for itself, here as with `sent`, `delivered`, `installed` and `cancel`: what can be done is done; what cannot is named on
    standard error, and the exit code is 1.

    Example:

        poller central request approve acme q-4kd7x2ma q-9hw3c5te
    """
    _each(config, names, lambda desk, name, now_utc: desk.approve(of, name, now_utc=now_utc), as_json=as_json)


@request.command("clarify")
def clarify(
    of: AccountArgument,
    name: Annotated[str, typer.Argument(metavar="REQUEST", help="As `request list` has it.")],
    article: Annotated[str, typer.Argument(metavar="ARTICLE", help="Its number.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Name the article for one request that waits for it. For all to come: `catalogue set`.

    Example:

        poller central request clarify acme q-4kd7x2ma CF410X
    """
    show_done([at_desk(config, lambda desk, now_utc: desk.clarify(of, name, article, now_utc=now_utc))], as_json=as_json)


@request.command("sent")
def note_sent(
    of: AccountArgument,
    names: SendingsArgument,
    tracking: TrackingOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Note that requests, or whole parcels, were sent.

    Example:

        poller central request sent acme v-8m3xk5wq2fhz --tracking 00340434161094
    """
    _each(config, names, lambda desk, name, now_utc: desk.sent(of, name, tracking=tracking, now_utc=now_utc), as_json=as_json)


@request.command("delivered")
def note_delivered(
    of: AccountArgument,
    names: SendingsArgument,
    pieces: Annotated[int | None, typer.Option(min=1, help="So many of each. Default: all that have not arrived.")] = None,
    tracking: TrackingOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Note that what was sent has arrived, or a part of it.

    Example:

        poller central request delivered acme v-8m3xk5wq2fhz
        poller central request delivered acme q-4kd7x2ma --pieces 1 --tracking 00340434161094
    """

    if pieces is not None and any(map(_is_parcel, names)):
        raise ConfigError(["--pieces: of a request, not of a parcel"])

    async def work(desk: RequestDesk, name: str, now_utc: datetime) -> Done:
        from poller.central.office.administration import NotDoneError

        if not _is_parcel(name):
            return await desk.delivered(of, name, pieces=pieces, tracking=tracking, now_utc=now_utc)
        parcel = await desk.parcel(of, name, now_utc=now_utc)
        sent = [one for one in [await desk.show(of, item.request) for item in parcel.items] if _is_under_way(one)]
        if not sent:
            raise NotDoneError(f"nothing of parcel {name} is left to be delivered")
        return [await desk.delivered(of, one["request"], tracking=tracking, now_utc=now_utc) for one in sent]

    _each(config, names, work, as_json=as_json)


@request.command("installed")
def note_installed(of: AccountArgument, names: RequestsArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Take somebody's word that the cartridge was replaced, though no reading shows it.

    Example:

        poller central request installed acme q-4kd7x2ma
    """
    _each(config, names, lambda desk, name, now_utc: desk.installed(of, name, now_utc=now_utc), as_json=as_json)


@request.command("cancel")
def cancel(
    of: AccountArgument, names: RequestsArgument, note: NoteOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """End requests. For the same cartridge none is made again, unless somebody asks for it; what was sent counts as taken back.

    Out of a parcel that still waits to be told it is taken; where mail, webhook or CSV have it already, that is said.

    Example:

        poller central request cancel acme q-4kd7x2ma --note 'printer goes back to the lessor'
    """
    _each(config, names, lambda desk, name, now_utc: desk.cancel(of, name, note=note, now_utc=now_utc), as_json=as_json)


# --- small ways ------------------------------------------------------------------------------------------------------------


def _is_parcel(name: str) -> bool:
    return name.startswith("v-")


def _is_under_way(one: Mapping[str, Any]) -> bool:
    """Whether a piece was sent for a request that has not arrived."""
    return one["state"] in ("sent", "delivered") and sum(each["pieces"] for each in one["deliveries"]) < one["pieces"]


def words_of(option: str, told: str | None, known: Sequence[Any]) -> tuple[Any, ...]:
    """Return the words of `open,approved`, none for None. Raises ConfigError for one that is not *known*."""
    words = tuple(word.strip() for word in (told or "").split(",") if word.strip())
    if unknown := [word for word in words if word not in known]:
        raise ConfigError([f"{option}: {word!r} is none of {', '.join(known)}" for word in unknown])
    return words


def _each(
    option: Path | None, names: Iterable[str], work: Callable[[RequestDesk, str, datetime], Awaitable[Done]], *, as_json: bool
) -> None:
    """Do something for each name, once; say what became of it, and end with 1 if something could not be done."""

    async def every(desk: RequestDesk, now_utc: datetime) -> list[str]:
        from poller.central.office.administration import NotDoneError

        faults: list[str] = []
        for name in dict.fromkeys(names):
            try:
                found = await work(desk, name, now_utc)
            except NotDoneError as error:
                faults.append(str(error) if name in str(error) else f"{name}: {error}")
            else:
                show_done(found if isinstance(found, list) else [found], as_json=as_json)
        return faults

    faults = at_desk(option, every)
    for fault in faults:
        typer.echo(printable(fault), err=True)
    if faults:
        raise typer.Exit(1)


def show_done(requests: Iterable[Mapping[str, Any]], *, as_json: bool) -> None:
    """Print what requests are by now: one JSON a line for programs, a sentence for people."""
    for one in requests:
        if as_json:
            print(in_json(one))
        else:
            print(printable(f"request {one['request']} is {told_state(one)}"))
        if one.get("told"):
            have = " and ".join(one["told"])
            typer.echo(
                printable(f"request {one['request']}: parcel {one['parcel']} was told by {have} already: say that it is not wanted"),
                err=True,
            )


def _gather(
    option: Path | None, of: str | None, states: Sequence[State], *, site: str | None, location: str | None, limit: int
) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the requests with what is known of their devices, and the accounts that have more than *limit*."""

    async def work(database: Database, opened: Keys) -> tuple[list[dict[str, Any]], list[str]]:
        from poller.central.office.administration import NotDoneError
        from poller.central.store import agents, devices
        from poller.central.supplies.requestdesk import RequestDesk

        desk = RequestDesk(database, opened, who=who())
        async with database.reading() as db:
            accounts = [row["account"] for row in await agents.accounts(db)] if of is None else [of]
            if of is None and site is not None:
                accounts = [name for name in accounts if await agents.has_site(db, name, site)]
                if not accounts:
                    raise NotDoneError(f"no account has a site {site}; poller central site list")
        found: list[dict[str, Any]] = []
        cut = []
        for account in accounts:
            rows = await desk.list_(account, states=states, site=site, location=location, rows_max=limit + 1)
            if len(rows) > limit:
                cut.append(account)
            async with database.reading() as db:
                known = {one["device"]: one for one in await devices.find_these(db, account, {row["device"] for row in rows})}
            for row in rows[-limit:]:
                facts = known.get(row["device"], {})
                found.append(row | {name: facts.get(name) for name in _OF_DEVICE} | {"empty_on": empty_on(row)})
        return found, cut

    return with_database(option, work)


async def _device(database: Database, opened: Keys, of: str, reference: str) -> str:
    """Return the id of the device that goes by *reference*. Raises NotDoneError."""
    from poller.central.office.management import Management
    from poller.clock import SystemClock

    shown = await Management(database, opened, who=who()).show(of, reference, now_utc=SystemClock().utc())
    return str(shown["device"])
