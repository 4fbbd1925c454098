"""`poller central …`: the dealer's server and its administration."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from poller.cli.central_devices import contract, device
from poller.cli.central_jobs import job
from poller.cli.central_lists import audit, erase_account, export_account, import_list
from poller.cli.central_meters import close, meter, set_zone, verify
from poller.cli.central_office import ConfigOption, administer, group, load_config, not_installed, say, show_facts, show_rows, with_database
from poller.cli.central_parcels import list_messages, list_parcels, note_arrived, pack, print_labels, print_pick_list, send_again
from poller.cli.central_registers import catalogue, contact, location, user
from poller.cli.central_replay import replay
from poller.cli.central_requests import request
from poller.cli.central_settings import keys, settings
from poller.cli.central_store import distribute
from poller.cli.central_supplies import go_live, set_account, set_site, stock, task
from poller.cli.options import JsonOption
from poller.cli.running import run_async
from poller.config import duration_seconds
from poller.errors import ConfigError
from poller.system import on_signals

if TYPE_CHECKING:
    from poller.central.keys import Keys
    from poller.central.store.database import Database

central = group("The dealer's server: receive what agents send, and say who may.", "serve --config central.toml")
account = group("Customers.", "account add acme --title 'Acme GmbH'")
site = group("Places of a customer, each with an agent.", "site add acme hamburg")
token = group("One-time tokens that let an agent in.", "token new --account acme --site hamburg")
agent = group("Agents: who is here, how they fare.", "agent list")
for name, below in (("account", account), ("site", site), ("token", token), ("agent", agent), ("keys", keys), ("settings", settings)):
    central.add_typer(below, name=name)
for name, below in (("device", device), ("contract", contract), ("location", location), ("contact", contact)):
    central.add_typer(below, name=name)
for name, below in (("catalogue", catalogue), ("user", user), ("meter", meter), ("job", job)):
    central.add_typer(below, name=name)
for name, below in (("request", request), ("stock", stock), ("task", task)):
    central.add_typer(below, name=name)
request.command("parcels")(list_parcels)
request.command("pack")(pack)
request.command("messages")(list_messages)
request.command("again")(send_again)
request.command("arrived")(note_arrived)
request.command("picklist")(print_pick_list)
request.command("labels")(print_labels)
central.command("replay")(replay)
central.command("import")(import_list)
central.command("audit")(audit)
account.command("export")(export_account)
account.command("erase")(erase_account)
account.command("set")(set_account)
central.command("distribute")(distribute)
central.command("close")(close)
central.command("verify")(verify)
site.command("zone")(set_zone)
site.command("set")(set_site)
site.command("live")(go_live)

TitleOption = Annotated[str | None, typer.Option("--title", help="What people call it.")]
AccountArgument = Annotated[str, typer.Argument(metavar="ACCOUNT", help="The customer.")]
AccountFilter = Annotated[str | None, typer.Argument(metavar="[ACCOUNT]", help="One customer's alone.")]
AgentArgument = Annotated[str, typer.Argument(metavar="AGENT", help="The agent's id, or its beginning.")]


# --- the server ------------------------------------------------------------------------------------------------------------


@central.command()
def serve(config: ConfigOption = None) -> None:
    """Receive, until SIGTERM or Ctrl-C. Makes keys and database at its first start, and brings an older database up to date.

    SIGHUP has it take up keys that were rotated.

    Example:

        poller central serve --config central.toml
    """
    from poller import logs
    from poller.clock import SystemClock

    loaded = load_config(config)
    try:
        from poller.central.serve import Central
    except ModuleNotFoundError as error:
        raise not_installed(error) from error

    async def run() -> None:
        logs.setup(loaded.log.level, loaded.log.format)
        stop = asyncio.Event()
        one = Central(loaded, SystemClock())
        on_signals(stop.set, one.reload)
        await one.run(stop)

    run_async(run(), interrupted_code=0)


@central.command()
def migrate(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Make the database, or bring an older one up to date, and end. `serve` does it by itself.

    Example:

        poller central migrate
    """

    async def name(database: Database, _: Keys) -> str:
        return database.name  # it was brought up to date before

    say({"database": with_database(config, name), "migrated": True}, "the database is of this version", as_json=as_json)


# --- accounts and sites ----------------------------------------------------------------------------------------------------


@account.command("add")
def add_account(name: AccountArgument, title: TitleOption = None, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Add a customer.

    Example:

        poller central account add acme --title 'Acme GmbH'
    """
    administer(config, lambda office, now_utc: office.add_account(name, title=title, now_utc=now_utc))
    say({"account": name, "title": title}, None, as_json=as_json)


@account.command("list")
def list_accounts(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the customers.

    Example:

        poller central account list
    """

    async def work(database: Database, _: Keys) -> list[dict[str, Any]]:
        from poller.central.store import agents

        async with database.reading() as db:
            return await agents.accounts(db)

    show_rows(with_database(config, work), ("account", "title", "sites", "agents"), as_json=as_json)


@site.command("add")
def add_site(
    of: AccountArgument,
    name: Annotated[str, typer.Argument(metavar="SITE", help="The place.")],
    title: TitleOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a place where an agent will be.

    Example:

        poller central site add acme hamburg
    """
    administer(config, lambda office, now_utc: office.add_site(of, name, title=title, now_utc=now_utc))
    say({"account": of, "site": name, "title": title}, None, as_json=as_json)


@site.command("list")
def list_sites(of: AccountFilter = None, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the sites, with when something was last heard of each.

    Example:

        poller central site list acme
    """

    async def work(database: Database, _: Keys) -> list[dict[str, Any]]:
        from poller.central.store import agents

        async with database.reading() as db:
            return await agents.sites(db, of)

    show_rows(with_database(config, work), ("account", "site", "title", "agents", "seen_utc"), as_json=as_json)


# --- tokens ----------------------------------------------------------------------------------------------------------------


@token.command("new")
def new_token(
    of: Annotated[str, typer.Option("--account", metavar="ACCOUNT", help="The customer.")],
    at: Annotated[str, typer.Option("--site", metavar="SITE", help="The place.")],
    valid: Annotated[str, typer.Option(metavar="DURATION", help="How long it can be used, at most 90d.")] = "7d",
    address: Annotated[str | None, typer.Option(metavar="URL", help="How the agent reaches central. Default: [server] address.")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a token and print it, once: it is a secret, and only its hash is kept. What to do with it is said on standard error.

    Example:

        poller central token new --account acme --site hamburg
    """
    seconds = duration_seconds(valid)
    if not seconds:
        raise ConfigError([f"--valid: {valid!r} is no duration such as 7d or 12h"])
    reached = address or load_config(config).server.address
    if reached is None:
        raise ConfigError(["how does the agent reach central? Set [server] address, or give --address"])
    made = administer(
        config, lambda office, now_utc: office.new_token(of, at, address=reached, valid=timedelta(seconds=seconds), now_utc=now_utc)
    )
    say(
        {"account": of, "site": at, "token": made.reveal(), "address": made.address, "expires_utc": made.expires_utc},
        made.reveal(),
        as_json=as_json,
    )
    typer.echo(
        f"For one agent, until {made.expires_utc:%Y-%m-%d %H:%M} UTC. At the site: put it into a file and name that with\n"
        "POLLER_CENTRAL_TOKEN_FILE, or set POLLER_CENTRAL_TOKEN; then start the agent. Keep it secret until then.",
        err=True,
    )


@token.command("list")
def list_tokens(of: AccountFilter = None, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the tokens and what became of them. The tokens themselves are nowhere.

    Example:

        poller central token list acme
    """
    rows = administer(config, lambda office, now_utc: office.tokens(of, now_utc=now_utc))
    show_rows(rows, ("token", "account", "site", "state", "made_utc", "expires_utc"), as_json=as_json)


@token.command("revoke")
def revoke_token(
    begin: Annotated[str, typer.Argument(metavar="TOKEN", help="Its id in `token list`, or the beginning of that.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take back a token that was not used.

    Example:

        poller central token revoke 3f9a1c
    """
    gone = administer(config, lambda office, now_utc: office.revoke_token(begin, now_utc=now_utc))
    from poller.central.office.administration import HASH_SHOWN

    facts = {"token": gone.hash[:HASH_SHOWN], "account": gone.account, "site": gone.site, "revoked": True}
    say(facts, f"the token for {gone.account}/{gone.site} is revoked", as_json=as_json)


# --- agents ----------------------------------------------------------------------------------------------------------------


@agent.command("list")
def list_agents(of: AccountFilter = None, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the agents, with when each was last heard and how much it sent.

    Example:

        poller central agent list acme
    """

    async def work(database: Database, _: Keys) -> list[dict[str, Any]]:
        from poller.central.store import agents

        async with database.reading() as db:
            return await agents.agents(db, of=of)

    columns = ("account", "site", "agent", "version", "seen_utc", "batches", "lines", "unreadable", "revoked_utc")
    show_rows(with_database(config, work), columns, as_json=as_json)


@agent.command("show")
def show_agent(begin: AgentArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show an agent: its last heartbeat, the settings it goes by, those it refused and why.

    Example:

        poller central agent show a-3f9a
    """
    one = administer(config, lambda office, _: office.show_agent(begin))
    show_facts(one, as_json=as_json)


@agent.command("revoke")
def revoke_agent(begin: AgentArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Let an agent in no longer, for good, from its next request on. What it sent stays. A new one needs new keys and a new token.

    Example:

        poller central agent revoke a-3f9a1c
    """
    gone = administer(config, lambda office, now_utc: office.revoke_agent(begin, now_utc=now_utc))
    facts = {"agent": gone["agent"], "account": gone["account"], "site": gone["site"], "revoked": True}
    say(facts, f"agent {gone['agent']} of {gone['account']}/{gone['site']} is revoked", as_json=as_json)
