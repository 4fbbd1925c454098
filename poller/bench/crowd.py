"""The simulated printers of a bench: who they are, and how all of them are asked by a fixed crew."""

from __future__ import annotations

import time
from asyncio import TaskGroup
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import TypeVar

from poller.model import Credential, Secret, Target
from poller.networks import Interval, address_text

T = TypeVar("T")

PUBLIC = Credential(name="public", version="2c", community=Secret("public"))

_FIRST = 127 << 24 | 20 << 16 | 1  # 127.20.0.1, the first that peers.py asks
_PRINTERS_MAX = 65_535


def crowd(count: int) -> Interval:
    """Return the addresses of *count* printers, those peers.py asks."""
    assert 0 < count <= _PRINTERS_MAX
    return Interval(4, _FIRST, _FIRST + count - 1)


def targets(count: int, port: int) -> list[Target]:
    """Return how to ask them."""
    among = crowd(count)
    return [Target(address=address_text(4, value), port=port, credential=PUBLIC) for value in range(among.first, among.last + 1)]


def answering(among: Interval, one_in: int) -> set[str]:
    """Return the addresses at which `fleetsim -d ONE_IN` answers: a fixed hash of the address says which, without any loss."""
    return {address_text(4, value) for value in range(among.first, among.last + 1) if _mix(value) % one_in == 0}


async def ask_all(items: Iterable[T], work: Callable[[T], Awaitable[None]], *, workers: int) -> None:
    """Do *work* for each of *items*, so many at a time."""
    waiting: Iterator[T] = iter(items)

    async def go_on() -> None:
        for item in waiting:
            await work(item)

    async with TaskGroup() as crew:
        for number in range(workers):
            crew.create_task(go_on(), name=f"bench-{number}")


def cpu_seconds() -> float:
    """Return what this process has used so far, in its own code and in the kernel's on its behalf."""
    return time.process_time()


def _mix(value: int) -> int:
    """fleetsim's hash of a 32-bit number."""
    value ^= value >> 16
    value = value * 0x7FEB352D & 0xFFFF_FFFF
    value ^= value >> 15
    value = value * 0x846CA68B & 0xFFFF_FFFF
    return value ^ value >> 16
