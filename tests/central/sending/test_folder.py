"""Files for the merchandise system: whole or not at all, the same name and bytes each time."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from poller.central.sending.faults import PutOffError
from poller.central.sending.folder import FolderChannel
from poller.central.sending.sheet import sheet
from tests.central.sending.claims import claim_of, never
from tests.central.sending.parcels import parcel


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def test_a_parcel_is_a_file_that_others_may_not_read(tmp_path: Path) -> None:
    assert await FolderChannel(tmp_path).deliver(claim_of(parcel(), "csv"), never) == ""
    assert names(tmp_path) == ["p-1.csv"]
    assert (tmp_path / "p-1.csv").read_bytes() == sheet(parcel())
    assert stat.S_IMODE((tmp_path / "p-1.csv").stat().st_mode) & stat.S_IRWXO == 0


async def test_written_once_more_it_is_the_same_and_what_a_killed_process_left_goes(tmp_path: Path) -> None:
    (tmp_path / ".p-1.csv.deadbeef.part").write_bytes(b"half of")
    (tmp_path / ".p-2.csv.deadbeef.part").write_bytes(b"somebody else's")
    channel = FolderChannel(tmp_path)
    for _ in range(2):
        await channel.deliver(claim_of(parcel(), "csv"), never)
    assert names(tmp_path) == [".p-2.csv.deadbeef.part", "p-1.csv"]
    assert (tmp_path / "p-1.csv").read_bytes() == sheet(parcel())


async def test_a_folder_that_is_not_mounted_is_not_made_up(tmp_path: Path) -> None:
    with pytest.raises(PutOffError) as raised:
        await FolderChannel(tmp_path / "share").deliver(claim_of(parcel(), "csv"), never)
    assert (raised.value.word, raised.value.for_all) == ("no-folder", True)
    assert names(tmp_path) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
async def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The descriptor of a disk without room stands in for the file's: the kernel itself says no."""
    real_open = os.open

    def full(path: str | Path, flags: int, mode: int = 0o777) -> int:
        if str(path).endswith(".part"):
            os.close(real_open(path, flags, mode))
            return real_open("/dev/full", os.O_WRONLY)
        return real_open(path, flags, mode)

    monkeypatch.setattr(os, "open", full)
    with pytest.raises(PutOffError) as raised:
        await FolderChannel(tmp_path).deliver(claim_of(parcel(), "csv"), never)
    assert raised.value.word == "full"
    assert names(tmp_path) == []


async def test_a_name_that_is_taken_by_a_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "p-1.csv").mkdir()
    with pytest.raises(PutOffError) as raised:
        await FolderChannel(tmp_path).deliver(claim_of(parcel(), "csv"), never)
    assert raised.value.word == "disk"
    assert names(tmp_path) == ["p-1.csv"]
