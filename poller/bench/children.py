"""A measurement in a process of its own: started, asked by arguments, answering with JSON, gone.

Whoever is measured and whoever measures shares neither heap nor caches. A child that hangs is ended, one that fails says why.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec

import poller
from poller import garbage
from poller.errors import PollerError
from poller.system import loop_factory

T = TypeVar("T")
Figures = dict[str, float]

_PACKAGE_FOLDER = Path(poller.__file__).parent.parent
_STOP_SECONDS = 10.0


class NotMeasuredError(PollerError):
    """Something a row needs is not there; the text says what, and where it comes from."""


class ChildError(PollerError):
    """A measurement broke off; the text is its last word."""


def environment() -> dict[str, str]:
    """Return the variables a child gets: ours, without settings of an agent, with the package on its path."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("POLLER_")}
    path = os.pathsep.join(filter(None, (str(_PACKAGE_FOLDER), ours.get("PYTHONPATH"))))
    return {**ours, "PYTHONPATH": path}


def measure(module: str, *arguments: str | int | Path, timeout_seconds: float) -> Figures:
    """Run `python -m MODULE ARGUMENTS` and return the figures it prints. Raises ChildError."""
    return msgspec.json.decode(run(sys.executable, "-m", module, *arguments, timeout_seconds=timeout_seconds), type=Figures)


def run(*command: str | int | Path, timeout_seconds: float) -> str:
    """Run *command* and return what it prints. Raises ChildError."""
    name = " ".join(map(str, command[1:3])) if command[0] == sys.executable else Path(str(command[0])).name
    try:
        done = subprocess.run(  # noqa: S603  a program of ours or of the operator's folder
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_seconds,
            env=environment(),
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ChildError(f"{name} was not done after {timeout_seconds:.0f} seconds") from None
    except OSError as error:
        raise ChildError(f"{name}: {error.strerror}") from error
    if done.returncode != 0:
        raise ChildError(f"{name} ended with {done.returncode}: {last_words(done.stderr)}")
    return done.stdout


def last_words(said: str) -> str:
    """Return the last line of *said* with words in it; a traceback of several exceptions ends with a ruler."""
    lines = (line.strip(" |+-") for line in reversed(said.splitlines()))
    return next(filter(None, lines), "without a word")


@contextmanager
def running(command: list[str], **options: Any) -> Iterator[subprocess.Popen[str]]:
    """Keep *command* running inside the block; it is asked to end, and made to if it does not."""
    options = {"stdin": subprocess.DEVNULL, **options}
    process = subprocess.Popen(command, text=True, env=environment(), **options)  # noqa: S603  as above
    try:
        with process:
            try:
                yield process
            finally:
                process.terminate()
                try:
                    process.wait(_STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()
    except BrokenPipeError:
        pass  # it ended before it had read all we wrote


def answer(work: Callable[..., Coroutine[Any, Any, Mapping[str, float]]]) -> None:
    """Be the child: run *work* with the command line's arguments, on the agent's event loop, and print its figures."""
    garbage.set_policy()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        figures = runner.run(work(*sys.argv[1:]))
    print(msgspec.json.encode(figures).decode())
