"""Takes what is personal out of a recording, so that it may leave the house: `poller record --scrub`.

Names, places, serial numbers, addresses and communities give way to invented ones of the same length and shape. The same value becomes the
same invention everywhere in one recording, and digits, letters and separators stay where they were, so that whatever read the device before
reads it after. What no reader of printers needs and what is full of other people's addresses (routes, connections, neighbours, SNMP's own
users) is left out whole.

Inventions come from a keyed hash whose key is made for the occasion and forgotten: nobody can search back from them.
Trap: no rule knows every place a name can be typed into. Texts of the display and of alerts keep only words that devices use, and what
comes out should still be looked at before it is published.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256

from poller.snmp import ber
from poller.snmp.oid import Oid
from poller.snmp.oid import parse as oid
from poller.snmp.snmprec import Row

_MIB, _PRINTER_MIB, _ENTERPRISES = "1.3.6.1.2.1", "1.3.6.1.2.1.43", "1.3.6.1.4.1"


def _below(root: str, tails: str) -> tuple[Oid, ...]:
    return tuple(oid(f"{root}.{tail}") for tail in tails.split())


_LEFT_OUT = (
    *_below(_MIB, "3 4 5 6 7 16 17 55"),  # address translation, ip, icmp, tcp, udp, RMON, bridge, IPv6
    *_below(_MIB, "25.4 25.5 25.6"),  # what runs and what is installed, with its arguments
    *_below("1.0", "8802"),  # LLDP: neighbours
    *_below("1.3.6.1", "6"),  # SNMP's own communities, users and targets
)

# Nothing but what a person typed: replaced whole.
_TYPED = (
    *_below(_MIB, "1.4 1.5 1.6"),  # sysContact, sysName, sysLocation
    *_below(_MIB, "31.1.1.1.18 25.1.4 25.3.8.1.3"),  # ifAlias, hrSystemInitialLoadParameters, hrFSRemoteMountPoint
    *_below(_PRINTER_MIB, "5.1.1.4 5.1.1.5"),  # prtGeneralCurrentOperator, prtGeneralServicePerson
    *_below(_ENTERPRISES, "2699.1.2.1.2.1.1.7"),  # ppmPrinterSnmpCommunityName
    *_below(_ENTERPRISES, "11.2.3.9.4.2.1.1.3.11 11.2.3.9.4.2.1.1.3.12 11.2.4.3.5.44"),  # HP: location, asset number, host name
    *_below(_ENTERPRISES, "253.8.53.3.2.1.14 253.8.53.3.2.1.15"),  # Xerox: asset tags
    *_below(_ENTERPRISES, "367.3.2.1.6.1.1.7 1347.40.10.1.1.5 2435.2.4.3.1240.1.1 10642.1.4"),  # Ricoh, Kyocera, Brother, Zebra: host name
)
# Typed by a person on some devices, the model's name on others: replaced unless the device describes itself by it.
_MAYBE_TYPED = (*_below(_PRINTER_MIB, "5.1.1.16"), *_below(_ENTERPRISES, "2699.1.2.1.2.1.1.2"))  # prtGeneralPrinterName, ppmPrinterName
_DESCRIBING = _below(_MIB, "1.1 25.3.2.1.3")  # sysDescr, hrDeviceDescr

_SERIALS = (
    *_below(_PRINTER_MIB, "5.1.1.17 8.2.1.17 9.2.1.11"),  # prtGeneralSerialNumber, prtInputSerialNumber, prtOutputSerialNumber
    *_below(_MIB, "47.1.1.1.1.11"),  # entPhysicalSerialNum
    *_below(
        _ENTERPRISES, "11.2.3.9.4.2.1.1.3.3 1602.1.2.1.4 1602.1.2.1.8.1.3 1347.43.5.1.1.28 367.3.2.1.2.1.4"
    ),  # HP, Canon, Kyocera, Ricoh
    *_below(_ENTERPRISES, "253.8.53.3.2.1.3 641.2.1.2.1.6 641.6.2.3.1.5 674.10898.100.2.1.2.1.6"),  # Xerox, Lexmark, Dell
    *_below(_ENTERPRISES, "1129.1.2.1.1.1.1.1 1248.1.2.2.1.1.1.5 2001.1.1.1.1.11.1.10.45 236.11.5.1.1.1.4"),  # Toshiba, Epson, OKI, Samsung
    *_below(_ENTERPRISES, "2435.2.3.9.4.2.1.5.5.1 40093.1.1.1.5 40093.6.1.2 40093.10.1.1.4"),  # Brother, Pantum
    *_below(_ENTERPRISES, "10642.1.9 10642.200.19.5 683.1.5 318.1.1.1.1.2.3"),  # Zebra, APC
)
_PHYSICAL_ADDRESS = oid(_MIB + ".2.2.1.6")
_CHANNEL_INFORMATION = oid(_PRINTER_MIB + ".14.1.1.9")
_FREE_TEXTS = _below(_PRINTER_MIB, "16.5.1.2 18.1.1.8")  # prtConsoleDisplayBufferText, prtAlertDescription
# Where a device's own words stand: supplies, trays, outputs, covers, finisher supplies.
_DEVICE_TEXTS = (*_DESCRIBING, *_below(_PRINTER_MIB, "11.1.1.6 8.2.1.13 9.2.1.7 6.1.1.2 31.1.1.5 30.1.1.10 12.1.1.4"))

_DEVICE_WORDS = frozenset(
    "abdeckung add almost an and auffüllen bereit black busy bypass call cartridge cassette change check clear close closed cold "
    "copy cover cyan data door druckt drum dry duplex empty end energy error expired feed finisher full fuse fuser geöffnet idle "
    "in ink install intervention is jam job kassette leer letter life load low machine magenta maintenance manual media memory "
    "mode near needed no not of off offline ok on online open order out output paper papier paused please power press print "
    "printer printing processing pronto ready remaining remove reorder replace required reset roller save saver saving scan "
    "scanner schließen select service services shutter sleep sleeping soon standby staple stapler staples status supplies supply "
    "system the to toner top transfer tray unit up used user voll waiting wake warm warming warning waste wenig when will yellow".split()
)

_SERIAL_FIELD = re.compile(
    r"(?i)(?<![a-z0-9])(?:s/?n|sern|serial(?: ?(?:number|num|no\.?))?)[ \t]*[:=#]?[ \t]*"
    r"((?=(?:[^;,\s]{0,31}?\d){3})[a-z0-9][a-z0-9-]{4,31})"
)
_MAC_TEXT = re.compile(r"(?i)(?<![0-9a-z:-])[0-9a-f]{2}(?:([:-])[0-9a-f]{2})(?:\1[0-9a-f]{2}){4}(?![0-9a-z:-])")
_MAIL = re.compile(r"(?i)(?<![a-z0-9._%+-])[a-z0-9._%+-]+@[a-z0-9-]+(?:\.[a-z0-9-]+)*")
_HOST = re.compile(
    r"(?i)(?<![\w.@-])(?:[a-z0-9][a-z0-9-]*\.)+(?:com|net|org|local|lan|intern|internal|corp|home|arpa|gov|edu|info|biz|eu|de|at|ch|fr|uk|nl"
    r"|be|it|es|pl|cz|dk|se|no|fi|us|ca|jp|cn|kr|au|br|in)(?![\w-])"
)
_PHONE = re.compile(
    r"(?<![\w.+/-])(?!\d\d[/-]\d\d[/-]\d{2,4}(?!\d))"  # not a date
    r"(?:\+\d{1,3}|\(0\d{1,5}\)|0\d{1,5}(?=[ /(-]))[ /()-]{0,3}(?:\d[ /()-]{0,2}){5,12}\d(?!\w)"
)
_IPV4 = re.compile(r"(?<![\w.])(?:(?:0|[1-9]\d?|1\d\d|2[0-4]\d|25[0-5])(?:\.(?!$)|(?![\w.]))){4}")
_IPV6 = re.compile(r"(?i)(?<![\w:])(?=[0-9a-f:]*::|(?:[0-9a-f]{1,4}:){7})[0-9a-f:]{4,39}(?![\w:])")
_VERSION_BEFORE = re.compile(r"(?i)(?:ver(?:sion)?|rev(?:ision)?|firmware|fw|rom|release|eeprom|level|v|os|ss|ps|ess|net|nc|ui)[ .:=_]*$")
_CHANNEL_VALUE = re.compile(r"(?<==)[^\r\n;,]*[A-Za-z\x80-\xff][^\r\n;,]*")
_WORD = re.compile(r"[A-Za-z\x80-\xff]+")

_NAME_LENGTH_MIN = 5  # shorter ones occur in other texts by chance


def scrub(rows: Iterable[Row], *, key: bytes | None = None) -> list[Row]:
    """Return *rows* without what is personal. *key* is for tests; without it nobody can repeat the inventions."""
    kept = [row for row in rows if not row[0].startswith(_LEFT_OUT)]
    return list(_Scrubber(kept, key or secrets.token_bytes(32)).rows())


class _Scrubber:
    """Texts are handled as Latin-1: one character an octet, whatever charset the device means, so that lengths stay."""

    def __init__(self, rows: list[Row], key: bytes) -> None:
        self._rows, self._key = rows, key
        self._texts = {at: content.decode("latin-1") for at, (tag, content) in rows if tag == ber.OCTET_STRING}
        self._described = " ".join(text for at, text in self._texts.items() if at.startswith(_DESCRIBING)).lower()
        self._words = _DEVICE_WORDS | {
            word.lower() for at, text in self._texts.items() if at.startswith(_DEVICE_TEXTS) for word in _WORD.findall(text)
        }
        self._swaps = self._learn()
        learned = sorted(self._swaps, key=len, reverse=True)
        self._learned = re.compile("|".join(map(re.escape, learned)) or r"(?!)")
        names = sorted((name for name in self._learn_names() if name not in self._swaps), key=len, reverse=True)
        self._names = re.compile(rf"(?<![0-9A-Za-z])(?:{'|'.join(map(re.escape, names))})(?![0-9A-Za-z])" if names else r"(?!)")

    def rows(self) -> Iterator[Row]:
        for at, (tag, content) in self._rows:
            if tag == ber.OCTET_STRING:
                content = self._scrub_text(at, self._texts[at]).encode("latin-1")
            elif tag == ber.IP_ADDRESS and len(content) == 4:
                content = bytes(map(int, self._invent_ipv4(".".join(map(str, content))).split(".")))
            yield at, (tag, content)

    # --- what the recording itself says is personal

    def _learn(self) -> dict[str, str]:
        """Return serial numbers and MAC addresses (but those with separators, which are found anyway), with what stands there instead."""
        swaps: dict[str, str] = {}
        for at, text in self._texts.items():
            serials = [text.strip("\0 \t\x01\x15")] if at.startswith(_SERIALS) else []
            for serial in (*serials, *_SERIAL_FIELD.findall(text)):
                if len(serial) >= _NAME_LENGTH_MIN and len(set(serial)) > 2:  # 00000 and XXXXX are nobody's
                    swaps[serial] = self._invent(serial)
            if at.startswith(_PHYSICAL_ADDRESS) and len(text) == 6 and len(set(text)) > 1:
                swaps.update(self._mac_spellings(text.encode("latin-1")))
        return swaps

    def _mac_spellings(self, mac: bytes) -> Iterator[tuple[str, str]]:
        own = self._invent_mac(mac)
        yield mac.decode("latin-1"), own.decode("latin-1")
        yield mac.hex(), own.hex()
        yield mac.hex().upper(), own.hex().upper()
        if len(set(mac[3:])) == 3:  # makers build host names from the last three octets
            yield mac[3:].hex().upper(), own[3:].hex().upper()

    def _learn_names(self) -> Iterator[str]:
        """Yield what a person typed, to be found in other texts too; not what the maker calls the device."""
        for at, text in self._texts.items():
            name = text.strip("\0 ")
            if at.startswith(_TYPED) and len(name) >= _NAME_LENGTH_MIN and name.lower() not in self._described:
                yield name

    # --- one text

    def _scrub_text(self, at: Oid, text: str) -> str:
        if at.startswith(_TYPED) or (at.startswith(_MAYBE_TYPED) and not self._is_described(text)):
            return self._swaps.get(text) or self._invent(text)
        text = self._learned.sub(lambda found: self._swaps[found[0]], text)
        text = self._names.sub(self._invent_found, text)
        if at.startswith(_FREE_TEXTS):
            text = _WORD.sub(
                lambda found: found[0] if len(found[0]) == 1 or found[0].lower() in self._words else self._invent(found[0]), text
            )
        if at.startswith(_CHANNEL_INFORMATION):
            text = _CHANNEL_VALUE.sub(self._invent_found, text)
        for pattern, invent in self._patterns():
            text = pattern.sub(invent, text)
        return text

    def _patterns(self) -> Iterator[tuple[re.Pattern[str], Callable[[re.Match[str]], str]]]:
        yield _MAIL, self._invent_found
        yield _MAC_TEXT, self._invent_mac_found
        yield _IPV4, self._invent_ipv4_found
        yield _IPV6, lambda found: self._invent_hex(found[0])
        yield _HOST, self._invent_found
        yield _PHONE, self._invent_found

    def _is_described(self, text: str) -> bool:
        """Say whether the device's own description has this name, or the word in it that has digits, as models do."""
        words = text.strip("\0 ").lower().split()
        described = self._described.replace(" ", "")
        return "".join(words) in described or any(word in described for word in words if re.search(r"\d", word))

    # --- inventions

    def _digest(self, text: str) -> Iterator[int]:
        block = b""
        while True:
            block = hmac.new(self._key, block + text.lower().encode(), sha256).digest()
            yield from block

    def _invent(self, text: str) -> str:
        """Return *text* with every letter and digit another one of its kind; octets beyond ASCII become small letters."""
        out = []
        for char, octet in zip(text, self._digest(text), strict=False):
            if "0" <= char <= "9":
                out.append(chr(0x30 + octet % 10))
            elif char.isascii() and char.isalpha():
                out.append(chr((0x41 if char.isupper() else 0x61) + octet % 26))
            else:
                out.append(char if char < "\x80" else chr(0x61 + octet % 26))
        return "".join(out)

    def _invent_found(self, found: re.Match[str]) -> str:
        return self._invent(found[0])

    def _invent_hex(self, text: str) -> str:
        digits = zip(text, self._digest(text), strict=False)
        return "".join(f"{octet % 16:x}" if char != ":" else char for char, octet in digits)

    def _invent_mac(self, mac: bytes) -> bytes:
        digest = self._digest(mac.hex())
        return bytes((0x02, *(next(digest) for _ in range(5))))  # locally administered

    def _invent_mac_found(self, found: re.Match[str]) -> str:
        own = self._invent_mac(bytes.fromhex(found[0].replace(found[1], ""))).hex(found[1])
        return own.upper() if found[0].upper() == found[0] else own

    def _invent_ipv4_found(self, found: re.Match[str]) -> str:
        """A firmware version looks just like an address; the word before it tells."""
        return found[0] if _VERSION_BEFORE.search(found.string[max(0, found.start() - 16) : found.start()]) else self._invent_ipv4(found[0])

    def _invent_ipv4(self, text: str) -> str:
        """Return an address whose octets have as many digits; masks, loopback and nothing at all are nobody's."""
        octets = text.split(".")
        if octets[0] in ("0", "127", "255"):
            return text
        digest = self._digest(text)
        ranges = {1: (1, 9), 2: (10, 99), 3: (100, 223)}
        return ".".join(str(low + next(digest) % (high - low + 1)) for low, high in (ranges[len(octet)] for octet in octets))
