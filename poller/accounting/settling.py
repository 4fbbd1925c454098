"""Which files of a folder are complete. Pure: whoever looks into the folder tells what is there.

A file is taken when it looked the same twice in a row: a press writes an export over seconds or minutes, and one that is renamed when it is
closed is there at once and then never changes. What is hidden, or named as copying programs name what they have not finished, is never
looked at; nor is `.ACL`, which a PRISMAsync controller goes on writing until it closes it as `.CSV`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

_UNFINISHED = (".part", ".partial", ".filepart", ".tmp", ".temp", ".crdownload", ".acl", "~")


class Seen(NamedTuple):
    """What tells that a file has changed."""

    size: int
    changed_ns: int
    inode: int


def is_wanted(name: str, patterns: Sequence[str]) -> bool:
    """Whether a file of this name is an export; capitals do not count."""
    low = name.casefold()
    if low.startswith(".") or low.endswith(_UNFINISHED):
        return False
    return any(fnmatchcase(low, pattern.casefold()) for pattern in patterns)


class Settling:
    """Remembers the last look, and which files are done with. Holds nothing of files that are gone."""

    def __init__(self) -> None:
        self._last: dict[str, Seen] = {}
        self._done: dict[str, Seen] = {}

    def look(self, found: Mapping[str, Seen]) -> list[str]:
        """Return the names of files that are complete and not done with, oldest first."""
        ready = [name for name, seen in found.items() if self._last.get(name) == seen and self._done.get(name) != seen]
        self._last = dict(found)
        self._done = {name: seen for name, seen in self._done.items() if name in found}
        return sorted(ready, key=lambda name: (found[name].changed_ns, name))

    def done(self, name: str) -> None:
        """Leave a file alone from now on, unless it changes."""
        if name in self._last:
            self._done[name] = self._last[name]
