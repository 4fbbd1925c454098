"""The other side of a scrape: fetches a page as Prometheus does, gzip and all, and counts what comes.

As a process it fetches once for every line it reads, so that the one that is measured need not start it in the middle.
"""

from __future__ import annotations

import sys
import urllib.request
import zlib
from http.client import HTTPException
from typing import NamedTuple

_TIMEOUT_SECONDS = 60.0
_GZIP = 16 + zlib.MAX_WBITS


class Page(NamedTuple):
    """What came: its text, and how many bytes it travelled as."""

    text: bytes
    wire_bytes: int


def fetch(url: str) -> Page:
    """Return the page at *url*. Raises OSError, and ValueError when it did not come as gzip."""
    request = urllib.request.Request(url, headers={"Accept-Encoding": "gzip"})  # noqa: S310  a URL of ours, on loopback
    with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310
        try:
            body = answer.read()
        except HTTPException as error:  # which is no OSError
            raise OSError(f"the page breaks off: {error}") from error
        if answer.headers["Content-Encoding"] != "gzip":
            raise ValueError("the page did not come as gzip")
    return Page(zlib.decompress(body, _GZIP), len(body))


if __name__ == "__main__":
    for line in sys.stdin:
        page = fetch(line.strip())
        print(len(page.text), page.wire_bytes, flush=True)
