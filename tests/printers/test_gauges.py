"""A reading as samples: parts that sum to the whole, no sentinel, no duplicate, no device text that breaks out of its quotes."""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Callable, Mapping
from functools import partial

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families as parse

from poller.exposition import CATALOGUE, header
from poller.model import Alert, Counter, Decoded, Reading, Status, Supply
from poller.printers import gauges
from poller.printers.gauges import FAMILIES, count_once, render, split
from tests.readings import HOSTILE, bare, colour_mfp, hostile

Series = dict[tuple[tuple[str, str], ...], float]


def text_of(decoded: Decoded) -> str:
    parts = render(decoded, site="hq")
    return b"".join(header(metric) + part for metric, part in zip(FAMILIES, parts, strict=True) if part).decode()


def series(decoded: Decoded, name: str) -> Series:
    """Return the samples of one family by their labels without the printer's id; fails on a duplicate."""
    found: Series = {}
    for family in parse(text_of(decoded)):
        for sample in family.samples:
            labels = tuple((key, value) for key, value in sample.labels.items() if key != "printer")
            if sample.name == name:
                assert labels not in found
                found[labels] = sample.value
    return found


def with_reading(**fields: object) -> Decoded:
    decoded = bare()
    return msgspec.structs.replace(decoded, reading=msgspec.structs.replace(decoded.reading, **fields))


def with_counters(*counters: Counter) -> Decoded:
    return with_reading(counters=counters)


def test_families_are_those_of_the_catalogue_that_do_not_change_without_a_reading() -> None:
    apart = {"printer_up", "printer_last_poll_timestamp_seconds", "printer_poll_duration_seconds"}
    assert {metric.name for metric in FAMILIES} == {metric.name for metric in CATALOGUE if metric.name.startswith("printer_")} - apart


def test_each_line_stands_in_its_own_family() -> None:
    for metric, text in zip(FAMILIES, render(colour_mfp(), site=None), strict=True):
        assert text, metric.name
        assert all(line.startswith(f'{metric.name}{{printer="serial:32473:MFP00001"'.encode()) for line in text.splitlines())


def test_labels_are_exactly_those_of_the_catalogue() -> None:
    labels = {metric.name: metric.labels for metric in CATALOGUE}
    for family in parse(text_of(colour_mfp())):
        for sample in family.samples:
            assert tuple(sample.labels) == labels[sample.name]


def test_promtool_accepts_a_colour_mfp_and_a_hostile_device(real_part: Callable[[str], str]) -> None:
    for decoded in (colour_mfp(), hostile()):
        said = subprocess.run(
            [real_part("promtool"), "check", "metrics"], input=text_of(decoded).encode(), capture_output=True, check=False
        )
        assert (said.returncode, said.stderr) == (0, b"")


def test_a_bare_device_shows_who_it_is_and_nothing_else() -> None:
    assert [metric.name for metric, text in zip(FAMILIES, render(bare(), site=None), strict=True) if text] == ["printer_info"]


def test_hostile_text_stays_within_its_quotes_and_its_length() -> None:
    text = text_of(hostile())
    assert not any(character in text for character in "\x00\x1b")
    assert {sample.name for family in parse(text) for sample in family.samples} <= {metric.name for metric in FAMILIES}
    ((labels, _),) = series(hostile(), "printer_supply_info").items()
    assert dict(labels)["description"] == (HOSTILE * 50)[:256].replace("\x00", "\ufffd").replace("\x1b", "\ufffd")


def test_rows_of_one_key_are_shown_once_and_counted() -> None:
    assert len(series(hostile(), "printer_supply_level_ratio")) == len(series(hostile(), "printer_tray_capacity")) == 1
    assert gauges.count_refused(hostile().reading) == 3
    assert gauges.count_refused(colour_mfp().reading) == 0


def test_some_remaining_is_a_state_and_no_number() -> None:
    decoded = with_reading(
        supplies=(Supply(key="1.1", index="1.1", kind="toner", colour="black", state="some-remaining", capacity=100, unit="percent"),)
    )
    key = (("key", "1.1"), ("kind", "toner"), ("colour", "black"))
    assert series(decoded, "printer_supply_state") == {(*key, ("state", "some-remaining")): 1}
    assert series(decoded, "printer_supply_level_ratio") == series(decoded, "printer_supply_units") == {}
    assert series(decoded, "printer_supply_capacity_units") == {(*key, ("unit", "percent")): 100}


def test_alike_alerts_are_counted_and_an_unknown_code_is_empty() -> None:
    alerts = (
        Alert(key="1", severity="warning", group="input", code=8),
        Alert(key="2", severity="warning", group="input", code=8),
        Alert(key="3", severity="critical"),
    )
    assert series(with_reading(alerts=alerts), "printer_alert") == {
        (("severity", "warning"), ("group", "input"), ("code", "8")): 2,
        (("severity", "critical"), ("group", ""), ("code", "")): 1,
    }


def test_an_error_named_twice_is_one_series() -> None:
    assert series(with_reading(status=Status(errors=("jammed", "jammed"))), "printer_error") == {(("error", "jammed"),): 1}


def test_a_cover_nobody_knows_of_is_neither_open_nor_closed() -> None:
    assert series(colour_mfp(), "printer_cover_open") == {(("key", "1.1"),): 0, (("key", "1.2"),): 1}


def test_boot_time_is_to_the_second() -> None:
    assert series(colour_mfp(), "printer_boot_time_seconds") == {(): 1794895199}


# --- life count ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "counters, expected",
    [
        ([Counter(function="total", count=9, oid="1.3.6.1.2.1.43.10.2.1.4.1.1")], {"impressions": 9}),
        ([Counter(function="total", count=9, unit="sheets", oid="1.3.6.1.2.1.43.10.2.1.4.1.1")], {"sheets": 9}),
        (
            [
                Counter(function="total", count=9, oid="1.3.6.1.4.1.32473.1"),
                Counter(function="other", count=12, label="prtMarkerLifeCount"),
            ],
            {"impressions": 12},
        ),
        ([Counter(function="total", count=9, oid="1.3.6.1.4.1.32473.1")], {}),
        ([Counter(function="other", count=9, label="Reports")], {}),
        (
            [
                Counter(function="total", count=9, oid="1.3.6.1.2.1.43.10.2.1.4.1.1"),
                Counter(function="total", count=5, unit="sheets", oid="1.3.6.1.2.1.43.10.2.1.4.1.2"),
            ],
            {"impressions": 9, "sheets": 5},
        ),
    ],
)
def test_life_pages_are_the_life_count_and_nothing_else(counters: list[Counter], expected: dict[str, int]) -> None:
    assert series(with_counters(*counters), "printer_life_pages") == {(("unit", unit),): count for unit, count in expected.items()}


def test_sheets_are_no_pages() -> None:
    counters = [Counter(function=function, unit="sheets", count=5) for function in ("print", "total", "scan")]
    decoded = with_counters(*counters)
    assert series(decoded, "printer_pages") == series(decoded, "printer_meter_pages") == series(decoded, "printer_scans") == {}


# --- parts -----------------------------------------------------------------------------------------------------------------

A, M, C, S, T = "all", "mono", "colour", "single", "two"
SPLITS = [
    # what the device counts, what is shown; the whole first, then parts, then large pages
    ({}, {}),
    ({(A, A): 100}, {(A, "normal"): 100}),
    ({(A, A): 100, (A, "large"): 30}, {(A, "normal"): 70, (A, "large"): 30}),
    ({(A, "large"): 30}, {(A, "large"): 30}),
    ({(M, A): 60, (C, A): 40}, {(M, "normal"): 60, (C, "normal"): 40}),
    ({(A, A): 100, (M, A): 60, (C, A): 40}, {(M, "normal"): 60, (C, "normal"): 40}),
    ({(A, A): 101, (M, A): 60, (C, A): 40}, {(M, "normal"): 60, (C, "normal"): 40}),
    ({(A, A): 100, (M, A): 60}, {(M, "normal"): 60, (C, "normal"): 40}),
    ({(A, A): 100, (C, A): 40}, {(M, "normal"): 60, (C, "normal"): 40}),
    ({(A, A): 100, (M, A): 100}, {(M, "normal"): 100, (C, "normal"): 0}),
    ({(A, A): 100, (M, A): 101}, {(M, "normal"): 101}),
    ({(M, A): 60}, {(M, "normal"): 60}),
    ({(S, A): 5}, {(S, "normal"): 5}),
    ({(A, A): 100, (S, A): 5}, {(A, "normal"): 100}),
    ({(A, A): 100, (M, A): 60, (S, A): 5}, {(M, "normal"): 60, (S, "normal"): 5, (C, "normal"): 35}),
    ({(A, A): 100, (M, A): 60, (C, A): 30, (S, A): 7, (T, A): 3},
     {(M, "normal"): 60, (C, "normal"): 30, (S, "normal"): 7, (T, "normal"): 3}),
    ({(M, A): 60, (C, A): 40, (M, "large"): 6, (C, "large"): 4}, {(M, "normal"): 54, (M, "large"): 6, (C, "normal"): 36, (C, "large"): 4}),
    ({(M, A): 60, (C, A): 40, (A, "large"): 10}, {(M, "normal"): 60, (C, "normal"): 40}),
    ({(M, A): 60, (C, A): 40, (A, "large"): 10, (M, "large"): 6}, {(M, "normal"): 54, (M, "large"): 6, (C, "normal"): 36, (C, "large"): 4}),
    ({(M, A): 60, (C, A): 40, (M, "large"): 6}, {(M, "normal"): 54, (M, "large"): 6, (C, "normal"): 40}),
    ({(A, A): 100, (M, A): 60, (A, "large"): 10, (M, "large"): 6},
     {(M, "normal"): 54, (M, "large"): 6, (C, "normal"): 36, (C, "large"): 4}),
    ({(A, A): 100, (M, "large"): 6, (C, "large"): 4}, {(A, "normal"): 90, (A, "large"): 10}),
    ({(A, A): 100, (M, "large"): 6}, {(A, "normal"): 100}),
    ({(M, "large"): 6, (C, "large"): 4}, {(M, "large"): 6, (C, "large"): 4}),
    ({(M, A): 60, (C, "large"): 4}, {(M, "normal"): 60, (C, "large"): 4}),
    ({(A, A): 100, (A, "large"): 130}, {(A, "normal"): 100}),
    ({(M, A): 60, (C, A): 40, (A, "large"): 5, (M, "large"): 6}, {(M, "normal"): 54, (M, "large"): 6, (C, "normal"): 40}),
    ({(A, A): 0, (M, A): 0, (C, A): 0}, {(M, "normal"): 0, (C, "normal"): 0}),
]  # fmt: skip


@pytest.mark.parametrize("cells, expected", SPLITS)
def test_counters_come_in_parts(cells: Mapping[tuple[str, str], int], expected: Mapping[tuple[str, str], int]) -> None:
    shown = split(cells)
    assert {(colour, size): count for colour, size, count in shown} == expected
    assert len(shown) == len(expected)


def _consistent(mono: int, colour: int, mono_large: int, colour_large: int) -> dict[tuple[str, str], int]:
    return {
        (A, A): mono + colour + mono_large + colour_large, (A, "large"): mono_large + colour_large,
        (M, A): mono + mono_large, (M, "large"): mono_large, (C, A): colour + colour_large, (C, "large"): colour_large,
    }  # fmt: skip


@given(st.lists(st.integers(0, 10**6), min_size=4, max_size=4))
def test_of_counters_that_agree_every_choice_sums_to_the_whole(counts: list[int]) -> None:
    cells = _consistent(*counts)
    whole = cells[A, A]
    for size in range(1, len(cells) + 1):
        for known in itertools.combinations(cells, size):
            shown = split({cell: cells[cell] for cell in known})
            assert sum(count for _, _, count in shown) <= whole
            if (A, A) in known or ((M, A) in known and (C, A) in known):
                assert sum(count for _, _, count in shown) == whole
            colours = {colour for colour, _, _ in shown}
            assert A not in colours or len(colours) == 1, "never a total beside its parts"
            assert all(count == cells[colour, "large"] for colour, size_, count in shown if size_ == "large")


def test_where_large_sheets_are_counted_twice_each_side_is_shown_once() -> None:
    """1,000 sides, 100 of them on A3: such a device says 1,100."""
    of_total = partial(Counter, function="total")
    counters = [of_total(count=1_100, large="twice"), of_total(size="large", count=100)]
    shown = {(("colour", A), ("size", "normal")): 900, (("colour", A), ("size", "large")): 100}
    assert series(with_counters(*counters), "printer_meter_pages") == shown
    counters = [of_total(count=1_000, large="once"), of_total(size="large", count=100)]
    assert series(with_counters(*counters), "printer_meter_pages") == shown


ONCE = [
    # what the device counts, which of it twice, what is left to be split
    ({(A, A): 1100}, {A}, {(A, A): 1100}),
    ({(M, A): 660, (C, A): 440, (M, "large"): 60, (C, "large"): 40}, {M, C},
     {(M, A): 600, (C, A): 400, (M, "large"): 60, (C, "large"): 40}),
    ({(A, A): 1100, (M, "large"): 60, (C, "large"): 40}, {A}, {(A, A): 1000, (M, "large"): 60, (C, "large"): 40}),
    ({(A, A): 1000, (M, A): 660, (M, "large"): 60}, {M}, {(A, A): 1000, (M, A): 600, (M, "large"): 60}),
    ({(A, A): 1100, (M, A): 660}, {A, M}, {(A, A): 1100, (M, A): 660}),  # their difference counts as they do
    ({(A, A): 1000, (M, A): 660}, {M}, {(M, A): 660}),
    ({(A, A): 1100, (M, A): 600}, {A}, {(M, A): 600}),
    ({(A, A): 150, (A, "large"): 100}, {A}, {(A, A): 150, (A, "large"): 100}),
]  # fmt: skip


@pytest.mark.parametrize("cells, twice, expected", ONCE)
def test_counts_are_brought_to_one_way_of_counting(
    cells: Mapping[tuple[str, str], int], twice: set[str], expected: Mapping[tuple[str, str], int]
) -> None:
    assert count_once(cells, twice) == expected


def test_the_series_do_not_depend_on_the_values() -> None:
    """A page printed between two answers of one poll makes the whole larger than its parts; no series may come or go by that."""
    before = {(A, A): 100, (M, A): 60, (C, A): 40}
    after = {(A, A): 100, (M, A): 61, (C, A): 40}
    assert [part[:2] for part in split(before)] == [part[:2] for part in split(after)]


def test_pages_have_their_function_and_totals_are_meters() -> None:
    decoded = colour_mfp()
    assert sum(series(decoded, "printer_pages").values()) == 7000 + 1900 + 100
    assert sum(series(decoded, "printer_meter_pages").values()) == 9000
    assert {dict(labels)["function"] for labels in series(decoded, "printer_pages")} == {"print", "copy", "fax"}


def test_scans_are_by_colour() -> None:
    assert series(colour_mfp(), "printer_scans") == {(("colour", "mono"),): 300, (("colour", "colour"),): 900}


@pytest.mark.parametrize(
    "counters, expected",
    [
        ([("total", "all", 40)], {"all": 40}),
        ([("total", "all", 40), ("total", "mono", 30), ("print", "mono", 7)], {"mono": 30, "colour": 10}),
        ([("print", "mono", 7), ("copy", "mono", 3), ("copy", "colour", 2)], {"mono": 10, "colour": 2}),
        ([("print", "mono", 7), ("copy", "all", 3)], {"all": 10}),
    ],
)
def test_duplex_is_the_total_or_the_sum_of_its_functions(counters: list[tuple[str, str, int]], expected: dict[str, int]) -> None:
    decoded = with_counters(*(Counter(function=f, colour=c, sides="duplex", count=n) for f, c, n in counters))  # type: ignore[arg-type]
    assert series(decoded, "printer_duplex_impressions") == {(("colour", colour),): count for colour, count in expected.items()}


def test_a_counter_named_twice_counts_once() -> None:
    decoded = with_counters(Counter(function="print", count=5), Counter(function="print", count=6))
    assert list(series(decoded, "printer_pages").values()) == [5]


def test_a_reading_survives_its_json() -> None:
    decoded = colour_mfp()
    again = msgspec.json.decode(msgspec.json.encode(decoded.reading), type=Reading)
    assert render(msgspec.structs.replace(decoded, reading=again), site="hq") == render(decoded, site="hq")
