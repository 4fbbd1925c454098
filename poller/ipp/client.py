"""Asks printers for their attributes: IPP over HTTP and HTTPS, TCP port 631, and nothing else.

Printers differ in where they listen and in how much of HTTP they can: some know `/ipp/print`, older ones `/ipp/printer` or `/`; some
insist on TLS and show a certificate they signed themselves, with keys and versions of their day; some redirect to a web page. So a few
doors are tried in order, the one that opened is remembered, and every answer is bounded in size and time.

What holds by construction:
- Only addresses of the intervals given to the constructor are connected to; every other raises before a socket exists.
- The port is 631 unless told, and never one that prints what it is sent (`PRINT_PORTS`).
- A redirect is followed to the same address and port only.
- The request is Get-Printer-Attributes: `message.encode_request` can write no other. Nothing secret is sent, so no certificate is
  demanded; its fingerprint is noted, so that a person can compare.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import itertools
import ssl
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterable
from types import TracebackType
from typing import NamedTuple, Protocol, Self, cast
from urllib.parse import SplitResult, urlsplit

import aiohttp
from aiohttp import hdrs

from poller import __version__, networks
from poller.errors import AgentError, DecodeError, NoAnswerError, PrinterError, UnreachableError
from poller.ipp import message
from poller.ipp.message import Attributes, Response, Status
from poller.networks import Interval
from poller.printers.attributes import REQUESTED

PORT = 631
PRINT_PORTS = frozenset({515, *range(9100, 9108)})
"""What is sent to these comes out as paper."""

PATHS = ("/ipp/print", "/ipp/printer", "/")
TIMEOUT_SECONDS = 10.0
"""For one door: connecting, asking, and a printer that wakes up for it."""

_DEVICE_SECONDS = 40.0  # for all doors of one device
_CONNECT_SECONDS = 4.0
_REDIRECTS_MAX = 2
_WAYS_MAX = 65_536
_CHUNK_OCTETS = 16 * 1024

_OK = 200
_REDIRECTS = frozenset({301, 302, 307, 308})
_UPGRADE_REQUIRED = 426
_NO_WAY = frozenset({"ENETUNREACH", "EHOSTUNREACH", "ENETDOWN", "EACCES", "EPERM", "EAFNOSUPPORT", "EADDRNOTAVAIL"})


class Way(NamedTuple):
    """The door that opened: scheme, path, version of IPP, and the SHA-256 of the certificate seen there, if any."""

    scheme: str
    path: str
    version: tuple[int, int] = (2, 0)
    fingerprint: str | None = None


class Addressed(Protocol):
    """Whom to ask."""

    @property
    def address(self) -> str: ...


class Printer(NamedTuple):
    """Whom to ask, where nothing else is known of it."""

    address: str


class IppClient:
    """`async with IppClient(allowed) as client: await client.read_attributes(target)`.

    *allowed* are the addresses that may be connected to at all. At most *connections_max* are open at a time, one per device.
    """

    def __init__(
        self,
        allowed: Iterable[Interval],
        *,
        port: int = PORT,
        timeout_seconds: float = TIMEOUT_SECONDS,
        connections_max: int = 32,
        octets_max: int = message.OCTETS_MAX,
    ) -> None:
        if port in PRINT_PORTS:
            raise ValueError(f"TCP port {port} prints what it is sent")
        self._allowed: tuple[Interval, ...] = ()
        self.allow(allowed)
        self._port, self._timeout_seconds, self._octets_max = port, timeout_seconds, octets_max
        self._connections_max = connections_max
        self._ways: OrderedDict[str, Way] = OrderedDict()
        self._numbers = itertools.cycle(range(1, 0x7FFF_FFFF))
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(
            ssl=_any_certificate(), limit=self._connections_max, limit_per_host=1, force_close=True, use_dns_cache=False
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            response_class=_Answer,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,  # nothing compressed was asked for, and a small body may unpack to a huge one
            timeout=aiohttp.ClientTimeout(total=self._timeout_seconds, sock_connect=min(_CONNECT_SECONDS, self._timeout_seconds)),
            headers={hdrs.USER_AGENT: f"poller/{__version__}", hdrs.ACCEPT_ENCODING: "identity", hdrs.ACCEPT: message.MEDIA_TYPE},
            max_line_size=4096,
            max_field_size=4096,
        )
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def allow(self, allowed: Iterable[Interval]) -> None:
        """Let these addresses be asked, and no others any more: host names resolve anew, configurations change."""
        self._allowed = networks.merge(allowed)

    def may_ask(self, address: str) -> bool:
        """Say whether *address* is one of those that may be connected to."""
        if not self._allowed:
            return False
        try:
            version, number = networks.address_number(address)
        except ValueError:
            return False
        at = bisect_right(self._allowed, (version, number, float("inf"))) - 1
        return at >= 0 and self._allowed[at].version == version and self._allowed[at].first <= number <= self._allowed[at].last

    def way(self, address: str) -> Way | None:
        """Return how *address* was last read."""
        return self._ways.get(address)

    async def read_attributes(self, target: Addressed) -> Attributes:
        """Return the attributes of the printer at *target*.

        Raises NoAnswerError (nobody there, silence, a connection cut), AgentError (HTTP or IPP says no, or something other than IPP
        answers) and DecodeError; of several doors, the error of the one that came nearest.
        """
        address = target.address
        if not self.may_ask(address):
            raise UnreachableError(address, reason="no range with ipp = true has this address")
        known = self._ways.get(address)
        doors = dict.fromkeys([*([known] if known is not None else ()), *(Way("http", path) for path in PATHS)])
        faults: list[PrinterError] = []
        try:
            async with asyncio.timeout(_DEVICE_SECONDS):
                return await self._try_doors(address, list(doors), faults)
        except TimeoutError:
            faults.append(NoAnswerError(address, tries=len(faults) + 1))
        raise max(faults, key=_nearness)

    async def _try_doors(self, address: str, doors: list[Way], faults: list[PrinterError]) -> Attributes:
        """Return what is behind the first door that opens. Raises the error of the one that came nearest; *faults* gathers all."""
        tried: set[tuple[str, str, tuple[int, int]]] = set()
        while doors:
            door = doors.pop(0)
            if door[:3] in tried:
                continue
            tried.add(door[:3])
            try:
                response, way = await self._ask(address, door)
            except _Elsewhere as hint:
                doors.insert(0, door._replace(scheme="https", fingerprint=None))
                faults.append(hint.fault)
                continue
            except UnreachableError as error:
                faults.append(error)
                break
            except PrinterError as error:
                faults.append(error)
                if isinstance(error, NoAnswerError):
                    break  # nobody listens there, or is too slow for another try
                continue
            if response.is_success:
                self._remember(address, way)
                return response.printer
            faults.append(AgentError(f"IPP status 0x{response.status:04x}"))
            if response.status == Status.VERSION_NOT_SUPPORTED.value and door.version != (1, 1):
                doors.insert(0, door._replace(version=(1, 1)))
        self._ways.pop(address, None)
        raise max(faults, key=_nearness)

    async def _ask(self, address: str, door: Way) -> tuple[Response, Way]:
        """Ask once. Raises PrinterError, or _Elsewhere where TLS is wanted."""
        host = f"[{address}]" if ":" in address else address
        scheme, path = door.scheme, door.path
        for _ in range(_REDIRECTS_MAX + 1):
            uri = f"{'ipps' if scheme == 'https' else 'ipp'}://{host}:{self._port}{path}"
            body = message.encode_request(uri, REQUESTED, request_id=next(self._numbers), version=door.version)
            answer, octets = await self._post(address, f"{scheme}://{host}:{self._port}{path}", body)
            if answer.status not in _REDIRECTS:
                break
            there = _redirect(answer, address, self._port)
            if there is None:
                raise AgentError("HTTP redirects to another place")
            scheme, path = there.scheme, there.path or "/"
        else:
            raise AgentError("HTTP redirects without end")
        if answer.status == _UPGRADE_REQUIRED and scheme == "http":
            raise _Elsewhere(AgentError("HTTP 426, TLS is wanted"))
        if answer.status != _OK:
            raise AgentError(f"HTTP {answer.status}")
        if answer.content_type != message.MEDIA_TYPE:
            raise AgentError(f"HTTP answers {answer.content_type[:64]!r} instead of {message.MEDIA_TYPE}")
        return message.decode(octets), door._replace(scheme=scheme, path=path, fingerprint=answer.fingerprint)

    async def _post(self, address: str, url: str, body: bytes) -> tuple[_Answer, bytes]:
        """Send *body* and return the answer with its body; of one that is refused, redirected or not IPP, the body is not read."""
        assert self._session is not None, "the client is entered before it is used"
        is_plain = url.startswith("http:")
        try:
            async with self._session.post(
                url, data=body, headers={hdrs.CONTENT_TYPE: message.MEDIA_TYPE}, allow_redirects=False
            ) as response:
                answer = cast(_Answer, response)
                wanted = answer.status == _OK and answer.content_type == message.MEDIA_TYPE
                return answer, await self._read_body(answer) if wanted else b""
        except TimeoutError as error:
            raise NoAnswerError(address, tries=1) from error
        except aiohttp.ClientConnectorError as error:
            name = errno.errorcode.get(error.os_error.errno or 0, "")
            if isinstance(error, aiohttp.ClientSSLError) or (not is_plain and name == "ECONNRESET"):  # first: OpenSSL has errnos of its own
                raise AgentError("TLS could not be agreed upon") from error
            if name in _NO_WAY:
                raise UnreachableError(address, reason=name) from error
            raise NoAnswerError(address, tries=1) from error
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, aiohttp.ClientResponseError) as error:
            cut = DecodeError("no HTTP", 0) if isinstance(error, aiohttp.ClientResponseError) else AgentError("connection cut")
            if is_plain:  # how a device that expects TLS takes a request in clear
                raise _Elsewhere(cut) from error
            raise cut from error
        except aiohttp.ClientPayloadError as error:
            raise DecodeError("HTTP body cut short", 0) from error
        except (aiohttp.ClientError, ValueError) as error:
            raise DecodeError("no HTTP", 0) from error

    async def _read_body(self, answer: _Answer) -> bytes:
        octets = bytearray()
        async for chunk in answer.content.iter_chunked(_CHUNK_OCTETS):
            octets += chunk
            if len(octets) > self._octets_max:
                raise DecodeError(f"longer than {self._octets_max} octets", self._octets_max)
        return bytes(octets)

    def _remember(self, address: str, way: Way) -> None:
        self._ways[address] = way
        self._ways.move_to_end(address)
        if len(self._ways) > _WAYS_MAX:
            self._ways.popitem(last=False)


class _Elsewhere(Exception):  # noqa: N818  no error: the device wants TLS
    """The same door, but by TLS; `fault` is what to say should that fail as well."""

    def __init__(self, fault: PrinterError) -> None:
        self.fault = fault
        super().__init__(str(fault))


class _Answer(aiohttp.ClientResponse):
    """Notes the certificate while there is a connection to ask; it is gone as soon as the body is complete."""

    fingerprint: str | None = None

    async def start(self, connection: aiohttp.connector.Connection) -> aiohttp.ClientResponse:
        transport = connection.transport
        tls = transport.get_extra_info("ssl_object") if transport is not None else None
        certificate = tls.getpeercert(binary_form=True) if tls is not None else None
        self.fingerprint = hashlib.sha256(certificate).hexdigest() if certificate is not None else None
        return await super().start(connection)


def _any_certificate() -> ssl.SSLContext:
    """Return a context that takes what printers have: self-signed, expired, of 1,024 bits, TLS 1.0. It protects nothing, and has to."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    return context


def _redirect(answer: _Answer, address: str, port: int) -> SplitResult | None:
    """Return where *answer* redirects to, if that is this same device, address and port."""
    try:
        there = urlsplit(answer.headers.get(hdrs.LOCATION, "")[:1024])
        default = {"http": 80, "https": 443}.get(there.scheme)
        same = there.hostname == address.lower() and (there.port or default) == port
    except ValueError:
        return None
    return there if default is not None and same else None


def _nearness(error: PrinterError) -> int:
    """Rank errors by how near their door came to an answer: IPP before HTTP before silence."""
    if isinstance(error, DecodeError):
        return 3
    if isinstance(error, AgentError):
        return 2 if error.reason.startswith("IPP") else 1
    return 0
