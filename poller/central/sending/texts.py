"""Texts of strangers made fit for a line of a mail, a cell, a header: one line, cut, nothing in it that commands, hides or turns round.

Names come from customers and devices, answers from servers.
"""

from __future__ import annotations

import unicodedata

NAME_CHARACTERS_MAX = 200
ANSWER_CHARACTERS_MAX = 500
_JOINERS = "\u200c\u200d"
"""Formatting characters without which some languages are misspelt."""
_GONE = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
"""Controls, marks that turn the direction of text, what is no character, ends of lines and paragraphs."""
_LOOKED_AT = 10
"""How many times as much as is shown is gone through, at most."""


def clean(text: str | None, characters_max: int = NAME_CHARACTERS_MAX) -> str:
    """Return *text* on one line of at most so many characters; "" for none."""
    if not text:
        return ""
    seen = text[: characters_max * _LOOKED_AT]
    plain = "".join(" " if unicodedata.category(one) in _GONE and one not in _JOINERS else one for one in seen)
    line = " ".join(plain.split())
    return line if len(line) <= characters_max else line[: characters_max - 1].rstrip() + "…"


def clean_lines(text: str | None) -> str:
    """Return the lines of an address as one."""
    return clean(", ".join(filter(None, map(clean, (text or "")[: NAME_CHARACTERS_MAX * _LOOKED_AT].splitlines()))))


def clean_answer(text: str, *secrets: str) -> str:
    """Return what a server said, without what is nobody's business."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "…")
    return clean(text, ANSWER_CHARACTERS_MAX)
