"""The local key: seals what the agent stores, so that whoever takes the disk without the key reads nothing of it.

AES-256-GCM (NIST SP 800-38D). A sealed value is

    version (1 byte, 1) | key id (4 bytes) | nonce (12 bytes) | ciphertext | tag (16 bytes)

and bound to *about*, the place it belongs to: moved to another row, it no longer opens. The key id is there for the day keys are changed:
it says which of several keys a value needs. Nonces are random; with 2^36 values sealed under one key (100,000 printers every 15 minutes
for 19 years) the chance that any two share one is 2^-25.

The key is one line of a small text file, readable by its owner alone:

    poller-local-key-1:<64 hex digits>
"""

from __future__ import annotations

import hmac
import os
import re
import secrets
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from poller.errors import HostError, SealError
from poller.sealing.files import PrivateFile

_KEY_SIZE = 32
_VERSION = b"\x01"
_ID_SIZE, _NONCE_SIZE, _TAG_SIZE = 4, 12, 16
_HEAD_SIZE = len(_VERSION) + _ID_SIZE

_LINE = re.compile(r"poller-local-key-1:([0-9a-f]{64})")
_FILE = """\
# The local key of a poller agent. Whoever has it can read what the agent stored; without it nobody can.
poller-local-key-1:{}
"""


class LocalKey:
    """One key, ready to seal and open. Shows its id, never itself."""

    __slots__ = ("_cipher", "_head", "_key")

    def __init__(self, key: bytes) -> None:
        if len(key) != _KEY_SIZE:
            raise ValueError(f"a local key has {_KEY_SIZE} bytes")
        self._key = key
        self._cipher = AESGCM(key)
        self._head = _VERSION + sha256(b"poller local key id\0" + key).digest()[:_ID_SIZE]

    def __repr__(self) -> str:
        return f"<local key {self.id}>"

    @property
    def id(self) -> str:
        """Eight hex digits that name the key and tell nothing of it."""
        return self._head[len(_VERSION) :].hex()

    @classmethod
    def open_or_create(cls, path: Path, *, setting: str = "[state] folder or key_file") -> LocalKey:
        """Return the key in the file at *path*; where there is none, a new one, stored there before this returns.

        *setting* is where its path was chosen. Raises HostError when the file cannot be read or made, holds something else, or may be read
        by others. A symbolic link is followed for reading (mounted secrets are links), and whatever it leads to is judged; nothing is ever
        written through one.
        """
        file = PrivateFile(path, "local key", setting)
        text = file.read()
        if text is None:
            key = secrets.token_bytes(_KEY_SIZE)
            if file.create(_FILE.format(key.hex())):
                return cls(key)
            text = file.read()  # another process was faster
        match = None if text is None else _LINE.fullmatch(_last_line(text))
        if match is None:
            raise HostError(
                f"{path} is not a local key",
                hint="restore it from a backup; or move it away: then a new one is made, and what was stored under the old one is lost",
            )
        return cls(bytes.fromhex(match[1]))

    def derive(self, purpose: str) -> bytes:
        """Return 32 bytes for another *purpose* than sealing: always the same, and telling nothing of the key, nor of other purposes."""
        return hmac.new(self._key, b"poller derived key 1\0" + purpose.encode(), sha256).digest()

    def seal(self, plain: bytes, about: bytes) -> bytes:
        """Return *plain* encrypted and bound to *about*, 33 bytes longer. Twice the same gives two different results."""
        nonce = os.urandom(_NONCE_SIZE)
        return b"".join((self._head, nonce, self._cipher.encrypt(nonce, plain, self._head + about)))

    def open(self, sealed: bytes, about: bytes) -> bytes:
        """Return what was sealed about *about*. Raises SealError for anything that is not exactly such a value."""
        head, nonce = sealed[:_HEAD_SIZE], sealed[_HEAD_SIZE : _HEAD_SIZE + _NONCE_SIZE]
        if len(sealed) < _HEAD_SIZE + _NONCE_SIZE + _TAG_SIZE or head[:1] != _VERSION:
            raise SealError("not a sealed value")
        if head != self._head:
            raise SealError(f"sealed under another key: {head[1:].hex()}, this is {self.id}")
        try:
            return self._cipher.decrypt(nonce, sealed[_HEAD_SIZE + _NONCE_SIZE :], head + about)
        except InvalidTag as error:
            raise SealError("the sealed value was altered, or belongs elsewhere") from error


def _last_line(text: str) -> str:
    return text.rstrip("\r\n").rpartition("\n")[2].rstrip("\r")
