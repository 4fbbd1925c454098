"""Readings that say of their device what the last one said: nothing but what it counts, and when it was seen, is new.

Nearly all are so. Who it is, where it stands and what it is called need not be worked out again then: what the agent sent of the printer
is compared byte by byte (by its hash) with what the device's home agent sent last, and one row is touched instead of read, joined and
written whole.

What is remembered is of this process alone, and holds as long as nobody else took batches of the account in meanwhile: a `Mark` is what
the cursor looked like afterwards. Only readings are remembered whose every name their device owned in the end, so that nothing is passed
over that two devices contend for.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from datetime import datetime
from hashlib import blake2b
from typing import NamedTuple

import msgspec

KNOWN_MAX = 200_000
"""Devices remembered, of all accounts together: some 100 MB. Of those that were not heard longest, by account, nothing is known then."""

Mark = tuple[datetime, int]
"""How far the cursor of an account is, and how many batches are noted beside it."""


class Known(msgspec.Struct):
    """A device as its home agent last told of it. `printer` is the id the agent gave it, as it is kept; `at_utc` moves on."""

    key: bytes
    device: str
    agent: str
    printer: str
    at_utc: datetime


class Glance(NamedTuple):
    """What a reading of a known device brings: when it was taken, and what the device counted, if it said so."""

    known: Known
    at_utc: datetime
    counts: dict[str, int]


class Account:
    """The known devices of one account, by what their agents send of them."""

    def __init__(self) -> None:
        self.mark: Mark | None = None
        self.by_key: dict[bytes, Known] = {}
        self._by_device: dict[str, Known] = {}

    def __len__(self) -> int:
        return len(self._by_device)

    def add(self, one: Known) -> None:
        self.forget((one.device,))
        self.by_key[one.key] = self._by_device[one.device] = one

    def forget(self, devices: Iterable[str]) -> None:
        for name in devices:
            if (gone := self._by_device.pop(name, None)) is not None:
                del self.by_key[gone.key]


class Memory:
    """What this process knows of every account."""

    def __init__(self) -> None:
        self._accounts: OrderedDict[str, Account] = OrderedDict()

    def take(self, account: str, mark: Mark) -> Account:
        """Take out what is known of an account, nothing if the cursor is not as it was left. It is put back once all is committed."""
        found = self._accounts.pop(account, None)
        return found if found is not None and found.mark == mark else Account()

    def put(self, account: str, known: Account, mark: Mark) -> None:
        known.mark = mark
        self._accounts[account] = known
        while sum(map(len, self._accounts.values())) > KNOWN_MAX:
            self._accounts.popitem(last=False)


def key_of(agent: str, site: str, printer: bytes) -> bytes:
    """Return the hash of what an agent of a site sent of a printer."""
    return blake2b(b"\0".join((agent.encode(), site.encode(), printer)), digest_size=16).digest()


def newest(glances: Iterable[Glance]) -> list[Glance]:
    """Return what is new of each device: the last time it was seen, with what it counted when it last said so."""
    found: dict[str, Glance] = {}
    for one in glances:
        before = found.get(one.known.device)
        if one.at_utc <= (one.known.at_utc if before is None else before.at_utc):
            continue
        counts = one.counts or ({} if before is None else before.counts)
        found[one.known.device] = one._replace(counts=counts)
    return list(found.values())
