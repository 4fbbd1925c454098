"""Which proxy a connection to central takes: the one configured, or that of the environment, or none.

`HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` mean what curl and Go make of them, in lower case too, which wins. `NO_PROXY` is a list, by
commas, of host names (with everything below them), addresses, networks such as 10.0.0.0/8, each perhaps with a port, or `*`. This host
itself is never reached through a proxy of the environment. Pure; a proxy's password is a `Secret` from the moment it is read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from typing import NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

import msgspec

from poller.model import Secret

PORTS = {"http": 80, "https": 443}
_PROXY_PORT = 80  # of a proxy whose address names none
HOST = r"(?:[A-Za-z0-9_-]{1,63}\.){0,126}[A-Za-z0-9_-]{1,63}\.?"
"""A host name or an IPv4 address: no part of it empty or longer than DNS takes (RFC 1035 section 2.3.4)."""


class Proxy(NamedTuple):
    """`url` is `http://host:port` and nothing more; `user` is None where the proxy asks for nobody's name."""

    url: str
    user: str | None = None
    password: Secret | None = None


class Proxies(msgspec.Struct, frozen=True, kw_only=True):
    """`configured` goes before those of the environment, by scheme of the address; `is_none`: no proxy at all."""

    configured: Proxy | None = None
    is_none: bool = False
    http: Proxy | None = None
    https: Proxy | None = None
    not_for: tuple[str, ...] = ()

    def choose(self, address: str) -> Proxy | None:
        """Return the proxy to *address*, an http or https URL that was checked; None for a direct connection."""
        if self.is_none or self.configured is not None:
            return None if self.is_none else self.configured
        parts = urlsplit(address)
        host, port = (parts.hostname or "").rstrip("."), parts.port or PORTS[parts.scheme]
        if _is_this_host(host) or any(_is_meant(one, host, port) for one in self.not_for):
            return None
        return self.https if parts.scheme == "https" else self.http


def parse_proxy(text: str) -> Proxy:
    """Return the proxy of a URL, `http://user:password@host:port` or a part of it.

    Raises ValueError, which says what is wanted and repeats nothing: there may be a password in it.
    """
    wanted = "want a proxy as http://host:port"
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        port = parts.port if parts.port is not None else _PROXY_PORT
    except ValueError:
        raise ValueError(wanted) from None
    if parts.scheme != "http":
        raise ValueError(f"{wanted}; only plain HTTP is spoken to a proxy: what passes it is sealed")
    host = _host(parts)
    if host is None or not 1 <= port <= 65_535 or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError(wanted)
    user = unquote(parts.username) if parts.username else None
    password = Secret(unquote(parts.password or "")) if user is not None else None
    return Proxy(f"http://{host}:{port}", user, password)


def proxies_of_environment(environ: Mapping[str, str]) -> tuple[Proxies, list[str]]:
    """Return the proxies *environ* names, and a sentence for each that cannot be used."""
    found: dict[str, Proxy] = {}
    complaints: list[str] = []
    for scheme in PORTS:
        name, text = _variable(environ, f"{scheme}_proxy")
        if not text:
            continue
        try:
            found[scheme] = parse_proxy(text)
        except ValueError as error:
            complaints.append(f"{name}: not used: {error}")
    not_for = tuple(item.lower() for part in _variable(environ, "no_proxy")[1].split(",") if (item := part.strip()))
    return Proxies(http=found.get("http"), https=found.get("https"), not_for=not_for), complaints


def _variable(environ: Mapping[str, str], name: str) -> tuple[str, str]:
    for one in (name, name.upper()):
        if environ.get(one):
            return one, environ[one].strip()
    return name, ""


def _host(parts: SplitResult) -> str | None:
    host = parts.hostname or ""
    if ":" in host:
        try:
            return f"[{ip_address(host)}]"
        except ValueError:
            return None
    return host if re.fullmatch(HOST, host) else None


def _is_this_host(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _is_meant(entry: str, host: str, port: int) -> bool:
    """Whether one entry of NO_PROXY, in lower case, names this host and port."""
    if entry == "*":
        return True
    if "/" in entry:
        try:
            return ip_address(host) in ip_network(entry, strict=False)
        except ValueError:
            return False
    name, _, number = entry.rpartition(":") if re.search(r"^[^:]*:\d+$|\]:\d+$", entry) else (entry, "", "")
    name = name.strip("[]").removeprefix("*").strip(".")
    return (not number or int(number) == port) and bool(name) and (host == name or host.endswith(f".{name}"))
