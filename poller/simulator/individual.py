"""What makes one simulated device different from the next: serial number, name, MAC address.

All of it follows from the address, so that a fleet is the same at every start, and no two devices of one fleet share an identity. A value
is replaced wherever the recording repeats it (sysDescr, IEEE 1284 id, a vendor's tree), in its own length and shape.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import blake2b

from poller.simulator.recordings import Recording
from poller.snmp import ber
from poller.snmp.message import Value
from poller.snmp.oid import Oid
from poller.snmp.oid import parse as oid

_SYS_DESCR, _SYS_NAME = oid("1.3.6.1.2.1.1.1.0"), oid("1.3.6.1.2.1.1.5.0")
_DEVICE_DESCR = oid("1.3.6.1.2.1.25.3.2.1.3")
_PHYSICAL_ADDRESS = oid("1.3.6.1.2.1.2.2.1.6")

_NAME_OCTETS_MIN = 4  # a shorter sysName occurs in other texts by chance
_DIGITS_MIN = 6  # enough to number every address of a fleet


class Traits:
    """The personal values of one recording: found once, then replaced for every device that serves it."""

    def __init__(self, recording: Recording) -> None:
        self._macs = tuple(_macs(recording))
        self._serial, self._name = recording.serial, _personal_name(recording)
        recorded = sorted(self._swaps(seed=0, address=0), key=len, reverse=True)
        self._pattern = re.compile(b"|".join(map(re.escape, recorded)) or rb"(?!)")
        self._rows = [
            (at, content) for at, (tag, content) in recording.rows if tag == ber.OCTET_STRING and self._pattern.search(content) is not None
        ]

    def values_of(self, seed: int, address: int) -> dict[Oid, Value]:
        """Return what reads differently on the device at *address* (the low 32 bits of it)."""
        swaps = self._swaps(seed=seed, address=address)
        return {at: (ber.OCTET_STRING, self._pattern.sub(lambda found: swaps[found[0]], content)) for at, content in self._rows}

    def _swaps(self, *, seed: int, address: int) -> dict[bytes, bytes]:
        """Return recorded octets and what stands there instead."""
        swaps: dict[bytes, bytes] = {}
        for number, mac in enumerate(self._macs):
            # Locally administered: two octets for fleet and interface, then the address itself.
            own = bytes((0x02, (seed + 37 * number) % 256)) + address.to_bytes(4, "big")
            swaps[mac] = own
            for was, now in ((mac.hex(), own.hex()), (mac.hex(":"), own.hex(":")), (mac.hex("-"), own.hex("-"))):
                swaps[was.encode()], swaps[was.upper().encode()] = now.encode(), now.upper().encode()
            if len(set(mac[3:])) == 3:  # makers build host names from the last three octets, such as NPI0A1B2C
                swaps[mac[3:].hex().upper().encode()] = own[3:].hex().upper().encode()
        if self._name and not any(part in self._name for part in swaps):
            swaps[self._name] = _numbered(self._name, address)
        if self._serial:
            swaps[self._serial] = _numbered(self._serial, address)
        return swaps


def draw(seed: int, address: int, what: str) -> float:
    """Return a number in [0, 1) that is always the same for the same question, on every machine."""
    digest = blake2b(f"{seed}/{address}/{what}".encode(), digest_size=6).digest()
    return int.from_bytes(digest, "big") / 2**48


def _macs(recording: Recording) -> Iterator[bytes]:
    seen: set[bytes] = set()
    for at, (_, content) in recording.rows:
        if at.startswith(_PHYSICAL_ADDRESS) and len(content) == 6 and any(content) and content not in seen:
            seen.add(content)
            yield content


def _personal_name(recording: Recording) -> bytes:
    """Return sysName, or nothing where it is the model's name: a device must stay readable."""
    name = next((content for at, (_, content) in recording.rows if at == _SYS_NAME), b"")
    says_model = any(name in content for at, (_, content) in recording.rows if at == _SYS_DESCR or at.startswith(_DEVICE_DESCR))
    return b"" if len(name) < _NAME_OCTETS_MIN or says_model or not name.isascii() else name


def _numbered(text: bytes, address: int) -> bytes:
    """Return *text* with its last digits counting the address; with too few digits, its last octets do."""
    digits = [at for at, octet in enumerate(text) if 0x30 <= octet <= 0x39]
    places = digits[-8:] if len(digits) >= _DIGITS_MIN else range(max(0, len(text) - _DIGITS_MIN), len(text))
    out, rest = bytearray(text), address & 0xFF_FFFF
    for at in reversed(places):
        rest, digit = divmod(rest, 10)
        out[at] = 0x30 + digit
    return bytes(out)
