"""From a printer to the dealer's database: a real agent, its outbox, the wire, a real central; and settings the other way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from poller.agent import Agent
from poller.central.receiving.settings import Settings
from poller.clock import SystemClock
from poller.config import load
from poller.simulator.server import Simulator
from tests.central.running import Running, config_of, running
from tests.fake_clock import FakeClock
from tests.whole.processes import get, until
from tests.whole.test_agent import PRINTERS, Samples, reached, scrape, simulated, values


@asynccontextmanager
async def agent(folder: Path, simulator: Simulator, **environ: str) -> AsyncIterator[str]:
    """Run an agent that keeps its state in *folder*; yield its address."""
    network, port = str(simulator.fleet.network), str(simulator.port)
    settings = {
        "POLLER_RANGE_0_NAME": "lab",
        "POLLER_RANGE_0_NETWORKS": network,
        "POLLER_RANGE_0_PORT": port,
        "POLLER_SWEEP_RATE": "2000",
        "POLLER_SWEEP_TIMEOUT": "500ms",
        "POLLER_POLL_EVERY": "10s",
        "POLLER_EXPORTER_LISTEN": "127.0.0.1:0",
        "POLLER_STATE_FOLDER": str(folder),
        "POLLER_TRAPS_LISTEN": "none",
    } | environ
    again = partial(load, None, settings)
    one, stop = Agent(again(), SystemClock(), load=again, load_with=again, is_synchronised=lambda: True), asyncio.Event()
    task = asyncio.create_task(one.run(stop))
    started = asyncio.create_task(one.started.wait())
    await asyncio.wait({task, started}, return_when=asyncio.FIRST_COMPLETED)
    try:
        yield f"http://127.0.0.1:{one.port}"
    finally:
        stop.set()
        await task


@asynccontextmanager
async def central_in(folder: Path) -> AsyncIterator[Running]:
    async with running(config_of(folder), FakeClock(datetime.now(UTC).replace(microsecond=0))) as one:
        yield one


def labelled(samples: Samples, name: str, **labels: str) -> float:
    return sum(value for (metric, of), value in samples.items() if metric == name and labels.items() <= dict(of).items())


async def test_readings_reach_the_database_and_settings_reach_the_polls(tmp_path: Path) -> None:
    site = tmp_path / "site"
    async with simulated(PRINTERS, "127.31.90.0/29", 4) as simulator:
        excluded = simulator.addresses[0]
        async with central_in(tmp_path / "central") as central:
            await central.add_site()
            token = await central.token()
            document = f'{{"poll":{{"every":"20s"}},"sweep":{{"exclude":["{excluded}"]}}}}'.encode()
            office = Settings(central.database, central.central.keys)
            await office.set("acme", document, site="hamburg", who="test", now_utc=central.clock.utc())
            async with agent(site, simulator, POLLER_CENTRAL_TOKEN=token.reveal()) as url:
                await until("it is enrolled, and has sent something", reached(url, lambda now: _stored(now) > 0))
                await until("settings hold", reached(url, lambda now: values(now, "poller_upload_settings_version") == [1.0]))
                await until("the excluded one is gone", reached(url, lambda now: len(values(now, "printer_up")) == 3))
                assert f'result="stored"}} {_stored(await scrape(url)):.0f}' in await central.metrics()
                shown = (await get(f"{url}/"))[1]
                assert token.reveal() not in shown
        # Central is gone, the token is used up; what it said holds on.
        async with agent(site, simulator, POLLER_CENTRAL_TOKEN=token.reveal()) as url:
            samples = await scrape(url)
            assert values(samples, "poller_upload_enrolled") == [1.0]
            assert values(samples, "poller_upload_settings_version") == [1.0]
            await until("polls go on", reached(url, lambda now: len(values(now, "printer_up")) == 3))
            await until("it says that central is away", reached(url, _is_away))
            assert "no connection to 127.0.0.1" in (await get(f"{url}/"))[1]
        assert excluded.encode() not in (site / "central" / "settings").read_bytes()


async def test_settings_that_are_not_accepted_here_are_refused_and_central_hears_why(tmp_path: Path) -> None:
    async with simulated(PRINTERS, "127.31.91.0/29", 2) as simulator, central_in(tmp_path / "central") as central:
        await central.add_site()
        token = await central.token()
        office = Settings(central.database, central.central.keys)
        document = b'{"range":[{"name":"more","networks":["127.31.92.0/24"]}]}'
        await office.set("acme", document, site="hamburg", who="test", now_utc=central.clock.utc())
        allowed = str(simulator.fleet.network)
        more = {"POLLER_CENTRAL_ACCEPT": "intervals,ranges", "POLLER_SWEEP_ALLOWED": allowed, "POLLER_CENTRAL_TOKEN": token.reveal()}
        async with agent(tmp_path / "site", simulator, **more) as url:
            await until("they are refused", reached(url, lambda now: values(now, "poller_upload_settings_refused") == [1.0]))
            assert "is not in sweep.allowed" in (await get(f"{url}/"))[1]

            async def is_known() -> bool:
                shown = await central.administration.find_agent("a-")
                return "is not in sweep.allowed" in str(shown)

            await until("central knows why", is_known)
            samples = await scrape(url)
            assert values(samples, "poller_upload_settings_version") == [0.0]
            assert values(samples, "poller_sweep_addresses") == [8.0]


def _is_away(samples: Samples) -> bool:
    return labelled(samples, "poller_upload_failures_total", kind="connect") > 0


def _stored(samples: Samples) -> float:
    return labelled(samples, "poller_upload_batches_total", result="stored")
