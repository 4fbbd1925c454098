"""From datagrams to /metrics text: what it costs to keep 10,000 printers fresh, in CPU seconds of our process alone.

The engine as the agent runs it: the crew polls whoever is due, decodes, and puts the reading into the fleet, which renders its metric text;
at the end of each round the text of all is joined as a scrape would. Learning the layouts is not counted.

snmp_exporter stands beside it with a figure on record, measured against the same simulated printers with a module that walks the supplies,
markers and status columns: it is a program to install and configure, and may be missing where this runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from poller.bench import children
from poller.bench.children import Figures
from poller.bench.crowd import ask_all, cpu_seconds, targets
from poller.bench.runs import Runs
from poller.bench.table import Goal, Result
from poller.bench.tools import free_port
from poller.clock import SystemClock
from poller.engine import device
from poller.engine.fleet import Fleet
from poller.engine.poll import Place, Poller
from poller.engine.rhythm import Rhythm
from poller.engine.roster import Roster
from poller.model import Target
from poller.snmp.socket import SnmpSocket

PRINTERS = 10_000
_SNMP_EXPORTER_PER_CPU_SECOND = 1250  # version 0.21, on record

GOALS = (
    Goal(
        row="metrics",
        work="poll to /metrics text, 10,000 printers",
        unit="printers/CPU-s",
        beside="snmp_exporter (on record)",
        sense=">=",
        value=8.0,
        limit=_SNMP_EXPORTER_PER_CPU_SECOND,
    ),
)

_EVERY_SECONDS = 900.0
_RHYTHM = Rhythm(every_seconds=_EVERY_SECONDS, busy_seconds=_EVERY_SECONDS, wake_seconds=_EVERY_SECONDS)
_LATE_SECONDS = 0.6 * _EVERY_SECONDS  # a printer's place may lie half an interval beyond, and its jitter
_WORKERS = 200
_ROWS_MAX = 2000
_LOOK_SECONDS = 0.02
_SECONDS_MAX = 600.0


def run(runs: Runs) -> Iterator[Result]:
    runs.say("metrics: learning 10,000 printers")
    port = free_port()
    with runs.tools.fleet(port=port):
        figures = children.measure("poller.bench.metrics", port, PRINTERS, runs.pairs, timeout_seconds=_SECONDS_MAX)
    ours = [figures[f"round_{number}"] for number in range(runs.pairs)]
    yield GOALS[0].judge(ours, note=f"{figures['megabytes']:.1f} MB of text, {figures['samples_each']:.0f} samples a printer")


class ImpatientClock(SystemClock):
    """A clock that can be put forward, so that a quarter of an hour between two polls need not be waited for."""

    def __init__(self) -> None:
        self._ahead_seconds = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self._ahead_seconds

    def skip(self, seconds: float) -> None:
        self._ahead_seconds += seconds


async def measure(port: str, printers: str, rounds: str) -> Figures:
    """Learn the printers, poll each once unmeasured, then return printers per CPU-second of each further round."""
    count = int(printers)
    clock = ImpatientClock()
    fleet = Fleet(clock, site="bench", stale_after_seconds=1e6, forget_after_seconds=1e6)
    async with SnmpSocket(timeout_seconds=2.0, retries=2) as wire:
        poller = Poller(wire, fleet, clock, roster=Roster(), rhythm=_RHYTHM, workers=_WORKERS, rows_max=_ROWS_MAX)

        async def introduce(target: Target) -> None:
            printer = await device.identify(wire, target, rows_max=_ROWS_MAX, location=None)
            assert printer is not None, "the load fleet holds printers only"
            poller.found(printer, target, Place())

        await ask_all(targets(count, int(port)), introduce, workers=_WORKERS)
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(poller.run(stop), name="polls")
            await _polled(poller, count)
            rates = [await _poll_round(poller, fleet, clock, count) for _ in range(1 + int(rounds))]
            stop.set()
    text = b"".join(fleet.families())
    figures = {f"round_{number}": rate for number, rate in enumerate(rates[1:])}
    return figures | {"megabytes": len(text) / 1e6, "samples_each": text.count(b"\nprinter_") / count}


async def _poll_round(poller: Poller, fleet: Fleet, clock: ImpatientClock, count: int) -> float:
    """Poll everybody once and write the text; return printers per CPU-second."""
    clock.skip(_EVERY_SECONDS + _LATE_SECONDS)
    began_at = cpu_seconds()
    await _polled(poller, poller.status().results["ok"] + count)
    for chunk in fleet.families():
        assert chunk
    return count / (cpu_seconds() - began_at)


async def _polled(poller: Poller, count: int) -> None:
    """Wait until so many polls have gone well; any other outcome is the end of this measurement."""
    while (results := poller.status().results).get("ok", 0) < count:
        if set(results) - {"ok"}:
            raise AssertionError(f"polls of simulated printers fail: {results}")
        await asyncio.sleep(_LOOK_SECONDS)


if __name__ == "__main__":
    children.answer(measure)
