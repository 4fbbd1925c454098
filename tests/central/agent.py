"""An agent for tests of central, made of nothing but poller/sealing and an HTTP client: what any other implementation would do."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import aiohttp

from poller.clock import Clock, SystemClock
from poller.errors import SealError
from poller.sealing.envelope import Kind, Opened, seal
from poller.sealing.keyring import KeyRing
from poller.sealing.keys import SealingKey, SealingPublicKey, SigningKey, VerifyKey
from poller.sealing.signatures import Answer, Request, sign_request, verify_answer
from poller.sealing.signed import open_signed
from poller.sealing.token import Token


@dataclass(frozen=True)
class Answered:
    """What came back; `is_proven` when it is central's own, and to this request."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    is_proven: bool

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def word(self) -> str:
        """The word of a refusal, or of a result; empty for an answer without one."""
        facts = self.json
        return str(facts.get("error") or facts.get("result") or "")


class TestAgent:
    """One agent with its own keys. `address` is central's; `clock` is its own, and may be wrong."""

    __test__ = False

    def __init__(self, address: str, session: aiohttp.ClientSession, *, clock: Clock | None = None) -> None:
        self.address, self.session = address.rstrip("/"), session
        self.clock = clock or SystemClock()
        self.skew = timedelta()
        self.signing, self.sealing = SigningKey.generate(), SealingKey.generate()
        self.id = f"a-{self.signing.id[:32]}"
        self.central_sealing: SealingPublicKey | None = None
        self.central_signing: VerifyKey | None = None

    # --- the contract --------------------------------------------------------------------------------------------------

    async def meet(self) -> None:
        """Fetch central's keys; a real agent compares them with its token's fingerprints."""
        async with self.session.get(f"{self.address}/v1/keys") as response:
            keys = await response.json()
        self.central_sealing, self.central_signing = SealingPublicKey.from_text(keys["sealing"]), VerifyKey.from_text(keys["signing"])

    async def enrol(self, token: Token, **claims: object) -> Answered:
        """Enrol with a token; *claims* replace what the request says."""
        if self.central_sealing is None:
            await self.meet()
        assert self.central_sealing is not None
        assert self.central_signing is not None
        token.check_keys(self.central_sealing, self.central_signing)
        claim = {
            "secret": base64.b64encode(token.reveal_secret()).decode(),
            "signing": self.signing.public.text(),
            "sealing": self.sealing.public.text(),
            "site": None,
            "version": "0.0-test",
        }
        return await self.post("/v1/enrol", self.envelope(Kind.ENROLMENT, [json.dumps(claim | claims).encode()]))

    def batch(self, number: int, lines: Sequence[bytes]) -> bytes:
        return self.envelope(Kind.READINGS, lines, number=number)

    async def send(self, number: int, body: bytes) -> Answered:
        return await self.post(f"/v1/batches/{number}", body)

    async def heartbeat(self, **facts: object) -> Answered:
        health = {"type": "health", "schema": 1, "at": self.clock.utc().isoformat(), "version": "0.0-test", "printers": 3, "settings": 0}
        return await self.post("/v1/heartbeat", self.envelope(Kind.HEARTBEAT, [json.dumps(health | facts).encode()]))

    async def settings(self) -> Answered:
        return await self.ask("GET", "/v1/settings")

    def open(self, signed: bytes, kind: Kind, *, newer_than: int = -1) -> Opened:
        """Open what central sealed to this agent, as an agent does: signature first."""
        assert self.central_signing is not None
        known = {self.central_signing.id: self.central_signing}
        return open_signed(signed, known.get, KeyRing(self.sealing), kind=kind, agent_id=self.id, newer_than=newer_than)

    # --- its parts, for tests that do it wrong -------------------------------------------------------------------------

    def envelope(self, kind: Kind, lines: Sequence[bytes], *, number: int = 0, agent_id: str | None = None) -> bytes:
        assert self.central_sealing is not None
        return seal(lines, to=self.central_sealing, kind=kind, agent_id=agent_id or self.id, number=number)

    def sign(self, method: str, path: str, body: bytes = b"") -> Request:
        """Return a request with a fresh signature."""
        bare = Request(method, self._path(path), body)
        return Request(method, bare.path, body, sign_request(bare, self.signing, now_utc=self.clock.utc() + self.skew))

    async def post(self, path: str, body: bytes) -> Answered:
        return await self.ask("POST", path, body)

    async def ask(self, method: str, path: str, body: bytes = b"") -> Answered:
        return await self.deliver(self.sign(method, path, body))

    async def deliver(self, request: Request, *, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Answered:
        """Send a request as it is, or with another body or other header fields than were signed."""
        url = self._origin() + request.path
        sent = dict(request.headers) | dict(headers or {})
        async with self.session.request(request.method, url, data=request.body if body is None else body, headers=sent) as response:
            content = await response.read()
            answer = Answer(response.status, content, dict(response.headers))
        return Answered(answer.status, content, answer.headers, self._is_proven(answer, request))

    def _is_proven(self, answer: Answer, request: Request) -> bool:
        if self.central_signing is None:
            return False
        try:
            verify_answer(answer, request, {self.central_signing.id: self.central_signing}.get)
        except SealError:
            return False
        return True

    def _origin(self) -> str:
        scheme, _, rest = self.address.partition("://")
        return f"{scheme}://{rest.partition('/')[0]}"

    def _path(self, path: str) -> str:
        _, slash, prefix = self.address.partition("://")[2].partition("/")
        return slash + prefix + path
