"""What central says to an agent: proven before it is opened, and never older than what the agent has."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poller.errors import SealError
from poller.sealing.envelope import Kind, Opened, seal
from poller.sealing.keyring import KeyRing
from poller.sealing.keys import SealingKey, SigningKey
from poller.sealing.signed import SIGNED_BYTES_MAX, open_signed, sign_sealed

AGENT, CENTRAL = SealingKey.generate(), SigningKey.generate()
TRUSTED = {CENTRAL.id: CENTRAL.public}


def settings(version: int = 5, *, signer: SigningKey = CENTRAL) -> bytes:
    return sign_sealed(seal([b'{"poll":{}}'], to=AGENT.public, kind=Kind.SETTINGS, agent_id="agent-1", number=version), signer)


def opened(signed: bytes, *, newer_than: int = 4) -> Opened:
    return open_signed(signed, TRUSTED.get, KeyRing(AGENT), kind=Kind.SETTINGS, agent_id="agent-1", newer_than=newer_than)


def test_newer_settings_arrive() -> None:
    assert opened(settings()).lines == (b'{"poll":{}}',)
    assert opened(settings()).header.number == 5


@pytest.mark.parametrize("have", [5, 6, 1000])
def test_what_is_not_newer_is_refused(have: int) -> None:
    with pytest.raises(SealError, match=f"version 5 of SETTINGS is not newer than {have}"):
        opened(settings(), newer_than=have)


def test_a_signer_nobody_trusts_is_refused_by_name() -> None:
    stranger = SigningKey.generate()
    with pytest.raises(SealError, match=f"not trusted here: {stranger.id}"):
        opened(settings(signer=stranger))


def test_a_stranger_under_a_trusted_name_is_refused_before_anything_is_opened() -> None:
    forged = settings(signer=SigningKey.generate())
    with pytest.raises(SealError, match="the signature does not hold"):
        opened(forged[:5] + bytes.fromhex(CENTRAL.id) + forged[37:])
    with pytest.raises(SealError, match="the signature does not hold"):
        opened(settings()[:101] + b"not an envelope at all")


def test_altered_or_cut_anywhere_it_is_refused() -> None:
    signed = settings()
    for at in range(len(signed)):
        with pytest.raises(SealError):
            opened(signed[:at] + bytes([signed[at] ^ 1]) + signed[at + 1 :])
        with pytest.raises(SealError):
            opened(signed[:at])


@given(st.binary(max_size=300) | st.binary(max_size=300).map(lambda rest: b"PLRS\x01" + bytes.fromhex(CENTRAL.id) + rest))
def test_any_bytes_are_a_seal_error(signed: bytes) -> None:
    with pytest.raises(SealError):
        opened(signed)


def test_more_than_a_signed_envelope_has_is_not_looked_at() -> None:
    with pytest.raises(SealError, match="not a signed envelope"):
        opened(b"PLRS\x01" + bytes(SIGNED_BYTES_MAX))
