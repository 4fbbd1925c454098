from __future__ import annotations

import asyncio
import hashlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from poller.engine.wire import AttributeSource
from poller.errors import AgentError, DecodeError, NoAnswerError, PrinterError, UnreachableError
from poller.ipp.client import PATHS, PORT, PRINT_PORTS, IppClient, Printer
from poller.networks import Interval, parse
from tests.ipp import answers

HERE = "127.0.0.1"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def interval(text: str) -> Interval:
    parsed = parse(text)
    assert isinstance(parsed, Interval)
    return parsed


def ipp(octets: bytes | None = None, **told: object) -> web.Response:
    return web.Response(body=answers.printer() if octets is None else octets, content_type="application/ipp", **told)  # type: ignore[arg-type]


class Device:
    """What stands at the other end: notes every request, answers by *handler*."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self.asked: list[str] = []
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.port = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(f"{request.scheme} {request.path}")
        self.headers.append(dict(request.headers))
        self.bodies.append(await request.read())
        return await self._handler(request)


@asynccontextmanager
async def device(handler: Handler, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Device]:
    there = Device(handler)
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", there.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, HERE, 0, ssl_context=tls)
        await site.start()
        there.port = runner.addresses[0][1]
        yield there
    finally:
        await runner.cleanup()


@asynccontextmanager
async def raw_device(serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]) -> AsyncIterator[int]:
    """A device that speaks no HTTP worth the name."""

    async def serve_and_close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve_and_close, HERE, 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@asynccontextmanager
async def client(port: int, *, timeout_seconds: float = 20, octets_max: int = 100_000) -> AsyncIterator[IppClient]:
    async with IppClient([interval(HERE)], port=port, timeout_seconds=timeout_seconds, octets_max=octets_max) as one:
        yield one


async def fault_of(handler: Handler, *, octets_max: int = 100_000) -> tuple[PrinterError, Device]:
    async with device(handler) as there, client(there.port, octets_max=octets_max) as one:
        with pytest.raises(PrinterError) as caught:
            await one.read_attributes(Printer(HERE))
    return caught.value, there


def always(make: Callable[[], web.StreamResponse]) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        return make()

    return handler


def at(path: str, make: Callable[[], web.StreamResponse] = ipp) -> Handler:
    """A device that knows one path."""

    async def handler(request: web.Request) -> web.StreamResponse:
        return make() if request.path == path else web.Response(status=404)

    return handler


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, str]:
    """A certificate as printers have it: signed by itself, expired, for another name; and its fingerprint."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "NPI123456")])
    end = datetime.now(UTC) - timedelta(days=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(end - timedelta(days=365))
        .not_valid_after(end)
        .sign(key, hashes.SHA256())
    )
    path: Path = tmp_path_factory.mktemp("tls") / "printer.pem"
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context, hashlib.sha256(made.public_bytes(serialization.Encoding.DER)).hexdigest()


# --- how it asks -------------------------------------------------------------------------------------------------------


@pytest.mark.both_loops
async def test_attributes_are_read_and_the_request_is_get_printer_attributes() -> None:
    async with device(at("/ipp/print")) as there, client(there.port) as one:
        source: AttributeSource = one
        attributes = await source.read_attributes(Printer(HERE))
    assert attributes["marker-levels"] == (63, -3)
    (body,), (headers,) = there.bodies, there.headers
    assert body[2:4] == b"\x00\x0b"
    assert f"ipp://{HERE}:{there.port}/ipp/print".encode() in body
    assert headers["Content-Type"] == "application/ipp"
    assert headers["Accept-Encoding"] == "identity"
    assert "Cookie" not in headers and "Authorization" not in headers


@pytest.mark.parametrize("path", PATHS)
async def test_paths_are_tried_in_order_and_the_one_that_answered_is_remembered(path: str) -> None:
    async with device(at(path)) as there, client(there.port) as one:
        await one.read_attributes(Printer(HERE))
        assert there.asked == [f"http {tried}" for tried in PATHS[: PATHS.index(path) + 1]]
        there.asked.clear()
        await one.read_attributes(Printer(HERE))
        assert there.asked == [f"http {path}"]
        way = one.way(HERE)
        assert way is not None and (way.scheme, way.path, way.fingerprint) == ("http", path, None)


async def test_a_printer_that_moved_its_door_is_found_again() -> None:
    path = "/"

    async def handler(request: web.Request) -> web.StreamResponse:
        return await at(path)(request)

    async with device(handler) as there, client(there.port) as one:
        await one.read_attributes(Printer(HERE))
        path = "/ipp/printer"
        await one.read_attributes(Printer(HERE))
        assert there.asked[-3:] == ["http /", "http /ipp/print", "http /ipp/printer"]


async def test_an_older_version_is_spoken_where_it_has_to_be() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        version = (await request.read())[:2]
        return ipp() if version == b"\x01\x01" else ipp(answers.answer(status=0x0503))

    async with device(handler) as there, client(there.port) as one:
        await one.read_attributes(Printer(HERE))
        await one.read_attributes(Printer(HERE))
    assert [body[:2] for body in there.bodies] == [b"\x02\x00", b"\x01\x01", b"\x01\x01"]


async def test_a_wrong_printer_uri_is_asked_elsewhere() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return ipp() if request.path == "/ipp/printer" else ipp(answers.answer(status=0x0406))

    async with device(handler) as there, client(there.port) as one:
        assert "marker-names" in await one.read_attributes(Printer(HERE))


# --- whom it asks ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "allowed, address, may",
    [
        (["10.1.0.0/24"], "10.1.0.7", True),
        (["10.1.0.0/24"], "10.1.1.0", False),
        (["10.1.0.0/24"], "10.0.255.255", False),
        (["10.1.0.5-9", "10.1.0.20", "2001:db8::/120"], "10.1.0.20", True),
        (["10.1.0.5-9", "10.1.0.20", "2001:db8::/120"], "10.1.0.19", False),
        (["10.1.0.5-9", "10.1.0.20", "2001:db8::/120"], "2001:db8::ff", True),
        (["10.1.0.5-9", "10.1.0.20", "2001:db8::/120"], "2001:db8::100", False),
        (["10.1.0.0/24"], "::a01:7", False),
        (["10.1.0.0/24"], "printer.example.com", False),
        ([], "10.1.0.7", False),
    ],
)
async def test_only_named_addresses_may_be_asked(allowed: list[str], address: str, may: bool) -> None:
    assert IppClient([interval(text) for text in allowed]).may_ask(address) is may


async def test_no_connection_is_made_to_an_address_nobody_named() -> None:
    async with device(always(ipp)) as there, IppClient([interval("127.0.0.2")], port=there.port) as one:
        with pytest.raises(UnreachableError, match="no range with ipp = true"):
            await one.read_attributes(Printer(HERE))
        one.allow([interval(HERE)])
        await one.read_attributes(Printer(HERE))
        one.allow([])
        with pytest.raises(UnreachableError):
            await one.read_attributes(Printer(HERE))
    assert len(there.asked) == 1


@pytest.mark.parametrize("port", sorted(PRINT_PORTS))
def test_a_port_that_prints_is_refused(port: int) -> None:
    with pytest.raises(ValueError, match="prints what it is sent"):
        IppClient([interval(HERE)], port=port)


def test_the_port_is_631_and_the_print_ports_are_all_there() -> None:
    assert PORT == 631
    assert {515, 9100, 9101, 9102, 9103, 9104, 9105, 9106, 9107} == PRINT_PORTS


# --- TLS ---------------------------------------------------------------------------------------------------------------


@pytest.mark.both_loops
async def test_a_self_signed_certificate_is_taken_and_its_fingerprint_noted(certificate: tuple[ssl.SSLContext, str]) -> None:
    """A device that speaks TLS only cuts the connection that begins in clear."""
    context, fingerprint = certificate
    async with device(at("/ipp/print"), tls=context) as there, client(there.port) as one:
        await one.read_attributes(Printer(HERE))
        assert there.asked == ["https /ipp/print"]
        assert b"ipps://" in there.bodies[0]
        way = one.way(HERE)
        assert way is not None and (way.scheme, way.fingerprint) == ("https", fingerprint)
        await one.read_attributes(Printer(HERE))
        assert there.asked == ["https /ipp/print"] * 2


async def test_426_without_tls_behind_it_is_told_as_it_is() -> None:
    fault, there = await fault_of(always(lambda: web.Response(status=426)))
    assert isinstance(fault, AgentError)
    assert set(there.asked) == {f"http {path}" for path in PATHS}


# --- what is no answer -------------------------------------------------------------------------------------------------


async def test_nobody_there_is_no_answer() -> None:
    async with device(always(ipp)) as there:
        port = there.port
    async with client(port) as one:
        with pytest.raises(NoAnswerError):
            await one.read_attributes(Printer(HERE))


async def test_silence_is_no_answer_and_asked_once() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    async with device(handler) as there, client(there.port, timeout_seconds=0.05) as one:
        with pytest.raises(NoAnswerError):
            await one.read_attributes(Printer(HERE))
    assert len(there.asked) == 1


@pytest.mark.both_loops
async def test_an_answer_that_never_ends_is_cut_off_by_time() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/ipp"})
        await response.prepare(request)
        await response.write(answers.head())
        await asyncio.Event().wait()
        return response

    async with device(handler) as there, client(there.port, timeout_seconds=0.05) as one:
        with pytest.raises(NoAnswerError):
            await one.read_attributes(Printer(HERE))


@pytest.mark.parametrize("octets_max", [1000, 99_999])
async def test_an_answer_without_end_is_cut_off_by_size(octets_max: int) -> None:
    written = 0

    async def handler(request: web.Request) -> web.StreamResponse:
        nonlocal written
        response = web.StreamResponse(headers={"Content-Type": "application/ipp"})
        await response.prepare(request)
        while True:
            await response.write(bytes(10_000))
            written += 10_000
            assert written < 50_000_000

    fault, _ = await fault_of(handler, octets_max=octets_max)
    assert isinstance(fault, DecodeError)
    assert str(octets_max) in fault.reason


@pytest.mark.parametrize(
    "response, kind, text",
    [
        (lambda: web.Response(text="<html>Welcome</html>", content_type="text/html"), AgentError, "'text/html' instead of application/ipp"),
        (lambda: web.Response(status=401), AgentError, "HTTP 401"),
        (lambda: web.Response(status=500), AgentError, "HTTP 500"),
        (lambda: web.Response(status=204), AgentError, "HTTP 204"),
        (lambda: ipp(answers.answer(status=0x0400)), AgentError, "IPP status 0x0400"),
        (lambda: ipp(b""), DecodeError, "header cut short"),
        (lambda: ipp(answers.printer()[:-1]), DecodeError, "cut short"),
        (lambda: ipp(b"<html></html>"), DecodeError, "version 60.104"),
        (lambda: ipp(answers.printer(), headers={"Content-Encoding": "gzip"}), None, ""),  # said, but not done; read as it came
        (lambda: ipp(b"\x1f\x8b" + bytes(50), headers={"Content-Encoding": "gzip"}), DecodeError, "version"),
    ],
)
async def test_whatever_else_answers_is_one_error_of_ours(
    response: Callable[[], web.Response], kind: type[PrinterError] | None, text: str
) -> None:
    if kind is None:
        async with device(always(response)) as there, client(there.port) as one:
            assert await one.read_attributes(Printer(HERE))
        return
    fault, there = await fault_of(always(response))
    assert type(fault) is kind
    assert text in str(fault)
    assert there.asked == [f"http {path}" for path in PATHS]


async def test_the_error_that_came_nearest_is_told() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        kinds = {"/ipp/print": lambda: web.Response(status=404), "/ipp/printer": lambda: ipp(answers.answer(status=0x0507))}
        return kinds.get(request.path, lambda: web.Response(text="Welcome"))()

    fault, _ = await fault_of(handler)
    assert str(fault) == "IPP status 0x0507"


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\x15\x03\x01\x00\x02\x02\x0a",
        b"220 ftp ready\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 " + b"9" * 100_000,
    ],
    ids=["nothing", "a TLS alert", "FTP", "a length that is none", "a line without end"],
)
async def test_what_is_no_http_is_one_error_of_ours(octets: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(octets)
        await writer.drain()

    async with raw_device(serve) as port, client(port) as one:
        with pytest.raises((AgentError, DecodeError)):
            await one.read_attributes(Printer(HERE))


async def test_a_body_cut_short_is_one_error_of_ours() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/ipp\r\nContent-Length: 500\r\n\r\n" + answers.printer()[:100])
        await writer.drain()

    async with raw_device(serve) as port, client(port) as one:
        with pytest.raises(DecodeError):
            await one.read_attributes(Printer(HERE))


# --- redirects ---------------------------------------------------------------------------------------------------------


async def test_a_redirect_within_the_device_is_followed() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        if request.path == "/ipp/print":
            return web.Response(status=307, headers={"Location": f"http://{HERE}:{there.port}/new/place"})
        return await at("/new/place")(request)

    async with device(handler) as there, client(there.port) as one:
        await one.read_attributes(Printer(HERE))
        way = one.way(HERE)
        assert way is not None and way.path == "/new/place"


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.2:{port}/",
        "http://127.0.0.1:{other}/",
        "//127.0.0.2:{port}/",
        "http://127.0.0.1/",
        "ftp://127.0.0.1:{port}/",
        "",
        "http://[",
    ],
)
async def test_a_redirect_to_anywhere_else_is_not_followed(location: str) -> None:
    async with device(always(ipp)) as other:

        async def handler(request: web.Request) -> web.StreamResponse:
            there = location.format(port=request.url.port, other=other.port)
            return web.Response(status=302, headers={"Location": there})

        fault, _ = await fault_of(handler)
    assert str(fault) == "HTTP redirects to another place"
    assert other.asked == []


async def test_redirects_in_a_circle_end() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": str(request.url)})

    fault, there = await fault_of(handler)
    assert str(fault) == "HTTP redirects without end"
    assert len(there.asked) == 3 * len(PATHS)
