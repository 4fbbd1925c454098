"""`poller check`: every fault with exit code 2, else what would happen."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from poller.cli.app import main
from poller.system import user_name

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


def test_a_folder_that_cannot_be_written_is_the_hosts_matter(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "file").write_text("")  # not even root makes a folder in a file
    (folder / "poller.toml").write_text('[state]\nfolder = "file/state"\n')
    assert main(["check"]) == 3
    printed = capsys.readouterr()
    assert "no faults" not in printed.out
    (line,) = printed.err.splitlines()  # the outbox lies there, too
    assert line.startswith(f"cannot keep state.db: {folder / 'file'}: Not a directory (let user {user_name()} write to file/state")
    assert main(["check", "--json"]) == 3
    document = json.loads(capsys.readouterr().out)
    assert (document["ok"], document["faults"]) == (False, [line])


def test_a_database_of_somebody_else_is_found_beforehand(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "state").mkdir()
    (folder / "state" / "outbox.db").mkdir()  # what neither root nor anybody can write as a file
    (folder / "poller.toml").write_text('[state]\nfolder = "state"\n')
    assert main(["check"]) == 3
    assert "cannot keep outbox.db" in capsys.readouterr().err


def test_looking_whether_it_can_be_written_makes_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "poller.toml").write_text('[state]\nfolder = "new/state"\n[accounting]\nfolder = "exports"\n')
    assert main(["check"]) == 0
    assert "no faults" in capsys.readouterr().out
    assert [one.name for one in folder.iterdir()] == ["poller.toml"]


@pytest.mark.parametrize("name", ["POLLER_CENTRAL_TOKEN", "POLLER_CENTRAL_TOKEN_FILE"])
def test_a_variable_for_the_token_that_is_empty_is_warned_of(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(name, "")
    assert main(["check", "--json"]) == 0
    others = json.loads(capsys.readouterr().out)["warnings"]
    assert others.pop().startswith(f"{name} is empty, but there is no token: nothing is uploaded")
    assert main(["check"]) == 0
    assert f"warning: {name} is empty" in capsys.readouterr().out
    (folder / "poller-data" / "central").mkdir(parents=True)
    (folder / "poller-data" / "central" / "identity.json").write_text("{}")
    assert main(["check", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["warnings"] == others  # it was enrolled: no token is needed any more


def test_an_empty_file_for_the_token_is_a_fault(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "token").write_text("\n")
    (folder / "poller.toml").write_text('[central]\ntoken_file = "token"\n')
    assert main(["check"]) == 2
    assert "central.token_file: token: empty" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["check", "run"])
def test_a_faulty_web_configuration_is_the_agents_matter_alone(folder: Path, capsys: pytest.CaptureFixture[str], verb: str) -> None:
    (folder / "web.yml").write_text("basic_auth_users: {nobody: no-hash}\n")
    (folder / "poller.toml").write_text('[exporter]\nweb_config_file = "web.yml"\n[poll]\ntimeout = "100ms"\n[state]\nfolder = ""\n')
    assert main([verb]) == 2
    assert "web.yml" in capsys.readouterr().err
    assert main(["read", "127.31.96.1", "--port", "9", "--config", "poller.toml"]) == 1
    assert "web.yml" not in capsys.readouterr().err
    assert main(["sweep", "127.31.96.1/32", "--port", "9", "--retries", "0", "--config", "poller.toml"]) == 0
