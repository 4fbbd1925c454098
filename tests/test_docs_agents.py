"""docs/agents.md tells what poller does about every misbehaviour the simulator knows, and where that is tested."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from poller.simulator import misbehaviour

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "agents.md").read_text()
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| such an agent")]
MISBEHAVIOURS = [
    name
    for name, one in vars(misbehaviour).items()
    if inspect.isfunction(one) and one.__module__ == misbehaviour.__name__ and not name.startswith("_")
]


@pytest.mark.parametrize("name", MISBEHAVIOURS)
def test_every_misbehaviour_has_a_row_that_names_a_test_which_uses_it(name: str) -> None:
    rows = [row for row in ROWS if re.search(rf"`{name}`", row)]
    assert rows
    files = {file for row in rows for file in re.findall(r"`(tests/[\w/.]+)`", row)}
    assert any(f"misbehaviour.{name}" in (ROOT / file).read_text() for file in files)


def test_every_row_names_tests_that_exist() -> None:
    for row in ROWS:
        files = re.findall(r"`(tests/[\w/.]+)`", row.rsplit("|", 2)[1])
        assert files, row
        assert [file for file in files if not (ROOT / file).is_file()] == []


def test_the_list_of_documentation_leads_to_it() -> None:
    assert "(agents.md)" in (ROOT / "docs" / "README.md").read_text()
