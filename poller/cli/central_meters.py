"""`poller central meter …`, `close` and `verify`: days closed, what is held decided, what somebody read entered, the ledger proven."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import msgspec
import typer

from poller.cli.central_office import ConfigOption, group, say, show_rows, who, with_database
from poller.cli.options import JsonOption
from poller.errors import ConfigError
from poller.logs import printable

if TYPE_CHECKING:
    from poller.central.keys import Keys
    from poller.central.meters.meterdesk import Done, MeterDesk
    from poller.central.meters.proof import Proof
    from poller.central.store.database import Database

T = TypeVar("T")
Verdict = Literal["goes-on", "new-run", "ignore", "as-proposed"]
Teller = Literal["customer", "technician", "import"]

meter = group("Meters: what waits for a decision, what was read, what is in force.", "meter held")

AccountArgument = Annotated[str, typer.Argument(metavar="ACCOUNT", help="The customer.")]
AccountFilter = Annotated[str | None, typer.Argument(metavar="[ACCOUNT]", help="One customer's alone.")]
DeviceArgument = Annotated[
    str, typer.Argument(metavar="DEVICE", help="The device's id or its beginning, its serial, device or inventory number.")
]
NoteOption = Annotated[
    str | None, typer.Option("--note", metavar="TEXT", help="Why, for whoever asks later; its hash stands in the ledger.")
]
_SHOWN_DAYS = 31
_SECONDS = "%Y-%m-%dT%H:%M:%S"


@meter.command("held")
def held(of: AccountFilter = None, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the devices whose counters did something odd, so that no bill is made for them until somebody decides.

    Example:

        poller central meter held
    """
    found = _at_desk(config, lambda desk: desk.held(of))
    rows = [msgspec.to_builtins(one) if as_json else msgspec.structs.asdict(one) | {"changes": ", ".join(one.changes)} for one in found]
    columns = ("account", "device", "model", "serial", "since_utc", "looks_like", "changes", "proposal")
    show_rows(rows, columns, as_json=as_json)


@meter.command("decide")
def decide(
    of: AccountArgument,
    device: DeviceArgument,
    verdict: Annotated[Verdict, typer.Argument(help="What it was; see docs/meters.md.")],
    modulus: Annotated[int | None, typer.Option(min=2, help="goes-on: the number at which counters that fell ran over.")] = None,
    from_zero: Annotated[
        bool, typer.Option("--from-zero", help="new-run: counting began at zero, not with the first odd reading.")
    ] = False,
    only: Annotated[list[str] | None, typer.Option(metavar="COUNTER", help="new-run: of this counter alone; may be repeated.")] = None,
    start: Annotated[list[str] | None, typer.Option(metavar="COUNTER=N", help="new-run: a counter's start meter.")] = None,
    end: Annotated[list[str] | None, typer.Option(metavar="COUNTER=N", help="new-run: the end meter of the old counting.")] = None,
    since: Annotated[
        datetime | None,
        typer.Option(metavar="TIME", formats=[_SECONDS], help="The case as `held` shows it, in UTC: any other is left alone."),
    ] = None,
    note: NoteOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what the odd thing about a held device was; the days meanwhile then get their meters.

    Example:

        poller central meter decide acme VNB3K12345 new-run --from-zero --note 'formatter board changed, ticket 4711'
    """
    from poller.central.meters.standing import Decision

    decision = None
    if verdict != "as-proposed":
        decision = Decision(
            kind=verdict,
            user="",
            modulus=modulus,
            from_zero=from_zero,
            only=tuple(only or ()),
            starts=_counts("--start", start or []),
            ends=_counts("--end", end or []),
        )
    since_utc = None if since is None else since.replace(tzinfo=UTC)
    _show_done(_at_desk(config, lambda desk: desk.decide(of, device, decision, since_utc=since_utc, note=note)), as_json=as_json)


@meter.command("enter")
def enter(
    of: AccountArgument,
    device: DeviceArgument,
    counts: Annotated[list[str], typer.Argument(metavar="COUNTER=N…", help="What the panel showed: total=8123 total.colour=120.")],
    at: Annotated[
        datetime | None, typer.Option(metavar="TIME", formats=["%Y-%m-%dT%H:%M", "%Y-%m-%d"], help="When, in UTC. Default: now.")
    ] = None,
    origin: Annotated[Teller, typer.Option(help="Who says so.")] = "customer",
    note: NoteOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Enter what somebody read on a device. The next meter read sets it off to the page.

    Example:

        poller central meter enter acme VNB3K12345 total=8123 --at 2026-11-30T17:00 --note 'mail of Ms Petersen'
    """
    taken_utc = datetime.now(UTC) if at is None else at.replace(tzinfo=UTC)
    told = _counts("COUNTER=N", counts)
    work = _at_desk(config, lambda desk: desk.enter(of, device, told, taken_utc=taken_utc, origin=origin, note=note))
    _show_done(work, as_json=as_json)


@meter.command("estimate")
def estimate(
    of: AccountArgument,
    device: DeviceArgument,
    day: Annotated[datetime, typer.Option("--day", metavar="DATE", formats=["%Y-%m-%d"], help="For the end of this day.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have the meters of a silent device estimated, by its pace of at least 14 days, at most 62 days ahead. They are marked as such.

    Example:

        poller central meter estimate acme VNB3K12345 --day 2026-11-30
    """
    _show_done(_at_desk(config, lambda desk: desk.estimate(of, device, day.date())), as_json=as_json)


@meter.command("show")
def show(
    of: AccountArgument,
    device: DeviceArgument,
    since: Annotated[datetime | None, typer.Option("--from", metavar="DATE", formats=["%Y-%m-%d"], help="Default: 31 days ago.")] = None,
    until: Annotated[datetime | None, typer.Option(metavar="DATE", formats=["%Y-%m-%d"], help="Default: today.")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the meters of a device that are in force, a line for each day, and whether something about it is open.

    Example:

        poller central meter show acme VNB3K12345 --from 2026-11-01 --until 2026-11-30
    """
    last = datetime.now(UTC).date() if until is None else until.date()
    first = last - timedelta(days=_SHOWN_DAYS) if since is None else since.date()
    stands, entries = _at_desk(config, lambda desk: desk.show(of, device, first=first, last=last))
    rows: list[dict[str, Any]] = [
        {
            "day": str(one.day),
            "origin": one.origin,
            "reason": one.reason,
            "taken_utc": one.taken_utc,
            "run": one.run,
            "meters": {meter.cell: {"count": meter.count, "total": meter.total} for meter in one.meters},
        }
        for one in entries
    ]
    if not as_json:
        for row, one in zip(rows, entries, strict=True):
            row["meters"] = "  ".join(f"{meter.cell} {meter.count} ({meter.total})" for meter in one.meters)
    show_rows(rows, ("day", "origin", "reason", "taken_utc", "run", "meters"), as_json=as_json)
    if stands is not None and stands.standing is not None and stands.standing.suspicion is not None:
        odd = stands.standing.suspicion
        word = "waits for a decision" if odd.is_held else "is being watched"
        typer.echo(f"since {odd.kept[0].taken_utc:%Y-%m-%d %H:%M} UTC a {odd.oddity.kind} {word}", err=True)


def set_zone(
    of: AccountArgument,
    site: Annotated[str, typer.Argument(metavar="SITE", help="The place.")],
    zone: Annotated[str, typer.Argument(metavar="ZONE", help="Its time zone: Europe/Berlin.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let the days of a site, for its meters and daily rows, be those of its time zone. Unless told they are those of UTC.

    Example:

        poller central site zone acme hamburg Europe/Berlin
    """
    _at_desk(config, lambda desk: desk.set_zone(of, site, zone))
    say({"account": of, "site": site, "zone": zone}, f"the days of {of}/{site} are those of {zone}", as_json=as_json)


def close(
    of: Annotated[str | None, typer.Option("--account", metavar="ACCOUNT", help="One customer's alone.")] = None,
    until: Annotated[datetime | None, typer.Option(metavar="DATE", formats=["%Y-%m-%d"], help="Up to this day.")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Close the days that are over (six hours after their end), as `serve` does by itself. A second time it does nothing.

    Example:

        poller central close
    """

    async def work(database: Database, keys: Keys) -> list[dict[str, Any]]:
        from poller.central.meters.closing import Closer
        from poller.clock import SystemClock

        closer = Closer(database, keys.store, SystemClock())
        reports = await closer.close_due(account=of, until=None if until is None else until.date())
        return [msgspec.to_builtins(one) for one in reports]

    show_rows(with_database(config, work), ("account", "zone", "day", "devices", "entries", "held"), as_json=as_json)


def verify(
    of: Annotated[str | None, typer.Option("--account", metavar="ACCOUNT", help="One customer's alone.")] = None,
    anchors: Annotated[
        Path | None,
        typer.Option(metavar="FILE", exists=True, dir_okay=False, help="Heads from earlier runs with --json, or from bills: a line each."),
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Prove the ledger of meters: walk every account's chain, name the first row that does not hold (exit 1), print the heads.

    Keep the output somewhere else: a head from before is what shows that a chain was cut off or made anew.

    Example:

        poller central verify --json >> heads.ndjson
    """
    known = _read_anchors(anchors)

    async def work(database: Database, _: Keys) -> list[Proof]:
        from poller.central.meters.proof import prove
        from poller.central.store import agents

        async with database.reading() as db:
            names = [of] if of is not None else [row["account"] for row in await agents.accounts(db)]
            if of is not None and not await agents.has_account(db, of):
                raise ConfigError([f"there is no account {of}; poller central account list"])
        return [await prove(database, name, known.get(name)) for name in names]

    proofs = with_database(config, work)
    rows = [
        {
            "account": one.account,
            "number": one.head.number,
            "hash": one.head.hash.hex(),
            "rows": one.rows,
            "broken_at": None if one.broken is None else one.broken.number,
            "why": None if one.broken is None else one.broken.why,
            "unproven": one.unproven,
        }
        for one in proofs
    ]
    show_rows(rows, ("account", "number", "hash", "rows", "broken_at", "why"), as_json=as_json)
    for one in proofs:
        if one.unproven:
            told = f"{one.unproven} heads handed out earlier name rows that were dropped, up to row {one.floor}: of those nothing is proven"
            typer.echo(f"{one.account}: {told}", err=True)
    if any(one.broken is not None for one in proofs):
        raise typer.Exit(1)


def _at_desk(option: Path | None, work: Callable[[MeterDesk], Awaitable[T]]) -> T:
    async def run(database: Database, keys: Keys) -> T:
        from poller.central.meters.meterdesk import MeterDesk
        from poller.clock import SystemClock

        return await work(MeterDesk(database, keys.store, SystemClock(), who=who()))

    return with_database(option, run)


def _show_done(done: Done, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(msgspec.to_builtins(done)))
        return
    for one in done.entries:
        told = ", ".join(f"{meter.cell} {meter.count} (total {meter.total})" for meter in one.meters)
        print(printable(f"{one.day} {one.kind} {one.reason}: {told}"))
    if done.is_held:
        typer.echo(f"something about {done.device} is still open: poller central meter held {done.account}", err=True)


def _counts(option: str, texts: list[str]) -> dict[str, int]:
    """Return counts by counter from texts such as `total=8123`. Raises ConfigError with all faults at once."""
    found: dict[str, int] = {}
    faults = []
    for text in texts:
        cell, sign, number = text.partition("=")
        if sign and cell and number.isascii() and number.isdigit() and len(number) <= 16:
            found[cell] = int(number)
        else:
            faults.append(f"{option}: want COUNTER=NUMBER such as total=8123, got {text!r}")
    if faults:
        raise ConfigError(faults)
    return found


class _Anchor(msgspec.Struct):
    account: str
    number: int
    hash: str


def _read_anchors(path: Path | None) -> dict[str, dict[int, bytes]]:
    found: dict[str, dict[int, bytes]] = {}
    for at, line in enumerate([] if path is None else path.read_bytes().splitlines(), 1):
        if not line.strip():
            continue
        try:
            one = msgspec.json.decode(line, type=_Anchor)
            found.setdefault(one.account, {})[one.number] = bytes.fromhex(one.hash)
        except ValueError as error:
            raise ConfigError([f"{path}: line {at}: {error}; want lines of poller central verify --json"]) from error
    return found
