"""A relay on loopback between an agent and its central: the one place where everything can be done to a request that networks do to it.

It reads a request whole, then hands it, as a `Passage`, to whatever *treat* is at that moment. What that does not pass on, does not arrive.
Each request goes to central by a connection of its own, so that a cut hits nothing else.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

_HEAD_BYTES_MAX = 1 << 16
_LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)


class Message(NamedTuple):
    """A request or an answer as it travels."""

    head: bytes
    body: bytes

    @property
    def raw(self) -> bytes:
        return self.head + self.body

    @property
    def what(self) -> str:
        """The line it begins with, without its version: `POST /v1/heartbeat`."""
        return self.head.partition(b"\r\n")[0].rpartition(b" ")[0].decode()

    @property
    def is_batch(self) -> bool:
        return self.what.startswith("POST /v1/batches/")


class Link:
    """One connection to central."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def answer(self) -> Message:
        message = await _read(self._reader)
        if message is None:
            raise ConnectionResetError("central hung up")
        return message


class Passage:
    """One request on its way, and the connection of the agent it came by."""

    def __init__(self, request: Message, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, relay: Relay) -> None:
        self.request, self._reader, self._writer, self._relay = request, reader, writer, relay

    @asynccontextmanager
    async def to_central(self) -> AsyncIterator[Link]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._relay.central_port)
        try:
            yield Link(reader, writer)
        finally:
            writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()

    async def ask(self, request: Message | None = None) -> Message:
        """Return what central answers to this request, or to another."""
        async with self.to_central() as link:
            await link.send((request or self.request).raw)
            return await link.answer()

    async def reply(self, answer: Message | bytes) -> None:
        self._writer.write(answer if isinstance(answer, bytes) else answer.raw)
        await self._writer.drain()

    async def gone(self) -> None:
        """Return once the agent has hung up."""
        while await self._reader.read(_HEAD_BYTES_MAX):
            pass

    def cut(self) -> None:
        """End the agent's connection at once; what is written and not sent yet is lost."""
        self._writer.transport.abort()


Treat = Callable[[Passage], Awaitable[None]]


async def pass_on(passage: Passage) -> None:
    """What an honest proxy does."""
    await passage.reply(await passage.ask())


class Relay:
    """`async with relay.serving(): …`; `address` is known then. `central_port` and `treat` may be changed at any time."""

    def __init__(self, central_port: int, treat: Treat = pass_on) -> None:
        self.central_port, self.treat = central_port, treat
        self.address = ""
        self._open: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def serving(self, tls: ssl.SSLContext | None = None) -> AsyncIterator[Relay]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=_HEAD_BYTES_MAX, ssl=tls)
        self.address = f"{'http' if tls is None else 'https'}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()
            for task in self._open:
                task.cancel()
            await asyncio.gather(*self._open, return_exceptions=True)
            await server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                while (request := await _read(reader)) is not None and not writer.is_closing():
                    await self.treat(Passage(request, reader, writer, self))
        except asyncio.CancelledError:
            pass  # the relay ends
        finally:
            self._open.discard(task)
            writer.transport.abort()


async def _read(reader: asyncio.StreamReader) -> Message | None:
    """Return the next message; None at the end, or where it breaks off."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(head)
        return Message(head, await reader.readexactly(int(length[1])) if length else b"")
    except asyncio.IncompleteReadError:
        return None
