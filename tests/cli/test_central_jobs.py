"""`poller central job list|sum`: typed, and what is seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from poller.accounting import joblines
from poller.accounting.job import Job
from poller.accounting.ledger import Record
from poller.central.devices.jobs import Jobs
from tests.central.stock import Stock
from tests.cli.central_shell import Shell, fill
from tests.fake_clock import START_UTC, FakeClock


@pytest.fixture
def run(shell: Shell, folder: Path) -> Shell:
    """A database of three jobs, one minute apart."""

    async def put(stock: Stock) -> None:
        begin = int(START_UTC.timestamp())
        told = [
            Job(job_id=number, account=name, impressions=number * 10, print_completed_utc_seconds=begin + 60 * number)
            for number, name in enumerate(("KST-1", "KST-2", "KST-1"), 1)
        ]
        await stock.put(*(joblines.encode(Record(f"{number:032x}", one)) for number, one in enumerate(told)))
        await Jobs(stock.database, stock.keys.store, stock.clock).process("acme")

    fill(folder, FakeClock(), put)
    return shell


def test_jobs_are_listed_by_what_is_asked(run: Shell) -> None:
    def listed(*options: str) -> list[int]:
        return [row["job_id"] for row in run.rows("job", "list", "--account", "acme", *options)]

    day = START_UTC.date().isoformat()
    assert listed("--since", day, "--until", day, "--site", "hamburg") == [1, 2, 3]
    assert listed("--cost-centre", "KST-1") == [1, 3]
    assert listed("--until", "2020-01-01") == listed("--site", "berlin") == []


def test_more_than_the_limit_is_said(run: Shell) -> None:
    out, err = run("job", "list", "--account", "acme", "--limit", "2")
    assert (out.count("KST-"), out.count("KST-2")) == (2, 1)
    assert "the newest 2 only" in err


def test_cost_centres_are_added_up(run: Shell) -> None:
    rows = run.rows("job", "sum", "--account", "acme")
    assert [(row["cost_centre"], row["jobs"], row["impressions"]) for row in rows] == [("KST-1", 2, 40), ("KST-2", 1, 20)]
    assert "uncounted" in run("job", "sum", "--account", "acme")[0]


@pytest.mark.parametrize(
    "arguments,code,says",
    [(("list", "--account", "acme", "--since", "gestern"), 2, "gestern"), (("sum", "--account", "globex"), 1, "no account globex")],
)
def test_what_cannot_be_asked_is_refused_in_a_sentence(run: Shell, arguments: tuple[str, ...], code: int, says: str) -> None:
    _, err = run("job", *arguments, code=code)
    assert says in err
    assert "Traceback" not in err
