"""`manifest.json`: which version there is, said by whoever releases it and by nobody in between. Bytes in, values out.

The form is DSSE 1.0 (Dead Simple Signing Envelope, secure-systems-lab), as used for the provenance of software: a JSON object with the
content in base64, and signatures over exactly these bytes and what they are. The signatures are Ed25519 (RFC 8032), the key id is that of
`sealing/keys.py`. There may be several, so that a release key can be changed: sign with both until everybody has the new one.

    {"payloadType": "application/vnd.poller.update+json", "payload": "<base64>", "signatures": [{"keyid": "<64 hex>", "sig": "<base64>"}]}

The content, one JSON object:

    {"schema": 1, "version": "0.2.0", "released": "2026-12-01T09:00:00Z", "expires": "2027-03-01T09:00:00Z",
     "notes": "https://…", "files": [{"name": "poller-0.2.0-py3-none-any.whl", "size": 1234567, "sha256": "<64 hex>"}]}
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from datetime import datetime
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from poller.errors import SealError, UpdateRefusedError
from poller.model import Value
from poller.sealing.keys import SigningKey, VerifyKey

PAYLOAD_TYPE = "application/vnd.poller.update+json"
BYTES_MAX = 64 * 1024
_SIGNATURES_MAX = 8
_FILES_MAX = 100
_VERSION = re.compile(r"(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})")
_NOTES_CHARACTERS_MAX = 200
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,199}")
_SHA256 = re.compile(r"[0-9a-f]{64}")

Version = tuple[int, int, int]


class File(Value, frozen=True, kw_only=True):
    """One file of a release; `size` in bytes, `sha256` in hex."""

    name: str
    size: int
    sha256: str


class Manifest(Value, frozen=True, kw_only=True):
    """What is to be known of the newest release. After `expires` it says nothing any more: somebody may be holding newer ones back."""

    schema: Literal[1] = 1
    version: str
    released: datetime
    expires: datetime
    notes: str | None = None
    files: tuple[File, ...] = ()


class _Signature(Value, frozen=True):
    keyid: str
    sig: str


class _Envelope(Value, frozen=True):
    payloadType: str  # noqa: N815 - DSSE's own spelling
    payload: str
    signatures: tuple[_Signature, ...]


def version_of(text: str) -> Version:
    """Return the numbers of `1.2.3`. Raises ValueError for anything else."""
    match = _VERSION.fullmatch(text)
    if match is None:
        raise ValueError(f"want a version such as 1.2.3, got {text[:60]!r}")
    return int(match[1]), int(match[2]), int(match[3])


def sign(manifest: Manifest, keys: Iterable[SigningKey]) -> bytes:
    """Return the file. Raises ValueError for a manifest that no agent would take."""
    _check(manifest)
    payload = msgspec.json.encode(manifest)
    message = _message(payload)
    envelope = _Envelope(
        PAYLOAD_TYPE,
        base64.b64encode(payload).decode(),
        tuple([_Signature(key.id, base64.b64encode(key.sign(message)).decode()) for key in keys]),
    )
    return msgspec.json.format(msgspec.json.encode(envelope)) + b"\n"


def verify(body: bytes, key: VerifyKey) -> Manifest:
    """Return what the owner of *key* signed. Raises UpdateRefusedError: `garbled` or `signature`.

    Nothing of the content is looked at before its signature holds.
    """
    if len(body) > BYTES_MAX:
        raise UpdateRefusedError("garbled", f"it has more than {BYTES_MAX} bytes")
    try:
        envelope = msgspec.json.decode(body, type=_Envelope)
        payload = base64.b64decode(envelope.payload, validate=True)
        signatures = [base64.b64decode(one.sig, validate=True) for one in envelope.signatures if one.keyid == key.id]
    except (msgspec.MsgspecError, binascii.Error, ValueError) as error:
        raise UpdateRefusedError("garbled", "it is not a signed manifest") from error
    if envelope.payloadType != PAYLOAD_TYPE or len(envelope.signatures) > _SIGNATURES_MAX:
        raise UpdateRefusedError("garbled", "it is not a manifest of poller")
    if not signatures:
        raise UpdateRefusedError("signature", f"it is not signed by the release key {key.fingerprint}")
    try:
        key.verify(signatures[0], _message(payload))
    except SealError as error:
        raise UpdateRefusedError("signature", str(error)) from error
    try:
        manifest = msgspec.json.decode(payload, type=Manifest)
        _check(manifest)
    except (msgspec.MsgspecError, ValueError) as error:  # by the right key: of a program that had another idea of it
        raise UpdateRefusedError("garbled", f"this version cannot read it: {error}") from error
    return manifest


def _message(payload: bytes) -> bytes:
    """Return what is signed: DSSE's pre-authentication encoding, PAE(type, body)."""
    return b"DSSEv1 %d %s %d %s" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode(), len(payload), payload)


def _check(manifest: Manifest) -> None:
    version_of(manifest.version)
    if manifest.released.tzinfo is None or manifest.expires.tzinfo is None or manifest.expires <= manifest.released:
        raise ValueError("it expires before it is released, or its times have no zone")
    if manifest.notes is not None and not _is_address(manifest.notes):
        raise ValueError(f"notes: want an https or http address of at most {_NOTES_CHARACTERS_MAX} characters")
    if len(manifest.files) > _FILES_MAX:
        raise ValueError(f"it names more than {_FILES_MAX} files")
    for file in manifest.files:
        if not (_FILE_NAME.fullmatch(file.name) and _SHA256.fullmatch(file.sha256) and file.size >= 0):
            raise ValueError("a file without a plain name, its size and its SHA-256")


def _is_address(text: str) -> bool:
    if len(text) > _NOTES_CHARACTERS_MAX or not (text.isascii() and text.isprintable()) or " " in text:
        return False
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("https", "http") and bool(parts.hostname) and "@" not in parts.netloc
