"""The agent where the system is not POSIX: the same program in a Python that has had those parts taken away."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

from poller.clock import SystemClock
from poller.simulator import recordings
from poller.simulator.server import Simulator
from tests.test_imports import modules
from tests.whole.processes import ROOT, environment, get, running, until

SCRIPT = str(ROOT / "tests" / "whole" / "without_posix.py")


async def test_every_module_can_be_imported() -> None:
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, SCRIPT, "--import"), env=environment(), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await child.communicate()
    assert (child.returncode, err) == (0, b"")
    scripts = ("__init__", "__main__", "config.__main__", "central.store.migrations.")
    expected = {f"poller.{name}" for name in modules(ROOT / "poller") if not name.startswith(scripts)}
    assert expected <= set(out.decode().split())


async def test_the_agent_sweeps_polls_shows_and_stops(tmp_path: Path) -> None:
    simulator = Simulator([recordings.load("colour-laser")], network="127.31.41.0/29", count=2, seed=5, clock=SystemClock())
    await simulator.start()
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    async with server:
        port: int = server.sockets[0].getsockname()[1]
    variables = {
        "POLLER_RANGE_0_NETWORKS": "127.31.41.0/29",
        "POLLER_RANGE_0_PORT": str(simulator.port),
        "POLLER_EXPORTER_LISTEN": f"127.0.0.1:{port}",
        "POLLER_STATE_FOLDER": str(tmp_path / "state"),
    }
    try:
        async with running(sys.executable, SCRIPT, "run", env=variables, cwd=tmp_path) as agent:

            async def are_both_up() -> bool:
                _, text = await get(f"http://127.0.0.1:{port}/metrics")
                return sum(line.startswith("printer_up{") and line.endswith(" 1") for line in text.splitlines()) == 2

            await until("both printers are up", are_both_up)
            agent.send_signal(signal.SIGTERM)
            said, _ = await agent.communicate()
            assert (agent.returncode, said.count(b"event=agent.stopped")) == (0, 1), said.decode()
            assert b"Traceback" not in said
    finally:
        simulator.close()
    assert (tmp_path / "state" / "state.db").exists()
