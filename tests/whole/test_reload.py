"""Another configuration while the agent runs: a real process and its SIGHUP, and `apply` in this one. Nothing under way is lost by it."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from poller.agent import Agent
from poller.clock import SystemClock
from poller.config import Config, load
from poller.logs import Plain, as_dict
from poller.simulator import misbehaviour, recordings
from poller.simulator.server import Simulator
from tests.whole.processes import environment, get, until
from tests.whole.test_agent import PRINTERS, Samples, free_port, reached, scrape, simulated, values

HEAD = """
[sweep]
rate = 2000
timeout = "500ms"

[poll]
every = "10s"
every_busy = "10s"
wake_every = "10s"
timeout = "2s"

[exporter]
listen = "127.0.0.1:{listen}"

[state]
folder = ""

[traps]
listen = "none"
"""


def range_of(name: str, simulator: Simulator, more: str = "") -> str:
    return f'\n[[range]]\nname = "{name}"\nnetworks = ["{simulator.fleet.network}"]\nport = {simulator.port}\nrate = 2000\n{more}\n'


class Process:
    """`poller run` with a file, and what it has logged."""

    def __init__(self, child: asyncio.subprocess.Process, file: Path, url: str) -> None:
        self.child, self.file, self.url = child, file, url
        self.lines: list[str] = []

    def reload(self, text: str) -> None:
        self.file.write_text(text)
        self.child.send_signal(signal.SIGHUP)

    async def read(self) -> None:
        assert self.child.stderr is not None
        while line := await self.child.stderr.readline():
            self.lines.append(line.decode())

    def said(self, *words: str) -> bool:
        return any(all(word in line for word in words) for line in self.lines)


@asynccontextmanager
async def process(file: Path, listen: int) -> AsyncIterator[Process]:
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "poller", "run", "--config", str(file)),
        stdin=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env=environment(),
    )
    one = Process(child, file, f"http://127.0.0.1:{listen}")
    reading = asyncio.create_task(one.read())

    async def is_healthy() -> bool:
        return (await get(f"{one.url}/-/healthy"))[0] == 200

    try:
        await until("it listens", is_healthy)
        yield one
    finally:
        child.terminate()
        code = await child.wait()
        await reading
    assert code == 0, one.lines


def addresses(samples: Samples) -> set[str]:
    return {dict(labels)["address"] for name, labels in samples if name == "printer_info"}


def up_in(url: str, expected: set[str]) -> Callable[[], object]:
    return reached(url, lambda now: addresses(now) == expected and set(values(now, "printer_up")) == {1.0})


def successful(url: str, value: float) -> Callable[[], object]:
    return reached(url, lambda now: values(now, "poller_config_last_reload_successful") == [value])


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="this system has no SIGHUP")
async def test_a_process_takes_another_configuration_by_sighup_and_refuses_a_bad_one(tmp_path: Path) -> None:
    listen, file = await free_port(), tmp_path / "poller.toml"
    head = HEAD.format(listen=listen)
    async with simulated(PRINTERS, "127.31.40.0/28", 4) as first, simulated(PRINTERS, "127.31.41.0/28", 5) as second:
        here, there = set(first.addresses), set(second.addresses)
        file.write_text(head + range_of("first", first))
        async with process(file, listen) as one:
            await until("the first range is up", up_in(one.url, here))

            one.reload(head + range_of("first", first, "retires = 3") + "\n[nonsense]\n")
            await until("the bad one is refused", successful(one.url, 0.0))
            assert one.said("config.fault", "retires")
            assert one.said("config.fault", "nonsense")
            assert addresses(await scrape(one.url)) == here

            one.reload(head + range_of("first", first) + range_of("second", second))
            await until("the second range is swept at once", up_in(one.url, here | there))
            samples = await scrape(one.url)
            assert values(samples, "poller_config_last_reload_successful") == [1.0]
            assert values(samples, "poller_config_last_reload_success_timestamp_seconds")

            one.reload(head + range_of("second", second, f'exclude = ["{min(there)}"]'))
            await until("the first range and one address are gone", up_in(one.url, there - {min(there)}))

            one.reload(head.replace(f":{listen}", f":{listen + 1}") + range_of("renamed", second))
            await until("the address is back", up_in(one.url, there))
            assert one.said("config.needs_restart", "exporter.listen")
            await until(
                "the new name shows",
                reached(
                    one.url,
                    lambda now: {dict(labels)["range"] for name, labels in now if name == "printer_info"} == {"renamed"},
                ),
            )
            samples = await scrape(one.url)
            assert values(samples, "poller_snmp_timeouts_total") == [0.0]
            assert values(samples, "poller_polls_total") != []


async def test_a_file_that_holds_a_secret_is_read_again(tmp_path: Path) -> None:
    listen, file, secret = await free_port(), tmp_path / "poller.toml", tmp_path / "community"

    def write_secret(text: str) -> None:
        secret.write_text(text)
        secret.chmod(0o600)

    credential = f'\n[[credential]]\nname = "branch"\nversion = "2c"\ncommunity_file = "{secret}"\n'

    async def begin(community: str, port: int) -> Simulator:
        simulator = Simulator(PRINTERS, network="127.31.42.0/29", count=3, seed=5, port=port, community=community, clock=SystemClock())
        await simulator.start()
        return simulator

    write_secret("of-last-year")
    simulator = await begin("of-last-year", 0)
    try:
        port, text = simulator.port, HEAD.format(listen=listen) + credential + range_of("branch", simulator)
        file.write_text(text)
        async with process(file, listen) as one:
            await until("all are up", up_in(one.url, set(simulator.addresses)))
            simulator.close()
            simulator = await begin("of-this-year", port)
            write_secret("of-this-year")
            one.reload(text)
            await until("the new one is read", reached(one.url, lambda now: one.said("config.reloaded")))
            before = sum(values(await scrape(one.url), "poller_snmp_answers_total"))
            await until("all answer to it", reached(one.url, lambda now: sum(values(now, "poller_snmp_answers_total")) > before + 20))
            await until("nobody is silent", up_in(one.url, set(simulator.addresses)))
        assert not one.said("of-this-year")
    finally:
        simulator.close()


async def test_thirty_reloads_in_a_row_drop_no_question(tmp_path: Path) -> None:
    """Every other printer answers late, so that at each reload some questions are in flight."""
    listen, file = await free_port(), tmp_path / "poller.toml"
    slow = {f"127.31.43.{number}": misbehaviour.answer_late(0.15) for number in range(1, 13, 2)}
    async with simulated(PRINTERS, "127.31.43.0/28", 12, misbehaving=slow) as simulator:
        text = HEAD.format(listen=listen) + range_of("branch", simulator)
        file.write_text(text)
        async with process(file, listen) as one:
            await until("all are up", up_in(one.url, set(simulator.addresses)))
            in_flight = 0.0
            for number in range(30):
                one.reload(text.replace('every = "10s"', f'every = "{10 + number % 2}s"') + ("", '[site]\nname = "x"\n')[number % 2])
                in_flight += sum(values(await scrape(one.url), "poller_snmp_questions_in_flight"))
                await asyncio.sleep(0.1)
            assert in_flight > 0  # or this would show nothing
            await until("none is left in flight", reached(one.url, lambda now: values(now, "poller_snmp_questions_in_flight") == [0.0]))
            samples = await scrape(one.url)
            assert values(samples, "poller_snmp_requests_total") == values(samples, "poller_snmp_answers_total")
            assert values(samples, "poller_snmp_timeouts_total") == [0.0]
            assert values(samples, "printer_up") == [1.0] * 12
            assert sum(line.count("config.reloaded") for line in one.lines) >= 2  # several signals may become one


# --- in this process ---


@asynccontextmanager
async def agent(environ: dict[str, str]) -> AsyncIterator[tuple[Agent, str, Callable[..., Config]]]:
    """Run an agent; yield it, its address, and what makes another configuration of the same and more."""

    def config(**more: str) -> Config:
        return load(None, environ | more)

    one, stop = Agent(config(), SystemClock(), is_synchronised=lambda: True), asyncio.Event()
    task = asyncio.create_task(one.run(stop))
    try:
        await one.started.wait()
        yield one, f"http://127.0.0.1:{one.port}", config
    finally:
        stop.set()
        await task


def settings(simulator: Simulator, **more: str) -> dict[str, str]:
    return {
        "POLLER_RANGE_0_NAME": "lab",
        "POLLER_RANGE_0_NETWORKS": str(simulator.fleet.network),
        "POLLER_RANGE_0_PORT": str(simulator.port),
        "POLLER_RANGE_0_RATE": "2000",
        "POLLER_SWEEP_TIMEOUT": "500ms",
        "POLLER_EXPORTER_LISTEN": "127.0.0.1:0",
        "POLLER_STATE_FOLDER": "none",
        "POLLER_TRAPS_LISTEN": "none",
    } | more


async def test_a_sweep_of_an_unchanged_plan_goes_on_and_one_of_a_changed_plan_begins_anew(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")

    def events(name: str) -> list[dict[str, Plain]]:
        return [fact for fact in map(as_dict, caplog.records) if fact["event"] == name]

    async with simulated(PRINTERS, "127.31.44.0/26", 30) as simulator:
        slowly = settings(simulator, POLLER_RANGE_0_RATE="15", POLLER_SWEEP_RETRIES="0")
        async with agent(slowly) as (one, url, config):
            await until("some are up", reached(url, lambda now: len(values(now, "printer_up")) >= 3))
            await one.apply(config(POLLER_POLL_EVERY="20m", POLLER_SITE_NAME="elsewhere"))
            await asyncio.sleep(0)
            assert len(events("sweep.started")) == 1
            assert events("sweep.cut_short") == []
            await one.apply(config(POLLER_RANGE_0_EXCLUDE=simulator.addresses[-1], POLLER_RANGE_0_RATE="2000"))
            await until("the sweep is over", reached(url, lambda now: values(now, "poller_sweep_last_completed_timestamp_seconds") != []))
            await until("all wanted are up", up_in(url, set(simulator.addresses[:-1])))
        assert len(events("sweep.cut_short")) == 1
        assert [fact["addresses"] for fact in events("sweep.started")] == [64, 63]


async def test_printers_of_a_range_that_is_taken_out_leave_with_all_their_series() -> None:
    async with simulated(PRINTERS, "127.31.45.0/29", 4) as simulator, agent(settings(simulator)) as (one, url, config):
        await until("all are up", up_in(url, set(simulator.addresses)))
        await one.apply(config(POLLER_RANGE_0_NETWORKS="127.31.46.0/29"))
        samples = await scrape(url)
        assert [name for name, _ in samples if name.startswith("printer_")] == []
        asked = simulator.status().requests
        await one.apply(config())
        await until("all are up again", up_in(url, set(simulator.addresses)))
        assert simulator.status().requests > asked


async def test_an_answer_that_comes_after_its_printer_was_taken_out_changes_nothing() -> None:
    late = {"127.31.47.1": misbehaviour.answer_late(0.3)}
    simulator = Simulator([recordings.load("mono-laser")], network="127.31.47.0/30", count=1, misbehaving=late, clock=SystemClock())
    await simulator.start()
    try:
        async with agent(settings(simulator)) as (one, url, config):
            await until("it is asked", reached(url, lambda now: values(now, "poller_snmp_questions_in_flight") == [1.0]))
            await one.apply(config(POLLER_RANGE_0_NETWORKS="127.31.48.0/29"))
            await until("none is left in flight", reached(url, lambda now: values(now, "poller_snmp_questions_in_flight") == [0.0]))
            assert values(await scrape(url), "printer_up") == []
    finally:
        simulator.close()
