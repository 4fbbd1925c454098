"""Which credentials an operator's words stand for."""

from __future__ import annotations

from poller.config import load, versions_of
from poller.model import Secret


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
