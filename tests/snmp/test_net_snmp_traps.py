"""Notifications as another maker sends them: net-snmp's snmptrap and snmpinform, with every mistake an operator makes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from poller.model import AuthProtocol, PrivProtocol, Secret, User
from poller.snmp.oid import text
from tests.fake_clock import FakeClock
from tests.snmp.notifications import PUBLIC, V1_ALERT, V2_ALERT, credential
from tests.snmp.test_traps import Bench, listening
from tests.whole.processes import environment

AUTH_PASSWORD, PRIV_PASSWORD = "auth-invented", "priv-invented"
ALERT = ["1.3.6.1.2.1.43.18.1.1.2.1.61", "i", "3", "1.3.6.1.2.1.43.18.1.1.7.1.61", "i", "8"]

# user name: what net-snmp calls its protocols, and what we do
USERS: dict[str, tuple[list[str], AuthProtocol | None, PrivProtocol | None]] = {
    "sha-aes": (["-l", "authPriv", "-a", "SHA", "-A", AUTH_PASSWORD, "-x", "AES", "-X", PRIV_PASSWORD], "sha1", "aes128"),
    "sha256-aes": (["-l", "authPriv", "-a", "SHA-256", "-A", AUTH_PASSWORD, "-x", "AES", "-X", PRIV_PASSWORD], "sha256", "aes128"),
    "sha512-aes256": (["-l", "authPriv", "-a", "SHA-512", "-A", AUTH_PASSWORD, "-x", "AES-256", "-X", PRIV_PASSWORD], "sha512", "aes256"),
    "md5-des": (["-l", "authPriv", "-a", "MD5", "-A", AUTH_PASSWORD, "-x", "DES", "-X", PRIV_PASSWORD], "md5", "des"),
    "sha256": (["-l", "authNoPriv", "-a", "SHA-256", "-A", AUTH_PASSWORD], "sha256", None),
    "guest": (["-l", "noAuthNoPriv"], None, None),
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


class NetSnmp:
    """Runs the two programs, each to its end."""

    def __init__(self, real_part: Callable[[str], str], folder: Path) -> None:
        self._real_part, self._folder = real_part, folder

    async def __call__(self, program: str, bench: Bench, *arguments: str) -> int:
        child = await asyncio.create_subprocess_exec(
            *(self._real_part(program), *arguments, f"127.0.0.1:{bench.traps.port}"),
            *([V1_ALERT, "127.0.0.9", "6", "1", "4711"] if arguments[:2] == ("-v", "1") else ["4711", V2_ALERT]),
            *ALERT,
            env=environment({"SNMP_PERSISTENT_DIR": str(self._folder), "MIBS": "", "SNMPCONFPATH": str(self._folder)}),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        return await child.wait()


@pytest.fixture
def net_snmp(real_part: Callable[[str], str], tmp_path: Path) -> NetSnmp:
    return NetSnmp(real_part, tmp_path)


async def arrived(bench: Bench, count: int) -> None:
    for _ in range(5000):
        if bench.count() >= count:
            return
        await asyncio.sleep(0.001)
    raise AssertionError(f"{bench.count()} of {count} arrived")


def kinds(bench: Bench) -> set[str]:
    return {text(one.kind) for _, one in bench.ear.heard if one.kind is not None}


async def test_traps_and_informs_of_v1_and_v2c_are_believed(clock: FakeClock, net_snmp: NetSnmp) -> None:
    async with listening(clock) as bench:
        assert await net_snmp("snmptrap", bench, "-v", "1", "-c", "public") == 0
        assert await net_snmp("snmptrap", bench, "-v", "2c", "-c", "public") == 0
        await arrived(bench, 2)
        assert await net_snmp("snmpinform", bench, "-v", "2c", "-c", "public", "-r", "0", "-t", "20") == 0  # it had its response
        assert bench.results() == {("1", "polled"): 1, ("2c", "polled"): 2}
        assert kinds(bench) == {V2_ALERT}
        assert bench.ear.heard[0][1].agent_address == "127.0.0.9"
        assert [one.is_inform for _, one in bench.ear.heard] == [False, False, True]


@pytest.mark.parametrize("name", USERS)
async def test_traps_and_informs_of_v3_are_believed_at_every_level(clock: FakeClock, net_snmp: NetSnmp, name: str) -> None:
    async with listening(clock, "127.0.0.1", credential(user_of(name))) as bench:
        level = ["-v", "3", "-u", name, *USERS[name][0]]
        assert await net_snmp("snmptrap", bench, *level, "-e", "0x8000000001020304") == 0
        await arrived(bench, 1)
        assert await net_snmp("snmpinform", bench, *level, "-r", "1", "-t", "20") == 0
        assert bench.results()["3", "polled"] == 2
        assert bench.results()["3", "engine"] == 1  # how net-snmp asks for our engine id
        assert kinds(bench) == {V2_ALERT}


async def test_what_is_set_up_wrongly_is_refused_under_its_reason(clock: FakeClock, net_snmp: NetSnmp) -> None:
    wrong = "not what the printer has"
    believed = [
        PUBLIC,
        credential(user_of("sha256-aes", auth_password=wrong)),
        credential(user_of("sha-aes", priv_password=wrong)),
        credential(user_of("sha256")),
    ]
    async with listening(clock, "127.0.0.1", *believed) as bench:

        async def sent(program: str, *arguments: str) -> int:
            return await net_snmp(program, bench, *arguments)

        assert await sent("snmptrap", "-v", "1", "-c", "wrong") == 0
        assert await sent("snmptrap", "-v", "2c", "-c", "wrong") == 0
        assert await sent("snmpinform", "-v", "2c", "-c", "wrong", "-r", "0", "-t", "0.2") != 0
        engine = ["-e", "0x8000000001020304"]
        for name in ("sha256-aes", "sha-aes", "md5-des"):
            assert await sent("snmptrap", "-v", "3", "-u", name, *USERS[name][0], *engine) == 0
        assert await sent("snmptrap", "-v", "3", "-u", "sha256", "-l", "noAuthNoPriv", *engine) == 0
        await arrived(bench, 7)
        assert bench.results() == {
            ("1", "community"): 1,
            ("2c", "community"): 2,
            ("3", "digest"): 1,
            ("3", "decryption"): 1,
            ("3", "user"): 1,
            ("3", "level"): 1,
        }
        for name in ("sha256-aes", "sha-aes", "md5-des"):
            assert await sent("snmpinform", "-v", "3", "-u", name, *USERS[name][0], "-r", "0", "-t", "0.2") != 0
        assert bench.ear.heard == []


async def test_an_inform_reaches_an_engine_that_has_been_up_for_an_hour(clock: FakeClock, net_snmp: NetSnmp) -> None:
    level = ["-v", "3", "-u", "sha256-aes", *USERS["sha256-aes"][0], "-r", "1", "-t", "20"]
    async with listening(clock, "127.0.0.1", credential(user_of("sha256-aes"))) as bench:
        clock.advance(3600)
        assert await net_snmp("snmpinform", bench, *level) == 0
        assert bench.results()["3", "polled"] == 1
