"""What left, in clear, for a customer who wants to see it: one file a batch, its lines as they were sealed. Off unless asked for.

A file is on the disk before its batch is offered for sending. Sealing is tried again after a failure, under the same number, and the file
is then replaced: so each holds exactly what was sealed under its number. Nothing else is in the folder, and nobody but its user may read
it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from poller import system

_NAME = re.compile(r"batch-[0-9]{1,19}\.ndjson")


class ControlCopy:
    """Files in *folder*, each kept for so many seconds. Its methods write and delete: they are for a thread."""

    def __init__(self, folder: Path, *, keep_seconds: float) -> None:
        self.folder, self._keep_seconds = folder, keep_seconds

    def keep(self, number: int, lines: Sequence[bytes], now_utc: datetime) -> None:
        """Write the lines of batch *number*; they are on the disk when this returns. Raises OSError."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self.folder / f"batch-{number}.ndjson"
        beside = self.folder / f".batch-{number}.part"
        try:
            beside.unlink(missing_ok=True)  # of a process that was killed
            with open(beside, "xb", opener=system.open_private) as file:
                file.writelines(part for line in lines for part in (line, b"\n"))
                file.flush()
                os.utime(beside, (now_utc.timestamp(), now_utc.timestamp()))
                os.fsync(file.fileno())
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
        system.sync_folder(self.folder)

    def remove_old(self, now_utc: datetime) -> int:
        """Delete what has been kept long enough; return how many files that were. Raises OSError."""
        before = now_utc.timestamp() - self._keep_seconds
        if not self.folder.is_dir():
            return 0
        old = [path for path in self.folder.iterdir() if _NAME.fullmatch(path.name) and path.stat().st_mtime < before]
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)
