"""One run of the bench: with which tools, how often, and who is told how far it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from poller.bench.tools import Tools


class Runs(NamedTuple):
    """*pairs* is how often each measurement is repeated, ours and the peer's in turn; *say* is told what comes next.

    *share* is the part of the rows that `scale` makes.
    """

    tools: Tools
    pairs: int
    say: Callable[[str], None]
    share: float = 0.05

    def each(self, what: str) -> Iterator[int]:
        """Count the pairs, telling of each."""
        for number in range(self.pairs):
            self.say(f"{what}: {number + 1} of {self.pairs}")
            yield number
