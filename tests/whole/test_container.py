"""The image, really built and really run: hardened as compose.yaml asks for, against simulated printers, to its clean end."""

from __future__ import annotations

import json
import os
import re
import socket
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from poller import __version__
from tests.conftest import ROOT
from tests.test_project import PROJECT
from tests.whole.containers import BASE, LABELS, Store, store
from tests.whole.processes import environment

USER = 10001
STOP_SECONDS = 8
NETWORK = "127.22.7.0/29"
PRINTERS = 6  # the first and the last address of a network belong to nobody
PRINTER = "127.22.7.1"
NAME_SERVER = "127.22.8.1"
_TURNS_MAX = 600
_TURN_SECONDS = 0.1
_SBOM = "usr/share/doc/poller/sbom.cdx.json"


@pytest.fixture(scope="session")
def image(real_part: Callable[[str], str]) -> Iterator[Store]:
    """The image of this tree on a Debian base, built once for all tests."""
    if os.geteuid() != 0:
        pytest.skip("building an image without an engine needs root")
    with store({name: real_part(name) for name in ("buildah", "mmdebstrap", "podman", "runc")}) as made:
        made.make_base()
        made.build(__version__)
        yield made


def listening(port: int) -> dict[str, str]:
    """Return the variables of an agent that takes nothing of this machine's network but *port* on loopback."""
    return {"POLLER_EXPORTER_LISTEN": f"127.0.0.1:{port}", "POLLER_TRAPS_LISTEN": "none"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def metrics(port: int) -> str:
    """Return what the agent shows now; nothing while it does not listen."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
            text: str = answer.read().decode()
            return text
    except (urllib.error.URLError, ConnectionError):
        return ""


def value(text: str, metric: str) -> float:
    """Return the sum of a metric's samples."""
    return sum(float(number) for number in re.findall(rf"^{metric}(?:\{{.*\}})? (\S+)$", text, flags=re.MULTILINE))


def until(what: str, is_true: Callable[[], bool]) -> None:
    """Wait for a claim to come true; bounded in turns."""
    for _ in range(_TURNS_MAX):
        if is_true():
            return
        time.sleep(_TURN_SECONDS)
    raise AssertionError(f"it never came true: {what}")


@contextmanager
def simulated() -> Iterator[tuple[int, Callable[[], None]]]:
    """Simulated printers; their port, and what ends them."""
    command = (sys.executable, "-m", "poller", "simulate", "mono-laser", "--network", NETWORK, "--port", "0", "--json")
    child = subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def end() -> None:
        child.terminate()
        child.wait()

    try:
        assert child.stdout is not None
        yield json.loads(child.stdout.readline())["port"], end
    finally:
        end()
        if child.stdout is not None:
            child.stdout.close()


@contextmanager
def black_hole(port: int) -> Iterator[None]:
    """All of loopback takes every datagram to *port* and answers none."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as endpoint:
        endpoint.bind(("", port))
        yield


# --- what it does ---


def test_printers_are_found_read_and_shown_from_a_hardened_container(image: Store) -> None:
    exporter = free_port()
    with simulated() as (port, _):
        settings = listening(exporter) | {"POLLER_RANGE_0_NETWORKS": NETWORK, "POLLER_RANGE_0_PORT": str(port)}
        with image.running(settings) as container:
            until("all printers are read", lambda: value(metrics(exporter), "printer_up") == PRINTERS)
            assert value(metrics(exporter), "printer_life_pages") > 0
            assert image.is_healthy(container)
            assert image.stop(container, seconds=STOP_SECONDS) == 0
            log = image.logs(container)
            assert "event=agent.stopped" in log
            assert "level=error" not in log


def test_the_volume_keeps_the_fleet_for_the_next_container(image: Store) -> None:
    exporter = free_port()
    settings = listening(exporter) | {"POLLER_RANGE_0_NETWORKS": NETWORK}
    volume = ("--volume", "kept:/var/lib/poller")
    with simulated() as (port, _):
        settings["POLLER_RANGE_0_PORT"] = str(port)
        with image.running(settings, *volume) as first:
            until("all printers are read", lambda: value(metrics(exporter), "printer_up") == PRINTERS)
            assert image.stop(first, seconds=STOP_SECONDS) == 0
    with image.running(settings | {"POLLER_SWEEP_ON_START": "false"}, *volume) as second:  # there is nobody to be found now
        until("the agent shows something", lambda: metrics(exporter) != "")
        assert value(metrics(exporter), "printer_info") == PRINTERS
        assert image.stop(second, seconds=STOP_SECONDS) == 0


def test_a_container_whose_agent_does_not_answer_is_unhealthy(image: Store) -> None:
    asleep = ("--entrypoint", '["python", "-c", "import time; time.sleep(600)"]')
    with image.running(listening(free_port()), *asleep) as container:
        assert not image.is_healthy(container)


# --- how it ends ---


def test_it_stops_in_time_while_polls_and_answers_hang(image: Store) -> None:
    exporter = free_port()
    with simulated() as (port, end_printers):
        settings = listening(exporter) | {
            "POLLER_RANGE_0_NETWORKS": NETWORK,
            "POLLER_RANGE_0_PORT": str(port),
            "POLLER_POLL_EVERY": "10s",
            "POLLER_POLL_TIMEOUT": "60s",
        }
        with image.running(settings) as container:
            until("all printers are read", lambda: value(metrics(exporter), "printer_up") == PRINTERS)
            end_printers()
            with black_hole(port), socket.create_connection(("127.0.0.1", exporter)) as asking:
                asking.sendall(f"GET /probe?target={PRINTER}:{port} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
                until("polls hang", lambda: value(metrics(exporter), "poller_poll_workers_busy") > 0)
                assert image.stop(container, seconds=STOP_SECONDS) == 0


def test_it_stops_in_time_while_a_name_server_is_silent(image: Store, tmp_path: Path) -> None:
    exporter = free_port()
    resolver = tmp_path / "resolv.conf"
    resolver.write_text(f"nameserver {NAME_SERVER}\noptions timeout:20 attempts:2\n")
    with black_hole(53):
        settings = listening(exporter) | {"POLLER_SWEEP_TARGETS": "printer.example.com"}
        with image.running(settings, "--volume", f"{resolver}:/etc/resolv.conf:ro") as container:
            until("the agent listens", lambda: metrics(exporter) != "")
            assert image.stop(container, seconds=STOP_SECONDS) == 0


# --- what may be done from inside ---


def test_inside_it_has_no_rights(image: Store) -> None:
    status = dict(re.findall(r"^(\w+):\s*(.*)$", image.run("/proc/self/status", entrypoint="cat"), flags=re.MULTILINE))
    assert status["Uid"].split() == [str(USER)] * 4
    assert status["Gid"].split() == [str(USER)] * 4
    assert {status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")


def test_inside_only_the_volume_and_the_scratch_folder_can_be_written(image: Store) -> None:
    script = """if True:
        import pathlib
        for name in ("/", "/etc/poller", "/opt/poller", "/run", "/usr/share/doc/poller", "/tmp", "/var/lib/poller", "/var/tmp"):
            try:
                (pathlib.Path(name) / "written").write_text("")
                print(name)
            except OSError:
                pass
    """
    assert image.run("-c", script, entrypoint="python").split() == ["/tmp", "/var/lib/poller"]


def test_inside_the_memory_is_limited(image: Store) -> None:
    groups = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")  # version 2, version 1
    script = f"import pathlib; print([p.read_text() for p in map(pathlib.Path, {groups}) if p.exists()][0])"
    assert int(image.run("-c", script, entrypoint="python")) == 256 * 1024 * 1024


# --- what is in it ---


def test_the_layers_above_the_base_are_at_most_100_megabytes(image: Store) -> None:
    above = image.inspect()["Size"] - image.inspect(BASE)["Size"]
    assert 0 < above <= 100_000_000


def test_its_labels_and_settings_say_what_it_is(image: Store) -> None:
    found = image.inspect()
    label = {name.removeprefix("org.opencontainers.image."): text for name, text in found["Labels"].items()}
    assert label["version"] == __version__
    assert (label["revision"], label["created"]) == (LABELS["REVISION"], LABELS["CREATED"])
    assert (label["title"], label["licenses"]) == ("poller", "Apache-2.0")
    assert label["description"] == PROJECT["project"]["description"]
    config = found["Config"]
    assert config["User"] == f"{USER}:{USER}"
    assert set(config["Volumes"]) == {"/var/lib/poller"}
    assert set(config["ExposedPorts"]) == {"9717/tcp", "1162/udp"}
    assert config["StopSignal"] == "SIGTERM"
    assert (found["HealthCheck"] if "HealthCheck" in found else found["Healthcheck"])["Test"] == ["CMD", "poller", "healthy"]


def test_its_files_belong_to_root_and_nobody_else_may_write_them(image: Store) -> None:
    with image.mounted() as root:
        ours = [path for top in ("opt/poller", "usr/share/doc/poller", "etc/poller") for path in [root / top, *(root / top).rglob("*")]]
        kept = (root / "var/lib/poller").stat()
        assert len(ours) > 1000
        writable = [path for path in ours if not path.is_symlink() and path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH)]
        assert writable == []
        assert [path for path in ours if path.lstat().st_uid != 0 or path.lstat().st_gid != 0] == []
        assert (kept.st_uid, kept.st_gid, stat.S_IMODE(kept.st_mode)) == (USER, USER, 0o700)


def test_its_bytecode_is_compiled(image: Store) -> None:
    with image.mounted() as root:
        package = next((root / "opt/poller/lib").glob("python3*/site-packages/poller"))
        modules = list(package.rglob("*.py"))
        assert modules
        assert [path for path in modules if not list((path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"))] == []


def installed(image: Store) -> dict[str, str]:
    """Return name and version of every distribution that Python in the container can import from."""
    script = "import importlib.metadata as m, json; print(json.dumps([[d.name, d.version] for d in m.distributions(path=[p])]))"
    script = f"import sysconfig; p = sysconfig.get_path('purelib'); {script}"
    return {canonicalize_name(name): version for name, version in json.loads(image.run("-c", script, entrypoint="python"))}


def test_it_holds_what_the_lock_of_the_agent_names_and_nothing_more(image: Store) -> None:
    script = "import json, platform, sys; print(json.dumps([platform.python_version(), platform.machine()]))"
    version, machine = json.loads(image.run("-c", script, entrypoint="python"))
    there = {
        "python_full_version": version,
        "python_version": version.rpartition(".")[0],
        "platform_machine": machine,
        "sys_platform": "linux",
    }
    locked = re.findall(r"^([a-z0-9][^\\\n]*?) *\\?$", (ROOT / "requirements-agent.lock").read_text(), flags=re.MULTILINE)
    wanted = [pin for pin in map(Requirement, locked) if pin.marker is None or pin.marker.evaluate(there)]
    assert installed(image) == {pin.name: str(pin.specifier).removeprefix("==") for pin in wanted} | {"poller": __version__}


def test_the_list_of_parts_names_exactly_what_is_installed(image: Store) -> None:
    listed = json.loads(image.run(f"/{_SBOM}", entrypoint="cat"))
    assert (listed["bomFormat"], listed["specVersion"]) == ("CycloneDX", "1.6")
    itself = listed["metadata"]["component"]
    parts = [itself, *listed["components"]]
    assert (itself["name"], itself["version"]) == ("poller", __version__)
    assert len({part["bom-ref"] for part in parts}) == len(parts)
    assert {canonicalize_name(part["name"]): part["version"] for part in parts} == installed(image)
    assert all(part["purl"].startswith("pkg:pypi/") for part in listed["components"])
    assert all(part["licenses"] for part in parts)
