"""The fleet's times under a clock that is not to be believed: absent while wrong, moved along when it is set."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec

from poller.engine.fleet import Fleet
from poller.model import Decoded
from tests.fake_clock import START_UTC, FakeClock
from tests.readings import bare, colour_mfp

EPOCH_UTC = datetime(1970, 1, 1, tzinfo=UTC)
TO_NOW_SECONDS = (START_UTC - EPOCH_UTC).total_seconds()


def fleet(clock: FakeClock) -> Fleet:
    return Fleet(
        clock,
        site=None,
        stale_after_seconds=86_400,
        forget_after_seconds=30 * 86_400,
        is_doubtful=lambda moment_utc: moment_utc.year < 2026,
    )


def taken(clock: FakeClock, number: int = 1) -> Decoded:
    decoded = colour_mfp(number)
    return msgspec.structs.replace(
        decoded, reading=msgspec.structs.replace(decoded.reading, taken_at=clock.utc()), boot_utc=clock.utc() - timedelta(hours=1)
    )


def text(one: Fleet) -> str:
    return b"".join(one.families()).decode()


def test_a_time_that_is_not_to_be_believed_is_not_shown() -> None:
    clock = FakeClock(EPOCH_UTC)
    one = fleet(clock)
    one.put(taken(clock), duration_seconds=0.1)
    shown = text(one)
    assert "printer_up{" in shown
    assert "printer_supply_level_ratio{" in shown
    assert "printer_last_poll_timestamp_seconds{" not in shown
    assert "printer_boot_time_seconds{" not in shown


def test_nobody_is_stale_or_forgotten_because_the_clock_was_set() -> None:
    clock = FakeClock(EPOCH_UTC)
    one = fleet(clock)
    read, unread = taken(clock), bare().reading.printer
    one.put(read, duration_seconds=0.1)
    one.fail(unread, duration_seconds=3.0)
    clock.advance(60)
    one.fail(read.reading.printer, duration_seconds=3.0)
    clock.jump(TO_NOW_SECONDS)
    one.redate(TO_NOW_SECONDS, is_right=True)
    assert one.fail(unread, duration_seconds=3.0)
    assert one.fail(read.reading.printer, duration_seconds=3.0)
    entry = one.get(read.reading.printer.id)
    assert entry is not None
    assert entry.last_ok_utc == entry.since_utc == START_UTC
    assert entry.reading is not None
    assert entry.reading.taken_at == START_UTC
    assert f'printer_last_poll_timestamp_seconds{{printer="{entry.label}"}} {START_UTC.timestamp():.3f}' in text(one)


def test_what_was_read_under_a_good_clock_stays_where_it_was() -> None:
    clock = FakeClock()
    one = fleet(clock)
    one.put(taken(clock), duration_seconds=0.1)
    one.redate(-TO_NOW_SECONDS, is_right=False)
    (entry,) = one.entries()
    assert entry.last_ok_utc == entry.since_utc == START_UTC


def test_the_site_gets_its_new_name_with_the_next_poll(clock: FakeClock) -> None:
    one = fleet(clock)
    one.put(taken(clock), duration_seconds=0.1)
    one.configure(site="hamburg", stale_after_seconds=60, forget_after_seconds=120)
    assert 'site="hamburg"' not in text(one)
    one.put(taken(clock), duration_seconds=0.1)
    assert 'site="hamburg"' in text(one)
    one.fail(taken(clock).reading.printer, duration_seconds=1.0)
    clock.advance(61)
    assert "printer_supply_level_ratio" not in text(one)
    clock.advance(60)
    assert text(one) == ""
