"""A job log of a million jobs, with every check: how many jobs a second, and in how much memory.

The log is made up on disk first: version 4.0, canonical dialect. Then a fresh process does what `poller accounting check` does, with two
meters, and counts the faults instead of printing them. Seconds are of CPU.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from poller.accounting import dialect, generate, importer
from poller.accounting.checks import Check
from poller.accounting.meters import tallies
from poller.accounting.reader import Options
from poller.accounting.writer import Writer
from poller.bench import children, processes
from poller.bench.children import Figures
from poller.bench.runs import Runs
from poller.bench.table import Goal, Result

GOALS = (
    Goal(
        row="accounting",
        work="job log of a million jobs, read with all checks",
        unit="jobs/CPU-s",
        beside="limit",
        sense=">=",
        limit=10_000.0,
    ),
    Goal(
        row="accounting",
        work="job log of a million jobs, peak memory",
        unit="MB",
        beside="limit",
        sense="<",
        limit=150.0,
        is_worst=True,
    ),
)

_JOBS = 1_000_000
_SECONDS_MAX = 900.0


def run(runs: Runs) -> Iterator[Result]:
    processes.check()
    rates, megabytes = [], []
    with tempfile.TemporaryDirectory(prefix="poller-bench-") as name:
        path = Path(name) / "million.csv"
        runs.say("accounting: making up a log of 1,000,000 jobs")
        write_log(path, _JOBS)
        for _ in runs.each("accounting"):
            figures = children.measure("poller.bench.accounting", path, timeout_seconds=_SECONDS_MAX)
            rates.append(figures["jobs"] / figures["seconds"])
            megabytes.append(figures["megabytes"])
        size = path.stat().st_size / 1e6
    yield GOALS[0].judge(rates, note=f"a log of {size:.0f} MB, {_JOBS / min(rates):.0f} CPU-s at the slowest")
    yield GOALS[1].judge(megabytes, note="half of it and more are the keys of the last million records, kept to find doubles")


def write_log(path: Path, jobs: int) -> None:
    """Make up a log."""
    writer = Writer("4", dialect.load(dialect.CANONICAL))
    with path.open("wb") as file:
        file.write(writer.header())
        file.writelines(map(writer.line, generate.generate(jobs)))


async def measure(log: str) -> Figures:
    """Check a log; return jobs, seconds of CPU, and the peak of this process' resident memory."""
    began_seconds = time.process_time()
    sound = Check(tallies("A=0,B=0"))
    with Path(log).open("rb") as file:  # noqa: ASYNC230  nothing else runs on this loop
        opened = importer.read(file, Options(dialect=dialect.load(dialect.CANONICAL)))
        faults = sum(1 for item in opened for _ in sound.feed(item))
    faults += sum(1 for _ in sound.rest())
    seconds = time.process_time() - began_seconds
    jobs = sound.summary(opened.version).jobs
    return {"jobs": jobs, "faults": faults, "seconds": seconds, "megabytes": processes.peak_megabytes()}


if __name__ == "__main__":
    children.answer(measure)
