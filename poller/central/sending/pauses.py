"""When a message is tried again: after a minute, then twice as long each time, up to an hour; for a week. Pure.

The pauses are uneven, so that what was put off together does not come back together. How much is drawn from the message itself: the same
message and try always give the same pause.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256

from poller.central.sending.faults import PutOffError

FIRST_SECONDS, LONGEST_SECONDS = 60.0, 3600.0
GIVE_UP = timedelta(days=7)
ASKED_SECONDS_MAX = 86_400.0
"""As long as a server may ask to be left alone."""
_UNEVEN = 0.2
_DOUBLINGS_MAX = 16


def next_try(fault: PutOffError, *, what: str, tries: int, since_utc: datetime, now_utc: datetime) -> datetime | None:
    """Return when the message *what* is tried again after its try number *tries* failed; None when it is given up."""
    if now_utc - since_utc >= GIVE_UP or (fault.tries_max is not None and tries >= fault.tries_max):
        return None
    seconds = LONGEST_SECONDS if fault.is_slow else min(LONGEST_SECONDS, FIRST_SECONDS * 2 ** min(tries - 1, _DOUBLINGS_MAX))
    asked_seconds = min(fault.after_seconds or 0.0, ASKED_SECONDS_MAX)
    return now_utc + timedelta(seconds=max(asked_seconds, seconds * (1 - _UNEVEN * _dice(what, tries))))


def _dice(what: str, tries: int) -> float:
    """Return 0 to 1."""
    return sha256(f"{what} {tries}".encode()).digest()[0] / 255
