"""One exchange with central over HTTP/1.1: a signed request, and an answer that proves whose it is.

Between here and central may be anybody: a proxy, one that opens TLS, a captive portal, a balancer that is out of servers. So an answer
counts only when central signed it, for this very request; everything else is *somebody in between* (`UnreachedError`), named as well as can
be, and says nothing about what was sent. Everything is bounded: time, size, and no redirect is followed.

Nothing secret gets into an error: aiohttp's own carry the request with its header fields, so none is kept as a cause.
"""

from __future__ import annotations

import asyncio
import os
import re
import socket
import ssl
from collections.abc import Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self
from urllib.parse import urlsplit

import aiohttp
import aiohttp.abc
import msgspec
from aiohttp import hdrs

from poller import __version__
from poller.clock import Clock
from poller.config import Proxies, Proxy
from poller.errors import HostError, RefusedError, SealError, UnreachableError, UnreachedError
from poller.resolver import addresses_of
from poller.sealing.keys import SigningKey
from poller.sealing.signatures import Answer, Request, Resolve, sign_request, verify_answer

CONNECT_SECONDS, TOTAL_SECONDS = 15.0, 60.0
ANSWER_BYTES_MAX = 64 * 2**10
"""Of an answer that is no envelope: a short JSON, two public keys."""

SKEW_SECONDS_MAX = 60.0
"""As far ahead as central takes a request; with a clock further off, requests are signed by central's time."""

_CHUNK_BYTES = 16 * 2**10
_STATUS_OK, _STATUS_NOTHING, _STATUS_UNAUTHORIZED, _STATUS_PROXY_AUTH = 200, 204, 401, 407
_REFUSED_LOG_IN = "the proxy refuses the user and password it got"  # by a 401, which is a server's: tinyproxy does
_TEXT_MAX = 300
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,20}")
_WORD = re.compile(r"[a-z][a-z-]{0,39}")
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9.+-]{1,40}/[A-Za-z0-9.+-]{1,40}")


class _Refusal(msgspec.Struct, frozen=True):
    """An answer that says no. `retry_after_seconds` is signed, other than the header field."""

    error: str
    text: str = ""
    retry_after_seconds: float | None = None


class Reply(NamedTuple):
    """What central said: proven, unless it was asked without a signature."""

    status: int
    body: bytes


class _Heard(NamedTuple):
    status: int
    body: bytes
    headers: Mapping[str, str]


class CentralClient:
    """`async with CentralClient(address, …) as client`: at most one connection, made when it is needed.

    Raises HostError when the certificates of *ca_file* cannot be read.
    """

    def __init__(
        self,
        address: str,
        clock: Clock,
        *,
        proxies: Proxies,
        ca_file: Path | None = None,
        connect_seconds: float = CONNECT_SECONDS,
        total_seconds: float = TOTAL_SECONDS,
    ) -> None:
        self.address, self._clock, self._ca_file = address.rstrip("/"), clock, ca_file
        self._path = urlsplit(self.address).path
        self._proxy = proxies.choose(self.address)
        self._timeout = aiohttp.ClientTimeout(total=total_seconds, sock_connect=connect_seconds, connect=connect_seconds)
        self._session: aiohttp.ClientSession | None = None
        self._known_utc: tuple[datetime, float] | None = None  # central's time, and when by our monotonic clock that was
        self.skew_seconds: float | None = None
        """How far this host's clock is ahead of central's, as of the last proven answer; None before."""
        self.bytes_sent = 0
        """Bodies sent, tries included."""
        self.skewed = 0
        """Answers that found our time too far off."""

    async def __aenter__(self) -> Self:
        # The certificates of the system are a file of 200 kB: reading it takes some milliseconds.
        context = await asyncio.to_thread(_tls, self._ca_file) if self.address.startswith("https:") else True
        # A proxy that reads requests may end the connection behind each answer without saying so: tinyproxy does. The next request would
        # run into that, again and again, for what is a POST is not sent twice by itself.
        is_read_by_proxy = self._proxy is not None and not self.address.startswith("https:")
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=1, ssl=context, use_dns_cache=False, resolver=_Resolver(), force_close=is_read_by_proxy),
            timeout=self._timeout,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,  # nothing compressed was asked for, and a small body may unpack to a huge one
            trust_env=False,  # the environment was read once, with the configuration
            headers={hdrs.USER_AGENT: f"poller/{__version__}", hdrs.ACCEPT_ENCODING: "identity"},
            max_line_size=4096,
            max_field_size=4096,
        )
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def ask(
        self, method: str, path: str, body: bytes = b"", *, key: SigningKey, resolve: Resolve, bytes_max: int = ANSWER_BYTES_MAX
    ) -> Reply:
        """Return central's answer (200 or 204) to a request signed now. *path* begins behind that of the address.

        Raises RefusedError when central says no, UnreachedError when nobody who can prove to be central says anything. A request central
        found too old or too new is made once more at once, by central's clock.
        """
        try:
            return await self._ask_once(method, path, body, key, resolve, bytes_max)
        except RefusedError as error:
            if error.word != "clock-skew":
                raise
            self.skewed += 1
        return await self._ask_once(method, path, body, key, resolve, bytes_max)

    async def fetch(self, path: str) -> Reply:
        """Return what is at *path* by an unsigned request. Whoever uses it has another way to know whose it is."""
        heard = await self._send("GET", path, b"", {}, ANSWER_BYTES_MAX)
        if heard.status != _STATUS_OK:
            raise self._in_between(heard)
        return Reply(heard.status, heard.body)

    def signing_utc(self) -> datetime:
        """Return the time to sign by: that of this host, or central's where both are known to differ. It dates nothing that is recorded."""
        if self._known_utc is None:
            return self._clock.utc()
        known_utc, at = self._known_utc
        return known_utc + timedelta(seconds=self._clock.monotonic() - at)

    # --- one request ---------------------------------------------------------------------------------------------------

    async def _ask_once(self, method: str, path: str, body: bytes, key: SigningKey, resolve: Resolve, bytes_max: int) -> Reply:
        plain = Request(method, self._path + path, body)
        fields = sign_request(plain, key, now_utc=self.signing_utc())
        heard = await self._send(method, path, body, fields, bytes_max)
        try:
            proof = verify_answer(Answer(heard.status, heard.body, heard.headers), Request(method, plain.path, body, fields), resolve)
        except SealError:
            raise self._in_between(heard) from None
        self._compare_clocks(proof.created_utc)
        if heard.status in (_STATUS_OK, _STATUS_NOTHING):
            return Reply(heard.status, heard.body)
        refusal = _refusal(heard.body)
        if refusal is None:
            raise UnreachedError("in-between", f"central answers HTTP {heard.status}, and nothing this program understands")
        text = refusal.text[:_TEXT_MAX]
        seconds = refusal.retry_after_seconds
        if seconds is None:
            seconds = _retry_after(heard.headers.get("retry-after", ""), self._clock.utc())
        raise RefusedError(refusal.error, text, status=heard.status, retry_after_seconds=seconds)

    def _compare_clocks(self, central_utc: datetime) -> None:
        """Central's time is in whole seconds, rounded down, and as old as its answer took."""
        self.skew_seconds = (self._clock.utc() - central_utc).total_seconds()
        is_far = abs(self.skew_seconds) > SKEW_SECONDS_MAX
        self._known_utc = (central_utc, self._clock.monotonic()) if is_far else None

    async def _send(self, method: str, path: str, body: bytes, fields: Mapping[str, str], bytes_max: int) -> _Heard:
        """Send one request and return whatever comes back, from whomever. Raises UnreachedError when nothing does."""
        assert self._session is not None, "the client is entered before it is used"
        headers = dict(fields)
        if body:
            headers[hdrs.CONTENT_TYPE] = "application/octet-stream"
        to_proxy = _authorization(self._proxy)
        is_tunnel = self.address.startswith("https:")
        if not is_tunnel:
            headers |= to_proxy  # the proxy reads this request itself; through a tunnel it reads only CONNECT
        self.bytes_sent += len(body)
        try:
            async with self._session.request(
                method,
                self.address + path,
                data=body or None,
                headers=headers,
                allow_redirects=False,
                proxy=self._proxy.url if self._proxy else None,
                proxy_headers=to_proxy if self._proxy and is_tunnel else None,
            ) as answer:
                content = await _read(answer, bytes_max if answer.status == _STATUS_OK else ANSWER_BYTES_MAX)
                return _Heard(answer.status, content, _Fields(answer.headers.items()))
        except (aiohttp.ClientError, TimeoutError, OSError, ssl.SSLError, UnicodeError) as error:
            raise self._unreached(error) from None

    # --- what went wrong -----------------------------------------------------------------------------------------------

    def _in_between(self, heard: _Heard) -> UnreachedError:
        """Name an answer nobody proved to be central's."""
        if heard.status == _STATUS_PROXY_AUTH:
            return _proxy_auth(heard.headers.get("proxy-authenticate", ""))
        refusal = _refusal(heard.body)
        if heard.status == _STATUS_UNAUTHORIZED and refusal is None and self._proxy is not None:
            return UnreachedError("proxy-auth", _REFUSED_LOG_IN)
        what = f"HTTP {heard.status}"
        kind = heard.headers.get("content-type", "").partition(";")[0].strip()
        if _MEDIA_TYPE.fullmatch(kind):  # anything may stand there, even what is no text
            what += f" {kind}"
        claim = f", which says {refusal.error}" if refusal is not None else ""
        seconds = _retry_after(heard.headers.get("retry-after", ""), self._clock.utc())
        reason = f"an answer that does not prove to be central's: {what}{claim}"
        return UnreachedError("in-between", reason, retry_after_seconds=seconds)

    def _unreached(self, error: Exception) -> UnreachedError:
        host = urlsplit(self.address).netloc
        there = f"{host} (by the proxy {self.proxy_name})" if self._proxy else host
        match error:
            case _TooLargeError():
                return UnreachedError("in-between", "an answer larger than any of central's")
            case aiohttp.ClientHttpProxyError(status=status, headers=headers):
                if status == _STATUS_UNAUTHORIZED:
                    return UnreachedError("proxy-auth", _REFUSED_LOG_IN)
                if status == _STATUS_PROXY_AUTH:
                    return _proxy_auth(", ".join(headers.getall(hdrs.PROXY_AUTHENTICATE, ())) if headers else "")
                return UnreachedError("proxy", f"the proxy {self.proxy_name} does not connect to {host}: HTTP {status}")
            case aiohttp.ClientProxyConnectionError():
                return UnreachedError("proxy", f"no connection to the proxy {self.proxy_name}: {_why(error)}")
            case aiohttp.ClientConnectorDNSError() | UnicodeError():  # the latter: what no name can be, an empty part or a long one
                return UnreachedError("dns", f"the name of {self.proxy_name or host} does not resolve")
            case aiohttp.ClientConnectorCertificateError():
                return UnreachedError("tls", f"the certificate of {host} is not believed: {_why_not_believed(error)}")
            case aiohttp.ClientSSLError() | ssl.SSLError():
                return UnreachedError("tls", f"no TLS with {host}: {type(error).__name__}")
            case aiohttp.ConnectionTimeoutError() | aiohttp.SocketTimeoutError() | TimeoutError():
                return UnreachedError("timeout", f"{there} did not answer in time")
            case aiohttp.ClientConnectorError():
                return UnreachedError("connect", f"no connection to {there}: {_why(error)}")
            case aiohttp.ClientPayloadError() | aiohttp.ServerDisconnectedError() | OSError():
                return UnreachedError("cut", f"the connection to {there} was cut")
            case _:
                return UnreachedError("in-between", f"what answers at {host} does not speak HTTP: {type(error).__name__}")

    @property
    def proxy_name(self) -> str:
        """The proxy as `host:port`, empty where there is none."""
        return "" if self._proxy is None else urlsplit(self._proxy.url).netloc


class _Fields(dict[str, str]):
    """Header fields by lower-case name. One of a signature that came twice is one too many: it is marked, so that it never holds."""

    def __init__(self, items: object) -> None:
        super().__init__()
        for name, value in items:  # type: ignore[attr-defined]
            name = name.lower()
            self[name] = f"{self[name]}, {value}" if name in self else value


class _Resolver(aiohttp.abc.AbstractResolver):
    """The system's resolver, asked so that the end of this program does not wait for a name server that is gone."""

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC) -> list[aiohttp.abc.ResolveResult]:
        try:
            found = await addresses_of(host)
        except UnreachableError as error:
            raise OSError(str(error)) from None
        return [
            aiohttp.abc.ResolveResult(
                hostname=host,
                host=one,
                port=port,
                family=socket.AF_INET6 if ":" in one else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for one in found
        ]

    async def close(self) -> None:
        """There is nothing to close."""


class _TooLargeError(aiohttp.ClientError):
    """More than was to be read."""


async def _read(answer: aiohttp.ClientResponse, bytes_max: int) -> bytes:
    parts: list[bytes] = []
    left = bytes_max
    async for part in answer.content.iter_chunked(_CHUNK_BYTES):
        left -= len(part)
        if left < 0:
            raise _TooLargeError
        parts.append(part)
    return b"".join(parts)


def _tls(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise HostError(f"cannot read the certificates {ca_file}: {error.strerror or error}", hint="see central.ca_file") from error


def _authorization(proxy: Proxy | None) -> dict[str, str]:
    if proxy is None or proxy.user is None:
        return {}
    password = proxy.password.reveal() if proxy.password else ""
    return {hdrs.PROXY_AUTHORIZATION: aiohttp.encode_basic_auth(proxy.user, password)}


def _refusal(body: bytes) -> _Refusal | None:
    try:
        refusal = msgspec.json.decode(body, type=_Refusal)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return refusal if _WORD.fullmatch(refusal.error) else None


def _proxy_auth(challenges: str) -> UnreachedError:
    """Name what a proxy wants. A challenge begins with its scheme (RFC 9110 section 11.3); `name=value` behind it is a parameter."""
    starts = (part.strip().partition(" ")[0] for part in challenges.split(","))
    schemes = list(dict.fromkeys(one for one in starts if _SCHEME.fullmatch(one)))[:8]
    offered = ", ".join(schemes) or "it does not say how"
    if any(one.lower() == "basic" for one in schemes):
        reason = f"the proxy wants a user and a password, or refuses those it got (it offers {offered})"
    else:
        reason = f"the proxy wants a log-in this program does not have (it offers {offered}): see docs/upload.md for a local helper"
    return UnreachedError("proxy-auth", reason)


def _retry_after(text: str, now_utc: datetime) -> float | None:
    """Return the seconds of a Retry-After (RFC 9110 section 10.2.3); None for what is none."""
    text = text.strip()
    if re.fullmatch(r"[0-9]{1,9}", text):
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - now_utc).total_seconds())
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _why(error: Exception) -> str:
    cause = getattr(error, "os_error", None)
    number = getattr(cause, "errno", None)
    if number is not None and number > 0:
        return os.strerror(number)  # asyncio's own text is "Connect call failed ('10.1.0.9', 443)"
    return str(getattr(cause, "strerror", None) or type(cause or error).__name__)[:_TEXT_MAX]


def _why_not_believed(error: Exception) -> str:
    return str(getattr(getattr(error, "certificate_error", None), "verify_message", "") or "unknown authority")[:_TEXT_MAX]
