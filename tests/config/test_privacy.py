"""`[privacy]` and `[update]`: what is taken, and what is said of what cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from poller.config import load
from poller.errors import ConfigError
from poller.sealing.keys import SigningKey

KEY = SigningKey(bytes(range(32))).public.text()


def test_nothing_is_masked_unless_told() -> None:
    config = load(None, {})
    assert (config.privacy.mask, config.privacy.resolution) == ((), "full")
    assert (config.update.enabled, config.update.url, config.update.key) == (True, None, None)


def test_masks_come_from_a_list_or_by_commas(tmp_path: Path) -> None:
    file = tmp_path / "poller.toml"
    file.write_text('[privacy]\nmask = ["mac", "hostname"]\nresolution = "day"\n')
    assert load(file, {}).privacy.mask == load(None, {"POLLER_PRIVACY_MASK": "mac, hostname"}).privacy.mask == ("mac", "hostname")
    assert load(file, {}).privacy.resolution == "day"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("PRIVACY_MASK", "mac,adress", "did you mean 'address'?"),
        ("PRIVACY_RESOLUTION", "hour", '"full" or "day"'),
        ("UPDATE_KEY", "AAAA", "not a signing-public key"),
        ("UPDATE_KEY", KEY.replace("A", "B", 1), "a character was lost or changed"),
        ("UPDATE_URL", "updates.example.com", "https://"),
    ],
)
def test_a_slip_is_named(name: str, value: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(None, {f"POLLER_{name}": value})
    assert said in str(caught.value)


@pytest.mark.parametrize(("mask", "is_warned"), [("mac", True), ("hostname,address", True), ("hostname,location", False)])
def test_without_a_key_that_lasts_names_made_of_masked_facts_are_warned_of(mask: str, is_warned: bool) -> None:
    kept = load(None, {"POLLER_PRIVACY_MASK": mask})
    lost = load(None, {"POLLER_PRIVACY_MASK": mask, "POLLER_STATE_FOLDER": "none"})
    assert not [warning for warning in kept.warnings if warning.startswith("privacy.mask")]
    assert bool([warning for warning in lost.warnings if warning.startswith("privacy.mask")]) is is_warned


def test_a_release_key_is_taken() -> None:
    assert load(None, {"POLLER_UPDATE_KEY": KEY}).update.key == KEY
