from __future__ import annotations

import json
import subprocess
import sys

import pytest

from poller.ipp.client import PRINT_PORTS
from tests.ipp.answers import answer, attribute
from tests.ipp.test_client import HERE, always, at, device, ipp
from tests.whole.processes import poller


async def test_a_printer_is_read_by_ipp_and_explained() -> None:
    async with device(at("/ipp/printer")) as there:
        done = await poller("read", HERE, "--ipp", "--port", str(there.port), "--json", "--explain")
    assert done.code == 0, done.err
    reading = json.loads(done.out)
    assert (reading["printer"]["via"], reading["printer"]["model"], len(reading["supplies"])) == ("ipp", "Acme Laser 410", 2)
    assert "by IPP 2.0, http /ipp/printer" in done.err
    assert "not told" in done.err


async def test_what_is_shown_to_a_person_is_what_snmp_shows() -> None:
    async with device(at("/ipp/print")) as there:
        done = await poller("read", HERE, "--ipp", "--port", str(there.port))
    assert done.code == 0, done.err
    assert "black toner" in done.out and "63%" in done.out and "some-remaining" in done.out


async def test_a_queue_of_a_computer_is_no_printer() -> None:
    queue = answer(attribute(0x41, "printer-make-and-model", "Acme 410"), attribute(0x41, "cups-version", "2.4.2"))
    async with device(always(lambda: ipp(queue))) as there:
        done = await poller("read", HERE, "--ipp", "--port", str(there.port), "--json")
    assert done.code == 1
    assert "is no printer" in done.err


async def test_no_answer_is_1() -> None:
    async with device(at("/ipp/print")) as there:
        port = there.port
    done = await poller("read", HERE, "--ipp", "--port", str(port))
    assert (done.code, done.out) == (1, "")


@pytest.mark.parametrize("port", [515, 9100, 9107])
async def test_a_port_that_prints_is_wrong_usage(port: int) -> None:
    assert port in PRINT_PORTS
    done = await poller("read", HERE, "--ipp", "--port", str(port))
    assert done.code == 2
    assert "prints what it is sent" in done.err


def test_snmp_alone_loads_no_http_client() -> None:
    code = "import sys, poller.cli.read; sys.exit('aiohttp' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
