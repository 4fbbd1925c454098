"""What the page calls things; no number is said that nobody vouches for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from poller.exporter import wording
from poller.model import Alert, Counter, Supply, Tray
from tests.readings import bare

THIN = "\u202f"


def supply(**fields: object) -> Supply:
    return Supply(key="1.1", index="1.1", **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "item, name, level",
    [
        (supply(kind="toner", colour="cyan", ratio=0.634, state="ok"), "Cyan", f"63{THIN}%"),
        (supply(kind="toner", ratio=0.0, state="empty"), "Toner", f"0{THIN}%"),
        (supply(kind="drum", colour="black", state="some-remaining"), "Drum black", "some left"),
        (supply(kind="wasteToner", is_receptacle=True, ratio=0.05, state="low"), "Waste", f"5{THIN}% free"),
        (supply(kind="transferBelt", state="not-reported"), "Transfer belt", "not reported"),
        (supply(kind="unknown", description="Gizmo", state="unknown"), "Gizmo", "unknown"),
        (supply(kind="unknown", state="empty"), "Supply", "empty"),
        (supply(kind="fuser", state="ok", units=5), "Fuser", "ok"),
    ],
)
def test_a_supply_has_a_short_name_and_a_level(item: Supply, name: str, level: str) -> None:
    assert (wording.supply(item), wording.level(item)) == (name, level)


def test_a_tray_is_never_free() -> None:
    assert wording.level(Tray(key="1", ratio=1.0)) == f"100{THIN}%"


@pytest.mark.parametrize("ratio, percent", [(0.0, 0), (0.0001, 1), (0.5, 50), (0.9999, 99), (1.0, 100)])
def test_only_empty_is_0_and_only_full_is_100_percent(ratio: float, percent: int) -> None:
    assert wording.percent(ratio) == percent


@pytest.mark.parametrize(
    "colour, css",
    [("cyan", "ink-cyan"), ("light cyan", "ink-lightcyan"), (None, "ink-other"), ('"><script>', "ink-other"), ("puce", "ink-other")],
)
def test_a_bar_has_only_colours_the_style_sheet_knows(colour: str | None, css: str) -> None:
    assert wording.bar(colour) == css


@pytest.mark.parametrize(
    "manufacturer, model, hostname, name",
    [
        ("Acme", "L100", "prn", "Acme L100"), ("Acme", "ACME L100", "prn", "ACME L100"), (None, "L100", "prn", "L100"),
        ("Acme", None, "prn", "Acme"), (None, None, "prn", "prn"), (None, None, None, "127.20.9.1"),
    ],
)  # fmt: skip
def test_a_printer_is_called_what_people_call_it(manufacturer: str | None, model: str | None, hostname: str | None, name: str) -> None:
    assert wording.name(bare(manufacturer=manufacturer, model=model, hostname=hostname).reading.printer) == name


@pytest.mark.parametrize(
    "seconds, age",
    [(-5, f"0{THIN}s"), (0, f"0{THIN}s"), (119, f"119{THIN}s"), (120, f"2{THIN}min"), (7200, f"2{THIN}h"), (172800, f"2{THIN}d")],
)
def test_an_age_is_in_its_largest_unit(seconds: float, age: str) -> None:
    now = datetime(2026, 11, 20, tzinfo=UTC)
    assert wording.age(now - timedelta(seconds=seconds), now) == age


@pytest.mark.parametrize(
    "alert, words",
    [
        (Alert(key="1", severity="critical", group="mediaPath", code=8), "Media path: jam"),
        (Alert(key="1", severity="critical", group="mediaPath", code=31999), "Media path: code 31999"),
        (Alert(key="1", severity="other"), "Alert"),
    ],
)
def test_an_alert_is_a_part_and_what_is_the_matter(alert: Alert, words: str) -> None:
    assert wording.alert(alert) == words


def test_a_counter_is_called_after_its_cell() -> None:
    assert wording.counter(Counter(function="print", colour="colour", size="large", count=1)) == "Print, colour, large"
    assert wording.counter(Counter(function="total", sides="duplex", count=1)) == "Total, two-sided"
    assert wording.number(1234567) == f"1{THIN}234{THIN}567"
