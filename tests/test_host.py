import asyncio
import socket
import threading
from pathlib import Path

import pytest

from poller import host
from poller.errors import UnreachableError
from poller.networks import HostName, parse

NOBODY = "x" * 70 + ".test"  # a label too long for any name: refused without asking anyone
ROUTES = """\
Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	0102000A	0003	0	0	100	00000000	0	0	0
eth0	0002000A	00000000	0001	0	0	100	00FFFFFF	0	0	0
eth0	0003000A	0102000A	0003	0	0	100	00FFFFFF	0	0	0
tun0	010010AC	00000000	0005	0	0	50	FFFFFFFF	0	0	0
"""
_V6 = [  # destination, prefix length, next hop, interface
    ("20010db8000000010000000000000000", "40", "00000000000000000000000000000000", "eth0"),
    ("fe800000000000000000000000000000", "40", "00000000000000000000000000000000", "eth0"),
    ("00000000000000000000000000000000", "00", "fe800000000000000000000000000001", "eth0"),
    ("ff000000000000000000000000000000", "08", "00000000000000000000000000000000", "eth0"),
]
ROUTES_V6 = "".join(f"{to} {bits} {0:032x} 00 {hop} 00000100 00000001 00000000 00000001 {name:>8}\n" for to, bits, hop, name in _V6)


def test_attached_are_the_networks_without_a_gateway(tmp_path: Path) -> None:
    (tmp_path / "route").write_text(ROUTES)
    (tmp_path / "ipv6_route").write_text(ROUTES_V6)
    assert [str(network) for network in host.attached_networks(tmp_path)] == ["10.0.2.0/24", "172.16.0.1", "2001:db8:0:1::/64"]


def test_a_host_that_does_not_tell_is_attached_to_nothing(tmp_path: Path) -> None:
    assert host.attached_networks(tmp_path) == ()


def test_the_tables_of_this_host_can_be_read() -> None:
    assert parse("127.0.0.1") not in host.attached_networks()


@pytest.mark.parametrize("text", ["127.0.0.1", "::1"])
async def test_an_address_is_its_own(text: str) -> None:
    assert await host.resolve(text) == text


async def test_localhost_is_on_loopback() -> None:
    assert await host.resolve("localhost") in ("127.0.0.1", "::1")


async def test_a_name_that_does_not_resolve_is_unreachable_and_the_others_go_on() -> None:
    with pytest.raises(UnreachableError, match="does not resolve"):
        await host.resolve(NOBODY)
    intervals, unknown = await host.resolve_all([HostName("localhost"), HostName(NOBODY)])
    assert len(intervals) == 1
    assert unknown == (NOBODY,)


async def test_lookups_that_hang_can_be_given_up_and_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    server_is_back = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: server_is_back.wait() and [])
    hanging = [asyncio.create_task(host.resolve(f"printer-{number}.example.com")) for number in range(32)]
    await asyncio.sleep(0)
    with pytest.raises(UnreachableError, match="too many names"):
        await host.resolve("one-more.example.com")
    for task in hanging:
        task.cancel()
    assert all(isinstance(one, asyncio.CancelledError) for one in await asyncio.gather(*hanging, return_exceptions=True))
    with pytest.raises(UnreachableError, match="too many names"):  # their threads are still there
        await host.resolve("one-more.example.com")
    server_is_back.set()
    for thread in threading.enumerate():
        if thread.name.startswith("resolve "):
            thread.join()
