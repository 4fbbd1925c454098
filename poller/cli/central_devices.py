"""`poller central device …` and `poller central contract …`: whose a device is, and what was agreed for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from poller.cli.central_office import ConfigOption, group, say, show_facts, show_stream, who, with_database
from poller.cli.options import JsonOption
from poller.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from poller.central.keys import Keys
    from poller.central.office.management import Management
    from poller.central.store.database import Database

T = TypeVar("T")

device = group("Devices: whose they are, what is part of what, what was swapped.", "device list acme")
contract = group("What was agreed for devices, from when to when.", "contract list acme")

AccountArgument = Annotated[str, typer.Argument(metavar="ACCOUNT", help="The customer.")]
DeviceArgument = Annotated[
    str, typer.Argument(metavar="DEVICE", help="Its id or the beginning, serial number, device number or inventory number.")
]
DayOption = Annotated[str | None, typer.Option("--on", metavar="DATE", help="As 2026-01-31. Default: today.")]
MeterOption = Annotated[list[str] | None, typer.Option(metavar="CELL=COUNT", help="As total=1234 or total.colour=99; may be repeated.")]

_LISTED = ("device", "state", "serial", "model", "site", "location", "contract", "contract_kind", "device_number", "seen_utc")
_HIDDEN = ("personal", "place", "account")


def manage(option: Path | None, work: Callable[[Management, datetime], Awaitable[T]]) -> T:
    from poller.clock import SystemClock

    async def run(database: Database, opened: Keys) -> T:
        from poller.central.office.management import Management

        return await work(Management(database, opened, who=who()), SystemClock().utc())

    return with_database(option, run)


# --- looking ---------------------------------------------------------------------------------------------------------------


@device.command("list")
def list_devices(
    of: AccountArgument,
    state: Annotated[str | None, typer.Option(help="Only: unassigned, managed, ignored, swapped, joined or merged.")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List a customer's devices. What is `unassigned` was found and nobody said yet what it is: no request, no fee.

    Example:

        poller central device list acme --state unassigned
    """

    async def work(office: Management, now_utc: datetime) -> None:
        rows = office.devices(of, state=state, day=now_utc.date())
        shown = ({name: value for name, value in row.items() if name not in _HIDDEN} async for row in rows)
        await show_stream(shown, _LISTED, as_json=as_json)

    manage(config, work)


@device.command("show")
def show_device(of: AccountArgument, reference: DeviceArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show a device: its facts and names, parts, the agents that see it, its contracts, what happened to it.

    Example:

        poller central device show acme VNB3K12345
    """
    show_facts(manage(config, lambda office, now_utc: office.show(of, reference, now_utc=now_utc)), as_json=as_json)


@device.command("elsewhere")
def list_elsewhere(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the serial numbers more than one customer has: a device was sold, or lent, and its old contract may still run.

    Example:

        poller central device elsewhere
    """
    columns = ("name", "account", "device", "state", "site", "seen_utc")
    manage(config, lambda office, _: show_stream(office.elsewhere(), columns, as_json=as_json))


# --- deciding --------------------------------------------------------------------------------------------------------------

_NumberOption = Annotated[str | None, typer.Option(metavar="NUMBER", help='"" takes it away.')]


@device.command("assign")
def assign_device(
    of: AccountArgument,
    reference: DeviceArgument,
    location: Annotated[
        str | None, typer.Option(metavar="LOCATION", help='Where it stands, whatever its range; "" is by its range.')
    ] = None,
    customer: _NumberOption = None,
    device_number: _NumberOption = None,
    inventory_number: _NumberOption = None,
    cost_centre: _NumberOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a location and the numbers of the merchandise system beside a device.

    Example:

        poller central device assign acme VNB3K12345 --location K-100 --device-number M-7
    """
    given = {
        "location": location,
        "customer": customer,
        "device_number": device_number,
        "inventory_number": inventory_number,
        "cost_centre": cost_centre,
    }
    facts = {name: text for name, text in given.items() if text is not None}
    if not facts:
        raise ConfigError(["what is to be assigned? --location, --customer, --device-number, --inventory-number or --cost-centre"])
    name = manage(config, lambda office, now_utc: office.assign(of, reference, facts, now_utc=now_utc))
    say({"device": name, **facts}, f"device {name}: done", as_json=as_json)


@device.command("ignore")
def ignore_device(
    of: AccountArgument,
    reference: DeviceArgument,
    undo: Annotated[bool, typer.Option("--undo", help="It is ours after all.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say that an unassigned device is none of ours. It is no longer listed as unassigned, and never counted.

    Example:

        poller central device ignore acme d-3f9a1c
    """
    name = manage(config, lambda office, now_utc: office.ignore(of, reference, is_ignored=not undo, now_utc=now_utc))
    say({"device": name, "ignored": not undo}, f"device {name} is {'unassigned' if undo else 'ignored'}", as_json=as_json)


@device.command("join")
def join_devices(
    of: AccountArgument,
    reference: DeviceArgument,
    part: Annotated[str, typer.Argument(metavar="PART", help="The unassigned device that is part of it.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let a device be a part of another, as a press's controller is. What DEVICE itself counts is what counts.

    Example:

        poller central device join acme PRESS-1 CTRL-1
    """
    main, joined = manage(config, lambda office, now_utc: office.join(of, reference, part, now_utc=now_utc))
    say({"device": main, "part": joined}, f"device {joined} is part of {main}", as_json=as_json)


@device.command("split")
def split_device(
    of: AccountArgument,
    part: Annotated[str, typer.Argument(metavar="PART", help="The part, by its id, serial number …")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let a joined part be a device of its own again.

    Example:

        poller central device split acme CTRL-1
    """
    name = manage(config, lambda office, now_utc: office.split(of, part, now_utc=now_utc))
    say({"device": name}, f"device {name} is unassigned", as_json=as_json)


@device.command("swap")
def swap_devices(
    of: AccountArgument,
    old: Annotated[str, typer.Argument(metavar="OLD", help="The device that goes.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The unassigned device that comes.")],
    day: DayOption = None,
    end_meter: MeterOption = None,
    start_meter: MeterOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let a device take another's place: contract, location, customer, cost centre. Meters not given are as read.

    Example:

        poller central device swap acme OLD123 NEW456 --on 2026-11-20 --end-meter total=88000
    """
    on, ends, starts = _day(day), _meter(end_meter, "--end-meter"), _meter(start_meter, "--start-meter")
    ended, fresh = manage(
        config, lambda office, now_utc: office.swap(of, old, new, day=on, end_meter=ends, start_meter=starts, now_utc=now_utc)
    )
    facts = {"on": on, "end_meter": ended.end_meter, "start_meter": fresh.start_meter, "contract": fresh.number}
    say(facts, f"swapped: end meter {ended.end_meter or 'as read'}, start meter {fresh.start_meter or 'as read'}", as_json=as_json)


# --- contracts -------------------------------------------------------------------------------------------------------------


@contract.command("set")
def set_contract(
    of: AccountArgument,
    reference: DeviceArgument,
    kind: Annotated[str, typer.Option(help="full-service, pages-only, monitoring, lease or none.")],
    number: Annotated[str | None, typer.Option(metavar="NUMBER", help="Of the contract.")] = None,
    begins: Annotated[str | None, typer.Option(metavar="DATE", help="Its first day. Default: today.")] = None,
    ends: Annotated[str | None, typer.Option(metavar="DATE", help="Its last day.")] = None,
    supplies: Annotated[
        str | None, typer.Option(metavar="KIND,…", help="What is included. Default: for full-service toner, drum and what belongs to them.")
    ] = None,
    lease_until: Annotated[str | None, typer.Option(metavar="DATE")] = None,
    lessor: Annotated[str | None, typer.Option(metavar="NAME")] = None,
    start_meter: MeterOption = None,
    pool: Annotated[str | None, typer.Option(metavar="NAME", help="Devices of one pool share its pages.")] = None,
    pool_pages: Annotated[int | None, typer.Option(metavar="N", help="What this device brings into the pool each month.")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give a device a contract. It is managed from then on; a contract before ends the day before.

    Example:

        poller central contract set acme VNB3K12345 --kind full-service --number V-1 --begins 2026-12-01
    """
    from poller.central.office.contracts import FULL_SERVICE, KINDS, Contract

    if kind not in KINDS:
        raise ConfigError([f"--kind: {kind!r} is none of {', '.join(KINDS)}"])
    usual = FULL_SERVICE if kind == "full-service" else ()
    included = usual if supplies is None else tuple(one.strip() for one in supplies.split(",") if one.strip())
    one = Contract(
        begins=_day(begins, "--begins"),
        ends=None if ends is None else _day(ends, "--ends"),
        number=number,
        kind=kind,
        lease_until=None if lease_until is None else _day(lease_until, "--lease-until"),
        lessor=lessor,
        supplies=included,
        start_meter=_meter(start_meter, "--start-meter"),
        pool=pool,
        pool_pages=pool_pages,
    )
    name = manage(config, lambda office, now_utc: office.set_contract(of, reference, one, now_utc=now_utc))
    say({"device": name, "kind": kind, "begins": one.begins}, f"device {name} is managed", as_json=as_json)


@contract.command("end")
def end_contract(
    of: AccountArgument,
    reference: DeviceArgument,
    day: DayOption = None,
    end_meter: MeterOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """End a device's contract on a day. Without a meter it is the last one read up to it.

    Example:

        poller central contract end acme VNB3K12345 --on 2026-12-31
    """
    on, meter = _day(day), _meter(end_meter, "--end-meter")
    name = manage(config, lambda office, now_utc: office.end_contract(of, reference, ends=on, end_meter=meter, now_utc=now_utc))
    say({"device": name, "ends": on}, f"the contract of device {name} ends on {on}", as_json=as_json)


@contract.command("list")
def list_contracts(of: AccountArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List a customer's contracts, each device's in their order.

    Example:

        poller central contract list acme
    """
    columns = ("device", "number", "kind", "begins", "ends", "start_meter", "end_meter", "pool")
    manage(config, lambda office, _: show_stream(office.contracts(of), columns, as_json=as_json))


# --- small ways ------------------------------------------------------------------------------------------------------------


def _day(told: str | None, option: str = "--on") -> date:
    try:
        return datetime.now(UTC).date() if told is None else date.fromisoformat(told)
    except ValueError:
        raise ConfigError([f"{option}: {told!r} is no date such as 2026-01-31"]) from None


def _meter(told: list[str] | None, option: str) -> dict[str, int] | None:
    found: dict[str, int] = {}
    for one in told or ():
        cell, _, count = one.partition("=")
        if not cell or not count.isascii() or not count.isdigit():
            raise ConfigError([f"{option}: {one!r} is no meter such as total=1234"])
        found[cell] = int(count)
    return found or None
