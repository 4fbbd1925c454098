"""`poller accounting`: what its verbs print and write, and how they end."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from poller.cli.app import main


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def printed(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_made_up_log_is_sound_and_reconciled(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["accounting", "generate", "--jobs", "50", "--seed", "4", "-o", "log.csv"]) == 0
    assert stat.S_IMODE((folder / "log.csv").stat().st_mode) == 0o600
    assert main(["accounting", "check", "log.csv", "--meters", "A=0:5", "--json"]) == 0
    *_, meter, summary = printed(capsys)
    assert (meter["type"], meter["meter"], meter["metered"], meter["jobs"]) == ("meter", "A", 5, 50)
    assert (summary["type"], summary["version"], summary["jobs"], summary["errors"]) == ("summary", "4", 50, 0)
    assert main(["accounting", "check", "log.csv", "--meters", "A=0:5"]) == 0
    out = capsys.readouterr().out
    assert "version 4: 50 jobs, 0 lines left out" in out
    assert "unexplained: -" in out


def test_a_bad_line_ends_with_1_and_a_warning_only_when_strict(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "bad.csv").write_text("Job ID,Copies Printed\n1,x\n2,5\n")
    (folder / "odd.csv").write_text("Job ID,Disposition\n1,Fax\n")
    assert main(["accounting", "check", "bad.csv", "--json"]) == 1
    fault, summary = printed(capsys)
    assert fault["type"] == "fault"
    assert (fault["line"], fault["severity"], fault["field"], summary["jobs"]) == (2, "error", "copies_printed", 1)
    assert main(["accounting", "check", "odd.csv"]) == 0
    assert main(["accounting", "check", "odd.csv", "--strict"]) == 1


@pytest.mark.parametrize("octets", [b"", b"\0\0\0", b"hello\n", "Job ID".encode("utf-16")])
def test_what_is_no_log_is_said_and_nothing_is_written(folder: Path, octets: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "no.log").write_bytes(octets)
    assert main(["accounting", "check", "no.log"]) == 1
    assert main(["accounting", "convert", "no.log", "--to", "4", "-o", "out.csv"]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 2
    assert names(folder) == ["no.log"]


def test_converting_says_what_is_left_out_and_replaces_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "log.csv").write_text("Job ID,Total Pages Trapped\n1,7\n")
    command = ["accounting", "convert", "log.csv", "--to", "2", "-o", "out.csv"]
    assert main([*command, "--json"]) == 0
    loss, done = printed(capsys)
    assert loss == {"type": "loss", "field": "pages_trapped", "jobs": 1, "jobs_not_zero": 1}
    assert done == {"type": "converted", "from": "4", "to": "2", "jobs": 1, "errors": 0}
    before = (folder / "out.csv").read_bytes()
    assert main(command) == 2
    assert "--force" in capsys.readouterr().err
    assert main([*command, "--force"]) == 0
    assert (folder / "out.csv").read_bytes() == before
    assert names(folder) == ["log.csv", "out.csv"]


def test_converting_to_its_own_version_changes_no_octet(folder: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["accounting", "generate", "--jobs", "20", "--version", "4.0", "-o", "log.csv"]) == 0
    assert main(["accounting", "convert", "log.csv", "--to", "4"]) == 0
    assert capfdbinary.readouterr().out == (folder / "log.csv").read_bytes()


def test_a_dialect_beside_the_log_is_used(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "log.csv").write_text("Job ID,Dept\n1,KST-1\n")
    assert main(["accounting", "check", "log.csv", "--strict"]) == 1
    (folder / "log.csv.toml").write_text('[names]\nDept = "account"\n')
    assert main(["accounting", "check", "log.csv", "--strict"]) == 0
    capsys.readouterr()


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "log.csv", "--version", "5"],
        ["check", "log.csv", "--dialect", "nobodys"],
        ["check", "log.csv", "--dialect", "absent.toml"],
        ["check", "log.csv", "--zone", "Mars"],
        ["check", "log.csv", "--meters", "X=1"],
        ["check", "absent.csv"],
        ["convert", "log.csv", "--to", "7"],
        ["convert", "log.csv", "--to", "4", "--json"],
        ["convert", "log.csv", "--to", "4", "--to-dialect", "docusp-condensed", "-o", "x"],
        ["generate", "--jobs", "-1"],
    ],
)
def test_wrong_usage_ends_with_2(folder: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "log.csv").write_text("Job ID,Sheets\n1,7\n")
    assert main(["accounting", *arguments]) == 2
    assert capsys.readouterr().err
    assert names(folder) == ["log.csv"]
