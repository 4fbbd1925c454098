"""Kinds of settings that only central has: addresses of mail, and where a webhook is. As those of `poller.config.kinds`."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from urllib.parse import urlsplit

from poller.config.proxies import HOST

ADDRESSES_MAX = 20
_ADDRESS_CHARACTERS_MAX = 254  # RFC 5321 section 4.5.3.1, as its errata count it
_LOCAL = r"[^\s\x00-\x20\x7f()<>\[\]:;@\\,.\"]+"
_LABEL = r"[^\W_](?:[\w-]{0,61}[^\W_])?"
_MAIL_ADDRESS = re.compile(rf"{_LOCAL}(?:\.{_LOCAL})*@{_LABEL}(?:\.{_LABEL})*")
_HOST = re.compile(rf"{HOST}|[0-9A-Fa-f:.]{{2,45}}")
_HOOK = re.compile(rf"https?://(?:{HOST}|\[[0-9A-Fa-f:.]{{2,45}}\])(?::[0-9]{{1,5}})?(?:/[!-\"$->@-~]*)?(?:\?[!-\"$-~]*)?")
_HOOK_CHARACTERS_MAX = 1000


class _Text(ABC):
    """A kind that is one text, in the file as in a variable."""

    wanted: str

    def from_toml(self, value: object) -> str:
        if not isinstance(value, str):
            raise ValueError(f"want {self.wanted}")
        return self.from_text(value)

    @abstractmethod
    def from_text(self, text: str) -> str: ...


@dataclass(frozen=True)
class HostText(_Text):
    """A host, by name or address."""

    wanted: str = "the name or the address of a host, without a port"

    def from_text(self, text: str) -> str:
        text = text.strip()
        if _HOST.fullmatch(text) is None:
            raise ValueError(f"want {self.wanted}, got {text[:60]!r}")
        return text


@dataclass(frozen=True)
class MailAddress(_Text):
    """A bare address of RFC 5321, or of RFC 6531 with letters of any language."""

    wanted: str = "a mail address such as toner@example.com, without a name"

    def from_text(self, text: str) -> str:
        text = text.strip()
        if not text.isprintable() or len(text.encode()) > _ADDRESS_CHARACTERS_MAX or _MAIL_ADDRESS.fullmatch(text) is None:
            raise ValueError(f"want {self.wanted}, got {text[:60]!r}")
        return text


@dataclass(frozen=True)
class MailAddresses:
    """Some of them. In an environment variable separated by commas."""

    wanted: str = f'a list of 1 to {ADDRESSES_MAX} mail addresses such as ["toner@example.com"]'

    def from_toml(self, value: object) -> tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value) or not 1 <= len(value) <= ADDRESSES_MAX:
            raise ValueError(f"want {self.wanted}")
        return tuple(dict.fromkeys(MailAddress().from_text(item) for item in value))

    def from_text(self, text: str) -> tuple[str, ...]:
        return self.from_toml([item for part in text.split(",") if (item := part.strip())])


@dataclass(frozen=True)
class HookAddress(_Text):
    """Where a webhook is: `http://` or `https://`, a path and a query if need be, never a user or a password."""

    wanted: str = 'an address such as "https://shop.example.com/hooks/toner"'

    def from_text(self, text: str) -> str:
        text = text.strip()
        if len(text) > _HOOK_CHARACTERS_MAX or _HOOK.fullmatch(text) is None or not _has_port(text):
            raise ValueError(f"want {self.wanted}")  # not what came instead: it may hold a password
        return text


def _has_port(address: str) -> bool:
    """Whether the port in *address* is one, where there is any."""
    try:
        return urlsplit(address).port != 0
    except ValueError:
        return False
