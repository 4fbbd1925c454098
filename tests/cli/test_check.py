"""`poller check`: every fault with exit code 2, else what would happen."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from poller.cli.app import main

GOOD = """
[sweep]
targets = ["10.1.0.0/24"]
[[credential]]
name = "office"
community = "invented-secret"
[[range]]
name = "hq"
networks = ["10.2.0.0/23"]
location = "[bold]2nd floor"
rate = 64
"""


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty current folder, and no POLLER_… variable."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("POLLER_")]:
        monkeypatch.delenv(name)
    return tmp_path


def test_every_fault_is_a_line_on_standard_error(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "poller.toml").write_text('[sweep]\nrat = 5\ntimeout = "soon"\n')
    assert main(["check"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert [line.split(": ")[1] for line in printed.err.splitlines()] == ["sweep.rat", "sweep.timeout"]


def test_faults_come_as_json_too(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "other.toml").write_text("[sweep]\nrat = 5\n")
    assert main(["check", "--config", "other.toml", "--json"]) == 2
    assert json.loads(capsys.readouterr().out) == {
        "ok": False,
        "file": "other.toml",
        "faults": ["other.toml: sweep.rat: no such setting; did you mean 'rate'?"],
    }


def test_a_good_configuration_is_shown_by_its_ranges(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "poller.toml").write_text(GOOD)
    assert main(["check"]) == 0
    out = capsys.readouterr().out
    assert "poller.toml: no faults" in out
    assert [line.split()[:4] for line in out.splitlines()[1:3]] == [["default", "256", "1", "s"], ["hq", "512", "8", "s"]]
    assert "[bold]2nd floor" in out


def test_json_says_what_would_be_swept_and_where_each_value_came_from(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "poller.toml").write_text(GOOD)
    monkeypatch.setenv("POLLER_SWEEP_RATE", "128")
    assert main(["check", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["ok"], answer["faults"], answer["file"]) == (True, [], "poller.toml")
    assert [(one["name"], one["addresses"], one["rate_per_second"], one["credentials"]) for one in answer["ranges"]] == [
        ("default", 256, 128, ["office", "office/v1"]),
        ("hq", 512, 64, ["office", "office/v1"]),
    ]
    assert answer["settings"]["sweep.rate"] == {"value": 128, "from": "POLLER_SWEEP_RATE"}


@pytest.mark.parametrize("arguments", [[], ["--verbose"], ["--json"]])
def test_no_secret_is_shown(folder: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "poller.toml").write_text(GOOD)
    assert main(["check", *arguments]) == 0
    printed = capsys.readouterr()
    assert "invented" not in printed.out + printed.err


def test_without_a_file_the_environment_is_enough(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("POLLER_SWEEP_TARGETS", "10.1.0.0/24")
    assert main(["check"]) == 0
    assert "environment: no faults" in capsys.readouterr().out


def test_the_file_can_be_named_by_a_variable(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "bad.toml").write_text("nonsense")
    monkeypatch.setenv("POLLER_CONFIG", "bad.toml")
    assert main(["check"]) == 2


def test_a_file_that_is_named_must_exist(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--config", "nowhere.toml"]) == 2
    assert capsys.readouterr().err == "nowhere.toml: no such file\n"


def test_what_is_unwise_is_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"]) == 0
    assert "warning: nothing to sweep" in capsys.readouterr().out
