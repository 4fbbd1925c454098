"""The local key: what it seals only it opens, where it belongs and unaltered; and the file it lives in."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poller.errors import HostError, SealError
from poller.sealing.local_key import LocalKey
from tests.privileges import file_modes_hold

KEY = LocalKey(bytes(range(32)))


@given(st.binary(max_size=200), st.binary(max_size=20))
def test_what_was_sealed_opens_where_it_belongs(plain: bytes, about: bytes) -> None:
    sealed = KEY.seal(plain, about)
    assert KEY.open(sealed, about) == plain
    assert len(sealed) == len(plain) + 33


def test_sealed_twice_is_not_the_same_twice() -> None:
    assert KEY.seal(b"plain", b"") != KEY.seal(b"plain", b"")


def test_what_is_derived_is_one_for_each_purpose_and_key_and_never_the_key() -> None:
    derived = {KEY.derive("masks"), KEY.derive("masks"), KEY.derive("others"), LocalKey(bytes(32)).derive("masks"), bytes(range(32))}
    assert len(derived) == 4
    assert {len(one) for one in derived} == {32}


def test_a_value_names_version_and_key_in_front() -> None:
    assert KEY.seal(b"plain", b"")[:5] == b"\x01" + bytes.fromhex(KEY.id)


def test_a_value_moved_elsewhere_does_not_open() -> None:
    with pytest.raises(SealError, match="belongs elsewhere"):
        KEY.open(KEY.seal(b"plain", b"row 1"), b"row 2")


def test_another_key_is_told_by_its_id() -> None:
    other = LocalKey(bytes(32))
    with pytest.raises(SealError, match=f"another key: {other.id}, this is {KEY.id}"):
        KEY.open(other.seal(b"plain", b""), b"")


def test_a_value_altered_or_cut_anywhere_does_not_open() -> None:
    sealed = KEY.seal(b"plain", b"row")
    for at in range(len(sealed)):
        with pytest.raises(SealError):
            KEY.open(sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :], b"row")
        with pytest.raises(SealError):
            KEY.open(sealed[:at], b"row")


@given(st.binary(max_size=100))
def test_any_bytes_are_a_seal_error(sealed: bytes) -> None:
    with pytest.raises(SealError):
        KEY.open(sealed, b"")


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_a_key_of_another_size_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        LocalKey(bytes(size))


def test_a_key_does_not_show_itself() -> None:
    assert repr(KEY) == str(KEY) == f"<local key {KEY.id}>"
    assert bytes(range(4)).hex() not in repr(KEY)
    assert not hasattr(KEY, "__dict__")


# --- its file ---


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "local.key"


def test_a_key_is_made_once_and_found_again(path: Path) -> None:
    sealed = LocalKey.open_or_create(path).seal(b"plain", b"")
    assert LocalKey.open_or_create(path).open(sealed, b"") == b"plain"
    assert LocalKey.open_or_create(path.with_name("other.key")).id != LocalKey.open_or_create(path).id


def test_file_and_folder_are_for_their_owner_alone(path: Path) -> None:
    before = os.umask(0)
    try:
        LocalKey.open_or_create(path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [other.name for other in path.parent.iterdir()] == ["local.key"]


def test_the_file_says_what_it_is(path: Path) -> None:
    LocalKey.open_or_create(path)
    remark, line = path.read_text().splitlines()
    assert remark.startswith("# The local key of a poller agent.")
    assert re.fullmatch("poller-local-key-1:[0-9a-f]{64}", line)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o610])
def test_a_file_others_may_touch_is_refused_with_a_way_out(path: Path, mode: int) -> None:
    LocalKey.open_or_create(path)
    path.chmod(mode)
    with pytest.raises(HostError, match="others may read") as raised:
        LocalKey.open_or_create(path)
    assert f"chmod 600 {path}" in raised.value.hint


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"poller-local-key-1:",
        b"poller-local-key-1:" + b"a" * 63,
        b"poller-local-key-2:" + b"a" * 64,
        b"\xff\x00",
        b"a" * 10_000,
    ],
)
def test_a_file_that_holds_no_key_is_refused_and_left_alone(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(HostError, match="is not a local key"):
        LocalKey.open_or_create(path)
    assert path.read_bytes() == content


def test_a_key_copied_on_another_system_still_reads(path: Path) -> None:
    key = LocalKey.open_or_create(path)
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert LocalKey.open_or_create(path).id == key.id


def test_a_link_to_a_private_file_is_read_and_to_a_public_one_is_not(path: Path) -> None:
    key = LocalKey.open_or_create(path)
    link = path.with_name("link")
    link.symlink_to(path)  # mounted secrets are links
    assert LocalKey.open_or_create(link).id == key.id
    path.chmod(0o644)
    with pytest.raises(HostError, match="others may read"):
        LocalKey.open_or_create(link)


def test_nothing_is_written_through_a_link(path: Path) -> None:
    path.parent.mkdir()
    path.symlink_to(path.with_name("elsewhere"))
    with pytest.raises(HostError, match="a link to nowhere"):
        LocalKey.open_or_create(path)
    assert not path.with_name("elsewhere").exists()


def test_a_fifo_and_a_folder_are_refused_without_waiting(path: Path) -> None:
    path.parent.mkdir()
    os.mkfifo(path, 0o600)
    with pytest.raises(HostError, match="not a regular file"):
        LocalKey.open_or_create(path)
    with pytest.raises(HostError):
        LocalKey.open_or_create(path.parent)


def test_a_folder_that_cannot_be_made_is_a_host_error_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(HostError, match="cannot read or make the local key") as raised:
        LocalKey.open_or_create(tmp_path / "file" / "data" / "local.key")
    assert "[state] folder" in raised.value.hint


def test_a_folder_nobody_may_write_is_a_host_error(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o500)
    with file_modes_hold(), pytest.raises(HostError, match="cannot read or make"):
        LocalKey.open_or_create(tmp_path / "data" / "local.key")
