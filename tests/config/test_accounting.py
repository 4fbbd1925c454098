"""[accounting]: where jobs are kept follows from the state, and what cannot work is a fault before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from poller.config import load
from poller.errors import ConfigError


def test_nothing_is_watched_unless_told() -> None:
    found = load(None, {}).accounting
    assert (found.folder, found.names, found.upload) == (None, "hash", True)


def test_relative_names_start_from_the_file_they_stand_in(tmp_path: Path) -> None:
    path = tmp_path / "poller.toml"
    path.write_text('[state]\nfolder = "data"\n[accounting]\nfolder = "exports"\ndialect = "press.toml"\nfiles = ["AC*.TXT"]\n')
    found = load(path, {}).accounting
    assert (found.folder, found.database) == (tmp_path / "exports", tmp_path / "data" / "accounting.db")
    assert (found.dialect, found.files) == (str(tmp_path / "press.toml"), ("AC*.TXT",))
    path.write_text('[accounting]\nfolder = "exports"\ndatabase = "jobs.db"\n')
    assert load(path, {}).accounting.database == tmp_path / "jobs.db"


def test_without_a_state_there_is_no_key_and_no_place() -> None:
    given = {"POLLER_STATE_FOLDER": "none", "POLLER_ACCOUNTING_FOLDER": "exports"}
    with pytest.raises(ConfigError) as raised:
        load(None, given)
    assert len(raised.value.faults) == 2
    assert "local key" in str(raised.value)
    found = load(None, given | {"POLLER_ACCOUNTING_NAMES": "drop", "POLLER_ACCOUNTING_DATABASE": "jobs.db"}).accounting
    assert (found.database, found.names) == (Path("jobs.db"), "drop")
