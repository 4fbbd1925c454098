"""`python -m tests.whole.lossy`, in a network namespace: 200 simulated printers polled time after time while datagrams are lost.

Real sockets on the loopback of that namespace; what the engine waits between polls goes by twenty times as fast. Prints one line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
from collections import Counter

from poller.clock import SystemClock
from poller.engine import device
from poller.engine.fleet import Fleet
from poller.engine.poll import Place, Poller
from poller.engine.rhythm import Rhythm
from poller.engine.roster import Roster
from poller.errors import PrinterError
from poller.model import Credential, Decoded, Secret, Target
from poller.simulator import recordings
from poller.simulator.server import Simulator
from poller.snmp.socket import SnmpSocket

PRINTERS, POLLS_EACH, PORT, SPEED = 200, 4, 11161, 20
_PUBLIC = Credential(name="public", version="2c", community=Secret("public"))
_TURNS_MAX = 5000  # a quarter of a minute's worth is enough on a host that has nothing else to do
_TURN_SECONDS = 0.1


class HastyClock(SystemClock):
    """Goes twenty times as fast as others do."""

    def monotonic(self) -> float:
        return super().monotonic() * SPEED


async def run() -> dict[str, object]:
    """Find everybody, then poll until each was read often enough; return what was told and counted."""
    models = [recordings.load(name) for name in ("mono-laser", "colour-laser", "mono-mfp")]
    simulator = Simulator(models, network="127.20.0.0/16", port=PORT, count=PRINTERS, clock=SystemClock())
    await simulator.start()
    clock, read = HastyClock(), Counter[str]()

    def record(decoded: Decoded) -> None:
        read[decoded.reading.printer.id] += 1

    fleet = Fleet(clock, site=None, stale_after_seconds=1e6, forget_after_seconds=1e6)
    rhythm = Rhythm(every_seconds=60.0, busy_seconds=60.0, wake_seconds=60.0)
    async with SnmpSocket(timeout_seconds=0.1, retries=2) as wire:
        poller = Poller(
            wire, fleet, clock, roster=Roster(), rhythm=rhythm, workers=50, rows_max=2000, gone_after_seconds=600.0, record=record
        )

        async def find(address: str) -> None:
            target = Target(address=address, port=PORT, credential=_PUBLIC)
            for _ in range(10):
                try:
                    printer = await device.identify(wire, target, rows_max=2000, location=None)
                except PrinterError:
                    continue
                assert printer is not None
                poller.found(printer, target, Place())
                return

        await asyncio.gather(*map(find, simulator.addresses))
        stop = asyncio.Event()
        polls = asyncio.create_task(poller.run(stop))
        for _ in range(_TURNS_MAX):
            await asyncio.sleep(_TURN_SECONDS)
            if len(read) >= PRINTERS and min(read.values()) >= POLLS_EACH:
                break
        stop.set()
        await polls
        status = wire.status()
    simulator.close()
    events = {sample.labels[0]: sample.value for sample in poller.metrics() if sample.metric.name == "poller_printer_events_total"}
    return {
        "events": events,
        "printers": len(fleet),
        "polls_each_min": min(read.values(), default=0),
        "results": poller.status().results,
        "requests": status.requests,
        "retries": status.retries,
    }


def main(nft: str, ip: str, loss_percent: str) -> None:
    """Lose so many datagrams in a hundred on their way to the printers, then `run`."""
    subprocess.run([ip, "link", "set", "lo", "up"], check=True)
    rules = f"add table inet t; add chain inet t i {{ type filter hook input priority 0; }}; \
add rule inet t i udp dport {PORT} numgen random mod 100 < {int(loss_percent)} drop"
    subprocess.run([nft, rules], check=True)
    logging.disable(logging.CRITICAL)
    sys.stdout.write(json.dumps(asyncio.run(run())) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
