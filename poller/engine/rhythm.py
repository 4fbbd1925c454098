"""How long until a printer is asked again: by what is configured for it, and by what it said last. Pure.

Every printer has its own place within its interval, made of its id and nothing else: ten thousand are spread evenly, and stay so across
restarts. Around that place each poll comes a little earlier or later, so that printers never fall into step with each other or with what
else happens on the hour.

A device asleep may be woken by a question, and one that is woken all day wears out and burns power: it is left alone for `wake_seconds`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from hashlib import blake2s
from math import ceil, floor
from types import MappingProxyType
from typing import NamedTuple

from poller.model import Printer, Reading

_JITTER = 0.05  # of the interval, all in all
_GOLDEN = 0.6180339887498949  # its multiples, modulo 1, fill the interval evenly and never repeat
_BACK_OFF_MAX = 8
_BACK_OFF_SECONDS_MAX = 4 * 3600.0
_WAKES_SURE = 2  # one lost datagram is no sleep

# prtAlertCode subunitPowerSaver (RFC 3805); its severity is a warning or less, so it stands beside any hrPrinterStatus.
_POWER_SAVER = 23
_NONE: Mapping[str, float] = MappingProxyType({})


class Mood(Enum):
    """What a printer does, as far as the next poll depends on it."""

    USUAL = "usual"
    BUSY = "busy"
    """It prints, warms up to print, or somebody will soon change a supply."""
    ASLEEP = "asleep"


def mood_of(reading: Reading, *, is_low: bool, wakes: int) -> Mood:
    """Return the mood of a printer by its reading. *wakes* is how often in a row it answered only after it had been woken.

    Standby is hrDeviceStatus running (warning, with a supply low) beside hrPrinterStatus other: RFC 3805 section 2.2.13.2.1.
    """
    status = reading.status
    if status.printer in ("printing", "warmup"):
        return Mood.BUSY
    if status.printer == "other" and status.device in ("running", "warning"):
        return Mood.ASLEEP
    if wakes >= _WAKES_SURE or any(alert.code == _POWER_SAVER for alert in reading.alerts):
        return Mood.ASLEEP
    return Mood.BUSY if is_low else Mood.USUAL


class Rhythm(NamedTuple):
    """The intervals configured. A printer's own one counts, else its range's, else its profile's, else `every_seconds`.

    `by_printer` is by id, by any other identity, or by address. `busy_seconds` is to `every_seconds` as a printer's interval while busy is
    to its interval otherwise; `wake_seconds` is the same for all.
    """

    every_seconds: float = 900.0
    busy_seconds: float = 300.0
    wake_seconds: float = 4 * 3600.0
    by_range: Mapping[str, float] = _NONE
    by_profile: Mapping[str, float] = _NONE
    by_printer: Mapping[str, float] = _NONE

    def every(self, printer: Printer) -> float:
        """Return the usual seconds between two polls of *printer*."""
        if self.by_printer:
            for name in (*printer.identities, printer.address):
                if name in self.by_printer:
                    return self.by_printer[name]
        if printer.range is not None and printer.range in self.by_range:
            return self.by_range[printer.range]
        if printer.profile is not None and printer.profile in self.by_profile:
            return self.by_profile[printer.profile]
        return self.every_seconds

    def after_answer(self, printer: Printer, phase: float, mood: Mood, now_utc: datetime) -> float:
        """Return the seconds from *now_utc* until a printer that answered is due again."""
        every_seconds = self.every(printer)
        if mood is Mood.BUSY:
            every_seconds *= min(1.0, self.busy_seconds / self.every_seconds)
        elif mood is Mood.ASLEEP and self.wake_seconds > every_seconds:
            return self.wake_seconds * (1 + _JITTER * phase)  # never sooner, whatever its place
        return until_place(phase, every_seconds, now_utc)

    def after_silence(self, printer: Printer, phase: float, failures: int) -> float:
        """Return the seconds until a printer that has given nothing *failures* times in a row is asked again: longer with each time."""
        every_seconds = self.every(printer)
        wait_seconds = min(every_seconds * min(1 << min(failures - 1, 30), _BACK_OFF_MAX), max(every_seconds, _BACK_OFF_SECONDS_MAX))
        return wait_seconds * (1 + _JITTER * (phase - 0.5))

    def spread(self, printer: Printer, phase: float, now_utc: datetime) -> float:
        """Return the seconds until the next place of *printer*, less than an interval away: for polls missed while nobody asked."""
        position = now_utc.timestamp() / self.every(printer) - phase
        return (ceil(position) - position) * self.every(printer)

    def longest(self, printer: Printer) -> float:
        """Return how many seconds a poll of *printer* may lie ahead at most; a time beyond it is a clock's mistake."""
        every_seconds = self.every(printer)
        return (1 + _JITTER) * max(self.wake_seconds, 2 * every_seconds, min(every_seconds * _BACK_OFF_MAX, _BACK_OFF_SECONDS_MAX))


def phase_of(printer_id: str) -> float:
    """Return the place of a printer within any interval, 0 to 1."""
    return int.from_bytes(blake2s(printer_id.encode("utf-8", "replace"), digest_size=6, person=b"phase").digest(), "big") / 2**48


def until_place(phase: float, every_seconds: float, now_utc: datetime) -> float:
    """Return the seconds until the next place *phase* of an interval that is at least half an interval away."""
    position = now_utc.timestamp() / every_seconds - phase
    number = floor(position + 0.5) + 1
    wobble = (997 * phase + number * _GOLDEN) % 1.0 - 0.5
    return (number + _JITTER * wobble - position) * every_seconds
