"""The guard and the fixtures are checks themselves; these show that they can fail."""

from __future__ import annotations

import asyncio
import re
import socket

import pytest

from poller.clock import Clock
from poller.snmp.mmsg import ManySender
from tests import conftest
from tests.conftest import REAL_PARTS, ROOT, is_loopback, stray
from tests.fake_clock import FakeClock


@pytest.mark.parametrize(
    "host, expected",
    [
        ("127.0.0.1", True),
        ("127.20.3.4", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("localhost", True),
        ("", True),
        (None, True),
        (b"127.0.0.1", True),
        ("192.0.2.1", False),
        ("10.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("fe80::1%lo", False),
        ("224.0.0.1", False),
        ("printer.example", False),
    ],
)
def test_only_this_machine_is_loopback(host: object, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_a_datagram_beyond_loopback_is_stopped_and_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    remembered: list[str] = []
    refused: list[OSError] = []
    with monkeypatch.context() as patch, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as endpoint:
        endpoint.bind(("127.0.0.1", 0))  # from here the kernel lets nothing out, should the guard be broken
        patch.setattr(conftest, "_strays", remembered)
        with pytest.raises(AssertionError, match=r"only reach loopback: socket\.sendto to 192\.0\.2\.1"):
            endpoint.sendto(b"", ("192.0.2.1", 9))
        with pytest.raises(AssertionError, match="only reach loopback"):
            endpoint.connect(("192.0.2.1", 9))
        with pytest.raises(AssertionError, match="only reach loopback"):
            ManySender(endpoint, refused.append).send([b""], [bytes([192, 0, 2, 1])], 9)
    assert remembered == [f"socket.{call} to 192.0.2.1" for call in ("sendto", "connect", "sendmsg")]


def test_looking_up_a_name_counts_as_leaving() -> None:
    assert stray("socket.getaddrinfo", ("printer.example", 161, 0, 0, 0)) is not None
    assert stray("socket.getaddrinfo", ("192.0.2.1", 161, 0, 0, 0)) is None
    assert stray("socket.getaddrinfo", ("localhost", 161, 0, 0, 0)) is None


@pytest.mark.both_loops
async def test_a_marked_test_runs_on_both_loops(request: pytest.FixtureRequest) -> None:
    wanted = "uvloop" if "uvloop" in request.node.name else "asyncio"
    assert type(asyncio.get_running_loop()).__module__.startswith(wanted)


def test_the_fake_clock_is_a_clock_that_moves_when_told() -> None:
    clock = FakeClock()
    as_clock: Clock = clock
    before = as_clock.monotonic(), as_clock.utc()
    clock.advance(1.5)
    assert as_clock.monotonic() - before[0] == 1.5
    assert (as_clock.utc() - before[1]).total_seconds() == 1.5
    clock.jump(-3600)
    assert as_clock.monotonic() - before[0] == 1.5


def test_ci_installs_the_real_parts_that_tests_ask_for_and_no_others() -> None:
    packages = set(re.findall(r"^  ([a-z0-9.+-]+) +# ", (ROOT / ".ci" / "run").read_text(), flags=re.MULTILINE))
    assert packages - {"make", "libc6-dev"} == set(REAL_PARTS.values())
    tests = "".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    assert [name for name in REAL_PARTS if f'"{name}"' not in tests] == []
