"""The enrolment token: typed by hand, so every mistake is found; a secret, so it never shows itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poller.errors import SealError
from poller.sealing.keys import SealingKey, SigningKey
from poller.sealing.token import TOKEN_CHARACTERS_MAX, Token, hash_of, is_secret_of

SEALING, SIGNING = SealingKey.from_bytes(bytes(96)).public, SigningKey.from_bytes(bytes(32)).public
ADDRESS = "https://central.example:8443/poller"
EXPIRES = datetime(2026, 11, 27, 12, 30, tzinfo=UTC)
TOKEN = Token.make(ADDRESS, SEALING, SIGNING, expires_utc=EXPIRES)


def test_a_token_survives_its_text() -> None:
    found = Token.parse(TOKEN.reveal())
    assert found.reveal_secret() == TOKEN.reveal_secret()
    assert (found.address, found.expires_utc) == (ADDRESS, EXPIRES)
    assert (found.sealing_fingerprint, found.signing_fingerprint) == (SEALING.fingerprint, SIGNING.fingerprint)
    assert len(found.reveal_secret()) * 8 == 128


def test_every_token_has_its_own_secret() -> None:
    assert Token.make(ADDRESS, SEALING, SIGNING, expires_utc=EXPIRES).reveal_secret() != TOKEN.reveal_secret()


def test_it_may_be_typed_as_people_type() -> None:
    text = TOKEN.reveal()
    assert text.startswith("POLLER1-")
    for typed in (text.lower(), f"  {text}\n", text.replace("-", "- "), text[:8] + text[8:].replace("0", "o").replace("1", "l")):
        assert Token.parse(typed).reveal() == text
    assert Token.parse("POLLER1-" + text.removeprefix("POLLER1-").replace("-", "")).reveal() == text


def test_any_wrong_character_is_found() -> None:
    text = TOKEN.reveal()
    for at in range(8, len(text)):
        if text[at] != "-":
            with pytest.raises(SealError, match="typing error"):
                Token.parse(text[:at] + ("2" if text[at] != "2" else "3") + text[at + 1 :])


def test_any_missing_or_swapped_character_is_found() -> None:
    text = TOKEN.reveal()
    for at in range(8, len(text) - 1):
        if "-" not in text[at : at + 2]:
            with pytest.raises(SealError, match="typing error"):
                Token.parse(text[:at] + text[at + 1 :])
            if text[at] != text[at + 1]:
                with pytest.raises(SealError, match="typing error"):
                    Token.parse(text[:at] + text[at + 1] + text[at] + text[at + 2 :])


@pytest.mark.parametrize(
    "text, told",
    [
        ("", "begins with POLLER1-"),
        ("POLLER2-ABCD", "begins with POLLER1-"),
        ("POLLER1-", "typing error"),
        ("POLLER1-UUUU", "'U' is not a character"),
        (TOKEN.reveal()[:40], "typing error"),
        (TOKEN.reveal() + TOKEN.reveal(), "typing error"),
        ("POLLER1-" + "0" * TOKEN_CHARACTERS_MAX, "two of them"),
    ],
    ids=["empty", "another version", "nothing in it", "a letter of no alphabet", "cut", "twice", "too long"],
)
def test_what_is_wrong_is_said_and_nothing_of_the_token(text: str, told: str) -> None:
    with pytest.raises(SealError, match=told) as raised:
        Token.parse(text)
    assert TOKEN.reveal()[8:16] not in str(raised.value)


@given(st.text(max_size=100) | st.text(alphabet="0123456789ABCDEFGHJKMNPQRSTVWXYZ-", max_size=300).map(lambda text: "POLLER1-" + text))
def test_any_text_is_a_seal_error(text: str) -> None:
    with pytest.raises(SealError):
        Token.parse(text)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "central.example",
        "ftp://central.example",
        "https://",
        "https://user:secret@central.example",
        "https://central.example/?a=b",
        "https://central.example/#a",
        "https://[::1",
        "https://central.example:99999",
        "https://central.example:0",
        "https://cent ral.example",
        "https://cäntral.example",
        "https://central.example/\n",
        "https://" + "a" * 200,
    ],
)
def test_an_address_no_agent_could_use_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="an address is http:// or https://"):
        Token.make(address, SEALING, SIGNING, expires_utc=EXPIRES)


@pytest.mark.parametrize(
    "address", ["http://central.example", "https://192.0.2.1:8443", "https://[2001:db8::1]/poller", "https://" + "a" * 192]
)
def test_every_usable_address_travels(address: str) -> None:
    text = Token.make(address, SEALING, SIGNING, expires_utc=EXPIRES).reveal()
    assert Token.parse(text).address == address
    assert len(text) <= TOKEN_CHARACTERS_MAX


def test_it_expires_and_says_when() -> None:
    TOKEN.check_time(EXPIRES - timedelta(seconds=1))
    with pytest.raises(SealError, match="expired at 2026-11-27 12:30 UTC: ask the dealer"):
        TOKEN.check_time(EXPIRES)


def test_another_centrals_keys_are_refused() -> None:
    TOKEN.check_keys(SEALING, SIGNING)
    for sealing, signing in ((SealingKey.generate().public, SIGNING), (SEALING, SigningKey.generate().public)):
        with pytest.raises(SealError, match="shows other keys than the token names"):
            TOKEN.check_keys(sealing, signing)


def test_central_keeps_a_hash_that_knows_the_secret_and_does_not_tell_it() -> None:
    kept = hash_of(TOKEN.reveal_secret())
    assert len(kept) == 64
    assert is_secret_of(TOKEN.reveal_secret(), kept)
    assert not is_secret_of(bytes(16), kept)
    assert TOKEN.reveal_secret().hex() not in kept


def test_a_token_does_not_show_itself() -> None:
    assert not hasattr(TOKEN, "__dict__")
    assert repr(TOKEN) == str(TOKEN) == f"<token for {ADDRESS} until 2026-11-27 12:30 UTC>"
