"""Where the state's files go when they cannot be used: set aside under a number, the last three of them kept."""

from __future__ import annotations

import re
from pathlib import Path

from poller.storage import files

_KEPT_MAX = 3  # files set aside; the oldest goes when there are more


def prepare(path: Path) -> None:
    """Make folder and file, for their user alone. Raises HostError when the folder cannot be made or written."""
    hint = f'let this user write to {path.parent}, name another with [state] folder, or keep nothing with folder = ""'
    files.prepare(path, hint=hint)


def set_aside(path: Path, word: str) -> Path:
    """Rename the database at *path*, which nobody has open, to `<name>.<word>-<n>`; return its new name. Raises OSError."""
    earlier = sorted(_numbered(path, word))
    number = earlier[-1] + 1 if earlier else 1
    for old in earlier[: max(0, len(earlier) + 1 - _KEPT_MAX)]:
        files.remove(Path(f"{path}.{word}-{old}"))
    kept = Path(f"{path}.{word}-{number}")
    files.move(path, kept)
    return kept


def _numbered(path: Path, word: str) -> list[int]:
    pattern = re.compile(re.escape(f"{path.name}.{word}-") + "([0-9]{1,9})")
    return [int(match[1]) for other in path.parent.iterdir() if (match := pattern.fullmatch(other.name))]
