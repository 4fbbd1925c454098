"""`poller central request parcels|pack|messages|again|arrived|picklist|labels`: what goes out together, how it is told, on which paper."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, get_args

import typer

from poller.central.supplies.words import Language
from poller.cli.central_office import ConfigOption, load_config, say, show_rows, who, with_database
from poller.cli.central_requests import AccountArgument, AccountFilter, LimitOption, at_desk, words_of
from poller.cli.joblogs import ForceOption, written
from poller.cli.options import JsonOption
from poller.errors import ConfigError
from poller.logs import printable

if TYPE_CHECKING:
    from poller.central.keys import Keys
    from poller.central.paper.packing import Packing
    from poller.central.sending.outgoing import Outgoing
    from poller.central.store.database import Database
    from poller.central.supplies.parcels import Parcel

T = TypeVar("T")
Channel = Literal["mail", "webhook", "csv"]
State = Literal["waiting", "sending", "sent", "unclear", "failed"]

ParcelArgument = Annotated[str, typer.Argument(metavar="PARCEL", help="As `request parcels` has it: v-8m3xk5wq2fhz.")]
ParcelsArgument = Annotated[list[str] | None, typer.Argument(metavar="[PARCEL…]", help="Which. Default: by --since.")]
ChannelArgument = Annotated[Channel, typer.Argument(metavar="CHANNEL", help="mail, webhook or csv.")]
PaperOption = Annotated[Path, typer.Option("--output", "-o", metavar="FILE", dir_okay=False, help="The PDF to write.")]
SinceOption = Annotated[
    datetime | None,
    typer.Option(
        "--since", metavar="TIME", formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"], help="Those made since then, in UTC. Default: 24 hours ago."
    ),
]
_DAY = timedelta(days=1)


# --- parcels ---------------------------------------------------------------------------------------------------------------


def list_parcels(of: AccountArgument, limit: LimitOption = 1000, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List a customer's parcels, oldest first, with when everybody was told of them.

    Example:

        poller central request parcels acme
    """
    rows = at_desk(config, lambda desk, _: desk.parcels(of, rows_max=limit + 1))
    show_rows(rows[-limit:], ("parcel", "place", "made_utc", "made_by", "sent_utc"), as_json=as_json, whole=("parcel",))
    if len(rows) > limit:
        typer.echo(f"the newest {limit} only: there are more; give --limit", err=True)


def pack(
    of: AccountArgument,
    place: Annotated[str, typer.Argument(metavar="PLACE", help="A location or, for devices that stand at none, @ and the site.")],
    quiet: Annotated[bool, typer.Option("--quiet", help="Tell nobody: no mail, no webhook, no file.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a parcel of what is approved for a place, and of what falls due there soon, now. `serve` does it where a channel is set up.

    Example:

        poller central request pack acme K-100 --quiet
    """
    loaded = load_config(config)

    async def work(database: Database, opened: Keys) -> list[Parcel]:
        from poller.central.sending.post import channels_of
        from poller.central.supplies.requestdesk import RequestDesk
        from poller.clock import SystemClock

        channels = () if quiet else channels_of(loaded)
        return await RequestDesk(database, opened, who=who()).pack(of, place, channels=channels, now_utc=SystemClock().utc())

    for parcel in with_database(config, work):
        items = len(parcel.items)
        facts = {"account": of, "parcel": parcel.id, "place": place, "requests": [item.request for item in parcel.items]}
        say(facts, f"parcel {parcel.id} for {place}: {items} {'request' if items == 1 else 'requests'}", as_json=as_json)


# --- what was told over which channel --------------------------------------------------------------------------------------


def list_messages(
    of: AccountArgument,
    parcel: Annotated[str | None, typer.Option("--parcel", metavar="PARCEL", help="Of one parcel alone.")] = None,
    state: Annotated[str | None, typer.Option(metavar="STATE,…", help="Only waiting, sending, sent, unclear or failed ones.")] = None,
    limit: LimitOption = 1000,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the messages that tell of a customer's parcels: `failed` and `unclear` ones wait for a person.

    Example:

        poller central request messages acme --state unclear,failed
    """
    states: Sequence[State] = words_of("--state", state, get_args(State))
    rows = _outgoing(config, lambda desk, now_utc: desk.list_(of, parcel=parcel, states=states, rows_max=limit + 1, now_utc=now_utc))
    columns = ("parcel", "channel", "state", "tries", "due_utc", "sent_utc", "error", "answer")
    show_rows(rows[-limit:], columns, as_json=as_json, whole=("parcel",))
    if len(rows) > limit:
        typer.echo(f"the newest {limit} only: there are more; narrow it down, or give --limit", err=True)


def send_again(
    of: AccountArgument, parcel: ParcelArgument, channel: ChannelArgument, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Have a parcel told over a channel once more: the very same message, whatever became of it. `serve` sends it.

    Example:

        poller central request again acme v-8m3xk5wq2fhz mail
    """
    was = _outgoing(config, lambda desk, now_utc: desk.again(of, parcel, channel, now_utc=now_utc))
    say({"account": of, "parcel": parcel, "channel": channel, "was": was}, f"{channel} of {parcel} is due; it was {was}", as_json=as_json)


def note_arrived(
    of: AccountArgument, parcel: ParcelArgument, channel: ChannelArgument, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Note that a message that is unclear, or failed, has reached whom it was for.

    Example:

        poller central request arrived acme v-8m3xk5wq2fhz mail
    """
    was = _outgoing(config, lambda desk, now_utc: desk.arrived(of, parcel, channel, now_utc=now_utc))
    say({"account": of, "parcel": parcel, "channel": channel, "was": was}, f"{channel} of {parcel} is sent; it was {was}", as_json=as_json)


# --- paper -----------------------------------------------------------------------------------------------------------------


def print_pick_list(
    path: PaperOption,
    of: AccountFilter = None,
    names: ParcelsArgument = None,
    since: SinceOption = None,
    language: Annotated[Language | None, typer.Option(help="Default: the first parcel's.")] = None,
    force: ForceOption = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a pick list (A4): each location on pages of its own, articles in the order of the shelf.

    Example:

        poller central request picklist -o today.pdf
        poller central request picklist acme v-8m3xk5wq2fhz -o one.pdf --language de
    """

    def draw(parcels: list[Parcel]) -> bytes:
        from poller.central.paper.picklist import pick_list

        return pick_list(parcels, language=language)

    _print(config, draw, path, of=of, names=names or [], since=since, force=force, as_json=as_json)


def print_labels(
    path: PaperOption,
    of: AccountFilter = None,
    names: ParcelsArgument = None,
    since: SinceOption = None,
    language: Annotated[Language | None, typer.Option(help="Default: each parcel's own.")] = None,
    force: ForceOption = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write box labels (100 x 62 mm, a page each), one for every piece, in the order of the pick list.

    Example:

        poller central request labels -o labels.pdf
        poller central request labels acme --since 2026-11-20 -o labels.pdf
    """

    def draw(parcels: list[Parcel]) -> bytes:
        from poller.central.paper.labels import labels

        return labels(parcels, language=language)

    _print(config, draw, path, of=of, names=names or [], since=since, force=force, as_json=as_json)


def _print(
    option: Path | None,
    draw: Callable[[list[Parcel]], bytes],
    path: Path,
    *,
    of: str | None,
    names: list[str],
    since: datetime | None,
    force: bool,
    as_json: bool,
) -> None:
    if names and since is not None:
        raise ConfigError(["name parcels, or give --since"])

    async def work(database: Database, opened: Keys) -> Packing:
        from poller.central.office.administration import NotDoneError
        from poller.central.paper.packing import PackingDesk
        from poller.clock import SystemClock

        desk, now_utc = PackingDesk(database, opened, who=who()), SystemClock().utc()
        if of is not None and names:
            return await desk.named(of, names, now_utc=now_utc)
        since_utc = now_utc - _DAY if since is None else since.replace(tzinfo=UTC)
        found = await desk.since(of, since_utc, now_utc=now_utc)
        if not found.parcels and not found.left_out:
            raise NotDoneError(f"no parcel was made since {since_utc:%Y-%m-%d %H:%M} UTC; give --since, or: poller central request parcels")
        return found

    found = with_database(option, work)
    with written(path, force=force) as file:
        file.write(draw(found.parcels))
    pieces = sum(item.pieces for parcel in found.parcels for item in parcel.items)
    facts: dict[str, Any] = {"file": str(path), "parcels": [one.id for one in found.parcels], "pieces": pieces, "left_out": found.left_out}
    say(facts, f"{path}: parcels {', '.join(facts['parcels'])}; pieces: {pieces}", as_json=as_json)
    if found.left_out:
        typer.echo(printable(f"not on it, since cancelled or installed by now: {', '.join(found.left_out)}"), err=True)


def _outgoing(option: Path | None, work: Callable[[Outgoing, datetime], Awaitable[T]]) -> T:
    from poller.clock import SystemClock

    async def run(database: Database, opened: Keys) -> T:
        from poller.central.sending.outgoing import Outgoing
        from poller.central.supplies.requestdesk import parcel_sent

        return await work(Outgoing(database, opened.store, who=who(), on_sent=parcel_sent), SystemClock().utc())

    return with_database(option, run)
