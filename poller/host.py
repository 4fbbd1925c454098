"""What this host knows of the network around it: which address a name has, and which networks it is attached to.

Attached networks matter to a sweep: for each address there that nobody has, the kernel keeps an unresolved neighbour, and the table of
those is small.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from ipaddress import ip_address
from pathlib import Path

from poller.errors import UnreachableError
from poller.networks import HostName, Interval, address_number, parse
from poller.resolver import look_up
from poller.system import PROC_NET

_ROUTE_IS_UP, _ROUTE_HAS_GATEWAY = 0x1, 0x2  # linux/route.h
_NAMES_AT_ONCE = 16
_FIELDS_V4, _FIELDS_V6 = 8, 10

_Reader = Callable[[list[str]], Interval | None]


async def resolve(name: str) -> str:
    """Return the address *name* stands for; an address is its own. Raises UnreachableError when there is none.

    The first answer in the resolver's order (RFC 6724) is taken: a printer with several addresses is one printer.
    """
    try:
        parsed = parse(name)
    except ValueError:
        parsed = HostName(name)  # such as fe80::1%eth0, which is no network to sweep but may be one device to read
    if isinstance(parsed, Interval) and parsed.size == 1:
        return str(parsed)
    try:
        found = await look_up(name)
    except (OSError, UnicodeError) as error:  # the latter for what cannot be a name at all
        raise UnreachableError(name, reason="the name does not resolve") from error
    return str(found[0][4][0])


async def resolve_all(names: Iterable[HostName]) -> tuple[tuple[Interval, ...], tuple[str, ...]]:
    """Return the addresses of *names*, and the names that have none. Several are asked at a time: a dead name takes seconds."""
    intervals, unknown = [], []
    waiting = iter(tuple(names))

    async def work() -> None:
        for name in waiting:
            try:
                address = ip_address(await resolve(name.name))
            except UnreachableError:
                unknown.append(name.name)
            else:
                version, number = address_number(str(address))
                intervals.append(Interval(version, number, number))

    async with asyncio.TaskGroup() as crew:
        for number in range(_NAMES_AT_ONCE):
            crew.create_task(work(), name=f"resolve-{number}")
    return tuple(sorted(intervals)), tuple(sorted(unknown))


def attached_networks(proc: Path = PROC_NET) -> tuple[Interval, ...]:
    """Return the networks this host reaches without a gateway, loopback left out; nothing where the kernel does not tell (not Linux)."""
    return (*_attached(proc / "route", _read_v4), *_attached(proc / "ipv6_route", _read_v6))


def _attached(table: Path, read: _Reader) -> Iterator[Interval]:
    try:
        lines = table.read_text(encoding="ascii").splitlines()
    except OSError:
        return
    for line in lines:
        interval = read(line.split())
        if interval is not None:
            yield interval


def _read_v4(fields: list[str]) -> Interval | None:
    """Read a line of /proc/net/route: interface, destination, gateway, flags, …, mask, all numbers in hex, addresses in host order."""
    if len(fields) < _FIELDS_V4 or fields[0] == "Iface" or fields[0] == "lo":
        return None
    destination, mask = (int.from_bytes(bytes.fromhex(fields[n])[::-1], "big") for n in (1, 7))
    if int(fields[3], 16) & (_ROUTE_IS_UP | _ROUTE_HAS_GATEWAY) != _ROUTE_IS_UP or mask == 0:
        return None
    return Interval(4, destination, destination | ~mask & 0xFFFF_FFFF)


def _read_v6(fields: list[str]) -> Interval | None:
    """Read a line of /proc/net/ipv6_route: destination, prefix length, source …, next hop, …, interface, all numbers in hex."""
    if len(fields) < _FIELDS_V6 or fields[9] == "lo" or int(fields[4], 16) != 0:
        return None
    destination, bits = int(fields[0], 16), int(fields[1], 16)
    is_unicast = destination >> 120 != 0xFF and destination >> 118 != 0x3FA  # ff00::/8 multicast, fe80::/10 link-local
    if bits == 0 or not is_unicast:
        return None
    return Interval(6, destination, destination | (1 << (128 - bits)) - 1)
