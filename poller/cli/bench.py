"""`poller bench`: how fast and how small this is, here, beside peers and limits."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from poller.cli.options import JsonOption
from poller.errors import ConfigError

if TYPE_CHECKING:
    from poller.bench.table import Result

_MARKED = re.compile(r"(<!-- poller bench -->\n).*?(<!-- end -->)", re.DOTALL)


def bench(
    rows: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[ROW…]",
            help="sweep, loss, poll, v3, metrics, scrape, memory, day, outbox, central, scale, restart, accounting. Default: all of them.",
        ),
    ] = None,
    tools: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            exists=True,
            file_okay=False,
            help="Where fleetsim.c, blast.c, peers.py and fleet.txt lie. Rows that need them are not measured without.",
        ),
    ] = None,
    pairs: Annotated[int, typer.Option(min=1, max=100, help="How often each is measured, ours and the peer's in turn.")] = 5,
    share: Annotated[
        float, typer.Option(min=0.001, max=1, help="scale: the part of its devices that is made. 1 is all: 20 GB, a quarter of an hour.")
    ] = 0.05,
    into: Annotated[
        Path | None, typer.Option(metavar="FILE", exists=True, dir_okay=False, help="Also put the table into this page, between its marks.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure speed and memory on this machine, on loopback, beside peers and limits.

    Every figure is the median of several runs. What counts is the ratio: figures of two machines do not compare. A whole run takes some
    ten minutes, and tells most when nothing else runs. Prints a table, with --json an object a row; ends with 1 when a goal is missed.

    Example:

        poller bench scrape
        poller bench --tools ../bench --pairs 3 sweep poll
        poller bench --share 1 scale
    """
    from poller.bench import table
    from poller.bench.rows import ROWS

    chosen = list(dict.fromkeys(rows or ROWS))
    unknown = [name for name in chosen if name not in ROWS]
    if unknown:
        raise ConfigError([f"{name}: no such row; there are {', '.join(ROWS)}" for name in unknown])
    if into is not None and not _MARKED.search(into.read_text("utf-8")):
        raise ConfigError([f"{into}: no place for a table; want the lines <!-- poller bench --> and <!-- end -->"])
    results = []
    for result in _measure(chosen, tools, pairs, share):
        results.append(result)
        if as_json:
            print(msgspec.json.encode(result).decode(), flush=True)
    if not as_json:
        print(table.text(results))
    if into is not None:
        _put_into(into, results, pairs)
    if any(result.verdict in ("missed", "failed") for result in results):
        raise typer.Exit(1)


def _measure(names: list[str], folder: Path | None, pairs: int, share: float) -> Iterator[Result]:
    from poller.bench.rows import ROWS, run
    from poller.bench.runs import Runs
    from poller.bench.tools import Tools

    with _sigterm_as_ctrl_c(), Tools(folder) as tools, _telling() as say:
        for name in names:
            yield from run(ROWS[name], Runs(tools, pairs, say, share))


@contextmanager
def _sigterm_as_ctrl_c() -> Iterator[None]:
    """Let SIGTERM end the block as Ctrl-C does: with every child stopped and no file left."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _telling() -> Iterator[Callable[[str], None]]:
    """Give a function that shows what is being measured, on standard error where that is a terminal."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    with console.status("") as status:
        yield status.update


def _put_into(page: Path, results: list[Result], pairs: int) -> None:
    import os
    import platform

    from poller import __version__
    from poller.bench import table
    from poller.clock import SystemClock

    made = (
        f"poller {__version__}, Python {platform.python_version()}, {os.cpu_count()} cores, {SystemClock().utc():%Y-%m-%d}, {pairs} pairs."
    )
    block = f"{made}\n\n{table.markdown(results)}\n"
    text = page.read_text("utf-8")
    page.write_text(_MARKED.sub(lambda found: f"{found[1]}{block}{found[2]}", text), "utf-8")
