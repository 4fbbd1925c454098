"""One table after the other into checked values; what is wrong is noted, and reading goes on with the default."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import time
from typing import Any, cast

from poller.config.catalogue import Setting
from poller.config.kinds import Duration, Listen, SecretText, duration_text
from poller.config.proxies import Proxy
from poller.config.sources import Table
from poller.config.targets import collect_targets
from poller.config.values import Network, Origin, Shown

Fields = dict[str, Any]
"""The values of one table by their names in the structs of `values`, each as its kind reads it."""


class Reader:
    """Gathers the faults, the warnings and where every value came from."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        self.warnings: list[str] = []
        self.origins: list[Origin] = []

    def fields(self, table: Table) -> Fields:
        """Return the values of one table; a setting that is not there, or is at fault, has its default."""
        fields: Fields = {}
        for setting in table.settings:
            given = table.given.get(setting.key)
            value = None if setting.default is None else setting.kind.from_toml(setting.default)
            if given is not None:
                try:
                    value = setting.kind.from_text(cast(str, given.value)) if given.is_text else setting.kind.from_toml(given.value)
                except ValueError as error:
                    self.faults.append(f"{given.place}: {error}")
            fields[setting.attribute] = value
            if given is not None or table.number is None:  # of a list of tables, what is not set says nothing
                origin = "default" if given is None else given.origin
                self.origins.append(Origin(f"{table.where}.{setting.key}", _shown(setting, value), origin))
        return fields

    def networks(self, table: Table, key: str, texts: Sequence[str]) -> tuple[Network, ...]:
        """Return what the list *texts*, read from *key*, names."""
        given = table.given.get(key)
        return () if given is None else collect_targets(texts, given.place, given.folder, self.faults)


def _shown(setting: Setting, value: object) -> Shown:
    """Return *value* as people read it. A secret is known by the kind of its setting, however it came to be read."""
    if isinstance(setting.kind, SecretText):
        return None if value is None else "<secret>"
    match value:
        case float() if isinstance(setting.kind, Duration):
            return duration_text(value)
        case Proxy():
            return value.url
        case tuple() if not isinstance(value, Listen):
            return [str(item) for item in value]
        case time():
            return value.strftime("%H:%M")
        case None | str() | int():
            return value
        case _:
            return str(value)
