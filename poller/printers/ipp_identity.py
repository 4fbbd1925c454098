"""Who a device is by its IPP attributes, and whether it is a printer; the sibling of `identity.py`, which asks SNMP."""

from __future__ import annotations

import re

from poller.ipp.message import Attributes
from poller.model import Printer
from poller.printers import identity, ipp_words
from poller.printers.ipp_values import first_text
from poller.printers.layout import is_hardware_address

_UUID = re.compile(r"(?:urn:)?(?:uuid:)?([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})", re.IGNORECASE)
_EPSON_SERIAL = re.compile(r"(?:3[0-9]|4[1-9a-f]|5[0-9a])+", re.IGNORECASE)  # 0-9 and A-Z as hexadecimal ASCII


def is_printer(attributes: Attributes) -> bool:
    """Say whether *attributes* are a device's own. A computer that shares its queues (CUPS) tells of other people's printers."""
    if "cups-version" in attributes:
        return False
    return any(first_text(attributes, name) for name in ("printer-make-and-model", "printer-device-id")) or any(
        attributes.get(name) for name in ("marker-names", "printer-supply")
    )


def describe(
    attributes: Attributes,
    *,
    address: str,
    range: str | None = None,  # noqa: A002
    location: str | None = None,
) -> Printer:
    """Return who the device at *address* is.

    IPP knows no enterprise number: the one in `serial:` is the brand's first. What the UUID tells counts only where there is no serial
    number: there is firmware that gives one UUID to many devices, and the network address in it may be another than SNMP's.
    """
    device_id = identity.read_device_id(first_text(attributes, "printer-device-id") or "")
    named, info = first_text(attributes, "printer-make-and-model"), first_text(attributes, "printer-info")
    brand = next(filter(None, map(identity.brand_of, (named or "", device_id.get("MFG", ""), info or ""))), None)
    manufacturer = brand.manufacturer if brand is not None else device_id.get("MFG")
    serial = _serial(attributes, device_id.get("SN"), manufacturer)
    uuid = _uuid(first_text(attributes, "printer-uuid")) if serial is None else None
    mac = _mac_in(uuid)
    identities = [] if serial is None else [f"serial:{ipp_words.ENTERPRISES.get(manufacturer or '', 0)}:{serial.upper()}"]
    identities += [] if mac is None else [f"mac:{mac}"]
    identities += [f"addr:{address}"]
    identities += [] if uuid is None else [f"uuid:{uuid}"]
    return Printer(
        id=identities[0],
        identities=tuple(identities),
        address=address,
        range=range,
        manufacturer=manufacturer,
        model=_model(named, device_id.get("MDL"), info if info and identity.brand_of(info) else None, manufacturer, serial),
        serial=serial,
        firmware=first_text(attributes, "printer-firmware-string-version"),
        location=location if location is not None else first_text(attributes, "printer-location"),
        mac=mac,
        via="ipp",
    )


def _model(named: str | None, in_device_id: str | None, info: str | None, manufacturer: str | None, serial: str | None) -> str | None:
    """Return the model without its brand. One without a digit is none on SNMP, where anything may stand; here it is what was asked for."""
    maker = f"{manufacturer} ".lower()
    if named is not None and named.lower().startswith(maker):
        named = named[len(maker) :]
    for text in (named, in_device_id, info):
        model = identity.clean_model(text, serial) if text else None
        if model is not None:
            return model
    return (named or in_device_id or "")[:64].strip() or None


def _serial(attributes: Attributes, in_device_id: str | None, manufacturer: str | None) -> str | None:
    for name in ("printer-serial-number", "device-serial-number"):
        serial = identity.read_serial(first_text(attributes, name))
        if serial is not None:
            return serial
    if in_device_id is not None and manufacturer == "Epson" and len(in_device_id) % 2 == 0 and _EPSON_SERIAL.fullmatch(in_device_id):
        in_device_id = bytes.fromhex(in_device_id).decode("ascii")  # as it is on the case, and in SNMP
    return identity.read_serial(in_device_id)


def _uuid(text: str | None) -> str | None:
    """Return a UUID (RFC 9562) as 32 lower-case hex digits; None for one that is filler."""
    found = _UUID.fullmatch(text or "")
    digits = "".join(found.groups()).lower() if found is not None else ""
    return digits if len(set(digits)) > 4 else None


def _mac_in(uuid: str | None) -> str | None:
    """Return the network address a UUID of version 1 is made of (RFC 9562 section 5.1); a random one has the group bit set."""
    if uuid is None or uuid[12] != "1" or not is_hardware_address(bytes.fromhex(uuid[20:])):
        return None
    return uuid[20:]
