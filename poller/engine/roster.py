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
        printer_id = next((self._id_of[name] for name in seen if name in self._id_of), seen[0])
        known = self._identities.get(printer_id, ())
        joined = known + tuple(name for name in seen if name not in known)
        if len(joined) > len(seen):  # an address of earlier days names nobody any more
            joined = tuple(name for name in joined if not name.startswith("addr:") or name in seen or name == printer_id)
        self._identities[printer_id] = joined
        for name in joined:
            self._id_of[name] = printer_id
        if printer.mac is not None:
            self._macs.setdefault(printer_id, printer.mac)
        return msgspec.structs.replace(printer, id=printer_id, identities=joined)

    def forget(self, printer_id: str) -> None:
        for name in self._identities.pop(printer_id, ()):
            if self._id_of.get(name) == printer_id:
                del self._id_of[name]
        self._macs.pop(printer_id, None)

    def _tell_twins_apart(self, name: str, mac: str | None) -> str:
        """Return *name*, or its `#<mac>` form when the device known by this serial has another MAC."""
        if mac is None or not name.startswith("serial:"):
            return name
        first = self._macs.get(self._id_of.get(name, ""))
        return name if first is None or first == mac else f"{name}#{mac}"
