"""The files of a database: made private before anything is in them, and set aside, never deleted, when they cannot be used."""

from __future__ import annotations

import os
import re
from pathlib import Path

from poller.errors import HostError

_KEPT_MAX = 3  # files set aside; the oldest goes when there are more
_COMPANIONS = ("", "-wal", "-shm", "-journal")  # a database is all of these, or less than it was


def prepare(path: Path) -> None:
    """Make the folder (0700) and the file (0600) where there are none; SQLite would let everyone read them.

    Raises HostError when the folder cannot be made or written.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600))
        if not os.access(path.parent, os.W_OK | os.X_OK):  # the log beside the file has to be made too
            raise PermissionError(None, "no permission to write in the folder")
    except OSError as error:
        raise HostError(
            f"cannot keep {path}: {error.strerror or error}",
            hint=f'let this user write to {path.parent}, name another with [state] folder, or keep nothing with folder = ""',
        ) from error


def set_aside(path: Path, word: str) -> Path:
    """Rename the database at *path*, which nobody has open, to `<name>.<word>-<n>`; return its new name. Raises OSError."""
    earlier = sorted(_numbered(path, word))
    number = earlier[-1] + 1 if earlier else 1
    for old in earlier[: max(0, len(earlier) + 1 - _KEPT_MAX)]:
        for companion in _COMPANIONS:
            Path(f"{path}.{word}-{old}{companion}").unlink(missing_ok=True)
    kept = Path(f"{path}.{word}-{number}")
    for companion in _COMPANIONS:
        try:
            Path(f"{path}{companion}").rename(f"{kept}{companion}")
        except FileNotFoundError:
            pass
    return kept


def size_bytes(path: Path) -> int:
    """Return the size of the database with its log; 0 for what is not there."""
    total = 0
    for companion in _COMPANIONS:
        try:
            total += Path(f"{path}{companion}").stat().st_size
        except OSError:
            pass
    return total


def _numbered(path: Path, word: str) -> list[int]:
    pattern = re.compile(re.escape(f"{path.name}.{word}-") + "([0-9]{1,9})")
    return [int(match[1]) for other in path.parent.iterdir() if (match := pattern.fullmatch(other.name))]
