"""Who a device is, and whether it is a printer.

Devices introduce themselves in half a dozen places and hardly ever cleanly in any: sysDescr may be the network card's or the
administrator's, hrDeviceDescr carries serial number and firmware, the brand on the case is not the maker of the network board. So every
source is read for what it is good at, in a fixed order, and what cannot be a model or a serial number is not made one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from poller.model import Printer
from poller.printers import library, makers, mib
from poller.printers.charset import read_text
from poller.printers.layout import Layout, Shape, is_hardware_address, is_printer_type, place, profiles_of
from poller.printers.plan import sheet_of
from poller.printers.vendor import Claim, claims_of
from poller.snmp import ber
from poller.snmp.message import Missing, Value
from poller.snmp.oid import Oid, tail_arcs

_SYS_DESCR = (
    re.compile(r"(?P<model>.+?) version (?P<firmware>\S+) kernel "),  # Lexmark and those who sell its engines
    re.compile(r"(?P<model>[^;]+?)(?:;? OS|;) ?V?(?P<firmware>\d[\d.]+)[^;]*;\s*Engine.*?(?:S/N (?P<serial>[^;,\s]*).*)?$"),  # Samsung
    re.compile(
        r"(?P<model>[^;]+);.*?\b(?:System Software|System Firmware(?: Version)?|System|SS|ESS|Controller) ?V?(?P<firmware>\d[\w.]*)"
    ),  # Xerox, Fuji Xerox
    re.compile(r"(?P<model>[^;]+); ?OS ?V?(?P<firmware>\d[\d.]+)"),  # Xerox, solid ink and engines of Samsung
    re.compile(r"(?P<model>[^;]+);"),
    re.compile(r"(?P<model>.+?) (?P<firmware>\d+(?:\.\d+)+) / .* Network "),  # Ricoh and its brands
    re.compile(r"(?P<model>.+?),? +(?:Firmware )?Ver(?:sion)?[.:] ?(?P<firmware>[\w.]+)"),
    re.compile(r".*?Attached to (?P<model>.+?)(?: Rev\.? ?(?P<firmware>[\w.]+))?\s*(?::|\(C\)|$)"),  # OKI
    re.compile(r"(?P<model>.+?) /P$"),  # Canon
)
"""Forms of sysDescr that name the model in a place of their own; the first that fits counts."""

_LEXMARK_TAIL = re.compile(
    r" (?:(?P<serial>(?=[A-Z]*\d)[A-Z0-9]{7,}) )?(?P<firmware>[A-Z]{2,5}\d{0,3}\.[A-Z0-9]{2,5}\.[A-Z]?\d{3}(?:-\d+)?)$"
)
"""How hrDeviceDescr of Lexmark's engines ends, whoever sells them."""
_MARKS = re.compile(r"[®™]|\((?:R|TM)\)")
_SERIAL_IN_DESCR = re.compile(r"(?:\bSN:|\bS/N[: ])\s*([^,;\s]+)")
_MODEL_TAIL = re.compile(r"(?: (?:Color|Colour|Mono|Laser|Multifunction))*(?: (?:Printer|System))+$", re.IGNORECASE)
_MODEL_LETTERS_MAX = 64
_BARE_MODEL_LETTERS_MAX = 32
_SERIAL = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{2,62})")
_NO_SERIAL = re.compile(r"n/?a|none|null|unknown|undefined|default|not ?(?:set|available|specified)|\W+|(.)\1+", re.IGNORECASE)
_COUNTING = "01234567890123456789", "98765432109876543210"


class _Facts(NamedTuple):
    """What the steady values of a device say about it; addresses and the operator's settings come on top."""

    manufacturer: str | None
    model: str | None
    serial: str | None
    firmware: str | None
    hostname: str | None
    location: str | None
    mac: str | None
    enterprise: int


_IDENTITY = (
    mib.DESCRIPTION, mib.OBJECT_ID, mib.HOST_NAME, mib.LOCATION, mib.DEVICE_DESCRIPTION, mib.DEVICE_ID, mib.SERIAL_NUMBER, mib.IEEE_1284_ID,
    mib.INTERFACE_ADDRESS,
)  # fmt: skip


def is_printer(rows: Mapping[Oid, Value]) -> bool:
    """Say whether the device that gave *rows* is a printer; whatever rows there are, two or two hundred.

    Its own tables are proof. Without them the words and the number it goes by: a network scanner or a UPS of a printer maker is none.
    """
    object_id = _oid(rows.get(mib.OBJECT_ID.scalar))
    if any(oid.startswith(mib.PRINTER_MIB) for oid in rows):
        return True
    has_queue = any(oid.startswith(mib.PRINTER_ENTRY) for oid in rows) or any(
        is_printer_type(value) for oid, value in rows.items() if oid.startswith(mib.DEVICE_TYPE.oid)
    )
    if has_queue and not _is_computer(object_id):
        return True
    description = _text(rows.get(mib.DESCRIPTION.scalar)) or ""
    if makers.NOT_PRINTERS.search(description):
        return False
    family = _family(object_id)
    if family is not None and family.given_to != "either":
        return family.given_to == "printer"
    if not object_id and any(map(library.current().is_known, rows)):
        return True
    return _is_printer_text(description)


def describe(
    layout: Layout,
    moving: Sequence[Value | Missing],
    *,
    address: str,
    via: str,
    range: str | None = None,  # noqa: A002, the name it has in a reading
    location: str | None = None,
) -> Printer:
    """Return who the device at *address* is. *location* is what the operator configured; it wins over what the device says."""
    profiles = profiles_of(layout)
    claims: tuple[Claim, ...] = ()
    if profiles:
        claims = claims_of(profiles, dict(zip(layout.shape.steady, layout.steady, strict=True)), sheet_of(layout).charset)
    brand = profiles[0].sheet.manufacturer if profiles else None
    facts = _facts(tuple(layout.steady[at] if at is not None else None for at in _positions(layout.shape)), claims, brand)
    identities = []
    if facts.serial is not None:
        identities.append(f"serial:{facts.enterprise}:{facts.serial.upper()}")
    if facts.mac is not None:
        identities.append(f"mac:{facts.mac}")
    identities.append(f"addr:{address}")
    return Printer(
        id=identities[0],
        identities=tuple(identities),
        address=address,
        range=range,
        manufacturer=facts.manufacturer,
        model=facts.model,
        serial=facts.serial,
        firmware=facts.firmware,
        hostname=facts.hostname,
        location=location if location is not None else facts.location,
        mac=facts.mac,
        profile=profiles[0].name if profiles else None,
        via=via,
    )


def read_serial(text: str | None) -> str | None:
    """Return *text* as a serial number, or None where it is filler: blank, zeros, XXXX, 1234567890, one letter over and over."""
    if text is None or not _SERIAL.fullmatch(text) or _NO_SERIAL.fullmatch(text):
        return None
    plain = re.sub(r"\W", "", text)
    return None if len(plain) >= 5 and any(plain in row for row in _COUNTING) else text


@lru_cache(maxsize=4096)
def _positions(shape: Shape) -> tuple[int | None, ...]:
    """Return where in `steady` the values of `_IDENTITY` are."""
    found: dict[mib.Object, int] = {}
    for at, oid in enumerate(shape.steady):
        placed = place(oid)
        if placed is not None:
            found.setdefault(placed[0], at)
    return tuple(found.get(item) for item in _IDENTITY)


@lru_cache(maxsize=4096)
def _facts(values: tuple[Value | Missing | None, ...], claims: tuple[Claim, ...], brand: str | None) -> _Facts:
    """Return the facts in *values*, those of `_IDENTITY`, and in *claims*, what profiles say; *brand* is theirs, if no text has one."""

    def claimed(field: str, when: str) -> list[str]:
        return [claim.text for claim in claims if claim.field == field and claim.when == when]

    by_object = dict(zip(_IDENTITY, values, strict=True))
    description = _text(by_object[mib.DESCRIPTION]) or ""
    device = _text(by_object[mib.DEVICE_DESCRIPTION]) or ""
    ieee_1284 = read_device_id(_text(by_object[mib.IEEE_1284_ID]) or "")
    object_id, device_id = _oid(by_object[mib.OBJECT_ID]), _oid(by_object[mib.DEVICE_ID])
    form = next((found for pattern in _SYS_DESCR if (found := pattern.match(description))), None)
    named = form.groupdict() if form is not None else {}
    in_descr = _SERIAL_IN_DESCR.search(description)
    tail = _LEXMARK_TAIL.search(device)
    in_tail = tail.groupdict() if tail is not None else {}
    serials = (_text(by_object[mib.SERIAL_NUMBER]), in_descr and in_descr[1], ieee_1284.get("SN"))
    serial = next(
        filter(None, map(read_serial, (*claimed("serial", "before"), *serials, *claimed("serial", "after"), in_tail.get("serial")))), None
    )
    firmware = None if makers.NO_MODELS.search(named.get("model") or "") else named.get("firmware")
    model = next(filter(None, (_claimed_model(text, brand, serial) for text in claimed("model", "before"))), None)
    model = model or _model(description, named.get("model"), device, ieee_1284.get("MDL", ""), serial)
    model = model or next(filter(None, (_claimed_model(text, brand, serial) for text in claimed("model", "after"))), None)
    model = model or _unbranded(description, object_id)
    maker = _first(claimed("manufacturer", "before"))
    maker = maker or _manufacturer(description, device, ieee_1284.get("MFG", ""), object_id, device_id, brand)
    hardware = by_object[mib.INTERFACE_ADDRESS]
    octets = hardware[1] if isinstance(hardware, tuple) else b""
    return _Facts(
        manufacturer=maker or _first(claimed("manufacturer", "after")),
        model=model,
        serial=serial,
        firmware=_first(
            [
                *claimed("firmware", "before"),
                *filter(None, [firmware]),
                *claimed("firmware", "after"),
                *filter(None, [in_tail.get("firmware")]),
            ]
        ),
        hostname=_first([*claimed("hostname", "before"), *filter(None, [_text(by_object[mib.HOST_NAME])]), *claimed("hostname", "after")]),
        location=_text(by_object[mib.LOCATION]),
        mac=octets.hex() if is_hardware_address(octets) else None,
        enterprise=_enterprise(object_id) or _enterprise(device_id) or 0,
    )


def _claimed_model(text: str, brand: str | None, serial: str | None) -> str | None:
    """Return the model out of what a profile found; its brand may be one that `makers.py` does not know."""
    if brand is not None and text.lower().startswith(f"{brand.lower()} "):
        text = text[len(brand) + 1 :]
    return clean_model(text, serial)


def _first(texts: list[str]) -> str | None:
    return texts[0] if texts else None


def _manufacturer(description: str, device: str, ieee_1284: str, object_id: Oid, device_id: Oid, by_profile: str | None) -> str | None:
    """Return the brand the device calls itself, else the one its numbers belong to.

    A network card speaks for itself only: a Kyocera with an HP card has HP's sysDescr and Kyocera's sysObjectID.
    """
    own = [text for text in (description, device, ieee_1284) if not makers.NETWORK_CARDS.search(text)]
    for text in own:
        brand = brand_of(text)
        if brand is not None:
            return brand.manufacturer
    if by_profile is not None:
        return by_profile
    for number in (object_id, device_id):
        family = _family(number)
        if family is not None:
            return family.manufacturer
    brand = brand_of(description)
    return brand.manufacturer if brand is not None else None


def _model(description: str, named: str | None, device: str, ieee_1284: str, serial: str | None) -> str | None:
    """Return the model out of the source that says it most plainly.

    A known form of sysDescr, IEEE 1284, a branded hrDeviceDescr, a branded sysDescr, any hrDeviceDescr ("Generic 28C-1" on some), and last
    the product field of an HP card, where many an administrator has put a name.
    """
    in_form = named if named is not None and not makers.NO_MODELS.search(named) else None
    in_descr = description if not makers.NO_MODELS.search(description) else None
    in_card = description.rpartition(",PID:")[2] if ",PID:" in description else None
    for text in (in_form, ieee_1284, _branded(device), _branded(in_descr), device, _branded(in_card)):
        model = clean_model(text or "", serial)
        if model is not None:
            return model
    return None


def _branded(text: str | None) -> str | None:
    return text if text is not None and brand_of(text) is not None else None


def _unbranded(description: str, object_id: Oid) -> str | None:
    """Return a sysDescr that is nothing but a model ("Generic 36BW-9"), where the number beside it is given to printers only."""
    family = _family(object_id)
    if family is None or family.given_to != "printer" or len(description) > _BARE_MODEL_LETTERS_MAX:
        return None
    return clean_model(description, None) if not makers.NO_MODEL_TEXTS.search(description) else None


def clean_model(text: str, serial: str | None) -> str | None:
    """Return *text* without brand, serial number, firmware and filler; None where no model is left: one has a digit in it."""
    text = _LEXMARK_TAIL.sub("", text.partition(";")[0].strip())
    if makers.NO_MODELS.search(text):
        return None
    while (brand := brand_of(text)) is not None and (found := brand.name.match(text)) is not None and found.end():
        text = text[found.end() :]
    tokens = text.split(" ")
    if serial is not None:
        at = next((at for at, token in enumerate(tokens) if at and len(token) > 4 and serial.startswith(token)), len(tokens))
        tokens = tokens[:at]  # what follows the serial number is the firmware
    text = " ".join(_MARKS.sub(" ", " ".join(tokens)).split())
    text = _MODEL_TAIL.sub("", text).removesuffix(" /P").strip()
    if not any(letter.isdigit() for letter in text) or len(text) > _MODEL_LETTERS_MAX or makers.NO_MODELS.search(text):
        return None
    return text


def _is_printer_text(description: str) -> bool:
    """Say whether a sysDescr alone names a printer: a brand that makes nothing else, or a brand and one of its product lines."""
    brand = brand_of(description)
    while brand is not None:
        found = brand.name.match(description)
        behind = description[found.end() :] if found is not None else ""
        if brand.products is None or brand.products.match(behind):
            return True
        again = brand_of(behind)  # "Samsung Samsung CLX"
        brand, description = again if again is brand else None, behind
    return False


def brand_of(text: str) -> makers.Brand | None:
    return next((brand for brand in makers.BRANDS if brand.name.match(text)), None)


def _family(number: Oid) -> makers.Family | None:
    """Return the family of the longest prefix that fits."""
    fitting = [prefix for prefix in makers.FAMILIES if number.startswith(prefix)]
    return makers.FAMILIES[max(fitting, key=len)] if fitting else None


def _is_computer(number: Oid) -> bool:
    return number.startswith(makers.COMPUTERS)


def _enterprise(number: Oid) -> int | None:
    """Return the IANA enterprise number in *number*, if it is one of that tree."""
    if not number.startswith(mib.ENTERPRISES):
        return None
    return next(iter(tail_arcs(number[len(mib.ENTERPRISES) :])), None)


def read_device_id(text: str) -> dict[str, str]:
    """Return the fields of an IEEE 1284 device id, long names as their short ones."""
    short = {"MANUFACTURER": "MFG", "MODEL": "MDL", "SERN": "SN", "SER": "SN", "SERIALNUMBER": "SN"}
    fields: dict[str, str] = {}
    for field in text.split(";"):
        key, colon, value = field.partition(":")
        key = key.strip().upper()
        if colon and value.strip():
            fields.setdefault(short.get(key, key), value.strip())
    return fields


def _text(value: Value | Missing | None) -> str | None:
    return read_text(value[1]) if isinstance(value, tuple) and value[0] == ber.OCTET_STRING else None


def _oid(value: Value | Missing | None) -> Oid:
    """Return the object identifier in *value*; an empty one, which is below nothing, where there is none."""
    return Oid(value[1]) if isinstance(value, tuple) and value[0] == ber.OBJECT_IDENTIFIER else Oid(b"")
