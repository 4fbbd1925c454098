"""How one gets in: the port, TLS on it, who has to log in, and the web configuration file that says so, read again when it changes.

TLS takes its certificate anew for every connection, from whatever file was read last: nothing is closed and opened for it, and connections
made under an old one end with their next answer. A file that has become faulty changes nothing but a metric and one line in the log: the
last good one goes on.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Iterator
from concurrent.futures import Executor
from datetime import datetime
from pathlib import Path
from typing import Any

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from poller import exposition
from poller.clock import Clock
from poller.config import web_config
from poller.config.web_config import WebFile
from poller.errors import ConfigError
from poller.exporter.guard import Guard, LogInRefusedError
from poller.exposition import Sample
from poller.logs import emit

log = logging.getLogger(__name__)

OPEN_PATH = "/-/healthy"
"""The one page without a log-in: it tells nothing but that the agent lives, and a container's health check has no password to give."""

_LOOK_SECONDS = 5.0

_Mark = tuple[tuple[int, ...] | None, ...]
"""What tells that one of several files is another: inode, size and times of each, None for one that is not there."""


class _Changing(ssl.SSLContext):
    """A context that opens each connection with the one that holds at that moment."""

    now: ssl.SSLContext

    def wrap_bio(self, *arguments: Any, **options: Any) -> ssl.SSLObject:
        return self.now.wrap_bio(*arguments, **options)


class Door:
    """Listens for the application of a runner. `path` is the web configuration file, None for an open door."""

    def __init__(self, path: Path | None, clock: Clock) -> None:
        self._path = path
        self._guard = Guard(clock)
        self._headers: dict[str, str] = {}
        self._files: tuple[Path, ...] = () if path is None else (path,)
        self._mark: _Mark = ()
        self._faults: tuple[str, ...] = ()
        self._expires_utc: datetime | None = None
        self._changing: _Changing | None = None
        self._threads: Executor | None = None
        self._watching: asyncio.Task[None] | None = None

    # --- life ----------------------------------------------------------------------------------------------------------

    async def open(self, host: str, port: int, runner: web.AppRunner, threads: Executor) -> None:
        """Listen at *host*:*port*; files are read on *threads*.

        Raises ConfigError for a faulty web configuration file, OSError when the port cannot be had.
        """
        self._threads = threads
        file = await self._look()
        if file is not None:
            if file.config is None:
                raise ConfigError(file.faults)
            if file.context is not None:
                self._changing = _Changing(ssl.PROTOCOL_TLS_SERVER)
            self._take(file)
        await web.TCPSite(runner, host, port, ssl_context=self._changing).start()
        if self._path is not None:
            self._watching = asyncio.create_task(self._watch(), name="web-config")

    async def close(self) -> None:
        """Look at the file no more; the runner stops listening. May be called again."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait({self._watching})
            self._watching = None
        self._guard.close()

    # --- for every request ---------------------------------------------------------------------------------------------

    def set_headers(self, request: web.Request, response: web.StreamResponse) -> None:
        """Add what the file asks for; end a connection of another time, so that nobody keeps to a certificate or authority that is gone."""
        response.headers.update(self._headers)
        connection = None if request.transport is None else request.transport.get_extra_info("ssl_object")
        if connection is not None and self._changing is not None and connection.context is not self._changing.now:
            response.force_close()
            response.headers[hdrs.CONNECTION] = "close"

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer who has logged in, or need not."""
        resource = request.match_info.route.resource
        if not self._guard.is_open and (resource is None or resource.canonical != OPEN_PATH):
            try:
                await self._guard.admit(request.headers.get(hdrs.AUTHORIZATION))
            except LogInRefusedError as error:
                return _refusal(error.reason)
        return await handler(request)

    def metrics(self) -> Iterator[Sample]:
        if self._path is not None:
            yield Sample(exposition.POLLER_WEB_CONFIG_RELOAD_SUCCESSFUL, not self._faults)
        if self._expires_utc is not None:
            yield Sample(exposition.POLLER_EXPORTER_CERTIFICATE_EXPIRY, self._expires_utc.timestamp())
        yield from self._guard.metrics()

    # --- the file ------------------------------------------------------------------------------------------------------

    async def reload(self) -> None:
        """Look whether the file, or one that it names, has changed, and go by it. A faulty one is told of once and changes nothing."""
        file = await self._look()
        if file is None:
            return
        faults = file.faults
        if file.config is not None and (file.context is None) != (self._changing is None):
            faults = (f"{self._path}: TLS turned on or off; that takes a restart",)
        if faults:
            if faults != self._faults:
                emit(log, logging.ERROR, "web_config.refused", file=str(self._path), faults=list(faults))
            self._faults = faults
            return
        self._take(file)
        emit(log, logging.INFO, "web_config.taken", file=str(self._path))

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            await self.reload()

    async def _look(self) -> WebFile | None:
        """Return the file if it, or one of those it named when last read, is another than then."""
        if self._path is None:
            return None
        path, files, before = self._path, self._files, self._mark

        def look() -> tuple[WebFile, _Mark] | None:
            now = tuple(map(_mark_of, files))
            if now == before:
                return None
            file = web_config.read(path)
            marks = dict(zip(files, now, strict=True))  # taken before they were read: what changes meanwhile is another the next time
            return file, tuple(marks[one] if one in marks else _mark_of(one) for one in file.files)

        found = await asyncio.get_running_loop().run_in_executor(self._threads, look)
        if found is None:
            return None
        file, self._mark = found
        self._files = file.files
        return file

    def _take(self, file: WebFile) -> None:
        assert file.config is not None
        self._faults, self._headers, self._expires_utc = (), file.config.headers, file.expires_utc
        if self._changing is not None and file.context is not None:
            self._changing.now = file.context
        self._guard.use(file.config.users)
        for warning in file.warnings:
            emit(log, logging.WARNING, "config.warning", text=warning)


def _mark_of(path: Path) -> tuple[int, ...] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _refusal(reason: str) -> web.Response:
    if reason == "too_many":
        return web.Response(status=429, text="too many log-ins; try again\n", headers={hdrs.RETRY_AFTER: "1"})
    ask = {hdrs.WWW_AUTHENTICATE: 'Basic realm="poller", charset="UTF-8"'}
    return web.Response(status=401, text="log in\n", headers=ask)
