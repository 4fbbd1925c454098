"""The User-based Security Model of SNMPv3: keys, digests, ciphers and the clocks of engines (RFC 3414, 3826, 7860).

A passphrase is stretched over a megabyte to a key, and the key is localised: hashed with the engine id of one device, so that who takes
one device apart knows the key of that one only. Where a cipher needs a longer key than the digest gives, two drafts say how to go on, and
devices differ: draft-blumenthal-aes-usm-04 hashes on (`aes192`, `aes256`; net-snmp and most printers), draft-reeder-snmpv3-usm-3desede-00
stretches the key once more as if it were a passphrase (`aes192c`, `aes256c`; Cisco, hence the c).

Sans-io. Nothing here reads a clock or makes a random number: both are handed in.
"""

from __future__ import annotations

import hashlib
import hmac
from functools import lru_cache
from typing import NamedTuple

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from poller.errors import DecodeError

TIME_WINDOW_SECONDS = 150  # RFC 3414 section 2.2.3
ENGINE_ID_OCTETS_MAX = 32  # RFC 3411 section 5, SnmpEngineID
BOOTS_MAX = 2**31 - 1  # an engine that counted so far is never in time again, RFC 3414 section 2.2.2

_STRETCHED_OCTETS = 1 << 20  # RFC 3414 appendix A.2
_SALT_OCTETS = 8
_DES_OCTETS = 8


class Digest(NamedTuple):
    """How messages are signed: a hash function by hashlib's name, and how much of its HMAC is sent."""

    name: str
    octets: int


DIGESTS: dict[str, Digest] = {
    "md5": Digest("md5", 12),  # RFC 3414 section 6
    "sha1": Digest("sha1", 12),  # RFC 3414 section 7
    "sha224": Digest("sha224", 16),  # this and the rest: RFC 7860 section 4.2
    "sha256": Digest("sha256", 24),
    "sha384": Digest("sha384", 32),
    "sha512": Digest("sha512", 48),
}

KEY_OCTETS: dict[str, int] = {"des": 16, "aes128": 16, "aes192": 24, "aes256": 32, "aes192c": 24, "aes256c": 32}
_REEDER = ("aes192c", "aes256c")


class Keys(NamedTuple):
    """A user's keys at one engine; empty where the user has none."""

    auth: bytes
    priv: bytes

    def __repr__(self) -> str:
        return "<keys>"


# --- keys --------------------------------------------------------------------------------------------------------------


def stretch(auth: str, passphrase: bytes) -> bytes:
    """Return the key of a passphrase, by hashing a megabyte of its repetitions: milliseconds. RFC 3414 appendix A.2."""
    repeated = passphrase * (_STRETCHED_OCTETS // len(passphrase) + 1)
    return hashlib.new(DIGESTS[auth].name, repeated[:_STRETCHED_OCTETS]).digest()


def localise(auth: str, key: bytes, engine_id: bytes) -> bytes:
    """Return what *key* is at one engine. RFC 3414 section 2.6."""
    return hashlib.new(DIGESTS[auth].name, key + engine_id + key).digest()


def keys_of(auth: str | None, auth_password: str, priv: str | None, priv_password: str, engine_id: bytes) -> Keys:
    """Return the keys of a user with these protocols and passphrases at one engine.

    Takes milliseconds the first time a passphrase is seen (and always for the `c` ciphers): call it outside an event loop.
    """
    if auth is None:
        return Keys(b"", b"")
    auth_key = localise(auth, _stretched(auth, auth_password), engine_id)
    if priv is None:
        return Keys(auth_key, b"")
    return Keys(auth_key, extend(auth, priv, localise(auth, _stretched(auth, priv_password), engine_id), engine_id))


def extend(auth: str, priv: str, key: bytes, engine_id: bytes) -> bytes:
    """Return as many octets of the localised *key* as the cipher needs; where it is too short, lengthened as its draft says."""
    last = key
    while len(key) < KEY_OCTETS[priv]:
        if priv in _REEDER:
            last = localise(auth, stretch(auth, last), engine_id)
            key += last
        else:
            key += hashlib.new(DIGESTS[auth].name, key).digest()
    return key[: KEY_OCTETS[priv]]


@lru_cache(maxsize=64)
def _stretched(auth: str, passphrase: str) -> bytes:
    return stretch(auth, passphrase.encode())


# --- messages ----------------------------------------------------------------------------------------------------------


def sign(auth: str, key: bytes, message: bytes) -> bytes:
    """Return the digest of *message*, in which its own place holds zeros. RFC 3414 section 6.3.1, RFC 7860 section 4.2.1."""
    digest = DIGESTS[auth]
    return hmac.digest(key, message, digest.name)[: digest.octets]


def is_signed(auth: str, key: bytes, message: bytes, at: int, end: int) -> bool:
    """Say whether the octets of *message* from *at* to before *end* are its digest. Takes the same time wherever they differ."""
    octets = DIGESTS[auth].octets
    if end - at != octets:
        return False
    return hmac.compare_digest(sign(auth, key, message[:at] + bytes(octets) + message[end:]), message[at:end])


def encrypt(priv: str, key: bytes, boots: int, seconds: int, salt: int, plain: bytes) -> tuple[bytes, bytes]:
    """Return (the encrypted octets, msgPrivacyParameters). No two calls with one key may share their *salt*, of 64 bits.

    RFC 3414 section 8.1.1.1 (DES: the engine's boots and 32 bits of salt), RFC 3826 section 3.1.2 (AES: 64 bits of salt).
    """
    if priv == "des":
        parameters = boots.to_bytes(4, "big") + (salt & 0xFFFF_FFFF).to_bytes(4, "big")
        plain += bytes(-len(plain) % _DES_OCTETS)
    else:
        parameters = salt.to_bytes(_SALT_OCTETS, "big")
    cipher = _cipher(priv, key, boots, seconds, parameters).encryptor()
    return cipher.update(plain) + cipher.finalize(), parameters


def decrypt(priv: str, key: bytes, boots: int, seconds: int, parameters: bytes, encrypted: bytes) -> bytes:
    """Return the octets that were encrypted, with DES some more behind them. Raises DecodeError for what no such cipher makes."""
    if len(parameters) != _SALT_OCTETS:
        raise DecodeError("privacy parameters of unusable size", 0)
    if priv == "des" and len(encrypted) % _DES_OCTETS:
        raise DecodeError("encrypted by DES, but not in whole blocks", 0)
    cipher = _cipher(priv, key, boots, seconds, parameters).decryptor()
    return cipher.update(encrypted) + cipher.finalize()


def _cipher(priv: str, key: bytes, boots: int, seconds: int, parameters: bytes) -> Cipher[CBC] | Cipher[CFB]:
    if priv == "des":
        vector = bytes(a ^ b for a, b in zip(key[_DES_OCTETS:], parameters, strict=True))
        return Cipher(TripleDES(key[:_DES_OCTETS] * 3), CBC(vector))  # three times the same key is plain DES
    return Cipher(AES(key), CFB(boots.to_bytes(4, "big") + seconds.to_bytes(4, "big") + parameters))


# --- engines -----------------------------------------------------------------------------------------------------------


class Engine:
    """What is known of one device's engine: its id, how often it booted, and its clock. RFC 3414 section 2.3.

    What discovery says of boots and time is a hint anybody could have sent: the first message that proves its sender sets both, later ones
    only move them forward.
    """

    __slots__ = ("boots", "engine_id", "heard_at", "is_authentic", "seconds")

    def __init__(self, engine_id: bytes, boots: int, seconds: int, now_at: float) -> None:
        self.engine_id, self.boots, self.seconds, self.heard_at = engine_id, boots, seconds, now_at
        self.is_authentic = False

    def clock(self, now_at: float) -> tuple[int, int]:
        """Return its boots and the seconds since the last one, as of now."""
        return self.boots, min(self.seconds + max(0, int(now_at - self.heard_at)), BOOTS_MAX)

    def hint(self, boots: int, seconds: int, now_at: float) -> None:
        """Take what a message says that proves nothing; it counts as long as nothing better is known."""
        if not self.is_authentic:
            self.boots, self.seconds, self.heard_at = boots, seconds, now_at

    def hear(self, boots: int, seconds: int, now_at: float) -> bool:
        """Take the boots and time of an authentic message, and say whether it is in time. RFC 3414 section 3.2, step 7b."""
        if not self.is_authentic or boots > self.boots or (boots == self.boots and seconds > self.seconds):
            self.boots, self.seconds, self.heard_at, self.is_authentic = boots, seconds, now_at, True
        own_boots, own_seconds = self.clock(now_at)
        return own_boots != BOOTS_MAX and boots == own_boots and seconds >= own_seconds - TIME_WINDOW_SECONDS
