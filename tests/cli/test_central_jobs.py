"""`poller central job list|sum`: typed, and what is seen."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from poller.accounting import joblines
from poller.accounting.job import Job
from poller.accounting.ledger import Record
from poller.central.config import load
from poller.central.devices.jobs import Jobs
from poller.cli import app as cli
from tests.central.stock import stocked
from tests.fake_clock import START_UTC, FakeClock


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder with a database of three jobs, one minute apart, and no variables."""
    monkeypatch.chdir(tmp_path)
    for name in ("POLLERCENTRAL_CONFIG", "POLLERCENTRAL_WHO"):
        monkeypatch.delenv(name, raising=False)

    async def fill() -> None:
        config = load(None, {})
        async with stocked(tmp_path, FakeClock(), url=config.database.url.reveal(), keys_folder=config.keys_folder) as stock:
            begin = int(START_UTC.timestamp())
            told = [
                Job(job_id=number, account=name, impressions=number * 10, print_completed_utc_seconds=begin + 60 * number)
                for number, name in enumerate(("KST-1", "KST-2", "KST-1"), 1)
            ]
            await stock.put(*(joblines.encode(Record(f"{number:032x}", one)) for number, one in enumerate(told)))
            await Jobs(stock.database, stock.keys.store, stock.clock).process("acme")

    asyncio.run(fill())
    return tmp_path


@pytest.mark.parametrize("word", ["list", "sum"])
def test_every_verb_has_help_with_an_example(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["central", "job", word, "--help"]) == 0
    text = capsys.readouterr().out
    assert "Example" in text
    assert f"poller central job {word}" in text


def rows(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, object]]:
    assert cli.main(["central", "job", *arguments, "--account", "acme", "--json"]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_jobs_are_listed_by_what_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    day = START_UTC.date().isoformat()
    assert [row["job_id"] for row in rows(capsys, "list", "--since", day, "--until", day, "--site", "hamburg")] == [1, 2, 3]
    assert [row["job_id"] for row in rows(capsys, "list", "--cost-centre", "KST-1")] == [1, 3]
    assert rows(capsys, "list", "--until", "2020-01-01") == rows(capsys, "list", "--site", "berlin") == []


def test_more_than_the_limit_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["central", "job", "list", "--account", "acme", "--limit", "2"]) == 0
    told = capsys.readouterr()
    assert (told.out.count("KST-"), told.out.count("KST-2")) == (2, 1)
    assert "the newest 2 only" in told.err


def test_cost_centres_are_added_up(capsys: pytest.CaptureFixture[str]) -> None:
    assert [(row["cost_centre"], row["jobs"], row["impressions"]) for row in rows(capsys, "sum")] == [("KST-1", 2, 40), ("KST-2", 1, 20)]
    assert cli.main(["central", "job", "sum", "--account", "acme"]) == 0
    assert "uncounted" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [("list", "--account", "acme", "--since", "gestern"), ("sum", "--account", "globex")])
def test_what_cannot_be_asked_is_refused_in_a_sentence(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["central", "job", *arguments]) != 0
    told = capsys.readouterr().err
    assert "gestern" in told or "no account globex" in told
    assert "Traceback" not in told
