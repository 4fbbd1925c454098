"""The throw-away PostgreSQL, and central's two rows in small: what is sent is there, and figures come of it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from poller.bench import central, scale
from poller.bench import postgres as servers
from poller.bench.children import ChildError, NotMeasuredError


@pytest.fixture
def programs(real_part: Callable[[str], str]) -> Path:
    return Path(real_part("postgres")).resolve().parent


def test_without_postgresql_it_is_not_measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(servers, "_FOLDERS", tmp_path)
    with pytest.raises(NotMeasuredError):
        servers.find_programs()


def test_the_newest_of_debians_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(servers, "_FOLDERS", tmp_path)
    for version in ("9.6", "15", "17"):
        (tmp_path / version / "bin").mkdir(parents=True)
        (tmp_path / version / "bin" / "initdb").touch()
    assert servers.find_programs() == tmp_path / "17" / "bin"


def test_it_listens_on_no_network_and_leaves_nothing_behind(programs: Path) -> None:
    with servers.postgres(programs, fsync="off") as place:
        folder = Path(place.url.partition("host=")[2])
        assert (folder / ".s.PGSQL.5432").is_socket()
        assert (folder / "data" / "postmaster.pid").read_text().splitlines()[5] == ""  # no address
        os.kill(place.pid, 0)
    assert not folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(place.pid, 0)


def test_one_that_does_not_start_says_why(programs: Path) -> None:
    with pytest.raises(ChildError, match="no_such_setting"), servers.postgres(programs, no_such_setting="1"):
        pass


async def test_batches_are_received_and_counted(programs: Path) -> None:
    figures = await central.measure(str(programs), "32", "3")
    assert figures["seconds"] > 0
    assert figures["body_bytes"] > 1000


async def test_sizes_and_answers_come_of_a_few_devices(programs: Path) -> None:
    figures = await scale.measure(str(programs), "200", "90")
    assert (figures["meter_rows"], figures["daily_rows"], figures["months"]) == (18_000, 18_000, 4)
    assert (figures["device_months"], figures["account_months"], figures["printer_months"]) == (4, 1, 1)
