"""The catalogue keeps Prometheus' conventions, and nothing a device says can break the text format."""

from __future__ import annotations

import math
import re
import subprocess
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families as parse

from poller import exposition
from poller.exposition import CATALOGUE, Metric, Sample, escape_help, escape_label, format_value, header, histogram, render

GAUGE = Metric("test_level_ratio", "How full it is.", "gauge", ("printer", "key"))


def test_names_are_unique_and_say_whose_they_are() -> None:
    names = [metric.name for metric in CATALOGUE]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"(printer|accounting|poller|probe)_[a-z0-9_]+", name) for name in names)


def test_total_is_for_counters_alone() -> None:
    assert {metric.name for metric in CATALOGUE if metric.kind == "counter"} == {
        metric.name for metric in CATALOGUE if metric.name.endswith("_total")
    }


def test_every_printer_metric_carries_the_printer_first() -> None:
    assert all(metric.labels[0] == "printer" for metric in CATALOGUE if metric.name.startswith("printer_"))


def test_help_says_something_in_one_line() -> None:
    assert all(metric.help.endswith((".", "0.")) and "\n" not in metric.help for metric in CATALOGUE)


def test_promtool_finds_nothing_to_say_about_the_catalogue(real_part: Callable[[str], str]) -> None:
    samples = [Sample(metric, 1, tuple("x" for _ in metric.labels)) for metric in CATALOGUE if metric.kind != "histogram"]
    buckets = histogram(exposition.POLLER_SNMP_ROUND_TRIP, exposition.ROUND_TRIP_BUCKETS_SECONDS, [1] * 13, 9.5)
    said = subprocess.run(
        [real_part("promtool"), "check", "metrics"], input=render([*samples, *buckets]).text, capture_output=True, check=False
    )
    assert (said.returncode, said.stdout, said.stderr) == (0, b"", b"")


@pytest.mark.parametrize(
    "value, text",
    [
        (0, "0"), (True, "1"), (7, "7"), (0.63, "0.63"), (2.0, "2"), (-0.5, "-0.5"), (1e300, "1e+300"), (1e-7, "1e-07"),
        (math.inf, "+Inf"), (-math.inf, "-Inf"), (math.nan, "NaN"), (1795161848.282, "1795161848.282"),
    ],
)  # fmt: skip
def test_values_are_written_as_go_reads_them(value: float, text: str) -> None:
    assert format_value(value) == text


@pytest.mark.parametrize(
    "value, text",
    [
        ("plain", "plain"),
        ("Flur Süd", "Flur Süd"),
        ('a"b', 'a\\"b'),
        ("a\\b", "a\\\\b"),
        ("a\nb", "a\\nb"),
        ("a\r\x00\x1b\x7f\x85b", "a\ufffd\ufffd\ufffd\ufffd\ufffdb"),
        ("\ud800", "\ufffd"),
    ],
)
def test_label_values_are_escaped(value: str, text: str) -> None:
    assert escape_label(value) == text


def test_help_keeps_its_quotes() -> None:
    assert escape_help('say "a\\b"\nc') == 'say "a\\\\b"\\nc'


@given(st.text(), st.text())
def test_any_two_labels_are_read_back_as_one_series(printer: str, key: str) -> None:
    (family,) = parse(render([Sample(GAUGE, 0.5, (printer, key))]).text.decode())
    (sample,) = family.samples
    assert sample.value == 0.5
    if not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", printer + key):
        assert sample.labels == {"printer": printer, "key": key}


def test_a_series_is_shown_once_and_the_others_are_counted() -> None:
    rendered = render(
        [
            Sample(GAUGE, 1, ("a", "1")),
            Sample(GAUGE, 2, ("a", "1")),
            Sample(GAUGE, 3, ("b", "1")),
            Sample(GAUGE, 4, ("a\x01", "1")),
            Sample(GAUGE, 5, ("a\x02", "1")),
        ]
    )
    assert rendered.refused == 2
    assert [line for line in rendered.text.decode().splitlines() if not line.startswith("#")] == [
        'test_level_ratio{printer="a",key="1"} 1',
        'test_level_ratio{printer="b",key="1"} 3',
        'test_level_ratio{printer="a\ufffd",key="1"} 4',
    ]


def test_a_family_is_one_group_however_its_samples_come() -> None:
    other = Metric("test_other", "Another one.", "gauge")
    text = render([Sample(GAUGE, 1, ("a", "1")), Sample(other, 1), Sample(GAUGE, 1, ("b", "1"))]).text
    assert text.count(header(GAUGE)) == text.count(header(other)) == 1
    assert len(list(parse(text.decode()))) == 2


def test_a_sample_that_does_not_fit_its_metric_is_our_mistake() -> None:
    with pytest.raises(ValueError, match="1 label values for 2 labels"):
        render([Sample(GAUGE, 1, ("a",))])


def test_a_histogram_adds_its_buckets_up() -> None:
    metric = Metric("test_seconds", "How long.", "histogram")
    lines = render(histogram(metric, (0.1, 1.0), (2, 0, 3), 7.5)).text.decode().splitlines()
    assert lines[1:] == [
        "# TYPE test_seconds histogram",
        'test_seconds_bucket{le="0.1"} 2',
        'test_seconds_bucket{le="1"} 2',
        'test_seconds_bucket{le="+Inf"} 5',
        "test_seconds_sum 7.5",
        "test_seconds_count 5",
    ]


def test_nothing_renders_as_nothing() -> None:
    assert render([]) == (b"", 0)
