"""What runs beside polling, and never ends it: uploads, job logs, the update check, reloads.

All tasks of the agent live in one group, and a task that dies of a bug takes the group with it. That is right for polling and for what
shows it; an uploader that trips over an answer nobody thought of must not blind a whole site. So such a part is `Beside`: a fault of ours
ends its run, is logged with its traceback and counted, and after a pause the part is run again. Being cancelled goes through, as does what
a part refuses on purpose when it is first run: a certificate that cannot be read should end a start, not a night.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress

from poller import exposition
from poller.clock import Clock
from poller.engine.faults import tell
from poller.errors import PollerError
from poller.exposition import Sample

_PAUSE_SECONDS, _PAUSE_SECONDS_MAX = 60.0, 3600.0


class Beside:
    """One part. *run* lasts until the agent stops, may be cancelled at any time, and may be called again after it failed."""

    def __init__(self, name: str, run: Callable[[], Awaitable[None]], clock: Clock, *, pause_seconds: float = _PAUSE_SECONDS) -> None:
        self.name, self._run, self._clock, self._pause_seconds = name, run, clock, pause_seconds
        self._failures = self._in_a_row = 0
        self._place: str | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Run the part until it ends by itself, after every fault anew; *stop* ends the pause before that. Raises PollerError at first."""
        while True:
            begun_at = self._clock.monotonic()
            try:
                await self._run()
            except Exception as error:
                if isinstance(error, PollerError) and not self._failures:
                    raise
                if self._clock.monotonic() - begun_at > _PAUSE_SECONDS_MAX:
                    self._in_a_row = 0
                self._failures += 1
                self._in_a_row += 1
                seconds = pause_seconds(self._pause_seconds, self._in_a_row)
                self._place = tell(error, "part.failed", part=self.name, next_try_seconds=seconds)
            else:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await stop.wait()
                    return
            self._place = None

    @property
    def notes(self) -> tuple[str, ...]:
        """What an operator should know, while the part is paused."""
        return () if self._place is None else (f"{self.name} stopped by a fault of this program ({self._place}), tried again soon",)

    def metrics(self) -> Iterable[Sample]:
        yield Sample(exposition.POLLER_PART_FAILURES, self._failures, (self.name,))


def pause_seconds(first_seconds: float, failures: int) -> float:
    """Return the pause after so many failures in a row: twice as long every time, an hour at most."""
    return min(first_seconds * 2.0 ** min(failures - 1, 16), _PAUSE_SECONDS_MAX)
