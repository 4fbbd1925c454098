"""docs/accounting.md says what the tables of fields and words say, and names every rule, dialect and setting."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from poller.accounting import dialect
from poller.accounting.document import fields_table, words_table
from poller.accounting.faults import Rule

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "accounting.md"
TABLES = {"fields": fields_table, "words": words_table}


def marked(name: str) -> re.Pattern[str]:
    return re.compile(rf"(<!-- {name} -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def write() -> None:
    """Put the tables into the page anew: `python -m tests.accounting.test_document`."""
    text = PAGE.read_text("utf-8")
    for name, table in TABLES.items():
        text = marked(name).sub(lambda found, table=table: found[1] + table() + found[3], text)  # type: ignore[misc]
    PAGE.write_text(text, "utf-8")


@pytest.mark.parametrize("name", TABLES)
def test_the_tables_are_fresh(name: str) -> None:
    found = marked(name).search(PAGE.read_text("utf-8"))
    assert found is not None
    assert found[2] == TABLES[name](), "python -m tests.accounting.test_document writes it anew"


def test_every_rule_has_its_row() -> None:
    table = PAGE.read_text("utf-8").partition("## What is checked")[2].partition("\n\nErrors end")[0]
    named = {rule for row in re.findall(r"^\| (`[^|]+) \|", table, re.MULTILINE) for rule in re.findall(r"`([a-z-]+)`", row)}
    assert named == set(get_args(Rule))


def test_every_setting_of_a_dialect_is_shown_with_its_default() -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    shown = dialect.parse(example, "example")
    assert msgspec.structs.replace(shown, name="", source="") == dialect.Dialect(name="")
    assert {*tomllib.loads(example), "version"} == {field.name for field in msgspec.structs.fields(dialect.Dialect)}


def test_every_dialect_is_named() -> None:
    text = PAGE.read_text("utf-8")
    assert [name for name in dialect.names() if f"`{name}`" not in text] == []


if __name__ == "__main__":
    write()
