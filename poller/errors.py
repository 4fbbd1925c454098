"""What can go wrong, sorted by who must act.

    PollerError
    ├── ConfigError      the operator: every fault listed; exit 2
    ├── HostError        the host: a port taken, no permission, disk full; exit 3
    ├── OutboxError      the host: disk full, damaged, at its limit; what was to be stored is kept by who has it, and tried again
    ├── SealError        nobody: what was sealed is lost with its key, or was altered; dropped and counted
    │   └── ClockSkewError   genuine, but made at another time than now: somebody's clock is wrong, or it was held up
    ├── UploadError      time, or a person: `kind` is the word it is counted under; nothing recorded is lost meanwhile
    │   ├── UnreachedError   nothing proven came from central: no connection, a proxy's answer, a page of somebody in between
    │   └── RefusedError     central itself says no, signed; `word` says why, and so who must act
    ├── JobLogError      whoever exported it: a file that is no accounting log of a press; nothing of it was taken
    ├── StateError       nobody: what was remembered cannot be read; dropped, counted, found out anew
    ├── UpdateRefusedError  whoever publishes releases: a manifest that is not to be believed; counted by `reason`
    └── PrinterError     nobody now: counted by kind, backed off; never escapes the poll of one printer
        ├── NoAnswerError    nothing came back in any try
        │   └── UnreachableError  this host has no way there: no route, no permission, no such address family
        ├── DecodeError      bytes that are not SNMP; reason and offset
        ├── AgentError       SNMP that breaks its own rules: error-status, OID loop, runaway table
        ├── AccessError      SNMPv3 does not let us in, or an answer does not prove who sent it; `refusal` says which
        ├── ValueRangeError  a value outside its declared syntax
        └── MisreadError     a fault of ours on this one device; the log has the traceback, the site is not blinded by it

Fields, not prose: the handler that decides says it in words, once. No error here ever carries a secret.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import Enum


class PollerError(Exception):
    """Everything this program raises on purpose."""


class ConfigError(PollerError):
    """The operator has to change something; `faults` lists every place at once, each with a way out."""

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(self.faults))


class HostError(PollerError):
    """This machine refuses: a port in use, no permission, no disk. `hint` says what an operator can do."""

    def __init__(self, what: str, *, hint: str = "") -> None:
        self.what, self.hint = what, hint
        super().__init__(f"{what} ({hint})" if hint else what)


class OutboxError(PollerError):
    """The outbox could not store something, and nothing of it is stored: no room, a damaged file, its limit. Time or a person helps."""


class SealError(PollerError):
    """Sealed bytes cannot be opened: another key's, altered, or moved to where they do not belong."""


class ClockSkewError(SealError):
    """A request that is genuine and too old or from the future. `skew_seconds` is its time minus `now_utc`, the receiver's."""

    def __init__(self, skew_seconds: float, now_utc: datetime) -> None:
        self.skew_seconds, self.now_utc = skew_seconds, now_utc
        super().__init__(f"made {abs(skew_seconds):.0f} s {'ahead of' if skew_seconds > 0 else 'before'} {now_utc:%Y-%m-%dT%H:%M:%SZ} here")


class UploadError(PollerError):
    """An exchange with central did not succeed. `retry_after_seconds` is when the answer said to come again, None where it did not."""

    kind = "upload"
    retry_after_seconds: float | None = None


class UnreachedError(UploadError):
    """Nothing came that central itself can be proven to have said; the same bytes are sent again later.

    `kind` is one of `KINDS`. `reason` is for people; no address with a password, and nothing a proxy was sent, is ever in it.
    """

    KINDS = ("dns", "connect", "tls", "timeout", "cut", "proxy", "proxy-auth", "in-between")

    def __init__(self, kind: str, reason: str, *, retry_after_seconds: float | None = None) -> None:
        assert kind in self.KINDS
        self.kind, self.reason, self.retry_after_seconds = kind, reason, retry_after_seconds
        super().__init__(reason)


class RefusedError(UploadError):
    """Central itself said no, by a signed answer. `word` is one of docs/upload.md; `text` its sentence for people."""

    def __init__(self, word: str, text: str, *, status: int, retry_after_seconds: float | None = None) -> None:
        self.kind = self.word = word
        self.text, self.status, self.retry_after_seconds = text, status, retry_after_seconds
        super().__init__(f"central refuses: {word}: {text}" if text else f"central refuses: {word}")


class JobLogError(PollerError):
    """A file that is no accounting log, or one that cannot be understood from its beginning; the text says why."""


class StateError(PollerError):
    """Something remembered cannot be read, or cannot be put into the form it is remembered in; the text says which."""


class UpdateRefusedError(PollerError):
    """A manifest of a release is not believed. `reason` is the word it is counted under: garbled, signature, expired, rolled_back."""

    def __init__(self, reason: str, text: str) -> None:
        self.reason = reason
        super().__init__(text)


class PrinterError(PollerError):
    """One device did not behave; `kind` is the word it is counted under."""

    kind = "printer"


class NoAnswerError(PrinterError):
    """Nothing came back in any try."""

    kind = "no_answer"

    def __init__(self, address: str, *, tries: int) -> None:
        self.address, self.tries = address, tries
        super().__init__(f"no answer from {address} in {tries} tries")


class UnreachableError(NoAnswerError):
    """The kernel refused to send; `reason` is the name of its errno."""

    kind = "unreachable"

    def __init__(self, address: str, *, reason: str) -> None:
        super().__init__(address, tries=0)
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.address} cannot be reached from here: {self.reason}"


class DecodeError(PrinterError):
    """Bytes that are not what their standard says; `offset` counts from the start of the element being read."""

    kind = "garbled"

    def __init__(self, reason: str, offset: int) -> None:
        self.reason, self.offset = reason, offset
        super().__init__(f"{reason} at offset {offset}")


class AgentError(PrinterError):
    """Well-formed SNMP that breaks its own rules. `status` is the error-status of RFC 3416 section 3, 0 for the rest."""

    kind = "agent"

    def __init__(self, reason: str, *, status: int = 0, oid: str = "") -> None:
        self.reason, self.status, self.oid = reason, status, oid
        super().__init__(f"{reason} at {oid}" if oid else reason)


class Refusal(Enum):
    """Why SNMPv3 gives no answer: the reports of RFC 3414 section 3.2 and RFC 3413, then what this side finds out by itself."""

    UNKNOWN_USER = "the device does not know the user"
    WRONG_DIGEST = "the device finds our digest wrong: its authentication passphrase or protocol is another"
    UNSUPPORTED_LEVEL = "the device does not support this security level for the user: authentication or privacy is set up differently"
    DECRYPTION_ERROR = "the device cannot decrypt the question: its privacy passphrase or protocol is another"
    UNKNOWN_ENGINE = "the device keeps saying that its engine id is another"
    NOT_IN_TIME = "the device finds the question not in time, even by its own clock"
    UNKNOWN_CONTEXT = "the device has no such context"
    OTHER_REPORT = "the device answers by a report that is not explained"
    SILENT = "the device tells its engine id and nothing else: most likely its privacy passphrase, privacy protocol or context is another"
    NOT_PROVEN = "an answer came that does not prove who sent it: wrong digest, user, engine id or security level"
    OUT_OF_DATE = "an answer came that is older than the device's clock allows"


class AccessError(PrinterError):
    """SNMPv3 kept the answer from us; `refusal` says how. Neither user nor passphrase is ever part of the text."""

    kind = "access"

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal
        super().__init__(refusal.value)


class ValueRangeError(PrinterError):
    """A value outside the syntax its MIB object declares."""

    kind = "value_range"

    def __init__(self, name: str, value: object) -> None:
        self.name, self.value = name, value
        super().__init__(f"{name}: {value!r} is outside its declared range")


class MisreadError(PrinterError):
    """This program could not make sense of the device: a bug of ours, kept to the device that shows it."""

    kind = "misread"

    def __init__(self, address: str) -> None:
        self.address = address
        super().__init__(f"this program could not make sense of {address}; its log says where")
