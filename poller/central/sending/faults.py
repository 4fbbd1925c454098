"""Why a message was not sent, sorted by what happens next.

    NotSentError
    ├── PutOffError    nothing was taken: it is tried again, later
    ├── RefusedError   whoever is to get it does not want it: only a person can change that
    └── UnclearError   handed over, but nobody said whether it was taken: only a person can know

`word` is what it is counted and stored under; `text` is for people: the other side's own words, cleaned and cut. They may name somebody:
they are kept sealed, and never in a log.
"""

from __future__ import annotations

from poller.errors import PollerError


class NotSentError(PollerError):
    """A message that is not known to have arrived."""

    def __init__(self, word: str, text: str = "") -> None:
        self.word, self.text = word, text
        super().__init__(word)


class PutOffError(NotSentError):
    """*for_all*: the server does not do it, so that other messages need not try now. *is_slow*: a person has to mend something first.

    *after_seconds* is when the server said to come again. After *tries_max* tries that ended so, it counts as refused.
    """

    def __init__(
        self,
        word: str,
        text: str = "",
        *,
        for_all: bool = False,
        is_slow: bool = False,
        after_seconds: float | None = None,
        tries_max: int | None = None,
    ) -> None:
        self.for_all, self.is_slow, self.after_seconds, self.tries_max = for_all, is_slow, after_seconds, tries_max
        super().__init__(word, text)


class RefusedError(NotSentError):
    """For good."""


class UnclearError(NotSentError):
    """It may have arrived, or not."""
