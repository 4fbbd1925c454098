"""What opens the printers: `[[credential]]` tables, and which of them are tried where.

A credential without a version stands for two, first v2c, then v1; one of version 3 has a user in place of the community. An unknown
address is tried with three at most, so that a device of somebody else is never asked with a whole key ring.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from poller.config.catalogue import CREDENTIALS_PER_ADDRESS_MAX
from poller.config.files import read_secret
from poller.config.kinds import SecretText, suggest
from poller.config.reader import Fields, Reader
from poller.config.sources import Table
from poller.model import Credential, Secret, SnmpVersion, User

_COMMUNITY_KEYS = ("community", "community_file")
_USER_KEYS = ("user", "auth", "auth_password", "auth_password_file", "priv", "priv_password", "priv_password_file")

KeyRing = Mapping[str, tuple[Credential, ...]]
"""By the name an operator writes: one credential, or two."""


def read_credentials(reader: Reader, tables: Sequence[Table]) -> KeyRing:
    """Return the configured credentials, in order; community `public` where there are none."""
    if not tables:
        return {"public": versions_of("public", Secret("public"))}
    ring: dict[str, tuple[Credential, ...]] = {}
    for number, table in enumerate(tables):
        fields = reader.fields(table)
        name = fields["name"] or f"credential-{number}"
        if name in ring:
            reader.faults.append(f"{table.place('name')}: another credential is called {name!r}; each needs its own name")
        ring[name] = _read_credential(reader, table, fields, name)
    return ring


def versions_of(name: str, community: Secret, version: SnmpVersion | None = None, *, context: str = "") -> tuple[Credential, ...]:
    """Return one credential of *version*, or without one the two to try: v2c first, for its bulk requests and its exceptions."""
    if context:
        community = Secret(f"{community.reveal()}@{context}")
    if version is not None:
        return (Credential(name=name, version=version, community=community),)
    return (
        Credential(name=name, version="2c", community=community),
        Credential(name=f"{name}/v1", version="1", community=community),
    )


def every_credential(ring: KeyRing) -> tuple[Credential, ...]:
    return tuple(credential for pair in ring.values() for credential in pair)


def first_credentials(reader: Reader, range_name: str, ring: KeyRing) -> tuple[Credential, ...]:
    """Return what an unknown address is tried with in a range that names no credentials."""
    every = every_credential(ring)
    first = every[:CREDENTIALS_PER_ADDRESS_MAX]
    if len(every) > len(first):
        names = ", ".join(credential.name for credential in first)
        reader.warnings.append(
            f"range {range_name!r} names no credentials, and there are {len(every)}: an unknown address is tried with {names} only"
        )
    return first


def named_credentials(reader: Reader, table: Table, names: Sequence[str], ring: KeyRing) -> tuple[Credential, ...]:
    """Return what an unknown address is tried with in a range that names its credentials. `NAME/v1` names the second of a pair."""
    chosen = {one.name: one for one in find_credentials(reader, table, names, ring)}
    if len(chosen) > CREDENTIALS_PER_ADDRESS_MAX:
        reader.faults.append(
            f"{table.place('credentials')}: {len(chosen)} credentials ({', '.join(chosen)}), but an unknown address is tried with "
            f"at most {CREDENTIALS_PER_ADDRESS_MAX}; name fewer, or give them a version"
        )
    return tuple(chosen.values())


def find_credentials(reader: Reader, table: Table, names: Sequence[str], ring: KeyRing) -> tuple[Credential, ...]:
    """Return the credentials *names* stand for, each once, whatever they are named for."""
    by_name = dict(ring) | {pair[1].name: pair[1:] for pair in ring.values() if len(pair) > 1}
    chosen: dict[str, Credential] = {}
    for number, name in enumerate(names):
        if name not in by_name:  # not repeated: it may be a community in the wrong place
            hint = suggest(name, list(by_name)) or f"; there are {', '.join(by_name)}"
            reader.faults.append(f"{table.place('credentials')}[{number}]: no [[credential]] has this name{hint}")
        chosen |= {credential.name: credential for credential in by_name.get(name, ())}
    return tuple(chosen.values())


def _read_credential(reader: Reader, table: Table, fields: Fields, name: str) -> tuple[Credential, ...]:
    """Return what one table stands for; for one that is at fault, something to go on with."""
    version, context = fields["version"], fields["context"] or ""
    if version is None and "version" in table.given and "user" in table.given:
        version = "3"  # what was given is a fault already; this is what was meant
    strange = [key for key in (_USER_KEYS if version != "3" else _COMMUNITY_KEYS) if key in table.given]
    if strange:
        wrong = "version 3 has a user in its place;" if version == "3" else 'only version 3 has users; set version = "3", or'
        reader.faults.append(f"{table.place(strange[0])}: {wrong} remove {', '.join(strange)}")
    if version == "3":
        return (Credential(name=name, version="3", user=_user(reader, table, fields), context=context),)
    community = Secret("") if strange else read_secret_of(reader, table, fields, "community", is_required=True) or Secret("")
    return versions_of(name, community, version, context=context)


def _user(reader: Reader, table: Table, fields: Fields) -> User:
    """Return the user of one table; without authentication or privacy where that is at fault."""
    if "user" not in table.given:
        reader.faults.append(f"{table.place('user')}: missing; version 3 needs it")
    secrets: dict[str, Secret | None] = {}
    for key in ("auth", "priv"):
        password = f"{key}_password"
        secrets[key] = read_secret_of(reader, table, fields, password, is_required=key in table.given)
        if key not in table.given and (password in table.given or f"{password}_file" in table.given):
            reader.faults.append(f"{table.place(key)}: missing; a passphrase is set, but not what it is for")
    if "priv" in table.given and "auth" not in table.given:
        reader.faults.append(f"{table.place('auth')}: missing; SNMPv3 encrypts only what it also signs")
    auth = fields["auth"] if secrets["auth"] else None
    priv = fields["priv"] if secrets["priv"] and auth else None
    return User(
        name=fields["user"] or "",
        auth=auth,
        auth_password=secrets["auth"] if auth else None,
        priv=priv,
        priv_password=secrets["priv"] if priv else None,
    )


def read_secret_of(reader: Reader, table: Table, fields: Fields, key: str, *, is_required: bool = False) -> Secret | None:
    """Return the secret *key* of one table, out of its file if need be; None where there is none, or when that is a fault."""
    file_key = f"{key}_file"
    given = table.given.get(file_key)
    if given is None:
        if is_required and key not in table.given:
            reader.faults.append(f"{table.place(file_key)}: missing; want {file_key}, or {key}")
        return cast("Secret | None", fields[key])
    if key in table.given:
        reader.faults.append(f"{given.place}: set together with {key}; keep one, better the file")
    elif fields[file_key]:
        path = given.folder / fields[file_key]
        try:
            secret, is_public = read_secret(path, _kind(table, key))
        except ValueError as error:
            reader.faults.append(f"{given.place}: {error}")
        else:
            if is_public:
                reader.warnings.append(f"{given.place}: {path}: everyone on this host may read it; chmod o-r")
            return secret
    return None


def _kind(table: Table, key: str) -> SecretText:
    kind = next(setting.kind for setting in table.settings if setting.key == key)
    assert isinstance(kind, SecretText)
    return kind
