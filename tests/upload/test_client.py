"""Ways to central: TLS and its authorities, proxies and their passwords, and the name of everything that goes wrong on them."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from poller.config import Proxies, Proxy
from poller.errors import HostError, UnreachedError
from poller.model import Secret
from poller.sealing.keys import SigningKey
from poller.upload.client import CentralClient
from tests.certificates import authority
from tests.fake_clock import FakeClock
from tests.upload.box import NO_PROXY
from tests.upload.dealer import Dealer, page
from tests.upload.real_tinyproxy import PASSWORD, USER, tinyproxy

KEYS = "/v1/keys"


async def fault_of(client: CentralClient) -> UnreachedError:
    """Return what comes of asking for central's keys."""
    async with client:
        with pytest.raises(UnreachedError) as raised:
            await client.fetch(KEYS)
    return raised.value


def through(where: str, user: str | None = None, password: str = "") -> Proxies:
    return Proxies(configured=Proxy(f"http://{where}", user, Secret(password) if user else None))


@pytest.fixture
def tls(tmp_path: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority().write(tmp_path, "server"))
    return context


@pytest.fixture
def ca_file(tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    path.write_bytes(authority().pem)
    return path


# --- TLS -------------------------------------------------------------------------------------------------------------------


@pytest.mark.both_loops
async def test_a_private_authority_is_believed_where_it_is_configured(clock: FakeClock, tls: ssl.SSLContext, ca_file: Path) -> None:
    dealer = Dealer(clock)
    async with dealer.serving(tls) as address, CentralClient(address, clock, proxies=NO_PROXY, ca_file=ca_file) as client:
        assert (await client.fetch(KEYS)).status == 200


@pytest.mark.both_loops
@pytest.mark.parametrize("has_ca_file", [False, True], ids=["the system's", "another"])
async def test_another_authority_is_not_believed(clock: FakeClock, tls: ssl.SSLContext, tmp_path: Path, *, has_ca_file: bool) -> None:
    other = tmp_path / "other.pem"
    other.write_bytes(authority("another one").pem)
    dealer = Dealer(clock)
    async with dealer.serving(tls) as address:
        error = await fault_of(CentralClient(address, clock, proxies=NO_PROXY, ca_file=other if has_ca_file else None))
    assert error.kind == "tls"
    assert "is not believed" in str(error)
    assert dealer.asked == []


async def test_a_certificate_that_expired_is_not_believed(clock: FakeClock, tmp_path: Path, ca_file: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority().write(tmp_path, "expired", expired=True))
    async with Dealer(clock).serving(context) as address:
        error = await fault_of(CentralClient(address, clock, proxies=NO_PROXY, ca_file=ca_file))
    assert (error.kind, "certificate has expired" in str(error)) == ("tls", True)


async def test_tls_with_a_server_that_has_none(clock: FakeClock, ca_file: Path) -> None:
    async with Dealer(clock).serving() as address:
        error = await fault_of(CentralClient(address.replace("http:", "https:"), clock, proxies=NO_PROXY, ca_file=ca_file))
    assert error.kind == "tls"


async def test_a_file_that_holds_no_certificates_is_the_hosts_trouble(clock: FakeClock, tmp_path: Path) -> None:
    path = tmp_path / "empty.pem"
    path.write_text("nothing")
    with pytest.raises(HostError, match="cannot read the certificates"):
        async with CentralClient("https://127.0.0.1", clock, proxies=NO_PROXY, ca_file=path):
            pass


# --- no way there ----------------------------------------------------------------------------------------------------------


@pytest.mark.both_loops
async def test_nobody_listens(clock: FakeClock, unused_tcp_port: int) -> None:
    error = await fault_of(CentralClient(f"http://127.0.0.1:{unused_tcp_port}", clock, proxies=NO_PROXY))
    assert error.kind == "connect"
    assert str(error) == f"no connection to 127.0.0.1:{unused_tcp_port}: Connection refused"


async def test_the_proxy_does_not_listen(clock: FakeClock, unused_tcp_port: int) -> None:
    where = f"127.0.0.1:{unused_tcp_port}"
    error = await fault_of(CentralClient("http://127.0.0.1:1", clock, proxies=through(where, USER, PASSWORD)))
    assert (error.kind, where in str(error), PASSWORD in str(error)) == ("proxy", True, False)


async def test_a_redirect_is_not_followed(clock: FakeClock) -> None:
    dealer = Dealer(clock)
    async with dealer.serving() as address:
        dealer.odd.append(page(302, Location=f"{address}/v1/keys"))
        error = await fault_of(CentralClient(address, clock, proxies=NO_PROXY))
    assert error.kind == "in-between"
    assert len(dealer.asked) == 1


# --- a real proxy ----------------------------------------------------------------------------------------------------------


@pytest.mark.both_loops
@pytest.mark.parametrize("is_tls", [False, True], ids=["http", "CONNECT"])
async def test_through_a_real_proxy_with_its_password(
    clock: FakeClock, tls: ssl.SSLContext, ca_file: Path, tmp_path: Path, real_part: Callable[[str], str], *, is_tls: bool
) -> None:
    dealer = Dealer(clock)
    with tinyproxy(real_part("tinyproxy"), tmp_path) as where:
        async with (
            dealer.serving(tls if is_tls else None) as address,
            CentralClient(address, clock, proxies=through(where, USER, PASSWORD), ca_file=ca_file) as client,
        ):
            assert (await client.fetch(KEYS)).status == 200
        port = address.rpartition(":")[2]
        asked = f"CONNECT 127.0.0.1:{port} HTTP" if is_tls else f"GET http://127.0.0.1:{port}/v1/keys HTTP"
        assert asked in (tmp_path / "proxy.log").read_text()
    assert len(dealer.asked) == 1


@pytest.mark.both_loops
@pytest.mark.parametrize("user, password", [(None, ""), (USER, "wrong"), ("nobody", PASSWORD)], ids=["none", "password", "user"])
@pytest.mark.parametrize("is_tls", [False, True], ids=["http", "CONNECT"])
async def test_a_real_proxy_that_refuses_the_password_says_what_it_offers(
    clock: FakeClock,
    tls: ssl.SSLContext,
    ca_file: Path,
    tmp_path: Path,
    real_part: Callable[[str], str],
    user: str | None,
    password: str,
    *,
    is_tls: bool,
) -> None:
    dealer = Dealer(clock)
    with tinyproxy(real_part("tinyproxy"), tmp_path) as where:
        async with dealer.serving(tls if is_tls else None) as address:
            error = await fault_of(CentralClient(address, clock, proxies=through(where, user, password), ca_file=ca_file))
    assert error.kind == "proxy-auth"
    if user is None:  # this proxy answers 407 where nothing came, and 401, which offers nothing, where it was wrong
        assert "it offers Basic" in str(error)
    assert "wrong" not in str(error)
    assert error.__cause__ is None  # aiohttp's own has the header fields in it
    assert dealer.asked == []


async def test_a_real_proxy_that_reaches_nobody_is_named(
    clock: FakeClock, ca_file: Path, tmp_path: Path, real_part: Callable[[str], str], unused_tcp_port: int
) -> None:
    with tinyproxy(real_part("tinyproxy"), tmp_path, has_password=False) as where:
        direct = await fault_of(CentralClient(f"http://127.0.0.1:{unused_tcp_port}", clock, proxies=through(where)))
        tunnel = await fault_of(CentralClient(f"https://127.0.0.1:{unused_tcp_port}", clock, proxies=through(where), ca_file=ca_file))
    assert (direct.kind, tunnel.kind) == ("in-between", "proxy")
    assert "does not connect to" in str(tunnel)


# --- what a proxy may ask for ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "challenge, words",
    [
        ("NTLM", "offers NTLM"),
        ("Negotiate, NTLM", "offers Negotiate, NTLM"),
        ('Basic realm="a, b", Negotiate', "offers Basic, Negotiate"),
        ('Digest realm="x", nonce="y", qop="auth,auth-int"', "offers Digest"),
        ("", "does not say how"),
        ('<script>, "x=', "does not say how"),
    ],
)
async def test_the_schemes_a_proxy_offers_are_named(clock: FakeClock, challenge: str, words: str) -> None:
    dealer = Dealer(clock)
    async with dealer.serving() as address:
        dealer.odd.append(page(407, Proxy_Authenticate=challenge))
        error = await fault_of(CentralClient(address, clock, proxies=NO_PROXY))
    assert error.kind == "proxy-auth"
    assert words in str(error)
    assert ("local helper" in str(error)) == ("Basic" not in challenge)


async def test_a_password_goes_to_the_proxy_and_not_through_the_tunnel(
    clock: FakeClock, tls: ssl.SSLContext, ca_file: Path, tmp_path: Path, real_part: Callable[[str], str]
) -> None:
    dealer = Dealer(clock)
    seen: list[str] = []

    async def look(request: web.Request, body: bytes) -> web.StreamResponse:
        seen.extend(request.headers)
        return await dealer.answer(request, body)

    with tinyproxy(real_part("tinyproxy"), tmp_path) as where:
        async with (
            dealer.serving(tls) as address,
            CentralClient(address, clock, proxies=through(where, USER, PASSWORD), ca_file=ca_file) as client,
        ):
            dealer.odd.append(look)
            await client.fetch(KEYS)
    assert "Host" in seen
    assert "Proxy-Authorization" not in seen


async def test_a_signature_covers_the_path_of_the_address(clock: FakeClock) -> None:
    dealer = Dealer(clock, prefix="/a/b")
    key = SigningKey.generate()
    async with dealer.serving() as address, CentralClient(address + "/", clock, proxies=NO_PROXY) as client:
        with pytest.raises(UnreachedError, match="says bad-signature"):
            await client.ask("POST", "/v1/heartbeat", b"x", key=key, resolve=lambda key_id: None)
        assert dealer.asked == [("POST", "/a/b/v1/heartbeat")]
        assert client.bytes_sent == 1


# --- what nobody meant -----------------------------------------------------------------------------------------------------


@asynccontextmanager
async def saying(answer: bytes | None) -> AsyncIterator[str]:
    """Whoever comes gets *answer*, whatever was asked; with None they get nothing, for as long as they wait."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if answer is None:
            await reader.read()
        else:
            writer.write(answer)
        writer.close()
        await writer.wait_closed()
        over.set()

    over = asyncio.Event()
    async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        await over.wait()


@pytest.mark.both_loops
@pytest.mark.parametrize("is_by_proxy", [False, True], ids=["direct", "by a proxy"])
async def test_the_end_of_the_program_does_not_wait_for_a_name_server(
    clock: FakeClock, monkeypatch: pytest.MonkeyPatch, *, is_by_proxy: bool
) -> None:
    """A thread of the loop's own would be waited for, for as long as a resolver takes to give up: half a minute."""
    threads: list[threading.Thread] = []

    def ask(*_: object, **__: object) -> list[object]:
        threads.append(threading.current_thread())
        raise socket.gaierror(socket.EAI_NONAME, "")

    monkeypatch.setattr(socket, "getaddrinfo", ask)
    proxies = through("proxy.example.com:3128") if is_by_proxy else NO_PROXY
    error = await fault_of(CentralClient("http://central.example.com", clock, proxies=proxies))
    assert error.kind == "dns"
    assert [thread.daemon for thread in threads] == [True]


@pytest.mark.both_loops
@pytest.mark.parametrize("host", ["central..example.com", "a" * 64 + ".example.com"])
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_name_that_can_be_none_does_not_resolve(clock: FakeClock, host: str, scheme: str) -> None:
    error = await fault_of(CentralClient(f"{scheme}://{host}", clock, proxies=NO_PROXY))
    assert (error.kind, str(error)) == ("dns", f"the name of {host} does not resolve")
    error = await fault_of(CentralClient(f"{scheme}://central.example.com", clock, proxies=through(f"{host}:3128")))
    assert (error.kind, str(error)) == ("dns", f"the name of {host}:3128 does not resolve")


@pytest.mark.both_loops
async def test_what_stands_in_a_field_is_told_only_where_it_is_what_it_should_be(clock: FakeClock) -> None:
    for field, told in ((b"text/html; charset=x", "HTTP 503 text/html"), (b"text/h\xe4\xff", "HTTP 503"), (b"a b/c", "HTTP 503")):
        async with saying(b"HTTP/1.1 503 Sorry\r\nContent-Type: " + field + b"\r\nContent-Length: 0\r\n\r\n") as where:
            error = await fault_of(CentralClient(f"http://{where}", clock, proxies=NO_PROXY))
        assert str(error).encode().endswith(told.encode())


@pytest.mark.both_loops
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_that_says_nothing_is_named(clock: FakeClock, scheme: str) -> None:
    async with saying(None) as where:
        error = await fault_of(CentralClient(f"{scheme}://central.example.com", clock, proxies=through(where), total_seconds=0.2))
    assert (error.kind, str(error)) == ("timeout", f"central.example.com (by the proxy {where}) did not answer in time")
