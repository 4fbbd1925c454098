"""A disk without room costs nothing that was recorded; a damaged file is set aside, said, and replaced."""

# ruff: noqa: ASYNC240  nothing else runs beside these tests

from __future__ import annotations

import os
import random
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from poller.errors import HostError, OutboxError
from poller.exposition import render
from poller.outbox.file import ASIDE_MAX
from poller.outbox.outbox import Outbox
from poller.storage import files
from tests.conftest import ROOT
from tests.fake_clock import FakeClock
from tests.outbox.parts import KEY, LIMIT_BYTES, drain, line, lines, opened, plainly, sqlite


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.db"


@pytest.fixture(autouse=True)
def _every_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="poller")


def events(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [event for record in caplog.records if (event := getattr(record, "event", None)) is not None]


# --- no room ---


@contextmanager
def files_limited_to(size_bytes: int) -> Iterator[None]:
    """Nothing is written beyond: what a full disk is to SQLite."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_without_room_nothing_is_half_stored_and_it_goes_on_when_there_is_some(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with opened(path) as outbox:
        await outbox.record(lines(50))
        batch = await outbox.seal_next(plainly)
        assert batch is not None
        with files_limited_to(files.size_bytes(path)):
            for _ in range(3):
                with pytest.raises(OutboxError):
                    await outbox.record(lines(400, first=50))
            assert await outbox.waiting_batches() == [batch]
        failing = outbox.status().failing
        assert events(caplog).count("outbox.failed") == 1
        text = render(outbox.metrics()).text
        assert b"poller_outbox_failures_total" in text and b"poller_outbox_set_aside_total 0" in text
        await outbox.record(lines(400, first=50))
        assert failing is None or events(caplog).count("outbox.works_again") >= 1
        assert await drain(outbox) == [one.json for one in lines(450)]


_ON_TMPFS = """
import asyncio, sys
from pathlib import Path
from poller.errors import OutboxError
from tests.outbox.parts import drain, lines, opened

async def main(folder):
    ballast, recorded, refused = folder / "ballast", 0, 0
    async with opened(folder / "outbox.db") as outbox:
        ballast.write_bytes(bytes(8 << 20))
        while refused < 5:
            try:
                await outbox.record(lines(20, first=recorded))
                assert not refused, "stored on a full disk"
                recorded += 20
            except OutboxError:
                refused += 1
        ballast.unlink()
        await outbox.record(lines(20, first=recorded))
    async with opened(folder / "outbox.db") as outbox:
        assert await drain(outbox) == [one.json for one in lines(recorded + 20)]
        assert outbox.status().failing is None
    print("recorded", recorded, "refused", refused, sorted(file.name for file in folder.iterdir()))

asyncio.run(main(Path(sys.argv[1])))
"""


def test_a_real_file_system_that_is_full_loses_nothing_and_takes_again(tmp_path: Path) -> None:
    """A tmpfs of 16 MB in a mount namespace of its own."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = f"mount -t tmpfs -o size=16m,mode=700 tmpfs {folder}"
    if subprocess.run(["unshare", "-m", "sh", "-c", mount], capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a file system of one's own needs root")
    inside = f'{mount} && exec "$0" -c "$1" {folder}'
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", inside, sys.executable, _ON_TMPFS], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("recorded ") and "refused 5 ['outbox.db']" in done.stdout


# --- damaged files ---


def no_database(path: Path) -> None:
    path.write_bytes(b"this is no database\n" * 1000)


def cut_short(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def holed(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(2 * 8192)
        file.write(os.urandom(path.stat().st_size - 2 * 8192))


def newer(path: Path) -> None:
    with sqlite(path) as db:
        db.execute("PRAGMA user_version = 99")


def of_another_program(path: Path) -> None:
    path.unlink()
    with sqlite(path) as db:
        db.execute("CREATE TABLE line (id)")


@pytest.mark.parametrize(
    "damage, word",
    [
        *((damage, "broken") for damage in (no_database, cut_short, holed)),
        *((damage, "other-version") for damage in (newer, of_another_program)),
    ],
)
async def test_a_file_that_cannot_be_used_is_set_aside_under_its_time_and_a_new_one_begun(
    path: Path, caplog: pytest.LogCaptureFixture, damage: Callable[[Path], None], word: str
) -> None:
    async with opened(path) as outbox:
        await outbox.record(lines(60))
    damage(path)
    content = path.read_bytes()
    async with opened(path) as outbox:
        assert outbox.status().lines == 0
        assert b"poller_outbox_set_aside_total 1" in render(outbox.metrics()).text
        await outbox.record(lines(2))
        assert await drain(outbox) == [one.json for one in lines(2)]
    assert path.with_name(f"outbox.db.{word}-20261120T060000Z").read_bytes() == content
    assert events(caplog).count("outbox.set_aside") == 1


async def test_two_files_set_aside_in_one_second_are_both_kept(path: Path) -> None:
    for number in (1, 2):
        path.write_bytes(b"no database %d\n" % number * 100)
        async with opened(path):
            pass
    assert sorted(file.name for file in path.parent.iterdir()) == [
        "outbox.db", "outbox.db.broken-20261120T060000Z", "outbox.db.broken-20261120T060000Z-2"
    ]  # fmt: skip


async def test_beside_five_damaged_files_no_other_is_begun_and_none_is_deleted(path: Path, clock: FakeClock) -> None:
    for number in range(ASIDE_MAX):
        path.write_bytes(b"no database %d\n" % number * 100)
        clock.advance(3600)
        async with opened(path, clock=clock) as outbox:
            (note,) = outbox.notes()
            assert note.startswith(f"{number + 1} damaged outbox files are set aside beside {path}")
    path.write_bytes(b"the sixth\n" * 100)
    before = {file.name: file.read_bytes() for file in path.parent.iterdir()}
    for _ in range(2):
        with pytest.raises(HostError, match=r"5 such files are set aside beside it already .*move those away"):
            async with opened(path, clock=clock):
                pass
    assert {file.name: file.read_bytes() for file in path.parent.iterdir()} == before


async def test_a_sixth_damaged_file_met_while_it_runs_is_said_until_somebody_makes_room(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    aside = [path.with_name(f"outbox.db.broken-2026111{day}T060000Z") for day in range(ASIDE_MAX)]
    async with opened(path) as outbox:
        await outbox.record(lines(60))
    outbox = await Outbox.open(path, KEY, FakeClock(), limit_bytes=LIMIT_BYTES)
    try:
        for one in aside:
            one.touch()
        path.write_bytes(b"no database" * 10_000)
        for _ in range(2):
            with pytest.raises(OutboxError):
                await outbox.record([line(7)])
        assert events(caplog).count("outbox.not_begun_anew") == 2
        assert any(note.startswith("the outbox cannot be written") for note in outbox.notes())
        aside[0].unlink()
        with pytest.raises(OutboxError):
            await outbox.record([line(7)])
        await outbox.record([line(7)])
        assert await drain(outbox) == [line(7).json]
    finally:
        await outbox.close()


async def test_damage_met_while_it_runs_is_an_error_once_and_then_there_is_a_new_file(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with opened(path) as outbox:
        await outbox.record(lines(60))
    outbox = await Outbox.open(path, KEY, FakeClock(), limit_bytes=LIMIT_BYTES)
    try:
        holed(path)  # what SQLite holds in memory is little: it looks at the disk again
        with sqlite(path) as db:
            db.execute("PRAGMA user_version = 1")  # a change by another process, so that nothing in memory counts any more
        with pytest.raises(OutboxError):
            await outbox.seal_next(plainly)
        assert events(caplog).count("outbox.set_aside") == 1
        await outbox.record([line(7)])
        assert await drain(outbox) == [line(7).json]
    finally:
        await outbox.close()


async def test_bytes_changed_anywhere_never_change_a_line(path: Path) -> None:
    known = {one.json for one in lines(30)}
    async with opened(path) as outbox:
        await outbox.record(lines(30))
    sound, dice = path.read_bytes(), random.Random(7)
    lost = 0
    for _ in range(60):
        changed = bytearray(sound)
        for _ in range(dice.choice((1, 1, 8))):
            changed[dice.randrange(len(changed))] = dice.randrange(256)
        path.write_bytes(changed)
        try:
            async with opened(path) as outbox:
                sent = await drain(outbox)
        except Exception as error:  # noqa: BLE001  the key's own row was hit: told as another key
            assert "another local key" in str(error)
            sent = []
        assert set(sent) <= known
        assert len(set(sent)) == len(sent)
        lost += len(known) - len(sent)
    assert lost > 0


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 0.99])
async def test_a_log_cut_short_costs_the_last_transactions_and_no_half(path: Path, tmp_path: Path, share: float) -> None:
    """What a write-ahead log is after a power cut on a disk that lied: whole transactions up to some point."""
    copy = tmp_path / "copy" / "outbox.db"
    copy.parent.mkdir()
    async with opened(path) as outbox:
        for at in range(0, 40, 5):
            await outbox.record(lines(5, first=at))
        for companion in ("", "-wal"):
            Path(f"{copy}{companion}").write_bytes(Path(f"{path}{companion}").read_bytes())
    log = Path(f"{copy}-wal")
    os.truncate(log, int(log.stat().st_size * share))
    async with opened(copy) as outbox:
        sent = await drain(outbox)
        await outbox.record(lines(1, first=100))
    assert len(sent) % 5 == 0 and len(sent) < 40
    assert sent == [one.json for one in lines(len(sent))]
