"""A folder is watched: each export once, jobs on to the outbox, totals to the metrics, and no name of a person anywhere."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pytest

from poller import exposition
from poller.accounting import joblines, store
from poller.accounting.collect import COST_CENTRES_MAX, Collector, Outlet, Source, dialect_named
from poller.accounting.generate import generate
from poller.accounting.job import Job
from poller.accounting.ledger import digest_of
from poller.accounting.pseudonyms import Pseudonyms
from poller.accounting.store import Imported
from poller.engine.handover import Line
from poller.errors import ConfigError, OutboxError, PollerError
from tests.accounting.logs import CANONICAL, log_of
from tests.fake_clock import FakeClock

JOBS = tuple(generate(20, seed=5))


class Kept:
    """A recorder that keeps lines in memory; at its limit it takes none."""

    def __init__(self, limit: int = 10**6) -> None:
        self.lines: list[Line] = []
        self.limit = limit

    async def record(self, lines: Sequence[Line]) -> None:
        if len(self.lines) + len(lines) > self.limit:
            raise OutboxError("full")
        self.lines += lines


class Site:
    """A watched folder and what becomes of it."""

    def __init__(
        self,
        folder: Path,
        *,
        recorder: Kept | None = None,
        waiting: Callable[[], int] = lambda: 0,
        breathe: Callable[[float], None] | None = None,
    ) -> None:
        self.folder, self.database = folder / "exports", folder / "accounting.db"
        self.folder.mkdir(exist_ok=True)
        self.heard: list[Imported | PollerError] = []
        self.breaths: list[float] = []
        self.collector = Collector(
            Source(self.folder, ("AccExport_*", "*.csv"), CANONICAL, 60.0),
            self.database,
            Pseudonyms("hash", b"key"),
            FakeClock(),
            outlet=None if recorder is None else Outlet(recorder, waiting),
            on_file=self.heard.append,
            breathe=breathe or self.breaths.append,
        )

    def export(self, name: str, jobs: Sequence[Job] = JOBS) -> Path:
        path = self.folder / name
        path.write_bytes(log_of(jobs))
        return path

    def count(self) -> int:
        with store.opened(self.database) as db:
            return db.count()

    def shown(self, metric: exposition.Metric) -> dict[tuple[str, ...], float]:
        return {one.labels: one.value for one in self.collector.metrics() if one.metric is metric}


def octets_below(folder: Path, pattern: str) -> list[bytes]:
    return [path.read_bytes() for path in folder.glob(pattern)]


async def test_a_file_is_taken_once_it_looked_the_same_twice(tmp_path: Path) -> None:
    site = Site(tmp_path)
    path = site.export("AccExport_1", JOBS[:5])
    assert await site.collector.look() == 0
    path.write_bytes(log_of(JOBS))
    assert await site.collector.look() == 0
    assert await site.collector.look() == 1
    assert (await site.collector.look(), site.count()) == (0, 20)
    assert path.exists()
    assert site.heard == [Imported(file="AccExport_1", jobs=20, rules=site.heard[0].rules)]  # type: ignore[union-attr]


async def test_after_a_restart_nothing_is_taken_again(tmp_path: Path) -> None:
    before, site = Site(tmp_path), Site(tmp_path)
    before.export("AccExport_1")
    for one in (before, before, site, site):
        await one.collector.look()
    assert site.heard == [Imported(file="AccExport_1", is_known=True)]
    assert site.count() == 20
    assert sum(site.shown(exposition.ACCOUNTING_JOBS).values()) == 20


async def test_what_is_no_log_is_told_once_and_the_next_file_is_taken(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    site = Site(tmp_path)
    (site.folder / "AccExport_0").write_bytes(b"\0" * 100)
    site.export("AccExport_1")
    with caplog.at_level(logging.WARNING):
        for _ in range(4):
            await site.collector.look()
    assert [record.message for record in caplog.records].count("accounting.refused") == 1
    assert site.count() == 20
    assert site.shown(exposition.POLLER_ACCOUNTING_FILES) == {("imported",): 1, ("known",): 0, ("refused",): 1, ("failed",): 0}


async def test_a_fault_of_ours_in_one_file_stays_with_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(Pseudonyms):
        def job(self, job: Job) -> Job:
            if job.job_id == JOBS[0].job_id:
                raise KeyError(job.sender)
            return super().job(job)

    site = Site(tmp_path)
    monkeypatch.setattr(site.collector, "_pseudonyms", Broken("drop"))
    site.export("AccExport_1", JOBS[:5])
    site.export("AccExport_2", JOBS[5:])
    for _ in range(4):
        await site.collector.look()
    assert [record.message for record in caplog.records].count("accounting.misread") == 1
    assert site.count() == 15
    assert site.shown(exposition.POLLER_ACCOUNTING_FILES)[("failed",)] == 1
    assert any("AccExport_1 was not taken, by a fault of this program" in note for note in site.collector.notes)
    (site.folder / "AccExport_1").unlink()
    await site.collector.look()
    assert site.collector.notes == ()


async def test_a_folder_that_is_gone_is_told_once_and_found_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    site = Site(tmp_path)
    site.folder.rmdir()
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            await site.collector.look()
        assert site.shown(exposition.POLLER_ACCOUNTING_FOLDER_UP) == {(): 0}
        assert len(site.collector.notes) == 1
        site.folder.mkdir()
        await site.collector.look()
    assert [record.message for record in caplog.records] == ["accounting.failing", "accounting.works_again"]
    assert site.shown(exposition.POLLER_ACCOUNTING_FOLDER_UP) == {(): 1}
    assert not site.collector.notes


async def test_jobs_go_to_the_outbox_each_once_and_in_order(tmp_path: Path) -> None:
    kept = Kept()
    site = Site(tmp_path, recorder=kept)
    site.export("AccExport_1")
    for _ in range(4):
        await site.collector.look()
    keys = [digest_of(job).hex() for job in JOBS]
    assert [line.printer_id for line in kept.lines] == [f"job:{key}" for key in keys]
    found = [msgspec.json.decode(line.json, type=joblines.JobLine) for line in kept.lines]
    assert [(one.key, one.job_id, one.impressions) for one in found] == [
        (key, job.job_id, job.impressions) for key, job in zip(keys, JOBS, strict=True)
    ]
    assert site.shown(exposition.POLLER_ACCOUNTING_WAITING) == {(): 0}


async def test_an_outbox_that_takes_nothing_gets_the_same_jobs_again(tmp_path: Path) -> None:
    kept = Kept(limit=0)
    site = Site(tmp_path, recorder=kept)
    site.export("AccExport_1")
    for _ in range(3):
        await site.collector.look()
    assert site.shown(exposition.POLLER_ACCOUNTING_WAITING) == {(): 20}
    assert len(site.collector.notes) == 1
    kept.limit = 100
    await site.collector.look()
    assert len(kept.lines) == 20
    assert not site.collector.notes


async def test_no_more_jobs_are_handed_over_while_the_outbox_is_long(tmp_path: Path) -> None:
    kept = Kept()
    site = Site(tmp_path, recorder=kept, waiting=lambda: 10**6)
    site.export("AccExport_1")
    for _ in range(3):
        await site.collector.look()
    assert kept.lines == []


async def test_without_a_central_nothing_is_handed_over_and_all_of_it_later(tmp_path: Path) -> None:
    alone = Site(tmp_path)
    alone.export("AccExport_1")
    for _ in range(2):
        await alone.collector.look()
    kept = Kept()
    await Site(tmp_path, recorder=kept).collector.look()
    assert len(kept.lines) == 20


async def test_an_import_that_is_cancelled_ends_soon_with_nothing_taken(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    is_breathing, is_cancelled = asyncio.Event(), threading.Event()

    def breathe(_: float) -> None:
        loop.call_soon_threadsafe(is_breathing.set)
        is_cancelled.wait(10)

    site = Site(tmp_path, breathe=breathe)
    site.export("AccExport_1", tuple(generate(2_000)))
    await site.collector.look()
    task = asyncio.create_task(site.collector.run())
    await is_breathing.wait()
    task.cancel()
    loop.call_soon(is_cancelled.set)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert site.count() == 0
    again = Site(tmp_path)
    for _ in range(2):
        await again.collector.look()
    assert again.count() == 2_000


async def test_a_long_import_sleeps_as_it_goes(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.export("AccExport_1", tuple(generate(2_000)))
    for _ in range(2):
        await site.collector.look()
    assert len(site.breaths) == 2_000 // 200
    assert all(0 <= breath <= 1 for breath in site.breaths)


async def test_at_most_two_hundred_cost_centres_are_shown_and_the_rest_as_other(tmp_path: Path) -> None:
    site = Site(tmp_path)
    jobs = [
        Job(job_id=number, account=f"KST-{number}", impressions=1, black_pages=1, colour_pages=0) for number in range(COST_CENTRES_MAX + 7)
    ]
    site.export("AccExport_1", [*jobs, Job(job_id=1000, impressions=5)])
    for _ in range(2):
        await site.collector.look()
    shown = site.shown(exposition.ACCOUNTING_IMPRESSIONS)
    assert len({cost_centre for cost_centre, _ in shown}) == COST_CENTRES_MAX + 1
    assert (shown["other", "black"], shown["other", "unknown"]) == (7, 5)
    assert exposition.render(site.collector.metrics()).refused == 0


async def test_cost_centres_whose_labels_are_the_same_are_one_series(tmp_path: Path) -> None:
    site = Site(tmp_path)
    accounts = ["x" * 150, "x" * 151, None, "(none)"]
    site.export("AccExport_1", [Job(job_id=number, account=account, sheets=1) for number, account in enumerate(accounts)])
    for _ in range(2):
        await site.collector.look()
    assert site.shown(exposition.ACCOUNTING_SHEETS) == {("x" * 100,): 2, ("(none)",): 2}


async def test_no_name_is_in_database_lines_metrics_or_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    kept = Kept()
    site = Site(tmp_path, recorder=kept)
    marked = [msgspec.structs.replace(job, document_name="MARKED", sender="MARKED", recipient="MARKED") for job in JOBS]
    path = site.export("AccExport_1", marked)
    with path.open("ab") as file:
        file.write(
            b"MARKED,is,no,record\n"
            + log_of([msgspec.structs.replace(JOBS[0], report_id="x")]).splitlines()[1].replace(b",", b",MARKED", 1)
        )
    with caplog.at_level(logging.DEBUG):
        for _ in range(3):
            await site.collector.look()
    assert len(kept.lines) >= 20
    text = exposition.render(site.collector.metrics()).text
    assert b"accounting_jobs" in text
    octets = [text, *(line.json for line in kept.lines), *octets_below(tmp_path, "accounting.db*")]
    assert not any(b"MARKED" in one for one in octets)
    assert "MARKED" not in caplog.text
    assert not any("MARKED" in str(record.__dict__) for record in caplog.records)


@pytest.mark.parametrize("text", ["delimiter = 'dot'", "\xff"])
def test_a_dialect_that_cannot_be_read_is_a_fault_of_the_configuration(tmp_path: Path, text: str) -> None:
    path = tmp_path / "press.toml"
    path.write_bytes(text.encode("latin-1"))
    for name in (str(path), str(tmp_path / "none.toml"), "none"):
        with pytest.raises(ConfigError):
            dialect_named(name)


def test_a_dialect_is_named_or_a_file(tmp_path: Path) -> None:
    path = tmp_path / "press.toml"
    path.write_text('delimiter = "tab"')
    assert dialect_named(str(path)).delimiter == "tab"
    assert dialect_named("docusp-canonical") == CANONICAL
