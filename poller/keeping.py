"""Where the agent's readings go: into the outbox of its configuration, or, where that keeps none, no further than the log."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from poller.clock import Clock
from poller.config import Outbox as Settings
from poller.engine.handover import Line, LogRecorder, Recorder
from poller.exposition import Sample
from poller.outbox.control_copy import ControlCopy
from poller.outbox.outbox import Outbox
from poller.sealing.local_key import LocalKey

_CONTROL_COPY = "control-copy"
_DAY_SECONDS = 86_400


class Keeping:
    """A `Recorder`; `open` it before anything is recorded. Given a *recorder*, it opens nothing and hands on to that."""

    def __init__(self, settings: Settings, clock: Clock, recorder: Recorder | None = None) -> None:
        self._settings, self._clock = settings, clock
        self._is_given = recorder is not None
        self._recorder = recorder or LogRecorder()
        self.outbox: Outbox | None = None
        """None where nothing is kept."""

    async def open(self, *, has_central: bool) -> None:
        """Open the outbox. Raises HostError when this host cannot keep it, or its key is another."""
        settings = self._settings
        if settings.file is None or settings.key_file is None or self._is_given:
            return
        copy_seconds = settings.control_copy_seconds
        copy = None if copy_seconds is None else ControlCopy(settings.file.with_name(_CONTROL_COPY), keep_seconds=copy_seconds)
        self._recorder = self.outbox = await Outbox.open(
            settings.file,
            LocalKey.open_or_create(settings.key_file, setting="[outbox] key_file"),
            self._clock,
            limit_bytes=settings.limit_bytes,
            keep_days=int(settings.keep_seconds // _DAY_SECONDS),
            control_copy=copy,
            has_central=has_central,
        )

    async def close(self) -> None:
        if self.outbox is not None:
            await self.outbox.close()

    async def record(self, lines: Sequence[Line]) -> None:
        await self._recorder.record(lines)

    def metrics(self) -> Iterable[Sample]:
        return () if self.outbox is None else self.outbox.metrics()

    @property
    def notes(self) -> tuple[str, ...]:
        """What an operator should know, one sentence each."""
        return () if self.outbox is None else self.outbox.notes()
