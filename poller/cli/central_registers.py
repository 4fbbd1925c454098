"""`poller central location|contact|catalogue|user …`: what the dealer's people write down, and who they are."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from poller.cli.central_office import ConfigOption, group, say, show_rows, who, with_database
from poller.cli.options import JsonOption
from poller.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from poller.central.keys import Keys
    from poller.central.office.registers import Registers
    from poller.central.store.database import Database

T = TypeVar("T")

location = group("Where things are delivered and meters are booked.", "location set acme K-100 --title Kantine")
contact = group("Whom to tell.", "contact set acme 7 --name 'Anna Beispiel' --mail anna@example.com")
catalogue = group("Which article a supply of a model is.", "catalogue list")
user = group("People: the dealer's, and the customers'.", "user add 'Tom Muster' --role technician")

AccountArgument = Annotated[str, typer.Argument(metavar="ACCOUNT", help="The customer.")]
_Fact = Annotated[str | None, typer.Option(metavar="TEXT", help='"" takes it away.')]
_OwnAccount = Annotated[str | None, typer.Option("--account", metavar="ACCOUNT", help="A customer's own. Default: the dealer's, for all.")]


def register(option: Path | None, work: Callable[[Registers, datetime], Awaitable[T]]) -> T:
    from poller.clock import SystemClock

    async def run(database: Database, opened: Keys) -> T:
        from poller.central.office.registers import Registers

        return await work(Registers(database, opened, who=who()), SystemClock().utc())

    return with_database(option, run)


def dealer_or(account: str | None) -> str:
    from poller.central.store.inventory import DEALER

    return DEALER if account is None else account


# --- locations and contacts ------------------------------------------------------------------------------------------------


@location.command("set")
def set_location(
    of: AccountArgument,
    name: Annotated[str, typer.Argument(metavar="LOCATION", help="Its number or short name; not a person's.")],
    title: _Fact = None,
    address: _Fact = None,
    room: _Fact = None,
    cost_centre: _Fact = None,
    site: _Fact = None,
    ip_range: Annotated[
        str | None, typer.Option("--range", metavar="NAME", help="A [[range]] of the site: its devices stand here.")
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a location, or change what is given of it.

    Example:

        poller central location set acme K-100 --title Kantine --site hamburg --range second-floor
    """
    given = {"title": title, "address": address, "room": room, "cost_centre": cost_centre, "site": site, "range": ip_range}
    facts = {key: text for key, text in given.items() if text is not None}
    register(config, lambda office, now_utc: office.set_location(of, name, facts, now_utc=now_utc))
    say({"location": name, **facts}, None, as_json=as_json)


@location.command("list")
def list_locations(of: AccountArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List a customer's locations.

    Example:

        poller central location list acme
    """
    rows = register(config, lambda office, now_utc: office.locations(of, now_utc=now_utc))
    show_rows(rows, ("location", "title", "address", "room", "cost_centre", "site", "range"), as_json=as_json)


@location.command("remove")
def remove_location(
    of: AccountArgument,
    name: Annotated[str, typer.Argument(metavar="LOCATION")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove a location.

    Example:

        poller central location remove acme K-100
    """
    register(config, lambda office, now_utc: office.remove_location(of, name, now_utc=now_utc))
    say({"location": name, "removed": True}, None, as_json=as_json)


@contact.command("set")
def set_contact(
    of: AccountArgument,
    number: Annotated[str, typer.Argument(metavar="CONTACT", help="Its number; not a person's name.")],
    name: _Fact = None,
    mail: _Fact = None,
    phone: _Fact = None,
    at: Annotated[str | None, typer.Option("--location", metavar="LOCATION", help="Whose contact it is.")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a contact, or change what is given of it.

    Example:

        poller central contact set acme 7 --name 'Anna Beispiel' --mail anna@example.com
    """
    given = {"name": name, "mail": mail, "phone": phone, "location": at}
    facts = {key: text for key, text in given.items() if text is not None}
    register(config, lambda office, now_utc: office.set_contact(of, number, facts, now_utc=now_utc))
    say({"contact": number, **facts}, None, as_json=as_json)


@contact.command("list")
def list_contacts(of: AccountArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List a customer's contacts.

    Example:

        poller central contact list acme
    """
    rows = register(config, lambda office, now_utc: office.contacts(of, now_utc=now_utc))
    show_rows(rows, ("contact", "name", "mail", "phone", "location"), as_json=as_json)


@contact.command("remove")
def remove_contact(
    of: AccountArgument,
    number: Annotated[str, typer.Argument(metavar="CONTACT")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove a contact.

    Example:

        poller central contact remove acme 7
    """
    register(config, lambda office, now_utc: office.remove_contact(of, number, now_utc=now_utc))
    say({"contact": number, "removed": True}, None, as_json=as_json)


# --- the catalogue ---------------------------------------------------------------------------------------------------------


@catalogue.command("set")
def set_article(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A pattern: * and ?")],
    kind: Annotated[str, typer.Argument(metavar="KIND", help="toner, drum, wasteToner …")],
    article: Annotated[str, typer.Argument(metavar="ARTICLE", help="Its number.")],
    colour: Annotated[str, typer.Option(metavar="COLOUR")] = "",
    alternatives: Annotated[str, typer.Option(metavar="ARTICLE,…", help="What may be sent in its place.")] = "",
    yield_pages: Annotated[int | None, typer.Option(metavar="PAGES")] = None,
    pack: Annotated[int, typer.Option(metavar="N", help="Pieces in a box.")] = 1,
    of: _OwnAccount = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say which article a supply of a model is. The longest pattern that fits counts, a customer's own before the dealer's.

    Example:

        poller central catalogue set 'HP Color LaserJet M452*' toner CF410X --colour black --yield-pages 6500
    """
    instead = [one.strip() for one in alternatives.split(",") if one.strip()]
    facts = {"article": article, "alternatives": instead, "yield_pages": yield_pages, "pack": pack}
    register(config, lambda office, now_utc: office.set_article(dealer_or(of), (model, kind, colour), facts, now_utc=now_utc))
    say({"account": dealer_or(of), "model": model, "kind": kind, "colour": colour, **facts}, None, as_json=as_json)


@catalogue.command("list")
def list_articles(of: _OwnAccount = None, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the catalogue: the dealer's lines, with --account that customer's own, too.

    Example:

        poller central catalogue list
    """
    rows = register(config, lambda office, _: office.articles(dealer_or(of)))
    show_rows(rows, ("account", "model", "kind", "colour", "article", "alternatives", "yield_pages", "pack"), as_json=as_json)


# --- people ----------------------------------------------------------------------------------------------------------------


@user.command("add")
def add_user(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Who it is.")],
    role: Annotated[str, typer.Option(help="dealer, technician or, with --account, customer.")],
    mail: Annotated[str | None, typer.Option(metavar="ADDRESS")] = None,
    of: _OwnAccount = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add somebody and print the id the ledger will know. The name is sealed, and can be forgotten; the id stays.

    Example:

        poller central user add 'Tom Muster' --role technician
    """
    if not name.strip():
        raise ConfigError(["who? the name is empty"])
    made = register(config, lambda office, now_utc: office.add_person(dealer_or(of), name=name, mail=mail, role=role, now_utc=now_utc))
    say({"user": made, "role": role}, made, as_json=as_json)


@user.command("list")
def list_users(of: _OwnAccount = None, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List people: the dealer's, or with --account a customer's.

    Example:

        poller central user list
    """
    rows = register(config, lambda office, now_utc: office.people(dealer_or(of), now_utc=now_utc))
    show_rows(
        [{"user": row.pop("person"), **row} for row in rows], ("user", "role", "name", "mail", "added_utc", "removed_utc"), as_json=as_json
    )


@user.command("remove")
def remove_user(
    opaque: Annotated[str, typer.Argument(metavar="USER", help="The id, as `user list` has it.")],
    of: _OwnAccount = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Note that somebody is gone, and forget the name. What was signed with the id stays signed.

    Example:

        poller central user remove p-3f9a1c2d4e5f6a7b
    """
    register(config, lambda office, now_utc: office.remove_person(dealer_or(of), opaque, now_utc=now_utc))
    say({"user": opaque, "removed": True}, None, as_json=as_json)
