"""`poller upload check`: whether the dealer's central can be reached from here, and is the one this agent knows. It tells it nothing."""

from __future__ import annotations

import json
from typing import Any

import typer

from poller.cli.options import ConfigOption, JsonOption, load_config
from poller.cli.running import run_async
from poller.config import Config
from poller.errors import ConfigError, UploadError
from poller.logs import printable

upload = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="""The way to the dealer's central, tried before the agent needs it.

    Example:

        poller upload check --config poller.toml
    """,
)


@upload.callback()
def _one_of_several() -> None:  # without a callback typer drops the word of an only command; without its docstring the help above stays
    pass


@upload.command()
def check(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Try the way to central: name, firewall, proxy, certificate, and whether it is the central of the token or of the enrolment.

    It asks for central's public keys and nothing else: no token is used up. Ends with 1 when central was not reached, or is another one.

    Example:

        poller upload check --config poller.toml
    """
    found = run_async(_look(load_config(config)))
    if as_json:
        print(json.dumps(found))
    else:
        for name, value in found.items():
            if value is not None:
                print(printable(f"{name.replace('_', ' ')}: {value}"))
    if found["trouble"] is not None:
        raise typer.Exit(1)


async def _look(settings: Config) -> dict[str, Any]:
    from poller.clock import SystemClock
    from poller.sealing.token import Token
    from poller.upload.client import CentralClient
    from poller.upload.enrolment import fetch_keys
    from poller.upload.identity import Papers

    folder, central = settings.state.folder, settings.central
    papers = None if folder is None else Papers.of_state(folder)
    pinned = papers.read() if papers is not None and papers.exist() else None
    token = None if central.token is None else Token.parse(central.token.reveal())
    address = central.address or (pinned.identity.address if pinned is not None else None) or (token.address if token is not None else None)
    if address is None:
        raise ConfigError(["central.token: missing; nothing is uploaded without one"])
    client = CentralClient(address, SystemClock(), proxies=central.proxies, ca_file=central.ca_file)
    found: dict[str, Any] = {
        "address": address,
        "proxy": client.proxy_name or None,
        "enrolled_as": None if pinned is None else f"{pinned.identity.agent} ({pinned.identity.account}, {pinned.identity.site})",
        "central_is_known": None,
        "trouble": None,
    }
    try:
        async with client:
            sealing, signing = await fetch_keys(client)
    except UploadError as error:
        return found | {"trouble": str(error)}
    if pinned is not None:
        found["central_is_known"] = pinned.resolve(signing.id) is not None
    elif token is not None:
        found["central_is_known"] = (sealing.fingerprint, signing.fingerprint) == (token.sealing_fingerprint, token.signing_fingerprint)
    if found["central_is_known"] is False:
        found["trouble"] = f"{address} shows other keys than this agent knows: it is another server, or somebody sits in between"
    return found
