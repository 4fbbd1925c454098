"""`--credential`: a name, or a file; never a secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from poller.cli.credentials import choose_credentials
from poller.config import versions_of
from poller.errors import ConfigError
from poller.model import Credential, Secret, SnmpVersion, User

CONFIGURED = (
    *versions_of("office", Secret("first")),
    *versions_of("branch", Secret("second"), "1"),
    *versions_of("lab", Secret("third"), "2c"),
    Credential(name="secure", version="3", user=User(name="monitor")),
)


def names(credentials: tuple[Credential, ...]) -> list[tuple[str, str]]:
    return [(credential.name, credential.version) for credential in credentials]


@pytest.mark.parametrize(
    "option,version,chosen",
    [
        (None, None, [("office", "2c"), ("office/v1", "1"), ("branch", "1")]),
        ("office", None, [("office", "2c"), ("office/v1", "1")]),
        ("office/v1", None, [("office/v1", "1")]),
        ("branch", None, [("branch", "1")]),
        ("office", "1", [("office/v1", "1")]),
        ("office", "2c", [("office", "2c")]),
        ("lab", "1", [("lab", "1")]),
        (None, "1", [("office/v1", "1"), ("branch", "1"), ("lab", "1")]),
        ("secure", None, [("secure", "3")]),
        ("secure", "3", [("secure", "3")]),
        (None, "3", [("secure", "3")]),
    ],
)
def test_an_option_names_credentials_in_order(option: str | None, version: SnmpVersion | None, chosen: list[tuple[str, str]]) -> None:
    assert names(choose_credentials(CONFIGURED, option, version=version)) == chosen


def test_a_file_holds_a_community(tmp_path: Path) -> None:
    (tmp_path / "community").write_text("geheim\n")
    chosen = choose_credentials(CONFIGURED, f"@{tmp_path}/community")
    assert names(chosen) == [("@community", "2c"), ("@community/v1", "1")]
    assert {credential.community.reveal() for credential in chosen} == {"geheim"}


def test_an_unknown_name_is_a_fault_that_does_not_repeat_it() -> None:
    with pytest.raises(ConfigError) as raised:
        choose_credentials(CONFIGURED, "invented-secret")
    assert raised.value.faults == (
        "--credential: no credential has this name; there are office, office/v1, branch, lab, secure; a community in a file is @FILE",
    )


@pytest.mark.parametrize("option,version", [("office", "3"), ("secure", "2c"), ("secure", "1")])
def test_a_version_no_credential_has_a_way_into_is_a_fault(option: str, version: SnmpVersion) -> None:
    with pytest.raises(ConfigError, match=f"--version: no credential for version {version}"):
        choose_credentials(CONFIGURED, option, version=version)


def test_a_file_that_cannot_be_used_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        choose_credentials((), f"@{tmp_path}/nowhere")
