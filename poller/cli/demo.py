"""`poller demo`: the whole thing on simulated printers, for whoever wants to see it before believing it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from poller.cli.running import run_async
from poller.system import on_signals

if TYPE_CHECKING:
    from poller.config import Config

_NETWORKS = {"headquarters": ("127.20.0.0/25", "Musterstadt, main building"), "branch": ("127.20.0.128/25", "Beispielhausen")}
_SPEED = 2400  # a minute of demo is 40 hours of an office: toner visibly sinks
_POLL_EVERY = "10s"
_PRINTERS = 200

_PLACE = ("demo", "demo")  # account and site at central

_CENTRAL_MISSING = "central      not here: pip install 'poller[central]'"
_WELCOME = """
  {count} simulated printers, one agent that knows nothing of them yet.

  page         {url}/
  metrics      {url}/metrics
  one device   {url}/probe?target={example}
  targets      {url}/sd
  {central}

  For a Prometheus of yours:

    scrape_configs:
      - job_name: printers
        scrape_interval: 15s
        static_configs: [{{targets: ["{listen}"]}}]

  Time runs {speed:,} times as fast: watch printer_supply_level_ratio sink. Ctrl-C ends it.
"""


def demo(
    listen: Annotated[
        str, typer.Option(metavar="ADDRESS:PORT", help="Where page and metrics are shown; port 0 takes a free one.")
    ] = "127.0.0.1:9717",
    printers: Annotated[int, typer.Option(min=1, max=250, help="How many simulated printers.")] = _PRINTERS,
    speed: Annotated[float, typer.Option(min=0, max=100_000, help="How fast they age, in times real time.")] = _SPEED,
) -> None:
    """Show what poller does: simulated printers whose toner sinks, paper runs out and pages grow, an agent that reads them, and the
    dealer's central, which it enrols at and uploads to.

    Needs no set-up, sends nothing beyond this machine, and leaves nothing behind. Ctrl-C ends it.

    Example:

        poller demo
        poller demo --listen 0.0.0.0:9717 --printers 50
    """
    run_async(_show(listen, printers, speed), interrupted_code=0)


async def _show(listen: str, printers: int, speed: float) -> None:
    from poller import logs
    from poller.agent import Agent
    from poller.clock import SystemClock
    from poller.simulator import recordings
    from poller.simulator.server import Simulator

    logs.setup("warning", "logfmt")
    stop = asyncio.Event()
    on_signals(stop.set)
    models = [one for one in map(recordings.load, recordings.names()) if one.is_printer]
    simulator = Simulator(models, network="127.20.0.0/24", port=0, count=printers, seed=7, speed=speed, clock=SystemClock())
    await simulator.start()
    try:
        with TemporaryDirectory(prefix="poller-demo-") as folder:
            async with _central(Path(folder) / "central") as central:
                agent = Agent(_settings(listen, simulator.port, Path(folder) / "agent", central), SystemClock())
                async with asyncio.TaskGroup() as group:
                    running = group.create_task(agent.run(stop), name="agent")
                    await agent.started.wait()
                    host = listen.rpartition(":")[0]
                    shown = f"{'127.0.0.1' if host in ('', '0.0.0.0', '[::]') else host}:{agent.port}"  # noqa: S104  compared, not bound
                    print(
                        _WELCOME.format(
                            count=len(simulator.addresses),
                            url=f"http://{shown}",
                            listen=shown,
                            speed=round(speed),
                            example=f"{simulator.addresses[0]}:{simulator.port}",
                            central=_CENTRAL_MISSING if central is None else f"central      {central.metrics}",
                        ),
                        flush=True,
                    )
                    await running
    finally:
        simulator.close()


class _Office(NamedTuple):
    """A central that runs: what an agent enrols by, and where central shows how it fares."""

    token: str
    metrics: str


@asynccontextmanager
async def _central(folder: Path) -> AsyncIterator[_Office | None]:
    """Run a central on loopback, in *folder*, with one account, one site and one token; None where its packages are not installed."""
    from poller.clock import SystemClock

    try:
        from poller.central.config import load
        from poller.central.office.administration import Administration
        from poller.central.serve import Central
    except ModuleNotFoundError:
        yield None
        return
    clock = SystemClock()
    environ = {"SERVER_LISTEN": "127.0.0.1:0", "SERVER_METRICS_LISTEN": "127.0.0.1:0"}
    environ |= {"DATABASE_FILE": str(folder / "central.db"), "KEYS_FOLDER": str(folder / "keys")}
    central, stop = Central(load(None, {f"POLLERCENTRAL_{name}": value for name, value in environ.items()}), clock), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(central.run(stop), name="central")
        await central.started.wait()
        assert central.database is not None
        office, now_utc = Administration(central.database, central.keys, who="demo"), clock.utc()
        account, site = _PLACE
        await office.add_account(account, now_utc=now_utc)
        await office.add_site(account, site, now_utc=now_utc)
        address = f"http://127.0.0.1:{central.port}"
        token = await office.new_token(account, site, address=address, valid=timedelta(hours=1), now_utc=now_utc)
        try:
            yield _Office(token.reveal(), f"http://127.0.0.1:{central.metrics_port}/metrics")
        finally:
            stop.set()


def _settings(listen: str, port: int, folder: Path, central: _Office | None) -> Config:
    """Return the demo's configuration, made the way an operator's is; the real environment has no say in it."""
    from poller.config import load

    environ = {
        "POLLER_SITE_NAME": "demo",
        "POLLER_POLL_EVERY": _POLL_EVERY,
        "POLLER_POLL_TIMEOUT": "2s",
        "POLLER_SWEEP_RATE": "500",
        "POLLER_EXPORTER_LISTEN": listen,
        "POLLER_STATE_FOLDER": str(folder),
    }
    if central is not None:
        environ |= {"POLLER_CENTRAL_TOKEN": central.token, "POLLER_CENTRAL_PROXY": "none", "POLLER_CENTRAL_EVERY": "10s"}
    for number, (name, (network, location)) in enumerate(_NETWORKS.items()):
        prefix = f"POLLER_RANGE_{number}_"
        environ |= {f"{prefix}NAME": name, f"{prefix}NETWORKS": network, f"{prefix}LOCATION": location, f"{prefix}PORT": str(port)}
    return load(None, environ)
