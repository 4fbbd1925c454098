"""The tables of docs/accounting.md, made from the one table of fields and from the table of words."""

from __future__ import annotations

from poller.accounting.fields import FIELDS, FINISHING, FINISHING_MAX, MEDIA_MAX, MEDIUM_FIELDS, VERSIONS, Field
from poller.accounting.words import WORDS

_BELONGS = {"yes": "yes", "no": "no", "unknown": "?"}
_SOURCES = {"manual": "", "sibling": " s", "inferred": " i"}


def fields_table() -> str:
    """Return the table of fields: which version has which, and how that is known."""
    heads = ["field", "English", "German", "kind", "unit", *(f"v{version}" for version in VERSIONS)]
    rows = [_row(field, field.name) for field in FIELDS]
    rows.append(_row(FINISHING, f"finishing (1 to {FINISHING_MAX})"))
    rows += [_row(field, f"media.{field.name} (1 to {MEDIA_MAX})") for field in MEDIUM_FIELDS]
    return _table(heads, rows)


def words_table() -> str:
    """Return the table of the words that some fields are limited to."""
    return _table(["field", "words"], [[f"`{name}`", ", ".join(words)] for name, words in WORDS.items()])


def _row(field: Field, name: str) -> list[str]:
    german = field.german.format("X") + ("" if field.is_german_attested else " *")
    places = (field.places[version] for version in VERSIONS)
    marks = (_BELONGS[place.belongs] + _SOURCES[place.source] for place in places)
    return [f"`{name}`", field.english.format("X"), german, field.kind, field.unit, *marks]


def _table(heads: list[str], rows: list[list[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
