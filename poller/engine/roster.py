"""Who is who: a printer's id is chosen once and kept, whatever better fact turns up later.

Two sightings are one device when they share a serial or a MAC address. A shared serial with two different MACs is two devices (makers do
ship duplicates): the second is called `<serial>#<mac>`. An address names a device only while nothing better is known of it.
Bounded: what is not seen any more is forgotten by whoever keeps the fleet.
"""

from __future__ import annotations

import msgspec

from poller.model import Printer


class Roster:
    """Ids by identity. Pure: its contents come from what `settle` was shown."""

    def __init__(self) -> None:
        self._id_of: dict[str, str] = {}
        self._macs: dict[str, str] = {}
        self._identities: dict[str, tuple[str, ...]] = {}

    def __len__(self) -> int:
        return len(self._identities)

    def settle(self, printer: Printer) -> Printer:
        """Return *printer* under the id it has always had, its identities joined to those known before."""
        seen = tuple(self._tell_twins_apart(name, printer.mac) for name in printer.identities)
        printer_id = self._known_id(seen) or seen[0]
        before = self._identities.get(printer_id, ())
        known = [name for name in before if name == printer_id or not _is_address(name)]
        joined = (*known, *(name for name in seen if name not in known))
        for name in set(before) - set(joined):  # an address of earlier days names nobody any more
            self._drop(name, printer_id)
        self._identities[printer_id] = joined
        for name in joined:
            self._id_of[name] = printer_id
        if printer.mac is not None:
            self._macs.setdefault(printer_id, printer.mac)
        return msgspec.structs.replace(printer, id=printer_id, identities=joined)

    def forget(self, printer_id: str) -> None:
        for name in self._identities.pop(printer_id, ()):
            self._drop(name, printer_id)
        self._macs.pop(printer_id, None)

    def _drop(self, name: str, printer_id: str) -> None:
        if self._id_of.get(name) == printer_id:
            del self._id_of[name]

    def _known_id(self, seen: tuple[str, ...]) -> str | None:
        """Return the id of the device these identities are of. By its address only where one side has nothing better to go by."""
        better = [name for name in seen if not _is_address(name)]
        for name in better:
            if name in self._id_of:
                return self._id_of[name]
        for name in seen:
            known = self._id_of.get(name)
            if known is not None and (not better or all(map(_is_address, self._identities[known]))):
                return known
        return None

    def _tell_twins_apart(self, name: str, mac: str | None) -> str:
        """Return *name*, or its `#<mac>` form when the device known by this serial has another MAC."""
        if mac is None or not name.startswith("serial:"):
            return name
        first = self._macs.get(self._id_of.get(name, ""))
        return name if first is None or first == mac else f"{name}#{mac}"


def _is_address(name: str) -> bool:
    return name.startswith("addr:")
