"""A site's own days: when one begins and ends in UTC, and which are due to be closed.

A bill speaks of days as the customer has them. A day is 24 hours, except where the clocks change: 23 or 25 (Lord Howe: 23.5 or 24.5), and
a midnight that does not exist (Santiago, Beirut) begins at the change. Where a country skipped a date (Samoa, 30 December 2011), that
day has no length. Every moment belongs to exactly one day, and the end of one is the beginning of the next. Pure; the rules come from the
tz database of the host or, where there is none, of the package `tzdata`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from poller.errors import ConfigError

DAY = timedelta(days=1)
GRACE = timedelta(hours=6)
"""How long after its end a day is closed: an agent uploads hourly, and a line that was down over midnight is often back by the morning."""
CATCH_UP_DAYS_MAX = 400
"""A site that is older than this and was never closed begins this far back; raw readings are gone by then anyway."""


def load_zone(name: str) -> ZoneInfo:
    """Return the time zone called *name* in the tz database ("Europe/Berlin"). Raises ConfigError."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        hint = "is the tz database installed? (Debian: tzdata)" if name in ("UTC", "Europe/Berlin") else "names look like Europe/Berlin"
        raise ConfigError([f"{name!r} is no time zone of this host's tz database; {hint}"]) from error


def day_of(moment_utc: datetime, zone: ZoneInfo) -> date:
    """Return the day of the site in which *moment_utc* lies."""
    return moment_utc.astimezone(zone).date()


@lru_cache(maxsize=4096)
def begin_of(day: date, zone: ZoneInfo) -> datetime:
    """Return the first moment of *day*, in UTC.

    Of a midnight that comes twice it is the first; of one that does not come, the moment of the change: what `fold=0` says (PEP 495).
    """
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)


def end_of(day: date, zone: ZoneInfo) -> datetime:
    """Return the moment *day* is over, which is the first of the next, in UTC."""
    return begin_of(day + DAY, zone)


def due_days(closed: date | None, zone: ZoneInfo, now_utc: datetime, *, first: date, grace: timedelta = GRACE) -> Iterator[date]:
    """Yield the days to close now, oldest first.

    *closed* is the last one closed, None where none was; *first* the day of the site's first reading. After a pause every day is closed,
    one by one. A site that moved to another zone goes on with the day after *closed*: readings are taken up by what was already used, not
    by the edges of days, so that none is lost or counted twice.
    """
    day = max(first, day_of(now_utc, zone) - CATCH_UP_DAYS_MAX * DAY)
    if closed is not None:
        day = max(day, closed + DAY)
    while end_of(day, zone) + grace <= now_utc:
        yield day
        day += DAY
