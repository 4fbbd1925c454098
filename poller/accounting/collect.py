"""Watches a folder for exports of presses, and takes each once: into the database, and from there, where there is a central, into the
outbox.

    folder ── settled? ──> store: one transaction a file ──> totals ──> /metrics
                                     └── jobs, oldest first ──> Recorder: one commit ──> noted as handed over

Files are read in a thread, and gently: it sleeps as long as it has worked, so that polls go on. Killed at any line, nothing is half
imported; a job whose handing over was not noted yet is handed over again, under the same key. No name of a person or document is in a
log line or a metric: of a bad line its number and rule are told by `poller accounting check`, which somebody runs.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter as Tally
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

from poller import exposition
from poller.accounting import joblines, store
from poller.accounting.dialect import Dialect, load, parse
from poller.accounting.ledger import Record, moment
from poller.accounting.pseudonyms import Pseudonyms
from poller.accounting.reader import Options
from poller.accounting.settling import Seen, Settling, is_wanted
from poller.accounting.store import Imported, Interrupted, StillWrittenError, Total
from poller.clock import Clock
from poller.engine.faults import tell as tell_fault
from poller.engine.handover import Line, Recorder
from poller.engine.notable import Reason
from poller.errors import ConfigError, HostError, JobLogError, PollerError
from poller.exposition import Sample
from poller.logs import INFO, WARNING, emit

log = logging.getLogger(__name__)

T = TypeVar("T")

COST_CENTRES_MAX = 200
"""Shown by name; the rest is `other`."""
OTHER, NONE = "other", "(none)"

_FILE = "file "  # begins what is told of one
_FILES_MAX = 10_000  # of a folder, looked at
_LINES_MAX = 500  # handed over at once
_OUTBOX_LINES_MAX = 5_000  # no more jobs while so many lines wait there
_BREATHE_LINES = 200
_BREATHE_SECONDS_MAX = 1.0
_LABEL_MAX = 100
_DIALECT_OCTETS_MAX = 1_000_000


class Source(NamedTuple):
    """What is watched, and how its files are read."""

    folder: Path
    patterns: tuple[str, ...]
    dialect: Dialect
    every_seconds: float


class Outlet(NamedTuple):
    """Where jobs go on to: `lines` tells how many lines wait there."""

    recorder: Recorder
    lines: Callable[[], int]


def dialect_named(name: str) -> Dialect:
    """Return the dialect of that name, or of the file it names (`….toml`). Raises ConfigError."""
    if not name.endswith(".toml"):
        return load(name)
    try:
        with Path(name).open("rb") as file:
            octets = file.read(_DIALECT_OCTETS_MAX + 1)
        if len(octets) > _DIALECT_OCTETS_MAX:
            raise ConfigError([f"{name}: longer than a dialect can be"])
        return parse(octets.decode(), name)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"{name}: {error.strerror if isinstance(error, OSError) else 'not UTF-8'}"]) from error


class Collector:
    """`run` it; or `look` by hand, as `poller accounting watch` does. *on_file* hears of every file that was dealt with."""

    def __init__(
        self,
        source: Source,
        database: Path,
        pseudonyms: Pseudonyms,
        clock: Clock,
        *,
        outlet: Outlet | None = None,
        on_file: Callable[[Imported | PollerError], object] = lambda _: None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        breathe: Callable[[float], None] = time.sleep,
    ) -> None:
        self._source, self._database, self._pseudonyms, self._clock = source, database, pseudonyms, clock
        self._outlet, self._on_file, self._sleep, self._breathe = outlet, on_file, sleep, breathe
        self._settling = Settling()
        self._present: frozenset[str] = frozenset()
        self._totals: tuple[list[Total], Total | None] = ([], None)
        self._has_totals = self._is_stopping = False
        self._files: Tally[str] = Tally()
        self._jobs: Tally[str] = Tally()
        self._waiting: int | None = None
        self._imported_utc: datetime | None = None
        self._troubles: dict[str, str] = {}

    async def run(self) -> None:
        """Look for ever."""
        while True:
            await self.look()
            await self._sleep(self._source.every_seconds)

    async def look(self) -> int:
        """Look once: import what is complete, hand over what is not; return how many files there were. Troubles are told, not raised."""
        ready = await self._try("folder", self._list) or []
        for what in [one for one in self._troubles if one.startswith(_FILE) and one.removeprefix(_FILE) not in self._present]:
            self._tell(what, None)  # somebody took it away
        for name in ready:
            await self._import(name)
        if ready or not self._has_totals:
            self._has_totals = await self._try("totals", self._read_totals) is not None
        if self._outlet is not None:
            await self._hand_over(self._outlet)
        return len(ready)

    # --- the folder ----------------------------------------------------------------------------------------------------

    def _list(self) -> list[str]:
        found: dict[str, Seen] = {}
        try:
            for path in self._source.folder.iterdir():
                if not is_wanted(path.name, self._source.patterns):
                    continue
                if len(found) >= _FILES_MAX:
                    raise HostError(f"{self._source.folder} has more than {_FILES_MAX} exports", hint="move away what was imported")
                try:
                    state = path.stat()
                except OSError:  # gone meanwhile, or a link to nowhere
                    continue
                found[path.name] = Seen(state.st_size, state.st_mtime_ns, state.st_ino)
        except OSError as error:
            raise HostError(f"cannot look into {self._source.folder}: {error.strerror or error}") from error
        self._present = frozenset(found)
        return self._settling.look(found)

    async def _import(self, name: str) -> None:
        try:
            found = await self._in_thread(lambda: self._take(self._source.folder / name))
        except StillWrittenError:
            return  # it has not settled after all
        except JobLogError as error:
            self._settling.done(name)
            self._files["refused"] += 1
            emit(log, WARNING, "accounting.refused", file=name, reason=str(error))
            self._on_file(JobLogError(f"{name}: {error}"))
            return
        except (HostError, OSError) as error:
            self._files["failed"] += 1
            self._tell(f"{_FILE}{name}", str(error))
            self._on_file(HostError(f"{name}: {error}"))
            return
        except Exception as error:  # noqa: BLE001  a fault of ours: it stays with the file, and the next ones are taken
            self._settling.done(name)
            self._files["failed"] += 1
            place = tell_fault(error, "accounting.misread", file=name)
            self._tell(f"{_FILE}{name}", f"{name} was not taken, by a fault of this program ({place})")
            self._on_file(JobLogError(f"{name}: a fault of this program ({place})"))
            return
        self._tell(f"{_FILE}{name}", None)
        self._settling.done(name)
        self._files["known" if found.is_known else "imported"] += 1
        self._jobs.update({"new": found.jobs, "double": found.doubles, "conflict": found.conflicts, "bad": found.lines_bad})
        if not found.is_known:
            self._imported_utc = self._clock.utc()
            trouble = found.conflicts or found.lines_bad
            level = WARNING if trouble else INFO
            emit(
                log,
                level,
                "accounting.imported",
                file=name,
                jobs=found.jobs,
                doubles=found.doubles,
                conflicts=found.conflicts,
                lines_bad=found.lines_bad,
            )
        self._on_file(found)

    def _take(self, path: Path) -> Imported:
        worked_at, lines = time.monotonic(), 0

        def tell(_: int) -> None:
            nonlocal worked_at, lines
            lines += 1
            if lines % _BREATHE_LINES:
                return
            if self._is_stopping:
                raise Interrupted
            self._breathe(min(time.monotonic() - worked_at, _BREATHE_SECONDS_MAX))
            worked_at = time.monotonic()

        with store.opened(self._database) as db:
            return db.take(path, Options(dialect=self._source.dialect), self._pseudonyms, now_utc=self._clock.utc(), tell=tell)

    # --- onwards -------------------------------------------------------------------------------------------------------

    async def _hand_over(self, outlet: Outlet) -> None:
        while outlet.lines() < _OUTBOX_LINES_MAX:
            next_ones = await self._try("handover", self._next)
            if not next_ones:
                break
            records, up_to = next_ones
            if not records:
                break
            try:
                await outlet.recorder.record(self._lines(records))
            except PollerError as error:
                self._tell("handover", str(error))
                break
            if await self._try("handover", partial(self._note, up_to)) is None:
                break

    def _next(self) -> tuple[list[Record], int]:
        with store.opened(self._database) as db:
            self._waiting = db.waiting()
            return db.to_hand_over(_LINES_MAX)

    def _note(self, up_to: int) -> bool:
        with store.opened(self._database) as db:
            db.handed_over(up_to)
            self._waiting = db.waiting()
        return True

    def _lines(self, records: Sequence[Record]) -> list[Line]:
        """Return jobs as lines. Each is of a printer of its own, so that an outbox short of room never takes one for part of a series."""
        now_utc = self._clock.utc()
        lines = []
        for record in records:
            seconds = moment(record.job)
            at = now_utc if seconds is None else datetime.fromtimestamp(seconds, UTC)
            lines.append(Line(f"job:{record.key}", at, Reason.INTERVAL, joblines.encode(record)))
        return lines

    # --- what is shown -------------------------------------------------------------------------------------------------

    @property
    def notes(self) -> tuple[str, ...]:
        """What an operator should know, one sentence each."""
        return tuple(f"accounting: {text}" for text in self._troubles.values())

    def metrics(self) -> Iterable[Sample]:
        for result in ("imported", "known", "refused", "failed"):
            yield Sample(exposition.POLLER_ACCOUNTING_FILES, self._files[result], (result,))
        for result in ("new", "double", "conflict", "bad"):
            yield Sample(exposition.POLLER_ACCOUNTING_JOBS, self._jobs[result], (result,))
        yield Sample(exposition.POLLER_ACCOUNTING_FOLDER_UP, "folder" not in self._troubles)
        if self._imported_utc is not None:
            yield Sample(exposition.POLLER_ACCOUNTING_LAST_IMPORT, self._imported_utc.timestamp())
        if self._waiting is not None:
            yield Sample(exposition.POLLER_ACCOUNTING_WAITING, self._waiting)
        for name, total in self._shown().items():
            yield Sample(exposition.ACCOUNTING_JOBS, total.jobs, (name,))
            yield Sample(exposition.ACCOUNTING_SHEETS, total.sheets, (name,))
            for colour, count in (("black", total.black), ("colour", total.colour), ("unknown", total.unknown)):
                yield Sample(exposition.ACCOUNTING_IMPRESSIONS, count, (name, colour))

    def _shown(self) -> dict[str, Total]:
        """Return totals by label. Two cost centres may come under one: of a long name only its beginning is shown."""
        first, other = self._totals
        shown: dict[str, Total] = {}
        for total in (*first, *(() if other is None else (other,))):
            name = (total.cost_centre or NONE)[:_LABEL_MAX]
            shown[name] = _sum(shown[name], total) if name in shown else total
        return shown

    def _read_totals(self) -> bool:
        with store.opened(self._database) as db:
            self._totals = db.totals(COST_CENTRES_MAX)
        return True

    # --- threads and troubles ------------------------------------------------------------------------------------------

    async def _try(self, what: str, work: Callable[[], T]) -> T | None:
        """Return what *work* returns, done in a thread; None where this host refuses, which is told once for as long as it lasts."""
        try:
            result = await self._in_thread(work)
        except HostError as error:
            self._tell(what, str(error))
            return None
        self._tell(what, None)
        return result

    def _tell(self, what: str, trouble: str | None) -> None:
        if trouble is None:
            if self._troubles.pop(what, None) is not None:
                emit(log, INFO, "accounting.works_again", what=what)
        elif self._troubles.get(what) != trouble:
            self._troubles[what] = trouble
            emit(log, WARNING, "accounting.failing", what=what, reason=trouble)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        """Return what *work* returns. Who is cancelled meanwhile waits until it has ended: an import ends soon, with nothing taken."""
        task = asyncio.ensure_future(asyncio.to_thread(work))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            self._is_stopping = True
            await asyncio.wait({task})
            task.exception()  # the canceller waits for nothing else
            raise


def _sum(one: Total, two: Total) -> Total:
    numbers = {name: getattr(one, name) + getattr(two, name) for name in ("jobs", "sheets", "black", "colour", "unknown")}
    return Total(cost_centre=one.cost_centre, **numbers)
