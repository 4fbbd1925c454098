"""A day of 10,000 printers in a minute or two: does the agent grow, does it slow down?

The engine as the agent runs it, by a clock that jumps: the crew polls, the fleet renders, `Handover` picks out what is to be kept and hands
it to a recorder that keeps nothing, what changed is taken as for the state, and the exporter is scraped with gzip. The printers are in the
same process and answer without a datagram; it is an ordinary working hour all day long, for otherwise no two hours would compare. They are
polled every two hours and scraped every hour: a day of more polls takes longer and shows nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from statistics import median

from poller import __version__
from poller.bench import children, processes
from poller.bench.children import Figures
from poller.bench.crowd import cpu_seconds, targets
from poller.bench.runs import Runs
from poller.bench.scrape import choose_recordings, fetch, no_probe, open_client
from poller.bench.table import Goal, Result
from poller.clock import SystemClock
from poller.engine.dating import Dating
from poller.engine.fleet import Fleet
from poller.engine.handover import Handover, LogRecorder, Settled
from poller.engine.poll import Place, Poller
from poller.engine.rhythm import Rhythm
from poller.engine.roster import Roster
from poller.exporter import AgentStatus, Exporter
from poller.model import Printer
from poller.simulator import recordings
from poller.simulator.inside import InsideWire

GOALS = (
    Goal(row="day", work="a day of 10,000 printers: memory, last quarter", unit="MB", beside="2nd quarter", sense="<=", value=1.05),
    Goal(row="day", work="a day of 10,000 printers: CPU, last quarter", unit="CPU-s an hour", beside="2nd quarter", sense="<=", value=1.05),
)

_PRINTERS = 10_000
_HOURS, _QUARTER = 24, 6
_WORKERS, _ROWS_MAX = 200, 2000
_EVERY_SECONDS, _LEARN_SECONDS = 7200.0, 3600.0
_STEP_SECONDS = 5.0  # of the simulated clock
_SCRAPE_EVERY_STEPS, _SAVE_EVERY_STEPS = 720, 12
_SAVED_AT_ONCE = 500
_SECONDS_MAX = 1200.0


def run(runs: Runs) -> Iterator[Result]:
    processes.check()
    paths, whose = choose_recordings(runs)
    runs.say("day: 10,000 printers, 24 hours")
    figures = children.measure("poller.bench.day", _PRINTERS, _HOURS, *paths, timeout_seconds=_SECONDS_MAX)
    hours = range(_HOURS)
    memory, cpu = [figures[f"megabytes_{hour}"] for hour in hours], [figures[f"cpu_{hour}"] for hour in hours]
    after = ", ".join(f"{memory[hour]:.0f}" for hour in hours[_QUARTER - 1 :: _QUARTER])
    quarters = ", ".join(f"{median(cpu[hour : hour + _QUARTER]):.2f}" for hour in hours[::_QUARTER])
    counts = f"{figures['polls']:,.0f} polls, {figures['recorded']:,.0f} readings to keep, {figures['scrapes']:.0f} scrapes"
    notes = (f"{after} MB after 6, 12, 18 and 24 hours, the printers included; {whose}", f"{quarters} in the quarters; {counts}")
    for goal, each, note in zip(GOALS, (memory, cpu), notes, strict=True):
        yield goal.judge(each[-_QUARTER:], each[_QUARTER : 2 * _QUARTER], note=note)


class JumpingClock:
    """Goes only when told to, both of its times alike."""

    def __init__(self) -> None:
        self._start_utc, self._at = SystemClock().utc(), 0.0

    def monotonic(self) -> float:
        return self._at

    def utc(self) -> datetime:
        return self._start_utc + timedelta(milliseconds=int(self._at * 1000))

    def jump(self, seconds: float) -> None:
        self._at += seconds


class _Day:
    """An agent, as far as it polls and is scraped, and its 10,000 printers."""

    def __init__(self, count: int, paths: Sequence[str]) -> None:
        self.clock = JumpingClock()
        models = [recordings.load(path) for path in paths] or [one for one in map(recordings.load, recordings.names()) if one.is_printer]
        self.targets = targets(count, 161)
        self.wire = InsideWire(models, [target.address for target in self.targets], self.clock)
        self.fleet = Fleet(self.clock, site="bench", stale_after_seconds=86_400.0, forget_after_seconds=30 * 86_400.0)
        self.handover = Handover(LogRecorder(), self.clock, Dating(self.clock, is_synchronised=lambda: True))
        self.poller = Poller(
            self.wire,
            self.fleet,
            self.clock,
            roster=Roster(),
            rhythm=Rhythm(every_seconds=_EVERY_SECONDS, busy_seconds=_EVERY_SECONDS),
            workers=_WORKERS,
            rows_max=_ROWS_MAX,
            record=self.handover.take,
            sleep=self._sleep,
        )
        self.settled = Settled(self.poller, self.handover)
        self.stop = asyncio.Event()
        self.hours: list[tuple[float, float]] = []
        self._steps, self._scrapes, self._began_cpu_seconds, self.url = 0, 0, 0.0, ""

    async def run(self, hours: int) -> Figures:
        """Learn everybody, have them polled for an hour, and return what each hour after it took."""
        status = AgentStatus(version=__version__, started_utc=self.clock.utc())
        samples = (self.poller.metrics, self.fleet.metrics, self.handover.metrics)
        exporter = Exporter(
            listen=("127.0.0.1", 0), fleet=self.fleet, samples=samples, status=lambda: status, probe=no_probe, is_ready=lambda: True
        )
        await exporter.start()
        recording = asyncio.create_task(self.handover.run(), name="record")
        try:
            async with open_client() as self._client:
                self.url = f"http://127.0.0.1:{exporter.port}/metrics"
                for target in self.targets:
                    name = f"addr:{target.address}"  # who it is, its first poll tells
                    self.poller.found(Printer(id=name, identities=(name,), address=target.address, via="snmp-2c"), target, Place())
                self._hours = hours
                await self.poller.run(self.stop)
        finally:
            recording.cancel()
            await exporter.close()
        results = self.poller.status().results
        if set(results) != {"ok"}:
            raise AssertionError(f"polls of simulated printers fail: {results}")
        figures = {f"megabytes_{hour}": megabytes for hour, (megabytes, _) in enumerate(self.hours)}
        figures |= {f"cpu_{hour}": seconds for hour, (_, seconds) in enumerate(self.hours)}
        recorded = sum(sample.value for sample in self.handover.metrics() if sample.metric.name == "poller_readings_recorded_total")
        return figures | {"polls": results["ok"], "recorded": recorded, "scrapes": self._scrapes}

    async def _sleep(self, seconds: float) -> None:
        """Nobody is due: let time pass, and what else an agent does by the clock happen."""
        for _ in range(3):
            await asyncio.sleep(0)
        self.clock.jump(_STEP_SECONDS)
        self._steps += 1
        if self._steps % _SAVE_EVERY_STEPS == 0:
            while (changes := self.settled.take_changes(_SAVED_AT_ONCE)) != ([], []):
                assert changes
        if self._steps % _SCRAPE_EVERY_STEPS == 0:
            await fetch(self._client, self.url)
            self._scrapes += 1
        hour, rest = divmod(self._steps * _STEP_SECONDS - _LEARN_SECONDS, 3600.0)
        if rest == 0.0:
            self._note_hour(int(hour))

    def _note_hour(self, hour: int) -> None:
        now = cpu_seconds()
        if hour > 0:
            self.hours.append((processes.resident_megabytes(), now - self._began_cpu_seconds))
        self._began_cpu_seconds = now
        if hour == self._hours:
            self.stop.set()


async def measure(printers: str, hours: str, *paths: str) -> Figures:
    """Return, of so many hours of so many printers, the memory after each and the CPU seconds it took."""
    return await _Day(int(printers), paths).run(int(hours))


if __name__ == "__main__":
    children.answer(measure)
