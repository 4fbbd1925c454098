"""docs/privacy.md as tests read it: the fields it says may leave, and what it says is collected and never collected."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "docs" / "privacy.md"

_ROW = re.compile(r"^\| `(?P<line>reading|job|health|enrolment)` \| (?P<fields>.+?) \|", re.MULTILINE)


def listed_fields(line: str = "reading") -> set[str]:
    """Return every JSON path the page lists for one type of line: `printer.id`, `supplies[].key`, and what these lie in."""
    rows = [match["fields"] for match in _ROW.finditer(PAGE.read_text()) if match["line"] == line]
    named = {name for fields in rows for name in re.findall(r"`([^`]+)`", fields)}
    assert named, f"docs/privacy.md lists no field of {line}"
    return named | {name[:at] for name in named for at, character in enumerate(name) if character in ".["}


def section(heading: str, *, page: Path = PAGE) -> str:
    """Return the text below a heading of the second level."""
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", page.read_text(), re.MULTILINE | re.DOTALL)
    assert found is not None, f"{page.name} has no heading {heading!r}"
    return found[1]
