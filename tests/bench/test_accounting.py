"""The row of job logs, in small."""

from __future__ import annotations

from pathlib import Path

from poller.bench import accounting


async def test_a_log_is_checked_whole(tmp_path: Path) -> None:
    accounting.write_log(tmp_path / "log.csv", 300)
    figures = await accounting.measure(str(tmp_path / "log.csv"))
    assert figures["jobs"] == 300
    assert figures["faults"] > 0
    assert figures["seconds"] > 0
    assert figures["megabytes"] > 1
