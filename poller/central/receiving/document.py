"""A file of settings for agents, judged here as an agent will judge it: the same keys, the same rules, every fault at once.

What only the agent knows is taken on trust: a range of a name that has no networks here is one of its own, and so is a credential that is
named and not described. Both get a stand-in, so that everything else about them is judged.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from datetime import time
from pathlib import Path
from typing import Any

import msgspec

from poller import networks
from poller.config import Received, load
from poller.config.declared import AGENT
from poller.config.files import TOML_BYTES_MAX, read_text
from poller.config.kinds import SecretText
from poller.errors import ConfigError

WORDS = ("intervals", "exclusions", "ranges", "credentials", "masks")
"""What an agent's `[central] accept` may name."""
LINE_BYTES_MAX = 256 * 2**10
"""As much as an agent takes."""

_STAND_INS, _STAND_IN = "198.18.0.0/16", "198.18.0.{}"  # RFC 2544: nobody's printers
_STAND_INS_MAX = 250
_VERSION_HERE = 0


def read_document(path: Path) -> dict[str, Any]:
    """Return the settings of a TOML file, or of a JSON file. Raises ConfigError when it cannot be read."""
    try:
        text = read_text(path, bytes_max=TOML_BYTES_MAX)
        if path.suffix == ".json":
            return msgspec.json.decode(text, type=dict[str, Any])
        return tomllib.loads(text)
    except RecursionError as error:
        raise ConfigError([f"{path}: nested too deeply"]) from error
    except ValueError as error:  # of all three
        raise ConfigError([str(error) if str(path) in str(error) else f"{path}: {error}"]) from error


def line_of(document: dict[str, Any]) -> bytes:
    """Return a document as it travels. Raises ConfigError when it is too long, or has what JSON has not."""
    try:
        line = msgspec.json.encode(_plain(document))
    except (TypeError, RecursionError) as error:
        raise ConfigError([f"what a settings file may hold: {error}"]) from error
    if len(line) > LINE_BYTES_MAX:
        raise ConfigError([f"{len(line)} bytes of settings, an agent takes at most {LINE_BYTES_MAX}"])
    return line


def needed_words(line: bytes) -> list[str]:
    """Check settings and return what an agent has to accept to take them (`[central] accept`). Raises ConfigError with every fault."""
    document = msgspec.json.decode(line, type=dict[str, Any])
    environ = dict(_stand_ins(document))
    _judge(document, environ, WORDS)
    return [word for word in WORDS if not _is_taken(document, environ, [other for other in WORDS if other != word])]


def without_secrets(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document as people may see it."""
    hidden = {setting.key for setting in AGENT.settings if isinstance(setting.kind, SecretText)}

    def hide(value: Any) -> Any:
        match value:
            case dict():
                return {key: "<secret>" if key in hidden else hide(inner) for key, inner in value.items()}
            case list():
                return [hide(inner) for inner in value]
            case _:
                return value

    shown: dict[str, Any] = hide(document)
    return shown


def _is_taken(document: dict[str, Any], environ: dict[str, str], accept: list[str]) -> bool:
    try:
        _judge(document, environ, accept)
    except ConfigError:
        return False
    return True


def _judge(document: dict[str, Any], environ: dict[str, str], accept: tuple[str, ...] | list[str]) -> None:
    wide = {
        "POLLER_CENTRAL_ACCEPT": ",".join(accept),
        "POLLER_SWEEP_ALLOWED": _allowed(document),
        "POLLER_SWEEP_ADDRESSES_MAX": str(1 << 26),
        "POLLER_STATE_FOLDER": "none",
    }
    try:
        load(None, environ | wide, Received(_VERSION_HERE, document))
    except ConfigError as error:
        ours = f"settings {_VERSION_HERE} of central: "
        raise ConfigError([fault.removeprefix(ours) for fault in error.faults]) from None


def _stand_ins(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield variables that describe what the document names and does not describe."""
    ranges = [one for one in _tables(document, "range") if isinstance(one.get("name"), str)]
    bare = dict.fromkeys(one["name"] for one in ranges if "networks" not in one)
    for number, name in enumerate(list(bare)[:_STAND_INS_MAX]):
        yield f"POLLER_RANGE_{number}_NAME", name
        yield f"POLLER_RANGE_{number}_NETWORKS", _STAND_IN.format(number + 1)
    described = {one.get("name") for one in _tables(document, "credential")}
    named = dict.fromkeys(
        name.removesuffix("/v1")
        for one in ranges
        if isinstance(one.get("credentials"), list)
        for name in one["credentials"]
        if isinstance(name, str)
    )
    for number, name in enumerate([one for one in named if one not in described][:_STAND_INS_MAX]):
        yield f"POLLER_CREDENTIAL_{number}_NAME", name
        yield f"POLLER_CREDENTIAL_{number}_COMMUNITY", "stand-in"


def _tables(document: dict[str, Any], name: str) -> list[dict[str, Any]]:
    content = document.get(name)
    return [entry for entry in content if isinstance(entry, dict)] if isinstance(content, list) else []


def _allowed(document: dict[str, Any]) -> str:
    """Return as `[sweep] allowed` what the document names: within which limits an agent takes it is not known here."""
    named = [text for one in _tables(document, "range") if isinstance(one.get("networks"), list) for text in one["networks"]]
    return ",".join([_STAND_INS, *(text for text in named if isinstance(text, str) and _is_network(text))])


def _is_network(text: str) -> bool:
    try:
        return isinstance(networks.parse(text), networks.Interval)
    except ValueError:
        return False


def _plain(value: Any) -> Any:
    """Return what TOML has as JSON has it: a time of day is a text there."""
    match value:
        case dict():
            return {key: _plain(inner) for key, inner in value.items()}
        case list():
            return [_plain(inner) for inner in value]
        case time():
            return value.strftime("%H:%M")
        case _:
            return value
