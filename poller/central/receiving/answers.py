"""What central says: results as JSON, and every way of saying no, one word each.

A request that is proven (its signature and its body hold) gets a signed answer, bound to it: the agent believes no other, and settles,
sets aside or stops for nothing else. A request that is *not* proven gets an unsigned one, on purpose: whoever changes a byte of it on the
way must not be handed a genuine refusal to pass on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from poller.errors import PollerError

# Word -> HTTP status.
REFUSALS: dict[str, int] = {
    "bad-request": 400,
    "bad-signature": 401,
    "unknown-agent": 401,
    "agent-revoked": 403,
    "clock-skew": 401,
    "replay": 409,
    "token-unknown": 403,
    "token-used": 403,
    "token-expired": 403,
    "conflict": 409,
    "too-large": 413,
    "bad-envelope": 400,
    "bad-lines": 400,
    "slow-down": 429,
    "over-quota": 429,
    "unavailable": 503,
}

JSON_TYPE, ENVELOPE_TYPE = "application/json", "application/octet-stream"


class RefusalError(PollerError):
    """The answer is a refusal. *text* is one sentence for people, with nothing in it that came with the request.

    `facts` are further members of the JSON; `retry_seconds` says when it may work.
    """

    def __init__(self, word: str, text: str, *, retry_seconds: int | None = None, facts: Mapping[str, Any] | None = None) -> None:
        self.word, self.text, self.retry_seconds = word, text, retry_seconds
        self.facts = dict(facts or {})
        super().__init__(f"{word}: {text}")

    @property
    def status(self) -> int:
        return REFUSALS[self.word]


class Said(msgspec.Struct, frozen=True):
    """An answer before it is signed and sent. `word` is what it is counted under."""

    word: str
    status: int
    body: bytes = b""
    content_type: str = JSON_TYPE
    retry_seconds: int | None = None


def ok(facts: Mapping[str, Any], *, word: str = "ok") -> Said:
    return Said(word, 200, msgspec.json.encode(facts))


def sealed(body: bytes) -> Said:
    return Said("ok", 200, body, ENVELOPE_TYPE)


def nothing() -> Said:
    return Said("ok", 204)


def refusal(error: RefusalError) -> Said:
    """Return what tells of *error*. When to come again is in the body too: header fields are not signed."""
    facts: dict[str, Any] = {"error": error.word, "text": error.text, **error.facts}
    if error.retry_seconds is not None:
        facts["retry_after_seconds"] = error.retry_seconds
    return Said(error.word, error.status, msgspec.json.encode(facts), retry_seconds=error.retry_seconds)
