"""A clock that stands still until a test moves it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

START_UTC = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)


class FakeClock:
    """Satisfies `poller.clock.Clock`. `advance` moves both times; `jump` moves only the wall clock, as NTP or a person does."""

    def __init__(self, start_utc: datetime = START_UTC) -> None:
        self._utc, self._monotonic_at = start_utc, 1000.0

    def monotonic(self) -> float:
        return self._monotonic_at

    def utc(self) -> datetime:
        return self._utc.replace(microsecond=self._utc.microsecond // 1000 * 1000)

    def advance(self, seconds: float) -> None:
        assert seconds >= 0, "time does not go back; see jump"
        self._monotonic_at += seconds
        self._utc += timedelta(seconds=seconds)

    def jump(self, seconds: float) -> None:
        self._utc += timedelta(seconds=seconds)
