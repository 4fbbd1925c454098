"""A parcel as the tests of sending have it, and whoever is to get it: a mail server and a receiver of webhooks, both real, on loopback."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiohttp import web
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from poller.central.supplies.parcels import Item, Parcel
from poller.central.values import Mail, Webhook
from poller.model import Secret
from tests.certificates import authority

MADE_UTC = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)
PASSWORD = "correct horse battery"
SECRET = "a secret of both of us"


def item(number: int = 1, **facts: Any) -> Item:
    plain: dict[str, Any] = {
        "request": f"q-{number}",
        "article": f"471{number}",
        "alternatives": ("4800", "4801"),
        "kind": "toner",
        "colour": "black",
        "part_number": "CF410X",
        "pieces": 1,
        "device": "d-1",
        "manufacturer": "HP",
        "model": "Color LaserJet M452nw",
        "serial": "VNB3K12345",
        "device_number": "G-17",
        "inventory_number": "I-2231",
        "room": "2.14",
        "cost_centre": "4100",
        "empty_on": date(2026, 11, 27),
        "rule": "forecast",
    }
    return Item(**(plain | facts))


def parcel(id: str = "p-1", account: str = "acme", *items: Item, **facts: Any) -> Parcel:  # noqa: A002 - as the field is called
    plain: dict[str, Any] = {
        "title": "Müller & Söhne GmbH",
        "customer": "K-100",
        "site": "hamburg",
        "location": "L-7",
        "address": "Große Straße 5\n22765 Hamburg",
        "contact": "Krimhild Öztürk",
        "phone": "+49 40 123456",
        "mail": "krimhild@example.com",
        "language": "de",
        "made_at": MADE_UTC,
    }
    return Parcel(id=id, account=account, items=items or (item(),), **(plain | facts))


# --- a mail server ---------------------------------------------------------------------------------------------------------

Script = Callable[[str, SMTP], str | None]
"""What it says to a command (`MAIL`, `RCPT user@…`, `DATA`); None for yes."""


class MailServer:
    """Keeps what came. `says` decides about each command; `port` stays when it is stopped and started again."""

    def __init__(self, *, tls: ssl.SSLContext | None = None, from_first_byte: bool = False, utf8: bool = False, login: bool = True) -> None:
        self.mails: list[EmailMessage] = []
        self.raw: list[bytes] = []
        self.envelopes: list[Envelope] = []
        self.sessions = 0
        self.logins: list[bool] = []
        self.says: Script = lambda command, server: None
        self.port = 0
        self._tls, self._from_first_byte, self._utf8, self._login = tls, from_first_byte, utf8, login
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.get_running_loop().create_server(
            self._session, "127.0.0.1", self.port, ssl=self._tls if self._from_first_byte else None
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    def _session(self) -> SMTP:
        self.sessions += 1
        return SMTP(
            self,
            hostname="localhost",
            enable_SMTPUTF8=self._utf8,
            tls_context=None if self._from_first_byte else self._tls,
            require_starttls=self._tls is not None and not self._from_first_byte,
            authenticator=self._authenticate if self._login else None,
            auth_required=self._login and not self._from_first_byte,  # it knows of no TLS but its own
            auth_require_tls=not self._from_first_byte,
            auth_exclude_mechanism=["LOGIN"],
        )

    def _authenticate(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, login: object) -> AuthResult:
        is_right = login == LoginPassword(b"toner", PASSWORD.encode())
        self.logins.append(is_right)
        if not is_right and isinstance(login, LoginPassword):  # a server that says too much
            return AuthResult(success=False, handled=False, message=f"535 5.7.8 wrong: {login.login.decode()} {login.password.decode()}")
        return AuthResult(success=is_right)

    async def handle_MAIL(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:  # noqa: N802
        if (said := self.says("MAIL", server)) is not None:
            return said
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:  # noqa: N802
        if (said := self.says(f"RCPT {address}", server)) is not None:
            return said
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        said = self.says("DATA", server)
        if said is None or said.startswith("2"):
            assert isinstance(envelope.content, bytes)
            self.raw.append(envelope.content)
            self.envelopes.append(envelope)
            self.mails.append(message_from_bytes(envelope.content, EmailMessage, policy=policy.default))
        return said or "250 2.0.0 taken as 4Z1"


def server_tls(folder: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*authority().write(folder, "server"))
    return context


def ca_of(folder: Path) -> Path:
    path = folder / "ca.pem"
    path.write_bytes(authority().pem)
    return path


def mail_of(server: MailServer, **settings: Any) -> Mail:
    plain: dict[str, Any] = {"security": "none", "sender": "toner@example.com", "to": ("warehouse@example.com",)}
    return Mail(host="127.0.0.1", port=server.port, **(plain | settings))


@asynccontextmanager
async def mail_server(**options: Any) -> AsyncIterator[MailServer]:
    one = MailServer(**options)
    await one.start()
    try:
        yield one
    finally:
        await one.stop()


# --- a receiver of webhooks ------------------------------------------------------------------------------------------------


class Receiver:
    """Keeps what came; `answers` decides, `port` stays when it is stopped and started again."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.answers: Callable[[], web.StreamResponse] = lambda: web.Response(text="taken")
        self.port = 0
        self._runner: web.AppRunner | None = None

    @property
    def ids(self) -> list[str]:
        return [one["Idempotency-Key"] for one in self.headers]

    async def start(self, tls: ssl.SSLContext | None = None) -> None:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._take)
        self._runner = web.AppRunner(application, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, ssl_context=tls).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def hook(self, **settings: Any) -> Webhook:
        plain: dict[str, Any] = {"url": f"http://127.0.0.1:{self.port}/hooks/toner", "secret": Secret(SECRET)}
        return Webhook(**(plain | settings))

    async def _take(self, request: web.Request) -> web.StreamResponse:
        self.paths.append(f"{request.method} {request.path_qs}")
        self.bodies.append(await request.read())
        self.headers.append(dict(request.headers))
        return self.answers()


@asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    one = Receiver()
    await one.start()
    try:
        yield one
    finally:
        await one.stop()
