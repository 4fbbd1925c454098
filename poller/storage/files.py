"""The files of a database: made private before anything is in them, moved together, measured together."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from poller import system
from poller.errors import HostError

COMPANIONS = ("", "-wal", "-shm", "-journal")
"""A database is all of these, or less than it was."""


def prepare(path: Path, *, hint: str) -> None:
    """Make the folder (0700) and the file (0600) where there are none; SQLite would let everyone read them.

    Raises HostError with *hint* when the folder cannot be made or written.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(system.open_private(path, os.O_RDWR | os.O_CREAT))
        if not os.access(path.parent, os.W_OK | os.X_OK):  # the log beside the file has to be made too
            raise PermissionError(None, "no permission to write in the folder")
    except OSError as error:
        raise HostError(f"cannot keep {path}: {error.strerror or error}", hint=hint) from error


def refusal(path: Path) -> str | None:
    """Return why the database at *path* could not be kept, None where it could be. Tries it, and leaves nothing behind.

    Of a folder that is not there yet, where it would be made is tried.
    """
    folder = next(one for one in (path.parent, *path.parent.absolute().parents) if os.path.lexists(one))
    try:
        with tempfile.TemporaryFile(dir=folder) as trial:
            trial.write(b"0")
            trial.flush()
    except OSError as error:
        return f"{folder}: {error.strerror or error}"
    for one in (Path(f"{path}{companion}") for companion in COMPANIONS):
        try:
            one.open("r+b").close()
        except FileNotFoundError:
            pass
        except OSError as error:
            return f"{one}: {error.strerror or error}"
    return None


def move(path: Path, to: Path) -> None:
    """Rename the database at *path*, which nobody has open, with all that belongs to it. Raises OSError."""
    for companion in COMPANIONS:
        try:
            Path(f"{path}{companion}").rename(f"{to}{companion}")
        except FileNotFoundError:
            pass


def remove(path: Path) -> None:
    """Delete the database at *path*, where there is one. Raises OSError."""
    for companion in COMPANIONS:
        Path(f"{path}{companion}").unlink(missing_ok=True)


def has_log(path: Path) -> bool:
    """Whether a write-ahead log is beside the database: somebody has it open, or did not close it."""
    return Path(f"{path}-wal").exists()


def size_bytes(path: Path) -> int:
    """Return the size of the database with its log; 0 for what is not there."""
    total = 0
    for companion in COMPANIONS:
        try:
            total += Path(f"{path}{companion}").stat().st_size
        except OSError:
            pass
    return total
