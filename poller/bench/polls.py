"""What a poll costs once the layout is known, beside the session walks of other libraries: values per CPU-second of one process.

All read the same simulated printers, 200 at a time. Ours asks for exactly what the layout names and decodes it to Readings; theirs GET ten
scalars and walk three tables, undecoded. Start-up and, for ours, learning are not counted: of a peer its cost for one printer is
subtracted, of ours one round of polls goes before the ones that count.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from poller.bench import children
from poller.bench.children import ChildError, Figures, NotMeasuredError
from poller.bench.crowd import ask_all, cpu_seconds, targets
from poller.bench.runs import Runs
from poller.bench.table import Goal, Result
from poller.bench.tools import FIXED_PORT, require_module, require_port
from poller.clock import SystemClock
from poller.engine import device
from poller.engine.device import Device
from poller.model import Printer, Target
from poller.printers.decode import decode
from poller.snmp.socket import SnmpSocket

_WORK = "poll, known layouts, decoded to Readings"
GOALS = (
    Goal(row="poll", work=_WORK, unit="values/CPU-s", beside="gufo_snmp", sense=">=", value=4.0),
    Goal(row="poll", work=_WORK, unit="values/CPU-s", beside="aiosnmp", sense=">=", value=10.0),
)

_MODULES = {"gufo_snmp": ("gufo", "gufo.snmp.aio"), "aiosnmp": ("aiosnmp", "aiosnmp")}  # what peers.py calls it, and what it imports
_PRINTERS = 2000
_IN_FLIGHT = 200
_ROUNDS = 2
_ROWS_MAX = 2000
_SECONDS_MAX = 300.0


def run(runs: Runs) -> Iterator[Result]:
    peers = runs.tools.file("peers.py")
    require_module("uvloop", "uvloop")
    require_port(FIXED_PORT)
    with runs.tools.fleet(port=FIXED_PORT):
        for goal in GOALS:
            library, module = _MODULES[goal.beside]
            try:
                require_module(module, goal.beside)
            except NotMeasuredError as reason:
                yield goal.without_figure("not measured", str(reason))
            else:
                yield _compare(runs, goal, [sys.executable, peers, library])


def _compare(runs: Runs, goal: Goal, peer: list[str | Path]) -> Result:
    """Measure ours and *peer* in turn."""
    _, start_up_seconds = _read_peer(children.run(*peer, 1, 1, timeout_seconds=_SECONDS_MAX))
    ours, theirs, each = [], [], ""
    for _ in runs.each(f"poll beside {goal.beside}"):
        figures = children.measure("poller.bench.polls", FIXED_PORT, _PRINTERS, timeout_seconds=_SECONDS_MAX)
        ours.append(figures["values"] / figures["cpu_seconds"])
        values, seconds = _read_peer(children.run(*peer, _PRINTERS, _IN_FLIGHT, timeout_seconds=_SECONDS_MAX))
        theirs.append(values / (seconds - start_up_seconds))
        each = f"{figures['values'] / figures['polls']:.1f} values a printer, {values / _PRINTERS:.1f} by {goal.beside}"
    return goal.judge(ours, theirs, note=each)


async def measure(port: str, printers: str) -> Figures:
    """Learn the printers, poll each once unmeasured, then return what further polls of all cost and bring."""
    known: list[tuple[Target, Device, Printer]] = []
    values = 0
    clock = SystemClock()
    async with SnmpSocket(timeout_seconds=2.0, retries=2) as wire:

        async def learn(target: Target) -> None:
            learned = await device.learn(wire, target, rows_max=_ROWS_MAX)
            known.append((target, learned.device, device.describe(learned, target, location=None)))

        async def poll(one: tuple[Target, Device, Printer]) -> None:
            nonlocal values
            target, asked, printer = one
            polled = await device.poll(wire, target, asked, rows_max=_ROWS_MAX)
            decode(asked.layout, polled.moving, polled.alerts, printer=printer, taken_at=clock.utc())
            values += len(polled.moving) + len(polled.alerts)

        await ask_all(targets(int(printers), int(port)), learn, workers=_IN_FLIGHT)
        await ask_all(known, poll, workers=_IN_FLIGHT)
        values, began_at = 0, cpu_seconds()
        for _ in range(_ROUNDS):
            await ask_all(known, poll, workers=_IN_FLIGHT)
        return {"values": values, "cpu_seconds": cpu_seconds() - began_at, "polls": _ROUNDS * len(known)}


def _read_peer(said: str) -> tuple[int, float]:
    """Return (values, CPU seconds) of what peers.py prints. Raises ChildError when it failed to read a printer."""
    found = re.search(r"cpu_s=([\d.]+) .*varbinds=(\d+) failed=0\b", said)
    if found is None:
        raise ChildError(f"peers.py says {said.strip()[:120]!r}")
    return int(found[2]), float(found[1])


if __name__ == "__main__":
    children.answer(measure)
