"""Facts of a printer that a site does not want to show: taken out of it, and of every name made of them. Pure.

What names a device has to stay a name, or its meters could not be told from another's. So where an identity is made of a masked fact, a
keyed hash takes the fact's place: the same device always gets the same one, and without the key nobody can try the 2^24 MAC addresses of
a maker, or the addresses of a network, until one fits.

    mac:0025b3a1c2d4             ->  mac-hash:<32 hex digits>
    addr:10.1.2.3                ->  addr-hash:…
    serial:11:ABC#0025b3a1c2d4   ->  serial:11:ABC#…    (a serial number two devices have)
    uuid:…0025b3a1c2d4           ->  uuid-hash:…        (version 1 of RFC 9562 ends with the MAC address; others may)

A fact may stand in another's text: many makers build the host name of the MAC address (`BRN0025B3A1C2D4`, `NPIA1C2D4`). A host name, a
location or a serial number that repeats a masked fact is masked with it.
"""

from __future__ import annotations

import hmac
from collections.abc import Collection
from functools import lru_cache
from hashlib import sha256
from typing import Literal, get_args

import msgspec

from poller.model import Printer

Fact = Literal["hostname", "location", "address", "mac"]
FACTS: tuple[Fact, ...] = get_args(Fact)

_HASH_DIGITS = 32  # 128 bits: two of any number of devices never share one
_REMEMBERED = 16_384
_KINDS_OF = {"mac": "mac", "addr": "address"}


class Mask:
    """Takes *facts* out. *key* makes the hashes: another key, other names for the same devices."""

    def __init__(self, facts: Collection[Fact] = (), *, key: bytes = b"") -> None:
        self.facts, self._key = frozenset(facts), key
        self.printer = lru_cache(_REMEMBERED)(self._without)  # the same object comes at every poll
        """Return a printer without the facts: an address is then empty, the others are null."""

    def __bool__(self) -> bool:
        return bool(self.facts)

    def name(self, name: str, *, mac: str | None = None) -> str:
        """Return an id, or another identity, as it may be shown; one that is fine stays. *mac* is looked for in those of unknown make."""
        kind, _, body = name.partition(":")
        if _KINDS_OF.get(kind) in self.facts:
            return f"{kind}-hash:{self._hash(name)}"
        if "mac" not in self.facts or kind.endswith("-hash"):
            return name
        head, is_twin, twin = name.rpartition("#")
        if is_twin and len(twin) == 12:  # engine/roster.py
            return f"{self.name(head, mac=mac)}#{self._hash(f'mac:{twin}')}"
        if kind == "uuid" or (mac is not None and mac in _squashed(body)):
            return f"{kind}-hash:{self._hash(name)}"
        return name

    def _without(self, printer: Printer) -> Printer:
        mac, address = printer.mac, printer.address
        is_mac_masked, is_address_masked = "mac" in self.facts, "address" in self.facts

        def shown(text: str | None, fact: str) -> str | None:
            if text is None or fact in self.facts:
                return None
            if is_mac_masked and mac is not None and _repeats(text, mac, whole=fact == "serial"):
                return None
            if is_address_masked and address and (address in text or address.replace(".", "-") in text):
                return None
            return text

        return msgspec.structs.replace(
            printer,
            id=self.name(printer.id, mac=mac),
            identities=tuple([self.name(name, mac=mac) for name in printer.identities]),
            address="" if is_address_masked else address,
            hostname=shown(printer.hostname, "hostname"),
            location=shown(printer.location, "location"),
            serial=shown(printer.serial, "serial"),
            mac=None if is_mac_masked else mac,
        )

    def _hash(self, text: str) -> str:
        return hmac.new(self._key, text.encode("utf-8", "replace"), sha256).hexdigest()[:_HASH_DIGITS]


def _squashed(text: str) -> str:
    return text.lower().replace(":", "").replace("-", "").replace(".", "")


def _repeats(text: str, mac: str, *, whole: bool) -> bool:
    """Say whether *text* tells a MAC address: all of it or, unless *whole*, the half that is the device's own."""
    return (mac if whole else mac[6:]) in _squashed(text)
