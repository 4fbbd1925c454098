"""`--credential`: a name of the configuration, or `@FILE`. Never a secret: command lines can be read by everyone on a host."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from poller.config import CREDENTIALS_PER_ADDRESS_MAX, read_secret, versions_of
from poller.errors import ConfigError
from poller.model import Credential, SnmpVersion

_V3_HINT = ' with version = "3" and a user'


def choose_credentials(
    configured: Sequence[Credential], option: str | None = None, *, version: SnmpVersion | None = None
) -> tuple[Credential, ...]:
    """Return what to try, in order: all that *option* names, else the first ones configured. With *version* in that version alone.

    Raises ConfigError for a name that does not exist or a file that cannot be used; the name is not repeated, it may be a community.
    """
    if option is None:
        chosen = tuple(configured)
    elif option.startswith("@"):
        path = Path(option[1:])
        try:
            community, _ = read_secret(path)
        except ValueError as error:
            raise ConfigError([f"--credential: {error}"]) from error
        chosen = versions_of(f"@{path.name}", community)
    else:
        chosen = tuple(credential for credential in configured if credential.name in (option, f"{option}/v1"))
        if not chosen:
            names = ", ".join(credential.name for credential in configured)
            raise ConfigError([f"--credential: no credential has this name; there are {names}; a community in a file is @FILE"])
    if version is not None:
        chosen = _in_version(chosen, version)
    return chosen[:CREDENTIALS_PER_ADDRESS_MAX]


def _in_version(credentials: Sequence[Credential], version: SnmpVersion) -> tuple[Credential, ...]:
    """Return each community once, in *version*: under the name it has in that version, if it has one. Version 3 has users: those it has.

    Raises ConfigError when nothing is left.
    """
    if version == "3":
        chosen = tuple(credential for credential in credentials if credential.version == "3")
    else:
        by_community: dict[object, Credential] = {}
        for credential in sorted(credentials, key=lambda credential: credential.version != version):
            if credential.user is None:
                by_community.setdefault(credential.community, msgspec.structs.replace(credential, version=version))
        chosen = tuple(by_community.values())
    if not chosen:
        raise ConfigError(
            [f"--version: no credential for version {version}; configure a [[credential]]{_V3_HINT if version == '3' else ''}"]
        )
    return chosen
