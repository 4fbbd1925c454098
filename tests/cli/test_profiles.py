"""`poller profiles`: what it prints, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from poller.cli.app import main

PROFILE = """
name = "acme"
title = "ACME LaserWorks"
source = "invented"
manufacturer = "ACME"
[[recognise]]
sys_object_id = ["1.3.6.1.4.1.32473.7"]
[[counter]]
function = "print"
value = "1.3.6.1.4.1.32473.7.2.2.0"
"""
RECORDING = "1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.32473.7.1\n1.3.6.1.2.1.43.10.2.1.4.1.1|65|7919\n1.3.6.1.4.1.32473.7.2.2.0|65|6007\n"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Away from any poller.toml, and with the profiles in use as they were when the test is over."""
    from poller.printers import library

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(library, "_Current", type("_Current", (), {"library": library.current()}))
    (tmp_path / "acme.toml").write_text(PROFILE)
    (tmp_path / "acme.snmprec").write_text(RECORDING)


def test_the_list_names_every_family(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["profiles", "list", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {"kyocera", "brother", "xerox"} <= {row["name"] for row in rows}
    assert all(row["large_counts"] in ("once", "twice", "unknown") for row in rows)


def test_sound_profiles_pass_the_check() -> None:
    assert main(["profiles", "check", "acme.toml"]) == 0


def test_every_fault_of_every_file_is_named_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "acme.toml").write_text(PROFILE.replace('"print"', '"prnt"'))
    (tmp_path / "other.toml").write_text("name = 3")
    assert main(["profiles", "check", "acme.toml", "other.toml"]) == 2
    errors = capsys.readouterr().err
    assert "acme.toml: counter 1 (prnt/all): function" in errors
    assert "other.toml" in errors


def test_a_profile_is_tried_on_a_recording(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["profiles", "test", "acme.toml", "acme.snmprec", "--json"]) == 0
    reading = json.loads(capsys.readouterr().out)
    assert reading["printer"]["profile"] == "acme"
    assert {counter["function"]: counter["count"] for counter in reading["counters"]} == {"total": 7919, "print": 6007}
    assert main(["profiles", "test", "acme.toml", "acme.snmprec"]) == 0
    assert "profiles: acme" in capsys.readouterr().out


def test_a_profile_that_does_not_fit_ends_with_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "acme.snmprec").write_text(RECORDING.replace("32473.7.1\n", "32473.8.1\n"))
    assert main(["profiles", "test", "acme.toml", "acme.snmprec"]) == 1
    assert "acme does not fit this device" in capsys.readouterr().out


def test_profiles_of_the_configuration_are_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "acme.toml").write_text(PROFILE)
    (tmp_path / "poller.toml").write_text('[profiles]\npath = "own"\n')
    assert main(["profiles", "list"]) == 0
    assert "ACME LaserWorks" in capsys.readouterr().out
