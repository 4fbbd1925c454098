"""Killed with SIGKILL, again and again, at moments of chance: every line that was recorded reaches central, in one batch and no other."""

# ruff: noqa: ASYNC220, ASYNC240  nothing else runs beside these tests

from __future__ import annotations

import os
import random
import select
import signal
import subprocess
import sys
from collections import Counter as Tally
from hashlib import sha256
from pathlib import Path

from poller.storage import files
from tests.conftest import ROOT
from tests.outbox.killed_outbox import number_of
from tests.outbox.parts import drain, opened, sqlite

ROUNDS = int(os.environ.get("TEST_KILLS", "24"))
STEP = 1_000_000  # between the numbers of two rounds


def records(path: Path) -> list[list[str]]:
    """Return the words of each line that is whole."""
    return [one.split() for one in path.read_text().split("\n")[:-1]] if path.exists() else []


async def test_killed_at_any_moment_every_recorded_line_arrives_once(tmp_path: Path) -> None:
    dice, kills = random.Random(4711), 0
    for number in range(ROUNDS):
        arguments = [sys.executable, "-m", "tests.outbox.killed_outbox", str(tmp_path), str(number * STEP), "100000"]
        with subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            try:
                if dice.random() < 0.8:  # else while it opens, and settles what was left
                    assert process.stdout.readline() == "open\n"
                select.select([], [], [], dice.random() * 0.25)  # the moment of chance; nothing is waited for
            finally:
                process.send_signal(signal.SIGKILL)
        kills += process.returncode == -signal.SIGKILL
        with sqlite(tmp_path / "outbox.db") as db:
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert kills == ROUNDS

    batches: dict[int, tuple[str, ...]] = {}
    for sent, *rest in records(tmp_path / "central"):
        assert batches.setdefault(int(sent), tuple(rest)) == tuple(rest), "one number, two contents"
    arrived = Tally(int(number) for _, *numbers in batches.values() for number in numbers)
    async with opened(tmp_path / "outbox.db") as outbox:
        # A batch that waits may have been delivered just before the kill: the same number, so central says that it has it.
        for batch in await outbox.waiting_batches():
            if batch.number in batches:
                assert batches[batch.number][0] == sha256(batch.body).hexdigest()
                await outbox.settle(batch.number)
        left = Tally(number_of(one) for one in await drain(outbox))
    once = arrived + left
    assert set(once.values()) == {1}
    recorded = {number for first, end in records(tmp_path / "recorded") for number in range(int(first), int(end))}
    assert len(recorded) > ROUNDS * 10
    assert recorded <= set(once)
    assert len(set(once) - recorded) <= 7 * ROUNDS, "more than the call each kill cut short"
    assert not [file for file in tmp_path.iterdir() if "broken" in file.name]
    assert files.size_bytes(tmp_path / "outbox.db") < 64 << 20
