"""What is wrong between the jobs of a log: numbers that are missing, records that come twice. In bounded memory, however long the log.

Job IDs are given in sequence when a job is sent to print or save, and may begin anew ("numbering can be reset"). Jobs end in another order
than they began, so numbers arrive nearly in order. Where they begin anew is a guess: a job submitted later than all before has a number
well below, or one that was there already.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from poller.accounting.faults import Fault
from poller.accounting.job import Job, key

_SERVERS_MAX = 64
_RUNS_MAX = 4096
"""Stretches of numbers without a gap that are kept apart, for each server."""
_DISORDER = 64
"""By how much a number may lag behind without being a sign of a reset."""
_DISORDER_WITHOUT_TIME = 1000
_GAPS_SHOWN = 1000


class Gaps:
    """Missing job numbers. Feed every job, then ask `rest`."""

    def __init__(self) -> None:
        self._servers: dict[str | None, _Numbers] = {}
        self.missing = 0
        self.is_partial = False
        """Whether there were more servers or gaps than are kept."""

    def feed(self, line: int, job: Job) -> list[Fault] | None:
        """Take a job; return what it reveals: a reset, and the gaps before it."""
        number = job.job_id
        if number is None:
            return None
        numbers = self._servers.get(job.server)
        if numbers is None:
            if len(self._servers) >= _SERVERS_MAX:
                self.is_partial = True
                return None
            numbers = self._servers[job.server] = _Numbers(number, job.submitted_utc_seconds)
            return None
        if number == numbers.ends[-1] + 1:  # nearly every job
            numbers.ends[-1] = number
            numbers.see(job.submitted_utc_seconds)
            return None
        if numbers.is_reset(number, job.submitted_utc_seconds):
            text = f"numbering begins anew: {number} after {numbers.ends[-1]}{_of(job.server)}"
            found = [Fault(line=line, severity="info", rule="reset", field="job_id", text=text), *self._close(job.server, numbers)]
            self._servers[job.server] = _Numbers(number, job.submitted_utc_seconds)
            return found
        numbers.add(number)
        numbers.see(job.submitted_utc_seconds)
        if len(numbers.begins) > _RUNS_MAX:
            self.is_partial = True
            numbers.join_first()
        return None

    def rest(self) -> Iterator[Fault]:
        """Yield the gaps of all numbers that were not reset."""
        for server, numbers in self._servers.items():
            yield from self._close(server, numbers)
        if self.is_partial:
            text = f"gaps were looked for among {_SERVERS_MAX} servers and {_RUNS_MAX} gaps each; there is more"
            yield Fault(line=0, severity="info", rule="gap", text=text)

    def _close(self, server: str | None, numbers: _Numbers) -> Iterator[Fault]:
        gaps = list(zip(numbers.ends, numbers.begins[1:], strict=False))
        self.missing += sum(begin - end - 1 for end, begin in gaps)
        for end, begin in gaps[:_GAPS_SHOWN]:
            what = f"job {end + 1}" if begin == end + 2 else f"jobs {end + 1} to {begin - 1}"
            yield Fault(line=0, severity="info", rule="gap", field="job_id", text=f"{what}{_of(server)} missing")
        if len(gaps) > _GAPS_SHOWN:
            text = f"{len(gaps) - _GAPS_SHOWN} more gaps{_of(server)}"
            yield Fault(line=0, severity="info", rule="gap", field="job_id", text=text)


class _Numbers:
    """The numbers of one server since its last reset, as stretches without a gap, in order."""

    def __init__(self, number: int, submitted_utc_seconds: int | None) -> None:
        self.begins, self.ends = [number], [number]
        self._latest = submitted_utc_seconds

    def see(self, submitted_utc_seconds: int | None) -> None:
        if submitted_utc_seconds is not None and (self._latest is None or submitted_utc_seconds > self._latest):
            self._latest = submitted_utc_seconds

    def is_reset(self, number: int, submitted_utc_seconds: int | None) -> bool:
        highest = self.ends[-1]
        if number > highest:
            return False
        if submitted_utc_seconds is None or self._latest is None:
            return number < highest - _DISORDER_WITHOUT_TIME
        if submitted_utc_seconds <= self._latest:
            return False
        return number < highest - _DISORDER or self._has(number)

    def _has(self, number: int) -> bool:
        at = bisect_right(self.begins, number) - 1
        return at >= 0 and number <= self.ends[at]

    def add(self, number: int) -> None:
        """Put a number in, joining the stretches it closes the gap between."""
        begins, ends = self.begins, self.ends
        at = bisect_right(begins, number) - 1
        if at >= 0 and number <= ends[at]:
            return
        touches_left = at >= 0 and ends[at] == number - 1
        touches_right = at + 1 < len(begins) and begins[at + 1] == number + 1
        if touches_left and touches_right:
            ends[at] = ends.pop(at + 1)
            del begins[at + 1]
        elif touches_left:
            ends[at] = number
        elif touches_right:
            begins[at + 1] = number
        else:
            begins.insert(at + 1, number)
            ends.insert(at + 1, number)

    def join_first(self) -> None:
        """Forget the gap between the two lowest stretches."""
        del self.begins[1], self.ends[0]


class Doubles:
    """Records that come twice, by their key. Exact among at least the last *window* records; keys are kept as 64-bit hashes."""

    def __init__(self, window: int = 500_000) -> None:
        self._window = window
        self._new: set[int] = set()
        self._old: set[int] = set()
        self.is_partial = False
        """Whether there were more records than are remembered."""

    def is_double(self, job: Job) -> bool:
        """Whether a record with this key came before. A record without Job ID has no key."""
        if job.job_id is None:
            return False
        mark = hash(key(job))
        if mark in self._new or mark in self._old:
            return True
        if len(self._new) >= self._window:
            self.is_partial = self.is_partial or bool(self._old)
            self._old, self._new = self._new, set()
        self._new.add(mark)
        return False


def _of(server: str | None) -> str:
    return f" of {server}" if server else ""
