"""Keys by the published vectors, ciphers there and back, and an engine's clock moved by hand."""

from __future__ import annotations

from typing import get_args

import pytest

from poller.errors import DecodeError
from poller.model import AuthProtocol, PrivProtocol
from poller.snmp import usm
from poller.snmp.usm import Engine

ENGINE_ID = bytes.fromhex("000000000000000000000002")

# Password "maplesyrup" at the engine above: the stretched key, and the localised one.
KEYS: dict[AuthProtocol, tuple[str, str]] = {
    # RFC 3414 appendix A.3.1 and A.3.2
    "md5": ("9faf3283884e92834ebc9847d8edd963", "526f5eed9fcce26f8964c2930787d82b"),
    "sha1": ("9fb5cc0381497b3793528939ff788d5d79145211", "6695febc9288e36282235fc7151f128497b38f3f"),
    # RFC 7860 has none of its own; these are the same algorithm, as other implementations have them in their tests.
    "sha224": ("282a5867ee9aac639ad59df9572c7d3ac0fbc13a905b6df07dbbf00b", "0bd8827c6e29f8065e08e09237f177e410f69b90e1782be682075674"),
    "sha256": (
        "ab51014d1e077f6017df2b12bee5f5aa72993177e9bb569c4dff5a4ca0b4afac",
        "8982e0e549e866db361a6b625d84cccc11162d453ee8ce3a6445c2d6776f0f8b",
    ),
    "sha384": (
        "e06eccdf2c68a06ed034723c9c26e0db3b669e1e2efed49150b55377a2e98f383c86fb836857444654b287c93f51ff64",
        "3b298f16164a11184279d5432bf169e2d2a48307de02b3d3f7e2b4f36eb6f0455a53689a3937eea07319a633d2ccba78",
    ),
    "sha512": (
        "7e4396de5aadc77be853819b98c9406265b3a9c37cc3176569847a4e4f6fba63dd3a73d04924d31a63f95a601f9385af6be4ed1b37f87d040f7c6ed6f8d38a91",
        "22a5a36cedfcc085807a128d7bc6c2382167ad6c0dbc5fdff856740f3d84c099ad1ea87a8db096714d9788bd544047c9021e4229ce27e4c0a69250adfcffbb0b",
    ),
}


@pytest.mark.parametrize("auth", KEYS)
def test_a_passphrase_becomes_the_published_keys(auth: AuthProtocol) -> None:
    stretched, localised = KEYS[auth]
    assert usm.stretch(auth, b"maplesyrup").hex() == stretched
    assert usm.localise(auth, bytes.fromhex(stretched), ENGINE_ID).hex() == localised


@pytest.mark.parametrize(
    "auth,priv,key",
    [
        # draft-reeder-snmpv3-usm-3desede-00 appendix B
        ("md5", "aes256c", "526f5eed9fcce26f8964c2930787d82b79eff44a90650ee0a3a40abfac5acc12"),
        ("sha1", "aes256c", "6695febc9288e36282235fc7151f128497b38f3f9b8b6d78936ba6e7d19dfd9c"),
        ("sha1", "aes192c", "6695febc9288e36282235fc7151f128497b38f3f9b8b6d78"),
        # draft-blumenthal-aes-usm-04 section 3.1.2.1, as other implementations have it
        ("md5", "aes256", "526f5eed9fcce26f8964c2930787d82bfa24a92467426c2f4b09192be10dfaec"),
        ("sha1", "aes256", "6695febc9288e36282235fc7151f128497b38f3f505e07eb9af25568fa1f5dbe"),
        # nothing to lengthen, so the drafts agree
        ("sha256", "aes256", "8982e0e549e866db361a6b625d84cccc11162d453ee8ce3a6445c2d6776f0f8b"),
        ("sha256", "aes256c", "8982e0e549e866db361a6b625d84cccc11162d453ee8ce3a6445c2d6776f0f8b"),
        ("sha512", "des", "22a5a36cedfcc085807a128d7bc6c238"),
    ],
)
def test_a_key_too_short_for_its_cipher_is_lengthened_as_its_draft_says(auth: AuthProtocol, priv: PrivProtocol, key: str) -> None:
    localised = bytes.fromhex(KEYS[auth][1])
    assert usm.extend(auth, priv, localised, ENGINE_ID).hex() == key
    assert usm.keys_of(auth, "maplesyrup", priv, "maplesyrup", ENGINE_ID) == (localised, bytes.fromhex(key))


def test_who_has_no_passphrase_has_no_keys() -> None:
    assert usm.keys_of(None, "", None, "", ENGINE_ID) == (b"", b"")


def test_what_a_credential_may_name_is_what_is_spoken_here() -> None:
    assert set(usm.DIGESTS) == set(get_args(AuthProtocol))
    assert set(usm.KEY_OCTETS) == set(get_args(PrivProtocol))


def test_keys_are_not_shown() -> None:
    assert "maple" not in repr(keys := usm.keys_of("md5", "maplesyrup", None, "", ENGINE_ID))
    assert repr(keys.auth) not in repr(keys)


@pytest.mark.parametrize("priv", ["des", "aes128", "aes192", "aes256", "aes192c", "aes256c"])
@pytest.mark.parametrize("length", [0, 1, 8, 15, 16, 17, 1400])
def test_what_is_encrypted_comes_back_whole(priv: PrivProtocol, length: int) -> None:
    key = bytes(range(usm.KEY_OCTETS[priv]))
    plain = bytes(n & 0xFF for n in range(length))
    encrypted, parameters = usm.encrypt(priv, key, 3, 1000, 2**63 + 5, plain)
    assert len(parameters) == 8
    assert not length or plain not in encrypted
    assert usm.decrypt(priv, key, 3, 1000, parameters, encrypted)[:length] == plain
    assert length < 8 or usm.decrypt(priv, bytes(len(key)), 3, 1000, parameters, encrypted)[:length] != plain


def test_des_is_des_by_a_published_answer() -> None:
    # FIPS 81 table C1, CBC: key 0123456789abcdef, IV 1234567890abcdef
    key = bytes.fromhex("0123456789abcdef")
    boots, salt = 3, 9
    parameters = boots.to_bytes(4, "big") + salt.to_bytes(4, "big")
    pre_vector = bytes(a ^ b for a, b in zip(bytes.fromhex("1234567890abcdef"), parameters, strict=True))
    encrypted, given = usm.encrypt("des", key + pre_vector, boots, 0, salt, b"Now is the time for all ")
    assert given == parameters
    assert encrypted.hex() == "e5c7cdde872bf27c43e934008c389c0f683788499a7c05f6"


def test_aes_is_aes_by_a_published_answer() -> None:
    # NIST SP 800-38A F.3.13, CFB128-AES128: IV 000102…0f
    key = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
    plain = bytes.fromhex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51")
    encrypted, parameters = usm.encrypt("aes128", key, 0x00010203, 0x04050607, 0x08090A0B0C0D0E0F, plain)
    assert parameters.hex() == "08090a0b0c0d0e0f"
    assert encrypted.hex() == "3b3fd92eb72dad20333449f8e83cfb4ac8a64537a0b3a93fcde3cdad9f1ce58b"


@pytest.mark.parametrize("priv,parameters,encrypted", [("des", b"1234567", b"12345678"), ("aes128", b"", b"x"), ("des", b"12345678", b"1")])
def test_what_no_cipher_makes_is_a_decode_error(priv: PrivProtocol, parameters: bytes, encrypted: bytes) -> None:
    with pytest.raises(DecodeError):
        usm.decrypt(priv, bytes(usm.KEY_OCTETS[priv]), 1, 1, parameters, encrypted)


@pytest.mark.parametrize("auth", KEYS)
def test_a_message_is_signed_only_by_its_own_digest(auth: AuthProtocol) -> None:
    octets = usm.DIGESTS[auth].octets
    key = bytes.fromhex(KEYS[auth][1])
    message = b"before" + bytes(octets) + b"behind"
    signed = b"before" + usm.sign(auth, key, message) + b"behind"
    assert usm.is_signed(auth, key, signed, 6, 6 + octets)
    assert not usm.is_signed(auth, key[::-1], signed, 6, 6 + octets)
    assert not usm.is_signed(auth, key, message, 6, 6 + octets)
    assert not usm.is_signed(auth, key, signed, 6, 6 + octets - 1)
    assert not usm.is_signed(auth, key, signed, 6, 6)
    for at in range(len(signed)):
        assert not usm.is_signed(auth, key, signed[:at] + bytes([signed[at] ^ 1]) + signed[at + 1 :], 6, 6 + octets)


# --- an engine's clock ---


def known(boots: int = 3, seconds: int = 1000, now_at: float = 50.0) -> Engine:
    engine = Engine(ENGINE_ID, 0, 0, now_at)
    assert engine.hear(boots, seconds, now_at)
    return engine


def test_an_engines_time_goes_on_by_our_clock() -> None:
    assert known().clock(50.0) == (3, 1000)
    assert known().clock(60.9) == (3, 1010)
    assert known().clock(10.0) == (3, 1000)  # a clock handed in that went back moves nothing


def test_what_proves_nothing_is_believed_only_until_something_better_comes() -> None:
    engine = Engine(ENGINE_ID, 0, 0, 0.0)
    engine.hint(9, 9, 1.0)
    assert engine.clock(1.0) == (9, 9)
    assert engine.hear(3, 1000, 2.0)
    engine.hint(9, 9, 3.0)
    assert engine.clock(3.0) == (3, 1001)


@pytest.mark.parametrize(
    "boots,seconds,after_seconds,is_timely,clock",
    [
        (3, 1001, 1, True, (3, 1001)),
        (3, 5000, 1, True, (3, 5000)),  # its clock is ahead: that is its clock
        (3, 1000, 150, True, (3, 1150)),
        (3, 1000, 151, False, (3, 1151)),
        (3, 849, 0, False, (3, 1000)),
        (3, 850, 0, True, (3, 1000)),
        (4, 0, 10_000, True, (4, 0)),  # it was switched off and on
        (2, 2_000_000, 1, False, (3, 1001)),  # from before: a replay
        (usm.BOOTS_MAX, 0, 1, False, (usm.BOOTS_MAX, 0)),  # worn out, RFC 3414 section 2.2.2
    ],
)
def test_an_authentic_message_moves_the_clock_forward_and_never_back(
    boots: int, seconds: int, after_seconds: int, is_timely: bool, clock: tuple[int, int]
) -> None:
    engine = known()
    assert engine.hear(boots, seconds, 50.0 + after_seconds) is is_timely
    assert engine.clock(50.0 + after_seconds) == clock


def test_a_clock_never_leaves_what_a_message_can_hold() -> None:
    assert known(3, usm.BOOTS_MAX - 1, 0.0).clock(1e9) == (3, usm.BOOTS_MAX)
