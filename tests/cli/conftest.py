"""`folder` and `shell`: for the tests of `poller central …`. A module that needs a filled database fills it in a fixture `run`.

They run on the SQLite file that is made in the folder. A test whose verbs ask the database in ways of their own runs on PostgreSQL, too:
`@pytest.mark.usefixtures("on_both")`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.central.conftest import database_url, postgres_databases, postgres_url, sqlite_template  # noqa: F401  fixtures
from tests.cli.central_shell import Shell


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty working folder, and no variables of central's."""
    monkeypatch.chdir(tmp_path)
    for name in ("POLLERCENTRAL_CONFIG", "POLLERCENTRAL_WHO"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def shell(folder: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


@pytest.fixture
def on_both(monkeypatch: pytest.MonkeyPatch, database_url: str) -> None:  # noqa: F811  the fixture itself
    """Let the verbs work on the database of this test: once SQLite, once PostgreSQL."""
    monkeypatch.setenv("POLLERCENTRAL_DATABASE_URL", database_url)
