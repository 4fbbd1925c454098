"""The site's own history, and the control copy: what a customer may read, and what a spreadsheet makes of it."""

from __future__ import annotations

import csv
import io
import stat
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import msgspec
import pytest

from poller.engine.handover import Line
from poller.engine.notable import Reason
from poller.errors import OutboxError, StateError
from poller.model import Counter
from poller.outbox import offline
from poller.outbox.control_copy import ControlCopy
from poller.outbox.history import COLUMNS, csv_header, csv_lines, entry, pack_day, unpack_day
from poller.outbox.offline import Kept
from tests.fake_clock import START_UTC, FakeClock
from tests.outbox.parts import KEY, content, line, lines, opened, plainly, sqlite
from tests.readings import HOSTILE, hostile


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.db"


def kept(path: Path, **limits: date) -> list[Kept]:
    with offline.opened(path, KEY) as db:
        return list(offline.history(db, KEY, **limits))


# --- days ---


async def test_a_day_is_the_last_reading_of_it_and_outlives_its_upload(path: Path) -> None:
    async with opened(path) as outbox:
        await outbox.record([line(1, after=timedelta(hours=hour), pages=hour) for hour in (0, 4, 8)])
        await outbox.record([line(2, after=timedelta(days=1))])
        batch = await outbox.seal_next(plainly)
        assert batch is not None
        await outbox.settle(batch.number)
    first, second = kept(path)
    assert first.day is not None and second.day is not None
    assert (first.on, first.taken_utc) == (START_UTC.date(), START_UTC + timedelta(hours=8))
    assert {one.name: one.count for one in first.day.meters}["total/all"] == 9008
    assert [one.name for one in first.day.meters if one.count == 4000] == ["total/all/duplex"]
    assert second.on == START_UTC.date() + timedelta(days=1)
    assert [one.on for one in kept(path, since=second.on)] == [second.on]
    assert [one.on for one in kept(path, until=first.on)] == [first.on]


async def test_a_reading_of_earlier_never_replaces_a_later_one(path: Path) -> None:
    async with opened(path) as outbox:
        await outbox.record([line(1, after=timedelta(hours=4), pages=4)])
        await outbox.record([line(1, after=timedelta(hours=1), pages=1)])
    (day,) = kept(path)
    assert day.taken_utc == START_UTC + timedelta(hours=4)


@pytest.fixture
def _in_auckland(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "NZST-12NZDT")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("_in_auckland")
async def test_days_are_those_of_this_host(path: Path) -> None:
    async with opened(path) as outbox:
        await outbox.record([line(1, after=timedelta(hours=hour)) for hour in (0, 8)])  # 18:00 and, after midnight there, 02:00
    assert [one.on.day for one in kept(path)] == [20, 21]


async def test_more_days_than_one_look_takes_are_all_there_in_order(path: Path) -> None:
    async with opened(path) as outbox:
        await outbox.record([line(printer, after=timedelta(days=day)) for day in range(3) for printer in range(400)])
    days = kept(path)
    assert len(days) == 1200
    assert [one.on for one in days] == sorted(one.on for one in days)
    assert len({(one.on, one.day.printer) for one in days if one.day}) == 1200


async def test_a_day_that_was_altered_is_told_apart(path: Path) -> None:
    async with opened(path) as outbox:
        await outbox.record([line(1), line(2)])
    with sqlite(path) as db:
        db.execute("UPDATE history SET body = (SELECT body FROM history ORDER BY printer LIMIT 1)")
    assert sorted(one.day is None for one in kept(path)) == [False, True]


async def test_lines_that_are_no_readings_leave_no_day_and_travel_all_the_same(path: Path) -> None:
    event = Line("serial:1", START_UTC, Reason.FIRST, b'{"type":"event","schema":1}')
    async with opened(path) as outbox:
        await outbox.record([event])
        batch = await outbox.seal_next(plainly)
        assert batch is not None and content(batch.body) == [event.json]
    assert kept(path) == []


@pytest.mark.parametrize("packed", [b"", b"\x00", b"\x97", pack_day(line().json)[:-1]])  # type: ignore[index]
def test_what_is_no_day_is_said_to_be_none(packed: bytes) -> None:
    with pytest.raises(StateError):
        unpack_day(packed)


# --- exported ---


def test_csv_has_one_value_a_line() -> None:
    packed = pack_day(line(pages=5).json)
    assert packed is not None
    text = csv_header() + csv_lines(START_UTC.date(), START_UTC, unpack_day(packed))
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert tuple(rows[0]) == COLUMNS
    (total,) = [row for row in rows if row["name"] == "total/all"]
    assert (total["date"], total["value"], total["unit"], total["kind"]) == ("2026-11-20", "9005", "impressions", "meter")
    (black,) = [row for row in rows if row["name"] == "toner black 1.1"]
    assert (black["value"], black["unit"], black["state"]) == ("0.63", "ratio", "ok")
    (waste,) = [row for row in rows if row["name"].startswith("wasteToner")]
    assert (waste["value"], waste["state"]) == ("", "some-remaining")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"])
def test_a_text_of_a_device_is_no_formula(text: str) -> None:
    reading = msgspec.json.decode(line().json)
    reading["printer"]["location"] = text
    packed = pack_day(msgspec.json.encode(reading))
    assert packed is not None
    rows = csv.reader(io.StringIO(csv_lines(START_UTC.date(), START_UTC, unpack_day(packed)), newline=""))
    assert {row[COLUMNS.index("location")] for row in rows} == {f"'{text}"}


def test_hostile_texts_stay_in_their_cells() -> None:
    packed = pack_day(msgspec.json.encode(msgspec.structs.replace(hostile().reading, counters=colour_counters())))
    assert packed is not None
    day = unpack_day(packed)
    rows = list(csv.reader(io.StringIO(csv_lines(START_UTC.date(), START_UTC, day), newline="")))
    assert {len(row) for row in rows} == {len(COLUMNS)}
    assert rows[0][COLUMNS.index("model")] == HOSTILE
    assert msgspec.json.decode(msgspec.json.encode(entry(START_UTC.date(), START_UTC, day)))["model"] == HOSTILE


def colour_counters() -> tuple[Counter, ...]:
    return (Counter(function="total", count=1),)


# --- the control copy ---


async def test_a_control_copy_is_what_was_sealed_and_for_its_user_alone(path: Path, tmp_path: Path) -> None:
    copy = ControlCopy(tmp_path / "control-copy", keep_seconds=86400)
    async with opened(path, control_copy=copy) as outbox:
        await outbox.record(lines(3))
        batch = await outbox.seal_next(plainly)
        assert batch is not None
    (file,) = copy.folder.iterdir()
    assert file.name == f"batch-{batch.number}.ndjson"
    assert file.read_bytes().splitlines() == content(batch.body)
    assert (stat.S_IMODE(file.stat().st_mode), stat.S_IMODE(copy.folder.stat().st_mode)) == (0o600, 0o700)


async def test_a_control_copy_goes_after_its_time_and_nothing_else_with_it(path: Path, tmp_path: Path) -> None:
    clock = FakeClock()
    copy = ControlCopy(tmp_path / "control-copy", keep_seconds=30 * 86400)
    async with opened(path, clock=clock, control_copy=copy) as outbox:
        for day in range(40):
            await outbox.record([line(after=timedelta(days=day))])
            batch = await outbox.seal_next(plainly)
            assert batch is not None
            await outbox.settle(batch.number)
            (copy.folder / "notes.txt").touch()
            clock.advance(86400)
    assert len(list(copy.folder.glob("batch-*.ndjson"))) == 31
    assert (copy.folder / "notes.txt").exists()


async def test_a_control_copy_goes_after_its_time_though_nothing_is_sealed_any_more(path: Path, tmp_path: Path) -> None:
    """Central is away: four batches wait, and readings come all the same."""
    clock = FakeClock()
    copy = ControlCopy(tmp_path / "control-copy", keep_seconds=30 * 86400)
    async with opened(path, clock=clock, control_copy=copy) as outbox:
        await outbox.record([line()])
        assert await outbox.seal_next(plainly) is not None
        assert len(list(copy.folder.iterdir())) == 1
        clock.advance(31 * 86400)
        await outbox.record([line(after=timedelta(days=31))])
        assert list(copy.folder.iterdir()) == []


async def test_without_its_control_copy_nothing_is_offered(path: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file where the folder should be")
    async with opened(path, control_copy=ControlCopy(tmp_path / "taken", keep_seconds=86400)) as outbox:
        await outbox.record(lines(2))
        with pytest.raises(OutboxError, match="no control copy"):
            await outbox.seal_next(plainly)
        assert await outbox.waiting_batches() == []
        (tmp_path / "taken").unlink()
        batch = await outbox.seal_next(plainly)
        assert batch is not None and batch.lines == 2


async def test_without_being_asked_nothing_is_kept_in_clear(path: Path) -> None:
    async with opened(path) as outbox:
        await outbox.record(lines(2))
        await outbox.seal_next(lambda number, of: b"sealed")
        assert {file.name for file in path.parent.iterdir()} == {"outbox.db", "outbox.db-wal", "outbox.db-shm"}
