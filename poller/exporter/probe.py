"""`/probe?target=&credential=`: one device, read live, for those who keep their list of printers in Prometheus.

The way of the multi-target exporters: 400 for a question that makes no sense, 200 with `probe_success` 0 for a device that does not
answer. A credential is named, never given: URLs are logged everywhere.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
from collections import Counter as Tally
from collections.abc import Awaitable, Callable, Iterable

from aiohttp import web

from poller import exposition
from poller.clock import Clock
from poller.errors import HostError, PollerError, PrinterError
from poller.exposition import Sample
from poller.model import Decoded
from poller.printers import gauges

Probe = Callable[[str, str | None, float], Awaitable[Decoded]]
"""Reads (target, credential name or None, timeout in seconds). Raises UnknownCredentialError, or PrinterError, HostError, TimeoutError."""

PORT_DEFAULT = 161  # SNMP, RFC 3417

_TIMEOUT_HEADER = "X-Prometheus-Scrape-Timeout-Seconds"
_OFFSET_SECONDS = 0.5  # what is left for the answer to travel, as in other exporters
_DEFAULT_SECONDS = 10.0
_LONGEST_SECONDS = 60.0
_AT_ONCE_MAX = 16

_HOST = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*")
_NAMED_OR_V4 = re.compile(r"(?P<host>[^:\[\]]+)(?::(?P<port>[0-9]{1,5}))?")
_BRACKETED = re.compile(r"\[(?P<host>[0-9A-Fa-f:.]+)\](?::(?P<port>[0-9]{1,5}))?")


class UnknownCredentialError(PollerError):
    """No credential of this name is configured."""


def split_target(text: str) -> tuple[str, int]:
    """Return (host, port) of an IP address or host name with an optional port, as in `10.1.2.3`, `[2001:db8::7]:1161`, `prn-7:161`.

    Raises ValueError for anything else, and for addresses that are nobody's: unspecified, multicast, broadcast.
    """
    found = _BRACKETED.fullmatch(text) or _NAMED_OR_V4.fullmatch(text)
    host, port = (found["host"], int(found["port"] or PORT_DEFAULT)) if found else (text, PORT_DEFAULT)
    if not 1 <= port <= 65535:
        raise ValueError("port out of range")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        if found is None or text.startswith("[") or _HOST.fullmatch(host) is None or host.rpartition(".")[2].isdigit():
            raise ValueError("neither an IP address nor a host name") from None
        return host, port
    if "%" in host or address.is_unspecified or address.is_multicast or address == ipaddress.IPv4Address("255.255.255.255"):
        raise ValueError("not the address of one device")
    return str(address), port


def join_target(address: str, port: int) -> str:
    """Return what `split_target` reads as (*address*, *port*): without a port where it is the usual one."""
    if port == PORT_DEFAULT:
        return address
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


class Prober:
    """Answers /probe; counts what became of each request."""

    def __init__(self, probe: Probe, clock: Clock) -> None:
        self._probe, self._clock = probe, clock
        self._under_way = 0
        self._results: Tally[str] = Tally()

    def metrics(self) -> Iterable[Sample]:
        for result, count in sorted(self._results.items()):
            yield Sample(exposition.POLLER_PROBES, count, (result,))

    async def answer(self, request: web.Request) -> web.Response:
        try:
            target, credential = _only(request, "target"), _only(request, "credential", required=False)
            assert target is not None
            split_target(target)
            timeout_seconds = _timeout_seconds(request.headers.get(_TIMEOUT_HEADER))
        except ValueError as fault:
            return self._refuse(str(fault))
        if self._under_way >= _AT_ONCE_MAX:
            self._results["busy"] += 1
            return web.Response(status=503, text="too many probes at once\n", headers={"Retry-After": "1"})
        self._under_way += 1
        began_at = self._clock.monotonic()
        try:
            async with asyncio.timeout(timeout_seconds):
                decoded = await self._probe(target, credential, timeout_seconds)
        except UnknownCredentialError:
            return self._refuse("credential: no such name is configured")
        except (PrinterError, HostError, TimeoutError, OSError) as error:
            body = [f"# {error.kind if isinstance(error, PrinterError) else 'no_answer'}\n".encode()]
            is_read = False
        else:
            lines = gauges.render(decoded, site=None)
            body = [exposition.header(metric) + text for metric, text in zip(gauges.FAMILIES, lines, strict=True) if text]
            is_read = True
        finally:
            self._under_way -= 1
        self._results["ok" if is_read else "failed"] += 1
        own = exposition.render(
            (
                Sample(exposition.PROBE_SUCCESS, is_read),
                Sample(exposition.PROBE_DURATION_SECONDS, self._clock.monotonic() - began_at),
            )
        )
        return web.Response(body=b"".join(body) + own.text, headers={"Content-Type": exposition.CONTENT_TYPE})

    def _refuse(self, fault: str) -> web.Response:
        self._results["refused"] += 1
        return web.Response(status=400, text=f"{fault}\n")


def _only(request: web.Request, name: str, *, required: bool = True) -> str | None:
    values = request.query.getall(name, [])
    if len(values) > 1 or (required and not values):
        raise ValueError(f"{name}: want it once, got it {len(values)} times")
    return values[0] if values else None


def _timeout_seconds(header: str | None) -> float:
    """Return how long to wait for the device: Prometheus' own limit less what the answer needs to get there."""
    if header is None:
        return _DEFAULT_SECONDS
    try:
        seconds = float(header)
    except ValueError:
        seconds = 0.0
    if not 0.0 < seconds < float("inf"):
        raise ValueError(f"{_TIMEOUT_HEADER}: want a number of seconds")
    return min(max(seconds - _OFFSET_SECONDS, seconds / 2), _LONGEST_SECONDS)
