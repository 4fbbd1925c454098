"""Which settings a program has, and what their environment variables begin with: the agent's are AGENT, central has its own.

Everything that reads a configuration is handed one of these, so that both programs follow the same rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from poller.config import catalogue
from poller.config.catalogue import Section, Setting


@dataclass(frozen=True)
class Declared:
    """`prefix` ends in an underscore; `others` are variables with it that are no settings; `page` lists all for people."""

    sections: tuple[Section, ...]
    settings: tuple[Setting, ...]
    prefix: str
    page: str
    others: Mapping[str, str] = field(default_factory=dict)

    def section_named(self, name: str) -> Section | None:
        return next((section for section in self.sections if section.name == name), None)

    def settings_of(self, section: str) -> tuple[Setting, ...]:
        return tuple(setting for setting in self.settings if setting.section == section)

    def variable(self, setting: Setting, number: int | str | None = None) -> str:
        """Return the environment variable of a setting; *number* counts the tables of a list from 0."""
        middle = "" if number is None else f"{number}_"
        return f"{self.prefix}{setting.section}_{middle}{setting.key}".upper()


AGENT = Declared(
    catalogue.SECTIONS,
    catalogue.SETTINGS,
    prefix="POLLER_",
    page="docs/settings.md",
    others={"POLLER_CONFIG": "the file to read, as `--config`"},
)
