"""`/sd` where addresses are masked: it is still JSON, and names nobody whose address it may not tell."""

from __future__ import annotations

import json

import msgspec
import pytest

from poller.engine.fleet import Fleet
from poller.engine.privacy import Privacy
from poller.exporter.discovery import targets
from poller.printers.masks import Mask
from tests.fake_clock import FakeClock
from tests.readings import colour_mfp

MASKED = Privacy(Mask(["address"], key=b"k"))


@pytest.mark.parametrize("masked", [(), (1,), (3,), (1, 2), (2, 3), (1, 2, 3)])
def test_a_printer_whose_address_is_masked_is_left_out(clock: FakeClock, masked: tuple[int, ...]) -> None:
    fleet = Fleet(clock, site=None, stale_after_seconds=3600.0, forget_after_seconds=7200.0)
    for number in (1, 2, 3):
        decoded = colour_mfp(number)
        reading = msgspec.structs.replace(decoded.reading, taken_at=clock.utc())
        decoded = msgspec.structs.replace(decoded, reading=reading)
        fleet.put(MASKED.show(decoded) if number in masked else decoded, duration_seconds=0.1)
    told = json.loads(b"".join(targets(fleet.entries(), site=None, ports={})))
    assert [group["targets"] for group in told] == [
        [colour_mfp(number).reading.printer.address] for number in (1, 2, 3) if number not in masked
    ]
