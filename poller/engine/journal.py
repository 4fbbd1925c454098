"""What the sweeps of this process did, one after another: for the status page and the metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from poller import exposition
from poller.clock import Clock
from poller.exposition import Sample
from poller.model import Value as _Struct


class Progress(_Struct, frozen=True, kw_only=True):
    """How far a sweep is. Of `addresses`, so many have `answered`; of those, so many are `identified`, and so many `failed` a closer look.

    `identified` counts addresses, `printers` devices, `others` what is no printer. `share` is 0 to 1 of all probes, if everybody stays
    silent who is; `sent` includes what was sent before a resume, `elapsed_seconds` does not.
    """

    addresses: int
    sent: int
    answered: int
    identified: int
    printers: int
    others: int
    failed: int
    pass_number: int
    passes: int
    share: float
    elapsed_seconds: float


class SweepStatus(_Struct, frozen=True, kw_only=True):
    """`running` is the sweep under way, of whatever part; the rest tells of the last one of everything that was completed."""

    running: Progress | None
    last: Progress | None
    last_completed_utc: datetime | None


class Journal:
    """Kept by whoever starts sweeps and handed to each; one sweep at a time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._progress: Callable[[], Progress] | None = None
        self._last: Progress | None = None
        self._last_completed_utc: datetime | None = None
        self._addresses = self._parts = 0
        self._is_whole = True
        self._sent_before = self._answered_before = 0

    def begin(self, progress: Callable[[], Progress], *, is_whole: bool = True) -> None:
        """Note that a sweep runs, and where to learn how far it is. One of a part tells nothing of how many devices there are."""
        assert self._progress is None, "one sweep at a time"
        start = progress()
        self._is_whole = is_whole
        if is_whole:
            self._addresses = start.addresses
        self._sent_before -= start.sent  # a resumed sweep brings along what another process sent
        self._answered_before -= start.answered
        self._progress = progress

    def end(self, *, is_complete: bool) -> None:
        """Note that the sweep is over: at its end, or cut short."""
        assert self._progress is not None
        final = self._progress()
        self._progress = None
        self._sent_before += final.sent
        self._answered_before += final.answered
        if not self._is_whole:
            self._parts += is_complete
        elif is_complete:
            self._last, self._last_completed_utc = final, self._clock.utc()

    def status(self) -> SweepStatus:
        running = self._progress() if self._progress is not None else None
        return SweepStatus(running=running, last=self._last, last_completed_utc=self._last_completed_utc)

    def metrics(self) -> Iterable[Sample]:
        running, last = self._progress() if self._progress is not None else None, self._last
        yield Sample(exposition.POLLER_SWEEP_RUNNING, float(running is not None))
        yield Sample(exposition.POLLER_SWEEP_ADDRESSES, self._addresses)
        yield Sample(exposition.POLLER_SWEEP_PROBES_SENT, self._sent_before + (running.sent if running is not None else 0))
        yield Sample(exposition.POLLER_SWEEP_ANSWERS, self._answered_before + (running.answered if running is not None else 0))
        yield Sample(exposition.POLLER_SWEEP_PARTS, self._parts)
        if last is not None and self._last_completed_utc is not None:
            yield Sample(exposition.POLLER_SWEEP_DEVICES, last.printers, ("printer",))
            yield Sample(exposition.POLLER_SWEEP_DEVICES, last.others, ("other",))
            yield Sample(exposition.POLLER_SWEEP_LAST_COMPLETED, self._last_completed_utc.timestamp())
            yield Sample(exposition.POLLER_SWEEP_DURATION, last.elapsed_seconds)
