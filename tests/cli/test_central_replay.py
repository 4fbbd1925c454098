"""`poller central replay`, on files as strangers write them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from poller.cli.app import main
from tests.central.supplies.test_replay import falling


@pytest.fixture
def readings(tmp_path: Path) -> Path:
    path = tmp_path / "readings.ndjson"
    path.write_bytes(b"".join(falling()))
    return path


def test_each_decision_is_a_line_of_json(readings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["central", "replay", "--readings", str(readings), "--json"]) == 0
    out, err = capsys.readouterr()
    (decision,) = map(json.loads, out.splitlines())
    assert (decision["event"], decision["printer"], decision["supply"]) == ("request", "serial:11:A", "1.1")
    assert decision["at"].endswith("Z") and 7 <= decision["forecast_days"] <= 25
    assert decision["reason"]["rule"] == "forecast"
    assert err == "48 readings\n"


def test_for_people_it_is_a_line_of_text(readings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["central", "replay", "--readings", str(readings)]) == 0
    assert "request" in capsys.readouterr().out.splitlines()[0]


def test_bad_lines_are_named_on_standard_error_and_end_with_1(readings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    readings.write_bytes(b"{oops\n" + readings.read_bytes() + b"\n" + b"x" * (3 << 20) + b"\n[]\n")
    assert main(["central", "replay", "--readings", str(readings), "--json"]) == 1
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 1
    assert f"{readings}:1: " in err and f"{readings}:51: longer than" in err and f"{readings}:52: " in err
    assert err.splitlines()[-1] == "48 readings, 3 lines that cannot be used"


def test_the_last_line_needs_no_end(readings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    readings.write_bytes(readings.read_bytes().rstrip(b"\n"))
    assert main(["central", "replay", "--readings", str(readings), "--json"]) == 0
    assert capsys.readouterr().err == "48 readings\n"


def test_settings_are_used_and_their_faults_end_with_2(readings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = tmp_path / "replay.toml"
    settings.write_text("lead_days = 21")
    assert main(["central", "replay", "--readings", str(readings), "--settings", str(settings), "--json"]) == 0
    early = json.loads(capsys.readouterr().out.splitlines()[0])["at"]
    assert main(["central", "replay", "--readings", str(readings), "--json"]) == 0
    assert early < json.loads(capsys.readouterr().out.splitlines()[0])["at"]
    settings.write_text("lead_day = 21\nthreshold = 9")
    assert main(["central", "replay", "--readings", str(readings), "--settings", str(settings)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_a_file_that_is_not_there_ends_with_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["central", "replay", "--readings", str(tmp_path / "none.ndjson")]) == 3
    assert "none.ndjson" in capsys.readouterr().err
