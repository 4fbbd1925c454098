from __future__ import annotations

from datetime import timedelta

import pytest

from poller.model import Alert
from poller.printers.alerts import read_alerts
from poller.snmp.oid import Oid, parse
from tests.printers.rows import ALERT, TAKEN_AT, Rows, octets, read, row, shuffled, system, ticks


def alerts(rows: Rows, *, uptime: int | None = None) -> tuple[Alert, ...]:
    return read(system("Lexmark Z999", uptime=uptime), rows).reading.alerts


def test_an_alert_is_read_by_its_index() -> None:
    rows = [
        *row(ALERT, "1.61", c2=5, c3=4, c4=8, c5=3, c6=3, c7=808, c8="Tray 3 is empty", c9=ticks(100)),
        *row(ALERT, "1.7", c2=3, c4=6, c7=501),
    ]
    assert alerts(shuffled(rows)) == (
        Alert(key="1.7", severity="critical", group="cover", code=501),
        Alert(key="1.61", severity="warningBinaryChangeEvent", group="input", code=808, location=3),
    )


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"c2": 1}, Alert(key="1.1", severity="other")),
        ({"c2": 9, "c4": 99}, Alert(key="1.1", severity="other")),
        ({"c4": 2, "c7": 2}, Alert(key="1.1", severity="other")),
        ({"c7": 1}, Alert(key="1.1", severity="other", code=1)),
        ({"c2": 4, "c4": 5, "c6": -2, "c7": 503}, Alert(key="1.1", severity="warning", group="generalPrinter", code=503)),
        ({"c6": -1}, Alert(key="1.1", severity="other")),
        ({"c6": 0}, Alert(key="1.1", severity="other", location=0)),
        ({"c4": 31, "c7": 30213}, Alert(key="1.1", severity="other", group="finSupply", code=30213)),
    ],
)
def test_what_a_device_does_not_say_stays_unsaid(columns: dict[str, int], expected: Alert) -> None:
    assert alerts(row(ALERT, "1.1", **columns)) == (expected,)


@pytest.mark.parametrize(
    ("raised", "uptime", "ago"),
    [
        (360_000, 720_000, timedelta(hours=1)),
        (720_000, 720_000, timedelta(0)),
        (0, 720_000, None),  # not supported, or from before the start
        (800_000, 720_000, None),  # the device's clock began again
        (360_000, None, None),
    ],
)
def test_since_needs_two_times_that_fit(raised: int, uptime: int | None, ago: timedelta | None) -> None:
    (alert,) = alerts(row(ALERT, "1.1", c2=3, c9=ticks(raised)), uptime=uptime)
    assert alert.since == (TAKEN_AT - ago if ago is not None else None)


def test_since_does_not_move_from_poll_to_poll() -> None:
    rows = row(ALERT, "1.1", c2=3, c9=ticks(123_456))
    assert alerts(rows, uptime=900_000)[0].since == alerts(rows, uptime=900_012)[0].since


def test_the_text_of_an_alert_stays_here() -> None:
    decoded = read(system("Lexmark Z999"), row(ALERT, "1.1", c2=3, c8="Job of Frau Meier"))
    assert decoded.alert_texts == (("1.1", "Job of Frau Meier"),)
    assert "Meier" not in repr(decoded.reading)


def test_a_table_without_end_is_cut_at_256() -> None:
    rows = [pair for index in range(1, 1000) for pair in row(ALERT, f"1.{index}", c2=3)]
    assert len(alerts(rows)) == 256


def test_what_is_not_of_the_table_is_left_out() -> None:
    column = parse(f"{ALERT}.2")
    strange = [(Oid(column + tail), octets("3")) for tail in (b"", b"\x80", b"\x01" * 40)]
    assert read_alerts((*strange, (parse("1.3.6.1.2.1.1.1.0"), octets("x"))), None) == ()
