"""Dialects: those that come along are sound, and every fault of another is named."""

from __future__ import annotations

import pytest

from poller.accounting import dialect
from poller.errors import ConfigError


@pytest.mark.parametrize("name", dialect.names())
def test_a_dialect_that_comes_along_has_its_own_name_and_a_source(name: str) -> None:
    found = dialect.load(name)
    assert (found.name, bool(found.source), list(found.check())) == (name, True, [])


def test_the_canonical_one_is_the_default_of_every_setting() -> None:
    canonical = dialect.load(dialect.CANONICAL)
    assert canonical == dialect.Dialect(name=dialect.CANONICAL, source=canonical.source)


def test_every_fault_is_named_at_once() -> None:
    text = """
    encoding = "utf-16"
    legacy = "klingon"
    zone = "Mars/Olympus"
    media = 11
    columns = ["Job ID"]
    v2_excludes = ["colour"]
    [names]
    Dept = "department"
    [words.account]
    a = "b"
    [words.job_status]
    OK = "Fine"
    """
    with pytest.raises(ConfigError) as error:
        dialect.parse(text, "press")
    wanted = ["encoding", "legacy", "zone", "media", "columns", "v2_excludes", "names.Dept", "words.account", "words.job_status.OK"]
    assert [fault.removeprefix("press: ").partition(":")[0] for fault in error.value.faults] == wanted


@pytest.mark.parametrize("text", ["delimiter = 'space'", "wrong = 1", "= 1", "version = '5'", "layout = 'condensed'\nversion = '3'"])
def test_a_wrong_setting_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="press: "):
        dialect.parse(text, "press")


def test_a_name_nobody_knows_is_refused_with_those_there_are() -> None:
    with pytest.raises(ConfigError, match="docusp-canonical"):
        dialect.load("../secret")
