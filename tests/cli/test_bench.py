"""`poller bench`: which rows, where the table goes, and what the exit code says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from poller.bench.rows import ROWS
from poller.cli.app import main

MARKED = "# Page\n\n<!-- poller bench -->\nyesterday\n<!-- end -->\n\nprose\n"


def test_rows_without_tools_are_no_trouble(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "loss", "sweep"]) == 0
    out = capsys.readouterr().out
    assert out.count("not measured") == 2
    assert "needs fleetsim.c, from the folder --tools names" in out


def test_a_row_is_an_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "poll", "--json"]) == 0
    shown = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(one["row"], one["beside"], one["verdict"]) for one in shown] == [
        ("poll", "gufo_snmp", "not measured"),
        ("poll", "aiosnmp", "not measured"),
    ]


def test_a_row_there_is_not_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "sweep", "swep"]) == 2
    assert capsys.readouterr().err == f"swep: no such row; there are {', '.join(ROWS)}\n"


def test_the_table_is_put_between_its_marks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.md"
    page.write_text(MARKED)
    assert main(["bench", "loss", "--into", str(page)]) == 0
    text = page.read_text()
    assert text.startswith("# Page\n\n<!-- poller bench -->\npoller ")
    assert "| sweep at 2 % packet loss, 3 retries |" in text
    assert text.endswith("<!-- end -->\n\nprose\n")
    assert "yesterday" not in text


def test_a_page_without_marks_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Page\n")
    assert main(["bench", "loss", "--into", str(page)]) == 2
    assert page.read_text() == "# Page\n"
