"""The agent's side of job logs: what a collector needs of the configuration, of the outbox and of the local key."""

from __future__ import annotations

from collections.abc import Iterable

from poller.accounting.collect import Collector, Outlet, Source, dialect_named
from poller.accounting.pseudonyms import Pseudonyms
from poller.clock import Clock
from poller.config import Config
from poller.engine.handover import Recorder
from poller.exposition import Sample
from poller.outbox.outbox import Outbox
from poller.sealing.local_key import LocalKey

_PURPOSE = "accounting names"


class Collecting:
    """Made by `begin`; `open` it once the outbox is, then `run` it."""

    def __init__(self, config: Config, clock: Clock) -> None:
        """Raises ConfigError for a dialect that cannot be read."""
        settings = config.accounting
        assert settings.folder is not None
        self._config, self._clock = config, clock
        self._source = Source(settings.folder, settings.files, dialect_named(settings.dialect), settings.every_seconds)
        self._collector: Collector | None = None

    @classmethod
    def begin(cls, config: Config, clock: Clock) -> Collecting | None:
        """Return it where a folder is watched. Raises ConfigError."""
        return None if config.accounting.folder is None else cls(config, clock)

    def open(self, recorder: Recorder, outbox: Outbox | None, *, has_central: bool) -> None:
        """Build the collector. Jobs go to *recorder* where there is a central, and an outbox for them. Raises HostError."""
        settings = self._config.accounting
        assert settings.database is not None
        outlet = None
        if settings.upload and has_central and outbox is not None:
            outlet = Outlet(recorder, lambda: outbox.status().lines)
        self._collector = Collector(self._source, settings.database, pseudonyms(self._config), self._clock, outlet=outlet)

    async def run(self) -> None:
        assert self._collector is not None
        await self._collector.run()

    def metrics(self) -> Iterable[Sample]:
        return () if self._collector is None else self._collector.metrics()

    @property
    def notes(self) -> tuple[str, ...]:
        """What an operator should know, one sentence each."""
        return () if self._collector is None else self._collector.notes


def pseudonyms(config: Config) -> Pseudonyms:
    """Return what takes names out of jobs, under the local key where it hashes them. Raises HostError."""
    names = config.accounting.names
    if names != "hash":
        return Pseudonyms(names)
    assert config.state.key_file is not None
    return Pseudonyms(names, LocalKey.open_or_create(config.state.key_file).derive(_PURPOSE))
