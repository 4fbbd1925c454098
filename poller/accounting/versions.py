"""Names of export versions, as people write them."""

from __future__ import annotations

from collections.abc import Mapping

from poller.accounting.fields import VERSIONS, Version

_NAMED: Mapping[str, Version] = {**{version: version for version in VERSIONS}, "2.0": "2", "3.0": "3", "4.0": "4"}


def version_named(name: str) -> Version | None:
    """Return the version a name means (`4` and `4.0` are one), or None."""
    return _NAMED.get(name.strip())
