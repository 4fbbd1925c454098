"""Goals, verdicts, and how they read."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from poller.bench.table import HEADINGS, Goal, cells, markdown, text

FASTER = Goal(row="poll", work="poll", unit="values/CPU-s", beside="peer", sense=">=", value=4.0)
ALL = Goal(row="loss", work="sweep", unit="printers", beside="answering", sense=">=", is_worst=True)
SMALL = Goal(row="memory", work="memory", unit="MB", beside="limit", sense="<", limit=250.0, is_worst=True)
PROMPT = Goal(row="scrape", work="stall", unit="ms", beside="limit", sense="<=", limit=50.0, is_worst=True)
SHOWN = Goal(row="restart", work="restart", unit="s", beside="limit", sense="<=", limit=2.0, is_judged=False)
FREE = Goal(row="v3", work="v3", unit="values/CPU-s", beside="v2c", sense=None)
DURABLE = Goal(row="outbox", work="outbox", unit="readings/s", beside="limit", sense=">=", limit=10_000.0)
CHEAP = Goal(row="scrape", work="scrape", unit="CPU-s", beside="limit", sense="<", limit=0.25)


@pytest.mark.parametrize(
    "goal, ours, theirs, verdict",
    [
        (FASTER, [400, 500, 390], [100, 100, 100], "reached"),  # the median counts, not the worst
        (FASTER, [400, 399, 390], [100, 100, 100], "missed"),
        (FASTER, [400, 800], [100, 200], "reached"),  # pair by pair: a slower hour is slower for both
        (ALL, [4124, 4124], [4124, 4124], "reached"),
        (ALL, [4124, 4123], [4124, 4124], "missed"),
        (SMALL, [249.9], [], "reached"),
        (SMALL, [250], [], "missed"),
        (PROMPT, [1, 50, 2], [], "reached"),
        (PROMPT, [1, 50.1, 2], [], "missed"),
        (CHEAP, [0.2, 0.24, 0.3], [], "reached"),
        (CHEAP, [0.2, 0.25, 0.3], [], "missed"),
        (SHOWN, [1.9], [], "for information"),
        (SHOWN, [2.1], [], "for information"),
        (FREE, [1, 2], [3, 4], "for information"),
    ],
)
def test_a_goal_is_judged_by_its_ratio(goal: Goal, ours: Sequence[float], theirs: Sequence[float], verdict: str) -> None:
    assert goal.judge(ours, theirs).verdict == verdict


def test_measurements_come_in_pairs() -> None:
    with pytest.raises(ValueError, match="shorter"):
        FASTER.judge([1, 2], [1])


@pytest.mark.parametrize(
    "goal, wanted",
    [
        (FASTER, "at least 4 times"),
        (ALL, "all"),
        (SMALL, "under 250 MB"),
        (PROMPT, "at most 50 ms"),
        (CHEAP, "under 0.250 CPU-s"),
        (SHOWN, "at most 2 s"),
        (FREE, "-"),
        (DURABLE, "at least 10,000 readings/s"),
    ],
)
def test_a_goal_says_in_words_what_it_wants(goal: Goal, wanted: str) -> None:
    assert goal.wanted == wanted


def test_a_result_reads_from_left_to_right() -> None:
    result = FASTER.judge([64_499.4, 160_000, 12_000], [16_000, 16_000, 16_000])
    assert cells(result) == ("poll", "64,499 values/CPU-s", "peer: 16,000", "4.03 (0.750-10)", "at least 4 times", "reached")


def test_a_row_without_figures_has_dashes_and_its_reason_below() -> None:
    result = FASTER.without_figure("not measured", "peer is not installed")
    assert cells(result) == ("poll", "-", "peer", "-", "at least 4 times", "not measured")
    assert text([result]).splitlines()[-1] == "poll: peer is not installed"


def test_the_columns_of_the_table_stand_below_each_other() -> None:
    result = FASTER.judge([500], [70])
    head, rule, first, second = text([result, SMALL.judge([100])]).splitlines()
    assert [head.index(heading) for heading in HEADINGS] == [first.index(cell) for cell in cells(result)]
    assert len(rule) == len(head)
    assert second.startswith("memory  100 MB")


def test_a_page_gets_a_table_and_the_remarks_as_a_list() -> None:
    shown = markdown([SMALL.judge([100], note="18 scrapes")]).splitlines()
    assert shown[2:] == ["| memory | 100 MB | limit: 250 | 0.400 | under 250 MB | reached |", "", "- memory: 18 scrapes."]


def test_a_program_gets_every_figure() -> None:
    shown = msgspec.to_builtins(SMALL.judge([100, 225]))
    assert shown["ours"] == {"min": 100, "median": 162.5, "max": 225}
    assert shown["ratio"] == {"min": 0.4, "median": 0.65, "max": 0.9}
    assert (shown["row"], shown["wanted"], shown["verdict"], shown["reason"]) == ("memory", "under 250 MB", "reached", None)
