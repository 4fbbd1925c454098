"""`[central]`: how the agent gets to the dealer's server, and what that server may change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from poller.config.credentials import read_secret_of
from poller.config.kinds import WebAddress
from poller.config.proxies import Proxies, Proxy, proxies_of_environment
from poller.config.reader import Fields, Reader
from poller.config.sources import Table
from poller.config.targets import collect_targets
from poller.config.values import Central, Network, Range, intervals
from poller.errors import SealError
from poller.model import Secret
from poller.networks import HostName, Interval, merge, subtract


def read_central(reader: Reader, table: Table, fields: Fields, environ: Mapping[str, str], *, has_state: bool) -> Central:
    """Return how to reach central. *has_state*: there is a folder to keep an identity in."""
    token = _read_token(reader, table, fields)
    if token is not None and not has_state:
        reader.faults.append(f"{table.place('token')}: an agent that uploads keeps its keys; name a folder in state.folder")
    ca_file = None
    if fields["ca_file"] is not None:
        ca_file = table.given["ca_file"].folder / fields["ca_file"]
        _check_authorities(reader, table, ca_file)
    return Central(
        token=token,
        wish=_wish(table, fields, environ) if token is None else None,
        address=fields["address"],
        ca_file=ca_file,
        proxies=_read_proxies(reader, table, fields, environ),
        accept=frozenset(fields["accept"]),
        every_seconds=fields["every_seconds"],
        heartbeat_seconds=fields["heartbeat_seconds"],
    )


def read_allowed(reader: Reader, table: Table, texts: Sequence[str]) -> tuple[Interval, ...] | None:
    """Return `[sweep] allowed` as addresses, None where there is no such limit. Host names are no limit: they may become any address."""
    given = table.given.get("allowed")
    if given is None:
        return None
    found = collect_targets(texts, given.place, given.folder, reader.faults)
    for one in found:
        if isinstance(one, HostName):
            reader.faults.append(f"{given.place}: {one} is a name; want networks and addresses, since a name may become any address")
    return merge(intervals(found))


def check_allowed(reader: Reader, placed: Sequence[tuple[str, Range]], allowed: tuple[Interval, ...] | None) -> None:
    """Note every range that holds an address outside of *allowed*."""
    if allowed is None:
        return
    for place, one in placed:
        outside = subtract(subtract(intervals(one.networks), intervals(one.exclude)), allowed)
        if outside:
            more = f" and {len(outside) - 1} more" if len(outside) > 1 else ""
            reader.faults.append(f"{place}: {outside[0]}{more} is not in sweep.allowed")


def check_accept(reader: Reader, table: Table, central: Central, allowed: Sequence[Network] | None) -> None:
    """Who lets central choose networks has to say among which."""
    if "ranges" in central.accept and allowed is None:
        reader.faults.append(
            f'{table.place("accept")}: "ranges" lets central choose networks; name those it may choose from in sweep.allowed'
        )


def _read_token(reader: Reader, table: Table, fields: Fields) -> Secret | None:
    token = read_secret_of(reader, table, fields, "token")
    if token is not None:
        from poller.sealing.token import Token  # with OpenSSL, which nobody else waits for

        place = table.place("token_file" if "token_file" in table.given else "token")
        try:
            WebAddress().from_text(Token.parse(token.reveal()).address)
        except SealError as error:
            reader.faults.append(f"{place}: {error}")
            return None
        except ValueError as error:
            reader.faults.append(f"{place}: the token names an address nobody could go to ({error}); ask the dealer for another one")
            return None
    return token


def _wish(table: Table, fields: Fields, environ: Mapping[str, str]) -> str | None:
    """Return what shows that a token was meant to be there. A variable that is empty counts as not set, so it is no fault."""
    for name in ("POLLER_CENTRAL_TOKEN", "POLLER_CENTRAL_TOKEN_FILE"):
        if environ.get(name) == "":
            return f"{name} is empty"
    return f"{table.place('address')} is set" if fields["address"] is not None else None


def _read_proxies(reader: Reader, table: Table, fields: Fields, environ: Mapping[str, str]) -> Proxies:
    user, password = fields["proxy_user"], read_secret_of(reader, table, fields, "proxy_password")
    proxy: Proxy | str | None = fields["proxy"]
    if user is None and password is not None:
        reader.faults.append(f"{table.place('proxy_user')}: missing; a password is set, but not whose")
    if user is not None and ":" in user:
        reader.faults.append(f"{table.place('proxy_user')}: a user name for Basic has no colon (RFC 7617)")
    if proxy == "none":
        return Proxies(is_none=True)
    if isinstance(proxy, Proxy):
        return Proxies(configured=proxy._replace(user=user, password=(password or Secret("")) if user else None))
    if user is not None:
        reader.faults.append(f"{table.place('proxy')}: missing; proxy_user is for the proxy named here")
    found, complaints = proxies_of_environment(environ)
    reader.warnings += complaints
    return found


def _check_authorities(reader: Reader, table: Table, path: Path) -> None:
    import ssl  # nobody else waits for it

    try:
        ssl.create_default_context(cafile=path)
    except FileNotFoundError:
        reader.faults.append(f"{table.place('ca_file')}: {path}: no such file")
    except (OSError, ssl.SSLError):
        reader.faults.append(f"{table.place('ca_file')}: {path}: holds no certificates in PEM that can be read")
