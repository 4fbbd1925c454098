"""The fleet: newest wins, silence has its stages, and a scrape sees one moment however slowly it is read."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families as parse

from poller.engine.fleet import Entry, Fleet, Grade, grade_of
from poller.exposition import render
from poller.model import Alert, Decoded, Reading, Status, Supply
from tests.fake_clock import FakeClock
from tests.readings import bare, colour_mfp, hostile

HOUR, DAY = 3600.0, 86400.0


@pytest.fixture
def fleet(clock: FakeClock) -> Fleet:
    return Fleet(clock, site="hq", stale_after_seconds=DAY, forget_after_seconds=30 * DAY)


def text_of(chunks: Iterator[bytes]) -> str:
    return b"".join(chunks).decode()


def series(fleet: Fleet) -> dict[str, int]:
    """Return how many samples each family has; fails on a family in two groups and on a duplicate series."""
    found: dict[str, int] = {}
    for family in parse(text_of(fleet.families())):
        assert family.name not in found
        names = [(sample.name, tuple(sample.labels.items())) for sample in family.samples]
        assert len(set(names)) == len(names)
        found[family.name] = len(names)
    return found


def test_an_empty_fleet_is_an_empty_exposition(fleet: Fleet) -> None:
    assert text_of(fleet.families()) == ""
    assert len(fleet) == 0


def test_the_newest_reading_wins(fleet: Fleet) -> None:
    fleet.put(colour_mfp(), duration_seconds=0.5)
    fleet.put(colour_mfp(grown=11), duration_seconds=0.25)
    text = text_of(fleet.families())
    assert 'printer_life_pages{printer="serial:32473:MFP00001",unit="impressions"} 9123\n' in text
    assert 'printer_pages{printer="serial:32473:MFP00001",function="fax",colour="all",size="normal"} 111\n' in text
    assert 'printer_poll_duration_seconds{printer="serial:32473:MFP00001"} 0.250000\n' in text
    assert series(fleet)["printer_up"] == 1


def test_an_entry_gives_back_its_reading(fleet: Fleet) -> None:
    decoded = colour_mfp()
    fleet.put(decoded, duration_seconds=0.5)
    entry = fleet.get(decoded.reading.printer.id)
    assert entry is not None
    assert (entry.reading, entry.boot_utc, entry.is_up) == (decoded.reading, decoded.boot_utc, True)
    assert msgspec.json.decode(entry.json)["type"] == "reading"
    assert fleet.get("nobody") is None


def test_a_silent_printer_keeps_its_values_for_a_day_and_its_name_for_a_month(fleet: Fleet, clock: FakeClock) -> None:
    decoded = colour_mfp()
    fleet.put(decoded, duration_seconds=0.5)
    clock.advance(DAY - 1)
    assert fleet.fail(decoded.reading.printer, duration_seconds=5.0)
    assert 'printer_up{printer="serial:32473:MFP00001"} 0\n' in text_of(fleet.families())
    assert series(fleet)["printer_supply_level_ratio"] == 6
    clock.advance(2)
    only = {"printer_up": 1, "printer_last_poll_timestamp_seconds": 1, "printer_poll_duration_seconds": 1}
    assert series(fleet) == only
    (entry,) = fleet
    assert (entry.reading, entry.families, entry.grade) == (None, (), Grade.UNREAD)
    clock.advance(29 * DAY - 2)
    assert fleet.fail(decoded.reading.printer, duration_seconds=5.0)
    assert series(fleet) == only
    clock.advance(2)
    assert not fleet.fail(decoded.reading.printer, duration_seconds=5.0), "the poller may stop asking"
    assert (series(fleet), len(fleet), list(fleet), fleet.get(decoded.reading.printer.id)) == ({}, 0, [], None)
    fleet.put(colour_mfp(), duration_seconds=0.5)
    assert len(fleet) == 1, "whoever comes back is shown again"


def test_an_answer_ends_the_silence(fleet: Fleet) -> None:
    decoded = colour_mfp()
    fleet.put(decoded, duration_seconds=0.5)
    fleet.fail(decoded.reading.printer, duration_seconds=5.0)
    assert (fleet.status().up, fleet.status().silent) == (0, 1)
    fleet.put(decoded, duration_seconds=0.5)
    assert (fleet.status().up, fleet.status().silent) == (1, 0)


def test_a_printer_that_never_answered_is_down_without_a_timestamp(fleet: Fleet, clock: FakeClock) -> None:
    fleet.fail(bare().reading.printer, duration_seconds=5.0)
    assert series(fleet) == {"printer_up": 1, "printer_poll_duration_seconds": 1}
    clock.advance(30 * DAY + 1)
    fleet.fail(bare().reading.printer, duration_seconds=5.0)
    assert len(fleet) == 0


def test_a_clock_that_goes_back_makes_nobody_stale(fleet: Fleet, clock: FakeClock) -> None:
    fleet.put(colour_mfp(), duration_seconds=0.5)
    fleet.fail(colour_mfp().reading.printer, duration_seconds=5.0)
    clock.jump(-40 * DAY)
    assert series(fleet)["printer_supply_level_ratio"] == 6


def test_forgotten_is_gone_and_nobody_is_no_fault(fleet: Fleet) -> None:
    fleet.put(colour_mfp(), duration_seconds=0.5)
    fleet.forget("nobody")
    fleet.forget("serial:32473:MFP00001")
    assert len(fleet) == 0


def test_ids_that_a_label_cannot_tell_apart_are_one_series(fleet: Fleet) -> None:
    fleet.put(bare(1, id="serial:1:A\x01"), duration_seconds=0.1)
    fleet.put(bare(2, id="serial:1:A\x02"), duration_seconds=0.1)
    assert series(fleet)["printer_up"] == 1


def test_two_hostile_printers_are_no_harm_to_the_others(fleet: Fleet) -> None:
    for decoded in (colour_mfp(1), hostile(), colour_mfp(2)):
        fleet.put(decoded, duration_seconds=0.1)
    assert series(fleet)["printer_up"] == 3
    samples = render(fleet.metrics())
    assert b'poller_series_refused_total{source="printer"} 3\n' in samples.text
    assert b'poller_printers{state="up"} 3\n' in samples.text


def test_chunks_are_bounded_and_together_the_whole(fleet: Fleet) -> None:
    for number in range(200):
        fleet.put(colour_mfp(number), duration_seconds=0.1)
    chunks = list(fleet.families(chunk_bytes=8192))
    assert len(chunks) > 50
    assert max(map(len, chunks)) < 8192 + 4096, "no more than one printer's lines and a header above"
    assert b"".join(chunks) == b"".join(fleet.families())


def test_polls_that_end_during_a_scrape_neither_split_a_family_nor_show_twice(fleet: Fleet) -> None:
    for number in range(100):
        fleet.put(colour_mfp(number), duration_seconds=0.1)
    still = text_of(fleet.families())
    chunks = []
    for number, chunk in enumerate(fleet.families(chunk_bytes=4096)):
        chunks.append(chunk)
        fleet.put(colour_mfp(number, grown=1000), duration_seconds=0.2)
        fleet.put(colour_mfp(1000 + number), duration_seconds=0.2)
        fleet.forget(f"serial:32473:MFP{number + 50:05}")
        fleet.fail(colour_mfp(number + 7).reading.printer, duration_seconds=1.0)
    assert b"".join(chunks).decode() == still
    series(fleet)


def test_status_counts_by_what_is_needed(fleet: Fleet) -> None:
    fleet.put(colour_mfp(), duration_seconds=0.1)
    fleet.put(bare(), duration_seconds=0.1)
    fleet.fail(bare(7).reading.printer, duration_seconds=1.0)
    status = fleet.status()
    assert (status.printers, status.up, status.silent, status.low, status.empty, status.stopped) == (3, 2, 1, 1, 0, 0)


def reading(**fields: object) -> Reading:
    return msgspec.structs.replace(bare().reading, **fields)


def supply(key: str, **fields: object) -> Supply:
    return Supply(key=key, index=key, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "of, expected",
    [
        (reading(), (Grade.OK, 1.0)),
        (reading(supplies=(supply("1", ratio=0.5, state="ok"), supply("2", state="some-remaining"))), (Grade.OK, 0.5)),
        (reading(status=Status(errors=("lowPaper",))), (Grade.NOTICE, 1.0)),
        (reading(alerts=(Alert(key="1", severity="other"),)), (Grade.NOTICE, 1.0)),
        (reading(supplies=(supply("1", ratio=0.07, state="low"), supply("2", ratio=0.5, state="ok"))), (Grade.LOW, 0.07)),
        (reading(supplies=(supply("1", state="empty"), supply("2", ratio=0.07, state="low"))), (Grade.EMPTY, 0.07)),
        (reading(status=Status(errors=("lowToner", "jammed"))), (Grade.STOPPED, 1.0)),
        (reading(status=Status(device="down")), (Grade.STOPPED, 1.0)),
    ],
)
def test_a_grade_says_how_soon_somebody_is_needed(of: Reading, expected: tuple[Grade, float]) -> None:
    assert grade_of(of) == expected


def test_worst_comes_first(fleet: Fleet) -> None:
    def put(number: int, **fields: object) -> None:
        fleet.put(Decoded(reading=msgspec.structs.replace(bare(number).reading, **fields)), duration_seconds=0.1)

    put(1)
    put(2, supplies=(supply("1", ratio=0.09, state="low"),))
    put(3, supplies=(supply("1", ratio=0.02, state="low"),))
    put(4, status=Status(errors=("jammed",)))
    put(5, status=Status(errors=("jammed",)))
    fleet.fail(bare(5).reading.printer, duration_seconds=1.0)
    put(6, supplies=(supply("1", state="empty"),))
    order = [entry.printer.address for entry in sorted(fleet, key=lambda entry: entry.attention)]
    assert [address.rpartition(".")[2] for address in order] == ["4", "6", "5", "3", "2", "1"]


def test_an_entry_never_changes(fleet: Fleet, clock: FakeClock) -> None:
    fleet.put(colour_mfp(), duration_seconds=0.1)
    (held,) = fleet
    fleet.fail(held.printer, duration_seconds=1.0)
    clock.advance(timedelta(days=40).total_seconds())
    assert list(fleet) == []
    assert held.is_up
    assert isinstance(held, Entry)
    assert held.reading is not None


def test_when_a_printer_started_is_told_once_and_only_a_restart_changes_it(fleet: Fleet) -> None:
    first = colour_mfp()
    assert first.boot_utc is not None
    for seconds in (0, 1, -1, 40):  # the answer's way takes its time, and clocks drift
        fleet.put(msgspec.structs.replace(first, boot_utc=first.boot_utc + timedelta(seconds=seconds)), duration_seconds=0.1)
        entry = fleet.get(first.reading.printer.id)
        assert entry is not None
        assert entry.boot_utc == first.boot_utc
    restarted = first.boot_utc + timedelta(minutes=5)
    fleet.put(msgspec.structs.replace(first, boot_utc=restarted), duration_seconds=0.1)
    entry = fleet.get(first.reading.printer.id)
    assert entry is not None
    assert entry.boot_utc == restarted
    assert f"{round(restarted.timestamp())}\n".encode() in b"".join(entry.families)


def test_what_did_not_change_is_not_rendered_again_and_what_did_is(fleet: Fleet) -> None:
    fleet.put(colour_mfp(), duration_seconds=0.1)
    before = fleet.get(colour_mfp().reading.printer.id)
    later = msgspec.structs.replace(colour_mfp().reading, taken_at=colour_mfp().reading.taken_at + timedelta(minutes=15))
    fleet.put(msgspec.structs.replace(colour_mfp(), reading=later), duration_seconds=0.1)
    same = fleet.get(later.printer.id)
    fleet.put(colour_mfp(grown=7), duration_seconds=0.1)
    grown = fleet.get(later.printer.id)
    assert before is not None
    assert same is not None
    assert grown is not None
    assert same.families is before.families
    assert same.last_ok_utc == later.taken_at
    assert grown.families != before.families


def test_a_printer_whose_values_went_stale_shows_them_again_when_it_answers_as_before(fleet: Fleet, clock: FakeClock) -> None:
    fleet.put(colour_mfp(), duration_seconds=0.1)
    printer = colour_mfp().reading.printer
    fleet.fail(printer, duration_seconds=1.0)
    clock.advance(3 * 86_400)
    silent = fleet.get(printer.id)
    assert silent is not None
    assert silent.families == ()
    fleet.entries()
    again = msgspec.structs.replace(colour_mfp().reading, taken_at=clock.utc())
    fleet.put(msgspec.structs.replace(colour_mfp(), reading=again), duration_seconds=0.1)
    entry = fleet.get(printer.id)
    assert entry is not None
    assert b"printer_supply_level_ratio" in b"".join(entry.families)
