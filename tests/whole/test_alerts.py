"""The whole way to the mail: a simulated printer's toner falls, real Prometheus and Alertmanager notice, one mail says so, and one more
says that it was replaced.

Rules, routing and mail are those of `prometheus/`, changed in two things only. *Addresses*: who is scraped, where Alertmanager and the
mail server are. *Durations*: how often is looked (`interval`, `scrape_interval` …), how long a thing must last (`for`) and how long a mail
is held back (`group_wait`, `group_interval`) are seconds here, since nobody wants to wait two hours. Expressions, labels, words and
routes are as they are used.

The printer's life is a function of its clock (`poller/simulator/life.py`), which is the test's: toner falls because the clock is moved.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from poller.simulator import recordings
from poller.simulator.life import Life
from poller.simulator.server import Simulator
from poller.snmp.oid import parse as oid
from tests.conftest import ROOT
from tests.fake_clock import FakeClock
from tests.whole.processes import get, running, until

RealPart = Callable[[str], str]
Yaml = Any

FOLDER = ROOT / "prometheus"
RULE_FILES = sorted((FOLDER / "rules").glob("*.yml"))
EXAMPLES = FOLDER / "examples"

MODEL = recordings.load("mono-laser")
ADDRESS = "127.31.40.1"
SEED, SPEED = 3, 1000.0
TONER_LEVEL, TONER_CAPACITY = oid("1.3.6.1.2.1.43.11.1.1.9.1.1"), 10_500

# --- the two changes ---

_SHORT = {
    "evaluation_interval": "1s",
    "scrape_interval": "1s",
    "scrape_timeout": "1s",
    "interval": "1s",
    "for": "2s",
    "refresh_interval": "1s",
    "group_wait": "1s",
    "group_interval": "1s",
}


def shortened(node: Yaml) -> Yaml:
    """Return a configuration with every duration named in `_SHORT` replaced, wherever it stands."""
    if isinstance(node, dict):
        return {key: _SHORT.get(key, shortened(value)) for key, value in node.items()}
    return [shortened(item) for item in node] if isinstance(node, list) else node


def readdressed(node: Yaml, addresses: dict[str, str]) -> Yaml:
    """Return a configuration with every address in *addresses* replaced where it is a whole value, or the host of a URL.

    One that is replaced by nothing is taken out of its list.
    """
    if isinstance(node, dict):
        return {key: readdressed(value, addresses) for key, value in node.items()}
    if isinstance(node, list):
        return [readdressed(item, addresses) for item in node if not (isinstance(item, str) and addresses.get(item) == "")]
    if isinstance(node, str) and node.startswith("http://"):
        host, slash, path = node.removeprefix("http://").partition("/")
        return "http://" + addresses.get(host, host) + slash + path
    return addresses.get(node, node) if isinstance(node, str) else node


def leaves(node: Yaml, path: tuple[object, ...] = ()) -> Iterator[tuple[tuple[object, ...], object]]:
    if isinstance(node, (dict, list)):
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            yield from leaves(value, (*path, key))
    else:
        yield path, node


@pytest.mark.parametrize("path", RULE_FILES, ids=lambda path: path.stem)
def test_only_durations_of_the_rules_are_changed(path: Path) -> None:
    before = yaml.safe_load(path.read_text())
    was, now = dict(leaves(before)), dict(leaves(shortened(before)))
    assert was.keys() == now.keys()
    changed = {at[-1] for at in was if was[at] != now[at]}
    assert changed, "nothing was shortened"
    assert changed <= {"for", "interval"}


def test_only_addresses_and_durations_of_the_routing_are_changed() -> None:
    before = yaml.safe_load((EXAMPLES / "alertmanager.yml").read_text())
    after = readdressed(shortened(before), {"mail.example.com:587": "localhost:2525", "/etc/alertmanager/smtp_password": "/x"})
    was, now = dict(leaves(before)), dict(leaves(after))
    assert was.keys() == now.keys()
    assert {at[-1] for at in was if was[at] != now[at]} == {"smtp_smarthost", "smtp_auth_password_file", "group_wait", "group_interval"}


# --- the parts ---


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


class Letterbox:
    """A mail server's inside: keeps what came, and asks for the log-in the example has."""

    def __init__(self, user: str, password: str) -> None:
        self.mails: list[EmailMessage] = []
        self._login = LoginPassword(user.encode(), password.encode())

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  aiosmtpd's name
        assert isinstance(envelope.content, bytes)
        self.mails.append(message_from_bytes(envelope.content, EmailMessage, policy=policy.default))
        return "250 OK"

    def authenticate(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, login: object) -> AuthResult:
        return AuthResult(success=login == self._login)

    def about(self, words: str) -> list[EmailMessage]:
        return [mail for mail in self.mails if words in mail["Subject"]]


def text(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    content: str = body.get_content()
    return content


@asynccontextmanager
async def letterbox(folder: Path, user: str) -> AsyncIterator[tuple[Letterbox, int, Path, Path]]:
    """A mail server that speaks STARTTLS; yield it with its port, its certificate and the file with the password."""
    password = folder / "smtp_password"
    password.write_text("correct horse")
    certificate = self_signed(folder)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    box = Letterbox(user, password.read_text())

    def session() -> SMTP:
        # Without LOGIN, which was never a standard: aiosmtpd and Alertmanager do not agree on its prompts.
        return SMTP(
            box,
            hostname="localhost",
            tls_context=context,
            authenticator=box.authenticate,
            auth_required=True,
            auth_exclude_mechanism=["LOGIN"],
        )

    server = await asyncio.get_running_loop().create_server(session, "127.0.0.1", 0)
    async with server:
        yield box, server.sockets[0].getsockname()[1], certificate, password


def self_signed(folder: Path) -> Path:
    """Write a certificate of 127.0.0.1, with its key, that is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail server of a test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, SHA256())
    )
    file = folder / "mail.pem"
    pem_key = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(pem_key + certificate.public_bytes(Encoding.PEM))
    return file


@asynccontextmanager
async def agent(simulator: Simulator, port: int) -> AsyncIterator[str]:
    """`poller run` as a process of its own, on the simulated printer."""
    settings = {
        "POLLER_SITE_NAME": "hamburg",
        "POLLER_RANGE_0_NAME": "lab",
        "POLLER_RANGE_0_NETWORKS": str(simulator.fleet.network),
        "POLLER_RANGE_0_PORT": str(simulator.port),
        "POLLER_RANGE_0_LOCATION": "Room 7",
        "POLLER_SWEEP_TIMEOUT": "500ms",
        "POLLER_POLL_EVERY": "10s",
        "POLLER_EXPORTER_LISTEN": f"127.0.0.1:{port}",
        "POLLER_STATE_FOLDER": "none",
    }
    async with running(sys.executable, "-m", "poller", "run", env=settings):
        yield f"http://127.0.0.1:{port}"


@asynccontextmanager
async def alertmanager(program: str, folder: Path, mail_port: int, certificate: Path, password: Path) -> AsyncIterator[str]:
    """Alertmanager with the example's routing and mail; alone, without a cluster."""
    addresses = {"mail.example.com:587": f"127.0.0.1:{mail_port}", "/etc/alertmanager/smtp_password": str(password)}
    config = readdressed(shortened(yaml.safe_load((EXAMPLES / "alertmanager.yml").read_text())), addresses)
    (folder / "alertmanager.yml").write_text(yaml.safe_dump(config))
    (folder / "mail.tmpl").write_text((EXAMPLES / "mail.tmpl").read_text())
    port = free_port()
    async with running(
        *(program, f"--config.file={folder / 'alertmanager.yml'}", f"--storage.path={folder / 'alertmanager'}"),
        *(f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address=", "--log.level=warn"),
        env={"SSL_CERT_FILE": str(certificate)},
    ):
        yield f"http://127.0.0.1:{port}"


@asynccontextmanager
async def prometheus(program: str, folder: Path, scraped: str, told: str) -> AsyncIterator[str]:
    """Prometheus with our rules and the example's configuration; the devices it lists by hand are not there."""
    addresses = {
        "../rules/*.yml": str(folder / "rules" / "*.yml"),
        "poller:9717": scraped.removeprefix("http://"),
        "alertmanager:9093": told.removeprefix("http://"),
        "192.0.2.31": "",
        "192.0.2.32:1161": "",
    }
    config = readdressed(shortened(yaml.safe_load((EXAMPLES / "prometheus.yml").read_text())), addresses)
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    (folder / "rules").mkdir()
    for path in RULE_FILES:
        (folder / "rules" / path.name).write_text(yaml.safe_dump(shortened(yaml.safe_load(path.read_text()))))
    port = free_port()
    async with running(
        *(program, f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'prometheus'}"),
        *(f"--web.listen-address=127.0.0.1:{port}", "--rules.alert.resend-delay=1s", "--log.level=warn"),
    ):
        yield f"http://127.0.0.1:{port}"


async def answer(url: str, query: str) -> list[dict[str, Any]]:
    """Return the vector Prometheus answers *query* with, empty while it does not."""
    status, text = await get(f"{url}/api/v1/query?query={quote(query)}")
    found: list[dict[str, Any]] = json.loads(text)["data"]["result"] if status == 200 else []
    return found


async def number(url: str, metric: str) -> float:
    """Return what a program's own /metrics says of *metric*, summed over its labels."""
    _, text = await get(f"{url}/metrics")
    return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.partition(" ")[0].partition("{")[0] == metric)


# --- the printer's life ---


def moment(is_it: Callable[[float], bool], *, after_seconds: float) -> float:
    """Return when the share of toner left is as wanted for the first time, by the clock of the simulation."""
    life = Life(MODEL, seed=SEED, address=int(IPv4Address(ADDRESS)), speed=SPEED)
    for seconds in range(int(after_seconds), 100_000):
        value = life.changes_at(seconds)[TONER_LEVEL]
        assert value is not None
        if is_it(int.from_bytes(value[1], "big") / TONER_CAPACITY):
            return float(seconds)
    raise AssertionError("this printer's toner never gets there")


# --- the story ---


async def test_falling_toner_is_one_mail_and_a_new_cartridge_one_more(real_part: RealPart, tmp_path: Path, clock: FakeClock) -> None:
    programs = real_part("prometheus"), real_part("prometheus-alertmanager")
    full = moment(lambda left: left > 0.5, after_seconds=0)
    low = moment(lambda left: 0 < left < 0.06, after_seconds=full)
    replaced = moment(lambda left: left > 0.9, after_seconds=low)
    simulator = Simulator([MODEL], network=f"{ADDRESS}/32", seed=SEED, speed=SPEED, clock=clock)
    await simulator.start()
    try:
        clock.advance(full)
        sender = yaml.safe_load((EXAMPLES / "alertmanager.yml").read_text())["global"]["smtp_auth_username"]
        async with (
            letterbox(tmp_path, sender) as (box, mail_port, certificate, password),
            agent(simulator, free_port()) as scraped,
            alertmanager(programs[1], tmp_path, mail_port, certificate, password) as told,
            prometheus(programs[0], tmp_path, scraped, told) as url,
        ):
            await _tell(box, url, told, lambda: clock.advance(low - full), lambda: clock.advance(replaced - low))
    finally:
        simulator.close()


async def _tell(box: Letterbox, url: str, told: str, use_toner: Callable[[], None], replace_toner: Callable[[], None]) -> None:
    level = 'supply:level_ratio:last{job="poller", kind="toner"}'
    await until("half full and more is recorded", lambda: answer(url, f"{level} > 0.5"))
    assert await _is_quiet(url)
    await until("/sd leads to the printer", lambda: answer(url, 'probe_success{job="poller-live"} == 1'))

    use_toner()
    await until("a mail says so", lambda: box.about("Supply low"))
    [mail] = box.about("Supply low")
    assert mail["Subject"] == "[1 offen/open] hamburg: Verbrauchsmaterial fast leer / Supply low"
    assert (mail["To"], mail["From"]) == ("service@example.com", "printers@example.com")
    german, _, english = text(mail).partition("----- English -----")
    assert "Verbrauchsmaterial fast leer: Toner Schwarz" in german
    assert "Standort: Room 7" in german
    assert "Supply: Black Cartridge CF900XC" in english
    assert f"Adresse:  {ADDRESS}" in german
    [alert] = await answer(url, 'ALERTS{alertname="SupplyLow", alertstate="firing"}')
    assert (alert["metric"]["kind"], alert["metric"]["location"]) == ("toner", "Room 7")
    assert await answer(url, 'count_over_time(ALERTS{alertname="SupplyLow", alertstate="pending"}[5m])'), "it fired without its `for`"
    await _looked_at_again(told)
    assert len(box.about("Supply low")) == 1

    replace_toner()
    await until("a mail says it is over", lambda: len(box.about("Supply low")) > 1)
    _, over = box.about("Supply low")
    assert over["Subject"] == "[erledigt/resolved] hamburg: Verbrauchsmaterial fast leer / Supply low"
    assert "ERLEDIGT: Verbrauchsmaterial fast leer: Toner Schwarz" in text(over)
    assert "RESOLVED: Supply low" in text(over)
    await until("nothing pends or fires", lambda: _is_quiet(url))
    await _looked_at_again(told, is_over=True)
    assert len(box.about("Supply low")) == 2


async def _looked_at_again(told: str, *, is_over: bool = False) -> None:
    """Wait until Alertmanager was told again, and has decided some more times whether to send a mail."""
    metric = "alertmanager_alerts_received_total" if is_over else "alertmanager_nflog_queries_total"
    before = await number(told, metric)
    await until("Alertmanager had three more occasions", lambda: _is_above(told, metric, before + 3))


async def _is_quiet(url: str) -> bool:
    return (await answer(url, "sum(up)")) != [] and (await answer(url, 'ALERTS{alertname="SupplyLow"}')) == []


async def _is_above(url: str, metric: str, bound: float) -> bool:
    return await number(url, metric) >= bound
