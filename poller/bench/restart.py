"""How long after a start the whole fleet is shown: `poller run` with a state of 10,000 printers, until a scrape holds every one of them.

The state is written as the agent writes it, of printers made in memory; nothing answers at their addresses, so what is shown was kept.
Counted from the start of the process to the end of the scrape, Python's own start and the transfer of the page included.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec

from poller.bench import children, client
from poller.bench.children import ChildError, Figures
from poller.bench.client import Page
from poller.bench.crowd import PUBLIC, crowd
from poller.bench.runs import Runs
from poller.bench.scrape import choose_recordings, make_printers
from poller.bench.table import Goal, Result
from poller.bench.tools import free_port, free_tcp_port
from poller.clock import SystemClock
from poller.engine.asking import Manners
from poller.engine.remembered import Remembered, Way
from poller.sealing.local_key import LocalKey
from poller.state.store import StateStore

GOALS = (
    Goal(
        row="restart",
        work="restart: metrics complete, 10,000 printers kept in state",
        unit="s",
        beside="limit",
        sense="<=",
        limit=2.0,
        is_judged=False,
    ),
)

_PRINTERS = 10_000
_RANGE = "everywhere"  # as the state names it and the configuration
_DUE_AFTER = timedelta(minutes=30)  # nobody is polled while we look
_LOOK_SECONDS = 0.02
_SECONDS_MAX = 60.0
_WRITE_SECONDS_MAX = 300.0

_CONFIGURATION = """\
[site]
name = "bench"
[[range]]
name = "{range}"
networks = ["{networks}"]
port = {port}
[sweep]
on_start = false
[poll]
every = "1h"
[exporter]
listen = "127.0.0.1:{listen}"
[state]
folder = "state"
[log]
level = "warning"
"""


def run(runs: Runs) -> Iterator[Result]:
    paths, whose = choose_recordings(runs)
    port, seconds, scrapes = free_port(), [], []
    with tempfile.TemporaryDirectory(prefix="poller-bench-") as name:
        folder = Path(name)
        (folder / "state").mkdir(mode=0o700)
        runs.say("restart: writing the state of 10,000 printers")
        written = children.measure("poller.bench.restart", folder / "state", port, _PRINTERS, *paths, timeout_seconds=_WRITE_SECONDS_MAX)
        for _ in runs.each("restart"):
            listen = free_tcp_port()
            configuration = _CONFIGURATION.format(range=_RANGE, networks=crowd(_PRINTERS), port=port, listen=listen)
            (folder / "poller.toml").write_text(configuration, "utf-8")
            took_seconds, scrape_seconds = _start(folder, f"http://127.0.0.1:{listen}/metrics")
            seconds.append(took_seconds)
            scrapes.append(scrape_seconds)
    note = f"{whose}; state of {written['megabytes']:.1f} MB; {min(scrapes):.2f} to {max(scrapes):.2f} s of it are the scrape itself"
    yield GOALS[0].judge(seconds, note=note)


async def measure(folder: str, port: str, printers: str, *paths: str) -> Figures:
    """Write the state of that many printers, each polled a moment ago."""
    clock, manners = SystemClock(), Manners()
    store = await StateStore.open(Path(folder) / "state.db", LocalKey.open_or_create(Path(folder) / "local.key"), clock)
    try:
        now_utc = clock.utc()
        kept = [
            Remembered(
                printer=one.decoded.reading.printer,
                way=Way(address=one.target.address, port=one.target.port, credential=PUBLIC.name, range=_RANGE),
                layout=one.layout,
                learned_utc=now_utc,
                oids_max=manners.oids_max,
                bulk_rows=manners.bulk_rows,
                is_proven=True,
                due_utc=now_utc + _DUE_AFTER,
                boot_utc=one.decoded.boot_utc,
                last_ok_utc=now_utc,
                last_poll_seconds=0.01,
                reading=msgspec.json.encode(one.decoded.reading),
            )
            for one in make_printers(int(printers), int(port), paths)
        ]
        if not await store.save(kept):
            raise ChildError(f"the state cannot be written: {store.status().failing}")
        return {"printers": store.status().printers, "megabytes": store.status().size_bytes / 1e6}
    finally:
        await store.close()


def _start(folder: Path, url: str) -> tuple[float, float]:
    """Start the agent; return the seconds until everybody is shown, and those of them that the scrape took. Raises ChildError."""
    command = [sys.executable, "-m", "poller", "run", "--config", str(folder / "poller.toml")]
    with (folder / "log").open("w+") as log:
        began_at = time.perf_counter()
        with children.running(command, cwd=folder, stdout=log, stderr=log) as agent:
            while (asked_at := time.perf_counter()) - began_at < _SECONDS_MAX:
                if agent.poll() is not None:
                    raise ChildError(f"the agent ended: {children.last_words((folder / 'log').read_text('utf-8'))}")
                page = _look(url)
                ended_at = time.perf_counter()
                if page is not None and page.text.count(b"\nprinter_info{") == _PRINTERS:
                    return ended_at - began_at, ended_at - asked_at
                time.sleep(_LOOK_SECONDS)
    raise ChildError(f"not everybody was shown after {_SECONDS_MAX:.0f} seconds")


def _look(url: str) -> Page | None:
    """Return the page, or None while nobody listens."""
    try:
        return client.fetch(url)
    except (OSError, ValueError):
        return None


if __name__ == "__main__":
    children.answer(measure)
