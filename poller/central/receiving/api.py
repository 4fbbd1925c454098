"""The HTTP of central: what agents ask, and the rules of every answer. The contract is docs/central.md, the signatures docs/envelope.md.

    GET  /v1/keys              whose central this is; unsigned, judged by the fingerprints of a token
    POST /v1/enrol             a token for keys, once
    POST /v1/batches/{number}  stored, duplicate or conflict
    POST /v1/heartbeat         nothing to send, still here
    GET  /v1/settings          what to go by, sealed to the agent
    GET  /updates/{name}       files, signed by whoever releases them

Nothing here connects to anybody. Nothing of a request is ever written into an answer or, but for the agent's id, into the log.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler
from sqlalchemy.ext.asyncio import AsyncConnection

from poller.central.keys import Keys
from poller.central.receiving import answers, enrolment
from poller.central.receiving.answers import RefusalError, Said
from poller.central.receiving.enrolment import ENROLMENT_BYTES_MAX, NONCE_SECONDS
from poller.central.receiving.groups import Groups
from poller.central.receiving.intake import Buckets, Intake
from poller.central.receiving.receive import Receiver, open_envelope
from poller.central.receiving.settings import Settings, read_heartbeat
from poller.central.store import agents, settings
from poller.central.store.agents import KnownAgent
from poller.central.store.database import Database, UnavailableError
from poller.central.store.tables import VERSION_CHARACTERS_MAX
from poller.central.tally import Tally
from poller.clock import Clock
from poller.errors import ClockSkewError, SealError
from poller.logs import DEBUG, INFO, WARNING, emit, printable
from poller.sealing.envelope import NUMBER_MAX, SEALED_BYTES_MAX, Kind
from poller.sealing.keys import SigningKey, VerifyKey
from poller.sealing.signatures import Answer, Proof, Request, check_body, claimed_key_id, sign_answer, verify_head

T = TypeVar("T")

log = logging.getLogger(__name__)

CONNECTIONS_MAX = 2000
_UNAVAILABLE_SECONDS = 30
_HEARTBEAT_BYTES_MAX = 32_768
_LOOKUPS_MAX = 500  # in one statement
_TOLD_PER_SECOND, _TOLD_AT_ONCE, _TOLD_NAMES_MAX = 1 / 60, 5, 10_000  # refusals of one agent with one word that are logged as warnings

# Refusals that are true whatever the body is, so that they may be signed before it is there.
_TRUE_BY_THE_HEAD = {"agent-revoked", "clock-skew", "slow-down", "unavailable"}


@dataclass(slots=True)
class Asked:
    """A request on its way in. `signer` is set once its head is proven, `is_whole` once its body is, too."""

    what: str
    request: Request
    now_utc: datetime
    agent: KnownAgent | None = None
    proof: Proof | None = None
    signer: SigningKey | None = None
    is_whole: bool = False


Work = Callable[[KnownAgent, Proof, bytes, datetime], Awaitable[Said]]


class Api:
    """The application. *threads* is for cryptography; *address* is central's own, whose path all of this lies under."""

    def __init__(
        self,
        *,
        database: Database,
        keys: Keys,
        receiver: Receiver,
        settings: Settings,
        intake: Intake,
        tally: Tally,
        threads: Executor,
        clock: Clock,
        address: str | None,
        updates_folder: Path | None,
        is_forwarded: bool,
    ) -> None:
        self._database, self._keys, self._receiver, self._settings = database, keys, receiver, settings
        self._intake, self._tally, self._threads, self._clock = intake, tally, threads, clock
        self._prefix = "" if address is None else urlsplit(address).path.rstrip("/")
        self._updates_folder, self._is_forwarded = updates_folder, is_forwarded
        self._connections: Callable[[], int] = lambda: 0
        self._told = Buckets(_TOLD_PER_SECOND, _TOLD_AT_ONCE, names_max=_TOLD_NAMES_MAX)
        self._lookups: Groups[str, KnownAgent | None] = Groups(self._look_up, at_once=2, count_max=_LOOKUPS_MAX)

    def application(self, connections: Callable[[], int]) -> web.Application:
        """Return the routes; everything else is 404, every other method 405. *connections* counts the open ones."""
        self._connections = connections
        application = web.Application(middlewares=[self._guard], client_max_size=SEALED_BYTES_MAX)
        application.on_response_prepare.append(_set_headers)
        add = application.router
        add.add_get(f"{self._prefix}/v1/keys", self._show_keys, allow_head=False)
        add.add_post(f"{self._prefix}/v1/enrol", self._enrol)
        add.add_post(f"{self._prefix}/v1/batches/{{number:[0-9]{{1,19}}}}", self._batch)
        add.add_post(f"{self._prefix}/v1/heartbeat", self._heartbeat)
        add.add_get(f"{self._prefix}/v1/settings", self._fetch, allow_head=False)
        add.add_get(f"{self._prefix}/-/healthy", self._healthy)
        if self._updates_folder is not None:
            add.add_get(f"{self._prefix}/updates/{{name:[A-Za-z0-9][A-Za-z0-9._-]{{0,127}}}}", self._update)
        return application

    # --- what is asked -------------------------------------------------------------------------------------------------

    async def _show_keys(self, request: web.Request) -> web.Response:
        facts = {"sealing": self._keys.sealing.current.public.text(), "signing": self._keys.signing.current.public.text()}
        self._tally.requests["keys", "ok"] += 1
        return web.json_response(body=msgspec.json.encode(facts))

    async def _batch(self, request: web.Request) -> web.Response:
        number = int(request.match_info["number"])
        if not 1 <= number <= NUMBER_MAX:
            raise web.HTTPNotFound

        async def work(one: KnownAgent, proof: Proof, body: bytes, now_utc: datetime) -> Said:
            received = await self._receiver.receive(one, number, body, now_utc=now_utc)
            self._tally.batches[received.result] += 1
            self._tally.lines.update(received.lines)
            self._tally.marks.update(received.marks)
            return answers.ok({"result": received.result, "settings": received.settings}, word=received.result)

        return await self._signed("batch", request, work, bytes_max=SEALED_BYTES_MAX)

    async def _heartbeat(self, request: web.Request) -> web.Response:
        async def work(one: KnownAgent, proof: Proof, body: bytes, now_utc: datetime) -> Said:
            opening = partial(open_envelope, body, self._keys.sealing, kind=Kind.HEARTBEAT, agent=one.agent)
            (line,) = (await self._in_thread(opening)).lines
            health = read_heartbeat(line)
            values = {
                "version": None if health.version is None else printable(health.version)[:VERSION_CHARACTERS_MAX],
                "settings_version": health.settings,
                "settings_refused": None if health.settings_refused is None else msgspec.to_builtins(health.settings_refused),
                "health": msgspec.to_builtins(health),
            }
            async with self._database.writing() as db:
                pinned = await self._settings.learned_key(db, one, health.settings)
                await self._admit(db, one, proof, now_utc, pinned_signing=pinned, **values)
                newest = await settings.newest(db, one.account, site=one.site, agent=one.agent)
            if health.settings_refused is not None:
                emit(log, WARNING, "central.settings_refused", agent=one.agent, version=health.settings_refused.version)
            return answers.ok({"settings": newest})

        return await self._signed("heartbeat", request, work, bytes_max=_HEARTBEAT_BYTES_MAX)

    async def _fetch(self, request: web.Request) -> web.Response:
        async def work(one: KnownAgent, proof: Proof, body: bytes, now_utc: datetime) -> Said:
            async with self._database.writing() as db:
                await self._admit(db, one, proof, now_utc)
            envelope = await self._settings.fetch(one)
            return answers.nothing() if envelope is None else answers.sealed(envelope)

        return await self._signed("settings", request, work, bytes_max=0)

    async def _enrol(self, request: web.Request) -> web.Response:
        asked = self._asked("enrol", request)
        try:
            self._intake.admit_stranger()
            async with self._intake.body(request, bytes_max=ENROLMENT_BYTES_MAX) as body:
                asked.request = replace(asked.request, body=body)
                applicant = await self._in_thread(partial(enrolment.read_claim, body, self._keys.sealing))
                self._prove_head(asked, applicant.signing, None)
                self._prove_body(asked)
                assert asked.proof is not None
                current = self._keys.signing.current
                one, envelope = await enrolment.enrol(self._database, applicant, asked.proof, current=current, now_utc=asked.now_utc)
            emit(log, INFO, "central.enrolled", account=one.account, site=one.site, agent=one.agent, sender=self._sender(request))
            said = answers.sealed(envelope)
        except (RefusalError, UnavailableError) as error:
            said = self._refuse(asked, request, error)
        return self._answer(asked, said)

    async def _update(self, request: web.Request) -> web.StreamResponse:
        assert self._updates_folder is not None
        path = self._updates_folder / request.match_info["name"]
        if not await asyncio.get_running_loop().run_in_executor(None, lambda: path.is_file() and not path.is_symlink()):
            raise web.HTTPNotFound
        return web.FileResponse(path, headers={hdrs.CACHE_CONTROL: "no-cache"})

    async def _healthy(self, request: web.Request) -> web.Response:
        return web.Response(text="healthy\n")

    # --- the way of a signed request -----------------------------------------------------------------------------------

    async def _signed(self, what: str, request: web.Request, work: Work, *, bytes_max: int) -> web.Response:
        """Prove a request, do its *work*, sign what came of it."""
        asked = self._asked(what, request)
        try:
            one = asked.agent = await self._find(asked, self._sender(request))
            self._prove_head(asked, VerifyKey.from_text(one.signing), one.pinned_signing)
            assert asked.proof is not None
            self._intake.admit_agent(one.key_id)
            if one.is_revoked:
                raise RefusalError("agent-revoked", "this agent is no longer let in")
            async with self._intake.body(request, bytes_max=bytes_max, account=one.account) as body:
                asked.request = replace(asked.request, body=body)
                self._prove_body(asked)
                said = await work(one, asked.proof, body, asked.now_utc)
        except (RefusalError, UnavailableError) as error:
            said = self._refuse(asked, request, error)
        return self._answer(asked, said)

    def _asked(self, what: str, request: web.Request) -> Asked:
        return Asked(what, Request(request.method, request.raw_path, headers=request.headers), self._clock.utc())

    async def _find(self, asked: Asked, sender: str | None) -> KnownAgent:
        """Return whose key signed, as it says. Looked up every time: a revoked agent is out at once, everywhere."""
        try:
            key_id = claimed_key_id(asked.request)
        except SealError as error:
            raise RefusalError("bad-signature", "not signed, or not as it should be") from error
        self._intake.admit_claim(key_id, sender)
        one = await self._lookups.do(key_id)
        if one is None:
            self._intake.admit_stranger()
            raise RefusalError("unknown-agent", "no agent here has this key")
        return one

    async def _look_up(self, key_ids: Sequence[str]) -> list[KnownAgent | None]:
        found = await agents.find_agents(self._database, sorted(set(key_ids)))
        return [found.get(key_id) for key_id in key_ids]

    def _prove_head(self, asked: Asked, key: VerifyKey, pinned_signing: str | None) -> None:
        try:
            asked.proof = verify_head(asked.request, {key.id: key}.get, now_utc=asked.now_utc)
        except ClockSkewError as error:
            asked.signer = self._keys.signer(pinned_signing)
            facts = {"now": asked.now_utc, "skew_seconds": round(error.skew_seconds)}
            raise RefusalError("clock-skew", "genuine, but made at another time than now: whose clock is wrong?", facts=facts) from error
        except SealError as error:
            raise RefusalError("bad-signature", "the signature does not hold") from error
        asked.signer = self._keys.signer(pinned_signing)

    def _prove_body(self, asked: Asked) -> None:
        try:
            check_body(asked.request)
        except SealError as error:
            raise RefusalError("bad-signature", "the body is not the one that was signed") from error
        asked.is_whole = True

    async def _admit(self, db: AsyncConnection, one: KnownAgent, proof: Proof, now_utc: datetime, **values: object) -> None:
        """Note a request that has no number of its own, so that it counts once. Raises RefusalError."""
        if not await agents.update_agent(db, one.account, one.agent, seen_utc=now_utc, **values):
            raise RefusalError("agent-revoked", "this agent is no longer let in")
        if not await agents.admit_nonce(
            db, one.account, key_id=proof.key_id, word=proof.nonce, now_utc=now_utc, keep_seconds=NONCE_SECONDS
        ):
            raise RefusalError("replay", "a request that was here before")

    def _refuse(self, asked: Asked, request: web.Request, error: RefusalError | UnavailableError) -> Said:
        if isinstance(error, UnavailableError):
            emit(log, WARNING, "central.database_unavailable", reason=error.reason)
            error = RefusalError("unavailable", "the database does not answer", retry_seconds=_UNAVAILABLE_SECONDS)
        if error.word == "conflict" and asked.what == "batch":
            self._tally.batches["conflict"] += 1
        name = None if asked.agent is None else asked.agent.agent
        is_news = asked.signer is not None and self._told.take(f"{name} {error.word}", self._clock.monotonic())
        level = WARNING if is_news else DEBUG  # who is refused a thousand times a second does not fill the log
        emit(
            log, level, "central.refused", request=asked.what, word=error.word, reason=error.text, agent=name, sender=self._sender(request)
        )
        return answers.refusal(error)

    def _answer(self, asked: Asked, said: Said) -> web.Response:
        self._tally.requests[asked.what, said.word] += 1
        headers: dict[str, str] = {} if said.status == 204 else {hdrs.CONTENT_TYPE: said.content_type}
        if said.retry_seconds is not None:
            headers[hdrs.RETRY_AFTER] = str(said.retry_seconds)
        if asked.signer is not None and (asked.is_whole or said.word in _TRUE_BY_THE_HEAD):
            headers.update(sign_answer(Answer(said.status, said.body), asked.request, asked.signer, now_utc=self._clock.utc()))
        response = web.Response(status=said.status, body=said.body, headers=headers)
        if not asked.is_whole:
            response.force_close()  # what may still be coming is not waited for
        return response

    # -------------------------------------------------------------------------------------------------------------------

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _sender(self, request: web.Request) -> str | None:
        """Return where a request comes from, for the log alone: behind a proxy of ours, as that one says."""
        text = request.remote
        if self._is_forwarded and (named := request.headers.getall(hdrs.X_FORWARDED_FOR, [])):
            text = named[-1].rpartition(",")[2].strip()
        try:
            return None if text is None else str(ipaddress.ip_address(text))
        except ValueError:
            return None

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Turn away who comes when too many are here."""
        if self._connections() > CONNECTIONS_MAX:
            response = web.Response(status=503, headers={hdrs.RETRY_AFTER: "10"})
            response.force_close()
            return response
        return await handler(request)


async def _set_headers(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.setdefault(hdrs.CACHE_CONTROL, "no-store")
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers.popall(hdrs.SERVER, None)
