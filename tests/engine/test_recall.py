from __future__ import annotations

import msgspec

from poller.engine.recall import reading_of
from poller.engine.remembered import Remembered, Way
from tests.fake_clock import START_UTC
from tests.readings import colour_mfp


def test_a_last_reading_comes_back_as_it_was() -> None:
    assert reading_of(remembered(msgspec.json.encode(colour_mfp().reading))) == colour_mfp().reading


def test_a_last_reading_of_another_program_is_none() -> None:
    assert reading_of(remembered(b'{"type": "reading", "schema": []}')) is None
    assert reading_of(remembered(b"")) is None


def remembered(reading: bytes) -> Remembered:
    printer = colour_mfp().reading.printer
    way = Way(address=printer.address, port=161, credential="public", range=None)
    return Remembered(printer=printer, way=way, oids_max=10, bulk_rows=10, due_utc=START_UTC, reading=reading)
