"""SNMPv3 against another maker's agent: net-snmp's snmpd, with every level and cipher it has, and with every mistake an operator makes."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest

from poller.engine import asking
from poller.engine.asking import Manners
from poller.errors import AccessError, PrinterError, Refusal
from poller.model import AuthProtocol, Credential, PrivProtocol, Reading, Secret, Target, User
from poller.snmp import v3
from poller.snmp.message import Question
from poller.snmp.socket import SnmpSocket
from tests.snmp.test_net_snmp import LOCATION, NAME, SYSTEM
from tests.whole.processes import poller, running, until
from tests.whole.test_agent import free_port

AUTH_PASSWORD, PRIV_PASSWORD = "auth-invented", "priv-invented"

# name: what snmpd calls its protocols, and what we do
USERS: dict[str, tuple[str, AuthProtocol | None, PrivProtocol | None]] = {
    "sha-aes": (f"SHA {AUTH_PASSWORD} AES {PRIV_PASSWORD}", "sha1", "aes128"),
    "sha224-aes": (f"SHA-224 {AUTH_PASSWORD} AES {PRIV_PASSWORD}", "sha224", "aes128"),
    "sha256-aes": (f"SHA-256 {AUTH_PASSWORD} AES {PRIV_PASSWORD}", "sha256", "aes128"),
    "sha384-aes192": (f"SHA-384 {AUTH_PASSWORD} AES-192 {PRIV_PASSWORD}", "sha384", "aes192"),
    "sha512-aes256": (f"SHA-512 {AUTH_PASSWORD} AES-256 {PRIV_PASSWORD}", "sha512", "aes256"),
    "sha-aes256": (f"SHA {AUTH_PASSWORD} AES-256 {PRIV_PASSWORD}", "sha1", "aes256"),  # a key that has to be lengthened
    "md5-des": (f"MD5 {AUTH_PASSWORD} DES {PRIV_PASSWORD}", "md5", "des"),
    "sha256": (f"SHA-256 {AUTH_PASSWORD}", "sha256", None),
    "guest": ("", None, None),
}


def user_of(name: str, *, auth_password: str = AUTH_PASSWORD, priv_password: str = PRIV_PASSWORD) -> User:
    _, auth, priv = USERS[name]
    return User(
        name=name,
        auth=auth,
        auth_password=Secret(auth_password) if auth else None,
        priv=priv,
        priv_password=Secret(priv_password) if priv else None,
    )


def target_of(port: int, user: User, context: str = "") -> Target:
    return Target(address="127.0.0.1", port=port, credential=Credential(name="v3", version="3", user=user, context=context))


@pytest.fixture
async def port(real_part: Callable[[str], str], tmp_path: Path) -> AsyncIterator[int]:
    port = await free_port()
    lines = [f"agentAddress udp:127.0.0.1:{port}", "sysLocation Room 7", "sysName prn-7"]
    (tmp_path / "rows.py").write_text(_PASS_PERSIST)
    lines += [f"pass_persist .1.3.6.1.2.1.43 {sys.executable} {tmp_path}/rows.py"]
    for name, (protocols, auth, priv) in USERS.items():
        lines += [f"createUser {name} {protocols}", f"rouser {name} {'priv' if priv else 'auth' if auth else 'noauth'}"]
    (tmp_path / "snmpd.conf").write_text("\n".join(lines) + "\n")
    files = ["-c", str(tmp_path / "snmpd.conf"), "-Lf", str(tmp_path / "log"), "-p", str(tmp_path / "pid")]
    async with (
        running(real_part("snmpd"), "-f", "-C", *files, env={"SNMP_PERSISTENT_DIR": str(tmp_path), "MIBS": ""}),
        SnmpSocket(timeout_seconds=0.2, retries=0) as wire,
    ):

        async def answers() -> bool:
            try:
                await wire.get(target_of(port, user_of("guest")), Question((NAME,)))
            except PrinterError:
                return False
            return True

        await until("snmpd answers", answers)
        yield port


async def test_snmpd_is_read_at_every_level_with_every_cipher(port: int) -> None:
    async with SnmpSocket(timeout_seconds=5, retries=2) as wire:
        for name in USERS:
            target = target_of(port, user_of(name))
            assert await wire.get(target, Question((LOCATION, NAME))) == ((4, b"Room 7"), (4, b"prn-7")), name
            rows, fault = await asking.walk(wire, target, SYSTEM, Manners(), rows_max=1000)
            assert fault is None
            assert len(rows) > 7
        assert wire.status().requests < 9 * len(USERS)  # one discovery for all
        (known,) = wire.engines()
        assert known.boots >= 1


async def test_what_an_operator_got_wrong_is_told_apart(port: int) -> None:
    wrong = "not what snmpd has"
    guest_who_signs = User(name="guest", auth="sha256", auth_password=Secret(AUTH_PASSWORD))
    cases = [
        (target_of(port, User(name="nobody")), Refusal.UNKNOWN_USER),
        (target_of(port, user_of("sha256-aes", auth_password=wrong)), Refusal.WRONG_DIGEST),
        (target_of(port, user_of("sha256", auth_password=wrong)), Refusal.WRONG_DIGEST),
        (target_of(port, user_of("sha256-aes", priv_password=wrong)), Refusal.SILENT),
        (target_of(port, user_of("md5-des", priv_password=wrong)), Refusal.SILENT),
        (target_of(port, guest_who_signs), Refusal.UNSUPPORTED_LEVEL),
        (target_of(port, user_of("guest"), context="Jetdirect"), Refusal.SILENT),
    ]
    async with SnmpSocket(timeout_seconds=0.5, retries=0) as wire:
        for target, refusal in cases:
            with pytest.raises(AccessError) as raised:
                await wire.get(target, Question((NAME,)))
            assert raised.value.refusal is refusal, target
        assert await wire.get(target_of(port, user_of("sha256-aes")), Question((NAME,))) == ((4, b"prn-7"),)


async def test_snmpd_answers_the_probe_of_a_sweep_and_repeats_its_number(port: int) -> None:
    heard: list[int] = []

    def stranger(request_id: int, address: str, from_port: int) -> bool:
        heard.append(request_id)
        return (address, from_port) == ("127.0.0.1", port)

    async with SnmpSocket(timeout_seconds=5, retries=0, stranger=stranger) as wire:
        wire.send_many([v3.encode_discovery().with_request_id(0x1122_3344)], [bytes((127, 0, 0, 1))], port)
        await until("snmpd reports its engine", lambda: heard)
    assert heard == [0x1122_3344]


async def test_a_host_that_was_suspended_is_told_the_time_again(port: int) -> None:
    now_at = 0.0

    def monotonic() -> float:
        return now_at

    async with SnmpSocket(timeout_seconds=5, retries=0, monotonic=monotonic) as wire:
        target = target_of(port, user_of("sha256-aes"))
        assert await wire.get(target, Question((NAME,))) == ((4, b"prn-7"),)
        before = wire.status().requests
        wire.restore_engines(wire.engines(), age_seconds=3600)  # an hour that snmpd did not see
        assert await wire.get(target, Question((NAME,))) == ((4, b"prn-7"),)
        assert wire.status().requests == before + 2
        before = wire.status().requests
        now_at += 100  # within the window
        assert await wire.get(target, Question((NAME,))) == ((4, b"prn-7"),)
        assert wire.status().requests == before + 1


# snmpd asks this on standard input for the rows of a recording; man snmpd.conf, pass_persist.
_PASS_PERSIST = """
import sys
from poller.simulator import recordings
from poller.snmp import ber, oid
NAMES = {ber.INTEGER: "integer", ber.OCTET_STRING: "octet", ber.OBJECT_IDENTIFIER: "objectid", ber.COUNTER32: "counter",
         ber.GAUGE32: "gauge", ber.TIME_TICKS: "timeticks"}
rows = sorted((oid.arcs(name), value) for name, value in recordings.load("colour-laser").rows if value[0] in NAMES)
def shown(row):
    name, (tag, content) = row
    text = content.hex(" ") if tag == ber.OCTET_STRING else oid.text(content) if tag == ber.OBJECT_IDENTIFIER else \
        str(ber.signed(content) if tag == ber.INTEGER else ber.unsigned(content))
    return "." + ".".join(map(str, name)) + "\\n" + NAMES[tag] + "\\n" + text
for line in iter(sys.stdin.readline, ""):
    if line.strip() == "PING":
        print("PONG", flush=True)
        continue
    asked = oid.arcs(oid.parse(sys.stdin.readline().strip()))
    if line.strip() == "get":
        found = [row for row in rows if row[0] == asked]
    else:
        found = [row for row in rows if row[0] > asked]
    print(shown(found[0]) if found else "NONE", flush=True)
"""


async def test_a_printer_behind_snmpv3_is_read_by_the_command_line(port: int, tmp_path: Path) -> None:
    (tmp_path / "poller.toml").write_text(
        f"""
        [[credential]]
        name = "secure"
        version = "3"
        user = "sha512-aes256"
        auth = "sha512"
        auth_password_file = "auth"
        priv = "aes256"
        priv_password = "{PRIV_PASSWORD}"
        """
    )
    (tmp_path / "auth").write_text(AUTH_PASSWORD + "\n")
    (tmp_path / "auth").chmod(0o600)
    config = ("--config", str(tmp_path / "poller.toml"), "--port", str(port))
    read = await poller("read", "127.0.0.1", "--credential", "secure", "--json", *config)
    assert read.code == 0, read.err
    reading = msgspec.json.decode(read.out, type=Reading)
    assert reading.printer.via == "snmp-3"
    assert len(reading.supplies) >= 4
    swept = await poller("sweep", "127.0.0.1", "--yes", "--json", *config)
    assert swept.code == 0, swept.err
    assert '"is_printer":true' in swept.out.replace(" ", "")
    recorded = await poller("record", "127.0.0.1", "--version", "3", "-o", str(tmp_path / "prn.snmprec"), *config)
    assert recorded.code == 0, recorded.err
    assert len((tmp_path / "prn.snmprec").read_text().splitlines()) > 50
    for out in (*read, *swept, *recorded):
        assert AUTH_PASSWORD not in str(out)
        assert PRIV_PASSWORD not in str(out)
