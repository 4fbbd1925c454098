"""Who is who: a printer's id is chosen once and kept, whatever better fact turns up later.

A device has two hard facts, its serial number and its MAC address; an address names it only while nothing better is known. A sighting that
shares one hard fact with a known device and contradicts the other is that device with a new board, if it is at that device's address or
that device is silent; while that device answers elsewhere they are two (makers do ship serial numbers twice; the second is called
`<serial>#<mac>`). The table of cases stands in docs/engine.md, and each in tests/engine/test_roster.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from poller.model import Printer


@dataclass(slots=True)
class _Who:
    """One device: every name it goes by, where it was seen last, and its model."""

    names: tuple[str, ...]
    address: str
    model: str | None


class Roster:
    """Ids by identity. Pure: its contents come from what `settle` was shown.

    `is_absent` says of an id whether that device has stopped answering; whoever polls sets it. Bounded: what is not seen any more is
    forgotten by whoever keeps the fleet.
    """

    def __init__(self) -> None:
        self.is_absent: Callable[[str], bool] = lambda _: False
        self._who: dict[str, _Who] = {}
        self._id_of: dict[str, str] = {}
        self._kin: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._who)

    def settle(self, printer: Printer) -> Printer:
        """Return *printer* under the id it has always had, its identities joined to those known before."""
        names, kin = self._tell_apart(printer)
        printer_id = self._known_id(names, other_than=kin) or names[0]
        if kin is not None and kin != printer_id and printer_id not in self._who:
            self._kin[printer_id] = kin
        return self._enter(printer, printer_id, names)

    def restore(self, printer: Printer) -> None:
        """Take up *printer* as it was settled before."""
        self._enter(printer, printer.id, printer.identities)

    def locate(self, printer_id: str, address: str) -> None:
        """Note that a known device is asked at *address*: whoever answers there with one of its numbers has a new board."""
        if printer_id in self._who:
            self._who[printer_id].address = address

    def take_kin(self, printer_id: str) -> str | None:
        """Return the device that *printer_id*, just named, shares a hard fact with and was told apart from, once: worth asking first."""
        return self._kin.pop(printer_id, None)

    def forget(self, printer_id: str) -> None:
        who = self._who.pop(printer_id, None)
        self._kin.pop(printer_id, None)
        for name in who.names if who is not None else ():
            self._drop(name, printer_id)

    def _enter(self, printer: Printer, printer_id: str, names: tuple[str, ...]) -> Printer:
        before = self._who.get(printer_id)
        held = before.names if before is not None else ()
        known = [name for name in held if name == printer_id or not _is_address(name)]
        joined = (*known, *(name for name in names if name not in known))
        for name in set(held) - set(joined):  # an address of earlier days names nobody any more
            self._drop(name, printer_id)
        for name in joined:
            self._hand_over(name, printer_id)
        self._who[printer_id] = _Who(joined, printer.address, printer.model or (before.model if before is not None else None))
        return msgspec.structs.replace(printer, id=printer_id, identities=joined)

    def _hand_over(self, name: str, printer_id: str) -> None:
        """Let *name* mean *printer_id* from now on, and nobody else; nobody's id is taken away."""
        owner = self._id_of.get(name)
        if owner == name and owner != printer_id and owner in self._who:
            return
        if owner is not None and owner != printer_id and owner in self._who:
            who = self._who[owner]
            who.names = tuple(other for other in who.names if other != name)
        self._id_of[name] = printer_id

    def _drop(self, name: str, printer_id: str) -> None:
        if self._id_of.get(name) == printer_id:
            del self._id_of[name]

    def _known_id(self, names: tuple[str, ...], *, other_than: str | None) -> str | None:
        """Return the id of the device these names are of. By its address only where one side has nothing better to go by."""
        better = [name for name in names if not _is_address(name)]
        for name in better:
            known = self._id_of.get(name)
            if known is not None and known != other_than:
                return known
        for name in names:
            known = self._id_of.get(name)
            if known is not None and known != other_than and (not better or all(map(_is_address, self._who[known].names))):
                return known
        return None

    def _tell_apart(self, printer: Printer) -> tuple[tuple[str, ...], str | None]:
        """Return the names *printer* is to be known by, without those of a device it only resembles; and that device, if there is one."""
        names = printer.identities
        mac = f"mac:{printer.mac}" if printer.mac is not None else None
        serial = next((name for name in names if name.startswith("serial:")), None)
        if serial is not None and mac is not None:
            twin = f"{serial}#{printer.mac}"
            if twin in self._id_of:
                return tuple(twin if name == serial else name for name in names), None
            owner = self._id_of.get(serial)
            if owner is not None and not self._may_have(owner, mac, "mac:") and not self._is_it(owner, printer):
                return tuple(twin if name == serial else name for name in names), owner
            owner = self._id_of.get(mac) if owner is None else None
            if owner is not None and not self._may_have(owner, serial, "serial:") and not self._is_new_main_board(owner, printer):
                is_free = self.is_absent(owner)
                return tuple(name for name in names if name != mac or is_free), owner
        return names, None

    def _may_have(self, printer_id: str, name: str, kind: str) -> bool:
        """Say whether *name* contradicts nothing known of the device: it has that one, or none of that *kind*."""
        of_kind = [other for other in self._who[printer_id].names if other.startswith(kind)]
        return not of_kind or any(_bare(other) == _bare(name) for other in of_kind)

    def _is_it(self, printer_id: str, printer: Printer) -> bool:
        return self._who[printer_id].address == printer.address or self.is_absent(printer_id)

    def _is_new_main_board(self, printer_id: str, printer: Printer) -> bool:
        """Say whether the same network card with another serial number is the same device. In another model, the card was moved."""
        model = self._who[printer_id].model
        return self._is_it(printer_id, printer) and (model is None or printer.model is None or model == printer.model)


def original(printer: Printer) -> Printer:
    """Return *printer* as it named itself, before it was told apart from another."""
    names = tuple(name.removesuffix(f"#{printer.mac}") for name in printer.identities)
    mac = (f"mac:{printer.mac}",) if printer.mac is not None and f"mac:{printer.mac}" not in names else ()
    return msgspec.structs.replace(printer, id=names[0], identities=(*names, *mac))


def _bare(name: str) -> str:
    """Return a serial number without its maker's number, which a device may learn to tell; other names as they are."""
    return name.split(":", 2)[2] if name.startswith("serial:") else name


def _is_address(name: str) -> bool:
    return name.startswith("addr:")
