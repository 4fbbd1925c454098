"""`poller central meter …`, `close`, `verify`, `site zone`: typed, and what is seen."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from poller.central.config import load
from poller.cli import app as cli
from tests.central.stock import seen, stocked
from tests.fake_clock import FakeClock

VERBS = "meter held, meter decide, meter enter, meter estimate, meter show, close, verify, site zone"
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty folder, and no variables."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("POLLERCENTRAL_CONFIG", raising=False)
    return tmp_path


class Shell:
    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str, code: int = 0) -> tuple[str, str]:
        """Run a verb; return what it printed and what it said on the side."""
        got = cli.main(["central", *arguments])
        printed = self._capsys.readouterr()
        assert got == code, printed.err
        return printed.out, printed.err

    def rows(self, *arguments: str) -> list[dict[str, object]]:
        return [json.loads(line) for line in self(*arguments, "--json")[0].splitlines()]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], folder: Path) -> Shell:
    """A database with a week of acme's A1, whose counting began anew in it, received up to yesterday."""
    noon = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - 8 * DAY

    async def fill() -> None:
        config = load(None, {})
        clock = FakeClock(noon)
        async with stocked(folder, clock, url=config.database.url.reveal(), keys_folder=config.keys_folder) as stock:
            for total in (5000, 5010, 7, 9, 20):
                await stock.put(seen(clock.utc(), total=total))
                clock.advance(86400)

    asyncio.run(fill())
    return Shell(capsys)


@pytest.mark.parametrize("words", [one.split() for one in VERBS.split(", ")], ids=" ".join)
def test_every_verb_has_help_with_an_example(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["central", *words, "--help"]) == 0
    text = capsys.readouterr().out
    assert "Example" in text
    assert f"poller central {' '.join(words)}" in text


def test_days_closed_what_is_held_decided_and_the_ledger_proven(run: Shell, folder: Path) -> None:
    closed = run.rows("close")
    assert len(closed) >= 6
    assert [row["held"] for row in closed].count(1) == 1
    assert run.rows("close") == []
    (held,) = run.rows("meter", "held", "acme")
    assert (held["serial"], held["looks_like"], held["changes"], held["proposal"]) == ("A1", "reset", ["total 5010 -> 7"], "new-run")
    assert "reset" in run("meter", "held")[0]
    assert "waits for a decision" in run("meter", "show", "acme", "A1")[1]
    before = run("verify", "--json")[0]
    (folder / "heads.ndjson").write_text(before)

    told, _ = run("meter", "decide", "acme", "A1", "as-proposed", "--note", "board changed")
    assert "decision new-run: total 0 (total 10)" in told
    assert run.rows("meter", "held") == []
    shown = run.rows("meter", "show", "acme", "A1")
    assert [row["meters"]["total"]["total"] for row in shown] == [0, 10, 17, 19, 30]  # type: ignore[index]
    (proof,) = run.rows("verify", "--account", "acme", "--anchors", "heads.ndjson")
    assert (proof["account"], proof["broken_at"], proof["number"]) == ("acme", None, proof["rows"])


def test_what_somebody_read_and_what_is_estimated(run: Shell) -> None:
    run("close")
    run("meter", "decide", "acme", "A1", "new-run", "--start", "total=0", "--only", "total")
    told, _ = run("meter", "enter", "acme", "A1", "total=25", "--note", "a mail")
    assert "meter stated: total 25 (total 35)" in told
    _, refused = run("meter", "enter", "acme", "A1", "total=3", code=1)
    assert "cannot follow the last meter" in refused
    _, refused = run("meter", "estimate", "acme", "A1", "--day", "2099-01-01", code=1)
    assert "at least 14" in refused
    _, refused = run("meter", "enter", "acme", "A1", "total", "scan=x", code=2)
    assert refused.count("want COUNTER=NUMBER") == 2


def test_a_ledger_that_was_changed_is_an_exit_code_and_a_row(run: Shell, folder: Path) -> None:
    run("close")
    path = load(None, {}).database.url.reveal().removeprefix("sqlite:///")
    with sqlite3.connect(path) as db:
        db.execute("UPDATE meter SET run = 9 WHERE number = 2")
    db.close()
    out, _ = run("verify", "--json", code=1)
    assert json.loads(out)["broken_at"] == 2
    (folder / "heads").write_text("no json\n")
    _, refused = run("verify", "--anchors", "heads", code=2)
    assert "line 1" in refused
    run("verify", "--account", "ghost", code=2)


def test_a_site_gets_its_time_zone(run: Shell) -> None:
    assert "Europe/Berlin" in run("site", "zone", "acme", "hamburg", "Europe/Berlin")[0]
    run("site", "zone", "acme", "hamburg", "Europe/Hamburg", code=2)
    run("site", "zone", "acme", "ghost", "Europe/Berlin", code=1)
    assert {row["zone"] for row in run.rows("close")} >= {"Europe/Berlin"}
