"""zstd (RFC 8878), as the standard library has it from 3.14 on; and a decompressor that a few bytes cannot make fill the memory."""

from __future__ import annotations

import sys

from poller.errors import SealError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LEVEL = 3
"""Readings resemble each other so much that level 12 saves a tenth more and takes sixteen times as long."""

_WINDOW_LOG_MAX = 23
"""8 MiB: what a decompressor may have to remember, and as much as RFC 8878 section 3.1.1.1.2 asks every one to support."""


def compress(plain: bytes) -> bytes:
    """Return *plain* as one frame that states its content's size."""
    return zstd.compress(plain, LEVEL)


def decompress(packed: bytes, *, size: int) -> bytes:
    """Return the content of *packed*: exactly one frame of exactly *size* bytes, or SealError. Never holds more than that and a window."""
    decompressor = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _WINDOW_LOG_MAX})
    try:
        plain = decompressor.decompress(packed, max_length=size + 1)
    except zstd.ZstdError as error:
        raise SealError("what was sealed is not zstd, or wants a larger window than 8 MiB") from error
    if len(plain) != size or not decompressor.eof or decompressor.unused_data:
        raise SealError("what was sealed is not one zstd frame of the size its header states")
    return plain
