"""The reader against recordings of real printers whose truth is known; they live beside the repository, not in it."""

from __future__ import annotations

import asyncio
import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest

from poller.clock import SystemClock
from poller.engine import device
from poller.engine.recorded import Recorded
from poller.model import Reading
from poller.snmp import ber
from poller.snmp.message import Value
from poller.snmp.oid import Oid, arcs, parse
from tests.printers.rows import Rows
from tests.printers.vendor_devices import TARGET

SCORE_PERCENT_MIN = 99.0
GROUP_PERCENT_MIN = 97.0

_UNSIGNED = {65: ber.COUNTER32, 66: ber.GAUGE32, 67: ber.TIME_TICKS, 70: ber.COUNTER64}


def load_score(folder: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("corpus_score", folder / "score.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def parse_value(tag: str, content: bytes) -> Value:
    if tag.endswith("x"):
        return int(tag[:-1]), bytes.fromhex(content.decode())
    kind = int(tag)
    if kind in _UNSIGNED:
        number = int(content)
        return _UNSIGNED[kind], number.to_bytes(number.bit_length() // 8 + 1, "big")
    if kind == ber.INTEGER:
        return kind, int(content).to_bytes(9, "big", signed=True)
    return (kind, parse(content.decode())) if kind == ber.OBJECT_IDENTIFIER and content != b"0" else (kind, content)


def load_rows(recording: Path) -> Rows:
    rows: dict[Oid, Value] = {}
    for line in recording.read_bytes().splitlines():
        if line:
            dotted, tag, content = line.split(b"|", 2)
            rows[parse(dotted.decode())] = parse_value(tag.decode(), content)
    return sorted(rows.items(), key=lambda pair: arcs(pair[0]))


def read_recording(recording: Path) -> Reading:
    """Learn and read the device as one on the network, profiles and all."""
    decoded, _, _ = asyncio.run(device.read(Recorded(load_rows(recording)), [TARGET], SystemClock(), rows_max=2048))
    return decoded.reading


@pytest.fixture(scope="module")
def card(shared: Path) -> Any:
    """The score card of every recording that has a truth beside it."""
    corpus = shared / "corpus"
    score = load_score(corpus)
    card = score.Card()
    for truth in sorted((corpus / "truth").glob("*.json")):
        recording = corpus / "recordings" / f"{truth.stem}.snmprec"
        if recording.exists():
            reading = json.loads(msgspec.json.encode(read_recording(recording)))
            score.score_one(card, truth.stem, json.loads(truth.read_text()), reading)
    return card


def test_recordings_of_real_printers_are_read_as_a_person_would(card: Any) -> None:
    passed, made = sum(card.passed.values()), sum(card.made.values())
    assert 100 * passed / made >= SCORE_PERCENT_MIN, "\n".join(card.failures)
    for group, of_group in card.made.items():
        assert 100 * card.passed[group] / of_group >= GROUP_PERCENT_MIN, "\n".join(card.failures)


@pytest.mark.parametrize(
    "group",
    ["supply level", "supply state", "supply kind", "supply colour", "supply part number", "supply text", "trays", "covers", "alerts"],
)
def test_what_the_standard_tables_say_is_read_without_a_fault(card: Any, group: str) -> None:
    assert card.made[group] > 0
    assert card.passed[group] == card.made[group], "\n".join(card.failures)
