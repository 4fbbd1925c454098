"""A receiving end written from the standards alone, as somebody would in another language: no HPKE library, no module of `poller`.

RFC 9180 sections 4, 5.1 and 5.2 (base mode, single shot); the hybrid KEM "X-Wing" (draft-connolly-cfrg-xwing-kem section 5) from ML-KEM-768
and X25519; HKDF by RFC 5869. It opens what `poller` seals, so the description in docs/envelope.md is enough.
"""

from __future__ import annotations

import hmac
from hashlib import sha3_256

from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_SUITE = b"HPKE" + bytes.fromhex("647a 0001 0002")


def open_base(private: bytes, sealed: bytes, info: bytes) -> bytes:
    """Return the plain text of `enc | ciphertext | tag`; *private* is the ML-KEM seed (64) and the X25519 scalar (32)."""
    mlkem = MLKEM768PrivateKey.from_seed_bytes(private[:64])
    x25519 = X25519PrivateKey.from_private_bytes(private[64:])
    mlkem_ciphertext, ephemeral, ciphertext = sealed[:1088], sealed[1088:1120], sealed[1120:]
    shared = sha3_256(
        mlkem.decapsulate(mlkem_ciphertext)
        + x25519.exchange(X25519PublicKey.from_public_bytes(ephemeral))
        + ephemeral
        + x25519.public_key().public_bytes_raw()
        + b"\\.//^\\"
    ).digest()
    context = b"\x00" + _extract(b"", b"psk_id_hash", b"") + _extract(b"", b"info_hash", info)
    secret = _extract(shared, b"secret", b"")
    return AESGCM(_expand(secret, b"key", context, 32)).decrypt(_expand(secret, b"base_nonce", context, 12), ciphertext, b"")


def _extract(salt: bytes, label: bytes, material: bytes) -> bytes:
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + _SUITE + label + material, "sha256")


def _expand(secret: bytes, label: bytes, info: bytes, size: int) -> bytes:
    """Return at most 32 bytes, the first block of HKDF-Expand."""
    return hmac.digest(secret, size.to_bytes(2, "big") + b"HPKE-v1" + _SUITE + label + info + b"\x01", "sha256")[:size]
