"""Keys: their bytes, their line, their name; and that no private one shows itself."""

from __future__ import annotations

import base64
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poller.errors import SealError
from poller.sealing import keys
from poller.sealing.keys import HPKE_BYTES, PrivateKey, SealingKey, SealingPublicKey, SigningKey, VerifyKey
from tests.sealing.rfc9180 import open_base

SEALING = SealingKey.from_bytes(bytes(range(96)))
SIGNING = SigningKey.from_bytes(bytes(range(32)))
ALL = [SEALING, SEALING.public, SIGNING, SIGNING.public]


def test_a_private_key_and_its_public_one_share_a_name_that_is_the_hash_of_the_public_bytes() -> None:
    assert SEALING.id == SEALING.public.id == sha256(SEALING.public.raw).hexdigest()
    assert SIGNING.id == SIGNING.public.id == sha256(SIGNING.public.raw).hexdigest()
    assert (len(SEALING.public.raw), len(SIGNING.public.raw)) == (1184 + 32, 32)


def test_a_fingerprint_is_eight_groups_a_person_can_read() -> None:
    assert SIGNING.fingerprint == SIGNING.public.fingerprint == keys.fingerprint_of(SIGNING.id)
    groups = SIGNING.fingerprint.split("-")
    assert [len(group) for group in groups] == [4] * 8
    assert not set("".join(groups)) & set("ILOU")


def test_every_new_key_is_another() -> None:
    assert SealingKey.generate().id != SealingKey.generate().id
    assert SigningKey.generate().id != SigningKey.generate().id


@pytest.mark.parametrize("key", ALL, ids=lambda key: key.KIND)
def test_a_key_survives_its_line(key: SealingKey | SealingPublicKey | SigningKey | VerifyKey) -> None:
    line = key.reveal() if isinstance(key, PrivateKey) else key.text()
    assert line.startswith(f"poller-{key.KIND}-1:{key.id}:")
    assert len(line) < keys.TEXT_CHARACTERS_MAX
    assert type(key).from_text(f" {line}\r\n").id == key.id


@pytest.mark.parametrize("key", ALL, ids=lambda key: key.KIND)
def test_a_line_with_a_character_changed_is_refused_or_the_same_key(key: SealingKey | SealingPublicKey | SigningKey | VerifyKey) -> None:
    """Same: X25519 ignores five bits (RFC 7748 section 5), and ML-KEM's z, bytes 32 to 63, serves only to hide what does not open."""
    line = key.reveal() if isinstance(key, PrivateKey) else key.text()
    same = 0
    for at in range(0, len(line) - 4, 7):  # the last characters may have unused bits
        changed = line[:at] + ("A" if line[at] != "A" else "B") + line[at + 1 :]
        try:
            found = type(key).from_text(changed)
        except SealError:
            continue
        same += 1
        assert isinstance(found, SealingKey)
        assert found.open(SEALING.public.seal(b"plain", b""), b"") == b"plain"
    assert same <= (8 if key is SEALING else 0)


def test_a_line_of_another_kind_is_named() -> None:
    with pytest.raises(SealError, match="begins with poller-sealing-public-1:"):
        SealingPublicKey.from_text(SIGNING.public.text())


@given(st.text(max_size=200) | st.text(max_size=100).map(lambda text: f"poller-signing-public-1:{text}"))
def test_any_text_is_a_key_or_a_seal_error(text: str) -> None:
    for kind in (SealingKey, SealingPublicKey, SigningKey, VerifyKey):
        with pytest.raises(SealError):
            kind.from_text(text)


@given(st.binary(max_size=100) | st.binary(min_size=1216, max_size=1216))
def test_any_bytes_are_a_key_or_a_seal_error(raw: bytes) -> None:
    for kind in (SealingKey, SealingPublicKey, SigningKey, VerifyKey):
        try:
            assert len(kind.from_bytes(raw).id) == 64
        except SealError as error:
            assert "key" in str(error)


@pytest.mark.parametrize("x25519", [bytes(32), b"\x01" + bytes(31)])
def test_a_public_key_that_hides_nothing_is_refused(x25519: bytes) -> None:
    """RFC 7748 section 6.1: with a point of small order everyone computes the same shared secret."""
    with pytest.raises(SealError, match="no sealing-public key"):
        SealingPublicKey.from_bytes(SEALING.public.raw[:1184] + x25519)


def test_a_public_key_outside_the_modulus_is_refused() -> None:
    """FIPS 203 section 7.2, the modulus check of an encapsulation key."""
    with pytest.raises(SealError, match="no sealing-public key"):
        SealingPublicKey.from_bytes(b"\xff" * 1184 + SEALING.public.raw[1184:])


def test_nothing_private_shows_itself() -> None:
    for key in (SEALING, SIGNING):
        secret = key.reveal().rpartition(":")[2]
        for shown in (repr(key), str(key), f"{key}", repr([key])):
            assert shown.strip("[]") == f"<{key.KIND} key {key.id[:16]}…>"
            assert secret[:8] not in shown
            assert base64.b64decode(secret).hex()[:16] not in shown
        assert not hasattr(key, "__dict__")


@given(st.binary(max_size=100), st.binary(max_size=100))
def test_what_is_sealed_opens_here_and_by_the_standards_alone(plain: bytes, info: bytes) -> None:
    sealed = SEALING.public.seal(plain, info)
    assert len(sealed) == len(plain) + HPKE_BYTES
    assert SEALING.open(sealed, info) == plain == open_base(bytes(range(96)), sealed, info)


def test_another_key_or_other_words_about_it_do_not_open_it_and_say_the_same() -> None:
    sealed = SEALING.public.seal(b"plain", b"info")
    told = set()
    for key, words in ((SealingKey.generate(), b"info"), (SEALING, b"other")):
        with pytest.raises(SealError) as raised:
            key.open(sealed, words)
        told.add(str(raised.value))
    assert len(told) == 1


def test_rfc_8032_signs_as_it_says() -> None:
    """RFC 8032 section 7.1, TEST 2."""
    key = SigningKey.from_bytes(bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"))
    assert key.public.raw.hex() == "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
    assert key.sign(b"\x72").hex() == (
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )
    key.public.verify(key.sign(b"\x72"), b"\x72")


@given(st.binary(max_size=80))
def test_any_other_signature_is_a_seal_error(signature: bytes) -> None:
    with pytest.raises(SealError, match="does not hold"):
        SIGNING.public.verify(signature, b"message")
