"""TLS, log-ins and their file as clients meet them, a real Prometheus among them; and what happens when the file changes."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import re
import ssl
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import bcrypt
import pytest

from poller.engine.fleet import Fleet
from poller.errors import ConfigError
from poller.exporter import AgentStatus, Exporter
from poller.exporter.door import OPEN_PATH
from poller.logs import Plain, as_dict
from poller.model import Decoded
from tests.certificates import Authority, authority
from tests.fake_clock import START_UTC, FakeClock
from tests.readings import colour_mfp
from tests.whole.processes import get, running, until

PASSWORD = "an invented password"


def log_in(name: str, password: str) -> dict[str, str]:
    """Return the header of RFC 7617."""
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


ME = log_in("prometheus", PASSWORD)
USERS = {"prometheus": bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()}
PATHS = (
    "/",
    "/metrics",
    "/sd",
    "/-/ready",
    "/api/printers",
    "/probe?target=127.0.0.1",
    "/nowhere",
    "/-/%68ealthy/x",
    "/%2d/healthy/../metrics",
)


class Site:
    """An exporter with its web configuration file in a folder."""

    def __init__(self, folder: Path, clock: FakeClock) -> None:
        self.folder, self.file = folder, folder / "web.yml"
        fleet = Fleet(clock, site="hq", stale_after_seconds=86400, forget_after_seconds=30 * 86400)
        fleet.put(colour_mfp(1), duration_seconds=0.1)
        self.exporter = Exporter(
            listen=("127.0.0.1", 0),
            fleet=fleet,
            samples=[fleet.metrics],
            status=lambda: AgentStatus(version="1.2.3", started_utc=START_UTC),
            probe=self._probe,
            is_ready=lambda: True,
            web_config_file=self.file,
            clock=clock,
        )

    async def _probe(self, target: str, credential: str | None, timeout_seconds: float) -> Decoded:
        return colour_mfp()

    def write(
        self, *, users: dict[str, str] | None = None, tls: dict[str, str] | None = None, headers: dict[str, str] | None = None
    ) -> None:
        """Write the file; JSON is YAML."""
        document = {"tls_server_config": tls, "basic_auth_users": users, "http_server_config": {"headers": headers or {}}}
        self.file.write_text(json.dumps({key: value for key, value in document.items() if value is not None}))

    def certificate(self, *, expired: bool = False, by: Authority | None = None) -> dict[str, str]:
        (by or authority()).write(self.folder, "server", expired=expired)
        return {"cert_file": "server.crt", "key_file": "server.key"}

    async def get(self, path: str, *, context: ssl.SSLContext | None = None, me: dict[str, str] | None = None) -> aiohttp.ClientResponse:
        scheme = "http" if context is None else "https"
        connector = aiohttp.TCPConnector(ssl=context if context is not None else True)
        async with (
            aiohttp.ClientSession(connector=connector, headers=me) as session,
            session.get(f"{scheme}://127.0.0.1:{self.exporter.port}{path}") as answer,
        ):
            await answer.read()
            return answer

    async def samples(self, name: str) -> list[str]:
        """Return the lines of one of its own metrics, asked as the user there is."""
        async with (
            aiohttp.ClientSession(headers=ME) as session,
            session.get(f"http://127.0.0.1:{self.exporter.port}/metrics") as answer,
        ):
            return [line for line in (await answer.text()).splitlines() if line.startswith(name)]


@pytest.fixture
async def site(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Site]:
    site = Site(tmp_path, clock)
    yield site
    await site.exporter.close()


def trusting(certificate: tuple[Path, Path] | None = None, by: Authority | None = None) -> ssl.SSLContext:
    """A client that trusts our authority and shows *certificate*."""
    context = ssl.create_default_context(cadata=(by or authority()).pem.decode())
    if certificate is not None:
        context.load_cert_chain(*certificate)
    return context


def believing_anything() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def facts(caplog: pytest.LogCaptureFixture, event: str) -> list[dict[str, Plain]]:
    return [fact for record in caplog.records if (fact := as_dict(record))["event"] == event]


# --- who gets in -----------------------------------------------------------------------------------------------------------


async def test_everything_but_healthy_needs_a_log_in(site: Site) -> None:
    site.write(users=USERS)
    await site.exporter.start()
    for path in PATHS:
        answer = await site.get(path)
        assert (path, answer.status) == (path, 401)
        assert answer.headers["WWW-Authenticate"] == 'Basic realm="poller", charset="UTF-8"'
        assert "Server" not in answer.headers
    assert (await site.get(OPEN_PATH)).status == 200
    assert [(await site.get(path, me=ME)).status for path in PATHS[:6]] == [200] * 6
    assert (await site.get("/nowhere", me=ME)).status == 404


async def test_a_wrong_password_is_refused_and_counted(site: Site) -> None:
    site.write(users=USERS)
    await site.exporter.start()
    for _ in range(3):
        assert (await site.get("/metrics", me=log_in("prometheus", "wrong"))).status == 401
    assert await site.samples("poller_logins_refused_total") == ['poller_logins_refused_total{reason="wrong"} 3']
    assert PASSWORD not in "".join(await site.samples(""))


async def test_too_many_guesses_are_told_to_come_later(site: Site) -> None:
    site.write(users=USERS)
    await site.exporter.start()
    answers = [await site.get("/metrics", me=log_in("prometheus", str(number))) for number in range(12)]
    assert [answer.status for answer in answers] == [401] * 10 + [429] * 2
    assert answers[-1].headers["Retry-After"] == "1"


async def test_headers_of_the_file_are_sent_beside_ours(site: Site) -> None:
    site.write(headers={"Strict-Transport-Security": "max-age=60", "Content-Security-Policy": "default-src 'self'"})
    await site.exporter.start()
    sent = (await site.get("/")).headers
    assert sent["Strict-Transport-Security"] == "max-age=60"
    assert sent["Content-Security-Policy"] == "default-src 'self'"
    assert sent["X-Content-Type-Options"] == "nosniff"


# --- TLS -------------------------------------------------------------------------------------------------------------------


async def test_tls_is_spoken_and_plain_http_is_not(site: Site) -> None:
    site.write(tls=site.certificate(), users=USERS)
    await site.exporter.start()
    assert (await site.get("/metrics", context=trusting(), me=ME)).status == 200
    assert (await site.get("/metrics", context=trusting())).status == 401
    with pytest.raises(aiohttp.ClientError):
        await site.get("/metrics", me=ME)


async def test_a_client_without_a_certificate_is_turned_away_by_tls(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    (site.folder / "ca.crt").write_bytes(authority().pem)
    site.write(tls=site.certificate() | {"client_auth_type": "RequireAndVerifyClientCert", "client_ca_file": "ca.crt"})
    await site.exporter.start()
    stranger = Authority("somebody else").write(site.folder, "stranger")
    for context in (trusting(), trusting(stranger)):
        with pytest.raises(aiohttp.ClientError):
            await site.get(OPEN_PATH, context=context)
    assert (await site.get("/metrics", context=trusting(authority().write(site.folder, "client")))).status == 200
    assert caplog.records == [], "a port scan must not fill the log"


async def test_an_older_version_than_allowed_is_turned_away(site: Site) -> None:
    site.write(tls=site.certificate() | {"min_version": "TLS13"})
    await site.exporter.start()
    old = trusting()
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(aiohttp.ClientError):
        await site.get("/metrics", context=old)
    assert (await site.get("/metrics", context=trusting())).status == 200


# --- changes while it runs -------------------------------------------------------------------------------------------------


@pytest.mark.both_loops
async def test_an_expired_certificate_is_replaced_while_it_runs(site: Site) -> None:
    site.write(tls=site.certificate(expired=True))
    await site.exporter.start()
    port = site.exporter.port
    with pytest.raises(aiohttp.ClientConnectorCertificateError, match="expired"):
        await site.get("/metrics", context=trusting())
    site.certificate()
    await site.exporter.reload_web_config()
    assert (await site.get("/metrics", context=trusting())).status == 200
    assert site.exporter.port == port


async def test_when_the_certificate_runs_out_is_a_metric_that_follows_the_file(site: Site) -> None:
    async def expiry() -> float:
        text = await (await site.get("/metrics", context=believing_anything())).text()
        (value,) = re.findall(r"^poller_exporter_certificate_expiry_timestamp_seconds (\S+)$", text, flags=re.MULTILINE)
        return float(value)

    site.write(tls=site.certificate(expired=True))
    await site.exporter.start()
    assert await expiry() < time.time()
    site.certificate()
    await site.exporter.reload_web_config()
    assert await expiry() > time.time()


async def test_without_a_certificate_none_runs_out(site: Site) -> None:
    site.write()
    await site.exporter.start()
    assert "poller_exporter_certificate_expiry" not in await (await site.get("/metrics")).text()


@pytest.mark.both_loops
async def test_connections_made_under_the_old_certificate_end_with_their_next_answer(site: Site) -> None:
    site.write(tls=site.certificate())
    await site.exporter.start()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trusting(), limit=1)) as session:
        url = f"https://127.0.0.1:{site.exporter.port}/metrics"

        async def serial() -> object:
            async with session.get(url) as answer:
                assert answer.connection is not None and answer.connection.transport is not None
                found = answer.connection.transport.get_extra_info("peercert")["serialNumber"]
                await answer.read()
                return found

        first = await serial()
        assert await serial() == first
        site.certificate()
        await site.exporter.reload_web_config()
        assert [await serial() == first for _ in range(3)] == [True, False, False]


async def test_turning_tls_on_or_off_takes_a_restart_and_is_said(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    site.write(users=USERS)
    await site.exporter.start()
    site.write(users=USERS, tls=site.certificate())
    await site.exporter.reload_web_config()
    (fact,) = facts(caplog, "web_config.refused")
    assert fact["faults"] == [f"{site.file}: TLS turned on or off; that takes a restart"]
    assert (await site.get("/metrics", me=ME)).status == 200


async def test_users_come_and_go(site: Site) -> None:
    site.write(users=USERS)
    await site.exporter.start()
    assert (await site.get("/metrics", me=ME)).status == 200
    site.write(users={"other": USERS["prometheus"]})
    await site.exporter.reload_web_config()
    assert (await site.get("/metrics", me=ME)).status == 401
    assert (await site.get("/metrics", me=log_in("other", PASSWORD))).status == 200


async def test_a_broken_file_changes_nothing_and_is_told_of_once(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    site.write(users=USERS)
    await site.exporter.start()
    assert await site.samples("poller_web_config") == ["poller_web_config_reload_successful 1"]
    site.file.write_text("basic_auth_user: {}\n")
    for _ in range(3):
        await site.exporter.reload_web_config()
    site.file.write_text("# once more\nbasic_auth_user: {}\n")
    await site.exporter.reload_web_config()
    (fact,) = facts(caplog, "web_config.refused")
    assert fact["level"] == "error"
    assert fact["faults"] == [f"{site.file}: basic_auth_user: no such setting; did you mean 'basic_auth_users'?"]
    assert (await site.get("/metrics")).status == 401
    assert await site.samples("poller_web_config") == ["poller_web_config_reload_successful 0"]
    site.write(users=USERS)
    await site.exporter.reload_web_config()
    assert await site.samples("poller_web_config") == ["poller_web_config_reload_successful 1"]
    assert len(facts(caplog, "web_config.taken")) == 1


async def test_a_certificate_whose_key_comes_a_little_later_is_taken_with_it(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    site.write(tls=site.certificate())
    await site.exporter.start()
    certificate, key = authority().write(site.folder, "next")
    certificate.rename(site.folder / "server.crt")
    await site.exporter.reload_web_config()
    assert len(facts(caplog, "web_config.refused")) == 1
    assert (await site.get("/metrics", context=trusting())).status == 200
    key.rename(site.folder / "server.key")
    await site.exporter.reload_web_config()
    assert (await site.get("/metrics", context=trusting())).status == 200
    assert len(facts(caplog, "web_config.refused")) == 1


async def test_a_file_that_is_no_longer_there_changes_nothing(site: Site) -> None:
    site.write(users=USERS)
    await site.exporter.start()
    site.file.unlink()
    await site.exporter.reload_web_config()
    assert (await site.get("/metrics")).status == 401


async def test_a_file_broken_from_the_start_is_no_start(site: Site) -> None:
    site.file.write_text("nonsense: 1\n")
    with pytest.raises(ConfigError, match="no such setting"):
        await site.exporter.start()


async def test_an_unchanged_file_is_not_read_again(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    site.write(tls=site.certificate(), users=USERS)
    await site.exporter.start()
    for _ in range(5):
        await site.exporter.reload_web_config()
    assert facts(caplog, "web_config.taken") == []


# --- the one it is for -----------------------------------------------------------------------------------------------------


async def test_a_real_prometheus_scrapes_with_certificate_and_password(site: Site, real_part: Callable[[str], str]) -> None:
    prometheus = real_part("prometheus")
    (site.folder / "ca.crt").write_bytes(authority().pem)
    site.write(tls=site.certificate() | {"client_auth_type": "RequireAndVerifyClientCert", "client_ca_file": "ca.crt"}, users=USERS)
    await site.exporter.start()
    authority().write(site.folder, "prometheus")
    (site.folder / "password").write_text(PASSWORD)

    def job(name: str, password_file: str, certificate: str) -> str:
        return f"""
- job_name: {name}
  scrape_interval: 1s
  scheme: https
  static_configs: [{{targets: ["127.0.0.1:{site.exporter.port}"]}}]
  tls_config: {{ca_file: ca.crt{certificate}}}
  basic_auth: {{username: prometheus, password_file: {password_file}}}
"""

    mine = ", cert_file: prometheus.crt, key_file: prometheus.key"
    (site.folder / "other").write_text("a wrong password")
    jobs = job("good", "password", mine), job("wrong-password", "other", mine), job("no-certificate", "password", "")
    config = site.folder / "prometheus.yml"
    config.write_text("scrape_configs:" + "".join(jobs))
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    async with server:
        port: int = server.sockets[0].getsockname()[1]
    command = [f"--config.file={config}", f"--storage.tsdb.path={site.folder / 'data'}", f"--web.listen-address=127.0.0.1:{port}"]
    async with running(prometheus, *command, cwd=site.folder):

        async def ups() -> dict[str, str]:
            status, text = await get(f"http://127.0.0.1:{port}/api/v1/query?query=up")
            found = json.loads(text)["data"]["result"] if status == 200 else []
            return {one["metric"]["job"]: one["value"][1] for one in found}

        async def are_all_asked() -> bool:
            return len(await ups()) == 3

        await until("all three were tried", are_all_asked)
        assert await ups() == {"good": "1", "wrong-password": "0", "no-certificate": "0"}
        _, text = await get(f"http://127.0.0.1:{port}/api/v1/targets")
        said = {one["labels"]["job"]: one["lastError"] for one in json.loads(text)["data"]["activeTargets"]}
        assert said["good"] == ""
        assert "401" in said["wrong-password"]
        assert said["no-certificate"]
