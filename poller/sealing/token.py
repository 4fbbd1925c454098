"""The enrolment token: all that an installer types, and all that an agent needs to find its central and to know it.

    POLLER1-XXXXXXXX-XXXXXXXX-…

Base 32 for people (`base32`) of

    format version, 1 (1 byte) | expiry, seconds since 1970 (4) | secret (16) | fingerprint of central's sealing key (20)
    | fingerprint of its signing key (20) | address in ASCII | CRC-32 of all before (4)

Whoever has it can enrol one agent until it expires, so it is a secret; the fingerprints make sure that the agent enrols with the central
that made it and with no other, whoever sits in between. Central keeps a hash, which is of no use to who steals it: the secret has 128 bits.
"""

from __future__ import annotations

import hmac
import secrets
import struct
import zlib
from datetime import UTC, datetime
from hashlib import sha256
from urllib.parse import urlsplit

from poller.errors import SealError
from poller.sealing import base32
from poller.sealing.keys import FINGERPRINT_BYTES, SealingPublicKey, VerifyKey, fingerprint_of

ADDRESS_CHARACTERS_MAX = 200
TOKEN_CHARACTERS_MAX = 600

_PREFIX = "POLLER1-"
_VERSION = 1
_HEAD = struct.Struct(f">BI16s{FINGERPRINT_BYTES}s{FINGERPRINT_BYTES}s")
_CRC = struct.Struct(">I")
_SECRET_BYTES = 16


class Token:
    """One token. Shows address and expiry; its secret only by name. Not a dataclass: `asdict()` would unwrap it.

    `sealing_fingerprint` and `signing_fingerprint` are those of central's keys, as people read them.
    """

    __slots__ = ("_secret", "address", "expires_utc", "sealing_fingerprint", "signing_fingerprint")

    def __init__(self, address: str, sealing_fingerprint: str, signing_fingerprint: str, *, expires_utc: datetime, secret: bytes) -> None:
        self.address, self.expires_utc = address, expires_utc
        self.sealing_fingerprint, self.signing_fingerprint = sealing_fingerprint, signing_fingerprint
        self._secret = secret

    def __repr__(self) -> str:
        return f"<token for {self.address} until {self.expires_utc:%Y-%m-%d %H:%M} UTC>"

    @classmethod
    def make(cls, address: str, sealing: SealingPublicKey, signing: VerifyKey, *, expires_utc: datetime) -> Token:
        """Return a new token. Raises ValueError for an address no agent could use, `http://…` or `https://…` with nothing but a path."""
        if (fault := _fault_of_address(address)) is not None:
            raise ValueError(fault)
        expires_utc = expires_utc.astimezone(UTC).replace(microsecond=0)
        secret = secrets.token_bytes(_SECRET_BYTES)
        return cls(address, sealing.fingerprint, signing.fingerprint, expires_utc=expires_utc, secret=secret)

    @classmethod
    def parse(cls, text: str) -> Token:
        """Return the token of this text, however it is spaced and in whatever case. Raises SealError, which says what an installer can
        do."""
        if len(text) > TOKEN_CHARACTERS_MAX:
            raise SealError("the token is too long: were two of them pasted?")
        body = "".join(text.split()).upper()
        if not body.startswith(_PREFIX):
            raise SealError(f"the token is not one: it begins with {_PREFIX}")
        try:
            raw = base32.decode(body.removeprefix(_PREFIX))
        except SealError as error:
            raise SealError(f"the token has a typing error: {error}") from error
        content, checksum = raw[: -_CRC.size], raw[-_CRC.size :]
        if len(content) <= _HEAD.size or _CRC.pack(zlib.crc32(content)) != checksum:
            raise SealError("the token has a typing error: a character is missing or wrong")
        version, expires, secret, sealing, signing = _HEAD.unpack_from(content)
        address = content[_HEAD.size :].decode("ascii", errors="replace")
        if version != _VERSION or _fault_of_address(address) is not None:
            raise SealError("the token is of a kind this program does not know: it may be too old")
        fingerprints = (fingerprint_of(sealing.hex()), fingerprint_of(signing.hex()))
        return cls(address, *fingerprints, expires_utc=datetime.fromtimestamp(expires, UTC), secret=secret)

    def reveal_secret(self) -> bytes:
        """Return the 16 bytes that prove to central that somebody was given this token."""
        return self._secret

    def reveal(self) -> str:
        """Return what the installer types. It is the secret."""
        fingerprints = (base32.decode(self.sealing_fingerprint), base32.decode(self.signing_fingerprint))
        content = _HEAD.pack(_VERSION, int(self.expires_utc.timestamp()), self._secret, *fingerprints) + self.address.encode("ascii")
        return _PREFIX + base32.encode(content + _CRC.pack(zlib.crc32(content)), group=8)

    def check_time(self, now_utc: datetime) -> None:
        """Return while the token holds. Raises SealError that says since when it does not."""
        if now_utc >= self.expires_utc:
            raise SealError(f"the token expired at {self.expires_utc:%Y-%m-%d %H:%M} UTC: ask the dealer for a new one")

    def check_keys(self, sealing: SealingPublicKey, signing: VerifyKey) -> None:
        """Return when these are the keys of the central that made the token. Raises SealError."""
        if (sealing.fingerprint, signing.fingerprint) != (self.sealing_fingerprint, self.signing_fingerprint):
            raise SealError(f"{self.address} shows other keys than the token names: it is another server, or somebody sits in between")


def hash_of(secret: bytes) -> str:
    """Return what central keeps of a token's secret: 64 hex digits."""
    return sha256(b"poller enrolment secret 1\0" + secret).hexdigest()


def is_secret_of(secret: bytes, kept_hash: str) -> bool:
    """Whether *secret* is the one whose hash was kept. Takes as long for a wrong one as for a right one."""
    return hmac.compare_digest(hash_of(secret), kept_hash)


def _fault_of_address(address: str) -> str | None:
    fault = f"an address is http:// or https://, a host, perhaps a port and a path, and at most {ADDRESS_CHARACTERS_MAX} characters"
    if len(address) > ADDRESS_CHARACTERS_MAX or not (address.isascii() and address.isprintable()) or " " in address:
        return fault
    try:
        parts = urlsplit(address)
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return fault
    # Nothing of a user, and nothing behind the path: these would be secrets in an address, or lost on the way.
    is_plain = "@" not in parts.netloc and "?" not in address and "#" not in address
    return None if parts.scheme in ("http", "https") and has_host and is_plain else fault
