"""`poller healthy`: what it says of an agent that answers, of one that does not, and of what is no agent."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from poller.cli.healthy import Verdict, look, where
from poller.engine.fleet import Fleet
from poller.exporter import AgentStatus, Exporter
from poller.model import Decoded
from tests.certificates import authority
from tests.conftest import ROOT
from tests.fake_clock import START_UTC, FakeClock
from tests.readings import colour_mfp
from tests.whole.processes import poller

TLS = "tls_server_config: {cert_file: server.crt, key_file: server.key"
HEAVY = (
    "aiohttp",
    "asyncio",
    "bcrypt",
    "jinja2",
    "poller.engine",
    "poller.exporter",
    "poller.agent",
    "prometheus_client",
    "rich",
    "yaml",
)


@pytest.fixture
async def serve(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Callable[[str], object]]:
    """Start an exporter with a web configuration of this text; its port is the result."""
    running: list[Exporter] = []

    async def probe(target: str, credential: str | None, timeout_seconds: float) -> Decoded:
        return colour_mfp()

    async def start(text: str) -> int:
        (tmp_path / "web.yml").write_text(text)
        authority().write(tmp_path, "server")
        (tmp_path / "ca.crt").write_bytes(authority().pem)
        exporter = Exporter(
            listen=("127.0.0.1", 0),
            fleet=Fleet(clock, site="hq", stale_after_seconds=86400, forget_after_seconds=30 * 86400),
            samples=[],
            status=lambda: AgentStatus(version="1.2.3", started_utc=START_UTC),
            probe=probe,
            is_ready=lambda: True,
            web_config_file=tmp_path / "web.yml",
            clock=clock,
        )
        await exporter.start()
        running.append(exporter)
        return exporter.port

    yield start
    for exporter in running:
        await exporter.close()


async def ask(port: int, text: str) -> Verdict:
    return await asyncio.to_thread(look, "127.0.0.1", port, text, timeout_seconds=20.0)


USERS = "basic_auth_users: {prometheus: $2b$04$" + "a" * 53 + "}\n"
CERTIFICATES = TLS + ", client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.crt"


@pytest.mark.parametrize(
    "text, scheme, reason",
    [
        ("", "http", "healthy"),
        (USERS, "http", "healthy"),
        (TLS + "}\n" + USERS, "https", "healthy"),
        (CERTIFICATES + "}\n", "https", "alive: it speaks TLS and demands a certificate of its clients"),
        (CERTIFICATES + ", max_version: TLS12}\n", "https", "alive: it speaks TLS and demands a certificate of its clients"),
    ],
)
async def test_an_agent_that_answers_is_healthy(text: str, scheme: str, reason: str, serve: Callable[[str], object]) -> None:
    port: int = await serve(text)  # type: ignore[misc]
    verdict = await ask(port, text)
    assert (verdict.ok, verdict.url) == (True, f"{scheme}://127.0.0.1:{port}/-/healthy")
    assert verdict.reason.startswith(reason)


@pytest.mark.parametrize("served, known", [("", TLS + "}"), (TLS + "}", "")])
async def test_a_file_that_the_agent_has_not_gone_by_yet_is_no_illness(served: str, known: str, serve: Callable[[str], object]) -> None:
    port: int = await serve(served)  # type: ignore[misc]
    assert (await ask(port, known)).ok


async def test_where_nobody_listens_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    for text in ("", CERTIFICATES + "}"):
        verdict = await ask(port, text)
        assert (verdict.ok, verdict.reason) == (False, "nobody listens there")


@pytest.mark.parametrize("text", ["", TLS + "}", CERTIFICATES + "}"])
async def test_one_that_accepts_and_says_nothing_is_not_healthy(text: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        verdict = await asyncio.to_thread(look, "127.0.0.1", silent.getsockname()[1], text, timeout_seconds=0.2)
    assert not verdict.ok
    assert verdict.reason.startswith("no answer within")


@pytest.mark.parametrize("said", [b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", b"SSH-2.0-x\r\n", b""])
@pytest.mark.parametrize("text", ["", CERTIFICATES + "}"])
async def test_one_that_says_something_else_is_not_healthy(said: bytes, text: str) -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        assert not (await ask(server.sockets[0].getsockname()[1], text)).ok


# --- whom it asks ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in [name for name in os.environ if name.startswith("POLLER_")]:
        monkeypatch.delenv(name)
    return monkeypatch


@pytest.mark.parametrize(
    "listen, host, port",
    [("0.0.0.0:9717", "127.0.0.1", 9717), ("[::]:1234", "::1", 1234), ("10.0.0.7:80", "10.0.0.7", 80), ("localhost:1", "localhost", 1)],
)
def test_it_asks_where_the_agent_listens(listen: str, host: str, port: int, tmp_path: Path, variables: pytest.MonkeyPatch) -> None:
    (tmp_path / "poller.toml").write_text(f'[exporter]\nlisten = "{listen}"\nweb_config_file = "web.yml"\n')
    assert where(tmp_path / "poller.toml") == (host, port, tmp_path / "web.yml")
    variables.setenv("POLLER_EXPORTER_LISTEN", "127.0.0.1:5")
    assert where(tmp_path / "poller.toml")[:2] == ("127.0.0.1", 5)


def test_a_fault_elsewhere_in_the_configuration_is_no_illness_of_the_agent(tmp_path: Path, variables: pytest.MonkeyPatch) -> None:
    (tmp_path / "poller.toml").write_text('[sweep]\nrat = 1\n[exporter]\nlisten = "127.0.0.1:7"\n')
    assert where(tmp_path / "poller.toml") == ("127.0.0.1", 7, None)


async def test_the_verb_says_it_in_a_line_and_by_its_exit_code(serve: Callable[[str], object], tmp_path: Path) -> None:
    port: int = await serve(TLS + "}")  # type: ignore[misc]
    (tmp_path / "poller.toml").write_text(f'[exporter]\nlisten = "0.0.0.0:{port}"\nweb_config_file = "web.yml"\n')
    done = await poller("healthy", "--config", str(tmp_path / "poller.toml"))
    assert (done.code, done.out, done.err) == (0, f"https://127.0.0.1:{port}/-/healthy: healthy\n", "")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        free = taken.getsockname()[1]
    done = await poller("healthy", "--json", env={"POLLER_EXPORTER_LISTEN": f"127.0.0.1:{free}"}, cwd=tmp_path.parent)
    assert done.code == 1
    assert json.loads(done.out) == {"ok": False, "url": f"http://127.0.0.1:{free}/-/healthy", "reason": "nobody listens there"}


def test_it_imports_nothing_heavy() -> None:
    program = f"import sys; from poller.cli.app import main; main(['healthy']); print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.splitlines()[-1] == "[]"
