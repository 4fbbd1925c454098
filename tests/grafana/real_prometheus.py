"""A real Prometheus that holds the weeks of `weeks.py`, with what our recording rules make of them.

The rules are evaluated by promtool over the weeks, in turns, because many read what others recorded. `python -m
tests.grafana.real_prometheus FOLDER` keeps one running, to look at the dashboards with.
"""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import yaml

from tests.conftest import ROOT
from tests.grafana import weeks

RULES = ROOT / "prometheus" / "rules" / "recording.yml"

# For how long before the end each group is evaluated; the steps are read four weeks back.
_SPANS = {
    "poller_last_known": timedelta(weeks=weeks.WEEKS),
    "poller_pages": timedelta(weeks=weeks.WEEKS),
    "poller_steps": timedelta(weeks=weeks.WEEKS),
    "poller_pace": timedelta(days=4),
    "poller_outlook": timedelta(days=3),
}
_BLOCK = "--max-block-duration=2000h"  # few big blocks: the default makes one for every two hours
_START_TRIES = 3


class Prometheus:
    """The address of a running one."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, path: str, **parameters: str | float | list[str]) -> dict[str, object]:
        """Return the JSON of one API call, errors included."""
        query = urlencode(parameters, doseq=True)
        try:
            with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{query}", timeout=60) as answer:
                found = json.load(answer)
        except urllib.error.HTTPError as error:
            found = json.load(error)
        assert isinstance(found, dict)
        return found


@contextmanager
def filled(folder: Path, end_utc: datetime, real_part: Callable[[str], str]) -> Iterator[Prometheus]:
    """Run a Prometheus on the weeks before *end_utc*."""
    data, text = folder / "data", folder / "weeks.om"
    with text.open("w", encoding="utf-8") as file:
        weeks.write(file, end_utc)
    promtool = real_part("promtool")
    _call(promtool, "tsdb", "create-blocks-from", _BLOCK, "openmetrics", text, data)
    text.unlink()
    groups = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    for number, rules in enumerate(_turns(groups)):
        with running(folder, real_part) as prometheus:
            for name, some in rules.items():
                span = _SPANS[name]
                file_of_some = folder / f"{number}-{name}.yml"
                group = {"name": name, "interval": f"{weeks.STEP // timedelta(minutes=1)}m", "rules": some}
                file_of_some.write_text(yaml.safe_dump({"groups": [group]}), "utf-8")
                times = (f"--start={(end_utc - span).timestamp():.0f}", f"--end={end_utc.timestamp():.0f}")
                where = (f"--url={prometheus.url}", f"--output-dir={data}")
                _call(promtool, "tsdb", "create-blocks-from", _BLOCK, "rules", *where, *times, file_of_some)
    with running(folder, real_part) as prometheus:
        yield prometheus


def _turns(groups: list[dict[str, Any]]) -> list[dict[str, list[dict[str, str]]]]:
    """Return the rules by group, in as many turns as it takes: a rule sees what was recorded in an earlier turn only."""
    turns: list[dict[str, list[dict[str, str]]]] = [{}]
    for group in groups:
        for rule in group["rules"]:
            if any(earlier["record"] in rule["expr"] for rules in turns[-1].values() for earlier in rules):
                turns.append({})
            turns[-1].setdefault(group["name"], []).append(rule)
    return turns


@contextmanager
def running(folder: Path, real_part: Callable[[str], str]) -> Iterator[Prometheus]:
    """Run a Prometheus that scrapes nothing on the blocks in *folder*."""
    config = folder / "prometheus.yml"
    config.write_text("{}\n")
    for chance in range(1, _START_TRIES + 1):
        url = f"127.0.0.1:{_free_port()}"
        command = [
            real_part("prometheus"),
            f"--config.file={config}",
            f"--storage.tsdb.path={folder / 'data'}",
            "--storage.tsdb.retention.time=10y",
            f"--web.listen-address={url}",
            f"--query.lookback-delta={weeks.LOOK_BACK}",
        ]
        with (folder / "prometheus.log").open("ab") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
            try:
                if _is_ready(process, f"http://{url}"):
                    yield Prometheus(f"http://{url}")
                    return
            finally:
                process.terminate()
        assert chance < _START_TRIES, (folder / "prometheus.log").read_text()


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _is_ready(process: subprocess.Popen[bytes], url: str) -> bool:
    """Wait until it answers; False when it ended, which is when another took its port."""
    while process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/-/ready", timeout=10):
                return True
        except OSError:
            time.sleep(0.05)
    return False


def _call(*command: str | Path) -> None:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # so that Prometheus ends with us
    place = Path(sys.argv[1])
    place.mkdir(parents=True, exist_ok=True)
    with filled(place, datetime.now(UTC), lambda name: shutil.which(name) or name) as here:
        sys.stdout.write(f"{here.url}\n")
        sys.stdout.flush()
        while True:
            time.sleep(3600)
