"""The catalogue as the watch asks it: for each model, which article serves a supply of a kind and colour.

The customer's own lines come before the dealer's, the longer pattern before the shorter. Patterns are gone through once for a model, not
for a reading; the dealer's lines are read again after a minute.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from poller.central.store import masterdata
from poller.central.store.inventory import DEALER
from poller.central.supplies.policy import Article, ModelCatalogue
from poller.clock import Clock

READ_AGAIN_SECONDS = 60.0
_MODELS_MAX = 5000


class Articles:
    """The dealer's catalogue in one process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._dealers: list[dict[str, Any]] | None = None
        self._read_at = 0.0
        self._models: dict[str, ModelCatalogue] = {}

    async def of_account(self, db: AsyncConnection, account: str) -> OwnArticles:
        if self._dealers is None or self._clock.monotonic() >= self._read_at + READ_AGAIN_SECONDS:
            fresh = await masterdata.articles(db, [DEALER])
            if fresh != self._dealers:
                self._models.clear()
            self._dealers, self._read_at = fresh, self._clock.monotonic()
        own = await masterdata.articles(db, [account])
        return OwnArticles(account, [*own, *self._dealers], {} if own else self._models)


class OwnArticles:
    """The catalogue as one account has it."""

    def __init__(self, account: str, rows: list[dict[str, Any]], models: dict[str, ModelCatalogue]) -> None:
        self._account, self._rows, self._models = account, rows, models

    def of_model(self, model: str | None) -> ModelCatalogue:
        name = (model or "").lower()
        found = self._models.get(name)
        if found is None:
            if len(self._models) >= _MODELS_MAX:
                self._models.clear()
            found = self._models[name] = ModelCatalogue(lines=self._lines(name), is_complete=True)
        return found

    def _lines(self, model: str) -> dict[tuple[str, str], Article]:
        best: dict[tuple[str, str], dict[str, Any]] = {}
        for row in self._rows:
            key = (row["kind"], row["colour"])
            before = best.get(key)
            if (before is None or self._rank(row) > self._rank(before)) and fnmatchcase(model, row["model"].lower()):
                best[key] = row
        return {
            key: Article(
                part_number=row["article"], yield_pages=row["yield_pages"], instead=frozenset(row["alternatives"]), pack=row["pack"]
            )
            for key, row in best.items()
        }

    def _rank(self, row: dict[str, Any]) -> tuple[bool, int, str]:
        return row["account"] == self._account, len(row["model"]), row["model"]
