"""The agent's readings go where its configuration says."""

# ruff: noqa: ASYNC240  nothing else runs beside these tests

from __future__ import annotations

from pathlib import Path

import pytest

from poller.config import load
from poller.errors import HostError
from poller.keeping import Keeping
from poller.sealing.local_key import LocalKey
from tests.fake_clock import FakeClock
from tests.outbox.parts import lines, plainly


def keeping(folder: Path, **environ: str) -> Keeping:
    settings = load(None, {"POLLER_STATE_FOLDER": str(folder / "data"), **environ})
    return Keeping(settings.outbox, FakeClock())


async def test_the_outbox_is_beside_the_state_and_under_its_key(tmp_path: Path) -> None:
    LocalKey.open_or_create(tmp_path / "data" / "local.key")
    kept = keeping(tmp_path)
    await kept.open(has_central=True)
    try:
        await kept.record(lines(3))
        assert kept.outbox is not None and kept.outbox.status().lines == 3
        assert kept.notes == ()
    finally:
        await kept.close()
    assert {file.name for file in (tmp_path / "data").iterdir()} == {"local.key", "outbox.db"}


async def test_a_control_copy_is_in_a_folder_of_its_own(tmp_path: Path) -> None:
    kept = keeping(tmp_path, POLLER_OUTBOX_CONTROL_COPY="30d")
    await kept.open(has_central=True)
    try:
        await kept.record(lines(3))
        assert kept.outbox is not None
        await kept.outbox.seal_next(plainly)
    finally:
        await kept.close()
    assert len(list((tmp_path / "data" / "control-copy").iterdir())) == 1


@pytest.mark.parametrize("environ", [{"POLLER_OUTBOX_FOLDER": "none"}, {"POLLER_STATE_FOLDER": "none"}])
async def test_where_nothing_is_to_be_kept_nothing_is(tmp_path: Path, environ: dict[str, str]) -> None:
    kept = keeping(tmp_path, **environ)
    await kept.open(has_central=True)
    await kept.record(lines(3))
    await kept.close()
    assert kept.outbox is None
    assert list(tmp_path.iterdir()) == []


async def test_a_key_that_was_lost_keeps_the_agent_from_starting(tmp_path: Path) -> None:
    kept = keeping(tmp_path)
    await kept.open(has_central=True)
    await kept.close()
    (tmp_path / "data" / "local.key").unlink()
    with pytest.raises(HostError, match="another local key"):
        await keeping(tmp_path).open(has_central=True)


async def test_what_is_refused_and_scarce_is_told_on_the_page(tmp_path: Path) -> None:
    kept = keeping(tmp_path, POLLER_OUTBOX_LIMIT="1MB")
    await kept.open(has_central=True)
    try:
        assert kept.outbox is not None
        await kept.record(lines(1))
        batch = await kept.outbox.seal_next(plainly)
        assert batch is not None
        await kept.outbox.quarantine(batch.number, "bad-lines")
        assert kept.notes == ("1 batches were refused by central; poller outbox status says why",)
    finally:
        await kept.close()
