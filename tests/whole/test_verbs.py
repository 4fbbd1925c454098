"""Each verb as a user starts it: with good input, and with bad."""

from __future__ import annotations

import json
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from poller.clock import SystemClock
from poller.simulator import recordings
from poller.simulator.server import Simulator
from tests.whole.processes import get, poller, running, unshared, until

NETWORK = "127.31.7.0/27"


@pytest.fixture
async def fleet() -> AsyncIterator[Simulator]:
    """One address for each invented device, printers and others."""
    chosen = [recordings.load(name) for name in recordings.names()]
    simulator = Simulator(chosen, network=NETWORK, count=24, seed=3, clock=SystemClock())
    await simulator.start()
    yield simulator
    simulator.close()


def with_all_devices(simulator: Simulator) -> tuple[set[str], set[str]]:
    printers = {address for address in simulator.addresses if simulator.fleet.recording_at(address).is_printer}
    return printers, set(simulator.addresses) - printers


async def test_sweep_prints_every_printer_once_and_counts_the_rest(fleet: Simulator) -> None:
    done = await poller("sweep", NETWORK, "--port", str(fleet.port), "--rate", "2000", "--timeout", "0.5", "--json")
    printers, others = with_all_devices(fleet)
    lines = [json.loads(line) for line in done.out.splitlines()]
    assert done.code == 0, done.err
    assert sorted(line["address"] for line in lines) == sorted(printers)
    assert all(line["is_printer"] and line["printer"]["id"] == line["printer"]["identities"][0] for line in lines)
    assert f"{len(printers)} printers" in done.err
    assert f"{len(others)} other devices" in done.err


async def test_an_excluded_address_is_not_asked(fleet: Simulator) -> None:
    printers, _ = with_all_devices(fleet)
    left_out = min(printers)
    done = await poller("sweep", NETWORK, "--exclude", left_out, "--port", str(fleet.port), "--rate", "2000", "--timeout", "0.5", "--json")
    assert left_out not in {json.loads(line)["address"] for line in done.out.splitlines()}
    assert len(done.out.splitlines()) == len(printers) - 1


async def test_read_prints_a_reading_for_people_and_for_programs(fleet: Simulator) -> None:
    printers, _ = with_all_devices(fleet)
    address = min(printers)
    for_programs = await poller("read", address, "--port", str(fleet.port), "--json")
    reading = json.loads(for_programs.out)
    assert (for_programs.code, reading["type"], reading["schema"], reading["is_printer"]) == (0, "reading", 1, True)
    for_people = await poller("read", address, "--port", str(fleet.port))
    assert for_people.code == 0
    assert reading["printer"]["model"] in for_people.out


async def test_explain_shows_every_value_with_its_oid_and_the_metrics_that_result(fleet: Simulator) -> None:
    printers, _ = with_all_devices(fleet)
    done = await poller("read", min(printers), "--port", str(fleet.port), "--json", "--explain")
    json.loads(done.out)
    assert "1.3.6.1.2.1.43.11.1.1.9.1.1" in done.err
    assert "printer_info{" in done.err
    assert "public" not in done.err.replace("credential 'public'", "")  # its name may be said, the community is never shown


async def test_a_device_that_is_no_printer_is_said_to_be_none(fleet: Simulator) -> None:
    _, others = with_all_devices(fleet)
    done = await poller("read", min(others), "--port", str(fleet.port), "--json")
    assert done.code == 1
    assert json.loads(done.out)["is_printer"] is False
    assert "is no printer" in done.err


async def test_a_recording_plays_back_as_the_device_it_is_of(fleet: Simulator, tmp_path: Path) -> None:
    printers, _ = with_all_devices(fleet)
    address, file = min(printers), tmp_path / "one.snmprec"
    done = await poller("record", address, "-o", str(file), "--port", str(fleet.port), "--scrub")
    assert done.code == 0, done.err
    before = json.loads((await poller("read", address, "--port", str(fleet.port), "--json")).out)
    again = Simulator([recordings.load(file)], network="127.31.8.1/32", as_recorded=True, clock=SystemClock())
    await again.start()
    try:
        after = json.loads((await poller("read", "127.31.8.1", "--port", str(again.port), "--json")).out)
    finally:
        again.close()
    assert after["supplies"] == before["supplies"]
    assert after["printer"]["model"] == before["printer"]["model"]
    assert after["printer"]["serial"] != before["printer"]["serial"]
    assert before["printer"]["serial"] not in file.read_text()
    refused = await poller("record", address, "-o", str(file), "--port", str(fleet.port))
    assert refused.code == 2
    assert "never overwritten" in refused.err


async def test_silence_is_said_in_a_line_and_is_exit_code_one() -> None:
    done = await poller("read", "127.31.9.9", "--port", "9", "--timeout", "0.1", "--retries", "0")
    assert (done.code, done.out) == (1, "")
    assert done.err.splitlines() == ["no answer from 127.31.9.9 in 1 tries"]


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["sweep", "10.0.0.9-10.0.0.3"], ["first address is after the last", "did you mean"]),
        (["sweep", "10.1.2.3/24"], ["host bits", "10.1.2.0/24"]),
        (["sweep", "10.0.0.0/8"], ["16,777,216 addresses", "--yes"]),
        (["sweep", "10.0.0.0/24", "--credential", "nobody"], ["no credential has this name"]),
        (["sweep", "@nowhere.txt"], ["nowhere.txt"]),
        (["sweep"], ["TARGET"]),
        (["read", "10.0.0.7", "--version", "4"], ["want 1, 2c or 3"]),
        (["read", "10.0.0.7", "--port", "70000"], ["port"]),
        (["record", "10.0.0.7", "-o", "x.snmprec", "--root", "1.x"], ["not an object identifier"]),
        (["simulate", "no-such-recording"], ["neither a recording of this name nor a file"]),
        (["simulate", "--network", "10.0.0.0/24"], ["127.0.0.0/8"]),
        (["run", "--config", "nowhere.toml"], ["nowhere.toml"]),
        (["swep"], ["sweep"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
async def test_wrong_usage_is_exit_code_two_with_words_and_no_traceback(arguments: list[str], words: list[str], tmp_path: Path) -> None:
    done = await poller(*arguments, cwd=tmp_path)
    assert done.code == 2, done
    assert "Traceback" not in done.err
    for word in words:
        assert word in done.err


async def test_a_port_in_use_is_the_hosts_fault() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        done = await poller("run", env={"POLLER_EXPORTER_LISTEN": listen, "POLLER_STATE_FOLDER": "none"})
    assert done.code == 3
    assert "Traceback" not in done.err
    assert listen.rpartition(":")[2] in done.err


async def test_a_forbidden_port_is_the_hosts_fault(real_part: Callable[[str], str]) -> None:
    """In a network namespace of its own, where the first 1024 ports are forbidden, and without root's right to them."""
    ip, setpriv = real_part("ip"), real_part("setpriv")
    code, _, error = await unshared(real_part("unshare"), ip, "link", "set", "lo", "up")
    if code:
        pytest.skip(f"no network namespace to be had here: {error.strip()}")
    command = f'{ip} link set lo up && exec {setpriv} --bounding-set=-net_bind_service "$0" -m poller run'
    env = {"POLLER_EXPORTER_LISTEN": "127.0.0.1:80", "POLLER_STATE_FOLDER": "none", "POLLER_TRAPS_LISTEN": "none"}
    code, _, error = await unshared(real_part("unshare"), "sh", "-c", command, sys.executable, env=env)
    assert code == 3
    assert "Traceback" not in error
    assert "cannot listen on 127.0.0.1:80 (ports below 1024 need the capability CAP_NET_BIND_SERVICE" in error


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
async def test_demo_shows_printers_and_ends_cleanly(number: signal.Signals) -> None:
    async with running(sys.executable, "-m", "poller", "demo", "--listen", "127.0.0.1:0", "--printers", "20") as child:
        assert child.stdout is not None
        shown: dict[str, str] = {}
        while not {"metrics", "central"} <= shown.keys():
            line = (await child.stdout.readline()).decode()
            assert line, "the demo ended before it said where to look"
            word, _, place = line.strip().partition(" ")
            shown[word] = place.strip()

        async def all_are_up() -> bool:
            return '\npoller_printers{state="up"} 20\n' in (await get(shown["metrics"]))[1]

        async def readings_are_at_central() -> bool:
            return 'poller_central_batches_total{result="stored"} 0' not in (await get(shown["central"]))[1]

        await until("all simulated printers are up", all_are_up)
        assert "printer_supply_level_ratio{" in (await get(shown["metrics"]))[1]
        await until("readings are at central", readings_are_at_central)
        child.send_signal(number)
        rest, _ = await child.communicate()
        assert child.returncode == 0
        assert b"Traceback" not in rest
