"""`poller outbox`: what an operator learns of an outbox, beside a running agent too, and what is said when it cannot be read."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from poller.cli.app import main
from poller.outbox.outbox import Batch, Outbox
from poller.sealing.local_key import LocalKey
from tests.fake_clock import FakeClock
from tests.outbox.parts import LIMIT_BYTES, line, lines, plainly


@pytest.fixture
def config(tmp_path: Path) -> list[str]:
    (tmp_path / "poller.toml").write_text('[state]\nfolder = "data"\n')
    return ["--config", str(tmp_path / "poller.toml")]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "outbox.db"


async def _open(path: Path) -> Outbox:
    key = LocalKey.open_or_create(path.with_name("local.key"))
    return await Outbox.open(path, key, FakeClock(), limit_bytes=LIMIT_BYTES)


async def _sealed(outbox: Outbox) -> Batch:
    batch = await outbox.seal_next(plainly)
    assert batch is not None
    return batch


def make(path: Path, *, refused: str | None = None) -> int:
    """Leave an outbox with a batch, *refused* or waiting, and two readings that are not sealed; return the batch's number."""

    async def run() -> int:
        outbox = await _open(path)
        try:
            await outbox.record(lines(3))
            batch = await _sealed(outbox)
            if refused is None:
                await outbox.note_trouble(batch.number, "407 of the proxy\x1b[2J")
            else:
                await outbox.quarantine(batch.number, refused)
            await outbox.record(lines(2, first=3))
            return batch.number
        finally:
            await outbox.close()

    return asyncio.run(run())


def test_status_says_what_waits_and_since_when(path: Path, config: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    number = make(path)
    assert main(["outbox", "status", *config]) == 0
    text = capsys.readouterr().out
    assert "waiting: 2 readings to be sealed, 1 batches to be sent, the oldest taken 2026-11-20 06:00 UTC" in text
    assert f"batch {number}: 3 readings" in text
    assert "1 attempts, the last: 407 of the proxy\\u001b[2J" in text
    assert "refused by central: 0 batches" in text


def test_status_names_what_was_refused_and_why(path: Path, config: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    number = make(path, refused="bad-lines: line 2 is no reading")
    assert main(["outbox", "status", *config]) == 1
    text = capsys.readouterr().out
    assert f"batch {number}: 3 readings" in text
    assert "bad-lines: line 2 is no reading" in text
    assert main(["outbox", "status", *config, "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["lines"], found["batches_quarantined"], found["quarantined"][0]["refused"]) == (2, 1, "bad-lines: line 2 is no reading")


@pytest.mark.parametrize("which", ["all", "its number"])
def test_retry_lets_a_refused_batch_wait_again(path: Path, config: list[str], capsys: pytest.CaptureFixture[str], which: str) -> None:
    number = make(path, refused="unknown-agent")
    assert main(["outbox", "retry", "all" if which == "all" else str(number), *config, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"retried": [number]}
    assert main(["outbox", "retry", "all", *config]) == 1
    assert "no such batch was refused" in capsys.readouterr().out
    assert main(["outbox", "status", *config]) == 0


def test_retry_takes_a_number_or_all(path: Path, config: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    make(path)
    assert main(["outbox", "retry", "everything", *config]) == 2
    assert "want the number of a batch or all" in capsys.readouterr().err


async def test_all_verbs_work_while_the_agent_has_the_file_open(path: Path, config: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    outbox = await _open(path)
    try:
        await outbox.record(lines(3))
        batch = await _sealed(outbox)
        await outbox.quarantine(batch.number, "unknown-agent")
        for arguments, code in ((["status"], 1), (["export"], 0), (["retry", "all"], 0), (["status"], 0)):
            assert await asyncio.to_thread(main, ["outbox", *arguments, *config]) == code
        assert await outbox.waiting_batches() == [batch]
        await outbox.record([line(9)])
        assert outbox.status().batches_quarantined == 0
    finally:
        await outbox.close()
    assert "total/all" in capsys.readouterr().out


def test_export_gives_days_as_csv_and_as_json(path: Path, config: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    make(path)
    assert main(["outbox", "export", *config]) == 0
    text = capsys.readouterr().out
    assert text.startswith("date,taken_at,printer,")
    assert "2026-11-20,2026-11-20T06:04:00Z,serial:32473:MFP00001,Acme,Color MFP 4500,MFP00001" in text
    assert main(["outbox", "export", "--format", "json", *config]) == 0
    (day,) = [json.loads(one) for one in capsys.readouterr().out.splitlines()]
    assert (day["date"], day["printer"], day["meters"]["total/all"]) == ("2026-11-20", "serial:32473:MFP00001", 9004)
    assert {"key": "1.1", "kind": "toner", "colour": "black", "ratio": 0.63}.items() <= day["levels"][0].items()
    assert main(["outbox", "export", "--format", "json", "--since", "2026-11-21", *config]) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("verb", [["status"], ["retry", "all"], ["export"]])
def test_what_cannot_be_read_is_said_and_ends_with_three(
    path: Path, config: list[str], capsys: pytest.CaptureFixture[str], verb: list[str]
) -> None:
    assert main(["outbox", *verb, *config]) == 3
    assert "there is no outbox" in capsys.readouterr().err
    assert not path.parent.exists(), "looking made something"
    make(path)
    key = path.with_name("local.key")
    kept = key.read_text()
    key.unlink()
    assert main(["outbox", *verb, *config]) == 3
    assert "there is no local key" in capsys.readouterr().err
    assert not key.exists()
    LocalKey.open_or_create(key)
    assert main(["outbox", *verb, *config]) == 3
    assert "was made under another local key" in capsys.readouterr().err
    key.write_text(kept)
    path.write_bytes(b"this is no database\n" * 1000)
    assert main(["outbox", *verb, *config]) == 3
    assert "cannot be read" in capsys.readouterr().err


def test_a_configuration_without_an_outbox_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "poller.toml").write_text('[outbox]\nfolder = ""\n')
    assert main(["outbox", "status", "--config", str(tmp_path / "poller.toml")]) == 2
    assert "keeps no outbox" in capsys.readouterr().err
