"""Printers as they are remembered: invented readings on the layouts of the simulator's recordings."""

from __future__ import annotations

from datetime import timedelta
from functools import cache

import msgspec

from poller.engine.remembered import Remembered, Way
from poller.model import Printer
from poller.printers import layout
from poller.printers.layout import Layout
from poller.simulator import recordings
from tests.readings import TAKEN_UTC, colour_mfp

READING_TEXT = "Imaging Drum"
"""In the reading of every printer here, and in nothing else that is remembered of it."""


@cache
def layouts() -> tuple[Layout, ...]:
    """Return what the simulator's printers have, one layout a model."""
    return tuple(layout.learn(one.rows)[0] for one in map(recordings.load, recordings.names()) if one.is_printer)


def printer(number: int = 1, *, grown: int = 0) -> Remembered:
    """Return printer *number*; *grown* pages later it has another reading and is due later."""
    decoded = colour_mfp(number, grown=grown)
    who = decoded.reading.printer
    return Remembered(
        printer=Printer(id=f"{who.id}", identities=who.identities, address=f"10.1.{number // 250}.{number % 250}", via="snmp-2c"),
        way=Way(address=f"10.1.{number // 250}.{number % 250}", port=161, credential="office", range="hq"),
        location="Hamburg, 2nd floor",
        layout=layouts()[number % len(layouts())],
        learned_utc=TAKEN_UTC,
        config_changes=number % 7,
        oids_max=32,
        bulk_rows=24,
        is_proven=True,
        due_utc=TAKEN_UTC + timedelta(seconds=900 + grown),
        boot_utc=decoded.boot_utc,
        last_ok_utc=TAKEN_UTC,
        last_poll_seconds=0.041,
        reading=msgspec.json.encode(decoded.reading),
    )


def fleet(count: int, *, grown: int = 0) -> list[Remembered]:
    return [printer(number, grown=grown) for number in range(count)]
