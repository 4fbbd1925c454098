"""An outbox in memory, and an agent's side of central, for tests of the courier."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from poller.config import Proxies, Received
from poller.errors import OutboxError
from poller.exposition import Sample
from poller.upload.client import CentralClient
from poller.upload.courier import Counts, Courier, Pace, Vitals
from poller.upload.identity import Papers
from tests.fake_clock import FakeClock

BATCHES_MAX = 4
NO_PROXY = Proxies(is_none=True)


class Batch(NamedTuple):
    number: int
    body: bytes
    lines: int
    created_utc: datetime
    attempts: int = 0


class MemoryOutbox:
    """What the outbox promises, without a disk. `is_full` is a disk that takes nothing."""

    def __init__(self, clock: FakeClock, *, lines_max: int = 500) -> None:
        self._clock, self._lines_max = clock, lines_max
        self.lines: list[bytes] = []
        self.waiting: list[Batch] = []
        self.refused: dict[int, str] = {}
        self.settled: list[int] = []
        self.troubles: list[str] = []
        self.is_full = False
        self._next = 1_795_154_400_000

    def put(self, *lines: bytes) -> None:
        self.lines += lines

    async def seal_next(self, seal: Callable[[int, Sequence[bytes]], bytes], /) -> Batch | None:
        if self.is_full:
            raise OutboxError("no room")
        if not self.lines or len(self.waiting) >= BATCHES_MAX:
            return None
        lines, self.lines = self.lines[: self._lines_max], self.lines[self._lines_max :]
        batch = Batch(self._next, seal(self._next, lines), len(lines), self._clock.utc())
        self._next += 1
        self.waiting.append(batch)
        return batch

    async def waiting_batches(self) -> Sequence[Batch]:
        return list(self.waiting)

    async def settle(self, number: int, /) -> None:
        self.settled.append(number)
        self.waiting = [one for one in self.waiting if one.number != number]

    async def quarantine(self, number: int, reason: str, /) -> None:
        self.refused[number] = reason
        self.waiting = [one for one in self.waiting if one.number != number]

    async def note_trouble(self, number: int, reason: str, /) -> None:
        if self.is_full:
            raise OutboxError("no room")
        self.troubles.append(reason)


class Site:
    """One agent in a folder: its clock, its outbox, and what it does with settings. `courier` anew is a restart."""

    def __init__(self, folder: Path, clock: FakeClock, *, lines_max: int = 500) -> None:
        self.papers, self.clock = Papers(folder / "central"), clock
        self.outbox = MemoryOutbox(clock, lines_max=lines_max)
        self.taken: list[Received] = []
        self.verdict: str | None = None
        self.fault: Exception | None = None

    def vitals(self) -> Vitals:
        return Vitals(printers=7, silent=1)

    def counts(self) -> Counts:
        return Counts(len(self.outbox.lines) + sum(one.lines for one in self.outbox.waiting), len(self.outbox.refused))

    def date(self, at: float, /) -> datetime | None:
        return self.clock.utc()

    async def take(self, received: Received, /) -> str | None:
        if self.fault is not None:
            raise self.fault
        if self.verdict is None:
            self.taken.append(received)
        return self.verdict

    def client(
        self, address: str, *, proxies: Proxies = NO_PROXY, ca_file: Path | None = None, total_seconds: float = 60.0
    ) -> CentralClient:
        return CentralClient(address, self.clock, proxies=proxies, ca_file=ca_file, total_seconds=total_seconds)

    def courier(self, client: CentralClient, *, token: str | None = None, version: int = 0, dice: float = 0.0) -> Courier:
        return Courier(
            client,
            self.papers,
            self.clock,
            self,
            outbox=self.outbox,
            pace=Pace(every_seconds=3600.0, heartbeat_seconds=900.0),
            token=token,
            site="hamburg",
            settings_version=version,
            dice=lambda: dice,
        )


def values(samples: Iterable[Sample]) -> dict[str, float]:
    """Return `{"poller_upload_failures_total tls": 1, …}`, zeros left out where there are labels."""
    found: dict[str, float] = {}
    for sample in samples:
        if sample.value or not sample.labels:
            found[" ".join((sample.metric.name, *sample.labels))] = sample.value
    return found
