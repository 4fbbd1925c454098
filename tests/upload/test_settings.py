"""The last good set on the disk: whole, encrypted, or told to be lost."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from poller.config import Received
from poller.errors import HostError, StateError
from poller.sealing.local_key import LocalKey
from poller.upload.settings import SettingsFile

SECRET = "an-invented-community"
SET = Received(7, {"credential": [{"name": "office", "community": SECRET}]})


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    key = LocalKey(os.urandom(32))
    SettingsFile(tmp_path / "settings", key).write(SET)
    again = SettingsFile(tmp_path / "settings", key)
    again.read()
    assert again.good == SET
    assert [path.name for path in tmp_path.iterdir()] == ["settings"]
    assert (tmp_path / "settings").stat().st_mode & 0o777 == 0o600


def test_nothing_of_it_can_be_read_without_the_key(tmp_path: Path) -> None:
    SettingsFile(tmp_path / "settings", LocalKey(os.urandom(32))).write(SET)
    assert SECRET.encode() not in (tmp_path / "settings").read_bytes()
    assert SECRET not in repr(SET)
    with pytest.raises(StateError):
        SettingsFile(tmp_path / "settings", LocalKey(os.urandom(32))).read()


def test_a_set_cut_anywhere_is_lost_and_not_half_taken(tmp_path: Path) -> None:
    key, path = LocalKey(os.urandom(32)), tmp_path / "settings"
    SettingsFile(path, key).write(SET)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        one = SettingsFile(path, key)
        with pytest.raises(StateError):
            one.read()
        assert one.good is None


def test_where_there_is_none_there_is_none(tmp_path: Path) -> None:
    one = SettingsFile(tmp_path / "settings", LocalKey(os.urandom(32)))
    one.read()
    assert one.good is None


def test_a_folder_that_is_gone_is_the_hosts_trouble(tmp_path: Path) -> None:
    with pytest.raises(HostError):
        SettingsFile(tmp_path / "gone" / "settings", LocalKey(os.urandom(32))).write(SET)
