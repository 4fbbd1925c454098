"""The way of a reading from the poll that took it to the disk that keeps it. The poll never waits: `take` only puts it into a queue.

    poll ─ take ─> worth keeping? ─> queue, bounded ─> dated, as JSON, many at a time ─> Recorder: one commit

While one commit is under way the next batch gathers, so a slow disk makes batches larger, not waits longer. What "nothing recorded is lost"
means here:

- What stands in the queue stays until the recorder has it for good. A recorder that fails is asked again, with the same lines.
- With the queue full a reading is *put off*: it is not taken, and neither does it become what the next one is compared with. So the
  printer's next poll finds the same change, or the same four hours passed. What came and went between two polls is gone, and counted.
- A program that is killed loses the queue. The state says which printers had something in it (`Settled`), and their first reading after
  the restart is kept again: rather twice than not at all. Each reading is its own, with its own `taken_at`, so twice does no harm.
- Readings taken while the clock is doubtful wait in the same queue, and are dated when it no longer is (`dating.py`).

What is handed over is the reading as JSON, the form that may travel: display texts are not in it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter as Tally
from collections import deque
from collections.abc import Awaitable, Callable, Container, Iterable, Sequence
from datetime import datetime
from itertools import islice
from typing import NamedTuple, Protocol

import msgspec

from poller import exposition
from poller.clock import Clock
from poller.engine.dating import Dating, redate
from poller.engine.notable import Reason
from poller.engine.privacy import Privacy
from poller.engine.remembered import Remembered
from poller.errors import PollerError
from poller.exposition import Sample
from poller.logs import DEBUG, INFO, WARNING, emit
from poller.model import Decoded, Reading

log = logging.getLogger(__name__)

_LINES_MAX = 5_000  # about 20 MB
_BATCH_MAX = 500
_LOOK_SECONDS = 0.1  # at the clock: it is a third of what a reading costs here
_RETRY_SECONDS, _RETRY_SECONDS_MAX = 1.0, 60.0

_encode = msgspec.json.Encoder().encode


class Line(NamedTuple):
    """One reading to keep, dated. `json` is a `Reading`; (`printer_id`, `taken_at`) names it."""

    printer_id: str
    taken_at: datetime
    reason: Reason
    json: bytes


class Recorder(Protocol):
    """Who keeps readings for good."""

    async def record(self, lines: Sequence[Line]) -> None:
        """Store *lines*, all or none; they are on the disk when this returns.

        Raises PollerError when they are not; the same lines then come again. So they may after a cancelled call, stored or not.
        """
        ...


class LogRecorder:
    """Keeps nothing and says so, at debug: for an agent without an outbox."""

    async def record(self, lines: Sequence[Line]) -> None:
        for line in lines:
            emit(log, DEBUG, "reading.recorded", printer=line.printer_id, taken_at=line.taken_at.isoformat(), reason=line.reason.value)


class _Waiting(NamedTuple):
    """A reading on its way, taken at `taken_at` (monotonic); `is_dated` says whether the time in it is one to be believed."""

    reading: Reading
    reason: Reason
    taken_at: float
    is_dated: bool


class Handover:
    """Takes each new reading, picks out what is to be kept, and hands it to *recorder* while `run` runs."""

    def __init__(
        self,
        recorder: Recorder,
        clock: Clock,
        dating: Dating,
        *,
        privacy: Privacy | None = None,
        lines_max: int = _LINES_MAX,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._recorder, self._clock, self._dating, self._lines_max, self._sleep = recorder, clock, dating, lines_max, sleep
        self._privacy = privacy or Privacy()
        self._before: dict[str, Reading] = {}
        self._queue: deque[_Waiting] = deque()
        self._pending: Tally[str] = Tally()
        self._owed: set[str] = set()
        self._something = asyncio.Event()
        self._recorded: Tally[str] = Tally()
        self._look_at = float("-inf")
        self._put_off = self._failures = 0
        self._is_full = self._is_failing = False

    # --- the poll's side -----------------------------------------------------------------------------------------------

    def take(self, decoded: Decoded) -> None:
        """Take a new reading. Never waits, never fails."""
        now_at = self._clock.monotonic()
        if now_at >= self._look_at:
            self._dating.look()
            self._look_at = now_at + _LOOK_SECONDS
        reading = decoded.reading
        printer_id = reading.printer.id
        reason = self._privacy.reason_to_keep(self._before.get(printer_id), reading)
        if reason is not None:
            if len(self._queue) >= self._lines_max:
                self._put_off += 1
                self._tell_full(is_full=True)
                return
            self._queue.append(_Waiting(reading, reason, now_at, not self._dating.is_doubtful(reading.taken_at)))
            self._pending[printer_id] += 1
            self._owed.discard(printer_id)
            self._something.set()
        self._before[printer_id] = reading

    def restore(self, readings: Iterable[Reading], *, unrecorded: Container[str]) -> None:
        """Take up the last readings before a restart: what comes is compared with them.

        The readings of *unrecorded* may not have reached the recorder: the next ones of these are kept, whatever they say.
        """
        for reading in readings:
            printer_id = reading.printer.id
            if printer_id in unrecorded:
                self._owed.add(printer_id)
            else:
                self._before[printer_id] = reading

    def keep_only(self, printer_ids: Container[str]) -> None:
        """Forget printers that are no more; one that comes back begins anew."""
        for printer_id in [one for one in self._before if one not in printer_ids]:
            del self._before[printer_id]
        self._owed = {one for one in self._owed if one in printer_ids}

    def is_pending(self, printer_id: str) -> bool:
        """Say whether a reading of this printer is not on the disk yet."""
        return printer_id in self._pending or printer_id in self._owed

    # --- the recorder's side -------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Hand over for ever; cancelled at the end, between `finish`."""
        while True:
            await self._something.wait()
            if not await self._hand_over():
                self._something.clear()  # what is left waits for its date: `wake`

    def wake(self) -> None:
        """Look again: the clock has changed."""
        self._something.set()

    async def finish(self) -> None:
        """Hand over what can be; what cannot be dated is left. May take as long as the recorder: the caller sets the limit."""
        while await self._hand_over():
            pass

    def metrics(self) -> Iterable[Sample]:
        for reason in Reason:
            yield Sample(exposition.POLLER_READINGS_RECORDED, self._recorded[reason], (reason.value,))
        yield Sample(exposition.POLLER_READINGS_WAITING, len(self._queue))
        yield Sample(exposition.POLLER_READINGS_PUT_OFF, self._put_off)
        yield Sample(exposition.POLLER_RECORD_FAILURES, self._failures)

    async def _hand_over(self) -> bool:
        """Hand over one batch, trying until it is taken; return whether there was one."""
        batch = self._ready()
        if not batch:
            return False
        lines = [self._line(one) for one in batch]
        wait_seconds = _RETRY_SECONDS
        while not await self._is_taken(lines):
            await self._sleep(wait_seconds)
            wait_seconds = min(wait_seconds * 2, _RETRY_SECONDS_MAX)
        for one in batch:
            self._queue.popleft()
            self._recorded[one.reason] += 1
            self._settle(one.reading.printer.id)
        self._tell_full(is_full=False)
        return True

    def _ready(self) -> list[_Waiting]:
        """Return the head of the queue that has a date, or can be given one now. It stays in the queue until it is on the disk."""
        self._dating.look()
        batch = []
        for one in islice(self._queue, _BATCH_MAX):
            if not (one.is_dated or self._dating.is_right):
                break
            batch.append(one)
        return batch

    async def _is_taken(self, lines: Sequence[Line]) -> bool:
        try:
            await self._recorder.record(lines)
        except PollerError as error:
            self._failures += 1
            if not self._is_failing:
                emit(log, WARNING, "recording.failing", reason=str(error), lines=len(self._queue))
            self._is_failing = True
            return False
        if self._is_failing:
            emit(log, INFO, "recording.works_again")
        self._is_failing = False
        return True

    def _line(self, one: _Waiting) -> Line:
        reading = self._privacy.recorded(one.reading if one.is_dated else redate(one.reading, self._dating.date(one.taken_at)))
        return Line(reading.printer.id, reading.taken_at, one.reason, _encode(reading))

    def _settle(self, printer_id: str) -> None:
        self._pending[printer_id] -= 1
        if not self._pending[printer_id]:
            del self._pending[printer_id]

    def _tell_full(self, *, is_full: bool) -> None:
        if is_full and not self._is_full:
            emit(log, WARNING, "recording.full", lines_max=self._lines_max)
        self._is_full = is_full


class Changing(Protocol):
    """Who knows what changed, for the state: the polling crew."""

    def take_changes(self, count_max: int) -> tuple[list[Remembered], list[str]]: ...


class Settled:
    """What the state is told of the crew's changes: a printer with a reading on its way is marked, and told again once it has arrived.

    So after a kill at any line the state knows whose last reading may not be on the disk. Holds one entry for each such printer.
    """

    def __init__(self, crew: Changing, handover: Handover, privacy: Privacy | None = None) -> None:
        self._crew, self._handover, self._privacy = crew, handover, privacy or Privacy()
        self._marked: dict[str, Remembered] = {}

    def take_changes(self, count_max: int) -> tuple[list[Remembered], list[str]]:
        changed, removed = self._crew.take_changes(count_max)
        for printer_id in removed:
            self._marked.pop(printer_id, None)
        arrived = islice([one for one in self._marked.values() if not self._is_pending(one)], count_max)
        told = {one.printer.id: self._marked.pop(one.printer.id) for one in arrived}
        for one in changed:
            self._marked.pop(one.printer.id, None)
            told[one.printer.id] = one
            if self._is_pending(one):
                self._marked[one.printer.id] = one
                told[one.printer.id] = msgspec.structs.replace(one, is_unrecorded=True)
        return list(told.values()), removed

    def _is_pending(self, one: Remembered) -> bool:
        return self._handover.is_pending(self._privacy.printer(one.printer).id)
