"""The agent collects job logs as its configuration says: into its own database, and, where there is a central, into the outbox."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from poller.accounting.generate import generate
from poller.accounting.joblines import JobLine
from poller.collecting import Collecting
from poller.config import Config, load
from poller.errors import ConfigError
from poller.exposition import render
from poller.keeping import Keeping
from tests.accounting.logs import log_of
from tests.fake_clock import FakeClock

JOBS = tuple(generate(30, seed=1))


def config_of(folder: Path, **environ: str) -> Config:
    (folder / "exports").mkdir(exist_ok=True)
    given = {
        "POLLER_STATE_FOLDER": str(folder / "data"),
        "POLLER_ACCOUNTING_FOLDER": str(folder / "exports"),
        "POLLER_ACCOUNTING_EVERY": "1s",
    }
    return load(None, given | environ)


async def collect(config: Config, *, has_central: bool, sealed: list[bytes]) -> str:
    """Collect; return the metrics. What was sealed is put into *sealed*."""
    clock = FakeClock()
    kept = Keeping(config.outbox, clock)
    collecting = Collecting.begin(config, clock)
    assert collecting is not None
    await kept.open(has_central=has_central)
    try:
        collecting.open(kept, kept.outbox, has_central=has_central)
        collector = collecting._collector
        assert collector is not None
        for _ in range(3):
            await collector.look()
        assert kept.outbox is not None

        def keep(number: int, lines: Sequence[bytes]) -> bytes:
            sealed.extend(lines)
            return b"sealed"

        await kept.outbox.seal_next(keep)
        assert collecting.notes == ()
        return render(collecting.metrics()).text.decode()
    finally:
        await kept.close()


async def test_jobs_go_through_the_outbox_to_central_under_hashed_names(tmp_path: Path) -> None:
    config = config_of(tmp_path)
    (tmp_path / "exports" / "AccExport_1").write_bytes(log_of(JOBS))
    sealed: list[bytes] = []
    text = await collect(config, has_central=True, sealed=sealed)
    found = [msgspec.json.decode(line, type=JobLine) for line in sealed]
    assert sorted(one.job_id or 0 for one in found) == sorted(job.job_id or 0 for job in JOBS)
    assert all(one.sender is None or len(one.sender) == 32 for one in found)
    assert not any(job.document_name in sealed_text for job in JOBS if job.document_name for sealed_text in [b"".join(sealed).decode()])
    assert "poller_accounting_jobs_waiting 0" in text


async def test_without_a_central_jobs_stay_in_the_database(tmp_path: Path) -> None:
    config = config_of(tmp_path)
    (tmp_path / "exports" / "AccExport_1").write_bytes(log_of(JOBS))
    sealed: list[bytes] = []
    text = await collect(config, has_central=False, sealed=sealed)
    assert sealed == []
    assert 'poller_accounting_jobs_total{result="new"} 30' in text
    assert (tmp_path / "data" / "accounting.db").exists()


async def test_jobs_are_not_uploaded_where_that_is_switched_off(tmp_path: Path) -> None:
    config = config_of(tmp_path, POLLER_ACCOUNTING_UPLOAD="false")
    (tmp_path / "exports" / "AccExport_1").write_bytes(log_of(JOBS))
    sealed: list[bytes] = []
    text = await collect(config, has_central=True, sealed=sealed)
    assert sealed == []
    assert "poller_accounting_jobs_waiting" not in text


def test_without_a_folder_nothing_is_collected() -> None:
    assert Collecting.begin(load(None, {}), FakeClock()) is None


def test_a_dialect_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no dialect 'none'"):
        Collecting.begin(config_of(tmp_path, POLLER_ACCOUNTING_DIALECT="none"), FakeClock())
