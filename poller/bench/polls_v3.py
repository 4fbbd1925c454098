"""What SNMPv3 costs: polls of one printer with authentication and encryption, beside the same polls by SNMPv2c.

Both ask the same snmpd, in turn, in processes of their own. Nothing is wanted of this row: it tells what to expect where v3 is demanded.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat
from statistics import median

from poller.bench import children, snmpd
from poller.bench.children import ChildError, Figures
from poller.bench.crowd import PUBLIC, ask_all, cpu_seconds
from poller.bench.runs import Runs
from poller.bench.table import Goal, Result
from poller.clock import SystemClock
from poller.engine import device
from poller.model import Target
from poller.printers.decode import decode
from poller.snmp.socket import SnmpSocket

GOALS = (
    Goal(row="v3", work="poll, SNMPv3 SHA-256/AES-128, decoded to Readings", unit="values/CPU-s", beside="the same by SNMPv2c", sense=None),
)

_POLLS = 2000
_IN_FLIGHT = 50
_ROWS_MAX = 2000
_SECONDS_MAX = 120.0


def run(runs: Runs) -> Iterator[Result]:
    rates: dict[str, list[float]] = {"3": [], "2c": []}
    microseconds: dict[str, list[float]] = {"3": [], "2c": []}
    with snmpd.serving() as port:
        for _ in runs.each("v3"):
            for version in rates:
                figures = children.measure("poller.bench.polls_v3", port, version, _POLLS, timeout_seconds=_SECONDS_MAX)
                rates[version].append(figures["values"] / figures["cpu_seconds"])
                microseconds[version].append(1e6 * figures["cpu_seconds"] / figures["polls"])
    v3, v2c = (median(figures) for figures in microseconds.values())
    note = f"{v3:.0f} µs of CPU a poll, {v2c:.0f} by SNMPv2c; one printer, answered by snmpd"
    yield GOALS[0].judge(rates["3"], rates["2c"], note=note)


async def measure(port: str, version: str, polls: str) -> Figures:
    """Learn the printer, poll it unmeasured for a while, then return what *polls* polls cost and bring."""
    target = Target(address="127.0.0.1", port=int(port), credential=snmpd.V3 if version == "3" else PUBLIC)
    clock = SystemClock()
    values = 0
    async with SnmpSocket(timeout_seconds=2.0, retries=2) as wire:
        learned = await device.learn(wire, target, rows_max=_ROWS_MAX)
        printer = device.describe(learned, target, location=None)
        if not printer.model:
            raise ChildError("snmpd does not show the printer it was told")

        async def poll(asked: device.Device) -> None:
            nonlocal values
            polled = await device.poll(wire, target, asked, rows_max=_ROWS_MAX)
            decode(asked.layout, polled.moving, polled.alerts, printer=printer, taken_at=clock.utc())
            values += len(polled.moving) + len(polled.alerts)

        await ask_all(repeat(learned.device, _IN_FLIGHT), poll, workers=_IN_FLIGHT)
        values, began_at = 0, cpu_seconds()
        await ask_all(repeat(learned.device, int(polls)), poll, workers=_IN_FLIGHT)
        return {"values": values, "cpu_seconds": cpu_seconds() - began_at, "polls": int(polls)}


if __name__ == "__main__":
    children.answer(measure)
