from __future__ import annotations

import pytest

from poller.model import State
from poller.printers.levels import Word, capacity_number, integer, level_number, measure
from poller.snmp import ber
from poller.snmp.message import Missing, Value


@pytest.mark.parametrize(
    ("level", "capacity", "is_percent", "word", "ratio", "state", "units"),
    [
        (700, 2000, False, None, 0.35, "ok", 700),
        (0, 2000, False, None, 0.0, "empty", 0),
        (0, None, False, None, None, "empty", 0),
        (200, 2000, False, None, 0.1, "low", 200),
        (201, 2000, False, None, 0.1005, "ok", 201),
        (80, None, False, None, None, "ok", 80),
        (80, None, True, None, 0.8, "ok", 80),
        (101, None, True, None, None, "unknown", None),
        (2001, 2000, False, None, None, "unknown", None),
        (2000, 2000, False, None, 1.0, "ok", 2000),
        (-1, 2000, False, None, None, "unknown", None),
        (-2, 2000, False, None, None, "unknown", None),
        (-3, 2000, False, None, None, "some-remaining", None),
        (None, 2000, False, None, None, "not-reported", None),
        (-3, 2000, False, "low", None, "low", None),
        (-2, None, False, "empty", None, "empty", None),
        (None, None, False, "low", None, "low", None),
        (900, 2000, False, "low", 0.45, "low", 900),
        (900, 2000, False, "empty", 0.45, "empty", 900),
        (0, 2000, False, "low", 0.0, "empty", 0),
        (2001, 2000, False, "low", None, "low", None),
    ],
)  # fmt: skip
def test_a_level_means(
    level: int | None, capacity: int | None, is_percent: bool, word: Word | None, ratio: float | None, state: State, units: int | None
) -> None:
    measured = measure(level, capacity, is_percent=is_percent, word=word)
    assert (measured.ratio, measured.state, measured.units, measured.capacity) == (ratio, state, units, capacity)


def test_minus_three_is_some_remaining_not_a_number() -> None:
    measured = measure(-3, 100)
    assert measured.state == "some-remaining"
    assert measured.ratio is None
    assert measured.units is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ((ber.INTEGER, b"\x7f"), 127),
        ((ber.INTEGER, b"\xfd"), -3),
        ((ber.INTEGER, b""), None),
        ((ber.COUNTER32, b"\xb2\xd0\x5e\x00"), 3_000_000_000),  # without the zero octet before it
        ((ber.GAUGE32, b"\x00\xff"), 255),
        ((ber.COUNTER64, b"\x00" + b"\xff" * 8), 2**64 - 1),
        ((ber.TIME_TICKS, b"\x01\x00"), 256),
        ((ber.INTEGER, b"\x01" * 10), None),
        ((ber.OCTET_STRING, b" 4711 "), 4711),
        ((ber.OCTET_STRING, b"-3\x00"), -3),
        ((ber.OCTET_STRING, b"12 %"), None),
        ((ber.OCTET_STRING, b"-"), None),
        ((ber.OCTET_STRING, "²".encode("latin-1")), None),
        ((ber.OCTET_STRING, b"9" * 40), None),
        ((ber.OBJECT_IDENTIFIER, b"\x2b"), None),
        (Missing.NO_SUCH_INSTANCE, None),
        (None, None),
    ],
)
def test_an_integer_is_read_or_left_out(value: Value | Missing | None, expected: int | None) -> None:
    assert integer(value) == expected


@pytest.mark.parametrize(("number", "expected"), [(-4, None), (-100, None), (-3, -3), (0, 0), (2**31 - 1, 2**31 - 1)])
def test_a_level_outside_its_syntax_is_left_out(number: int, expected: int | None) -> None:
    assert level_number((ber.INTEGER, number.to_bytes(5, "big", signed=True))) == expected


@pytest.mark.parametrize("number", [-1, -2, -3])
def test_a_sentinel_sent_as_a_gauge_is_still_one(number: int) -> None:
    assert level_number((ber.GAUGE32, (2**32 + number).to_bytes(5, "big"))) == number
    assert level_number((ber.GAUGE32, (2**32 - 4).to_bytes(5, "big"))) is None


@pytest.mark.parametrize(("number", "expected"), [(-2, None), (-1, None), (0, None), (1, 1), (2**31, None)])
def test_a_capacity_that_is_none_is_none(number: int, expected: int | None) -> None:
    assert capacity_number((ber.INTEGER, number.to_bytes(5, "big", signed=True))) == expected
