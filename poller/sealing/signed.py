"""The signed envelope: what central tells an agent, proven before anything in it is looked at.

    "PLRS" | format version, 1 | key id of the signer (32 bytes) | Ed25519 signature (64) | envelope

The signature covers "poller signed envelope 1", a zero byte, and the envelope; those words keep it from being taken for one over anything
else. What has a version is taken only when it is newer than what the agent has: whoever recorded old settings cannot bring them back.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from poller.errors import SealError
from poller.sealing.envelope import SEALED_BYTES_MAX, Kind, Opened, open_sealed
from poller.sealing.keyring import KeyRing
from poller.sealing.keys import SealingKey, SigningKey, VerifyKey

_MAGIC, _VERSION = b"PLRS", 1
_HEAD = struct.Struct(">4sB32s64s")
_CONTEXT = b"poller signed envelope 1\0"

SIGNED_BYTES_MAX = SEALED_BYTES_MAX + _HEAD.size


def sign_sealed(sealed: bytes, key: SigningKey) -> bytes:
    """Return an envelope with its signature in front, 101 bytes longer."""
    return _HEAD.pack(_MAGIC, _VERSION, bytes.fromhex(key.id), key.sign(_CONTEXT + sealed)) + sealed


def open_signed(
    signed: bytes,
    resolve: Callable[[str], VerifyKey | None],
    keys: KeyRing[SealingKey],
    *,
    kind: Kind,
    agent_id: str,
    newer_than: int = -1,
) -> Opened:
    """Return the content of an envelope signed by a key that *resolve* knows by its id and sealed to one of *keys*; else raise SealError.

    *newer_than* is the version the agent has: what is not newer is refused. The default is for kinds without a version.
    """
    if len(signed) > SIGNED_BYTES_MAX or len(signed) < _HEAD.size or not signed.startswith(_MAGIC):
        raise SealError("not a signed envelope")
    _, version, key_id, signature = _HEAD.unpack_from(signed)
    if version != _VERSION:
        raise SealError(f"a signed envelope of format {version}, this program reads {_VERSION}")
    signer = resolve(key_id.hex())
    if signer is None:
        raise SealError(f"signed by a key that is not trusted here: {key_id.hex()}")
    sealed = signed[_HEAD.size :]
    signer.verify(signature, _CONTEXT + sealed)
    opened = open_sealed(sealed, keys, kind=kind, agent_id=agent_id)
    if opened.header.number <= newer_than:
        raise SealError(f"version {opened.header.number} of {kind.name} is not newer than {newer_than}")
    return opened
