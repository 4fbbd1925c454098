"""Writes the dashboards: `python -m grafana.build`, or `make dashboards`. The same code gives the same files, octet for octet."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from grafana import agent, fleet, pages, printer, toner

FOLDER = Path(__file__).resolve().parent / "dashboards"


def texts() -> dict[str, str]:
    """Return every dashboard's file name and its text."""
    made = (fleet.build(), toner.build(), printer.build(), pages.build(), agent.build())
    return {f"{one['uid'].removeprefix('poller-')}.json": json.dumps(one, indent=2, ensure_ascii=False) + "\n" for one in map(_plain, made)}


def _plain(made: Dashboard) -> dict[str, Any]:
    """Return the dashboard as JSON holds it, panels numbered in their order: links to a panel then stay good.

    The SDK gives every variable what only one of type interval has; Grafana's schema knows no such keys.
    """
    plain: dict[str, Any] = json.loads(JSONEncoder(sort_keys=True).encode(made.build()))
    for number, panel in enumerate(plain["panels"], 1):
        panel["id"] = number
    for variable in plain["templating"]["list"]:
        for key in ("auto", "auto_count", "auto_min"):
            variable.pop(key, None)
    return plain


def write() -> None:
    """Write them all, and remove what is none of them."""
    files = texts()
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.json"):
        if old.name not in files:
            old.unlink()
    for name, text in files.items():
        (FOLDER / name).write_text(text, "utf-8")


if __name__ == "__main__":
    write()
