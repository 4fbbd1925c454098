"""A webhook's signature: checked by the recipe of docs/sending.md, and by somebody else's RFC 9421."""

from __future__ import annotations

import hmac
import json
import re
from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import msgspec
import pytest
from http_message_signatures import HTTPMessageVerifier, HTTPSignatureKeyResolver, InvalidSignature
from http_message_signatures.algorithms import HMAC_SHA256

from poller.central.sending.hooksign import signed_headers
from poller.central.sending.webhook import body_of
from poller.central.supplies.parcels import Item, Parcel
from poller.model import Secret
from tests.conftest import ROOT
from tests.fake_clock import START_UTC

PAGE = (ROOT / "docs" / "sending.md").read_text()
BODY = b'{"type":"parcel","schema":1,"parcel":{"id":"p-7"}}'
KEY = "correct horse battery staple"


def signed(body: bytes = BODY, parcel: str = "p-7") -> dict[str, str]:
    return signed_headers(body, parcel, Secret(KEY), now_utc=START_UTC)


def holds(headers: dict[str, str], body: bytes, key: str, *, now_seconds: float) -> bool:
    """Check as the page says, word by word: what a receiver in any language does."""
    found = re.fullmatch(r'poller=(\("content-digest" "idempotency-key"\);created=([0-9]+);.*)', headers["Signature-Input"])
    if found is None or abs(now_seconds - int(found[2])) > 300:
        return False
    digest = f"sha-256=:{b64encode(sha256(body).digest()).decode()}:"
    base = f'"content-digest": {digest}\n"idempotency-key": {headers["Idempotency-Key"]}\n"@signature-params": {found[1]}'
    wanted = b64encode(hmac.new(key.encode(), base.encode(), sha256).digest()).decode()
    return hmac.compare_digest(headers["Signature"], f"poller=:{wanted}:")


def test_the_recipe_of_the_page_finds_ours_genuine_and_nothing_else() -> None:
    now_seconds = START_UTC.timestamp()
    assert holds(signed(), BODY, KEY, now_seconds=now_seconds)
    assert not holds(signed(), BODY + b" ", KEY, now_seconds=now_seconds)
    assert not holds(signed(), BODY, KEY + "r", now_seconds=now_seconds)
    assert not holds(signed(), BODY, KEY, now_seconds=now_seconds + 301)
    assert not holds(signed() | {"Idempotency-Key": '"p-8"'}, BODY, KEY, now_seconds=now_seconds)
    later = signed()["Signature-Input"].replace("created=1", "created=2")
    assert not holds(signed() | {"Signature-Input": later}, BODY, KEY, now_seconds=now_seconds + 1e9)


@dataclass
class Message:
    method: str
    url: str
    headers: dict[str, str]


class _Keys(HTTPSignatureKeyResolver):
    def resolve_public_key(self, key_id: str) -> bytes:
        assert key_id == "poller"
        return KEY.encode()


class _Verifier(HTTPMessageVerifier):
    def validate_created_and_expires(self, sig_input: Any, max_age: object = None) -> None:
        """The clock of the test stands still."""


@pytest.mark.parametrize("change", [{}, {"Content-Digest": "sha-256=:AAAA:"}, {"Idempotency-Key": '"p-8"'}])
def test_somebody_elses_rfc_9421_agrees(change: dict[str, str]) -> None:
    message = Message("POST", "https://shop.example.com/hooks/toner", signed() | change)
    verifier = _Verifier(signature_algorithm=HMAC_SHA256, key_resolver=_Keys())
    if change:
        with pytest.raises(InvalidSignature):
            verifier.verify(message, max_age=None)
    else:
        (result,) = verifier.verify(message, max_age=None, expect_tag="poller-parcel")
        assert [str(name) for name in result.covered_components][:2] == ['"content-digest"', '"idempotency-key"']


def test_the_example_of_the_page_has_every_field_there_is() -> None:
    found = re.search(r'^{"type": "parcel".*?^```', PAGE, re.DOTALL | re.MULTILINE)
    assert found is not None
    shown = json.loads(found[0].removesuffix("```"))
    assert (shown.keys(), shown["schema"]) == ({"type", "schema", "parcel"}, 1)
    one = msgspec.convert(shown["parcel"], Parcel, strict=False)
    assert [*shown["parcel"]] == [*Parcel.__struct_fields__]
    assert [*shown["parcel"]["items"][0]] == [*Item.__struct_fields__]
    assert msgspec.json.decode(body_of(msgspec.json.encode(one).decode()))["parcel"]["id"] == "p-7"


def test_the_vector_of_the_page_is_what_is_sent() -> None:
    for name, value in signed().items():
        assert f"{name}: {value}\n" in PAGE
    assert BODY.decode() + "\n" in PAGE
    assert f"`{KEY}`" in PAGE
