"""The envelope: lines of JSON, compressed and sealed so that only the receiver reads them, under a header that nobody can change.

    header | HPKE encapsulated key (1120 bytes) | ciphertext | tag (16)

The header travels in clear, is validated before any cryptography, and is HPKE's `info`: change a bit of it and nothing opens. All numbers
are big-endian, and a header has exactly one form in bytes:

    at  size
     0     4  "PLRE"
     4     1  format version, 1
     5     1  kind
     6     6  suite: KEM, KDF, AEAD, two bytes each
    12    32  key id of the receiver
    44     8  number
    52     2  lines, 1 to 500
    54     4  bytes of the lines before compression, 2 to 8 MiB
    58     1  length of the agent id, 1 to 63
    59     …  agent id

Sealing is anonymous: an envelope says who it is for, never who made it. From agent to central the signed request proves the sender
(`signatures`); from central to agent the signed envelope does (`signed`). docs/envelope.md has all of this for other languages.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from poller.errors import SealError
from poller.sealing import zstd
from poller.sealing.keyring import KeyRing
from poller.sealing.keys import HPKE_BYTES, SUITE_IDS, SealingKey, SealingPublicKey

LINES_MAX = 500
PLAIN_BYTES_MAX = 8 * 2**20
"""All lines with their newlines. Whoever forms a batch stays below it."""
SEALED_BYTES_MAX = PLAIN_BYTES_MAX + 64 * 2**10
"""No envelope is longer: zstd adds at most 32 KiB to what it cannot compress, header and HPKE less than 2 KiB."""
NUMBER_MAX = 2**63 - 1

_MAGIC, _VERSION = b"PLRE", 1
_HEAD = struct.Struct(">4sBBHHH32sQHIB")
_KEY_ID = re.compile(r"[0-9a-f]{64}")
_AGENT_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


class Kind(IntEnum):
    """What an envelope carries. Whoever opens one says which it expects, so that none is ever taken for another."""

    READINGS = 1
    """Agent to central; `number` is the batch's, which rises by one from 1 on and is sealed once."""
    HEARTBEAT = 2
    """Agent to central, one line; `number` is 0."""
    ENROLMENT = 3
    """Agent to central, one line with token secret and public keys; `number` is 0."""
    SETTINGS = 4
    """Central to agent, one line, signed; `number` is their version, which only rises, from 1 on."""
    ENROLLED = 5
    """Central to agent, one line, signed: the answer to ENROLMENT; `number` is 0."""


_KINDS = {kind.value for kind in Kind}
_NUMBERED = (Kind.READINGS, Kind.SETTINGS)


@dataclass(frozen=True, slots=True)
class Header:
    """What anyone may see of an envelope."""

    kind: Kind
    key_id: str
    number: int
    lines_count: int
    plain_bytes: int
    agent_id: str

    def encode(self) -> bytes:
        """Return the header's one form in bytes, 60 to 122. Raises ValueError for a header that cannot be."""
        if (fault := self._fault()) is not None:
            raise ValueError(fault)
        agent_id = self.agent_id.encode("ascii")
        key_id = bytes.fromhex(self.key_id)
        fields = (self.kind, *SUITE_IDS, key_id, self.number, self.lines_count, self.plain_bytes, len(agent_id))
        return _HEAD.pack(_MAGIC, _VERSION, *fields) + agent_id

    def _fault(self) -> str | None:
        if _AGENT_ID.fullmatch(self.agent_id) is None:
            return "an agent id has 1 to 63 lower-case letters, digits and inner dashes"
        if (self.number > 0) != (self.kind in _NUMBERED) or not 0 <= self.number <= NUMBER_MAX:
            return f"{self.number} is not a number of {self.kind.name}"
        if _KEY_ID.fullmatch(self.key_id) is None:
            return "a key id has 64 hex digits"
        if not 1 <= self.lines_count <= (LINES_MAX if self.kind is Kind.READINGS else 1):
            return f"{self.lines_count} lines of {self.kind.name}"
        if not 2 * self.lines_count <= self.plain_bytes <= PLAIN_BYTES_MAX:
            return f"{self.plain_bytes} bytes of {self.lines_count} lines"
        return None


@dataclass(frozen=True, slots=True, repr=False)
class Opened:
    """The content of an envelope: lines without their newlines."""

    header: Header
    lines: tuple[bytes, ...]

    def __repr__(self) -> str:  # the lines may be settings, and those have credentials
        return f"<opened {self.header}>"


def seal(lines: Sequence[bytes], *, to: SealingPublicKey, kind: Kind, agent_id: str, number: int) -> bytes:
    """Return *lines* as one envelope to the owner of *to*. Twice the same gives two different results.

    *agent_id* names the agent at either end. Raises ValueError for what no envelope can carry: no or too many lines, an empty line or one
    with a newline, more than PLAIN_BYTES_MAX together, a number the kind does not have.
    """
    if any(not line or b"\n" in line for line in lines):
        raise ValueError("a line is empty or has a newline in it")
    plain = b"".join([part for line in lines for part in (line, b"\n")])
    header = Header(kind, to.id, number, len(lines), len(plain), agent_id).encode()
    return header + to.seal(zstd.compress(plain), header)


def read_header(sealed: bytes) -> Header:
    """Return the header of an envelope, as yet unproven. Raises SealError when there is none that could be opened."""
    return _split(sealed)[0]


def open_sealed(sealed: bytes, keys: KeyRing[SealingKey], *, kind: Kind, agent_id: str) -> Opened:
    """Return the content of an envelope that is of this kind, about this agent, and sealed to one of *keys*; else raise SealError.

    Costs at most 30 MiB of memory for a moment, whatever comes in: the lines, once whole and once apart, and the decompressor's window. The
    lines are as the sender made them: whether they are JSON is for the reader to judge.
    """
    header, head = _split(sealed)
    if header.kind is not kind:
        raise SealError(f"an envelope of {header.kind.name} where {kind.name} is expected")
    if header.agent_id != agent_id:
        raise SealError("an envelope of another agent")
    key = keys.get(header.key_id)
    if key is None:
        raise SealError(f"sealed to a key that is not here: {header.key_id}")
    plain = zstd.decompress(key.open(sealed[len(head) :], head), size=header.plain_bytes)
    lines = plain.split(b"\n")
    if lines.pop() or len(lines) != header.lines_count or not all(lines):
        raise SealError("what was sealed is not the lines its header states")
    return Opened(header, tuple(lines))


def _split(sealed: bytes) -> tuple[Header, bytes]:
    """Return the header and its bytes."""
    if len(sealed) > SEALED_BYTES_MAX:
        raise SealError(f"an envelope has at most {SEALED_BYTES_MAX} bytes, this one {len(sealed)}")
    if len(sealed) < _HEAD.size or not sealed.startswith(_MAGIC):
        raise SealError("not an envelope")
    _, version, kind, kem, kdf, aead, key_id, number, lines_count, plain_bytes, id_length = _HEAD.unpack_from(sealed)
    if version != _VERSION:
        raise SealError(f"an envelope of format {version}, this program reads {_VERSION}")
    if (kem, kdf, aead) != SUITE_IDS:
        raise SealError(
            f"an envelope of suite {kem:04x}-{kdf:04x}-{aead:04x}, this program reads {'-'.join(f'{i:04x}' for i in SUITE_IDS)}"
        )
    if kind not in _KINDS:
        raise SealError(f"an envelope of unknown kind {kind}")
    head = sealed[: _HEAD.size + id_length]
    if len(sealed) < len(head) + HPKE_BYTES or len(head) != _HEAD.size + id_length:
        raise SealError("an envelope cut short")
    agent_id = head[_HEAD.size :].decode("ascii", errors="replace")
    header = Header(Kind(kind), key_id.hex(), number, lines_count, plain_bytes, agent_id)
    if (fault := header._fault()) is not None:
        raise SealError(f"an envelope with a header that cannot be: {fault}")
    return header, head
