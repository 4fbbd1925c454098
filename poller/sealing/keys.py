"""The keys of agent and central: a pair to seal and open with, a pair to sign and verify with.

*Sealing* is HPKE (RFC 9180, base mode, single shot) with the hybrid KEM of ML-KEM-768 (FIPS 203) and X25519 (RFC 7748): who records today
must break both, now and with a quantum computer later. *Signing* is Ed25519 (RFC 8032). Every key has one form in bytes, one line of text

    poller-<kind>-1:<key id, 64 hex digits>:<base64 of the bytes>

and a key id, the SHA-256 of the public bytes; a private key has the id of its public one. The fingerprint is the first 160 bits of the id
in groups a person can read over the telephone. No private key shows itself but by `reveal()`.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from abc import ABC, abstractmethod
from hashlib import sha256
from typing import ClassVar, Self

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM768X25519PrivateKey, MLKEM768X25519PublicKey, Suite

from poller.errors import SealError
from poller.sealing import base32

SUITE_IDS = (0x647A, 0x0001, 0x0002)
"""KEM, KDF and AEAD in the numbers of IANA's HPKE registry: MLKEM768-X25519 (X-Wing), HKDF-SHA256, AES-256-GCM."""
HPKE_BYTES = 1088 + 32 + 16
"""What sealing adds: the ML-KEM ciphertext, the ephemeral X25519 key, the tag of AES-GCM."""
FINGERPRINT_BYTES = 20
TEXT_CHARACTERS_MAX = 2000
"""The longest line, a public sealing key's, has 1,710 characters."""

_SUITE = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_MLKEM_SEED_SIZE, _MLKEM_PUBLIC_SIZE, _X25519_SIZE = 64, 1184, 32


def fingerprint_of(key_id: str) -> str:
    """Return the first 160 bits of a key id for people: eight groups of four, `7Q3M-…`."""
    return base32.encode(bytes.fromhex(key_id)[:FINGERPRINT_BYTES], group=4)


class _Key(ABC):
    """What all four have in common. `id` is 64 hex digits."""

    __slots__ = ("id",)
    KIND: ClassVar[str]
    SIZE: ClassVar[int]
    id: str

    @abstractmethod
    def __init__(self, raw: bytes) -> None:
        """Take SIZE bytes; ValueError when they are no such key."""

    @property
    def fingerprint(self) -> str:
        return fingerprint_of(self.id)

    def __repr__(self) -> str:
        return f"<{self.KIND} key {self.id[:16]}…>"

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Return the key of these bytes. Raises SealError when they are none."""
        if len(raw) != cls.SIZE:
            raise SealError(f"a {cls.KIND} key has {cls.SIZE} bytes, these are {len(raw)}")
        try:
            return cls(raw)
        except ValueError as error:
            raise SealError(f"these bytes are no {cls.KIND} key") from error

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Return the key of this line. Raises SealError when it is of another kind, damaged, or has another key's id."""
        if len(text) > TEXT_CHARACTERS_MAX:
            raise SealError(f"not a {cls.KIND} key: too long")
        kind, _, rest = text.strip().partition(":")
        key_id, _, body = rest.partition(":")
        if kind != f"poller-{cls.KIND}-1":
            raise SealError(f"not a {cls.KIND} key: its line begins with poller-{cls.KIND}-1:")
        try:
            raw = base64.b64decode(body, validate=True)
        except (binascii.Error, ValueError) as error:
            raise SealError(f"not a {cls.KIND} key: its base64 is damaged") from error
        key = cls.from_bytes(raw)
        if key.id != key_id:
            raise SealError(f"not a {cls.KIND} key: its id does not belong to it, a character was lost or changed")
        return key

    def _text(self, raw: bytes) -> str:
        return f"poller-{self.KIND}-1:{self.id}:{base64.b64encode(raw).decode()}"


class PublicKey(_Key):
    """What anyone may have."""

    __slots__ = ("raw",)
    raw: bytes

    def text(self) -> str:
        """Return the line it is shown and sent as."""
        return self._text(self.raw)


class PrivateKey(_Key):
    """What only its owner may have."""

    __slots__ = ("_raw",)
    _raw: bytes

    @classmethod
    def generate(cls) -> Self:
        return cls(secrets.token_bytes(cls.SIZE))

    def reveal(self) -> str:
        """Return the line of a key file. It is the secret."""
        return self._text(self._raw)


class SealingPublicKey(PublicKey):
    """Seals to whoever has the private one. Bytes: ML-KEM-768 encapsulation key (1184), X25519 (32)."""

    __slots__ = ("_key",)
    KIND, SIZE = "sealing-public", _MLKEM_PUBLIC_SIZE + _X25519_SIZE

    def __init__(self, raw: bytes) -> None:
        x25519 = X25519PublicKey.from_public_bytes(raw[_MLKEM_PUBLIC_SIZE:])
        # A point of small order shares the same nothing with everyone, RFC 7748 section 6.1: this raises, so that sealing never does.
        X25519PrivateKey.generate().exchange(x25519)
        self._key = MLKEM768X25519PublicKey(MLKEM768PublicKey.from_public_bytes(raw[:_MLKEM_PUBLIC_SIZE]), x25519)
        self.raw = raw
        self.id = sha256(raw).hexdigest()

    def seal(self, plain: bytes, info: bytes) -> bytes:
        """Return *plain* encrypted and bound to *info*, HPKE_BYTES longer. Twice the same gives two different results."""
        return _SUITE.encrypt(plain, self._key, info=info)


class SealingKey(PrivateKey):
    """Opens what was sealed to its public one. Bytes: ML-KEM-768 seed d‖z (64), X25519 (32)."""

    __slots__ = ("_key", "public")
    KIND, SIZE = "sealing-private", _MLKEM_SEED_SIZE + _X25519_SIZE

    def __init__(self, raw: bytes) -> None:
        mlkem = MLKEM768PrivateKey.from_seed_bytes(raw[:_MLKEM_SEED_SIZE])
        x25519 = X25519PrivateKey.from_private_bytes(raw[_MLKEM_SEED_SIZE:])
        self._key = MLKEM768X25519PrivateKey(mlkem, x25519)
        self._raw = raw
        self.public = SealingPublicKey(mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw())
        self.id = self.public.id

    def open(self, sealed: bytes, info: bytes) -> bytes:
        """Return what was sealed. Raises SealError, one and the same for whatever was altered: body, *info*, or the key it was meant
        for."""
        try:
            return _SUITE.decrypt(sealed, self._key, info=info)
        except InvalidTag as error:
            raise SealError("it does not open: altered, or sealed to another key") from error


class VerifyKey(PublicKey):
    """Tells whether its owner signed. Bytes: the 32 of RFC 8032."""

    __slots__ = ("_key",)
    KIND, SIZE = "signing-public", 32

    def __init__(self, raw: bytes) -> None:
        self._key = Ed25519PublicKey.from_public_bytes(raw)
        self.raw = raw
        self.id = sha256(raw).hexdigest()

    def verify(self, signature: bytes, message: bytes) -> None:
        """Return when the signature holds, else raise SealError."""
        try:
            self._key.verify(signature, message)
        except InvalidSignature as error:
            raise SealError("the signature does not hold: altered, or signed by another key") from error


class SigningKey(PrivateKey):
    """Signs. Bytes: the 32 of RFC 8032, which it calls the private key."""

    __slots__ = ("_key", "public")
    KIND, SIZE = "signing-private", 32

    def __init__(self, raw: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(raw)
        self._raw = raw
        self.public = VerifyKey(self._key.public_key().public_bytes_raw())
        self.id = self.public.id

    def sign(self, message: bytes) -> bytes:
        """Return the 64 bytes of the signature; the same every time."""
        return self._key.sign(message)
