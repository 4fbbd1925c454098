"""What a scrape of 10,000 printers costs: CPU seconds with gzip, and for how long the event loop did nothing else.

The fleet is made in memory from recordings, each printer with a serial number, name, MAC address, life count and levels of its own; the
exporter is the agent's. The client is another process. While it reads, a heartbeat in our loop measures the longest time it was not let in:
what a poll or a notification would have waited.
"""

from __future__ import annotations

import asyncio
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from poller import __version__
from poller.bench import children
from poller.bench.children import Figures, NotMeasuredError
from poller.bench.crowd import cpu_seconds, targets
from poller.bench.runs import Runs
from poller.bench.table import Goal, Result
from poller.clock import SystemClock
from poller.engine.fleet import Fleet
from poller.exporter import AgentStatus, Exporter, UnknownCredentialError
from poller.model import Decoded, Target
from poller.networks import address_number
from poller.printers import identity, levels, mib
from poller.printers import layout as layouts
from poller.printers.decode import decode
from poller.printers.layout import Layout
from poller.simulator import recordings
from poller.simulator.individual import Traits, draw
from poller.simulator.recordings import Recording
from poller.snmp import ber, snmprec
from poller.snmp.message import Value
from poller.snmp.oid import Oid

_WORK = "scrape of /metrics, 10,000 printers"
GOALS = (
    Goal(row="scrape", work=f"{_WORK}, gzip", unit="CPU-s", beside="limit", sense="<", limit=0.25),
    Goal(row="scrape", work=f"{_WORK}, longest stall", unit="ms", beside="limit", sense="<=", limit=50.0, is_worst=True),
)

_PRINTERS = 10_000
_SEED = 1
_LIFE_COUNT_MAX = 1_000_000
_BEAT_SECONDS = 0.002
_SETTLE_SECONDS = 0.1
_SCRAPE_SECONDS_MAX = 60.0
_SECONDS_MAX = 300.0


def run(runs: Runs) -> Iterator[Result]:
    paths, whose = choose_recordings(runs)
    runs.say("scrape: making 10,000 printers")
    figures = children.measure("poller.bench.scrape", _PRINTERS, runs.pairs, *paths, timeout_seconds=_SECONDS_MAX)
    notes = (
        f"{whose}; {figures['text_megabytes']:.1f} MB of text, {figures['gzip_megabytes']:.2f} MB as gzip",
        f"a heart that should beat every {1000 * _BEAT_SECONDS:g} ms; the worst of {runs.pairs} scrapes",
    )
    for goal, name, note in zip(GOALS, ("cpu_seconds", "stall_ms"), notes, strict=True):
        yield goal.judge([figures[f"{name}_{number}"] for number in range(runs.pairs)], note=note)


def choose_recordings(runs: Runs) -> tuple[tuple[Path, ...], str]:
    """Return the files a fleet in memory is made from, none for those of the package, and what the table calls them."""
    try:
        return runs.tools.recordings, "the recordings of fleet.txt"
    except NotMeasuredError:
        return (), "the recordings that come with poller"


async def measure(printers: str, scrapes: str, *paths: str) -> Figures:
    """Make the fleet, let it be scraped once unmeasured, then return what each further scrape costs."""
    fleet = _make_fleet(int(printers), paths)
    clock = SystemClock()
    status = AgentStatus(version=__version__, started_utc=clock.utc())
    exporter = Exporter(listen=("127.0.0.1", 0), fleet=fleet, samples=(), status=lambda: status, probe=no_probe, is_ready=lambda: True)
    await exporter.start()
    figures: Figures = {}
    try:
        url = f"http://127.0.0.1:{exporter.port}/metrics"
        async with open_client() as client:
            text_bytes, wire_bytes = await fetch(client, url)
            for number in range(int(scrapes)):
                await asyncio.sleep(_SETTLE_SECONDS)
                began_at, heart = cpu_seconds(), _Heart()
                async with heart:
                    await fetch(client, url)
                figures[f"cpu_seconds_{number}"] = cpu_seconds() - began_at
                figures[f"stall_ms_{number}"] = 1000 * heart.longest_seconds
    finally:
        await exporter.close()
    return figures | {"text_megabytes": text_bytes / 1e6, "gzip_megabytes": wire_bytes / 1e6}


class _Heart:
    """Beats inside the block; `longest_seconds` is the longest time a beat came late."""

    def __init__(self) -> None:
        self.longest_seconds = 0.0

    async def __aenter__(self) -> _Heart:
        self._beating = asyncio.create_task(self._beat(), name="heartbeat")
        await asyncio.sleep(0)
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._beating.cancel()
        await asyncio.wait({self._beating})

    async def _beat(self) -> None:
        while True:
            due_at = time.perf_counter() + _BEAT_SECONDS
            await asyncio.sleep(_BEAT_SECONDS)
            self.longest_seconds = max(self.longest_seconds, time.perf_counter() - due_at)


def _make_fleet(count: int, paths: Sequence[str]) -> Fleet:
    """Return a fleet of *count* printers as if each had just been polled."""
    fleet = Fleet(SystemClock(), site="bench", stale_after_seconds=1e6, forget_after_seconds=1e6)
    for made in make_printers(count, 161, paths):
        fleet.put(made.decoded, duration_seconds=0.01)
    if len(fleet) != count:
        raise AssertionError(f"{count - len(fleet)} printers share the identity of another")
    return fleet


class Made(NamedTuple):
    """A printer that was never asked: its layout, and what a poll would have read."""

    target: Target
    layout: Layout
    decoded: Decoded


def make_printers(count: int, port: int, paths: Sequence[str]) -> Iterator[Made]:
    """Yield *count* printers, model after model, made from the recordings at *paths*, or of the package where there are none."""
    models = [recordings.load(path) for path in paths] or [one for one in map(recordings.load, recordings.names()) if one.is_printer]
    traits = [(model, Traits(model)) for model in models]
    for number, target in enumerate(targets(count, port)):
        yield _make(*traits[number % len(traits)], target)


def _make(model: Recording, traits: Traits, target: Target) -> Made:
    """Return *model* at *target*: the recording, with identity and figures that no other printer of the fleet has."""
    number = address_number(target.address)[1]
    rows = {**model.values, **traits.values_of(_SEED, number)}
    serial = ber.OCTET_STRING, f"SIM{number:08X}".encode()  # a model's own may stand in places the simulator does not know
    rows |= {oid: serial for oid in rows if oid.startswith(mib.SERIAL_NUMBER.oid)} or {Oid(mib.SERIAL_NUMBER.oid + b"\x01"): serial}
    for oid, value in rows.items():
        if oid.startswith(mib.MARKER_COUNT.oid):
            rows[oid] = _draw_below(_LIFE_COUNT_MAX, number, oid)
        elif oid.startswith(mib.SUPPLY_LEVEL.oid) and (level := levels.level_number(value) or 0) > 0:
            rows[oid] = _draw_below(level, number, oid)
    layout, moving = layouts.learn(rows.items())
    alerts = [row for row in rows.items() if row[0].startswith(layouts.ALERTS)]
    printer = identity.describe(layout, moving, address=target.address, via="snmp-2c")
    return Made(target, layout, decode(layout, moving, alerts, printer=printer, taken_at=SystemClock().utc()))


def _draw_below(limit: int, number: int, oid: Oid) -> Value:
    return ber.INTEGER, snmprec.integer_content(int(draw(_SEED, number, oid.hex()) * limit))


@asynccontextmanager
async def open_client() -> AsyncIterator[Process]:
    """Keep a process inside the block that fetches pages for `fetch`."""
    client = await asyncio.create_subprocess_exec(sys.executable, "-m", "poller.bench.client", stdin=PIPE, stdout=PIPE)
    try:
        yield client
    finally:
        assert client.stdin is not None
        client.stdin.close()  # which is its end
        await client.wait()


async def fetch(client: Process, url: str) -> tuple[int, int]:
    """Let *client* fetch *url*; return the bytes of its text and the bytes it travelled as."""
    assert client.stdin is not None
    assert client.stdout is not None
    client.stdin.write(f"{url}\n".encode())
    async with asyncio.timeout(_SCRAPE_SECONDS_MAX):
        text_bytes, wire_bytes = map(int, (await client.stdout.readline()).split())
    return text_bytes, wire_bytes


async def no_probe(target: str, credential: str | None, timeout_seconds: float) -> Decoded:
    raise UnknownCredentialError(credential)


if __name__ == "__main__":
    children.answer(measure)
