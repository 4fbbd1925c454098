"""What 10,000 printers weigh: the peak of the agent's resident memory, as the kernel counted it (VmHWM).

The agent is `poller run` itself, with a configuration like an operator's. It sweeps the simulated printers, walks each to learn it, polls
each at least twice more, and is scraped with gzip all the while, as by a Prometheus.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from poller.bench import children, client, processes
from poller.bench.children import ChildError
from poller.bench.client import Page
from poller.bench.crowd import crowd
from poller.bench.runs import Runs
from poller.bench.table import Goal, Result
from poller.bench.tools import free_port, free_tcp_port

GOALS = (
    Goal(
        row="memory", work="memory of the agent at 10,000 printers, peak", unit="MB", beside="limit", sense="<", limit=250.0, is_worst=True
    ),
)

_PRINTERS = 10_000
_POLLS_AFTER = round(2.2 * _PRINTERS)  # after all are learned: each at least twice, whatever the schedule's jitter
_SCRAPE_EVERY_SECONDS = 5.0
_SECONDS_MAX = 600.0

_CONFIGURATION = """\
[site]
name = "bench"
[[range]]
networks = ["{networks}"]
port = {port}
[sweep]
rate = 5000
[poll]
every = "15s"
[exporter]
listen = "127.0.0.1:{listen}"
[log]
level = "warning"
"""

_DONE = re.compile(rb'^poller_polls_total\{result="ok"\} (\d+)', re.MULTILINE)
_UP = re.compile(rb'^poller_printers\{state="up"\} (\d+)', re.MULTILINE)


def run(runs: Runs) -> Iterator[Result]:
    processes.check()
    port, listen = free_port(), free_tcp_port()
    with tempfile.TemporaryDirectory(prefix="poller-bench-") as folder, runs.tools.fleet(port=port):
        config = Path(folder) / "poller.toml"
        config.write_text(_CONFIGURATION.format(networks=crowd(_PRINTERS), port=port, listen=listen), "utf-8")
        command = [sys.executable, "-m", "poller", "run", "--config", str(config)]
        with (Path(folder) / "log").open("w+") as log, children.running(command, cwd=folder, stdout=log, stderr=log) as agent:
            page, scrapes = _watch(runs, agent, f"http://127.0.0.1:{listen}/metrics", Path(folder) / "log")
            peak_megabytes = processes.peak_megabytes(agent.pid)
    note = f"{scrapes} scrapes of up to {len(page.text) / 1e6:.1f} MB; {_number(_DONE, page):,} polls, the first of each printer a walk"
    yield GOALS[0].judge([peak_megabytes], note=note)


def _watch(runs: Runs, agent: subprocess.Popen[str], url: str, log: Path) -> tuple[Page, int]:
    """Scrape until everybody was polled often enough; return the last page, and how many there were. Raises ChildError."""
    until_at = time.monotonic() + _SECONDS_MAX
    scrapes, learned_at_poll = 0, None
    while time.monotonic() < until_at:
        time.sleep(_SCRAPE_EVERY_SECONDS)
        if agent.poll() is not None:
            raise ChildError(f"the agent ended: {children.last_words(log.read_text('utf-8'))}")
        try:
            page = client.fetch(url)
        except (OSError, ValueError) as error:
            raise ChildError(f"the scrape of the agent fails: {error}") from error
        scrapes += 1
        up, polls = _number(_UP, page), _number(_DONE, page)
        if up < _PRINTERS:
            runs.say(f"memory: {up:,} of {_PRINTERS:,} printers learned")
            continue
        learned_at_poll = polls if learned_at_poll is None else learned_at_poll
        runs.say(f"memory: {polls - learned_at_poll:,} of {_POLLS_AFTER:,} polls")
        if polls - learned_at_poll >= _POLLS_AFTER:
            return page, scrapes
    raise ChildError(f"the agent was not done after {_SECONDS_MAX:.0f} seconds")


def _number(pattern: re.Pattern[bytes], page: Page) -> int:
    found = pattern.search(page.text)
    return int(found[1]) if found else 0
