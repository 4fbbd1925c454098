"""Ring files: made once, rotated, retired; and refused whenever somebody else could have had a hand in them."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from poller.errors import HostError
from poller.sealing.keyring import KEYS_MAX, KeyRing, RingFile
from poller.sealing.keys import SealingKey, SigningKey


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "sealing.key"


def ring_file(path: Path) -> RingFile[SealingKey]:
    return RingFile(path, SealingKey, setting="[keys] folder")


def test_a_ring_is_made_once_and_found_again(path: Path) -> None:
    made = ring_file(path).open_or_create()
    assert ring_file(path).open_or_create().current.id == made.current.id
    assert len(made) == 1


def test_its_file_is_for_its_owner_alone_and_says_what_it_is(path: Path) -> None:
    before = os.umask(0)
    try:
        key = ring_file(path).open_or_create().current
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        ring_file(path).rotate()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    finally:
        os.umask(before)
    remark, line, _ = path.read_text().splitlines()
    assert remark.startswith("# Private sealing keys of poller")
    assert line == key.reveal()
    assert [other.name for other in path.parent.iterdir()] == ["sealing.key"]


def test_after_a_rotation_the_newest_seals_and_all_open(path: Path) -> None:
    old = ring_file(path).open_or_create().current
    sealed = old.public.seal(b"plain", b"")
    ring_file(path).rotate()
    ring = ring_file(path).open_or_create()
    assert ring.current.id != old.id
    assert [key.id for key in ring] == [ring.current.id, old.id]
    found = ring.get(old.id)
    assert found is not None
    assert found.open(sealed, b"") == b"plain"


def test_three_rotations_keep_their_order(path: Path) -> None:
    ids = [ring_file(path).open_or_create().current.id, *(ring_file(path).rotate().current.id for _ in range(3))]
    assert [key.id for key in ring_file(path).open_or_create()] == ids[::-1]


def test_an_old_key_is_retired_for_good_and_the_current_one_never(path: Path) -> None:
    old = ring_file(path).open_or_create().current.id
    current = ring_file(path).rotate().current.id
    with pytest.raises(HostError, match="no older key"):
        ring_file(path).retire(current)
    assert ring_file(path).retire(old).get(old) is None
    assert [key.id for key in ring_file(path).open_or_create()] == [current]
    with pytest.raises(HostError, match="no older key"):
        ring_file(path).retire(old)


def test_a_ring_does_not_grow_for_ever(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("".join(f"{SealingKey.generate().reveal()}\n" for _ in range(KEYS_MAX)))
    path.chmod(0o600)
    with pytest.raises(HostError, match="retire the oldest first"):
        ring_file(path).rotate()


def test_nothing_rotates_what_is_not_there(path: Path) -> None:
    path.parent.mkdir()
    with pytest.raises(HostError, match=r"there is no sealing key file .*is \[keys\] folder right"):
        ring_file(path).rotate()


def test_two_do_not_change_a_ring_at_once(path: Path) -> None:
    ring_file(path).open_or_create()
    mark = path.with_name(".sealing.key.changing")
    mark.touch()
    with pytest.raises(HostError, match="another process is changing") as raised:
        ring_file(path).rotate()
    assert str(mark) in raised.value.hint
    mark.unlink()
    assert len(ring_file(path).rotate()) == 2


def test_a_link_is_read_and_never_replaced(path: Path, tmp_path: Path) -> None:
    key = ring_file(path).open_or_create().current
    link = tmp_path / "link"
    link.symlink_to(path)
    assert ring_file(link).open_or_create().current.id == key.id
    with pytest.raises(HostError, match="is a link"):
        ring_file(link).rotate()
    assert ring_file(path).open_or_create().current.id == key.id


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_file_others_may_touch_is_refused(path: Path, mode: int) -> None:
    ring_file(path).open_or_create()
    path.chmod(mode)
    for act in (ring_file(path).open_or_create, ring_file(path).rotate):
        with pytest.raises(HostError, match="others may read the sealing key file") as raised:
            act()
        assert f"chmod 600 {path}" in raised.value.hint


KEY = SealingKey.generate()


@pytest.mark.parametrize(
    "content, told",
    [
        ("", "it holds 0 keys"),
        ("# only words\n", "it holds 0 keys"),
        (KEY.reveal() + "\n" + KEY.reveal() + "\n", "a key twice"),
        (SigningKey.generate().reveal(), "key 1: not a sealing-private key: its line begins with"),
        (KEY.public.text(), "key 1: not a sealing-private key"),
        (KEY.reveal()[:-8], "key 1: a sealing-private key has 96 bytes"),
        (KEY.reveal() + "\nrest", "key 2: not a"),
        ("x\n" * (KEYS_MAX + 1), f"it holds {KEYS_MAX + 1} keys"),
        ("x" * 20_000, "it holds 0 keys"),
        ("\x00\N{SNOWMAN}", "key 1: not a"),
    ],
)
def test_a_file_that_is_no_ring_says_why_shows_nothing_and_is_left_alone(path: Path, content: str, told: str) -> None:
    path.parent.mkdir()
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(HostError, match="is not a sealing key file") as raised:
        ring_file(path).open_or_create()
    assert told in raised.value.what
    assert KEY.reveal().rpartition(":")[2][:16] not in str(raised.value)
    assert path.read_text() == content


def test_a_ring_shows_ids_only() -> None:
    ring = KeyRing(KEY)
    assert repr(ring) == f"<key ring of 1, current {KEY!r}>"
    assert not hasattr(ring, "__dict__")
