"""The test vectors beside docs/envelope.md hold, so that whoever writes another end can rely on them.

`python -m tests.sealing.test_vectors` prints them anew. Sealing is random: the recorded envelopes stay as they are unless the format
changes, and what is deterministic is compared with what this program makes today.
"""

from __future__ import annotations

import json
import re
import sys
from base64 import b64decode, b64encode
from copy import deepcopy
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from poller.sealing import zstd
from poller.sealing.envelope import LINES_MAX, PLAIN_BYTES_MAX, SEALED_BYTES_MAX, Header, Kind, open_sealed, read_header, seal
from poller.sealing.keyring import KEYS_MAX, KeyRing
from poller.sealing.keys import HPKE_BYTES, SealingKey, SealingPublicKey, SigningKey, VerifyKey
from poller.sealing.signatures import (
    AGE_SECONDS_MAX,
    AHEAD_SECONDS_MAX,
    Answer,
    Request,
    content_digest,
    sign_answer,
    sign_request,
    verify_answer,
    verify_request,
)
from poller.sealing.signed import open_signed, sign_sealed
from poller.sealing.token import Token, hash_of
from tests.sealing.rfc9180 import open_base

PATH = Path(__file__).parents[2] / "docs" / "envelope-vectors.json"

# Keys that anyone can see are none: 0, 1, 2 … and one byte repeated.
CENTRAL_SEALING, AGENT_SEALING = SealingKey.from_bytes(bytes(range(96))), SealingKey.from_bytes(bytes(range(96, 192)))
CENTRAL_SIGNING, AGENT_SIGNING = SigningKey.from_bytes(b"\xc0" * 32), SigningKey.from_bytes(b"\xa0" * 32)
NOW = "2026-11-20T06:28:42+00:00"
REQUEST_NONCE, ANSWER_NONCE = "AAAAAAAAAAAAAAAAAAAAAA", "BBBBBBBBBBBBBBBBBBBBBB"
LINES = ['{"type":"reading","schema":1}', '{"type":"reading","schema":1,"printer":{"location":"Büro"}}']
SETTINGS = ['{"poll":{"every":"15m"}}']


def keys() -> dict[str, Any]:
    """Return every key with its names."""
    found: dict[str, Any] = {}
    for name, sealing, signing in (("central", CENTRAL_SEALING, CENTRAL_SIGNING), ("agent", AGENT_SEALING, AGENT_SIGNING)):
        for use, private in (("sealing", sealing), ("signing", signing)):
            found[f"{name}_{use}"] = {
                "private": private.reveal(),
                "public": private.public.text(),
                "id": private.id,
                "fingerprint": private.fingerprint,
            }
    return found


def request_of(vectors: dict[str, Any]) -> Request:
    return Request(vectors["method"], vectors["path"], b64decode(vectors["body"]), vectors["fields"])


def build() -> dict[str, Any]:
    """Return fresh vectors."""
    now_utc = datetime.fromisoformat(NOW)
    batch = seal([line.encode() for line in LINES], to=CENTRAL_SEALING.public, kind=Kind.READINGS, agent_id="agent-7q3m", number=4711)
    settings = seal([line.encode() for line in SETTINGS], to=AGENT_SEALING.public, kind=Kind.SETTINGS, agent_id="agent-7q3m", number=12)
    request = Request("POST", "/agent/v1/batches", b"body")
    request = replace(request, headers=sign_request(request, AGENT_SIGNING, now_utc=now_utc, nonce=REQUEST_NONCE))
    answer = Answer(200, b'{"receipt":"stored"}')
    answer = replace(answer, headers=sign_answer(answer, request, CENTRAL_SIGNING, now_utc=now_utc, nonce=ANSWER_NONCE))
    fingerprints = (CENTRAL_SEALING.fingerprint, CENTRAL_SIGNING.fingerprint)
    token = Token("https://central.example", *fingerprints, expires_utc=now_utc, secret=bytes(range(16)))
    return {
        "about": "Test vectors of docs/envelope.md. Binary values are base64 unless named hex. The keys are examples, never to be used.",
        "keys": keys(),
        "envelope": {
            "kind": "READINGS",
            "agent_id": "agent-7q3m",
            "number": 4711,
            "lines": LINES,
            "header_hex": batch[: 59 + len("agent-7q3m")].hex(),
            "sealed": b64encode(batch).decode(),
        },
        "signed_envelope": {
            "kind": "SETTINGS",
            "agent_id": "agent-7q3m",
            "number": 12,
            "lines": SETTINGS,
            "signed": b64encode(sign_sealed(settings, CENTRAL_SIGNING)).decode(),
        },
        "request": {
            "method": request.method,
            "path": request.path,
            "body": b64encode(request.body).decode(),
            "now": NOW,
            "nonce": REQUEST_NONCE,
            "fields": dict(request.headers),
            "signature_base": "\n".join(
                [
                    '"@method": POST',
                    '"@path": /agent/v1/batches',
                    f'"content-digest": {content_digest(request.body)}',
                    f'"@signature-params": {request.headers["Signature-Input"].removeprefix("poller=")}',
                ]
            ),
        },
        "answer": {
            "status": answer.status,
            "body": b64encode(answer.body).decode(),
            "nonce": ANSWER_NONCE,
            "fields": dict(answer.headers),
            "signature_base": "\n".join(
                [
                    '"@status": 200',
                    f'"content-digest": {content_digest(answer.body)}',
                    '"@method";req: POST',
                    '"@path";req: /agent/v1/batches',
                    f'"content-digest";req: {content_digest(request.body)}',
                    f'"signature";req: {request.headers["Signature"]}',
                    f'"@signature-params": {answer.headers["Signature-Input"].removeprefix("poller=")}',
                ]
            ),
        },
        "token": {
            "text": token.reveal(),
            "address": token.address,
            "expires": NOW,
            "secret_hex": token.reveal_secret().hex(),
            "secret_hash_hex": hash_of(token.reveal_secret()),
        },
    }


@pytest.fixture(scope="module")
def vectors() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(PATH.read_text())
    return loaded


def test_what_is_deterministic_is_what_this_program_makes(vectors: dict[str, Any]) -> None:
    fresh, recorded = build(), deepcopy(vectors)
    del fresh["envelope"]["sealed"], recorded["envelope"]["sealed"]
    del fresh["signed_envelope"]["signed"], recorded["signed_envelope"]["signed"]
    assert fresh == recorded


def test_the_recorded_batch_opens(vectors: dict[str, Any]) -> None:
    vector = vectors["envelope"]
    sealed = b64decode(vector["sealed"])
    opened = open_sealed(sealed, KeyRing(CENTRAL_SEALING), kind=Kind[vector["kind"]], agent_id=vector["agent_id"])
    assert [line.decode() for line in opened.lines] == vector["lines"]
    assert opened.header.number == vector["number"]


def test_the_recorded_batch_opens_by_the_standards_alone(vectors: dict[str, Any]) -> None:
    vector = vectors["envelope"]
    sealed, header = b64decode(vector["sealed"]), bytes.fromhex(vector["header_hex"])
    assert sealed.startswith(header)
    private = b64decode(vectors["keys"]["central_sealing"]["private"].split(":")[2])
    size = int.from_bytes(header[54:58], "big")
    assert zstd.decompress(open_base(private, sealed[len(header) :], header), size=size) == "".join(
        f"{line}\n" for line in vector["lines"]
    ).encode("utf-8")


def test_the_header_is_encoded_as_recorded(vectors: dict[str, Any]) -> None:
    vector = vectors["envelope"]
    plain_bytes = sum(len(line.encode()) + 1 for line in vector["lines"])
    header = Header(Kind.READINGS, CENTRAL_SEALING.id, vector["number"], len(vector["lines"]), plain_bytes, vector["agent_id"])
    assert header.encode().hex() == vector["header_hex"]
    assert read_header(b64decode(vector["sealed"])) == header


def test_the_recorded_settings_are_proven_and_open(vectors: dict[str, Any]) -> None:
    vector = vectors["signed_envelope"]
    trusted = {CENTRAL_SIGNING.id: CENTRAL_SIGNING.public}
    opened = open_signed(
        b64decode(vector["signed"]), trusted.get, KeyRing(AGENT_SEALING), kind=Kind.SETTINGS, agent_id=vector["agent_id"], newer_than=11
    )
    assert [line.decode() for line in opened.lines] == vector["lines"]


def test_request_and_answer_are_proven(vectors: dict[str, Any]) -> None:
    request = request_of(vectors["request"])
    now_utc = datetime.fromisoformat(vectors["request"]["now"])
    assert verify_request(request, {AGENT_SIGNING.id: AGENT_SIGNING.public}.get, now_utc=now_utc).nonce == REQUEST_NONCE
    vector = vectors["answer"]
    answer = Answer(vector["status"], b64decode(vector["body"]), vector["fields"])
    assert verify_answer(answer, request, {CENTRAL_SIGNING.id: CENTRAL_SIGNING.public}.get).nonce == ANSWER_NONCE


def test_the_recorded_bases_are_what_was_signed(vectors: dict[str, Any]) -> None:
    for name, key in (("request", AGENT_SIGNING), ("answer", CENTRAL_SIGNING)):
        signature = b64decode(vectors[name]["fields"]["Signature"].removeprefix("poller=:").removesuffix(":"))
        key.public.verify(signature, vectors[name]["signature_base"].encode())


def test_every_key_reads(vectors: dict[str, Any]) -> None:
    for name, vector in vectors["keys"].items():
        private, public = (SealingKey, SealingPublicKey) if name.endswith("sealing") else (SigningKey, VerifyKey)
        assert private.from_text(vector["private"]).id == public.from_text(vector["public"]).id == vector["id"]


def test_the_page_names_every_kind_and_limit_as_they_are() -> None:
    page = PATH.with_name("envelope.md").read_text()
    assert re.findall(r"^\| (\d) \| ([A-Z]+) \|", page, flags=re.MULTILINE) == [(str(kind.value), kind.name) for kind in Kind]
    for limit in (PLAIN_BYTES_MAX, SEALED_BYTES_MAX, HPKE_BYTES):
        assert f"{limit:,}" in page
    for sentence in (
        f"| `created` | at most {AGE_SECONDS_MAX} s old, at most {AHEAD_SECONDS_MAX} s ahead",
        f"at least 2 per line, at most {PLAIN_BYTES_MAX:,} |",
        f"| 1 to {LINES_MAX} | no, the request is signed |",
        f"most {KEYS_MAX}. Mode 0600",
    ):
        assert sentence in page


if __name__ == "__main__":
    sys.stdout.write(json.dumps(build(), indent=1, ensure_ascii=False) + "\n")
