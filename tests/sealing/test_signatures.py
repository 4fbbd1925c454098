"""Signed requests and answers: the RFC's own example, then everything that must not pass."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from http_message_signatures import HTTPMessageSigner
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from poller.errors import ClockSkewError, SealError
from poller.sealing import signatures
from poller.sealing.keys import SigningKey
from poller.sealing.signatures import (
    Answer,
    Request,
    claimed_key_id,
    content_digest,
    sign_answer,
    sign_request,
    verify_answer,
    verify_request,
)

AGENT, CENTRAL, STRANGER = (SigningKey.from_bytes(bytes([number]) * 32) for number in (1, 2, 3))
KNOWN = {AGENT.id: AGENT.public}.get
CENTRALS = {CENTRAL.id: CENTRAL.public}.get
NOW = datetime(2026, 11, 20, 6, 28, 42, tzinfo=UTC)
NONCE = "n" * 22
REQUEST = Request("POST", "/agent/v1/batches", b"sealed bytes")


def signed(request: Request = REQUEST, *, key: SigningKey = AGENT, at: datetime = NOW) -> Request:
    return replace(request, headers=sign_request(request, key, now_utc=at, nonce=NONCE))


# --- the example of RFC 9421, appendix B.2.6, with the key of B.1.4 and the request of B.2 ---


@dataclass
class Example:
    method: str = "POST"
    url: str = "https://example.com/foo?param=Value&Pet=dog"
    headers: dict[str, str] = field(
        default_factory=lambda: {
            "Host": "example.com",
            "Date": "Tue, 20 Apr 2021 02:07:55 GMT",
            "Content-Type": "application/json",
            "Content-Length": "18",
        }
    )


def test_the_example_of_the_rfc_comes_out_to_the_byte() -> None:
    key = SigningKey.from_bytes(bytes.fromhex("9f8362f87a484a954e6e740c5b4c0e84229139a20aa8ab56ff66586f6a7d29c5"))
    assert key.public.raw.hex() == "26b40b8f93fff3d897112f7ebc582b232dbd72517d082fe83cfb30ddce43d1bb"
    prepared = HTTPMessageSigner(signature_algorithm=signatures._Ed25519).prepare(
        Example(),
        key_id="test-key-ed25519",
        created=datetime.fromtimestamp(1618884473, UTC),
        include_alg=False,
        covered_component_ids=("date", "@method", "@path", "@authority", "content-type", "content-length"),
    )
    assert prepared.signature_base.decode().splitlines() == [
        '"date": Tue, 20 Apr 2021 02:07:55 GMT',
        '"@method": POST',
        '"@path": /foo',
        '"@authority": example.com',
        '"content-type": application/json',
        '"content-length": 18',
        '"@signature-params": ("date" "@method" "@path" "@authority" "content-type" "content-length")'
        ';created=1618884473;keyid="test-key-ed25519"',
    ]
    assert b64encode(key.sign(prepared.signature_base)).decode() == (
        "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw=="
    )


# --- requests ---


def test_a_signed_request_proves_its_sender() -> None:
    proof = verify_request(signed(), KNOWN, now_utc=NOW)
    assert (proof.key_id, proof.created_utc, proof.nonce) == (AGENT.id, NOW, NONCE)


def test_the_fields_are_what_the_document_says() -> None:
    headers = sign_request(REQUEST, AGENT, now_utc=NOW, nonce=NONCE)
    digest = content_digest(b"sealed bytes")
    components = '("@method" "@path" "content-digest")'
    parameters = f'{components};created=1795156122;keyid="{AGENT.id}";alg="ed25519";nonce="{NONCE}";tag="poller-request"'
    base = f'"@method": POST\n"@path": /agent/v1/batches\n"content-digest": {digest}\n"@signature-params": {parameters}'
    assert headers == {
        "Content-Digest": digest,
        "Signature-Input": f"poller={parameters}",
        "Signature": f"poller=:{b64encode(AGENT.sign(base.encode())).decode()}:",
    }


def test_a_retry_has_the_same_body_and_another_signature() -> None:
    first, second = (sign_request(REQUEST, AGENT, now_utc=NOW) for _ in range(2))
    assert first["Content-Digest"] == second["Content-Digest"]
    assert first["Signature"] != second["Signature"]


def test_the_digest_is_rfc_9530s() -> None:
    """RFC 9530 appendix B.1 and the empty content every library agrees on."""
    assert content_digest(b'{"hello": "world"}\n') == "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"
    assert content_digest(b"") == "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"


def test_names_of_fields_are_in_any_case_and_others_do_not_matter() -> None:
    request = signed()
    headers = {name.upper(): value for name, value in request.headers.items()} | {"Host": "proxied.example", "Via": "1.1 squid"}
    assert verify_request(replace(request, headers=headers), KNOWN, now_utc=NOW).key_id == AGENT.id


def test_who_must_fetch_the_key_first_can_ask_whose_it_is() -> None:
    assert claimed_key_id(signed()) == AGENT.id
    with pytest.raises(SealError):
        claimed_key_id(REQUEST)
    with pytest.raises(SealError):
        claimed_key_id(altered(AGENT.id, "A" * 64))


def altered(old: str, new: str, request: Request | None = None) -> Request:
    request = request or signed()
    headers = {name: value.replace(old, new) for name, value in request.headers.items()}
    assert headers != dict(request.headers)
    return replace(request, headers=headers)


def other_signature(components: tuple[str, ...], **options: object) -> Request:
    """Return the request with a signature that holds, and is not the one we want."""
    message = signatures._RequestMessage("POST", "http://unsigned/agent/v1/batches", {"Content-Digest": content_digest(REQUEST.body)})
    message.headers["X-Other"] = "1"
    settings: dict[str, object] = {
        "created": NOW,
        "nonce": NONCE,
        "label": "poller",
        "tag": "poller-request",
        "use_existing_digest": True,
    } | options
    signer = HTTPMessageSigner(signature_algorithm=signatures._Ed25519)
    prepared = signer.prepare(message, key_id=AGENT.id, covered_component_ids=components, **settings)  # type: ignore[arg-type]
    signer.apply(message, prepared, AGENT.sign(prepared.signature_base))
    return replace(REQUEST, headers=message.headers)


ALL = signatures.REQUEST_COMPONENTS


@pytest.mark.parametrize(
    "request_of",
    [
        lambda: REQUEST,
        lambda: replace(signed(), body=b"other bytes"),
        lambda: replace(signed(), method="PUT"),
        lambda: replace(signed(), path="/agent/v1/settings"),
        lambda: signed(key=STRANGER),
        lambda: altered(AGENT.id, STRANGER.id),
        lambda: altered(AGENT.id, "short"),
        lambda: altered("1795156122", "1795156123"),
        lambda: altered(";created=1795156122", ""),
        lambda: altered("1795156122", '"1795156122"'),
        lambda: altered("1795156122", "999999999999999"),
        lambda: altered("ed25519", "hmac-sha256"),
        lambda: altered("poller-request", "poller-answer"),
        lambda: altered(NONCE, "m" * 22),
        lambda: altered("sha-256", "sha-512"),
        lambda: altered("poller=:", "poller=:AA"),
        lambda: altered(";alg", ";expires=1;alg"),
        lambda: altered('"@path"', '"@path";req'),
        lambda: other_signature(("@method", "@path")),
        lambda: other_signature(("@method", "content-digest")),
        lambda: other_signature((*ALL, "x-other")),
        lambda: other_signature((*ALL, "@authority")),
        lambda: other_signature(ALL, nonce=None),
        lambda: other_signature(ALL, nonce="short"),
        lambda: other_signature(ALL, nonce="n" * 65),
        lambda: other_signature(ALL, nonce="?" * 22),
        lambda: other_signature(ALL, tag=None),
        lambda: other_signature(ALL, tag="poller-answer"),
        lambda: other_signature(ALL, include_alg=False),
        lambda: other_signature(ALL, expires=NOW + timedelta(hours=1)),
        lambda: other_signature(ALL, created=datetime(1960, 1, 1, tzinfo=UTC)),
        lambda: altered("1795156122", "-1"),
        lambda: replace(signed(), headers={**signed().headers, "signature": "poller=::"}),
        lambda: replace(signed(), headers={**signed().headers, "Signature-Input": "x" * 600}),
        lambda: replace(signed(), headers={**signed().headers, "Signature-Input": "poller=1"}),
        lambda: replace(signed(), headers={**signed().headers, "Signature": "poller=:é:"}),
        lambda: replace(signed(), headers={**signed().headers, "Signature": "a\nb"}),
        lambda: replace(signed(), path="/agent/v1/batches?x=1"),
        lambda: replace(signed(), path=""),
        lambda: replace(signed(), method="post"),
    ],
)
def test_whatever_is_not_exactly_such_a_request_is_refused(request_of: Callable[[], Request]) -> None:
    with pytest.raises(SealError) as raised:
        verify_request(request_of(), KNOWN, now_utc=NOW)
    assert not isinstance(raised.value, ClockSkewError)


def test_the_signatures_that_should_not_pass_would_otherwise_hold() -> None:
    assert verify_request(other_signature(ALL), KNOWN, now_utc=NOW).key_id == AGENT.id


def test_the_label_is_not_signed_and_says_nothing() -> None:
    """RFC 9421 section 4.1."""
    assert verify_request(altered("poller=", "other="), KNOWN, now_utc=NOW).key_id == AGENT.id


def test_a_field_that_is_there_twice_is_refused() -> None:
    headers = CIMultiDict(signed().headers)
    assert verify_request(replace(REQUEST, headers=headers), KNOWN, now_utc=NOW).key_id == AGENT.id
    headers.add("Signature", headers["Signature"])
    with pytest.raises(SealError, match="signature is there twice"):
        verify_request(replace(REQUEST, headers=headers), KNOWN, now_utc=NOW)


@pytest.mark.parametrize("late_seconds", [-60, 0, 1, 299, 300])
def test_a_request_of_these_minutes_passes(late_seconds: int) -> None:
    assert verify_request(signed(), KNOWN, now_utc=NOW + timedelta(seconds=late_seconds)).created_utc == NOW


@pytest.mark.parametrize(
    "late_seconds, told", [(301, "made 301 s before"), (86_400, "made 86400 s before"), (-61, "made 61 s ahead of"), (-(10**9), "ahead of")]
)
def test_a_wrong_clock_is_told_with_both_times(late_seconds: int, told: str) -> None:
    here = NOW + timedelta(seconds=late_seconds)
    with pytest.raises(ClockSkewError, match=told) as raised:
        verify_request(signed(), KNOWN, now_utc=here)
    assert (raised.value.skew_seconds, raised.value.now_utc) == (-late_seconds, here)


def test_only_a_genuine_request_is_told_about_clocks() -> None:
    with pytest.raises(SealError) as raised:
        verify_request(signed(key=STRANGER), KNOWN, now_utc=NOW + timedelta(days=1))
    assert not isinstance(raised.value, ClockSkewError)


TWISTED = ["", "a", "/a?b", "/a#b", "/%41", "//a", "/a/", "/a//b", "/.", "/..", "/a/../b", "/ä", "/a b", "/" + "a" * 129, "/a" * 9]


@pytest.mark.parametrize("path", TWISTED)
def test_a_path_that_a_proxy_could_write_in_another_way_is_not_signed(path: str) -> None:
    with pytest.raises(ValueError):
        sign_request(Request("GET", path), AGENT, now_utc=NOW)


@pytest.mark.parametrize("path", ["/", "/a", "/agent/v1/batches", "/updates/manifest.json", "/~x/_-.y"])
def test_a_plain_path_is_signed(path: str) -> None:
    request = Request("GET", path)
    headers = sign_request(request, AGENT, now_utc=NOW)
    assert verify_request(replace(request, headers=headers), KNOWN, now_utc=NOW).key_id == AGENT.id


TEXT = st.text(max_size=80)


@given(TEXT, TEXT, st.fixed_dictionaries({"Signature": TEXT, "Signature-Input": TEXT, "Content-Digest": TEXT}), st.binary(max_size=20))
def test_any_request_is_a_seal_error(method: str, path: str, headers: dict[str, str], body: bytes) -> None:
    for request in (Request(method, path, body, headers), Request("POST", "/a", body, headers)):
        for act in (lambda r: verify_request(r, KNOWN, now_utc=NOW), claimed_key_id):
            with pytest.raises(SealError):
                act(request)


@given(
    st.sampled_from(["Signature", "Signature-Input", "Content-Digest"]),
    st.integers(0, 400),
    st.characters(min_codepoint=32, max_codepoint=126),
)
def test_a_character_changed_anywhere_is_a_seal_error_or_says_the_same(name: str, at: int, character: str) -> None:
    request = signed()
    value = request.headers[name]
    at %= len(value)
    headers = {**request.headers, name: value[:at] + character + value[at + 1 :]}
    try:
        proof = verify_request(replace(request, headers=headers), KNOWN, now_utc=NOW)
    except SealError:
        return
    assert (proof.key_id, proof.created_utc, proof.nonce) == (AGENT.id, NOW, NONCE)


# --- answers ---


ANSWER = Answer(200, b'{"receipt":"stored"}')


def answered(request: Request, answer: Answer = ANSWER, *, key: SigningKey = CENTRAL, at: datetime = NOW) -> Answer:
    return replace(answer, headers=sign_answer(answer, request, key, now_utc=at, nonce=NONCE))


def test_an_answer_proves_who_gave_it_and_tells_the_time_there() -> None:
    there = NOW + timedelta(days=400)
    proof = verify_answer(answered(signed(), at=there), signed(), CENTRALS)
    assert (proof.key_id, proof.created_utc) == (CENTRAL.id, there)


def test_the_fields_of_an_answer_cover_the_request() -> None:
    covered = answered(signed()).headers["Signature-Input"].partition(")")[0]
    assert covered == 'poller=("@status" "content-digest" "@method";req "@path";req "content-digest";req "signature";req'


def test_an_answer_to_another_request_is_refused() -> None:
    later = signed(at=NOW + timedelta(seconds=1))
    with pytest.raises(SealError):
        verify_answer(answered(signed()), later, CENTRALS)


@pytest.mark.parametrize(
    "answer_of",
    [
        lambda: ANSWER,
        lambda: replace(answered(signed()), status=202),
        lambda: replace(answered(signed()), body=b'{"receipt":"conflict"}'),
        lambda: answered(signed(), key=STRANGER),
        lambda: replace(ANSWER, headers=signed().headers),
        lambda: replace(ANSWER, headers=sign_request(replace(REQUEST, body=ANSWER.body), CENTRAL, now_utc=NOW)),
    ],
)
def test_whatever_is_not_exactly_such_an_answer_is_refused(answer_of: Callable[[], Answer]) -> None:
    with pytest.raises(SealError):
        verify_answer(answer_of(), signed(), CENTRALS)


def test_a_request_without_signature_has_no_proven_answer() -> None:
    with pytest.raises(SealError, match="not signed"):
        answered(REQUEST)


def test_a_request_is_no_answer_and_an_answer_no_request() -> None:
    answer = answered(signed())
    with pytest.raises(SealError):
        verify_request(replace(REQUEST, body=answer.body, headers=answer.headers), CENTRALS, now_utc=NOW)


@given(st.fixed_dictionaries({"Signature": TEXT, "Signature-Input": TEXT, "Content-Digest": TEXT}), st.binary(max_size=20), st.integers())
def test_any_answer_is_a_seal_error(headers: dict[str, str], body: bytes, status: int) -> None:
    with pytest.raises(SealError):
        verify_answer(Answer(status, body, headers), signed(), CENTRALS)


def test_bodies_and_headers_do_not_show_themselves() -> None:
    assert repr(signed()) == "Request(method='POST', path='/agent/v1/batches')"
    assert repr(answered(signed())) == "Answer(status=200)"
