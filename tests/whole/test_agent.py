"""The whole agent in this process, on simulated printers: from a subnet to a gauge."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from prometheus_client.parser import text_string_to_metric_families

from poller.agent import Agent
from poller.clock import SystemClock
from poller.config import load
from poller.logs import as_dict
from poller.simulator import misbehaviour, recordings
from poller.simulator.misbehaviour import Misbehaviour
from poller.simulator.recordings import Recording
from poller.simulator.server import Simulator
from tests.ipp.answers import printer as ipp_printer
from tests.whole.processes import get, poller, running, until

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]
PRINTERS = [one for one in map(recordings.load, recordings.names()) if one.is_printer]


@asynccontextmanager
async def simulated(
    models: list[Recording], network: str, count: int, *, speed: float = 0.0, misbehaving: Mapping[str, Misbehaviour] | None = None
) -> AsyncIterator[Simulator]:
    simulator = Simulator(models, network=network, count=count, seed=5, speed=speed, misbehaving=misbehaving, clock=SystemClock())
    await simulator.start()
    try:
        yield simulator
    finally:
        simulator.close()


@asynccontextmanager
async def agent(simulator: Simulator, **environ: str) -> AsyncIterator[str]:
    """Run an agent over the simulator's network; yield its address."""
    settings = {
        "POLLER_RANGE_0_NAME": "lab",
        "POLLER_RANGE_0_NETWORKS": str(simulator.fleet.network),
        "POLLER_RANGE_0_PORT": str(simulator.port),
        "POLLER_RANGE_0_LOCATION": "Room 7",
        "POLLER_RANGE_0_RATE": "2000",
        "POLLER_SWEEP_RATE": "2000",
        "POLLER_SWEEP_TIMEOUT": "500ms",
        "POLLER_POLL_TIMEOUT": "500ms",
        "POLLER_POLL_RETRIES": "1",
        "POLLER_POLL_EVERY": "10s",
        "POLLER_EXPORTER_LISTEN": "127.0.0.1:0",
        "POLLER_STATE_FOLDER": "none",
        "POLLER_TRAPS_LISTEN": "none",
    } | environ
    one, stop = Agent(load(None, settings), SystemClock(), is_synchronised=lambda: True), asyncio.Event()
    task = asyncio.create_task(one.run(stop))
    try:
        await one.started.wait()
        yield f"http://127.0.0.1:{one.port}"
    finally:
        stop.set()
        await task


async def scrape(url: str) -> Samples:
    """Return what a Prometheus would take, and check on the way what would make it refuse."""
    status, text = await get(f"{url}/metrics")
    assert status == 200
    samples: Samples = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            series = sample.name, frozenset(sample.labels.items())
            assert series not in samples, f"{series} twice"
            samples[series] = sample.value
    return samples


def values(samples: Samples, name: str) -> list[float]:
    return [value for (metric, _), value in samples.items() if metric == name]


def reached(url: str, is_true: Callable[[Samples], bool]) -> Callable[[], object]:
    async def ask() -> bool:
        return is_true(await scrape(url))

    return ask


@pytest.mark.both_loops
async def test_from_a_subnet_to_a_gauge() -> None:
    async with simulated(PRINTERS, "127.31.16.0/26", 40) as simulator, agent(simulator) as url:
        await until("every printer is up", reached(url, lambda now: len(values(now, "printer_up")) == 40))
        samples = await scrape(url)
        assert set(values(samples, "printer_up")) == {1.0}
        assert len(values(samples, "printer_info")) == 40
        assert all(0 <= ratio <= 1 for ratio in values(samples, "printer_supply_level_ratio"))
        infos = [dict(labels) for (name, labels) in samples if name == "printer_info"]
        assert {info["location"] for info in infos} == {"Room 7"}
        assert {info["range"] for info in infos} == {"lab"}
        assert all(info["manufacturer"] and info["model"] for info in infos)
        assert (await get(f"{url}/-/ready"))[0] == 200
        targets = json.loads((await get(f"{url}/sd"))[1])
        assert {target.rpartition(":")[2] for group in targets for target in group["targets"]} == {str(simulator.port)}
        assert len(targets) == 40
        page = (await get(f"{url}/"))[1]
        assert infos[0]["model"] in page


async def test_ageing_printers_show_falling_levels_and_growing_pages() -> None:
    def total(samples: Samples, name: str) -> float:
        return sum(values(samples, name))

    async with simulated(PRINTERS, "127.31.17.0/27", 20, speed=50_000) as simulator, agent(simulator) as url:
        await until("every printer is up", reached(url, lambda now: len(values(now, "printer_up")) == 20))
        before = await scrape(url)

        def has_aged(now: Samples) -> bool:
            levels = {series: value for series, value in now.items() if series[0] == "printer_supply_level_ratio"}
            has_fallen = any(value < before.get(series, 0.0) for series, value in levels.items())
            return has_fallen and total(now, "printer_life_pages") > total(before, "printer_life_pages")

        await until("a level has fallen and pages have grown", reached(url, has_aged))


async def test_one_device_behind_two_addresses_is_one_printer() -> None:
    one = [recordings.load("mono-laser")]
    simulator = Simulator(one, network="127.31.18.0/30", as_recorded=True, clock=SystemClock())
    await simulator.start()
    try:
        assert len(simulator.addresses) == 2
        async with agent(simulator) as url:
            await until("the sweep is over", reached(url, lambda now: values(now, "poller_sweep_last_completed_timestamp_seconds") != []))
            await until("it is read", reached(url, lambda now: values(now, "printer_up") == [1.0]))
            samples = await scrape(url)
            assert values(samples, "poller_sweep_answers_total") == [2.0]
            assert values(samples, "printer_up") == [1.0]
    finally:
        simulator.close()


BAD = {
    "127.31.19.1": misbehaviour.loop,
    "127.31.19.2": misbehaviour.lie_about_length,
    "127.31.19.3": misbehaviour.truncate,
    "127.31.19.4": misbehaviour.send_garbage,
    "127.31.19.5": misbehaviour.send_nothing_in_a_datagram,
    "127.31.19.6": misbehaviour.flood,
    "127.31.19.7": misbehaviour.answer_with_other_request_id,
    "127.31.19.8": misbehaviour.answer_from_other_port,
    "127.31.19.9": misbehaviour.answer_from("127.31.19.99"),
    "127.31.19.10": misbehaviour.ignore_version_2c,
    "127.31.19.11": misbehaviour.fail_bulk,
    "127.31.19.12": misbehaviour.too_big_above(3),
    "127.31.19.13": misbehaviour.stay_silent,
    "127.31.19.14": misbehaviour.say_rows_twice,
}
READABLE = {"127.31.19.6", "127.31.19.10", "127.31.19.11", "127.31.19.12", "127.31.19.14"}


async def test_agents_that_misbehave_cost_themselves_alone_and_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with simulated(PRINTERS, "127.31.19.0/27", 20, misbehaving=BAD) as simulator, agent(simulator) as url:
        good = set(simulator.addresses) - BAD.keys()

        def shown(now: Samples) -> set[str]:
            up = {dict(labels)["printer"] for (name, labels), value in now.items() if name == "printer_up" and value == 1.0}
            infos = [dict(labels) for (name, labels) in now if name == "printer_info"]
            return {info["address"] for info in infos if info["printer"] in up}

        await until("all that can be read are read", reached(url, lambda now: shown(now) >= good | READABLE))
        samples = await scrape(url)
        discarded = {
            dict(labels)["reason"]: value for (name, labels), value in samples.items() if name == "poller_snmp_datagrams_discarded_total"
        }
        assert discarded.keys() >= {"garbled", "late", "stray"}
        assert shown(samples) <= good | READABLE | {"127.31.19.1"}  # one that loops still says who it is
    assert not [as_dict(record) for record in caplog.records if record.levelno >= logging.ERROR]


async def test_a_restart_shows_the_whole_fleet_at_once_without_a_sweep_or_a_walk(tmp_path: Path) -> None:
    kept = {"POLLER_STATE_FOLDER": str(tmp_path / "state"), "POLLER_POLL_EVERY": "15m"}
    async with simulated(PRINTERS, "127.31.23.0/27", 20) as simulator:
        async with agent(simulator, **kept) as url:
            await until("the sweep is over", reached(url, lambda now: values(now, "poller_sweep_last_completed_timestamp_seconds") != []))
            await until("every printer is up", reached(url, lambda now: values(now, "printer_up") == [1.0] * 20))
            before = await scrape(url)
        asked = simulator.status().requests
        async with agent(simulator, **kept) as url:
            after = await scrape(url)  # the first look, before anything could be asked
            assert {series: value for series, value in after.items() if series[0].startswith("printer_")} == {
                series: value for series, value in before.items() if series[0].startswith("printer_")
            }
            assert values(after, "poller_sweep_probes_sent_total") in ([], [0.0])
            assert simulator.status().requests - asked < 20 * 3  # polls may have begun, walks have not


async def test_a_printer_excluded_since_is_not_asked_again(tmp_path: Path) -> None:
    kept = {"POLLER_STATE_FOLDER": str(tmp_path / "state"), "POLLER_POLL_EVERY": "15m"}
    async with simulated(PRINTERS, "127.31.25.0/28", 4) as simulator:
        async with agent(simulator, **kept) as url:
            await until("every printer is up", reached(url, lambda now: values(now, "printer_up") == [1.0] * 4))
        async with agent(simulator, **kept, POLLER_RANGE_0_EXCLUDE=simulator.addresses[0]) as url:
            infos = [dict(labels) for (name, labels) in await scrape(url) if name == "printer_info"]
            assert sorted(info["address"] for info in infos) == sorted(simulator.addresses[1:])


async def test_a_range_renamed_since_loses_nobody(tmp_path: Path) -> None:
    kept = {"POLLER_STATE_FOLDER": str(tmp_path / "state"), "POLLER_POLL_EVERY": "15m"}
    async with simulated(PRINTERS, "127.31.28.0/28", 4) as simulator:
        async with agent(simulator, **kept) as url:
            await until("the sweep is over", reached(url, lambda now: values(now, "poller_sweep_last_completed_timestamp_seconds") != []))
            await until("every printer is up", reached(url, lambda now: values(now, "printer_up") == [1.0] * 4))
        async with agent(simulator, **kept, POLLER_RANGE_0_NAME="renamed") as url:
            await until("every printer is up again", reached(url, lambda now: values(now, "printer_up") == [1.0] * 4))


async def test_an_address_in_no_range_is_never_asked_with_a_secret_nobody_named(tmp_path: Path) -> None:
    file = tmp_path / "community"
    file.write_text("a-secret\n")
    file.chmod(0o600)
    credential = {"POLLER_CREDENTIAL_0_NAME": "branch", "POLLER_CREDENTIAL_0_COMMUNITY_FILE": str(file)}
    async with simulated(PRINTERS, "127.31.29.0/29", 2) as simulator, agent(simulator, **credential, POLLER_SWEEP_ON_START="false") as url:
        assert (await get(f"{url}/probe?target=127.31.30.1:{simulator.port}"))[0] == 400
        assert (await get(f"{url}/probe?target=127.31.30.1:{simulator.port}&credential=branch"))[0] == 200
    assert simulator.status().nobody > 0


async def test_a_sweep_cut_short_goes_on_where_it_was(tmp_path: Path) -> None:
    kept = {"POLLER_STATE_FOLDER": str(tmp_path / "state"), "POLLER_RANGE_0_RATE": "20", "POLLER_SWEEP_RETRIES": "0"}
    async with simulated(PRINTERS, "127.31.24.0/26", 30) as simulator:
        async with agent(simulator, **kept) as url:
            await until("some have answered", reached(url, lambda now: len(values(now, "printer_up")) >= 5))
            assert values(await scrape(url), "poller_sweep_last_completed_timestamp_seconds") == []
        async with agent(simulator, **kept) as url:
            await until("all are known", reached(url, lambda now: len(values(now, "printer_up")) == 30))
            await until("the sweep is over", reached(url, lambda now: values(now, "poller_sweep_last_completed_timestamp_seconds") != []))
            samples = await scrape(url)
            assert sum(values(samples, "poller_sweep_answers_total")) <= 30
    assert simulator.status().nobody <= 2 * 34  # silent addresses: once for each of two credentials, over both runs


async def test_a_state_folder_that_cannot_be_made_is_the_hosts_fault(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    done = await poller("run", env={"POLLER_STATE_FOLDER": str(tmp_path / "file"), "POLLER_EXPORTER_LISTEN": "127.0.0.1:0"})
    assert done.code == 3
    assert "Traceback" not in done.err


@asynccontextmanager
async def speaking_ipp(address: str, body: Callable[[], bytes]) -> AsyncIterator[None]:
    """A printer that answers IPP on its own port; binding that needs a right not everybody has."""

    async def answer(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(body=body(), content_type="application/ipp")

    application = web.Application()
    application.router.add_post("/ipp/print", answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, address, 631).start()
    except PermissionError:
        await runner.cleanup()
        pytest.skip("this user may not bind TCP port 631")
    try:
        yield
    finally:
        await runner.cleanup()


async def test_a_printer_silent_by_snmp_is_found_and_read_by_ipp_where_its_range_allows_that() -> None:
    async with (
        simulated(PRINTERS, "127.31.26.0/29", 3) as simulator,
        speaking_ipp("127.31.26.6", ipp_printer),
        agent(simulator, POLLER_RANGE_0_IPP="true") as url,
    ):
        await until("all four are up", reached(url, lambda now: values(now, "printer_up") == [1.0] * 4))
        vias = {
            line["printer"]["address"]: line["printer"]["via"]
            for line in map(json.loads, (await get(f"{url}/api/printers"))[1].splitlines())
        }
        assert vias.pop("127.31.26.6").startswith("ipp")
        assert set(vias.values()) <= {"snmp-1", "snmp-2c"}


async def test_nobody_is_asked_by_ipp_where_no_range_allows_it() -> None:
    asked = []

    def body() -> bytes:
        asked.append(1)
        return ipp_printer()

    async with (
        simulated(PRINTERS, "127.31.27.0/29", 3) as simulator,
        speaking_ipp("127.31.27.6", body),
        agent(simulator) as url,
    ):
        await until("the sweep is over", reached(url, lambda now: values(now, "poller_sweep_last_completed_timestamp_seconds") != []))
        await until("all three are up", reached(url, lambda now: values(now, "printer_up") == [1.0] * 3))
    assert not asked


async def test_probe_reads_one_device_live_and_names_credentials_only() -> None:
    async with simulated(PRINTERS, "127.31.20.0/28", 4) as simulator, agent(simulator, POLLER_SWEEP_ON_START="false") as url:
        target = f"{simulator.addresses[0]}:{simulator.port}"
        status, text = await get(f"{url}/probe?target={target}&credential=public")
        assert status == 200
        assert "\nprobe_success 1\n" in text
        assert "printer_info{" in text
        status, text = await get(f"{url}/probe?target=127.31.20.77:{simulator.port}", {"X-Prometheus-Scrape-Timeout-Seconds": "1.5"})
        assert status == 200
        assert "\nprobe_success 0\n" in text
        assert (await get(f"{url}/probe?target={target}&credential=nobody"))[0] == 400
        assert (await get(f"{url}/probe"))[0] == 400


async def test_no_community_is_ever_shown(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secret = "Zq7-very-secret-community"
    file = tmp_path / "community"
    file.write_text(secret + "\n")
    file.chmod(0o600)
    simulator = Simulator(PRINTERS, network="127.31.21.0/29", count=4, community=secret, seed=1, clock=SystemClock())
    await simulator.start()
    try:
        credential = {"POLLER_CREDENTIAL_0_NAME": "branch", "POLLER_CREDENTIAL_0_COMMUNITY_FILE": str(file)}
        async with agent(simulator, **credential) as url:
            await until("every printer is up", reached(url, lambda now: values(now, "printer_up") == [1.0] * 4))
            paths = ["/", "/metrics", "/sd", "/api/printers", f"/probe?target={simulator.addresses[0]}:{simulator.port}&credential=branch"]
            shown = [(await get(url + path))[1] for path in paths]
    finally:
        simulator.close()
    assert all(shown)
    assert not [text for text in shown if secret in text]
    assert secret not in json.dumps([as_dict(record) for record in caplog.records])


async def test_a_real_prometheus_scrapes_it_and_sees_levels_fall(real_part: Callable[[str], str], tmp_path: Path) -> None:
    prometheus, promtool = real_part("prometheus"), real_part("promtool")
    async with simulated(PRINTERS, "127.31.22.0/27", 16, speed=50_000) as simulator, agent(simulator) as url:
        await until("every printer is up", reached(url, lambda now: len(values(now, "printer_up")) == 16))
        text = (await get(f"{url}/metrics"))[1]
        lint = await asyncio.create_subprocess_exec(promtool, "check", "metrics", stdin=-1, stdout=-1, stderr=-1)
        said = await lint.communicate(text.encode())
        assert (lint.returncode, said) == (0, (b"", b""))

        config = tmp_path / "prometheus.yml"
        config.write_text(
            "scrape_configs:\n- job_name: printers\n  scrape_interval: 1s\n  static_configs:\n"
            f"  - targets: ['{url.removeprefix('http://')}']\n"
        )
        listen = await free_port()
        command = [f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'data'}", f"--web.listen-address=127.0.0.1:{listen}"]
        async with running(prometheus, *command):

            async def query(expression: str) -> list[object]:
                status, text = await get(f"http://127.0.0.1:{listen}/api/v1/query?query={expression}")
                found: list[object] = json.loads(text)["data"]["result"] if status == 200 else []
                return found

            await until("it is scraped", lambda: query("up==1"))
            await until("levels fall", lambda: query("delta(printer_supply_level_ratio[1m])<0"))
            assert await query("scrape_samples_post_metric_relabeling>300")


async def free_port() -> int:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    async with server:
        port: int = server.sockets[0].getsockname()[1]
    return port
