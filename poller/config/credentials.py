"""What opens the printers: `[[credential]]` tables, and which of them are tried where.

A credential without a version stands for two, first v2c, then v1. An unknown address is tried with three at most, so that a device of
somebody else is never asked with a whole key ring.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from poller.config.catalogue import CREDENTIALS_PER_ADDRESS_MAX
from poller.config.files import read_secret
from poller.config.kinds import suggest
from poller.config.reader import Fields, Reader
from poller.config.sources import Table
from poller.model import Credential, Secret, SnmpVersion

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
        ring[name] = versions_of(name, _community(reader, table, fields), fields["version"])
    return ring


def versions_of(name: str, community: Secret, version: SnmpVersion | None = None) -> tuple[Credential, ...]:
    """Return one credential of *version*, or without one the two to try: v2c first, for its bulk requests and its exceptions."""
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
    by_name = dict(ring) | {pair[1].name: pair[1:] for pair in ring.values() if len(pair) > 1}
    chosen: dict[str, Credential] = {}
    for number, name in enumerate(names):
        if name not in by_name:  # not repeated: it may be a community in the wrong place
            hint = suggest(name, list(by_name)) or f"; there are {', '.join(by_name)}"
            reader.faults.append(f"{table.place('credentials')}[{number}]: no [[credential]] has this name{hint}")
        chosen |= {credential.name: credential for credential in by_name.get(name, ())}
    if len(chosen) > CREDENTIALS_PER_ADDRESS_MAX:
        reader.faults.append(
            f"{table.place('credentials')}: {len(chosen)} credentials ({', '.join(chosen)}), but an unknown address is tried with "
            f"at most {CREDENTIALS_PER_ADDRESS_MAX}; name fewer, or give them a version"
        )
    return tuple(chosen.values())


def _community(reader: Reader, table: Table, fields: Fields) -> Secret:
    """Return the community of one table, out of its file if need be; an empty one when that is a fault."""
    given = table.given.get("community_file")
    if given is None:
        if "community" not in table.given:
            reader.faults.append(f"{table.place('community_file')}: missing; want community_file, or community")
        return fields["community"] or Secret("")
    if "community" in table.given:
        reader.faults.append(f"{given.place}: set together with community; keep one, better the file")
    elif fields["community_file"]:
        path = given.folder / fields["community_file"]
        try:
            secret, is_public = read_secret(path)
        except ValueError as error:
            reader.faults.append(f"{given.place}: {error}")
        else:
            if is_public:
                reader.warnings.append(f"{given.place}: {path}: everyone on this host may read it; chmod o-r")
            return secret
    return Secret("")
