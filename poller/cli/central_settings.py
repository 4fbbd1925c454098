"""`poller central keys …` and `poller central settings …`: central's own keys, and what agents are to go by."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from poller.cli.central_office import ConfigOption, group, load_config, open_keys, say, show_facts, show_rows, who, with_database
from poller.cli.options import JsonOption
from poller.errors import ConfigError

if TYPE_CHECKING:
    from poller.central.keys import Keys
    from poller.central.store.database import Database

keys = group("Central's own keys.", "keys show")
settings = group("What agents are to go by.", "settings set --account acme --site hamburg settings.toml")


# --- keys ------------------------------------------------------------------------------------------------------------------


@keys.command("show")
def show_keys(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show the fingerprints of central's keys, the current ones first. No private key is shown.

    Example:

        poller central keys show
    """
    opened = open_keys(load_config(config))
    rows = [
        {"kind": kind, "fingerprint": key.fingerprint, "id": key.id, "current": key.id == ring.current.id}
        for kind, ring in (("sealing", opened.sealing), ("signing", opened.signing))
        for key in ring
    ]
    show_rows(rows, ("kind", "fingerprint", "current", "id"), as_json=as_json)


@keys.command("rotate")
def rotate_keys(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Add a new sealing key and a new signing key, and announce them to every agent in its settings. The old ones stay until retired.

    Tokens that were not used yet name the old keys and no longer work: make new ones. Send SIGHUP to every `serve` afterwards.

    Example:

        poller central keys rotate
    """
    from poller.clock import SystemClock

    async def work(database: Database, opened: Keys) -> int:
        from poller.central.receiving.settings import Settings

        opened.sealing_file.rotate()  # not before the database is there, to announce them in
        opened.signing_file.rotate()
        return await Settings(database, opened.load()).announce_keys(who=who(), now_utc=SystemClock().utc())

    count = with_database(config, work)
    text = f"two new keys; announced with {count} sets of settings. Now send SIGHUP to every running serve."
    say({"rotated": ["sealing", "signing"], "announced": count}, text, as_json=as_json)


@keys.command("retire")
def retire_key(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="The id of an older key, as `keys show` has it.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take an older key out for good. What agents sealed to it, and did not deliver yet, never opens again.

    Example:

        poller central keys retire 0123…
    """
    opened = open_keys(load_config(config))
    is_sealing = opened.sealing.get(key_id) is not None
    (opened.sealing_file if is_sealing else opened.signing_file).retire(key_id)
    say({"id": key_id, "retired": True}, "retired. Now send SIGHUP to every running serve.", as_json=as_json)


# --- settings --------------------------------------------------------------------------------------------------------------

_ForAccount = Annotated[str | None, typer.Option("--account", metavar="ACCOUNT", help="The customer of --site.")]
_ForSite = Annotated[str | None, typer.Option("--site", metavar="SITE", help="All agents of this place.")]
_ForAgent = Annotated[str | None, typer.Option("--agent", metavar="AGENT", help="One agent: its id, or the beginning.")]


@settings.command("set")
def set_settings(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="TOML, or JSON if it ends in .json; what the agent's own file may hold.")],
    of: _ForAccount = None,
    at: _ForSite = None,
    for_agent: _ForAgent = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let a file of settings hold for an agent, or for all of a site, in place of what was set before. Checked first, as an agent would.

    What was set last holds: a site's settings set after an agent's replace them. Agents fetch it with their next upload or heartbeat.

    Example:

        poller central settings set settings.toml --account acme --site hamburg
        poller central settings set settings.toml --agent a-3f9a
    """
    from poller.central.receiving.document import line_of, needed_words, read_document
    from poller.clock import SystemClock

    line = line_of(read_document(file))
    words = needed_words(line)
    now_utc = SystemClock().utc()

    async def work(database: Database, opened: Keys) -> int:
        from poller.central.receiving.settings import Settings

        found, place, one = await _subject(database, opened, of, at, for_agent)
        return await Settings(database, opened).set(found, line, site=place, agent=one, who=who(), now_utc=now_utc)

    version = with_database(config, work)
    say({"version": version, "needs": list(words)}, f"version {version}", as_json=as_json)
    if words:
        typer.echo(f"An agent takes it if its [central] accept names {', '.join(words)}.", err=True)


@settings.command("show")
def show_settings(
    of: _ForAccount = None,
    at: _ForSite = None,
    for_agent: _ForAgent = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what was set last for an agent or a site, as JSON (with --json in one line), passphrases and communities hidden.

    Example:

        poller central settings show --account acme --site hamburg
    """
    from poller.central.receiving.document import without_secrets

    async def work(database: Database, opened: Keys) -> dict[str, Any] | None:
        from poller.central.receiving.settings import Settings

        found, place, one = await _subject(database, opened, of, at, for_agent)
        kept = await Settings(database, opened).show(found, site=place, agent=one)
        if kept is None:
            return None
        version, line = kept
        return {
            "version": version.version,
            "set_utc": version.set_utc,
            "set_by": version.set_by,
            "settings": without_secrets(json.loads(line)),
        }

    shown = with_database(config, work)
    if shown is None:
        typer.echo("nothing was set", err=True)
        raise typer.Exit(1)
    if as_json:
        show_facts(shown, as_json=True)
    else:
        print(json.dumps(shown, indent=2, default=str))


async def _subject(
    database: Database, opened: Keys, of: str | None, at: str | None, for_agent: str | None
) -> tuple[str, str | None, str | None]:
    """Return account, and site or agent."""
    from poller.central.office.administration import Administration

    office = Administration(database, opened, who=who())
    if for_agent is not None and at is None:
        found = await office.find_agent(for_agent)
        return found["account"], None, found["agent"]
    if for_agent is not None or of is None or at is None:
        raise ConfigError(["for whom? Either --account and --site, or --agent"])
    await office.check_site(of, at)
    return of, at, None
