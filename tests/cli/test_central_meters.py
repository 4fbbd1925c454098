"""`poller central meter …`, `close`, `verify`, `site zone`: typed, and what is seen."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from poller.central.config import load
from tests.central.stock import Stock, seen
from tests.cli.central_shell import Shell, fill
from tests.fake_clock import FakeClock

DAY = timedelta(days=1)


@pytest.fixture
def run(shell: Shell, folder: Path) -> Shell:
    """A database with a week of acme's A1, whose counting began anew in it, received up to yesterday."""
    clock = FakeClock(datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - 8 * DAY)

    async def put(stock: Stock) -> None:
        for total in (5000, 5010, 7, 9, 20):
            await stock.put(seen(clock.utc(), total=total))
            clock.advance(86400)

    fill(folder, clock, put)
    return shell


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

    _, refused = run("meter", "decide", "acme", "A1", "as-proposed", "--since", "2026-01-01T00:00:00", code=1)
    assert "another case" in refused
    since = str(held["since_utc"])[:19]
    told, _ = run("meter", "decide", "acme", "A1", "as-proposed", "--since", since, "--note", "board changed")
    assert "decision new-run: total 0 (total 10)" in told
    assert run.rows("meter", "held") == []
    shown = run.rows("meter", "show", "acme", "A1")
    assert [row["meters"]["total"]["total"] for row in shown] == [0, 10, 17, 19, 30]
    (proof,) = run.rows("verify", "--account", "acme", "--anchors", "heads.ndjson")
    assert (proof["account"], proof["broken_at"], proof["number"], proof["unproven"]) == ("acme", None, proof["rows"], 0)


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


def test_heads_of_rows_that_were_dropped_are_counted_and_told(run: Shell, folder: Path) -> None:
    run("close")
    (head,) = run.rows("verify", "--account", "acme")
    path = load(None, {}).database.url.reveal().removeprefix("sqlite:///")
    with sqlite3.connect(path) as db:
        (link,) = db.execute("SELECT hash FROM meter WHERE number = 2").fetchone()
        db.execute("UPDATE ledger SET floor_number = 2, floor_hash = ? WHERE account = 'acme'", (link,))
        db.execute("DELETE FROM meter WHERE number <= 2")
    db.close()
    lines = [json.dumps({"account": "acme", "number": 1, "hash": "00" * 32}), json.dumps(head)]
    (folder / "heads.ndjson").write_text("\n".join(lines))
    out, told = run("verify", "--account", "acme", "--anchors", "heads.ndjson", "--json")
    assert (json.loads(out)["broken_at"], json.loads(out)["unproven"]) == (None, 1)
    assert "up to row 2: of those nothing is proven" in told


def test_a_site_gets_its_time_zone(run: Shell) -> None:
    assert "Europe/Berlin" in run("site", "zone", "acme", "hamburg", "Europe/Berlin")[0]
    run("site", "zone", "acme", "hamburg", "Europe/Hamburg", code=2)
    run("site", "zone", "acme", "ghost", "Europe/Berlin", code=1)
    assert {row["zone"] for row in run.rows("close")} >= {"Europe/Berlin"}
