"""The configuration as the rest of the program sees it: frozen, checked, every number with its unit, every secret shut.

What is asked of a room is one of these structs, never a table or a variable.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import time
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from poller import networks
from poller.config.kinds import Listen
from poller.config.proxies import Proxies
from poller.model import Credential, Secret
from poller.networks import HostName, Interval

Network = Interval | HostName

Shown = str | int | bool | None | list[str]
"""A value as people read it: durations as text, secrets hidden."""


class _Value(msgspec.Struct, frozen=True, kw_only=True):
    """A frozen value, fields by name only."""


class Site(_Value, frozen=True, kw_only=True):
    """`name` is empty where none is configured."""

    name: str


class Range(_Value, frozen=True, kw_only=True):
    """A part of the network and how it is asked.

    `exclude` has that of `[sweep]` in it. `credentials` are at most three, in the order to try at an unknown address.
    """

    name: str
    networks: tuple[Network, ...]
    exclude: tuple[Network, ...] = ()
    credentials: tuple[Credential, ...]
    port: int = 161
    rate_per_second: int
    location: str | None = None
    slow: bool = False
    ipp: bool = False
    every_seconds: float | None = None

    def count_addresses(self) -> int:
        """Return how many addresses a sweep asks; a host name counts as one."""
        return count_addresses(self.networks, self.exclude)

    def pass_seconds(self) -> float:
        """Return how long one pass over the range takes at its rate, answers and retries apart."""
        return self.count_addresses() / self.rate_per_second


class Sweep(_Value, frozen=True, kw_only=True):
    """Either `at` (daily, local time) or `every_seconds` is set, never both. What to ask is in the ranges."""

    at: time | None
    every_seconds: float | None
    on_start: bool
    search: bool
    rate_per_second: int
    retries: int
    timeout_seconds: float
    addresses_max: int


class Poll(_Value, frozen=True, kw_only=True):
    every_seconds: float
    busy_seconds: float
    wake_seconds: float
    gone_after_seconds: float
    timeout_seconds: float
    retries: int
    workers: int
    rows_max: int


class Traps(_Value, frozen=True, kw_only=True):
    """`listen` is None where nobody is to listen. `is_listen_given`: an operator named it, so that it has to work."""

    listen: Listen | None
    is_listen_given: bool
    credentials: tuple[Credential, ...]


class Printer(_Value, frozen=True, kw_only=True):
    """One printer with its own interval; `id` is any identity of it, or its address."""

    id: str
    every_seconds: float


class Profiles(_Value, frozen=True, kw_only=True):
    """`path` is a folder of further profiles, None where there is none."""

    path: Path | None
    experimental: bool


class Exporter(_Value, frozen=True, kw_only=True):
    """`web_config_file` has been read once, without a fault; whoever serves it reads it again."""

    listen: Listen
    web_config_file: Path | None = None
    stale_after_seconds: float
    forget_after_seconds: float


class State(_Value, frozen=True, kw_only=True):
    """`folder` is None where nothing is to be kept across restarts; otherwise both are set."""

    folder: Path | None
    key_file: Path | None


class Outbox(_Value, frozen=True, kw_only=True):
    """`folder` is None where nothing is to be kept for central; otherwise `key_file` is set too. A control copy is off without its time."""

    folder: Path | None
    key_file: Path | None
    limit_bytes: int
    keep_seconds: float
    control_copy_seconds: float | None

    @property
    def file(self) -> Path | None:
        return None if self.folder is None else self.folder / "outbox.db"


class Central(_Value, frozen=True, kw_only=True):
    """The way to the dealer's server. `address` is None where the token names it; `token` is one that can be read, or None.

    `accept` has the words of what its settings may change: intervals, exclusions, ranges, credentials, masks. `wish` says what shows that
    uploading is wanted, where there is no token for it.
    """

    token: Secret | None = None
    wish: str | None = None
    address: str | None = None
    ca_file: Path | None = None
    proxies: Proxies = Proxies()
    accept: frozenset[str] = frozenset()
    every_seconds: float = 3600.0
    heartbeat_seconds: float = 900.0


class Privacy(_Value, frozen=True, kw_only=True):
    """`mask` are the facts left out; `resolution` says how often what is counted moves."""

    mask: tuple[Literal["hostname", "location", "address", "mac"], ...] = ()
    resolution: Literal["full", "day"] = "full"


class Update(_Value, frozen=True, kw_only=True):
    """`key` is the line of a public key, checked. Nobody is asked without it, nor where there is neither `url` nor a central."""

    enabled: bool = True
    url: str | None = None
    key: str | None = None


class Accounting(_Value, frozen=True, kw_only=True):
    """`folder` is None where none is watched; `database` where there is nowhere to keep jobs, never with a folder."""

    folder: Path | None = None
    every_seconds: float = 60.0
    files: tuple[str, ...] = ()
    dialect: str = "docusp-canonical"
    database: Path | None = None
    names: Literal["hash", "drop", "keep"] = "hash"
    upload: bool = True


class Log(_Value, frozen=True, kw_only=True):
    level: Literal["debug", "info", "warning", "error"]
    format: Literal["logfmt", "json"]


class Origin(NamedTuple):
    """One setting in effect, for people: its value and the file or variable it came from, or `default`."""

    setting: str
    value: Shown
    origin: str


class Config(_Value, frozen=True, kw_only=True):
    """Everything an operator decided. `warnings` are sentences for the log: it runs, but not as they may think."""

    site: Site
    ranges: tuple[Range, ...]
    allowed: tuple[Interval, ...] | None = None
    """`[sweep] allowed`: outside of it nobody is asked; None where there is no such limit."""
    sweep: Sweep
    poll: Poll
    printers: tuple[Printer, ...] = ()
    traps: Traps
    profiles: Profiles
    exporter: Exporter
    state: State
    outbox: Outbox
    central: Central = Central()
    privacy: Privacy = Privacy()
    update: Update = Update()
    accounting: Accounting = Accounting()
    log: Log
    credentials: tuple[Credential, ...]
    warnings: tuple[str, ...] = ()
    origins: tuple[Origin, ...] = ()

    def redacted(self) -> dict[str, dict[str, Shown]]:
        """Return `{"sweep.rate": {"value": 300, "from": "default"}, …}`, secrets hidden."""
        return {origin.setting: {"value": origin.value, "from": origin.origin} for origin in self.origins}


def count_addresses(included: Iterable[Network], exclude: Iterable[Network] = ()) -> int:
    """Return how many addresses are in *included* and not in *exclude*; a host name counts as one."""
    included, exclude = tuple(included), tuple(exclude)
    names = {item for item in included if isinstance(item, HostName)} - {item for item in exclude if isinstance(item, HostName)}
    return sum(interval.size for interval in networks.subtract(intervals(included), intervals(exclude))) + len(names)


def ipp_intervals(ranges: Iterable[Range]) -> tuple[Interval, ...]:
    """Return the addresses that may be asked by IPP; host names are not among them until someone has resolved them."""
    asked = (part for one in ranges if one.ipp for part in networks.subtract(intervals(one.networks), intervals(one.exclude)))
    return networks.merge(asked)


def intervals(items: Iterable[Network]) -> list[Interval]:
    return [item for item in items if isinstance(item, Interval)]
