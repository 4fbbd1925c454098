"""What a notification is about, as far as that decides whether the printer is read now.

What it says of the printer is not taken from it: anybody who knows the community can send one. It says that something happened; what, the
printer is asked. Sources: RFC 3805 (printerV2Alert), RFC 3418 and RFC 2863 (generic traps).
"""

from __future__ import annotations

from typing import Literal

from poller.printers.mib import ENTERPRISES
from poller.snmp.oid import Oid, parse

Kind = Literal["alert", "start", "link", "authentication", "vendor", "other"]

_STANDARD: dict[Oid, Kind] = {
    parse("1.3.6.1.2.1.43.18.2.0.1"): "alert",  # printerV2Alert; printerV1Alert becomes the same by RFC 3584
    parse("1.3.6.1.6.3.1.1.5.1"): "start",  # coldStart
    parse("1.3.6.1.6.3.1.1.5.2"): "start",  # warmStart
    parse("1.3.6.1.6.3.1.1.5.3"): "link",  # linkDown
    parse("1.3.6.1.6.3.1.1.5.4"): "link",  # linkUp
    parse("1.3.6.1.6.3.1.1.5.5"): "authentication",  # authenticationFailure
}


def kind_of(trap_oid: Oid | None) -> Kind:
    """Return what *trap_oid*, a snmpTrapOID, stands for; every vendor's own is `vendor`."""
    if trap_oid is None:
        return "other"
    return _STANDARD.get(trap_oid) or ("vendor" if trap_oid.startswith(ENTERPRISES) else "other")


def is_worth_a_poll(kind: Kind) -> bool:
    """Say whether the printer should be read now. Everything is worth it but authenticationFailure.

    That one tells of somebody who asked with a wrong community. It may be ourselves: then each poll would bring the next, for ever.
    """
    return kind != "authentication"
