"""What the value of a setting may be.

A value comes as TOML has it, or as the text of an environment variable. Either way it is read here, or refused with what was wanted.
Every kind says in `wanted` what it takes; faults and docs/settings.md quote it. A kind never repeats a secret.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import time
from difflib import get_close_matches
from ipaddress import ip_address
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit

from poller.config.proxies import HOST, Proxy, parse_proxy
from poller.model import Secret

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"([0-9]{1,12}) ?(ms|s|m|h|d)?")
_BYTES = {"kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_SIZE = re.compile(r"([0-9]{1,12}) ?(kB|MB|GB|TB)?")
_WHOLE_MAX = 10**12  # of what these two take; TOML's hexadecimal numbers have no end
_TIME_OF_DAY = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")
_WEB_ADDRESS = re.compile(
    rf"https?://(?:{HOST}|\[[0-9A-Fa-f:.]{{2,45}}\])(?::[0-9]{{1,5}})?(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]{{0,127}}){{0,4}}"
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SWITCH = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


class Kind(Protocol):
    """How a value is read. Both ways raise ValueError(what is wanted, and what came instead)."""

    @property
    def wanted(self) -> str: ...

    def from_toml(self, value: object) -> object: ...

    def from_text(self, text: str) -> object: ...


class Listen(NamedTuple):
    """Where a server listens; `host` is an address without brackets, or a name."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Text:
    """One line for people; also a metric label, so it is short and has no control characters."""

    length_max: int = 200

    @property
    def wanted(self) -> str:
        return f"a text of 1 to {self.length_max} characters on one line"

    def from_toml(self, value: object) -> str:
        if not isinstance(value, str):
            raise _refused(self, value)
        return self.from_text(value)

    def from_text(self, text: str) -> str:
        text = text.strip()
        if not 1 <= len(text) <= self.length_max or not text.isprintable():
            raise _refused(self, text)
        return text


@dataclass(frozen=True)
class Name:
    """What logs, metrics and the command line call a thing."""

    wanted: str = "a name of up to 64 letters, digits, '.', '_' and '-', beginning with a letter or digit"

    def from_toml(self, value: object) -> str:
        if not isinstance(value, str):
            raise _refused(self, value)
        return self.from_text(value)

    def from_text(self, text: str) -> str:
        if not _NAME.fullmatch(text):
            raise _refused(self, text)
        return text


@dataclass(frozen=True)
class Path:
    """The name of a file. Relative names start from the folder of the file they stand in."""

    wanted: str = "the name of a file"

    def from_toml(self, value: object) -> str:
        if not isinstance(value, str):
            raise _refused(self, value)
        return self.from_text(value)

    def from_text(self, text: str) -> str:
        if not text or "\0" in text or "\n" in text:
            raise _refused(self, text)
        return text


@dataclass(frozen=True)
class Folder:
    """The name of a folder, or none at all. Relative names as for Path."""

    wanted: str = 'the name of a folder, or "" for none (in a variable: none)'

    def from_toml(self, value: object) -> str:
        if not isinstance(value, str) or "\0" in value or "\n" in value:
            raise _refused(self, value)
        return value

    def from_text(self, text: str) -> str:
        return self.from_toml("" if text == "none" else text)  # an empty variable counts as not set


@dataclass(frozen=True)
class Whole:
    """A whole number, both bounds included."""

    low: int
    high: int

    @property
    def wanted(self) -> str:
        return f"a whole number {self.low} to {self.high}"

    def from_toml(self, value: object) -> int:
        if type(value) is not int or not self.low <= value <= self.high:  # bool is not a count
            raise _refused(self, value)
        return value

    def from_text(self, text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,15}", text):
            raise _refused(self, text)
        return self.from_toml(int(text))


@dataclass(frozen=True)
class Duration:
    """A length of time, read to seconds: `"15m"`, `"4h"`, `"500ms"`, or whole seconds as a number."""

    low: str
    high: str

    @property
    def wanted(self) -> str:
        return f'a duration "{self.low}" to "{self.high}" (units ms, s, m, h, d)'

    def from_toml(self, value: object) -> float:
        if not isinstance(value, str) and (type(value) is not int or abs(value) > _WHOLE_MAX):
            raise _refused(self, value)
        return self.from_text(str(value))

    def from_text(self, text: str) -> float:
        seconds = duration_seconds(text)
        low, high = duration_seconds(self.low), duration_seconds(self.high)
        if seconds is None or low is None or high is None or not low <= seconds <= high:
            raise _refused(self, text)
        return seconds


@dataclass(frozen=True)
class Size:
    """An amount of data, read to bytes: `"500MB"`, `"2GB"` (powers of ten), or whole bytes as a number."""

    low: str
    high: str

    @property
    def wanted(self) -> str:
        return f'a size "{self.low}" to "{self.high}" (units kB, MB, GB, TB)'

    def from_toml(self, value: object) -> int:
        if not isinstance(value, str) and (type(value) is not int or abs(value) > _WHOLE_MAX):
            raise _refused(self, value)
        return self.from_text(str(value))

    def from_text(self, text: str) -> int:
        size, low, high = size_bytes(text), size_bytes(self.low), size_bytes(self.high)
        if size is None or low is None or high is None or not low <= size <= high:
            raise _refused(self, text)
        return size


@dataclass(frozen=True)
class Switch:
    wanted: str = "true or false"

    def from_toml(self, value: object) -> bool:
        if not isinstance(value, bool):
            raise _refused(self, value)
        return value

    def from_text(self, text: str) -> bool:
        value = _SWITCH.get(text.lower())
        if value is None:
            raise _refused(self, text)
        return value


@dataclass(frozen=True)
class Choice:
    """One of a few words."""

    words: tuple[str, ...]

    @property
    def wanted(self) -> str:
        return " or ".join(f'"{word}"' for word in self.words)

    def from_toml(self, value: object) -> str:
        if not isinstance(value, str):
            raise _refused(self, value, hint=suggest(_shown(value), self.words))
        return self.from_text(value)

    def from_text(self, text: str) -> str:
        if text not in self.words:
            raise _refused(self, text, hint=suggest(text, self.words))
        return text


@dataclass(frozen=True)
class TimeOfDay:
    """Hours and minutes, in the time zone of this host."""

    wanted: str = 'a time of day such as "10:00"'

    def from_toml(self, value: object) -> time:
        if isinstance(value, time):  # TOML has a type for it
            return value
        if not isinstance(value, str):
            raise _refused(self, value)
        return self.from_text(value)

    def from_text(self, text: str) -> time:
        match = _TIME_OF_DAY.fullmatch(text)
        if match is None:
            raise _refused(self, text)
        return time(int(match[1]), int(match[2]))


@dataclass(frozen=True)
class Address:
    """host:port, an IPv6 address in brackets; where the setting allows it, `none`."""

    may_be_none: bool = False

    @property
    def wanted(self) -> str:
        return 'host:port, such as "0.0.0.0:9717", or "[::]:9717" for IPv6' + (', or "none"' if self.may_be_none else "")

    def from_toml(self, value: object) -> Listen | None:
        if not isinstance(value, str):
            raise _refused(self, value)
        return self.from_text(value)

    def from_text(self, text: str) -> Listen | None:
        if self.may_be_none and text == "none":
            return None
        match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9.-]{1,253})):([0-9]{1,5})", text)
        if match is None or int(match[3]) > 65535:
            hint = f'; did you mean "0.0.0.0:{text.lstrip(":")}"?' if re.fullmatch(r":?[0-9]{1,5}", text) else ""
            raise _refused(self, text, hint=hint)
        return Listen(match[1] or match[2], int(match[3]))


@dataclass(frozen=True)
class Texts:
    """A list. In an environment variable its items are separated by commas."""

    wanted: str = 'a list such as ["10.1.0.0/24", "10.2.0.5-20"]'

    def from_toml(self, value: object) -> tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise _refused(self, value)
        return tuple(value)

    def from_text(self, text: str) -> tuple[str, ...]:
        return tuple(item for part in text.split(",") if (item := part.strip()))


@dataclass(frozen=True)
class SecretText:
    """What opens a device: a community (an OCTET STRING, RFC 1901; sent as UTF-8) or a passphrase. Or what opens another door."""

    octets_min: int = 1
    octets_max: int = 255

    @property
    def wanted(self) -> str:
        return f"a text of {self.octets_min} to {self.octets_max} bytes on one line"

    def from_toml(self, value: object) -> Secret:
        if not isinstance(value, str):
            raise ValueError(f"want {self.wanted}")  # not what came instead
        return self.from_text(value)

    def from_text(self, text: str) -> Secret:
        if not text.isprintable() or not self.octets_min <= len(text.encode()) <= self.octets_max:
            raise ValueError(f"want {self.wanted}, without control characters")
        return Secret(text)


@dataclass(frozen=True)
class WebAddress:
    """Where a server is: `http://` or `https://`, a host, perhaps a port and a path; never a user or a password."""

    wanted: str = 'an address such as "https://central.example.com", perhaps with a port and a path'

    def from_toml(self, value: object) -> str:
        if not isinstance(value, str):
            raise _refused(self, value)
        return self.from_text(value)

    def from_text(self, text: str) -> str:
        text = text.strip().rstrip("/")
        if _WEB_ADDRESS.fullmatch(text) is None or not _has_numbers(text):
            raise ValueError(f"want {self.wanted}")  # not what came instead: it may hold a password
        return text


def _has_numbers(address: str) -> bool:
    """Whether the numbers in *address* are some: the port, and an IPv6 address in brackets."""
    try:
        parts = urlsplit(address)
        if "[" in parts.netloc:
            ip_address(parts.hostname or "")
        return parts.port != 0
    except ValueError:
        return False


@dataclass(frozen=True)
class ProxyAddress:
    """A proxy without a user, or `none`."""

    wanted: str = 'a proxy as "http://host:port", or "none"'

    def from_toml(self, value: object) -> Proxy | str:
        if not isinstance(value, str):
            raise _refused(self, value)
        return self.from_text(value)

    def from_text(self, text: str) -> Proxy | str:
        if text.strip() == "none":
            return "none"
        proxy = parse_proxy(text.strip())
        if proxy.user is not None:
            raise ValueError(f"want {self.wanted}; user and password are settings of their own, so that no log shows them")
        return proxy


@dataclass(frozen=True)
class Choices:
    """Some of a few words, or none of them. In an environment variable separated by commas; `none` is none of them."""

    words: tuple[str, ...]

    @property
    def wanted(self) -> str:
        return "a list of " + ", ".join(f'"{word}"' for word in self.words)

    def from_toml(self, value: object) -> tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise _refused(self, value)
        for item in value:
            if item not in self.words:
                raise _refused(self, item, hint=suggest(item, self.words))
        return tuple(dict.fromkeys(value))

    def from_text(self, text: str) -> tuple[str, ...]:
        return self.from_toml([] if text == "none" else [item for part in text.split(",") if (item := part.strip())])


def size_bytes(text: str) -> int | None:
    """Return the bytes *text* names (`"2GB"` is 2,000,000,000), or None when it is no size. Without a unit it counts bytes."""
    match = _SIZE.fullmatch(text)
    return None if match is None else int(match[1]) * (_BYTES[match[2]] if match[2] else 1)


def duration_seconds(text: str) -> float | None:
    """Return the seconds *text* names (`"15m"` is 900.0), or None when it is no duration. Without a unit it counts seconds."""
    match = _DURATION.fullmatch(text)
    return None if match is None else round(int(match[1]) * _SECONDS[match[2] or "s"], 3)


def duration_text(seconds: float) -> str:
    """Return the shortest text that names *seconds*: 900 is `15m`."""
    thousandths = round(seconds * 1000)
    for unit in ("d", "h", "m", "s", "ms"):
        size = round(_SECONDS[unit] * 1000)
        if thousandths % size == 0 and (thousandths or unit == "s"):
            return f"{thousandths // size}{unit}"
    raise AssertionError("every whole number of milliseconds has a unit")


def suggest(word: str, known: tuple[str, ...] | list[str]) -> str:
    """Return `; did you mean 'rate'?` for a near miss or a word cut short, else nothing."""
    cut_short = [one for one in known if len(word) > 1 and one.startswith(word)]
    near = cut_short[:1] or get_close_matches(word, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _refused(kind: Kind, value: object, *, hint: str = "") -> ValueError:
    return ValueError(f"want {kind.wanted}, got {_shown(value)}{hint}")


def _shown(value: object) -> str:
    """Name what came. Lists and tables by their type alone: they may be a credential in the wrong place."""
    match value:
        case str():
            return repr(value if len(value) <= 60 else value[:60] + "…")
        case bool():
            return "true" if value else "false"
        case int() if abs(value) > 1e300:  # TOML's hexadecimal numbers have no end, and Python turns none of thousands of digits into text
            return "a number far too large"
        case int() | float():
            return f"{value:g}" if abs(value) >= 1e15 else repr(value)
        case list():
            return "a list"
        case dict():
            return "a table"
        case _:
            return "a date or time"
