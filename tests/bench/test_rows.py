"""The rows: complete, each on its own, and measuring what they say, in small."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from poller.bench import day, metrics, outbox, polls, polls_v3, restart, rows, scrape, snmpd, sweep_rate
from poller.bench.children import ChildError, NotMeasuredError
from poller.bench.rows import ROWS, Row
from poller.bench.runs import Runs
from poller.bench.table import Goal, Result
from poller.bench.tools import Tools
from poller.sealing.local_key import LocalKey
from poller.simulator import recordings
from poller.simulator.server import Simulator
from poller.state.store import StateStore
from tests.fake_clock import FakeClock

PAGE = Path(__file__).resolve().parents[2] / "docs" / "performance.md"
FIRST, SECOND = (Goal(row="row", work=work, unit="MB", beside="limit", sense="<", limit=1.0) for work in ("first", "second"))


def run(*outcomes: Result | Exception) -> list[tuple[str, str, str | None]]:
    def measure(runs: Runs) -> Iterator[Result]:
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                raise outcome
            yield outcome

    runs = Runs(Tools(None), 1, lambda what: None)
    return [(result.work, result.verdict, result.reason) for result in rows.run(Row((FIRST, SECOND), measure), runs)]


def test_a_row_without_its_tools_is_not_measured() -> None:
    assert run(NotMeasuredError("no tools")) == [("first", "not measured", "no tools"), ("second", "not measured", "no tools")]


def test_what_was_measured_before_a_failure_stands() -> None:
    assert run(FIRST.judge([0.5]), ChildError("it broke off")) == [("first", "reached", None), ("second", "failed", "it broke off")]


def test_every_row_is_named_as_its_goals_are() -> None:
    named = "sweep loss poll v3 metrics scrape memory day outbox central scale restart accounting"
    assert list(ROWS) == named.split()
    assert [{goal.row for goal in row.goals} for row in ROWS.values()] == [{name} for name in ROWS]


def test_pairs_are_counted_aloud() -> None:
    said: list[str] = []
    assert list(Runs(Tools(None), 2, said.append).each("sweep")) == [0, 1]
    assert said == ["sweep: 1 of 2", "sweep: 2 of 2"]


def test_the_page_shows_every_goal_and_no_other() -> None:
    shown = re.findall(
        r"^\| ([^|]+) \| [^|]+ \| ([^|]+) \| [^|]+ \| ([^|]+) \| (?:reached|missed|for information|not measured) \|$",
        PAGE.read_text(),
        re.MULTILINE,
    )
    goals = [goal for row in ROWS.values() for goal in row.goals]
    assert [(work, beside.partition(":")[0], wanted) for work, beside, wanted in shown] == [
        (goal.work, goal.beside, goal.wanted) for goal in goals
    ]


# --- what others print ---


def test_the_limit_is_read_from_what_the_c_program_prints() -> None:
    assert sweep_rate._rate("C sendmmsg 65536 in 0.213s = 307681/s got 4124\n") == 307_681
    with pytest.raises(ChildError, match="Killed"):
        sweep_rate._rate("Killed")


def test_a_peer_counts_only_when_it_read_everybody() -> None:
    line = "gufo printers=2000 wall_s=0.41 cpu_s=0.46 per_cpu_s=4371 varbinds=67454 failed={}\n"
    assert polls._read_peer(line.format(0)) == (67_454, 0.46)
    with pytest.raises(ChildError):
        polls._read_peer(line.format(10))


# --- the measurements themselves, in small ---


@asynccontextmanager
async def fleet() -> AsyncIterator[str]:
    simulator = Simulator(
        [recordings.load("colour-laser"), recordings.load("mono-laser")],
        network="127.20.0.0/24", port=0, seed=1, speed=0.0, clock=FakeClock(),
    )  # fmt: skip
    await simulator.start()
    try:
        yield str(simulator.port)
    finally:
        simulator.close()


async def test_polls_are_counted_by_the_values_they_bring() -> None:
    async with fleet() as port:
        figures = await polls.measure(port, "8")
    assert figures["polls"] == 16
    assert figures["values"] > 16 * 10
    assert figures["cpu_seconds"] > 0


async def test_polls_by_snmpv3_are_counted_as_those_by_v2c(real_part: Callable[[str], str]) -> None:
    real_part("snmpd")
    with snmpd.serving() as port:
        figures = {version: await polls_v3.measure(str(port), version, "4") for version in ("3", "2c")}
    assert figures["3"]["polls"] == figures["2c"]["polls"] == 4
    assert figures["3"]["values"] == figures["2c"]["values"] > 4 * 10


def test_without_snmpd_polls_by_snmpv3_are_not_measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(snmpd, "_SBIN", str(tmp_path))
    (result,) = rows.run(ROWS["v3"], Runs(Tools(None), 1, lambda what: None))
    assert (result.verdict, result.reason) == ("not measured", "snmpd is not installed")


async def test_the_state_of_a_fleet_is_written_whole_and_can_be_loaded(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    figures = await restart.measure(str(folder), "161", "24")
    assert figures["printers"] == 24
    store = await StateStore.open(folder / "state.db", LocalKey.open_or_create(folder / "local.key"), FakeClock())
    try:
        loaded = await store.load()
    finally:
        await store.close()
    assert len({one.way.address for one in loaded.printers}) == 24
    assert all(one.reading and one.layout is not None for one in loaded.printers)
    assert loaded.dropped == loaded.readings_dropped == 0


async def test_a_round_of_polls_ends_as_text() -> None:
    async with fleet() as port:
        figures = await metrics.measure(port, "8", "2")
    assert figures["round_0"] > 0
    assert figures["round_1"] > 0
    assert figures["samples_each"] > 10


async def test_a_scrape_is_measured_from_outside_the_loop() -> None:
    figures = await scrape.measure("24", "2")
    assert {"cpu_seconds_0", "cpu_seconds_1", "stall_ms_0", "stall_ms_1"} < figures.keys()
    assert figures["text_megabytes"] > figures["gzip_megabytes"] > 0


async def test_readings_go_through_an_outbox_from_record_to_receipt(tmp_path: Path) -> None:
    figures = await outbox.measure(str(tmp_path), "900", "24")
    assert figures["per_second"] > 0
    assert 0 < figures["wait_ms_median"] <= figures["wait_ms_max"]
    assert figures["bytes_each"] > 500


async def test_a_day_is_read_kept_and_scraped_hour_by_hour() -> None:
    figures = await day.measure("24", "3")
    assert {name for name in figures if name.startswith("cpu")} == {"cpu_0", "cpu_1", "cpu_2"}
    assert figures["polls"] >= 24 * 2
    assert figures["recorded"] >= 24
    assert figures["scrapes"] == 4
