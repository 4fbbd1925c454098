"""Which credentials an operator's words stand for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from poller.config import load, versions_of
from poller.errors import ConfigError
from poller.model import Credential, Secret, User


def test_a_credential_without_a_version_is_tried_as_v2c_then_as_v1() -> None:
    assert [(one.name, one.version) for one in versions_of("office", Secret("x"))] == [("office", "2c"), ("office/v1", "1")]


def test_a_credential_with_a_version_is_one() -> None:
    assert [(one.name, one.version) for one in versions_of("office", Secret("x"), "1")] == [("office", "1")]


def test_a_credential_without_a_name_is_numbered() -> None:
    config = load(None, {"POLLER_CREDENTIAL_0_COMMUNITY": "x", "POLLER_CREDENTIAL_1_COMMUNITY": "y", "POLLER_CREDENTIAL_1_VERSION": "2c"})
    assert [one.name for one in config.credentials] == ["credential-0", "credential-0/v1", "credential-1"]


def test_configured_credentials_replace_public() -> None:
    config = load(None, {"POLLER_CREDENTIAL_0_COMMUNITY": "x"})
    assert "public" not in [one.community.reveal() for one in config.credentials]


def test_a_range_may_name_one_version_of_a_pair_and_the_same_twice() -> None:
    config = load(
        None,
        {
            "POLLER_CREDENTIAL_0_NAME": "office",
            "POLLER_CREDENTIAL_0_COMMUNITY": "x",
            "POLLER_RANGE_0_NETWORKS": "10.1.0.0/24",
            "POLLER_RANGE_0_CREDENTIALS": "office/v1,office,office",
        },
    )
    assert [one.name for one in config.ranges[0].credentials] == ["office/v1", "office"]


# --- version 3 ---

USER = {"POLLER_CREDENTIAL_0_VERSION": "3", "POLLER_CREDENTIAL_0_USER": "monitor"}
SIGNED = USER | {"POLLER_CREDENTIAL_0_AUTH": "sha256", "POLLER_CREDENTIAL_0_AUTH_PASSWORD": "auth-invented"}
SEALED = SIGNED | {"POLLER_CREDENTIAL_0_PRIV": "aes128", "POLLER_CREDENTIAL_0_PRIV_PASSWORD": "priv-invented"}


def test_the_level_of_a_user_follows_from_what_is_set() -> None:
    sealed = User(
        name="monitor", auth="sha256", auth_password=Secret("auth-invented"), priv="aes128", priv_password=Secret("priv-invented")
    )
    signed = User(name="monitor", auth="sha256", auth_password=Secret("auth-invented"))
    for environ, user in ((USER, User(name="monitor")), (SIGNED, signed), (SEALED, sealed)):
        (only,) = load(None, environ).credentials
        assert (only.version, only.user, only.context) == ("3", user, "")


def test_passphrases_can_come_from_files(tmp_path: Path) -> None:
    for name in ("auth", "priv"):
        (tmp_path / name).write_text(f"{name}-invented\n")
        (tmp_path / name).chmod(0o600)
    environ = {name: value for name, value in SEALED.items() if "PASSWORD" not in name}
    files = {f"POLLER_CREDENTIAL_0_{name.upper()}_PASSWORD_FILE": str(tmp_path / name) for name in ("auth", "priv")}
    config = load(None, environ | files)
    assert config.credentials == load(None, SEALED).credentials
    assert all("readable" not in warning and "chmod" not in warning for warning in config.warnings)


def test_a_passphrase_is_shown_nowhere() -> None:
    config = load(None, SEALED | {"POLLER_SWEEP_TARGETS": "10.1.0.0/24"})
    assert "invented" not in repr(config)
    assert "invented" not in str(config.redacted())


def test_a_context_is_the_contextname_of_version_3_and_part_of_the_community_of_the_others() -> None:
    (three,) = load(None, USER | {"POLLER_CREDENTIAL_0_CONTEXT": "Jetdirect"}).credentials
    assert three.context == "Jetdirect"
    both = load(None, {"POLLER_CREDENTIAL_0_COMMUNITY": "public", "POLLER_CREDENTIAL_0_CONTEXT": "Jetdirect"}).credentials
    assert [(one.version, one.community.reveal()) for one in both] == [("2c", "public@Jetdirect"), ("1", "public@Jetdirect")]


def test_every_fault_of_a_version_3_credential_comes_at_once() -> None:
    with pytest.raises(ConfigError) as raised:
        load(
            None,
            {
                "POLLER_CREDENTIAL_0_VERSION": "3",
                "POLLER_CREDENTIAL_0_COMMUNITY": "invented",
                "POLLER_CREDENTIAL_0_AUTH_PASSWORD": "4711",
                "POLLER_CREDENTIAL_0_PRIV": "aes",
            },
        )
    assert raised.value.faults == (
        "POLLER_CREDENTIAL_0_AUTH_PASSWORD: want a text of 8 to 255 bytes on one line, without control characters",
        'POLLER_CREDENTIAL_0_PRIV: want "des" or "aes128" or "aes192" or "aes256" or "aes192c" or "aes256c", got \'aes\'; '
        "did you mean 'aes128'?",
        "POLLER_CREDENTIAL_0_COMMUNITY: version 3 has a user in its place; remove community",
        "POLLER_CREDENTIAL_0_USER: missing; version 3 needs it",
        "POLLER_CREDENTIAL_0_AUTH: missing; a passphrase is set, but not what it is for",
        "POLLER_CREDENTIAL_0_PRIV_PASSWORD_FILE: missing; want priv_password_file, or priv_password",
        "POLLER_CREDENTIAL_0_AUTH: missing; SNMPv3 encrypts only what it also signs",
    )


@pytest.mark.parametrize(
    "parts",
    [
        {"version": "3"},
        {"version": "2c", "user": User(name="monitor")},
    ],
)
def test_a_version_and_its_way_in_belong_together(parts: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="has a user"):
        Credential(name="x", **parts)


@pytest.mark.parametrize(
    "parts",
    [
        {"auth": "sha256"},
        {"auth_password": Secret("auth-invented")},
        {"priv": "aes128", "priv_password": Secret("priv-invented")},
        {"auth": "sha256", "auth_password": Secret("auth-invented"), "priv": "aes128"},
    ],
)
def test_a_user_without_what_its_level_needs_does_not_exist(parts: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"passphrase|authentication"):
        User(name="x", **parts)
