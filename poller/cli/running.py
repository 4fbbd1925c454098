"""How a verb runs its coroutine: on uvloop where there is one, else on plain asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import typer

from poller.system import loop_factory

T = TypeVar("T")


def run_async(work: Coroutine[Any, Any, T], *, interrupted_code: int = 1) -> T:
    """Run *work* to its end and return its result.

    Ctrl-C cancels it, waits for its clean-up and ends the program with *interrupted_code*: 1 for a tool that was not done,
    0 for what only ever ends that way.
    """
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        try:
            return runner.run(work)
        except KeyboardInterrupt:
            raise typer.Exit(interrupted_code) from None
