"""From a printer's trap to its next poll, through the whole agent, by net-snmp's own programs."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path

from poller.simulator import recordings
from tests.snmp.notifications import V2_ALERT
from tests.whole.processes import environment, until
from tests.whole.test_agent import agent, reached, scrape, simulated, values


def free_udp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


async def test_a_trap_and_an_inform_have_the_printer_read_at_once(real_part: Callable[[str], str], tmp_path: Path) -> None:
    port = free_udp_port()
    settings = {
        "POLLER_TRAPS_LISTEN": f"127.0.0.1:{port}",
        "POLLER_POLL_EVERY": "6h",
        "POLLER_SWEEP_ON_START": "true",
        "POLLER_CREDENTIAL_0_COMMUNITY": "public",
        "POLLER_CREDENTIAL_1_NAME": "secure",
        "POLLER_CREDENTIAL_1_VERSION": "3",
        "POLLER_CREDENTIAL_1_USER": "alarms",
        "POLLER_CREDENTIAL_1_AUTH": "sha256",
        "POLLER_CREDENTIAL_1_AUTH_PASSWORD": "auth-invented",
        "POLLER_CREDENTIAL_1_PRIV": "aes128",
        "POLLER_CREDENTIAL_1_PRIV_PASSWORD": "priv-invented",
    }
    level = ["-l", "authPriv", "-a", "SHA-256", "-A", "auth-invented", "-x", "AES", "-X", "priv-invented"]

    async def send(program: str, sender: str, *arguments: str) -> None:
        child = await asyncio.create_subprocess_exec(
            *(real_part(program), "--clientaddr=" + sender, *arguments, f"127.0.0.1:{port}", "4711", V2_ALERT),
            env=environment({"SNMP_PERSISTENT_DIR": str(tmp_path), "SNMPCONFPATH": str(tmp_path), "MIBS": ""}),
        )
        assert await child.wait() == 0

    async with simulated([recordings.load("mono-laser")], "127.31.23.0/29", 3) as simulator, agent(simulator, **settings) as url:
        first, second, third = simulator.addresses[:3]
        await until("all three are read", reached(url, lambda now: sum(values(now, "printer_up")) == 3))
        before = sum(values(await scrape(url), "poller_polls_total"))

        async def polled(count: int) -> None:
            await until(f"{count} polls more", reached(url, lambda now: sum(values(now, "poller_polls_total")) == before + count))

        await send("snmptrap", first, "-v", "2c", "-c", "public")
        await polled(1)
        await send("snmpinform", second, "-v", "3", "-u", "alarms", *level, "-t", "20")
        await polled(2)
        await send("snmptrap", third, "-v", "2c", "-c", "wrong")
        await send("snmptrap", "127.0.0.1", "-v", "2c", "-c", "public")
        counted = {("2c", "polled"): 1.0, ("3", "engine"): 1.0, ("3", "polled"): 1.0, ("2c", "community"): 1.0, ("2c", "unknown"): 1.0}

        async def are_counted() -> bool:
            shown = {labels: value for (name, labels), value in (await scrape(url)).items() if name == "poller_notifications_total"}
            return shown == {frozenset({("version", version), ("result", result)}): n for (version, result), n in counted.items()}

        await until("every notification is counted", are_counted)
        await polled(2)
