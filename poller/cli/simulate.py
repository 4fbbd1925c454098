"""`poller simulate`: a fleet of simulated printers on loopback."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from poller.cli.options import JsonOption
from poller.cli.running import run_async
from poller.system import on_signals

if TYPE_CHECKING:
    from poller.simulator.recordings import Recording

RecordingsArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="[RECORDING…]", help="Names (see --list) or .snmprec files. Default: all that come with poller."),
]


def simulate(
    recordings: RecordingsArgument = None,
    network: Annotated[str, typer.Option(help="Where they live: a network inside 127.0.0.0/8.")] = "127.20.0.0/16",
    port: Annotated[int, typer.Option(min=0, max=65535, help="UDP port; 0 takes a free one.")] = 16161,
    every_nth: Annotated[int, typer.Option(min=1, help="One address in so many is a printer.")] = 1,
    speed: Annotated[
        float, typer.Option(min=0, max=100_000, help="How fast they age, in times real time; 0 keeps them as recorded.")
    ] = 0.0,
    seed: Annotated[int, typer.Option(help="Another number makes another fleet.")] = 1,
    show_list: Annotated[bool, typer.Option("--list", help="Name the recordings that come with poller, and end.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Answer SNMPv1 and v2c for a whole network of simulated printers, on loopback only, until Ctrl-C.

    Each address serves one recording, with a serial number, name and life count of its own. The community is `public`.

    Example:

        poller simulate --network 127.20.0.0/24 --speed 3600
        poller simulate acme-410.snmprec --network 127.20.0.7/32 --port 1161
    """
    from poller.simulator import recordings as files

    if show_list:
        for name in files.names():
            print(name)
        return
    chosen = [files.load(name) for name in recordings or files.names()]
    run_async(_serve(chosen, network, port, every_nth, speed, seed, as_json=as_json), interrupted_code=0)


async def _serve(chosen: list[Recording], network: str, port: int, every_nth: int, speed: float, seed: int, *, as_json: bool) -> None:
    from poller.clock import SystemClock
    from poller.simulator.server import Simulator

    stop = asyncio.Event()
    on_signals(stop.set)
    simulator = Simulator(chosen, network=network, port=port, every_nth=every_nth, seed=seed, speed=speed, clock=SystemClock())
    await simulator.start()
    try:
        count = len(simulator.addresses)
        if as_json:
            print(msgspec.json.encode({"network": network, "port": simulator.port, "printers": count}).decode(), flush=True)
        else:
            print(f"{count:,} simulated devices in {network}, UDP port {simulator.port}; Ctrl-C ends it", flush=True)
            print(f"try: poller sweep {network} --port {simulator.port}", flush=True)
        await stop.wait()
    finally:
        simulator.close()
    print(msgspec.json.encode(simulator.status()).decode(), file=sys.stderr)
