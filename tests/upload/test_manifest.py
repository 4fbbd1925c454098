"""A manifest is what the release key signed, or nothing."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from poller.errors import UpdateRefusedError
from poller.sealing.keys import SigningKey
from poller.upload.manifest import BYTES_MAX, PAYLOAD_TYPE, File, Manifest, sign, verify, version_of

KEY, OTHER = SigningKey(bytes(range(32))), SigningKey(bytes(range(1, 33)))
RELEASED = datetime(2026, 11, 1, tzinfo=UTC)


def manifest(**changes: Any) -> Manifest:
    one = Manifest(
        version="0.2.0",
        released=RELEASED,
        expires=RELEASED + timedelta(days=90),
        notes="https://example.com/poller/0.2.0",
        files=(File(name="poller-0.2.0-py3-none-any.whl", size=1234, sha256="ab" * 32),),
    )
    return msgspec.structs.replace(one, **changes)


def refusal(body: bytes) -> str:
    with pytest.raises(UpdateRefusedError) as caught:
        verify(body, KEY.public)
    return caught.value.reason


def test_what_was_signed_is_read_again() -> None:
    assert verify(sign(manifest(), [KEY]), KEY.public) == manifest()


def test_the_signature_is_that_of_dsse() -> None:
    """Computed here from the text of DSSE 1.0, not by the code under test."""
    envelope = msgspec.json.decode(sign(manifest(), [KEY]))
    payload = base64.b64decode(envelope["payload"])
    kind = envelope["payloadType"].encode()
    message = b" ".join([b"DSSEv1", str(len(kind)).encode(), kind, str(len(payload)).encode(), payload])
    assert base64.b64decode(envelope["signatures"][0]["sig"]) == KEY.sign(message)
    assert envelope["signatures"][0]["keyid"] == KEY.id


@pytest.mark.parametrize("keys", [[KEY, OTHER], [OTHER, KEY]])
def test_while_a_key_is_changed_either_signature_does(keys: list[SigningKey]) -> None:
    body = sign(manifest(), keys)
    assert verify(body, KEY.public) == verify(body, OTHER.public)


def test_another_key_signs_nothing() -> None:
    assert refusal(sign(manifest(), [OTHER])) == "signature"
    forged = msgspec.json.decode(sign(manifest(), [OTHER]))
    forged["signatures"][0]["keyid"] = KEY.id
    assert refusal(msgspec.json.encode(forged)) == "signature"
    assert refusal(sign(manifest(), [])) == "signature"


def test_a_byte_changed_anywhere_is_noticed() -> None:
    body = sign(manifest(), [KEY])
    for at in range(len(body)):
        changed = body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]
        try:
            assert verify(changed, KEY.public) == manifest()  # white space between the fields
        except UpdateRefusedError as error:
            assert error.reason in ("garbled", "signature")


def test_cut_at_every_length_it_is_refused() -> None:
    body = sign(manifest(), [KEY]).rstrip()
    assert {refusal(body[:length]) for length in range(len(body))} == {"garbled"}


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"null", b"<html>", b"\xff\xfe", b"1" * 100, b" " * (BYTES_MAX + 1)])
def test_what_is_no_manifest_is_garbled(body: bytes) -> None:
    assert refusal(body) == "garbled"


def signed(payload: bytes, kind: str = PAYLOAD_TYPE) -> bytes:
    message = b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)
    signatures = [{"keyid": KEY.id, "sig": base64.b64encode(KEY.sign(message)).decode()}]
    return msgspec.json.encode({"payloadType": kind, "payload": base64.b64encode(payload).decode(), "signatures": signatures})


@pytest.mark.parametrize(
    "changes",
    [
        {"version": "latest"},
        {"version": "1.2"},
        {"version": "01.2.3"},
        {"expires": RELEASED},
        {"notes": "javascript:alert(1)"},
        {"notes": "https://user:secret@example.com/"},
        {"notes": "https://example.com/" + "x" * 200},
        {"files": (File(name="../../etc/passwd", size=1, sha256="ab" * 32),)},
        {"files": (File(name="a.whl", size=1, sha256="AB" * 32),)},
        {"schema": 2},
    ],
)
def test_what_no_agent_could_use_is_neither_signed_nor_believed(changes: dict[str, Any]) -> None:
    odd = manifest(**changes)
    assert refusal(signed(msgspec.json.encode(odd))) == "garbled"
    if "schema" not in changes:
        with pytest.raises(ValueError, match=r"."):
            sign(odd, [KEY])


def test_something_else_signed_by_the_release_key_is_no_manifest() -> None:
    assert refusal(signed(msgspec.json.encode(manifest()), "application/vnd.in-toto+json")) == "garbled"


def test_fields_of_later_programs_are_no_fault() -> None:
    fields = msgspec.to_builtins(manifest()) | {"severity": "security"}
    assert verify(signed(msgspec.json.encode(fields)), KEY.public) == manifest()


def test_versions_are_compared_as_numbers() -> None:
    assert version_of("0.10.0") > version_of("0.9.9")
    with pytest.raises(ValueError, match=r"1\.2\.3"):
        version_of("1.2.3-rc1")
