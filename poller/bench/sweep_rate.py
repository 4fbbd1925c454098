"""How fast probes leave: stage one of a sweep, unpaced, beside a C program that sends as many with sendmmsg and does nothing else.

Both ask the 65,536 addresses of 127.10.0.0/16 once and take what answers meanwhile. Ours counts from the first look at the plan to the
last probe handed to the kernel: with it go the order, a keyed request-id for each, and judging the answers. The closer look at whoever
answered is left out.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence

from poller.bench import children
from poller.bench.children import ChildError, Figures
from poller.bench.crowd import PUBLIC
from poller.bench.runs import Runs
from poller.bench.table import Goal, Result
from poller.bench.tools import FIXED_PORT, require_port
from poller.clock import SystemClock
from poller.engine.pacing import RATE_MAX
from poller.engine.sweep import Identified, Sweep
from poller.engine.targets import Plan, Range
from poller.engine.wire import Sounder
from poller.model import Target
from poller.networks import Interval
from poller.snmp.socket import SnmpSocket

GOALS = (Goal(row="sweep", work="sweep engine, 65,536 addresses, unpaced", unit="probes/s", beside="C, sendmmsg", sense=">=", value=0.6),)

NETWORK = Interval(4, 127 << 24 | 10 << 16, 127 << 24 | 10 << 16 | 0xFFFF)
"""Where blast sends to."""
ONE_IN = 16
"""One address of NETWORK in so many answers."""

_SECONDS_MAX = 60.0


def run(runs: Runs) -> Iterator[Result]:
    blast = runs.tools.program("blast")
    require_port(FIXED_PORT)
    ours, limit, answered = [], [], []
    with runs.tools.fleet("-d", ONE_IN, port=FIXED_PORT):
        for _ in runs.each("sweep"):
            figures = children.measure("poller.bench.sweep_rate", FIXED_PORT, timeout_seconds=_SECONDS_MAX)
            ours.append(figures["probes_per_second"])
            answered.append(round(figures["answered"]))
            limit.append(_rate(children.run(blast, timeout_seconds=_SECONDS_MAX)))
    yield GOALS[0].judge(ours, limit, note=f"{min(answered):,} to {max(answered):,} addresses answered the single probe")


async def measure(port: str) -> Figures:
    """Sweep once, one try, and return how fast the probes left."""
    plan = Plan([Range(name=None, intervals=(NETWORK,), credentials=(PUBLIC,), port=int(port))])
    async with SnmpSocket(timeout_seconds=1.0, retries=0) as wire:
        sounder = _Timed(wire)
        sweep = Sweep(plan, sounder, _look_no_closer, SystemClock(), rate_per_second=RATE_MAX, retries=0, timeout_seconds=1.0, workers=1)
        wire.stranger = sweep.heard
        began_at = time.perf_counter()
        found = await sweep.run()
    return {"probes_per_second": found.progress.sent / (sounder.last_at - began_at), "answered": found.progress.answered}


class _Timed:
    """Notes when the last batch was handed over: after it, a sweep only listens."""

    def __init__(self, sounder: Sounder) -> None:
        self._sounder = sounder
        self.last_at = 0.0

    def send_many(self, datagrams: Sequence[bytes], addresses: Sequence[bytes], port: int) -> int:
        sent = self._sounder.send_many(datagrams, addresses, port)
        self.last_at = time.perf_counter()
        return sent


async def _look_no_closer(target: Target) -> Identified[None]:
    return Identified(None, None)


def _rate(said: str) -> float:
    """Return probes per second of what blast prints: `C sendmmsg 65536 in 0.310s = 211406/s got 4124`."""
    found = re.search(r"= (\d+)/s", said)
    if found is None:
        raise ChildError(f"blast says {said.strip()[:80]!r}")
    return float(found[1])


if __name__ == "__main__":
    children.answer(measure)
