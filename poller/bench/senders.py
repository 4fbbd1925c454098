"""The sending side of central's row: agents whose batches were sealed and signed before, each on a connection of its own.

Works through a folder with a file for every agent, the requests in it as they go over the wire, one after the other: what is measured is
the receiver. Each waits for its answer before its next, as an agent does.
"""

from __future__ import annotations

import asyncio
import struct
import time
from pathlib import Path

from poller.bench import children
from poller.bench.children import Figures

SIZE = struct.Struct(">I")
"""Before each request in a file: how many bytes it has."""


async def measure(folder: str, *ports: str) -> Figures:
    """Send everything in *folder*, the agents spread over *ports*."""
    contents = [file.read_bytes() for file in _files(folder)]
    waits: list[float] = []
    words: dict[bytes, int] = {}
    began_at = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for place, content in enumerate(contents):
            group.create_task(_send(memoryview(content), int(ports[place % len(ports)]), waits, words), name=f"sender-{place}")
    seconds = time.perf_counter() - began_at
    waits.sort()
    return {
        "seconds": seconds,
        "stored": words.get(b"stored", 0),
        "other": sum(words.values()) - words.get(b"stored", 0),
        "wait_ms_median": waits[len(waits) // 2] * 1e3,
        "wait_ms_max": waits[-1] * 1e3,
    }


def _files(folder: str) -> list[Path]:
    return sorted(Path(folder).iterdir())


async def _send(content: memoryview, port: int, waits: list[float], words: dict[bytes, int]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    at = 0
    while at < len(content):
        (size,) = SIZE.unpack_from(content, at)
        began_at = time.perf_counter()
        writer.write(content[at + SIZE.size : at + SIZE.size + size])
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
        body = await reader.readexactly(length)
        waits.append(time.perf_counter() - began_at)
        word = b"stored" if b'"stored"' in body else body[:60]
        words[word] = words.get(word, 0) + 1
        at += SIZE.size + size
    writer.close()
    await writer.wait_closed()


if __name__ == "__main__":
    children.answer(measure)
