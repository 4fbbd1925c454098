"""The receiver of notifications on loopback: what it takes, what it answers, and how little of a flood it looks at."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest

from poller import exposition
from poller.errors import HostError
from poller.logs import as_dict
from poller.model import Credential
from poller.snmp import quota, traps, v3
from poller.snmp.gate import Believed, Gate, Refused
from poller.snmp.message import decode
from poller.snmp.notification import DATAGRAM_OCTETS_MAX, Notification
from poller.snmp.traps import Traps
from tests.fake_clock import FakeClock
from tests.snmp.notifications import INFORM, MONITOR, OWN_ID, PUBLIC, credential, v1_trap, v2_notification, v3_inform, v3_trap
from tests.snmp.test_socket import until

pytestmark = pytest.mark.both_loops


class Ear:
    """Remembers what it hears; every address is known whose last octet is below 100."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, Notification]] = []

    def is_known(self, address: str) -> bool:
        return address.startswith("127.") and int(address.rpartition(".")[2]) < 100

    def hear(self, sender: str, notification: Notification) -> str:
        self.heard.append((sender, notification))
        return "polled"


class CountingGate(Gate):
    opened = 0

    def open(self, datagram: bytes, sender: str, now_at: float) -> Believed | Refused:
        self.opened += 1
        return super().open(datagram, sender, now_at)


class Bench:
    def __init__(self, clock: FakeClock, host: str = "127.0.0.1", *credentials: Credential) -> None:
        believed = credentials or (PUBLIC, credential(MONITOR))
        self.ear, self.clock = Ear(), clock
        self.gate = CountingGate(believed, engine_id=OWN_ID, boots=7, now_at=clock.monotonic(), salt=1)
        self.traps = Traps(self.gate, self.ear, listen=(host, 0), monotonic=clock.monotonic)

    def results(self) -> dict[tuple[str, str], int]:
        return self.traps.status().results

    def count(self) -> int:
        status = self.traps.status()
        return sum(status.results.values()) + sum(status.dropped.values())


@asynccontextmanager
async def listening(clock: FakeClock, host: str = "127.0.0.1", *credentials: Credential) -> AsyncIterator[Bench]:
    bench = Bench(clock, host, *credentials)
    async with bench.traps:
        yield bench


@contextmanager
def printer(address: str = "127.0.0.7") -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.bind((address, 0))
        yield sock


async def answer(sock: socket.socket) -> bytes:
    received: list[bytes] = []

    def take() -> bool:
        try:
            received.append(sock.recv(65_535))
        except BlockingIOError:
            return False
        return True

    await until(take)
    return received[0]


async def test_traps_of_every_version_are_heard_with_their_sender(clock: FakeClock) -> None:
    async with listening(clock) as bench:
        with printer() as sock:
            for datagram in (v1_trap(), v2_notification(), v3_trap()):
                sock.sendto(datagram, ("127.0.0.1", bench.traps.port))
            await until(lambda: len(bench.ear.heard) == 3)
        assert [(sender, one.version) for sender, one in bench.ear.heard] == [("127.0.0.7", version) for version in ("1", "2c", "3")]
        assert bench.results() == {("1", "polled"): 1, ("2c", "polled"): 1, ("3", "polled"): 1}
        assert bench.traps.status().senders == 1


@pytest.mark.parametrize("sender, known_as", [("127.0.0.7", "127.0.0.7"), ("::1", "::1")])
async def test_both_ip_versions_arrive_at_one_socket(clock: FakeClock, sender: str, known_as: str) -> None:
    async with listening(clock, "::") as bench:
        with printer(sender) as sock:
            sock.sendto(v2_notification(INFORM), ("::1" if ":" in sender else "127.0.0.1", bench.traps.port))
            assert decode(await answer(sock)).request_id == 77
        assert [sender for sender, _ in bench.ear.heard] == [known_as]


async def test_an_inform_by_v3_is_answered_and_its_sender_told_our_engine_before(clock: FakeClock) -> None:
    async with listening(clock) as bench:
        with printer() as sock:
            sock.sendto(v3.encode_discovery().with_request_id(0x1122_3344), ("127.0.0.1", bench.traps.port))
            told = v3.read_message(await answer(sock))
            assert told.engine_id == OWN_ID
            sock.sendto(v3_inform(MONITOR, told.boots, told.seconds), ("127.0.0.1", bench.traps.port))
            assert v3.read_message(await answer(sock)).flags == v3.AUTH | v3.PRIV
        assert bench.results() == {("3", "engine"): 1, ("3", "polled"): 1}


async def test_what_is_not_believed_is_counted_never_heard_never_answered_and_named_once_a_minute(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    async with listening(clock) as bench:
        with printer() as sock:
            to = ("127.0.0.1", bench.traps.port)
            for _ in range(3):
                sock.sendto(v2_notification(INFORM, community=b"an invented secret"), to)
            for datagram in (b"", b"\x30", bytes(1000), v1_trap()[:-1], v2_notification() + bytes(DATAGRAM_OCTETS_MAX)):
                sock.sendto(datagram, to)
            await until(lambda: bench.count() == 8)
            with pytest.raises(BlockingIOError):
                sock.recv(100)
        assert bench.results() == {("2c", "community"): 3, ("", "garbled"): 4, ("1", "garbled"): 1}
        assert bench.ear.heard == []
        lines = [as_dict(record) for record in caplog.records if getattr(record, "event", "") == "notification.refused"]
        assert [(line["reason"], line["sender"]) for line in lines] == [("community", "127.0.0.7")]
        assert "invented" not in caplog.text


# --- a flood -----------------------------------------------------------------------------------------------------------


def fill(sock: socket.socket, port: int, datagram: bytes, count: int) -> None:
    for _ in range(count):
        sock.sendto(datagram, ("127.0.0.1", port))


@pytest.mark.parametrize(
    "datagram",
    [v2_notification(), v2_notification(community=b"x"), b"\x30" + bytes(40), v3_trap()],
    ids=["believed", "refused", "garbage", "sealed"],
)
async def test_one_turn_of_the_loop_takes_no_more_than_its_share(
    clock: FakeClock, datagram: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = 0
    take = Traps._take

    def counting(self: Traps, *arguments: object) -> None:
        nonlocal taken
        taken += 1
        take(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Traps, "_take", counting)
    monkeypatch.setattr(traps, "REST_SECONDS", 3600.0)  # nothing resumes by itself
    async with listening(clock) as bench:
        with printer() as sock:
            fill(sock, bench.traps.port, datagram, 200)
            for _ in range(50):
                await asyncio.sleep(0)
        assert taken == traps.DATAGRAMS_PER_TURN_MAX
        assert bench.gate.opened <= quota.SOURCE_BURST
        bench.traps._resume()
        await until(lambda: taken > traps.DATAGRAMS_PER_TURN_MAX)
        for _ in range(50):
            await asyncio.sleep(0)
        assert taken == 2 * traps.DATAGRAMS_PER_TURN_MAX
        assert bench.gate.opened <= quota.SOURCE_BURST  # no time has passed


async def test_a_flood_by_strangers_does_not_cost_a_printer_its_allowance(clock: FakeClock) -> None:
    async with listening(clock) as bench:
        with printer("127.0.0.200") as stranger, printer() as sock:
            for _ in range(4):
                before = bench.count()
                fill(stranger, bench.traps.port, v2_notification(), 100)
                await until(lambda before=before: bench.count() >= before + 100)
            sock.sendto(v1_trap(), ("127.0.0.1", bench.traps.port))
            await until(lambda: bench.results().get(("1", "polled")))
        assert bench.results()["2c", "polled"] == 2 * quota.STRANGERS_PER_SECOND
        assert bench.traps.status().dropped == {"strangers": 200}


async def test_what_the_kernel_had_no_room_for_is_counted(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traps, "_RECEIVE_BUFFER_BYTES", 4096)
    async with listening(clock) as bench:
        with printer() as sock:
            fill(sock, bench.traps.port, v1_trap(), 500)
            await until(lambda: bench.count() > 0)
            sock.sendto(v1_trap(), ("127.0.0.1", bench.traps.port))  # the count comes with the next that arrives
            await until(lambda: bench.traps.status().dropped.get("kernel"))
            await until(lambda: bench.count() == 501)


async def test_metrics_are_of_the_catalogue_and_name_nobody(clock: FakeClock) -> None:
    async with listening(clock) as bench:
        with printer() as sock:
            fill(sock, bench.traps.port, v1_trap(), 40)
            await until(lambda: bench.count() == 40)
        text = exposition.render(bench.traps.metrics()).text.decode()
    assert 'poller_notifications_total{version="1",result="polled"} 20' in text
    assert 'poller_notifications_dropped_total{reason="source"} 20' in text
    assert "poller_notifications_listening 1" in text
    assert "127.0.0" not in text
    assert "poller_notifications_listening 0" in exposition.render(bench.traps.metrics()).text.decode()


# --- the host ----------------------------------------------------------------------------------------------------------


async def test_a_port_in_use_says_what_to_do(clock: FakeClock) -> None:
    with printer("127.0.0.1") as sock:
        one = Bench(clock)
        one.traps._listen = sock.getsockname()
        with pytest.raises(HostError, match="does another program receive traps there"):
            async with one.traps:
                raise AssertionError("it must not begin")
