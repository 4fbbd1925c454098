"""What may be said about when: whether the clock of this host is right, and when something was that happened while it was not.

A Raspberry Pi without a battery starts in 1970, or where it was when it went off (fake-hwclock); NTP sets it right minutes later. Until
then readings are taken, but not dated: they carry the monotonic time, which never steps, and get their date once there is one.

The clock is *wrong* before the date of this program. It is *doubtful* after a start or a step while the kernel says that nobody keeps it,
and where it stands before what was remembered. A doubtful clock is believed as soon as the kernel says it is kept, when it is set (a step:
somebody knew better), or after ten minutes of neither, counted from when the host was started: one without any NTP has to work, too. A
wrong one is not believed at all.

A step is what the wall clock does beyond the monotonic one: set by NTP or by hand, or a host that was suspended, which looks the same.
Pure but for the clock it is handed; everything here may be asked at every poll.
"""

from __future__ import annotations

import logging
from collections import Counter as Tally
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

import msgspec

from poller import __date__, exposition
from poller.clock import Clock
from poller.exposition import Sample
from poller.logs import INFO, WARNING, emit
from poller.model import Reading

log = logging.getLogger(__name__)

MADE_UTC = datetime.fromisoformat(__date__).replace(tzinfo=UTC)

_STEP_SECONDS = 2.0
_DRIFT_RATIO = 0.001  # NTP slews by 500 ppm at the most
_BELIEVE_AFTER_SECONDS = 600.0
_ASK_KERNEL_EVERY_SECONDS = 5.0


class Dating:
    """Watches the clock. *is_synchronised* says whether somebody keeps it, None where nobody knows; *up_seconds* how long the host runs.

    *on_change* hears of every step (seconds; forward is positive), and of the moment from which the clock is believed, with 0.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        is_synchronised: Callable[[], bool | None],
        up_seconds: float = 0.0,
        on_change: Callable[[float], None] = lambda step_seconds: None,
    ) -> None:
        self._clock, self._is_synchronised, self._on_change = clock, is_synchronised, on_change
        self._seen_at, self._seen_utc = clock.monotonic(), clock.utc()
        self._doubtful_from_utc: datetime | None = self._seen_utc
        self._believe_at = self._seen_at + _BELIEVE_AFTER_SECONDS - up_seconds
        self._asked_at = float("-inf")
        self._steps: Tally[str] = Tally()
        is_kept = is_synchronised()
        if self._seen_utc >= MADE_UTC and (is_kept is not False or self._seen_at >= self._believe_at):
            self._doubtful_from_utc = None
        else:
            self._tell_doubt(is_kept=is_kept)

    @property
    def is_right(self) -> bool:
        """Whether the clock may be believed, as of the last `look`."""
        return self._doubtful_from_utc is None

    def expect(self, known_utc: datetime) -> None:
        """Take a time that is past, from before a restart: a clock that stands before it, and that nobody keeps, is doubtful."""
        if self.is_right and self._seen_utc < known_utc and self._is_synchronised() is not True:
            self._doubt(self._seen_utc)

    def look(self) -> None:
        """Compare both clocks. Called often; a microsecond."""
        now_at, now_utc = self._clock.monotonic(), self._clock.utc()
        passed_seconds = now_at - self._seen_at
        step_seconds = (now_utc - self._seen_utc).total_seconds() - passed_seconds
        self._seen_at, self._seen_utc = now_at, now_utc
        if abs(step_seconds) > _STEP_SECONDS + _DRIFT_RATIO * passed_seconds:
            self._take_step(step_seconds)
        elif self._doubtful_from_utc is not None and now_utc >= MADE_UTC and self._is_to_be_believed(now_at):
            self._believe(0.0)

    def is_doubtful(self, moment_utc: datetime) -> bool:
        """Say whether *moment_utc* was read from a clock that is not, or was not then, to be believed."""
        if moment_utc < MADE_UTC:
            return True
        from_utc = self._doubtful_from_utc
        return from_utc is not None and from_utc <= moment_utc <= self._clock.utc()  # a later one is from before a restart

    def date(self, moment_at: float) -> datetime:
        """Return when *moment_at* (monotonic) was, by the clock as it stands now, to the millisecond."""
        moment_utc = self._clock.utc() - timedelta(seconds=self._clock.monotonic() - moment_at)
        return moment_utc.replace(microsecond=moment_utc.microsecond // 1000 * 1000)

    def metrics(self) -> Iterable[Sample]:
        self.look()
        yield Sample(exposition.POLLER_CLOCK_WRONG, not self.is_right)
        for direction in ("forward", "backward"):
            yield Sample(exposition.POLLER_CLOCK_STEPS, self._steps[direction], (direction,))

    def _take_step(self, step_seconds: float) -> None:
        self._steps["forward" if step_seconds > 0 else "backward"] += 1
        emit(log, WARNING, "clock.stepped", step_seconds=round(step_seconds, 3))
        if self._seen_utc < MADE_UTC:
            self._doubt(self._seen_utc)
        elif not self.is_right:
            self._believe(step_seconds)
            return
        elif self._is_synchronised() is not True:
            self._doubt(self._seen_utc)
        self._on_change(step_seconds)

    def _is_to_be_believed(self, now_at: float) -> bool:
        if now_at >= self._believe_at:
            return True
        if now_at < self._asked_at + _ASK_KERNEL_EVERY_SECONDS:
            return False
        self._asked_at = now_at
        return self._is_synchronised() is True

    def _doubt(self, from_utc: datetime) -> None:
        """Believe nothing read from *from_utc* on; a clock that steps while it is doubtful makes its earlier times no better."""
        if self._doubtful_from_utc is None:
            self._doubtful_from_utc = from_utc
            self._believe_at = self._clock.monotonic() + _BELIEVE_AFTER_SECONDS
            self._tell_doubt(is_kept=self._is_synchronised())
        else:
            self._doubtful_from_utc = min(self._doubtful_from_utc, from_utc)

    def _believe(self, step_seconds: float) -> None:
        self._doubtful_from_utc = None
        emit(log, INFO, "clock.right", is_synchronised=self._is_synchronised())
        self._on_change(step_seconds)

    def _tell_doubt(self, *, is_kept: bool | None) -> None:
        """Say that readings wait; a plain restart on a host nobody keeps the clock of is no reason for a warning."""
        is_wrong = self._seen_utc < MADE_UTC
        emit(
            log,
            WARNING if is_wrong else INFO,
            "clock.wrong" if is_wrong else "clock.doubtful",
            clock=self._seen_utc.isoformat(),
            is_synchronised=is_kept,
            believed_after_seconds=None if is_wrong else round(self._believe_at - self._seen_at),
        )


def redate(reading: Reading, taken_utc: datetime) -> Reading:
    """Return *reading* as taken at *taken_utc*; what it says of other times moves along."""
    moved = taken_utc - reading.taken_at
    alerts = tuple([one if one.since is None else msgspec.structs.replace(one, since=one.since + moved) for one in reading.alerts])
    return msgspec.structs.replace(reading, taken_at=taken_utc, alerts=alerts)
