"""What is recorded is sealed once, in order, and kept until it is settled; nobody reads it on the way; no call stores a line twice."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from poller.engine.handover import Line
from poller.engine.notable import Reason
from poller.errors import HostError, OutboxError
from poller.exposition import render
from poller.outbox.forming import BATCHES_MAX
from poller.outbox.outbox import Outbox
from poller.sealing.envelope import LINES_MAX, PLAIN_BYTES_MAX
from poller.sealing.local_key import LocalKey
from poller.storage import connection
from tests.fake_clock import START_UTC, FakeClock
from tests.outbox.parts import content, drain, line, lines, opened, plainly, sqlite


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "outbox.db"


@pytest.fixture(autouse=True)
def _every_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="poller")


def events(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [event for record in caplog.records if (event := getattr(record, "event", None)) is not None]


def json_of(of: Sequence[Line]) -> list[bytes]:
    return [one.json for one in of]


# --- the way of a line ---


async def test_lines_leave_in_the_order_they_came_and_once(path: Path) -> None:
    async with opened(path) as outbox:
        await outbox.record(lines(3))
        await outbox.record(lines(2, first=3))
        assert await drain(outbox) == json_of(lines(5))
        assert await drain(outbox) == []
        assert outbox.status().lines == 0


async def test_what_was_recorded_is_there_in_the_next_process(path: Path) -> None:
    async with opened(path) as outbox:
        await outbox.record(lines(3))
    async with opened(path) as outbox:
        assert outbox.status().lines == 3
        assert await drain(outbox) == json_of(lines(3))


async def test_a_batch_keeps_number_and_bytes_until_it_is_settled(path: Path) -> None:
    async with opened(path) as outbox:
        await outbox.record(lines(3))
        batch = await outbox.seal_next(plainly)
        assert batch is not None and batch.lines == 3
    async with opened(path) as outbox:
        assert await outbox.waiting_batches() == [batch]
        assert await outbox.seal_next(plainly) is None
        await outbox.settle(batch.number)
        await outbox.settle(batch.number)
        assert await outbox.waiting_batches() == []


async def test_numbers_begin_at_the_time_of_the_first_batch_and_rise_by_one_across_restarts(path: Path) -> None:
    clock = FakeClock()
    numbers = []
    for at in range(3):
        async with opened(path, clock=clock) as outbox:
            await outbox.record([line(after=timedelta(minutes=at))])
            batch = await outbox.seal_next(plainly)
            assert batch is not None
            numbers.append(batch.number)
            await outbox.settle(batch.number)
        clock.jump(-3600)
    first = int(START_UTC.timestamp() * 1000)
    assert numbers == [first, first + 1, first + 2]


async def test_a_batch_has_at_most_five_hundred_lines_and_four_wait_at_a_time(path: Path) -> None:
    async with opened(path) as outbox:
        await outbox.record(lines(LINES_MAX * BATCHES_MAX + 1))
        made = [await outbox.seal_next(plainly) for _ in range(BATCHES_MAX + 1)]
        assert [one.lines if one else None for one in made] == [LINES_MAX] * BATCHES_MAX + [None]
        assert [one.number for one in await outbox.waiting_batches()] == [one.number for one in made if one]
        assert (outbox.status().lines, outbox.status().batches_waiting) == (1, BATCHES_MAX)
        assert len(await drain(outbox)) == LINES_MAX * BATCHES_MAX + 1


async def test_a_batch_is_never_longer_than_an_envelope_takes(path: Path) -> None:
    long = [line(number, pad=3 << 20) for number in range(3)]
    async with opened(path) as outbox:
        await outbox.record(long)
        batches = [await outbox.seal_next(plainly) for _ in range(2)]
        assert [one.lines if one else None for one in batches] == [2, 1]
        assert all(sum(map(len, content(one.body))) + one.lines <= PLAIN_BYTES_MAX for one in batches if one)


async def test_a_line_too_long_for_any_batch_is_dropped_aloud_and_holds_up_nobody(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with opened(path) as outbox:
        await outbox.record([line(1, pad=PLAIN_BYTES_MAX), line(2)])
        assert await drain(outbox) == [line(2).json]
        assert b'poller_outbox_dropped_total{reason="unfit"} 1' in render(outbox.metrics()).text
    assert events(caplog).count("outbox.unfit") == 1


async def test_a_seal_that_fails_leaves_the_lines_and_the_number(path: Path) -> None:
    seen = []

    def failing(number: int, of: Sequence[bytes]) -> bytes:
        seen.append(number)
        raise ValueError("no key")

    async with opened(path) as outbox:
        await outbox.record(lines(2))
        with pytest.raises(ValueError, match="no key"):
            await outbox.seal_next(failing)
        batch = await outbox.seal_next(plainly)
        assert batch is not None and [batch.number] == seen
        assert content(batch.body) == json_of(lines(2))


# --- refused by central ---


async def test_a_refused_batch_stays_for_a_person_and_the_others_go_on(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with opened(path) as outbox:
        await outbox.record(lines(1))
        refused = await outbox.seal_next(plainly)
        assert refused is not None
        await outbox.quarantine(refused.number, "bad-lines: line 1")
        await outbox.quarantine(refused.number, "again")
        await outbox.record(lines(1, first=1))
        assert await drain(outbox) == json_of(lines(1, first=1))
        (told,) = outbox.status().quarantined
        assert (told.number, told.refused, told.refused_utc) == (refused.number, "bad-lines: line 1", START_UTC)
        assert events(caplog).count("outbox.quarantined") == 1

        assert await outbox.retry(refused.number + 7) == 0
        assert await outbox.retry(refused.number) == 1
        assert await outbox.waiting_batches() == [refused]


async def test_all_refused_batches_can_be_sent_again_four_at_a_time(path: Path) -> None:
    async with opened(path) as outbox:
        for number in range(BATCHES_MAX + 2):
            await outbox.record(lines(1, first=number))
            batch = await outbox.seal_next(plainly)
            assert batch is not None
            await outbox.quarantine(batch.number, "unknown-agent")
        assert await outbox.retry() == BATCHES_MAX + 2
        assert len(await outbox.waiting_batches()) == BATCHES_MAX
        assert await drain(outbox) + await drain(outbox) == json_of(lines(BATCHES_MAX + 2))


async def test_what_failed_on_the_way_is_told(path: Path) -> None:
    async with opened(path) as outbox:
        await outbox.record(lines(1))
        batch = await outbox.seal_next(plainly)
        assert batch is not None
        for _ in range(2):
            await outbox.note_trouble(batch.number, "407 of a proxy")
        (told,) = outbox.status().batches
        assert (told.attempts, told.trouble) == (2, "407 of a proxy")
        assert [one.attempts for one in await outbox.waiting_batches()] == [2]


# --- calls beside each other ---


async def test_calls_that_come_together_share_commits(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    count = 0
    transact = connection.transact

    async def counted(db: object, work: object) -> object:
        nonlocal count
        count += 1
        return await transact(db, work)  # type: ignore[arg-type]

    async with opened(path) as outbox:
        monkeypatch.setattr(connection, "transact", counted)
        await asyncio.gather(*(outbox.record([one]) for one in lines(300)))
        assert outbox.status().lines == 300
    assert count < 50


async def test_the_same_lines_again_are_stored_once(path: Path) -> None:
    async with opened(path) as outbox:
        await outbox.record(lines(3))
        await outbox.record(lines(4))
        first = await drain(outbox)
        await outbox.record(lines(4))  # sent and settled meanwhile
        assert first + await drain(outbox) == json_of(lines(4))


async def test_calls_cancelled_anywhere_store_each_line_once_when_they_come_again(path: Path) -> None:
    async with opened(path) as outbox:
        for turns in range(40):
            calls = [asyncio.ensure_future(outbox.record([line(number, after=timedelta(minutes=turns))])) for number in range(3)]
            for _ in range(turns):
                await asyncio.sleep(0)
            calls[turns % 3].cancel()
            await asyncio.wait(calls)
            await outbox.record([line(number, after=timedelta(minutes=turns)) for number in range(3)])
        sent = await drain(outbox)
        assert sorted(sent) == sorted(line(number, after=timedelta(minutes=turns)).json for turns in range(40) for number in range(3))


async def test_sealing_and_recording_at_once_lose_nothing(path: Path) -> None:
    sent: list[bytes] = []
    async with opened(path) as outbox:
        async with asyncio.TaskGroup() as group:
            recording = group.create_task(_record(outbox))

            async def carry() -> None:
                while not recording.done():
                    sent.extend(await drain(outbox))

            group.create_task(carry())
        sent += await drain(outbox)
    assert sorted(sent) == sorted(json_of(lines(900)))


async def _record(outbox: Outbox) -> None:
    for at in range(0, 900, 30):
        await outbox.record(lines(30, first=at))


async def test_a_closed_outbox_says_so(path: Path) -> None:
    async with opened(path) as outbox:
        pass
    await outbox.close()
    with pytest.raises(OutboxError, match="closed"):
        await outbox.record(lines(1))


# --- who may read it ---


async def test_nothing_of_a_device_is_readable_on_the_disk(path: Path) -> None:
    before = os.umask(0)
    try:
        async with opened(path) as outbox:
            await outbox.record(lines(50))
            modes = {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
            text = b"".join(file.read_bytes() for file in path.parent.iterdir())
    finally:
        os.umask(before)
    assert modes == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    for hidden in (line().printer_id, "MFP00001", "Color MFP", "Flur S", '"counters"', "020000000001"):
        assert hidden.encode() not in text


async def test_under_another_key_it_is_not_opened_and_says_what_to_do(path: Path) -> None:
    async with opened(path) as outbox:
        await outbox.record(lines(1))
    with pytest.raises(HostError, match="another local key") as raised:
        async with opened(path, key=LocalKey(bytes(32))):
            pass
    assert "restore the key" in raised.value.hint
    async with opened(path) as outbox:
        assert await drain(outbox) == json_of(lines(1))


@pytest.mark.parametrize("column", ["body", "printer", "taken_ms", "day", "is_turn"])
async def test_a_row_that_was_altered_or_given_the_values_of_another_is_dropped_aloud(
    path: Path, caplog: pytest.LogCaptureFixture, column: str
) -> None:
    of = [line(1), line(2, after=timedelta(days=2), reason=Reason.COUNTER_FELL), line(3)]
    async with opened(path) as outbox:
        await outbox.record(of)
    with sqlite(path) as db:
        db.execute(f"UPDATE line SET {column} = (SELECT {column} FROM line WHERE id = 2) WHERE id = 1")
    async with opened(path) as outbox:
        assert await drain(outbox) == json_of(of[1:])
        assert b'poller_outbox_dropped_total{reason="unreadable"} 1' in render(outbox.metrics()).text
    assert events(caplog).count("outbox.unreadable") == 1


# --- without central ---


async def test_without_a_central_nothing_waits_and_the_history_is_kept(path: Path) -> None:
    async with opened(path, has_central=False) as outbox:
        await outbox.record(lines(10))
        assert await outbox.seal_next(plainly) is None
        assert (outbox.status().lines, outbox.status().oldest_utc) == (0, None)
        assert outbox.status().history_since == START_UTC.astimezone().date()


async def test_the_metrics_say_what_waits_and_since_when(path: Path) -> None:
    clock = FakeClock()
    async with opened(path, clock=clock) as outbox:
        await outbox.record(lines(3))
        clock.advance(600)
        text = render(outbox.metrics()).text
        assert b"poller_outbox_lines 3" in text
        assert b"poller_outbox_oldest_age_seconds 600" in text
        await outbox.seal_next(plainly)
        text = render(outbox.metrics()).text
        assert b"poller_outbox_lines 0" in text
        assert b'poller_outbox_batches{state="waiting"} 1' in text
        assert b"poller_outbox_oldest_age_seconds 600" in text
        await drain(outbox)
        text = render(outbox.metrics()).text
        assert b"poller_outbox_oldest_age_seconds 0" in text
        assert b'poller_outbox_readings_total{step="settled"} 3' in text


@pytest.mark.parametrize("turns", range(8))
async def test_calls_whose_commit_is_cut_are_not_told_that_it_was_done(path: Path, turns: int) -> None:
    """As `asyncio.run` ends: every task is cancelled, that of the commit too."""
    async with opened(path) as outbox:
        before = asyncio.all_tasks()
        calls = [asyncio.create_task(outbox.record(lines(1, printer=printer))) for printer in range(1, 6)]
        await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)  # the others share the next commit
        for _ in range(turns):
            await asyncio.sleep(0)
        for task in asyncio.all_tasks() - before - set(calls):
            task.cancel()
        told = await asyncio.gather(*calls, return_exceptions=True)
        stored = outbox.status().lines
    assert told.count(None) <= stored
    assert {type(one) for one in told} <= {type(None), OutboxError, asyncio.CancelledError}
