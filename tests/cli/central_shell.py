"""`poller central …` as the dealer's people type it, over a database that a test fills beforehand."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from poller.central.config import load
from poller.cli import app as cli
from poller.cli.central import central
from tests.central.stock import Stock, stocked
from tests.fake_clock import FakeClock


class Shell:
    """Runs verbs in the working folder."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str, code: int = 0) -> tuple[str, str]:
        """Run a verb; return what it printed and what it said on the side."""
        got = cli.main(["central", *arguments])
        printed = self._capsys.readouterr()
        assert got == code, printed.err
        return printed.out, printed.err

    def rows(self, *arguments: str) -> list[dict[str, Any]]:
        """Return what a verb tells programs."""
        return [json.loads(line) for line in self(*arguments, "--json")[0].splitlines()]


def fill(folder: Path, clock: FakeClock, put: Callable[[Stock], Awaitable[object]]) -> None:
    """Make the database and the keys that the verbs find in *folder*, the working folder, with what *put* puts there."""

    async def run() -> None:
        config = load(None, os.environ)
        async with stocked(folder, clock, url=config.database.url.reveal(), keys_folder=config.keys_folder) as stock:
            await put(stock)

    asyncio.run(run())


def verbs(command: Any = None, *words: str) -> Iterator[tuple[str, ...]]:
    """Yield the words of every verb of `poller central`."""
    command = typer.main.get_command(central) if command is None else command
    below = getattr(command, "commands", None)
    if below is None:
        yield words
        return
    for name, one in below.items():
        yield from verbs(one, *words, name)
