"""A known printer made into what survives a restart, and back: times of a clock that starts anew become times of day, and the reverse."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec

from poller.clock import Clock
from poller.engine.asking import Manners
from poller.engine.book import Known, Places
from poller.engine.device import Device
from poller.engine.fleet import Entry
from poller.engine.presence import Presence
from poller.engine.reader import LEARN_EVERY_SECONDS
from poller.engine.remembered import Remembered, Way
from poller.model import Credential, Reading

_decode_reading = msgspec.json.Decoder(Reading).decode


def remember(known: Known, entry: Entry | None, clock: Clock) -> Remembered:
    """Return *known*, with its *entry* in the fleet, as a value."""
    now_at, now_utc = clock.monotonic(), clock.utc()
    one, presence = known.device, known.presence
    manners = one.manners if one is not None else Manners()
    return Remembered(
        printer=known.printer,
        way=Way.of(known.target),
        other_way=None if known.other_way is None else Way.of(known.other_way),
        location=known.place.location,
        layout=None if one is None else one.layout,
        learned_utc=None if one is None else now_utc - timedelta(seconds=min(now_at - known.learned_at, LEARN_EVERY_SECONDS)),
        config_changes=None if one is None else one.config_changes,
        oids_max=manners.oids_max,
        bulk_rows=manners.bulk_rows,
        is_proven=manners.is_proven,
        pause_ms=manners.pause_ms,
        context=manners.context,
        context_at=() if one is None else one.context_at,
        due_utc=now_utc + timedelta(seconds=known.due_at - now_at),
        is_silent=presence.is_silent,
        boot_utc=None if entry is None else entry.boot_utc,
        last_ok_utc=None if entry is None else entry.last_ok_utc,
        last_poll_seconds=0.0 if entry is None else entry.last_poll_seconds,
        was_read=presence.was_read,
        since_utc=None if entry is None else entry.since_utc,
        failures=presence.failures,
        misses=presence.misses,
        silent_seconds=max(0.0, now_at - presence.since_at) if presence.is_silent else 0.0,
        is_gone=presence.is_gone,
        rival=presence.rival,
        wakes=known.wakes,
        reading=b"" if entry is None else entry.json,
    )


def recall(one: Remembered, credentials: Mapping[str, Credential], places: Places, clock: Clock) -> Known | None:
    """Return the printer as it was known; None when its credential or range is configured no more."""
    now_at, now_utc = clock.monotonic(), clock.utc()
    target, place = one.way.target(credentials), places.get(one.way.range)
    if target is None or place is None:
        return None
    known = Known(one.printer, target, place, wakes=one.wakes, boot_utc=one.boot_utc)
    known.read_at = one.printer.address if one.was_read else None
    known.other_way = one.other_way.target(credentials) if one.other_way is not None else None
    known.presence = Presence(
        was_read=one.was_read,
        failures=max(one.failures, one.is_silent),
        is_silent=one.is_silent,
        is_gone=one.is_gone,
        misses=one.misses,
        since_at=now_at - one.silent_seconds,
        rival=one.rival,
    )
    if one.layout is not None and one.learned_utc is not None:
        manners = Manners(one.oids_max, one.bulk_rows, place.octets_max, one.is_proven, one.pause_ms, one.context)
        known.device = Device(one.layout, manners, config_changes=one.config_changes, context_at=one.context_at)
        known.learned_at = now_at - max(0.0, (now_utc - one.learned_utc).total_seconds())
    if one.location != place.location:
        known.learn_anew()
    return known


def wait_seconds(one: Remembered, now_utc: datetime, longest_seconds: float) -> float | None:
    """Return the seconds until its next poll; None when that was missed, or lies further ahead than any can: a clock was set."""
    seconds = (one.due_utc - now_utc).total_seconds()
    return seconds if 0 <= seconds <= longest_seconds else None


def reading_of(one: Remembered) -> Reading | None:
    """Return its last reading; None where there is none, or one of a program that had another idea of it."""
    try:
        return _decode_reading(one.reading) if one.reading else None
    except msgspec.MsgspecError:
        return None
