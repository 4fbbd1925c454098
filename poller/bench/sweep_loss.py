"""Who is found when the network loses packets: a sweep as `poller sweep` does it, paced, against a fleet that drops 2 % of all requests.

Which addresses answer is known beforehand, so the goal is not a number of printers but the very ones: each must be found, and looked at
closely, although its probe or any of the questions after it may be lost.
"""

from __future__ import annotations

from collections.abc import Iterator

from poller.bench import children
from poller.bench.children import Figures
from poller.bench.crowd import PUBLIC, answering
from poller.bench.runs import Runs
from poller.bench.sweep_rate import NETWORK, ONE_IN
from poller.bench.table import Goal, Result
from poller.bench.tools import free_port
from poller.clock import SystemClock
from poller.engine import device
from poller.engine.sweep import Identified, Sweep
from poller.engine.targets import Plan, Range
from poller.model import Target
from poller.snmp.socket import SnmpSocket

GOALS = (
    Goal(row="loss", work="sweep at 2 % packet loss, 3 retries", unit="printers", beside="answering", sense=">=", value=1.0, is_worst=True),
)

_LOSS_PER_MILLE = 20
_RETRIES = 3
_RATE_PER_SECOND = 20_000
_TIMEOUT_SECONDS = 1.0
_WORKERS = 200
_ROWS_MAX = 2000
_SECONDS_MAX = 300.0


def run(runs: Runs) -> Iterator[Result]:
    runs.say("loss: one sweep of 65,536 addresses")
    port = free_port()
    with runs.tools.fleet("-d", ONE_IN, "-l", _LOSS_PER_MILLE, port=port):
        figures = children.measure("poller.bench.sweep_loss", port, timeout_seconds=_SECONDS_MAX)
    note = f"{figures['seconds']:.1f} s at {_RATE_PER_SECOND:,} probes/s; {figures['others']:.0f} addresses found that do not answer"
    yield GOALS[0].judge([figures["found"]], [figures["answering"]], note=note)


async def measure(port: str) -> Figures:
    """Sweep once and return how many of those who answer were found, as printers."""
    plan = Plan([Range(name=None, intervals=(NETWORK,), credentials=(PUBLIC,), port=int(port))])
    async with SnmpSocket(timeout_seconds=_TIMEOUT_SECONDS, retries=_RETRIES) as wire:

        async def identify(target: Target) -> Identified[None]:
            return Identified(await device.identify(wire, target, rows_max=_ROWS_MAX, location=None), None)

        sweep = Sweep(
            plan,
            wire,
            identify,
            SystemClock(),
            rate_per_second=_RATE_PER_SECOND,
            retries=_RETRIES,
            timeout_seconds=_TIMEOUT_SECONDS,
            workers=_WORKERS,
        )
        wire.stranger = sweep.heard
        swept = await sweep.run()
    found = {address for one in swept.devices for address in (one.first.target.address, *one.other_addresses)}
    expected = answering(NETWORK, ONE_IN)
    return {
        "found": len(found & expected),
        "answering": len(expected),
        "others": len(found - expected),
        "seconds": swept.progress.elapsed_seconds,
    }


if __name__ == "__main__":
    children.answer(measure)
