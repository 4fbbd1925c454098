"""The past once more: readings by their own time, through the code that decides in earnest, with a clock made of readings.

Readings may come a little out of order and twice: a window of some thousand is sorted, doubles are dropped. Between two readings the
clock goes on in steps of four hours, as `poller central serve` looks when nothing arrives. Memory is a window, and a few kilobytes for
each printer.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec

from poller.central.supplies import watch
from poller.central.supplies.replay_settings import Settings
from poller.central.supplies.watched import Account, Decision, Desk, Watched
from poller.central.supplies.yields import Yields
from poller.model import Reading

WINDOW = 5000
LINE_BYTES_MAX = 1 << 20
LOOK_SECONDS = 4 * 3600
JUMP_DAYS_MAX = 366
"""Over a longer jump no time passes: it is a clock set wrong, or another file, and nothing that was due in between is decided."""
_TEXT_MAX = 200
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_PACKED = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"PK\x03\x04": "zip", b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz"}
"""The first bytes of a file that was packed: nothing in it is a line."""
_EARLIEST, _LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


class SiteReading(Reading, frozen=True, kw_only=True, tag_field="type", tag="reading"):
    """A reading and whose it is: what a dealer's export has beside design's reading."""

    account: str = ""
    site: str = ""


class _Other(msgspec.Struct, frozen=True):
    type: str


class Tally(msgspec.Struct):
    """What became of the lines: `other` are well-formed lines that are no printer's reading, `late` readings beyond the window."""

    readings: int = 0
    bad: int = 0
    double: int = 0
    late: int = 0
    other: int = 0


class BadLine(NamedTuple):
    """A line that cannot be used: its number, from 1, and why."""

    number: int
    reason: str


_decode = msgspec.json.Decoder(SiteReading).decode
_decode_other = msgspec.json.Decoder(_Other).decode


def read_line(line: bytes) -> SiteReading | None:
    """Return the reading in *line*; None for a line of another type, or of a device that is no printer. Raises ValueError(why not)."""
    if len(line) > LINE_BYTES_MAX:
        raise ValueError(f"longer than {LINE_BYTES_MAX} bytes")
    try:
        reading = _decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        try:
            if _decode_other(line).type != "reading":
                return None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass
        raise ValueError(str(error)) from error
    if reading.schema != 1:
        raise ValueError(f"schema {reading.schema}: this version reads 1")
    if reading.taken_at.tzinfo is None or not _EARLIEST <= reading.taken_at < _LATEST:
        raise ValueError("taken_at: want a time with its zone, between 2000 and 2200")
    if not reading.is_printer:
        return None
    if not 0 < len(reading.printer.id) <= _TEXT_MAX or len(reading.account) > _TEXT_MAX or len(reading.site) > _TEXT_MAX:
        raise ValueError(f"printer.id, account, site: want at most {_TEXT_MAX} characters, and an id that is not empty")
    return reading


def packed_by(line: bytes) -> str | None:
    """Return what a file that begins with *line* was packed by; None if it was not."""
    return next((name for first, name in _PACKED.items() if line.startswith(first)), None)


class Replay:
    """Feeds readings to the watch and gives back its decisions."""

    def __init__(self, settings: Settings, *, window: int = WINDOW) -> None:
        self.tally = Tally()
        self._settings = settings
        self._window = window
        self._yields = Yields()
        self._taken_at: datetime | None = None
        self._accounts: dict[str, Account] = {}
        self._desks: dict[tuple[str, str], Desk] = {}
        self._printers: dict[tuple[str, str], Watched] = {}
        self._at_site: dict[tuple[str, str], dict[tuple[str, str], None]] = {}
        self._looks: list[tuple[datetime, tuple[str, str]]] = []
        self._look_of: dict[tuple[str, str], datetime] = {}

    def run(self, lines: Iterable[bytes]) -> Iterator[Decision | BadLine]:
        """Yield the decisions in their order, and among them each line that cannot be used."""
        waiting: list[tuple[datetime, int, SiteReading]] = []
        for number, line in enumerate(lines, 1):
            if number == 1:
                if (packed := packed_by(line)) is not None:
                    self.tally.bad += 1
                    yield BadLine(number, f"packed by {packed}: unpack it, and give the lines on standard input (--readings -)")
                    return
                line = line.removeprefix(_BYTE_ORDER_MARK)
            if not line.strip():
                continue
            try:
                reading = read_line(line)
            except ValueError as error:
                self.tally.bad += 1
                yield BadLine(number, str(error))
                continue
            if reading is None:
                self.tally.other += 1
            elif len(waiting) < self._window:
                heapq.heappush(waiting, (reading.taken_at.astimezone(UTC), number, reading))
            else:
                yield from self._take(heapq.heappushpop(waiting, (reading.taken_at.astimezone(UTC), number, reading))[2])
        while waiting:
            yield from self._take(heapq.heappop(waiting)[2])

    def _take(self, reading: SiteReading) -> Iterator[Decision]:
        key = (reading.account, reading.printer.id)
        watched = self._printers.get(key)
        if watched is None:
            watched = self._printers[key] = Watched(reading.account, reading.site, reading.printer.id)
        elif watched.taken_at is not None and reading.taken_at <= watched.taken_at:
            if reading.taken_at == watched.taken_at:
                self.tally.double += 1
            else:
                self.tally.late += 1
            return
        yield from self._look_until(reading.taken_at)
        self.tally.readings += 1
        if watched.site != reading.site:
            self._at_site.get((watched.account, watched.site), {}).pop(key, None)
            watched.site = reading.site
        self._at_site.setdefault((reading.account, reading.site), {})[key] = None
        yield from self._with_bundle(key, watch.take(watched, reading, self._desk(watched)), reading.taken_at)
        self._note_look(key, watched)

    def _look_until(self, now_utc: datetime) -> Iterator[Decision]:
        """Let the time between two readings pass."""
        if self._taken_at is not None and now_utc - self._taken_at > timedelta(days=JUMP_DAYS_MAX):
            self._looks, self._look_of = [], {}
        self._taken_at = now_utc
        while self._looks and self._looks[0][0] <= now_utc:
            at, key = heapq.heappop(self._looks)
            if self._look_of.get(key) != at:
                continue  # made anew since
            del self._look_of[key]
            watched = self._printers[key]
            yield from self._with_bundle(key, watch.look(watched, at, self._desk(watched)), at)
            self._note_look(key, watched)

    def _with_bundle(self, key: tuple[str, str], decisions: list[Decision], at: datetime) -> Iterator[Decision]:
        """Yield *decisions*; with a request among them, also what else falls due at its site within `bundle_days`."""
        yield from decisions
        watched = self._printers[key]
        desk = self._desk(watched)
        if desk.policy.bundle_days <= 0 or not any(decision.event == "request" for decision in decisions):
            return
        for other_key in list(self._at_site.get((watched.account, watched.site), ())):
            other = self._printers[other_key]
            yield from watch.falls_due(other, at, desk.policy.bundle_days, desk)
            self._note_look(other_key, other)

    def _note_look(self, key: tuple[str, str], watched: Watched) -> None:
        due = watched.next_look()
        if due is None:
            self._look_of.pop(key, None)
            return
        seconds = -(-due.timestamp() // LOOK_SECONDS) * LOOK_SECONDS
        at = datetime.fromtimestamp(seconds, UTC)
        if self._look_of.get(key) == at:
            return
        self._look_of[key] = at
        heapq.heappush(self._looks, (at, key))
        if len(self._looks) > 4 * len(self._look_of) + 1000:
            self._looks = sorted((at, key) for key, at in self._look_of.items())

    def _desk(self, watched: Watched) -> Desk:
        place = (watched.account, watched.site)
        desk = self._desks.get(place)
        if desk is None:
            policy = self._settings.policy(*place)
            account = self._accounts.get(watched.account)
            if account is None:
                account = self._accounts[watched.account] = Account(watched.account, self._settings.policy(watched.account))
            desk = self._desks[place] = Desk(account, policy, self._settings.catalogue, self._yields)
        return desk
