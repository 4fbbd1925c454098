"""docs/settings.md says what the catalogue says."""

from __future__ import annotations

from pathlib import Path

from poller.config.document import catalogue_names, documented_names, settings_page

PAGE = Path(__file__).parent.parent / "docs" / "settings.md"


def test_every_setting_is_documented_and_nothing_else() -> None:
    assert documented_names(PAGE.read_text()) == catalogue_names()


def test_the_page_is_fresh() -> None:
    assert PAGE.read_text() == settings_page(), "run: python -m poller.config > docs/settings.md"
