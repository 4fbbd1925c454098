"""Nothing leaves that docs/privacy.md does not list: shown from the bytes an outbox seals for central, and from every page of the agent.

Printers of the simulator say what printers may say of people, each text marked. What was sealed is opened with a key of the test's own.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import re
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from poller.agent import Agent
from poller.clock import SystemClock
from poller.config import load
from poller.outbox.outbox import Outbox
from poller.sealing import envelope
from poller.sealing.envelope import Kind
from poller.sealing.keyring import KeyRing
from poller.sealing.keys import SealingKey
from poller.sealing.local_key import LocalKey
from poller.simulator.recordings import Recording
from poller.simulator.server import Simulator
from poller.snmp.oid import arcs, parse
from tests.privacy_page import listed_fields
from tests.whole.processes import get, until
from tests.whole.test_agent import PRINTERS, reached, scrape, values

MARK = "Erika-Mustermann"
SYS_CONTACT = bytes.fromhex("2b06010201010400")  # 1.3.6.1.2.1.1.4.0 as BER has it, X.690 section 8.19

# Where printers say something of people, and no field of ours comes from.
PERSONAL = {
    "1.3.6.1.2.1.1.4.0": "sysContact",
    "1.3.6.1.2.1.43.5.1.1.4.1": "prtGeneralCurrentOperator",
    "1.3.6.1.2.1.43.5.1.1.5.1": "prtGeneralServicePerson",
    "1.3.6.1.2.1.43.16.5.1.2.1.1": "prtConsoleDisplayBufferText",
    "1.3.6.1.2.1.43.16.5.1.2.1.2": "prtConsoleDisplayBufferText",
    "1.3.6.1.2.1.25.4.2.1.2.1": "hrSWRunName",
    "1.3.6.1.4.1.11.2.3.9.4.2.1.1.6.5.23.1.1": "HP: job name",
    "1.3.6.1.4.1.11.2.3.9.4.2.1.1.3.11.0": "HP: asset owner",
    "1.3.6.1.4.1.367.3.2.1.3.2.1.1.4.1": "Ricoh: job owner",
    "1.3.6.1.4.1.1248.1.2.2.27.20.1.1.1": "Epson: job owner",
    "1.3.6.1.4.1.2699.1.1.1.2.1.1.2.1": "jmJobOwner, RFC 2707",
}
ALERT_TEXTS = "1.3.6.1.2.1.43.18.1.1.8."
KEY = SealingKey.generate()


def marked(recording: Recording) -> Recording:
    """Return *recording* with the marks in every place a person may be named in, its alert texts among them."""
    rows = dict(recording.rows)
    for text in PERSONAL:
        rows[parse(text)] = (4, f"{MARK} {text}".encode())
    for oid in rows:
        if ".".join(map(str, arcs(oid))).startswith(ALERT_TEXTS):
            rows[oid] = (4, f"{MARK} sent job salary.pdf".encode())
    return dataclasses.replace(recording, rows=tuple(sorted(rows.items(), key=lambda row: arcs(row[0]))))


class Overheard(Simulator):
    """A simulator that keeps the datagrams of both ways."""

    asked: list[bytes]
    answered: list[bytes]

    def _on_question(self, question: bytes, asked: bytes, sender: tuple[str, int]) -> None:
        self.asked.append(question)
        super()._on_question(question, asked, sender)

    def _send(self, payload: bytes, source: bytes, to: tuple[str, int]) -> None:
        self.answered.append(payload)
        super()._send(payload, source, to)


@asynccontextmanager
async def overheard(network: str, count: int) -> AsyncIterator[Overheard]:
    simulator = Overheard([marked(one) for one in PRINTERS], network=network, count=count, seed=5, clock=SystemClock())
    simulator.asked, simulator.answered = [], []
    await simulator.start()
    try:
        yield simulator
    finally:
        simulator.close()


class Left:
    """All that left one agent: the lines as central finds them, and the text of every page."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.pages: dict[str, str] = {}

    def everything(self) -> Iterator[tuple[str, str]]:
        yield from self.pages.items()
        yield from ((f"line {number}", line.decode()) for number, line in enumerate(self.lines))


async def leaving(simulator: Simulator, folder: Path, **environ: str) -> Left:
    """Run an agent with an outbox until everybody is recorded; return what left it."""
    settings = {
        "POLLER_SITE_NAME": "hamburg",
        "POLLER_RANGE_0_NAME": "lab",
        "POLLER_RANGE_0_NETWORKS": str(simulator.fleet.network),
        "POLLER_RANGE_0_PORT": str(simulator.port),
        "POLLER_POLL_EVERY": "10s",
        "POLLER_EXPORTER_LISTEN": "127.0.0.1:0",
        "POLLER_STATE_FOLDER": str(folder),
        "POLLER_TRAPS_LISTEN": "none",
        "POLLER_SWEEP_TIMEOUT": "500ms",
        **environ,
    }
    clock, left = SystemClock(), Left()
    outbox = await Outbox.open(folder / "own.db", LocalKey.open_or_create(folder / "own.key"), clock, limit_bytes=10**8)
    agent, stop = Agent(load(None, settings), clock, recorder=outbox, is_synchronised=lambda: True), asyncio.Event()
    task = asyncio.create_task(agent.run(stop))
    try:
        await agent.started.wait()
        url = f"http://127.0.0.1:{agent.port}"
        await until("all are recorded", lambda: outbox.status().lines >= len(simulator.addresses))
        for path in ("/metrics", "/sd", "/", "/api/printers"):
            left.pages[path] = (await get(f"{url}{path}"))[1]
        for printer in set(re.findall(r'printer_up\{printer="([^"]+)"\}', left.pages["/metrics"])):
            for path in (f"/printer/{quote(printer, safe='')}", f"/api/printers/{quote(printer, safe='')}"):
                status, left.pages[path] = await get(f"{url}{path}")
                assert status == 200
        target = f"{simulator.addresses[0]}:{simulator.port}"
        left.pages["/probe"] = (await get(f"{url}/probe?target={quote(target)}&credential=public"))[1]
        assert "probe_success 1" in left.pages["/probe"]
    finally:
        stop.set()
        await task
    while batch := await outbox.seal_next(
        lambda number, lines: envelope.seal(lines, to=KEY.public, kind=Kind.READINGS, agent_id="a-test", number=number)
    ):
        left.lines += envelope.open_sealed(batch.body, KeyRing(KEY), kind=Kind.READINGS, agent_id="a-test").lines
        await outbox.settle(batch.number)
    await outbox.close()
    assert len(left.lines) >= len(simulator.addresses)
    return left


def paths(value: Any, at: str = "") -> Iterator[str]:
    """Yield the path of every field of a JSON value: `printer.id`, `supplies[].key`."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield f"{at}.{name}".lstrip(".")
            yield from paths(inner, f"{at}.{name}")
    elif isinstance(value, list):
        for inner in value:
            yield from paths(inner, f"{at}[]")


async def test_nothing_leaves_that_the_page_does_not_list_and_nothing_of_people(tmp_path: Path) -> None:
    listed = listed_fields()
    async with overheard("127.31.61.0/27", 2 * len(PRINTERS)) as simulator:
        left = await leaving(simulator, tmp_path)
        assert len({json.loads(line)["printer"]["id"] for line in left.lines}) == len(simulator.addresses)
        for line in left.lines:
            assert set(paths(json.loads(line))) <= listed
        for where, text in left.everything():
            assert MARK not in text, where
            assert "salary" not in text, where
        assert MARK.encode() in b"".join(simulator.answered), "the marks were never in reach: this test shows nothing"
        assert SYS_CONTACT.replace(b"\x04\x00", b"\x05\x00") in b"".join(simulator.asked), (
            "no OID is found this way: this test shows nothing"
        )
        # Who looks after a printer is neither asked for, nor told beside something else.
        assert SYS_CONTACT[:-1] not in b"".join(simulator.asked)
        assert SYS_CONTACT not in b"".join(simulator.answered)


async def test_what_is_masked_is_in_nothing_that_leaves(tmp_path: Path) -> None:
    async with overheard("127.31.62.0/28", len(PRINTERS)) as simulator:
        open_left = await leaving(simulator, _made(tmp_path / "open"))
        left = await leaving(simulator, _made(tmp_path / "masked"), POLLER_PRIVACY_MASK="hostname,location,address,mac")
        facts = {
            fact
            for line in open_left.lines
            for name in ("hostname", "location", "address", "mac")
            if (fact := json.loads(line)["printer"][name]) and len(fact) > 3
        }
        assert len(facts) > len(simulator.addresses)
        for where, text in left.everything():
            shown = text.replace(socket.gethostname(), "")
            assert not [fact for fact in facts if fact.lower() in shown.lower()], where
        for line in left.lines:
            printer = json.loads(line)["printer"]
            assert [printer[name] for name in ("hostname", "location", "address", "mac")] == [None, None, "", None]
        assert json.loads(left.pages["/sd"]) == []


async def test_names_of_masked_devices_last_as_long_as_the_key(tmp_path: Path) -> None:
    async with overheard("127.31.63.0/29", 4) as simulator:

        async def names(folder: Path) -> set[str]:
            left = await leaving(simulator, _made(folder), POLLER_PRIVACY_MASK="mac,address")
            return {name for line in left.lines for name in json.loads(line)["printer"]["identities"] if "-hash:" in name}

        first = await names(tmp_path / "one")
        for database in (tmp_path / "one").glob("*.db*"):
            database.unlink()
        assert first
        assert await names(tmp_path / "one") == first
        assert not await names(tmp_path / "another") & first


async def test_by_the_day_one_reading_of_each_is_recorded_and_no_time_of_day_leaves(tmp_path: Path) -> None:
    async with overheard("127.31.64.0/28", len(PRINTERS)) as simulator:
        left = await leaving(simulator, tmp_path, POLLER_PRIVACY_RESOLUTION="day", TZ="UTC")
        readings = [json.loads(line) for line in left.lines]
        assert len({reading["printer"]["id"] for reading in readings}) == len(readings)
        for reading in readings:
            assert reading["status"]["printer"] is None
            # Midnight of this host, wherever it stands: all the same, and a whole quarter of an hour in UTC.
            assert re.fullmatch(r"[0-9-]{10}T[0-9]{2}:(00|15|30|45):00Z", reading["taken_at"])
        assert "printer_status{" not in left.pages["/metrics"]
        assert "printer_boot_time_seconds{" not in left.pages["/metrics"]


async def test_a_mask_set_while_the_agent_runs_holds_at_once_for_what_is_shown() -> None:
    async with overheard("127.31.65.0/29", 4) as simulator:
        settings = {
            "POLLER_RANGE_0_NETWORKS": str(simulator.fleet.network),
            "POLLER_RANGE_0_PORT": str(simulator.port),
            "POLLER_POLL_EVERY": "10s",
            "POLLER_EXPORTER_LISTEN": "127.0.0.1:0",
            "POLLER_STATE_FOLDER": "none",
            "POLLER_TRAPS_LISTEN": "none",
            "POLLER_SWEEP_TIMEOUT": "500ms",
        }
        agent, stop = Agent(load(None, settings), SystemClock(), is_synchronised=lambda: True), asyncio.Event()
        task = asyncio.create_task(agent.run(stop))
        await agent.started.wait()
        url = f"http://127.0.0.1:{agent.port}"
        try:
            await until("all are shown", reached(url, lambda now: len(values(now, "printer_info")) == 4))
            before = (await get(f"{url}/metrics"))[1]
            assert all(address in before for address in simulator.addresses)
            await agent.apply(load(None, settings | {"POLLER_PRIVACY_MASK": "address,mac"}))
            assert not [address for address in simulator.addresses if address in (await get(f"{url}/metrics"))[1]]
            await until("all are shown again", reached(url, lambda now: len(values(now, "printer_info")) == 4))
            text = (await get(f"{url}/metrics"))[1]
            assert not [address for address in simulator.addresses if address in text]
            assert len(values(await scrape(url), "printer_up")) == 4
        finally:
            stop.set()
            await task


def _made(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return folder
