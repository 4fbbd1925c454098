"""The system's resolver, asked without the end of this program waiting for a name server that is gone.

Threads of the event loop are waited for when it closes, and a resolver may take half a minute to give up: longer than an agent has to stop.
"""

from __future__ import annotations

import asyncio
import socket
from concurrent.futures import Future
from threading import Thread
from typing import Any

from poller.errors import UnreachableError

_LOOKUPS_MAX = 32  # those given up on included, until the resolver gives up too

_lookups: set[Future[list[tuple[Any, ...]]]] = set()


async def addresses_of(name: str) -> tuple[str, ...]:
    """Return all addresses of a name, in the resolver's order (RFC 6724). Raises OSError, UnicodeError, UnreachableError."""
    return tuple(dict.fromkeys(str(one[4][0]) for one in await look_up(name)))


async def look_up(name: str) -> list[tuple[Any, ...]]:
    """Return what getaddrinfo(3) says, from a thread that nobody waits for. Raises OSError, UnicodeError, UnreachableError."""
    answer: Future[list[tuple[Any, ...]]] = Future()
    answer.set_running_or_notify_cancel()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(name, None, type=socket.SOCK_DGRAM)
        except Exception as error:  # noqa: BLE001  raised where it is awaited
            answer.set_exception(error)
        else:
            answer.set_result(found)

    if len(_lookups) >= _LOOKUPS_MAX:
        raise UnreachableError(name, reason="too many names are being looked up")
    Thread(target=ask, name=f"resolve {name}", daemon=True).start()
    _lookups.add(answer)
    answer.add_done_callback(_lookups.discard)
    return await asyncio.wrap_future(answer)
