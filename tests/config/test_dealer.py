"""`[central]`: a token that can be read, an address without secrets, authorities that are some, and what central may choose."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from poller.config import load
from poller.config.catalogue import SETTINGS
from poller.errors import ConfigError
from poller.sealing.keys import SealingKey, SigningKey
from poller.sealing.token import TOKEN_CHARACTERS_MAX, Token
from tests.certificates import authority


def token() -> str:
    keys = SealingKey.generate().public, SigningKey.generate().public
    return Token.make("https://central.example.com", *keys, expires_utc=datetime(2027, 1, 1, tzinfo=UTC)).reveal()


def faults(**environ: str) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        load(None, {f"POLLER_{name}": value for name, value in environ.items()})
    return list(raised.value.faults)


def test_nothing_configured_is_nothing_uploaded() -> None:
    central = load(None, {}).central
    assert (central.token, central.address, central.accept) == (None, None, frozenset({"intervals", "exclusions"}))
    assert (central.every_seconds, central.heartbeat_seconds) == (3600, 900)


def test_a_token_may_come_from_a_file_and_is_never_shown(tmp_path: Path) -> None:
    text = token()
    (tmp_path / "token").write_text(text + "\n")
    config = load(None, {"POLLER_CENTRAL_TOKEN_FILE": str(tmp_path / "token")})
    assert config.central.token is not None
    assert config.central.token.reveal() == text
    assert text not in str(config.redacted())
    assert text not in repr(config)


@pytest.mark.parametrize("change", [lambda text: text[:-1], lambda text: text.replace("POLLER1", "POLLER9"), lambda text: text[:40]])
def test_a_token_with_a_typing_error_is_a_fault_that_does_not_repeat_it(change: object) -> None:
    text = change(token())  # type: ignore[operator]
    (fault,) = faults(CENTRAL_TOKEN=text)
    assert fault.startswith("POLLER_CENTRAL_TOKEN: the token")
    assert text[20:60] not in fault


def test_a_token_whose_address_nobody_could_go_to_is_a_fault_and_not_a_surprise_later() -> None:
    keys = SealingKey.generate().public, SigningKey.generate().public
    for address in ("https://central..example.com", "https://central.example.com/a%20b", "https://central.example.com/1/2/3/4/5/6"):
        text = Token.make(address, *keys, expires_utc=datetime(2027, 1, 1, tzinfo=UTC)).reveal()
        (fault,) = faults(CENTRAL_TOKEN=text)
        assert fault.startswith("POLLER_CENTRAL_TOKEN: the token names an address nobody could go to")
        assert text[20:60] not in fault


def test_an_agent_that_uploads_has_a_folder_for_its_keys() -> None:
    (fault,) = faults(CENTRAL_TOKEN=token(), STATE_FOLDER="none")
    assert "name a folder in state.folder" in fault


def test_every_token_there_can_be_fits_the_setting() -> None:
    (setting,) = [one for one in SETTINGS if (one.section, one.key) == ("central", "token")]
    assert f"1 to {TOKEN_CHARACTERS_MAX} bytes" in setting.kind.wanted


@pytest.mark.parametrize(
    "text",
    [
        *("central.example.com", "https://user:invented@central", "ftp://central", "https://central/?a=invented", "https://"),
        *("https://invented..example.com", f"https://{'a' * 64}.invented", "https://invented:65536", "https://invented:0", "http://[::::]"),
    ],
)
def test_an_address_is_a_plain_one(text: str) -> None:
    (fault,) = faults(CENTRAL_ADDRESS=text)
    assert "want an address such as" in fault
    assert "invented" not in fault


def test_an_address_ends_without_a_slash() -> None:
    assert load(None, {"POLLER_CENTRAL_ADDRESS": "https://central.example.com:8443/printers/"}).central.address == (
        "https://central.example.com:8443/printers"
    )


def test_authorities_are_read_at_once(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.pem", tmp_path / "bad.pem"
    good.write_bytes(authority().pem)
    bad.write_text("-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n")
    assert load(None, {"POLLER_CENTRAL_CA_FILE": str(good)}).central.ca_file == good
    assert "no certificates in PEM" in faults(CENTRAL_CA_FILE=str(bad))[0]
    assert "no such file" in faults(CENTRAL_CA_FILE=str(tmp_path / "none"))[0]


def test_central_may_choose_networks_only_where_it_is_said_among_which() -> None:
    (fault,) = faults(CENTRAL_ACCEPT="intervals,ranges")
    assert fault.startswith("POLLER_CENTRAL_ACCEPT: ")
    assert "sweep.allowed" in fault
    load(None, {"POLLER_CENTRAL_ACCEPT": "intervals,ranges", "POLLER_SWEEP_ALLOWED": "10.0.0.0/8"})
    assert load(None, {"POLLER_CENTRAL_ACCEPT": "none"}).central.accept == frozenset()
    assert "did you mean 'ranges'?" in faults(CENTRAL_ACCEPT="range")[0]


@pytest.mark.parametrize(
    "targets, allowed, fault",
    [
        ("10.1.0.0/24", "10.0.0.0/8", None),
        ("10.1.0.0/24,10.1.1.0/24", "10.1.0.0/24,10.1.1.0/24", None),
        ("printer.example.com", "10.0.0.0/8", None),
        ("10.1.0.0/24", "10.1.0.0/25", "10.1.0.128/25 is not in sweep.allowed"),
        ("10.1.0.0/30,11.0.0.1", "10.0.0.0/8", "11.0.0.1 is not in sweep.allowed"),
        ("10.1.0.1,11.0.0.1,12.0.0.1", "10.0.0.0/8", "11.0.0.1 and 1 more is not in sweep.allowed"),
        ("10.1.0.1", "printer.example.com", "is a name; want networks and addresses"),
    ],
)
def test_no_range_goes_beyond_what_is_allowed(targets: str, allowed: str, fault: str | None) -> None:
    if fault is None:
        load(None, {"POLLER_SWEEP_TARGETS": targets, "POLLER_SWEEP_ALLOWED": allowed})
    else:
        assert fault in "\n".join(faults(SWEEP_TARGETS=targets, SWEEP_ALLOWED=allowed))
