"""A network in memory: agents that answer, or lose, delay, double and forge datagrams, in the time of a fake clock."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from ipaddress import ip_address

from poller.snmp import ber
from poller.snmp.message import read_frame
from tests.fake_clock import FakeClock

Heard = Callable[[int, str, int], bool]

NO_SUCH_NAME = 2


@dataclass(frozen=True)
class Agent:
    """How one device behaves. `answers` is how often it answers each question; `status` is an error-status it always gives."""

    community: str = "public"
    versions: tuple[int, ...] = (0, 1)
    delay_seconds: float = 0.001
    answers: int = 1
    status: int = 0
    answers_from: str | None = None


@dataclass(frozen=True)
class Sent:
    at: float
    address: str
    port: int
    datagram: bytes


@dataclass
class Network:
    """Satisfies `Sounder`; `sleep` is the time going by. `room` is how many datagrams the kernel takes between two sleeps."""

    clock: FakeClock
    agents: dict[str, Agent]
    port: int = 161
    loss: float = 0.0
    room: int | None = None
    heard: Heard = lambda request_id, address, port: False
    sent: list[Sent] = field(default_factory=list)
    refused: int = 0
    sleeps: int = 0
    on_sleep: Callable[[], object] = lambda: None

    def __post_init__(self) -> None:
        self._dice = random.Random(20261120)
        self._arriving: list[tuple[float, int, bytes, str]] = []
        self._room_left = self.room

    def send_many(self, datagrams: Sequence[bytes], addresses: Sequence[bytes], port: int) -> int:
        assert 0 < len(datagrams) == len(addresses) <= 256
        for number, (datagram, packed) in enumerate(zip(datagrams, addresses, strict=True)):
            if self._room_left is not None:
                if self._room_left == 0:
                    self.refused += 1
                    return number
                self._room_left -= 1
            address = str(ip_address(packed))
            self.sent.append(Sent(self.clock.monotonic(), address, port, datagram))
            agent = self.agents.get(address)
            if agent is not None and port == self.port and self._arrives() and (answer := respond(datagram, agent)) is not None:
                for _ in range(agent.answers):
                    if self._arrives():
                        self.deliver(answer, agent.answers_from or address, after_seconds=agent.delay_seconds)
        return len(datagrams)

    def deliver(self, datagram: bytes, address: str, *, after_seconds: float = 0.0) -> None:
        heappush(self._arriving, (self.clock.monotonic() + after_seconds, len(self.sent) + len(self._arriving), datagram, address))

    async def sleep(self, seconds: float) -> None:
        self.sleeps += 1
        assert self.sleeps < 200_000, "the sweep does not end"
        self.clock.advance(seconds if seconds > 0 else 0.0001)
        self._room_left = self.room
        while self._arriving and self._arriving[0][0] <= self.clock.monotonic():
            _, _, datagram, address = heappop(self._arriving)
            self.heard(read_frame(datagram).request_id, address, self.port)
        self.on_sleep()
        for _ in range(3):
            await asyncio.sleep(0)

    def times_asked(self) -> dict[str, int]:
        times: dict[str, int] = {}
        for one in self.sent:
            times[one.address] = times.get(one.address, 0) + 1
        return times

    def _arrives(self) -> bool:
        return self._dice.random() >= self.loss


def respond(datagram: bytes, agent: Agent) -> bytes | None:
    """Return what *agent* says to *datagram*, echoing its varbinds; None for a wrong community or version."""
    _, at, end = ber.read_header(datagram, 0, len(datagram))
    version, at = ber.read_integer(datagram, at, end)
    start, pdu = ber.read_element(datagram, at, end, tag=ber.OCTET_STRING)
    if datagram[start:pdu] != agent.community.encode() or version not in agent.versions:
        return None
    _, at, end = ber.read_header(datagram, pdu, end)
    _, at = ber.read_integer(datagram, at, end)
    answer = bytearray(datagram)
    answer[pdu], answer[at + 2] = 0xA2, agent.status
    return bytes(answer)
