"""Every job once, every file whole or not at all, whatever happens in between."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from poller.accounting import store
from poller.accounting.generate import generate
from poller.accounting.job import Job, Medium
from poller.accounting.ledger import digest_of, moment
from poller.accounting.pseudonyms import Pseudonyms
from poller.accounting.reader import Options
from poller.accounting.store import Imported, Interrupted, StillWrittenError, Total
from poller.errors import HostError, JobLogError
from tests.accounting.logs import CANONICAL, log_of
from tests.conftest import ROOT

NOW = datetime(2026, 11, 20, 6, tzinfo=UTC)
JOBS = tuple(generate(50, seed=3))


def export(folder: Path, name: str, jobs: tuple[Job, ...], more: bytes = b"") -> Path:
    path = folder / name
    path.write_bytes(log_of(jobs) + more)
    return path


def take(database: Path, path: Path, *, tell: Callable[[int], object] = lambda _: None, names: str = "drop") -> Imported:
    pseudonyms = Pseudonyms(names, b"key")  # type: ignore[arg-type]
    with store.opened(database) as db:
        return db.take(path, Options(dialect=CANONICAL), pseudonyms, now_utc=NOW, tell=tell)


def kept(database: Path) -> list[Job]:
    with store.opened(database) as db:
        return [record.job for record in db.records("SUSPENSE")]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "kept" / "accounting.db"


def test_jobs_come_back_as_they_were_by_cost_centre_and_time(tmp_path: Path, database: Path) -> None:
    found = take(database, export(tmp_path, "a", JOBS), names="keep")
    assert (found.jobs, found.doubles, found.lines_bad) == (50, 0, 0)
    expected = sorted(JOBS, key=lambda job: (job.account or "SUSPENSE", moment(job)))
    assert kept(database) == expected
    assert stat.S_IMODE(database.stat().st_mode) == 0o600


def test_the_same_content_is_taken_once_whatever_the_file_is_called(tmp_path: Path, database: Path) -> None:
    take(database, export(tmp_path, "a", JOBS))
    assert take(database, export(tmp_path, "b", JOBS)) == Imported(file="b", is_known=True)


def test_overlapping_exports_do_not_charge_twice(tmp_path: Path, database: Path) -> None:
    take(database, export(tmp_path, "a", JOBS[:30]))
    found = take(database, export(tmp_path, "b", JOBS[20:]))
    assert (found.jobs, found.doubles, found.conflicts) == (20, 10, 0)
    assert len(kept(database)) == 50


def test_a_job_that_comes_again_with_other_counts_stays_and_is_told(tmp_path: Path, database: Path) -> None:
    take(database, export(tmp_path, "a", JOBS[:1]))
    other = msgspec.structs.replace(JOBS[0], sheets=99_999)
    found = take(database, export(tmp_path, "b", (other,)))
    assert (found.jobs, found.doubles, found.conflicts) == (0, 1, 1)
    assert [job.sheets for job in kept(database)] == [JOBS[0].sheets]


def test_another_choice_about_names_makes_no_job_another(tmp_path: Path, database: Path) -> None:
    take(database, export(tmp_path, "a", JOBS), names="hash")
    found = take(database, export(tmp_path, "b", (*JOBS, Job(job_id=9_999))), names="keep")
    assert (found.jobs, found.doubles, found.conflicts) == (1, 50, 0)


def test_a_bad_line_costs_that_line_and_is_counted(tmp_path: Path, database: Path) -> None:
    found = take(database, export(tmp_path, "a", JOBS[:2], b"no,job\n"))
    assert (found.jobs, found.lines_bad, found.rules["columns"]) == (2, 1, 1)


@pytest.mark.parametrize("octets", [b"", b"\0\1\2\3" * 100, b"Dear reader,\nthis is no log.\n", "a,b".encode("utf-16")])
def test_what_is_no_log_is_refused_and_nothing_of_it_taken(tmp_path: Path, database: Path, octets: bytes) -> None:
    path = tmp_path / "a"
    path.write_bytes(octets)
    with pytest.raises(JobLogError):
        take(database, path)
    assert kept(database) == []


def test_what_is_no_plain_file_is_not_waited_for(tmp_path: Path, database: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(JobLogError, match="not a plain file"):
        take(database, tmp_path / "pipe")


@pytest.mark.parametrize("at", [0, 1, 10, 49])
def test_an_import_that_is_broken_off_leaves_nothing(tmp_path: Path, database: Path, at: int) -> None:
    path, calls = export(tmp_path, "a", JOBS), 0

    def tell(_: int) -> None:
        nonlocal calls
        calls += 1
        if calls > at:
            raise Interrupted

    with pytest.raises(Interrupted):
        take(database, path, tell=tell)
    with store.opened(database) as db:
        assert (db.count(), db.totals(9)) == (0, ([], None))
    assert take(database, path).jobs == 50


@pytest.mark.parametrize("line, expected", [(2, 0), (30, 0), (50, 0), (10**6, 50)])
def test_a_program_killed_at_a_line_has_taken_all_or_nothing(tmp_path: Path, database: Path, line: int, expected: int) -> None:
    path = export(tmp_path, "a", JOBS)
    child = [sys.executable, str(Path(__file__).with_name("killed_import.py")), str(database), str(path), str(line)]
    done = subprocess.run(child, check=False, capture_output=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode == -signal.SIGKILL
    assert len(kept(database)) == expected
    take(database, path)
    assert len(kept(database)) == 50


def test_a_file_that_changes_while_it_is_read_is_not_taken(tmp_path: Path, database: Path) -> None:
    path = export(tmp_path, "a", JOBS)
    line = path.read_bytes().splitlines(keepends=True)[-1]

    def tell(octets: int) -> None:
        if octets and path.stat().st_size == size:
            with path.open("ab") as file:
                file.write(line)

    size = path.stat().st_size
    with pytest.raises(StillWrittenError):
        take(database, path, tell=tell)
    assert kept(database) == []
    assert take(database, path).doubles == 1


def test_totals_name_those_who_came_first_and_sum_up_the_rest(tmp_path: Path, database: Path) -> None:
    def job(number: int, account: str | None, **counts: int) -> Job:
        return Job(job_id=number, account=account, **counts)  # type: ignore[arg-type]

    take(
        database, export(tmp_path, "a", (job(1, "B", sheets=3, impressions=5, black_pages=3, colour_pages=1), job(2, " B "), job(3, None)))
    )
    take(database, export(tmp_path, "b", (job(4, "A", impressions=7), job(5, "C", sheets=2, black_pages=2, colour_pages=0))))
    b, nobody, a, c = (
        Total(cost_centre=name, jobs=jobs, sheets=sheets, black=black, colour=colour, unknown=unknown)
        for name, jobs, sheets, black, colour, unknown in (
            *(("B", 2, 3, 3, 1, 1), ("", 1, 0, 0, 0, 0)),
            *(("A", 1, 0, 0, 0, 7), ("C", 1, 2, 2, 0, 0)),
        )
    )
    with store.opened(database) as db:
        assert db.totals(9) == ([b, nobody, a, c], None)
        assert db.totals(2) == ([b, nobody], Total(cost_centre="other", jobs=2, sheets=2, black=2, colour=0, unknown=7))


def test_a_total_never_runs_over(tmp_path: Path, database: Path) -> None:
    huge = 2**63 - 1
    for number in (1, 2):
        take(database, export(tmp_path, str(number), (Job(job_id=number, sheets=huge), Job(job_id=number + 10, sheets=huge))))
    with store.opened(database) as db:
        ((total,), _) = db.totals(9)
    assert total.sheets == huge


def test_jobs_are_handed_over_in_order_and_noted(tmp_path: Path, database: Path) -> None:
    take(database, export(tmp_path, "a", JOBS))
    with store.opened(database) as db:
        first, up_to = db.to_hand_over(30)
        assert [one.key for one in first] == [digest_of(job).hex() for job in JOBS[:30]]
        db.handed_over(up_to)
    with store.opened(database) as db:
        assert db.waiting() == 20
        rest, up_to = db.to_hand_over(30)
        assert len(rest) == 20
        db.handed_over(up_to)
        assert db.to_hand_over(30) == ([], 0)


def test_a_period_or_a_cost_centre_can_be_asked_for_alone(tmp_path: Path, database: Path) -> None:
    take(database, export(tmp_path, "a", JOBS))
    times = sorted(moment(job) or 0 for job in JOBS)
    with store.opened(database) as db:
        some = list(db.records("S", since_seconds=times[10], until_seconds=times[20]))
        assert sorted(moment(one.job) or 0 for one in some) == times[10:20]
        account = JOBS[0].account
        assert {one.job.account for one in db.records("S", cost_centre=account)} == {account}


def test_a_job_written_down_by_an_older_program_is_still_read(tmp_path: Path, database: Path) -> None:
    take(database, export(tmp_path, "a", (msgspec.structs.replace(JOBS[0], media=(Medium(number_printed=2, size="A4"),)),)))
    with sqlite3.connect(database) as db:
        db.execute("UPDATE form SET fields = 'job_id sheets media'")
        db.execute("UPDATE job SET body = ?", (msgspec.msgpack.encode([7, 3, [{"size": "A3"}]]),))
    assert kept(database) == [Job(job_id=7, sheets=3, media=(Medium(size="A3"),))]


def test_a_database_that_is_none_of_ours_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE t (x)")
    before = path.read_bytes()
    with pytest.raises(HostError, match="no database of jobs"), store.opened(path):
        pass
    assert path.read_bytes() == before
    path.write_bytes(b"this is no database at all" * 100)
    with pytest.raises(HostError, match="not a database"), store.opened(path):
        pass


def test_a_database_that_must_exist_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="there is no"), store.opened(tmp_path / "none.db", must_exist=True):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("names", ["hash", "drop"])
def test_no_name_is_in_any_octet_of_the_database(tmp_path: Path, database: Path, names: str) -> None:
    marked = tuple(
        msgspec.structs.replace(job, document_name="MARKEDdocument", sender="MARKEDsender", recipient="MARKEDrecipient") for job in JOBS
    )
    path = tmp_path / "a"
    octets = log_of(marked).splitlines()
    octets[0] += b",User ID"
    path.write_bytes(b"\n".join([octets[0], *(line + b",MARKEDuser" for line in octets[1:])]) + b"\n")
    pseudonyms = Pseudonyms(names, b"key")  # type: ignore[arg-type]
    with store.opened(database) as db:
        assert db.take(path, Options(dialect=CANONICAL), pseudonyms, now_utc=NOW).jobs == 50
        files = list(database.parent.iterdir())
        assert len(files) > 1, "its log beside it"
        assert not any(b"MARKED" in file.read_bytes() for file in files)
    assert not any(b"MARKED" in file.read_bytes() for file in database.parent.iterdir())


def test_a_log_that_names_another_cost_centre_with_every_job_takes_no_more_memory_for_it(tmp_path: Path, database: Path) -> None:
    name = "x" * 30_000
    jobs = tuple(Job(job_id=number, account=f"{number} {name}", sender=f"{number} {name}", sheets=1) for number in range(1500))
    path = export(tmp_path, "hostile", jobs)
    del jobs
    tracemalloc.start()
    try:
        found = take(database, path, names="hash")
        _, peak_octets = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (found.jobs, path.stat().st_size > 90_000_000) == (1500, True)
    assert peak_octets < 25_000_000
    with store.opened(database) as db:
        first, other = db.totals(10)
    assert [total.cost_centre[:2] for total in first] == [f"{number} " for number in range(10)]
    assert other is not None
    assert other.sheets == 1490
