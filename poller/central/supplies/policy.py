"""What a dealer and its customers have agreed on: when to ask for supplies, and who has to say yes.

The defaults are those of a fresh account. `poller central` keeps these in its store; a replay reads them from a file
(`replay_settings.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, tzinfo
from typing import Literal

import msgspec

LEAD_DAYS = 7.0


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """A frozen value, fields by name only."""


class Article(Value, frozen=True, kw_only=True):
    """One line of the catalogue. `instead` are part numbers that may be sent and installed in its place; `pack` pieces are in a box."""

    part_number: str
    yield_pages: int | None = None
    instead: frozenset[str] = frozenset()
    pack: int = 1

    def numbers(self) -> tuple[str, ...]:
        """Return its own number, then those that may stand in."""
        return (self.part_number, *sorted(self.instead))


class Catalogue(Value, frozen=True, kw_only=True):
    """The articles by part number. `is_complete` False: an article that is not in it is known all the same."""

    articles: Mapping[str, Article] = {}
    is_complete: bool = False

    def find(self, part_number: str | None, kind: str = "", colour: str | None = None) -> Article | None:
        """Return the article for a supply, by what the maker calls it; None where there is none."""
        return self.articles.get(part_number or "")

    def knows(self, part_number: str | None, kind: str = "", colour: str | None = None) -> bool:
        return not self.is_complete or self.find(part_number, kind, colour) is not None

    def rated_pages(self, part_number: str | None, kind: str = "", colour: str | None = None) -> float | None:
        """Return the pages the maker promises, None where nobody wrote them down."""
        article = self.find(part_number, kind, colour)
        return None if article is None or article.yield_pages is None else float(article.yield_pages)

    def are_alike(self, wanted: str, installed: str, kind: str = "", colour: str | None = None) -> bool:
        """Whether *installed* may stand where *wanted* was asked for. Spelling (case, blanks, hyphens) does not matter."""
        if _plain(wanted) == _plain(installed):
            return True
        article = self.find(wanted, kind, colour)
        return article is not None and _plain(installed) in {_plain(other) for other in article.numbers()}


class ModelCatalogue(Catalogue, frozen=True, kw_only=True):
    """The articles of one model by kind and colour of the supply: central's store has the catalogue so."""

    lines: Mapping[tuple[str, str], Article] = {}

    def find(self, part_number: str | None, kind: str = "", colour: str | None = None) -> Article | None:
        return self.lines.get((kind, colour or ""))


class Policy(Value, frozen=True, kw_only=True):
    """The rules for one site of one account. `threshold` is a share, None where none is set; `quiet` days on which nobody works."""

    zone: tzinfo = UTC
    lead_days: float = LEAD_DAYS
    threshold: float | None = None
    bundle_days: float = 0.0
    approval: Literal["auto", "manual"] = "auto"
    is_live: bool = True
    quiet: frozenset[date] = frozenset()
    language: Literal["de", "en"] = "de"


def _plain(part_number: str) -> str:
    return "".join(letter for letter in part_number.upper() if letter.isalnum())
