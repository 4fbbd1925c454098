"""A dealer's central for tests, written from docs/envelope.md: the five requests, signed answers, and what else may come back instead."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from hashlib import sha256

from aiohttp import web

from poller.errors import ClockSkewError, SealError
from poller.sealing import envelope
from poller.sealing.envelope import Kind
from poller.sealing.keyring import KeyRing
from poller.sealing.keys import SealingKey, SealingPublicKey, SigningKey, VerifyKey
from poller.sealing.signatures import Answer, Proof, Request, sign_answer, verify_request
from poller.sealing.signed import sign_sealed
from poller.sealing.token import Token, hash_of
from tests.fake_clock import FakeClock

Odd = Callable[[web.Request, bytes], Awaitable[web.StreamResponse]]
"""What answers in place of central."""


class Dealer:
    """`async with dealer.serving(): …`; `address` is known then. `odd` answers are given first, one to each request of an agent."""

    def __init__(self, clock: FakeClock, *, prefix: str = "") -> None:
        self.clock, self.prefix = clock, prefix
        self.sealing, self.signing = KeyRing(SealingKey.generate()), SigningKey.generate()
        self.shown = {"sealing": self.sealing.current.public.text(), "signing": self.signing.public.text()}
        self.address = ""
        self.tokens: dict[str, str | None] = {}
        self.agents: dict[str, tuple[VerifyKey, SealingPublicKey]] = {}
        self.revoked: set[str] = set()
        self.batches: dict[int, tuple[str, tuple[bytes, ...]]] = {}
        self.health: list[dict[str, object]] = []
        self.enrolments: list[dict[str, object]] = []
        self.settings: tuple[int, bytes] | None = None
        self.settings_version: int | None = None
        self.change_settings: Callable[[bytes], bytes] = lambda signed: signed
        self.refusals: dict[int, tuple[str, int]] = {}
        self.refusal: tuple[str, int, dict[str, object]] | None = None
        self.refused_below = "/"  # the paths it refuses by that
        self.odd: deque[Odd] = deque()
        self.asked: list[tuple[str, str]] = []
        self.bodies: list[bytes] = []
        self.proofs: list[Proof] = []

    # --- what a dealer does --------------------------------------------------------------------------------------------

    def token(self, *, seconds: float = 3600) -> str:
        expires_utc = self.clock.utc() + timedelta(seconds=seconds)
        token = Token.make(self.address, self.sealing.current.public, self.signing.public, expires_utc=expires_utc)
        self.tokens[hash_of(token.reveal_secret())] = None
        return token.reveal()

    def set_settings(self, version: int, document: object, *, named: int | None = None) -> None:
        self.settings, self.settings_version = (version, json.dumps(document).encode()), named or version

    @property
    def lines(self) -> list[bytes]:
        return [line for number in sorted(self.batches) for line in self.batches[number][1]]

    @asynccontextmanager
    async def serving(self, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> AsyncIterator[str]:
        application = web.Application(client_max_size=16 << 20)
        application.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, host, 0, ssl_context=tls)
        await site.start()
        port = runner.addresses[0][1]
        self.address = f"{'http' if tls is None else 'https'}://{host}:{port}{self.prefix}"
        try:
            yield self.address
        finally:
            await runner.cleanup()

    # --- what it answers -----------------------------------------------------------------------------------------------

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.asked.append((request.method, request.path))
        self.bodies.append(body)
        return await (self.odd.popleft() if self.odd else self.answer)(request, body)

    async def answer(self, request: web.Request, body: bytes) -> web.StreamResponse:
        """Answer as central does."""
        path = request.path.removeprefix(self.prefix)
        if path == "/v1/keys":
            return web.json_response(self.shown)
        heard = Request(request.method, request.path, body, dict(request.headers))
        known = {key_id: keys[0] for key_id, keys in self.agents.items()}
        claim: dict[str, str] = {}
        if path == "/v1/enrol":
            header = envelope.read_header(body)
            line = envelope.open_sealed(body, self.sealing, kind=Kind.ENROLMENT, agent_id=header.agent_id).lines[0]
            claim = json.loads(line)
            key = VerifyKey.from_text(claim["signing"])
            known = {key.id: key}
        try:
            proof = verify_request(heard, known.get, now_utc=self.clock.utc())
        except ClockSkewError:
            return self._say(heard, 401, {"error": "clock-skew", "text": "whose clock?", "now": self.clock.utc().isoformat()})
        except SealError as error:
            return web.json_response({"error": "bad-signature", "text": str(error)}, status=401)
        self.proofs.append(proof)
        if path == "/v1/enrol":
            return self._enrol(heard, claim, proof.key_id)
        if self.refusal is not None and path.startswith(self.refused_below):
            word, status, facts = self.refusal
            return self._say(heard, status, {"error": word, "text": "told so", **facts})
        if proof.key_id in self.revoked:
            return self._say(heard, 403, {"error": "agent-revoked", "text": "no longer let in"})
        agent = f"a-{proof.key_id[:32]}"
        version = self.settings_version or 0
        if path.startswith("/v1/batches/"):
            return self._batch(heard, int(path.rpartition("/")[2]), agent, version)
        if path == "/v1/heartbeat":
            line = envelope.open_sealed(body, self.sealing, kind=Kind.HEARTBEAT, agent_id=agent).lines[0]
            self.health.append(json.loads(line))
            return self._say(heard, 200, {"settings": version})
        if self.settings is None:
            return self._say(heard, 204, None)
        number, line = self.settings
        sealed = envelope.seal([line], to=self.agents[proof.key_id][1], kind=Kind.SETTINGS, agent_id=agent, number=number)
        return self._say(heard, 200, self.change_settings(sign_sealed(sealed, self.signing)))

    def _enrol(self, heard: Request, claim: dict[str, str], key_id: str) -> web.Response:
        kept = hash_of(base64.b64decode(claim["secret"]))
        if kept not in self.tokens:
            return self._say(heard, 403, {"error": "token-unknown", "text": "not one of ours"})
        if self.tokens[kept] not in (None, key_id):
            return self._say(heard, 403, {"error": "token-used", "text": "used by another agent"})
        if self.refusal is not None:
            word, status, facts = self.refusal
            return self._say(heard, status, {"error": word, "text": "told so", **facts})
        self.tokens[kept] = key_id
        self.agents[key_id] = VerifyKey.from_text(claim["signing"]), SealingPublicKey.from_text(claim["sealing"])
        self.enrolments.append(dict(claim))
        agent = f"a-{key_id[:32]}"
        line = json.dumps({"agent": agent, "account": "Invented Ltd", "site": claim["site"] or "hq"}).encode()
        sealed = envelope.seal([line], to=self.agents[key_id][1], kind=Kind.ENROLLED, agent_id=agent, number=0)
        return self._say(heard, 200, sign_sealed(sealed, self.signing))

    def _batch(self, heard: Request, number: int, agent: str, version: int) -> web.Response:
        if number in self.refusals:
            word, status = self.refusals[number]
            return self._say(heard, status, {"error": word, "text": "not this one"})
        digest = sha256(heard.body).hexdigest()
        if number in self.batches:
            if self.batches[number][0] != digest:
                return self._say(heard, 409, {"error": "conflict", "text": "known with other content"})
            return self._say(heard, 200, {"result": "duplicate", "settings": version})
        opened = envelope.open_sealed(heard.body, self.sealing, kind=Kind.READINGS, agent_id=agent)
        assert opened.header.number == number
        self.batches[number] = digest, opened.lines
        return self._say(heard, 200, {"result": "stored", "settings": version})

    def _say(self, heard: Request, status: int, content: object) -> web.Response:
        body = content if isinstance(content, bytes) else b"" if content is None else json.dumps(content).encode()
        fields = sign_answer(Answer(status, body), heard, self.signing, now_utc=self.clock.utc())
        return web.Response(status=status, body=body, headers=fields)


# --- what else may answer ----------------------------------------------------------------------------------------------


def page(status: int, text: str = "<html>Please log in</html>", **fields: str) -> Odd:
    """A page of somebody in between."""

    async def answer(request: web.Request, body: bytes) -> web.StreamResponse:
        headers = {name.replace("_", "-"): value for name, value in fields.items()}
        return web.Response(status=status, text=text, content_type="text/html", headers=headers)

    return answer


async def cut(request: web.Request, body: bytes) -> web.StreamResponse:
    """The connection is gone in the middle of a body."""
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b"half")
    assert request.transport is not None
    request.transport.abort()
    return response


def held(release: asyncio.Event) -> Odd:
    """Nothing comes until *release*."""

    async def answer(request: web.Request, body: bytes) -> web.StreamResponse:
        await release.wait()
        return web.Response(status=500)

    return answer


def flood(size: int) -> Odd:
    """More than anybody asked for."""

    async def answer(request: web.Request, body: bytes) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(size >> 16):
            await response.write(bytes(1 << 16))
        return response

    return answer


def changed(dealer: Dealer, change: Callable[[web.Response], None]) -> Odd:
    """Central answers, and somebody changes it on the way."""

    async def answer(request: web.Request, body: bytes) -> web.StreamResponse:
        response = await dealer.answer(request, body)
        assert isinstance(response, web.Response)
        change(response)
        return response

    return answer
