"""What every test may ask for, and what none may do: send anything beyond this machine.

Fixtures: `clock`, `shared`, `real_part`. Marker: `both_loops`. A guard fails a test whose sockets leave loopback.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import shutil
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import uvloop
from hypothesis import HealthCheck, settings

from poller.snmp.mmsg import ManySender, Refused
from tests.fake_clock import FakeClock

settings.register_profile("poller", deadline=None, suppress_health_check=[HealthCheck.too_slow])  # no test fails for a busy machine
settings.load_profile("poller")

ROOT = Path(__file__).resolve().parent.parent

IS_CI = os.environ.get("CI", "") not in ("", "0", "false")

# The programs a test may run for real, and the Debian package that brings each. `.ci/run` installs them all; a test compares the two.
REAL_PARTS = {
    "amtool": "prometheus-alertmanager",
    "avahi-daemon": "avahi-daemon",
    "buildah": "buildah",
    "cc": "gcc",
    "dbus-daemon": "dbus-daemon",
    "docker-compose": "docker-compose",
    "ip": "iproute2",
    "ippeveprinter": "cups-ipp-utils",
    "mmdebstrap": "mmdebstrap",
    "nft": "nftables",
    "podman": "podman",
    "postgres": "postgresql",
    "prometheus": "prometheus",
    "prometheus-alertmanager": "prometheus-alertmanager",
    "promtool": "prometheus",
    "runc": "runc",
    "setpriv": "util-linux",
    "snmpbulkwalk": "snmp",
    "snmpd": "snmpd",
    "snmpget": "snmp",
    "snmpinform": "snmp",
    "snmptrap": "snmp",
    "snmpwalk": "snmp",
    "systemd-analyze": "systemd",
    "tinyproxy": "tinyproxy-bin",
    "unshare": "util-linux",
}
_TOGETHER = {  # one process runs all tests of such a file
    "tests/grafana/test_queries.py",  # a Prometheus with five weeks in it
    "tests/printers/test_corpus.py",  # the score of every recording
    "tests/whole/test_container.py",  # the image
}
_POSTGRES = sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True)  # where Debian keeps it, the newest first
_REAL_PARTS_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/lib", *_POSTGRES])


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still until the test moves it."""
    return FakeClock()


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder `shared` beside the repository: reference captures and load generators too big or too foreign to live in here."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("no folder 'shared' beside the repository")
    return folder


@pytest.fixture(scope="session")
def real_part() -> Callable[[str], str]:
    """Return the path of a real program by its name: `real_part("promtool")`. Without it the test is skipped, in CI it fails."""

    def find(name: str) -> str:
        package = REAL_PARTS[name]
        found = shutil.which(name, path=_REAL_PARTS_PATH)
        if found is None:
            reason = f"{name} is not installed: apt-get install {package}"
            if IS_CI:
                pytest.fail(reason)
            pytest.skip(reason)
        return found

    return find


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """`-n auto` is one more than there are cores: many tests wait for somebody else."""
    return len(os.sched_getaffinity(0)) + 1 if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1) + 1


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Among several processes every test goes to who is free, but for those that share what takes long to make."""
    from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

    def scope_of(nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return file if file in _TOGETHER else nodeid

    scheduling = LoadScopeScheduling(config, log)
    scheduling._split_scope = scope_of
    return scheduling


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Among several processes the long ones come first, so that none is left alone with one at the end."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: item.path.name != "test_kill.py" and item.path.parent.name != "whole")


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Coroutines run on plain asyncio; with `@pytest.mark.both_loops` once more on uvloop."""
    loops: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {"asyncio": asyncio.new_event_loop}
    if item.get_closest_marker("both_loops"):
        loops["uvloop"] = uvloop.new_event_loop
    return loops


# --- the guard: nothing leaves loopback ---

_strays: list[str] = []


def is_loopback(host: object) -> bool:
    """Whether *host*, as given to a socket call, is this machine. Other names than localhost are not: a look-up leaves it."""
    if host in (None, "", b"", "localhost", b"localhost"):
        return True
    try:
        address = ipaddress.ip_address(host.decode() if isinstance(host, bytes) else str(host))
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def stray(event: str, arguments: tuple[object, ...]) -> str | None:
    """Return who an audited socket call would reach beyond loopback, or None. Events: the table in Python's docs, "Audit events"."""
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        endpoint, address = arguments[0], arguments[1]
        if isinstance(endpoint, socket.SocketType) and endpoint.family not in (socket.AF_INET, socket.AF_INET6):
            return None
        if isinstance(address, tuple) and address and not is_loopback(address[0]):
            return f"{event} to {address[0]}"
    elif event == "socket.getaddrinfo":
        host = arguments[0]
        try:
            ipaddress.ip_address(host.decode() if isinstance(host, bytes) else str(host))
        except ValueError:
            if not is_loopback(host):
                return f"{event} of {host!r}"
    return None


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    if event.startswith("socket.") and (found := stray(event, arguments)) is not None:
        _strays.append(found)
        raise AssertionError(f"a test may only reach loopback: {found}")


def pytest_configure() -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell's background job inherits that, and so would all we start
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # An audit hook sees every socket of this process that Python makes, whichever library uses it. It sees nothing of who calls the
    # kernel himself: our sendmmsg, watched here, and uvloop's own connections, which is why tests of an edge run on plain asyncio as well.
    sys.addaudithook(_watch)
    send, send_mixed = ManySender.send, ManySender.send_mixed

    def watched(sender: ManySender, datagrams: Sequence[bytes], addresses: Sequence[bytes], port: int) -> int:
        for address in addresses:
            _watch("socket.sendmsg", (None, (str(ipaddress.ip_address(address)), port)))
        return send(sender, datagrams, addresses, port)

    def watched_mixed(sender: ManySender, datagrams: Sequence[bytes], names: Sequence[bytes]) -> tuple[int, list[Refused]]:
        for name in names:
            _watch("socket.sendmsg", (None, sender.readable(name)))
        return send_mixed(sender, datagrams, names)

    pytest.MonkeyPatch().setattr(ManySender, "send", watched)
    pytest.MonkeyPatch().setattr(ManySender, "send_mixed", watched_mixed)


@pytest.fixture(autouse=True)
def _stays_on_this_machine() -> Iterator[None]:
    """The hook above raises where it happens; code under test may swallow that, so the test is failed once more at its end."""
    _strays.clear()
    yield
    assert not _strays, f"a test may only reach loopback: {_strays}"
