"""Our client against another maker's printer: ippeveprinter of CUPS, which speaks IPP Everywhere and keeps what it is sent."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from poller.errors import PrinterError
from poller.ipp.client import IppClient, Printer
from tests.ipp.test_client import HERE, interval
from tests.whole.processes import poller, running, until
from tests.whole.test_agent import free_port

AVAHI = "[server]\nallow-interfaces=lo\nuse-ipv4=yes\nuse-ipv6=no\n[publish]\npublish-addresses=no\n[rlimits]\n"

MARKERS = """
ATTR text printer-make-and-model "Acme Laser 410"
ATTR name marker-names "Black Cartridge","Cyan Cartridge","Yellow Cartridge","Waste Toner Box"
ATTR keyword marker-types toner-cartridge,toner-cartridge,toner-cartridge,waste-toner
ATTR name marker-colors "#000000","#00FFFF","#FFFF00","none"
ATTR integer marker-levels 12,-3,-2,40
ATTR integer marker-low-levels 15,15,15,0
ATTR integer marker-high-levels 100,100,100,95
ATTR integer printer-impressions-completed 8123
"""


@asynccontextmanager
async def ippeveprinter(real_part: Callable[[str], str], folder: Path, *options: str) -> AsyncIterator[int]:
    """A printer on loopback, with a D-Bus and an mDNS responder of its own: it does not start without them. Yields its port."""
    spool = folder / "spool"
    spool.mkdir()
    (folder / "avahi.conf").write_text(AVAHI)
    bus = f"unix:path={folder}/bus"
    env: Mapping[str, str] = {"DBUS_SYSTEM_BUS_ADDRESS": bus, "HOME": str(folder)}
    port = await free_port()
    printer, avahi, dbus = (real_part(name) for name in ("ippeveprinter", "avahi-daemon", "dbus-daemon"))
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(running(dbus, "--session", f"--address={bus}", "--nofork", "--nopidfile"))
        await until("the bus is there", (folder / "bus").exists)
        isolation = ("--no-drop-root", "--no-chroot", "--no-rlimits", "--no-proc-title")
        # It has one place for its pid, which the machine's own may be using: /run is another one for this one.
        apart = (real_part("unshare"), "--mount", "sh", "-c", 'mount -t tmpfs tmpfs /run && exec "$@"', "sh")
        await stack.enter_async_context(running(*apart, avahi, "-f", str(folder / "avahi.conf"), *isolation, env=env))
        client = await stack.enter_async_context(IppClient([interval(HERE)], port=port))

        async def answers() -> bool:
            try:
                await client.read_attributes(Printer(HERE))
            except PrinterError:
                return False
            return True

        command = (printer, "-p", str(port), "-n", "localhost", "-d", str(spool), *options, "Dummy")
        for _ in range(20):  # it ends at once where the mDNS responder is not ready yet
            child = await stack.enter_async_context(running(*command, env=env))

            async def is_decided(child: object = child) -> bool:
                return getattr(child, "returncode", None) is not None or await answers()

            await until("ippeveprinter answers or ends", is_decided)
            if child.returncode is None:
                break
        else:
            pytest.fail("ippeveprinter does not start")
        yield port
        assert not any(spool.iterdir()), "nothing was printed"


@pytest.fixture
def root() -> None:
    if os.geteuid() != 0:
        pytest.skip("avahi-daemon starts as root only")


async def test_markers_of_a_real_ipp_printer_are_read(root: None, real_part: Callable[[str], str], tmp_path: Path) -> None:
    attributes = tmp_path / "attributes"
    attributes.write_text(MARKERS)
    async with ippeveprinter(real_part, tmp_path, "-a", str(attributes)) as port:
        done = await poller("read", HERE, "--ipp", "--port", str(port), "--json", "--explain")
    assert done.code == 0, done.err
    reading = json.loads(done.out)
    assert [(one["key"], one["ratio"], one["state"]) for one in reading["supplies"]] == [
        ("v:toner-black", 0.12, "low"),
        ("v:toner-cyan", None, "some-remaining"),
        ("v:toner-yellow", None, "unknown"),
        ("v:wasteToner", 0.6, "ok"),
    ]
    assert reading["counters"][0]["count"] == 8123
    assert (reading["status"]["printer"], reading["printer"]["via"], reading["printer"]["model"]) == ("idle", "ipp", "Acme Laser 410")
    assert "marker-levels" in done.err
    assert "printer_supply_level_ratio" in done.err


async def test_rows_of_a_real_ipp_printer_are_read(root: None, real_part: Callable[[str], str], tmp_path: Path) -> None:
    async with ippeveprinter(real_part, tmp_path, "-M", "Acme", "-m", "Laser 7") as port:
        done = await poller("read", HERE, "--ipp", "--port", str(port), "--json")
    assert done.code == 0, done.err
    reading = json.loads(done.out)
    assert [(one["key"], one["ratio"], one["is_receptacle"]) for one in reading["supplies"]] == [
        ("v:wasteToner", 0.25, True),
        ("v:toner-black", 0.75, False),
    ]
    assert ("v:main", 0.4) in [(one["key"], one["ratio"]) for one in reading["trays"]]
    assert (reading["printer"]["manufacturer"], reading["printer"]["model"]) == ("Acme", "Laser 7")
