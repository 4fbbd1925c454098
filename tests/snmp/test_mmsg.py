"""Many datagrams in one system call, on loopback."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator

import pytest

from poller.snmp.mmsg import BATCH_MAX, ManySender

LOOPBACK = {socket.AF_INET: b"\x7f\x00\x00\x01", socket.AF_INET6: bytes(15) + b"\x01"}


class Way:
    """A sender, and a socket that listens on each of its addresses."""

    def __init__(self, family: socket.AddressFamily) -> None:
        self.family = family
        self.failures: list[int | None] = []
        self.listener, self.sock = socket.socket(family, socket.SOCK_DGRAM), socket.socket(family, socket.SOCK_DGRAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.listener.bind(("0.0.0.0" if family == socket.AF_INET else "::1", 0))
        self.listener.setblocking(False)
        self.sock.setblocking(False)
        self.port: int = self.listener.getsockname()[1]
        self.sender = ManySender(self.sock, lambda error: self.failures.append(error.errno))

    def send(self, datagrams: list[bytes], addresses: list[bytes] | None = None) -> int:
        return self.sender.send(datagrams, addresses or [LOOPBACK[self.family]] * len(datagrams), self.port)

    def received(self) -> list[bytes]:
        found = []
        while True:
            try:
                found.append(self.listener.recv(2048))
            except BlockingIOError:
                return found

    def close(self) -> None:
        self.listener.close()
        self.sock.close()


@pytest.fixture(params=[socket.AF_INET, socket.AF_INET6], ids=["ipv4", "ipv6"])
def way(request: pytest.FixtureRequest) -> Iterator[Way]:
    try:
        made = Way(request.param)
    except OSError as error:
        pytest.skip(f"this host has no such address family: {error.strerror}")
    yield made
    made.close()


@pytest.fixture
def ipv4() -> Iterator[Way]:
    made = Way(socket.AF_INET)
    yield made
    made.close()


@pytest.mark.parametrize("count", [1, 2, 255, BATCH_MAX])
def test_every_datagram_of_a_batch_arrives_in_order(way: Way, count: int) -> None:
    datagrams = [number.to_bytes(4, "big") * 11 for number in range(count)]
    assert way.send(datagrams) == count
    assert way.received() == datagrams


def test_batches_of_changing_size_and_number_do_not_mix(way: Way) -> None:
    for size, count in ((43, 9), (60, 3), (43, 200), (512, 5), (1, 2)):
        datagrams = [bytes([number]) * size for number in range(count)]
        assert way.send(datagrams) == count
        assert way.received() == datagrams


@pytest.mark.parametrize("datagrams", [[b"a", b"bb", b"ccc"], [b"x" * 1400] * 3], ids=["unequal", "large"])
def test_what_does_not_suit_one_call_goes_one_by_one(way: Way, datagrams: list[bytes]) -> None:
    assert way.send(datagrams) == 3
    assert way.received() == datagrams


def test_each_datagram_goes_to_the_address_beside_it() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        listeners = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(3)]
        listeners[0].bind(("127.0.0.1", 0))
        port = listeners[0].getsockname()[1]
        for number, listener in enumerate(listeners[1:], start=2):
            listener.bind((f"127.0.0.{number}", port))
        addresses = [bytes((127, 0, 0, number)) for number in (3, 1, 2)]
        assert ManySender(sock, print).send([b"three", b"uno..", b"two.."], addresses, port) == 3
        assert [listener.recv(99) for listener in listeners] == [b"uno..", b"two..", b"three"]
        for listener in listeners:
            listener.close()


@pytest.mark.parametrize("is_native", [True, False], ids=["sendmmsg", "one by one"])
def test_a_refused_datagram_is_told_of_and_the_rest_still_goes(ipv4: Way, is_native: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not is_native:
        monkeypatch.setattr(ipv4.sender, "_sendmmsg", None)
    broadcast = bytes((127, 255, 255, 255))  # of the loopback network; the kernel wants SO_BROADCAST
    home = LOOPBACK[socket.AF_INET]
    assert ipv4.send([b"a", b"b", b"c", b"d"], [broadcast, home, broadcast, home]) == 4
    assert ipv4.received() == [b"b", b"d"]
    assert ipv4.failures == [errno.EACCES, errno.EACCES]


def test_without_room_in_the_kernel_it_says_how_many_went() -> None:
    """UDP on loopback never fills up, since sending is delivering there; a pair of Unix sockets does at once."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    home = LOOPBACK[socket.AF_INET]
    with ours, theirs:
        ours.setblocking(False)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
        sender = ManySender(ours, print)
        for message in sender._messages:
            message.hdr.name, message.hdr.namelen = None, 0  # it is connected
        sent = sender.send([b"x" * 100] * BATCH_MAX, [home] * BATCH_MAX, 9)
        assert 0 < sent < BATCH_MAX
        assert sender.send([b"x" * 100], [home], 9) == 0
        for _ in range(sent):
            assert len(theirs.recv(200)) == 100
        assert sender.send([b"x" * 100], [home], 9) == 1


@pytest.mark.parametrize("count", [1, 2, 256])
def test_datagrams_of_any_length_arrive_whole_and_in_order(way: Way, count: int) -> None:
    datagrams = [bytes([number % 251]) * (1 + 37 * number % 1400) for number in range(count)]
    names = [way.sender.name(LOOPBACK[way.family], way.port)] * count
    assert way.sender.send_mixed(datagrams, names) == (count, [])
    assert way.received() == datagrams


def test_a_datagram_too_long_for_a_batch_is_sent_all_the_same(way: Way) -> None:
    datagrams = [b"a" * 1800, b"b"]
    assert way.sender.send_mixed(datagrams, [way.sender.name(LOOPBACK[way.family], way.port)] * 2) == (2, [])
    assert [len(datagram) for datagram in way.received()] == [1800, 1]


def test_one_the_kernel_refuses_is_named_and_the_others_go(ipv4: Way) -> None:
    good = ipv4.sender.name(LOOPBACK[socket.AF_INET], ipv4.port)
    done, refused = ipv4.sender.send_mixed([b"a", b"bb", b"c"], [good, ipv4.sender.name(LOOPBACK[socket.AF_INET], 0), good])
    assert done == 3
    assert [(place, error.errno) for place, error in refused] == [(1, errno.EINVAL)]
    assert ipv4.received() == [b"a", b"c"]
