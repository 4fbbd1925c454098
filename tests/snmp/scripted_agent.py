"""An agent on loopback that does what a test says. A plain socket: asyncio's own transport sends no empty datagram."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

from poller.model import Credential, Secret, SnmpVersion, Target

Script = Callable[[bytes, int], Iterable[bytes]]
"""(request, how many came before) -> the datagrams to send back."""


class ScriptedAgent:
    def __init__(self, script: Script, sock: socket.socket) -> None:
        self.script = script
        self.requests: list[bytes] = []
        self.asker = ("", 0)
        self._sock = sock
        self.address: tuple[str, int] = sock.getsockname()[:2]

    def read(self) -> None:
        request, asker = self._sock.recvfrom(65_535)
        self.requests.append(request)
        self.asker = asker
        for reply in self.script(request, len(self.requests) - 1):
            self.send(reply, asker)

    def send(self, datagram: bytes, to: tuple[str, int]) -> None:
        self._sock.sendto(datagram, to)

    def target(self, *, version: SnmpVersion = "2c") -> Target:
        host, port = self.address
        return Target(address=host, port=port, credential=Credential(name="test", version=version, community=Secret("public")))


@asynccontextmanager
async def scripted(script: Script, host: str = "127.0.0.1") -> AsyncIterator[ScriptedAgent]:
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.bind((host, 0))
        agent = ScriptedAgent(script, sock)
        loop.add_reader(sock, agent.read)
        try:
            yield agent
        finally:
            loop.remove_reader(sock)
