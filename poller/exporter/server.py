"""The HTTP server: which path shows what, and the rules that hold for every answer.

All of it is read-only, without cookies or log-in, and lives under whatever host name one comes by. Device text is hostile: pages are
escaped, and a content security policy lets a browser load nothing but this server's own style sheet, script and icon.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import platform
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain
from pathlib import Path

from aiohttp import hdrs, web, web_response
from aiohttp.http_exceptions import HttpProcessingError
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector, generate_latest

from poller import __version__, exposition
from poller.clock import Clock, SystemClock
from poller.engine.fleet import Fleet
from poller.errors import HostError
from poller.exporter import discovery, page, streaming
from poller.exporter.door import OPEN_PATH, Door
from poller.exporter.health import AgentStatus
from poller.exporter.probe import Probe, Prober
from poller.exposition import Sample

_SCRAPES_AT_ONCE_MAX = 4
_SEND_SECONDS = 15.0  # a Prometheus that is slower than its usual time limit of ten seconds has given up
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self';"
        " base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}

# What aiohttp calls itself where no handler of ours has a say (an answer to bytes that are no HTTP): without it, its and Python's versions.
web_response.SERVER_SOFTWARE = "poller"  # type: ignore[attr-defined]


class _GarbageIsNoNews(logging.Filter):
    """Drops aiohttp's tracebacks about requests that are no HTTP: any port scan would fill the log with them."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not (record.exc_info and isinstance(record.exc_info[1], (HttpProcessingError, ConnectionError)))


log = logging.getLogger(__name__)
log.addFilter(_GarbageIsNoNews())


class Exporter:
    """Serves the fleet at `listen` (host, port) between `start` and `close`.

    `samples` are everybody's `metrics`; `status` is the agent's health for the page; `probe` reads one device live; `is_ready` says
    whether there is something to see yet; `ports` are the SNMP ports of the ranges, where /sd needs them; `web_config_file` says who may
    look, and how.
    """

    def __init__(
        self,
        *,
        listen: tuple[str, int],
        fleet: Fleet,
        samples: Sequence[Callable[[], Iterable[Sample]]],
        status: Callable[[], AgentStatus],
        probe: Probe,
        is_ready: Callable[[], bool],
        ports: Mapping[str | None, int] | None = None,
        web_config_file: Path | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._host, self._port = listen
        self._fleet, self._status, self._is_ready = fleet, status, is_ready
        self._ports = {} if ports is None else ports
        self._clock = SystemClock() if clock is None else clock
        self._prober = Prober(probe, self._clock)
        self._door = Door(web_config_file, self._clock)
        self._samples = (*samples, self._prober.metrics, self._door.metrics, self._metrics)
        self._process = CollectorRegistry()
        ProcessCollector(registry=self._process)
        PlatformCollector(registry=self._process)
        self._pages = page.Pages()
        self._scrapes = 0
        self._scrape_seconds: float | None = None
        self._scrape_bytes = 0
        self._series_refused = 0
        self._threads: ThreadPoolExecutor | None = None
        self._runner: web.AppRunner | None = None

    # --- life ----------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Listen. Raises HostError, with a hint, when the port is taken or forbidden or the address is not this machine's.

        Raises ConfigError for a faulty web configuration file.
        """
        assert self._runner is None
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="exporter")
        self._runner = web.AppRunner(self.application(), access_log=None, logger=log, handle_signals=False, shutdown_timeout=2.0)
        await self._runner.setup()
        try:
            await self._door.open(self._host, self._port, self._runner, self._threads)
        except OSError as error:
            await self.close()
            raise _explain(error, self._host, self._port) from error
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Stop listening, let answers under way end within two seconds. May be called again."""
        await self._door.close()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)
            self._threads = None

    @property
    def port(self) -> int:
        """The port it listens on, which is the system's choice if 0 was asked for."""
        assert self._runner is not None
        port: int = self._runner.addresses[0][1]
        return port

    async def reload_web_config(self) -> None:
        """Go by the web configuration file as it is now; it is looked at every few seconds anyway."""
        await self._door.reload()

    def application(self) -> web.Application:
        """Return the routes; everything else is 404, every other method 405."""
        application = web.Application(middlewares=[self._door.middleware])
        application.on_response_prepare.append(self._set_headers)
        routes = {
            "/": self._overview,
            r"/printer/{id:[\s\S]+}": self._detail,
            "/metrics": self._scrape,
            "/probe": self._prober.answer,
            "/sd": self._discover,
            "/api/printers": self._readings,
            r"/api/printers/{id:[\s\S]+}": self._reading,
            OPEN_PATH: self._healthy,
            "/-/ready": self._ready,
        }
        for path, answer in routes.items():
            application.router.add_get(path, answer)
        for asset in page.ASSETS.values():
            application.router.add_get(asset.path, partial(_send_asset, asset))
        return application

    # --- for Prometheus ------------------------------------------------------------------------------------------------

    async def _scrape(self, request: web.Request) -> web.StreamResponse:
        if self._scrapes >= _SCRAPES_AT_ONCE_MAX:
            return web.Response(status=503, text="too many scrapes at once\n", headers={"Retry-After": "1"})
        self._scrapes += 1
        began_at = self._clock.monotonic()
        try:
            chunks = chain((self._own_metrics(),), self._fleet.families())
            response, self._scrape_bytes = await self._send(request, chunks, exposition.CONTENT_TYPE)
            return response
        finally:
            self._scrapes -= 1
            self._scrape_seconds = self._clock.monotonic() - began_at

    def _own_metrics(self) -> bytes:
        """Return the agent's and its process' metrics. All samples are rendered together, since a family must not come in two groups."""
        own = exposition.render(sample for samples in self._samples for sample in samples())
        self._series_refused += own.refused
        return own.text + generate_latest(self._process)

    def _metrics(self) -> Iterator[Sample]:
        yield Sample(exposition.POLLER_BUILD_INFO, 1, (__version__, platform.python_version()))
        yield Sample(exposition.POLLER_SERIES_REFUSED, self._series_refused, ("agent",))
        if self._scrape_seconds is not None:
            yield Sample(exposition.POLLER_SCRAPE_DURATION, self._scrape_seconds)
            yield Sample(exposition.POLLER_SCRAPE_BYTES, self._scrape_bytes)

    async def _discover(self, request: web.Request) -> web.StreamResponse:
        groups = discovery.targets(self._fleet.entries(), site=self._fleet.site, ports=self._ports)
        return await self._show(request, groups, "application/json; charset=utf-8")

    async def _healthy(self, request: web.Request) -> web.Response:
        return web.Response(text="healthy\n")

    async def _ready(self, request: web.Request) -> web.Response:
        return web.Response(text="ready\n") if self._is_ready() else web.Response(status=503, text="not ready\n")

    # --- for programs --------------------------------------------------------------------------------------------------

    async def _readings(self, request: web.Request) -> web.StreamResponse:
        lines = (entry.json + b"\n" for entry in self._fleet.entries() if entry.reading is not None)
        return await self._show(request, lines, "application/x-ndjson; charset=utf-8")

    async def _reading(self, request: web.Request) -> web.Response:
        entry = self._fleet.get(request.match_info["id"])
        if entry is None or entry.reading is None:
            raise web.HTTPNotFound(text="no reading of such a printer\n")
        return web.Response(body=entry.json + b"\n", content_type="application/json", charset="utf-8")

    # --- for people ----------------------------------------------------------------------------------------------------

    async def _overview(self, request: web.Request) -> web.StreamResponse:
        asked = page.Asked.from_query(request.query)
        view = partial(
            self._pages.overview, self._fleet.entries(), asked, status=self._status(), site=self._fleet.site, now_utc=self._clock.utc()
        )
        return await self._show(request, iter((await self._in_thread(view),)), "text/html; charset=utf-8")

    async def _detail(self, request: web.Request) -> web.StreamResponse:
        entry = self._fleet.get(request.match_info["id"])
        if entry is None:
            raise web.HTTPNotFound(text="no such printer\n")
        view = partial(self._pages.detail, entry, site=self._fleet.site, now_utc=self._clock.utc())
        return await self._show(request, iter((await self._in_thread(view),)), "text/html; charset=utf-8")

    # -------------------------------------------------------------------------------------------------------------------

    async def _send(self, request: web.Request, chunks: Iterator[bytes], content_type: str) -> tuple[web.StreamResponse, int]:
        assert self._threads is not None
        return await streaming.send(request, chunks, content_type, self._threads, timeout_seconds=_SEND_SECONDS)

    async def _show(self, request: web.Request, chunks: Iterator[bytes], content_type: str) -> web.StreamResponse:
        response, _ = await self._send(request, chunks, content_type)
        return response

    async def _in_thread(self, work: Callable[[], bytes]) -> bytes:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def _set_headers(self, request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(_HEADERS)
        self._door.set_headers(request, response)
        response.headers.setdefault(hdrs.CACHE_CONTROL, "no-store")
        response.headers.popall(hdrs.SERVER, None)


async def _send_asset(asset: page.Asset, request: web.Request) -> web.Response:
    return web.Response(
        body=asset.body,
        headers={hdrs.CONTENT_TYPE: asset.content_type, hdrs.CACHE_CONTROL: "public, max-age=31536000, immutable"},
    )


def _explain(error: OSError, host: str, port: int) -> HostError:
    """Say what an operator can do about a port that cannot be opened."""
    hints = {
        errno.EADDRINUSE: "another program has this port; set [exporter] listen to a free one",
        errno.EACCES: "ports below 1024 need the capability CAP_NET_BIND_SERVICE; set [exporter] listen to a higher one",
        errno.EADDRNOTAVAIL: "this machine has no such address; 0.0.0.0 is all it has",
        errno.EAFNOSUPPORT: "this machine has no such kind of address; 0.0.0.0 is all it has of IPv4",
    }
    is_unresolved = isinstance(error, socket.gaierror)
    hint = "the host name cannot be resolved" if is_unresolved else hints.get(error.errno or 0, error.strerror or str(error))
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return HostError(f"cannot listen on {where}", hint=hint)
