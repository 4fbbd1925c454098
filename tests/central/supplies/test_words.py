"""What people call supplies."""

from __future__ import annotations

import pytest

from poller.central.office.contracts import SUPPLY_KINDS
from poller.central.supplies.words import colour_word, kind_word, language_of, supply_words
from poller.printers.words import COLOURS, SHADES


@pytest.mark.parametrize(
    "kind, colour, german, english",
    [
        ("toner", "black", "Toner schwarz", "Black toner"),
        ("ink", "light magenta", "Tinte hellmagenta", "Light magenta ink"),
        ("wasteToner", None, "Resttonerbehälter", "Waste toner box"),
        ("unknown", None, "Verbrauchsmaterial", "Supply"),
        ("toner", "gold", "Toner gold", "Gold toner"),
        ("sponge", "", "Sponge", "Sponge"),
    ],
)
def test_a_supply_is_called_as_one_reads_it(kind: str, colour: str | None, german: str, english: str) -> None:
    assert (supply_words(kind, colour, "de"), supply_words(kind, colour, "en")) == (german, english)


def test_every_kind_and_every_colour_a_reading_may_have_has_its_words() -> None:
    assert [kind for kind in SUPPLY_KINDS if kind[-1].isupper() or any(map(str.isupper, kind_word(kind, "en")))] == []
    assert [kind for kind in SUPPLY_KINDS if kind_word(kind, "de") == kind] == []
    assert {colour for colour in COLOURS | SHADES if colour_word(colour, "de") == colour} == {"cyan", "magenta", "orange"}


def test_the_language_is_german_or_else_english() -> None:
    assert [language_of(text) for text in ("de", "de-AT", "DE", "en", "fr", "")] == ["de", "de", "de", "en", "en", "en"]
