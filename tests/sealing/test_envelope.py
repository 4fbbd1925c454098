"""The envelope: what goes in comes out, for its receiver alone, unaltered; and nothing that comes in can hurt."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poller.errors import SealError
from poller.sealing import zstd
from poller.sealing.envelope import (
    LINES_MAX,
    NUMBER_MAX,
    PLAIN_BYTES_MAX,
    SEALED_BYTES_MAX,
    Header,
    Kind,
    open_sealed,
    read_header,
    seal,
)
from poller.sealing.keyring import KeyRing
from poller.sealing.keys import SealingKey

KEY = SealingKey.from_bytes(bytes(range(96)))
RING = KeyRing(KEY)
LINES = [b'{"type":"reading"}', b'{"type":"event"}']
HEADER = Header(Kind.READINGS, KEY.id, 7, 2, 36, "agent-1")
HEAD_SIZE = 59 + len("agent-1")


def sealed_batch(lines: list[bytes] = LINES, *, number: int = 7, agent_id: str = "agent-1") -> bytes:
    return seal(lines, to=KEY.public, kind=Kind.READINGS, agent_id=agent_id, number=number)


def forge(plain: bytes, *, packed: bytes | None = None, **changes: object) -> bytes:
    """Return an envelope as somebody with the public key could make it, whose header and content need not fit."""
    header = replace(HEADER, plain_bytes=len(plain), lines_count=plain.count(b"\n") or 1, **changes).encode()  # type: ignore[arg-type]
    return header + KEY.public.seal(zstd.compress(plain) if packed is None else packed, header)


def opened_lines(sealed: bytes) -> tuple[bytes, ...]:
    return open_sealed(sealed, RING, kind=Kind.READINGS, agent_id="agent-1").lines


@given(
    st.lists(st.binary(min_size=1, max_size=50).filter(lambda line: b"\n" not in line), min_size=1, max_size=20), st.integers(1, NUMBER_MAX)
)
def test_what_was_sealed_opens(lines: list[bytes], number: int) -> None:
    opened = open_sealed(sealed_batch(lines, number=number), RING, kind=Kind.READINGS, agent_id="agent-1")
    assert opened.lines == tuple(lines)
    plain_bytes = sum(len(line) + 1 for line in lines)
    assert opened.header == Header(Kind.READINGS, KEY.id, number, len(lines), plain_bytes, "agent-1")


def test_sealed_twice_is_not_the_same_twice() -> None:
    assert sealed_batch() != sealed_batch()


def test_the_header_is_what_the_document_says() -> None:
    assert HEADER.encode() == (b"PLRE\x01\x01" + bytes.fromhex("647a00010002" + KEY.id) + struct.pack(">QHIB", 7, 2, 36, 7) + b"agent-1")
    assert read_header(sealed_batch()) == HEADER


def test_the_header_is_in_clear_and_the_lines_are_not() -> None:
    sealed = sealed_batch([b"confidential" * 3])
    assert b"agent-1" in sealed
    assert b"confidential" not in sealed


@pytest.mark.parametrize("kind", [Kind.HEARTBEAT, Kind.ENROLMENT, Kind.SETTINGS, Kind.ENROLLED])
def test_every_kind_travels_and_none_passes_for_another(kind: Kind) -> None:
    number = 9 if kind is Kind.SETTINGS else 0
    sealed = seal([b"{}"], to=KEY.public, kind=kind, agent_id="a", number=number)
    assert open_sealed(sealed, RING, kind=kind, agent_id="a").header.number == number
    for other in set(Kind) - {kind}:
        with pytest.raises(SealError, match=f"{kind.name} where {other.name} is expected"):
            open_sealed(sealed, RING, kind=other, agent_id="a")


def test_an_envelope_of_another_agent_is_refused() -> None:
    with pytest.raises(SealError, match="another agent"):
        open_sealed(sealed_batch(agent_id="agent-2"), RING, kind=Kind.READINGS, agent_id="agent-1")


def test_a_key_that_is_not_here_is_named() -> None:
    other = SealingKey.generate()
    with pytest.raises(SealError, match=f"not here: {KEY.id}"):
        open_sealed(sealed_batch(), KeyRing(other), kind=Kind.READINGS, agent_id="agent-1")
    assert open_sealed(sealed_batch(), KeyRing(other, [KEY]), kind=Kind.READINGS, agent_id="agent-1").lines == tuple(LINES)


def test_altered_or_cut_anywhere_it_does_not_open() -> None:
    sealed = sealed_batch()
    for at in range(len(sealed)):
        with pytest.raises(SealError):
            opened_lines(sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :])
        with pytest.raises(SealError):
            opened_lines(sealed[:at])
    with pytest.raises(SealError):
        opened_lines(sealed + b"\0")


def test_what_does_not_open_never_says_where_it_was_altered() -> None:
    sealed = sealed_batch()
    told = set()
    for at in (51, HEAD_SIZE, HEAD_SIZE + 1088, HEAD_SIZE + 1120, len(sealed) - 1):  # number, KEM, X25519, ciphertext, tag
        with pytest.raises(SealError) as raised:
            opened_lines(sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :])
        told.add(str(raised.value))
    assert told == {"it does not open: altered, or sealed to another key"}


@pytest.mark.parametrize(
    "at, new, told",
    [
        (0, b"PLRS", "not an envelope"),
        (4, b"\x02", "of format 2, this program reads 1"),
        (5, b"\x00", "unknown kind 0"),
        (5, b"\xff", "unknown kind 255"),
        (6, b"\x00\x20", "suite 0020-0001-0002, this program reads 647a-0001-0002"),
        (44, b"\x80", "is not a number of READINGS"),
        (44, bytes(8), "0 is not a number of READINGS"),
        (52, b"\x00\x00", "0 lines"),
        (52, b"\x01\xf5", "501 lines"),
        (54, b"\xff\xff\xff\xff", "4294967295 bytes"),
        (54, b"\x00\x00\x00\x03", "3 bytes of 2 lines"),
        (58, b"\x00", "an agent id has"),
        (58, b"\x40", "cut short"),
        (59, b"A", "an agent id has"),
        (59, b"-", "an agent id has"),
        (59, b"\xe9", "an agent id has"),
    ],
)
def test_a_header_that_cannot_be_is_refused_before_any_cryptography(at: int, new: bytes, told: str) -> None:
    sealed = sealed_batch()
    with pytest.raises(SealError, match=told):
        read_header(sealed[:at] + new + sealed[at + len(new) :])


def test_more_bytes_than_an_envelope_has_are_not_looked_at() -> None:
    with pytest.raises(SealError, match="at most"):
        read_header(b"PLRE" + bytes(SEALED_BYTES_MAX))


@given(st.binary(max_size=200) | st.binary(max_size=1500).map(lambda rest: HEADER.encode() + rest))
def test_any_bytes_are_a_seal_error(sealed: bytes) -> None:
    with pytest.raises(SealError):
        opened_lines(sealed)


@given(st.binary(max_size=300))
def test_anything_sealed_by_anyone_is_lines_or_a_seal_error(packed: bytes) -> None:
    with pytest.raises(SealError):
        opened_lines(forge(b"x\n", packed=packed))


@pytest.mark.parametrize(
    "sealed",
    [
        lambda: forge(b"x\n", packed=zstd.compress(b"y" * 100_000_000)),  # a bomb: 9 kB that want to be 100 MB
        lambda: forge(b"x\n", packed=zstd.compress(b"x")),  # shorter than stated
        lambda: forge(b"x\n", packed=zstd.compress(b"x\n")[:-1]),
        lambda: forge(b"x\n", packed=zstd.compress(b"x\n") + b"more"),
        lambda: forge(b"x\n", packed=zstd.compress(b"x\n") * 2),
        lambda: forge(
            b"x\n", packed=b"\x50\x2a\x4d\x18\x04\0\0\0skip" + zstd.compress(b"x\n")
        ),  # a skippable frame, RFC 8878 section 3.1.2
        lambda: forge(b"x\n", packed=b"x\n"),
        lambda: forge(b"x\n", packed=b""),
    ],
)
def test_content_that_is_not_one_frame_of_the_stated_size_is_refused(sealed: Callable[[], bytes]) -> None:
    with pytest.raises(SealError, match="zstd"):
        opened_lines(sealed())


def test_a_window_larger_than_eight_megabytes_is_refused() -> None:
    # RFC 8878 section 3.1.1: magic number; descriptor without a content size; window descriptor; one raw, last block of two bytes.
    for window, is_refused in ((0x68, False), (0x70, True)):  # exponent 13 and 14: 8 and 16 MiB
        sealed = forge(b"x\n", packed=bytes.fromhex(f"28b52ffd 00 {window:02x} 110000") + b"x\n")
        if is_refused:
            with pytest.raises(SealError, match="larger window"):
                opened_lines(sealed)
        else:
            assert opened_lines(sealed) == (b"x",)


@pytest.mark.parametrize("plain", [b"xx", b"x\n\n", b"\n\nx", b"\nx\n", b"x\ny"])
def test_content_that_is_not_the_stated_lines_is_refused(plain: bytes) -> None:
    header = replace(HEADER, lines_count=1, plain_bytes=len(plain)).encode()
    with pytest.raises(SealError, match="not the lines its header states"):
        opened_lines(header + KEY.public.seal(zstd.compress(plain), header))


def test_the_largest_batch_travels_and_stays_within_its_limit() -> None:
    import random

    line = random.Random(1).randbytes(PLAIN_BYTES_MAX // LINES_MAX - 1).replace(b"\n", b" ")
    lines = [line[at:] + line[:at] for at in range(LINES_MAX)]  # hardly to be compressed within a window
    sealed = sealed_batch(lines)
    assert len(sealed) <= SEALED_BYTES_MAX
    assert opened_lines(sealed) == tuple(lines)


def test_the_least_compressible_content_stays_within_the_limit() -> None:
    import random

    assert len(zstd.compress(random.Random(2).randbytes(PLAIN_BYTES_MAX))) + 2000 < SEALED_BYTES_MAX


@pytest.mark.parametrize(
    "lines, number, agent_id",
    [
        ([], 1, "a"),
        ([b"{}"] * (LINES_MAX + 1), 1, "a"),
        ([b""], 1, "a"),
        ([b"a\nb"], 1, "a"),
        ([b"x" * PLAIN_BYTES_MAX], 1, "a"),
        ([b"{}"], 0, "a"),
        ([b"{}"], -1, "a"),
        ([b"{}"], NUMBER_MAX + 1, "a"),
        ([b"{}"], 1, ""),
        ([b"{}"], 1, "a" * 64),
        ([b"{}"], 1, "A"),
        ([b"{}"], 1, "a-"),
        ([b"{}"], 1, "a\n"),
    ],
)
def test_what_no_envelope_can_carry_is_our_own_mistake(lines: list[bytes], number: int, agent_id: str) -> None:
    with pytest.raises(ValueError):
        sealed_batch(lines, number=number, agent_id=agent_id)


def test_five_hundred_lines_of_readings_and_one_of_everything_else() -> None:
    assert len(opened_lines(sealed_batch([b"{}"] * LINES_MAX))) == LINES_MAX
    with pytest.raises(ValueError, match="2 lines of HEARTBEAT"):
        seal([b"{}", b"{}"], to=KEY.public, kind=Kind.HEARTBEAT, agent_id="a", number=0)


def test_opened_content_does_not_show_itself() -> None:
    opened = open_sealed(sealed_batch([b"a password"]), RING, kind=Kind.READINGS, agent_id="agent-1")
    assert "password" not in repr(opened)
