"""`poller accounting import`, `charge` and `watch`: from exported logs to statements."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from poller.accounting.generate import generate
from poller.cli.app import main
from tests.accounting.logs import log_of

TARIFF = """
currency = "EUR"
[[prices]]
valid_from = 2000-01-01
setup = 1
impression = { black = 0.0125 }
"""
JOBS = tuple(generate(200, seed=2))


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a configuration, a tariff, and two exports that overlap."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "poller.toml").write_text('[state]\nfolder = "data"\n[accounting]\nfolder = "exports"\n')
    (tmp_path / "tariff.toml").write_text(TARIFF)
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / "AccExport_1").write_bytes(log_of(JOBS[:150]))
    (tmp_path / "exports" / "AccExport_2").write_bytes(log_of(JOBS[100:]))
    return tmp_path


@pytest.fixture
def own_logs() -> Iterator[None]:
    """Whatever a verb sets up for the log is taken down again."""
    root, ours = logging.getLogger(), logging.getLogger("poller")
    handlers, levels = list(root.handlers), (root.level, ours.level)
    yield
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    ours.setLevel(levels[1])


def statements(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, object]]:
    assert main(["accounting", "charge", *arguments, "--json"]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_imported_logs_are_charged_each_job_once(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    logs = [str(path) for path in sorted((shop / "exports").iterdir())]
    assert main(["accounting", "import", *logs, logs[0], "--json"]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(one["jobs"], one["doubles"], one["is_known"]) for one in told] == [(150, 0, False), (50, 50, False), (0, 0, True)]
    kept = statements(capsys)
    assert sum(int(str(one["jobs"])) for one in kept) == 200
    assert statements(capsys, *logs) == kept


def test_the_file_has_every_line_and_the_screen_every_statement(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = str(shop / "exports" / "AccExport_1")
    for name in ("all.csv", "all.json"):
        assert main(["accounting", "charge", log, "-o", name]) == 0
    screen = capsys.readouterr().out
    items = [json.loads(line) for line in (shop / "all.json").read_text().splitlines()]
    net = sum(Decimal(one["net"]) for one in items if one["type"] == "statement")
    assert net == sum(Decimal(one["amount"]) for one in items if one.get("kind") == "charge")
    assert f"net {net}" in screen
    rows = (shop / "all.csv").read_text().splitlines()
    assert len([row for row in rows if row.startswith("charge,")]) == len([one for one in items if one.get("kind") == "charge"])


def test_a_period_and_a_cost_centre_can_be_charged_alone(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = str(shop / "exports" / "AccExport_1")
    every = statements(capsys, log)
    first = every[0]
    chosen = statements(capsys, log, "--period", str(first["period"]), "--cost-centre", str(first["cost_centre"]))
    assert chosen == [first]


def test_a_file_that_is_there_is_not_replaced_unless_told(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (shop / "all.csv").write_text("mine")
    log = str(shop / "exports" / "AccExport_1")
    assert main(["accounting", "charge", log, "-o", "all.csv"]) == 2
    assert "--force" in capsys.readouterr().err
    assert (shop / "all.csv").read_text() == "mine"


@pytest.mark.parametrize(
    "arguments, code, said",
    [
        (["charge", "--period", "June"], 2, "want a month such as 2026-06"),
        (["charge", "--tariff", "none.toml"], 2, "none.toml"),
        (["charge", "--format", "csv"], 2, "give -o FILE"),
        (["charge"], 3, "nothing was imported yet"),
        (["charge", "tariff.toml"], 1, "tariff.toml"),
        (["import", "tariff.toml"], 1, "tariff.toml"),
        (["watch", "--every", "soon"], 2, "want a duration"),
    ],
)
def test_what_cannot_be_done_is_said(shop: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, said: str) -> None:
    assert main(["accounting", *arguments]) == code
    assert said in capsys.readouterr().err


def test_every_fault_of_a_tariff_is_said_at_once(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (shop / "tariff.toml").write_text(TARIFF.replace("setup", "set_up") + "[policy]\nbanner = 1")
    assert main(["accounting", "charge", str(shop / "exports" / "AccExport_1")]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "tariff.toml: prices[0].set_up: no such key; did you mean 'setup'?",
        "tariff.toml: policy.banner: no such key; did you mean 'banner_sheets'?",
    ]


def test_a_line_left_out_ends_with_one(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = shop / "exports" / "AccExport_1"
    path.write_bytes(path.read_bytes() + b"no,record\n")
    for verb in ("import", "charge"):
        assert main(["accounting", verb, str(path)]) == 1
    assert "1 lines left out" in capsys.readouterr().out


def test_names_are_hashed_when_stored_and_told_from_a_log_only_when_asked(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = str(shop / "exports" / "AccExport_1")
    assert main(["accounting", "import", log]) == 0
    senders = {job.sender for job in JOBS if job.sender}
    for arguments, has_names in (([], False), (["--names"], False), ([log], False), ([log, "--names"], True)):
        assert main(["accounting", "charge", *arguments, "-o", "all.csv", "--force"]) == 0
        assert any(sender in (shop / "all.csv").read_text() for sender in senders) == has_names
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("own_logs")
def test_watching_takes_a_folder_that_settled(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["accounting", "watch", "--looks", "2", "--every", "1ms", "--json"]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["file"] for one in told] == ["AccExport_1", "AccExport_2"]
    assert sum(int(str(one["jobs"])) for one in statements(capsys)) == 200
