"""Who sent a request, and who answered: HTTP Message Signatures (RFC 9421) by Ed25519, with the body's digest (RFC 9530) under them.

A request's signature covers its method, its path and its body; an answer's covers its status, its body, and the request it answers with
that request's signature, so that no answer can be given to another question. Authority and scheme are left out: proxies change them. A
signed request has no query, so nothing of it is outside the signature that could change its meaning.

`http-message-signatures` does the work of the RFC. Here is what it leaves to its user: which components, parameters and sizes are allowed,
and the time, which comes from the caller. Its own messages are shaped like those of web frameworks; the two small classes below are that
shape.
"""

from __future__ import annotations

import hmac
import re
import secrets
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from http_message_signatures import (
    HTTPMessageSignaturesException,
    HTTPMessageSigner,
    HTTPMessageVerifier,
    HTTPSignatureAlgorithm,
    HTTPSignatureKeyResolver,
)

from poller.errors import ClockSkewError, SealError
from poller.sealing.keys import SigningKey, VerifyKey

AGE_SECONDS_MAX = 300
AHEAD_SECONDS_MAX = 60

REQUEST_COMPONENTS = ("@method", "@path", "content-digest")
ANSWER_COMPONENTS = ("@status", "content-digest", '"@method";req', '"@path";req', '"content-digest";req', '"signature";req')

_LABEL, _REQUEST_TAG, _ANSWER_TAG = "poller", "poller-request", "poller-answer"
_FIELDS_MAX = {"content-digest": 64, "signature-input": 512, "signature": 128}
"""The fields of a signature with the characters each may have; ours have 57, at most 300, and 98."""
_METHOD = re.compile(r"[A-Z]{1,16}")
_PATH = re.compile(r"/|(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,127}){1,8}")
"""Nothing a proxy could write in another way: no escapes, no empty, `.` or `..` segments."""
_KEY_ID = re.compile(r"[0-9a-f]{64}")
_NONCE = re.compile(r"[A-Za-z0-9_-]{22,64}")
_TIMESTAMP_SECONDS_MAX = 253_402_300_799  # the last second of the year 9999

Resolve = Callable[[str], VerifyKey | None]
"""From a key id, 64 hex digits, to the key; None for one that is not known, or no longer trusted. `dict.get` is one."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it went out or came in. `headers.items()` may name a field twice; a signed one that does is refused."""

    method: str
    path: str
    body: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it went out or came in."""

    status: int
    body: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Proof:
    """What a signature that holds says: whose it is, when it was made by its maker's clock, and the word that makes it unique."""

    key_id: str
    created_utc: datetime
    nonce: str


def sign_request(request: Request, key: SigningKey, *, now_utc: datetime, nonce: str | None = None) -> dict[str, str]:
    """Return the header fields that prove *request*: its own, if it has any, are not part of it. Every call makes a fresh signature.

    Raises ValueError for a request that cannot be signed: a method or path outside what docs/envelope.md allows.
    """
    message = _request_message(request, fields={"Content-Digest": content_digest(request.body)}, error=ValueError)
    return _sign(message, REQUEST_COMPONENTS, _REQUEST_TAG, key, now_utc, nonce)


def verify_request(request: Request, resolve: Resolve, *, now_utc: datetime) -> Proof:
    """Return who signed *request*, and its nonce for the caller's replay cache.

    Raises SealError for anything that is not exactly such a request, ClockSkewError when all holds but its time.
    """
    fields = _signature_fields(request.headers)
    proof = _verify(_request_message(request, fields=fields, error=SealError), REQUEST_COMPONENTS, _REQUEST_TAG, resolve)
    _check_digest(fields, request.body)
    _check_time(proof, now_utc)
    return proof


def verify_head(request: Request, resolve: Resolve, *, now_utc: datetime) -> Proof:
    """Return who signed *request*, whose body is not here yet: a receiver may refuse a stranger before it takes in megabytes.

    `check_body` does the rest once the body is there. Raises SealError, ClockSkewError.
    """
    proof = _verify(
        _request_message(request, fields=_signature_fields(request.headers), error=SealError),
        REQUEST_COMPONENTS,
        _REQUEST_TAG,
        resolve,
    )
    _check_time(proof, now_utc)
    return proof


def check_body(request: Request) -> None:
    """Return when the body of *request* is the one its head was signed with, else raise SealError."""
    _check_digest(_signature_fields(request.headers), request.body)


def claimed_key_id(request: Request) -> str:
    """Return whose key *request* says it is signed by, unproven: for a caller that must fetch the key before it can verify.

    Raises SealError when it says nothing of the kind.
    """
    message = _request_message(request, fields=_signature_fields(request.headers), error=SealError)
    claimed: list[str] = []

    def note(key_id: str) -> None:
        claimed.append(key_id)

    try:
        _verify(message, REQUEST_COMPONENTS, _REQUEST_TAG, note)
    except SealError:
        if not claimed:
            raise
    return claimed[0]


def sign_answer(answer: Answer, request: Request, key: SigningKey, *, now_utc: datetime, nonce: str | None = None) -> dict[str, str]:
    """Return the header fields that prove *answer* to be the one to *request*, which has its signature among its headers.

    Raises SealError when *request* is not signed.
    """
    asked = _request_message(request, fields=_signature_fields(request.headers), error=SealError)
    message = _AnswerMessage(answer.status, asked, {"Content-Digest": content_digest(answer.body)})
    return _sign(message, ANSWER_COMPONENTS, _ANSWER_TAG, key, now_utc, nonce)


def verify_answer(answer: Answer, request: Request, resolve: Resolve) -> Proof:
    """Return who answered *request*, whose headers are those that `sign_request` made, and the answerer's time. Raises SealError.

    The time is not judged: the answer is bound to a request that was made just now, and it must arrive when this side's clock is wrong.
    """
    asked = _request_message(request, fields=_signature_fields(request.headers), error=SealError)
    fields = _signature_fields(answer.headers)
    proof = _verify(_AnswerMessage(answer.status, asked, fields), ANSWER_COMPONENTS, _ANSWER_TAG, resolve)
    _check_digest(fields, answer.body)
    return proof


def content_digest(body: bytes) -> str:
    """Return the field value of RFC 9530 section 2 for *body*, by SHA-256 alone."""
    return f"sha-256=:{b64encode(sha256(body).digest()).decode()}:"


# --- the library and its shapes ---


@dataclass(slots=True)
class _RequestMessage:
    method: str
    url: str
    headers: dict[str, str]


@dataclass(slots=True)
class _AnswerMessage:
    status_code: int
    request: _RequestMessage
    headers: dict[str, str]


class _Ed25519(HTTPSignatureAlgorithm):
    """The one algorithm there is, by the keys of this room."""

    algorithm_id = "ed25519"

    def __init__(self, public_key: VerifyKey | None = None, private_key: None = None) -> None:
        self._public_key = public_key

    def verify(self, signature: bytes, message: bytes) -> None:
        assert self._public_key is not None
        self._public_key.verify(signature, message)


class _Resolver(HTTPSignatureKeyResolver):
    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve

    def resolve_public_key(self, key_id: str) -> VerifyKey | None:
        return self._resolve(key_id) if _KEY_ID.fullmatch(key_id) else None


class _Verifier(HTTPMessageVerifier):
    def validate_created_and_expires(self, sig_input: Any, max_age: object = None) -> None:
        """Judge nothing here: the library looks at the clock itself, and before it knows whether the time it reads is genuine."""


def _request_message(request: Request, *, fields: dict[str, str], error: type[Exception]) -> _RequestMessage:
    if _METHOD.fullmatch(request.method) is None or _PATH.fullmatch(request.path) is None:
        raise error("not a request that can be signed: its method, or its path, which has no query, escapes, or empty or dotted segments")
    return _RequestMessage(request.method, f"http://unsigned{request.path}", fields)  # the library wants a host, and none is signed


def _signature_fields(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the three fields of a signature, each there once, in printable ASCII, and no longer than it can be."""
    fields: dict[str, str] = {}
    for name, value in headers.items():
        name = name.lower()
        if name not in _FIELDS_MAX:
            continue
        if name in fields or len(value) > _FIELDS_MAX[name] or not (value.isascii() and value.isprintable()):
            raise SealError(f"the field {name} is there twice, too long, or not printable")
        fields[name] = value
    if missing := [name for name in _FIELDS_MAX if name not in fields]:
        raise SealError(f"not signed: no field {', '.join(missing)}")
    return fields


def _sign(
    message: _RequestMessage | _AnswerMessage, components: Sequence[str], tag: str, key: SigningKey, now_utc: datetime, nonce: str | None
) -> dict[str, str]:
    signer = HTTPMessageSigner(signature_algorithm=_Ed25519)
    prepared = signer.prepare(
        message,
        key_id=key.id,
        created=now_utc,
        nonce=nonce or secrets.token_urlsafe(16),
        label=_LABEL,
        tag=tag,
        covered_component_ids=components,
        use_existing_digest=True,
    )
    signer.apply(message, prepared, key.sign(prepared.signature_base))
    return message.headers


def _verify(message: _RequestMessage | _AnswerMessage, components: Sequence[str], tag: str, resolve: Resolve) -> Proof:
    verifier = _Verifier(signature_algorithm=_Ed25519, key_resolver=_Resolver(resolve))
    try:
        results = verifier.verify(message, max_age=None, expect_tag=tag, require_components=components)
    except HTTPMessageSignaturesException as error:
        raise SealError("the signature is not one of ours, does not hold, or is by a key that is not known here") from error
    if len(results) != 1 or len(results[0].covered_components) != len(components) + 1:  # the last is @signature-params itself
        raise SealError("there is more than one signature, or it covers more than it should")
    parameters = results[0].parameters
    if parameters.keys() != {"created", "keyid", "nonce", "alg", "tag"}:
        raise SealError("the signature has parameters too few or too many: created, keyid, nonce, alg and tag are wanted")
    created, nonce = parameters["created"], parameters["nonce"]
    if not isinstance(created, int) or not 0 <= created <= _TIMESTAMP_SECONDS_MAX:
        raise SealError("the signature was made at no time there is")
    if not isinstance(nonce, str) or _NONCE.fullmatch(nonce) is None:
        raise SealError("the nonce of the signature is not 22 to 64 characters of base64url")
    return Proof(str(parameters["keyid"]), datetime.fromtimestamp(created, UTC), nonce)


def _check_time(proof: Proof, now_utc: datetime) -> None:
    skew_seconds = proof.created_utc.timestamp() - now_utc.timestamp()
    if not -AGE_SECONDS_MAX <= skew_seconds <= AHEAD_SECONDS_MAX:
        raise ClockSkewError(skew_seconds, now_utc)


def _check_digest(fields: dict[str, str], body: bytes) -> None:
    if not hmac.compare_digest(fields["content-digest"], content_digest(body)):
        raise SealError("the body is not the one that was signed")
