"""The simulator on real sockets: asked by net-snmp and by plain datagrams, on loopback."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from poller.errors import HostError
from poller.simulator import misbehaviour, recordings
from poller.simulator.recordings import Recording
from poller.simulator.server import Simulator
from poller.snmp import ber
from poller.snmp.message import Answer, decode, encode_get
from poller.snmp.oid import parse as oid
from poller.snmp.oid import text as oid_text
from poller.snmp.snmprec import Row
from tests.fake_clock import FakeClock

NAMES = recordings.names()
ALL = [recordings.load(name) for name in NAMES]
MONO = recordings.load("mono-laser")
LIFE_COUNT, SYS_DESCR = "1.3.6.1.2.1.43.10.2.1.4.1.1", "1.3.6.1.2.1.1.1.0"
ADDRESS = "127.41.0.1"


@asynccontextmanager
async def running(*served: Recording, **options: object) -> AsyncIterator[Simulator]:
    simulator = Simulator(served, **{"network": "127.41.0.0/24", "clock": FakeClock(), **options})  # type: ignore[arg-type]
    await simulator.start()
    try:
        yield simulator
    finally:
        simulator.close()


class Asker(asyncio.DatagramProtocol):
    """Keeps what comes back, with where it came from."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[tuple[bytes, tuple[str, int]]] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.heard.put_nowait((data, addr))


@asynccontextmanager
async def asking(host: str = "127.0.0.1") -> AsyncIterator[tuple[asyncio.DatagramTransport, Asker]]:
    transport, asker = await asyncio.get_running_loop().create_datagram_endpoint(Asker, local_addr=(host, 0))
    try:
        yield transport, asker
    finally:
        transport.close()


def question(*oids: str, version: str = "2c", community: str = "public") -> bytes:
    return encode_get([oid(at) for at in oids], version=version, community=community).with_request_id(0x01020304)


async def ask(simulator: Simulator, address: str, datagram: bytes, *, replies: int = 1) -> list[tuple[bytes, tuple[str, int]]]:
    async with asking("::1" if ":" in address else "127.0.0.1") as (transport, asker):
        transport.sendto(datagram, (address, simulator.port))
        return [await asker.heard.get() for _ in range(replies)]


# --- net-snmp as the judge


def expected(row: Row) -> str:
    """Return how net-snmp prints a value with -OnxtUe."""
    at, (tag, content) = row
    names = {
        ber.INTEGER: "INTEGER: ",
        ber.COUNTER32: "Counter32: ",
        ber.GAUGE32: "Gauge32: ",
        ber.COUNTER64: "Counter64: ",
        ber.TIME_TICKS: "",
    }
    if tag in names:
        value = names[tag] + str(int.from_bytes(content, "big", signed=tag == ber.INTEGER))
    elif tag == ber.OBJECT_IDENTIFIER:
        value = "OID: ." + oid_text(at.__class__(content))
    else:
        value = "Hex-STRING: " + content.hex(" ").upper() if content else '""'
    return f".{oid_text(at)} = {value}"


def printed(output: bytes) -> list[str]:
    """Return net-snmp's lines, long hex values put back into one."""
    lines: list[str] = []
    for line in output.decode().splitlines():
        if line.startswith("."):
            lines.append(line.rstrip())
        elif line.strip() and line != "End of MIB":
            lines[-1] += " " + line.rstrip()
    return [line for line in lines if "No more variables left" not in line]


async def run(program: str, *arguments: str) -> bytes:
    environment = {"MIBS": "", "LC_ALL": "C", "SNMPCONFPATH": "/nonexistent", "SNMP_PERSISTENT_DIR": "/nonexistent"}
    process = await asyncio.create_subprocess_exec(
        program, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL, env=environment
    )
    output, _ = await process.communicate()
    return output


@pytest.mark.parametrize(
    "program, version",
    [("snmpwalk", "1"), ("snmpwalk", "2c"), ("snmpbulkwalk", "2c")],
)
async def test_a_walk_by_net_snmp_is_the_recording(real_part: Callable[[str], str], program: str, version: str) -> None:
    path = real_part(program)
    for recording in ALL:
        if version not in recording.versions:
            continue
        async with running(recording, as_recorded=True) as simulator:
            output = await run(path, f"-v{version}", "-cpublic", "-OnxtUe", "-r1", "-t5", f"{ADDRESS}:{simulator.port}", ".1.3")
        rows = [row for row in recording.rows if version != "1" or row[1][0] != ber.COUNTER64]
        assert printed(output) == [expected(row) for row in rows], recording.name


@pytest.mark.parametrize("version", ["1", "2c"])
async def test_a_get_by_net_snmp_is_the_recording(real_part: Callable[[str], str], version: str) -> None:
    wanted = MONO.rows[::40]
    async with running(MONO, as_recorded=True) as simulator:
        output = await run(
            real_part("snmpget"),
            *(f"-v{version}", "-cpublic", "-OnxtUe", "-r1", "-t5", f"{ADDRESS}:{simulator.port}"),
            *(oid_text(at) for at, _ in wanted),
        )
    assert printed(output) == [expected(row) for row in wanted]


# --- the socket


@pytest.mark.both_loops
async def test_a_reply_leaves_from_the_address_that_was_asked() -> None:
    async with running(MONO) as simulator:
        for address in ("127.41.0.1", "127.41.0.200"):
            [(reply, source)] = await ask(simulator, address, question(SYS_DESCR))
            assert source == (address, simulator.port)
            assert decode(reply).request_id == 0x01020304
        assert simulator.status().replies == simulator.status().requests == 2


@pytest.mark.both_loops
async def test_one_device_lives_on_ipv6_loopback() -> None:
    async with running(MONO, network="::1") as simulator:
        assert simulator.addresses == ["::1"]
        [(reply, source)] = await ask(simulator, "::1", question(SYS_DESCR))
        assert source[:2] == ("::1", simulator.port)
        assert decode(reply).error_status == 0


async def test_silence_is_counted_by_its_reason() -> None:
    async with running(MONO, every_nth=2) as simulator, asking() as (transport, asker):
        for address, datagram in (
            ("127.41.0.2", b"\0"),
            ("127.41.0.2", b"GET / HTTP/1.1"),
            ("127.41.0.2", question(SYS_DESCR, community="secret")),
            ("127.41.0.3", question(SYS_DESCR)),
            ("127.42.0.2", question(SYS_DESCR)),
            ("127.41.0.2", question(SYS_DESCR)),
        ):
            transport.sendto(datagram, (address, simulator.port))
        await asker.heard.get()  # datagrams are answered in the order they came
        status = simulator.status()
        assert (status.dropped, status.nobody, status.replies, status.devices) == (3, 2, 1, 127)
        assert asker.heard.empty()


async def test_an_empty_datagram_is_one_question_without_answer() -> None:
    async with running(MONO) as simulator:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:  # asyncio would not send it
            sender.sendto(b"", (ADDRESS, simulator.port))
        await ask(simulator, ADDRESS, question(SYS_DESCR))
        assert simulator.status().dropped == 1


async def test_another_community_opens_when_it_is_the_fleet_s() -> None:
    async with running(MONO, community="printers") as simulator:
        [(reply, _)] = await ask(simulator, ADDRESS, question(SYS_DESCR, community="printers"))
        assert decode(reply).community == b"printers"


async def test_whatever_is_not_loopback_is_dropped_and_counted() -> None:
    """No test may send from elsewhere; the check itself is asked."""
    async with running(MONO) as simulator:
        packed = {text: socket.inet_aton(text) for text in ("127.41.0.1", "192.0.2.1")}

        def control(asked: str) -> list[tuple[int, int, bytes]]:
            return [(socket.IPPROTO_IP, 8, bytes(4) + packed["192.0.2.1"] + packed[asked])]

        assert simulator._asked_address(control("127.41.0.1"), ("127.0.0.1", 1)) == packed["127.41.0.1"]
        assert simulator._asked_address(control("192.0.2.1"), ("127.0.0.1", 1)) is None
        assert simulator._asked_address(control("127.41.0.1"), ("192.0.2.9", 1)) is None
        assert simulator._asked_address([], ("127.0.0.1", 1)) is None


async def test_a_port_in_use_is_a_host_error_with_a_way_out() -> None:
    async with running(MONO) as simulator:
        with pytest.raises(HostError, match=f"UDP port {simulator.port}: Address already in use") as caught:
            await Simulator([MONO], port=simulator.port, clock=FakeClock()).start()
        assert "--port" in caught.value.hint


async def test_closing_twice_is_closing_once_and_frees_the_port() -> None:
    async with running(MONO) as simulator:
        simulator.close()
        async with running(MONO, port=simulator.port) as again:
            assert again.port == simulator.port


async def test_a_living_printer_counts_pages_as_the_clock_goes(clock: FakeClock) -> None:
    async with running(recordings.load("colour-laser"), speed=1440.0, clock=clock) as simulator:

        async def count() -> int:
            [(reply, _)] = await ask(simulator, ADDRESS, question(LIFE_COUNT))
            value = decode(reply).varbinds[0].value
            assert isinstance(value, tuple)
            return ber.unsigned(value[1])

        before = await count()
        assert await count() == before
        clock.advance(600.0)
        assert await count() > before


# --- devices that go wrong


async def odd(how: misbehaviour.Misbehaviour, datagram: bytes, *, replies: int = 1) -> list[tuple[bytes, tuple[str, int]]]:
    async with running(MONO, misbehaving={ADDRESS: how}) as simulator:
        heard = await ask(simulator, ADDRESS, datagram, replies=replies)
        [(good, _)] = await ask(simulator, "127.41.0.2", datagram)
        assert decode(good).error_status == 0  # its neighbour is well
        return [(reply, (host, port - simulator.port)) for reply, (host, port, *_) in heard]


async def test_a_flood_is_a_hundred_times_the_reply() -> None:
    heard = await odd(misbehaviour.flood, question(SYS_DESCR), replies=misbehaviour.FLOOD_DATAGRAMS)
    assert len({reply for reply, _ in heard}) == 1


async def test_an_empty_datagram_arrives() -> None:
    assert await odd(misbehaviour.send_nothing_in_a_datagram, question(SYS_DESCR)) == [(b"", (ADDRESS, 0))]


async def test_an_answer_can_come_from_another_address_or_port() -> None:
    [(_, source)] = await odd(misbehaviour.answer_from("127.41.9.9"), question(SYS_DESCR))
    assert source == ("127.41.9.9", 0)
    [(_, (host, port))] = await odd(misbehaviour.answer_from_other_port, question(SYS_DESCR))
    assert host == ADDRESS
    assert port != 0


async def test_a_late_answer_comes_and_none_comes_after_closing() -> None:
    [(reply, _)] = await odd(misbehaviour.answer_late(0.01), question(SYS_DESCR))
    assert isinstance(decode(reply), Answer)
    async with running(MONO, misbehaving={ADDRESS: misbehaviour.answer_late(3600.0)}) as simulator, asking() as (transport, asker):
        for address in (ADDRESS, "127.41.0.2"):
            transport.sendto(question(SYS_DESCR), (address, simulator.port))
        _, (host, _) = await asker.heard.get()
        assert host == "127.41.0.2"
        assert len(simulator._delayed) == 1
        simulator.close()
        assert not simulator._delayed
