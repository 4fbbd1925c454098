"""The lines of a file, one at a time, each of a bounded length: a log may have gigabytes, and a file that is no log may have no line at
all.

`peek` looks ahead without taking, so that a format can be recognised on something that cannot be rewound, such as a pipe.
"""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import BinaryIO

LINE_OCTETS_MAX = 65_536
"""Ten times a full record with every name at its longest."""


class Lines:
    """Takes lines from a binary file; `number` is that of the line taken last, from 1."""

    def __init__(self, file: BinaryIO) -> None:
        self._readline = file.readline
        self._ahead: deque[bytes] = deque()
        self.number = 0

    def take(self) -> bytes | None:
        """Return the next line with its end, None after the last. A longer one than allowed comes as one octet too many of it."""
        line = self._ahead.popleft() if self._ahead else self._read()
        if not line:
            return None
        self.number += 1
        return line

    def push_back(self, lines: list[bytes]) -> None:
        """Put back the lines taken last, in their order."""
        self._ahead.extendleft(reversed(lines))
        self.number -= len(lines)

    def peek(self, count: int) -> list[bytes]:
        """Return up to *count* of the lines that come next."""
        while len(self._ahead) < count and (line := self._read()):
            self._ahead.append(line)
        return list(islice(self._ahead, count))

    def _read(self) -> bytes:
        line = self._readline(LINE_OCTETS_MAX + 1)
        if len(line) > LINE_OCTETS_MAX and not line.endswith(b"\n"):
            while (rest := self._readline(LINE_OCTETS_MAX)) and not rest.endswith(b"\n"):
                pass
        return line


def is_too_long(line: bytes) -> bool:
    """Whether only the beginning of a line is there."""
    return len(line) > LINE_OCTETS_MAX
