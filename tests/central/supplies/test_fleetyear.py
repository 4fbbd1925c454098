"""A part of the big simulated year, where its maker lies beside the repository; the whole of it is `python -m tests.central.fleetyear`."""

from __future__ import annotations

from pathlib import Path

from tests.central import fleetyear


def test_a_year_of_forty_printers_is_judged_well(shared: Path, tmp_path: Path) -> None:
    assert (shared / "tools" / "fleetyear.py") == fleetyear.TOOL
    fleetyear.run_tool("make", "--seed", "11", "--printers", "40", "--out", str(tmp_path))
    readings, _ = fleetyear.replay(tmp_path, tmp_path / "events.ndjson")
    fine = fleetyear.rows_of(fleetyear.run_tool("judge", str(tmp_path), "--events", str(tmp_path / "events.ndjson")))["fine"]
    assert readings > 10_000 and fine["cartridges"] > 50
    assert fine["on_time"] >= 93 and fine["days_ahead_median"] <= 19
    assert fine["second_requests"] / fine["cartridges"] <= 0.02
