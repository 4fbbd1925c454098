"""state.db: what is saved is loaded, by who has the key; what is damaged is dropped or set aside; no trouble stops the agent."""

# ruff: noqa: ASYNC220, ASYNC240  nothing else runs beside these tests

from __future__ import annotations

import asyncio
import os
import random
import resource
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poller.clock import Clock, SystemClock
from poller.engine.remembered import Remembered
from poller.errors import HostError
from poller.exposition import render
from poller.model import Credential, Secret
from poller.sealing.local_key import LocalKey
from poller.state.store import SCHEMA_VERSION, StateStore
from poller.storage.files import size_bytes
from tests.conftest import ROOT
from tests.engine.remembered_fleet import READING_TEXT, fleet, layouts, printer
from tests.fake_clock import START_UTC, FakeClock
from tests.privileges import file_modes_hold
from tests.state.saving_agent import KEY

SECRET = "geheim-community"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "state.db"


@asynccontextmanager
async def opened(path: Path, key: LocalKey | None = None, clock: Clock | None = None) -> AsyncIterator[StateStore]:
    store = await StateStore.open(path, key or LocalKey(KEY), clock or FakeClock(), busy_seconds=0)
    try:
        yield store
    finally:
        await store.close()


async def kept(path: Path, printers: list[Remembered]) -> None:
    """Leave a file that holds *printers*."""
    async with opened(path) as store:
        assert await store.save(printers)


async def found(path: Path, key: LocalKey | None = None) -> dict[str, Remembered]:
    """Return what the file holds, by id."""
    async with opened(path, key) as store:
        loaded = await store.load()
    return by_id(loaded.printers)


def by_id(printers: tuple[Remembered, ...] | list[Remembered]) -> dict[str, Remembered]:
    return {one.printer.id: one for one in printers}


def shapes_of(printers: list[Remembered]) -> int:
    return len({one.layout.shape for one in printers if one.layout is not None})


@contextmanager
def sqlite(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection as anybody with a shell has it."""
    db = sqlite3.connect(path)
    try:
        yield db
        db.commit()
    finally:
        db.close()


@pytest.fixture(autouse=True)
def _every_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="poller")


def events(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [event for record in caplog.records if (event := getattr(record, "event", None)) is not None]


# --- saved and loaded ---


async def test_a_new_file_is_empty_and_for_its_owner_alone(path: Path) -> None:
    before = os.umask(0)
    try:
        async with opened(path) as store:
            await store.save([printer()])
            modes = {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    finally:
        os.umask(before)
    assert modes == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


async def test_a_new_file_holds_nothing(path: Path) -> None:
    async with opened(path) as store:
        assert await store.load() == ((), None, None, 0, 0)


async def test_what_is_saved_is_loaded_by_the_next_process(path: Path) -> None:
    printers = fleet(40)
    await kept(path, printers)
    assert await found(path) == by_id(printers)


async def test_a_printer_never_polled_is_kept_too(path: Path) -> None:
    bare = msgspec.structs.replace(printer(), layout=None, learned_utc=None, reading=b"", last_ok_utc=None)
    await kept(path, [bare])
    assert await found(path) == by_id([bare])


async def test_a_save_replaces_what_it_names_and_leaves_the_rest(path: Path) -> None:
    await kept(path, fleet(5))
    async with opened(path) as store:
        assert await store.save([printer(1, grown=9)], [printer(2).printer.id, "unheard-of"])
    assert await found(path) == by_id([printer(0), printer(1, grown=9), printer(3), printer(4)])


async def test_one_that_comes_back_under_an_id_removed_at_once_is_kept(path: Path) -> None:
    await kept(path, [printer(1)])
    async with opened(path) as store:
        assert await store.save([printer(1, grown=1)], [printer(1).printer.id])
    assert await found(path) == by_id([printer(1, grown=1)])


async def test_nothing_to_save_writes_nothing(path: Path) -> None:
    async with opened(path) as store:
        assert await store.save([], [])
        assert store.status().writes == 0


async def test_equal_models_are_one_shape_and_unused_shapes_go(path: Path) -> None:
    async with opened(path) as store:
        printers = fleet(100)
        await store.save(printers)
        assert store.status().shapes == shapes_of(printers) <= len(layouts())
        await store.save([], [one.printer.id for one in printers[1:]])
        assert (store.status().printers, store.status().shapes) == (1, 1)


async def test_loaded_printers_of_one_model_share_its_shape(path: Path) -> None:
    printers = fleet(100)
    await kept(path, printers)
    loaded = (await found(path)).values()
    assert len({id(one.layout.shape) for one in loaded if one.layout is not None}) == shapes_of(printers)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.sets(st.integers(0, 9)), st.sets(st.integers(0, 9))), max_size=6))
def test_any_order_of_saves_leaves_the_newest(tmp_path_factory: pytest.TempPathFactory, saves: list[tuple[set[int], set[int]]]) -> None:
    path = tmp_path_factory.mktemp("state") / "state.db"
    expected: dict[str, Remembered] = {}

    async def run() -> None:
        async with opened(path) as store:
            for generation, (changed, removed) in enumerate(saves):
                for number in removed:
                    expected.pop(printer(number).printer.id, None)
                expected.update(by_id([printer(number, grown=generation) for number in changed]))
                await store.save(
                    [printer(number, grown=generation) for number in changed], [printer(number).printer.id for number in removed]
                )
        assert await found(path) == expected

    asyncio.run(run())


async def test_a_printer_without_a_form_as_bytes_costs_itself_alone(path: Path) -> None:
    odd = msgspec.structs.replace(printer(1), location="half \ud800 a pair")
    async with opened(path) as store:
        assert await store.save([printer(0), odd, printer(2)])
        assert b'poller_state_dropped_total{what="printer"} 1' in render(store.metrics()).text
    assert await found(path) == by_id([printer(0), printer(2)])


# --- the sweep ---


async def test_a_sweep_under_way_is_kept_until_it_is_over(path: Path) -> None:
    clock = FakeClock()
    async with opened(path, clock=clock) as store:
        assert await store.save_sweep(b"half way")

    async with opened(path, clock=clock) as store:
        loaded = await store.load()
        assert (loaded.sweep, loaded.sweep_utc) == (b"half way", START_UTC)
        clock.advance(60)
        assert await store.save_sweep(None)
        loaded = await store.load()
        assert (loaded.sweep, loaded.sweep_utc) == (None, clock.utc())


async def test_a_sweep_altered_on_the_disk_is_forgotten(path: Path) -> None:
    async with opened(path) as store:
        await store.save_sweep(b"half way")
    with sqlite(path) as db:
        db.execute("UPDATE sweep SET sealed = zeroblob(length(sealed))")
    async with opened(path) as store:
        assert (await store.load()).sweep is None


# --- who may read it ---


async def test_no_community_and_no_reading_is_in_any_file(path: Path) -> None:
    credential = Credential(name="office", version="2c", community=Secret(SECRET))
    printers = fleet(30)
    assert printers[0].way.target({"office": credential}) is not None
    assert all(READING_TEXT.encode() in one.reading for one in printers)
    async with opened(path) as store:
        await store.save(printers)
        await store.save_sweep(f"{READING_TEXT} {SECRET}".encode())
        is_private(path.parent)  # with the write-ahead log
    is_private(path.parent)


def is_private(folder: Path) -> None:
    text = b"".join(file.read_bytes() for file in folder.iterdir())
    assert b"office" in text
    for hidden in (SECRET, READING_TEXT, '"supplies"', '"counters"'):
        assert hidden.encode() not in text


async def test_without_the_key_all_but_readings_and_sweep_is_there(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    printers = fleet(10)
    await kept(path, printers)
    async with opened(path, LocalKey(bytes(32))) as store:
        loaded = await store.load()
        assert by_id(loaded.printers) == by_id([msgspec.structs.replace(one, reading=b"") for one in printers])
        assert (loaded.dropped, loaded.readings_dropped) == (0, 10)
        assert events(caplog).count("state.dropped") == 1
        await store.save(printers)
        assert by_id((await store.load()).printers) == by_id(printers)


async def test_a_reading_moved_to_another_printer_does_not_open(path: Path) -> None:
    first, second, third = fleet(3)
    await kept(path, [first, second, third])
    with sqlite(path) as db:
        readings = dict(db.execute("SELECT id, reading FROM printer"))
        db.execute("UPDATE printer SET reading = ? WHERE id = ?", (readings[first.printer.id], second.printer.id))
        db.execute("UPDATE printer SET reading = ? WHERE id = ?", (readings[second.printer.id], first.printer.id))
    loaded = await found(path)
    assert [loaded[one.printer.id].reading for one in (first, second, third)] == [b"", b"", third.reading]


async def test_a_printer_moved_to_the_row_of_another_is_dropped_and_deleted(path: Path) -> None:
    first, second, third = fleet(3)
    await kept(path, [first, second, third])
    with sqlite(path) as db:
        (body,) = db.execute("SELECT body FROM printer WHERE id = ?", (first.printer.id,)).fetchone()
        db.execute("UPDATE printer SET body = ? WHERE id = ?", (body, second.printer.id))
    async with opened(path) as store:
        loaded = await store.load()
        assert (by_id(loaded.printers), loaded.dropped) == (by_id([first, third]), 1)
        assert (await store.load()).dropped == 0


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE printer SET body = zeroblob(40)",
        "UPDATE printer SET body = 7",
        "UPDATE printer SET body = x''",
        "UPDATE printer SET id = CAST(x'ff00fe' AS TEXT)",
        "UPDATE printer SET id = ''",
    ],
)
async def test_a_tampered_row_is_dropped_alone(path: Path, statement: str) -> None:
    await kept(path, fleet(10))
    with sqlite(path) as db:
        db.execute(f"{statement} WHERE id = ?", (printer(3).printer.id,))
    async with opened(path) as store:
        loaded = await store.load()
        assert (len(loaded.printers), loaded.dropped) == (9, 1)


async def test_a_tampered_shape_costs_its_printers_their_layouts_and_is_put_right_by_the_next_save(path: Path) -> None:
    printers = [msgspec.structs.replace(one, layout=layouts()[number % 2]) for number, one in enumerate(fleet(10))]
    await kept(path, printers)
    with sqlite(path) as db:
        db.execute("UPDATE shape SET body = zeroblob(9) WHERE name = (SELECT shape FROM printer WHERE id = ?)", (printers[0].printer.id,))
    async with opened(path) as store:
        unlearned = [msgspec.structs.replace(one, layout=None, context_at=()) for one in printers[::2]]
        assert by_id((await store.load()).printers) == by_id([*unlearned, *printers[1::2]])
        await store.save(printers)
        assert by_id((await store.load()).printers) == by_id(printers)


# --- damaged files ---


def no_database(path: Path) -> None:
    path.write_bytes(b"this is no database\n" * 1000)


def cut_short(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def holed(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(8192)
        file.write(os.urandom(path.stat().st_size - 8192))


def without_a_table(path: Path) -> None:
    with sqlite(path) as db:
        db.execute("DROP TABLE sweep")


def newer(path: Path) -> None:
    with sqlite(path) as db:
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")


def older(path: Path) -> None:
    with sqlite(path) as db:
        db.execute("PRAGMA user_version = 0")


def of_another_program(path: Path) -> None:
    path.unlink()
    with sqlite(path) as db:
        db.execute("CREATE TABLE printer (model)")


@pytest.mark.parametrize(
    "damage, word",
    [
        *((damage, "broken") for damage in (no_database, cut_short, holed)),
        *((damage, "other-version") for damage in (newer, older, without_a_table, of_another_program)),
    ],
)
async def test_a_file_that_cannot_be_used_is_set_aside_whole_and_said(
    path: Path, caplog: pytest.LogCaptureFixture, damage: Callable[[Path], None], word: str
) -> None:
    await kept(path, fleet(50))
    damage(path)
    content = path.read_bytes()
    async with opened(path) as store:
        loaded = await store.load()
        assert loaded.printers == ()
        assert events(caplog).count("state.set_aside") == 1
        assert path.with_name(f"state.db.{word}-1").read_bytes() == content
        assert await store.save([printer()])
    assert await found(path) == by_id([printer()])


async def test_of_files_set_aside_the_last_three_are_kept(path: Path) -> None:
    for number in range(1, 6):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"no database %d\n" % number * 100)
        await kept(path, [])
    assert sorted(file.name for file in path.parent.iterdir()) == ["state.db", *(f"state.db.broken-{number}" for number in (3, 4, 5))]
    assert path.with_name("state.db.broken-5").read_bytes().startswith(b"no database 5")


async def test_an_empty_file_is_a_new_one(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path.parent.mkdir()
    path.touch()
    await kept(path, [printer()])
    assert "state.set_aside" not in events(caplog)


async def test_bytes_changed_anywhere_never_change_a_printer(path: Path) -> None:
    printers = by_id(fleet(20))
    await kept(path, list(printers.values()))
    sound, dice = path.read_bytes(), random.Random(7)
    unread = 0
    for _ in range(80):
        changed = bytearray(sound)
        for _ in range(dice.choice((1, 1, 8))):
            changed[dice.randrange(len(changed))] = dice.randrange(256)
        path.write_bytes(changed)
        for one in (await found(path)).values():
            expected = printers[one.printer.id]
            unlearned = msgspec.structs.replace(expected, layout=None, context_at=())
            assert msgspec.structs.replace(one, reading=expected.reading) in (expected, unlearned)
            assert one.reading in (expected.reading, b"")
            unread += not one.reading
    assert unread, "none of the changes hit a reading"


async def test_a_file_damaged_while_it_is_open_is_replaced(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    before, after = fleet(1000), fleet(1000, grown=1)  # more than SQLite holds in memory
    await kept(path, before)
    async with opened(path) as store:
        holed(path)
        assert not await store.save(after)
        assert "state.set_aside" in events(caplog)
        assert await store.save(after)
        assert (store.status().failing, store.status().failures) == (None, 1)
    assert await found(path) == by_id(after)


async def test_a_file_damaged_before_it_is_loaded_gives_what_can_be_read(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    printers = fleet(1000)
    await kept(path, printers)
    async with opened(path) as store:
        holed(path)
        loaded = await store.load()
        assert by_id(loaded.printers).items() <= by_id(printers).items()
        assert "state.set_aside" in events(caplog)
        assert await store.save(printers)
    assert await found(path) == by_id(printers)


# --- this host ---


@contextmanager
def files_limited_to(size_bytes: int) -> Iterator[None]:
    """Nothing is written beyond: what a full disk is to SQLite."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_a_disk_without_room_costs_the_save_and_nothing_else(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with opened(path) as store:
        assert await store.save(fleet(10))
        with files_limited_to(store.status().size_bytes):
            for _ in range(3):
                assert not await store.save(fleet(500, grown=1))
        status = store.status()
        assert status.failures == 3 and status.failing is not None
        assert events(caplog).count("state.failed") == 1
        assert f'poller_state_write_failures_total{{reason="{status.failing}"}} 3'.encode() in render(store.metrics()).text
        assert by_id((await store.load()).printers) == by_id(fleet(10))
        assert await store.save(fleet(500, grown=2))
        assert events(caplog)[-1] == "state.saving_again"
    assert await found(path) == by_id(fleet(500, grown=2))


async def test_a_folder_held_by_another_agent_is_refused(path: Path) -> None:
    async with opened(path) as first:
        with pytest.raises(HostError, match="is in use") as raised:
            await kept(path, fleet(3))
        assert "its own [state] folder" in raised.value.hint
        assert await first.save([printer()])
    assert await found(path) == by_id([printer()])


def folder_is_a_file(path: Path) -> None:
    path.parent.touch()


def file_is_a_folder(path: Path) -> None:
    path.mkdir(parents=True)


def file_is_a_link(path: Path) -> None:
    path.parent.mkdir()
    path.symlink_to(path.with_name("elsewhere"))


@pytest.mark.parametrize("prepare", [folder_is_a_file, file_is_a_folder, file_is_a_link])
async def test_a_place_where_nothing_can_be_kept_is_a_host_error_with_a_way_out(path: Path, prepare: Callable[[Path], None]) -> None:
    prepare(path)
    with pytest.raises(HostError, match="cannot keep") as raised:
        await kept(path, [])
    assert 'folder = ""' in raised.value.hint
    assert not path.with_name("elsewhere").exists()


async def test_a_folder_without_permission_is_a_host_error(path: Path) -> None:
    path.parent.mkdir(mode=0o500)
    with file_modes_hold(), pytest.raises(HostError, match="cannot keep"):
        await kept(path, [])


# --- cut short ---


@pytest.mark.parametrize("stop_at, generation", [(1, 0), (400, 0), (800, 0), (801, 1)])
async def test_killed_anywhere_in_a_save_every_printer_is_old_or_every_one_is_new(path: Path, stop_at: int, generation: int) -> None:
    arguments = [sys.executable, "-m", "tests.state.saving_agent", str(path.parent), "800", str(stop_at)]
    with subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == ("half\n" if generation == 0 else "committed\n")
        finally:
            process.send_signal(signal.SIGKILL)
    assert await found(path) == by_id(fleet(800, grown=generation))


class GatedKey(LocalKey):
    """Says when it seals, and waits to be let on."""

    __slots__ = ("gate", "has_begun", "loop")

    def __init__(self) -> None:
        super().__init__(KEY)
        self.loop, self.has_begun, self.gate = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

    def seal(self, plain: bytes, about: bytes) -> bytes:
        self.loop.call_soon_threadsafe(self.has_begun.set)
        self.gate.wait()
        return super().seal(plain, about)


@pytest.mark.both_loops
async def test_a_save_cancelled_half_way_is_undone_and_the_next_one_works(path: Path) -> None:
    await kept(path, fleet(5))
    key = GatedKey()
    async with opened(path, key) as store:
        async with asyncio.TaskGroup() as group:
            save = group.create_task(store.save(fleet(5, grown=1)))
            await key.has_begun.wait()
            save.cancel()
            key.gate.set()
        assert save.cancelled()
        assert by_id((await store.load()).printers) == by_id(fleet(5))
        assert await store.save([printer(1, grown=2)])
    assert (await found(path))[printer(1).printer.id] == printer(1, grown=2)


async def test_saves_at_the_same_time_come_one_after_the_other(path: Path) -> None:
    async with opened(path) as store:
        assert all(await asyncio.gather(*(store.save([printer(number)]) for number in range(10)), store.save_sweep(b"x")))
        assert len((await store.load()).printers) == 10


# --- how it fares ---


async def test_status_and_metrics_say_what_is_there(path: Path) -> None:
    async with opened(path) as store:
        assert store.status().saved_utc is None
        await store.save(fleet(4))
        status = store.status()
        assert (status.printers, status.writes, status.failures, status.failing, status.saved_utc) == (4, 1, 0, None, START_UTC)
        assert status.size_bytes == sum(file.stat().st_size for file in path.parent.iterdir())
        text = render(store.metrics()).text.decode()
        assert 'poller_state_rows{kind="printer"} 4\n' in text
        assert "poller_state_writes_total 1\n" in text
        assert f"poller_state_size_bytes {status.size_bytes}\n" in text
        assert f"poller_state_last_saved_timestamp_seconds {START_UTC.timestamp():.0f}\n" in text


@pytest.mark.both_loops
async def test_ten_thousand_printers_are_printed(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Prints how long saving and loading 10,000 printers take, and for how long at most nothing else had its turn."""
    printers = fleet(10_000)
    longest_seconds = 0.0

    async def beat() -> None:
        nonlocal longest_seconds
        while True:
            began_at = time.perf_counter()
            await asyncio.sleep(0)
            longest_seconds = max(longest_seconds, time.perf_counter() - began_at)

    lines = []
    async with opened(path, clock=SystemClock()) as store:
        for name, work in (("save", lambda: store.save(printers)), ("load", store.load)):
            heart = asyncio.create_task(beat(), name="beat")
            began_at, longest_seconds = time.perf_counter(), 0.0
            result = await work()
            lines.append(f"{name} {time.perf_counter() - began_at:.2f} s with a pause of {longest_seconds * 1000:.0f} ms at most")
            heart.cancel()
            assert result if isinstance(result, bool) else by_id(result.printers) == by_id(printers)
    with capsys.disabled():
        print(f"\n10,000 printers, {size_bytes(path) >> 20} MB: {', '.join(lines)}")  # noqa: T201  what it is for
