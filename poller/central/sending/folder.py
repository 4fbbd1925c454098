"""The channel `csv`: a file for each parcel in a folder that the merchandise system looks into.

A file appears complete and on disk, or not at all: it is written under a hidden name, `.ID.csv.….part`, and renamed. Sent once more after a
crash it has the same name and the same bytes, so that a reader that remembers names takes nothing twice.
"""

from __future__ import annotations

import asyncio
import errno
import os
import secrets
from pathlib import Path

from poller import system
from poller.central.sending.faults import PutOffError
from poller.central.sending.post import read_parcel
from poller.central.sending.sender import Begin
from poller.central.sending.sheet import file_name, sheet
from poller.central.store.messages import Claim

_MODE = 0o640
_WORDS = {errno.ENOSPC: "full", errno.EDQUOT: "full", errno.EACCES: "permission", errno.EPERM: "permission", errno.ENOENT: "no-folder"}


class FolderChannel:
    """Files in *folder*, which has to be there: one that is not mounted must not be made up."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def deliver(self, claim: Claim, begin: Begin) -> str:
        """Put the parcel's file there. Raises PutOffError."""
        parcel = read_parcel(claim.body)
        try:
            await asyncio.to_thread(_place, self._folder, file_name(parcel), sheet(parcel))
        except OSError as error:
            word = _WORDS.get(error.errno or 0, "disk")
            raise PutOffError(word, f"{self._folder}: {error.strerror or type(error).__name__}", for_all=True) from None
        return ""


def _place(folder: Path, name: str, content: bytes) -> None:
    part = folder / f".{name}.{secrets.token_hex(4)}.part"
    try:
        descriptor = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _MODE)
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor, so that nobody else ever may read it
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(folder / name)
    except OSError:
        part.unlink(missing_ok=True)
        raise
    system.sync_folder(folder)
    for left_over in folder.glob(f".{name}.*.part"):  # of a process that was killed
        left_over.unlink(missing_ok=True)
