"""What came of the exchanges with central: how long to wait after a failure, what people are told, what is counted."""

from __future__ import annotations

import logging
from collections import Counter as Tally
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

import msgspec

from poller import exposition
from poller.clock import Clock
from poller.errors import PollerError, UnreachedError, UploadError
from poller.exposition import Sample
from poller.logs import ERROR, INFO, WARNING, emit
from poller.upload.backoff import Backoff
from poller.upload.client import SKEW_SECONDS_MAX, CentralClient
from poller.upload.enrolment import HELPLESS

log = logging.getLogger(__name__)

SHUT_OUT = frozenset({"unknown-agent", "agent-revoked"})
"""Refusals that say nothing of a batch, but of us: nobody but the dealer can help."""

OVER_QUOTA = "over-quota"
"""A refusal of readings alone: the customer sent all it may in a day. They are kept, and tried again."""

RESULTS = ("stored", "duplicate", "quarantined")

_HOST = "host"  # the kind of trouble with our own disk
_STANDING = frozenset({_HOST, OVER_QUOTA})  # what a good answer to something else does not end
_UNKNOWN_TOKEN_SECONDS = 3600.0
_SHUT_OUT_SECONDS = 900.0
_HOST_SECONDS = 60.0  # trouble with our own disk: it is not central that has to be spared
_HINTS = {
    **dict.fromkeys(("token-used", "token-expired", "token-unknown"), "ask the dealer for a new token, and start the agent with it"),
    **dict.fromkeys(SHUT_OUT, "ask the dealer: this agent is not let in; nothing is lost meanwhile"),
    "conflict": "move the folder central in [state] folder away, and start with a new token",
    OVER_QUOTA: "readings are kept and sent later; if it stays, ask the dealer",
    "proxy-auth": "see central.proxy_user and docs/upload.md",
    "tls": "see central.ca_file",
}


class Refused(msgspec.Struct, frozen=True):
    """A set of settings that was not taken, and why."""

    version: int
    reason: str


class UploadStatus(msgspec.Struct, frozen=True, kw_only=True):
    """For the status page. `trouble` is a sentence while something is wrong, `success_utc` when central last answered well."""

    address: str
    is_enrolled: bool
    account: str = ""
    site: str = ""
    success_utc: datetime | None = None
    trouble: str | None = None
    settings_version: int = 0
    settings_refused: Refused | None = None


class Ledger:
    """*date* gives a monotonic time its date, None while the clock is not to be believed; *dice* numbers from 0 up to 1."""

    def __init__(self, client: CentralClient, clock: Clock, *, date: Callable[[float], datetime | None], dice: Callable[[], float]) -> None:
        self._client, self._clock, self._date = client, clock, date
        self._backoff = Backoff(dice=dice)
        self._success_at: float | None = None
        self._retry_after_seconds = 0.0
        self._is_skewed = False
        self._failing: str | None = None
        self.trouble: str | None = None
        """One sentence while something is wrong, with what a person can do."""
        self.is_halted = False
        """Whether nothing helps but a person: no token that could be used."""
        self.batches: Tally[str] = Tally()
        self.failures: Tally[str] = Tally()

    @property
    def success_utc(self) -> datetime | None:
        return None if self._success_at is None else self._date(self._success_at)

    def succeed(self) -> None:
        """Central has answered, and well."""
        self._success_at = self._clock.monotonic()
        self._backoff.succeed()
        self._retry_after_seconds = 0.0
        self._tell_skew()
        if self._failing not in _STANDING:
            self._recover()

    def succeed_here(self) -> None:
        """All that was due is done: this host's own disk works, too, and readings are taken."""
        if self._failing in _STANDING:
            self._recover()

    def fail(self, error: PollerError) -> float:
        """Note what went wrong and return the seconds to wait before anything is tried again."""
        kind = error.kind if isinstance(error, UploadError) else _HOST
        self.failures[kind] += 1
        self._tell_skew()
        self.is_halted = kind in HELPLESS - SHUT_OUT
        hint = _HINTS.get(kind, "")
        self.trouble = f"{error}; {hint}" if hint else str(error)
        if kind != self._failing:
            level = ERROR if self.is_halted or kind in SHUT_OUT else WARNING
            emit(log, level, "upload.failing", kind=kind, reason=str(error), hint=hint)
            self._failing = kind
        told_seconds = error.retry_after_seconds if isinstance(error, UploadError) else None
        self._retry_after_seconds = told_seconds or 0.0
        if not isinstance(error, UploadError):
            return _HOST_SECONDS
        if kind == "token-unknown":
            return self._backoff.fail(least_seconds=_UNKNOWN_TOKEN_SECONDS)
        if kind in SHUT_OUT:
            return self._backoff.fail(least_seconds=_SHUT_OUT_SECONDS)
        return self._backoff.fail(retry_after_seconds=told_seconds)

    def _recover(self) -> None:
        if self.trouble is not None:
            emit(log, INFO, "upload.works_again")
        self.trouble = self._failing = None

    def _tell_skew(self) -> None:
        skew_seconds = self._client.skew_seconds
        is_skewed = skew_seconds is not None and abs(skew_seconds) > SKEW_SECONDS_MAX
        if is_skewed != self._is_skewed:
            assert skew_seconds is not None
            event = "upload.clock_skewed" if is_skewed else "upload.clock_agrees"
            emit(log, WARNING if is_skewed else INFO, event, ahead_of_central_seconds=round(skew_seconds, 1))
        self._is_skewed = is_skewed

    def metrics(self) -> Iterable[Sample]:
        if (success_utc := self.success_utc) is not None:
            yield Sample(exposition.POLLER_UPLOAD_LAST_SUCCESS, success_utc.astimezone(UTC).timestamp())
        for result in RESULTS:
            yield Sample(exposition.POLLER_UPLOAD_BATCHES, self.batches[result], (result,))
        failures = self.failures + Tally({"clock-skew": self._client.skewed})
        for kind in dict.fromkeys((*UnreachedError.KINDS, "clock-skew", *sorted(failures))):
            yield Sample(exposition.POLLER_UPLOAD_FAILURES, failures[kind], (kind,))
        yield Sample(exposition.POLLER_UPLOAD_BYTES, self._client.bytes_sent)
        yield Sample(exposition.POLLER_UPLOAD_RETRY_AFTER, self._retry_after_seconds)
        if self._client.skew_seconds is not None:
            yield Sample(exposition.POLLER_UPLOAD_CLOCK_SKEW, self._client.skew_seconds)
