"""`poller central serve`: the parts of central built, wired and stopped in order. Its composition root.

Starting: keys, database (made or migrated), then the two ports. Stopping: no new connection, what has arrived is answered within its
budget, then the database closes. Killed at any point, it has told "stored" of nothing it does not have.
"""

from __future__ import annotations

import asyncio
import errno
import logging
from concurrent.futures import ThreadPoolExecutor

from aiohttp import web, web_response
from aiohttp.http_exceptions import HttpProcessingError

from poller import __version__, exposition
from poller.central.devices.jobs import Jobs
from poller.central.devices.processing import Devices
from poller.central.keys import Keys
from poller.central.meters.closing import Closer
from poller.central.receiving.api import Api
from poller.central.receiving.intake import Intake
from poller.central.receiving.quota import Quota
from poller.central.receiving.receive import OPENING_THREADS, Receiver
from poller.central.receiving.settings import Settings
from poller.central.sending.post import channels_of
from poller.central.sending.sender import Sender
from poller.central.sending.ways import ways_of
from poller.central.store.database import Database
from poller.central.supplies.requestdesk import parcel_sent
from poller.central.supplies.tending import Tending
from poller.central.supplies.watching import Watching
from poller.central.tally import Tally
from poller.central.upkeep import Upkeep
from poller.central.values import Config
from poller.clock import Clock
from poller.config import Listen
from poller.errors import HostError
from poller.logs import INFO, WARNING, emit

log = logging.getLogger(__name__)
_http_log = logging.getLogger(f"{__name__}.http")

IDLE_SECONDS = 75.0  # for the head of a request to arrive, and between two of one connection
_LINGER_SECONDS = 1.0  # what was refused is read no further than this, so that the refusal arrives
_DRAIN_SECONDS = 5.0

# What aiohttp calls itself where no handler of ours has a say.
web_response.SERVER_SOFTWARE = "poller"  # type: ignore[attr-defined]


class _GarbageIsNoNews(logging.Filter):
    """Drops tracebacks about requests that are no HTTP, and about whoever hangs up."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not (record.exc_info and isinstance(record.exc_info[1], (HttpProcessingError, ConnectionError)))


_http_log.addFilter(_GarbageIsNoNews())


class Central:
    """`run` it once, until *stop*."""

    def __init__(self, config: Config, clock: Clock) -> None:
        self._config, self._clock = config, clock
        self.started = asyncio.Event()
        """Set once both ports listen."""
        self.keys = Keys(config.keys_folder)
        self.database: Database | None = None
        """Open while it runs."""
        self._runners: list[web.AppRunner] = []
        self._receiver: Receiver | None = None
        self._is_stopping = False
        self.port = 0
        """Where agents come to; known once it has started, and the system's choice if 0 was asked for."""
        self.metrics_port: int | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until *stop*, then finish what is under way. Raises HostError, ConfigError when it cannot start."""
        for warning in self._config.warnings:
            emit(log, WARNING, "config.warning", text=warning)
        self.keys.load()
        self.database = database = Database.open(self._config.database.url.reveal())
        threads = ThreadPoolExecutor(max_workers=OPENING_THREADS, thread_name_prefix="opening")
        try:
            await database.migrate()
            upkeep = Upkeep(database, self._config.retention, self._clock, threads)
            await upkeep.tidy()
            ways = ways_of(self._config, self._clock)
            tally = await self._listen(database, threads)
            sender = Sender(database, self.keys.store, self._clock, ways, on_sent=parcel_sent, tries=tally.message_tries)
            self.started.set()
            emit(log, INFO, "central.started", version=__version__, port=self.port, metrics_port=self.metrics_port, database=database.name)
            async with asyncio.TaskGroup() as group:
                group.create_task(upkeep.run(stop), name="upkeep")
                devices = group.create_task(Devices(database, self.keys.store, self._clock).run(), name="devices")
                jobs = group.create_task(Jobs(database, self.keys.store, self._clock).run(), name="jobs")
                watching = group.create_task(Watching(database, self.keys.store, self._clock, tally.readings).run(), name="supplies")
                tending = Tending(database, self.keys.store, self._clock, channels_of(self._config))
                tended = group.create_task(tending.run(), name="requests")
                group.create_task(sender.run(stop), name="sending")
                closer = group.create_task(Closer(database, self.keys.store, self._clock).run(stop), name="meters")
                await stop.wait()
                self._is_stopping = True
                devices.cancel()  # what is cut off is begun again
                jobs.cancel()
                watching.cancel()
                tended.cancel()
                closer.cancel()
        finally:
            for runner in self._runners:
                await runner.cleanup()
            if self._receiver is not None:
                await self._receiver.close()
            threads.shutdown(cancel_futures=True)
            await database.close()
            self.database = None
        emit(log, INFO, "central.stopped")

    def reload(self) -> None:
        """Take up keys that were rotated; for a signal handler. A fault leaves those there were."""
        try:
            self.keys.load()
        except HostError as error:
            emit(log, WARNING, "central.keys_refused", reason=str(error))
        else:
            emit(log, INFO, "central.keys_loaded", sealing=self.keys.sealing.current.id[:16], signing=self.keys.signing.current.id[:16])

    async def _listen(self, database: Database, threads: ThreadPoolExecutor) -> Tally:
        server = self._config.server
        intake = Intake(self._clock, requests_per_second=server.requests_per_second)
        quota = Quota(database, self._clock, megabytes_per_day=server.account_megabytes_per_day)
        tally = Tally(database, self._clock, lambda: intake.in_hand_bytes, quota.count_over)
        self._receiver = Receiver(database, self.keys, threads, quota)
        api = Api(
            database=database,
            keys=self.keys,
            receiver=self._receiver,
            settings=Settings(database, self.keys),
            intake=intake,
            tally=tally,
            threads=threads,
            clock=self._clock,
            address=server.address,
            updates_folder=self._config.updates_folder,
            is_forwarded=server.is_forwarded,
        )
        self.port = await self._open(api.application(self._count_connections), server.listen, "[server] listen")
        if server.metrics_listen is not None:
            self.metrics_port = await self._open(self._own_pages(tally), server.metrics_listen, "[server] metrics_listen")
        return tally

    def _count_connections(self) -> int:
        agents = self._runners[0].server
        return 0 if agents is None else len(agents.connections)

    async def _open(self, application: web.Application, listen: Listen, setting: str) -> int:
        runner = web.AppRunner(
            application,
            access_log=None,
            logger=_http_log,
            handle_signals=False,
            shutdown_timeout=_DRAIN_SECONDS,
            keepalive_timeout=IDLE_SECONDS,
            lingering_time=_LINGER_SECONDS,
            auto_decompress=False,
        )
        self._runners.append(runner)
        await runner.setup()
        try:
            await web.TCPSite(runner, listen.host, listen.port).start()
        except OSError as error:
            reasons = {errno.EADDRINUSE: "another program has this port", errno.EACCES: "ports below 1024 need CAP_NET_BIND_SERVICE"}
            reason = reasons.get(error.errno or 0, error.strerror or str(error))
            raise HostError(f"cannot listen on {listen}", hint=f"{reason}; set {setting}") from error
        port: int = runner.addresses[0][1]
        return port

    def _own_pages(self, tally: Tally) -> web.Application:
        """Return what is for the dealer's own Prometheus and orchestrator, on a port of its own: it names accounts and sites."""

        async def metrics(request: web.Request) -> web.Response:
            await tally.look()
            return web.Response(body=exposition.render(tally.metrics()).text, headers={"Content-Type": exposition.CONTENT_TYPE})

        async def healthy(request: web.Request) -> web.Response:
            return web.Response(text="healthy\n")

        async def ready(request: web.Request) -> web.Response:
            await tally.look()
            is_ready = tally.is_database_up and not self._is_stopping
            return web.Response(text="ready\n") if is_ready else web.Response(status=503, text="not ready\n")

        application = web.Application()
        application.router.add_get("/metrics", metrics)
        application.router.add_get("/-/healthy", healthy)
        application.router.add_get("/-/ready", ready)
        return application
