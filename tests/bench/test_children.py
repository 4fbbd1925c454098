"""Measurements in processes of their own: what they print, and how they fail."""

from __future__ import annotations

import os
import sys

import pytest

from poller.bench import children
from poller.bench.children import ChildError


def test_a_child_answers_with_what_it_prints() -> None:
    assert children.run(sys.executable, "-c", "print(6 * 7)", timeout_seconds=60) == "42\n"


def test_a_child_that_fails_has_the_last_word() -> None:
    with pytest.raises(ChildError, match=r"^-c raise .* ended with 1: OSError: no luck$"):
        children.run(sys.executable, "-c", "raise OSError('no luck')", timeout_seconds=60)


def test_a_child_that_is_not_done_in_time_is_ended() -> None:
    with pytest.raises(ChildError, match="was not done after 0 seconds"):
        children.run(sys.executable, "-c", "while True: pass", timeout_seconds=0.01)


def test_a_program_that_cannot_be_started_is_named() -> None:
    with pytest.raises(ChildError, match="no-such-program: No such file"):
        children.run("no-such-program", timeout_seconds=60)


@pytest.mark.parametrize(
    "said, words",
    [
        ("", "without a word"),
        ("Traceback\nOSError: no luck\n", "OSError: no luck"),
        ("  | ExceptionGroup\n    | OSError: no luck\n    +------------------------------------\n", "OSError: no luck"),
    ],
)
def test_the_last_words_are_the_last_line_with_words(said: str, words: str) -> None:
    assert children.last_words(said) == words


def test_a_child_knows_nothing_of_an_agents_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLLER_SWEEP_TARGETS", "10.1.0.0/24")
    assert not [name for name in children.environment() if name.startswith("POLLER_")]


def test_what_runs_beside_a_measurement_ends_with_it() -> None:
    with pytest.raises(ChildError), children.running([sys.executable, "-c", "while True: input()"], stdin=-1) as process:
        raise ChildError("the measurement fails")
    assert process.returncode is not None
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)
