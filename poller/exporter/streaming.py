"""Sends a long answer piece by piece, so that ten thousand printers neither fill memory nor hold up the event loop.

Pieces are rendered and compressed on a thread, a quarter of a megabyte at a time; the loop only writes them.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Iterator
from concurrent.futures import Executor

from aiohttp import hdrs, web

_PIECE_BYTES = 256 * 1024
_LEVEL = 1  # metric text is so repetitive that level 6 saves a fifth of the bytes for three times the work
_GZIP = 16 + zlib.MAX_WBITS


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether the client takes gzip; RFC 9110 section 12.5.3. A weight of 0 is a no."""
    weights: dict[str, bool] = {}
    for part in accept_encoding.lower().split(","):
        coding, _, parameter = part.partition(";")
        weight = parameter.strip().removeprefix("q=").strip()
        weights[coding.strip()] = weight.rstrip("0") not in ("0.", ".") and weight != "0"
    return weights.get("gzip", weights.get("*", False))


class Squeeze:
    """Turns chunks of text into the bytes of a body, as they come or as one gzip stream."""

    def __init__(self, chunks: Iterator[bytes], *, gzip: bool) -> None:
        self._chunks = chunks
        self._gzip = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP) if gzip else None
        self.bytes_in = 0
        self.is_done = False

    def next_piece(self) -> bytes:
        """Return the next bytes to send, b"" when the compressor keeps them for now. Runs on a thread, never on two at once."""
        pieces: list[bytes] = []
        until = self.bytes_in + _PIECE_BYTES
        for chunk in self._chunks:
            self.bytes_in += len(chunk)
            pieces.append(chunk if self._gzip is None else self._gzip.compress(chunk))
            if self.bytes_in >= until:
                return b"".join(pieces)
        self.is_done = True
        if self._gzip is not None:
            pieces.append(self._gzip.flush())
        return b"".join(pieces)


async def send(
    request: web.Request, chunks: Iterator[bytes], content_type: str, threads: Executor, *, timeout_seconds: float
) -> tuple[web.StreamResponse, int]:
    """Answer *request* with *chunks*; return the answer and how many bytes it had before compression.

    Raises TimeoutError when the client reads too slowly: the answer then breaks off, which Prometheus counts as a failed scrape.
    """
    gzip = accepts_gzip(request.headers.get(hdrs.ACCEPT_ENCODING, ""))
    response = web.StreamResponse(headers={hdrs.CONTENT_TYPE: content_type, hdrs.VARY: hdrs.ACCEPT_ENCODING})
    if gzip:
        response.headers[hdrs.CONTENT_ENCODING] = "gzip"
    squeeze = Squeeze(chunks, gzip=gzip)
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(timeout_seconds):
        await response.prepare(request)
        while request.method != hdrs.METH_HEAD and not squeeze.is_done:
            piece = await loop.run_in_executor(threads, squeeze.next_piece)
            if piece:
                await response.write(piece)
        await response.write_eof()
    return response, squeeze.bytes_in
