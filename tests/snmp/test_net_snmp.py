"""Our client against another maker's agent: net-snmp's snmpd."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from poller.engine import asking, device
from poller.engine.asking import Manners
from poller.model import Credential, Secret, SnmpVersion, Target
from poller.printers import layout
from poller.snmp.message import Missing, Question
from poller.snmp.oid import parse, text
from poller.snmp.socket import SnmpSocket
from tests.whole.processes import running, until
from tests.whole.test_agent import free_port

SYSTEM = parse("1.3.6.1.2.1.1")
LOCATION, NAME, NOBODY = (parse(f"1.3.6.1.2.1.1.{n}.0") for n in (6, 5, 99))


@pytest.fixture
async def agent(real_part: Callable[[str], str], tmp_path: Path) -> AsyncIterator[tuple[str, int]]:
    port = await free_port()
    (tmp_path / "snmpd.conf").write_text(f"agentAddress udp:127.0.0.1:{port}\nrocommunity public\nsysLocation Room 7\nsysName prn-7\n")
    command = [
        real_part("snmpd"),
        "-f",
        "-C",
        "-c",
        str(tmp_path / "snmpd.conf"),
        "-Lf",
        str(tmp_path / "log"),
        "-p",
        str(tmp_path / "pid"),
    ]
    async with (
        running(*command, env={"SNMP_PERSISTENT_DIR": str(tmp_path), "MIBS": ""}),
        SnmpSocket(timeout_seconds=0.2, retries=0) as wire,
    ):

        async def answers() -> bool:
            try:
                await wire.get(target(port, "2c"), Question((NAME,)))
            except Exception:  # noqa: BLE001  not there yet
                return False
            return True

        await until("snmpd answers", answers)
        yield real_part("snmpbulkwalk"), port


def target(port: int, version: SnmpVersion) -> Target:
    return Target(address="127.0.0.1", port=port, credential=Credential(name="public", version=version, community=Secret("public")))


@pytest.mark.parametrize("version", ["1", "2c"])
async def test_snmpd_is_read_in_both_versions(agent: tuple[str, int], version: SnmpVersion) -> None:
    _, port = agent
    async with SnmpSocket(timeout_seconds=5, retries=2) as wire:
        values = await wire.get(target(port, version), Question((LOCATION, NOBODY, NAME)))
    assert values[0] == (4, b"Room 7")
    assert values[1] in (Missing.NO_SUCH_NAME, Missing.NO_SUCH_INSTANCE, Missing.NO_SUCH_OBJECT)
    assert values[2] == (4, b"prn-7")


@pytest.mark.parametrize("version", ["1", "2c"])
async def test_a_walk_finds_what_net_snmps_own_walk_finds(agent: tuple[str, int], version: SnmpVersion) -> None:
    walker, port = agent
    options = ["-v2c", "-c", "public", "-On", "-Oq", f"127.0.0.1:{port}", text(SYSTEM)]
    child = await asyncio.create_subprocess_exec(walker, *options, stdout=-1, env={"MIBS": ""})
    out, _ = await child.communicate()
    theirs = [line.split()[0].lstrip(".") for line in out.decode().splitlines() if line.startswith(".")]
    async with SnmpSocket(timeout_seconds=5, retries=2) as wire:
        rows, fault = await asking.walk(wire, target(port, version), SYSTEM, Manners(), rows_max=1000)
    assert fault is None
    assert [text(oid) for oid, _ in rows] == theirs
    assert len(theirs) > 7


async def test_a_computer_is_no_printer(agent: tuple[str, int]) -> None:
    _, port = agent
    async with SnmpSocket(timeout_seconds=5, retries=2) as wire:
        assert await device.identify(wire, target(port, "2c"), rows_max=2000, location=None) is None
        learned = await device.learn(wire, target(port, "2c"), rows_max=2000)
    assert set(layout.SCALARS) <= set(learned.rows)
