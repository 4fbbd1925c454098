"""The fleet: the latest reading of every printer, kept the way it is asked for.

A reading is turned into metric text once, when it comes in; a scrape only joins what is there. Its values are kept, not its JSON: equal
rows of all printers are one object each, so they take a fraction of the room.
An `Entry` never changes, a new poll replaces it: so whoever holds a list of entries sees the fleet of one moment, however long he looks.

A printer that falls silent keeps its values for `stale_after_seconds`, then only `printer_up` 0 until `forget_after_seconds`. Both are
told by the wall clock, since they have to outlive a restart.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from enum import IntEnum

import msgspec

from poller import exposition
from poller.clock import Clock
from poller.engine.dating import redate
from poller.exposition import Metric, Sample, escape_label, header
from poller.model import Decoded, Printer, Reading
from poller.printers import gauges

_CHUNK_BYTES = 64 * 1024
_BOOT_NOISE = timedelta(seconds=60)  # no printer restarts twice within a minute

_encode = msgspec.json.Encoder().encode


class Grade(IntEnum):
    """How much a printer needs somebody; the higher the sooner."""

    UNREAD = 0
    OK = 1
    NOTICE = 2
    """Something is reported that stops nobody: an alert, a warning, little paper."""
    LOW = 3
    SILENT = 4
    EMPTY = 5
    """A supply is empty or a waste box full: it may still print, but not for long."""
    STOPPED = 6
    """It says itself that it cannot print."""


# hrPrinterDetectedErrorState (RFC 2790): with these nothing more is printed until someone goes there.
_STOPPING = frozenset("noPaper noToner doorOpen jammed offline serviceRequested markerSupplyMissing outputFull".split())


class Entry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One printer as it is now.

    `reading` is its last one and `families` its lines per family of `gauges.FAMILIES`; None and empty when it was never read or the values
    are stale. `label` is the printer's id as it stands in metric text. `since_utc`: when it was last read, or first failed if it never was.
    `last_ok_utc`: when it was last read, None if it never was, or while nobody knows when (the clock is not to be believed).
    """

    printer: Printer
    label: str
    is_up: bool
    since_utc: datetime
    last_ok_utc: datetime | None
    last_poll_seconds: float
    reading: Reading | None = None
    families: tuple[bytes, ...] = ()
    shown: tuple[object, ...] = ()
    """What `families` were made of: as long as a printer says the same, they are not made again."""
    boot_utc: datetime | None = None
    grade: Grade = Grade.UNREAD
    lowest_ratio: float = 1.0

    @property
    def json(self) -> bytes:
        """The reading as JSON, empty without one. Made when asked for: equal printers share the rows of a reading, not its text."""
        return b"" if self.reading is None else _encode(self.reading)

    @property
    def attention(self) -> tuple[int, float]:
        """Sorts the fleet worst first: by grade, then by the emptiest supply."""
        return -(self.grade if self.is_up else Grade.SILENT), self.lowest_ratio


class FleetStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How the printers are, counted. `stopped`, `empty` and `low` are by their last readings, silent printers included."""

    printers: int
    up: int
    silent: int
    stopped: int
    empty: int
    low: int
    series_refused: int


class Fleet:
    """The latest reading of every printer, newest wins."""

    def __init__(
        self,
        clock: Clock,
        *,
        site: str | None,
        stale_after_seconds: float,
        forget_after_seconds: float,
        is_doubtful: Callable[[datetime], bool] = lambda _: False,
    ) -> None:
        self._clock, self.site, self._is_doubtful = clock, site, is_doubtful
        self._stale_after, self._forget_after = timedelta(seconds=stale_after_seconds), timedelta(seconds=forget_after_seconds)
        # By label, not by id: two ids that differ only in characters a label cannot carry would be one series twice.
        self._entries: dict[str, Entry] = {}
        self._series_refused = 0

    def configure(self, *, site: str | None, stale_after_seconds: float, forget_after_seconds: float) -> None:
        """Let other settings hold from now on; a new name of the site shows with each printer's next poll."""
        if site != self.site:
            self._entries = {label: msgspec.structs.replace(entry, shown=()) for label, entry in self._entries.items()}
        self.site = site
        self._stale_after, self._forget_after = timedelta(seconds=stale_after_seconds), timedelta(seconds=forget_after_seconds)

    def redate(self, step_seconds: float, *, is_right: bool) -> None:
        """Move the times that were read from a doubtful clock along with it; once it is right they are shown."""
        step = timedelta(seconds=step_seconds)
        for label, entry in self._entries.items():
            if entry.last_ok_utc is None:
                since_utc = entry.since_utc + step
                self._entries[label] = msgspec.structs.replace(
                    entry,
                    since_utc=since_utc,
                    last_ok_utc=since_utc if is_right and entry.reading is not None else None,
                    reading=None if entry.reading is None else redate(entry.reading, entry.reading.taken_at + step),
                )

    def put(self, decoded: Decoded, *, duration_seconds: float) -> Entry:
        """Take a reading; it replaces what was known of its printer. Returns how that printer is now."""
        reading = decoded.reading
        label = escape_label(reading.printer.id)
        before = self._entries.get(label)
        is_doubtful = self._is_doubtful(reading.taken_at)
        if is_doubtful:
            decoded = msgspec.structs.replace(decoded, boot_utc=None)
        boot_utc = _steady(decoded.boot_utc, before)
        shown = (
            *(reading.printer, reading.supplies, reading.counters, reading.status, reading.alerts, reading.trays, reading.covers),
            boot_utc,
        )
        if before is not None and before.shown == shown:
            families, grade, lowest_ratio = before.families, before.grade, before.lowest_ratio
        else:
            families = gauges.render(decoded, site=self.site, boot_utc=boot_utc)
            grade, lowest_ratio = grade_of(reading)
            self._series_refused += gauges.count_refused(reading)
        entry = self._entries[label] = Entry(
            printer=reading.printer,
            label=label,
            is_up=True,
            since_utc=reading.taken_at,
            last_ok_utc=None if is_doubtful else reading.taken_at,
            last_poll_seconds=duration_seconds,
            reading=reading,
            families=families,
            shown=shown,
            boot_utc=boot_utc,
            grade=grade,
            lowest_ratio=lowest_ratio,
        )
        return entry

    def fail(
        self, printer: Printer, *, duration_seconds: float, last_ok_utc: datetime | None = None, since_utc: datetime | None = None
    ) -> bool:
        """Note that *printer* did not answer a poll; False when it has been silent for so long that it is no longer shown.

        It then comes back by its next reading. Whoever polls it may stop, and `forget` it. *last_ok_utc* is when an earlier run read it,
        *since_utc* when it first failed one that never did.
        """
        label = escape_label(printer.id)
        before = self._entries.get(label)
        if before is None:
            before = Entry(
                printer=printer,
                label=label,
                is_up=False,
                since_utc=last_ok_utc or since_utc or self._clock.utc(),
                last_ok_utc=last_ok_utc,
                last_poll_seconds=duration_seconds,
            )
        entry = msgspec.structs.replace(before, is_up=False, last_poll_seconds=duration_seconds)
        self._entries[label] = entry
        return not self._is_forgotten(entry, self._clock.utc())

    def forget(self, printer_id: str) -> None:
        """Drop a printer; unknown ones are no fault."""
        self._entries.pop(escape_label(printer_id), None)

    def clear(self) -> None:
        """Drop all of them; they come back one by one, with their polls."""
        self._entries.clear()

    def get(self, printer_id: str) -> Entry | None:
        entry, now_utc = self._entries.get(escape_label(printer_id)), self._clock.utc()
        return None if entry is None or self._is_forgotten(entry, now_utc) else self._aged(entry, now_utc)

    def __iter__(self) -> Iterator[Entry]:
        """Yield the fleet of this moment, whatever happens meanwhile."""
        return iter(self.entries())

    def __len__(self) -> int:
        now_utc = self._clock.utc()
        return sum(not self._is_forgotten(entry, now_utc) for entry in self._entries.values())

    def entries(self) -> list[Entry]:
        """Return what is shown now. Stale values are let go of here, so that they cost no memory until their printer is forgotten."""
        now_utc = self._clock.utc()
        shown = []
        for label, entry in tuple(self._entries.items()):
            if not entry.is_up:
                entry = self._entries[label] = self._aged(entry, now_utc)
                if self._is_forgotten(entry, now_utc):
                    del self._entries[label]
                    continue
            shown.append(entry)
        return shown

    def families(self, *, chunk_bytes: int = _CHUNK_BYTES) -> Iterator[bytes]:
        """Return the printers' exposition in chunks of about *chunk_bytes*, family after family, of the moment of this call.

        Polls that end between two chunks do not show. The iterator touches nothing shared: a thread may drain it.
        """
        return stream(self.entries(), chunk_bytes=chunk_bytes)

    def status(self) -> FleetStatus:
        entries = self.entries()
        grades = Tally(entry.grade for entry in entries)
        up = sum(entry.is_up for entry in entries)
        return FleetStatus(
            printers=len(entries),
            up=up,
            silent=len(entries) - up,
            stopped=grades[Grade.STOPPED],
            empty=grades[Grade.EMPTY],
            low=grades[Grade.LOW],
            series_refused=self._series_refused,
        )

    def metrics(self) -> Iterable[Sample]:
        status = self.status()
        yield Sample(exposition.POLLER_PRINTERS, status.up, ("up",))
        yield Sample(exposition.POLLER_PRINTERS, status.silent, ("silent",))
        yield Sample(exposition.POLLER_SERIES_REFUSED, status.series_refused, ("printer",))

    def _is_forgotten(self, entry: Entry, now_utc: datetime) -> bool:
        return not entry.is_up and now_utc - entry.since_utc > self._forget_after

    def _aged(self, entry: Entry, now_utc: datetime) -> Entry:
        """Return *entry*, without its values if they are stale."""
        if entry.is_up or entry.reading is None or now_utc - entry.since_utc <= self._stale_after:
            return entry
        return msgspec.structs.replace(entry, reading=None, families=(), shown=(), boot_utc=None, grade=Grade.UNREAD, lowest_ratio=1.0)


def _steady(boot_utc: datetime | None, before: Entry | None) -> datetime | None:
    """Return when the printer started: what was known, unless it differs by more than clocks and networks do. A restart shows as a jump."""
    known = None if before is None else before.boot_utc
    if boot_utc is None or known is None or abs(boot_utc - known) > _BOOT_NOISE:
        return boot_utc
    return known


def grade_of(reading: Reading) -> tuple[Grade, float]:
    """Return how much a printer needs somebody by its reading, and the ratio of its emptiest supply (1 when none is known)."""
    lowest_ratio = min((supply.ratio for supply in reading.supplies if supply.ratio is not None), default=1.0)
    states = {supply.state for supply in reading.supplies}
    if not _STOPPING.isdisjoint(reading.status.errors) or reading.status.device == "down":
        return Grade.STOPPED, lowest_ratio
    if "empty" in states:
        return Grade.EMPTY, lowest_ratio
    if "low" in states:
        return Grade.LOW, lowest_ratio
    if reading.status.errors or reading.alerts or reading.status.device == "warning":
        return Grade.NOTICE, lowest_ratio
    return Grade.OK, lowest_ratio


def stream(entries: Sequence[Entry], *, chunk_bytes: int = _CHUNK_BYTES) -> Iterator[bytes]:
    """Yield the exposition of *entries* in chunks of about *chunk_bytes*; each family's lines stand together, under one header."""
    chunk: list[bytes] = []
    size = 0
    for metric, lines in _families(entries):
        chunk.append(header(metric))
        for line in lines:
            chunk.append(line)
            size += len(line)
            if size >= chunk_bytes:
                yield b"".join(chunk)
                chunk.clear()
                size = 0
    yield b"".join(chunk)


def _families(entries: Sequence[Entry]) -> Iterator[tuple[Metric, Iterator[bytes]]]:
    """Yield each family that has lines. The first three change without a new reading, so they are rendered here."""
    if not entries:
        return
    yield exposition.PRINTER_UP, (f'printer_up{{printer="{entry.label}"}} {entry.is_up:d}\n'.encode() for entry in entries)
    read = [entry for entry in entries if entry.last_ok_utc is not None]
    if read:
        yield (
            exposition.PRINTER_LAST_POLL_TIMESTAMP_SECONDS,
            (
                f'printer_last_poll_timestamp_seconds{{printer="{entry.label}"}} {entry.last_ok_utc.timestamp():.3f}\n'.encode()
                for entry in read
                if entry.last_ok_utc is not None
            ),
        )
    yield (
        exposition.PRINTER_POLL_DURATION_SECONDS,
        (f'printer_poll_duration_seconds{{printer="{entry.label}"}} {entry.last_poll_seconds:.6f}\n'.encode() for entry in entries),
    )
    for number, metric in enumerate(gauges.FAMILIES):
        lines = [entry.families[number] for entry in entries if entry.families and entry.families[number]]
        if lines:
            yield metric, iter(lines)
