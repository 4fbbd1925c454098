"""What is shown and kept of readings when a day is the finest one may know."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest

from poller.engine.dating import Dating
from poller.engine.handover import Handover, Line, Settled
from poller.engine.notable import Reason
from poller.engine.privacy import Privacy
from poller.engine.remembered import Remembered, Way
from poller.model import Alert, Decoded, Reading, Supply
from poller.printers import gauges
from poller.printers.masks import Mask
from tests.fake_clock import START_UTC, FakeClock
from tests.readings import TAKEN_UTC, colour_mfp

BERLIN = ZoneInfo("Europe/Berlin")


def by_day() -> Privacy:
    return Privacy(resolution="day", zone=BERLIN)


def later(hours: float, *, pages: int = 0, **changes: object) -> Decoded:
    decoded = colour_mfp(grown=pages)
    reading = msgspec.structs.replace(decoded.reading, taken_at=TAKEN_UTC + timedelta(hours=hours), **changes)
    return msgspec.structs.replace(decoded, reading=reading, boot_utc=TAKEN_UTC - timedelta(hours=1))


def with_supply(decoded: Decoded, **changes: object) -> Decoded:
    first, *rest = decoded.reading.supplies
    supplies = (msgspec.structs.replace(first, **changes), *rest)
    return msgspec.structs.replace(decoded, reading=msgspec.structs.replace(decoded.reading, supplies=supplies))


def first_supply(privacy: Privacy, decoded: Decoded) -> Supply:
    return privacy.show(decoded).reading.supplies[0]


def test_without_any_choice_a_reading_is_shown_as_it_is() -> None:
    decoded = later(0)
    assert Privacy().show(decoded) is decoded
    assert Privacy().recorded(decoded.reading) is decoded.reading


def test_counters_are_those_of_the_days_first_reading() -> None:
    privacy = by_day()
    first = privacy.show(later(0)).reading.counters
    assert later(1, pages=40).reading.counters != first
    assert privacy.show(later(1, pages=40)).reading.counters == first
    assert privacy.show(later(16, pages=90)).reading.counters == first  # 23:00 in Berlin
    assert privacy.show(later(18, pages=90)).reading.counters == later(0, pages=90).reading.counters  # 01:00 of the next day


def test_a_level_moves_once_a_day_and_when_its_state_turns() -> None:
    privacy = by_day()
    before = first_supply(privacy, later(0))
    used = with_supply(later(2), ratio=0.5, units=6000)
    assert first_supply(privacy, used) == before
    low = with_supply(later(3), ratio=0.09, units=1080, state="low")
    assert first_supply(privacy, low).state == "low"
    assert first_supply(privacy, low).ratio == 0.09
    lower = with_supply(later(4), ratio=0.05, units=600, state="low")
    assert first_supply(privacy, lower).ratio == 0.09
    new = with_supply(later(5), ratio=1.0, units=12000, state="ok", serial="ANOTHER")
    assert first_supply(privacy, new).ratio == 1.0


def test_nothing_tells_when_somebody_prints_or_switched_it_on() -> None:
    printing = msgspec.structs.replace(later(1).reading.status, printer="printing", errors=("jammed",))
    shown = by_day().show(later(1, status=printing))
    assert shown.reading.status.printer is None
    assert shown.boot_utc is None
    assert shown.reading.status.errors == ("jammed",)
    lines = b"".join(gauges.render(shown, site=None))
    assert b"printer_boot_time_seconds" not in lines
    assert b"printer_status" not in lines
    assert b"printer_error{" in lines


def test_alerts_and_covers_stay_live() -> None:
    privacy = by_day()
    privacy.show(later(0))
    alert = Alert(key="1.99", severity="critical", code=8)
    covers = tuple(msgspec.structs.replace(cover, open=True) for cover in later(1).reading.covers)
    shown = privacy.show(later(1, alerts=(alert,), covers=covers)).reading
    assert shown.alerts == (alert,)
    assert shown.covers == covers


def test_one_reading_a_day_is_kept_whatever_happens() -> None:
    privacy = by_day()
    one = privacy.show(later(0)).reading
    assert privacy.reason_to_keep(None, one) is Reason.FIRST
    jammed = privacy.show(with_supply(later(9), state="empty", ratio=0.0)).reading
    assert privacy.reason_to_keep(one, jammed) is None
    assert privacy.reason_to_keep(jammed, privacy.show(later(18)).reading) is Reason.INTERVAL


@pytest.mark.parametrize(
    ("taken", "begins"),
    [
        ("2026-11-20T06:00:00+00:00", "2026-11-19T23:00:00+00:00"),
        ("2026-11-19T23:00:00+00:00", "2026-11-19T23:00:00+00:00"),
        ("2026-07-01T21:59:59+00:00", "2026-06-30T22:00:00+00:00"),
        ("2026-03-29T12:00:00+00:00", "2026-03-28T23:00:00+00:00"),  # the day summer time begins
        ("2026-10-25T12:00:00+00:00", "2026-10-24T22:00:00+00:00"),  # the day it ends
    ],
)
def test_what_is_recorded_is_dated_to_the_beginning_of_the_sites_day(taken: str, begins: str) -> None:
    alert = Alert(key="1.1", severity="other", since=datetime.fromisoformat(taken))
    reading = msgspec.structs.replace(later(0).reading, taken_at=datetime.fromisoformat(taken), alerts=(alert,))
    recorded = by_day().recorded(reading)
    assert recorded.taken_at == datetime.fromisoformat(begins)
    assert recorded.taken_at.tzinfo is UTC
    assert recorded.alerts[0].since == recorded.taken_at


def test_readings_of_yesterday_met_after_a_restart_leave_today_alone() -> None:
    privacy = by_day()
    today = privacy.show(later(24)).reading
    privacy.show(later(0, pages=5))
    assert privacy.show(later(26, pages=70)).reading.counters == today.counters


def test_days_long_past_are_forgotten() -> None:
    privacy = by_day()
    for day in range(40):
        privacy.show(later(24.0 * day, pages=day))
    assert len(privacy._held) <= 3


def test_another_mask_is_told_and_another_resolution_is_not() -> None:
    privacy = Privacy()
    assert not privacy.configure(Mask(), "day")
    assert privacy.configure(Mask(["mac"]), "day")
    assert not privacy.configure(Mask(["mac"]), "full")


def test_masks_reach_what_is_kept_for_metrics_and_json() -> None:
    privacy = Privacy(Mask(["hostname", "location", "address", "mac"], key=b"k"))
    decoded = later(0)
    printer = decoded.reading.printer
    shown = privacy.show(decoded)
    text = msgspec.json.encode(shown.reading).decode() + b"".join(gauges.render(shown, site="hamburg")).decode()
    for fact in (printer.hostname, printer.location, printer.address, printer.mac):
        assert fact
        assert fact not in text
    assert isinstance(shown.reading, Reading)
    assert printer.serial is not None
    assert printer.serial in text


# --- on the way to the recorder ---


class Kept:
    def __init__(self) -> None:
        self.lines: list[Line] = []

    async def record(self, lines: Sequence[Line]) -> None:
        self.lines += lines


async def test_the_recorder_gets_one_reading_a_day_dated_to_that_day(clock: FakeClock) -> None:
    kept, privacy = Kept(), by_day()
    handover = Handover(kept, clock, Dating(clock, is_synchronised=lambda: True), privacy=privacy)
    for hour in range(48):
        handover.take(privacy.show(later(hour, pages=hour)))
    await handover.finish()
    assert [line.taken_at.isoformat() for line in kept.lines] == [f"2026-11-{day}T23:00:00+00:00" for day in (19, 20, 21)]
    assert all(msgspec.json.decode(line.json, type=Reading).taken_at == line.taken_at for line in kept.lines)


async def test_after_a_restart_the_day_goes_on_where_it_was(clock: FakeClock) -> None:
    before, after, kept = by_day(), by_day(), Kept()
    remembered = before.show(later(0)).reading
    handover = Handover(kept, clock, Dating(clock, is_synchronised=lambda: True), privacy=after)
    handover.restore([remembered], unrecorded=())
    after.show(Decoded(reading=remembered))
    shown = after.show(later(3, pages=50))
    handover.take(shown)
    await handover.finish()
    assert shown.reading.counters == remembered.counters
    assert kept.lines == []


def test_a_reading_on_its_way_marks_its_printer_by_whatever_name_it_is_shown(clock: FakeClock) -> None:
    privacy = Privacy(Mask(["mac", "address"], key=b"k"))
    decoded = later(0)
    printer = msgspec.structs.replace(decoded.reading.printer, id="mac:0025b3a1c2d4", identities=("mac:0025b3a1c2d4",), mac="0025b3a1c2d4")
    handover = Handover(Kept(), clock, Dating(clock, is_synchronised=lambda: True), privacy=privacy)
    handover.take(privacy.show(msgspec.structs.replace(decoded, reading=msgspec.structs.replace(decoded.reading, printer=printer))))
    way = Way(address=printer.address, port=161, credential="public", range=None)

    class Crew:
        def take_changes(self, count_max: int) -> tuple[list[Remembered], list[str]]:
            return [Remembered(printer=printer, way=way, oids_max=10, bulk_rows=10, due_utc=START_UTC)], []

    ((told,), _) = Settled(Crew(), handover, privacy).take_changes(10)
    assert told.printer.id == "mac:0025b3a1c2d4"
    assert told.is_unrecorded
