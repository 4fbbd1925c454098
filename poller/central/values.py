"""Central's configuration as the rest of this room sees it: frozen, checked, every secret shut."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Literal

import msgspec

from poller.config import Listen, Log, Origin
from poller.config.values import Shown
from poller.model import Secret

Kept = Literal["raw", "daily", "meters", "jobs"]
"""What there is to keep: lines as they came, daily rows, meters, jobs of presses."""


class _Value(msgspec.Struct, frozen=True, kw_only=True):
    """A frozen value, fields by name only."""


class Server(_Value, frozen=True, kw_only=True):
    """`address` is how agents reach it, None as long as nobody said; `metrics_listen` is None where nobody is to look."""

    listen: Listen
    metrics_listen: Listen | None
    address: str | None = None
    is_forwarded: bool = False
    requests_per_second: int = 20
    account_megabytes_per_day: int = 10_000


class DatabasePlace(_Value, frozen=True, kw_only=True):
    """`url` has a password in it, most often."""

    url: Secret


class Retention(_Value, frozen=True, kw_only=True):
    """At least so long; on PostgreSQL to the end of the month in which it is over."""

    raw_days: int = 35
    daily_months: int = 13
    meter_years: int = 10
    job_months: int = 24

    def kept_from(self, kept: Kept, now_utc: datetime) -> date:
        """Return the first day of which everything is kept."""
        today = now_utc.astimezone(UTC).date()
        match kept:
            case "raw":
                return today - timedelta(days=self.raw_days)
            case "daily":
                return _months_before(today, self.daily_months)
            case "meters":
                return _months_before(today, 12 * self.meter_years)
            case "jobs":
                return _months_before(today, self.job_months)


class Mail(_Value, frozen=True, kw_only=True):
    """The server mail goes out by. `password` is there exactly where `user` is; without a `language` a mail has its parcel's."""

    host: str
    port: int
    security: Literal["starttls", "tls", "none"]
    sender: str
    to: tuple[str, ...]
    user: str | None = None
    password: Secret | None = None
    language: Literal["de", "en"] | None = None
    ca_file: Path | None = None


class Webhook(_Value, frozen=True, kw_only=True):
    """Where parcels are posted to, and what proves that they are ours."""

    url: str
    secret: Secret
    ca_file: Path | None = None


class Config(_Value, frozen=True, kw_only=True):
    """Everything an operator decided about central."""

    server: Server
    database: DatabasePlace
    keys_folder: Path
    updates_folder: Path | None
    log: Log
    mail: Mail | None = None
    webhook: Webhook | None = None
    csv_folder: Path | None = None
    retention: Retention = Retention()
    warnings: tuple[str, ...] = ()
    origins: tuple[Origin, ...] = ()

    def redacted(self) -> dict[str, dict[str, Shown]]:
        """Return `{"server.listen": {"value": "…", "from": "default"}, …}`, secrets hidden."""
        return {origin.setting: {"value": origin.value, "from": origin.origin} for origin in self.origins}


def _months_before(day: date, months: int) -> date:
    """Return the first of the month that many months before *day*'s."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, 1)
