"""What an operator may write as a network to sweep, turned into intervals of addresses.

Accepted: `10.1.0.0/24`, `fd00::/120`, `10.0.0.7`, `10.0.0.5-10.0.0.20`, the short `10.0.0.5-20`, and a host name.
Every address written is meant. A network of n host bits is all its 2^n addresses, the first and the last too: a configured network is
often the sum of a routed site, inside of which x.x.1.0 and x.x.0.255 are hosts like others. It harms nobody: the kernel refuses to send to
the broadcast address of a network it is attached to, and routers drop directed broadcasts (RFC 2644).
Pure: names are checked here and resolved by an edge.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network, summarize_address_range
from typing import Literal, NamedTuple

IPV6_PREFIX_MIN = 112  # 65,536 addresses; a /64 at 300 packets a second would take two billion years
_IPV6_SIZE_MAX = 1 << (128 - IPV6_PREFIX_MIN)

_TEXT_MAX = 254  # RFC 1035 section 2.3.4, and a final dot
_QUAD = re.compile(r"\d+(\.\d+){3}")
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")  # RFC 1123 section 2.1


class Interval(NamedTuple):
    """Addresses *first* to *last*, both included, as numbers; `version` is 4 or 6."""

    version: Literal[4, 6]
    first: int
    last: int

    @property
    def size(self) -> int:
        return self.last - self.first + 1

    def __str__(self) -> str:
        """Return the shortest form `parse` reads back: an address, a network, or a range."""
        if self.size == 1:
            return address_text(self.version, self.first)
        first, last = _address(self.version, self.first), _address(self.version, self.last)
        network, *more = summarize_address_range(first, last)
        return f"{first}-{last}" if more else str(network)


class HostName(NamedTuple):
    """A name an edge has to resolve; lower case, no final dot."""

    name: str

    def __str__(self) -> str:
        return self.name


def parse(text: str) -> Interval | HostName:
    """Return what *text* names, or raise ValueError with the reason and, where there is one, a way out.

    Whatever looks like an address but is none is an error, never a host name: `10.0.0.256` must not become a DNS question.
    """
    text = text.strip()
    if not text:
        raise ValueError("empty: want a network, an address, a range or a host name")
    if len(text) > _TEXT_MAX:
        raise ValueError(f"{text[:40]}…: longer than any address or host name can be")
    if re.search(r"[,;]|\S\s+[^\s-]", text.replace(" -", "-").replace("- ", "-")):
        raise ValueError(f"{text}: want one network, address, range or host name per entry")
    if "/" in text:
        interval = _network(text)
    elif (ends := _range_ends(text)) is not None:
        interval = _range(*ends)
    elif ":" in text or not re.search(r"[^\d.*]", text) or text.rstrip(".").rpartition(".")[2].isdigit():
        value = _parse_address(text)
        interval = Interval(_version(value), int(value), int(value))
    else:
        return _host_name(text)
    _refuse_unusable(text, interval)
    return interval


def address_text(version: int, value: int) -> str:
    """Return one address as text, IPv6 in the form of RFC 5952."""
    if version == 4:
        return f"{value >> 24}.{value >> 16 & 255}.{value >> 8 & 255}.{value & 255}"
    return str(IPv6Address(value))


def address_number(text: str) -> tuple[Literal[4, 6], int]:
    """Return (version, number) of an address as the kernel writes it; the inverse of `address_text`. Raises ValueError."""
    octets = text.split(".")
    if len(octets) == 4:
        a, b, c, d = map(int, octets)
        return 4, a << 24 | b << 16 | c << 8 | d
    return 6, int(IPv6Address(text))


def merge(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    """Return the same addresses in as few intervals as possible, in order, each address once."""
    merged: list[Interval] = []
    for interval in sorted(intervals):
        before = merged[-1] if merged else None
        if before is not None and before.version == interval.version and interval.first <= before.last + 1:
            merged[-1] = before._replace(last=max(before.last, interval.last))
        else:
            merged.append(interval)
    return tuple(merged)


def subtract(intervals: Iterable[Interval], excluded: Iterable[Interval]) -> tuple[Interval, ...]:
    """Return the addresses of *intervals* that are in none of *excluded*, merged."""
    left: list[Interval] = []
    holes = merge(excluded)
    at = 0
    for version, first, last in merge(intervals):
        while at < len(holes) and (holes[at].version, holes[at].last) < (version, first):
            at += 1  # never looked at again: both sides are in order
        inside = at
        while inside < len(holes) and holes[inside].version == version and holes[inside].first <= last:
            if holes[inside].first > first:
                left.append(Interval(version, first, holes[inside].first - 1))
            first = holes[inside].last + 1
            inside += 1
        if first <= last:
            left.append(Interval(version, first, last))
    return tuple(left)


def _network(text: str) -> Interval:
    address, _, prefix = text.partition("/")
    if not address:
        raise ValueError(f"{text}: no address before the slash")
    base = _parse_address(address)
    bits = base.max_prefixlen
    if _QUAD.fullmatch(prefix) and bits == 32:
        mask = f"{int(_parse_address(prefix)):032b}"
        hint = f"; did you mean {address}/{mask.count('1')}?" if "01" not in mask else ""
        raise ValueError(f"{text}: want the mask as a number of bits{hint}")
    if not (prefix.isascii() and prefix.isdigit()) or int(prefix) > bits:
        raise ValueError(f"{text}: the prefix length is not in 0..{bits}")
    if bits == 128 and int(prefix) < IPV6_PREFIX_MIN:
        hint = f"name the printers, or networks of /{IPV6_PREFIX_MIN} and smaller"
        raise ValueError(f"{text}: {1 << (bits - int(prefix)):.0e} addresses cannot be swept; {hint}")
    network = ip_network((int(base) if bits == 32 else base, int(prefix)), strict=False)
    if network.network_address != base:
        raise ValueError(f"{text} has host bits set; did you mean {network}?")
    return Interval(_version(base), int(base), int(network.broadcast_address))


def _range_ends(text: str) -> tuple[str, str] | None:
    """Split at the hyphen of a range; None when it is one of a host name."""
    first, hyphen, last = (part.strip() for part in text.partition("-"))
    if hyphen and (":" in text or _QUAD.fullmatch(first) or not re.search(r"[^\d.]", first + last)):
        return first, last
    return None


def _range(first_text: str, last_text: str) -> Interval:
    text = f"{first_text}-{last_text}"
    if not first_text or not last_text:
        raise ValueError(f"{text}: a range needs a first and a last address")
    first = _parse_address(first_text)
    head, _, start = first_text.rpartition(".")
    is_short = isinstance(first, IPv4Address) and last_text.isascii() and last_text.isdigit()
    if is_short and int(last_text) > 255:
        raise ValueError(f"{text}: the last octet {last_text} is above 255")
    last = _parse_address(f"{head}.{int(last_text)}" if is_short else last_text)
    if first.version != last.version:
        raise ValueError(f"{text}: one end is IPv{first.version}, the other IPv{last.version}")
    if int(first) > int(last):
        turned = f"{head}.{last_text}-{start}" if is_short else f"{last}-{first}"
        raise ValueError(f"{text}: first address is after the last; did you mean {turned}?")
    interval = Interval(_version(first), int(first), int(last))
    if first.version == 6 and interval.size > _IPV6_SIZE_MAX:
        raise ValueError(f"{text}: more than {_IPV6_SIZE_MAX} IPv6 addresses cannot be swept; name the printers, or smaller ranges")
    return interval


def _parse_address(text: str) -> IPv4Address | IPv6Address:
    """Return the address *text* is, or raise ValueError saying what is wrong with it."""
    if ":" in text:
        return _parse_ipv6(text)
    octets = text.split(".")
    if all(part == "*" or part.isdigit() for part in octets) and "*" in octets:
        fixed = octets[: octets.index("*")]
        hint = f"; did you mean {'.'.join(fixed + ['0'] * (4 - len(fixed)))}/{8 * len(fixed)}?" if 0 < len(fixed) < 4 == len(octets) else ""
        raise ValueError(f"{text}: no wildcards{hint}")
    if not all(part.isascii() and part.isdigit() for part in octets):
        raise ValueError(f"{text}: not an address")
    if len(octets) != 4:
        raise ValueError(f"{text}: an IPv4 address has four octets, this has {len(octets)}")
    for octet in octets:
        if len(octet) > 3 or int(octet) > 255:
            raise ValueError(f"{text}: octet {octet} is above 255")
    plain = ".".join(str(int(octet)) for octet in octets)
    if plain != text:
        raise ValueError(f"{text}: leading zeros may mean octal; did you mean {plain}?")
    return IPv4Address(text)


def _parse_ipv6(text: str) -> IPv6Address:
    if "%" in text:
        raise ValueError(f"{text}: addresses that need an interface cannot be swept; use the printer's global or unique local address")
    head, _, _port = text.rpartition(":")
    if _QUAD.fullmatch(head) or (text.startswith("[") and "]" in text):
        raise ValueError(f"{text}: not an address; want it without brackets and port (the port is a setting of its own)")
    try:
        address = ip_address(text)
    except ValueError as error:
        raise ValueError(f"{text}: not an IPv6 address") from error
    assert isinstance(address, IPv6Address)
    if address.ipv4_mapped is not None:
        raise ValueError(f"{text}: an IPv4 address in IPv6 clothes; did you mean {address.ipv4_mapped}?")
    return address


def _host_name(text: str) -> HostName:
    name = text.removesuffix(".").lower()
    if not name.isascii():
        try:
            hint = f"; did you mean {name.encode('idna').decode()}?"
        except UnicodeError:
            hint = ""
        raise ValueError(f"{text}: a host name is written in ASCII{hint}")
    for label in name.split("."):
        if not _LABEL.fullmatch(label):
            reason = "is longer than 63 characters" if len(label) > 63 else "is not letters, digits and inner hyphens"
            raise ValueError(f"{text}: not a host name, its part {label!r} {reason}")
    return HostName(name)


_UNUSABLE = (
    ("'this network' addresses (RFC 1122)", Interval(4, 0, (1 << 24) - 1)),
    ("multicast addresses (RFC 5771)", Interval(4, 224 << 24, (240 << 24) - 1)),
    ("the broadcast address", Interval(4, 0xFFFF_FFFF, 0xFFFF_FFFF)),
    ("the unspecified address", Interval(6, 0, 0)),
    ("multicast addresses (RFC 4291)", Interval(6, 0xFF << 120, (1 << 128) - 1)),
    ("link-local addresses, which need an interface", Interval(6, 0xFE80 << 112, (0xFEC0 << 112) - 1)),
)


def _refuse_unusable(text: str, interval: Interval) -> None:
    """Raise ValueError where an address of *interval* cannot be one device's own."""
    for reason, unusable in _UNUSABLE:
        if interval.version == unusable.version and interval.first <= unusable.last and unusable.first <= interval.last:
            raise ValueError(f"{text}: holds {reason}: {unusable}; no single device answers there")


def _address(version: int, value: int) -> IPv4Address | IPv6Address:
    return IPv4Address(value) if version == 4 else IPv6Address(value)


def _version(address: IPv4Address | IPv6Address) -> Literal[4, 6]:
    return 4 if isinstance(address, IPv4Address) else 6
