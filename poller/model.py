"""Values that cross rooms: what is asked, and what a reading is.

One definition is type, JSON form, validation and wire. The JSON of a `Reading` is the project's public interface: it is what
`poller read --json` prints and what an upload carries. Nothing here is ever changed in place.
Rules that hold for every field: no sentinel is a number (a level of -3 is the *state* `some-remaining`), absent is null and
never zero, a `key` is unique within its printer and stable.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec


class Secret:
    """A text that is shown only by `reveal()`. Not a dataclass: `asdict()` would unwrap it into a config dump."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:  # str() and format() fall back to this
        return "<secret>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(("Secret", self._value))


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """A frozen value, fields by name only."""


# --- what to ask -------------------------------------------------------------------------------------------------------

SnmpVersion = Literal["1", "2c", "3"]
AuthProtocol = Literal["md5", "sha1", "sha224", "sha256", "sha384", "sha512"]
"""RFC 3414 section 6 and 7, RFC 7860."""
PrivProtocol = Literal["des", "aes128", "aes192", "aes256", "aes192c", "aes256c"]
"""RFC 3414 section 8, RFC 3826. The longer keys of AES: `c` extends them as Cisco does, without it as net-snmp does; see `snmp/usm.py`."""


class User(Value, frozen=True, kw_only=True):
    """A user of SNMPv3, RFC 3414. The security level follows from what is there; privacy needs authentication."""

    name: str
    auth: AuthProtocol | None = None
    auth_password: Secret | None = None
    priv: PrivProtocol | None = None
    priv_password: Secret | None = None

    def __post_init__(self) -> None:
        if (self.auth is None) != (self.auth_password is None) or (self.priv is None) != (self.priv_password is None):
            raise ValueError("a protocol and its passphrase come together")
        if self.priv is not None and self.auth is None:
            raise ValueError("privacy needs authentication")


class Credential(Value, frozen=True, kw_only=True):
    """What opens a device. `name` is what logs, metrics and URLs may say; the community is never shown.

    Versions 1 and 2c have a community; where it opens one context of several, it ends in `@context` (HP's "Jetdirect"). Version 3
    has a user, and `context` is the contextName (RFC 3411), most often the empty one.
    """

    name: str
    version: SnmpVersion
    community: Secret = Secret("")
    user: User | None = None
    context: str = ""

    def __post_init__(self) -> None:
        if (self.version == "3") != (self.user is not None):
            raise ValueError("version 3, and no other, has a user")


class Target(Value, frozen=True, kw_only=True):
    """Whom to ask and how.

    `address` is an IP address as text (RFC 5952 for IPv6); `range` the name of the `[[range]]` it came from; `pause_ms` how long the
    device is left alone before each question.
    """

    address: str
    port: int = 161
    credential: Credential
    range: str | None = None
    pause_ms: int = 0


# --- a reading ---------------------------------------------------------------------------------------------------------

State = Literal["ok", "low", "empty", "some-remaining", "unknown", "not-reported"]
Function = Literal["total", "print", "copy", "fax", "scan", "other"]
ColourMode = Literal["all", "mono", "colour", "single", "two"]
Size = Literal["all", "large"]
Sides = Literal["all", "duplex"]
CounterUnit = Literal["impressions", "sheets", "labels", "metres", "squareMetres", "millilitres", "hours"]
LargeCounted = Literal["once", "twice"]
Severity = Literal["other", "critical", "warning", "warningBinaryChangeEvent"]


class Printer(Value, frozen=True, kw_only=True):
    """Who the device is. `id` is chosen once; every later, better fact becomes another entry of `identities`."""

    id: str
    identities: tuple[str, ...]
    address: str
    range: str | None = None
    manufacturer: str | None = None
    model: str | None = None
    serial: str | None = None
    firmware: str | None = None
    hostname: str | None = None
    location: str | None = None
    mac: str | None = None
    """Twelve lower-case hex digits, no separators."""
    profile: str | None = None
    via: str
    """How it was read: `snmp-1`, `snmp-2c`, …"""


class Status(Value, frozen=True, kw_only=True):
    """`printer`: hrPrinterStatus label; `device`: hrDeviceStatus label; `errors`: hrPrinterDetectedErrorState names. RFC 2790."""

    printer: str | None = None
    device: str | None = None
    errors: tuple[str, ...] = ()


class Supply(Value, frozen=True, kw_only=True):
    """Anything consumed or filled; one row of prtMarkerSuppliesTable (RFC 3805), finSupplyTable (RFC 3806) or a vendor's.

    `ratio` is the usable share left, 0 to 1 (for a receptacle the free share), and null unless the device vouches for it.
    `units` and `capacity` are in `unit`, the label of PrtMarkerSuppliesSupplyUnitTC.
    """

    key: str
    index: str | None
    description: str | None = None
    kind: str = "unknown"
    colour: str | None = None
    part_number: str | None = None
    serial: str | None = None
    ratio: float | None = None
    state: State = "not-reported"
    units: int | None = None
    capacity: int | None = None
    unit: str | None = None
    is_receptacle: bool = False


class Counter(Value, frozen=True, kw_only=True):
    """What a device counts; one per (function, colour, size, sides, unit). `oid` says where it was read.

    `large`: how often a large sheet (A3, ledger) stands in this count of all sizes; null where it is not known, and for a count of large
    sheets alone. Whoever bills needs it, lest he adds large pages to a count that has them twice already.
    """

    function: Function
    colour: ColourMode = "all"
    size: Size = "all"
    sides: Sides = "all"
    count: int
    unit: CounterUnit = "impressions"
    label: str | None = None
    oid: str | None = None
    large: LargeCounted | None = None


class Tray(Value, frozen=True, kw_only=True):
    """One row of prtInputTable, RFC 3805. `units` and `capacity` are in `unit`, the label of PrtCapacityUnitTC."""

    key: str
    name: str | None = None
    ratio: float | None = None
    state: State = "not-reported"
    units: int | None = None
    capacity: int | None = None
    unit: str | None = None
    media: str | None = None


class Cover(Value, frozen=True, kw_only=True):
    """One row of prtCoverTable, RFC 3805; `open` is null where the device does not say."""

    key: str
    name: str | None = None
    open: bool | None = None


class Alert(Value, frozen=True, kw_only=True):
    """One row of prtAlertTable, RFC 3805. Its free text never leaves the agent. `since` needs prtAlertTime and sysUpTime."""

    key: str
    severity: Severity
    group: str | None = None
    code: int | None = None
    location: int | None = None
    since: datetime | None = None


class Reading(Value, frozen=True, kw_only=True, tag_field="type", tag="reading"):
    """The result of one poll. `taken_at` is UTC, to the millisecond."""

    schema: int = 1
    taken_at: datetime
    is_printer: bool = True
    printer: Printer
    status: Status = Status()
    supplies: tuple[Supply, ...] = ()
    counters: tuple[Counter, ...] = ()
    trays: tuple[Tray, ...] = ()
    covers: tuple[Cover, ...] = ()
    alerts: tuple[Alert, ...] = ()


class Decoded(Value, frozen=True, kw_only=True):
    """A reading and, beside it, what stays on the agent: shown by `poller read --explain`, never uploaded.

    `boot_utc` comes from sysUpTime (RFC 3418); `display` are the console lines, `alert_texts` prtAlertDescription by alert key.
    `by_ipp` are the keys of supplies, and of trays as `tray:…`, whose level IPP told where SNMP left it open (`printers/merge.py`).
    """

    reading: Reading
    boot_utc: datetime | None = None
    display: tuple[str, ...] = ()
    alert_texts: tuple[tuple[str, str], ...] = ()
    by_ipp: tuple[str, ...] = ()
